/* device_accuracy.c - the device's numbers against the reference, within the published bounds.
   SPDX-License-Identifier: MIT */

#include "device.h"

#include <math.h>
#include <stdio.h>

static char text[200];

static const char *said(const char *what, const char *name, clglu_dtype t)
{
    snprintf(text, sizeof text, "%s of %s in %s", what, name, clglu_dtype_name(t));
    return text;
}

/* ---------------------------------------------------------------- one activation over all values */

static call grid_call(operator_id op, clglu_act act, clglu_dtype t)
{
    size_t n = grid_count(t), rows = 16;
    call c = call_new(op, act, CLGLU_ACT_IDENTITY, t, rows, n / rows);
    for (size_t i = 0; i < n; i++) {
        set_element_bits(t, c.at[A], i, grid_bits(t, i));
        if (c.at[DY]) set_element(t, c.at[DY], i, 1);
    }
    return c;
}

START_TEST(an_activation_is_within_its_published_bound)
{
    clglu_dtype t = (clglu_dtype)digit(&_i, DTYPES);
    call c = grid_call(ACT_FORWARD, (clglu_act)_i, t), got = call_made(&c);
    verdict v = VERDICT;
    judge_forward(&c, &got, &v);
    expect_within(&v, said("forward", act_name((clglu_act)_i), t));
    call_free(&got);
    call_free(&c);
}
END_TEST

/* dy = 1: the derivative itself. f32 has its bound or 2^-27 absolute next to a root, the others half a unit more. */
static void judge_derivative(verdict *v, clglu_act act, clglu_dtype t, double x, double got)
{
    double want = clglu_reference_act_derivative(act, 1, x);
    bool root = near_root(act, 1, x, want);
    if (t == CLGLU_F32)
        judge(v, t, want, got, root && fabs(got - want) <= 0x1p-27 ? (double)INFINITY : derivative_bound(act), 0, x, 0, 1);
    else
        judge(v, t, want, got, 0.501, root ? 0x1p-27 : 0, x, 0, 1);
}

START_TEST(a_derivative_is_within_its_published_bound)
{
    clglu_dtype t = (clglu_dtype)digit(&_i, DTYPES);
    call c = grid_call(ACT_BACKWARD, (clglu_act)_i, t), got = call_made(&c);
    verdict v = VERDICT;
    for (size_t i = 0; i < grid_count(t); i++)
        judge_derivative(&v, (clglu_act)_i, t, (double)element(t, c.at[A], i), (double)element(t, got.at[DA], i));
    expect_within(&v, said("derivative", act_name((clglu_act)_i), t));
    call_free(&got);
    call_free(&c);
}
END_TEST

/* ---------------------------------------------------------------- finite differences */

/* Sixth order: the error is h^6 / 140 of the seventh derivative, 2^-36 here. */
static double difference(const clglu_gate_desc *d, double a, double b, double da, double db)
{
    static const double weight[] = {45, -9, 1};
    double sum = 0;
    for (int k = 1; k <= 3; k++) {
        double above, below;
        ck_assert_int_eq(clglu_reference_gate(d, a + k * da, b + k * db, &above), CLGLU_OK);
        ck_assert_int_eq(clglu_reference_gate(d, a - k * da, b - k * db, &below), CLGLU_OK);
        sum += weight[k - 1] * (above - below);
    }
    return sum / (60 * (da + db));
}

static void expect_slope(double got, double want, double dy, double a, double b, const char *what)
{
    double allowed = 0x1p-21 * (1 + fabs(want));
    ck_assert_msg(fabs(got - want) <= allowed, "%s: a %a b %a dy %a: got %a, finite differences give %a", what, a, b,
                  dy, got, want);
}

/* The inputs are off the kinks at 0 and at the limit of 7. */
static call slope_call(const char *variant)
{
    call c = call_new(GATE_BACKWARD, 0, 0, CLGLU_F32, 24, 24);
    uint64_t state = 21;
    call_variant(&c, variant);
    call_fill(&c, MODERATE, &state);
    for (size_t i = 0; i < 24 * 24; i++) {
        set_element(CLGLU_F32, c.at[A], i, (float)(i % 24) / 2 - 5.75f);
        set_element(CLGLU_F32, c.at[B], i, (float)(i / 24) / 2 - 5.75f);
    }
    return c;
}

