/* reference.c - the judge: activations and derivatives in double, by other identities than the kernels.
   SPDX-License-Identifier: MIT */

/* Where a result is exp of something large, the error of the argument becomes that of the result; there the
   argument is carried as the sum of two doubles. Products that must be exact are written with fma(), the
   others must not be contracted: compile with -ffp-contract=off. The constants come from tests/golden/make.py
   --constants; _LOW is what the double before it lacks. */
#include "reference.h"

#include "../include/clglu_acts.h"

#include <math.h>

/* NOLINTNEXTLINE(bugprone-macro-parentheses): an enumerator's name and number cannot stand in any */
#define ACT_ID(id, name, UPPER, formula, derivative, ulp_f, ulp_b, worst_f, worst_b, source) ACT_##UPPER = id,
enum act { CLGLU_ACTS(ACT_ID) };
#undef ACT_ID

static const double QUICK_ALPHA = 0x1.b3b646p+0; /* 1.702f */

/* x, or the bound that it is beyond. Every function below has reached its limit in double precision long
   before its bound, so infinities and overflow need no case of their own. */
static double clamp(double x, double bound) { return x > bound ? bound : x < -bound ? -bound : x; }

/* exp(-|z + low|), low being small against z. */
static double exp_minus_abs(double z, double low)
{
    double e = exp(-fabs(z));
    return fma(e, z < 0 ? low : -low, e);
}

/* s(z + low) = 1 / (1 + exp(-z - low)) without cancellation and without overflow. */
static double logistic(double z, double low)
{
    double e = exp_minus_abs(z, low);
    return (z < 0 ? e : 1) / (1 + e);
}

/* s'(z) = s(z) s(-z), even in z. */
static double logistic_slope(double z)
{
    double e = exp(-fabs(z));
    return e / ((1 + e) * (1 + e));
}

/* x p with a share p between 0 and 1: where p has vanished x may be infinite, and 0 has the sign of x. */
static double share(double x, double p) { return p == 0 ? copysign(0.0, x) : x * p; }

/* The slope of x s(z) with z = z(x) is s(z) (1 + v s(-z)) with v = x z'. To the right of zero that is a sum
   of positive terms. To the left it is s(z) n / (1 + exp(z)) with n = 1 + exp(z) + v, and n has a root: let
   it be where z = z0 and v = v0, then 1 + v0 = -exp(z0) and n = exp(z0) (exp(z - z0) - 1) + (v - v0), two
   terms of one sign that vanish together. So nothing cancels, however close to the root x is, as long as the
   differences dz = z - z0 and dv = v - v0 are good. */
static double swish_slope(double z, double low, double v, double exp_z0, double dz, double dv)
{
    double e = exp_minus_abs(z, low);
    double n = z < 0 ? e * (exp_z0 * expm1(dz) + dv) : 1 + e + v * e;
    return n / ((1 + e) * (1 + e));
}

/* d/dx x s(alpha x): v = z = alpha x. */
static double silu_slope(double z)
{
    static const double ROOT = -0x1.474973c84120bp+0, ROOT_LOW = -0x1.f8d74bc9ac154p-54;
    static const double EXP_ROOT = 0x1.1d25cf210482ep-2;
    double dz = (z - ROOT) - ROOT_LOW;
    return swish_slope(z, 0, z, EXP_ROOT, dz, dz);
}

/* alpha x. A product with infinity would make NaN of alpha = 0. */
static double silu_argument(double alpha, double x) { return clamp(alpha * clamp(x, 0x1p128), 4000); }

/* gelu_tanh is x s(2u) with 2u = LINEAR x + CUBIC x^3. */
static const double LINEAR = 0x1.9884533d43651p+0, LINEAR_LOW = -0x1.cbc0d30ebfd15p-54;
static const double CUBIC = 0x1.2444f2a4d8b4bp-4, CUBIC_LOW = -0x1.6c843a29d1c7p-61;

/* 2u, and in *low what the double lacks. The square of a float is exact, its cube and the two products are
   split with fma, and the sum by Knuth's six operations (TAOCP 2, 4.2.2), either term being the larger. */
static double gelu_tanh_argument(double x, double *low)
{
    double x2 = x * x, x3 = x * x2, x3_low = fma(x, x2, -x3);
    double a = LINEAR * x, a_low = fma(LINEAR, x, -a) + LINEAR_LOW * x;
    double b = CUBIC * x3, b_low = fma(CUBIC, x3, -b) + (CUBIC_LOW * x3 + CUBIC * x3_low);
    double sum = a + b, b_seen = sum - a;
    *low = ((a - (sum - b_seen)) + (b - b_seen)) + (a_low + b_low);
    return sum;
}

static double gelu_tanh(double x)
{
    double low, z = gelu_tanh_argument(clamp(x, 100), &low);
    return share(x, logistic(z, low));
}

