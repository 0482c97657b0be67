/* emulate_ffn.c - the block on the host: canonical sums, then the gate operator's own emulation, bit for bit the device's.
   SPDX-License-Identifier: MIT */

#include "emulate_ffn.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "dtype.h"
#include "emulate.h"

enum { WIDE = CLGLU_WIDE, ROWS = 128 }; /* columns and rows worked on together */

/* ---------------------------------------------------------------- numbers in memory */

void clglu_widen(clglu_dtype dtype, const void *array, size_t first, size_t step, size_t n, float *to, size_t to_step)
{
    size_t size = clglu_dtype_size(dtype);
    const char *from = (const char *)array + first * size;
    for (size_t i = 0; i < n; i++, from += step * size) {
        uint16_t half;
        if (dtype == CLGLU_F32) {
            memcpy(&to[i * to_step], from, sizeof *to);
            continue;
        }
        memcpy(&half, from, sizeof half);
        to[i * to_step] = dtype == CLGLU_F16 ? clglu_f16_to_f32(half) : clglu_bf16_to_f32(half);
    }
}

/* The other way, with the one rounding. */
static void narrow(clglu_dtype dtype, const float *x, size_t x_step, size_t n, void *array, size_t first, size_t step)
{
    size_t size = clglu_dtype_size(dtype);
    char *to = (char *)array + first * size;
    for (size_t i = 0; i < n; i++, x += x_step, to += step * size) {
        uint16_t half = dtype == CLGLU_F16 ? clglu_f32_to_f16(*x) : clglu_f32_to_bf16(*x);
        if (dtype == CLGLU_F32)
            memcpy(to, x, sizeof *x);
        else
            memcpy(to, &half, sizeof half);
    }
}

/* Both read and write along the shorter stride of the array. */
void clglu_widen_view(clglu_dtype dtype, const void *array, clglu_view v, size_t rows, size_t cols, float *to, size_t ld)
{
    if (v.ld < v.inc)
        for (size_t c = 0; c < cols; c++) clglu_widen(dtype, array, v.offset + c * v.inc, v.ld, rows, to + c, ld);
    else
        for (size_t r = 0; r < rows; r++) clglu_widen(dtype, array, v.offset + r * v.ld, v.inc, cols, to + r * ld, 1);
}

void clglu_narrow_view(clglu_dtype dtype, const float *from, size_t ld, size_t rows, size_t cols, void *array, clglu_view v)
{
    if (v.ld < v.inc)
        for (size_t c = 0; c < cols; c++) narrow(dtype, from + c, ld, rows, array, v.offset + c * v.inc, v.ld);
    else
        for (size_t r = 0; r < rows; r++) narrow(dtype, from + r * ld, 1, cols, array, v.offset + r * v.ld, v.inc);
}

clglu_view clglu_view_from(clglu_view v, size_t row, size_t col)
{
    return (clglu_view){v.offset + row * v.ld + col * v.inc, v.ld, v.inc};
}

void clglu_weights_tile(const clglu_matrix *m, clglu_dtype dtype, size_t k, size_t ins, size_t n, size_t outs,
                        float *tile, size_t width)
{
    for (size_t i = 0; outs < width && i < ins; i++) memset(tile + i * width + outs, 0, (width - outs) * sizeof *tile);
    clglu_widen_view(dtype, m->weights.host, clglu_view_from(m->weights.view, k, n), ins, outs, tile, width);
}

size_t clglu_rows_at_once(size_t rows, size_t most, size_t row_bytes)
{
    size_t fit = ((size_t)16 << 20) / row_bytes;
    if (rows > most) rows = most;
    return rows <= fit ? rows : fit ? fit : 1;
}

/* ---------------------------------------------------------------- canonical sums */

CLONES void clglu_add_block(const clglu_products *p)
{
    size_t terms = p->terms, cols = p->cols, inc = p->inc;
    for (size_t r = 0; r < p->rows; r++) {
        const float *x = p->x + r * p->ld, *w = p->w;
        float c[WIDE] = {0}, *sums = p->sums + r * p->sums_ld;
        for (size_t k = 0; k < terms; k++, x += inc, w += WIDE)
            for (size_t n = 0; n < WIDE; n++) c[n] = fmaf(*x, w[n], c[n]);
        for (size_t n = 0; n < cols; n++) sums[n] += c[n];
    }
}

static void add_bias(const clglu_matrix *m, clglu_dtype dtype, size_t col, size_t n, size_t rows, float *sums)
{
    float bias[WIDE];
    if (!m->biased) return;
    clglu_widen(dtype, m->bias.host, m->bias.offset + col * m->bias.inc, m->bias.inc, n, bias, 1);
    for (size_t r = 0; r < rows; r++)
        for (size_t i = 0; i < n; i++) sums[r * WIDE + i] += bias[i];
}

void clglu_project(const clglu_matrix *m, clglu_dtype dtype, const float *x, size_t rows, size_t col, size_t n,
                   float *tile, float *sums)
{
    memset(sums, 0, rows * WIDE * sizeof *sums);
    for (size_t k = 0; k < m->in; k += CLGLU_SUM_BLOCK) {
        size_t terms = clglu_smaller(m->in - k, CLGLU_SUM_BLOCK);
        clglu_weights_tile(m, dtype, k, terms, col, n, tile, WIDE);
        clglu_add_block(&(clglu_products){rows, terms, n, x + k, m->in, 1, tile, sums, WIDE});
    }
    add_bias(m, dtype, col, n, rows, sums);
}

