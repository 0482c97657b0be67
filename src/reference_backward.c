/* reference_backward.c - the block's backward in double.
   SPDX-License-Identifier: MIT */

/* Sums are plain in blocks of 128 terms, and so are the blocks' sums: right to 2^-53 (128 + blocks) of their terms' sizes.
   Nothing is rounded on the way. */

#include <stdlib.h>
#include <string.h>

#include "backward.h"
#include "emulate.h"
#include "emulate_ffn.h"

enum { WIDE = 32, ROWS = CLGLU_SUM_BLOCK };

typedef struct work {
    const clglu_block *block;
    const clglu_backward *call;
    const void *dy, *x_array;
    double *result[BACK_SLOTS];  /* the gradients asked for, dense */
    clglu_matrix back[MATRICES]; /* the weights transposed */
    size_t row, rows;            /* the rows under way */
    double *x, *g;               /* [rows, d_model] and [rows, d_out] */
    double *da, *db, *h;         /* [rows, d_ff] */
    float narrow[CLGLU_SUM_BLOCK * WIDE];
    double tile[CLGLU_SUM_BLOCK * WIDE], a[ROWS * WIDE], b[ROWS * WIDE], dh[ROWS * WIDE];
} work;

/* ---------------------------------------------------------------- sums */

/* As clglu_products, in double. */
typedef struct products {
    size_t rows, terms, cols;
    const double *x;
    size_t ld, inc;
    const double *w;
    double *sums;
    size_t sums_ld;
} products;

CLONES static void add_block(const products *p)
{
    size_t terms = p->terms, cols = p->cols, inc = p->inc;
    for (size_t r = 0; r < p->rows; r++) {
        const double *x = p->x + r * p->ld, *w = p->w;
        double c[WIDE] = {0}, *sums = p->sums + r * p->sums_ld;
        for (size_t k = 0; k < terms; k++, x += inc, w += WIDE)
            for (size_t n = 0; n < WIDE; n++) c[n] += *x * w[n];
        for (size_t n = 0; n < cols; n++) sums[n] += c[n];
    }
}

/* sums += x W in n columns; x is dense, rows of sums are WIDE apart. */
static void project(work *w, const clglu_matrix *m, const double *x, size_t col, size_t n, double *sums)
{
    for (size_t k = 0; m->used && k < m->in; k += CLGLU_SUM_BLOCK) {
        size_t terms = clglu_smaller(m->in - k, CLGLU_SUM_BLOCK);
        clglu_weights_tile(m, w->block->dtype, k, terms, col, n, w->narrow, WIDE);
        for (size_t i = 0; i < terms * WIDE; i++) w->tile[i] = (double)w->narrow[i];
        add_block(&(products){w->rows, terms, n, x + k, m->in, 1, w->tile, sums, WIDE});
    }
}

/* Every row of `to` becomes the bias, or 0. */
static void begin_with_bias(const work *w, const clglu_matrix *m, size_t col, size_t n, double *to)
{
    float bias[WIDE] = {0};
    if (m->biased)
        clglu_widen(w->block->dtype, m->bias.host, m->bias.offset + col * m->bias.inc, m->bias.inc, n, bias, 1);
    for (size_t r = 0; r < w->rows; r++)
        for (size_t i = 0; i < WIDE; i++) to[r * WIDE + i] = (double)bias[i];
}

static void copy_columns(const work *w, const double *from, size_t ld, size_t n, double *to)
{
    for (size_t r = 0; r < w->rows; r++) memcpy(to + r * WIDE, from + r * ld, n * sizeof *to);
}

/* ---------------------------------------------------------------- a, b, dh, then da, db and h */

static void load(const work *w, clglu_back_slot slot, const void *array, double scale, double *to)
{
    const clglu_place *o = &w->call->operand[slot];
    float part[WIDE];
    for (size_t r = 0; r < w->rows; r++)
        for (size_t col = 0; col < o->cols; col += WIDE) {
            size_t n = clglu_smaller(o->cols - col, WIDE);
            clglu_widen_view(o->dtype, array, clglu_view_from(o->view, w->row + r, col), 1, n, part, WIDE);
            for (size_t i = 0; i < n; i++) to[r * o->cols + col + i] = (double)part[i] * scale;
        }
}

