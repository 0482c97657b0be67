/* device_back_workspace.c - what a backward needs, and what it takes: workspaces, buffers that are shared,
   choices, the block's parts, kernels that do not build. SPDX-License-Identifier: MIT */

#include "device_back.h"
#include "device_refusal.h"

#include <math.h>
#include <string.h>

/* ---------------------------------------------------------------- how large */

static size_t workspace_of(const clglu_ffn *ffn, const back_case *c)
{
    size_t bytes = 0;
    clglu_status s = clglu_ffn_backward_workspace(ffn, &c->call, &bytes);
    ck_assert_msg(s == CLGLU_OK, "%s: %s", clglu_status_name(s), clglu_context_error(context()));
    return bytes;
}

static back_shape some_shape(clglu_dtype t)
{
    return (back_shape){.ffn = {.parts = GATED | BIASED,
                                .rows = 3,
                                .d_model = 40,
                                .d_ff = 50,
                                .d_out = 30,
                                .dtype = t,
                                .act = CLGLU_ACT_GELU,
                                .seed = 370},
                        .weights_dtype = t};
}

START_TEST(workspaces_grow_with_row_block_and_not_with_rows)
{
    back_shape s = some_shape(CLGLU_F32);
    back_case c = back_new(&s);
    clglu_ffn *ffn = ffn_create(context(), &c.ffn, FROM_HOST);
    clglu_ffn_backward_call *k = &c.call;
    size_t few, block, blocks, wide, natural;
    few = workspace_of(ffn, &c);
    k->rows = k->row_block = 128;
    block = workspace_of(ffn, &c);
    k->rows = 100000;
    blocks = workspace_of(ffn, &c);
    k->row_block = 512;
    wide = workspace_of(ffn, &c);
    k->row_block = 0; /* 512 */
    natural = workspace_of(ffn, &c);
    ck_assert_uint_gt(few, 0);
    ck_assert_uint_lt(few, block);
    ck_assert_uint_eq(block, blocks);
    ck_assert_uint_lt(blocks, wide);
    ck_assert_uint_eq(natural, wide);
    clglu_ffn_destroy(ffn);
    back_free(&c);
}
END_TEST

/* The sums that wait between row blocks; some slack for their alignment. */
START_TEST(gradients_of_16_bits_over_many_rows_need_themselves_in_f32_in_addition)
{
    enum { SLACK = 3 * 256 };
    back_shape s = some_shape(CLGLU_F16);
    back_case c = back_new(&s);
    clglu_ffn *ffn = ffn_create(context(), &c.ffn, FROM_HOST);
    clglu_ffn_backward_call *k = &c.call;
    size_t gradients = (2 * s.ffn.d_model + s.ffn.d_out) * s.ffn.d_ff * sizeof(float);
    for (int more = 0; more < 2; more++) {
        k->row_block = 128;
        k->rows = more ? 129 : 128;
        k->weights_dtype = CLGLU_F16;
        size_t narrow = workspace_of(ffn, &c);
        k->weights_dtype = CLGLU_F32;
        size_t wide = workspace_of(ffn, &c), added = more ? gradients : 0;
        ck_assert_uint_ge(narrow, wide + added);
        ck_assert_uint_le(narrow, wide + added + SLACK);
    }
    clglu_ffn_destroy(ffn);
    back_free(&c);
}
END_TEST

START_TEST(the_size_of_a_wrong_call_is_refused)
{
    back_shape s = some_shape(CLGLU_F32);
    back_case c = back_new(&s);
    clglu_ffn *ffn = ffn_create(context(), &c.ffn, FROM_HOST);
    clglu_ffn_backward_call wrong[5] = {c.call, c.call, c.call, c.call, c.call};
    const clglu_status statuses[] = {CLGLU_INVALID_VALUE, CLGLU_INVALID_VALUE, CLGLU_INVALID_SIZE, CLGLU_INVALID_SIZE,
                                     CLGLU_INVALID_SIZE};
    size_t bytes = 77;
    wrong[0].scale = (float)NAN;
    wrong[1].weights_dtype = CLGLU_BF16;
    wrong[2].row_block = SIZE_MAX;
    wrong[3].rows = SIZE_MAX;
    wrong[4].rows = wrong[4].row_block = ((size_t)1 << 31) + 512; /* more than a launch can count */
    for (size_t i = 0; i < COUNT(wrong); i++)
        ck_assert_int_eq(clglu_ffn_backward_workspace(ffn, &wrong[i], &bytes), statuses[i]);
    ck_assert_int_eq(clglu_ffn_backward_workspace(ffn, NULL, &bytes), CLGLU_NULL_POINTER);
    ck_assert_int_eq(clglu_ffn_backward_workspace(ffn, &c.call, NULL), CLGLU_NULL_POINTER);
    ck_assert_uint_eq(bytes, 77);
    clglu_ffn_destroy(ffn);
    back_free(&c);
}
END_TEST