/* ---------------------------------------------------------------- the rows under way */

/* What they need. */
typedef struct work {
    const clglu_block *block;
    const clglu_block_call *call;
    const void *x_array;
    void *array[CALL_SLOTS]; /* of the outputs */
    size_t row, rows;
    float *x, *h; /* [rows, d_model] and [rows, d_ff] */
    float weights[CLGLU_SUM_BLOCK * WIDE], a[ROWS * WIDE], b[ROWS * WIDE];
} work;

/* x W + bias in n columns of a matrix; x is dense. */
static void project(work *w, clglu_matrix_slot slot, const float *x, size_t col, size_t n, float *sums)
{
    clglu_project(&w->block->matrix[slot], w->block->dtype, x, w->rows, col, n, w->weights, sums);
}

static void load_x(work *w)
{
    const clglu_place *o = &w->call->operand[CALL_X];
    clglu_widen_view(o->dtype, w->x_array, clglu_view_from(o->view, w->row, 0), w->rows, o->cols, w->x, o->cols);
}

static void store(const work *w, clglu_call_slot slot, const float *from, size_t ld, size_t col, size_t n)
{
    const clglu_place *o = &w->call->operand[slot];
    if (!o->used) return;
    clglu_narrow_view(o->dtype, from, ld, w->rows, n, w->array[slot], clglu_view_from(o->view, w->row, col));
}

/* h = act(a) * gate(b), in n columns: the operator's f32 arithmetic, whatever the block's dtypes. */
static clglu_status activate(work *w, size_t col, size_t n)
{
    clglu_view tile = {0, WIDE, 1}, h = {col, w->block->d_ff, 1};
    clglu_gate_desc d = clglu_block_gate(w->block);
    clglu_act_desc plain = {.rows = w->rows, .cols = n, .x = tile, .y = h, .act = d.act, .alpha = d.alpha};
    d.rows = w->rows;
    d.cols = n;
    d.a = d.b = tile;
    d.y = h;
    return w->block->gated ? clglu_emulate_gate_forward(&d, w->a, w->b, w->h)
                           : clglu_emulate_act_forward(&plain, w->a, w->h);
}

static clglu_status hidden(work *w, size_t col, size_t n)
{
    const clglu_block *k = w->block;
    if (k->matrix[MATRIX_A].used)
        project(w, MATRIX_A, w->x, col, n, w->a);
    else
        for (size_t r = 0; r < w->rows; r++) memcpy(w->a + r * WIDE, w->x + r * k->d_ff + col, n * sizeof *w->x);
    if (k->gated) project(w, MATRIX_B, w->x, col, n, w->b);
    store(w, CALL_A, w->a, WIDE, col, n);
    store(w, CALL_B, w->b, WIDE, col, n);
    return activate(w, col, n);
}

static clglu_status run_rows(work *w)
{
    const clglu_block *k = w->block;
    clglu_status status = CLGLU_OK;
    load_x(w);
    for (size_t col = 0; !status && col < k->d_ff; col += WIDE)
        status = hidden(w, col, clglu_smaller(k->d_ff - col, WIDE));
    if (status) return status;
    if (!k->matrix[MATRIX_D].used) store(w, CALL_Y, w->h, k->d_ff, 0, k->d_ff);
    for (size_t col = 0; k->matrix[MATRIX_D].used && col < k->d_out; col += WIDE) {
        size_t n = clglu_smaller(k->d_out - col, WIDE);
        project(w, MATRIX_D, w->h, col, n, w->a);
        store(w, CALL_Y, w->a, WIDE, col, n);
    }
    return status;
}

static clglu_status run_all(work *w)
{
    const clglu_block *k = w->block;
    size_t rows = w->call->rows, row_bytes = (k->d_model + k->d_ff) * sizeof(float);
    size_t most = clglu_rows_at_once(rows, ROWS, row_bytes);
    clglu_status status = CLGLU_OK;
    w->x = malloc(most * row_bytes);
    if (w->x == NULL) return CLGLU_OUT_OF_MEMORY;
    w->h = w->x + most * k->d_model;
    for (w->row = 0; !status && w->row < rows; w->row += most) {
        w->rows = clglu_smaller(rows - w->row, most);
        status = run_rows(w);
    }
    free(w->x);
    return status;
}

clglu_status clglu_emulate_ffn_forward(const clglu_ffn_desc *desc, const clglu_ffn_call *call, const void *x, void *y,
                                       void *a, void *b)
{
    const char *why;
    clglu_block block;
    clglu_block_call checked = {.rows = 0};
    clglu_call_slot culprit;
    clglu_status status = clglu_block_from_host(&block, desc, &why);
    if (!status) status = clglu_block_call_host(&checked, &block, call, x, y, a, b, &why, &culprit);
    if (status || checked.rows == 0) return status;
    work *w = malloc(sizeof *w);
    if (w == NULL) return CLGLU_OUT_OF_MEMORY;
    w->block = &block;
    w->call = &checked;
    w->x_array = x;
    w->array[CALL_Y] = y;
    w->array[CALL_A] = a;
    w->array[CALL_B] = b;
    status = run_all(w);
    free(w);
    return status;
}
