/* device_special.c - infinities, zeros, NaN, huge numbers: where other systems went wrong. SPDX-License-Identifier: MIT */

#include "device.h"

#include <float.h>
#include <math.h>
#include <stdio.h>

#define INF ((float)INFINITY)

/* One element through one operator; the other inputs are b and dy. */
static float one(operator_id op, clglu_act act, clglu_dtype t, float a, float b, float dy, operand out)
{
    call c = call_new(op, act, CLGLU_ACT_IDENTITY, t, 1, 1);
    set_element(t, c.at[A], 0, a);
    if (c.at[B]) set_element(t, c.at[B], 0, b);
    if (c.at[DY]) set_element(t, c.at[DY], 0, dy);
    call got = call_made(&c);
    float y = element(t, got.at[out], 0);
    call_free(&got);
    call_free(&c);
    return y;
}

static void expect_number(float got, float want, const char *what, clglu_act act, clglu_dtype t)
{
    uint32_t g = bits_of_float(got), w = bits_of_float(want);
    ck_assert_msg(g == w || (isnan(got) && isnan(want)), "%s of %s in %s: got %a (0x%x), wanted %a (0x%x)", what,
                  act_name(act), clglu_dtype_name(t), (double)got, (unsigned)g, (double)want, (unsigned)w);
}

/* ---------------------------------------------------------------- the table of limits, exact with the sign of zero */

static const struct {
    float below, above, minus_zero, slope_below, slope_above; /* at -inf, at +inf, at -0; act' at -inf and +inf */
} limits[] = {
    [CLGLU_ACT_IDENTITY] = {-INFINITY, INFINITY, -0.0f, 1, 1},
    [CLGLU_ACT_RELU] = {0, INFINITY, 0, 0, 1},
    [CLGLU_ACT_RELU2] = {0, INFINITY, 0, 0, INFINITY},
    [CLGLU_ACT_SIGMOID] = {0, 1, 0.5f, 0, 0},
    [CLGLU_ACT_TANH] = {-1, 1, -0.0f, 0, 0},
    [CLGLU_ACT_SILU] = {-0.0f, INFINITY, -0.0f, 0, 1},
    [CLGLU_ACT_GELU] = {-0.0f, INFINITY, -0.0f, 0, 1},
    [CLGLU_ACT_GELU_TANH] = {-0.0f, INFINITY, -0.0f, 0, 1},
    [CLGLU_ACT_GELU_QUICK] = {-0.0f, INFINITY, -0.0f, 0, 1},
};

START_TEST(an_activation_has_its_limits_with_the_sign_of_zero)
{
    clglu_dtype t = (clglu_dtype)digit(&_i, DTYPES);
    clglu_act act = (clglu_act)_i;
    ck_assert_msg((size_t)act < COUNT(limits), "a new activation needs a row in the table of limits");
    expect_number(one(ACT_FORWARD, act, t, -INF, 0, 0, Y), limits[act].below, "-inf", act, t);
    expect_number(one(ACT_FORWARD, act, t, INF, 0, 0, Y), limits[act].above, "+inf", act, t);
    expect_number(one(ACT_FORWARD, act, t, -0.0f, 0, 0, Y), limits[act].minus_zero, "-0", act, t);
    expect_number(one(ACT_FORWARD, act, t, 0.0f, 0, 0, Y), fabsf(limits[act].minus_zero), "+0", act, t);
}
END_TEST

START_TEST(a_derivative_has_its_limits)
{
    clglu_dtype t = (clglu_dtype)digit(&_i, DTYPES);
    clglu_act act = (clglu_act)_i;
    float below = one(ACT_BACKWARD, act, t, -INF, 0, 1, DA), above = one(ACT_BACKWARD, act, t, INF, 0, 1, DA);
    expect_number(fabsf(below), limits[act].slope_below, "slope at -inf", act, t);
    expect_number(fabsf(above), limits[act].slope_above, "slope at +inf", act, t);
}
END_TEST

START_TEST(the_sign_of_every_result_is_that_of_the_reference)
{
    clglu_act act = (clglu_act)_i;
    size_t n = grid_count(CLGLU_F32);
    call c = call_new(ACT_FORWARD, act, 0, CLGLU_F32, 1, n);
    for (size_t i = 0; i < n; i++) set_element_bits(CLGLU_F32, c.at[A], i, grid_bits(CLGLU_F32, i));
    call got = call_made(&c);
    for (size_t i = 0; i < n; i++) {
        float x = element(CLGLU_F32, c.at[A], i), y = element(CLGLU_F32, got.at[Y], i);
        double want = clglu_reference_act(act, 1, (double)x);
        ck_assert_msg(isnan(x) || !signbit(y) == !signbit(want), "%s of %a is %a, wanted %a", act_name(act), (double)x,
                      (double)y, want);
    }
    call_free(&got);
    call_free(&c);
}
END_TEST

/* ---------------------------------------------------------------- NaN */

/* Whether the slope of the identity, a constant, is NaN at NaN is for the reference to say. The NaNs are quiet ones and
   ones with a payload that is cut off when the upper half is kept: a careless rounding makes infinity of it. */
