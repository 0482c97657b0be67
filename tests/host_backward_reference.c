/* host_backward_reference.c - the backward's reference beside differences of the forward's.
   SPDX-License-Identifier: MIT */

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "host_backward.h"

/* ---------------------------------------------------------------- differences */

typedef enum { GATED, A_IS_X, SIMPLE, KINDS } kind; /* with wa and wb; without wa; without wb */

static const float H = 0x1p-6f; /* the longer of two steps */

/* Dense [in, out] in f32: element i of a gradient is that of element i of its tensor. */
static back_case small_case(kind which, bool has_d)
{
    back_case k = {.c = {.rows = 3, .d_model = 4, .d_ff = which == A_IS_X ? 4 : 5, .d_out = 3, .has_a = which != A_IS_X,
                         .has_b = which != SIMPLE, .has_d = has_d, .bias_a = which != A_IS_X, .bias_b = which != SIMPLE,
                         .bias_d = has_d, .order = CLGLU_IN_OUT},
                   .scale = 2.5f};
    want_all(&k);
    return k;
}

/* Multiples of 2^-12, which H/2 can be added to and taken from exactly. */
static void snap(const back *s)
{
    const block_case *c = &s->k.c;
    size_t up = c->d_model * c->d_ff;
    size_t counts[TENSORS] = {up, up, c->d_ff * c->d_out, c->d_ff, c->d_ff, c->d_out, c->rows * c->d_model};
    for (int t = 0; t < TENSORS; t++)
        for (size_t i = 0; i < counts[t]; i++) {
            float *x = (float *)s->b.tensor[t] + i;
            *x = roundf(*x * 4096) / 4096;
        }
}

/* Is x farther from where a slope of act, or the clamp, bends than both steps take it? */
static bool is_smooth(clglu_act act, double low, double high, double x)
{
    bool bends = act == CLGLU_ACT_RELU || act == CLGLU_ACT_RELU2;
    double far = 2 * (double)H;
    return !(bends && fabs(x) < far) && !(fabs(x - low) < far) && !(fabs(x - high) < far);
}

static bool all_smooth(const back *s)
{
    const block_case *c = &s->k.c;
    const float *x = s->b.tensor[INPUT], *w[] = {s->b.tensor[UP], s->b.tensor[UP_TOO]};
    const float *bias[] = {s->b.tensor[BIAS_UP], s->b.tensor[BIAS_UP_TOO]};
    double limit = c->limit != 0 ? (double)c->limit : INFINITY;
    for (int half = 0; half < 2; half++)
        for (size_t i = 0; i < c->rows * c->d_ff; i++) {
            size_t r = i / c->d_ff, f = i % c->d_ff;
            bool is_x = half == 0 && !c->has_a;
            double sum = (double)(is_x ? x[i] : bias[half][f]);
            if (half == 1 && !c->has_b) return true;
            for (size_t k = 0; !is_x && k < c->d_model; k++)
                sum += (double)x[r * c->d_model + k] * (double)w[half][k * c->d_ff + f];
            if (!is_smooth(half ? c->gate : c->act, half ? -limit : -INFINITY, limit, sum)) return false;
        }
    return true;
}

/* The sum of y dy scale: what the gradients are the slopes of. */
static double loss(const back *s)
{
    size_t count = s->k.c.rows * block_cols(&s->b);
    double y[3 * 5], sum = 0;
    ck_assert_int_eq(clglu_reference_ffn(&s->b.desc, &s->b.call, s->b.tensor[INPUT], y, NULL), CLGLU_OK);
    for (size_t i = 0; i < count; i++) sum += y[i] * (double)s->dy[i] * (double)s->k.scale;
    return sum;
}

static double slope(const back *s, float *x, float step)
{
    float was = *x, up = was + step, down = was - step;
    *x = up;
    double high = loss(s);
    *x = down;
    double low = loss(s);
    *x = was;
    return (high - low) / ((double)up - (double)down);
}

/* Two steps, so that the error falls with the fourth power of them. */
static void expect_slopes(const back *s, const char *what)
{
    static const int tensors[GRADIENTS] = {INPUT, UP, UP_TOO, DOWN, BIAS_UP, BIAS_UP_TOO, BIAS_DOWN};
    double *truth[GRADIENTS];
    truth_new(s, truth);
    for (int i = 0; i < GRADIENTS; i++)
        for (size_t j = 0; truth[i] && j < s->gradient[i].rows * s->gradient[i].cols; j++) {
            float *x = (float *)s->b.tensor[tensors[i]] + j;
            double want = (4 * slope(s, x, H / 2) - slope(s, x, H)) / 3;
            ck_assert_msg(fabs(truth[i][j] - want) < 2e-6, "%s, act %d, gate %d, wd %d: %s, element %zu is %.9g, not %.9g",
                          what, (int)s->k.c.act, (int)s->k.c.gate, s->k.c.has_d, gradient_names[i], j, truth[i][j], want);
        }
    truth_free(truth);
}

