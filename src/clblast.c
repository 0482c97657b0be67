/* clblast.c - the other route: a projection's products by CLBlast.
   SPDX-License-Identifier: MIT */

#include "ffn.h"

#include "error.h"

#ifdef CLGLU_CLBLAST
#include <clblast_c.h>

bool clglu_has_clblast(void)
{
    return true;
}

/* CLBlast takes no wait list: what came before is waited for by a barrier in the queue. */
static clglu_status barrier(clglu_sequence *s)
{
    cl_event event;
    cl_int code = clEnqueueBarrierWithWaitList(s->queue, s->last ? 1 : s->nwait, s->last ? &s->last : s->wait, &event);
    if (code != CL_SUCCESS) return clglu_fail_cl(s->context, "clEnqueueBarrierWithWaitList", code);
    clglu_sequence_follow(s, event);
    return CLGLU_OK;
}

clglu_status clglu_clblast_multiply(clglu_context *context, const clglu_panels *w, size_t rows, cl_mem x, size_t x_at,
                                    cl_mem sums, size_t sums_at, clglu_sequence *sequence)
{
    cl_event event = NULL;
    clglu_status status = barrier(sequence);
    if (status) return status;
    CLBlastStatusCode code =
        CLBlastSgemm(CLBlastLayoutRowMajor, CLBlastTransposeNo, CLBlastTransposeNo, rows, w->stride, w->in, 1.0f, x, x_at,
                     w->in, w->weights, 0, w->stride, 0.0f, sums, sums_at, w->stride, &sequence->queue, &event);
    if (code != CLBlastSuccess)
        return clglu_fail(context, CLGLU_CLBLAST_FAILED, "CLBlastSgemm (%zu x %zu x %zu): status %d, see clblast_c.h",
                          rows, w->stride, w->in, (int)code);
    clglu_sequence_follow(sequence, event);
    return CLGLU_OK;
}

#else

bool clglu_has_clblast(void)
{
    return false;
}

clglu_status clglu_clblast_multiply(clglu_context *context, const clglu_panels *w, size_t rows, cl_mem x, size_t x_at,
                                    cl_mem sums, size_t sums_at, clglu_sequence *sequence)
{
    (void)w, (void)rows, (void)x, (void)x_at, (void)sums, (void)sums_at, (void)sequence;
    return clglu_fail(context, CLGLU_UNSUPPORTED, "this library was built without CLBlast");
}
#endif
