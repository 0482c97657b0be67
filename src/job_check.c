/* job_check.c - a job is checked before anything happens: values, operands, sizes, overlaps.
   SPDX-License-Identifier: MIT */

#include <math.h>

#include "job.h"

static clglu_status fail(clglu_status status, const char *text, const char **why)
{
    *why = text;
    return status;
}

clglu_status clglu_job_check_values(clglu_job *job, const char **why)
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

static clglu_place place_of(const clglu_job *job, int slot)
{
    const clglu_operand *o = &job->operand[slot];
    return (clglu_place){o->used, clglu_slots[slot].output, clglu_job_rows(job, (clglu_slot)slot), job->cols, o->view,
                         o->end, clglu_job_dtype(job, (clglu_slot)slot), o->space, o->origin};
}

static clglu_status check_views(clglu_job *job, const char **why, clglu_slot *culprit)
{
    for (int s = 0; s < SLOT_COUNT; s++) {
        clglu_operand *o = &job->operand[s];
        if (!o->used) continue;
        *culprit = (clglu_slot)s;
        clglu_place p = place_of(job, s);
        clglu_status status = clglu_place_resolve(&p, why);
        if (status) return status;
        o->view = p.view;
        o->end = p.end;
    }
    return CLGLU_OK;
}

/* Do an output and another operand share memory in a way that is not the one allowed, exactly in place? */
static bool clash(const clglu_job *job, int out, int other)
{
    clglu_place p = place_of(job, out), q = place_of(job, other);
    if (!clglu_places_touch(&p, &q)) return false;
    if (clglu_slots[out].vector != clglu_slots[other].vector) return true;
    if (!q.output && !clglu_slots[out].vector && clglu_places_equal(&p, &q)) return false;
    return clglu_places_meet(&p, &q);
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
    clglu_status status = clglu_job_check_values(job, why);
    if (!status) status = check_operands(job, why, culprit);
    if (!status) status = check_views(job, why, culprit);
    if (!status) status = check_overlaps(job, why, culprit);
    return status;
}
