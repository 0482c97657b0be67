/* backward.c - one backward call of a feed-forward block made explicit: values, shapes, views and overlaps, checked.
   SPDX-License-Identifier: MIT */

#include "backward.h"

#include <math.h>
#include <stdint.h>

static clglu_status fail(clglu_status status, const char *text, const char **why)
{
    *why = text;
    return status;
}

const char *const clglu_back_names[BACK_SLOTS + 1] = {"dy",  "x",   "a",   "b",   "dx",  "dwa",
                                                      "dwb", "dwd", "dba", "dbb", "dbd", "overflow", "backward"};

/* ---------------------------------------------------------------- what the block has, and what the call needs */

static bool exists(const clglu_block *k, clglu_back_slot slot)
{
    switch (slot) {
    case BACK_A:
    case BACK_DWA: return k->matrix[MATRIX_A].used;
    case BACK_DBA: return k->matrix[MATRIX_A].biased;
    case BACK_B:
    case BACK_DWB: return k->matrix[MATRIX_B].used;
    case BACK_DBB: return k->matrix[MATRIX_B].biased;
    case BACK_DWD: return k->matrix[MATRIX_D].used;
    case BACK_DBD: return k->matrix[MATRIX_D].biased;
    default: return true;
    }
}

static bool any_gradient(const clglu_backward *c)
{
    for (int s = BACK_DX; s < BACK_OVERFLOW; s++)
        if (c->operand[s].used) return true;
    return false;
}

static clglu_status check_given(clglu_backward *c, const clglu_block *k, const char **why, clglu_back_slot *culprit)
{
    clglu_place *o = c->operand;
    for (int s = 0; s < BACK_SLOTS; s++) {
        *culprit = (clglu_back_slot)s;
        if (o[s].used && !exists(k, *culprit)) return fail(CLGLU_INVALID_VALUE, "the block has no such part", why);
    }
    *culprit = BACK_DY;
    if (!o[BACK_DY].used) return fail(CLGLU_NULL_POINTER, "it is NULL", why);
    *culprit = BACK_SLOTS;
    if (!any_gradient(c)) return fail(CLGLU_NULL_POINTER, "no gradient is asked for", why);
    bool stored = o[BACK_A].used || o[BACK_B].used;
    *culprit = o[BACK_A].used ? BACK_B : BACK_A;
    if (stored && (o[BACK_A].used != exists(k, BACK_A) || o[BACK_B].used != exists(k, BACK_B)))
        return fail(CLGLU_NULL_POINTER, "a and b are given together, or computed again together", why);
    c->recompute = !stored;
    *culprit = BACK_X;
    bool needed = !stored || o[BACK_DWA].used || o[BACK_DWB].used || !exists(k, BACK_A);
    return needed && !o[BACK_X].used ? fail(CLGLU_NULL_POINTER, "it is NULL", why) : CLGLU_OK;
}

static clglu_status check_values(clglu_backward *c, const clglu_block *k, const clglu_ffn_backward_call *d,
                                 const char **why)
{
    if (d->accumulate != 0 && d->accumulate != 1) return fail(CLGLU_INVALID_VALUE, "accumulate is 0 or 1", why);
    if (!isfinite(d->scale)) return fail(CLGLU_INVALID_VALUE, "scale must be finite", why);
    if (d->weights_dtype != CLGLU_F32 && d->weights_dtype != k->dtype)
        return fail(CLGLU_INVALID_VALUE, "weights_dtype is f32 or the weights' own", why);
    clglu_status status = clglu_choice_check(&d->choice, why);
    if (status) return status;
    c->rows = d->rows;
    c->accumulate = d->accumulate != 0;
    c->scale = d->scale == 0 ? 1 : d->scale;
    c->choice = d->choice;
    return clglu_row_block(d->row_block, &c->row_block, why);
}

/* ---------------------------------------------------------------- shapes */

