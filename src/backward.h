/* backward.h - one backward call of a feed-forward block made explicit.
   SPDX-License-Identifier: MIT */

#ifndef CLGLU_BACKWARD_H
#define CLGLU_BACKWARD_H

#include "block.h"

typedef enum clglu_back_slot {
    BACK_DY,
    BACK_X,
    BACK_A,
    BACK_B,
    BACK_DX, /* the outputs from here on */
    BACK_DWA,
    BACK_DWB,
    BACK_DWD,
    BACK_DBA,
    BACK_DBB,
    BACK_DBD,
    BACK_OVERFLOW,
    BACK_SLOTS
} clglu_back_slot;

typedef struct clglu_backward {
    size_t rows, row_block;
    bool accumulate;
    float scale; /* never 0 */
    bool recompute; /* a and b are computed from x */
    clglu_ffn_choice choice;
    clglu_place operand[BACK_SLOTS]; /* a vector has one row */
} clglu_backward;

/* "dy" ...; "backward" for BACK_SLOTS. */
extern const char *const clglu_back_names[BACK_SLOTS + 1];

/* Every rule of the header that needs no device; operand[].used, space and origin are to be set before. On failure *why is a
   static text and *culprit the slot it speaks of (BACK_SLOTS: none). */
clglu_status clglu_backward_from(clglu_backward *call, const clglu_block *block, const clglu_ffn_backward_call *desc,
                                 const char **why, clglu_back_slot *culprit);

/* The same for arrays in host memory. */
clglu_status clglu_backward_host(clglu_backward *call, const clglu_block *block, const clglu_ffn_backward_call *desc,
                                 const clglu_ffn_gradients_host *arrays, const char **why, clglu_back_slot *culprit);

/* The host arrays in the order of the slots. */
void clglu_backward_arrays(const clglu_ffn_gradients_host *arrays, void *list[BACK_SLOTS]);

#endif
