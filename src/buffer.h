/* buffer.h - the caller's buffers as a job's operands.
   SPDX-License-Identifier: MIT */

#ifndef CLGLU_BUFFER_H
#define CLGLU_BUFFER_H

#include "core.h"
#include "job.h"

/* Puts a buffer into a slot (NULL leaves it unused): its context and flags are checked, a sub-buffer's place is found. */
clglu_status clglu_job_use_buffer(clglu_job *job, clglu_context *context, clglu_slot slot, cl_mem mem);
clglu_status clglu_job_use_buffer_bias(clglu_job *job, clglu_context *context, clglu_slot slot,
                                       const clglu_bias *bias);

/* clglu_job_check, failures put into words; and that each buffer holds its operand. */
clglu_status clglu_job_check_buffers(clglu_job *job, clglu_context *context);

/* clglu_job_check alone, failures put into words. */
clglu_status clglu_job_check_aloud(clglu_job *job, clglu_context *context);

#endif
