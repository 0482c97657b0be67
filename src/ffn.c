/* ffn.c - feed-forward blocks: made, called and freed.
   SPDX-License-Identifier: MIT */

#include "ffn.h"

#include <stdlib.h>

#include "buffer.h"
#include "error.h"
#include "tune.h"
#include "workspace.h"

clglu_status clglu_ffn_fail(const clglu_ffn *ffn, clglu_status status, const char *name, const char *why)
{
    return name ? clglu_fail(ffn->context, status, "%s: %s", name, why) : clglu_fail(ffn->context, status, "%s", why);
}

/* ---------------------------------------------------------------- create */

static clglu_status check_source(clglu_context *context, const char *name, cl_mem mem, size_t bytes)
{
    if (mem == NULL) return CLGLU_OK;
    clglu_status status = clglu_buffer_check(context, name, mem, true, false);
    return status ? status : clglu_buffer_holds(context, name, mem, bytes);
}

clglu_status clglu_ffn_check_sources(clglu_context *context, const clglu_block *b)
{
    static const char *const names[MATRICES] = {"wa", "wb", "wd"}, *const biases[MATRICES] = {"ba", "bb", "bd"};
    size_t size = clglu_dtype_size(b->dtype);
    clglu_status status = CLGLU_OK;
    for (int i = 0; !status && i < MATRICES; i++) {
        const clglu_matrix *m = &b->matrix[i];
        status = check_source(context, names[i], m->weights.buffer, m->end * size);
        if (!status) status = check_source(context, biases[i], m->bias.buffer, m->bias_end * size);
    }
    return status;
}

/* AUTO takes CLBlast only where the context allows other bits and a tuning file says that it is faster for many rows. */
static clglu_status choose_route(clglu_ffn *ffn)
{
    clglu_block *b = &ffn->block;
    clglu_ffn_choice unused;
    bool faster = false;
    if (b->route == CLGLU_ROUTE_CLBLAST && !clglu_has_clblast())
        return clglu_fail(ffn->context, CLGLU_UNSUPPORTED, "route: this library was built without CLBlast");
    if (b->route == CLGLU_ROUTE_AUTO && !b->training && ffn->context->allow_other_bits && clglu_has_clblast())
        clglu_tuning_find(ffn->context->tuning, b->d_model, b->d_ff, b->dtype, b->d_ff, &unused, &faster);
    ffn->dense = b->route == CLGLU_ROUTE_CLBLAST || faster;
    return CLGLU_OK;
}

/* The panels of a block; those for its backward are of the transposed matrices. */
clglu_status clglu_ffn_each(clglu_ffn *ffn, const clglu_block *from, clglu_ffn_pack pack, clglu_sequence *sequence)
{
    const clglu_matrix *a = &from->matrix[MATRIX_A], *b = &from->matrix[MATRIX_B], *d = &from->matrix[MATRIX_D];
    const clglu_matrix none = {.used = false};
    clglu_panel_sources up = {a->used ? *a : *b, a->used ? *b : none, JOIN_BESIDE, from->dtype};
    clglu_panel_sources down = {*d, none, JOIN_BESIDE, from->dtype};
    clglu_panel_sources back_up = {clglu_transposed(&up.a), clglu_transposed(&up.b), JOIN_BELOW, from->dtype};
    clglu_panel_sources back_down = {clglu_transposed(d), none, JOIN_BESIDE, from->dtype};
    clglu_status status = pack(ffn, &up, &ffn->up, sequence);
    if (!status && d->used) status = pack(ffn, &down, &ffn->down, sequence);
    if (!status && from->training) status = pack(ffn, &back_up, &ffn->back_up, sequence);
    if (!status && from->training && d->used) status = pack(ffn, &back_down, &ffn->back_down, sequence);
    return status;
}

static clglu_status make(clglu_ffn *ffn, const clglu_panel_sources *sources, clglu_panels *panels,
                         clglu_sequence *sequence)
{
    (void)sequence; /* panels are made one after the other, on the context's own queue */
    return clglu_panels_make(ffn->context, sources, ffn->dense, panels);
}

/* What the block was made from is the caller's again. */
static void forget_sources(clglu_block *b)
{
    for (int i = 0; i < MATRICES; i++) {
        b->matrix[i].weights = (clglu_weights){.buffer = NULL};
        b->matrix[i].bias = (clglu_bias){.buffer = NULL};
    }
}

clglu_status clglu_ffn_create(clglu_context *context, const clglu_ffn_desc *desc, clglu_ffn **ffn)
{
    clglu_block block;
    const char *why;
    if (ffn) *ffn = NULL;
    if (context == NULL) return CLGLU_NULL_POINTER;
    if (ffn == NULL) return clglu_fail(context, CLGLU_NULL_POINTER, "ffn is NULL");
    clglu_status status = clglu_block_from(&block, desc, &why);
    if (status) return clglu_fail(context, status, "%s", why);
    status = clglu_ffn_check_sources(context, &block);
    if (status) return status;
    clglu_ffn *f = calloc(1, sizeof *f);
    if (f == NULL) return clglu_fail(context, CLGLU_OUT_OF_MEMORY, "no memory for a block");
    f->context = context;
    f->block = block;
    status = choose_route(f);
    if (!status) status = clglu_ffn_each(f, &block, make, NULL);
    if (status) {
        clglu_ffn_destroy(f);
        return status;
    }
    forget_sources(&f->block);
    *ffn = f;
    return CLGLU_OK;
}

