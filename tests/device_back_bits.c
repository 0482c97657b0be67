/* device_back_bits.c - the backward's bits are the emulation's, whatever the layouts, dtypes, shapes, routes
   and kernels, and near to the reference's numbers. SPDX-License-Identifier: MIT */

#include "device_back.h"
#include "device_back_pairs.h"

#include <stdio.h>

/* ---------------------------------------------------------------- any two properties together */

static const pair_numbers numbers = {.rows = {1, 3, 16, 127, 128, 129, 256, 300},
                                     .sizes = {1, 7, 33, 64, 128, 129, 200},
                                     .small_rows = {1, 2, 3, 4, 5, 7, 9, 130},
                                     .small_sizes = {1, 2, 3, 5, 7, 9, 33}};
static const float scales[BACK_SCALES] = {0, 1024.5f, -0.375f};

static back_shape shape_of(const back_pair_case *p, uint64_t seed)
{
    const size_t *v = p->more;
    back_shape s = {.ffn = pair_shape(p->base.value, &numbers, seed),
                    .dx_dtype = (clglu_dtype)v[DX_TYPE],
                    .weights_dtype = v[OWN_TYPE] ? (clglu_dtype)p->base.value[WEIGHTS] : CLGLU_F32,
                    .order = (clglu_order)v[G_ORDER],
                    .layout = (clglu_layout)v[G_LAYOUT],
                    .offset = v[G_PLACE] ? 3 : 0,
                    .gap = v[G_PLACE] == 2,
                    .accumulate = v[ACCUMULATE],
                    .scale = scales[v[SCALE]],
                    .row_block = v[ROW_BLOCK] ? 512 : 128};
    for (more_property i = WANTS_DX; i <= WANTS_FLAG; i++)
        if (v[i]) s.asked |= ASKS(GDX + (i - WANTS_DX));
    return s;
}

/* Programs must be built for all of them: the first choice of each form, or the automatic one. */
static clglu_ffn_choice choice_of(const clglu_ffn *ffn, size_t rows, size_t number)
{
    static const clglu_ffn_form forms[PAIR_FORMS] = {CLGLU_FORM_AUTO, CLGLU_FORM_GENERAL, CLGLU_FORM_LOCAL,
                                                     CLGLU_FORM_SPLIT, CLGLU_FORM_TILE};
    clglu_ffn_choice choices[FFN_CHOICES];
    size_t n = ffn_choices(ffn, rows, choices);
    for (size_t i = 0; i < n; i++)
        if (choices[i].form == forms[number]) return choices[i];
    return choices[0];
}

static void pair_of_properties(const back_pair_case *p, size_t number)
{
    back_shape s = shape_of(p, number);
    back_case c = back_new(&s);
    char what[40];
    snprintf(what, sizeof what, "case %zu", number);
    clglu_ffn *ffn = ffn_create(context(), &c.ffn, (ffn_source)p->base.value[SOURCE]);
    c.call.choice = choice_of(ffn, s.ffn.rows, p->base.value[FORM]);
    expect_back_right(ffn, &c, (ffn_route)p->base.value[ROUTE], what);
    clglu_ffn_destroy(ffn);
    back_free(&c);
}

START_TEST(any_two_properties_together_have_the_bits_of_the_emulation)
{
    const back_pair_case *cases;
    back_pair_cases(&cases);
    pair_of_properties(&cases[_i], (size_t)_i);
}
END_TEST

START_TEST(any_two_properties_are_together_in_some_case) { expect_all_back_pairs(); }
END_TEST

/* ---------------------------------------------------------------- every form of the operator */

static void expect_shape_right(const back_shape *s, const char *what)
{
    back_case c = back_new(s);
    clglu_ffn *ffn = ffn_create(context(), &c.ffn, FROM_HOST);
    expect_back_right(ffn, &c, ON_BUFFERS, what);
    clglu_ffn_destroy(ffn);
    back_free(&c);
}

