/* curve.h - the error of an activation along its argument. SPDX-License-Identifier: MIT */

#ifndef CLGLU_TOOLS_CURVE_H
#define CLGLU_TOOLS_CURVE_H

#include "clglu.h"

enum { CURVE_BINS = 96, CURVE_POINTS = 256 }; /* points in a bin */

/* The argument from -12 to 12 in bins of equal width, and the largest error of the f32 results in each, in ULP. */
struct curve {
    double x[CURVE_BINS]; /* their middles */
    double ulp[CURVE_BINS];
};

/* Of act, or of its derivative. */
clglu_status curve_make(clglu_context *context, clglu_act act, int derivative, struct curve *curve);

#endif
