/* host_dtype.c - storage types against an oracle in double, and the count of units in the last place.
   SPDX-License-Identifier: MIT */

#include "../src/dtype.h"
#include "../src/ulp.h"

#include <check.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

Suite *dtype_suite(void);

enum { F32, F16, BF16 };

/* A format, its two conversions, and what the oracle needs to know of it. */
typedef struct {
    const char *name;
    int dtype, digits, min_exponent, max_exponent;
    float (*widen)(uint16_t);
    uint16_t (*narrow)(float);
    uint16_t infinity; /* bits of +infinity: what is above, without the sign, is NaN */
} storage;

static const storage STORAGE[] = {
    {"f16", F16, 11, -14, 15, clglu_f16_to_f32, clglu_f32_to_f16, 0x7c00},
    {"bf16", BF16, 8, -126, 127, clglu_bf16_to_f32, clglu_f32_to_bf16, 0x7f80},
};

static uint32_t bits_of(float x)
{
    uint32_t u;
    memcpy(&u, &x, sizeof u);
    return u;
}

static float float_of(uint32_t u)
{
    float x;
    memcpy(&x, &u, sizeof x);
    return x;
}

static int is_nan(const storage *s, uint16_t h) { return (h & 0x7fff) > s->infinity; }

/* The value of the bits by the definition of the format, in double. */
static double value_of(const storage *s, uint16_t h)
{
    int fraction_bits = s->digits - 1, size = h & 0x7fff;
    int exponent = size >> fraction_bits, fraction = size & ((1 << fraction_bits) - 1);
    double value = exponent == 0 ? ldexp(fraction, s->min_exponent - fraction_bits)
                                 : ldexp((1 << fraction_bits) + fraction,
                                         exponent - 1 + s->min_exponent - fraction_bits);
    if (size == s->infinity) value = (double)INFINITY;
    return h & 0x8000 ? -value : value;
}

/* x rounded to the format: scaled so that the last place counts ones, rint (ties to even), scaled back. */
static double rounded(const storage *s, double x)
{
    if (x == 0 || isinf(x)) return x;
    int exponent = ilogb(x) < s->min_exponent ? s->min_exponent : ilogb(x);
    double y = ldexp(rint(ldexp(x, s->digits - 1 - exponent)), exponent - s->digits + 1);
    return fabs(y) >= ldexp(1, s->max_exponent + 1) ? copysign((double)INFINITY, x) : y;
}

static void expect_narrowed(const storage *s, float x)
{
    uint16_t got = s->narrow(x);
    if (isnan(x)) {
        ck_assert_msg(is_nan(s, got), "%s of NaN 0x%08x is 0x%04x", s->name, bits_of(x), got);
        return;
    }
    double want = rounded(s, (double)x), value = value_of(s, got);
    int good = !is_nan(s, got) && value == want && !signbit(value) == !signbit(x);
    ck_assert_msg(good, "%s of %a (0x%08x): got 0x%04x = %a, want %a", s->name, (double)x, bits_of(x), got,
                  value, want);
}

START_TEST(widening_is_exact_for_every_value)
{
    const storage *s = &STORAGE[_i];
    for (uint32_t h = 0; h < 0x10000; h++) {
        double want = value_of(s, (uint16_t)h), got = (double)s->widen((uint16_t)h);
        int good = is_nan(s, (uint16_t)h) ? isnan(got) : got == want && !signbit(got) == !signbit(want);
        ck_assert_msg(good, "%s 0x%04x: got %a, want %a", s->name, h, got, want);
    }
}
END_TEST

START_TEST(every_value_survives_the_round_trip)
{
    const storage *s = &STORAGE[_i];
    for (uint32_t h = 0; h < 0x10000; h++) {
        uint16_t back = s->narrow(s->widen((uint16_t)h));
        int good = is_nan(s, (uint16_t)h) ? is_nan(s, back) && (back & 0x8000) == (h & 0x8000) : back == h;
        ck_assert_msg(good, "%s 0x%04x came back as 0x%04x", s->name, h, back);
    }
}
END_TEST

