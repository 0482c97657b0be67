/* reference_ffn.c - the block in double, and how far f32 results in the canonical order may be from it.
   SPDX-License-Identifier: MIT */

/* Sums: products of f32 numbers are exact in double; 128 of them are added plainly, then these sums with what each addition
   loses. So a sum is right to 2^-45 of its terms' sizes.

   Bounds: every number goes with the error that its f32 counterpart may have, u = 2^-24 being that of one rounding. A block of
   128 terms has at most 128 u, the J blocks' sums together (J - 1) u of the sizes of what they add (Jeannerod and Rump 2013,
   SIAM J. Matrix Anal. Appl. 34: without terms of higher order, in any order). With (128 + J) u in all, as the header has it,
   0.75 u is left up to K = 2^22: room for this file's own errors. */

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "emulate.h"
#include "emulate_ffn.h"

/* WIDE: two sums a column in the registers of a CPU with 16 of them. */
enum { BLOCK = CLGLU_SUM_BLOCK, WIDE = 24, ROWS = 128 };

static const double U = 0x1p-24;

typedef struct number {
    double value, error; /* error: of the f32 number; infinity or NaN: anything may have happened */
} number;

/* ---------------------------------------------------------------- numbers with their errors */

/* Beyond f32 nothing is promised. */
static number in_range(double value, double error)
{
    return (number){value, fabs(value) + error <= (double)FLT_MAX ? error : INFINITY};
}

/* The largest slope within the error around x. */
static double slope(clglu_act act, number x)
{
    switch (act) {
    case CLGLU_ACT_SIGMOID: return 0.25;
    case CLGLU_ACT_RELU2: return 2 * fmax(0, x.value + x.error);
    case CLGLU_ACT_SILU: /* whatever alpha is */
    case CLGLU_ACT_GELU_QUICK: return 1.1;
    case CLGLU_ACT_GELU:
    case CLGLU_ACT_GELU_TANH: return 1.13;
    default: return 1;
    }
}

/* act(x): the error of x carried through, then act's published one. identity and relu have none of their own. */
static number apply(clglu_act act, double alpha, number x)
{
#define ROW(id, name, UPPER, formula, derivative, ulp, ...) ulp,
    static const double published[] = {CLGLU_ACTS(ROW)};
#undef ROW
    double value = clglu_reference_act(act, alpha, x.value);
    double carried = x.error == 0 ? 0 : slope(act, x) * x.error;
    if (act == CLGLU_ACT_IDENTITY || act == CLGLU_ACT_RELU) return in_range(value, carried);
    return in_range(value, carried + published[act] * (0x1p-23 * (fabs(value) + carried) + 0x1p-149));
}

static number add(number x, double y)
{
    double value = x.value + y;
    return in_range(value, x.error + U * (fabs(value) + x.error));
}

static number multiply(number p, number q)
{
    double value = p.value * q.value;
    double error = fabs(q.value) * p.error + fabs(p.value) * q.error + p.error * q.error;
    return in_range(value, error + U * (fabs(value) + error) + 0x1p-150);
}

static number clamp(number x, double low, double high)
{
    return (number){x.value > high ? high : x.value < low ? low : x.value, x.error};
}

/* act(a) * (gate(b) + shift) */
static number gate(const clglu_block *k, number a, number b)
{
    double limit = k->limit == 0 ? INFINITY : (double)k->limit;
    number p = apply(k->act, (double)k->alpha, clamp(a, -INFINITY, limit));
    if (!k->gated) return p;
    number q = apply(k->gate, 1, clamp(b, -limit, limit));
    return multiply(p, k->shift != 0 ? add(q, (double)k->shift) : q);
}

/* ---------------------------------------------------------------- sums */

/* One sum a row and column. */
typedef struct sums {
    double value[ROWS * WIDE], lost[ROWS * WIDE], size[ROWS * WIDE]; /* size: the sum of the terms' sizes */
} sums;

