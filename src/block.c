/* block.c - a feed-forward block and one call of it made explicit: values, shapes and views, checked.
   SPDX-License-Identifier: MIT */

#include "block.h"

#include <math.h>
#include <string.h>

enum { LARGEST = 1 << 22, ROW_UNIT = 128, ROW_BLOCK = 512 };

static clglu_status fail(clglu_status status, const char *text, const char **why)
{
    *why = text;
    return status;
}

/* ---------------------------------------------------------------- the block */

static bool is_given(const clglu_weights *w)
{
    return w->buffer != NULL || w->host != NULL;
}

static bool has_bias(const clglu_bias *b)
{
    return b->buffer != NULL || b->host != NULL;
}

static clglu_status check_sources(const clglu_block *k, const char **why)
{
    for (int i = 0; i < MATRICES; i++) {
        const clglu_weights *w = &k->matrix[i].weights;
        const clglu_bias *b = &k->matrix[i].bias;
        if ((w->buffer && w->host) || (b->buffer && b->host))
            return fail(CLGLU_INVALID_VALUE, "a matrix or bias has both a buffer and a host array", why);
    }
    return CLGLU_OK;
}

static clglu_status check_values(clglu_block *k, const char **why)
{
    bool gated = k->gated;
    if ((unsigned)k->act >= CLGLU_ACT_COUNT) return fail(CLGLU_INVALID_VALUE, "act is unknown", why);
    if ((unsigned)k->gate >= CLGLU_ACT_COUNT) return fail(CLGLU_INVALID_VALUE, "gate is unknown", why);
    if (clglu_dtype_size(k->dtype) == 0) return fail(CLGLU_INVALID_VALUE, "dtype is unknown", why);
    if ((unsigned)k->route > CLGLU_ROUTE_CLBLAST) return fail(CLGLU_INVALID_VALUE, "route is unknown", why);
    if (!(k->alpha >= 0 && isfinite(k->alpha)))
        return fail(CLGLU_INVALID_VALUE, "alpha must be finite and positive (0: 1)", why);
    if (k->alpha != 0 && k->act != CLGLU_ACT_SILU)
        return fail(CLGLU_INVALID_VALUE, "alpha is for act = silu only", why);
    if (!(k->limit >= 0 && isfinite(k->limit)))
        return fail(CLGLU_INVALID_VALUE, "limit must be finite and positive (0: none)", why);
    if (!isfinite(k->shift)) return fail(CLGLU_INVALID_VALUE, "shift must be finite", why);
    if (k->training && k->route == CLGLU_ROUTE_CLBLAST)
        return fail(CLGLU_UNSUPPORTED, "training: the route CLBLAST has no backward", why);
    if (!gated && (k->gate != CLGLU_ACT_IDENTITY || k->limit != 0 || k->shift != 0))
        return fail(CLGLU_INVALID_VALUE, "without wb there is no gate, limit or shift", why);
    if (k->alpha == 0) k->alpha = 1;
    return CLGLU_OK;
}

static clglu_status check_sizes(clglu_block *k, const clglu_ffn_desc *desc, const char **why)
{
    bool has_a = k->matrix[MATRIX_A].used, has_d = k->matrix[MATRIX_D].used;
    k->d_model = desc->d_model;
    k->d_ff = !has_a && desc->d_ff == 0 ? desc->d_model : desc->d_ff;
    k->d_out = !has_d ? k->d_ff : desc->d_out ? desc->d_out : desc->d_model;
    if (k->d_model == 0 || k->d_ff == 0) return fail(CLGLU_INVALID_SIZE, "d_model or d_ff is 0", why);
    if (!has_a && k->d_ff != k->d_model)
        return fail(CLGLU_INVALID_SIZE, "without wa, a is x itself: d_ff must be d_model", why);
    if (k->d_model > LARGEST || k->d_ff > LARGEST || k->d_out > LARGEST)
        return fail(CLGLU_UNSUPPORTED, "a size is over 4194304", why);
    return CLGLU_OK;
}

static clglu_status check_bias(clglu_matrix *m, size_t size, const char **why)
{
    clglu_view v = {m->bias.offset, 0, m->bias.inc};
    m->biased = has_bias(&m->bias);
    if (!m->biased) return CLGLU_OK;
    if (!m->used) return fail(CLGLU_NULL_POINTER, "a bias has no matrix", why);
    clglu_status status = clglu_view_resolve(&v, 1, m->out, size, &m->bias_end);
    m->bias.inc = v.inc;
    return status ? fail(status, "a bias overflows", why) : CLGLU_OK;
}

static clglu_status check_matrix(clglu_block *k, clglu_matrix *m, size_t in, size_t out, const char **why)
{
    size_t size = clglu_dtype_size(k->dtype);
    m->in = in;
    m->out = out;
    if (m->used && clglu_view_resolve(&m->weights.view, in, out, size, &m->end))
        return fail(CLGLU_INVALID_SIZE, "a weight matrix' view overflows", why);
    return check_bias(m, size, why);
}

