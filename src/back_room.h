/* back_room.h - what a backward's workspace holds.
   SPDX-License-Identifier: MIT */

#ifndef CLGLU_BACK_ROOM_H
#define CLGLU_BACK_ROOM_H

#include "back.h"

/* Where the parts begin, in floats, for one row block of n rows. */
typedef struct clglu_back_parts {
    size_t g;             /* dy * scale, [n, d_out] */
    size_t a, b;          /* [n, d_ff] */
    size_t dh;            /* [n, d_ff], afterwards h */
    size_t dab;           /* [n, 2 d_ff]: da, db; a plain block: [n, d_ff] */
    size_t tiles, panels; /* operands of the projection that runs */
    size_t sums;
    size_t dwa, dwb, dwd; /* f32 sums between row blocks, where the gradients themselves have 16 bits */
    size_t end;
} clglu_back_parts;

/* False: the sizes overflow. */
bool clglu_back_layout(const clglu_ffn *ffn, const clglu_backward *call, clglu_back_parts *parts);

#endif
