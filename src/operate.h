/* operate.h - what every operator on buffers does around its job.
   SPDX-License-Identifier: MIT */

#ifndef CLGLU_OPERATE_H
#define CLGLU_OPERATE_H

#include "core.h"
#include "job.h"

/* CLGLU_NULL_POINTER if there is no context or no descriptor. */
clglu_status clglu_operate_begin(clglu_context *context, const void *desc);

/* Checks the job and enqueues it. */
clglu_status clglu_operate(clglu_context *context, clglu_job *job, cl_command_queue queue, cl_uint nwait,
                           const cl_event *wait, cl_event *event);

#endif
