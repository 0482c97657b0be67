/* ulp.h - errors in units in the last place, counted as the OpenCL conformance tests count them.
   SPDX-License-Identifier: MIT */

#ifndef CLGLU_ULP_H
#define CLGLU_ULP_H

/* |got - want| / ulp(want). `want` is the real number as a double, `got` the result, widened; dtype says of
   which format: 0 f32, 1 f16, 2 bf16 (any other: NaN).

   The rules are those of Ulp_Error and Ulp_Error_Half in the Khronos conformance tests
   (test_common/harness/errorHelpers.cpp):
   - ulp(want) is the spacing of the format at want, and at a power of two the finer one, that just below it.
     Below the smallest normal number, zero included, it is the spacing of the subnormals; above the largest
     finite number it goes on as if the format had more exponents.
   - Where want rounds to infinity, half a spacing above the largest finite number and on, infinity is right.
   - Elsewhere infinity for a finite want counts as the first number that the format lacks, 2^128 (f16: 2^16),
     so that overflow a little early costs what it is off.
   - want infinite: only the same infinity is right, all else has an infinite error.
   - NaN for NaN is 0, NaN on one side only is infinitely wrong.
   - The sign of a zero is not looked at. */
double clglu_ulp_error(double want, double got, int dtype);

#endif
