/* device_back_sums.c - the backward's sums in the header's words, the clamp, and what stays f32: through
   every form of kernels. SPDX-License-Identifier: MIT */

#include "device_back.h"

#include <math.h>

/* ---------------------------------------------------------------- sums */

/* The sum as the header has it, begun with what is there. */
static float canonical(float sum, const float *x, const float *y, size_t n)
{
    for (size_t begin = 0; begin < n; begin += 128) {
        float c = 0;
        for (size_t i = begin; i < n && i < begin + 128; i++) c = y ? fmaf(x[i], y[i], c) : c + x[i];
        sum += c;
    }
    return sum;
}

enum { LONGEST = 600 };

static void expect_number(const back_case *got, back_array g, size_t row, size_t col, float want)
{
    float is = back_get(got, g, row, col);
    ck_assert_msg(same_bits(CLGLU_F32, bits_of_float(is), bits_of_float(want)),
                  "%s (%zu, %zu) is %a, in words %a", back_name(g), row, col, (double)is, (double)want);
}

/* A column of dy times the scale, or of x. */
static void column_of(const back_case *c, back_array g, size_t col, float *to)
{
    ck_assert_uint_le(c->call.rows, LONGEST);
    for (size_t r = 0; r < c->call.rows; r++) {
        to[r] = back_get(c, g, r, col);
        if (g == GDY && c->call.scale != 0) to[r] *= c->call.scale;
    }
}

/* y = x Wa: da is g. */
static void are_sums_over_rows(const back_case *in, const back_case *got)
{
    float g[LONGEST], x[LONGEST];
    bool adds = in->call.accumulate;
    for (size_t n = 0; n < back_cols(in, GDBA); n++) {
        column_of(in, GDY, n, g);
        expect_number(got, GDBA, 0, n,
                      canonical(adds ? back_get(in, GDBA, 0, n) : 0, g, NULL, in->call.rows));
        for (size_t k = 0; k < back_rows(in, GDWA); k++) {
            column_of(in, GX, k, x);
            expect_number(got, GDWA, k, n,
                          canonical(adds ? back_get(in, GDWA, k, n) : 0, x, g, in->call.rows));
        }
    }
}

/* Large terms that cancel, in a block, across blocks, and after the small ones have been lost. */
static float cancelling(size_t pattern, size_t i)
{
    size_t period = pattern == 0 ? 2 : pattern == 1 ? 128 : 256;
    float sign = i % period < period / 2 ? 1 : -1;
    return i % 3 == 0 ? sign * 1e8f : sign * (float)(i % 7) * 0.37f;
}

START_TEST(sums_over_rows_are_canonical)
{
    bool adds = digit(&_i, 2), cancels = _i;
    back_shape s = {.ffn = {.parts = HAS_WA | HAS_BA,
                            .rows = sized(300, 140),
                            .d_model = sized(35, 3),
                            .d_ff = sized(34, 4),
                            .seed = 330},
                    .accumulate = adds,
                    .scale = 3.7f,
                    .row_block = 128};
    back_case c = back_new(&s);
    for (size_t r = 0; cancels && r < s.ffn.rows; r++)
        for (size_t n = 0; n < s.ffn.d_ff; n++) back_set(&c, GDY, r, n, cancelling(n % 3, r));
    with_every_form(&c, are_sums_over_rows, "a sum over rows");
    back_free(&c);
}
END_TEST

static float weight(const back_case *c, ffn_matrix m, size_t in, size_t out)
{
    return ffn_weight(&c->ffn, m, in, out);
}

/* y = a * b with a and b given: da = dy * b, db = dy * a; without wa a is x. dx: the terms of da first. */
static void is_one_sum(const back_case *in, const back_case *got)
{
    float d[LONGEST], w[LONGEST];
    size_t ff = back_cols(in, GB);
    bool has_a = back_has(in, WA);
    for (size_t r = 0; r < in->call.rows; r++)
        for (size_t k = 0; k < back_cols(in, GDX); k++) {
            size_t n = 0;
            for (size_t f = 0; has_a && f < ff; f++, n++) {
                d[n] = back_get(in, GDY, r, f) * back_get(in, GB, r, f);
                w[n] = weight(in, WA, k, f);
            }
            for (size_t f = 0; f < ff; f++, n++) {
                d[n] = back_get(in, GDY, r, f) * back_get(in, has_a ? GA : GX, r, f);
                w[n] = weight(in, WB, k, f);
            }
            float first = has_a ? 0 : back_get(in, GDY, r, k) * back_get(in, GB, r, k);
            expect_number(got, GDX, r, k, canonical(first, d, w, n));
        }
}

START_TEST(dx_is_one_canonical_sum_of_da_then_db)
{
    unsigned parts = _i ? HAS_WB : HAS_WA | HAS_WB;
    size_t ff = sized(200, 70);
    back_shape s = {
        .ffn = {.parts = parts | ASK_A | ASK_B, .rows = 3, .d_model = _i ? ff : 5, .d_ff = ff, .seed = 331}};
    back_case c = back_new(&s);
    for (size_t r = 0; r < 3; r++)
        for (size_t f = 0; f < ff; f++) back_set(&c, GDY, r, f, cancelling(r, f));
    with_every_form(&c, is_one_sum, "dx");
    back_free(&c);
}
END_TEST

