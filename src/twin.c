/* twin.c - host twins: the operators on arrays in host memory.
   SPDX-License-Identifier: MIT */

#include "twin.h"

#include "buffer.h"
#include "error.h"
#include "operate.h"

clglu_status clglu_twin_run(clglu_context *context, const clglu_job *job)
{
    clglu_status status = clglu_twin_share(context, job);
    return status == CLGLU_UNSUPPORTED ? clglu_twin_tiles(context, job) : status;
}

/* A constructor's failure is put into words here: it had no context. */
static clglu_status run(clglu_context *context, clglu_status status, clglu_job *job)
{
    if (status == CLGLU_INVALID_VALUE)
        return clglu_fail(context, status, "a bias: a call on host arrays wants a host array, not a buffer");
    if (!status) status = clglu_job_check_aloud(job, context);
    if (status || job->rows == 0) return status;
    return clglu_twin_run(context, job);
}

clglu_status clglu_act_forward_host(clglu_context *context, const clglu_act_desc *desc, const void *x, void *y)
{
    clglu_job job;
    clglu_status status = clglu_operate_begin(context, desc);
    return status ? status : run(context, clglu_job_act_forward_host(&job, desc, x, y), &job);
}

clglu_status clglu_act_backward_host(clglu_context *context, const clglu_act_desc *desc, const void *dy, const void *x,
                                     void *dx, float *dbias)
{
    clglu_job job;
    clglu_status status = clglu_operate_begin(context, desc);
    return status ? status : run(context, clglu_job_act_backward_host(&job, desc, dy, x, dx, dbias), &job);
}

clglu_status clglu_gate_forward_host(clglu_context *context, const clglu_gate_desc *desc, const void *a, const void *b,
                                     void *y)
{
    clglu_job job;
    clglu_status status = clglu_operate_begin(context, desc);
    return status ? status : run(context, clglu_job_gate_forward_host(&job, desc, a, b, y), &job);
}

clglu_status clglu_gate_backward_host(clglu_context *context, const clglu_gate_desc *desc, const void *dy,
                                      const void *a, const void *b, void *da, void *db, void *y, float *dbias_a,
                                      float *dbias_b)
{
    clglu_job job;
    clglu_status status = clglu_operate_begin(context, desc);
    if (status) return status;
    status = clglu_job_gate_backward_host(&job, desc, dy, a, b, da, db, y, dbias_a, dbias_b);
    return run(context, status, &job);
}
