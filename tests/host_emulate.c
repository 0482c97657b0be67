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

/* ---------------------------------------------------------------- views */

enum { ROWS = 5, COLS = 7, GAP = 3, OPERANDS = 6, ROOM = ROWS * (COLS + GAP) };

/* A backward with all its arrays; operand `wide` has gaps between its rows, the others are dense. */
static void run_wide(int wide, float out[OPERANDS][ROOM])
{
    clglu_gate_desc d = {.rows = ROWS, .cols = COLS, .act = CLGLU_ACT_SILU, .gate = CLGLU_ACT_GELU};
    clglu_view *view[OPERANDS] = {&d.dy, &d.a, &d.b, &d.da, &d.db, &d.y};
    for (int o = 0; o < OPERANDS; o++) {
        size_t ld = COLS + (o == wide ? GAP : 0);
        view[o]->ld = ld;
        for (size_t i = 0; i < ROOM; i++) out[o][i] = -77;
        for (size_t i = 0; o < 3 && i < ROWS * COLS; i++)
            out[o][i / COLS * ld + i % COLS] = (float)((i * (size_t)(5 + 2 * o)) % 17) * 0.25f - 2;
    }
    ck_assert_int_eq(clglu_emulate_gate_backward(&d, out[0], out[1], out[2], out[3], out[4], out[5], NULL, NULL), CLGLU_OK);
}

/* Rows may be taken together only where every operand is dense. */
START_TEST(gaps_in_one_operand_change_nothing)
{
    float dense[OPERANDS][ROOM], got[OPERANDS][ROOM];
    run_wide(-1, dense);
    run_wide(_i, got);
    for (int o = 0; o < OPERANDS; o++) {
        size_t ld = COLS + (o == _i ? GAP : 0);
        for (size_t i = 0; i < ROWS * COLS; i++)
            ck_assert_msg(got[o][i / COLS * ld + i % COLS] == dense[o][i], "gaps in %d: operand %d differs at %zu", _i, o, i);
        for (size_t i = 0; o == _i && i < ROWS * ld; i++)
            ck_assert_msg(i % ld < COLS || got[o][i] == -77, "operand %d is written between its rows", o);
    }
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
    tcase_add_loop_test(t, gaps_in_one_operand_change_nothing, 0, OPERANDS);
    suite_add_tcase(s, t);
    return s;
}
