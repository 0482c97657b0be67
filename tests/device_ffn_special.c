/* device_ffn_special.c - sums that cancel, huge and tiny numbers, infinities, NaN, zeros: through every
   kernel. SPDX-License-Identifier: MIT */

#include "device_ffn.h"

#include <math.h>
#include <string.h>

/* ---------------------------------------------------------------- with every choice */

/* What is asked of each result; `in` has the inputs. */
typedef void question(const ffn_case *in, const ffn_case *got);

/* Kernels of three dtypes take long to build: those of f16 and bf16 take turns. */
static bool runs(size_t i, clglu_dtype t) { return test_scale() == LONG || t == CLGLU_F32 || i % 2 == t % 2; }

static void with_every_choice(const ffn_case *c, question *ask, const char *what)
{
    clglu_ffn *ffn = ffn_create(context(), c, FROM_HOST);
    clglu_ffn_choice choices[FFN_CHOICES];
    size_t n = ffn_choices(ffn, c->call.rows, choices);
    ffn_case want = ffn_emulated(c), with = *c;
    for (size_t i = 0; i < n; i++) {
        if (!runs(i, c->desc.dtype)) continue;
        with.call.choice = choices[i];
        ffn_case got = ffn_made(context(), ffn, &with, ON_BUFFERS);
        expect_ffn_same(&got, &want, what);
        expect_ffn_judged(&got, what);
        if (ask) ask(c, &got);
        ffn_free(&got);
    }
    ffn_free(&want);
    clglu_ffn_destroy(ffn);
}

/* The sum as the header has it. */
static float canonical(const float *x, const float *w, size_t n)
{
    float sum = 0;
    for (size_t begin = 0; begin < n; begin += 128) {
        float c = 0;
        for (size_t i = begin; i < n && i < begin + 128; i++) c = fmaf(x[i], w[i], c);
        sum += c;
    }
    return sum;
}

enum { LONGEST = 400 };

/* x times a matrix whose inputs are x's columns. */
static float sum_in_words(const ffn_case *c, ffn_matrix m, size_t row, size_t out)
{
    float x[LONGEST], w[LONGEST];
    ck_assert_uint_le(c->desc.d_model, LONGEST);
    for (size_t k = 0; k < c->desc.d_model; k++) {
        x[k] = ffn_get(c, FX, row, k);
        w[k] = ffn_weight(c, m, k, out);
    }
    return canonical(x, w, c->desc.d_model);
}

static void expect_sums(const ffn_case *in, const ffn_case *got, ffn_matrix m)
{
    for (size_t r = 0; r < in->call.rows; r++)
        for (size_t n = 0; n < ffn_cols(in, FY); n++) {
            float want = sum_in_words(in, m, r, n), y = ffn_get(got, FY, r, n);
            ck_assert_msg(same_bits(CLGLU_F32, bits_of_float(y), bits_of_float(want)),
                          "(%zu, %zu) is %a, the canonical sum %a", r, n, (double)y, (double)want);
        }
}

static void is_x_wa(const ffn_case *in, const ffn_case *got) { expect_sums(in, got, WA); }
static void is_x_wd(const ffn_case *in, const ffn_case *got) { expect_sums(in, got, WD); }

/* y = x Wa, in f32. */
static ffn_case projection(size_t rows, size_t in, size_t out)
{
    ffn_shape s = {.parts = HAS_WA, .rows = rows, .d_model = in, .d_ff = out, .seed = 80};
    return ffn_new(&s);
}

/* y = h Wd where h is x: Wa has ones on its diagonal. */
static ffn_case last_matrix(size_t rows, size_t in, size_t out)
{
    ffn_shape s = {
        .parts = HAS_WA | HAS_WD, .rows = rows, .d_model = in, .d_ff = in, .d_out = out, .seed = 81};
    ffn_case c = ffn_new(&s);
    for (size_t k = 0; k < in; k++)
        for (size_t n = 0; n < in; n++) ffn_set_weight(&c, WA, k, n, k == n);
    return c;
}

/* ---------------------------------------------------------------- sums */

static ffn_case some_sums(bool last)
{
    size_t in = sized(300, 140);
    return last ? last_matrix(3, in, 5) : projection(sized(6, 3), in, sized(35, 9));
}

