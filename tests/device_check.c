/* device_check.c - clglu_check_*: what a report says of a right device, and of wrong ones. SPDX-License-Identifier: MIT */

#include "device.h"

#include <math.h>
#include <string.h>

static clglu_status check(clglu_context *ctx, const call *c, clglu_check_report *one, clglu_check_report *two)
{
    clglu_act_desc act = act_desc_of(c);
    clglu_gate_desc gate = gate_desc_of(c);
    switch (c->op) {
    case ACT_FORWARD: return clglu_check_act_forward(ctx, &act, c->at[A], one);
    case ACT_BACKWARD: return clglu_check_act_backward(ctx, &act, c->at[DY], c->at[A], one);
    case GATE_FORWARD: return clglu_check_gate_forward(ctx, &gate, c->at[A], c->at[B], one);
    default: return clglu_check_gate_backward(ctx, &gate, c->at[DY], c->at[A], c->at[B], one, two);
    }
}

static call some_call(operator_id op, clglu_act act, clglu_dtype t, nature n)
{
    uint64_t state = 101;
    call c = call_new(op, act, CLGLU_ACT_SIGMOID, t, 12, 97);
    call_fill(&c, n, &state);
    return c;
}

static uint64_t histogram_sum(const clglu_check_report *r)
{
    uint64_t sum = 0;
    for (int i = 0; i < CLGLU_CHECK_BINS; i++) sum += r->histogram[i];
    return sum;
}

static void expect_report(const clglu_check_report *r, const call *c, const char *what)
{
    char text[400];
    call_describe(c, text, sizeof text);
    ck_assert_msg(r->count == c->d.rows * c->d.cols, "%s: %llu elements compared; %s", what,
                  (unsigned long long)r->count, text);
    ck_assert_msg(histogram_sum(r) == r->count, "%s: the histogram has %llu; %s", what,
                  (unsigned long long)histogram_sum(r), text);
    ck_assert_msg(r->bits_differ == 0 && r->outside == 0,
                  "%s: %llu outside %g, %llu bits differ, the worst %g ULP at (%zu, %zu): a %a b %a dy %a got %a want %a; %s",
                  what, (unsigned long long)r->outside, r->bound, (unsigned long long)r->bits_differ, r->max_ulp,
                  r->worst_row, r->worst_col, r->worst_a, r->worst_b, r->worst_dy, r->worst_got, r->worst_want, text);
    ck_assert_msg(r->max_ulp <= r->bound, "%s: %g ULP where %g is the bound; %s", what, r->max_ulp, r->bound, text);
}

/* Each pair of operator and activation is a program: only a long run does all dtypes. */
static bool skips(int act, int op, int t) { return test_scale() != LONG && (act + op + t) % DTYPES; }

/* The bounds of the gate operator are for factors that f32 holds as normal numbers (or zeros, infinities, NaN). */
static void keep_factors_normal(call *c)
{
    clglu_dtype t = c->d.dtype;
    for (size_t i = 0; i < c->d.rows * c->d.cols; i++) {
        double p = fabs(clglu_reference_act(c->d.act, 1, (double)element(t, c->at[A], i)));
        double q = fabs(clglu_reference_act(c->d.gate, 1, (double)element(t, c->at[B], i)));
        if (isfinite(p) && p != 0 && (p > 0x1.fffffep127 || p < 0x1p-126)) set_element(t, c->at[A], i, 1);
        if (isfinite(q) && q != 0 && (q > 0x1.fffffep127 || q < 0x1p-126)) set_element(t, c->at[B], i, 1);
    }
}

START_TEST(a_right_device_has_nothing_outside_and_no_bits_that_differ)
{
    clglu_dtype t = (clglu_dtype)digit(&_i, DTYPES);
    operator_id op = (operator_id)digit(&_i, OPERATORS);
    if (skips(_i, (int)op, (int)t)) return;
    call c = some_call(op, (clglu_act)_i, t, MODERATE), before = call_copy(&c);
    clglu_check_report one, two;
    memset(&one, CANARY, sizeof one);
    memset(&two, CANARY, sizeof two);
    ck_assert_int_eq(check(context(), &c, &one, &two), CLGLU_OK);
    expect_report(&one, &c, op == GATE_BACKWARD || op == ACT_BACKWARD ? "da" : "y");
    if (op == GATE_BACKWARD) expect_report(&two, &c, "db");
    expect_same(&c, &before, "the caller's arrays are only read");
    call_free(&before);
    call_free(&c);
}
END_TEST

