/* device_ffn_workspace.c - the choices that a block has, and the scratch memory that its calls need.
   SPDX-License-Identifier: MIT */

#include "device_ffn.h"
#include "device_refusal.h"

#include <string.h>

/* ---------------------------------------------------------------- choices */

START_TEST(choices_are_known_forms_each_listed_once)
{
    static const size_t rows[] = {1, 2, 5, 64, 1000};
    ffn_shape s = {.parts = GATED, .rows = 1, .d_model = 40, .d_ff = 50, .act = CLGLU_ACT_GELU, .seed = 105};
    ffn_case c = ffn_new(&s);
    clglu_ffn *ffn = ffn_create(context(), &c, FROM_HOST);
    clglu_ffn_choice choices[FFN_CHOICES], none;
    size_t n = ffn_choices(ffn, rows[_i], choices), general = 0;
    for (size_t i = 0; i < n; i++) {
        ck_assert_int_gt(choices[i].form, CLGLU_FORM_AUTO);
        ck_assert_int_le(choices[i].form, CLGLU_FORM_SPLIT);
        general += choices[i].form == CLGLU_FORM_GENERAL;
        for (size_t j = 0; j < i; j++) ck_assert(memcmp(&choices[i], &choices[j], sizeof none) != 0);
    }
    ck_assert_msg(general > 0, "GENERAL is for any device");
    ck_assert_int_eq(clglu_ffn_choice_at(ffn, rows[_i], n, &none), CLGLU_NOT_FOUND);
    ck_assert_int_eq(clglu_ffn_choice_at(ffn, rows[_i], SIZE_MAX, &none), CLGLU_NOT_FOUND);
    ck_assert_int_eq(clglu_ffn_choice_at(NULL, 1, 0, &none), CLGLU_NULL_POINTER);
    ck_assert_int_eq(clglu_ffn_choice_at(ffn, 1, 0, NULL), CLGLU_NULL_POINTER);
    clglu_ffn_destroy(ffn);
    ffn_free(&c);
}
END_TEST

/* Whether it is the form or its tile that the device lacks: UNSUPPORTED, and a listed one is never that. */
START_TEST(a_choice_that_is_not_listed_is_unsupported_or_right)
{
    ffn_shape s = {.parts = GATED, .rows = 3, .d_model = 40, .d_ff = 33, .act = CLGLU_ACT_GELU, .seed = 112};
    ffn_case c = ffn_new(&s), want = ffn_emulated(&c);
    clglu_ffn *ffn = ffn_create(context(), &c, FROM_HOST);
    static const unsigned tiles[] = {0, 1, 3, 77, 256};
    c.call.choice =
        (clglu_ffn_choice){(clglu_ffn_form)(CLGLU_FORM_GENERAL + _i / 5), tiles[_i % 5], tiles[_i % 3]};
    ffn_case got = ffn_copy(&c);
    clglu_status status = ffn_run(context(), ffn, &got, ON_BUFFERS);
    ck_assert_msg(status == CLGLU_OK || status == CLGLU_UNSUPPORTED, "form %d row_tile %u tiles %u: %s: %s",
                  (int)c.call.choice.form, c.call.choice.row_tile, c.call.choice.tiles,
                  clglu_status_name(status), clglu_context_error(context()));
    expect_ffn_same(&got, status == CLGLU_OK ? &want : &c, "a choice that is not listed");
    clglu_ffn_destroy(ffn);
    ffn_free(&got);
    ffn_free(&want);
    ffn_free(&c);
}
END_TEST

/* ---------------------------------------------------------------- workspaces */

static size_t workspace(const clglu_ffn *ffn, size_t rows, size_t row_block, clglu_ffn_choice choice)
{
    size_t bytes = SIZE_MAX;
    clglu_ffn_call asked = {.rows = rows, .row_block = row_block, .choice = choice};
    clglu_status s = clglu_ffn_workspace(ffn, &asked, &bytes);
    ck_assert_msg(s == CLGLU_OK, "%s: %s", clglu_status_name(s), clglu_context_error(context()));
    return bytes;
}

/* The block is wide enough for h to be most of it: 400 floats a row. */
START_TEST(a_workspace_grows_with_row_block_and_not_with_rows)
{
    ffn_shape s = {.parts = GATED, .rows = 1, .d_model = 40, .d_ff = 400, .act = CLGLU_ACT_GELU, .seed = 106};
    ffn_case c = ffn_new(&s);
    clglu_ffn *ffn = ffn_create(context(), &c, FROM_HOST);
    clglu_ffn_choice choices[FFN_CHOICES];
    size_t n = ffn_choices(ffn, 5000, choices);
    for (size_t i = 0; i <= n; i++) {
        clglu_ffn_choice choice = i < n ? choices[i] : (clglu_ffn_choice){0};
        size_t usual = workspace(ffn, 512, 0, choice);
        ck_assert_uint_eq(workspace(ffn, 100000, 0, choice), usual);
        ck_assert_uint_eq(workspace(ffn, (size_t)1 << 40, 512, choice), usual);
        ck_assert_uint_eq(workspace(ffn, 100000, 385, choice), usual); /* rounded up to 512 */
        ck_assert_uint_lt(workspace(ffn, 100000, 128, choice), usual);
        ck_assert_uint_gt(workspace(ffn, 100000, 1024, choice), usual);
        ck_assert_uint_le(workspace(ffn, 5, 0, choice), usual);
    }
    clglu_ffn_destroy(ffn);
    ffn_free(&c);
}
END_TEST

