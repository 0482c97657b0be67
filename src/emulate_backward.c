/* emulate_backward.c - the block's backward on the host, bit for bit the device's.
   SPDX-License-Identifier: MIT */

/* Rows are worked on 128 together, a block of the sums over rows; the totals of these sums stay in f32 until the end. */

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "backward.h"
#include "emulate_ffn.h"

enum { WIDE = CLGLU_WIDE, ROWS = CLGLU_SUM_BLOCK };

typedef struct work {
    const clglu_block *block;
    const clglu_backward *call;
    void *array[BACK_SLOTS];
    clglu_matrix back[MATRICES]; /* the weights transposed */
    size_t row, rows;            /* the rows under way */
    float *memory;
    float *x, *g;             /* [rows, d_model] and [rows, d_out] */
    float *dab, *h;           /* da and then db, side by side, rows dab_ld apart; [rows, d_ff] */
    float *total[BACK_SLOTS]; /* the gradients of weights and biases so far, dense */
    size_t dab_ld;
    bool overflow;
    float tile[CLGLU_SUM_BLOCK * WIDE], a[ROWS * WIDE], b[ROWS * WIDE], dh[ROWS * WIDE];
} work;

/* ---------------------------------------------------------------- a, b, dh, then da, db and h */

static void load(const work *w, clglu_back_slot slot, size_t col, size_t n, float *to, size_t ld)
{
    const clglu_place *o = &w->call->operand[slot];
    clglu_widen_view(o->dtype, w->array[slot], clglu_view_from(o->view, w->row, col), w->rows, n, to, ld);
}

static void load_rows(work *w)
{
    const clglu_block *k = w->block;
    if (w->call->operand[BACK_X].used) load(w, BACK_X, 0, k->d_model, w->x, k->d_model);
    load(w, BACK_DY, 0, k->d_out, w->g, k->d_out);
    for (size_t i = 0; i < w->rows * k->d_out; i++) w->g[i] *= w->call->scale;
}

static void copy_columns(const float *from, size_t ld, size_t rows, size_t n, float *to)
{
    for (size_t r = 0; r < rows; r++) memcpy(to + r * WIDE, from + r * ld, n * sizeof *to);
}

/* An input of act or gate, in n columns: given, or computed again. */
static void input(work *w, clglu_matrix_slot matrix, clglu_back_slot slot, size_t col, size_t n, float *to)
{
    const clglu_matrix *m = &w->block->matrix[matrix];
    if (!m->used)
        copy_columns(w->x + col, w->block->d_model, w->rows, n, to); /* a is x itself */
    else if (w->call->recompute)
        clglu_project(m, w->block->dtype, w->x, w->rows, col, n, w->tile, to);
    else
        load(w, slot, col, n, to, WIDE);
}

/* Without wb: da = dh * act'(a), h = act(a). */
static clglu_status plain(work *w, size_t col, size_t n)
{
    clglu_view tile = {0, WIDE, 1}, da = {col, w->dab_ld, 1}, h = {col, w->block->d_ff, 1};
    clglu_gate_desc g = clglu_block_gate(w->block);
    clglu_act_desc d = {.rows = w->rows, .cols = n, .x = tile, .dy = tile, .dx = da, .y = h, .act = g.act,
                        .alpha = g.alpha};
    clglu_status status = clglu_emulate_act_backward(&d, w->dh, w->a, w->dab, NULL);
    return status ? status : clglu_emulate_act_forward(&d, w->a, w->h);
}

static clglu_status gated(work *w, size_t col, size_t n)
{
    size_t ff = w->block->d_ff;
    clglu_gate_desc d = clglu_block_gate(w->block);
    d.rows = w->rows;
    d.cols = n;
    d.a = d.b = d.dy = (clglu_view){0, WIDE, 1};
    d.da = (clglu_view){col, w->dab_ld, 1};
    d.db = (clglu_view){ff + col, w->dab_ld, 1};
    d.y = (clglu_view){col, ff, 1};
    return clglu_emulate_gate_backward(&d, w->dh, w->a, w->b, w->dab, w->dab, w->h, NULL, NULL);
}

static clglu_status hidden(work *w, size_t col, size_t n)
{
    const clglu_block *k = w->block;
    if (k->matrix[MATRIX_D].used)
        clglu_project(&w->back[MATRIX_D], k->dtype, w->g, w->rows, col, n, w->tile, w->dh);
    else
        copy_columns(w->g + col, k->d_out, w->rows, n, w->dh);
    input(w, MATRIX_A, BACK_A, col, n, w->a);
    if (!k->gated) return plain(w, col, n);
    input(w, MATRIX_B, BACK_B, col, n, w->b);
    return gated(w, col, n);
}