START_TEST(sums_are_canonical)
{
    ffn_case c = some_sums(_i);
    with_every_choice(&c, _i ? is_x_wd : is_x_wa, "a canonical sum");
    ffn_free(&c);
}
END_TEST

/* Large terms that cancel, in the block, across blocks, and after the small ones have been lost. */
static float cancelling(size_t pattern, size_t k)
{
    size_t period = pattern == 0 ? 2 : pattern == 1 ? 128 : 256;
    float sign = k % period < period / 2 ? 1 : -1;
    return k % 3 == 0 ? sign * 1e8f : sign * (float)(k % 7) * 0.37f;
}

START_TEST(sums_that_cancel_are_canonical)
{
    ffn_case c = some_sums(_i);
    for (size_t r = 0; r < c.call.rows; r++)
        for (size_t k = 0; k < c.desc.d_model; k++) ffn_set(&c, FX, r, k, cancelling(r % 3, k));
    for (size_t k = 0; k < c.desc.d_model; k++)
        for (size_t n = 0; n < ffn_cols(&c, FY); n++)
            ffn_set_weight(&c, _i ? WD : WA, k, n, n % 2 ? 1 : 1 + (float)(k % 5));
    with_every_choice(&c, _i ? is_x_wd : is_x_wa, "a sum that cancels");
    ffn_free(&c);
}
END_TEST

/* A number with any exponent from -most to most. */
static float any_exponent(uint64_t *state, int most)
{
    float x = 1 + (float)random_below(state, 1 << 23) * 0x1p-23f;
    return ldexpf(one_in(state, 2) ? x : -x, (int)random_below(state, (size_t)(2 * most + 1)) - most);
}

/* Where the device flushes, what is lost may show in what is normal: no subnormal number is met there. */
static float huge_or_tiny(uint64_t *state)
{
    if (!clglu_context_facts(context())->subnormals) return any_exponent(state, 55);
    return one_in(state, 3) ? ldexpf(any_exponent(state, 10), -130) : any_exponent(state, 126);
}

START_TEST(huge_and_tiny_terms_are_summed_as_ieee_754_says)
{
    uint64_t state = 82;
    ffn_case c = some_sums(_i);
    for (size_t r = 0; r < c.call.rows; r++)
        for (size_t k = 0; k < c.desc.d_model; k++) ffn_set(&c, FX, r, k, huge_or_tiny(&state));
    for (size_t k = 0; k < c.desc.d_model; k++)
        for (size_t n = 0; n < ffn_cols(&c, FY); n++)
            ffn_set_weight(&c, _i ? WD : WA, k, n, huge_or_tiny(&state));
    with_every_choice(&c, _i ? is_x_wd : is_x_wa, "huge and tiny terms");
    ffn_free(&c);
}
END_TEST

/* The products are subnormal or half an ULP of the smallest subnormal. */
START_TEST(sums_of_subnormal_terms_are_kept_where_the_device_keeps_them)
{
    uint64_t state = 83;
    ffn_case c = some_sums(_i);
    if (!clglu_context_facts(context())->subnormals) {
        ffn_free(&c);
        return;
    }
    for (size_t r = 0; r < c.call.rows; r++)
        for (size_t k = 0; k < c.desc.d_model; k++)
            ffn_set(&c, FX, r, k, ldexpf(any_exponent(&state, 8), -132));
    for (size_t k = 0; k < c.desc.d_model; k++)
        for (size_t n = 0; n < ffn_cols(&c, FY); n++)
            ffn_set_weight(&c, _i ? WD : WA, k, n, any_exponent(&state, 6));
    with_every_choice(&c, _i ? is_x_wd : is_x_wa, "subnormal terms");
    ffn_free(&c);
}
END_TEST

/* ---------------------------------------------------------------- zeros */

static void is_plus_zero(const ffn_case *in, const ffn_case *got)
{
    for (size_t r = 0; r < in->call.rows; r++)
        for (size_t n = 0; n < ffn_cols(in, FY); n++)
            ck_assert_msg(ffn_get_bits(got, FY, r, n) == 0, "(%zu, %zu) is %a, not +0", r, n,
                          (double)ffn_get(got, FY, r, n));
}