START_TEST(every_variant_has_the_bits_of_the_emulation)
{
    clglu_variant v;
    ck_assert_int_eq(clglu_variant_at((size_t)_i, &v), CLGLU_OK);
    back_shape s = {.ffn = {.parts = GATED | BIASED,
                            .rows = sized(140, 3),
                            .d_model = 20,
                            .d_ff = sized(70, 35),
                            .d_out = 10,
                            .dtype = (clglu_dtype)(_i % DTYPES),
                            .act = v.act,
                            .gate = v.gate,
                            .alpha = v.alpha,
                            .limit = v.limit,
                            .shift = v.shift,
                            .seed = 300},
                    .layout = CLGLU_ACT_SECOND,
                    .row_block = 128};
    expect_shape_right(&s, v.name);
}
END_TEST

START_TEST(every_activation_of_a_plain_block_has_the_bits_of_the_emulation)
{
    back_shape s = {.ffn = {.parts = HAS_WA | HAS_WD | HAS_BA,
                            .rows = sized(140, 3),
                            .d_model = 20,
                            .d_ff = sized(70, 35),
                            .d_out = 10,
                            .dtype = (clglu_dtype)(_i % DTYPES),
                            .act = (clglu_act)_i,
                            .seed = 301}};
    expect_shape_right(&s, act_name((clglu_act)_i));
}
END_TEST

/* d_ff 0 and d_out 0 have their meanings. */
START_TEST(sizes_of_zero_mean_what_the_header_says)
{
    back_shape s = {.ffn = {.parts = HAS_WB | HAS_WD,
                            .rows = 3,
                            .d_model = 37,
                            .d_ff = 37,
                            .act = CLGLU_ACT_GELU,
                            .gate = CLGLU_ACT_SIGMOID,
                            .seed = 302}};
    back_case c = back_new(&s);
    c.ffn.desc.d_ff = (size_t)_i * 37;
    clglu_ffn *ffn = ffn_create(context(), &c.ffn, FROM_HOST);
    expect_back_right(ffn, &c, ON_BUFFERS, "gelu(x) * sigmoid(x Wb)");
    clglu_ffn_destroy(ffn);
    back_free(&c);
}
END_TEST

/* Inputs may: each row of dy and x begins an element after the one before it. */
START_TEST(dy_and_x_may_name_an_element_twice)
{
    back_shape s = {
        .ffn = {.parts = GATED, .rows = 6, .d_model = 40, .d_ff = 34, .act = CLGLU_ACT_GELU, .seed = 303}};
    back_case c = back_new(&s);
    clglu_ffn *ffn = ffn_create(context(), &c.ffn, FROM_HOST);
    c.call.x.ld = c.ffn.call.x.ld = 1;
    c.call.dy.ld = 1;
    for (ffn_route route = ON_BUFFERS; route < ROUTES; route++)
        expect_back_right(ffn, &c, route, "windows of x and dy");
    clglu_ffn_destroy(ffn);
    back_free(&c);
}
END_TEST

START_TEST(the_worst_error_is_well_within_what_is_allowed)
{
    printf("backward: the largest error judged is %.3f of what is allowed\n", back_worst_ratio());
    ck_assert_msg(back_worst_ratio() > 0 && back_worst_ratio() <= 1, "%g", back_worst_ratio());
}
END_TEST

Suite *device_back_bits_suite(void)
{
    Suite *s = suite_create("device_back_bits");
    TCase *pairs = tcase_create("pairs"), *forms = tcase_create("forms"), *judged = tcase_create("judged");
    const back_pair_case *cases;
    tcase_add_test(pairs, any_two_properties_are_together_in_some_case);
    tcase_add_loop_test(pairs, any_two_properties_together_have_the_bits_of_the_emulation, 0,
                        (int)back_pair_cases(&cases));
    tcase_add_loop_test(forms, every_variant_has_the_bits_of_the_emulation, 0, (int)variant_count());
    tcase_add_loop_test(forms, every_activation_of_a_plain_block_has_the_bits_of_the_emulation, 0,
                        CLGLU_ACT_COUNT);
    tcase_add_loop_test(forms, sizes_of_zero_mean_what_the_header_says, 0, 2);
    tcase_add_test(forms, dy_and_x_may_name_an_element_twice);
    tcase_add_test(judged, the_worst_error_is_well_within_what_is_allowed);
    suite_add_tcase(s, pairs);
    suite_add_tcase(s, forms);
    suite_add_tcase(s, judged);
    return s;
}
