/* device_ffn_check.c - clglu_check_ffn_forward: what its report says of a right device, and of wrong ones.
   SPDX-License-Identifier: MIT */

#include "device_ffn.h"

#include <math.h>
#include <string.h>

static clglu_status check(clglu_context *ctx, const ffn_case *c, clglu_ffn_report *r)
{
    clglu_ffn *ffn = ffn_create(ctx, c, FROM_HOST);
    clglu_status s = clglu_check_ffn_forward(ffn, &c->desc, &c->call, c->at[FX], r);
    ck_assert_msg(s == CLGLU_OK, "%s: %s", clglu_status_name(s), clglu_context_error(ctx));
    clglu_ffn_destroy(ffn);
    return s;
}

static ffn_case some_case(clglu_dtype t, ffn_lay lay)
{
    ffn_shape s = {.parts = GATED | BIASED,
                   .rows = 12,
                   .d_model = sized(140, 40),
                   .d_ff = sized(97, 35),
                   .d_out = 61,
                   .dtype = t,
                   .x_dtype = t,
                   .y_dtype = t,
                   .act = CLGLU_ACT_GELU,
                   .lay = lay,
                   .seed = 160};
    return ffn_new(&s);
}

static void expect_good(const clglu_ffn_report *r, const ffn_case *c)
{
    char text[600];
    ffn_describe(c, text, sizeof text);
    ck_assert_msg(r->count == c->call.rows * ffn_cols(c, FY), "%llu results compared; %s",
                  (unsigned long long)r->count, text);
    ck_assert_msg(r->outside == 0 && r->bits_differ == 0,
                  "%llu outside, %llu bits differ, the worst %g of its bound at "
                  "(%zu, %zu): got %a, wanted %a, bound %g; %s",
                  (unsigned long long)r->outside, (unsigned long long)r->bits_differ, r->max_ratio,
                  r->worst_row, r->worst_col, r->worst_got, r->worst_want, r->worst_bound, text);
    ck_assert_msg(r->max_ratio >= 0 && r->max_ratio <= 1, "%g; %s", r->max_ratio, text);
    ck_assert_msg(r->max_want > 0.1 && r->max_want < 100, "the largest result is %g; %s", r->max_want, text);
    ck_assert_msg(r->max_abs >= fabs(r->worst_got - r->worst_want) && r->max_abs < 0.1, "%g; %s", r->max_abs,
                  text);
    ck_assert_uint_lt(r->worst_row, c->call.rows);
    ck_assert_uint_lt(r->worst_col, ffn_cols(c, FY));
}

START_TEST(a_right_device_has_nothing_outside_and_no_bits_that_differ)
{
    clglu_dtype t = (clglu_dtype)digit(&_i, DTYPES);
    ffn_case c = some_case(t, (ffn_lay)_i), before = ffn_copy(&c);
    clglu_ffn_report r;
    memset(&r, CANARY, sizeof r);
    check(context(), &c, &r);
    expect_good(&r, &c);
    expect_ffn_same(&c, &before, "x is only read");
    ffn_free(&before);
    ffn_free(&c);
}
END_TEST

START_TEST(every_choice_is_checked)
{
    ffn_case c = some_case(CLGLU_BF16, DENSE);
    clglu_ffn *ffn = ffn_create(context(), &c, FROM_DEVICE);
    clglu_ffn_choice choices[FFN_CHOICES];
    size_t n = ffn_choices(ffn, c.call.rows, choices);
    for (size_t i = 0; i < n; i++) {
        clglu_ffn_report r;
        c.call.choice = choices[i];
        ck_assert_int_eq(clglu_check_ffn_forward(ffn, &c.desc, &c.call, c.at[FX], &r), CLGLU_OK);
        expect_good(&r, &c);
    }
    clglu_ffn_destroy(ffn);
    ffn_free(&c);
}
END_TEST

