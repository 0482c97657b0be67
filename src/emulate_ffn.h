/* emulate_ffn.h - a block's numbers in host memory, widened, and its canonical sums: what emulation and reference share.
   SPDX-License-Identifier: MIT */

#ifndef CLGLU_EMULATE_FFN_H
#define CLGLU_EMULATE_FFN_H

#include "block.h"
#include "sizes.h"

/* Columns that are summed together. */
enum { CLGLU_WIDE = 64 };

/* The n elements first, first + step, ... of an array (aligned or not), widened to to[0], to[to_step], ... */
void clglu_widen(clglu_dtype dtype, const void *array, size_t first, size_t step, size_t n, float *to, size_t to_step);

/* A resolved view, as far as [rows, cols] goes, widened to rows ld apart; and back, rounded. */
void clglu_widen_view(clglu_dtype dtype, const void *array, clglu_view v, size_t rows, size_t cols, float *to, size_t ld);
void clglu_narrow_view(clglu_dtype dtype, const float *from, size_t ld, size_t rows, size_t cols, void *array, clglu_view v);

/* What of a view begins at an element. */
clglu_view clglu_view_from(clglu_view v, size_t row, size_t col);

/* The weights from inputs k ... k + ins - 1 to outputs n ... n + outs - 1, as rows of `width` floats; beyond outs zeros. */
void clglu_weights_tile(const clglu_matrix *m, clglu_dtype dtype, size_t k, size_t ins, size_t n, size_t outs,
                        float *tile, size_t width);

/* Products x[r][k] w[k][n] of at most CLGLU_SUM_BLOCK terms k and CLGLU_WIDE columns n. */
typedef struct clglu_products {
    size_t rows, terms, cols;
    const float *x; /* element (r, k) is at r * ld + k * inc */
    size_t ld, inc;
    const float *w; /* rows of CLGLU_WIDE floats, all of which are read */
    float *sums;    /* [rows, cols], rows sums_ld apart */
    size_t sums_ld;
} clglu_products;

/* Adds to every sum one block of its terms. */
void clglu_add_block(const clglu_products *p);

/* x W + bias in n <= CLGLU_WIDE columns from number col on, as rows of CLGLU_WIDE; x is dense, tile has room for
   CLGLU_SUM_BLOCK rows of weights. */
void clglu_project(const clglu_matrix *m, clglu_dtype dtype, const float *x, size_t rows, size_t col, size_t n,
                   float *tile, float *sums);

/* How many of the rows to work on together: at most `most`, fewer where they would take over 16 MiB, at least one. */
size_t clglu_rows_at_once(size_t rows, size_t most, size_t row_bytes);

#endif
