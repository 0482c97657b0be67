/* bench_ffn.c - clglu bench --ffn: options, table and JSON of a feed-forward block's speed.
   SPDX-License-Identifier: MIT */

#include "bench_ffn.h"
#include "json.h"
#include "rounds.h"
#include "table.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MOST_ROWS = 16 };

struct plan {
    struct block_shape shape;
    clglu_dtype dtype;
    size_t rows[MOST_ROWS], count, most;
    int repeats;
};

struct results {
    struct bench_ffn_row rows[MOST_ROWS];
    const struct bench_ffn_row *one; /* the row of one row, or NULL */
};

static int judge(const struct cli_command *self, const struct bench_ffn_options *o, struct plan *p)
{
    static const size_t standard[] = {1, 2, 4, 8, 16, 64, 256, 1024}, few[] = {1, 4, 64};
    uint64_t repeats = o->quick ? 5 : 9;
    p->count = o->quick ? sizeof few / sizeof *few : sizeof standard / sizeof *standard;
    memcpy(p->rows, o->quick ? few : standard, p->count * sizeof *p->rows);
    int code = block_shape(self, o->shape, o->variant, &p->shape);
    if (code == CLI_GO_ON) code = cli_dtype(self, o->dtype, &p->dtype);
    if (code == CLI_GO_ON) code = block_rows(self, o->rows, p->rows, MOST_ROWS, &p->count);
    if (code == CLI_GO_ON) code = cli_count(self, "repeats", o->repeats, &repeats);
    if (code != CLI_GO_ON) return code;
    if (repeats < 1 || repeats > ROUNDS_REPEATS) return cli_usage(self, "--repeats: 1 to %d", ROUNDS_REPEATS);
    p->repeats = (int)repeats;
    for (size_t i = 0; i < p->count; i++)
        if (p->rows[i] > p->most) p->most = p->rows[i];
    return CLI_GO_ON;
}

static int measure(struct bench_ffn *b, const struct plan *p, struct results *r, int quiet)
{
    struct progress progress;
    int code = CLI_GO_ON;
    progress_begin(&progress, "", "", p->count * rounds_steps(bench_ffn_pieces(b), p->repeats), quiet);
    for (size_t i = 0; i < p->count && code == CLI_GO_ON; i++) {
        char label[32];
        snprintf(label, sizeof label, "%zu row%s", p->rows[i], p->rows[i] == 1 ? "" : "s");
        progress_label(&progress, label);
        code = bench_ffn_run(b, p->rows[i], p->repeats, &progress, &r->rows[i]);
        if (p->rows[i] == 1) r->one = &r->rows[i];
    }
    progress_end(&progress);
    return code;
}

/* Three digits without an exponent; two of what is tiny. */
static const char *digits(char buf[24], double value)
{
    const char *format = value < 0.1 ? "%.2g" : value < 10 ? "%.2f" : value < 100 ? "%.1f" : "%.0f";
    snprintf(buf, 24, format, value);
    return buf;
}

static void print_head(const struct bench_ffn *b, const struct plan *p)
{
    char name[256], bytes[TEXT_NUMBER], rate[24];
    const struct block_shape *s = &p->shape;
    const clglu_device_facts *f = clglu_context_facts(b->block.context);
    printf("%s\n", text_clean(name, sizeof name, f->name, 0));
    printf("FMA      %s GFLOP/s (%s)\n", digits(rate, b->rates.flops / 1e9), b->rates.flops_kernel);
    printf("block    %s: %s, d_model %zu, d_ff %zu, d_out %zu\n", s->name, s->form, s->d_model, s->d_ff,
           s->d_out);
    printf("weights  %s, %s packed; read with %s\n", clglu_dtype_name(p->dtype),
           text_bytes(bytes, (double)clglu_ffn_bytes(b->whole)), b->read_kernel);
    if (b->blas) printf("OpenBLAS %s\n", openblas_name(b->blas));
}