static void is_the_bias(const ffn_case *in, const ffn_case *got)
{
    for (size_t r = 0; r < in->call.rows; r++)
        for (size_t n = 0; n < ffn_cols(in, FY); n++)
            ck_assert_msg(ffn_get(got, FY, r, n) == ffn_bias_of(in, WA, n), "(%zu, %zu) is %a, the bias %a",
                          r, n, (double)ffn_get(got, FY, r, n), (double)ffn_bias_of(in, WA, n));
}

static void set_rows_of_x(ffn_case *c, float x)
{
    for (size_t r = 0; r < c->call.rows; r++)
        for (size_t k = 0; k < c->desc.d_model; k++) ffn_set(c, FX, r, k, x);
}

/* Sums start at +0, which no -0 turns: that of a factor or that of products which are too small. */
START_TEST(sums_of_minus_zeros_are_plus_zero)
{
    size_t in = _i < 2 ? 130 : 1;
    ffn_case c = projection(3, in, 33);
    set_rows_of_x(&c, _i == 0 ? -0.0f : -1e-30f);
    for (size_t k = 0; k < in; k++)
        for (size_t n = 0; n < 33; n++) ffn_set_weight(&c, WA, k, n, _i == 0 ? 1 : 1e-30f);
    with_every_choice(&c, is_plus_zero, "a sum of -0");
    ffn_free(&c);
}
END_TEST

START_TEST(a_row_of_zeros_gives_the_bias)
{
    clglu_dtype t = (clglu_dtype)_i;
    ffn_shape s = {.parts = HAS_WA | HAS_BA, .rows = 3, .d_model = 130, .d_ff = 33, .dtype = t, .seed = 84};
    ffn_case c = ffn_new(&s);
    set_rows_of_x(&c, 0);
    ffn_set_bias(&c, WA, 7, -0.0f);
    with_every_choice(&c, is_the_bias, "a row of zeros");
    ffn_free(&c);
}
END_TEST

START_TEST(no_rows_write_nothing_and_give_an_event_that_completes)
{
    ffn_shape s = {.parts = GATED | ASK_A | ASK_B,
                   .rows = 4,
                   .d_model = 20,
                   .d_ff = 30,
                   .act = CLGLU_ACT_GELU,
                   .seed = 85};
    ffn_case c = ffn_new(&s), after = ffn_copy(&c);
    clglu_ffn *ffn = ffn_create(context(), &c, FROM_HOST);
    c.call.rows = after.call.rows = 0;
    ffn_buffers b = ffn_buffers_new(context(), &c);
    cl_event event = NULL;
    ck_assert_int_eq(ffn_enqueue(ffn, &c, NULL, &b, NULL, 0, NULL, &event), CLGLU_OK);
    ck_assert_ptr_nonnull(event);
    ck_assert_int_eq(clWaitForEvents(1, &event), CL_SUCCESS);
    clReleaseEvent(event);
    ffn_buffers_read(context(), &after, &b);
    expect_ffn_same(&after, &c, "no rows on buffers");
    ck_assert_int_eq(ffn_run(context(), ffn, &after, ON_HOST), CLGLU_OK);
    expect_ffn_same(&after, &c, "no rows on the host");
    ck_assert_int_eq(ffn_emulate(&after), CLGLU_OK);
    expect_ffn_same(&after, &c, "no rows in the emulation");
    ffn_buffers_free(&b);
    clglu_ffn_destroy(ffn);
    ffn_free(&after);
    ffn_free(&c);
}
END_TEST

/* ---------------------------------------------------------------- infinities and NaN */

/* What `inputs` change in a block of all parts or of the projections alone. */
static ffn_case block_of(unsigned parts)
{
    ffn_shape s = {.parts = parts | HAS_BA | HAS_BB,
                   .rows = 5,
                   .d_model = 131,
                   .d_ff = 37,
                   .d_out = 34,
                   .act = CLGLU_ACT_GELU,
                   .seed = 86};
    return ffn_new(&s);
}

/* The same block with moderate numbers only. */
static const ffn_case *untouched;
static size_t marked_row, marked_col;

