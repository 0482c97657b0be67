/* compare_ffn.c - a block's y beside its reference and its emulation: how far off is it?
   SPDX-License-Identifier: MIT */

#include "compare_ffn.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "emulate_ffn.h"

enum { ROWS = 512 }; /* most that are judged together */

/* ---------------------------------------------------------------- one result */

/* Half a unit in the last place of a result that is rounded from at most this size. */
static double half_ulp(double size, clglu_dtype dtype)
{
    return size == 0 ? 0 : 0.5 * size / clglu_ulp(size, 0, dtype);
}

typedef struct judgement {
    double allowed; /* the bound and the rounding to y_dtype */
    double ratio;   /* the error in parts of it; 0 where anything goes */
} judgement;

static judgement judge(double got, double want, double bound, clglu_dtype dtype)
{
    if (isinf(bound)) return (judgement){bound, 0};
    judgement j = {bound + half_ulp(fabs(want) + bound, dtype), INFINITY};
    double off = fabs(got - want);
    if (isinf(got)) /* right where a number within the bound is rounded to it */
        j.ratio = clglu_ulp(want + copysign(bound, got), got, dtype) == 0 ? 0 : INFINITY;
    else if (!isnan(got))
        j.ratio = off == 0 ? 0 : off / j.allowed;
    return j;
}

static void compare(clglu_ffn_report *r, clglu_dtype dtype, size_t row, size_t col, const float *got,
                    const float *emulated, double want, double bound)
{
    double g = (double)*got, off = fabs(g - want);
    judgement j = judge(g, want, bound, dtype);
    r->count++;
    r->outside += j.ratio > 1;
    /* NOLINTNEXTLINE(bugprone-suspicious-memory-comparison): bits are meant, not values */
    r->bits_differ += memcmp(got, emulated, sizeof *got) != 0 && !(isnan(*got) && isnan(*emulated));
    if (isfinite(off) && off > r->max_abs) r->max_abs = off;
    if (isfinite(want) && fabs(want) > r->max_want) r->max_want = fabs(want);
    if (r->count > 1 && !(j.ratio > r->max_ratio)) return;
    r->max_ratio = j.ratio;
    r->worst_row = row;
    r->worst_col = col;
    r->worst_got = g;
    r->worst_want = want;
    r->worst_bound = j.allowed;
}

/* ---------------------------------------------------------------- all results */

typedef struct judging {
    const clglu_ffn_desc *desc;
    const clglu_ffn_call *call; /* its views are resolved */
    const void *x, *y;
    size_t cols;                /* of y */
    double *want, *bound;       /* of some rows, like emulated */
    void *emulated;
} judging;

static clglu_status compare_rows(const judging *k, size_t first, size_t rows, clglu_ffn_report *report)
{
    clglu_ffn_call part = *k->call;
    clglu_view y = part.y;
    part.rows = rows;
    part.x.offset += first * part.x.ld;
    part.y = part.a = part.b = (clglu_view){0, 0, 0};
    clglu_status status = clglu_reference_ffn(k->desc, &part, k->x, k->want, k->bound);
    if (!status) status = clglu_emulate_ffn_forward(k->desc, &part, k->x, k->emulated, NULL, NULL);
    for (size_t i = 0; !status && i < rows * k->cols; i++) {
        size_t row = first + i / k->cols, col = i % k->cols;
        float got, emulated;
        clglu_widen(part.y_dtype, k->y, y.offset + row * y.ld + col * y.inc, 1, 1, &got, 1);
        clglu_widen(part.y_dtype, k->emulated, i, 1, 1, &emulated, 1);
        compare(report, part.y_dtype, row, col, &got, &emulated, k->want[i], k->bound[i]);
    }
    return status;
}

clglu_status clglu_compare_ffn(const clglu_ffn_desc *desc, const clglu_ffn_call *call, size_t cols, const void *x,
                               const void *y, clglu_ffn_report *report)
{
    size_t row_bytes = cols * (2 * sizeof(double) + clglu_dtype_size(call->y_dtype)), total = call->rows;
    size_t rows = clglu_rows_at_once(total, ROWS, row_bytes);
    judging k = {.desc = desc, .call = call, .x = x, .y = y, .cols = cols};
    clglu_status status = CLGLU_OK;
    *report = (clglu_ffn_report){.count = 0};
    if (total == 0) return status;
    k.want = malloc(rows * row_bytes);
    if (k.want == NULL) return CLGLU_OUT_OF_MEMORY;
    k.bound = k.want + rows * cols;
    k.emulated = k.bound + rows * cols;
    for (size_t first = 0; !status && first < total; first += rows)
        status = compare_rows(&k, first, total - first < rows ? total - first : rows, report);
    free(k.want);
    return status;
}

clglu_status clglu_judge_ffn_forward(const clglu_ffn_desc *desc, const clglu_ffn_call *call, const void *x, const void *y,
                                     clglu_ffn_report *report)
{
    const char *why;
    clglu_block block;
    clglu_call_slot culprit;
    clglu_block_call checked;
    if (call == NULL || report == NULL) return CLGLU_NULL_POINTER;
    clglu_status status = clglu_block_from_host(&block, desc, &why);
    if (!status) status = clglu_block_call_host(&checked, &block, call, x, y, NULL, NULL, &why, &culprit);
    if (status) return status;
    clglu_ffn_call own = *call;
    own.x = checked.operand[CALL_X].view;
    own.y = checked.operand[CALL_Y].view;
    return clglu_compare_ffn(desc, &own, block.d_out, x, y, report);
}