START_TEST(the_gradients_are_the_slopes_of_the_reference)
{
    static const double H = 0x1p-6;
    clglu_variant v;
    ck_assert_int_eq(clglu_variant_at((size_t)_i, &v), CLGLU_OK);
    call c = slope_call(v.name), got = call_made(&c);
    for (size_t i = 0; i < 24 * 24; i++) {
        double a = (double)element(CLGLU_F32, c.at[A], i), b = (double)element(CLGLU_F32, c.at[B], i);
        double dy = (double)element(CLGLU_F32, c.at[DY], i);
        expect_slope((double)element(CLGLU_F32, got.at[DA], i), dy * difference(&c.d, a, b, H, 0), dy, a, b, "da");
        expect_slope((double)element(CLGLU_F32, got.at[DB], i), dy * difference(&c.d, a, b, 0, H), dy, a, b, "db");
    }
    call_free(&got);
    call_free(&c);
}
END_TEST

/* ---------------------------------------------------------------- the gate operator over all exponents */

/* A number with that exponent (of the dtype's range, cyclic) and a random fraction and sign. */
static uint32_t with_exponent(clglu_dtype t, size_t exponent, uint64_t *state)
{
    uint32_t r = random_bits(state);
    if (t == CLGLU_F16) return (r & 0x83ff) | (uint32_t)(exponent % 32) << 10;
    if (t == CLGLU_BF16) return (r & 0x807f) | (uint32_t)(exponent % 256) << 7;
    return (r & 0x807fffff) | (uint32_t)(exponent % 256) << 23;
}

/* Every exponent of a meets every exponent of b; dy is near 1, so that the products say something. */
static call exponent_call(operator_id op, clglu_dtype t)
{
    size_t n = sized(256, 64);
    uint64_t state = 22;
    call c = call_new(op, 0, 0, t, n, n);
    call_fill(&c, MODERATE, &state);
    for (size_t i = 0; i < n * n; i++) {
        set_element_bits(t, c.at[A], i, with_exponent(t, i % n * (256 / n), &state));
        set_element_bits(t, c.at[B], i, with_exponent(t, i / n * (256 / n), &state));
    }
    return c;
}

START_TEST(the_gate_operator_is_within_its_bound)
{
    clglu_dtype t = (clglu_dtype)digit(&_i, DTYPES);
    clglu_variant name;
    ck_assert_int_eq(clglu_variant_at((size_t)_i, &name), CLGLU_OK);
    call c = exponent_call(GATE_FORWARD, t);
    call_variant(&c, name.name);
    verdict v = VERDICT;
    call got = call_made(&c);
    judge_forward(&c, &got, &v);
    expect_within(&v, said("forward", name.name, t));
    call_free(&got);
    call_free(&c);
}
END_TEST

START_TEST(the_gradients_of_the_gate_operator_are_within_their_bounds)
{
    clglu_dtype t = (clglu_dtype)digit(&_i, DTYPES);
    clglu_variant name;
    ck_assert_int_eq(clglu_variant_at((size_t)_i, &name), CLGLU_OK);
    call c = exponent_call(GATE_BACKWARD, t);
    call_variant(&c, name.name);
    verdict y = VERDICT, da = VERDICT, db = VERDICT;
    call got = call_made(&c);
    judge_forward(&c, &got, &y);
    judge_backward(&c, &got, &da, &db);
    expect_within(&y, said("recomputed y", name.name, t));
    expect_within(&da, said("da", name.name, t));
    expect_within(&db, said("db", name.name, t));
    call_free(&got);
    call_free(&c);
}
END_TEST

START_TEST(biases_and_parameters_are_within_the_bound)
{
    clglu_dtype t = (clglu_dtype)digit(&_i, DTYPES);
    uint64_t state = 23;
    call c = call_new(GATE_BACKWARD, 0, 0, t, 40, 100);
    call_variant(&c, "swiglu_oai");
    call_fill(&c, MODERATE, &state);
    call_add_bias(&c, MODERATE, &state);
    verdict y = VERDICT, da = VERDICT, db = VERDICT;
    call got = call_made(&c);
    judge_forward(&c, &got, &y);
    judge_backward(&c, &got, &da, &db);
    expect_within(&y, "y with biases");
    expect_within(&da, "da with biases");
    expect_within(&db, "db with biases");
    call_free(&got);
    call_free(&c);
}
END_TEST

/* ---------------------------------------------------------------- rounded like torch */

static double rounded(clglu_dtype t, double x) { return (double)number_of_bits(t, bits_of_number(t, (float)x)); }