static size_t workspace_of(const clglu_ffn *ffn, const clglu_ffn_call *of)
{
    size_t bytes;
    ck_assert_int_eq(clglu_ffn_workspace(ffn, of, &bytes), CLGLU_OK);
    return bytes;
}

/* Other bits, within the same bounds; without CLBlast there is nothing to see. The second block has neither gate nor wd. */
START_TEST(the_route_clblast_is_within_the_bounds)
{
    ffn_shape gated = {.parts = GATED | BIASED, .rows = 37, .d_model = 40, .d_ff = 50, .act = CLGLU_ACT_GELU, .seed = 171};
    ffn_shape plain = {.parts = HAS_WA, .rows = 5, .d_model = 33, .d_ff = 70, .act = CLGLU_ACT_SILU, .seed = 172};
    ffn_case c = ffn_new(_i ? &plain : &gated);
    clglu_ffn *ffn;
    clglu_ffn_report r;
    c.desc.route = CLGLU_ROUTE_CLBLAST;
    clglu_status s = clglu_ffn_create(context(), &c.desc, &ffn);
    if (s == CLGLU_OK) {
        s = clglu_check_ffn_forward(ffn, &c.desc, &c.call, c.at[FX], &r);
        ck_assert_msg(s == CLGLU_OK, "%s: %s", clglu_status_name(s), clglu_context_error(context()));
        ck_assert_msg(r.count > 0 && r.outside == 0 && r.max_ratio <= 1, "%llu outside, %g of the bound", (unsigned long long)r.outside, r.max_ratio);
        size_t theirs = workspace_of(ffn, &c.call);
        clglu_ffn_destroy(ffn);
        c.desc.route = CLGLU_ROUTE_FUSED;
        ffn = ffn_create(context(), &c, FROM_HOST);
        ck_assert_msg(theirs != workspace_of(ffn, &c.call), "both routes ask for the same workspace: is it CLBlast that ran?");
        clglu_ffn_destroy(ffn);
    } else {
        ck_assert_int_eq(s, CLGLU_UNSUPPORTED);
    }
    ffn_free(&c);
}
END_TEST

START_TEST(a_check_refuses_what_it_cannot_do)
{
    ffn_case c = some_case(CLGLU_F32, DENSE);
    clglu_ffn *ffn = ffn_create(context(), &c, FROM_HOST);
    clglu_ffn_report r;
    const void *x = c.at[FX];
    ck_assert_int_eq(clglu_check_ffn_forward(NULL, &c.desc, &c.call, x, &r), CLGLU_NULL_POINTER);
    ck_assert_int_eq(clglu_check_ffn_forward(ffn, NULL, &c.call, x, &r), CLGLU_NULL_POINTER);
    ck_assert_int_eq(clglu_check_ffn_forward(ffn, &c.desc, NULL, x, &r), CLGLU_NULL_POINTER);
    ck_assert_int_eq(clglu_check_ffn_forward(ffn, &c.desc, &c.call, NULL, &r), CLGLU_NULL_POINTER);
    ck_assert_int_eq(clglu_check_ffn_forward(ffn, &c.desc, &c.call, x, NULL), CLGLU_NULL_POINTER);
    clglu_ffn_desc others[5] = {c.desc, c.desc, c.desc, c.desc, c.desc}; /* not what the block was made from */
    others[0].act = others[0].act == CLGLU_ACT_RELU ? CLGLU_ACT_GELU : CLGLU_ACT_RELU;
    others[1].gate = others[1].gate == CLGLU_ACT_TANH ? CLGLU_ACT_RELU : CLGLU_ACT_TANH;
    others[2].limit = others[2].limit + 3;
    others[3].shift = others[3].shift + 1;
    others[4].wd.host = NULL, others[4].bd.host = NULL;
    for (size_t i = 0; i < COUNT(others); i++)
        ck_assert_int_eq(clglu_check_ffn_forward(ffn, &others[i], &c.call, x, &r), CLGLU_INVALID_VALUE);
    c.call.x.ld = SIZE_MAX / 2;
    ck_assert_int_eq(clglu_check_ffn_forward(ffn, &c.desc, &c.call, x, &r), CLGLU_INVALID_SIZE);
    c.call.x.ld = 0;
    clglu_ffn_desc d = ffn_desc_on_device(context(), &c);
    ck_assert_int_eq(clglu_check_ffn_forward(ffn, &d, &c.call, x, &r), CLGLU_INVALID_VALUE);
    ffn_desc_release(&d);
    clglu_ffn_destroy(ffn);
    ffn_free(&c);
}
END_TEST

