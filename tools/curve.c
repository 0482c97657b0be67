/* curve.c - the error of an activation along its argument. SPDX-License-Identifier: MIT */

#include "curve.h"

#include <math.h>
#include <stdlib.h>

static const double low = -12, high = 12;

static double reference(clglu_act act, int derivative, double x)
{
    return derivative ? clglu_reference_act_derivative(act, 1, x) : clglu_reference_act(act, 1, x);
}

/* Not next to a root of the derivative: ULP of results near 0 say nothing, an absolute bound stands there instead. */
static int near_root(clglu_act act, double x)
{
    double at = clglu_reference_act_derivative(act, 1, x);
    double below = clglu_reference_act_derivative(act, 1, x * 0.875);
    return fabs(at) < 0x1p-4 && below * clglu_reference_act_derivative(act, 1, x * 1.125) < 0;
}

static void judge(clglu_act act, int derivative, const float *x, const float *y, struct curve *c)
{
    for (size_t i = 0; i < CURVE_BINS; i++) {
        c->x[i] = low + (high - low) * ((double)i + 0.5) / CURVE_BINS;
        c->ulp[i] = 0;
        for (size_t k = i * CURVE_POINTS; k < (i + 1) * CURVE_POINTS; k++) {
            if (derivative && near_root(act, (double)x[k])) continue;
            double ulp = clglu_ulp(reference(act, derivative, (double)x[k]), (double)y[k], CLGLU_F32);
            if (!(ulp <= c->ulp[i])) c->ulp[i] = ulp;
        }
    }
}

clglu_status curve_make(clglu_context *context, clglu_act act, int derivative, struct curve *c)
{
    enum { COUNT = CURVE_BINS * CURVE_POINTS };
    float *x = malloc(3 * COUNT * sizeof *x);
    clglu_act_desc d = {.rows = 1, .cols = COUNT, .act = act};
    if (!x) return CLGLU_OUT_OF_MEMORY;
    float *y = x + COUNT, *one = y + COUNT;
    for (size_t i = 0; i < COUNT; i++) {
        x[i] = (float)(low + (high - low) * ((double)i + 0.37) / COUNT);
        one[i] = 1;
    }
    clglu_status status = derivative ? clglu_act_backward_host(context, &d, one, x, y, NULL)
                                     : clglu_act_forward_host(context, &d, x, y);
    if (status == CLGLU_OK) judge(act, derivative, x, y, c);
    free(x);
    return status;
}
