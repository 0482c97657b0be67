/* ffn_update.c - changed weights are packed again, in place.
   SPDX-License-Identifier: MIT */

#include "ffn.h"

#include "error.h"

static clglu_status fill(clglu_ffn *ffn, const clglu_panel_sources *sources, clglu_panels *panels,
                         clglu_sequence *sequence)
{
    return clglu_panels_fill(ffn->context, sources, panels, sequence);
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
    if (!clglu_block_is_alike(&block, &ffn->block)) /* what act and gate are does not matter: they do not change */
        return clglu_fail(ffn->context, CLGLU_INVALID_VALUE, "desc is not of the block's shapes, dtype and parts");
    status = clglu_ffn_check_sources(ffn->context, &block);
    if (!status) status = clglu_sequence_begin(&sequence, ffn->context, queue, nwait, wait);
    if (status) return status;
    block.training = ffn->block.training;
    status = clglu_ffn_each(ffn, &block, fill, &sequence);
    return clglu_sequence_end(&sequence, status, event);
}