/* With the first numbers, from a seed on, that lie well. */
static void expect_slopes_of(const back_case *k, const char *what)
{
    for (uint64_t seed = 1; seed < 1000; seed++) {
        uint64_t state = seed;
        back s = back_new(k, &state);
        snap(&s);
        bool smooth = all_smooth(&s);
        if (smooth) expect_slopes(&s, what);
        back_free(&s);
        if (smooth) return;
    }
    ck_abort_msg("%s: no numbers lie well", what);
}

START_TEST(the_gradients_are_the_slopes_of_each_variant)
{
    for (int which = GATED; which <= A_IS_X; which++)
        for (int has_d = 0; has_d < 2; has_d++) {
            back_case k = small_case((kind)which, has_d);
            clglu_variant v;
            ck_assert_int_eq(clglu_variant_at((size_t)_i, &v), CLGLU_OK);
            k.c.act = v.act;
            k.c.gate = v.gate;
            k.c.alpha = v.alpha;
            k.c.limit = v.limit != 0 ? 0.75f : 0; /* so that it is reached */
            k.c.shift = v.shift;
            expect_slopes_of(&k, v.name);
        }
}
END_TEST

START_TEST(the_gradients_are_the_slopes_of_each_activation_as_act_and_as_gate)
{
    for (int which = GATED; which < KINDS; which++)
        for (int has_d = 0; has_d < 2; has_d++) {
            back_case k = small_case((kind)which, has_d);
            k.c.act = (clglu_act)_i;
            expect_slopes_of(&k, "as act");
            if (which == SIMPLE) continue;
            k.c.act = CLGLU_ACT_TANH;
            k.c.gate = (clglu_act)_i;
            k.c.limit = 0.75f;
            k.c.shift = -0.5f;
            expect_slopes_of(&k, "as gate");
        }
}
END_TEST

/* ---------------------------------------------------------------- its arguments */

START_TEST(rows_add_up)
{
    uint64_t state = 6;
    back_case k = swiglu_case(300);
    back s = back_new(&k, &state);
    double *all[GRADIENTS], *first[GRADIENTS], *rest[GRADIENTS];
    truth_new(&s, all);
    s.call.rows = 170;
    truth_new(&s, first);
    s.call.rows = 130;
    s.call.x.offset = 170 * 40;
    s.call.dy.offset = 170 * 30;
    truth_new(&s, rest);
    for (int i = DWA; i < GRADIENTS; i++)
        for (size_t j = 0; j < s.gradient[i].rows * s.gradient[i].cols; j++)
            ck_assert_double_eq_tol(all[i][j], first[i][j] + rest[i][j], 1e-11);
    ck_assert_mem_eq(all[DX], first[DX], 170 * 40 * sizeof(double));
    ck_assert_mem_eq(all[DX] + 170 * 40, rest[DX], 130 * 40 * sizeof(double));
    truth_free(all);
    truth_free(first);
    truth_free(rest);
    back_free(&s);
}
END_TEST

/* Its results are doubles, dense, and not accumulated; a and b are computed again. */
START_TEST(the_reference_does_not_look_at_the_calls_outputs)
{
    uint64_t state = 8;
    back_case k = small_case(GATED, true);
    back s = back_new(&k, &state);
    double *want[GRADIENTS], *got[GRADIENTS];
    const clglu_view wrong = {SIZE_MAX, 1, 1};
    truth_new(&s, want);
    s.call.dx = s.call.dwa = s.call.dwb = s.call.dwd = s.call.dba = s.call.dbb = s.call.dbd = s.call.a = s.call.b = wrong;
    s.call.dx_dtype = s.call.ab_dtype = s.call.weights_dtype = (clglu_dtype)9;
    s.call.accumulate = 1;
    s.call.row_block = SIZE_MAX;
    truth_new(&s, got);
    for (int i = 0; i < GRADIENTS; i++)
        ck_assert_mem_eq(got[i], want[i], s.gradient[i].rows * s.gradient[i].cols * sizeof(double));
    truth_free(want);
    truth_free(got);
    back_free(&s);
}
END_TEST

Suite *backward_reference_suite(void);
Suite *backward_reference_suite(void)
{
    Suite *s = suite_create("backward_reference");
    TCase *t = tcase_create("reference");
    tcase_set_timeout(t, 60);
    tcase_add_loop_test(t, the_gradients_are_the_slopes_of_each_variant, 0, 10);
    tcase_add_loop_test(t, the_gradients_are_the_slopes_of_each_activation_as_act_and_as_gate, 0, CLGLU_ACT_COUNT);
    tcase_add_test(t, rows_add_up);
    tcase_add_test(t, the_reference_does_not_look_at_the_calls_outputs);
    suite_add_tcase(s, t);
    return s;
}
