/* train_block.h - a feed-forward block that is trained, on a device or by the emulation.
   SPDX-License-Identifier: MIT */

#ifndef CLGLU_TOOLS_TRAIN_BLOCK_H
#define CLGLU_TOOLS_TRAIN_BLOCK_H

#include "clglu.h"

/* A variant: plain (d_ff hidden units of act) or gated. */
struct train_form {
    char name[32];
    int gated;
    clglu_act act, gate;
    float alpha, limit, shift;
    size_t d_ff;
};

/* Dense [d_model, d_ff] twice and [d_ff, d_model], in the caller's memory as long as the block lives; wb
 * NULL: plain. */
struct train_weights {
    float *wa, *wb, *wd;
};

struct train_block;

/* context NULL: the emulation. All return CLI_GO_ON or an exit status, with a message. */
int train_block_open(struct train_block **block, clglu_context *context, const struct train_form *form,
                     size_t d_model, struct train_weights weights, struct train_weights gradients);
void train_block_close(struct train_block *block);

/* y of so many rows, for TRAIN_VALID at most; a and b are kept for the calls that follow. */
int train_block_forward(struct train_block *block, size_t rows, const float *x, float *y);
/* The gradients of the weights, and dx, for the x of the forward before. */
int train_block_backward(struct train_block *block, size_t rows, const float *dy, const float *x, float *dx);
/* h = act(a) * gate(b) of the forward before. */
int train_block_hidden(struct train_block *block, size_t rows, float *h);
/* To be called when the weights have changed. */
int train_block_update(struct train_block *block);

#endif
