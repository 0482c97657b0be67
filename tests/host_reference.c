/* host_reference.c - the double-precision reference against golden values, its special values and its
   symmetries. SPDX-License-Identifier: MIT */

#include "clglu.h"
#include "../include/clglu_acts.h"
#include "../src/reference.h"

#include <check.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#ifndef TEST_DATA
#define TEST_DATA "tests/golden"
#endif

START_TEST(the_operator_in_double_refuses_what_it_cannot_read)
{
    double y = 5, da, db;
    clglu_gate_desc good = {.act = CLGLU_ACT_SILU, .gate = CLGLU_ACT_TANH}, act = good, gate = good;
    act.act = CLGLU_ACT_COUNT;
    gate.gate = (clglu_act)-1;
    ck_assert_int_eq(clglu_reference_gate(NULL, 1, 2, &y), CLGLU_NULL_POINTER);
    ck_assert_int_eq(clglu_reference_gate(&good, 1, 2, NULL), CLGLU_NULL_POINTER);
    ck_assert_int_eq(clglu_reference_gate(&act, 1, 2, &y), CLGLU_INVALID_VALUE);
    ck_assert_int_eq(clglu_reference_gate(&gate, 1, 2, &y), CLGLU_INVALID_VALUE);
    ck_assert_int_eq(clglu_reference_gate_derivative(NULL, 1, 2, &da, &db), CLGLU_NULL_POINTER);
    ck_assert_int_eq(clglu_reference_gate_derivative(&act, 1, 2, &da, &db), CLGLU_INVALID_VALUE);
    ck_assert_double_eq(y, 5);
    ck_assert_int_eq(clglu_reference_gate_derivative(&good, 1, 2, NULL, &y), CLGLU_OK);
    ck_assert_int_eq(clglu_reference_gate_derivative(&good, 1, 2, NULL, NULL), CLGLU_OK);
    ck_assert_int_eq(clglu_reference_gate_derivative(&good, 1, 2, &da, &db), CLGLU_OK);
    ck_assert_double_eq(y, db);
    ck_assert_int_eq(clglu_reference_gate_derivative(&good, 1, 2, &y, NULL), CLGLU_OK);
    ck_assert_double_eq(y, da);
}
END_TEST

Suite *reference_suite(void);

#define ROW(id, name, UPPER, formula, derivative, ulp_f, ulp_b, worst_f, worst_b, source) ACT_##UPPER = id,
enum { CLGLU_ACTS(ROW) ACTS };
#undef ROW
#define ROW(id, name, UPPER, formula, derivative, ulp_f, ulp_b, worst_f, worst_b, source) [id] = #name,
static const char *const NAMES[ACTS] = {CLGLU_ACTS(ROW)};
#undef ROW

static const double RELATIVE = 0x1p-44, ABSOLUTE = 0x1p-1060, QUICK_ALPHA = 0x1.b3b646p+0;

typedef double function(int act, double alpha, double x);

/* Equal, zeros by their sign too, or both NaN. */
static int same(double a, double b) { return isnan(a) ? isnan(b) : a == b && !signbit(a) == !signbit(b); }

static void expect(function *f, int act, double alpha, double x, double want)
{
    double got = f(act, alpha, x);
    ck_assert_msg(same(got, want), "%s%s(%a), alpha %a: got %a, want %a", NAMES[act],
                  f == clglu_ref_act ? "" : "'", x, alpha, got, want);
}

typedef struct {
    int act, derivative;
    double alpha, x, want;
} golden_row;

static int act_of_name(const char *name)
{
    for (int act = 0; act < ACTS; act++)
        if (strcmp(name, NAMES[act]) == 0) return act;
    return -1;
}

