/* place.c - where a call's operands are, and which of them share memory.
   SPDX-License-Identifier: MIT */

#include "place.h"

static clglu_status fail(clglu_status status, const char *text, const char **why)
{
    *why = text;
    return status;
}

clglu_status clglu_place_resolve(clglu_place *p, const char **why)
{
    size_t size = clglu_dtype_size(p->dtype);
    if (size == 0) return fail(CLGLU_INVALID_VALUE, "its dtype is unknown", why);
    if (clglu_view_resolve(&p->view, p->rows, p->cols, size, &p->end))
        return fail(CLGLU_INVALID_SIZE, "its view overflows, or cols is 0", why);
    if (p->output && !clglu_view_is_injective(&p->view, p->rows, p->cols))
        return fail(CLGLU_INVALID_VIEW, "its view names an element twice", why);
    if (p->origin > SIZE_MAX - p->end * size)
        return fail(CLGLU_INVALID_SIZE, "its view passes the end of the address space", why);
    return CLGLU_OK;
}

static size_t first_byte(const clglu_place *p)
{
    return p->origin + p->view.offset * clglu_dtype_size(p->dtype);
}

static size_t last_byte(const clglu_place *p)
{
    return p->origin + p->end * clglu_dtype_size(p->dtype);
}

bool clglu_place_reaches(const clglu_place *p, const void *space, size_t origin, size_t bytes)
{
    return p->used && p->end && p->space == space && first_byte(p) < origin + bytes && origin < last_byte(p);
}

bool clglu_places_touch(const clglu_place *p, const clglu_place *q)
{
    return q->used && q->end && clglu_place_reaches(p, q->space, first_byte(q), last_byte(q) - first_byte(q));
}

/* The view as seen from the start of the space, if elements of both lie on one grid. */
static bool rebase(const clglu_place *p, const clglu_place *q, clglu_view *view)
{
    size_t size = clglu_dtype_size(p->dtype);
    *view = p->view;
    view->offset += p->origin / size;
    return p->rows == q->rows && p->cols == q->cols && size == clglu_dtype_size(q->dtype) && p->origin % size == 0;
}

bool clglu_places_equal(const clglu_place *p, const clglu_place *q)
{
    clglu_view v, w;
    return p->space == q->space && rebase(p, q, &v) && rebase(q, p, &w) && clglu_views_equal(&v, &w);
}

bool clglu_places_meet(const clglu_place *p, const clglu_place *q)
{
    clglu_view v, w;
    if (!clglu_places_touch(p, q)) return false;
    return !rebase(p, q, &v) || !rebase(q, p, &w) || clglu_views_meet(&v, &w, p->rows, p->cols);
}

clglu_status clglu_places_check(clglu_place *places, int count, const char **why, int *culprit)
{
    clglu_status status = CLGLU_OK;
    for (int i = 0; !status && i < count; i++) {
        *culprit = i;
        if (places[i].used) status = clglu_place_resolve(&places[i], why);
    }
    for (int out = 0; !status && out < count; out++)
        for (int other = 0; !status && places[out].output && other < out; other++) {
            *culprit = out;
            if (clglu_places_meet(&places[out], &places[other]))
                status = fail(CLGLU_OVERLAP, "it overlaps another operand", why);
        }
    return status;
}
