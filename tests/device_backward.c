/* device_backward.c - gradients: any subset of them, the canonical sums of the biases, the clamp's mask.
   SPDX-License-Identifier: MIT */

#include "device.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---------------------------------------------------------------- subsets */

static const operand results[] = {DA, DB, Y, DBIAS_A, DBIAS_B};

/* Each subset is a program: a quick run has one result, two, or all. */
static bool is_run(unsigned set, clglu_dtype t)
{
    unsigned size = 0;
    for (unsigned rest = set; rest; rest >>= 1) size += rest & 1;
    return test_scale() == LONG || (t == CLGLU_F16 && (size <= 2 || size == COUNT(results)));
}

START_TEST(any_subset_of_the_results_has_the_bits_of_all_together)
{
    clglu_dtype t = (clglu_dtype)_i;
    uint64_t state = 51;
    call all = call_new(GATE_BACKWARD, CLGLU_ACT_GELU, CLGLU_ACT_IDENTITY, t, 140, 19);
    call_fill(&all, MODERATE, &state);
    call_want_dbias(&all);
    call want = call_made(&all);
    for (unsigned set = 1; set < 1u << COUNT(results); set++) {
        if (!is_run(set, t)) continue;
        call c = call_copy(&all);
        for (size_t i = 0; i < COUNT(results); i++)
            if (!(set >> i & 1)) call_drop(&c, results[i]);
        call got = call_made(&c);
        expect_same_results(&got, &want, "a subset");
        expect_no_stray(&c, &got, "a subset");
        call_free(&got);
        call_free(&c);
    }
    call_free(&want);
    call_free(&all);
}
END_TEST

START_TEST(dbias_of_an_activation_needs_no_dx)
{
    uint64_t state = 52;
    call both = call_new(ACT_BACKWARD, CLGLU_ACT_GELU, 0, (clglu_dtype)_i, 140, 19);
    call_fill(&both, MODERATE, &state);
    call_want_dbias(&both);
    call sum = call_copy(&both);
    call_drop(&sum, DA);
    call want = call_made(&both), got = call_made(&sum);
    expect_same_results(&got, &want, "dbias alone");
    call_free(&got);
    call_free(&want);
    call_free(&sum);
    call_free(&both);
}
END_TEST

START_TEST(the_recomputed_y_has_the_bits_of_the_forward)
{
    clglu_dtype t = (clglu_dtype)digit(&_i, DTYPES);
    clglu_variant v;
    uint64_t state = 53;
    ck_assert_int_eq(clglu_variant_at((size_t)_i, &v), CLGLU_OK);
    call back = call_new(GATE_BACKWARD, 0, 0, t, 9, 111);
    call_variant(&back, v.name);
    call_fill(&back, WILD, &state);
    call fore = call_new(GATE_FORWARD, 0, 0, t, 9, 111);
    fore.d = back.d;
    memcpy(fore.at[A], back.at[A], array_bytes(back.at[A]));
    memcpy(fore.at[B], back.at[B], array_bytes(back.at[B]));
    call got = call_made(&back), want = call_made(&fore);
    expect_same_elements(&got, &want, Y, v.name);
    call_free(&got);
    call_free(&want);
    call_free(&back);
    call_free(&fore);
}
END_TEST

/* ---------------------------------------------------------------- the canonical sum */

/* Blocks of 128 rows; in a block one sum in ascending order from +0; the blocks' sums in ascending order from +0. */
static float canonical_sum(const float *terms, size_t rows, size_t cols)
{
    volatile float total = 0, block = 0; /* volatile: each sum is rounded to f32 where it stands */
    for (size_t r = 0; r < rows; r++) {
        block = block + terms[r * cols];
        if (r % 128 != 127 && r + 1 != rows) continue;
        total = total + block;
        block = 0;
    }
    return total;
}

static void expect_sums(const call *got, operand sums, const float *terms, const char *what)
{
    for (size_t col = 0; col < got->d.cols; col++) {
        float want = canonical_sum(terms + col, got->d.rows, got->d.cols), sum = element(CLGLU_F32, got->at[sums], col);
        ck_assert_msg(bits_of_float(sum) == bits_of_float(want), "%s, %zu rows, column %zu: %s is %a, wanted %a", what,
                      got->d.rows, col, operand_name(sums), (double)sum, (double)want);
    }
}

static const size_t heights[] = {1, 2, 127, 128, 129, 256, 300, 1000};