/* 1 for a row, 0 at the end of the file; a line that is no row fails the test. */
static int read_row(FILE *file, golden_row *row)
{
    char line[200], name[32], direction;
    if (!fgets(line, sizeof line, file)) return 0;
    int fields = sscanf(line, "%31s %c %la %la %la", name, &direction, &row->alpha, &row->x, &row->want);
    ck_assert_msg(fields == 5 && (direction == 'f' || direction == 'd'), "golden.tsv: not a row: %s", line);
    row->derivative = direction == 'd';
    row->act = act_of_name(name);
    ck_assert_msg(row->act >= 0, "golden.tsv: an unknown activation: %s", line);
    return 1;
}

/* The error over what is allowed. The sign of a vanished derivative is left open, that of a value is not. */
static double score(const golden_row *row, double *got)
{
    *got = (row->derivative ? clglu_ref_derivative : clglu_ref_act)(row->act, row->alpha, row->x);
    if (!row->derivative && !signbit(*got) != !signbit(row->want)) return (double)INFINITY;
    double error = fabs(*got - row->want) / (RELATIVE * fabs(row->want) + ABSOLUTE);
    return isnan(error) ? (double)INFINITY : error;
}

typedef struct {
    long rows;
    double score, got;
    golden_row row;
} worst_case;

static void expect_worst_is_good(const worst_case *worst, int act, int derivative)
{
    const golden_row *row = &worst->row;
    const char *prime = derivative ? "'" : "";
    ck_assert_msg(worst->rows > 0, "golden.tsv has no rows for %s%s", NAMES[act], prime);
    ck_assert_msg(worst->score <= 1,
                  "%s%s(%a), alpha %a: got %a, want %a: relative error %.3g (allowed %.3g)", NAMES[act],
                  prime, row->x, row->alpha, worst->got, row->want,
                  fabs(worst->got - row->want) / (fabs(row->want) + ABSOLUTE), RELATIVE);
#ifdef TEST_REPORT /* for measuring: the margins of a build that passes */
    printf("%s%s: %ld rows, worst at %a: 2^%.1f\n", NAMES[act], prime, worst->rows, row->x,
           log2(worst->score * RELATIVE));
#endif
}

START_TEST(reference_agrees_with_golden_values)
{
    static worst_case worst[ACTS][2];
    FILE *file = fopen(TEST_DATA "/golden.tsv", "r");
    ck_assert_msg(file != NULL, "cannot read %s/golden.tsv", TEST_DATA);
    golden_row row;
    while (read_row(file, &row)) {
        worst_case *w = &worst[row.act][row.derivative];
        double got, error = score(&row, &got);
        if (w->rows++ == 0 || error > w->score) *w = (worst_case){w->rows, error, got, row};
    }
    fclose(file);
    for (int act = 0; act < ACTS; act++)
        for (int derivative = 0; derivative < 2; derivative++)
            expect_worst_is_good(&worst[act][derivative], act, derivative);
}
END_TEST

/* What happens at the ends of the line and at the zeros, for alpha = 1. */
static const struct {
    int act;
    double at_minus_inf, at_inf, at_minus_zero, at_zero, slope_at_minus_inf, slope_at_inf;
} SPECIAL[] = {
    {ACT_IDENTITY, -INFINITY, INFINITY, -0.0, 0.0, 1, 1},
    {ACT_RELU, 0.0, INFINITY, 0.0, 0.0, 0, 1},
    {ACT_RELU2, 0.0, INFINITY, 0.0, 0.0, 0, INFINITY},
    {ACT_SIGMOID, 0.0, 1, 0.5, 0.5, 0, 0},
    {ACT_TANH, -1, 1, -0.0, 0.0, 0, 0},
    {ACT_SILU, -0.0, INFINITY, -0.0, 0.0, 0, 1},
    {ACT_GELU, -0.0, INFINITY, -0.0, 0.0, 0, 1},
    {ACT_GELU_TANH, -0.0, INFINITY, -0.0, 0.0, 0, 1},
    {ACT_GELU_QUICK, -0.0, INFINITY, -0.0, 0.0, 0, 1},
};

