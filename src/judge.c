/* judge.c - the gate operator in double, and the public face of the reference.
   SPDX-License-Identifier: MIT */

#include <math.h>

#include "clglu.h"
#include "reference.h"
#include "ulp.h"

double clglu_reference_act(clglu_act act, double alpha, double x)
{
    return clglu_ref_act((int)act, alpha == 0 ? 1 : alpha, x);
}

double clglu_reference_act_derivative(clglu_act act, double alpha, double x)
{
    return clglu_ref_derivative((int)act, alpha == 0 ? 1 : alpha, x);
}

double clglu_ulp(double want, double got, clglu_dtype dtype)
{
    return clglu_ulp_error(want, got, (int)dtype);
}

static double clamp(double x, double low, double high)
{
    return x > high ? high : x < low ? low : x;
}

/* The four factors of the operator at (a, b), and whether the clamp moved an input. */
typedef struct factors {
    double p, dp, q, dq;
} factors;

static clglu_status evaluate(const clglu_gate_desc *desc, double a, double b, factors *f)
{
    if (desc == NULL) return CLGLU_NULL_POINTER;
    if ((unsigned)desc->act >= CLGLU_ACT_COUNT || (unsigned)desc->gate >= CLGLU_ACT_COUNT) return CLGLU_INVALID_VALUE;
    double limit = desc->limit == 0 ? INFINITY : (double)desc->limit;
    double ca = clamp(a, -INFINITY, limit), cb = clamp(b, -limit, limit), alpha = (double)desc->alpha;
    f->p = clglu_reference_act(desc->act, alpha, ca);
    f->dp = a > limit ? 0 : clglu_reference_act_derivative(desc->act, alpha, ca);
    f->q = clglu_reference_act(desc->gate, 1, cb) + (double)desc->shift;
    f->dq = b > limit || b < -limit ? 0 : clglu_reference_act_derivative(desc->gate, 1, cb);
    return CLGLU_OK;
}

clglu_status clglu_reference_gate(const clglu_gate_desc *desc, double a, double b, double *y)
{
    factors f;
    clglu_status status = y == NULL ? CLGLU_NULL_POINTER : evaluate(desc, a, b, &f);
    if (!status) *y = f.p * f.q;
    return status;
}

clglu_status clglu_reference_gate_derivative(const clglu_gate_desc *desc, double a, double b, double *dya, double *dyb)
{
    factors f;
    clglu_status status = evaluate(desc, a, b, &f);
    if (status) return status;
    if (dya) *dya = f.q * f.dp;
    if (dyb) *dyb = f.p * f.dq;
    return CLGLU_OK;
}
