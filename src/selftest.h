/* selftest.h - does a device do what the kernels rely on?
   SPDX-License-Identifier: MIT */

#ifndef CLGLU_SELFTEST_H
#define CLGLU_SELFTEST_H

#include "core.h"

/* Runs a small program on the context's device and compares with the host: fma, products and sums rounded to nearest,
   halves, GELU and its derivative, barriers and local memory. The device record's verdict and remarks say what was found. */
void clglu_selftest(clglu_context *context);

/* Its program. */
clglu_status clglu_selftest_program(clglu_context *context, cl_program *program);

#endif