/* Ours, and beside it the other library's time if there is one. */
static void print_piece(const struct bench_ffn *b, const struct plan *p, const struct results *r,
                        enum ffn_piece ours, enum ffn_piece theirs, const char *library)
{
    char titles[96], time[TEXT_NUMBER], other[TEXT_NUMBER], one[24], flops[24], bytes[24];
    struct table t = {.titles = titles};
    snprintf(titles, sizeof titles, ">rows|>time|>+-|>/ 1 row|>GFLOP/s|>GB/s|>of FMA|>of read|>ratio%s%s",
             r->rows[0].has[theirs] ? "|>" : "", r->rows[0].has[theirs] ? library : "");
    for (size_t i = 0; i < p->count; i++) {
        const struct bench_ffn_row *row = &r->rows[i];
        const struct bench_time *m = &row->time[ours];
        struct ffn_figures f = bench_ffn_figures(b, row, ours, r->one);
        table_row(&t, TEXT_PLAIN, "%zu\t%s\t%.0f %%\t%s\t%s\t%s\t%.2f\t%.2f\t%.2f\t%s", row->rows,
                  text_time(time, m->median), 50 * (m->high - m->low) / m->median,
                  f.times_one > 0 ? digits(one, f.times_one) : "-", digits(flops, f.flops / 1e9),
                  digits(bytes, f.bytes / 1e9), f.of_fma, f.of_read, f.ratio,
                  row->has[theirs] ? text_time(other, row->time[theirs].median) : "");
    }
    table_print(&t, stdout, 0);
}

static int print(const struct bench_ffn *b, const struct plan *p, const struct results *r)
{
    print_head(b, p);
    printf("\nthe whole block\n");
    print_piece(b, p, r, PIECE_BLOCK, PIECE_CLBLAST, "CLBlast");
    printf("\nits projections alone, with the gate\n");
    print_piece(b, p, r, PIECE_PROJECTIONS, PIECE_OPENBLAS, "OpenBLAS");
    if (b->training) {
        printf("\na training step: forward and backward, three times the forward's work\n");
        print_piece(b, p, r, PIECE_STEP, PIECE_UPDATE, "update");
    }
    printf("\ntime: the median of %d, +- half the spread; / 1 row: against the time of one row;\n"
           "GB/s: of packed weights; of FMA: part of the rate of a kernel of multiply-adds;\n"
           "of read: part of the rate of a kernel that only reads as many bytes, measured\n"
           "in turns; ratio: the larger of both, 1 is as fast as the device can be.\n",
           p->repeats);
    if (r->rows[0].has[PIECE_CLBLAST]) printf("CLBlast: the whole block by its GEMM.\n");
    if (r->rows[0].has[PIECE_OPENBLAS]) printf("OpenBLAS: the products alone, on the host's processors.\n");
    if (b->training) printf("update: changed weights packed again.\n");
    return CLI_GOOD;
}

static int emit(const struct bench_ffn *b, const struct plan *p, const struct results *r)
{
    json_t *root = json_root("bench");
    json_object_set_new(root, "device", json_facts(clglu_context_facts(b->block.context)));
    json_object_set_new(root, "repeats", json_integer(p->repeats));
    json_object_set_new(root, "rates", bench_rates_json(&b->rates));
    json_object_set_new(root, "ffn", bench_ffn_block_json(b, r->rows, p->count, r->one));
    json_object_set_new(root, "openblas", b->blas ? json_string(openblas_name(b->blas)) : json_null());
    return json_emit(root, NULL);
}

int bench_ffn(const struct cli_command *self, const struct cli_common *common,
              const struct bench_ffn_options *options)
{
    struct plan plan = {.dtype = CLGLU_F32};
    struct results results = {.one = NULL};
    struct cli_device device = {.context = NULL};
    struct bench_ffn bench = {.whole = NULL};
    int code = judge(self, options, &plan);
    if (code == CLI_GO_ON) code = cli_open(&device, cli_selector(common), 0);
    if (code == CLI_GO_ON) code = bench_ffn_open(&bench, device.context, &plan.shape, plan.dtype, plan.most,
                                                  options->training, NULL);
    if (code == CLI_GO_ON) code = measure(&bench, &plan, &results, common->quiet != NULL);
    if (code == CLI_GO_ON)
        code = common->json ? emit(&bench, &plan, &results) : print(&bench, &plan, &results);
    bench_ffn_close(&bench);
    clglu_context_close(device.context);
    return code;
}