/* v = LINEAR x + 3 CUBIC x^3, and x^3 - r^3 = (x - r) (x^2 + x r + r^2) with the root r. */
static double gelu_tanh_slope(double x)
{
    static const double ROOT = -0x1.81429f9e97e4dp-1, ROOT_LOW = 0x1.4f523ed77dbdcp-55;
    static const double EXP_ROOT = 0x1.2af64e9c485eep-2; /* exp(2u) at the root */
    x = clamp(x, 100);
    double low, z = gelu_tanh_argument(x, &low);
    double v = x * (LINEAR + 3 * CUBIC * (x * x));
    double t = (x - ROOT) - ROOT_LOW, mean = x * x + x * ROOT + ROOT * ROOT;
    return swish_slope(z, low, v, EXP_ROOT, t * (LINEAR + CUBIC * mean), t * (LINEAR + 3 * CUBIC * mean));
}

/* Phi(x) = erfc(-x / sqrt 2) / 2. The argument is h + low. The slope of log erfc at h > 0 is within 6 % of
   -(h + sqrt(h^2 + 4/pi)) (Abramowitz and Stegun 7.1.13), which is plenty for a correction. */
static double normal_cdf(double x)
{
    static const double SQRT_HALF = 0x1.6a09e667f3bcdp-1, SQRT_HALF_LOW = -0x1.bdd3413b26456p-55;
    static const double FOUR_OVER_PI = 0x1.45f306dc9c883p+0;
    x = clamp(x, 100);
    double h = -x * SQRT_HALF, low = fma(-x, SQRT_HALF, -h) - x * SQRT_HALF_LOW;
    return 0.5 * erfc(h) * (1 - low * (h + sqrt(h * h + FOUR_OVER_PI)));
}

/* The Taylor series of gelu' at its root, for |x - root| <= 1/16: its two terms cancel there. */
static const double GELU_ROOT = -0x1.80ead197f00b4p-1, GELU_ROOT_LOW = 0x1.13e74c58cada8p-56;

static double gelu_slope_near_root(double x)
{
    static const double TAYLOR[] = {0x1.b9d98fa5a3215p-2,  0x1.8d9a941de3ac5p-2,  -0x1.2a2ef9bb865aep-6,
                                    -0x1.d2fa4c17c7e84p-4, -0x1.e4088244f901dp-7, 0x1.3e346def42057p-6,
                                    0x1.297b9d6ffaacdp-8,  -0x1.258a6d85633afp-9, -0x1.8680f74e6b6bap-11,
                                    0x1.86c863b66083cp-13, 0x1.69610924deba8p-14, -0x1.784acad4b941ep-17};
    double t = (x - GELU_ROOT) - GELU_ROOT_LOW, sum = 0;
    for (int n = (int)(sizeof TAYLOR / sizeof *TAYLOR); n-- > 0;) sum = sum * t + TAYLOR[n];
    return t * sum;
}

static double gelu_slope(double x)
{
    static const double ONE_OVER_SQRT_2_PI = 0x1.9884533d43651p-2;
    x = clamp(x, 100);
    if (fabs(x - GELU_ROOT) <= 0x1p-4) return gelu_slope_near_root(x);
    return normal_cdf(x) + x * (ONE_OVER_SQRT_2_PI * exp(-0.5 * (x * x)));
}

double clglu_ref_act(int act, double alpha, double x)
{
    if (isnan(x)) return x;
    switch ((enum act)act) {
    case ACT_IDENTITY:
        return x;
    case ACT_RELU:
        return x > 0 ? x : 0;
    case ACT_RELU2:
        return x > 0 ? x * x : 0;
    case ACT_SIGMOID:
        return logistic(x, 0);
    case ACT_TANH:
        return tanh(x);
    case ACT_SILU:
        return share(x, logistic(silu_argument(alpha, x), 0));
    case ACT_GELU:
        return share(x, normal_cdf(x));
    case ACT_GELU_TANH:
        return gelu_tanh(x);
    case ACT_GELU_QUICK:
        return share(x, logistic(silu_argument(QUICK_ALPHA, x), 0));
    }
    return (double)NAN;
}

double clglu_ref_derivative(int act, double alpha, double x)
{
    if (isnan(x)) return x;
    switch ((enum act)act) {
    case ACT_IDENTITY:
        return 1;
    case ACT_RELU:
        return x > 0 ? 1 : 0;
    case ACT_RELU2:
        return x > 0 ? 2 * x : 0;
    case ACT_SIGMOID:
        return logistic_slope(x);
    case ACT_TANH:
        return 4 * logistic_slope(2 * x);
    case ACT_SILU:
        return silu_slope(silu_argument(alpha, x));
    case ACT_GELU:
        return gelu_slope(x);
    case ACT_GELU_TANH:
        return gelu_tanh_slope(x);
    case ACT_GELU_QUICK:
        return silu_slope(silu_argument(QUICK_ALPHA, x));
    }
    return (double)NAN;
}