/* ---------------------------------------------------------------- results */

static bool is_finite(clglu_dtype dtype, const void *array, clglu_view v, size_t rows, size_t cols)
{
    float part[WIDE];
    for (size_t r = 0; r < rows; r++)
        for (size_t c = 0; c < cols; c += WIDE) {
            size_t n = clglu_smaller(cols - c, WIDE);
            clglu_widen_view(dtype, array, clglu_view_from(v, r, c), 1, n, part, WIDE);
            for (size_t i = 0; i < n; i++)
                if (!isfinite(part[i])) return false;
        }
    return true;
}

/* [rows, cols] of a gradient, from an element on. */
static void store(work *w, clglu_back_slot slot, size_t row, size_t rows, size_t col, size_t cols, const float *from,
                  size_t ld)
{
    const clglu_place *o = &w->call->operand[slot];
    clglu_view v = clglu_view_from(o->view, row, col);
    clglu_narrow_view(o->dtype, from, ld, rows, cols, w->array[slot], v);
    if (w->array[BACK_OVERFLOW] && !w->overflow) w->overflow = !is_finite(o->dtype, w->array[slot], v, rows, cols);
}

/* total += left^T right; rows of `right` are ld apart. */
static void add_weights(work *w, clglu_back_slot slot, const float *left, const float *right, size_t ld)
{
    const clglu_place *o = &w->call->operand[slot];
    for (size_t col = 0; o->used && col < o->cols; col += WIDE) {
        size_t n = clglu_smaller(o->cols - col, WIDE);
        copy_columns(right + col, ld, w->rows, n, w->tile);
        clglu_add_block(&(clglu_products){.rows = o->rows, .terms = w->rows, .cols = n, .x = left, .ld = 1,
                                          .inc = o->rows, .w = w->tile, .sums = w->total[slot] + col,
                                          .sums_ld = o->cols});
    }
}

/* total += the sum of the rows of x. */
static void add_rows(work *w, clglu_back_slot slot, const float *x, size_t ld)
{
    const clglu_place *o = &w->call->operand[slot];
    for (size_t col = 0; o->used && col < o->cols; col += WIDE) {
        float c[WIDE] = {0};
        size_t n = clglu_smaller(o->cols - col, WIDE);
        for (size_t r = 0; r < w->rows; r++)
            for (size_t i = 0; i < n; i++) c[i] += x[r * ld + col + i];
        for (size_t i = 0; i < n; i++) w->total[slot][col + i] += c[i];
    }
}

/* n columns of terms weights first, first + 1, ... in [Wa Wb]^T, as far as there is a Wa. */
static void weights_of_dx(work *w, size_t first, size_t terms, size_t col, size_t n)
{
    const clglu_block *k = w->block;
    size_t of_a = k->matrix[MATRIX_A].used ? k->d_ff : 0, begin = 0;
    if (first < of_a) begin = clglu_smaller(of_a - first, terms);
    if (begin) clglu_weights_tile(&w->back[MATRIX_A], k->dtype, first, begin, col, n, w->tile, WIDE);
    if (begin < terms)
        clglu_weights_tile(&w->back[MATRIX_B], k->dtype, first + begin - of_a, terms - begin, col, n,
                           w->tile + begin * WIDE, WIDE);
}

/* One sum over da and then db; without wa it begins with da and goes over db. */
static void input_gradient(work *w, size_t col, size_t n)
{
    bool has_a = w->block->matrix[MATRIX_A].used;
    size_t skipped = has_a ? 0 : w->block->d_ff, all = w->dab_ld - skipped;
    memset(w->a, 0, w->rows * WIDE * sizeof *w->a);
    if (!has_a) copy_columns(w->dab + col, w->dab_ld, w->rows, n, w->a);
    for (size_t t = 0; t < all; t += CLGLU_SUM_BLOCK) {
        size_t terms = clglu_smaller(all - t, CLGLU_SUM_BLOCK);
        weights_of_dx(w, t, terms, col, n);
        clglu_add_block(&(clglu_products){.rows = w->rows, .terms = terms, .cols = n, .x = w->dab + skipped + t,
                                          .ld = w->dab_ld, .inc = 1, .w = w->tile, .sums = w->a, .sums_ld = WIDE});
    }
    store(w, BACK_DX, w->row, w->rows, col, n, w->a, WIDE);
}