void clglu_ffn_destroy(clglu_ffn *ffn)
{
    if (ffn == NULL) return;
    clglu_panels_free(&ffn->up);
    clglu_panels_free(&ffn->down);
    clglu_panels_free(&ffn->back_up);
    clglu_panels_free(&ffn->back_down);
    free(ffn);
}

size_t clglu_ffn_bytes(const clglu_ffn *ffn)
{
    return ffn ? ffn->up.bytes + ffn->down.bytes + ffn->back_up.bytes + ffn->back_down.bytes : 0;
}

/* ---------------------------------------------------------------- calls */

clglu_status clglu_ffn_workspace(const clglu_ffn *ffn, const clglu_ffn_call *call, size_t *bytes)
{
    clglu_block_call c = {.rows = 0};
    clglu_call_slot culprit;
    const char *why;
    if (ffn == NULL) return CLGLU_NULL_POINTER;
    if (bytes == NULL) return clglu_fail(ffn->context, CLGLU_NULL_POINTER, "bytes is NULL");
    clglu_status status = clglu_block_call_from(&c, &ffn->block, call, &why, &culprit);
    if (status) return clglu_ffn_fail(ffn, status, clglu_call_names[culprit], why);
    if (!clglu_ffn_room(ffn, c.rows, c.row_block, bytes))
        return clglu_fail(ffn->context, CLGLU_INVALID_SIZE, "row_block is too large");
    return CLGLU_OK;
}

static clglu_status check_call(clglu_ffn *ffn, const clglu_ffn_call *call, const clglu_ffn_buffers *b,
                               clglu_block_call *c, size_t *room)
{
    const char *const *names = clglu_call_names;
    clglu_context *context = ffn->context;
    clglu_call_slot culprit;
    const char *why;
    *c = (clglu_block_call){.rows = 0};
    if (call == NULL) return clglu_fail(context, CLGLU_NULL_POINTER, "call is NULL");
    if (b->of[CALL_X] == NULL || b->of[CALL_Y] == NULL)
        return clglu_fail(context, CLGLU_NULL_POINTER, "%s is NULL", b->of[CALL_X] ? "y" : "x");
    clglu_status status = clglu_places_use_buffers(context, c->operand, names, b->of, CALL_SLOTS);
    if (status) return status;
    status = clglu_block_call_from(c, &ffn->block, call, &why, &culprit);
    if (status) return clglu_ffn_fail(ffn, status, names[culprit], why);
    for (int s = 0; !status && s < CALL_SLOTS; s++)
        status = clglu_place_check_buffer(context, &c->operand[s], names[s], b->of[s], s == CALL_X);
    if (!status && !clglu_ffn_room(ffn, c->rows, c->row_block, room))
        status = clglu_fail(context, CLGLU_INVALID_SIZE, "row_block is too large");
    return status ? status : clglu_places_check_workspace(context, c->operand, CALL_SLOTS, b->workspace, *room);
}

/* The choice is judged before anything is enqueued: the first row block has the most rows. */
static clglu_status check_plan(const clglu_ffn *ffn, const clglu_block_call *c)
{
    clglu_plan unused;
    if (c->rows == 0 || ffn->dense) return CLGLU_OK;
    return clglu_plan_make(ffn, &c->choice, clglu_smaller(c->rows, c->row_block), &unused);
}

static clglu_status run(clglu_ffn *ffn, const clglu_block_call *c, clglu_ffn_buffers *b, size_t room,
                        clglu_sequence *sequence)
{
    bool own = b->workspace == NULL && c->rows > 0;
    clglu_status status =
        own ? clglu_workspace_take(ffn->context, sequence->queue, room, &b->workspace) : CLGLU_OK;
    if (status) return status;
    status = clglu_ffn_run(ffn, c, b, sequence);
    if (own) clglu_workspace_give(ffn->context, b->workspace, sequence->last);
    return status;
}

clglu_status clglu_ffn_forward(clglu_ffn *ffn, const clglu_ffn_call *call, cl_command_queue queue, cl_mem x, cl_mem y,
                               cl_mem a, cl_mem b, cl_mem workspace, cl_uint nwait, const cl_event *wait,
                               cl_event *event)
{
    clglu_ffn_buffers buffers = {{x, y, a, b}, workspace};
    clglu_block_call c;
    clglu_sequence sequence;
    size_t room = 0;
    if (ffn == NULL) return CLGLU_NULL_POINTER;
    clglu_status status = check_call(ffn, call, &buffers, &c, &room);
    if (!status) status = check_plan(ffn, &c);
    if (!status) status = clglu_sequence_begin(&sequence, ffn->context, queue, nwait, wait);
    if (status) return status;
    status = run(ffn, &c, &buffers, room, &sequence);
    return clglu_sequence_end(&sequence, status, event);
}
