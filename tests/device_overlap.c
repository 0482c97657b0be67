/* device_overlap.c - which operands may share memory, on buffers, on host arrays and in the emulation.
   SPDX-License-Identifier: MIT */

#include "device.h"

#include <string.h>

enum { ROWS = 4, COLS = 6, SIZE = ROWS * COLS, ARENA = 40 * SIZE };

/* Puts an operand into the arena that the named operands share. */
typedef struct sharing {
    call c;
    void *arena;
} sharing;

static void put(sharing *s, operand o, size_t offset, size_t ld, size_t inc)
{
    if (has_view(o)) {
        call_move(&s->c, o, s->arena, (clglu_view){offset, ld, inc});
        return;
    }
    if (s->c.at[o]) call_drop(&s->c, o); /* a bias or its gradient: the latter has no offset */
    s->c.at[o] = s->arena;
    if (o == BIAS_A) s->c.d.bias_a = (clglu_bias){.offset = offset, .inc = inc};
    if (o == BIAS_B) s->c.d.bias_b = (clglu_bias){.offset = offset, .inc = inc};
}

/* Status, case, operator, what lies where. */
#define SHARINGS(X)                                                                                                   \
    /* an output is exactly an input */                                                                               \
    X(OK, y_over_a, GATE_FORWARD, put(s, A, 0, 0, 0); put(s, Y, 0, 0, 0))                                             \
    X(OK, y_over_b, GATE_FORWARD, put(s, B, 5, 9, 1); put(s, Y, 5, 9, 1))                                             \
    X(OK, y_over_a_that_is_b, GATE_FORWARD, put(s, A, 0, 0, 0); put(s, B, 0, 0, 0); put(s, Y, 0, 0, 0))               \
    X(OK, y_over_x, ACT_FORWARD, put(s, A, 3, 13, 2); put(s, Y, 3, 13, 2))                                            \
    X(OK, dx_over_x, ACT_BACKWARD, put(s, A, 0, 0, 0); put(s, DA, 0, 0, 0))                                           \
    X(OK, dx_over_dy, ACT_BACKWARD, put(s, DY, 0, 0, 0); put(s, DA, 0, 0, 0))                                         \
    X(OK, defaults_said_in_words, GATE_FORWARD, put(s, A, 0, 0, 0); put(s, Y, 0, COLS, 1))                            \
    X(OK, da_over_a_and_db_over_b, GATE_BACKWARD, put(s, A, 0, 12, 1); put(s, B, 6, 12, 1); put(s, DA, 0, 12, 1);     \
      put(s, DB, 6, 12, 1))                                                                                           \
    X(OK, the_same_crossed_and_interleaved, GATE_BACKWARD, put(s, A, 0, 12, 2); put(s, B, 1, 12, 2);                  \
      put(s, DA, 1, 12, 2); put(s, DB, 0, 12, 2))                                                                     \
    X(OK, y_over_dy, GATE_BACKWARD, put(s, DY, 0, 0, 0); put(s, Y, 0, 0, 0))                                          \
    /* operands beside one another in one tensor */                                                                   \
    X(OK, one_after_the_other, GATE_FORWARD, put(s, A, 0, 0, 0); put(s, B, SIZE, 0, 0); put(s, Y, 2 * SIZE, 0, 0))    \
    X(OK, y_in_a_third_column, GATE_FORWARD, put(s, A, 0, 18, 3); put(s, B, 1, 18, 3); put(s, Y, 2, 18, 3))           \
    X(OK, y_in_a_third_panel, GATE_FORWARD, put(s, A, 0, 18, 1); put(s, B, 6, 18, 1); put(s, Y, 12, 18, 1))           \
    X(OK, da_and_db_interleaved, GATE_BACKWARD, put(s, DA, 1, 12, 2); put(s, DB, 0, 12, 2))                           \
    X(OK, transposed_side_by_side, GATE_FORWARD, put(s, A, 0, 1, 8); put(s, Y, 4, 1, 8))                              \
    X(OK, bias_after_y, GATE_FORWARD, put(s, Y, 0, 0, 0); put(s, BIAS_A, SIZE, 0, 1))                                 \
    /* inputs may overlap as they like */                                                                             \
    X(OK, a_is_b, GATE_FORWARD, put(s, A, 0, 0, 0); put(s, B, 0, 0, 0))                                               \
    X(OK, a_overlaps_b, GATE_BACKWARD, put(s, A, 0, 0, 0); put(s, B, 1, 0, 0); put(s, DY, 3, 2, 1))                   \
    X(OK, a_bias_inside_a, GATE_FORWARD, put(s, A, 0, 0, 0); put(s, BIAS_A, 2, 0, 1); put(s, BIAS_B, 2, 0, 1))        \
    /* an output overlaps an input in any other way */                                                                \
    X(OVERLAP, y_one_past_a, GATE_FORWARD, put(s, A, 0, 0, 0); put(s, Y, 1, 0, 0))                                    \
    X(OVERLAP, y_one_before_a, GATE_FORWARD, put(s, A, 1, 0, 0); put(s, Y, 0, 0, 0))                                  \
    X(OVERLAP, y_from_the_last_element_of_b, GATE_FORWARD, put(s, B, 0, 0, 0); put(s, Y, SIZE - 1, 0, 0))             \
    X(OVERLAP, y_a_row_past_x, ACT_FORWARD, put(s, A, 0, 0, 0); put(s, Y, COLS, 0, 0))                                \
    X(OVERLAP, y_over_a_with_another_ld, GATE_FORWARD, put(s, A, 0, 7, 1); put(s, Y, 0, 6, 1))                        \
    X(OVERLAP, y_over_a_with_another_inc, GATE_FORWARD, put(s, A, 0, 12, 1); put(s, Y, 0, 12, 2))                     \
    X(OVERLAP, y_over_a_transposed, GATE_FORWARD, put(s, A, 0, 0, 0); put(s, Y, 0, 1, ROWS))                          \
    X(OVERLAP, y_over_a_but_b_one_past, GATE_FORWARD, put(s, A, 0, 0, 0); put(s, B, 1, 0, 0); put(s, Y, 0, 0, 0))     \
    X(OVERLAP, interleaved_by_one_off, GATE_FORWARD, put(s, A, 0, 12, 2); put(s, Y, 2, 12, 2))                        \
    X(OVERLAP, panels_that_overlap_by_a_column, GATE_FORWARD, put(s, A, 0, 11, 1); put(s, Y, 5, 11, 1))               \
    X(OVERLAP, dx_one_past_dy, ACT_BACKWARD, put(s, DY, 0, 0, 0); put(s, DA, 1, 0, 0))                                \
    X(OVERLAP, da_one_past_b, GATE_BACKWARD, put(s, B, 0, 0, 0); put(s, DA, 1, 0, 0))                                 \
    X(OVERLAP, y_over_a_bias, GATE_FORWARD, put(s, BIAS_A, 3, 0, 1); put(s, Y, 0, 0, 0))                              \
    X(OVERLAP, da_over_a_bias, GATE_BACKWARD, put(s, BIAS_B, SIZE - 1, 0, 1); put(s, DA, 0, 0, 0))                    \
    X(OVERLAP, dbias_over_a, GATE_BACKWARD, put(s, A, 0, 0, 0); put(s, DBIAS_A, 0, 0, 0))                             \
    X(OVERLAP, dbias_over_the_bias, GATE_BACKWARD, put(s, BIAS_A, 3, 0, 1); put(s, DBIAS_A, 0, 0, 0))                 \
    /* outputs never overlap each other */                                                                            \
    X(OVERLAP, da_is_db, GATE_BACKWARD, put(s, DA, 0, 0, 0); put(s, DB, 0, 0, 0))                                     \
    X(OVERLAP, da_overlaps_db, GATE_BACKWARD, put(s, DA, 0, 0, 0); put(s, DB, SIZE - 1, 0, 0))                        \
    X(OVERLAP, y_is_da, GATE_BACKWARD, put(s, Y, 0, 0, 0); put(s, DA, 0, 0, 0))                                       \
    X(OVERLAP, da_and_db_over_a, GATE_BACKWARD, put(s, A, 0, 0, 0); put(s, DA, 0, 0, 0); put(s, DB, 0, 0, 0))         \
    X(OVERLAP, dbias_a_is_dbias_b, GATE_BACKWARD, put(s, DBIAS_A, 0, 0, 0); put(s, DBIAS_B, 0, 0, 0))                 \
    X(OVERLAP, dbias_inside_da, GATE_BACKWARD, put(s, DA, 3, 0, 0); put(s, DBIAS_A, 0, 0, 0))                         \
    X(OVERLAP, dbias_inside_dx, ACT_BACKWARD, put(s, DA, 0, 0, 0); put(s, DBIAS_A, 0, 0, 0))

