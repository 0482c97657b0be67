/* host_emulate.c - the host's own arithmetic beside the reference: the kernels' numerics, without a device.
   SPDX-License-Identifier: MIT */

#include <check.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "clglu.h"

enum { COUNT = 1 << 20 };

/* Numbers of every exponent, both signs, with spread fractions; then the special ones. */
static float *grid(void)
{
    static const float special[] = {0.0f, -0.0f, INFINITY, -INFINITY, 0x1.fffffep+127f, -0x1.fffffep+127f, 0x1p-149f};
    float *x = malloc(COUNT * sizeof *x);
    ck_assert_ptr_nonnull(x);
    for (uint32_t i = 0; i < COUNT; i++) {
        uint32_t u = i * 4096u + i * 2654435761u % 4096u;
        if ((u & 0x7f800000u) == 0x7f800000u) u &= 0xbfffffffu;
        memcpy(&x[i], &u, sizeof u);
    }
    memcpy(x, special, sizeof special);
    return x;
}

typedef struct worst {
    double ulp;
    float x, got;
    double want;
} worst;

static void judge(worst *w, float x, float got, double want, double allowance)
{
    double ulp = fabs((double)got - want) <= allowance ? 0 : clglu_ulp(want, (double)got, CLGLU_F32);
    if (ulp > w->ulp) *w = (worst){ulp, x, got, want};
}

static void forward_is_within(clglu_act act, const char *name, double bound)
{
    float *x = grid(), *y = malloc(COUNT * sizeof *y);
    clglu_act_desc d = {.rows = 1, .cols = COUNT, .act = act};
    worst w = {0, 0, 0, 0};
    ck_assert_int_eq(clglu_emulate_act_forward(&d, x, y), CLGLU_OK);
    for (size_t i = 0; i < COUNT; i++) judge(&w, x[i], y[i], clglu_reference_act(act, 1, (double)x[i]), 0);
    ck_assert_msg(w.ulp <= bound, "%s(%a) is %a, not %a: %.4f ULP, bound %.2f", name, (double)w.x, (double)w.got,
                  w.want, w.ulp, bound);
    free(x);
    free(y);
}

static void derivative_is_within(clglu_act act, const char *name, double bound)
{
    float *x = grid(), *one = malloc(COUNT * sizeof *one), *dx = malloc(COUNT * sizeof *dx);
    clglu_act_desc d = {.rows = 1, .cols = COUNT, .act = act};
    worst w = {0, 0, 0, 0};
    for (size_t i = 0; i < COUNT; i++) one[i] = 1;
    ck_assert_int_eq(clglu_emulate_act_backward(&d, one, x, dx, NULL), CLGLU_OK);
    for (size_t i = 0; i < COUNT; i++) {
        double want = clglu_reference_act_derivative(act, 1, (double)x[i]);
        bool at_root = x[i] < 0 && x[i] > -2 && fabs(want) < 0x1p-4;
        judge(&w, x[i], dx[i], want, at_root ? 0x1p-27 : 0);
    }
    ck_assert_msg(w.ulp <= bound, "%s'(%a) is %a, not %a: %.4f ULP, bound %.2f", name, (double)w.x, (double)w.got,
                  w.want, w.ulp, bound);
    free(x);
    free(one);
    free(dx);
}

START_TEST(every_activation_is_within_its_bound)
{
#define FORWARD(id, name, UPPER, formula, slope, bound, ...) forward_is_within(CLGLU_ACT_##UPPER, #name, bound);
    CLGLU_ACTS(FORWARD)
}
END_TEST

