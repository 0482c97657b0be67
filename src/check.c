/* check.c - is the device right on the caller's data? The operator beside the reference and the emulation.
   SPDX-License-Identifier: MIT */

#include "buffer.h"
#include "compare.h"
#include "error.h"
#include "operate.h"
#include "twin.h"

static clglu_status no_memory(clglu_context *context)
{
    return clglu_fail(context, CLGLU_OUT_OF_MEMORY, "no memory for the check's results");
}

static clglu_status check(clglu_context *context, clglu_status status, clglu_job *job, const clglu_wanted *w, int count)
{
    if (status) return clglu_fail(context, status, "a bias: a check wants a host array, not a buffer");
    if (job->cols == 0) return clglu_fail(context, CLGLU_INVALID_SIZE, "cols is 0");
    status = clglu_wanted_arrays(job, w, count) ? no_memory(context) : clglu_job_check_aloud(job, context);
    if (!status && job->rows) status = clglu_twin_run(context, job);
    if (!status && clglu_judge_job(job, w, count)) status = no_memory(context);
    clglu_wanted_free(job, w, count);
    return status;
}

clglu_status clglu_check_act_forward(clglu_context *context, const clglu_act_desc *desc, const void *x,
                                     clglu_check_report *y)
{
    clglu_job job;
    const clglu_wanted w[] = {{SLOT_Y, y}};
    clglu_status status = clglu_operate_begin(context, desc);
    return status ? status : check(context, clglu_job_act_forward_host(&job, desc, x, NULL), &job, w, 1);
}

clglu_status clglu_check_act_backward(clglu_context *context, const clglu_act_desc *desc, const void *dy,
                                      const void *x, clglu_check_report *dx)
{
    clglu_job job;
    const clglu_wanted w[] = {{SLOT_DA, dx}};
    clglu_status status = clglu_operate_begin(context, desc);
    return status ? status : check(context, clglu_job_act_backward_host(&job, desc, dy, x, NULL, NULL), &job, w, 1);
}

clglu_status clglu_check_gate_forward(clglu_context *context, const clglu_gate_desc *desc, const void *a,
                                      const void *b, clglu_check_report *y)
{
    clglu_job job;
    const clglu_wanted w[] = {{SLOT_Y, y}};
    clglu_status status = clglu_operate_begin(context, desc);
    return status ? status : check(context, clglu_job_gate_forward_host(&job, desc, a, b, NULL), &job, w, 1);
}

clglu_status clglu_check_gate_backward(clglu_context *context, const clglu_gate_desc *desc, const void *dy,
                                       const void *a, const void *b, clglu_check_report *da, clglu_check_report *db)
{
    clglu_job job;
    const clglu_wanted w[] = {{SLOT_DA, da}, {SLOT_DB, db}};
    clglu_status status = clglu_operate_begin(context, desc);
    if (status) return status;
    status = clglu_job_gate_backward_host(&job, desc, dy, a, b, NULL, NULL, NULL, NULL, NULL);
    return check(context, status, &job, w, 2);
}
