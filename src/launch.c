/* launch.c - kernels with their arguments, and commands that follow one another.
   SPDX-License-Identifier: MIT */

#include "launch.h"

#include <stdbool.h>
#include <string.h>

#include "error.h"
#include "sizes.h"

/* ---------------------------------------------------------------- sequences */

static clglu_status check_queue(clglu_context *context, cl_command_queue queue)
{
    cl_context cl = NULL;
    cl_device_id device = NULL;
    if (clGetCommandQueueInfo(queue, CL_QUEUE_CONTEXT, sizeof cl, &cl, NULL) != CL_SUCCESS ||
        clGetCommandQueueInfo(queue, CL_QUEUE_DEVICE, sizeof device, &device, NULL) != CL_SUCCESS)
        return clglu_fail(context, CLGLU_INVALID_VALUE, "queue is not a command queue");
    if (cl != context->cl || device != context->device.facts.device_id)
        return clglu_fail(context, CLGLU_INVALID_VALUE, "queue belongs to another cl_context or device");
    return CLGLU_OK;
}

clglu_status clglu_sequence_begin(clglu_sequence *sequence, clglu_context *context, cl_command_queue queue,
                                  cl_uint nwait, const cl_event *wait)
{
    *sequence = (clglu_sequence){context, queue ? queue : context->queue, nwait, wait, NULL};
    if ((nwait == 0) != (wait == NULL))
        return clglu_fail(context, CLGLU_INVALID_VALUE, "nwait and wait do not go together");
    for (cl_uint i = 0; i < nwait; i++)
        if (wait[i] == NULL) return clglu_fail(context, CLGLU_INVALID_VALUE, "wait[%u] is NULL", (unsigned)i);
    return queue ? check_queue(context, queue) : CLGLU_OK;
}

/* Replaces the event of the last command by that of a new one. */
void clglu_sequence_follow(clglu_sequence *s, cl_event event)
{
    if (s->last) clReleaseEvent(s->last);
    s->last = event;
}

/* A call without work still gives an event, as an OpenCL command would. */
static clglu_status mark(clglu_sequence *s)
{
    cl_event event;
    cl_int code = clEnqueueMarkerWithWaitList(s->queue, s->nwait, s->wait, &event);
    if (code != CL_SUCCESS) return clglu_fail_cl(s->context, "clEnqueueMarkerWithWaitList", code);
    clglu_sequence_follow(s, event);
    return CLGLU_OK;
}

clglu_status clglu_sequence_end(clglu_sequence *sequence, clglu_status status, cl_event *event)
{
    if (!status && event && sequence->last == NULL) status = mark(sequence);
    if (status && sequence->last) clWaitForEvents(1, &sequence->last);
    if (!status && event) {
        *event = sequence->last;
        sequence->last = NULL;
    }
    clglu_sequence_follow(sequence, NULL);
    return status;
}

clglu_status clglu_sequence_write(clglu_sequence *s, cl_mem to, size_t bytes, const void *from)
{
    cl_event event;
    cl_int code = clEnqueueWriteBuffer(s->queue, to, CL_TRUE, 0, bytes, from, s->last ? 1 : s->nwait,
                                       s->last ? &s->last : s->wait, &event);
    if (code != CL_SUCCESS) return clglu_fail_cl(s->context, "clEnqueueWriteBuffer", code);
    clglu_sequence_follow(s, event);
    return CLGLU_OK;
}

clglu_status clglu_sequence_zero(clglu_sequence *s, cl_mem mem, size_t from, size_t bytes)
{
    static const cl_uint zero = 0;
    cl_event event;
    cl_int code = clEnqueueFillBuffer(s->queue, mem, &zero, sizeof zero, from, bytes, s->last ? 1 : s->nwait,
                                      s->last ? &s->last : s->wait, &event);
    if (code != CL_SUCCESS) return clglu_fail_cl(s->context, "clEnqueueFillBuffer", code);
    clglu_sequence_follow(s, event);
    return CLGLU_OK;
}

clglu_status clglu_sequence_wait(clglu_sequence *s)
{
    cl_int code = s->last ? clWaitForEvents(1, &s->last) : CL_SUCCESS;
    return code == CL_SUCCESS ? CLGLU_OK : clglu_fail_cl(s->context, "clWaitForEvents", code);
}

/* ---------------------------------------------------------------- kernels */

