/* openblas.h - OpenBLAS's sgemm to compare with, where the machine has it. SPDX-License-Identifier: MIT */

#ifndef CLGLU_TOOLS_OPENBLAS_H
#define CLGLU_TOOLS_OPENBLAS_H

#include <stddef.h>

struct openblas;

/* libopenblas.so.0, found at run time, with a thread for each processor and the kernels that it takes for
   this one. NULL: there is none. */
struct openblas *openblas_open(void);
void openblas_close(struct openblas *blas);

/* "SkylakeX, 2 threads" */
const char *openblas_name(const struct openblas *blas);

/* y = x w, row-major: x is [rows, in], w is [in, out], y is [rows, out] in rows of y_stride elements. */
void openblas_product(const struct openblas *blas, size_t rows, size_t in, size_t out, const float *x,
                      const float *w, float *y, size_t y_stride);

/* Waits until its threads, which look out for more work for a while, sleep: they would be in others' way. */
void openblas_settle(void);

#endif