/* Around each value and around the middle between it and the next: where rounding turns. */
START_TEST(narrowing_is_to_nearest_even_at_every_boundary)
{
    const storage *s = &STORAGE[_i];
    for (uint32_t h = 0; h < 0x10000; h++) {
        if (is_nan(s, (uint16_t)h) || (h & 0x7fff) == s->infinity) continue;
        double here = value_of(s, (uint16_t)h), next = value_of(s, (uint16_t)(h + 1));
        if (isinf(next)) next = copysign(ldexp(1, s->max_exponent + 1), here);
        float middle = (float)((here + next) / 2);
        for (uint32_t step = 0; step <= 4; step++) {
            expect_narrowed(s, float_of(bits_of(middle) + step - 2u));
            expect_narrowed(s, float_of(bits_of((float)here) + step - 2u));
        }
    }
}
END_TEST

START_TEST(narrowing_is_to_nearest_even_across_all_floats)
{
    const storage *s = &STORAGE[_i];
    for (uint64_t u = 0; u < 0x100000000u; u += 2053) expect_narrowed(s, float_of((uint32_t)u));
}
END_TEST

START_TEST(a_nan_never_becomes_infinity)
{
    const storage *s = &STORAGE[_i];
    for (uint32_t fraction = 1; fraction <= 0x7fffff; fraction += fraction < 0x20000 ? 1 : 977) {
        expect_narrowed(s, float_of(0x7f800000u | fraction));
        expect_narrowed(s, float_of(0xff800000u | fraction));
    }
    expect_narrowed(s, float_of(0x7fffffffu));
    expect_narrowed(s, float_of(0xffffffffu));
}
END_TEST

START_TEST(f16_overflows_half_way_to_the_next_power_of_two)
{
    ck_assert_uint_eq(clglu_f32_to_f16(0x1.ffdffep15f), 0x7bff);
    ck_assert_uint_eq(clglu_f32_to_f16(0x1.ffep15f), 0x7c00);
    ck_assert_uint_eq(clglu_f32_to_f16(-0x1.ffep15f), 0xfc00);
    ck_assert_uint_eq(clglu_f32_to_bf16(0x1.fefffep127f), 0x7f7f);
    ck_assert_uint_eq(clglu_f32_to_bf16(0x1.ffp127f), 0x7f80);
}
END_TEST

static void expect_ulp(double want, double got, int dtype, double error)
{
    double e = clglu_ulp_error(want, got, dtype);
    ck_assert_msg(e == error, "dtype %d: want %a, got %a: %a ULP, should be %a", dtype, want, got, e, error);
}

START_TEST(one_step_of_the_format_is_one_ulp)
{
    for (int i = 0; i < 2; i++) {
        const storage *s = &STORAGE[i];
        for (uint16_t h = 0; h < s->infinity - 1; h++) {
            double here = value_of(s, h), next = value_of(s, (uint16_t)(h + 1));
            double spacing_below = h == 0 ? next - here : here - value_of(s, (uint16_t)(h - 1));
            expect_ulp(here, next, s->dtype, (next - here) / spacing_below);
            expect_ulp(here + (next - here) / 4, next, s->dtype, 0.75);
            expect_ulp(-(here + (next - here) / 4), -here, s->dtype, 0.25);
        }
    }
    expect_ulp(1.5, 0x1.800002p0, F32, 1);
    expect_ulp(0x1.8p-149, 0x1p-149, F32, 0.5);
}
END_TEST

START_TEST(the_ulp_of_a_power_of_two_is_the_finer_spacing)
{
    expect_ulp(1, 1 + 0x1p-23, F32, 2);
    expect_ulp(1, 1 - 0x1p-24, F32, 1);
    expect_ulp(-1, -1 - 0x1p-10, F16, 2);
    expect_ulp(1, 1 + 0x1p-7, BF16, 2);
    expect_ulp(0x1p-126, 0x1p-126 + 0x1p-149, F32, 1); /* the subnormals below are no finer */
}
END_TEST

