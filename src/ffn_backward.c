/* ffn_backward.c - the block's backward, on buffers and on host arrays: checked, then run.
   SPDX-License-Identifier: MIT */

#include "back.h"

#include <stdlib.h>
#include <string.h>

#include "buffer.h"
#include "error.h"
#include "workspace.h"

static clglu_status fail(clglu_ffn *ffn, clglu_status status, clglu_back_slot culprit, const char *why)
{
    return clglu_ffn_fail(ffn, status, culprit == BACK_SLOTS ? NULL : clglu_back_names[culprit], why);
}

static clglu_status check_training(clglu_ffn *ffn)
{
    if (ffn->block.training) return CLGLU_OK;
    return clglu_fail(ffn->context, CLGLU_UNSUPPORTED, "the block was made without `training`");
}

/* ---------------------------------------------------------------- buffers */

/* Kernels read inputs; gradients that sums go on from, over accumulations or row blocks; and those that are searched for
   infinities. */
static bool is_read(const clglu_backward *c, clglu_back_slot slot)
{
    if (slot < BACK_DX) return true;
    if (slot == BACK_OVERFLOW) return false;
    return c->operand[BACK_OVERFLOW].used || (slot != BACK_DX && (c->accumulate || c->rows > c->row_block));
}

static clglu_status check(clglu_ffn *ffn, const clglu_ffn_backward_call *call, const clglu_back_buffers *b,
                          clglu_backward *c, size_t *room)
{
    const char *const *names = clglu_back_names;
    clglu_context *context = ffn->context;
    clglu_back_slot culprit;
    const char *why;
    *c = (clglu_backward){.rows = 0};
    clglu_status status = check_training(ffn);
    if (!status) status = clglu_places_use_buffers(context, c->operand, names, b->of, BACK_SLOTS);
    if (status) return status;
    status = clglu_backward_from(c, &ffn->block, call, &why, &culprit);
    if (status) return fail(ffn, status, culprit, why);
    for (int s = 0; !status && s < BACK_SLOTS; s++)
        status = clglu_place_check_buffer(context, &c->operand[s], names[s], b->of[s], is_read(c, (clglu_back_slot)s));
    if (!status && !clglu_back_room(ffn, c, room))
        status = clglu_fail(context, CLGLU_INVALID_SIZE, "row_block is too large");
    if (!status && c->choice.form != CLGLU_FORM_AUTO && c->rows) {
        clglu_plan unused;
        status = clglu_plan_make(ffn, &c->choice, clglu_smaller(c->rows, c->row_block), &unused);
    }
    return status ? status : clglu_places_check_workspace(context, c->operand, BACK_SLOTS, b->workspace, *room);
}

static clglu_status run(clglu_ffn *ffn, const clglu_backward *c, clglu_back_buffers *b, size_t room,
                        clglu_sequence *sequence)
{
    bool own = b->workspace == NULL;
    clglu_status status = own ? clglu_workspace_take(ffn->context, sequence->queue, room, &b->workspace) : CLGLU_OK;
    if (status) return status;
    status = clglu_back_run(ffn, c, b, sequence);
    if (own) clglu_workspace_give(ffn->context, b->workspace, sequence->last);
    return status;
}

clglu_status clglu_ffn_backward(clglu_ffn *ffn, const clglu_ffn_backward_call *call, cl_command_queue queue,
                                const clglu_ffn_gradients *g, cl_uint nwait, const cl_event *wait, cl_event *event)
{
    clglu_backward c;
    clglu_sequence sequence;
    size_t room = 0;
    if (ffn == NULL) return CLGLU_NULL_POINTER;
    if (g == NULL) return clglu_fail(ffn->context, CLGLU_NULL_POINTER, "buffers is NULL");
    clglu_back_buffers b = {{g->dy, g->x, g->a, g->b, g->dx, g->dwa, g->dwb, g->dwd, g->dba, g->dbb, g->dbd, g->overflow},
                            g->workspace};
    clglu_status status = check(ffn, call, &b, &c, &room);
    if (!status) status = clglu_sequence_begin(&sequence, ffn->context, queue, nwait, wait);
    if (status) return status;
    status = run(ffn, &c, &b, room, &sequence);
    return clglu_sequence_end(&sequence, status, event);
}

clglu_status clglu_ffn_backward_workspace(const clglu_ffn *ffn, const clglu_ffn_backward_call *call, size_t *bytes)
{
    clglu_backward c = {.rows = 0};
    clglu_back_slot culprit;
    const char *why;
    if (ffn == NULL) return CLGLU_NULL_POINTER;
    if (bytes == NULL) return clglu_fail(ffn->context, CLGLU_NULL_POINTER, "bytes is NULL");
    for (int s = BACK_DY; s <= BACK_X; s++) c.operand[s].used = true;
    c.operand[BACK_DX].used = true;
    c.operand[BACK_X].space = bytes; /* places apart: overlaps are not the question here */
    c.operand[BACK_DX].space = ffn;
    clglu_status status = clglu_backward_from(&c, &ffn->block, call, &why, &culprit);
    if (status) return clglu_fail(ffn->context, status, "%s", why);
    if (!clglu_back_room(ffn, &c, bytes)) return clglu_fail(ffn->context, CLGLU_INVALID_SIZE, "row_block is too large");
    return CLGLU_OK;
}

