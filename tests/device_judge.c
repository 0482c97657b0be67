/* device_judge.c - for the tests on a device: results against the reference, within the published bounds.
   SPDX-License-Identifier: MIT */

#include "device.h"

#include <float.h>
#include <math.h>

#define ROW(id, name, UPPER, formula, derivative, ulp_f, ulp_b, worst_f, worst_b, source) {#name, ulp_f, ulp_b},
static const struct {
    const char *name;
    double forward, backward;
} rows[] = {CLGLU_ACTS(ROW)};
#undef ROW

const char *act_name(clglu_act act) { return rows[act].name; }
double act_bound(clglu_act act) { return rows[act].forward; }
double derivative_bound(clglu_act act) { return rows[act].backward; }

/* The identity and its derivative are exact. */
static double forward_error(clglu_act act) { return act == CLGLU_ACT_IDENTITY ? 0 : rows[act].forward; }
static double backward_error(clglu_act act) { return act == CLGLU_ACT_IDENTITY ? 0 : rows[act].backward; }

void judge(verdict *v, clglu_dtype t, double want, double got, double bound, double slack, double a, double b,
           double dy)
{
    bool numbers = isfinite(want) && isfinite(got);
    double nearer = !numbers ? got : fabs(got - want) <= slack ? want : got + copysign(slack, want - got);
    double ulp = clglu_ulp(want, nearer, t);
    bool flushed = t != CLGLU_F16 && !clglu_context_facts(context())->subnormals && fabs(want) < 0x1p-126;
    v->count++;
    if (flushed || !(ulp - bound > v->excess)) return;
    *v = (verdict){v->count, ulp - bound, ulp, bound, want, got, a, b, dy};
}

void expect_within(const verdict *v, const char *what)
{
    ck_assert_msg(v->count > 0, "%s: nothing was judged", what);
    ck_assert_msg(v->excess <= 0, "%s: a %a b %a dy %a: got %a, wanted %a, %g ULP where %g is the bound", what, v->a,
                  v->b, v->dy, v->got, v->want, v->ulp, v->bound);
}

/* An activation that is subnormal is right to a unit or two of the smallest subnormal, whatever it is multiplied by. */
static double subnormal_slack(double value, double ulps, double factor)
{
    return fabs(value) < 0x1p-126 && isfinite(factor) ? ulps * 0x1p-149 * fabs(factor) : 0;
}

/* In f32 a factor is infinite (relu2 only), or it is zero and meets an infinity: the product is not the real one. */
static bool is_lost(double factor, double other)
{
    return (isfinite(factor) && fabs(factor) > (double)FLT_MAX) || (isinf(other) && fabs(factor) < 0x1p-126 && factor != 0);
}

static float clamped(float x, float low, float high) { return x < low ? low : x > high ? high : x; }

/* The inputs of one element as the header says: bias added and rounded to f32, then clamped. */
static void inputs_of(const call *c, size_t row, size_t col, float *a, float *b)
{
    clglu_dtype t = c->d.dtype;
    *a = element(t, c->at[A], place_of(c, A, row, col));
    *b = c->at[B] ? element(t, c->at[B], place_of(c, B, row, col)) : 1.0f;
    if (c->at[BIAS_A]) *a += element(t, c->at[BIAS_A], place_of(c, BIAS_A, 0, col));
    if (c->at[BIAS_B]) *b += element(t, c->at[BIAS_B], place_of(c, BIAS_B, 0, col));
}

static double alpha_of(const call *c) { return c->d.alpha == 0 ? 1 : (double)c->d.alpha; }