static void are_plus_zero(const back_case *in, const back_case *got)
{
    for (back_array g = GDX; g < GFLAG; g++)
        for (size_t r = 0; in->at[g] && r < back_rows(in, g); r++)
            for (size_t n = 0; n < back_cols(in, g); n++)
                ck_assert_msg(same_bits(CLGLU_F32, back_get_bits(got, g, r, n), 0),
                              "%s (%zu, %zu) is %a, not +0", back_name(g), r, n,
                              (double)back_get(got, g, r, n));
}

/* Sums that begin with +0 or with a gradient's -0 do not stay at -0: +0 is added. */
START_TEST(sums_of_minus_zeros_are_plus_zero)
{
    unsigned parts = digit(&_i, 2) ? HAS_WB | HAS_WD | HAS_BB : GATED | BIASED;
    back_shape s = {.ffn = {.parts = parts, .rows = 130, .d_model = 33, .d_ff = 33, .d_out = 4, .seed = 332},
                    .accumulate = _i};
    back_case c = back_new(&s);
    back_set_all(&c, GDY, -0.0f);
    for (back_array g = GDWA; s.accumulate && g < GFLAG; g++) back_set_all(&c, g, -0.0f);
    with_every_form(&c, are_plus_zero, "a sum of -0");
    back_free(&c);
}
END_TEST

/* ---------------------------------------------------------------- the clamp, and what stays f32 */

/* y = a * b, dy is 1: da is b and db is a; 0 where the own input is clamped, not at the limit. */
static void has_the_gradient_of_the_clamp(const back_case *in, const back_case *got)
{
    for (size_t f = 0; f < back_cols(in, GA); f++) {
        float a = back_get(in, GA, 0, f), b = back_get(in, GB, 0, f), top = in->ffn.desc.limit;
        float clamped_a = a > top ? top : a, clamped_b = b > top ? top : b < -top ? -top : b;
        expect_number(got, GDBA, 0, f, a > top ? 0 : clamped_b);
        expect_number(got, GDBB, 0, f, b > top || b < -top ? 0 : clamped_a);
    }
}

START_TEST(a_clamped_element_has_gradient_0_and_passes_at_the_limit)
{
    const float top = 1.5f,
                inputs[] = {top,  nextafterf(top, 2), nextafterf(top, 1), -top, nextafterf(-top, -2), -9, 9,
                            0.25f};
    enum { INPUTS = 8 };
    back_shape s = {.ffn = {.parts = HAS_WA | HAS_WB | HAS_BA | HAS_BB | ASK_A | ASK_B,
                            .rows = 1,
                            .d_model = 3,
                            .d_ff = INPUTS * INPUTS,
                            .limit = top,
                            .seed = 339}};
    back_case c = back_new(&s);
    back_set_all(&c, GDY, 1);
    for (size_t f = 0; f < s.ffn.d_ff; f++) {
        back_set(&c, GA, 0, f, inputs[f % INPUTS]);
        back_set(&c, GB, 0, f, inputs[f / INPUTS]);
    }
    with_every_form(&c, has_the_gradient_of_the_clamp, "the clamp");
    back_free(&c);
}
END_TEST

static void are_1000(const back_case *in, const back_case *got)
{
    for (size_t k = 0; k < back_rows(in, GDWD); k++)
        for (size_t n = 0; n < back_cols(in, GDWD); n++)
            ck_assert_msg(back_get(got, GDWD, k, n) == 1000, "(%zu, %zu) is %g", k, n,
                          (double)back_get(got, GDWD, k, n));
    ck_assert_uint_eq(back_flag(got), 0);
}

/* h is 2^20 everywhere, which f16 does not hold. */
START_TEST(h_stays_f32_whatever_the_dtypes)
{
    clglu_dtype t = (clglu_dtype)_i;
    back_shape s = {.ffn = {.parts = GATED,
                            .rows = 2,
                            .d_model = 4,
                            .d_ff = 64,
                            .d_out = 33,
                            .dtype = t,
                            .x_dtype = t,
                            .y_dtype = t,
                            .seed = 340},
                    .asked = ASKS(GDWD) | ASKS(GFLAG),
                    .weights_dtype = t};
    back_case c = back_new(&s);
    back_set_all(&c, GX, 16);
    back_set_all(&c, GDY, 0);
    for (size_t n = 0; n < 33; n++) back_set(&c, GDY, 1, n, 125 * 0x1p-17f);
    for (size_t k = 0; k < 4; k++)
        for (size_t n = 0; n < 64; n++) {
            ffn_set_weight(&c.ffn, WA, k, n, 16);
            ffn_set_weight(&c.ffn, WB, k, n, 16);
        }
    with_every_form(&c, are_1000, "a large h");
    back_free(&c);
}
END_TEST

Suite *device_back_sums_suite(void)
{
    Suite *s = suite_create("device_back_sums");
    TCase *sums = tcase_create("sums"), *values = tcase_create("values");
    tcase_add_loop_test(sums, sums_over_rows_are_canonical, 0, 2 * 2);
    tcase_add_loop_test(sums, dx_is_one_canonical_sum_of_da_then_db, 0, 2);
    tcase_add_loop_test(sums, sums_of_minus_zeros_are_plus_zero, 0, 2 * 2);
    tcase_add_test(values, a_clamped_element_has_gradient_0_and_passes_at_the_limit);
    tcase_add_loop_test(values, h_stays_f32_whatever_the_dtypes, 0, DTYPES);
    suite_add_tcase(s, sums);
    suite_add_tcase(s, values);
    return s;
}