/* ---------------------------------------------------------------- just enough */

static void with_workspace(clglu_ffn *ffn, const back_case *c, const back_case *want)
{
    guarded workspace = guarded_new(workspace_of(ffn, c));
    back_case got = back_copy(c);
    back_buffers b = back_buffers_new(context(), c);
    clglu_status s = back_enqueue(ffn, c, NULL, &b, workspace.part, 0, NULL, NULL);
    ck_assert_msg(s == CLGLU_OK, "a workspace of %zu bytes: %s: %s", workspace.bytes, clglu_status_name(s),
                  clglu_context_error(context()));
    back_buffers_read(context(), &got, &b);
    expect_back_same(&got, want, "the caller's workspace");
    guarded_free(&workspace);
    back_buffers_free(&b);
    back_free(&got);
}

/* Wide and narrow blocks, so that each part of a workspace is once the largest. */
static const struct need {
    unsigned parts;
    size_t rows, d_model, d_ff, d_out;
    clglu_dtype dtype;
} needs[] = {{GATED, 131, 150, 70, 30, CLGLU_F32}, {HAS_WA | HAS_WB, 131, 150, 70, 0, CLGLU_F16},
             {GATED, 3, 700, 40, 30, CLGLU_F32},   {GATED, 16, 7, 5, 600, CLGLU_F32},
             {GATED, 256, 1, 500, 1, CLGLU_F32},   {HAS_WB | HAS_WD, 130, 129, 129, 7, CLGLU_BF16},
             {HAS_WA, 140, 300, 33, 0, CLGLU_F32}, {GATED, 1, 1, 1, 1, CLGLU_F32}};

/* The first and the last choice of a form: its smallest and largest row tiles. */
static bool is_extreme(const clglu_ffn_choice *choices, size_t n, size_t i)
{
    return i == 0 || i == n - 1 || choices[i - 1].form != choices[i].form ||
           choices[i + 1].form != choices[i].form;
}

START_TEST(a_workspace_of_the_least_size_is_enough)
{
    const struct need *a = &needs[_i];
    back_shape s = {.ffn = {.parts = a->parts,
                            .rows = a->rows > 16 ? sized(a->rows, 9) : a->rows,
                            .d_model = sized(a->d_model, a->d_model / 8 + 1),
                            .d_ff = sized(a->d_ff, a->d_ff / 8 + 1),
                            .d_out = sized(a->d_out, a->d_out / 8 + 1),
                            .dtype = a->dtype,
                            .act = CLGLU_ACT_RELU,
                            .seed = 371},
                    .weights_dtype = a->dtype};
    if (!(a->parts & HAS_WA)) s.ffn.d_ff = s.ffn.d_model;
    back_case c = back_new(&s), want = back_emulated(&c);
    clglu_ffn *ffn = ffn_create(context(), &c.ffn, FROM_HOST);
    clglu_ffn_choice choices[FFN_CHOICES];
    size_t n = ffn_choices(ffn, s.ffn.rows, choices);
    for (size_t i = 0; i < n; i++)
        for (c.call.row_block = 0; is_extreme(choices, n, i) && c.call.row_block < 256;
             c.call.row_block += 128) {
            c.call.choice = choices[i];
            with_workspace(ffn, &c, &want);
        }
    clglu_ffn_destroy(ffn);
    back_free(&want);
    back_free(&c);
}
END_TEST

/* ---------------------------------------------------------------- buffers that are shared */

