/* bench_json.c - the benchmark's results as JSON. SPDX-License-Identifier: MIT */

#include "bench.h"
#include "bench_ffn.h"
#include "json.h"

static json_t *time_json(const struct bench_time *t)
{
    return json_pack("{s:f, s:f, s:f, s:f, s:f}", "median_s", t->median, "low_s", t->low, "high_s", t->high, "q1_s", t->q1,
                     "q3_s", t->q3);
}

json_t *bench_json(const struct bench_row *r)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:I, s:f, s:o, s:o, s:s, s:f, s:f, s:f}", "kind",
                     r->what.plain ? "act" : "gate", "name", r->what.name, "direction",
                     r->what.backward ? "backward" : "forward", "dtype", clglu_dtype_name(r->what.dtype),
                     "elements", (json_int_t)r->what.elements, "bytes", r->bytes, "time", time_json(&r->time),
                     "limit", time_json(&r->limit), "limit_kernel", r->kernel, "gb_per_s",
                     r->bytes / r->time.median / 1e9, "limit_gb_per_s", r->bytes / r->limit.median / 1e9,
                     "ratio", r->ratio);
}

json_t *bench_rates_json(const struct bench_rates *r)
{
    return json_pack("{s:f, s:s, s:f, s:s, s:f, s:s}", "copy_gb_per_s", r->copy / 1e9, "copy_kernel", r->copy_kernel,
                     "read_gb_per_s", r->read / 1e9, "read_kernel", r->read_kernel, "fma_gflop_per_s", r->flops / 1e9, "fma_kernel", r->flops_kernel);
}

static json_t *figures_json(const struct bench_ffn *b, const struct bench_ffn_row *row, enum ffn_piece piece,
                            const struct bench_ffn_row *one)
{
    if (!row->has[piece]) return json_null();
    struct ffn_figures f = bench_ffn_figures(b, row, piece, one);
    return json_pack("{s:o, s:f, s:f, s:f, s:f, s:f, s:o}", "time", time_json(&row->time[piece]),
                     "gflop_per_s", f.flops / 1e9, "gb_per_s", f.bytes / 1e9, "of_fma", f.of_fma, "of_read",
                     f.of_read, "ratio", f.ratio, "times_one_row",
                     f.times_one > 0 ? json_real(f.times_one) : json_null());
}

static json_t *row_json(const struct bench_ffn *b, const struct bench_ffn_row *row,
                        const struct bench_ffn_row *one)
{
    const struct bench_time *read = &row->time[PIECE_READ];
    const struct bench_time *update = &row->time[PIECE_UPDATE];
    return json_pack("{s:I, s:o, s:o, s:o, s:o, s:o, s:f, s:o, s:o}", "rows", (json_int_t)row->rows, "block",
                     figures_json(b, row, PIECE_BLOCK, one), "projections",
                     figures_json(b, row, PIECE_PROJECTIONS, one), "clblast",
                     figures_json(b, row, PIECE_CLBLAST, one), "openblas_projections",
                     figures_json(b, row, PIECE_OPENBLAS, one), "read", time_json(read), "read_gb_per_s",
                     (double)b->words * 4 / read->median / 1e9, "training_step",
                     figures_json(b, row, PIECE_STEP, one), "update",
                     row->has[PIECE_UPDATE] ? time_json(update) : json_null());
}

json_t *bench_ffn_block_json(const struct bench_ffn *b, const struct bench_ffn_row *rows, size_t count,
                             const struct bench_ffn_row *one)
{
    const struct block_shape *s = &b->block.shape;
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++) json_array_append_new(list, row_json(b, &rows[i], one));
    return json_pack("{s:s, s:s, s:I, s:I, s:I, s:s, s:I, s:s, s:I, s:o}", "name", s->name, "form", s->form,
                     "d_model", (json_int_t)s->d_model, "d_ff", (json_int_t)s->d_ff, "d_out",
                     (json_int_t)s->d_out, "dtype", clglu_dtype_name(b->block.dtype), "packed_bytes",
                     (json_int_t)clglu_ffn_bytes(b->whole), "read_kernel", b->read_kernel, "read_bytes",
                     (json_int_t)b->words * 4, "rows", list);
}