#define SHARING_FUNCTION(status, name, op, ...) \
    static void name(sharing *s) { __VA_ARGS__; }
SHARINGS(SHARING_FUNCTION)
#define SHARING_ROW(status, name, op, ...) {#name, op, CLGLU_##status, name},
static const struct {
    const char *name;
    operator_id op;
    clglu_status status;
    void (*arrange)(sharing *);
} sharings[] = {SHARINGS(SHARING_ROW)};

static void expect_status(clglu_status got, clglu_status want, const char *route, const char *name)
{
    ck_assert_msg(got == want, "%s %s: %s (%s), wanted %s", name, route, clglu_status_name(got),
                  clglu_context_error(context()), clglu_status_name(want));
}

/* Refused: nothing has changed. Taken: the result is that of operands which share nothing. */
static void expect_effect(const call *before, const call *after, const call *apart, clglu_status want, const char *name)
{
    if (want == CLGLU_OK) {
        expect_same_results(after, apart, name);
        expect_no_stray(before, after, name);
    } else {
        for (operand o = 0; o < OPERANDS; o++)
            if (before->at[o])
                ck_assert_msg(memcmp(before->at[o], after->at[o], array_bytes(before->at[o])) == 0, "%s: %s is written",
                              name, operand_name(o));
    }
}