START_TEST(nan_goes_through_every_function_in_every_operand)
{
    static const uint32_t nans[] = {0x7fc00000, 0x7f800001, 0xffffffff, 0xff800001, 0x7fbfffff};
    static const uint32_t halves[DTYPES][5] = {
        {0}, {0x7e00, 0x7c01, 0xffff, 0xfc01, 0x7dff}, {0x7fc0, 0x7f81, 0xffff, 0xff81, 0x7fbf}};
    clglu_dtype t = (clglu_dtype)digit(&_i, DTYPES);
    clglu_act act = (clglu_act)_i;
    for (operand in = A; in <= DY; in++)
        for (operator_id op = 0; op < OPERATORS; op++) {
            if (!takes(op, in) || is_output(op, in)) continue;
            call c = call_new(op, act, CLGLU_ACT_IDENTITY, t, 1, 5);
            uint64_t state = 31;
            call_fill(&c, MODERATE, &state);
            for (size_t i = 0; i < 5; i++) set_element_bits(t, c.at[in], i, t ? halves[t][i] : nans[i]);
            call got = call_made(&c);
            for (operand out = 0; out < OPERANDS; out++)
                if (got.at[out] && is_output(op, out) && !(in == DY && out == Y) && !(in == B && out == DB) &&
                    !(in == A && out == DA && !isnan(clglu_reference_act_derivative(act, 1, NAN))))
                    for (size_t i = 0; i < 5; i++)
                        ck_assert_msg(isnan(element(t, got.at[out], i)), "%s of %s in %s: NaN in %s gives %a in %s",
                                      operator_name(op), act_name(act), clglu_dtype_name(t), operand_name(in),
                                      (double)element(t, got.at[out], i), operand_name(out));
            call_free(&got);
            call_free(&c);
        }
}
END_TEST

START_TEST(the_products_follow_ieee_754)
{
    clglu_dtype t = (clglu_dtype)_i;
    expect_number(one(GATE_FORWARD, CLGLU_ACT_RELU, t, -INF, 1, 0, Y), 0, "reglu(-inf, 1)", CLGLU_ACT_RELU, t);
    expect_number(one(GATE_FORWARD, CLGLU_ACT_RELU, t, -1, INF, 0, Y), (float)NAN, "reglu(-1, inf)", CLGLU_ACT_RELU, t);
    expect_number(one(GATE_FORWARD, CLGLU_ACT_GELU, t, -INF, 1, 0, Y), -0.0f, "geglu(-inf, 1)", CLGLU_ACT_GELU, t);
    expect_number(one(GATE_FORWARD, CLGLU_ACT_GELU, t, INF, -2, 0, Y), -INF, "geglu(inf, -2)", CLGLU_ACT_GELU, t);
    expect_number(one(GATE_FORWARD, CLGLU_ACT_SILU, t, 0, INF, 0, Y), (float)NAN, "swiglu(0, inf)", CLGLU_ACT_SILU, t);
}
END_TEST

START_TEST(a_relu_that_is_off_gives_zero_gradient_for_an_infinite_input)
{
    clglu_dtype t = (clglu_dtype)_i;
    expect_number(fabsf(one(GATE_BACKWARD, CLGLU_ACT_RELU, t, -INF, 1, 1, DA)), 0, "da(-inf)", CLGLU_ACT_RELU, t);
    expect_number(fabsf(one(GATE_BACKWARD, CLGLU_ACT_RELU, t, -INF, 1, 1, DB)), 0, "db(-inf)", CLGLU_ACT_RELU, t);
    expect_number(fabsf(one(ACT_BACKWARD, CLGLU_ACT_RELU2, t, -INF, 1, 1, DA)), 0, "dx(-inf)", CLGLU_ACT_RELU2, t);
}
END_TEST

/* ---------------------------------------------------------------- large numbers */

/* From 4 to the largest number every function but relu2 is at most |x| and never NaN; its slope is between -0.2 and 1.2. */
START_TEST(large_inputs_neither_overflow_nor_saturate_wrongly)
{
    clglu_dtype t = (clglu_dtype)digit(&_i, DTYPES);
    clglu_act act = (clglu_act)_i;
    float last = t == CLGLU_F16 ? 65504.0f : t == CLGLU_BF16 ? 0x1.fep127f : FLT_MAX;
    call c = call_new(ACT_BACKWARD, act, 0, t, 2, 128), f = call_new(ACT_FORWARD, act, 0, t, 2, 128);
    for (size_t i = 0; i < 256; i++) {
        double x = fmin((double)last, 4 * exp2((double)(i / 2)));
        set_element(t, c.at[A], i, (float)(i % 2 ? -x : x));
        set_element(t, c.at[DY], i, 1);
        copy_element(t, f.at[A], i, c.at[A], i);
    }
    call slope = call_made(&c), y = call_made(&f);
    for (size_t i = 0; i < 256 && act != CLGLU_ACT_RELU2; i++) {
        float x = element(t, c.at[A], i), v = element(t, y.at[Y], i), s = element(t, slope.at[DA], i);
        ck_assert_msg(fabsf(v) <= fabsf(x) && s > -0.2f && s < 1.2f, "%s in %s at %a: %a, slope %a", act_name(act),
                      clglu_dtype_name(t), (double)x, (double)v, (double)s);
        ck_assert_msg(x > 0 || act == CLGLU_ACT_IDENTITY || (v <= 0 && v >= -1) || act == CLGLU_ACT_SIGMOID,
                      "%s in %s at %a: %a", act_name(act), clglu_dtype_name(t), (double)x, (double)v);
    }
    call_free(&slope);
    call_free(&y);
    call_free(&c);
    call_free(&f);
}
END_TEST

