/* tune.c - clglu tune: which kernels are the fastest for a block on this device. SPDX-License-Identifier: MIT
 */

#include "commands.h"
#include "json.h"
#include "rounds.h"
#include "table.h"
#include "tune.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_BLOCKS = 32, MOST_ROWS = 16, DTYPES = 3 };

struct options {
    struct cli_common common;
    const char *output, *model, *shape, *rows, *dtype, *repeats, *other_bits;
};

#define AT(member) offsetof(struct options, member)
static const struct cli_option options[] = {
    {"output", 'o', "FILE", "the tuning file; lines for other devices and blocks in it are kept", AT(output)},
    {"model", 'm', "LIST", "known models' blocks (gemma2-2b,gemma2-9b)", AT(model)},
    {"shape", 0, "LIST", "blocks by their sizes (d_model:d_ff or d_model:d_ff:d_out)", AT(shape)},
    {"rows", 0, "LIST", "for how many rows; default 1,2,4,8,16,32,128,512", AT(rows)},
    {"dtype", 0, "LIST", "for weights in f32, f16 or bf16; default f32", AT(dtype)},
    {"repeats", 'r', "COUNT", "timings of each, 1 to 101; default 7", AT(repeats)},
    {"allow-other-bits", 0, NULL, "CLBlast too: it does not keep the same bits on every device",
     AT(other_bits)},
    {NULL, 0, NULL, NULL, 0}};
#undef AT

struct plan {
    struct block_shape shapes[MOST_BLOCKS];
    clglu_dtype dtypes[DTYPES];
    size_t rows[MOST_ROWS];
    size_t shape_count, dtype_count, row_count, most_rows;
    int repeats, clblast;
};

struct results {
    struct tune_result *list; /* by shape, dtype and rows */
    size_t count;
};

/* ---------------------------------------------------------------- options */

/* The next word of a list with commas, or NULL at its end; *list moves on. */
static const char *next_word(const char **list, char word[96])
{
    if (!*list || !**list) return NULL;
    size_t n = strcspn(*list, ",");
    snprintf(word, 96, "%.*s", n < 95 ? (int)n : 95, *list);
    *list += n + ((*list)[n] == ',');
    return word;
}

static int add_blocks(const struct cli_command *self, const char *list, int models, struct plan *p)
{
    char word[96];
    clglu_model m;
    for (int code; next_word(&list, word);) {
        if (p->shape_count == MOST_BLOCKS) return cli_usage(self, "at most %d blocks at a time", MOST_BLOCKS);
        if (models && clglu_model_find(word, &m) != CLGLU_OK)
            return cli_usage(self, "--model: no known model is named '%s'", word);
        code = block_shape(self, word, NULL, &p->shapes[p->shape_count++]);
        if (code != CLI_GO_ON) return code;
    }
    return CLI_GO_ON;
}

static int add_dtypes(const struct cli_command *self, const char *list, struct plan *p)
{
    char word[96];
    for (int code; next_word(&list, word);) {
        if (p->dtype_count == DTYPES) return cli_usage(self, "--dtype: each type once");
        code = cli_dtype(self, word, &p->dtypes[p->dtype_count++]);
        if (code != CLI_GO_ON) return code;
    }
    return CLI_GO_ON;
}

static int judge(const struct cli_command *self, const struct options *o, struct plan *p)
{
    static const size_t standard[] = {1, 2, 4, 8, 16, 32, 128, 512};
    uint64_t repeats = 7;
    p->row_count = sizeof standard / sizeof *standard;
    memcpy(p->rows, standard, sizeof standard);
    int code = add_blocks(self, o->model, 1, p);
    if (code == CLI_GO_ON) code = add_blocks(self, o->shape, 0, p);
    if (code == CLI_GO_ON) code = add_dtypes(self, o->dtype ? o->dtype : "f32", p);
    if (code == CLI_GO_ON) code = block_rows(self, o->rows, p->rows, MOST_ROWS, &p->row_count);
    if (code == CLI_GO_ON) code = cli_count(self, "repeats", o->repeats, &repeats);
    if (code != CLI_GO_ON) return code;
    if (p->shape_count == 0) return cli_usage(self, "which blocks? --model or --shape");
    if (repeats < 1 || repeats > ROUNDS_REPEATS) return cli_usage(self, "--repeats: 1 to %d", ROUNDS_REPEATS);
    p->repeats = (int)repeats;
    p->clblast = o->other_bits != NULL;
    for (size_t i = 0; i < p->row_count; i++)
        if (p->rows[i] > p->most_rows) p->most_rows = p->rows[i];
    return CLI_GO_ON;
}

/* ---------------------------------------------------------------- measuring */

static int measure_block(clglu_context *context, const struct plan *p, const struct block_shape *shape,
                         clglu_dtype dtype, struct progress *progress, struct results *r)
{
    struct tune_block block;
    char label[96];
    int code = tune_open(&block, context, shape, dtype, p->most_rows, p->clblast);
    for (size_t i = 0; i < p->row_count && code == CLI_GO_ON; i++) {
        struct tune_result *result = &r->list[r->count++];
        snprintf(label, sizeof label, "%s %s %zu", shape->name, clglu_dtype_name(dtype), p->rows[i]);
        progress_label(progress, label);
        code = tune_measure(&block, p->rows[i], p->repeats, result);
        result->shape = shape; /* the block goes, the plan stays */
        progress_add(progress, 1);
    }
    tune_close(&block);
    return code;
}