void judge_forward(const call *in, const call *out, verdict *v)
{
    const clglu_gate_desc *d = &in->d;
    bool gated = in->op == GATE_FORWARD || in->op == GATE_BACKWARD;
    double bound = d->dtype != CLGLU_F32 ? 0.501 : !gated ? act_bound(d->act)
                   : 2 * (rows[d->act].forward + forward_error(d->gate)) + 1;
    for (size_t row = 0; row < d->rows; row++)
        for (size_t col = 0; col < d->cols; col++) {
            float a, b;
            double want, slack = 0, got = (double)element(d->dtype, out->at[Y], place_of(out, Y, row, col));
            inputs_of(in, row, col, &a, &b);
            if (gated) {
                float ca = d->limit > 0 ? clamped(a, -INFINITY, d->limit) : a;
                float cb = d->limit > 0 ? clamped(b, -d->limit, d->limit) : b;
                double p = clglu_reference_act(d->act, alpha_of(in), (double)ca);
                double g = clglu_reference_act(d->gate, 1, (double)cb) + (double)d->shift;
                slack = subnormal_slack(p, act_bound(d->act), g) + subnormal_slack(g, act_bound(d->gate), p);
                if (is_lost(p, g) || is_lost(g, p)) continue;
                ck_assert_int_eq(clglu_reference_gate(d, (double)a, (double)b, &want), CLGLU_OK);
            } else {
                want = clglu_reference_act(d->act, alpha_of(in), (double)a);
            }
            judge(v, d->dtype, want, got, bound, slack, (double)a, (double)b, 0);
        }
}

/* One gradient, (dy * other) * slope, where `other` is right to e1 ULP and `slope` to e2 ULP. Where the first product
   leaves the normal numbers the f32 result has nothing to do with the real one: not judged. */
static void judge_product(const call *in, verdict *v, double dy, double other, double slope, double e1, double e2,
                          bool root, double got, double a, double b)
{
    clglu_dtype t = in->d.dtype;
    double first = fabs(dy * other), want = dy * other * slope;
    if (isfinite(first) && (first > (double)FLT_MAX || (first < 0x1p-126 && first > 0))) return;
    if (is_lost(slope, first) || is_lost(other, dy)) return;
    double slack = subnormal_slack(slope, e2 + 1, first) + subnormal_slack(other, e1 + 1, dy * slope);
    double bound = t == CLGLU_F32 ? 2 * (e1 + e2) + 2 : 0.501;
    judge(v, t, want, got, bound, slack + (root ? 0x1p-27 * first : 0), a, b, dy);
}

void judge_backward(const call *in, const call *out, verdict *da, verdict *db)
{
    const clglu_gate_desc *d = &in->d;
    double alpha = alpha_of(in);
    for (size_t row = 0; row < d->rows; row++)
        for (size_t col = 0; col < d->cols; col++) {
            float fa, fb;
            inputs_of(in, row, col, &fa, &fb);
            double dy = (double)element(d->dtype, in->at[DY], place_of(in, DY, row, col));
            bool pass_a = !(d->limit > 0 && fa > d->limit), pass_b = !(d->limit > 0 && fabsf(fb) > d->limit);
            double a = pass_a ? (double)fa : (double)d->limit;
            double b = pass_b ? (double)fb : copysign((double)d->limit, (double)fb);
            double p = clglu_reference_act(d->act, alpha, a);
            double g = clglu_reference_act(d->gate, 1, b) + (double)d->shift;
            double dp = pass_a ? clglu_reference_act_derivative(d->act, alpha, a) : 0;
            double dg = pass_b ? clglu_reference_act_derivative(d->gate, 1, b) : 0;
            if (pass_a)
                judge_product(in, da, dy, g, dp, forward_error(d->gate), backward_error(d->act),
                              near_root(d->act, alpha, a, dp),
                              (double)element(d->dtype, out->at[DA], place_of(out, DA, row, col)), a, b);
            if (pass_b)
                judge_product(in, db, dy, p, dg, forward_error(d->act), backward_error(d->gate),
                              near_root(d->gate, 1, b, dg),
                              (double)element(d->dtype, out->at[DB], place_of(out, DB, row, col)), a, b);
        }
}