START_TEST(a_workspace_is_asked_for_with_all_pointers)
{
    ffn_shape s = {.parts = GATED, .rows = 1, .d_model = 4, .d_ff = 4, .seed = 107};
    ffn_case c = ffn_new(&s);
    clglu_ffn *ffn = ffn_create(context(), &c, FROM_HOST);
    size_t bytes;
    clglu_ffn_call asked = {.rows = 1, .choice = {.form = (clglu_ffn_form)5}};
    ck_assert_int_eq(clglu_ffn_workspace(NULL, &asked, &bytes), CLGLU_NULL_POINTER);
    ck_assert_int_eq(clglu_ffn_workspace(ffn, NULL, &bytes), CLGLU_NULL_POINTER);
    ck_assert_int_eq(clglu_ffn_workspace(ffn, &asked, NULL), CLGLU_NULL_POINTER);
    clglu_ffn_call large = {.rows = (size_t)1 << 58, .row_block = (size_t)1 << 58};
    ck_assert_int_eq(clglu_ffn_workspace(ffn, &large, &bytes), CLGLU_INVALID_SIZE);
    ck_assert_int_eq(clglu_ffn_workspace(ffn, &asked, &bytes), CLGLU_INVALID_VALUE);
    clglu_ffn_destroy(ffn);
    ffn_free(&c);
}
END_TEST

static void with_workspace(clglu_ffn *ffn, const ffn_case *c, const ffn_case *want)
{
    size_t bytes = 0;
    ck_assert_int_eq(clglu_ffn_workspace(ffn, &c->call, &bytes), CLGLU_OK);
    guarded workspace = guarded_new(bytes);
    ffn_case got = ffn_copy(c);
    ffn_buffers b = ffn_buffers_new(context(), c);
    clglu_status s = ffn_enqueue(ffn, c, NULL, &b, workspace.part, 0, NULL, NULL);
    ck_assert_msg(s == CLGLU_OK, "a workspace of %zu bytes: %s: %s", bytes, clglu_status_name(s),
                  clglu_context_error(context()));
    ffn_buffers_read(context(), &got, &b);
    expect_ffn_same(&got, want, "the caller's workspace");
    guarded_free(&workspace);
    ffn_buffers_free(&b);
    ffn_free(&got);
}

/* Whole row blocks and some rows more; each part of a workspace is once the largest. */
START_TEST(a_workspace_of_the_least_size_is_enough_for_every_choice)
{
    static const size_t blocks[] = {0, 128};
    static const struct {
        unsigned parts;
        size_t rows, d_model, d_ff, d_out;
    } shapes[] = {{GATED, 131, 150, 70, 30},
                  {HAS_WA | HAS_WB, 131, 150, 70, 0},
                  {GATED, 256, 1000, 1, 1},
                  {GATED, 512, 1, 500, 1}};
    ffn_shape s = {.parts = shapes[_i].parts,
                   .rows = sized(shapes[_i].rows, 9),
                   .d_model = sized(shapes[_i].d_model, 40),
                   .d_ff = sized(shapes[_i].d_ff, 34),
                   .d_out = shapes[_i].d_out,
                   .act = CLGLU_ACT_RELU,
                   .seed = 113};
    ffn_case c = ffn_new(&s), want = ffn_emulated(&c);
    clglu_ffn *ffn = ffn_create(context(), &c, FROM_HOST);
    clglu_ffn_choice choices[FFN_CHOICES];
    size_t n = ffn_choices(ffn, s.rows, choices);
    for (size_t i = 0; i <= n; i++)
        for (size_t k = 0; k < COUNT(blocks); k++) {
            c.call.choice = i < n ? choices[i] : (clglu_ffn_choice){0};
            c.call.row_block = blocks[k];
            with_workspace(ffn, &c, &want);
        }
    clglu_ffn_destroy(ffn);
    ffn_free(&want);
    ffn_free(&c);
}
END_TEST

Suite *device_ffn_workspace_suite(void)
{
    Suite *s = suite_create("device_ffn_workspace");
    TCase *choices = tcase_create("choices"), *workspaces = tcase_create("workspaces");
    tcase_add_loop_test(choices, choices_are_known_forms_each_listed_once, 0, 5);
    tcase_add_loop_test(choices, a_choice_that_is_not_listed_is_unsupported_or_right, 0, 4 * 5);
    tcase_add_test(workspaces, a_workspace_grows_with_row_block_and_not_with_rows);
    tcase_add_test(workspaces, a_workspace_is_asked_for_with_all_pointers);
    tcase_add_loop_test(workspaces, a_workspace_of_the_least_size_is_enough_for_every_choice, 0, 4);
    suite_add_tcase(s, choices);
    suite_add_tcase(s, workspaces);
    return s;
}
