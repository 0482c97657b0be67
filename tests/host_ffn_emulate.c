/* host_ffn_emulate.c - the block's emulation beside naive loops: the same bits, whatever the layout, the strides and the rows.
   SPDX-License-Identifier: MIT */

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "host_ffn.h"

enum { CASES = 150 };

static clglu_status emulate(const block *b, results *r)
{
    return clglu_emulate_ffn_forward(&b->desc, &b->call, b->tensor[INPUT], r->y, b->c.has_a ? r->a : NULL,
                                     b->c.has_b ? r->b : NULL);
}

static void expect_same(const char *what, const block *b, clglu_dtype t, const void *got, const void *want, size_t bytes)
{
    char text[400];
    describe_case(&b->c, text, sizeof text);
    for (size_t i = 0; i < bytes / dtype_bytes(t); i++)
        ck_assert_msg(same_number(t, got, want, i), "%s: element %zu is %a, not %a; %s", what, i,
                      (double)number_at(t, got, i), (double)number_at(t, want, i), text);
}

START_TEST(the_bits_are_those_of_naive_loops)
{
    uint64_t state = 1000u + (uint64_t)_i;
    block_case c = random_case(&state);
    block b = block_new(&c, &state);
    results got = results_new(&b), want = results_new(&b);
    ck_assert_int_eq(emulate(&b, &got), CLGLU_OK);
    naive_block(&b, &want);
    expect_same("y", &b, c.y_dtype, got.y, want.y, got.y_bytes);
    expect_same("a", &b, c.ab_dtype, got.a, want.a, got.ab_bytes);
    expect_same("b", &b, c.ab_dtype, got.b, want.b, got.ab_bytes);
    results_free(&got);
    results_free(&want);
    block_free(&b);
}
END_TEST

/* ---------------------------------------------------------------- a dense block to look at closely */

static const block_case gated = {.rows = 131, .d_model = 130, .d_ff = 70, .d_out = 67, .has_a = true, .has_b = true,
                                 .has_d = true, .bias_a = true, .bias_b = true, .bias_d = true,
                                 .act = CLGLU_ACT_GELU_TANH};

static block new_block(block_case c)
{
    uint64_t state = 7;
    return block_new(&c, &state);
}

/* y of the block as it is, a and b not asked for; to be freed. */
static void *y_of(const block *b)
{
    results r = results_new(b);
    ck_assert_int_eq(clglu_emulate_ffn_forward(&b->desc, &b->call, b->tensor[INPUT], r.y, NULL, NULL), CLGLU_OK);
    free(r.a);
    free(r.b);
    return r.y;
}

START_TEST(a_row_does_not_depend_on_the_others)
{
    block b = new_block(gated);
    float *all = y_of(&b), alone[67];
    for (size_t row = 0; row < gated.rows; row += 13) {
        clglu_ffn_call one = {.rows = 1, .x = {row * gated.d_model, 0, 0}};
        ck_assert_int_eq(clglu_emulate_ffn_forward(&b.desc, &one, b.tensor[INPUT], alone, NULL, NULL), CLGLU_OK);
        ck_assert_mem_eq(alone, all + row * gated.d_out, sizeof alone);
    }
    free(all);
    block_free(&b);
}
END_TEST

START_TEST(a_column_does_not_depend_on_the_others)
{
    block b = new_block(gated);
    float *all = y_of(&b), column[131];
    clglu_ffn_desc narrow = b.desc;
    narrow.d_out = 1;
    for (size_t col = 0; col < gated.d_out; col += 11) {
        narrow.wd.view.offset = b.desc.wd.view.offset + col * b.desc.wd.view.inc;
        narrow.bd.offset = col;
        ck_assert_int_eq(clglu_emulate_ffn_forward(&narrow, &b.call, b.tensor[INPUT], column, NULL, NULL), CLGLU_OK);
        for (size_t row = 0; row < gated.rows; row++)
            ck_assert_mem_eq(&column[row], &all[row * gated.d_out + col], sizeof(float));
    }
    free(all);
    block_free(&b);
}
END_TEST

START_TEST(row_block_and_choice_do_not_matter)
{
    block b = new_block(gated);
    void *want = y_of(&b);
    b.call.row_block = 1;
    b.call.choice = (clglu_ffn_choice){CLGLU_FORM_SPLIT, 4, 2};
    void *got = y_of(&b);
    ck_assert_mem_eq(got, want, gated.rows * gated.d_out * sizeof(float));
    free(got);
    free(want);
    block_free(&b);
}
END_TEST

