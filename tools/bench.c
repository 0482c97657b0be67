/* bench.c - clglu bench: the speed of one device beside its own limits. SPDX-License-Identifier: MIT */

#include "bench.h"
#include "bench_ffn.h"
#include "commands.h"
#include "json.h"
#include "progress.h"
#include "table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct options {
    struct cli_common common;
    const char *variant, *dtype, *direction, *elements, *repeats, *quick, *ffn, *rows, *training;
};

#define AT(member) offsetof(struct options, member)
static const struct cli_option options[] = {
    {"variant", 0, "NAME", "only this variant, or plain relu or gelu", AT(variant)},
    {"dtype", 0, "TYPE", "only f32, f16 or bf16", AT(dtype)},
    {"direction", 0, "WAY", "only forward or backward", AT(direction)},
    {"elements", 'n', "COUNT", "only this size, in elements (64K, 32M ...); default 64K, 1M, 32M",
     AT(elements)},
    {"repeats", 'r', "COUNT", "timings of each, 1 to 101; default 9", AT(repeats)},
    {"quick", 0, NULL, "f32, 4M elements (--ffn: 3 sizes), 5 repeats, unless said otherwise", AT(quick)},
    {"ffn", 0, "BLOCK",
     "a feed-forward block instead: a known model's (gemma2-2b), or\n"
     "d_model:d_ff[:d_out]; --variant: default the model's, or geglu; --dtype: of the weights",
     AT(ffn)},
    {"rows", 0, "LIST", "with --ffn: how many; default 1,2,4,8,16,64,256,1024", AT(rows)},
    {"training", 0, NULL, "with --ffn: forward and backward, and the weights packed again", AT(training)},
    {NULL, 0, NULL, NULL, 0}};
#undef AT

/* What is measured, all combinations. */
struct plan {
    struct bench_case *cases;
    size_t count, room;
    uint64_t elements[3], largest;
    int sizes, repeats;
    int dtypes[3], directions[2];
};

struct results {
    struct bench_rates rates;
    struct table table;
    json_t *json;
};

/* One form in the dtypes, directions and sizes of the plan. */
static int add_form(struct plan *p, const char *name, int plain, clglu_act act)
{
    for (int n = 0; n < p->sizes; n++)
        for (int dtype = 0; dtype < 3; dtype++)
            for (int back = 0; back < 2; back++) {
                if (!p->dtypes[dtype] || !p->directions[back]) continue;
                if (p->count == p->room) {
                    size_t room = p->room ? 2 * p->room : 64;
                    struct bench_case *cases = realloc(p->cases, room * sizeof *cases);
                    if (!cases) return cli_say("out of memory"), CLI_OPENCL;
                    p->cases = cases;
                    p->room = room;
                }
                p->cases[p->count++] =
                    (struct bench_case){name, plain, act, back, (clglu_dtype)dtype, p->elements[n]};
            }
    return CLI_GO_ON;
}

static int add_forms(const struct cli_command *self, const struct options *o, struct plan *p)
{
    static const struct {
        const char *name;
        clglu_act act;
    } plain[] = {{"relu", CLGLU_ACT_RELU}, {"gelu", CLGLU_ACT_GELU}};
    clglu_variant v;
    int code = CLI_GO_ON;
    for (size_t i = 0; i < 2 && code == CLI_GO_ON; i++)
        if (!o->variant || strcmp(o->variant, plain[i].name) == 0)
            code = add_form(p, plain[i].name, 1, plain[i].act);
    for (size_t i = 0; code == CLI_GO_ON && clglu_variant_at(i, &v) == CLGLU_OK; i++)
        if (!o->variant || strcmp(o->variant, v.name) == 0) code = add_form(p, v.name, 0, v.act);
    if (code == CLI_GO_ON && p->count == 0)
        return cli_usage(self, "no variant is named '%s'; 'clglu acts' lists them", o->variant);
    return code;
}