typedef struct work {
    const clglu_block *block;
    const clglu_place *operand; /* x */
    const void *array;
    size_t row, rows;  /* the rows under way */
    double *x;         /* [rows, d_model] */
    double *h, *error; /* [rows, d_ff] */
    float tile[BLOCK * WIDE];
    double weights[BLOCK * WIDE];
    sums sums, carried;
    number a[ROWS * WIDE], b[ROWS * WIDE];
} work;

/* Adds to each row's sums a block of so many terms; x begins there. */
CLONES static void add_block(const double *x, size_t ld, size_t rows, size_t terms, const double *weights,
                             double *value, double *lost, double *size)
{
    for (size_t r = 0; r < rows; r++, value += WIDE, lost += WIDE, size += WIDE) {
        double c[WIDE] = {0}, s[WIDE] = {0};
        for (size_t k = 0; k < terms; k++)
            for (size_t n = 0; n < WIDE; n++) {
                double term = x[r * ld + k] * weights[k * WIDE + n];
                c[n] += term;
                s[n] += fabs(term);
            }
        for (size_t n = 0; n < WIDE; n++) {
            double sum = value[n] + c[n], seen = sum - value[n];
            lost[n] += (value[n] - (sum - seen)) + (c[n] - seen);
            value[n] = sum;
            size[n] += s[n];
        }
    }
}

/* x W in n columns, and if `carried` is there error |W| too, from what x lacks. */
static void project(work *w, const clglu_matrix *m, const double *x, const double *error, size_t col, size_t n)
{
    memset(&w->sums, 0, sizeof w->sums);
    memset(&w->carried, 0, sizeof w->carried);
    for (size_t k = 0; k < m->in; k += BLOCK) {
        size_t terms = clglu_smaller(m->in - k, BLOCK);
        clglu_weights_tile(m, w->block->dtype, k, terms, col, n, w->tile, WIDE);
        for (size_t i = 0; i < terms * WIDE; i++) w->weights[i] = (double)w->tile[i];
        add_block(x + k, m->in, w->rows, terms, w->weights, w->sums.value, w->sums.lost, w->sums.size);
        if (error)
            add_block(error + k, m->in, w->rows, terms, w->weights, w->carried.value, w->carried.lost,
                      w->carried.size);
    }
}

/* Sum i with its bias. A product may be subnormal: 2^-149 is more than it can lose. */
static number sum_at(const work *w, const clglu_matrix *m, size_t i, const float *bias)
{
    double terms = (double)m->in, rounds = BLOCK + ceil(terms / BLOCK);
    double size = w->sums.size[i] + w->carried.size[i];
    double error = w->carried.size[i] + rounds * U * size + terms * 0x1p-149;
    double value = isfinite(w->sums.value[i]) ? w->sums.value[i] + w->sums.lost[i] : w->sums.value[i];
    number sum = {value, size + error <= (double)FLT_MAX ? error : INFINITY};
    return bias ? add(sum, (double)*bias) : sum;
}

/* n columns of x W + bias, as rows of WIDE numbers; x is exact. */
static void take(const work *w, const clglu_matrix *m, size_t col, size_t n, number *to)
{
    float bias[WIDE];
    if (m->biased)
        clglu_widen(w->block->dtype, m->bias.host, m->bias.offset + col * m->bias.inc, m->bias.inc, n, bias, 1);
    for (size_t r = 0; r < w->rows; r++)
        for (size_t i = r * WIDE; i < r * WIDE + n; i++)
            to[i] = sum_at(w, m, i, m->biased ? &bias[i - r * WIDE] : NULL);
}

/* ---------------------------------------------------------------- the rows under way */

static void load_x(work *w)
{
    const clglu_view *v = &w->operand->view;
    float part[BLOCK];
    for (size_t r = 0; r < w->rows; r++)
        for (size_t col = 0; col < w->operand->cols; col += BLOCK) {
            size_t n = clglu_smaller(w->operand->cols - col, BLOCK);
            clglu_widen(w->operand->dtype, w->array, v->offset + (w->row + r) * v->ld + col * v->inc, v->inc, n, part, 1);
            for (size_t i = 0; i < n; i++) w->x[r * w->operand->cols + col + i] = (double)part[i];
        }
}

