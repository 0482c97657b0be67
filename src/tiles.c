/* tiles.c - a job on host arrays in tiles: what a device takes at a time, transfer and computation overlapped.
   SPDX-License-Identifier: MIT */

/* Two sets of dense buffers take turns: while the device works on one, the host fills the other and empties it. Rows are
   cut first; a tile is a part of a row only where a row is too much. With sums the rows of a tile are a multiple of
   128, the unit of the canonical sum, and the sums go on from tile to tile. */
#include <stdbool.h>
#include <string.h>

#include "error.h"
#include "run.h"
#include "twin.h"

enum { BLOCK = 128, SETS = 2 };

typedef struct set {
    cl_mem mem[SLOT_COUNT];
    clglu_job tile; /* its part of the job, on the host's arrays */
    cl_event done;  /* of its kernels; NULL: the set is free */
} set;

typedef struct tiler {
    clglu_context *context;
    const clglu_job *job;
    size_t rows, cols; /* of a full tile */
    set sets[SETS];
    cl_mem vector[SLOT_COUNT]; /* biases and sums: for one range of columns */
} tiler;

/* ---------------------------------------------------------------- the size of a tile */

static bool has_sums(const clglu_job *job)
{
    return job->operand[SLOT_SUM_A].used || job->operand[SLOT_SUM_B].used;
}

static size_t element_bytes(const clglu_job *job)
{
    size_t bytes = 0;
    for (int s = 0; s < SLOT_COUNT; s++)
        if (job->operand[s].used && !clglu_slots[s].vector) bytes += clglu_dtype_size(job->dtype);
    return bytes;
}

static size_t at_least(size_t n, size_t low)
{
    return n > low ? n : low;
}

static size_t at_most(size_t n, size_t high)
{
    return n < high ? n : high;
}

static void size_tile(tiler *t)
{
    const clglu_job *job = t->job;
    size_t largest = (size_t)t->context->device.facts.max_alloc_bytes / sizeof(float);
    size_t elements = at_least(t->context->budget / SETS / element_bytes(job), 1);
    size_t height = has_sums(job) ? BLOCK : 1;
    elements = at_most(elements, at_least(largest, 1));
    t->cols = at_most(at_least(elements / height, 1), job->cols);
    t->rows = at_least(elements / t->cols / height, 1) * height;
    t->rows = at_most(t->rows, job->rows);
}

/* ---------------------------------------------------------------- buffers */

static clglu_status make(tiler *t, cl_mem *mem, size_t bytes)
{
    cl_int code;
    *mem = clCreateBuffer(t->context->cl, CL_MEM_READ_WRITE | CL_MEM_ALLOC_HOST_PTR, bytes, NULL, &code);
    return *mem ? CLGLU_OK : clglu_fail_cl(t->context, "clCreateBuffer (a tile)", code);
}

static clglu_status make_buffers(tiler *t)
{
    clglu_status status = CLGLU_OK;
    for (int s = 0; !status && s < SLOT_COUNT; s++) {
        size_t size = clglu_dtype_size(clglu_job_dtype(t->job, (clglu_slot)s));
        if (!t->job->operand[s].used) continue;
        if (clglu_slots[s].vector) status = make(t, &t->vector[s], t->cols * size);
        for (int i = 0; !status && i < SETS && !clglu_slots[s].vector; i++)
            status = make(t, &t->sets[i].mem[s], t->rows * t->cols * size);
    }
    return status;
}

static void free_buffers(tiler *t)
{
    for (int s = 0; s < SLOT_COUNT; s++) {
        if (t->vector[s]) clReleaseMemObject(t->vector[s]);
        for (int i = 0; i < SETS; i++)
            if (t->sets[i].mem[s]) clReleaseMemObject(t->sets[i].mem[s]);
    }
}

/* ---------------------------------------------------------------- between the host's array and a dense buffer */

static void copy_row(char *to, size_t to_step, const char *from, size_t from_step, size_t count, size_t size)
{
    if (to_step == size && from_step == size) {
        memcpy(to, from, count * size);
        return;
    }
    for (size_t i = 0; i < count; i++) memcpy(to + i * to_step, from + i * from_step, size);
}

static void copy_tile(const clglu_job *tile, clglu_slot slot, char *dense, bool to_host)
{
    const clglu_operand *o = &tile->operand[slot];
    size_t size = clglu_dtype_size(clglu_job_dtype(tile, slot)), step = o->view.inc * size;
    char *array = (char *)o->host + o->view.offset * size;
    size_t rows = clglu_job_rows(tile, slot);
    for (size_t r = 0; r < rows; r++) {
        char *there = array + r * o->view.ld * size, *here = dense + r * tile->cols * size;
        if (to_host) copy_row(there, step, here, size, tile->cols, size);
        else copy_row(here, size, there, step, tile->cols, size);
    }
}

