/* share.c - a job on host arrays in place, where the device shares the host's memory.
   SPDX-License-Identifier: MIT */

#include <stdbool.h>
#include <stdlib.h>

#include "error.h"
#include "run.h"
#include "twin.h"

/* A piece of host memory with all operands that touch it: OpenCL leaves it open what two buffers over the same memory see
   of one another, so operands that share memory share a buffer. */
typedef struct piece {
    size_t begin, end; /* addresses */
    bool written;
    cl_mem mem;
} piece;

typedef struct pieces {
    piece piece[SLOT_COUNT];
    int of[SLOT_COUNT]; /* the piece of an operand */
} pieces;

static void merge_into(pieces *p, int kept, int gone)
{
    piece *k = &p->piece[kept], *g = &p->piece[gone];
    if (g->begin < k->begin) k->begin = g->begin;
    if (g->end > k->end) k->end = g->end;
    k->written |= g->written;
    g->begin = g->end = 0;
    for (int s = 0; s < SLOT_COUNT; s++)
        if (p->of[s] == gone) p->of[s] = kept;
}

static bool touch(const piece *p, const piece *q)
{
    return p->begin < q->end && q->begin < p->end;
}

/* One piece an operand at first; then those that touch are merged until none does. */
static void find_pieces(const clglu_job *job, pieces *p)
{
    bool merged = true;
    for (int s = 0; s < SLOT_COUNT; s++) {
        const clglu_operand *o = &job->operand[s];
        size_t size = clglu_dtype_size(clglu_job_dtype(job, (clglu_slot)s));
        p->of[s] = s;
        p->piece[s] = (piece){0, 0, clglu_slots[s].output, NULL};
        if (!o->used) continue;
        p->piece[s].begin = o->origin + o->view.offset * size;
        p->piece[s].end = o->origin + o->end * size;
    }
    while (merged) {
        merged = false;
        for (int i = 0; i < SLOT_COUNT; i++)
            for (int j = i + 1; j < SLOT_COUNT; j++)
                if (touch(&p->piece[i], &p->piece[j])) {
                    merge_into(p, i, j);
                    merged = true;
                }
    }
}

/* All in the budget, each in the largest buffer, and operands at whole elements of their piece. */
static bool fits(const clglu_context *context, const clglu_job *job, const pieces *p)
{
    const clglu_device_facts *f = &context->device.facts;
    size_t sum = 0;
    if (!f->unified) return false;
    for (int i = 0; i < SLOT_COUNT; i++) {
        size_t size = p->piece[i].end - p->piece[i].begin;
        if (size > f->max_alloc_bytes || size > context->budget - sum) return false;
        sum += size;
    }
    for (int s = 0; s < SLOT_COUNT; s++) {
        const clglu_operand *o = &job->operand[s];
        size_t size = clglu_dtype_size(clglu_job_dtype(job, (clglu_slot)s));
        if (o->used && (o->origin + o->view.offset * size - p->piece[p->of[s]].begin) % size) return false;
    }
    return true;
}

static clglu_status make_buffers(clglu_context *context, pieces *p)
{
    for (int i = 0; i < SLOT_COUNT; i++) {
        piece *q = &p->piece[i];
        cl_int code;
        if (q->end == q->begin) continue;
        q->mem = clCreateBuffer(context->cl, (q->written ? CL_MEM_READ_WRITE : CL_MEM_READ_ONLY) | CL_MEM_USE_HOST_PTR,
                                q->end - q->begin, (void *)(uintptr_t)q->begin, &code);
        if (q->mem == NULL) return CLGLU_UNSUPPORTED;
    }
    return CLGLU_OK;
}

static void free_buffers(pieces *p)
{
    for (int i = 0; i < SLOT_COUNT; i++)
        if (p->piece[i].mem) clReleaseMemObject(p->piece[i].mem);
}

static clglu_job on_buffers(const clglu_job *job, const pieces *p)
{
    clglu_job shared = *job;
    for (int s = 0; s < SLOT_COUNT; s++) {
        clglu_operand *o = &shared.operand[s];
        const piece *q = &p->piece[p->of[s]];
        size_t size = clglu_dtype_size(clglu_job_dtype(job, (clglu_slot)s));
        if (!o->used) continue;
        o->mem = q->mem;
        o->aligned = q->begin % CLGLU_ALIGNMENT == 0;
        o->view.offset = (o->origin + o->view.offset * size - q->begin) / size;
    }
    return shared;
}

/* The host may look at a result only through a mapping. Where memory is shared that moves nothing. */
static clglu_status give_back(clglu_context *context, const piece *q, cl_event after)
{
    cl_int code;
    void *p = clEnqueueMapBuffer(context->queue, q->mem, CL_TRUE, CL_MAP_READ, 0, q->end - q->begin, 1, &after, NULL,
                                 &code);
    if (p == NULL || code != CL_SUCCESS) return clglu_fail_cl(context, "clEnqueueMapBuffer", code);
    cl_event unmapped;
    code = clEnqueueUnmapMemObject(context->queue, q->mem, p, 0, NULL, &unmapped);
    if (code != CL_SUCCESS) return clglu_fail_cl(context, "clEnqueueUnmapMemObject", code);
    code = clWaitForEvents(1, &unmapped);
    clReleaseEvent(unmapped);
    return code == CL_SUCCESS ? CLGLU_OK : clglu_fail_cl(context, "clWaitForEvents", code);
}

static clglu_status run_and_wait(clglu_context *context, const clglu_job *job, const pieces *p)
{
    clglu_sequence sequence;
    cl_event done = NULL;
    clglu_status status = clglu_sequence_begin(&sequence, context, NULL, 0, NULL);
    if (!status) status = clglu_run_job(context, job, false, &sequence);
    status = clglu_sequence_end(&sequence, status, &done);
    if (status) return status;
    cl_int code = clWaitForEvents(1, &done);
    if (code != CL_SUCCESS) status = clglu_fail_cl(context, "clWaitForEvents", code);
    for (int i = 0; !status && i < SLOT_COUNT; i++)
        if (p->piece[i].mem && p->piece[i].written) status = give_back(context, &p->piece[i], done);
    clReleaseEvent(done);
    return status;
}

clglu_status clglu_twin_share(clglu_context *context, const clglu_job *job)
{
    pieces p;
    find_pieces(job, &p);
    if (!fits(context, job, &p)) return CLGLU_UNSUPPORTED;
    clglu_status status = make_buffers(context, &p);
    if (!status) {
        clglu_job shared = on_buffers(job, &p);
        status = run_and_wait(context, &shared, &p);
    }
    free_buffers(&p);
    return status;
}
