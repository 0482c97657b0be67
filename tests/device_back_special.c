/* device_back_special.c - where the backward's NaNs and infinities go; any bit pattern, subnormal gradients:
   through every form of kernels. SPDX-License-Identifier: MIT */

#include "device_back.h"

#include <math.h>

/* ---------------------------------------------------------------- where a NaN goes */

/* It may be in one row or column of a gradient. */
typedef enum { NOWHERE, ROW, COLUMN, EVERYWHERE } reach;

enum { NAN_ROW = 130, NAN_IN = 17, NAN_FF = 33, NAN_OUT = 2, NAN_ROWS = 132 };

typedef enum { IN_DY, IN_X, IN_A, IN_WA, IN_WD } nan_place;

static const struct wanderer {
    const char *what;
    nan_place place;
    unsigned parts; /* beside biases */
    reach to[7];    /* from dx to dbd */
} wanderers[] = {
    {"dy", IN_DY, GATED, {ROW, EVERYWHERE, EVERYWHERE, COLUMN, EVERYWHERE, EVERYWHERE, COLUMN}},
    {"dy without wd", IN_DY, HAS_WA | HAS_WB, {ROW, COLUMN, COLUMN, NOWHERE, COLUMN, COLUMN, NOWHERE}},
    {"x", IN_X, GATED, {ROW, EVERYWHERE, EVERYWHERE, EVERYWHERE, EVERYWHERE, EVERYWHERE, NOWHERE}},
    {"x beside a and b",
     IN_X,
     GATED | ASK_A | ASK_B,
     {NOWHERE, ROW, ROW, NOWHERE, NOWHERE, NOWHERE, NOWHERE}},
    {"a", IN_A, GATED | ASK_A | ASK_B, {ROW, COLUMN, COLUMN, ROW, COLUMN, COLUMN, NOWHERE}},
    {"wa", IN_WA, GATED, {EVERYWHERE, COLUMN, COLUMN, ROW, COLUMN, COLUMN, NOWHERE}},
    {"wd", IN_WD, GATED, {EVERYWHERE, COLUMN, COLUMN, NOWHERE, COLUMN, COLUMN, NOWHERE}},
};

/* The same call with moderate numbers only. */
static const back_case *untouched;
static const struct wanderer *wanderer;

static bool is_reached(const back_case *c, back_array g, size_t row, size_t col)
{
    size_t rows[] = {NAN_ROW, NAN_IN, NAN_IN, NAN_FF}, out = back_has(c, WD) ? NAN_OUT : NAN_FF;
    size_t column = g == GDWD || g == GDBD ? out : NAN_FF;
    switch (wanderer->to[g - GDX]) {
    case ROW:
        return row == rows[g - GDX];
    case COLUMN:
        return col == column;
    case EVERYWHERE:
        return true;
    default:
        return false;
    }
}

static void goes_where_it_must(const back_case *in, const back_case *got)
{
    for (back_array g = GDX; g < GFLAG; g++)
        for (size_t r = 0; in->at[g] && r < back_rows(in, g); r++)
            for (size_t n = 0; n < back_cols(in, g); n++) {
                float is = back_get(got, g, r, n), was = back_get(untouched, g, r, n);
                bool reached = is_reached(in, g, r, n), same = bits_of_float(is) == bits_of_float(was);
                ck_assert_msg(reached ? isnan(is) : same, "a NaN in %s: %s (%zu, %zu) is %a, without it %a",
                              wanderer->what, back_name(g), r, n, (double)is, (double)was);
            }
    ck_assert_uint_eq(back_flag(got), 1);
}

static void put_nan(back_case *c, nan_place place)
{
    float nan = (float)NAN;
    switch (place) {
    case IN_DY:
        back_set(c, GDY, NAN_ROW, back_has(c, WD) ? NAN_OUT : NAN_FF, nan);
        break;
    case IN_X:
        back_set(c, GX, NAN_ROW, NAN_IN, nan);
        break;
    case IN_A:
        back_set(c, GA, NAN_ROW, NAN_FF, nan);
        break;
    case IN_WA:
        ffn_set_weight(&c->ffn, WA, NAN_IN, NAN_FF, nan);
        break;
    case IN_WD:
        ffn_set_weight(&c->ffn, WD, NAN_FF, NAN_OUT, nan);
        break;
    }
}

START_TEST(a_nan_goes_where_it_must_and_nowhere_else)
{
    wanderer = &wanderers[_i];
    bool down = wanderer->parts & HAS_WD;
    back_shape s = {.ffn = {.parts = wanderer->parts | HAS_BA | HAS_BB | (down ? HAS_BD : 0u),
                            .rows = NAN_ROWS,
                            .d_model = 19,
                            .d_ff = 35,
                            .d_out = 5,
                            .act = CLGLU_ACT_GELU,
                            .seed = 333},
                    .row_block = 128};
    back_case c = back_new(&s), before = back_emulated(&c);
    untouched = &before;
    put_nan(&c, wanderer->place);
    with_every_form(&c, goes_where_it_must, wanderer->what);
    back_free(&before);
    back_free(&c);
}
END_TEST