/* The marked row is NaN (or another is untouched). */
static void stays_in_its_row(const ffn_case *in, const ffn_case *got)
{
    for (size_t r = 0; r < in->call.rows; r++) {
        if (r != marked_row) expect_ffn_row(got, r, untouched, r, FY, "another row than that of a NaN");
        for (size_t n = 0; r == marked_row && n < ffn_cols(in, FY); n++)
            ck_assert_msg(isnan(ffn_get(got, FY, r, n)), "(%zu, %zu) is %a", r, n,
                          (double)ffn_get(got, FY, r, n));
    }
}

static void stays_in_its_column(const ffn_case *in, const ffn_case *got)
{
    for (size_t r = 0; r < in->call.rows; r++)
        for (size_t n = 0; n < ffn_cols(in, FY); n++)
            ck_assert_msg(n == marked_col ? isnan(ffn_get(got, FY, r, n))
                                          : ffn_get_bits(got, FY, r, n) == ffn_get_bits(untouched, FY, r, n),
                          "(%zu, %zu) is %a, without the NaN %a", r, n, (double)ffn_get(got, FY, r, n),
                          (double)ffn_get(untouched, FY, r, n));
}

START_TEST(a_nan_in_x_stays_in_its_row)
{
    ffn_case c = block_of(GATED), before = ffn_emulated(&c);
    untouched = &before;
    marked_row = 2;
    ffn_set(&c, FX, marked_row, (size_t)_i, (float)NAN);
    with_every_choice(&c, stays_in_its_row, "a NaN in x");
    ffn_free(&before);
    ffn_free(&c);
}
END_TEST

START_TEST(a_nan_in_a_weight_of_the_projections_stays_in_its_column)
{
    ffn_case c = block_of(HAS_WA | HAS_WB), before = ffn_emulated(&c);
    untouched = &before;
    marked_col = 33;
    ffn_set_weight(&c, _i ? WB : WA, 129, marked_col, (float)NAN);
    with_every_choice(&c, stays_in_its_column, "a NaN in a weight");
    ffn_free(&before);
    ffn_free(&c);
}
END_TEST

START_TEST(a_nan_in_the_last_matrix_stays_in_its_column)
{
    ffn_case c = block_of(GATED), before = ffn_emulated(&c);
    untouched = &before;
    marked_col = 31;
    ffn_set_weight(&c, WD, 36, marked_col, (float)NAN);
    with_every_choice(&c, stays_in_its_column, "a NaN in a weight of wd");
    ffn_free(&before);
    ffn_free(&c);
}
END_TEST

/* Infinities in x and in all weights, of both signs and among zeros: 0 * inf is NaN, inf - inf too. */
START_TEST(infinities_go_where_ieee_754_takes_them)
{
    uint64_t state = 87;
    clglu_dtype t = (clglu_dtype)_i;
    ffn_shape s = {.parts = GATED | BIASED,
                   .rows = 4,
                   .d_model = 70,
                   .d_ff = 35,
                   .d_out = 33,
                   .dtype = t,
                   .act = CLGLU_ACT_GELU,
                   .seed = 88};
    ffn_case c = ffn_new(&s);
    for (size_t i = 0; i < 4; i++) {
        float inf = one_in(&state, 2) ? (float)INFINITY : -(float)INFINITY;
        if (i % 2) ffn_set(&c, FX, i, random_below(&state, 70), inf);
        ffn_set_weight(&c, WA, random_below(&state, 70), random_below(&state, 35), inf);
        ffn_set_weight(&c, WB, random_below(&state, 70), random_below(&state, 35), -inf);
        ffn_set_weight(&c, WD, random_below(&state, 35), random_below(&state, 33), inf);
    }
    ffn_set(&c, FX, 2, 5, 0);
    with_every_choice(&c, NULL, "infinities");
    ffn_free(&c);
}
END_TEST