static void hidden(work *w, size_t col, size_t n)
{
    const clglu_block *k = w->block;
    const clglu_matrix *ma = &k->matrix[MATRIX_A], *mb = &k->matrix[MATRIX_B];
    if (ma->used) {
        project(w, ma, w->x, NULL, col, n);
        take(w, ma, col, n, w->a);
    }
    if (k->gated) {
        project(w, mb, w->x, NULL, col, n);
        take(w, mb, col, n, w->b);
    }
    for (size_t r = 0; r < w->rows; r++)
        for (size_t i = 0; i < n; i++) {
            number a = ma->used ? w->a[r * WIDE + i] : (number){w->x[r * k->d_ff + col + i], 0};
            number h = gate(k, a, k->gated ? w->b[r * WIDE + i] : (number){0, 0});
            w->h[r * k->d_ff + col + i] = h.value;
            w->error[r * k->d_ff + col + i] = h.error;
        }
}

static void put(number x, double *y, double *bound)
{
    *y = x.value; /* NOLINT(clang-analyzer-core.uninitialized.Assign): set column by column */
    if (bound) *bound = isfinite(x.value) && isfinite(x.error) ? x.error : INFINITY;
}

static void down(work *w, size_t col, size_t n, double *y, double *bound)
{
    const clglu_matrix *m = &w->block->matrix[MATRIX_D];
    project(w, m, w->h, bound ? w->error : NULL, col, n);
    take(w, m, col, n, w->a);
    for (size_t r = 0; r < w->rows; r++)
        for (size_t i = 0; i < n; i++) {
            size_t at = (w->row + r) * m->out + col + i;
            put(w->a[r * WIDE + i], y + at, bound ? bound + at : NULL);
        }
}

static void run_rows(work *w, double *y, double *bound)
{
    const clglu_block *k = w->block;
    load_x(w);
    for (size_t col = 0; col < k->d_ff; col += WIDE) hidden(w, col, clglu_smaller(k->d_ff - col, WIDE));
    if (k->matrix[MATRIX_D].used) {
        for (size_t col = 0; col < k->d_out; col += WIDE)
            down(w, col, clglu_smaller(k->d_out - col, WIDE), y, bound);
        return;
    }
    for (size_t i = 0, first = w->row * k->d_ff; i < w->rows * k->d_ff; i++)
        put((number){w->h[i], w->error[i]}, y + first + i, bound ? bound + first + i : NULL);
}

static clglu_status run_all(work *w, size_t rows, double *y, double *bound)
{
    const clglu_block *k = w->block;
    size_t row_bytes = (k->d_model + 2 * k->d_ff) * sizeof(double), most = clglu_rows_at_once(rows, ROWS, row_bytes);
    w->x = malloc(most * row_bytes);
    if (w->x == NULL) return CLGLU_OUT_OF_MEMORY;
    w->h = w->x + most * k->d_model;
    w->error = w->h + most * k->d_ff;
    for (w->row = 0; w->row < rows; w->row += most) {
        w->rows = clglu_smaller(rows - w->row, most);
        run_rows(w, y, bound);
    }
    free(w->x);
    return CLGLU_OK;
}

clglu_status clglu_reference_ffn(const clglu_ffn_desc *desc, const clglu_ffn_call *call, const void *x, double *y,
                                 double *bound)
{
    const char *why;
    clglu_block block;
    clglu_block_call checked;
    clglu_call_slot culprit;
    clglu_ffn_call own = call ? (clglu_ffn_call){.rows = call->rows, .x = call->x, .x_dtype = call->x_dtype}
                              : (clglu_ffn_call){.rows = 0};
    clglu_status status = clglu_block_from_host(&block, desc, &why);
    if (!status) status = clglu_block_call_host(&checked, &block, call ? &own : NULL, x, y, NULL, NULL, &why,
                                                 &culprit);
    if (status || checked.rows == 0) return status;
    work *w = malloc(sizeof *w);
    if (w == NULL) return CLGLU_OUT_OF_MEMORY;
    w->block = &block;
    w->operand = &checked.operand[CALL_X];
    w->array = x;
    status = run_all(w, checked.rows, y, bound);
    free(w);
    return status;
}
