/* buffer.c - the caller's buffers as operands.
   SPDX-License-Identifier: MIT */

#include "buffer.h"

#include "error.h"

/* ---------------------------------------------------------------- a buffer */

clglu_status clglu_buffer_check(clglu_context *context, const char *name, cl_mem mem, bool read, bool written)
{
    cl_context cl = NULL;
    cl_mem_object_type type = 0;
    cl_mem_flags flags = 0;
    if (clGetMemObjectInfo(mem, CL_MEM_CONTEXT, sizeof cl, &cl, NULL) != CL_SUCCESS ||
        clGetMemObjectInfo(mem, CL_MEM_TYPE, sizeof type, &type, NULL) != CL_SUCCESS ||
        clGetMemObjectInfo(mem, CL_MEM_FLAGS, sizeof flags, &flags, NULL) != CL_SUCCESS ||
        type != CL_MEM_OBJECT_BUFFER)
        return clglu_fail(context, CLGLU_INVALID_VALUE, "%s is not a buffer", name);
    if (cl != context->cl) return clglu_fail(context, CLGLU_INVALID_VALUE, "%s belongs to another cl_context", name);
    if (written && flags & CL_MEM_READ_ONLY)
        return clglu_fail(context, CLGLU_INVALID_VALUE, "%s was made CL_MEM_READ_ONLY", name);
    if (read && flags & CL_MEM_WRITE_ONLY)
        return clglu_fail(context, CLGLU_INVALID_VALUE, "%s was made CL_MEM_WRITE_ONLY", name);
    return CLGLU_OK;
}

clglu_status clglu_buffer_holds(clglu_context *context, const char *name, cl_mem mem, size_t bytes)
{
    size_t size = 0;
    cl_int code = clGetMemObjectInfo(mem, CL_MEM_SIZE, sizeof size, &size, NULL);
    if (code != CL_SUCCESS) return clglu_fail_cl(context, "clGetMemObjectInfo", code);
    if (size >= bytes) return CLGLU_OK;
    return clglu_fail(context, CLGLU_BUFFER_TOO_SMALL, "%s needs %zu bytes, the buffer has %zu", name, bytes, size);
}

/* Its own or its parent's memory, and where it begins there. */
static clglu_status find_place(clglu_context *context, cl_mem mem, const void **space, size_t *origin)
{
    cl_mem parent = NULL;
    cl_int code = clGetMemObjectInfo(mem, CL_MEM_ASSOCIATED_MEMOBJECT, sizeof parent, &parent, NULL);
    *origin = 0;
    if (code == CL_SUCCESS && parent) code = clGetMemObjectInfo(mem, CL_MEM_OFFSET, sizeof *origin, origin, NULL);
    if (code != CL_SUCCESS) return clglu_fail_cl(context, "clGetMemObjectInfo", code);
    *space = parent ? parent : mem;
    return CLGLU_OK;
}

/* ---------------------------------------------------------------- operands of blocks */

clglu_status clglu_places_use_buffers(clglu_context *context, clglu_place *places, const char *const *names,
                                      const cl_mem *mems, int count)
{
    clglu_status status = CLGLU_OK;
    for (int i = 0; !status && i < count; i++) {
        places[i].used = mems[i] != NULL;
        if (mems[i] == NULL) continue;
        status = clglu_buffer_check(context, names[i], mems[i], false, false);
        if (!status) status = find_place(context, mems[i], &places[i].space, &places[i].origin);
    }
    return status;
}

clglu_status clglu_place_check_buffer(clglu_context *context, const clglu_place *place, const char *name, cl_mem mem,
                                      bool read)
{
    if (!place->used) return CLGLU_OK;
    clglu_status status = clglu_buffer_check(context, name, mem, read, place->output);
    return status ? status
                  : clglu_buffer_holds(context, name, mem, place->end * clglu_dtype_size(place->dtype));
}

clglu_status clglu_places_check_workspace(clglu_context *context, const clglu_place *places, int count,
                                          cl_mem workspace, size_t bytes)
{
    const void *space = NULL;
    size_t origin = 0;
    if (workspace == NULL) return CLGLU_OK;
    clglu_status status = clglu_buffer_check(context, "workspace", workspace, true, true);
    if (!status) status = clglu_buffer_holds(context, "workspace", workspace, bytes);
    if (!status) status = find_place(context, workspace, &space, &origin);
    for (int i = 0; !status && i < count; i++)
        if (clglu_place_reaches(&places[i], space, origin, bytes))
            status = clglu_fail(context, CLGLU_OVERLAP, "workspace: an operand reaches into it");
    return status;
}

/* ---------------------------------------------------------------- operands of jobs */

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
    bool output = clglu_slots[slot].output;
    if (mem == NULL) return CLGLU_OK;
    clglu_status status = clglu_buffer_check(context, clglu_job_name(job, slot), mem, !output, output);
    if (!status) status = find_place(context, mem, &o->space, &o->origin);
    if (status) return status;
    o->used = true;
    o->aligned = is_aligned((cl_mem)(uintptr_t)o->space, o->origin);
    o->mem = mem;
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
        if (o->used)
            status = clglu_buffer_holds(context, clglu_job_name(job, (clglu_slot)s), o->mem,
                                        o->end * clglu_dtype_size(clglu_job_dtype(job, (clglu_slot)s)));
    }
    return status;
}
