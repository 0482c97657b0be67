/* device_back_flag.c - the backward's flag: 1 if a gradient of the call is infinite or NaN, else 0; and calls
   of no rows. SPDX-License-Identifier: MIT */

#include "device_back.h"

#include <math.h>

static void expect_flag(clglu_ffn *ffn, const back_case *c, uint32_t flag, const char *what)
{
    for (ffn_route route = ON_BUFFERS; route < ROUTES; route++) {
        back_case got = back_made(context(), ffn, c, route), want = back_emulated(c);
        ck_assert_msg(back_flag(&got) == flag, "%s: the flag is %u by route %d", what,
                      (unsigned)back_flag(&got), (int)route);
        expect_back_same(&got, &want, what);
        back_free(&got);
        back_free(&want);
    }
}

static back_shape small_shape(clglu_dtype t)
{
    return (back_shape){.ffn = {.parts = GATED | BIASED,
                                .rows = 5,
                                .d_model = 9,
                                .d_ff = 35,
                                .d_out = 6,
                                .dtype = t,
                                .act = CLGLU_ACT_GELU,
                                .lay = STRIDED,
                                .seed = 350},
                        .layout = CLGLU_INTERLEAVED,
                        .offset = 3,
                        .gap = 1,
                        .weights_dtype = t};
}

/* The gaps hold NaN. */
START_TEST(the_flag_is_0_for_finite_gradients_whatever_lies_between_them)
{
    back_shape s = small_shape((clglu_dtype)digit(&_i, DTYPES));
    s.accumulate = _i;
    back_case c = back_new(&s);
    clglu_ffn *ffn = ffn_create(context(), &c.ffn, FROM_HOST);
    expect_flag(ffn, &c, 0, "finite gradients");
    clglu_ffn_destroy(ffn);
    back_free(&c);
}
END_TEST

/* In the first or last element of one gradient; then where that gradient is not asked for. */
START_TEST(one_element_of_any_gradient_sets_the_flag)
{
    static const float wrong[] = {(float)INFINITY, -(float)INFINITY, (float)NAN};
    back_array g = (back_array)(GDWA + digit(&_i, GFLAG - GDWA));
    bool last = digit(&_i, 2);
    back_shape s = small_shape((clglu_dtype)_i);
    s.accumulate = true;
    back_case c = back_new(&s);
    clglu_ffn *ffn = ffn_create(context(), &c.ffn, FROM_HOST);
    back_set(&c, g, last ? back_rows(&c, g) - 1 : 0, last ? back_cols(&c, g) - 1 : 0, wrong[_i]);
    expect_flag(ffn, &c, 1, back_name(g));
    back_drop(&c, g);
    expect_flag(ffn, &c, 0, "the others");
    c.call.accumulate = 0;
    expect_flag(ffn, &c, 0, "anew");
    clglu_ffn_destroy(ffn);
    back_free(&c);
}
END_TEST

/* The finite sum of f32 is too large for f16. */
START_TEST(dx_that_f16_does_not_hold_sets_the_flag)
{
    back_shape s = small_shape(CLGLU_F32);
    s.dx_dtype = _i ? CLGLU_F16 : CLGLU_F32;
    s.scale = 1e6f;
    s.asked = ASKS(GDX) | ASKS(GFLAG);
    back_case c = back_new(&s);
    clglu_ffn *ffn = ffn_create(context(), &c.ffn, FROM_HOST);
    expect_flag(ffn, &c, (uint32_t)_i, "a large dx");
    clglu_ffn_destroy(ffn);
    back_free(&c);
}
END_TEST

/* y = x Wa, x is 1 and g is `large` in one element: dwa is `large` there, and 0 elsewhere. */
static back_case with_large(float large, clglu_dtype dtype, bool adds)
{
    back_shape s = {
        .ffn = {.parts = HAS_WA, .rows = 3, .d_model = 2, .d_ff = 35, .dtype = dtype, .seed = 351},
        .asked = ASKS(GDWA) | ASKS(GFLAG),
        .weights_dtype = dtype,
        .accumulate = adds};
    back_case c = back_new(&s);
    for (size_t r = 0; r < 3; r++) {
        for (size_t k = 0; k < 2; k++) back_set(&c, GX, r, k, 1);
        for (size_t f = 0; f < 35; f++) back_set(&c, GDY, r, f, r == 2 && f == 34 ? large : 0);
    }
    return c;
}

static void expect_large(float large, clglu_dtype dtype, float old, uint32_t flag)
{
    back_case c = with_large(large, dtype, old != 0);
    clglu_ffn *ffn = ffn_create(context(), &c.ffn, FROM_HOST);
    for (size_t k = 0; old != 0 && k < 2; k++)
        for (size_t f = 0; f < 35; f++) back_set(&c, GDWA, k, f, old);
    expect_flag(ffn, &c, flag, "a large dwa");
    clglu_ffn_destroy(ffn);
    back_free(&c);
}

