/* host_backward_emulate.c - the backward's emulation beside naive loops: the same bits, whatever layout and strides.
   SPDX-License-Identifier: MIT */

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "host_backward.h"

enum { CASES = 250 };

static void emulate(back *s)
{
    s->arrays.overflow = &s->overflow;
    ck_assert_int_eq(clglu_emulate_ffn_backward(&s->b.desc, &s->call, &s->arrays), CLGLU_OK);
}

START_TEST(the_bits_are_those_of_naive_loops)
{
    uint64_t state = 3000u + (uint64_t)_i;
    back_case k = random_back_case(&state);
    back s = back_new(&k, &state);
    void *want[GRADIENTS];
    char text[700];
    describe_back(&k, text, sizeof text);
    bool overflow = naive_backward(&s, want);
    emulate(&s);
    for (int i = 0; i < GRADIENTS; i++) {
        clglu_dtype t = s.gradient[i].dtype;
        for (size_t j = 0; j < s.elements[i]; j++)
            if (!same_number(t, s.tensor[i], want[i], j))
                ck_abort_msg("%s: element %zu is %a, not %a; %s", gradient_names[i], j,
                             (double)number_at(t, s.tensor[i], j), (double)number_at(t, want[i], j), text);
        free(want[i]);
    }
    ck_assert_msg(s.overflow == overflow, "overflow is %u; %s", (unsigned)s.overflow, text);
    back_free(&s);
}
END_TEST

/* ---------------------------------------------------------------- one case to look at closely */

static back_case everything(void)
{
    back_case k = {.c = {.rows = 131, .d_model = 37, .d_ff = 70, .d_out = 67, .has_a = true, .has_b = true,
                         .has_d = true, .bias_a = true, .bias_b = true, .bias_d = true, .act = CLGLU_ACT_GELU_TANH}};
    want_all(&k);
    return k;
}

/* Two cases from one seed have the same numbers. */
static back new_back(const back_case *k)
{
    uint64_t state = 7;
    return back_new(k, &state);
}

static void expect_same(const back *s, const back *t, gradient_name name)
{
    const gradient *g = &s->gradient[name];
    for (size_t row = 0; row < g->rows; row++)
        for (size_t col = 0; col < g->cols; col++) {
            float p = gradient_number(s, name, row, col), q = gradient_number(t, name, row, col);
            if (memcmp(&p, &q, sizeof p) != 0)
                ck_abort_msg("%s: %zu, %zu: %a and %a", gradient_names[name], row, col, (double)p, (double)q);
        }
}

/* The gradients of two cases are the same numbers. */
static void expect_all_same(const back_case *one, const back_case *two)
{
    back s = new_back(one), t = new_back(two);
    emulate(&s);
    emulate(&t);
    for (int i = 0; i < GRADIENTS; i++) expect_same(&s, &t, (gradient_name)i);
    back_free(&s);
    back_free(&t);
}

START_TEST(a_gradient_does_not_depend_on_what_else_is_asked_for)
{
    back_case k = everything(), alone = k;
    for (int i = 0; i < GRADIENTS; i++) alone.wanted[i] = i == _i;
    back s = new_back(&k), t = new_back(&alone);
    void *before[GRADIENTS];
    for (int i = 0; i < GRADIENTS; i++) before[i] = tensor_copy(&t, (gradient_name)i);
    emulate(&s);
    emulate(&t);
    expect_same(&s, &t, (gradient_name)_i);
    for (int i = 0; i < GRADIENTS; i++) {
        if (i != _i) ck_assert_mem_eq(t.tensor[i], before[i], t.elements[i] * sizeof(float));
        free(before[i]);
    }
    back_free(&s);
    back_free(&t);
}
END_TEST

START_TEST(row_block_and_choice_do_not_matter)
{
    back_case k = everything();
    back s = new_back(&k), t = new_back(&k);
    t.call.row_block = 1;
    t.call.choice = (clglu_ffn_choice){CLGLU_FORM_SPLIT, 4, 2};
    emulate(&s);
    emulate(&t);
    for (int i = 0; i < GRADIENTS; i++) expect_same(&s, &t, (gradient_name)i);
    back_free(&s);
    back_free(&t);
}
END_TEST

START_TEST(packed_gradients_are_the_separate_ones)
{
    back_case k = everything(), packed = k;
    packed.order = (clglu_order)(_i % 2);
    packed.layout = (clglu_layout)(_i / 2);
    expect_all_same(&k, &packed);
}
END_TEST

START_TEST(a_and_b_stored_in_f32_are_those_computed_again)
{
    back_case k = everything(), stored = k;
    stored.stored = true;
    expect_all_same(&k, &stored);
}
END_TEST