/* The eager sequence: act(a) and gate(b) are rounded, then their product. The f32 results are within 2 ULP of f32, so
   only next to a tie may a rounding go the other way. */
START_TEST(rounding_like_torch_is_the_eager_sequence)
{
    clglu_dtype t = digit(&_i, 2) ? CLGLU_BF16 : CLGLU_F16;
    uint64_t state = 24;
    size_t n = sized(20000, 2000), different = 0;
    call c = call_new(GATE_FORWARD, CLGLU_ACT_GELU, (clglu_act)(_i ? CLGLU_ACT_SIGMOID : CLGLU_ACT_IDENTITY), t, 1, n);
    c.d.rounding = CLGLU_ROUND_LIKE_TORCH;
    call_fill(&c, MODERATE, &state);
    call got = call_made(&c);
    verdict v = VERDICT;
    for (size_t i = 0; i < n; i++) {
        double a = (double)element(t, c.at[A], i), b = (double)element(t, c.at[B], i);
        double p = rounded(t, clglu_reference_act(c.d.act, 1, a)), g = rounded(t, clglu_reference_act(c.d.gate, 1, b));
        double want = rounded(t, p * g), y = (double)element(t, got.at[Y], i);
        judge(&v, t, p * g, y, 2.6, 0, a, b, 0);
        different += y != want;
    }
    expect_within(&v, said("rounded like torch", "gelu", t));
    ck_assert_msg(different <= n / 200, "%zu of %zu are not the eager sequence's", different, n);
    call_free(&got);
    call_free(&c);
}
END_TEST

START_TEST(rounding_like_torch_differs_from_rounding_once)
{
    clglu_dtype t = _i ? CLGLU_BF16 : CLGLU_F16;
    uint64_t state = 25;
    size_t n = 4000, different = 0;
    call once = call_new(GATE_FORWARD, CLGLU_ACT_GELU, CLGLU_ACT_IDENTITY, t, 1, n);
    call_fill(&once, MODERATE, &state);
    call torch = call_copy(&once);
    torch.d.rounding = CLGLU_ROUND_LIKE_TORCH;
    call y1 = call_made(&once), y2 = call_made(&torch);
    for (size_t i = 0; i < n; i++) different += element_bits(t, y1.at[Y], i) != element_bits(t, y2.at[Y], i);
    ck_assert_msg(different > n / 10 && different < n / 2, "%zu of %zu differ", different, n);
    call_free(&y1);
    call_free(&y2);
    call_free(&once);
    call_free(&torch);
}
END_TEST

START_TEST(rounding_like_torch_is_rounding_once_for_f32)
{
    uint64_t state = 26;
    for (operator_id op = GATE_FORWARD; op <= GATE_BACKWARD; op++) {
        call once = call_new(op, CLGLU_ACT_GELU, CLGLU_ACT_IDENTITY, CLGLU_F32, 3, 500);
        call_fill(&once, WILD, &state);
        call torch = call_copy(&once);
        torch.d.rounding = CLGLU_ROUND_LIKE_TORCH;
        call y1 = call_made(&once), y2 = call_made(&torch);
        expect_same(&y2, &y1, "f32 has nothing to round");
        call_free(&y1);
        call_free(&y2);
        call_free(&once);
        call_free(&torch);
    }
}
END_TEST

Suite *device_accuracy_suite(void)
{
    Suite *s = suite_create("device_accuracy");
    TCase *t = tcase_create("accuracy");
    int variants = (int)variant_count();
    tcase_add_loop_test(t, an_activation_is_within_its_published_bound, 0, DTYPES * CLGLU_ACT_COUNT);
    tcase_add_loop_test(t, a_derivative_is_within_its_published_bound, 0, DTYPES * CLGLU_ACT_COUNT);
    tcase_add_loop_test(t, the_gradients_are_the_slopes_of_the_reference, 0, variants);
    tcase_add_loop_test(t, the_gate_operator_is_within_its_bound, 0, DTYPES * variants);
    tcase_add_loop_test(t, the_gradients_of_the_gate_operator_are_within_their_bounds, 0, DTYPES * variants);
    tcase_add_loop_test(t, biases_and_parameters_are_within_the_bound, 0, DTYPES);
    tcase_add_loop_test(t, rounding_like_torch_is_the_eager_sequence, 0, 4);
    tcase_add_loop_test(t, rounding_like_torch_differs_from_rounding_once, 0, 2);
    tcase_add_test(t, rounding_like_torch_is_rounding_once_for_f32);
    suite_add_tcase(s, t);
    return s;
}