START_TEST(any_bit_pattern_is_within_the_bounds)
{
    clglu_dtype t = (clglu_dtype)digit(&_i, DTYPES);
    operator_id op = digit(&_i, 2) ? GATE_FORWARD : ACT_FORWARD;
    if (skips(_i, (int)op, (int)t)) return;
    call c = some_call(op, (clglu_act)_i, t, WILD);
    if (op == GATE_FORWARD) keep_factors_normal(&c);
    clglu_check_report y;
    ck_assert_int_eq(check(context(), &c, &y, NULL), CLGLU_OK);
    expect_report(&y, &c, "y");
    call_free(&c);
}
END_TEST

START_TEST(biases_parameters_and_views_are_checked_too)
{
    clglu_dtype t = (clglu_dtype)digit(&_i, DTYPES);
    operator_id op = digit(&_i, 2) ? GATE_BACKWARD : GATE_FORWARD;
    uint64_t state = 102;
    call c = some_call(op, CLGLU_ACT_SILU, t, MODERATE);
    call_variant(&c, "swiglu_oai");
    c.d.rounding = (clglu_rounding)_i;
    call_add_bias(&c, MODERATE, &state);
    call_move(&c, A, NULL, (clglu_view){3, 200, 2});
    clglu_check_report one, two;
    ck_assert_int_eq(check(context(), &c, &one, &two), CLGLU_OK);
    expect_report(&one, &c, "with parameters");
    if (op == GATE_BACKWARD) expect_report(&two, &c, "db with parameters");
    call_free(&c);
}
END_TEST

/* The shift takes away all of gate(b) but not its error; a product that is subnormal loses digits, which the derivative makes large. */
START_TEST(what_cancels_and_what_is_subnormal_is_right)
{
    call c = some_call(GATE_FORWARD, CLGLU_ACT_GELU, CLGLU_F32, MODERATE);
    clglu_check_report one, two;
    c.d.gate = CLGLU_ACT_TANH;
    c.d.shift = 0.5f;
    for (size_t i = 0; i < c.d.rows * c.d.cols; i++) set_element(CLGLU_F32, c.at[B], i, -0.549306f + (float)i * 0x1p-24f);
    ck_assert_int_eq(check(context(), &c, &one, NULL), CLGLU_OK);
    expect_report(&one, &c, "shift and gate(b) cancel");
    call_free(&c);

    c = some_call(GATE_BACKWARD, CLGLU_ACT_RELU2, CLGLU_F32, MODERATE);
    for (size_t i = 0; i < c.d.rows * c.d.cols; i++) {
        set_element(CLGLU_F32, c.at[A], i, 0x1p50f + (float)i * 0x1p30f);
        set_element(CLGLU_F32, c.at[DY], i, 0x1p-127f);
    }
    ck_assert_int_eq(check(context(), &c, &one, &two), CLGLU_OK);
    expect_report(&one, &c, "da of subnormal products");
    call_free(&c);
}
END_TEST

START_TEST(a_report_that_is_not_wanted_may_be_null)
{
    call c = some_call(GATE_BACKWARD, CLGLU_ACT_GELU, CLGLU_F32, MODERATE);
    clglu_check_report r;
    ck_assert_int_eq(check(context(), &c, &r, NULL), CLGLU_OK);
    expect_report(&r, &c, "da alone");
    ck_assert_int_eq(check(context(), &c, NULL, &r), CLGLU_OK);
    expect_report(&r, &c, "db alone");
    call_free(&c);
}
END_TEST