/* Element i of the tiles, to element `at` of da, db and h. */
static clglu_status derive(work *w, const clglu_gate_desc *gate, size_t i, size_t at)
{
    double a = w->a[i], b = w->b[i], dh = w->dh[i], by_a = 0, by_b = 0;
    if (!w->block->gated) {
        w->da[at] = dh * clglu_reference_act_derivative(gate->act, (double)gate->alpha, a);
        w->h[at] = clglu_reference_act(gate->act, (double)gate->alpha, a);
        return CLGLU_OK;
    }
    clglu_status status = clglu_reference_gate_derivative(gate, a, b, &by_a, &by_b);
    w->da[at] = dh * by_a;
    w->db[at] = dh * by_b;
    return status ? status : clglu_reference_gate(gate, a, b, &w->h[at]);
}

static clglu_status hidden(work *w, size_t col, size_t n)
{
    const clglu_block *k = w->block;
    const clglu_matrix *m = k->matrix;
    const clglu_gate_desc gate = clglu_block_gate(k);
    clglu_status status = CLGLU_OK;
    for (int i = MATRIX_A; i <= MATRIX_B; i++) {
        double *to = i == MATRIX_A ? w->a : w->b;
        begin_with_bias(w, &m[i], col, n, to);
        project(w, &m[i], w->x, col, n, to);
    }
    if (!m[MATRIX_A].used) copy_columns(w, w->x + col, k->d_model, n, w->a); /* a is x itself */
    memset(w->dh, 0, sizeof w->dh);
    project(w, &w->back[MATRIX_D], w->g, col, n, w->dh);
    if (!m[MATRIX_D].used) copy_columns(w, w->g + col, k->d_out, n, w->dh);
    for (size_t r = 0; r < w->rows; r++)
        for (size_t i = 0; !status && i < n; i++) status = derive(w, &gate, r * WIDE + i, r * k->d_ff + col + i);
    return status;
}

/* ---------------------------------------------------------------- results */

static void add_weights(work *w, clglu_back_slot slot, const double *left, const double *right)
{
    const clglu_place *o = &w->call->operand[slot];
    for (size_t col = 0; o->used && col < o->cols; col += WIDE) {
        size_t n = clglu_smaller(o->cols - col, WIDE);
        copy_columns(w, right + col, o->cols, n, w->tile);
        add_block(&(products){.rows = o->rows, .terms = w->rows, .cols = n, .x = left, .ld = 1, .inc = o->rows,
                              .w = w->tile, .sums = w->result[slot] + col, .sums_ld = o->cols});
    }
}

static void add_rows(work *w, clglu_back_slot slot, const double *x)
{
    const clglu_place *o = &w->call->operand[slot];
    for (size_t col = 0; o->used && col < o->cols; col++) {
        double c = 0;
        for (size_t r = 0; r < w->rows; r++) c += x[r * o->cols + col];
        w->result[slot][col] += c;
    }
}

static void input_gradient(work *w, size_t col, size_t n)
{
    const clglu_block *k = w->block;
    memset(w->a, 0, sizeof w->a);
    if (!k->matrix[MATRIX_A].used) copy_columns(w, w->da + col, k->d_ff, n, w->a);
    project(w, &w->back[MATRIX_A], w->da, col, n, w->a);
    project(w, &w->back[MATRIX_B], w->db, col, n, w->a);
    for (size_t r = 0; r < w->rows; r++)
        memcpy(w->result[BACK_DX] + (w->row + r) * k->d_model + col, w->a + r * WIDE, n * sizeof(double));
}

static clglu_status run_rows(work *w)
{
    const clglu_block *k = w->block;
    clglu_status status = CLGLU_OK;
    load(w, BACK_X, w->x_array, 1, w->x);
    load(w, BACK_DY, w->dy, (double)w->call->scale, w->g);
    for (size_t col = 0; !status && col < k->d_ff; col += WIDE) status = hidden(w, col, clglu_smaller(k->d_ff - col, WIDE));
    if (status) return status;
    add_weights(w, BACK_DWA, w->x, w->da);
    add_weights(w, BACK_DWB, w->x, w->db);
    add_weights(w, BACK_DWD, w->h, w->g);
    add_rows(w, BACK_DBA, w->da);
    add_rows(w, BACK_DBB, w->db);
    add_rows(w, BACK_DBD, w->g);
    for (size_t col = 0; w->result[BACK_DX] && col < k->d_model; col += WIDE)
        input_gradient(w, col, clglu_smaller(k->d_model - col, WIDE));
    return status;
}

