/* ffn_update.c - changed weights are packed again, in place.
   SPDX-License-Identifier: MIT */

#include "ffn.h"

#include "error.h"

static clglu_status fill(clglu_ffn *ffn, const clglu_panel_sources *sources, clglu_panels *panels,
                         clglu_sequence *sequence)
{
    return clglu_panels_fill(ffn->context, sources, panels, sequence);
}

/* The same shapes, dtype and parts; what act and gate are is not looked at: it does not change. */
static bool is_alike(const clglu_block *p, const clglu_block *q)
{
    bool alike = p->d_model == q->d_model && p->d_ff == q->d_ff && p->d_out == q->d_out && p->dtype == q->dtype;
    for (int i = 0; i < MATRICES; i++)
        alike = alike && p->matrix[i].used == q->matrix[i].used && p->matrix[i].biased == q->matrix[i].biased;
    return alike;
}

clglu_status clglu_ffn_update(clglu_ffn *ffn, const clglu_ffn_desc *desc, cl_command_queue queue, cl_uint nwait,
                              const cl_event *wait, cl_event *event)
{
    clglu_sequence sequence;
    clglu_block block;
    const char *why;
    if (ffn == NULL) return CLGLU_NULL_POINTER;
    clglu_status status = clglu_block_from(&block, desc, &why);
    if (status) return clglu_fail(ffn->context, status, "%s", why);
    if (!is_alike(&block, &ffn->block))
        return clglu_fail(ffn->context, CLGLU_INVALID_VALUE, "desc is not of the block's shapes, dtype and parts");
    status = clglu_ffn_check_sources(ffn->context, &block);
    if (!status) status = clglu_sequence_begin(&sequence, ffn->context, queue, nwait, wait);
    if (status) return status;
    block.training = ffn->block.training;
    status = clglu_ffn_each(ffn, &block, fill, &sequence);
    return clglu_sequence_end(&sequence, status, event);
}
