/* workspace.c - scratch memory on the device, kept by the context between calls.
   SPDX-License-Identifier: MIT */

#include "workspace.h"

#include <stdbool.h>

#include "error.h"

static void drop(clglu_workspace *w)
{
    if (w->mem) clReleaseMemObject(w->mem);
    if (w->last) clReleaseEvent(w->last);
    *w = (clglu_workspace){.bytes = 0};
}

/* May a call on this queue write over what `last` still uses? An event keeps its queue alive, so equal handles are one queue. */
static bool is_free(cl_event last, cl_command_queue queue)
{
    cl_int state = CL_QUEUED;
    cl_command_queue used = NULL;
    cl_command_queue_properties order = CL_QUEUE_OUT_OF_ORDER_EXEC_MODE_ENABLE;
    if (last == NULL) return true;
    if (clGetEventInfo(last, CL_EVENT_COMMAND_EXECUTION_STATUS, sizeof state, &state, NULL) == CL_SUCCESS &&
        state == CL_COMPLETE)
        return true;
    return clGetEventInfo(last, CL_EVENT_COMMAND_QUEUE, sizeof used, &used, NULL) == CL_SUCCESS && used == queue &&
           clGetCommandQueueInfo(queue, CL_QUEUE_PROPERTIES, sizeof order, &order, NULL) == CL_SUCCESS &&
           !(order & CL_QUEUE_OUT_OF_ORDER_EXEC_MODE_ENABLE);
}

/* The smallest one that fits leaves the list. */
static cl_mem pick(clglu_context *context, cl_command_queue queue, size_t bytes)
{
    clglu_workspace *best = NULL;
    cl_mem mem = NULL;
    pthread_mutex_lock(&context->workspace_lock);
    for (int i = 0; i < CLGLU_WORKSPACES; i++) {
        clglu_workspace *w = &context->workspaces[i];
        if (w->mem && w->bytes >= bytes && (best == NULL || w->bytes < best->bytes) && is_free(w->last, queue)) best = w;
    }
    if (best) {
        mem = best->mem;
        best->mem = NULL;
        drop(best);
    }
    pthread_mutex_unlock(&context->workspace_lock);
    return mem;
}

clglu_status clglu_workspace_take(clglu_context *context, cl_command_queue queue, size_t bytes, cl_mem *mem)
{
    cl_int code;
    *mem = pick(context, queue, bytes);
    if (*mem) return CLGLU_OK;
    *mem = clCreateBuffer(context->cl, CL_MEM_READ_WRITE, bytes, NULL, &code);
    return *mem ? CLGLU_OK : clglu_fail_cl(context, "clCreateBuffer (workspace)", code);
}

/* Where the list is full the smallest goes: OpenCL keeps it until its commands have run. */
void clglu_workspace_give(clglu_context *context, cl_mem mem, cl_event last)
{
    size_t bytes = 0;
    clGetMemObjectInfo(mem, CL_MEM_SIZE, sizeof bytes, &bytes, NULL);
    if (last) clRetainEvent(last);
    pthread_mutex_lock(&context->workspace_lock);
    clglu_workspace *least = &context->workspaces[0];
    for (int i = 1; i < CLGLU_WORKSPACES; i++)
        if (context->workspaces[i].bytes < least->bytes) least = &context->workspaces[i];
    drop(least);
    *least = (clglu_workspace){mem, bytes, last};
    pthread_mutex_unlock(&context->workspace_lock);
}

void clglu_workspaces_free(clglu_context *context)
{
    for (int i = 0; i < CLGLU_WORKSPACES; i++) drop(&context->workspaces[i]);
}