clglu_status clglu_kernel_make(clglu_kernel *kernel, clglu_context *context, cl_program program, const char *name)
{
    cl_int code;
    *kernel = (clglu_kernel){.context = context};
    if (context->list_only) return CLGLU_OK;
    kernel->kernel = clCreateKernel(program, name, &code);
    return kernel->kernel ? CLGLU_OK : clglu_fail_cl(context, "clCreateKernel", code);
}

void clglu_kernel_arg(clglu_kernel *kernel, size_t size, const void *value)
{
    if (kernel->context->list_only) return;
    cl_int code = clSetKernelArg(kernel->kernel, kernel->next++, size, value);
    if (kernel->code == CL_SUCCESS) kernel->code = code;
}

void clglu_kernel_arg_size(clglu_kernel *kernel, size_t value)
{
    cl_ulong wide = value;
    clglu_kernel_arg(kernel, sizeof wide, &wide);
}

void clglu_kernel_arg_uint(clglu_kernel *kernel, size_t value)
{
    cl_uint narrow = (cl_uint)value;
    clglu_kernel_arg(kernel, sizeof narrow, &narrow);
}

void clglu_kernel_arg_mem(clglu_kernel *kernel, cl_mem mem)
{
    clglu_kernel_arg(kernel, sizeof mem, &mem);
}

void clglu_kernel_free(clglu_kernel *kernel)
{
    if (kernel->kernel) clReleaseKernel(kernel->kernel);
    kernel->kernel = NULL;
}

unsigned clglu_vector_width(const clglu_context *context)
{
    unsigned preferred = context->device.facts.vector_width, width = 1;
    while (width < 16 && 2 * width <= preferred) width *= 2;
    return width;
}

/* Work-items in a group: a GPU's processor is filled by some hundred; a CPU runs a group in one loop, which pays from some
   thousand elements on. It is the same for most sizes, since some drivers compile again for each new one. */
static size_t group_size(const clglu_kernel *k)
{
    const clglu_device_facts *f = &k->context->device.facts;
    size_t group = f->type & CL_DEVICE_TYPE_GPU ? 256 : 4096 / clglu_vector_width(k->context), most = 0;
    if (k->context->list_only) return group;
    if (clGetKernelWorkGroupInfo(k->kernel, f->device_id, CL_KERNEL_WORK_GROUP_SIZE, sizeof most, &most, NULL) !=
            CL_SUCCESS ||
        most == 0)
        most = 1;
    while (group > most) group /= 2;
    return group;
}

static clglu_status enqueue(clglu_kernel *k, clglu_sequence *s, const size_t *offset, const size_t *global,
                            const size_t *local)
{
    bool first = s->last == NULL;
    cl_event event;
    if (k->context->list_only) return CLGLU_OK;
    cl_int code = clEnqueueNDRangeKernel(s->queue, k->kernel, 2, offset, global, local, first ? s->nwait : 1,
                                         first ? s->wait : &s->last, &event);
    if (code != CL_SUCCESS) return clglu_fail_cl(k->context, "clEnqueueNDRangeKernel", code);
    clglu_sequence_follow(s, event);
    return CLGLU_OK;
}

/* High ranges are cut: some drivers count the groups of the second dimension in 16 bits. */
static clglu_status enqueue_pieces(clglu_kernel *kernel, clglu_sequence *sequence, const size_t *local, size_t width,
                                   size_t height)
{
    if (kernel->code != CL_SUCCESS) return clglu_fail_cl(kernel->context, "clSetKernelArg", kernel->code);
    size_t most = 32768 * local[1];
    clglu_status status = CLGLU_OK;
    for (size_t done = 0; !status && done < height; done += most) {
        size_t rows = height - done < most ? height - done : most;
        size_t offset[2] = {0, done}, global[2] = {clglu_round_up(width, local[0]), clglu_round_up(rows, local[1])};
        status = enqueue(kernel, sequence, offset, global, local);
    }
    return status;
}

clglu_status clglu_kernel_run(clglu_kernel *kernel, clglu_sequence *sequence, size_t width, size_t height)
{
    size_t group = group_size(kernel), across = 1;
    while (across < group && (across < width || height == 1)) across *= 2;
    size_t local[2] = {across, group / across};
    return enqueue_pieces(kernel, sequence, local, width, height);
}

clglu_status clglu_kernel_run_groups(clglu_kernel *kernel, clglu_sequence *sequence, const size_t local[2],
                                     const size_t groups[2])
{
    return enqueue_pieces(kernel, sequence, local, groups[0] * local[0], groups[1] * local[1]);
}
