/* values.h - numbers in their storage types: grids over all exponents, special values, NaNs of one kind.
   SPDX-License-Identifier: MIT */

#ifndef CLGLU_TOOLS_VALUES_H
#define CLGLU_TOOLS_VALUES_H

#include "clglu.h"

/* The bits of element i of an array, and setting them. */
uint32_t value_bits(clglu_dtype dtype, const void *array, size_t i);
void value_set(clglu_dtype dtype, void *array, size_t i, uint32_t bits);
double value_number(clglu_dtype dtype, uint32_t bits);

/* Every NaN becomes the quiet one with sign 0 and no payload: the only bits that may differ between devices.
 */
void value_one_nan(clglu_dtype dtype, void *array, size_t count);

/* Point i of 2^log2 that are spread evenly over all bit patterns (so over all exponents and both signs); the
   low bits vary from point to point. With log2 = 32, or 16 for the short types: every pattern once. */
uint32_t value_spread(clglu_dtype dtype, int log2, uint64_t i);

enum value_special {
    VALUE_NAN,
    VALUE_INF,
    VALUE_MINUS_INF,
    VALUE_ZERO,
    VALUE_MINUS_ZERO,
    VALUE_MAX,
    VALUE_MINUS_MAX,
    VALUE_SPECIALS
};
uint32_t value_special(clglu_dtype dtype, enum value_special which);
uint32_t value_one(clglu_dtype dtype);

/* Fills with everyday numbers, of size 1/4 to 4 and either sign, the same on each call. */
void value_everyday(clglu_dtype dtype, void *array, size_t count);

#endif
