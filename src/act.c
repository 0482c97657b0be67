/* act.c - the activation alone, on buffers.
   SPDX-License-Identifier: MIT */

#include "buffer.h"
#include "operate.h"

clglu_status clglu_act_forward(clglu_context *context, const clglu_act_desc *desc, cl_command_queue queue, cl_mem x,
                               cl_mem y, cl_uint nwait, const cl_event *wait, cl_event *event)
{
    clglu_job job;
    clglu_status status = clglu_operate_begin(context, desc);
    if (!status) status = clglu_job_from_act(&job, desc, false);
    if (!status) status = clglu_job_use_buffer(&job, context, SLOT_A, x);
    if (!status) status = clglu_job_use_buffer(&job, context, SLOT_Y, y);
    if (!status) status = clglu_job_use_buffer_bias(&job, context, SLOT_BIAS_A, &desc->bias);
    return status ? status : clglu_operate(context, &job, queue, nwait, wait, event);
}

clglu_status clglu_act_backward(clglu_context *context, const clglu_act_desc *desc, cl_command_queue queue, cl_mem dy,
                                cl_mem x, cl_mem dx, cl_mem dbias, cl_uint nwait, const cl_event *wait,
                                cl_event *event)
{
    clglu_job job;
    clglu_status status = clglu_operate_begin(context, desc);
    if (!status) status = clglu_job_from_act(&job, desc, true);
    if (!status) status = clglu_job_use_buffer(&job, context, SLOT_DY, dy);
    if (!status) status = clglu_job_use_buffer(&job, context, SLOT_A, x);
    if (!status) status = clglu_job_use_buffer(&job, context, SLOT_DA, dx);
    if (!status) status = clglu_job_use_buffer(&job, context, SLOT_SUM_A, dbias);
    if (!status) status = clglu_job_use_buffer_bias(&job, context, SLOT_BIAS_A, &desc->bias);
    return status ? status : clglu_operate(context, &job, queue, nwait, wait, event);
}