/* The call's operands, moved apart. */
static call separated(const call *shared)
{
    call c = call_copy(shared);
    for (operand o = 0; o < OPERANDS; o++) {
        if (!c.at[o]) continue;
        if (has_view(o)) {
            call_move(&c, o, NULL, (clglu_view){0, 0, 0});
            continue;
        }
        size_t bytes = array_bytes(c.at[o]);
        void *own = memcpy(array_new(bytes), c.at[o], bytes);
        call_drop(&c, o);
        c.at[o] = own;
    }
    return c;
}

START_TEST(operands_share_memory_as_the_header_says)
{
    clglu_dtype t = (clglu_dtype)digit(&_i, DTYPES);
    sharing s = {.c = call_new(sharings[_i].op, CLGLU_ACT_GELU, CLGLU_ACT_IDENTITY, t, ROWS, COLS)};
    uint64_t state = 71;
    s.arena = array_new(ARENA * sizeof(float));
    for (size_t i = 0; i < ARENA * sizeof(float) / clglu_dtype_size(t); i++)
        set_element_bits(t, s.arena, i, random_number(t, MODERATE, &state));
    call_fill(&s.c, MODERATE, &state);
    sharings[_i].arrange(&s);
    call apart = separated(&s.c);
    ck_assert_int_eq(call_emulate(&apart), CLGLU_OK);
    call one = call_copy(&s.c), two = call_copy(&s.c), three = call_copy(&s.c);
    expect_status(call_on_buffers(context(), NULL, &one), sharings[_i].status, "on buffers", sharings[_i].name);
    expect_status(call_on_host(context(), &two), sharings[_i].status, "on host arrays", sharings[_i].name);
    expect_status(call_emulate(&three), sharings[_i].status, "emulated", sharings[_i].name);
    expect_effect(&s.c, &one, &apart, sharings[_i].status, sharings[_i].name);
    expect_effect(&s.c, &two, &apart, sharings[_i].status, sharings[_i].name);
    expect_effect(&s.c, &three, &apart, sharings[_i].status, sharings[_i].name);
    call_free(&one);
    call_free(&two);
    call_free(&three);
    call_free(&apart);
    call_free(&s.c);
}
END_TEST

