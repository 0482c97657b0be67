/* back.h - a block's backward on a device: the checked call and what runs it.
   SPDX-License-Identifier: MIT */

#ifndef CLGLU_BACK_H
#define CLGLU_BACK_H

#include "backward.h"
#include "ffn.h"

/* The buffers of a call, by slot. */
typedef struct clglu_back_buffers {
    cl_mem of[BACK_SLOTS], workspace;
} clglu_back_buffers;

/* Bytes of workspace. False: they overflow. */
bool clglu_back_room(const clglu_ffn *ffn, const clglu_backward *call, size_t *bytes);

/* Enqueues a checked call. */
clglu_status clglu_back_run(const clglu_ffn *ffn, const clglu_backward *call, const clglu_back_buffers *buffers,
                            clglu_sequence *sequence);

#endif