/* In f32 the terms are the elements of da and db themselves. */
static void sums_of_f32(size_t rows, size_t cols)
{
    uint64_t state = rows;
    call c = call_new(GATE_BACKWARD, CLGLU_ACT_GELU, CLGLU_ACT_SIGMOID, CLGLU_F32, rows, cols);
    call_fill(&c, MODERATE, &state);
    call_want_dbias(&c);
    call got = call_made(&c);
    expect_sums(&got, DBIAS_A, got.at[DA], "f32");
    expect_sums(&got, DBIAS_B, got.at[DB], "f32");
    call_free(&got);
    call_free(&c);
}

START_TEST(bias_gradients_are_the_canonical_sums)
{
    static const size_t widths[] = {1, 5, 33, 260};
    for (size_t i = 0; i < COUNT(widths); i++) sums_of_f32(heights[_i], sized(widths[i], widths[i] / 8 + 1));
}
END_TEST

/* The same numbers as f32: its da is what the storage type's da was before it was rounded. */
static call widened(const call *c)
{
    call f = call_new(GATE_BACKWARD, c->d.act, c->d.gate, CLGLU_F32, c->d.rows, c->d.cols);
    for (size_t i = 0; i < c->d.rows * c->d.cols; i++) {
        set_element(CLGLU_F32, f.at[A], i, element(c->d.dtype, c->at[A], i));
        set_element(CLGLU_F32, f.at[B], i, element(c->d.dtype, c->at[B], i));
        set_element(CLGLU_F32, f.at[DY], i, element(c->d.dtype, c->at[DY], i));
    }
    return f;
}

START_TEST(bias_gradients_of_f16_and_bf16_are_summed_before_rounding)
{
    clglu_dtype t = digit(&_i, 2) ? CLGLU_BF16 : CLGLU_F16;
    uint64_t state = 54;
    call c = call_new(GATE_BACKWARD, CLGLU_ACT_SILU, CLGLU_ACT_IDENTITY, t, heights[_i], 21);
    call_fill(&c, MODERATE, &state);
    call_want_dbias(&c);
    call f = widened(&c), terms = call_made(&f), got = call_made(&c);
    expect_sums(&got, DBIAS_A, terms.at[DA], clglu_dtype_name(t));
    expect_sums(&got, DBIAS_B, terms.at[DB], clglu_dtype_name(t));
    call_free(&got);
    call_free(&terms);
    call_free(&f);
    call_free(&c);
}
END_TEST

START_TEST(bias_gradients_rounded_like_torch_are_sums_of_rounded_values)
{
    clglu_dtype t = digit(&_i, 2) ? CLGLU_BF16 : CLGLU_F16;
    uint64_t state = 55;
    size_t rows = heights[_i], cols = 21;
    call c = call_new(GATE_BACKWARD, CLGLU_ACT_SILU, CLGLU_ACT_IDENTITY, t, rows, cols);
    c.d.rounding = CLGLU_ROUND_LIKE_TORCH;
    call_fill(&c, MODERATE, &state);
    call_want_dbias(&c);
    call got = call_made(&c);
    float *terms = array_new(rows * cols * sizeof(float));
    for (size_t i = 0; i < rows * cols; i++) terms[i] = element(t, got.at[DA], i);
    expect_sums(&got, DBIAS_A, terms, "like torch");
    for (size_t i = 0; i < rows * cols; i++) terms[i] = element(t, got.at[DB], i);
    expect_sums(&got, DBIAS_B, terms, "like torch");
    array_free(terms);
    call_free(&got);
    call_free(&c);
}
END_TEST

START_TEST(the_bias_gradient_of_an_activation_is_the_canonical_sum)
{
    uint64_t state = 56;
    call c = call_new(ACT_BACKWARD, CLGLU_ACT_GELU_TANH, 0, CLGLU_F32, heights[_i], 40);
    call_fill(&c, MODERATE, &state);
    call_want_dbias(&c);
    call_add_bias(&c, MODERATE, &state);
    call got = call_made(&c);
    expect_sums(&got, DBIAS_A, got.at[DA], "activation");
    call_free(&got);
    call_free(&c);
}
END_TEST

START_TEST(no_rows_sum_to_zero_or_leave_the_sums_alone)
{
    call c = call_new(GATE_BACKWARD, CLGLU_ACT_GELU, CLGLU_ACT_IDENTITY, CLGLU_F32, 1, 9);
    uint64_t state = 57;
    call_fill(&c, MODERATE, &state);
    call_want_dbias(&c);
    c.d.rows = 0;
    call got = call_made(&c), want = call_emulated(&c);
    expect_same(&got, &want, "no rows"); /* the header says that nothing is written */
    expect_same(&got, &c, "no rows");
    call_free(&got);
    call_free(&want);
    call_free(&c);
}
END_TEST