/* x is not looked at then, if no gradient needs it. */
START_TEST(with_a_and_b_stored_x_is_needed_for_weights_alone)
{
    back_case k = everything(), stored = k;
    stored.stored = true;
    stored.wanted[DWA] = stored.wanted[DWB] = false;
    back s = new_back(&k), t = new_back(&stored);
    t.arrays.x = NULL;
    emulate(&s);
    emulate(&t);
    for (int i = 0; i < GRADIENTS; i++)
        if (stored.wanted[i]) expect_same(&s, &t, (gradient_name)i);
    back_free(&s);
    back_free(&t);
}
END_TEST

/* Whole blocks of a sum in the first call: then the second goes on where the first ended. */
START_TEST(accumulated_calls_are_one_call_if_rows_are_parted_at_multiples_of_128)
{
    back_case k = everything();
    k.c.rows = 300;
    k.accumulate = _i % 2;
    back s = new_back(&k), t = new_back(&k);
    size_t first = _i < 2 ? 128 : 256, inputs = k.c.d_model, outputs = k.c.d_out;
    emulate(&s);
    t.call.rows = first;
    emulate(&t);
    t.call.rows = 300 - first;
    t.call.accumulate = 1;
    t.call.x.offset = t.call.dx.offset = first * inputs;
    t.call.dy.offset = first * outputs;
    emulate(&t);
    for (int i = 0; i < GRADIENTS; i++) expect_same(&s, &t, (gradient_name)i);
    back_free(&s);
    back_free(&t);
}
END_TEST

/* Every gradient is linear in dy, and f32 is blind to powers of two. */
START_TEST(a_scale_of_1024_makes_gradients_1024_times_as_large)
{
    back_case k = everything();
    back s = new_back(&k), t = new_back(&k);
    t.call.scale = 1024;
    emulate(&s);
    emulate(&t);
    for (int i = 0; i < GRADIENTS; i++)
        for (size_t j = 0; j < s.elements[i]; j++)
            ck_assert_float_eq(1024 * ((float *)s.tensor[i])[j], ((float *)t.tensor[i])[j]);
    back_free(&s);
    back_free(&t);
}
END_TEST

START_TEST(a_16_bit_gradient_is_one_rounding_of_the_f32_gradient)
{
    back_case k = everything(), half;
    k.c.dtype = k.dx_dtype = _i % 2 ? CLGLU_F16 : CLGLU_BF16;
    half = k;
    half.weights_dtype = k.c.dtype;
    k.dx_dtype = CLGLU_F32;
    back s = new_back(&k), t = new_back(&half);
    emulate(&s);
    emulate(&t);
    for (int i = DX; i <= DWD; i++)
        for (size_t j = 0; j < s.elements[i]; j++) {
            uint16_t want;
            put_number(k.c.dtype, &want, 0, ((float *)s.tensor[i])[j]);
            ck_assert_uint_eq(((uint16_t *)t.tensor[i])[j], want);
        }
    back_free(&s);
    back_free(&t);
}
END_TEST

/* ---------------------------------------------------------------- the order of sums */

/* 2^24 swallows ones, but not a block of them. */
START_TEST(sums_over_rows_are_summed_in_blocks_of_128)
{
    enum { ROWS = 257 };
    static const float w = 1;
    float x[ROWS], dy[ROWS], dwa = 0x1p24f, dba = 0x1p24f;
    clglu_ffn_desc d = {.d_model = 1, .d_ff = 1, .act = CLGLU_ACT_IDENTITY, .wa = {.host = &w}, .ba = {.host = &w}};
    clglu_ffn_backward_call call = {.rows = ROWS};
    clglu_ffn_gradients_host g = {.dy = dy, .x = x, .dwa = &dwa, .dba = &dba};
    for (int r = 0; r < ROWS; r++) x[r] = dy[r] = 1;
    dy[0] = 0x1p24f;
    ck_assert_int_eq(clglu_emulate_ffn_backward(&d, &call, &g), CLGLU_OK);
    ck_assert_float_eq(dwa, 0x1p24f + 128); /* 127 ones lost, a block of 128 kept, one more lost to a tie */
    ck_assert_float_eq(dba, 0x1p24f + 128);
    call.accumulate = 1;
    dy[0] = 1;
    ck_assert_int_eq(clglu_emulate_ffn_backward(&d, &call, &g), CLGLU_OK);
    ck_assert_float_eq(dwa, 0x1p24f + 3 * 128); /* it begins with what was there, then two blocks and a one that is lost */
    ck_assert_float_eq(dba, 0x1p24f + 3 * 128);
}
END_TEST