/* ---------------------------------------------------------------- host arrays */

/* An array's bytes from its view's first element to its last, on the device. */
typedef struct passage {
    char *start;
    size_t bytes;
    cl_mem mem;
} passage;

static clglu_status send(clglu_ffn *ffn, const clglu_place *o, void *array, passage *p)
{
    size_t size = clglu_dtype_size(o->dtype);
    cl_int code;
    p->start = (char *)array + o->view.offset * size;
    p->bytes = (o->end - o->view.offset) * size;
    p->mem = clCreateBuffer(ffn->context->cl, CL_MEM_READ_WRITE | CL_MEM_COPY_HOST_PTR, p->bytes, p->start, &code);
    return p->mem ? CLGLU_OK : clglu_fail_cl(ffn->context, "clCreateBuffer (gradients)", code);
}

/* Elements only: what lies between them may be another gradient's. */
static void scatter(const clglu_place *o, const passage *p, const char *from)
{
    size_t size = clglu_dtype_size(o->dtype);
    for (size_t r = 0; r < o->rows; r++)
        for (size_t c = 0; c < o->cols; c++) {
            size_t at = (r * o->view.ld + c * o->view.inc) * size;
            memcpy(p->start + at, from + at, size);
        }
}

static clglu_status bring(clglu_ffn *ffn, const clglu_place *o, const passage *p)
{
    char *bytes = malloc(p->bytes);
    if (bytes == NULL) return clglu_fail(ffn->context, CLGLU_OUT_OF_MEMORY, "no memory for gradients");
    cl_int code = clEnqueueReadBuffer(ffn->context->queue, p->mem, CL_TRUE, 0, p->bytes, bytes, 0, NULL, NULL);
    if (code == CL_SUCCESS) scatter(o, p, bytes);
    free(bytes);
    return code == CL_SUCCESS ? CLGLU_OK : clglu_fail_cl(ffn->context, "clEnqueueReadBuffer", code);
}

/* The same call on buffers that begin with the views' first elements. */
static clglu_status call_on(clglu_ffn *ffn, const clglu_ffn_backward_call *call, const passage *p)
{
    clglu_ffn_backward_call d = *call;
    clglu_view *views[] = {&d.dy, &d.x, &d.a, &d.b, &d.dx, &d.dwa, &d.dwb, &d.dwd, &d.dba, &d.dbb, &d.dbd};
    for (size_t i = 0; i < sizeof views / sizeof *views; i++) views[i]->offset = 0;
    clglu_ffn_gradients g = {p[BACK_DY].mem, p[BACK_X].mem, p[BACK_A].mem, p[BACK_B].mem, p[BACK_DX].mem,
                             p[BACK_DWA].mem, p[BACK_DWB].mem, p[BACK_DWD].mem, p[BACK_DBA].mem, p[BACK_DBB].mem,
                             p[BACK_DBD].mem, p[BACK_OVERFLOW].mem, NULL};
    return clglu_ffn_backward(ffn, &d, NULL, &g, 0, NULL, NULL);
}

clglu_status clglu_ffn_backward_host(clglu_ffn *ffn, const clglu_ffn_backward_call *call,
                                     const clglu_ffn_gradients_host *arrays)
{
    passage p[BACK_SLOTS] = {{NULL, 0, NULL}};
    void *list[BACK_SLOTS];
    clglu_backward c;
    clglu_back_slot culprit;
    const char *why;
    if (ffn == NULL) return CLGLU_NULL_POINTER;
    clglu_status status = check_training(ffn);
    if (status) return status;
    status = clglu_backward_host(&c, &ffn->block, call, arrays, &why, &culprit);
    if (status) return fail(ffn, status, culprit, why);
    clglu_backward_arrays(arrays, list);
    if (c.rows == 0) {
        if (arrays->overflow) *arrays->overflow = 0;
        return CLGLU_OK;
    }
    for (int s = 0; !status && s < BACK_SLOTS; s++)
        if (c.operand[s].used) status = send(ffn, &c.operand[s], list[s], &p[s]);
    if (!status) status = call_on(ffn, call, p);
    for (int s = BACK_DX; !status && s < BACK_SLOTS; s++)
        if (c.operand[s].used) status = bring(ffn, &c.operand[s], &p[s]);
    for (int s = 0; s < BACK_SLOTS; s++)
        if (p[s].mem) clReleaseMemObject(p[s].mem);
    return status;
}