START_TEST(every_activation_has_its_special_values)
{
    ck_assert_int_eq(sizeof SPECIAL / sizeof *SPECIAL, ACTS);
    for (int act = 0; act < ACTS; act++) {
        ck_assert_int_eq(SPECIAL[act].act, act);
        expect(clglu_ref_act, act, 1, (double)-INFINITY, SPECIAL[act].at_minus_inf);
        expect(clglu_ref_act, act, 1, (double)INFINITY, SPECIAL[act].at_inf);
        expect(clglu_ref_act, act, 1, -0.0, SPECIAL[act].at_minus_zero);
        expect(clglu_ref_act, act, 1, 0.0, SPECIAL[act].at_zero);
    }
}
END_TEST

START_TEST(derivatives_reach_their_limits_at_infinity)
{
    for (int act = 0; act < ACTS; act++) {
        ck_assert_double_eq(clglu_ref_derivative(act, 1, (double)-INFINITY), SPECIAL[act].slope_at_minus_inf);
        ck_assert_double_eq(clglu_ref_derivative(act, 1, (double)INFINITY), SPECIAL[act].slope_at_inf);
    }
}
END_TEST

START_TEST(gelu_of_minus_inf_is_minus_zero) { expect(clglu_ref_act, ACT_GELU, 1, (double)-INFINITY, -0.0); }
END_TEST

START_TEST(gelu_of_the_largest_negative_float_is_minus_zero)
{
    expect(clglu_ref_act, ACT_GELU, 1, -0x1.fffffep127, -0.0);
    expect(clglu_ref_act, ACT_GELU_TANH, 1, -0x1.fffffep127, -0.0);
}
END_TEST

START_TEST(relu_of_minus_zero_is_plus_zero)
{
    expect(clglu_ref_act, ACT_RELU, 1, -0.0, 0.0);
    expect(clglu_ref_act, ACT_RELU2, 1, -0.0, 0.0);
}
END_TEST

START_TEST(nan_in_gives_nan_out)
{
    for (int act = 0; act < ACTS; act++) {
        expect(clglu_ref_act, act, 1, (double)NAN, (double)NAN);
        expect(clglu_ref_derivative, act, 1, (double)NAN, (double)NAN);
    }
}
END_TEST

START_TEST(an_unknown_activation_gives_nan)
{
    ck_assert_double_nan(clglu_ref_act(-1, 1, 1));
    ck_assert_double_nan(clglu_ref_act(ACTS, 1, 1));
    ck_assert_double_nan(clglu_ref_derivative(-1, 1, 1));
    ck_assert_double_nan(clglu_ref_derivative(ACTS, 1, 1));
}
END_TEST

START_TEST(silu_with_alpha_zero_is_half_of_its_input)
{
    static const double xs[] = {-INFINITY, -0x1.fffffep127, -3, -0.0, 0.0, 0x1p-149, 7, INFINITY};
    for (size_t i = 0; i < sizeof xs / sizeof *xs; i++) {
        expect(clglu_ref_act, ACT_SILU, 0, xs[i], xs[i] / 2);
        expect(clglu_ref_derivative, ACT_SILU, 0, xs[i], 0.5);
    }
}
END_TEST

START_TEST(silu_with_negative_alpha_is_its_mirror_image)
{
    for (double x = -40; x <= 40; x += 0.375) {
        expect(clglu_ref_act, ACT_SILU, -1, x, -clglu_ref_act(ACT_SILU, 1, -x));
        expect(clglu_ref_derivative, ACT_SILU, -1, x, clglu_ref_derivative(ACT_SILU, 1, -x));
    }
    expect(clglu_ref_act, ACT_SILU, -1, (double)INFINITY, 0.0);
    expect(clglu_ref_act, ACT_SILU, -1, (double)-INFINITY, (double)-INFINITY);
}
END_TEST

