/* block.h - a feed-forward block and one call of it made explicit: what create, forward, emulation and reference share.
   SPDX-License-Identifier: MIT */

#ifndef CLGLU_BLOCK_H
#define CLGLU_BLOCK_H

#include <stdbool.h>

#include "clglu.h"
#include "place.h"

typedef enum clglu_matrix_slot { MATRIX_A, MATRIX_B, MATRIX_D, MATRICES } clglu_matrix_slot;

/* A weight matrix [in, out] and its bias; views resolved, ends in elements. */
typedef struct clglu_matrix {
    bool used, biased;
    size_t in, out;
    clglu_weights weights;
    size_t end;
    clglu_bias bias; /* inc is never 0 */
    size_t bias_end;
} clglu_matrix;

typedef struct clglu_block {
    size_t d_model, d_ff, d_out; /* d_out: columns of y, with or without wd */
    clglu_dtype dtype;
    clglu_act act, gate;
    float alpha, limit, shift; /* alpha: never 0 */
    bool gated;                /* false: a plain block */
    clglu_route route;
    bool training;
    clglu_matrix matrix[MATRICES];
} clglu_block;

/* What is copied out of a descriptor: every rule of the header that needs no device. On failure *why is a static text. */
clglu_status clglu_block_from(clglu_block *block, const clglu_ffn_desc *desc, const char **why);

typedef enum clglu_call_slot { CALL_X, CALL_Y, CALL_A, CALL_B, CALL_SLOTS } clglu_call_slot;

typedef struct clglu_block_call {
    size_t rows, row_block;
    clglu_ffn_choice choice;
    clglu_place operand[CALL_SLOTS];
} clglu_block_call;

/* "x" ...; NULL for CALL_SLOTS. */
extern const char *const clglu_call_names[CALL_SLOTS + 1];

/* A row_block as asked for, rounded up to whole blocks of the canonical sum, or the default. */
clglu_status clglu_row_block(size_t wanted, size_t *row_block, const char **why);

/* The form is known and the numbers are such as a kernel may have. */
clglu_status clglu_choice_check(const clglu_ffn_choice *choice, const char **why);

/* Every rule for a call that needs no device; operand[].used, space and origin are to be set before. On failure *why is a
   static text and *culprit the slot it speaks of (CALL_SLOTS: none). */
clglu_status clglu_block_call_from(clglu_block_call *call, const clglu_block *block, const clglu_ffn_call *desc,
                                   const char **why, clglu_call_slot *culprit);

/* The same for host arrays (a and b may be NULL), their pointers checked too. */
clglu_status clglu_block_call_host(clglu_block_call *call, const clglu_block *block, const clglu_ffn_call *desc,
                                   const void *x, const void *y, const void *a, const void *b, const char **why,
                                   clglu_call_slot *culprit);

/* A block from a descriptor whose matrices and biases are all in host memory. */
clglu_status clglu_block_from_host(clglu_block *block, const clglu_ffn_desc *desc, const char **why);

/* The same sizes, dtype, matrices and biases, whatever lies in them. */
bool clglu_block_is_alike(const clglu_block *p, const clglu_block *q);

/* The matrix [out, in] of the same weights, without bias. */
clglu_matrix clglu_transposed(const clglu_matrix *matrix);

/* The gate operator's part of it, as a descriptor of one element. */
clglu_gate_desc clglu_block_gate(const clglu_block *block);

#endif
