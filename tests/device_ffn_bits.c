/* device_ffn_bits.c - the block's bits are the emulation's, whatever the layouts, dtypes, shapes, routes and
   kernels, and within the reference's bound. SPDX-License-Identifier: MIT */

#include "device_ffn_pairs.h"

#include <stdio.h>

/* ---------------------------------------------------------------- any two properties together */

static const pair_numbers numbers = {.rows = {1, 2, 3, 5, 16, 17, 64, 129},
                                     .sizes = {1, 7, 64, 127, 128, 129, 1000},
                                     .small_rows = {1, 2, 3, 4, 5, 6, 7, 9},
                                     .small_sizes = {1, 2, 7, 31, 32, 33, 129}};

/* FORM 1, 2, 3 ... are the choices that the device has for so many rows, beginning anywhere. */
static clglu_ffn_choice choice_of(const clglu_ffn *ffn, size_t rows, size_t form, size_t turn)
{
    clglu_ffn_choice choices[FFN_CHOICES];
    size_t n = ffn_choices(ffn, rows, choices);
    /* cppcheck-suppress internalAstError ; it knows no such literal between ? and : */
    return form == 0 ? (clglu_ffn_choice){0} : choices[(form - 1 + turn) % n];
}

static void pair_of_properties(const size_t *v, size_t number)
{
    ffn_shape s = pair_shape(v, &numbers, number);
    ffn_case c = ffn_new(&s);
    char what[40];
    snprintf(what, sizeof what, "case %zu", number);
    clglu_ffn *ffn = ffn_create(context(), &c, (ffn_source)v[SOURCE]);
    c.call.choice = choice_of(ffn, s.rows, v[FORM], number);
    expect_ffn_right(ffn, &c, (ffn_route)v[ROUTE], what);
    clglu_ffn_destroy(ffn);
    ffn_free(&c);
}

START_TEST(any_two_properties_together_have_the_bits_of_the_emulation)
{
    const pair_case *cases;
    pair_cases(&cases);
    pair_of_properties(cases[_i].value, (size_t)_i);
}
END_TEST

START_TEST(any_two_properties_are_together_in_some_case) { expect_all_pairs(); }
END_TEST

/* ---------------------------------------------------------------- every choice, every form of the operator
 */

static void every_choice(const ffn_case *c, const char *what)
{
    clglu_ffn *ffn = ffn_create(context(), c, FROM_HOST);
    clglu_ffn_choice choices[FFN_CHOICES];
    size_t n = ffn_choices(ffn, c->call.rows, choices);
    ffn_case want = ffn_emulated(c), with = *c;
    expect_ffn_judged(&want, what);
    for (size_t i = 0; i < n; i++) {
        with.call.choice = choices[i];
        ffn_case got = ffn_made(context(), ffn, &with, ON_BUFFERS);
        expect_ffn_same(&got, &want, what);
        expect_ffn_no_stray(c, &got, what);
        ffn_free(&got);
    }
    ffn_free(&want);
    clglu_ffn_destroy(ffn);
}

/* Rows and columns at the edges of every tile. Each dtype has its own kernels: only a long run has all. */
START_TEST(every_choice_has_the_bits_of_the_emulation)
{
    static const size_t rows[] = {1, 2, 4, 7, 33, 130}, few[] = {1, 2, 3, 5, 8, 9};
    clglu_dtype t = (clglu_dtype)digit(&_i, DTYPES);
    size_t i = (size_t)_i;
    if (test_scale() != LONG && i % DTYPES != (size_t)t) return;
    ffn_shape s = {.parts = GATED | BIASED | ASK_A | ASK_B,
                   .rows = sized(rows[i], few[i]),
                   .d_model = sized(257, 65),
                   .d_ff = sized(131, 34),
                   .d_out = sized(69, 35),
                   .dtype = t,
                   .x_dtype = t,
                   .y_dtype = t,
                   .act = CLGLU_ACT_GELU,
                   .seed = 40 + i};
    ffn_case c = ffn_new(&s);
    every_choice(&c, "every choice");
    ffn_free(&c);
}
END_TEST

/* Their blocks of a canonical sum are full, short and many. */
START_TEST(long_sums_have_the_bits_of_the_emulation_with_every_choice)
{
    static const size_t lengths[] = {127, 128, 129, 256, 257, 1024, 5000};
    size_t n = sized(lengths[_i], lengths[_i] / 8 + 120);
    ffn_shape s = {.parts = HAS_WA | HAS_WB,
                   .rows = 3,
                   .d_model = n,
                   .d_ff = 33,
                   .dtype = CLGLU_F32,
                   .act = CLGLU_ACT_RELU,
                   .seed = 50};
    ffn_case c = ffn_new(&s);
    every_choice(&c, "long sums of the projections");
    ffn_free(&c);
    s = (ffn_shape){.parts = HAS_WA | HAS_WD,
                    .rows = 3,
                    .d_model = 2,
                    .d_ff = n,
                    .d_out = 1,
                    .act = CLGLU_ACT_RELU,
                    .seed = 51};
    c = ffn_new(&s);
    every_choice(&c, "a long sum of the last matrix");
    ffn_free(&c);
}
END_TEST