static int judge_sizes(const struct cli_command *self, const struct options *o, struct plan *p)
{
    static const uint64_t standard[3] = {64 << 10, 1 << 20, 32 << 20};
    uint64_t repeats = o->quick ? 5 : 9, elements = o->quick ? 4 << 20 : 0;
    int code = cli_count(self, "elements", o->elements, &elements);
    if (code == CLI_GO_ON) code = cli_count(self, "repeats", o->repeats, &repeats);
    if (code != CLI_GO_ON) return code;
    if (repeats < 1 || repeats > 101) return cli_usage(self, "--repeats: 1 to 101");
    if (o->elements && (elements < 4096 || elements > (uint64_t)1 << 40))
        return cli_usage(self, "--elements: 4K to 1024G");
    p->repeats = (int)repeats;
    p->sizes = elements ? 1 : 3;
    for (int i = 0; i < p->sizes; i++) p->elements[i] = elements ? elements / 4096 * 4096 : standard[i];
    p->largest = p->elements[p->sizes - 1];
    return CLI_GO_ON;
}

static int judge(const struct cli_command *self, const struct options *o, struct plan *p)
{
    clglu_dtype dtype = CLGLU_F32;
    int code = cli_dtype(self, o->dtype, &dtype);
    if (code == CLI_GO_ON) code = judge_sizes(self, o, p);
    if (code != CLI_GO_ON) return code;
    for (int i = 0; i < 3; i++) p->dtypes[i] = o->dtype || o->quick ? i == (int)dtype : 1;
    p->directions[0] = !o->direction || strcmp(o->direction, "forward") == 0;
    p->directions[1] = !o->direction || strcmp(o->direction, "backward") == 0;
    if (!p->directions[0] && !p->directions[1])
        return cli_usage(self, "--direction: forward or backward, not '%s'", o->direction);
    return add_forms(self, o, p);
}

static void add_row(struct results *r, const struct bench_row *row)
{
    char size[TEXT_NUMBER], time[TEXT_NUMBER];
    double spread = 50 * (row->time.high - row->time.low) / row->time.median;
    if (r->json) {
        json_array_append_new(r->json, bench_json(row));
        return;
    }
    table_row(&r->table, TEXT_PLAIN, "%s\t%s\t%s\t%s\t%s\t%.0f %%\t%.3g\t%.3g\t%.2f", row->what.name,
              row->what.backward ? "back" : "forw", clglu_dtype_name(row->what.dtype),
              text_count(size, row->what.elements), text_time(time, row->time.median), spread,
              row->bytes / row->time.median / 1e9, row->bytes / row->limit.median / 1e9, row->ratio);
}

static int measure(struct bench *b, const struct options *o, struct plan *p, struct results *r)
{
    struct progress progress;
    uint64_t largest = p->largest < bench_capacity(b) ? p->largest : bench_capacity(b);
    progress_begin(&progress, "copy and FMA rate", "", p->count + 1, o->common.quiet != NULL);
    int code = bench_rates(b, largest, &r->rates);
    progress_add(&progress, 1);
    for (size_t i = 0; i < p->count && code == CLI_GO_ON; i++) {
        struct bench_case what = p->cases[i];
        struct bench_row row;
        char label[64];
        if (what.elements > bench_capacity(b)) what.elements = bench_capacity(b);
        snprintf(label, sizeof label, "%s %s %s", what.name, what.backward ? "backward" : "forward",
                 clglu_dtype_name(what.dtype));
        progress_label(&progress, label);
        code = bench_run(b, &what, p->repeats, &row);
        if (code == CLI_GO_ON) add_row(r, &row);
        progress_add(&progress, 1);
    }
    progress_end(&progress);
    return code;
}