START_TEST(every_derivative_is_within_its_bound)
{
#define BACKWARD(id, name, UPPER, formula, slope, forward, bound, ...)                                       \
    derivative_is_within(CLGLU_ACT_##UPPER, #name, bound);
    CLGLU_ACTS(BACKWARD)
}
END_TEST

START_TEST(nan_gives_nan_through_every_function)
{
    for (int act = 0; act < CLGLU_ACT_COUNT; act++) {
        clglu_act_desc d = {.rows = 1, .cols = 1, .act = (clglu_act)act};
        float x = NAN, one = 1, y = 0, dx = 0;
        ck_assert_int_eq(clglu_emulate_act_forward(&d, &x, &y), CLGLU_OK);
        ck_assert_int_eq(clglu_emulate_act_backward(&d, &one, &x, &dx, NULL), CLGLU_OK);
        ck_assert_msg(isnan(y) && isnan(dx), "activation %d at NaN: %a, derivative %a", act, (double)y, (double)dx);
    }
}
END_TEST

/* The limits of every activation and its derivative, and the sign of act(-0): ids in order. */
START_TEST(limits_and_signs_of_zero_are_those_of_the_list)
{
    static const float at[3] = {-INFINITY, INFINITY, -0.0f};
    static const float y[CLGLU_ACT_COUNT][3] = {
        {-INFINITY, INFINITY, -0.0f}, {0, INFINITY, 0},        {0, INFINITY, 0},
        {0, 1, 0.5f},                 {-1, 1, -0.0f},          {-0.0f, INFINITY, -0.0f},
        {-0.0f, INFINITY, -0.0f},     {-0.0f, INFINITY, -0.0f}, {-0.0f, INFINITY, -0.0f}};
    static const float slope[CLGLU_ACT_COUNT][2] = {{1, 1}, {0, 1}, {0, INFINITY}, {0, 0}, {0, 0},
                                                    {0, 1}, {0, 1}, {0, 1},        {0, 1}};
    const float one[3] = {1, 1, 1};
    for (int act = 0; act < CLGLU_ACT_COUNT; act++) {
        clglu_act_desc d = {.rows = 1, .cols = 3, .act = (clglu_act)act};
        float got[3], dx[3];
        ck_assert_int_eq(clglu_emulate_act_forward(&d, at, got), CLGLU_OK);
        ck_assert_int_eq(clglu_emulate_act_backward(&d, one, at, dx, NULL), CLGLU_OK);
        for (int i = 0; i < 3; i++)
            ck_assert_msg(memcmp(&got[i], &y[act][i], sizeof(float)) == 0, "activation %d at %a is %a, not %a", act,
                          (double)at[i], (double)got[i], (double)y[act][i]);
        for (int i = 0; i < 2; i++)
            ck_assert_msg(dx[i] == slope[act][i], "activation %d's derivative at %a is %a, not %a", act, (double)at[i],
                          (double)dx[i], (double)slope[act][i]);
    }
}
END_TEST

START_TEST(silu_with_alpha_one_is_silu)
{
    float *x = grid(), *y = malloc(COUNT * sizeof *y), *z = malloc(COUNT * sizeof *z);
    clglu_act_desc d = {.rows = 1, .cols = COUNT, .act = CLGLU_ACT_SILU};
    ck_assert_int_eq(clglu_emulate_act_forward(&d, x, y), CLGLU_OK);
    d.alpha = 1;
    ck_assert_int_eq(clglu_emulate_act_forward(&d, x, z), CLGLU_OK);
    ck_assert_mem_eq(y, z, COUNT * sizeof *y);
    free(x);
    free(y);
    free(z);
}
END_TEST

Suite *emulate_suite(void);
Suite *emulate_suite(void)
{
    Suite *s = suite_create("emulate");
    TCase *t = tcase_create("numerics");
    tcase_set_timeout(t, 120);
    tcase_add_test(t, every_activation_is_within_its_bound);
    tcase_add_test(t, every_derivative_is_within_its_bound);
    tcase_add_test(t, nan_gives_nan_through_every_function);
    tcase_add_test(t, limits_and_signs_of_zero_are_those_of_the_list);
    tcase_add_test(t, silu_with_alpha_one_is_silu);
    suite_add_tcase(s, t);
    return s;
}