/* ---------------------------------------------------------------- sub-buffers are the same memory by another name */

static cl_mem part(cl_mem whole, size_t origin, size_t size)
{
    cl_buffer_region region = {origin, size};
    cl_int error;
    cl_mem m = clCreateSubBuffer(whole, CL_MEM_READ_WRITE, CL_BUFFER_CREATE_TYPE_REGION, &region, &error);
    ck_assert_msg(error == CL_SUCCESS, "clCreateSubBuffer: %d", (int)error);
    return m;
}

/* y in a part of the buffer that holds x, so many bytes behind it. */
static clglu_status in_parts(size_t distance, size_t bytes)
{
    clglu_context *ctx = context();
    cl_mem whole = buffer_new(ctx, NULL, 1 << 20), x = part(whole, 0, bytes), y = part(whole, distance, bytes);
    clglu_act_desc d = {.rows = 1, .cols = bytes / sizeof(float), .act = CLGLU_ACT_GELU};
    float zero = 0;
    cl_int error = clEnqueueFillBuffer(clglu_context_queue(ctx), whole, &zero, sizeof zero, 0, 1 << 20, 0, NULL, NULL);
    ck_assert_int_eq(error, CL_SUCCESS);
    clglu_status s = clglu_act_forward(ctx, &d, NULL, x, y, 0, NULL, NULL);
    clFinish(clglu_context_queue(ctx));
    clReleaseMemObject(x);
    clReleaseMemObject(y);
    clReleaseMemObject(whole);
    return s;
}

/* Origins of sub-buffers are aligned to at most 128 bytes on the devices known: 4,096 suits all. */
START_TEST(sub_buffers_of_one_buffer_overlap_like_views)
{
    ck_assert_int_eq(in_parts(4096, 4096), CLGLU_OK);
    ck_assert_int_eq(in_parts(4096, 4096 + sizeof(float)), CLGLU_OVERLAP);
    ck_assert_int_eq(in_parts(4096, 1 << 16), CLGLU_OVERLAP);
    ck_assert_int_eq(in_parts(0, 4096), CLGLU_OK);
}
END_TEST

START_TEST(a_sub_buffer_is_too_small_where_its_buffer_is_not)
{
    clglu_context *ctx = context();
    cl_mem whole = buffer_new(ctx, NULL, 1 << 20), x = part(whole, 0, 4096), y = part(whole, 8192, 4096);
    clglu_act_desc d = {.rows = 1, .cols = 1025, .act = CLGLU_ACT_GELU};
    ck_assert_int_eq(clglu_act_forward(ctx, &d, NULL, x, y, 0, NULL, NULL), CLGLU_BUFFER_TOO_SMALL);
    clReleaseMemObject(x);
    clReleaseMemObject(y);
    clReleaseMemObject(whole);
}
END_TEST

Suite *device_overlap_suite(void)
{
    Suite *s = suite_create("device_overlap");
    TCase *t = tcase_create("overlap");
    tcase_add_loop_test(t, operands_share_memory_as_the_header_says, 0, DTYPES * (int)COUNT(sharings));
    tcase_add_test(t, sub_buffers_of_one_buffer_overlap_like_views);
    tcase_add_test(t, a_sub_buffer_is_too_small_where_its_buffer_is_not);
    suite_add_tcase(s, t);
    return s;
}