static int measure(clglu_context *context, const struct plan *p, struct results *r, int quiet)
{
    struct progress progress;
    size_t n = p->shape_count * p->dtype_count * p->row_count;
    int code = CLI_GO_ON;
    r->list = calloc(n ? n : 1, sizeof *r->list);
    if (!r->list) return cli_say("out of memory"), CLI_OPENCL;
    progress_begin(&progress, "", "", n, quiet);
    for (size_t s = 0; s < p->shape_count; s++)
        for (size_t d = 0; d < p->dtype_count && code == CLI_GO_ON; d++)
            code = measure_block(context, p, &p->shapes[s], p->dtypes[d], &progress, r);
    progress_end(&progress);
    return code;
}

/* ---------------------------------------------------------------- results */

static void add_row(struct table *t, const struct tune_result *r)
{
    char time[TEXT_NUMBER], row_tile[16] = "-", tiles[16] = "-";
    const clglu_ffn_choice *c = &r->choice[r->best];
    double seconds = r->use_clblast ? r->clblast.median : r->time[r->best].median;
    if (c->row_tile && !r->use_clblast) snprintf(row_tile, sizeof row_tile, "%u", c->row_tile);
    if (c->tiles && !r->use_clblast) snprintf(tiles, sizeof tiles, "%u", c->tiles);
    table_row(t, TEXT_PLAIN, "%s\t%s\t%zu\t%zu\t%s\t%s\t%s\t%s\t%.2f", r->shape->name,
              clglu_dtype_name(r->dtype), r->rows, r->count + (r->clblast.median > 0),
              r->use_clblast ? "clblast" : tune_form_name(c->form), row_tile, tiles, text_time(time, seconds),
              r->time[0].median / seconds);
}

static int print(const clglu_device_facts *facts, const struct results *r)
{
    char name[256], driver[256];
    struct table t = {.titles = "block|type|>rows|>tried|best|>row_tile|>tiles|>time|>gain"};
    for (size_t i = 0; i < r->count; i++) add_row(&t, &r->list[i]);
    printf("%s, driver %s\n\n", text_clean(name, sizeof name, facts->name, 0),
           text_clean(driver, sizeof driver, facts->driver_version, 0));
    table_print(&t, stdout, 0);
    printf("\ntime: the median, measured in turns; gain: against the choice made without a\n"
           "tuning file, which is kept unless another is faster by 2 %%.\n"
           "All choices gave the same bits%s.\n",
           r->list[0].clblast.median > 0 ? " (CLBlast is not one of them)" : "");
    return CLI_GOOD;
}

static json_t *choice_json(const struct tune_result *r, size_t i)
{
    const clglu_ffn_choice *c = &r->choice[i];
    return json_pack("{s:s, s:i, s:i, s:f, s:f}", "form", tune_form_name(c->form), "row_tile",
                     (int)c->row_tile, "tiles", (int)c->tiles, "median_s", r->time[i].median, "low_s",
                     r->time[i].low);
}

static json_t *result_json(const struct tune_result *r)
{
    json_t *choices = json_array();
    for (size_t i = 0; i < r->count; i++) json_array_append_new(choices, choice_json(r, i));
    return json_pack("{s:s, s:I, s:I, s:I, s:s, s:I, s:o, s:o, s:f, s:o, s:b}", "name", r->shape->name,
                     "d_model", (json_int_t)r->shape->d_model, "d_ff", (json_int_t)r->shape->d_ff, "d_out",
                     (json_int_t)r->shape->d_out, "dtype", clglu_dtype_name(r->dtype), "rows",
                     (json_int_t)r->rows, "choices", choices, "best", choice_json(r, r->best), "gain",
                     r->time[0].median / r->time[r->best].median, "clblast_s",
                     r->clblast.median > 0 ? json_real(r->clblast.median) : json_null(), "use_clblast",
                     r->use_clblast);
}

static int emit(const clglu_device_facts *facts, const struct results *r)
{
    json_t *root = json_root("tune"), *list = json_array();
    for (size_t i = 0; i < r->count; i++) json_array_append_new(list, result_json(&r->list[i]));
    json_object_set_new(root, "device", json_facts(facts));
    json_object_set_new(root, "blocks", list);
    return json_emit(root, NULL);
}

static int run(const struct cli_command *self, int argc, char **argv)
{
    struct options o = {.output = NULL};
    struct plan plan = {.shape_count = 0};
    struct results results = {.list = NULL};
    struct cli_device device = {.context = NULL};
    struct outfile out = {NULL, -1, -1};
    int code = cli_parse(self, argc, argv, &o);
    if (code == CLI_GO_ON) code = judge(self, &o, &plan);
    if (code == CLI_GO_ON) code = cli_open(&device, cli_selector(&o.common), 0);
    if (code == CLI_GO_ON && o.output) code = tune_file_open(&out, device.context, o.output);
    if (code == CLI_GO_ON) code = measure(device.context, &plan, &results, o.common.quiet != NULL);
    const clglu_device_facts *facts = clglu_context_facts(device.context);
    if (code == CLI_GO_ON && o.output) code = tune_file_write(&out, facts, results.list, results.count);
    if (code == CLI_GO_ON) code = o.common.json ? emit(facts, &results) : print(facts, &results);
    outfile_abandon(&out);
    clglu_context_close(device.context);
    free(results.list);
    return code;
}

const struct cli_command command_tune = {
    "tune",
    "finds the fastest kernels for feed-forward blocks",
    "clglu tune --model LIST | --shape LIST [-o FILE] [--rows LIST] [--dtype LIST]\n"
    "           [--repeats COUNT] [--allow-other-bits] [--device SELECTOR] [--json]",
    "Every choice of kernels that the device can run is timed, in turns, and their results are compared bit "
    "for bit: should they differ the exit status is 1 and nothing is written. Programs give the file to the "
    "library as tuning_file.",
    "clglu tune --model gemma2-2b -o ~/.clglu-tuning\nclglu tune --shape 2048:8192 --rows 1,16 --dtype "
    "f16,bf16",
    options,
    run};