/* One sum over da and db: a block of 128 terms does not end where da does. */
START_TEST(the_terms_of_dx_are_blocks_over_da_and_db_together)
{
    enum { FF = 100 };
    float w[FF], dy[FF], dx, ones[FF];
    static const float x = 1;
    clglu_ffn_desc d = {.d_model = 1, .d_ff = FF, .act = CLGLU_ACT_IDENTITY, .wa = {.host = ones}, .wb = {.host = w}};
    clglu_ffn_backward_call call = {.rows = 1};
    clglu_ffn_gradients_host g = {.dy = dy, .x = &x, .dx = &dx};
    for (int f = 0; f < FF; f++) w[f] = ones[f] = dy[f] = 1;
    dy[0] = 0x1p24f; /* term 0: da = 2^24; term 100: db = 2^24, in the same block */
    ck_assert_int_eq(clglu_emulate_ffn_backward(&d, &call, &g), CLGLU_OK);
    ck_assert_float_eq(dx, 0x1p25f + 72); /* 99 + 27 ones lost in the first block, 72 are the second */
}
END_TEST

START_TEST(without_wa_dx_begins_with_da)
{
    enum { D = 3 };
    static const float x[D] = {2, 3, 4}, w[D * D] = {0}, dy[D] = {1, 10, 100};
    float dx[D], want[D] = {0.5f, 5, 50}; /* dy * sigmoid(0), and x sigmoid'(0) dy passes no weight */
    clglu_ffn_desc d = {.d_model = D, .act = CLGLU_ACT_IDENTITY, .gate = CLGLU_ACT_SIGMOID, .wb = {.host = w}};
    clglu_ffn_backward_call call = {.rows = 1};
    clglu_ffn_gradients_host g = {.dy = dy, .x = x, .dx = dx};
    ck_assert_int_eq(clglu_emulate_ffn_backward(&d, &call, &g), CLGLU_OK);
    ck_assert_mem_eq(dx, want, sizeof dx);
}
END_TEST

/* ---------------------------------------------------------------- special values */

START_TEST(a_nan_in_dy_stays_in_its_row_of_dx)
{
    back_case k = everything();
    back s = new_back(&k), t = new_back(&k);
    ((float *)t.inputs[0])[40 * k.c.d_out + 3] = NAN;
    emulate(&s);
    emulate(&t);
    for (size_t i = 0; i < k.c.rows * k.c.d_model; i++) {
        float p = gradient_number(&s, DX, 0, i), q = gradient_number(&t, DX, 0, i);
        ck_assert(i / k.c.d_model == 40 ? isnan(q) : p == q);
    }
    ck_assert_uint_eq(s.overflow, 0);
    ck_assert_uint_eq(t.overflow, 1);
    back_free(&s);
    back_free(&t);
}
END_TEST

typedef struct overflow_row {
    const char *what;
    float dy, old;
    clglu_dtype dx_dtype, weights_dtype;
    int accumulate;
    bool dx, dwa, dba;
    uint32_t overflow;
} overflow_row;

/* y = x 2 with x = 1: dx = 2 dy, dwa = dy, dba = dy, of a block of f16 weights. */
static const overflow_row overflows[] = {
    {"nothing large", 3, 0, CLGLU_F32, CLGLU_F32, 0, true, true, true, 0},
    {"the largest f16s", 65504, 0, CLGLU_F32, CLGLU_F16, 0, true, true, true, 0},
    {"a dwa that rounds down to an f16", 65519, 0, CLGLU_F32, CLGLU_F16, 0, true, true, true, 0},
    {"a dwa that rounds up to infinity", 65520, 0, CLGLU_F32, CLGLU_F16, 0, true, true, true, 1},
    {"the same in f32", 65520, 0, CLGLU_F32, CLGLU_F32, 0, true, true, true, 0},
    {"the same, not asked for", 65520, 0, CLGLU_F32, CLGLU_F16, 0, true, false, true, 0},
    {"a dx of f16 beyond it", 40000, 0, CLGLU_F16, CLGLU_F16, 0, true, true, true, 1},
    {"the same, not asked for", 40000, 0, CLGLU_F16, CLGLU_F16, 0, false, true, true, 0},
    {"a dx of f32 beyond it", 0x1p127f, 0, CLGLU_F32, CLGLU_F32, 0, true, true, true, 1},
    {"the same, not asked for", 0x1p127f, 0, CLGLU_F32, CLGLU_F32, 0, false, true, true, 0},
    {"infinity in dba alone", INFINITY, 0, CLGLU_F32, CLGLU_F32, 0, false, false, true, 1},
    {"NaN in dx alone", NAN, 0, CLGLU_F32, CLGLU_F32, 0, true, false, false, 1},
    {"NaN in dwa alone", NAN, 0, CLGLU_BF16, CLGLU_F16, 0, false, true, false, 1},
    {"an old infinity, not kept", 1, INFINITY, CLGLU_F32, CLGLU_F32, 0, true, true, true, 0},
    {"an old infinity, kept", 1, INFINITY, CLGLU_F32, CLGLU_F32, 1, false, true, false, 1},
    {"an old infinity in dba, kept", 1, INFINITY, CLGLU_F32, CLGLU_F32, 1, false, false, true, 1},
    {"an old infinity in dx, which is never kept", 1, INFINITY, CLGLU_F32, CLGLU_F32, 1, true, false, false, 0},
    {"an f16 that overflows by what was there", 40000, 40000, CLGLU_F32, CLGLU_F16, 1, true, true, true, 1},
    {"an f16 that what was there brings back", 70000, -40000, CLGLU_F32, CLGLU_F16, 1, true, true, true, 0},
};

