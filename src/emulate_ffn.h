/* emulate_ffn.h - a block's weights and biases in host memory, widened: what emulation and reference of a block share.
   SPDX-License-Identifier: MIT */

#ifndef CLGLU_EMULATE_FFN_H
#define CLGLU_EMULATE_FFN_H

#include "block.h"

/* The n elements first, first + step, ... of an array (aligned or not), widened to to[0], to[to_step], ... */
void clglu_widen(clglu_dtype dtype, const void *array, size_t first, size_t step, size_t n, float *to, size_t to_step);

/* The weights from inputs k ... k + ins - 1 to outputs n ... n + outs - 1, as rows of `width` floats; beyond outs zeros. */
void clglu_weights_tile(const clglu_matrix *m, clglu_dtype dtype, size_t k, size_t ins, size_t n, size_t outs,
                        float *tile, size_t width);

/* How many of the rows to work on together: at most `most`, fewer where they would take over 16 MiB, at least one. */
size_t clglu_rows_at_once(size_t rows, size_t most, size_t row_bytes);

#endif