/* Maps a buffer, copies, and unmaps it on the transfer queue, beside the kernels. */
static clglu_status transfer(tiler *t, const clglu_job *tile, clglu_slot slot, cl_mem mem, bool to_host,
                             cl_event *unmapped)
{
    clglu_context *c = t->context;
    size_t bytes = clglu_job_rows(tile, slot) * tile->cols * clglu_dtype_size(clglu_job_dtype(tile, slot));
    cl_map_flags how = to_host ? CL_MAP_READ : CL_MAP_WRITE_INVALIDATE_REGION;
    cl_int code;
    void *p = clEnqueueMapBuffer(c->transfer, mem, CL_TRUE, how, 0, bytes, 0, NULL, NULL, &code);
    if (p == NULL || code != CL_SUCCESS) return clglu_fail_cl(c, "clEnqueueMapBuffer", code);
    copy_tile(tile, slot, p, to_host);
    code = clEnqueueUnmapMemObject(c->transfer, mem, p, 0, NULL, unmapped);
    return code == CL_SUCCESS ? CLGLU_OK : clglu_fail_cl(c, "clEnqueueUnmapMemObject", code);
}

/* ---------------------------------------------------------------- the turns of a set */

/* Waits for the kernels of a set and brings its results home. */
static clglu_status finish(tiler *t, set *q)
{
    clglu_status status = CLGLU_OK;
    if (q->done == NULL) return status;
    cl_int code = clWaitForEvents(1, &q->done);
    clReleaseEvent(q->done);
    q->done = NULL;
    if (code != CL_SUCCESS) return clglu_fail_cl(t->context, "clWaitForEvents", code);
    for (int s = 0; !status && s < SLOT_COUNT; s++)
        if (q->mem[s] && clglu_slots[s].output) status = transfer(t, &q->tile, (clglu_slot)s, q->mem[s], true, NULL);
    return status;
}

/* The tile's job on the dense buffers. */
static clglu_job on_buffers(const tiler *t, const set *q)
{
    clglu_job job = q->tile;
    for (int s = 0; s < SLOT_COUNT; s++) {
        clglu_operand *o = &job.operand[s];
        if (!o->used) continue;
        o->mem = clglu_slots[s].vector ? t->vector[s] : q->mem[s];
        o->view = (clglu_view){0, job.cols, 1};
        o->aligned = true;
    }
    return job;
}

static clglu_status fill(tiler *t, set *q, cl_event *ready, cl_uint *count)
{
    clglu_status status = CLGLU_OK;
    *count = 0;
    for (int s = 0; !status && s < SLOT_COUNT; s++) {
        if (q->mem[s] == NULL || clglu_slots[s].output) continue;
        status = transfer(t, &q->tile, (clglu_slot)s, q->mem[s], false, &ready[*count]);
        if (!status) ++*count;
    }
    return status;
}

/* Fills a set and starts its kernels; returns while they run. */
static clglu_status start(tiler *t, set *q, bool more)
{
    cl_event ready[SLOT_COUNT] = {NULL};
    cl_uint count;
    clglu_sequence sequence;
    clglu_status status = fill(t, q, ready, &count);
    if (!status) status = clglu_sequence_begin(&sequence, t->context, NULL, count, count ? ready : NULL);
    if (!status) {
        clglu_job job = on_buffers(t, q);
        clFlush(t->context->transfer);
        status = clglu_run_job(t->context, &job, more, &sequence);
        status = clglu_sequence_end(&sequence, status, &q->done);
        clFlush(t->context->queue);
    }
    for (cl_uint i = 0; i < count; i++) clReleaseEvent(ready[i]);
    return status;
}

/* ---------------------------------------------------------------- the walk */

static clglu_status move_vectors(tiler *t, const clglu_job *columns, bool to_host)
{
    clglu_status status = CLGLU_OK;
    for (int s = 0; !status && s < SLOT_COUNT; s++)
        if (t->vector[s] && clglu_slots[s].output == to_host)
            status = transfer(t, columns, (clglu_slot)s, t->vector[s], to_host, NULL);
    clFinish(t->context->transfer);
    return status;
}

/* All rows of one range of columns. Everything is finished when it returns, however it ends. */
static clglu_status run_columns(tiler *t, size_t first, size_t cols)
{
    clglu_job columns = clglu_job_tile(t->job, 0, t->job->rows, first, cols);
    clglu_status status = move_vectors(t, &columns, false);
    size_t turn = 0;
    for (size_t row = 0; !status && row < columns.rows; row += t->rows, turn++) {
        set *q = &t->sets[turn % SETS];
        status = finish(t, q);
        q->tile = clglu_job_tile(&columns, row, at_most(t->rows, columns.rows - row), 0, cols);
        if (!status) status = start(t, q, row > 0);
    }
    for (size_t i = 0; i < SETS; i++) {
        clglu_status last = finish(t, &t->sets[(turn + i) % SETS]);
        if (!status) status = last;
    }
    return status ? status : move_vectors(t, &columns, true);
}

clglu_status clglu_twin_tiles(clglu_context *context, const clglu_job *job)
{
    clglu_job flat = *job;
    clglu_job_flatten(&flat);
    tiler t = {.context = context, .job = &flat};
    size_tile(&t);
    clglu_status status = make_buffers(&t);
    for (size_t col = 0; !status && col < flat.cols; col += t.cols)
        status = run_columns(&t, col, at_most(t.cols, flat.cols - col));
    clFinish(context->transfer);
    free_buffers(&t);
    return status;
}
