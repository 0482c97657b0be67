/* buffer.c - the caller's buffers as a job's operands.
   SPDX-License-Identifier: MIT */

#include "buffer.h"

#include "error.h"

static clglu_status check_buffer(const clglu_job *job, clglu_context *context, clglu_slot slot, cl_mem mem)
{
    const char *name = clglu_job_name(job, slot);
    cl_context cl = NULL;
    cl_mem_object_type type = 0;
    cl_mem_flags flags = 0, wrong = clglu_slots[slot].output ? CL_MEM_READ_ONLY : CL_MEM_WRITE_ONLY;
    if (clGetMemObjectInfo(mem, CL_MEM_CONTEXT, sizeof cl, &cl, NULL) != CL_SUCCESS ||
        clGetMemObjectInfo(mem, CL_MEM_TYPE, sizeof type, &type, NULL) != CL_SUCCESS ||
        clGetMemObjectInfo(mem, CL_MEM_FLAGS, sizeof flags, &flags, NULL) != CL_SUCCESS ||
        type != CL_MEM_OBJECT_BUFFER)
        return clglu_fail(context, CLGLU_INVALID_VALUE, "%s is not a buffer", name);
    if (cl != context->cl) return clglu_fail(context, CLGLU_INVALID_VALUE, "%s belongs to another cl_context", name);
    if (flags & wrong)
        return clglu_fail(context, CLGLU_INVALID_VALUE, "%s was made %s", name,
                          clglu_slots[slot].output ? "CL_MEM_READ_ONLY" : "CL_MEM_WRITE_ONLY");
    return CLGLU_OK;
}

/* OpenCL aligns a buffer to its longest type, but one that uses the host's memory lies where that does. */
static bool is_aligned(cl_mem mem, size_t offset)
{
    cl_mem_flags flags = 0;
    void *host = NULL;
    if (clGetMemObjectInfo(mem, CL_MEM_FLAGS, sizeof flags, &flags, NULL) != CL_SUCCESS ||
        clGetMemObjectInfo(mem, CL_MEM_HOST_PTR, sizeof host, &host, NULL) != CL_SUCCESS)
        return false;
    size_t address = flags & CL_MEM_USE_HOST_PTR ? (size_t)(uintptr_t)host : 0;
    return (address + offset) % CLGLU_ALIGNMENT == 0;
}

clglu_status clglu_job_use_buffer(clglu_job *job, clglu_context *context, clglu_slot slot, cl_mem mem)
{
    clglu_operand *o = &job->operand[slot];
    if (mem == NULL) return CLGLU_OK;
    clglu_status status = check_buffer(job, context, slot, mem);
    if (status) return status;
    cl_mem parent = NULL;
    size_t offset = 0;
    cl_int code = clGetMemObjectInfo(mem, CL_MEM_ASSOCIATED_MEMOBJECT, sizeof parent, &parent, NULL);
    if (code == CL_SUCCESS) code = clGetMemObjectInfo(mem, CL_MEM_OFFSET, sizeof offset, &offset, NULL);
    if (code != CL_SUCCESS) return clglu_fail_cl(context, "clGetMemObjectInfo", code);
    o->used = true;
    o->aligned = is_aligned(parent ? parent : mem, offset);
    o->mem = mem;
    o->space = parent ? parent : mem;
    o->origin = parent ? offset : 0;
    return CLGLU_OK;
}

clglu_status clglu_job_use_buffer_bias(clglu_job *job, clglu_context *context, clglu_slot slot,
                                       const clglu_bias *bias)
{
    if (bias->buffer == NULL && bias->host != NULL)
        return clglu_fail(context, CLGLU_INVALID_VALUE, "%s: a call on buffers wants a buffer, not a host array",
                          clglu_job_name(job, slot));
    return clglu_job_use_buffer(job, context, slot, bias->buffer);
}

clglu_status clglu_job_check_aloud(clglu_job *job, clglu_context *context)
{
    const char *why = "";
    clglu_slot culprit;
    clglu_status status = clglu_job_check(job, &why, &culprit);
    if (!status) return CLGLU_OK;
    if (culprit == SLOT_COUNT) return clglu_fail(context, status, "%s", why);
    return clglu_fail(context, status, "%s: %s", clglu_job_name(job, culprit), why);
}

clglu_status clglu_job_check_buffers(clglu_job *job, clglu_context *context)
{
    clglu_status status = clglu_job_check_aloud(job, context);
    for (int s = 0; !status && s < SLOT_COUNT; s++) {
        const clglu_operand *o = &job->operand[s];
        if (!o->used) continue;
        size_t size = 0, wanted = o->end * clglu_dtype_size(clglu_job_dtype(job, (clglu_slot)s));
        cl_int code = clGetMemObjectInfo(o->mem, CL_MEM_SIZE, sizeof size, &size, NULL);
        if (code != CL_SUCCESS) return clglu_fail_cl(context, "clGetMemObjectInfo", code);
        if (size < wanted)
            status = clglu_fail(context, CLGLU_BUFFER_TOO_SMALL, "%s: its view ends at byte %zu, the buffer at %zu",
                                clglu_job_name(job, (clglu_slot)s), wanted, size);
    }
    return status;
}