/* 65520 is half-way to what f16 would have next: it rounds to infinity. */
START_TEST(weights_gradients_that_become_infinite_set_the_flag)
{
    expect_large(65519, CLGLU_F16, 0, 0);
    expect_large(65520, CLGLU_F16, 0, 1);
    expect_large(65520, CLGLU_F32, 0, 0);
    expect_large(65520, CLGLU_BF16, 0, 0);
    expect_large(0x1.ffp127f, CLGLU_BF16, 0, 1);
    expect_large(0x1.ffp127f, CLGLU_F32, 0, 0);
}
END_TEST

START_TEST(sums_that_become_infinite_with_what_a_gradient_holds_set_the_flag)
{
    expect_large(60000, CLGLU_F16, 4000, 0);
    expect_large(60000, CLGLU_F16, 6000, 1);
    expect_large(3e38f, CLGLU_F32, 1e37f, 0);
    expect_large(3e38f, CLGLU_F32, 1e38f, 1);
}
END_TEST

/* Scaled up and down again: what a trainer does with the flag. */
START_TEST(a_smaller_scale_keeps_the_flag_at_0)
{
    back_case c = with_large(1, CLGLU_F16, false);
    clglu_ffn *ffn = ffn_create(context(), &c.ffn, FROM_HOST);
    c.call.scale = 0x1p16f;
    expect_flag(ffn, &c, 1, "scale 2^16");
    c.call.scale = 0x1p15f;
    expect_flag(ffn, &c, 0, "scale 2^15");
    clglu_ffn_destroy(ffn);
    back_free(&c);
}
END_TEST

/* ---------------------------------------------------------------- no rows */

START_TEST(no_rows_write_the_flag_alone_and_give_an_event_that_completes)
{
    back_shape s = small_shape(CLGLU_F32);
    s.accumulate = digit(&_i, 2);
    if (_i) s.ffn.parts |= ASK_A | ASK_B;
    back_case c = back_new(&s), want = back_copy(&c), after = back_copy(&c);
    clglu_ffn *ffn = ffn_create(context(), &c.ffn, FROM_HOST);
    c.call.rows = want.call.rows = after.call.rows = 0;
    *(uint32_t *)want.at[GFLAG] = 0;
    back_buffers b = back_buffers_new(context(), &c);
    cl_event event = NULL;
    ck_assert_int_eq(back_enqueue(ffn, &c, NULL, &b, NULL, 0, NULL, &event), CLGLU_OK);
    ck_assert_ptr_nonnull(event);
    ck_assert_int_eq(clWaitForEvents(1, &event), CL_SUCCESS);
    clReleaseEvent(event);
    back_buffers_read(context(), &after, &b);
    expect_back_same(&after, &want, "no rows on buffers");
    back_buffers_free(&b);
    back_case host = back_made(context(), ffn, &c, ON_HOST), emulated = back_emulated(&c);
    expect_back_same(&host, &want, "no rows on the host");
    expect_back_same(&emulated, &want, "no rows in the emulation");
    clglu_ffn_destroy(ffn);
    back_case *all[] = {&host, &emulated, &after, &want, &c};
    for (size_t i = 0; i < COUNT(all); i++) back_free(all[i]);
}
END_TEST

START_TEST(no_rows_and_no_flag_give_an_event_too)
{
    back_shape s = small_shape(CLGLU_F32);
    s.asked = ASK_GRADIENTS;
    back_case c = back_new(&s);
    clglu_ffn *ffn = ffn_create(context(), &c.ffn, FROM_HOST);
    c.call.rows = 0;
    back_buffers b = back_buffers_new(context(), &c);
    cl_event event = NULL;
    ck_assert_int_eq(back_enqueue(ffn, &c, NULL, &b, NULL, 0, NULL, &event), CLGLU_OK);
    ck_assert_ptr_nonnull(event);
    ck_assert_int_eq(clWaitForEvents(1, &event), CL_SUCCESS);
    clReleaseEvent(event);
    back_buffers_free(&b);
    clglu_ffn_destroy(ffn);
    back_free(&c);
}
END_TEST

Suite *device_back_flag_suite(void)
{
    Suite *s = suite_create("device_back_flag");
    TCase *flag = tcase_create("flag"), *none = tcase_create("none");
    tcase_add_loop_test(flag, the_flag_is_0_for_finite_gradients_whatever_lies_between_them, 0, DTYPES * 2);
    tcase_add_loop_test(flag, one_element_of_any_gradient_sets_the_flag, 0, (GFLAG - GDWA) * 2 * DTYPES);
    tcase_add_loop_test(flag, dx_that_f16_does_not_hold_sets_the_flag, 0, 2);
    tcase_add_test(flag, weights_gradients_that_become_infinite_set_the_flag);
    tcase_add_test(flag, sums_that_become_infinite_with_what_a_gradient_holds_set_the_flag);
    tcase_add_test(flag, a_smaller_scale_keeps_the_flag_at_0);
    tcase_add_loop_test(none, no_rows_write_the_flag_alone_and_give_an_event_that_completes, 0, 2 * 2);
    tcase_add_test(none, no_rows_and_no_flag_give_an_event_too);
    suite_add_tcase(s, flag);
    suite_add_tcase(s, none);
    return s;
}
