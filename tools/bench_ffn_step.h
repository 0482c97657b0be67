/* bench_ffn_step.h - a training step of a block, for bench: forward and backward, and the weights packed again.
   SPDX-License-Identifier: MIT */

#ifndef CLGLU_TOOLS_BENCH_FFN_STEP_H
#define CLGLU_TOOLS_BENCH_FFN_STEP_H

#include "bench_ffn_block.h"

/* The forward keeps a and b in f32; the backward makes dx and the f32 gradients of all weights. */
struct step {
    const struct block *block;
    clglu_ffn *ffn;
    clglu_ffn_desc desc; /* the weights on the device */
    cl_mem weights, a, b, dy, dx, dwa, dwb, dwd;
};

/* All return CLI_GO_ON or an exit status with a message; step_close is fine after a failure, and on zeros. */
int step_open(struct step *step, const struct block *block, size_t most_rows);
void step_close(struct step *step);

/* So many runs, to the end. */
int step_run(const struct step *step, size_t rows, int runs);
int step_update(const struct step *step, int runs);

#endif