/* Any bit pattern in x and the weights, in every dtype. */
START_TEST(any_bit_pattern_has_the_bits_of_the_emulation)
{
    uint64_t state = 89;
    clglu_dtype t = (clglu_dtype)_i;
    ffn_shape s = {.parts = HAS_WA | HAS_WB,
                   .rows = 3,
                   .d_model = 9,
                   .d_ff = 35,
                   .dtype = t,
                   .x_dtype = t,
                   .y_dtype = t,
                   .act = CLGLU_ACT_GELU,
                   .seed = 90};
    ffn_case c = ffn_new(&s);
    if (!clglu_context_facts(context())->subnormals) {
        ffn_free(&c);
        return;
    }
    for (size_t k = 0; k < 9; k++) {
        for (size_t r = 0; r < 3; r++)
            set_element_bits(t, c.at[FX], ffn_place(&c, FX, r, k), random_number(t, WILD, &state));
        for (size_t n = 0; n < 35; n++) {
            ffn_set_weight(&c, WA, k, n, number_of_bits(t, random_number(t, WILD, &state)));
            ffn_set_weight(&c, WB, k, n, number_of_bits(t, random_number(t, WILD, &state)));
        }
    }
    with_every_choice(&c, NULL, "any bit pattern");
    ffn_free(&c);
}
END_TEST

/* ---------------------------------------------------------------- h is f32, one rounding at the end */

static void is_1000(const ffn_case *in, const ffn_case *got)
{
    for (size_t r = 0; r < in->call.rows; r++)
        for (size_t n = 0; n < ffn_cols(in, FY); n++)
            ck_assert_msg(ffn_get(got, FY, r, n) == 1000, "(%zu, %zu) is %g", r, n,
                          (double)ffn_get(got, FY, r, n));
}

/* h is 2^20 in every column, which f16 does not hold. */
START_TEST(h_stays_f32_whatever_the_dtypes)
{
    clglu_dtype t = (clglu_dtype)_i;
    ffn_shape s = {.parts = GATED,
                   .rows = 2,
                   .d_model = 4,
                   .d_ff = 64,
                   .d_out = 33,
                   .dtype = t,
                   .x_dtype = t,
                   .y_dtype = t,
                   .seed = 91};
    ffn_case c = ffn_new(&s);
    set_rows_of_x(&c, 16);
    for (size_t k = 0; k < 64; k++) {
        for (size_t n = 0; n < 33; n++) ffn_set_weight(&c, WD, k, n, k == 0 ? 125 * 0x1p-17f : 0);
        for (size_t m = 0; m < 4; m++) {
            ffn_set_weight(&c, WA, m, k, 16);
            ffn_set_weight(&c, WB, m, k, 16);
        }
    }
    with_every_choice(&c, is_1000, "a large h");
    ffn_free(&c);
}
END_TEST

Suite *device_ffn_special_suite(void)
{
    Suite *s = suite_create("device_ffn_special");
    TCase *sums = tcase_create("sums"), *values = tcase_create("values");
    tcase_add_loop_test(sums, sums_are_canonical, 0, 2);
    tcase_add_loop_test(sums, sums_that_cancel_are_canonical, 0, 2);
    tcase_add_loop_test(sums, huge_and_tiny_terms_are_summed_as_ieee_754_says, 0, 2);
    tcase_add_loop_test(sums, sums_of_subnormal_terms_are_kept_where_the_device_keeps_them, 0, 2);
    tcase_add_loop_test(sums, sums_of_minus_zeros_are_plus_zero, 0, 3);
    tcase_add_loop_test(sums, a_row_of_zeros_gives_the_bias, 0, DTYPES);
    tcase_add_test(values, no_rows_write_nothing_and_give_an_event_that_completes);
    tcase_add_loop_test(values, a_nan_in_x_stays_in_its_row, 0, 2);
    tcase_add_loop_test(values, a_nan_in_a_weight_of_the_projections_stays_in_its_column, 0, 2);
    tcase_add_test(values, a_nan_in_the_last_matrix_stays_in_its_column);
    tcase_add_loop_test(values, infinities_go_where_ieee_754_takes_them, 0, DTYPES);
    tcase_add_loop_test(values, any_bit_pattern_has_the_bits_of_the_emulation, 0, DTYPES);
    tcase_add_loop_test(values, h_stays_f32_whatever_the_dtypes, 0, DTYPES);
    suite_add_tcase(s, sums);
    suite_add_tcase(s, values);
    return s;
}
