/* block.c - a feed-forward block and one call of it made explicit: values, shapes and views, checked.
   SPDX-License-Identifier: MIT */

#include "block.h"

#include <stdint.h>

#include "job.h"
#include "sizes.h"

enum { LARGEST = 1 << 22, ROW_BLOCK = 512 };

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
    clglu_job job = {.act = k->act, .gate = k->gate, .dtype = k->dtype, .alpha = k->alpha, .limit = k->limit,
                     .shift = k->shift};
    clglu_status status = clglu_job_check_values(&job, why);
    if (status) return status;
    k->alpha = job.alpha;
    if ((unsigned)k->route > CLGLU_ROUTE_CLBLAST) return fail(CLGLU_INVALID_VALUE, "route is unknown", why);
    if (k->training && k->route == CLGLU_ROUTE_CLBLAST)
        return fail(CLGLU_UNSUPPORTED, "training: the route CLBLAST has no backward", why);
    if (!k->gated && (k->gate != CLGLU_ACT_IDENTITY || k->limit != 0 || k->shift != 0))
        return fail(CLGLU_INVALID_VALUE, "without wb there is no gate, limit or shift", why);
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

clglu_status clglu_block_from_host(clglu_block *k, const clglu_ffn_desc *desc, const char **why)
{
    clglu_status status = clglu_block_from(k, desc, why);
    for (int i = 0; !status && i < MATRICES; i++)
        if (k->matrix[i].weights.buffer || k->matrix[i].bias.buffer)
            status = fail(CLGLU_INVALID_VALUE, "a matrix or bias is not in host memory", why);
    return status;
}

bool clglu_block_is_alike(const clglu_block *p, const clglu_block *q)
{
    bool alike = p->d_model == q->d_model && p->d_ff == q->d_ff && p->d_out == q->d_out && p->dtype == q->dtype;
    for (int i = 0; i < MATRICES; i++)
        alike = alike && p->matrix[i].used == q->matrix[i].used && p->matrix[i].biased == q->matrix[i].biased;
    return alike;
}

clglu_matrix clglu_transposed(const clglu_matrix *m)
{
    clglu_matrix t = {.used = m->used, .in = m->out, .out = m->in, .weights = m->weights, .end = m->end};
    t.weights.view.ld = m->weights.view.inc;
    t.weights.view.inc = m->weights.view.ld;
    return t;
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

const char *const clglu_call_names[CALL_SLOTS + 1] = {"x", "y", "a", "b"};

clglu_status clglu_row_block(size_t wanted, size_t *row_block, const char **why)
{
    if (wanted > SIZE_MAX - CLGLU_SUM_BLOCK) return fail(CLGLU_INVALID_SIZE, "row_block is too large", why);
    *row_block = wanted == 0 ? ROW_BLOCK : clglu_round_up(wanted, CLGLU_SUM_BLOCK);
    return CLGLU_OK;
}

clglu_status clglu_choice_check(const clglu_ffn_choice *choice, const char **why)
{
    if ((unsigned)choice->form > CLGLU_FORM_SPLIT || choice->row_tile > 256 || choice->tiles > 256)
        return fail(CLGLU_INVALID_VALUE, "choice: there is no such kernel", why);
    return CLGLU_OK;
}

/* Only what the block has can be asked for. */
static clglu_status check_asked(const clglu_block_call *c, const clglu_block *block, const char **why,
                                clglu_call_slot *culprit)
{
    bool no_a = c->operand[CALL_A].used && !block->matrix[MATRIX_A].used;
    if (!no_a && (!c->operand[CALL_B].used || block->gated)) return CLGLU_OK;
    *culprit = no_a ? CALL_A : CALL_B;
    return fail(CLGLU_INVALID_VALUE, no_a ? "the block has no wa" : "the block has no wb", why);
}

static clglu_status check_operands(clglu_block_call *c, const clglu_block *block, const clglu_ffn_call *desc,
                                   const char **why, clglu_call_slot *culprit)
{
    const clglu_view views[CALL_SLOTS] = {desc->x, desc->y, desc->a, desc->b};
    const clglu_dtype dtypes[CALL_SLOTS] = {desc->x_dtype, desc->y_dtype, desc->ab_dtype, desc->ab_dtype};
    const size_t cols[CALL_SLOTS] = {block->d_model, block->d_out, block->d_ff, block->d_ff};
    int number;
    for (int s = 0; s < CALL_SLOTS; s++) {
        clglu_place *o = &c->operand[s];
        o->output = s != CALL_X;
        o->rows = c->rows;
        o->cols = cols[s];
        o->view = views[s];
        o->dtype = dtypes[s];
        if (o->used && clglu_dtype_size(o->dtype) == 0)
            return fail(CLGLU_INVALID_VALUE, "x_dtype, y_dtype or ab_dtype is unknown", why);
    }
    clglu_status status = clglu_places_check(c->operand, CALL_SLOTS, why, &number);
    if (status) *culprit = (clglu_call_slot)number;
    return status;
}

clglu_status clglu_block_call_from(clglu_block_call *c, const clglu_block *block, const clglu_ffn_call *desc,
                                   const char **why, clglu_call_slot *culprit)
{
    *culprit = CALL_SLOTS;
    if (desc == NULL) return fail(CLGLU_NULL_POINTER, "call is NULL", why);
    c->rows = desc->rows;
    c->choice = desc->choice;
    clglu_status status = clglu_choice_check(&c->choice, why);
    if (!status) status = clglu_row_block(desc->row_block, &c->row_block, why);
    if (!status) status = check_asked(c, block, why, culprit);
    return status ? status : check_operands(c, block, desc, why, culprit);
}

clglu_status clglu_block_call_host(clglu_block_call *c, const clglu_block *block, const clglu_ffn_call *desc,
                                   const void *x, const void *y, const void *a, const void *b, const char **why,
                                   clglu_call_slot *culprit)
{
    const void *arrays[CALL_SLOTS] = {x, y, a, b};
    *c = (clglu_block_call){.rows = 0};
    *culprit = x ? CALL_Y : CALL_X;
    if (desc && desc->rows && (x == NULL || y == NULL)) return fail(CLGLU_NULL_POINTER, "it is NULL", why);
    for (int s = 0; s < CALL_SLOTS; s++) {
        c->operand[s].used = arrays[s] != NULL;
        c->operand[s].origin = (size_t)(uintptr_t)arrays[s];
    }
    return clglu_block_call_from(c, block, desc, why, culprit);
}