START_TEST(a_check_refuses_what_the_operator_refuses)
{
    call c = some_call(GATE_FORWARD, CLGLU_ACT_GELU, CLGLU_F32, MODERATE);
    clglu_check_report r;
    for (int op = 0; op < OPERATORS; op++) {
        call any = some_call((operator_id)op, CLGLU_ACT_GELU, CLGLU_F32, MODERATE);
        ck_assert_int_eq(check(NULL, &any, &r, NULL), CLGLU_NULL_POINTER);
        call_free(&any);
    }
    ck_assert_int_eq(check(context(), &c, NULL, NULL), CLGLU_NULL_POINTER);
    c.d.cols = 0;
    ck_assert_int_eq(check(context(), &c, &r, NULL), CLGLU_INVALID_SIZE);
    size_t rows = c.d.rows;
    c.d.rows = 1;
    c.d.cols = SIZE_MAX / 4 + 1; /* its bytes are too many, not its memory too little */
    ck_assert_int_eq(check(context(), &c, &r, NULL), CLGLU_INVALID_SIZE);
    c.d.rows = rows;
    c.d.cols = 97;
    c.d.act = CLGLU_ACT_COUNT;
    ck_assert_int_eq(check(context(), &c, &r, NULL), CLGLU_INVALID_VALUE);
    c.d.act = CLGLU_ACT_GELU;
    clglu_gate_desc biased = gate_desc_of(&c);
    biased.bias_a.buffer = (cl_mem)c.at[A]; /* a check wants a host array */
    ck_assert_int_eq(clglu_check_gate_forward(context(), &biased, c.at[A], c.at[B], &r), CLGLU_INVALID_VALUE);
    ck_assert_int_eq(clglu_check_gate_backward(context(), &biased, c.at[DY], c.at[A], c.at[B], &r, &r), CLGLU_INVALID_VALUE);
    c.d.act = CLGLU_ACT_GELU;
    void *b = c.at[B];
    c.at[B] = NULL;
    ck_assert_int_eq(check(context(), &c, &r, NULL), CLGLU_NULL_POINTER);
    c.at[B] = b;
    call_free(&c);
}
END_TEST

/* ---------------------------------------------------------------- wrong kernels: the proof that a check can fail */

/* Wrong where a is 3 only: one element, wherever the library puts it. */
START_TEST(a_wrong_kernel_is_found_and_its_worst_element_named)
{
    folder f = folder_new();
    folder_change(&f, "gate.cl", "store(p,", "p = p + PICK(x == 3.0f, 1.0f, 0.0f);\n    store(p,");
    clglu_dtype t = (clglu_dtype)_i;
    call c = some_call(GATE_FORWARD, CLGLU_ACT_GELU, t, MODERATE);
    for (size_t i = 0; i < c.d.rows * c.d.cols; i++)
        if (element(t, c.at[A], i) == 3.0f) set_element(t, c.at[A], i, 2);
    set_element(t, c.at[A], place_of(&c, A, 5, 7), 3);
    clglu_check_report r;
    ck_assert_int_eq(check(folder_open(&f), &c, &r, NULL), CLGLU_OK);
    ck_assert_uint_eq(r.outside, 1);
    ck_assert_uint_eq(r.bits_differ, 1);
    ck_assert_msg(r.max_ulp > r.bound && r.worst_row == 5 && r.worst_col == 7, "the worst is %g ULP at (%zu, %zu)",
                  r.max_ulp, r.worst_row, r.worst_col);
    ck_assert_double_eq(r.worst_a, 3);
    ck_assert_double_eq(r.worst_b, (double)element(t, c.at[B], place_of(&c, B, 5, 7)));
    ck_assert_msg(fabs(r.worst_got - r.worst_want - 1) < 0.1, "got %a, wanted %a", r.worst_got, r.worst_want);
    ck_assert_uint_eq(histogram_sum(&r), r.count);
    folder_free(&f);
    call_free(&c);
}
END_TEST