/* ---------------------------------------------------------------- all rows */

static clglu_status run_all(work *w)
{
    const clglu_block *k = w->block;
    size_t rows = clglu_smaller(w->call->rows, ROWS);
    clglu_status status = CLGLU_OK;
    w->x = calloc(rows * (k->d_model + k->d_out + 3 * k->d_ff), sizeof *w->x);
    if (w->x == NULL) return CLGLU_OUT_OF_MEMORY;
    w->g = w->x + rows * k->d_model;
    w->da = w->g + rows * k->d_out;
    w->db = w->da + rows * k->d_ff;
    w->h = w->db + rows * k->d_ff;
    for (int s = BACK_DWA; s < BACK_OVERFLOW; s++) {
        const clglu_place *o = &w->call->operand[s];
        for (size_t i = 0; o->used && i < o->rows * o->cols; i++) w->result[s][i] = 0;
    }
    for (w->row = 0; !status && w->row < w->call->rows; w->row += ROWS) {
        w->rows = clglu_smaller(w->call->rows - w->row, ROWS);
        status = run_rows(w);
    }
    free(w->x);
    return status;
}

/* What clglu_backward_from has to say of dy, x and of which gradients are asked for; their own views do not matter. */
static clglu_status check(clglu_backward *checked, const clglu_block *block, const clglu_ffn_backward_call *call,
                          /* cppcheck-suppress constParameter ; its elements are const */
                          const void *dy, const void *x, double *const result[BACK_SLOTS])
{
    const char *why;
    clglu_back_slot culprit;
    if (call == NULL) return CLGLU_NULL_POINTER;
    clglu_ffn_backward_call own = {.rows = call->rows, .dy = call->dy, .x = call->x, .dy_dtype = call->dy_dtype,
                                   .x_dtype = call->x_dtype, .scale = call->scale};
    *checked = (clglu_backward){.rows = 0};
    const void *inputs[] = {dy, x};
    for (int s = BACK_DY; s <= BACK_X; s++) {
        checked->operand[s].used = inputs[s] != NULL;
        checked->operand[s].origin = (size_t)(uintptr_t)inputs[s];
    }
    for (int s = BACK_DX; s < BACK_OVERFLOW; s++) {
        checked->operand[s].used = result[s] != NULL;
        checked->operand[s].space = &checked->operand[s];
    }
    return clglu_backward_from(checked, block, &own, &why, &culprit);
}

static clglu_status run(const clglu_block *block, const clglu_backward *call, const void *dy, const void *x,
                        double *const result[BACK_SLOTS])
{
    work *w = calloc(1, sizeof *w);
    if (w == NULL) return CLGLU_OUT_OF_MEMORY;
    w->block = block;
    w->call = call;
    w->dy = dy;
    w->x_array = x;
    memcpy(w->result, result, sizeof w->result);
    for (int i = 0; i < MATRICES; i++) w->back[i] = clglu_transposed(&block->matrix[i]);
    clglu_status status = run_all(w);
    free(w);
    return status;
}

clglu_status clglu_reference_ffn_backward(const clglu_ffn_desc *desc, const clglu_ffn_backward_call *call,
                                          const void *dy, const void *x, const clglu_ffn_gradients_double *gradients)
{
    const char *why;
    clglu_block block;
    clglu_backward checked = {.rows = 0};
    if (gradients == NULL) return CLGLU_NULL_POINTER;
    const clglu_ffn_gradients_double *g = gradients;
    double *result[BACK_SLOTS] = {[BACK_DX] = g->dx,   [BACK_DWA] = g->dwa, [BACK_DWB] = g->dwb, [BACK_DWD] = g->dwd,
                                  [BACK_DBA] = g->dba, [BACK_DBB] = g->dbb, [BACK_DBD] = g->dbd};
    clglu_status status = clglu_block_from_host(&block, desc, &why);
    if (!status) status = check(&checked, &block, call, dy, x, result);
    return status || checked.rows == 0 ? status : run(&block, &checked, dy, x, result);
}