START_TEST(every_variant_has_the_bits_of_the_emulation)
{
    clglu_variant v;
    ck_assert_int_eq(clglu_variant_at((size_t)_i, &v), CLGLU_OK);
    ffn_shape s = {.parts = GATED | BIASED,
                   .rows = sized(6, 2),
                   .d_model = 40,
                   .d_ff = sized(150, 40),
                   .d_out = 10,
                   .dtype = (clglu_dtype)(_i % DTYPES),
                   .act = v.act,
                   .gate = v.gate,
                   .alpha = v.alpha,
                   .limit = v.limit,
                   .shift = v.shift,
                   .layout = CLGLU_ACT_FIRST,
                   .seed = 60};
    ffn_case c = ffn_new(&s);
    clglu_ffn *ffn = ffn_create(context(), &c, FROM_HOST);
    expect_ffn_right(ffn, &c, ON_BUFFERS, v.name);
    clglu_ffn_destroy(ffn);
    ffn_free(&c);
}
END_TEST

START_TEST(every_activation_of_a_plain_block_has_the_bits_of_the_emulation)
{
    ffn_shape s = {.parts = HAS_WA | HAS_WD | HAS_BA,
                   .rows = sized(6, 2),
                   .d_model = 40,
                   .d_ff = sized(150, 40),
                   .d_out = 10,
                   .dtype = (clglu_dtype)(_i % DTYPES),
                   .act = (clglu_act)_i,
                   .seed = 61};
    ffn_case c = ffn_new(&s);
    clglu_ffn *ffn = ffn_create(context(), &c, FROM_HOST);
    expect_ffn_right(ffn, &c, ON_BUFFERS, act_name((clglu_act)_i));
    clglu_ffn_destroy(ffn);
    ffn_free(&c);
}
END_TEST

/* d_ff 0 and d_out 0 have their meanings. */
START_TEST(sizes_of_zero_mean_what_the_header_says)
{
    ffn_shape s = {.parts = HAS_WB | HAS_WD,
                   .rows = 3,
                   .d_model = 37,
                   .d_ff = 37,
                   .act = CLGLU_ACT_GELU,
                   .gate = CLGLU_ACT_SIGMOID,
                   .seed = 62};
    ffn_case c = ffn_new(&s);
    c.desc.d_ff = (size_t)_i * 37;
    clglu_ffn *ffn = ffn_create(context(), &c, FROM_HOST);
    expect_ffn_right(ffn, &c, ON_BUFFERS, "gelu(x) * sigmoid(x Wb)");
    clglu_ffn_destroy(ffn);
    ffn_free(&c);
}
END_TEST

/* Each row of x begins one element after the one before it. */
START_TEST(x_may_name_an_element_twice)
{
    ffn_shape s = {.parts = GATED, .rows = 6, .d_model = 40, .d_ff = 34, .act = CLGLU_ACT_GELU, .seed = 114};
    ffn_case c = ffn_new(&s);
    clglu_ffn *ffn = ffn_create(context(), &c, FROM_HOST);
    c.call.x.ld = 1;
    for (ffn_route route = ON_BUFFERS; route < ROUTES; route++)
        expect_ffn_right(ffn, &c, route, "windows of x");
    clglu_ffn_destroy(ffn);
    ffn_free(&c);
}
END_TEST

START_TEST(the_worst_error_is_well_within_its_bound)
{
    printf("feed-forward: the largest error judged is %.3f of its bound\n", ffn_worst_ratio());
    ck_assert_msg(ffn_worst_ratio() > 0 && ffn_worst_ratio() <= 1, "%g", ffn_worst_ratio());
}
END_TEST

Suite *device_ffn_bits_suite(void)
{
    Suite *s = suite_create("device_ffn_bits");
    TCase *pairs = tcase_create("pairs"), *choices = tcase_create("choices"),
          *judged = tcase_create("judged");
    const pair_case *cases;
    tcase_add_test(pairs, any_two_properties_are_together_in_some_case);
    tcase_add_loop_test(pairs, any_two_properties_together_have_the_bits_of_the_emulation, 0,
                        (int)pair_cases(&cases));
    tcase_add_loop_test(choices, every_choice_has_the_bits_of_the_emulation, 0, DTYPES * 6);
    tcase_add_loop_test(choices, long_sums_have_the_bits_of_the_emulation_with_every_choice, 0, 7);
    tcase_add_loop_test(choices, every_variant_has_the_bits_of_the_emulation, 0, (int)variant_count());
    tcase_add_loop_test(choices, every_activation_of_a_plain_block_has_the_bits_of_the_emulation, 0,
                        CLGLU_ACT_COUNT);
    tcase_add_loop_test(choices, sizes_of_zero_mean_what_the_header_says, 0, 2);
    tcase_add_test(choices, x_may_name_an_element_twice);
    tcase_add_test(judged, the_worst_error_is_well_within_its_bound);
    suite_add_tcase(s, pairs);
    suite_add_tcase(s, choices);
    suite_add_tcase(s, judged);
    return s;
}