/* ---------------------------------------------------------------- the clamp's mask */

static float next_to(clglu_dtype t, float x, int steps)
{
    return number_of_bits(t, (uint32_t)((int)bits_of_number(t, x) + steps));
}

/* a is clamped from above, b on both sides. The gradient passes at the limit itself and is 0 beyond it. */
START_TEST(the_gradient_of_a_clamped_element_is_zero_and_passes_at_the_limit)
{
    clglu_dtype t = (clglu_dtype)digit(&_i, DTYPES);
    clglu_rounding rounding = (clglu_rounding)_i;
    float x[] = {7, next_to(t, 7, 1), next_to(t, 7, -1), -7, next_to(t, -7, 1), next_to(t, -7, -1), 100, -100};
    call c = call_new(GATE_BACKWARD, 0, 0, t, COUNT(x), COUNT(x));
    call_variant(&c, "swiglu_oai");
    c.d.rounding = rounding;
    for (size_t i = 0; i < COUNT(x) * COUNT(x); i++) {
        set_element(t, c.at[A], i, x[i / COUNT(x)]);
        set_element(t, c.at[B], i, x[i % COUNT(x)]);
        set_element(t, c.at[DY], i, 1);
    }
    call got = call_made(&c);
    for (size_t i = 0; i < COUNT(x) * COUNT(x); i++) {
        float a = x[i / COUNT(x)], b = x[i % COUNT(x)], da = element(t, got.at[DA], i), db = element(t, got.at[DB], i);
        ck_assert_msg((da == 0) == (a > 7 || a < -90), "da at a %a b %a is %a", (double)a, (double)b, (double)da);
        ck_assert_msg((db == 0) == (fabsf(b) > 7 || a < -90), "db at a %a b %a is %a", (double)a, (double)b, (double)db);
    }
    call_free(&got);
    call_free(&c);
}
END_TEST

START_TEST(the_clamp_sees_the_sum_with_the_bias)
{
    call c = call_new(GATE_BACKWARD, CLGLU_ACT_IDENTITY, CLGLU_ACT_IDENTITY, CLGLU_F32, 1, 2);
    uint64_t state = 58;
    c.d.limit = 2;
    call_add_bias(&c, MODERATE, &state);
    static const float a[] = {1.5f, 3}, bias[] = {1, -2};
    for (size_t i = 0; i < 2; i++) {
        set_element(CLGLU_F32, c.at[A], i, a[i]);
        set_element(CLGLU_F32, c.at[B], i, 1);
        set_element(CLGLU_F32, c.at[DY], i, 1);
        set_element(CLGLU_F32, c.at[BIAS_A], i, bias[i]);
        set_element(CLGLU_F32, c.at[BIAS_B], i, 0);
    }
    call got = call_made(&c);
    ck_assert_double_eq((double)element(CLGLU_F32, got.at[Y], 0), 2);
    ck_assert_double_eq((double)element(CLGLU_F32, got.at[DA], 0), 0);
    ck_assert_double_eq((double)element(CLGLU_F32, got.at[Y], 1), 1);
    ck_assert_double_eq((double)element(CLGLU_F32, got.at[DA], 1), 1);
    call_free(&got);
    call_free(&c);
}
END_TEST

Suite *device_backward_suite(void)
{
    Suite *s = suite_create("device_backward");
    TCase *t = tcase_create("backward");
    int n = (int)COUNT(heights);
    tcase_add_loop_test(t, any_subset_of_the_results_has_the_bits_of_all_together, 0, DTYPES);
    tcase_add_loop_test(t, dbias_of_an_activation_needs_no_dx, 0, DTYPES);
    tcase_add_loop_test(t, the_recomputed_y_has_the_bits_of_the_forward, 0, DTYPES * (int)variant_count());
    tcase_add_loop_test(t, bias_gradients_are_the_canonical_sums, 0, n);
    tcase_add_loop_test(t, bias_gradients_of_f16_and_bf16_are_summed_before_rounding, 0, 2 * n);
    tcase_add_loop_test(t, bias_gradients_rounded_like_torch_are_sums_of_rounded_values, 0, 2 * n);
    tcase_add_loop_test(t, the_bias_gradient_of_an_activation_is_the_canonical_sum, 0, n);
    tcase_add_test(t, no_rows_sum_to_zero_or_leave_the_sums_alone);
    tcase_add_loop_test(t, the_gradient_of_a_clamped_element_is_zero_and_passes_at_the_limit, 0, DTYPES * 2);
    tcase_add_test(t, the_clamp_sees_the_sum_with_the_bias);
    suite_add_tcase(s, t);
    return s;
}