static void set_shapes(clglu_backward *c, const clglu_block *k, const clglu_ffn_backward_call *d)
{
    size_t n = c->rows, in = k->d_model, ff = k->d_ff, out = k->d_out;
    clglu_dtype w = d->weights_dtype, f32 = CLGLU_F32;
    const clglu_place all[BACK_SLOTS] = {
        [BACK_DY] = {.rows = n, .cols = out, .view = d->dy, .dtype = d->dy_dtype},
        [BACK_X] = {.rows = n, .cols = in, .view = d->x, .dtype = d->x_dtype},
        [BACK_A] = {.rows = n, .cols = ff, .view = d->a, .dtype = d->ab_dtype},
        [BACK_B] = {.rows = n, .cols = ff, .view = d->b, .dtype = d->ab_dtype},
        [BACK_DX] = {.rows = n, .cols = in, .view = d->dx, .dtype = d->dx_dtype},
        [BACK_DWA] = {.rows = in, .cols = ff, .view = d->dwa, .dtype = w},
        [BACK_DWB] = {.rows = in, .cols = ff, .view = d->dwb, .dtype = w},
        [BACK_DWD] = {.rows = ff, .cols = out, .view = d->dwd, .dtype = w},
        [BACK_DBA] = {.rows = 1, .cols = ff, .view = d->dba, .dtype = f32},
        [BACK_DBB] = {.rows = 1, .cols = ff, .view = d->dbb, .dtype = f32},
        [BACK_DBD] = {.rows = 1, .cols = out, .view = d->dbd, .dtype = f32},
        [BACK_OVERFLOW] = {.rows = 1, .cols = 1, .dtype = f32},
    };
    for (int s = 0; s < BACK_SLOTS; s++) {
        clglu_place *o = &c->operand[s], had = *o;
        *o = all[s];
        o->used = had.used;
        o->output = s >= BACK_DX;
        o->space = had.space;
        o->origin = had.origin;
    }
}

clglu_status clglu_backward_from(clglu_backward *c, const clglu_block *block, const clglu_ffn_backward_call *desc,
                                 const char **why, clglu_back_slot *culprit)
{
    int number;
    *culprit = BACK_SLOTS;
    if (desc == NULL) return fail(CLGLU_NULL_POINTER, "call is NULL", why);
    clglu_status status = check_values(c, block, desc, why);
    if (status) return status;
    set_shapes(c, block, desc);
    status = check_given(c, block, why, culprit);
    if (status) return status;
    status = clglu_places_check(c->operand, BACK_SLOTS, why, &number);
    if (status) *culprit = (clglu_back_slot)number;
    return status;
}

/* ---------------------------------------------------------------- host arrays */

void clglu_backward_arrays(const clglu_ffn_gradients_host *g, void *list[BACK_SLOTS])
{
    const void *all[BACK_SLOTS] = {g->dy, g->x,   g->a,   g->b,   g->dx,  g->dwa,
                                   g->dwb, g->dwd, g->dba, g->dbb, g->dbd, g->overflow};
    for (int s = 0; s < BACK_SLOTS; s++) list[s] = (void *)(uintptr_t)all[s];
}

clglu_status clglu_backward_host(clglu_backward *c, const clglu_block *block, const clglu_ffn_backward_call *desc,
                                 const clglu_ffn_gradients_host *arrays, const char **why, clglu_back_slot *culprit)
{
    void *list[BACK_SLOTS];
    *culprit = BACK_SLOTS;
    *c = (clglu_backward){.rows = 0};
    if (arrays == NULL) return fail(CLGLU_NULL_POINTER, "arrays is NULL", why);
    clglu_backward_arrays(arrays, list);
    for (int s = 0; s < BACK_SLOTS; s++) {
        c->operand[s].used = list[s] != NULL;
        c->operand[s].origin = (size_t)(uintptr_t)list[s];
    }
    return clglu_backward_from(c, block, desc, why, culprit);
}
