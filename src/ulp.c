/* ulp.c - errors in units in the last place, counted as the OpenCL conformance tests count them.
   SPDX-License-Identifier: MIT */

#include "ulp.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

typedef struct {
    int digits;       /* of the significand, the hidden one included */
    int min_exponent; /* of the smallest normal number */
    double beyond;    /* the first power of two above the largest finite number */
    double infinite;  /* numbers of at least this size round to infinity: half a spacing below `beyond` */
} format;

static const format formats[] = {
    {24, -126, 0x1p128, 0x1.ffffffp127}, /* f32 */
    {11, -14, 0x1p16, 0x1.ffep15},       /* f16 */
    {8, -126, 0x1p128, 0x1.ffp127},      /* bf16 */
};

/* 1 / ulp(want), want finite. The exponents are read and written as bits: ilogb and ldexp take longer than
   the activation does. */
static double ulps_in_one(double want, const format *f)
{
    uint64_t u;
    memcpy(&u, &want, sizeof u);
    int exponent = (int)(u >> 52 & 0x7ff) - 1023;
    if ((u & 0xfffffffffffffu) == 0) exponent--; /* a power of two: the finer spacing, below it */
    if (exponent < f->min_exponent) exponent = f->min_exponent;
    u = (uint64_t)(f->digits - 1 - exponent + 1023) << 52;
    double scale;
    memcpy(&scale, &u, sizeof scale);
    return scale;
}

double clglu_ulp_error(double want, double got, int dtype)
{
    if (dtype < 0 || dtype >= (int)(sizeof formats / sizeof *formats)) return (double)NAN;
    const format *f = &formats[dtype];
    if (got == want || (isnan(got) && isnan(want))) return 0;
    if (isnan(got) || isnan(want) || isinf(want)) return (double)INFINITY;
    if (isinf(got)) {
        if (fabs(want) >= f->infinite && signbit(got) == signbit(want)) return 0;
        got = copysign(f->beyond, got);
    }
    return fabs(got - want) * ulps_in_one(want, f);
}