START_TEST(overflow_is_1_if_a_gradient_of_the_call_is_infinite_or_nan)
{
    const overflow_row *row = &overflows[_i];
    uint16_t w, bias;
    float x = 1, dx, dwa, dba = row->old;
    uint32_t overflow = 7;
    put_number(CLGLU_F16, &w, 0, 2);
    put_number(CLGLU_F16, &bias, 0, 0);
    put_number(row->weights_dtype, &dwa, 0, row->old);
    put_number(row->dx_dtype, &dx, 0, row->old);
    clglu_ffn_desc d = {.d_model = 1, .d_ff = 1, .act = CLGLU_ACT_IDENTITY, .dtype = CLGLU_F16, .wa = {.host = &w},
                        .ba = {.host = &bias}};
    clglu_ffn_backward_call call = {.rows = 1, .dx_dtype = row->dx_dtype, .weights_dtype = row->weights_dtype,
                                    .accumulate = row->accumulate};
    clglu_ffn_gradients_host g = {.dy = &row->dy, .x = &x, .dx = row->dx ? &dx : NULL, .dwa = row->dwa ? &dwa : NULL,
                                  .dba = row->dba ? &dba : NULL, .overflow = &overflow};
    ck_assert_int_eq(clglu_emulate_ffn_backward(&d, &call, &g), CLGLU_OK);
    ck_assert_msg(overflow == row->overflow, "%s: %u", row->what, (unsigned)overflow);
}
END_TEST

START_TEST(no_rows_write_nothing_but_overflow)
{
    back_case k = everything();
    k.accumulate = _i;
    back s = new_back(&k), t = new_back(&k);
    s.call.rows = 0;
    emulate(&s);
    for (int i = 0; i < GRADIENTS; i++) expect_same(&s, &t, (gradient_name)i);
    ck_assert_uint_eq(s.overflow, 0);
    s.arrays.overflow = NULL;
    ck_assert_int_eq(clglu_emulate_ffn_backward(&s.b.desc, &s.call, &s.arrays), CLGLU_OK);
    back_free(&s);
    back_free(&t);
}
END_TEST

Suite *backward_emulate_suite(void);
Suite *backward_emulate_suite(void)
{
    Suite *s = suite_create("backward_emulate");
    TCase *t = tcase_create("backward");
    tcase_set_timeout(t, 60);
    tcase_add_loop_test(t, the_bits_are_those_of_naive_loops, 0, CASES);
    tcase_add_loop_test(t, a_gradient_does_not_depend_on_what_else_is_asked_for, 0, GRADIENTS);
    tcase_add_test(t, row_block_and_choice_do_not_matter);
    tcase_add_loop_test(t, packed_gradients_are_the_separate_ones, 0, 8);
    tcase_add_test(t, a_and_b_stored_in_f32_are_those_computed_again);
    tcase_add_test(t, with_a_and_b_stored_x_is_needed_for_weights_alone);
    tcase_add_loop_test(t, accumulated_calls_are_one_call_if_rows_are_parted_at_multiples_of_128, 0, 4);
    tcase_add_test(t, a_scale_of_1024_makes_gradients_1024_times_as_large);
    tcase_add_loop_test(t, a_16_bit_gradient_is_one_rounding_of_the_f32_gradient, 0, 2);
    tcase_add_test(t, sums_over_rows_are_summed_in_blocks_of_128);
    tcase_add_test(t, the_terms_of_dx_are_blocks_over_da_and_db_together);
    tcase_add_test(t, without_wa_dx_begins_with_da);
    tcase_add_test(t, a_nan_in_dy_stays_in_its_row_of_dx);
    tcase_add_loop_test(t, overflow_is_1_if_a_gradient_of_the_call_is_infinite_or_nan, 0,
                        (int)(sizeof overflows / sizeof *overflows));
    tcase_add_loop_test(t, no_rows_write_nothing_but_overflow, 0, 2);
    suite_add_tcase(s, t);
    return s;
}