/* ---------------------------------------------------------------- infinities and other bits */

static void has_the_flag(const back_case *in, const back_case *got)
{
    (void)in;
    ck_assert_uint_eq(back_flag(got), 1);
}

/* Infinities of both signs in dy, x and all weights, and among zeros: 0 * inf is NaN, inf - inf too. */
START_TEST(infinities_go_where_ieee_754_takes_them)
{
    uint64_t state = 334;
    clglu_dtype t = (clglu_dtype)_i;
    back_shape s = {.ffn = {.parts = GATED | BIASED,
                            .rows = 5,
                            .d_model = 20,
                            .d_ff = 35,
                            .d_out = 33,
                            .dtype = t,
                            .y_dtype = t,
                            .act = CLGLU_ACT_GELU,
                            .seed = 335}};
    back_case c = back_new(&s);
    for (size_t i = 0; i < 4; i++) {
        float inf = one_in(&state, 2) ? (float)INFINITY : -(float)INFINITY;
        if (i % 2) back_set(&c, GX, i, random_below(&state, 20), inf);
        back_set(&c, GDY, i, random_below(&state, 33), -inf);
        ffn_set_weight(&c.ffn, WA, random_below(&state, 20), random_below(&state, 35), inf);
        ffn_set_weight(&c.ffn, WB, random_below(&state, 20), random_below(&state, 35), -inf);
        ffn_set_weight(&c.ffn, WD, random_below(&state, 35), random_below(&state, 33), inf);
    }
    back_set(&c, GX, 2, 5, 0);
    back_set(&c, GDY, 4, 7, 0);
    with_every_form(&c, has_the_flag, "infinities");
    back_free(&c);
}
END_TEST

static void be_wild(back_case *c, back_array g, uint64_t *state)
{
    clglu_dtype t = back_dtype(c, g);
    for (size_t r = 0; c->at[g] && r < back_rows(c, g); r++)
        for (size_t n = 0; n < back_cols(c, g); n++)
            back_set(c, g, r, n, number_of_bits(t, random_number(t, WILD, state)));
}

/* Any bit pattern in dy, x, a and b, the weights and the gradients that are added to. */
START_TEST(any_bit_pattern_has_the_bits_of_the_emulation)
{
    uint64_t state = 336;
    clglu_dtype t = (clglu_dtype)digit(&_i, DTYPES);
    back_shape s = {.ffn = {.parts = HAS_WA | HAS_WB | HAS_BA | HAS_BB | (_i ? ASK_A | ASK_B : 0u),
                            .rows = 3,
                            .d_model = 9,
                            .d_ff = 35,
                            .dtype = t,
                            .x_dtype = t,
                            .y_dtype = t,
                            .ab_dtype = t,
                            .act = CLGLU_ACT_GELU,
                            .seed = 337},
                    .dx_dtype = t,
                    .weights_dtype = t,
                    .accumulate = _i};
    back_case c = back_new(&s);
    for (back_array g = GDY; g < GFLAG; g++)
        if (g < GDX || s.accumulate) be_wild(&c, g, &state);
    for (size_t k = 0; k < 9; k++)
        for (size_t n = 0; n < 35; n++)
            ffn_set_weight(&c.ffn, WA, k, n, number_of_bits(t, random_number(t, WILD, &state)));
    if (clglu_context_facts(context())->subnormals) with_every_form(&c, NULL, "any bit pattern");
    back_free(&c);
}
END_TEST

/* dy is so small that all gradients are subnormal, or nearly. */
START_TEST(subnormal_gradients_are_kept_where_the_device_keeps_them)
{
    back_shape s = {.ffn = {.parts = GATED | BIASED,
                            .rows = 131,
                            .d_model = 7,
                            .d_ff = 35,
                            .d_out = 3,
                            .act = CLGLU_ACT_GELU,
                            .seed = 338},
                    .accumulate = _i,
                    .scale = 0x1p-100f};
    back_case c = back_new(&s);
    for (back_array g = GDY; g < GFLAG; g++)
        for (size_t r = 0; c.at[g] && g != GX && r < back_rows(&c, g); r++)
            for (size_t n = 0; n < back_cols(&c, g); n++)
                back_set(&c, g, r, n, ldexpf(back_get(&c, g, r, n), g == GDY ? -30 : -130));
    if (clglu_context_facts(context())->subnormals) with_every_form(&c, NULL, "subnormal gradients");
    back_free(&c);
}
END_TEST

Suite *device_back_special_suite(void)
{
    Suite *s = suite_create("device_back_special");
    TCase *values = tcase_create("values");
    tcase_add_loop_test(values, a_nan_goes_where_it_must_and_nowhere_else, 0, (int)COUNT(wanderers));
    tcase_add_loop_test(values, infinities_go_where_ieee_754_takes_them, 0, DTYPES);
    tcase_add_loop_test(values, any_bit_pattern_has_the_bits_of_the_emulation, 0, DTYPES * 2);
    tcase_add_loop_test(values, subnormal_gradients_are_kept_where_the_device_keeps_them, 0, 2);
    suite_add_tcase(s, values);
    return s;
}