clglu_status clglu_block_from(clglu_block *k, const clglu_ffn_desc *desc, const char **why)
{
    if (desc == NULL) return fail(CLGLU_NULL_POINTER, "desc is NULL", why);
    *k = (clglu_block){.dtype = desc->dtype, .act = desc->act, .gate = desc->gate, .alpha = desc->alpha,
                       .limit = desc->limit, .shift = desc->shift, .route = desc->route,
                       .training = desc->training != 0};
    const clglu_weights *weights[MATRICES] = {&desc->wa, &desc->wb, &desc->wd};
    const clglu_bias *biases[MATRICES] = {&desc->ba, &desc->bb, &desc->bd};
    for (int i = 0; i < MATRICES; i++)
        k->matrix[i] = (clglu_matrix){.used = is_given(weights[i]), .weights = *weights[i], .bias = *biases[i]};
    k->gated = k->matrix[MATRIX_B].used;
    if (!k->matrix[MATRIX_A].used && !k->gated) return fail(CLGLU_NULL_POINTER, "wa and wb are absent", why);
    clglu_status status = check_sources(k, why);
    if (!status) status = check_values(k, why);
    if (!status) status = check_sizes(k, desc, why);
    if (!status) status = check_matrix(k, &k->matrix[MATRIX_A], k->d_model, k->d_ff, why);
    if (!status) status = check_matrix(k, &k->matrix[MATRIX_B], k->d_model, k->d_ff, why);
    if (!status) status = check_matrix(k, &k->matrix[MATRIX_D], k->d_ff, k->d_out, why);
    return status;
}

clglu_status clglu_block_check_place(const clglu_block *block, bool host, const char **why)
{
    for (int i = 0; i < MATRICES; i++) {
        const clglu_matrix *m = &block->matrix[i];
        if ((m->used && (m->weights.host != NULL) != host) || (m->biased && (m->bias.host != NULL) != host))
            return fail(CLGLU_INVALID_VALUE, host ? "a matrix or bias is not in host memory"
                                                  : "a matrix or bias is not on the device", why);
    }
    return CLGLU_OK;
}

clglu_gate_desc clglu_block_gate(const clglu_block *k)
{
    return (clglu_gate_desc){.rows = 1, .cols = 1, .act = k->act, .gate = k->gate,
                             .alpha = k->act == CLGLU_ACT_SILU ? k->alpha : 0, .limit = k->limit, .shift = k->shift};
}

/* ---------------------------------------------------------------- layouts of files */

static clglu_view dense(clglu_order order, size_t in, size_t out)
{
    return order == CLGLU_OUT_IN ? (clglu_view){0, 1, in} : (clglu_view){0, out, 1};
}

/* Both halves are views of [in, 2 out], whose outputs `step` apart belong to one half, from output number `first` on. */
static clglu_view half(clglu_order order, size_t in, size_t out, size_t first, size_t step)
{
    clglu_view v = dense(order, in, 2 * out);
    return (clglu_view){first * v.inc, v.ld, step * v.inc};
}

clglu_status clglu_ffn_set_layout(clglu_ffn_desc *desc, clglu_order order, clglu_layout layout)
{
    if (desc == NULL) return CLGLU_NULL_POINTER;
    if ((unsigned)order > CLGLU_IN_OUT || (unsigned)layout > CLGLU_INTERLEAVED) return CLGLU_INVALID_VALUE;
    size_t in = desc->d_model, ff = desc->d_ff, out = desc->d_out ? desc->d_out : in;
    if (in == 0 || ff == 0 || in > LARGEST || ff > LARGEST || out > LARGEST) return CLGLU_INVALID_SIZE;
    size_t step = layout == CLGLU_INTERLEAVED ? 2 : 1;
    size_t a = layout == CLGLU_ACT_SECOND ? ff : 0;
    size_t b = layout == CLGLU_ACT_FIRST ? ff : layout == CLGLU_INTERLEAVED ? 1 : 0;
    bool packed = layout != CLGLU_SEPARATE;
    desc->wa.view = packed ? half(order, in, ff, a, step) : dense(order, in, ff);
    desc->wb.view = packed ? half(order, in, ff, b, step) : dense(order, in, ff);
    desc->wd.view = dense(order, ff, out);
    desc->ba.offset = packed ? a : 0;
    desc->bb.offset = packed ? b : 0;
    desc->bd.offset = 0;
    desc->ba.inc = desc->bb.inc = step;
    desc->bd.inc = 1;
    return CLGLU_OK;
}

/* ---------------------------------------------------------------- a call */