START_TEST(near_zero_the_ulp_is_that_of_the_subnormals)
{
    expect_ulp(0, 0x1p-149, F32, 1);
    expect_ulp(0, -0x1p-24, F16, 1);
    expect_ulp(0, 0x1p-133, BF16, 1);
    expect_ulp(0x1p-1074, 0, F32, 0x1p-925);
    expect_ulp(0x1p-150, 0x1p-149, F32, 0.5);
}
END_TEST

START_TEST(infinity_is_right_where_the_truth_rounds_to_it)
{
    expect_ulp(0x1.ffffffp127, (double)INFINITY, F32, 0);
    expect_ulp(-0x1p1000, (double)-INFINITY, F32, 0);
    expect_ulp(0x1p1000, (double)-INFINITY, F32, (0x1p1000 + 0x1p128) * 0x1p-976);
    expect_ulp(0x1.fffffep127, (double)INFINITY, F32, 1); /* early: 2^128 is one step too far */
    expect_ulp(65520, (double)INFINITY, F16, 0);
    expect_ulp(65504, (double)INFINITY, F16, 1);
    expect_ulp(65504 + 8, (double)INFINITY, F16, 0.75);
    expect_ulp(0x1.ffp127, (double)INFINITY, BF16, 0);
    expect_ulp(0x1.fep127, (double)INFINITY, BF16, 1);
    expect_ulp(0x1.8p128, 0x1.fffffep127, F32, (0x1.8p128 - 0x1.fffffep127) * 0x1p-105);
}
END_TEST

START_TEST(nan_and_infinity_are_right_only_for_themselves)
{
    for (int dtype = F32; dtype <= BF16; dtype++) {
        expect_ulp((double)NAN, (double)NAN, dtype, 0);
        expect_ulp((double)NAN, 1, dtype, (double)INFINITY);
        expect_ulp(1, (double)NAN, dtype, (double)INFINITY);
        expect_ulp((double)INFINITY, (double)INFINITY, dtype, 0);
        expect_ulp((double)INFINITY, (double)-INFINITY, dtype, (double)INFINITY);
        expect_ulp((double)-INFINITY, 1, dtype, (double)INFINITY);
        expect_ulp((double)NAN, (double)INFINITY, dtype, (double)INFINITY);
        expect_ulp(0.0, -0.0, dtype, 0);
    }
    ck_assert_double_nan(clglu_ulp_error(1, 1, BF16 + 1));
    ck_assert_double_nan(clglu_ulp_error(1, 1, -1));
}
END_TEST

Suite *dtype_suite(void)
{
    Suite *suite = suite_create("dtype");
    TCase *formats = tcase_create("storage types"), *ulps = tcase_create("ulp");
    tcase_set_timeout(formats, 60);
    tcase_add_loop_test(formats, widening_is_exact_for_every_value, 0, 2);
    tcase_add_loop_test(formats, every_value_survives_the_round_trip, 0, 2);
    tcase_add_loop_test(formats, narrowing_is_to_nearest_even_at_every_boundary, 0, 2);
    tcase_add_loop_test(formats, narrowing_is_to_nearest_even_across_all_floats, 0, 2);
    tcase_add_loop_test(formats, a_nan_never_becomes_infinity, 0, 2);
    tcase_add_test(formats, f16_overflows_half_way_to_the_next_power_of_two);
    tcase_add_test(ulps, one_step_of_the_format_is_one_ulp);
    tcase_add_test(ulps, the_ulp_of_a_power_of_two_is_the_finer_spacing);
    tcase_add_test(ulps, near_zero_the_ulp_is_that_of_the_subnormals);
    tcase_add_test(ulps, infinity_is_right_where_the_truth_rounds_to_it);
    tcase_add_test(ulps, nan_and_infinity_are_right_only_for_themselves);
    suite_add_tcase(suite, formats);
    suite_add_tcase(suite, ulps);
    return suite;
}
