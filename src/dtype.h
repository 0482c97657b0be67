/* dtype.h - the storage types f16 and bf16 on the host: conversions that round once, to nearest even.
   SPDX-License-Identifier: MIT */

/* Widening is exact. Narrowing goes to the nearest value, ties to the even one, and beyond the largest finite
   value to infinity. A NaN stays a NaN (a quiet one; its payload may be cut). Integer operations only, so
   neither the rounding mode nor a flush-to-zero mode of the caller has a say. */
#ifndef CLGLU_DTYPE_H
#define CLGLU_DTYPE_H

#include <stdint.h>

float clglu_f16_to_f32(uint16_t h);
uint16_t clglu_f32_to_f16(float x);
float clglu_bf16_to_f32(uint16_t h);
uint16_t clglu_f32_to_bf16(float x);

#endif
