/* operate.c - what every operator on buffers does around its job.
   SPDX-License-Identifier: MIT */

#include "operate.h"

#include "buffer.h"
#include "error.h"
#include "run.h"

clglu_status clglu_operate_begin(clglu_context *context, const void *desc)
{
    if (context == NULL) return CLGLU_NULL_POINTER;
    return desc ? CLGLU_OK : clglu_fail(context, CLGLU_NULL_POINTER, "desc is NULL");
}

clglu_status clglu_operate(clglu_context *context, clglu_job *job, cl_command_queue queue, cl_uint nwait,
                           const cl_event *wait, cl_event *event)
{
    clglu_sequence sequence;
    clglu_status status = clglu_job_check_buffers(job, context);
    if (!status) status = clglu_sequence_begin(&sequence, context, queue, nwait, wait);
    if (status) return status;
    status = clglu_run_job(context, job, false, &sequence);
    return clglu_sequence_end(&sequence, status, event);
}