/* ---------------------------------------------------------------- swiglu_oai, known answers on every path */

static double oai(double a, double b)
{
    a = a > 7 ? 7 : a;
    b = b > 7 ? 7 : b < -7 ? -7 : b;
    return a / (1 + exp(-(double)1.702f * a)) * (b + 1);
}

typedef clglu_status route(call *c);
static clglu_status by_buffers(call *c) { return call_on_buffers(context(), NULL, c); }
static clglu_status by_host(call *c) { return call_on_host(context(), c); }
static clglu_status by_emulation(call *c) { return call_emulate(c); }
static route *const routes[] = {by_buffers, by_host, by_emulation};

static void oai_on(route *way, operator_id op, clglu_dtype t, clglu_rounding rounding, bool bias)
{
    static const float as[] = {-20, -1.5f, 0.25f, 6.5f, 7, 9, 300}, bs[] = {-300, -7, -1, 0.5f, 7, 8};
    call c = call_new(op, 0, 0, t, COUNT(as), COUNT(bs));
    uint64_t state = 0;
    call_variant(&c, "swiglu_oai");
    c.d.rounding = rounding;
    call_fill(&c, MODERATE, &state);
    if (bias) call_add_bias(&c, MODERATE, &state);
    for (size_t i = 0; i < COUNT(bs) && bias; i++) set_element(t, c.at[BIAS_A], i, 0.5f);
    for (size_t i = 0; i < COUNT(bs) && bias; i++) set_element(t, c.at[BIAS_B], i, -1.0f);
    for (size_t i = 0; i < COUNT(as) * COUNT(bs); i++) {
        set_element(t, c.at[A], i, as[i / COUNT(bs)]);
        set_element(t, c.at[B], i, bs[i % COUNT(bs)]);
    }
    ck_assert_int_eq(way(&c), CLGLU_OK);
    for (size_t i = 0; i < COUNT(as) * COUNT(bs); i++) {
        double a = (double)as[i / COUNT(bs)] + (bias ? 0.5 : 0), b = (double)bs[i % COUNT(bs)] - bias;
        double want = oai(a, b), got = (double)element(t, c.at[Y], i), scale = t == CLGLU_F32 ? 0x1p-20 : 0x1p-6;
        ck_assert_msg(fabs(got - want) <= scale * fabs(want) + 0x1p-23, "%s in %s, rounding %d, bias %d: a %g b %g: got %g, wanted %g",
                      operator_name(op), clglu_dtype_name(t), (int)rounding, bias, a, b, got, want);
    }
    call_free(&c);
}

START_TEST(swiglu_oai_keeps_its_parameters_on_every_path)
{
    clglu_dtype t = (clglu_dtype)digit(&_i, DTYPES);
    for (operator_id op = GATE_FORWARD; op <= GATE_BACKWARD; op++)
        for (int rounding = 0; rounding < 2; rounding++)
            for (int bias = 0; bias < 2; bias++) oai_on(routes[_i], op, t, (clglu_rounding)rounding, bias);
}
END_TEST

Suite *device_special_suite(void)
{
    Suite *s = suite_create("device_special");
    TCase *t = tcase_create("special");
    tcase_add_loop_test(t, an_activation_has_its_limits_with_the_sign_of_zero, 0, DTYPES * CLGLU_ACT_COUNT);
    tcase_add_loop_test(t, a_derivative_has_its_limits, 0, DTYPES * CLGLU_ACT_COUNT);
    tcase_add_loop_test(t, the_sign_of_every_result_is_that_of_the_reference, 0, CLGLU_ACT_COUNT);
    tcase_add_loop_test(t, nan_goes_through_every_function_in_every_operand, 0, DTYPES * CLGLU_ACT_COUNT);
    tcase_add_loop_test(t, the_products_follow_ieee_754, 0, DTYPES);
    tcase_add_loop_test(t, a_relu_that_is_off_gives_zero_gradient_for_an_infinite_input, 0, DTYPES);
    tcase_add_loop_test(t, large_inputs_neither_overflow_nor_saturate_wrongly, 0, DTYPES * CLGLU_ACT_COUNT);
    tcase_add_loop_test(t, swiglu_oai_keeps_its_parameters_on_every_path, 0, DTYPES * (int)COUNT(routes));
    suite_add_tcase(s, t);
    return s;
}
