/* host_ffn.h - what the host's tests of the feed-forward block share: blocks with their tensors, and a naive block.
   SPDX-License-Identifier: MIT */

/* A block_case says what there is; block_new makes the numbers and lays them into tensors by the words of the header's
   layouts, not by views; naive_block computes with the numbers, one product after the other. */
#ifndef TEST_HOST_FFN_H
#define TEST_HOST_FFN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "clglu.h"

/* PLAIN: -1 to 1. CANCELLING: neighbours nearly annul each other. HUGE_ONES, TINY_ONES: sums near the ends of f32.
   WILD: any bit pattern. */
typedef enum { PLAIN, CANCELLING, HUGE_ONES, TINY_ONES, WILD, NATURES } nature;

typedef struct block_case {
    size_t rows, d_model, d_ff, d_out; /* d_out: columns of y where there is a wd */
    bool has_a, has_b, has_d, bias_a, bias_b, bias_d;
    clglu_dtype dtype, x_dtype, y_dtype, ab_dtype;
    clglu_order order;
    clglu_layout layout;
    clglu_act act, gate;
    float alpha, limit, shift;
    nature nature;
    bool strided; /* x, y, a and b have gaps */
} block_case;

enum { TENSORS = 7 };
typedef enum { UP, UP_TOO, DOWN, BIAS_UP, BIAS_UP_TOO, BIAS_DOWN, INPUT } tensor;

typedef struct block {
    block_case c;
    clglu_ffn_desc desc;
    clglu_ffn_call call;
    void *tensor[TENSORS];                    /* as in a file, and x as the call has it */
    float *x, *wa, *wb, *wd, *ba, *bb, *bd; /* the same numbers, dense [in, out] */
} block;

typedef struct results {
    void *y, *a, *b; /* with the gaps that the call's views have */
    size_t y_bytes, ab_bytes;
} results;

uint32_t test_random(uint64_t *state);
size_t test_below(uint64_t *state, size_t n);

/* Some of everything: sizes around the blocks of sums, dtypes, orders, layouts, what is absent. */
block_case random_case(uint64_t *state);
void describe_case(const block_case *c, char *text, size_t size);

block block_new(const block_case *c, uint64_t *state);
void block_free(block *b);
size_t block_cols(const block *b); /* of y */

/* Arrays for the results, filled with a pattern. */
results results_new(const block *b);
void results_free(results *r);

/* One row: canonical sums, fmaf after fmaf; a and b as act and gate get them before the clamp; y before it is rounded. */
void naive_row(const block *b, size_t row, float *a, float *gate, float *y);
/* All rows into the results, rounded. */
void naive_block(const block *b, results *r);

size_t dtype_bytes(clglu_dtype t);
float number_at(clglu_dtype t, const void *array, size_t i);
void put_number(clglu_dtype t, void *array, size_t i, float x);
bool same_number(clglu_dtype t, const void *p, const void *q, size_t i); /* bits, or NaN both */

#endif