START_TEST(a_16_bit_y_is_one_rounding_of_the_f32_y)
{
    block b = new_block(gated);
    float *full = y_of(&b);
    size_t count = gated.rows * gated.d_out;
    for (int t = CLGLU_F16; t <= CLGLU_BF16; t++) {
        uint16_t want;
        b.c.y_dtype = b.call.y_dtype = (clglu_dtype)t;
        uint16_t *got = y_of(&b);
        for (size_t i = 0; i < count; i++) {
            put_number((clglu_dtype)t, &want, 0, full[i]);
            ck_assert_uint_eq(got[i], want);
        }
        free(got);
    }
    free(full);
    block_free(&b);
}
END_TEST

/* The dtype of a and b is theirs alone: y does not see it. */
START_TEST(asking_for_a_and_b_does_not_change_y)
{
    block b = new_block(gated);
    void *want = y_of(&b);
    for (int t = CLGLU_F32; t <= CLGLU_BF16; t++) {
        b.c.ab_dtype = b.call.ab_dtype = (clglu_dtype)t;
        results r = results_new(&b);
        ck_assert_int_eq(emulate(&b, &r), CLGLU_OK);
        ck_assert_mem_eq(r.y, want, r.y_bytes);
        results_free(&r);
    }
    free(want);
    block_free(&b);
}
END_TEST

START_TEST(a_and_b_may_be_two_views_of_one_tensor)
{
    block b = new_block(gated);
    size_t d = gated.d_ff;
    results r = results_new(&b);
    float *packed = malloc(gated.rows * 2 * d * sizeof *packed);
    ck_assert_int_eq(emulate(&b, &r), CLGLU_OK);
    b.call.a = (clglu_view){0, 2 * d, 2};
    b.call.b = (clglu_view){1, 2 * d, 2};
    ck_assert_int_eq(clglu_emulate_ffn_forward(&b.desc, &b.call, b.tensor[INPUT], r.y, packed, packed), CLGLU_OK);
    for (size_t i = 0; i < gated.rows * d; i++) {
        ck_assert_mem_eq(&packed[2 * i], (float *)r.a + i, sizeof(float));
        ck_assert_mem_eq(&packed[2 * i + 1], (float *)r.b + i, sizeof(float));
    }
    free(packed);
    results_free(&r);
    block_free(&b);
}
END_TEST

START_TEST(weights_need_no_alignment)
{
    static const clglu_dtype dtypes[] = {CLGLU_F32, CLGLU_F16, CLGLU_BF16};
    block_case c = gated;
    c.dtype = dtypes[_i];
    block b = new_block(c);
    void *want = y_of(&b);
    clglu_weights *w[] = {&b.desc.wa, &b.desc.wb, &b.desc.wd};
    size_t bytes[] = {c.d_model * c.d_ff, c.d_model * c.d_ff, c.d_ff * c.d_out};
    char *odd[3];
    for (int i = 0; i < 3; i++) {
        odd[i] = malloc(bytes[i] * dtype_bytes(c.dtype) + 1);
        memcpy(odd[i] + 1, w[i]->host, bytes[i] * dtype_bytes(c.dtype));
        w[i]->host = odd[i] + 1;
    }
    void *got = y_of(&b);
    ck_assert_mem_eq(got, want, c.rows * c.d_out * sizeof(float));
    for (int i = 0; i < 3; i++) free(odd[i]);
    free(got);
    free(want);
    block_free(&b);
}
END_TEST

/* ---------------------------------------------------------------- special values */

START_TEST(a_nan_stays_in_its_row)
{
    block b = new_block(gated);
    float *clean = y_of(&b);
    ((float *)b.tensor[INPUT])[40 * gated.d_model + 3] = NAN;
    float *got = y_of(&b);
    for (size_t i = 0; i < gated.rows * gated.d_out; i++)
        ck_assert(i / gated.d_out == 40 ? isnan(got[i]) : memcmp(&got[i], &clean[i], sizeof *got) == 0);
    free(got);
    free(clean);
    block_free(&b);
}
END_TEST

START_TEST(a_nan_in_the_weights_of_projections_alone_stays_in_its_column)
{
    block_case c = gated;
    c.has_d = c.bias_d = false;
    block b = new_block(c);
    float *clean = y_of(&b);
    ((float *)b.tensor[UP])[9 * c.d_model + 3] = NAN; /* output 9, input 3 */
    float *got = y_of(&b);
    for (size_t i = 0; i < c.rows * c.d_ff; i++)
        ck_assert(i % c.d_ff == 9 ? isnan(got[i]) : memcmp(&got[i], &clean[i], sizeof *got) == 0);
    free(got);
    free(clean);
    block_free(&b);
}
END_TEST