START_TEST(no_rows_have_nothing_to_compare)
{
    ffn_case c = some_case(CLGLU_F32, DENSE);
    clglu_ffn_report r;
    memset(&r, CANARY, sizeof r);
    c.call.rows = 0;
    check(context(), &c, &r);
    ck_assert(r.count == 0 && r.outside == 0 && r.bits_differ == 0 && r.max_ratio == 0 && r.max_abs == 0);
    ffn_free(&c);
}
END_TEST

/* ---------------------------------------------------------------- a check can fail */

/* The block has other weights than the descriptor says. */
START_TEST(a_weight_that_is_another_is_found_in_its_column)
{
    ffn_shape s = {.parts = HAS_WA, .rows = 5, .d_model = 30, .d_ff = 40, .seed = 161};
    ffn_case c = ffn_new(&s);
    clglu_ffn *ffn = ffn_create(context(), &c, FROM_HOST);
    clglu_ffn_report r;
    ffn_set_weight(&c, WA, 17, 33, ffn_weight(&c, WA, 17, 33) + 1);
    ck_assert_int_eq(clglu_check_ffn_forward(ffn, &c.desc, &c.call, c.at[FX], &r), CLGLU_OK);
    ck_assert_uint_eq(r.outside, 5);
    ck_assert_uint_eq(r.bits_differ, 5);
    ck_assert_uint_eq(r.worst_col, 33);
    ck_assert_msg(r.max_ratio > 100, "%g", r.max_ratio);
    clglu_ffn_destroy(ffn);
    ffn_free(&c);
}
END_TEST

/* y is x, of which one element is 3. */
static ffn_case one_three(size_t row, size_t col)
{
    ffn_shape s = {.parts = HAS_WA, .rows = 9, .d_model = 40, .d_ff = 40, .seed = 162};
    ffn_case c = ffn_new(&s);
    for (size_t k = 0; k < 40; k++)
        for (size_t n = 0; n < 40; n++) ffn_set_weight(&c, WA, k, n, k == n);
    ffn_set(&c, FX, row, col, 3);
    return c;
}

START_TEST(a_wrong_kernel_is_found_and_its_worst_element_named)
{
    folder f = folder_new();
    folder_change(&f, "finish.clh", "put_lanes(OUT, y,", "put_lanes(OUT, y + PICK(y == 3.0f, 1.0f, 0.0f),");
    ffn_case c = one_three(5, 37);
    clglu_ffn_report r;
    check(folder_open(&f), &c, &r);
    ck_assert_uint_eq(r.outside, 1);
    ck_assert_uint_eq(r.bits_differ, 1);
    ck_assert_msg(r.max_ratio > 1 && r.worst_row == 5 && r.worst_col == 37,
                  "the worst is %g of its bound at (%zu, %zu)", r.max_ratio, r.worst_row, r.worst_col);
    ck_assert_double_eq(r.worst_got, 4);
    ck_assert_double_eq(r.worst_want, 3);
    ck_assert_double_eq(r.max_abs, 1);
    ck_assert_double_eq(r.max_want, 3);
    ck_assert_msg(r.worst_bound > 0 && r.worst_bound < 1e-4, "%g", r.worst_bound);
    folder_free(&f);
    ffn_free(&c);
}
END_TEST