START_TEST(gelu_quick_is_silu_with_alpha_1_702)
{
    for (double x = -70; x <= 70; x += 0.4375) {
        expect(clglu_ref_act, ACT_GELU_QUICK, 1, x, clglu_ref_act(ACT_SILU, QUICK_ALPHA, x));
        expect(clglu_ref_derivative, ACT_GELU_QUICK, 1, x, clglu_ref_derivative(ACT_SILU, QUICK_ALPHA, x));
    }
}
END_TEST

START_TEST(alpha_matters_to_silu_alone)
{
    for (int act = 0; act < ACTS; act++) {
        if (act == ACT_SILU) continue;
        expect(clglu_ref_act, act, 3, -1.25, clglu_ref_act(act, 1, -1.25));
        expect(clglu_ref_derivative, act, 3, -1.25, clglu_ref_derivative(act, 1, -1.25));
    }
}
END_TEST

/* x p(x) with p(x) + p(-x) = 1: the two halves differ by x, and their slopes add up to 1. */
START_TEST(values_at_x_and_minus_x_differ_by_x)
{
    for (int act = ACT_SILU; act <= ACT_GELU_QUICK; act++)
        for (double x = 0.03125; x < 50; x *= 1.0625) {
            double difference = clglu_ref_act(act, 1, x) - clglu_ref_act(act, 1, -x);
            double sum = clglu_ref_derivative(act, 1, x) + clglu_ref_derivative(act, 1, -x);
            ck_assert_msg(fabs(difference - x) <= 0x1p-50 * x, "%s: x %a, difference %a", NAMES[act], x,
                          difference);
            ck_assert_msg(fabs(sum - 1) <= 0x1p-50, "%s': x %a, sum %a", NAMES[act], x, sum);
        }
}
END_TEST

/* Simpson's rule over the slope gives the rise back: derivatives and values belong to each other. */
START_TEST(the_slope_integrates_to_the_rise)
{
    const double h = 0x1p-9;
    for (int act = 0; act < ACTS; act++)
        for (double x = -12; x < 12; x += 0.125) {
            double rise = clglu_ref_act(act, 1, x + h) - clglu_ref_act(act, 1, x);
            double ends = clglu_ref_derivative(act, 1, x) + clglu_ref_derivative(act, 1, x + h);
            double area = h / 6 * (ends + 4 * clglu_ref_derivative(act, 1, x + h / 2));
            if ((act == ACT_RELU || act == ACT_RELU2) && x == 0) continue; /* the kink */
            ck_assert_msg(fabs(rise - area) <= 0x1p-45, "%s: x %a, rise %a, area %a", NAMES[act], x, rise,
                          area);
        }
}
END_TEST

Suite *reference_suite(void)
{
    Suite *suite = suite_create("reference");
    TCase *tests = tcase_create("reference");
    tcase_add_test(tests, reference_agrees_with_golden_values);
    tcase_add_test(tests, the_operator_in_double_refuses_what_it_cannot_read);
    tcase_add_test(tests, every_activation_has_its_special_values);
    tcase_add_test(tests, derivatives_reach_their_limits_at_infinity);
    tcase_add_test(tests, gelu_of_minus_inf_is_minus_zero);
    tcase_add_test(tests, gelu_of_the_largest_negative_float_is_minus_zero);
    tcase_add_test(tests, relu_of_minus_zero_is_plus_zero);
    tcase_add_test(tests, nan_in_gives_nan_out);
    tcase_add_test(tests, an_unknown_activation_gives_nan);
    tcase_add_test(tests, silu_with_alpha_zero_is_half_of_its_input);
    tcase_add_test(tests, silu_with_negative_alpha_is_its_mirror_image);
    tcase_add_test(tests, gelu_quick_is_silu_with_alpha_1_702);
    tcase_add_test(tests, alpha_matters_to_silu_alone);
    tcase_add_test(tests, values_at_x_and_minus_x_differ_by_x);
    tcase_add_test(tests, the_slope_integrates_to_the_rise);
    suite_add_tcase(suite, tests);
    return suite;
}