/* ---------------------------------------------------------------- all rows */

static clglu_status run_rows(work *w)
{
    const clglu_block *k = w->block;
    const float *db = w->dab + k->d_ff;
    clglu_status status = CLGLU_OK;
    load_rows(w);
    for (size_t col = 0; !status && col < k->d_ff; col += WIDE) status = hidden(w, col, clglu_smaller(k->d_ff - col, WIDE));
    if (status) return status;
    add_weights(w, BACK_DWA, w->x, w->dab, w->dab_ld);
    add_weights(w, BACK_DWB, w->x, db, w->dab_ld);
    add_weights(w, BACK_DWD, w->h, w->g, k->d_out);
    add_rows(w, BACK_DBA, w->dab, w->dab_ld);
    add_rows(w, BACK_DBB, db, w->dab_ld);
    add_rows(w, BACK_DBD, w->g, k->d_out);
    for (size_t col = 0; w->call->operand[BACK_DX].used && col < k->d_model; col += WIDE)
        input_gradient(w, col, clglu_smaller(k->d_model - col, WIDE));
    return status;
}

/* Floats that a gradient's total takes; 0 where it has none. */
static size_t total_size(const clglu_backward *call, int slot)
{
    const clglu_place *o = &call->operand[slot];
    return o->used && slot > BACK_DX && slot < BACK_OVERFLOW ? o->rows * o->cols : 0;
}

static bool make_room(work *w)
{
    const clglu_block *k = w->block;
    size_t rows = clglu_smaller(w->call->rows, ROWS), count = rows * (k->d_model + k->d_out + w->dab_ld + k->d_ff);
    for (int s = 0; s < BACK_SLOTS; s++) count += total_size(w->call, s);
    w->memory = calloc(count, sizeof *w->memory);
    if (w->memory == NULL) return false;
    w->x = w->memory;
    w->g = w->x + rows * k->d_model;
    w->dab = w->g + rows * k->d_out;
    w->h = w->dab + rows * w->dab_ld;
    float *next = w->h + rows * k->d_ff;
    for (int s = 0; s < BACK_SLOTS; s++) {
        w->total[s] = next;
        next += total_size(w->call, s);
    }
    return true;
}

static clglu_status run_all(work *w)
{
    clglu_status status = CLGLU_OK;
    if (!make_room(w)) return CLGLU_OUT_OF_MEMORY;
    for (int s = 0; s < BACK_SLOTS; s++) {
        const clglu_place *o = &w->call->operand[s];
        if (total_size(w->call, s) && w->call->accumulate)
            clglu_widen_view(o->dtype, w->array[s], o->view, o->rows, o->cols, w->total[s], o->cols);
    }
    for (w->row = 0; !status && w->row < w->call->rows; w->row += ROWS) {
        w->rows = clglu_smaller(w->call->rows - w->row, ROWS);
        status = run_rows(w);
    }
    for (int s = 0; !status && s < BACK_SLOTS; s++) {
        const clglu_place *o = &w->call->operand[s];
        if (total_size(w->call, s)) store(w, (clglu_back_slot)s, 0, o->rows, 0, o->cols, w->total[s], o->cols);
    }
    free(w->memory);
    return status;
}

static clglu_status run(const clglu_block *block, const clglu_backward *call, const clglu_ffn_gradients_host *arrays)
{
    work *w = calloc(1, sizeof *w);
    if (w == NULL) return CLGLU_OUT_OF_MEMORY;
    w->block = block;
    w->call = call;
    w->dab_ld = block->gated ? 2 * block->d_ff : block->d_ff;
    clglu_backward_arrays(arrays, w->array);
    for (int i = 0; i < MATRICES; i++) w->back[i] = clglu_transposed(&block->matrix[i]);
    clglu_status status = run_all(w);
    if (!status && arrays->overflow) *arrays->overflow = w->overflow;
    free(w);
    return status;
}

clglu_status clglu_emulate_ffn_backward(const clglu_ffn_desc *desc, const clglu_ffn_backward_call *call,
                                        const clglu_ffn_gradients_host *arrays)
{
    const char *why;
    clglu_back_slot culprit;
    clglu_block block;
    clglu_backward checked;
    clglu_status status = clglu_block_from_host(&block, desc, &why);
    if (!status) status = clglu_backward_host(&checked, &block, call, arrays, &why, &culprit);
    if (status) return status;
    if (checked.rows) return run(&block, &checked, arrays);
    if (arrays->overflow) *arrays->overflow = 0;
    return CLGLU_OK;
}