/* A sum starts at +0, so it is never -0; infinities go where IEEE 754 takes them. */
START_TEST(sums_of_special_values_are_those_of_ieee_754)
{
    static const struct {
        float x[2], w[2], y;
    } rows[] = {
        {{-0.0f, 0}, {1, 1}, 0},
        {{-0.0f, -0.0f}, {1, 1}, 0},
        {{INFINITY, 1}, {1, 1}, INFINITY},
        {{INFINITY, 1}, {-1, 1}, -INFINITY},
        {{INFINITY, INFINITY}, {-1, 1}, NAN},
        {{INFINITY, 1}, {0, 1}, NAN},
        {{0x1p127f, 0x1p127f}, {1, 1}, INFINITY},
        {{0x1p127f, 0x1p127f}, {2, -2}, INFINITY}, /* an fma's own product is exact, so not infinite */
        {{0x1p-149f, 0}, {0.5f, 1}, 0},
        {{0x1.8p-148f, 0}, {0.75f, 1}, 0x1p-148f},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        clglu_ffn_desc d = {.d_model = 2, .d_ff = 1, .act = CLGLU_ACT_IDENTITY, .wa = {.host = rows[i].w}};
        clglu_ffn_call call = {.rows = 1};
        float y = 1;
        ck_assert_int_eq(clglu_emulate_ffn_forward(&d, &call, rows[i].x, &y, NULL, NULL), CLGLU_OK);
        ck_assert_msg(same_number(CLGLU_F32, &y, &rows[i].y, 0), "row %zu is %a, not %a", i, (double)y,
                      (double)rows[i].y);
    }
}
END_TEST

/* The order of a sum shows: 2^24 swallows ones, but not a block of them. */
START_TEST(blocks_of_128_terms_are_summed_by_themselves)
{
    enum { TERMS = 257 };
    float x[TERMS], w[TERMS], y = 0;
    clglu_ffn_desc d = {.d_model = TERMS, .d_ff = 1, .act = CLGLU_ACT_IDENTITY, .wa = {.host = w}};
    clglu_ffn_call call = {.rows = 1};
    for (int k = 0; k < TERMS; k++) x[k] = w[k] = 1;
    x[0] = 0x1p24f;
    ck_assert_int_eq(clglu_emulate_ffn_forward(&d, &call, x, &y, NULL, NULL), CLGLU_OK);
    ck_assert_float_eq(y, 0x1p24f + 128); /* 127 ones lost, a block of 128 kept, one more lost to a tie */
}
END_TEST

START_TEST(no_rows_write_nothing)
{
    block b = new_block(gated);
    float y = 5;
    b.call.rows = 0;
    ck_assert_int_eq(clglu_emulate_ffn_forward(&b.desc, &b.call, NULL, NULL, NULL, NULL), CLGLU_OK);
    ck_assert_int_eq(clglu_emulate_ffn_forward(&b.desc, &b.call, b.tensor[INPUT], &y, NULL, NULL), CLGLU_OK);
    ck_assert_float_eq(y, 5);
    block_free(&b);
}
END_TEST

Suite *ffn_emulate_suite(void);
Suite *ffn_emulate_suite(void)
{
    Suite *s = suite_create("ffn_emulate");
    TCase *t = tcase_create("blocks");
    tcase_set_timeout(t, 60);
    tcase_add_loop_test(t, the_bits_are_those_of_naive_loops, 0, CASES);
    tcase_add_test(t, a_row_does_not_depend_on_the_others);
    tcase_add_test(t, a_column_does_not_depend_on_the_others);
    tcase_add_test(t, row_block_and_choice_do_not_matter);
    tcase_add_test(t, a_16_bit_y_is_one_rounding_of_the_f32_y);
    tcase_add_test(t, asking_for_a_and_b_does_not_change_y);
    tcase_add_test(t, a_and_b_may_be_two_views_of_one_tensor);
    tcase_add_loop_test(t, weights_need_no_alignment, 0, 3);
    tcase_add_test(t, a_nan_stays_in_its_row);
    tcase_add_test(t, a_nan_in_the_weights_of_projections_alone_stays_in_its_column);
    tcase_add_test(t, sums_of_special_values_are_those_of_ieee_754);
    tcase_add_test(t, blocks_of_128_terms_are_summed_by_themselves);
    tcase_add_test(t, no_rows_write_nothing);
    suite_add_tcase(s, t);
    return s;
}