/* A constant that is off in its 12th bit: the kind of slip that a loose tolerance lets pass. */
START_TEST(a_wrong_factor_of_2_to_the_minus_12_is_found)
{
    folder f = folder_new();
    folder_change(&f, "finish.clh", "put_lanes(OUT, y,", "put_lanes(OUT, y * 0x1.001p+0f,");
    ffn_case c = one_three(0, 0);
    clglu_ffn_report r;
    check(folder_open(&f), &c, &r);
    ck_assert_msg(r.outside > r.count * 9 / 10, "%llu of %llu", (unsigned long long)r.outside,
                  (unsigned long long)r.count);
    folder_free(&f);
    ffn_free(&c);
}
END_TEST

START_TEST(a_last_bit_that_is_off_is_found_by_the_bits)
{
    folder f = folder_new();
    folder_change(&f, "finish.clh", "put_lanes(OUT, y,", "put_lanes(OUT, AS_REAL(AS_BITS(y) ^ 1u),");
    ffn_case c = one_three(0, 0);
    clglu_ffn_report r;
    check(folder_open(&f), &c, &r);
    ck_assert_uint_eq(r.bits_differ, r.count);
    ck_assert_uint_eq(r.outside, 0);
    folder_free(&f);
    ffn_free(&c);
}
END_TEST

START_TEST(nan_instead_of_numbers_is_outside)
{
    folder f = folder_new();
    folder_change(&f, "finish.clh", "put_lanes(OUT, y,", "put_lanes(OUT, AS_REAL(AS_BITS(y) | 0x7fc00000u),");
    ffn_case c = one_three(0, 0);
    clglu_ffn_report r;
    check(folder_open(&f), &c, &r);
    ck_assert_uint_eq(r.outside, r.count);
    ck_assert_uint_eq(r.bits_differ, r.count);
    ck_assert_msg(r.max_ratio > 1 && isnan(r.worst_got), "the worst is %g of its bound, got %g", r.max_ratio,
                  r.worst_got);
    folder_free(&f);
    ffn_free(&c);
}
END_TEST

/* Blocks of another length give another sum, which every bound allows: the bits alone tell. */
START_TEST(sums_in_another_order_are_found_by_the_bits)
{
    folder f = folder_new();
    folder_change(&f, "finish.clh", "#define BLOCK     128", "#define BLOCK     64");
    ffn_shape s = {.parts = HAS_WA, .rows = 4, .d_model = 500, .d_ff = 33, .seed = 163};
    ffn_case c = ffn_new(&s);
    clglu_ffn_report r;
    c.call.choice.form = CLGLU_FORM_GENERAL;
    check(folder_open(&f), &c, &r);
    ck_assert_uint_eq(r.outside, 0);
    ck_assert_msg(r.bits_differ > r.count / 4, "%llu of %llu", (unsigned long long)r.bits_differ,
                  (unsigned long long)r.count);
    folder_free(&f);
    ffn_free(&c);
}
END_TEST

Suite *device_ffn_check_suite(void)
{
    Suite *s = suite_create("device_ffn_check");
    TCase *t = tcase_create("check");
    tcase_add_loop_test(t, a_right_device_has_nothing_outside_and_no_bits_that_differ, 0, DTYPES * LAYS);
    tcase_add_test(t, every_choice_is_checked);
    tcase_add_test(t, a_check_refuses_what_it_cannot_do);
    tcase_add_loop_test(t, the_route_clblast_is_within_the_bounds, 0, 2);
    tcase_add_test(t, no_rows_have_nothing_to_compare);
    tcase_add_test(t, a_weight_that_is_another_is_found_in_its_column);
    tcase_add_test(t, a_wrong_kernel_is_found_and_its_worst_element_named);
    tcase_add_test(t, a_wrong_factor_of_2_to_the_minus_12_is_found);
    tcase_add_test(t, a_last_bit_that_is_off_is_found_by_the_bits);
    tcase_add_test(t, nan_instead_of_numbers_is_outside);
    tcase_add_test(t, sums_in_another_order_are_found_by_the_bits);
    suite_add_tcase(s, t);
    return s;
}