/* A constant that is off in its 12th bit: the kind of slip that a loose tolerance lets pass. */
START_TEST(a_wrong_factor_of_2_to_the_minus_12_is_found)
{
    folder f = folder_new();
    folder_change(&f, "gate.cl", "store(p,", "p = p * 0x1.001p+0f;\n    store(p,");
    call c = some_call(GATE_FORWARD, CLGLU_ACT_GELU, CLGLU_F32, MODERATE);
    clglu_check_report r;
    ck_assert_int_eq(check(folder_open(&f), &c, &r, NULL), CLGLU_OK);
    ck_assert_msg(r.outside > r.count * 9 / 10, "%llu of %llu", (unsigned long long)r.outside, (unsigned long long)r.count);
    folder_free(&f);
    call_free(&c);
}
END_TEST

START_TEST(a_last_bit_that_is_off_is_found_by_the_bits)
{
    folder f = folder_new();
    folder_change(&f, "gate.cl", "store(p,", "p = AS_REAL(AS_BITS(p) ^ 1u);\n    store(p,");
    call c = some_call(GATE_FORWARD, CLGLU_ACT_GELU, CLGLU_F32, MODERATE);
    clglu_check_report r;
    ck_assert_int_eq(check(folder_open(&f), &c, &r, NULL), CLGLU_OK);
    ck_assert_uint_eq(r.bits_differ, r.count);
    folder_free(&f);
    call_free(&c);
}
END_TEST

START_TEST(wrong_gradients_are_found_each_in_its_own_report)
{
    folder f = folder_new();
    folder_change(&f, "gate_backward.cl", "*gb = keep(g * p) * dq;", "*gb = keep(g * p) * dq * 1.01f;");
    call c = some_call(GATE_BACKWARD, CLGLU_ACT_GELU, CLGLU_F32, MODERATE);
    clglu_check_report da = {.count = 0}, db = {.count = 0};
    ck_assert_int_eq(check(folder_open(&f), &c, &da, &db), CLGLU_OK);
    expect_report(&da, &c, "da of a wrong db");
    ck_assert_uint_gt(db.outside, 0);
    folder_free(&f);
    call_free(&c);
}
END_TEST

START_TEST(nan_instead_of_numbers_is_outside_and_in_the_last_bin)
{
    folder f = folder_new();
    folder_change(&f, "gate.cl", "store(p,", "p = AS_REAL(AS_BITS(p) | 0x7fc00000u);\n    store(p,");
    call c = some_call(GATE_FORWARD, CLGLU_ACT_GELU, CLGLU_F16, MODERATE);
    clglu_check_report r;
    ck_assert_int_eq(check(folder_open(&f), &c, &r, NULL), CLGLU_OK);
    ck_assert_uint_eq(r.outside, r.count);
    ck_assert_uint_eq(r.bits_differ, r.count);
    ck_assert_uint_eq(r.histogram[CLGLU_CHECK_BINS - 1], r.count);
    ck_assert_msg(isinf(r.max_ulp), "%g", r.max_ulp);
    folder_free(&f);
    call_free(&c);
}
END_TEST

Suite *device_check_suite(void)
{
    Suite *s = suite_create("device_check");
    TCase *t = tcase_create("check");
    tcase_add_loop_test(t, a_right_device_has_nothing_outside_and_no_bits_that_differ, 0,
                        DTYPES * OPERATORS * CLGLU_ACT_COUNT);
    tcase_add_loop_test(t, any_bit_pattern_is_within_the_bounds, 0, DTYPES * 2 * CLGLU_ACT_COUNT);
    tcase_add_loop_test(t, biases_parameters_and_views_are_checked_too, 0, DTYPES * 2 * 2);
    tcase_add_test(t, what_cancels_and_what_is_subnormal_is_right);
    tcase_add_test(t, a_report_that_is_not_wanted_may_be_null);
    tcase_add_test(t, a_check_refuses_what_the_operator_refuses);
    tcase_add_loop_test(t, a_wrong_kernel_is_found_and_its_worst_element_named, 0, DTYPES);
    tcase_add_test(t, a_wrong_factor_of_2_to_the_minus_12_is_found);
    tcase_add_test(t, a_last_bit_that_is_off_is_found_by_the_bits);
    tcase_add_test(t, wrong_gradients_are_found_each_in_its_own_report);
    tcase_add_test(t, nan_instead_of_numbers_is_outside_and_in_the_last_bin);
    suite_add_tcase(s, t);
    return s;
}
