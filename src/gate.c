/* gate.c - the gate operator, on buffers.
   SPDX-License-Identifier: MIT */

#include "buffer.h"
#include "operate.h"

static clglu_status use_biases(clglu_job *job, clglu_context *context, const clglu_gate_desc *desc)
{
    clglu_status status = clglu_job_use_buffer_bias(job, context, SLOT_BIAS_A, &desc->bias_a);
    return status ? status : clglu_job_use_buffer_bias(job, context, SLOT_BIAS_B, &desc->bias_b);
}

clglu_status clglu_gate_forward(clglu_context *context, const clglu_gate_desc *desc, cl_command_queue queue, cl_mem a,
                                cl_mem b, cl_mem y, cl_uint nwait, const cl_event *wait, cl_event *event)
{
    clglu_job job;
    clglu_status status = clglu_operate_begin(context, desc);
    if (!status) status = clglu_job_from_gate(&job, desc, false);
    if (!status) status = clglu_job_use_buffer(&job, context, SLOT_A, a);
    if (!status) status = clglu_job_use_buffer(&job, context, SLOT_B, b);
    if (!status) status = clglu_job_use_buffer(&job, context, SLOT_Y, y);
    if (!status) status = use_biases(&job, context, desc);
    return status ? status : clglu_operate(context, &job, queue, nwait, wait, event);
}

clglu_status clglu_gate_backward(clglu_context *context, const clglu_gate_desc *desc, cl_command_queue queue,
                                 cl_mem dy, cl_mem a, cl_mem b, cl_mem da, cl_mem db, cl_mem y, cl_mem dbias_a,
                                 cl_mem dbias_b, cl_uint nwait, const cl_event *wait, cl_event *event)
{
    const struct {
        clglu_slot slot;
        cl_mem mem;
    } operands[] = {{SLOT_DY, dy}, {SLOT_A, a}, {SLOT_B, b},           {SLOT_DA, da},
                    {SLOT_DB, db}, {SLOT_Y, y}, {SLOT_SUM_A, dbias_a}, {SLOT_SUM_B, dbias_b}};
    clglu_job job;
    clglu_status status = clglu_operate_begin(context, desc);
    if (!status) status = clglu_job_from_gate(&job, desc, true);
    for (size_t i = 0; !status && i < sizeof operands / sizeof *operands; i++)
        status = clglu_job_use_buffer(&job, context, operands[i].slot, operands[i].mem);
    if (!status) status = use_biases(&job, context, desc);
    return status ? status : clglu_operate(context, &job, queue, nwait, wait, event);
}
