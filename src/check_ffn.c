/* check_ffn.c - is the device right on the caller's data? The block beside its reference and its emulation.
   SPDX-License-Identifier: MIT */

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "emulate_ffn.h"
#include "error.h"
#include "ffn.h"

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

typedef struct check {
    const clglu_ffn_desc *desc;
    const clglu_ffn_call *call; /* its y is dense */
    const void *x;
    size_t cols, size; /* of y; of an element of it */
    char *got;         /* of all rows */
    double *want, *bound;
    void *emulated; /* of some rows, like want and bound */
} check;

static clglu_status compare_rows(const check *k, size_t first, size_t rows, clglu_ffn_report *report)
{
    clglu_ffn_call part = *k->call;
    part.rows = rows;
    part.x.offset += first * part.x.ld;
    clglu_status status = clglu_reference_ffn(k->desc, &part, k->x, k->want, k->bound);
    if (!status) status = clglu_emulate_ffn_forward(k->desc, &part, k->x, k->emulated, NULL, NULL);
    for (size_t i = 0; !status && i < rows * k->cols; i++) {
        float got, emulated;
        clglu_widen(part.y_dtype, k->got, first * k->cols + i, 1, 1, &got, 1);
        clglu_widen(part.y_dtype, k->emulated, i, 1, 1, &emulated, 1);
        compare(report, part.y_dtype, first + i / k->cols, i % k->cols, &got, &emulated, k->want[i], k->bound[i]);
    }
    return status;
}

/* The host's part, in pieces; the device has had all rows in one call. */
static clglu_status compare_all(check *k, clglu_ffn_report *report)
{
    size_t row_bytes = k->cols * (2 * sizeof(double) + k->size), total = k->call->rows;
    size_t rows = clglu_rows_at_once(total, ROWS, row_bytes);
    clglu_status status = CLGLU_OK;
    k->want = malloc(rows * row_bytes);
    if (k->want == NULL) return CLGLU_OUT_OF_MEMORY;
    k->bound = k->want + rows * k->cols;
    k->emulated = k->bound + rows * k->cols;
    for (size_t first = 0; !status && first < total; first += rows)
        status = compare_rows(k, first, total - first < rows ? total - first : rows, report);
    free(k->want);
    return status;
}

static clglu_status run(clglu_ffn *ffn, check *k, clglu_ffn_report *report)
{
    size_t bytes = k->call->rows * k->cols * k->size;
    k->got = malloc(bytes);
    if (k->got == NULL) return clglu_fail(ffn->context, CLGLU_OUT_OF_MEMORY, "no memory for the check's results");
    memset(k->got, 0xff, bytes); /* NaN, should the device write nothing */
    clglu_status status = clglu_ffn_forward_host(ffn, k->call, k->x, k->got, NULL, NULL);
    if (!status) {
        status = compare_all(k, report);
        if (status) clglu_fail(ffn->context, status, "no memory for the check");
    }
    free(k->got);
    return status;
}

/* ---------------------------------------------------------------- before anything happens */

static bool is_same(const clglu_block *p, const clglu_block *q)
{
    return clglu_block_is_alike(p, q) && p->act == q->act && p->gate == q->gate && p->alpha == q->alpha &&
           p->limit == q->limit && p->shift == q->shift;
}

static clglu_status check_desc(const clglu_ffn *ffn, const clglu_ffn_desc *desc)
{
    const char *why;
    clglu_block block;
    clglu_status status = clglu_block_from_host(&block, desc, &why);
    if (!status && !is_same(&block, &ffn->block)) {
        why = "desc: it is not what the block was made from";
        status = CLGLU_INVALID_VALUE;
    }
    return status ? clglu_fail(ffn->context, status, "%s", why) : CLGLU_OK;
}

/* y, which is the library's own, cannot overlap x. *own gets x' view with its defaults filled in. */
static clglu_status check_call(const clglu_ffn *ffn, const void *x, clglu_ffn_call *own)
{
    const char *why = "it is NULL";
    clglu_call_slot culprit = CALL_X;
    clglu_block_call checked = {.rows = 0};
    checked.operand[CALL_X].used = true;
    checked.operand[CALL_X].origin = (size_t)(uintptr_t)x;
    checked.operand[CALL_Y].used = true;
    checked.operand[CALL_Y].space = &checked;
    own->y = own->a = own->b = (clglu_view){0, 0, 0};
    clglu_status status = x == NULL && own->rows ? CLGLU_NULL_POINTER
                                                 : clglu_block_call_from(&checked, &ffn->block, own, &why, &culprit);
    if (status) return clglu_ffn_fail(ffn, status, clglu_call_names[culprit], why);
    own->x = checked.operand[CALL_X].view;
    return CLGLU_OK;
}

clglu_status clglu_check_ffn_forward(clglu_ffn *ffn, const clglu_ffn_desc *desc, const clglu_ffn_call *call,
                                     const void *x, clglu_ffn_report *report)
{
    if (ffn == NULL) return CLGLU_NULL_POINTER;
    if (call == NULL || report == NULL)
        return clglu_fail(ffn->context, CLGLU_NULL_POINTER, "%s is NULL", call ? "report" : "call");
    clglu_ffn_call own = *call;
    clglu_status status = check_desc(ffn, desc);
    if (!status) status = check_call(ffn, x, &own);
    if (status) return status;
    *report = (clglu_ffn_report){.count = 0};
    check k = {.desc = desc, .call = &own, .x = x, .cols = ffn->block.d_out, .size = clglu_dtype_size(own.y_dtype)};
    return own.rows ? run(ffn, &k, report) : CLGLU_OK;
}