/* The next part of a program's pool of device memory. */
static cl_mem part_of(cl_mem pool, size_t *at, size_t bytes)
{
    enum { ALIGNMENT = 4096 }; /* more than any device asks for */
    cl_int error;
    cl_buffer_region region = {*at, bytes};
    cl_mem m = clCreateSubBuffer(pool, 0, CL_BUFFER_CREATE_TYPE_REGION, &region, &error);
    ck_assert_int_eq(error, CL_SUCCESS);
    *at += (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    return m;
}

START_TEST(operands_and_workspace_may_be_parts_of_one_buffer)
{
    back_shape s = some_shape(CLGLU_F32);
    back_case c = back_new(&s), want = back_emulated(&c), got = back_copy(&c);
    clglu_ffn *ffn = ffn_create(context(), &c.ffn, FROM_HOST);
    cl_mem pool = buffer_new(context(), NULL, 2 << 20);
    back_buffers b = {{NULL}};
    size_t at = 0;
    for (back_array g = GDY; g < BACK_ARRAYS; g++) {
        if (!c.at[g]) continue;
        b.of[g] = part_of(pool, &at, array_bytes(c.at[g]));
        ck_assert_int_eq(clEnqueueWriteBuffer(clglu_context_queue(context()), b.of[g], CL_TRUE, 0,
                                              array_bytes(c.at[g]), c.at[g], 0, NULL, NULL),
                         CL_SUCCESS);
    }
    cl_mem workspace = part_of(pool, &at, workspace_of(ffn, &c));
    clglu_status status = back_enqueue(ffn, &c, NULL, &b, workspace, 0, NULL, NULL);
    ck_assert_msg(status == CLGLU_OK, "%s: %s", clglu_status_name(status), clglu_context_error(context()));
    back_buffers_read(context(), &got, &b);
    expect_back_same(&got, &want, "parts of one buffer");
    back_buffers_free(&b);
    clReleaseMemObject(workspace);
    clReleaseMemObject(pool);
    clglu_ffn_destroy(ffn);
    back_case *all[] = {&got, &want, &c};
    for (size_t i = 0; i < COUNT(all); i++) back_free(all[i]);
}
END_TEST

/* All operands one after another in one array; x is where it was. */
static void put_side_by_side(back_case *c)
{
    size_t at = 0;
    float *all = array_new(100000 * sizeof(float));
    for (back_array g = GDY; g < GFLAG; g++) {
        if (!c->at[g] || g == GX) continue;
        back_case old = *c;
        c->at[g] = all;
        back_view(c, g)->offset = at;
        for (size_t r = 0; r < back_rows(c, g); r++)
            for (size_t n = 0; n < back_cols(c, g); n++) back_set(c, g, r, n, back_get(&old, g, r, n));
        at += back_rows(c, g) * back_cols(c, g);
        array_free(old.at[g]);
    }
    ck_assert_uint_lt(at, 100000);
}

START_TEST(operands_may_lie_side_by_side_in_one_buffer)
{
    back_shape s = some_shape(CLGLU_F32);
    s.ffn.parts |= ASK_A | ASK_B;
    s.accumulate = true;
    back_case c = back_new(&s);
    clglu_ffn *ffn = ffn_create(context(), &c.ffn, FROM_HOST);
    put_side_by_side(&c);
    for (ffn_route route = ON_BUFFERS; route < ROUTES; route++)
        expect_back_right(ffn, &c, route, "side by side");
    clglu_ffn_destroy(ffn);
    back_free(&c);
}
END_TEST

/* A gradient in a buffer that kernels may only write: one row block, and no flag that looks at it. */
START_TEST(gradients_may_be_in_buffers_that_are_only_written)
{
    back_shape s = some_shape(CLGLU_F32);
    s.asked = ASKS(GDX) | ASKS(GDWA);
    back_case c = back_new(&s), want = back_emulated(&c), got = back_copy(&c);
    clglu_ffn *ffn = ffn_create(context(), &c.ffn, FROM_HOST);
    back_buffers b = back_buffers_new(context(), &c);
    for (back_array g = GDX; g <= GDWA; g++) {
        cl_int error;
        clReleaseMemObject(b.of[g]);
        b.of[g] =
            clCreateBuffer(clglu_context_cl_context(context()), CL_MEM_WRITE_ONLY | CL_MEM_COPY_HOST_PTR,
                           array_bytes(c.at[g]), c.at[g], &error);
        ck_assert_int_eq(error, CL_SUCCESS);
    }
    ck_assert_int_eq(back_enqueue(ffn, &c, NULL, &b, NULL, 0, NULL, NULL), CLGLU_OK);
    back_buffers_read(context(), &got, &b);
    expect_back_same(&got, &want, "buffers that are only written");
    back_buffers_free(&b);
    clglu_ffn_destroy(ffn);
    back_case *all[] = {&got, &want, &c};
    for (size_t i = 0; i < COUNT(all); i++) back_free(all[i]);
}
END_TEST

/* ---------------------------------------------------------------- parts and choices */

START_TEST(a_block_without_training_has_no_backward)
{
    back_shape s = some_shape(CLGLU_F32);
    back_case c = back_new(&s);
    c.ffn.desc.training = 0;
    clglu_ffn *ffn = ffn_create(context(), &c.ffn, FROM_HOST);
    cl_event untouched = (cl_event)(uintptr_t)0x1234, event = untouched;
    back_case got = back_copy(&c);
    back_buffers b = back_buffers_new(context(), &c);
    ck_assert_int_eq(back_enqueue(ffn, &c, NULL, &b, NULL, 0, NULL, &event), CLGLU_UNSUPPORTED);
    ck_assert_ptr_nonnull(strstr(clglu_context_error(context()), "training"));
    ck_assert_ptr_eq(event, untouched);
    back_buffers_read(context(), &got, &b);
    expect_back_same(&got, &c, "on buffers");
    ck_assert_int_eq(back_run(context(), ffn, &got, ON_HOST), CLGLU_UNSUPPORTED);
    expect_back_same(&got, &c, "on host arrays");
    back_buffers_free(&b);
    clglu_ffn_destroy(ffn);
    back_free(&got);
    back_free(&c);
}
END_TEST

/* Gradients, a and b of matrices and biases that are not there. */
START_TEST(what_the_block_lacks_cannot_be_asked_for)
{
    static const struct {
        unsigned parts;
        back_array g;
    } lacks[] = {{HAS_WA | HAS_WD, GB},   {HAS_WB | HAS_WD, GA},   {HAS_WB | HAS_WD, GDWA},
                 {HAS_WA | HAS_WD, GDWB}, {HAS_WA | HAS_WB, GDWD}, {HAS_WA, GDBA},
                 {HAS_WA | HAS_WB, GDBB}, {GATED, GDBD},           {HAS_WA | HAS_WB | HAS_BA, GDBD}};
    back_array g = lacks[_i].g;
    back_shape s = {.ffn = {.parts = lacks[_i].parts,
                            .rows = 2,
                            .d_model = 8,
                            .d_ff = 8,
                            .act = CLGLU_ACT_GELU,
                            .seed = 361}};
    back_case c = back_new(&s);
    clglu_ffn *ffn = ffn_create(context(), &c.ffn, FROM_HOST);
    c.at[g] = array_new(200 * sizeof(float));
    back_case before = back_copy(&c);
    for (ffn_route route = ON_BUFFERS; route < ROUTES; route++) {
        ck_assert_int_eq(back_run(context(), ffn, &c, route), CLGLU_INVALID_VALUE);
        ck_assert_ptr_nonnull(strstr(clglu_context_error(context()), back_name(g)));
    }
    ck_assert_int_eq(back_emulate(&c), CLGLU_INVALID_VALUE);
    expect_back_same(&c, &before, "what the block lacks");
    clglu_ffn_destroy(ffn);
    back_free(&before);
    back_free(&c);
}
END_TEST

/* Whether it is the form or its tile that the device lacks: UNSUPPORTED, and a listed one is never that. */
START_TEST(a_choice_that_is_not_listed_is_unsupported_or_right)
{
    static const unsigned tiles[] = {0, 3, 256};
    back_shape s = {.ffn = {.parts = GATED,
                            .rows = _i / 12 ? 20 : 3,
                            .d_model = 10,
                            .d_ff = 33,
                            .act = CLGLU_ACT_GELU,
                            .seed = 362}};
    back_case c = back_new(&s), want = back_emulated(&c);
    clglu_ffn *ffn = ffn_create(context(), &c.ffn, FROM_HOST);
    c.call.choice =
        (clglu_ffn_choice){(clglu_ffn_form)(CLGLU_FORM_GENERAL + _i % 12 / 3), tiles[_i % 3], tiles[_i % 2]};
    back_case got = back_copy(&c);
    clglu_status status = back_run(context(), ffn, &got, ON_BUFFERS);
    ck_assert_msg(status == CLGLU_OK || status == CLGLU_UNSUPPORTED, "form %d row_tile %u: %s: %s",
                  (int)c.call.choice.form, c.call.choice.row_tile, clglu_status_name(status),
                  clglu_context_error(context()));
    expect_back_same(&got, status == CLGLU_OK ? &want : &c, "a choice that is not listed");
    clglu_ffn_destroy(ffn);
    back_free(&got);
    back_free(&want);
    back_free(&c);
}
END_TEST

/* ---------------------------------------------------------------- kernels that do not build */

/* A backward's own kernels; the last is needed late, by gradients that are added to. */
static const struct broken {
    const char *file, *old, *new;
} broken[] = {{"overflow.cl", "#include", "#error broken\n#include"},
              {"gate_backward.cl", "#include", "#error broken\n#include"},
              {"sum.cl", "kernel", "#error broken\nkernel"},
              {"ffn_general.cl", "#include", "#ifdef CARRY\n#error broken\n#endif\n#include"}};

START_TEST(a_kernel_that_does_not_build_leaves_everything_as_it_was)
{
    const struct broken *k = &broken[_i];
    folder f = folder_new();
    back_shape s = some_shape(CLGLU_F32);
    s.accumulate = true;
    back_case c = back_new(&s);
    c.call.choice.form = CLGLU_FORM_GENERAL;
    back_case got = back_copy(&c);
    folder_change(&f, k->file, k->old, k->new);
    clglu_ffn *ffn = ffn_create(folder_open(&f), &c.ffn, FROM_HOST);
    cl_event untouched = (cl_event)(uintptr_t)0x1234, event = untouched;
    back_buffers b = back_buffers_new(f.context, &c);
    ck_assert_int_eq(back_enqueue(ffn, &c, NULL, &b, NULL, 0, NULL, &event), CLGLU_BUILD_FAILED);
    ck_assert_msg(strstr(clglu_context_error(f.context), k->file) != NULL, "%s",
                  clglu_context_error(f.context));
    ck_assert_ptr_eq(event, untouched);
    back_buffers_read(f.context, &got, &b);
    expect_back_same(&got, &c, k->file);
    ck_assert_int_eq(back_run(f.context, ffn, &got, ON_HOST), CLGLU_BUILD_FAILED);
    expect_back_same(&got, &c, k->file);
    back_buffers_free(&b);
    clglu_ffn_destroy(ffn);
    folder_free(&f);
    back_free(&got);
    back_free(&c);
}
END_TEST

Suite *device_back_workspace_suite(void)
{
    Suite *s = suite_create("device_back_workspace");
    TCase *sizes = tcase_create("sizes"), *shared = tcase_create("shared"), *parts = tcase_create("parts");
    tcase_add_test(sizes, workspaces_grow_with_row_block_and_not_with_rows);
    tcase_add_test(sizes, gradients_of_16_bits_over_many_rows_need_themselves_in_f32_in_addition);
    tcase_add_test(sizes, the_size_of_a_wrong_call_is_refused);
    tcase_add_loop_test(sizes, a_workspace_of_the_least_size_is_enough, 0, (int)COUNT(needs));
    tcase_add_test(shared, operands_and_workspace_may_be_parts_of_one_buffer);
    tcase_add_test(shared, operands_may_lie_side_by_side_in_one_buffer);
    tcase_add_test(shared, gradients_may_be_in_buffers_that_are_only_written);
    tcase_add_test(parts, a_block_without_training_has_no_backward);
    tcase_add_loop_test(parts, what_the_block_lacks_cannot_be_asked_for, 0, 9);
    tcase_add_loop_test(parts, a_choice_that_is_not_listed_is_unsupported_or_right, 0, 2 * 12);
    tcase_add_loop_test(parts, a_kernel_that_does_not_build_leaves_everything_as_it_was, 0,
                        (int)COUNT(broken));
    suite_add_tcase(s, sizes);
    suite_add_tcase(s, shared);
    suite_add_tcase(s, parts);
    return s;
}