static clglu_status check_operand(clglu_block_call *c, clglu_call_slot slot, const char **why)
{
    static const char *const overflows[CALL_SLOTS] = {"x: its view overflows", "y: its view overflows",
                                                      "a: its view overflows", "b: its view overflows"};
    static const char *const twice[CALL_SLOTS] = {"", "y: its view names an element twice",
                                                  "a: its view names an element twice",
                                                  "b: its view names an element twice"};
    clglu_call_operand *o = &c->operand[slot];
    if (!o->used) return CLGLU_OK;
    size_t size = clglu_dtype_size(o->dtype);
    if (size == 0) return fail(CLGLU_INVALID_VALUE, "x_dtype, y_dtype or ab_dtype is unknown", why);
    if (clglu_view_resolve(&o->view, c->rows, o->cols, size, &o->end) || o->origin > SIZE_MAX - o->end * size)
        return fail(CLGLU_INVALID_SIZE, overflows[slot], why);
    if (slot != CALL_X && !clglu_view_is_injective(&o->view, c->rows, o->cols))
        return fail(CLGLU_INVALID_VIEW, twice[slot], why);
    return CLGLU_OK;
}

/* Do two operands share memory? a and b, alike in everything but their place, may lie between one another. */
static bool clash(const clglu_block_call *c, const clglu_call_operand *p, const clglu_call_operand *q)
{
    size_t ps = clglu_dtype_size(p->dtype), qs = clglu_dtype_size(q->dtype);
    clglu_view pv = p->view, qv = q->view;
    if (!p->used || !q->used || p->space != q->space || p->end == 0 || q->end == 0) return false;
    if (p->origin + p->end * ps <= q->origin + qv.offset * qs || q->origin + q->end * qs <= p->origin + pv.offset * ps)
        return false;
    if (ps != qs || p->cols != q->cols || p->origin % ps || q->origin % qs) return true;
    pv.offset += p->origin / ps;
    qv.offset += q->origin / qs;
    return clglu_views_meet(&pv, &qv, c->rows, p->cols);
}

static clglu_status check_overlaps(const clglu_block_call *c, const char **why)
{
    static const char *const overlaps[CALL_SLOTS] = {"", "y: it overlaps another operand",
                                                     "a: it overlaps another operand",
                                                     "b: it overlaps another operand"};
    for (int out = CALL_Y; out < CALL_SLOTS; out++)
        for (int other = 0; other < out; other++)
            if (clash(c, &c->operand[out], &c->operand[other])) return fail(CLGLU_OVERLAP, overlaps[out], why);
    return CLGLU_OK;
}

static clglu_status check_choice(const clglu_ffn_choice *choice, const char **why)
{
    if ((unsigned)choice->form > CLGLU_FORM_SPLIT || choice->row_tile > 256 || choice->tiles > 256)
        return fail(CLGLU_INVALID_VALUE, "choice: there is no such kernel", why);
    return CLGLU_OK;
}

clglu_status clglu_row_block(size_t wanted, size_t *row_block, const char **why)
{
    if (wanted > SIZE_MAX - ROW_UNIT) return fail(CLGLU_INVALID_SIZE, "row_block is too large", why);
    *row_block = wanted == 0 ? ROW_BLOCK : (wanted + ROW_UNIT - 1) / ROW_UNIT * ROW_UNIT;
    return CLGLU_OK;
}

clglu_status clglu_block_call_from(clglu_block_call *c, const clglu_block *block, const clglu_ffn_call *desc,
                                   const char **why)
{
    if (desc == NULL) return fail(CLGLU_NULL_POINTER, "call is NULL", why);
    const clglu_view *views[CALL_SLOTS] = {&desc->x, &desc->y, &desc->a, &desc->b};
    clglu_dtype dtypes[CALL_SLOTS] = {desc->x_dtype, desc->y_dtype, desc->ab_dtype, desc->ab_dtype};
    size_t cols[CALL_SLOTS] = {block->d_model, block->d_out, block->d_ff, block->d_ff};
    clglu_status status = check_choice(&desc->choice, why);
    c->rows = desc->rows;
    c->choice = desc->choice;
    if (!status) status = clglu_row_block(desc->row_block, &c->row_block, why);
    if (status) return status;
    if (c->operand[CALL_A].used && !block->matrix[MATRIX_A].used)
        return fail(CLGLU_INVALID_VALUE, "a is asked for, but the block has no wa", why);
    if (c->operand[CALL_B].used && !block->gated)
        return fail(CLGLU_INVALID_VALUE, "b is asked for, but the block has no wb", why);
    for (int s = 0; !status && s < CALL_SLOTS; s++) {
        clglu_call_operand *o = &c->operand[s];
        o->view = *views[s];
        o->dtype = dtypes[s];
        o->cols = cols[s];
        status = check_operand(c, (clglu_call_slot)s, why);
    }
    return status ? status : check_overlaps(c, why);
}

clglu_status clglu_block_call_host(clglu_block_call *c, const clglu_block *block, const clglu_ffn_call *desc,
                                   const void *x, const void *y, const void *a, const void *b, const char **why)
{
    const void *arrays[CALL_SLOTS] = {x, y, a, b};
    *c = (clglu_block_call){.rows = 0};
    if (desc && desc->rows && (x == NULL || y == NULL)) return fail(CLGLU_NULL_POINTER, "x or y is NULL", why);
    for (int s = 0; s < CALL_SLOTS; s++) {
        c->operand[s].used = arrays[s] != NULL;
        c->operand[s].origin = (size_t)(uintptr_t)arrays[s];
    }
    return clglu_block_call_from(c, block, desc, why);
}