static int print(const struct clglu_device_facts *facts, struct results *r, int repeats)
{
    char name[256];
    printf("%s\n", text_clean(name, sizeof name, facts->name, 0));
    printf("copy %.2f GB/s read and written (%s)\n", r->rates.copy / 1e9, r->rates.copy_kernel);
    printf("FMA  %.1f GFLOP/s (%s)\n\n", r->rates.flops / 1e9, r->rates.flops_kernel);
    table_print(&r->table, stdout, 0);
    printf("\ntime: the median of %d, +- half the spread; GB/s: bytes that must be moved;\n"
           "limit: the fastest kernel that only multiplies the inputs (plain relu and gelu:\n"
           "only copies; backward: reads as many, writes as many), measured in turns;\n"
           "ratio: limit time / time.\n",
           repeats);
    return CLI_GOOD;
}

static int emit_json(const clglu_device_facts *facts, struct results *r, int repeats)
{
    json_t *root = json_root("bench");
    json_object_set_new(root, "device", json_facts(facts));
    json_object_set_new(root, "repeats", json_integer(repeats));
    json_object_set_new(root, "rates", bench_rates_json(&r->rates));
    json_object_set(root, "rows", r->json);
    return json_emit(root, NULL);
}

static int run_ffn(const struct cli_command *self, const struct options *o)
{
    struct bench_ffn_options f = {o->ffn, o->variant, o->dtype, o->rows, o->repeats, o->quick != NULL,
                                  o->training != NULL};
    if (o->direction || o->elements) return cli_usage(self, "--ffn has no --direction and no --elements");
    return bench_ffn(self, &o->common, &f);
}

static int run(const struct cli_command *self, int argc, char **argv)
{
    struct options o = {.quick = NULL};
    struct plan plan = {.count = 0};
    struct results r = {.table = {.titles = "name|way|type|>elements|>time|>+-|>GB/s|>limit|>ratio"}};
    struct cli_device device = {.context = NULL};
    struct bench *bench = NULL;
    int code = cli_parse(self, argc, argv, &o);
    if (code == CLI_GO_ON && o.ffn) return run_ffn(self, &o);
    if (code == CLI_GO_ON && o.rows) return cli_usage(self, "--rows goes with --ffn");
    if (code == CLI_GO_ON && o.training) return cli_usage(self, "--training goes with --ffn");
    if (code == CLI_GO_ON) code = judge(self, &o, &plan);
    if (code == CLI_GO_ON) code = cli_open(&device, cli_selector(&o.common), 0);
    if (code == CLI_GO_ON) code = bench_open(device.context, plan.largest, &bench);
    if (o.common.json) r.json = json_array();
    if (code == CLI_GO_ON) code = measure(bench, &o, &plan, &r);
    const clglu_device_facts *facts = clglu_context_facts(device.context);
    if (code == CLI_GO_ON)
        code = o.common.json ? emit_json(facts, &r, plan.repeats) : print(facts, &r, plan.repeats);
    bench_close(bench);
    clglu_context_close(device.context);
    table_free(&r.table);
    json_decref(r.json);
    free(plan.cases);
    return code;
}

const struct cli_command command_bench = {
    "bench",
    "speed of one device beside its own copy and FMA rate",
    "clglu bench [--quick] [--variant NAME] [--dtype TYPE] [--direction WAY]\n"
    "            [--elements COUNT] [--repeats COUNT] [--device SELECTOR] [--json]\n"
    "clglu bench --ffn BLOCK [--rows LIST] [--variant NAME] [--dtype TYPE] [...]",
    "Forward and backward of every variant, beside plain relu and gelu, so that the cost of\n"
    "gating can be read off, and beside limit kernels measured in turns with them. With --ffn a whole "
    "feed-forward block, beside the rates at which the device multiplies and reads, CLBlast and OpenBLAS.",
    "clglu bench --quick\nclglu bench --variant geglu --dtype f16 --elements 32M\n"
    "clglu bench --ffn gemma2-2b --rows 1,8,64",
    options,
    run};
