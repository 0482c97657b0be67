/* job_check.c - a job is checked before anything happens: values, operands, sizes, overlaps.
   SPDX-License-Identifier: MIT */

#include <math.h>

#include "job.h"

static clglu_status fail(clglu_status status, const char *text, const char **why)
{
    *why = text;
    return status;
}

static clglu_status check_values(clglu_job *job, const char **why)
{
    if ((unsigned)job->act >= CLGLU_ACT_COUNT) return fail(CLGLU_INVALID_VALUE, "act is unknown", why);
    if ((unsigned)job->gate >= CLGLU_ACT_COUNT) return fail(CLGLU_INVALID_VALUE, "gate is unknown", why);
    if (clglu_dtype_size(job->dtype) == 0) return fail(CLGLU_INVALID_VALUE, "dtype is unknown", why);
    if ((unsigned)job->rounding > CLGLU_ROUND_LIKE_TORCH)
        return fail(CLGLU_INVALID_VALUE, "rounding is unknown", why);
    if (!(job->alpha >= 0 && isfinite(job->alpha)))
        return fail(CLGLU_INVALID_VALUE, "alpha must be finite and positive (0: 1)", why);
    if (job->alpha != 0 && job->act != CLGLU_ACT_SILU)
        return fail(CLGLU_INVALID_VALUE, "alpha is for act = silu only", why);
    if (!(job->limit >= 0 && isfinite(job->limit)))
        return fail(CLGLU_INVALID_VALUE, "limit must be finite and positive (0: none)", why);
    if (!isfinite(job->shift)) return fail(CLGLU_INVALID_VALUE, "shift must be finite", why);
    if (job->alpha == 0) job->alpha = 1;
    if (job->dtype == CLGLU_F32) job->rounding = CLGLU_ROUND_ONCE;
    return CLGLU_OK;
}

static clglu_status check_operands(const clglu_job *job, const char **why, clglu_slot *culprit)
{
    const clglu_operand *o = job->operand;
    *why = "it is NULL";
    *culprit = !o[SLOT_A].used                       ? SLOT_A
               : job->gated && !o[SLOT_B].used       ? SLOT_B
               : !job->backward && !o[SLOT_Y].used   ? SLOT_Y
               : job->backward && !o[SLOT_DY].used   ? SLOT_DY
                                                     : SLOT_COUNT;
    if (*culprit != SLOT_COUNT) return CLGLU_NULL_POINTER;
    for (int s = 0; s < SLOT_COUNT; s++)
        if (clglu_slots[s].output && o[s].used) return CLGLU_OK;
    return fail(CLGLU_NULL_POINTER, "no result is asked for", why);
}

static clglu_status check_views(clglu_job *job, const char **why, clglu_slot *culprit)
{
    for (int s = 0; s < SLOT_COUNT; s++) {
        clglu_operand *o = &job->operand[s];
        if (!o->used) continue;
        *culprit = (clglu_slot)s;
        size_t rows = clglu_job_rows(job, (clglu_slot)s);
        size_t size = clglu_dtype_size(clglu_job_dtype(job, (clglu_slot)s));
        clglu_status status = clglu_view_resolve(&o->view, rows, job->cols, size, &o->end);
        if (status) return fail(status, "its view overflows, or cols is 0", why);
        if (clglu_slots[s].output && !clglu_view_is_injective(&o->view, rows, job->cols))
            return fail(CLGLU_INVALID_VIEW, "its view names an element twice", why);
        if (o->origin > SIZE_MAX - o->end * size)
            return fail(CLGLU_INVALID_SIZE, "its view passes the end of the address space", why);
    }
    return CLGLU_OK;
}

/* The view as seen from the start of the space, if elements of both operands lie on one grid. */
static bool rebase(const clglu_operand *o, size_t size, clglu_view *view)
{
    *view = o->view;
    view->offset += o->origin / size;
    return o->origin % size == 0;
}

/* Do an output and another operand share memory in a way that is not the one allowed, exactly in place? */
static bool clash(const clglu_job *job, int out, int other)
{
    const clglu_operand *p = &job->operand[out], *q = &job->operand[other];
    size_t psize = clglu_dtype_size(clglu_job_dtype(job, (clglu_slot)out));
    size_t qsize = clglu_dtype_size(clglu_job_dtype(job, (clglu_slot)other));
    clglu_view pv, qv;

    if (p->space != q->space || p->end == 0 || q->end == 0) return false;
    if (p->origin + p->end * psize <= q->origin + q->view.offset * qsize ||
        q->origin + q->end * qsize <= p->origin + p->view.offset * psize)
        return false;
    if (psize != qsize || clglu_slots[out].vector != clglu_slots[other].vector) return true;
    if (!rebase(p, psize, &pv) || !rebase(q, qsize, &qv)) return true;
    if (!clglu_slots[other].output && !clglu_slots[out].vector && clglu_views_equal(&pv, &qv)) return false;
    return clglu_views_meet(&pv, &qv, clglu_job_rows(job, (clglu_slot)out), job->cols);
}

static clglu_status check_overlaps(const clglu_job *job, const char **why, clglu_slot *culprit)
{
    for (int out = 0; out < SLOT_COUNT; out++) {
        if (!job->operand[out].used || !clglu_slots[out].output) continue;
        for (int other = 0; other < SLOT_COUNT; other++) {
            bool seen = other <= out && clglu_slots[other].output;
            if (!job->operand[other].used || seen || !clash(job, out, other)) continue;
            *culprit = (clglu_slot)out;
            return fail(CLGLU_OVERLAP, "it overlaps another operand", why);
        }
    }
    return CLGLU_OK;
}

clglu_status clglu_job_check(clglu_job *job, const char **why, clglu_slot *culprit)
{
    *culprit = SLOT_COUNT;
    clglu_status status = check_values(job, why);
    if (!status) status = check_operands(job, why, culprit);
    if (!status) status = check_views(job, why, culprit);
    if (!status) status = check_overlaps(job, why, culprit);
    return status;
}
