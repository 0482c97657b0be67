/* device_views.c - any shape, stride and offset: right inside, untouched outside. SPDX-License-Identifier: MIT */

#include "device.h"

#include <stdlib.h>

/* ---------------------------------------------------------------- random calls with canaries */

START_TEST(random_shapes_strides_and_offsets_are_right_and_write_nothing_else)
{
    uint64_t state = (uint64_t)_i * 1000003;
    for (size_t i = 0; i < sized(9, 3); i++) {
        call c = call_random(&state, sized(8000, 400), i % 2 ? WILD : MODERATE);
        expect_right(&c, "random call");
        call_free(&c);
    }
}
END_TEST

/* Buffers that end with the view's last element: the simulator sees what reaches past it, elsewhere it is chance. */
START_TEST(every_length_up_to_two_vectors_fits_its_buffer_exactly)
{
    clglu_dtype t = (clglu_dtype)digit(&_i, DTYPES);
    operator_id op = (operator_id)_i;
    uint64_t state = 41;
    for (size_t n = 1; n <= sized(40, 17); n++)
        for (size_t offset = 0; offset < 3; offset++) {
            call c = call_new(op, CLGLU_ACT_SILU, CLGLU_ACT_IDENTITY, t, 2, n);
            call_fill(&c, MODERATE, &state);
            for (operand o = A; o <= DB; o++)
                if (c.at[o]) call_move(&c, o, NULL, (clglu_view){offset, n + offset, 1});
            expect_right(&c, "exact buffer");
            call_free(&c);
        }
}
END_TEST

START_TEST(zero_strides_mean_dense)
{
    uint64_t state = 42;
    call plain = call_new(GATE_FORWARD, CLGLU_ACT_GELU, CLGLU_ACT_IDENTITY, CLGLU_F32, 7, 13);
    call_fill(&plain, MODERATE, &state);
    call said = call_copy(&plain);
    said.d.a = said.d.b = said.d.y = (clglu_view){0, 13, 1};
    call y1 = call_made(&plain), y2 = call_made(&said);
    expect_same_results(&y2, &y1, "ld 13, inc 1");
    said.d.a = said.d.b = said.d.y = (clglu_view){0, 0, 1};
    call_free(&y2);
    y2 = call_made(&said);
    expect_same_results(&y2, &y1, "ld 0, inc 1");
    call_free(&y1);
    call_free(&y2);
    call_free(&plain);
    call_free(&said);
}
END_TEST

START_TEST(a_zero_ld_means_cols_times_inc)
{
    uint64_t state = 43;
    call c = call_new(GATE_FORWARD, CLGLU_ACT_GELU, CLGLU_ACT_IDENTITY, CLGLU_F16, 5, 9);
    call_fill(&c, MODERATE, &state);
    call_move(&c, A, NULL, (clglu_view){1, 0, 3});
    call_move(&c, Y, NULL, (clglu_view){2, 0, 2});
    call explicit = call_copy(&c);
    explicit.d.a.ld = 27;
    explicit.d.y.ld = 18;
    call y1 = call_made(&c), y2 = call_made(&explicit);
    expect_same_results(&y2, &y1, "ld of strided rows");
    expect_right(&c, "ld of strided rows");
    call_free(&y1);
    call_free(&y2);
    call_free(&c);
    call_free(&explicit);
}
END_TEST

/* With one column inc is never stepped along, but ld 0 still means cols * inc. */
START_TEST(a_zero_ld_of_one_column_means_inc)
{
    uint64_t state = 48;
    call c = call_new(GATE_FORWARD, CLGLU_ACT_GELU, CLGLU_ACT_IDENTITY, CLGLU_F32, 5, 1);
    call_fill(&c, MODERATE, &state);
    call_move(&c, A, NULL, (clglu_view){0, 0, 3});
    call_move(&c, Y, NULL, (clglu_view){1, 0, 2});
    call said = call_copy(&c);
    said.d.a.ld = 3;
    said.d.y.ld = 2;
    call y1 = call_made(&c), y2 = call_made(&said);
    expect_same(&y1, &y2, "one column");
    call_free(&y1);
    call_free(&y2);
    call_free(&c);
    call_free(&said);
}
END_TEST

START_TEST(no_rows_write_nothing_and_succeed)
{
    clglu_dtype t = (clglu_dtype)digit(&_i, DTYPES);
    uint64_t state = 44;
    call c = call_new((operator_id)_i, CLGLU_ACT_GELU, CLGLU_ACT_IDENTITY, t, 3, 5);
    call_fill(&c, MODERATE, &state);
    c.d.rows = 0;
    call got = call_made(&c);
    expect_same(&got, &c, "no rows");
    call_free(&got);
    call_free(&c);
}
END_TEST

START_TEST(biases_have_offsets_and_strides)
{
    clglu_dtype t = (clglu_dtype)digit(&_i, DTYPES);
    uint64_t state = 45;
    for (size_t inc = 0; inc < 4; inc++) {
        call c = call_new((operator_id)_i, CLGLU_ACT_GELU, CLGLU_ACT_IDENTITY, t, 4, 37);
        call_fill(&c, MODERATE, &state);
        c.d.bias_a.offset = 3 - inc;
        c.d.bias_b.offset = inc;
        c.d.bias_a.inc = c.d.bias_b.inc = inc;
        call_add_bias(&c, MODERATE, &state);
        expect_right(&c, "biases");
        call_free(&c);
    }
}
END_TEST

/* Longer than a work-item may loop on some drivers, wider than 65,535, and odd. */
START_TEST(long_rows_and_many_rows_are_right)
{
    static const size_t shapes[][2] = {{1, 70001}, {70001, 1}, {3, 65537}, {65537, 3}, {257, 259}};
    size_t rows = shapes[_i][0], cols = shapes[_i][1];
    uint64_t state = 46;
    if (test_scale() == SMALL) {
        rows = rows > 1000 ? rows / 37 : rows;
        cols = cols > 1000 ? cols / 37 : cols;
    }
    for (operator_id op = GATE_FORWARD; op <= GATE_BACKWARD; op++) {
        call c = call_new(op, CLGLU_ACT_GELU, CLGLU_ACT_IDENTITY, CLGLU_BF16, rows, cols);
        call_fill(&c, MODERATE, &state);
        call_want_dbias(&c);
        expect_right(&c, "a long row or many rows");
        call_free(&c);
    }
}
END_TEST

/* ---------------------------------------------------------------- indices beyond 32 bits */

enum { FAR_COLS = 19 };

/* Two rows, the second near or beyond 2^32 bytes: only the rows are ever touched. */
static cl_mem far_buffer(size_t ld, clglu_dtype t, const void *row0, const void *row1)
{
    clglu_context *ctx = context();
    size_t size = clglu_dtype_size(t), bytes = FAR_COLS * size;
    cl_mem m = buffer_new(ctx, NULL, ld * size + bytes);
    cl_command_queue q = clglu_context_queue(ctx);
    ck_assert_int_eq(clEnqueueWriteBuffer(q, m, CL_TRUE, 0, bytes, row0, 0, NULL, NULL), CL_SUCCESS);
    ck_assert_int_eq(clEnqueueWriteBuffer(q, m, CL_TRUE, ld * size, bytes, row1, 0, NULL, NULL), CL_SUCCESS);
    return m;
}

static void far_rows(clglu_dtype t, size_t ld)
{
    clglu_context *ctx = context();
    uint64_t state = 47;
    call near = call_new(GATE_FORWARD, CLGLU_ACT_GELU, CLGLU_ACT_IDENTITY, t, 2, FAR_COLS);
    call_fill(&near, MODERATE, &state);
    call want = call_emulated(&near);
    size_t size = clglu_dtype_size(t), bytes = FAR_COLS * size;
    char got[FAR_COLS * sizeof(float)], *a = near.at[A];
    cl_mem far = far_buffer(ld, t, a, a + bytes), b = buffer_new(ctx, near.at[B], 2 * bytes);
    clglu_gate_desc d = near.d;
    d.a = d.y = (clglu_view){0, ld, 1}; /* in place: one large buffer is enough */
    ck_assert_int_eq(clglu_gate_forward(ctx, &d, NULL, far, b, far, 0, NULL, NULL), CLGLU_OK);
    for (size_t row = 0; row < 2; row++) {
        cl_int e = clEnqueueReadBuffer(clglu_context_queue(ctx), far, CL_TRUE, row * ld * size, bytes, got, 0, NULL, NULL);
        ck_assert_int_eq(e, CL_SUCCESS);
        ck_assert_mem_eq(got, (char *)want.at[Y] + row * bytes, bytes);
    }
    clReleaseMemObject(far);
    clReleaseMemObject(b);
    call_free(&want);
    call_free(&near);
}

/* The largest ld for which two rows fit a buffer of the device: beyond 2^31 elements of two bytes where it can. */
static size_t far_ld(size_t size)
{
    size_t wanted = ((size_t)1 << 32) / size + 11, most = (size_t)clglu_context_facts(context())->max_alloc_bytes / size;
    ck_assert_msg(most * size >= (size_t)1 << 31, "no buffer of the device is beyond 2 GiB: nothing can be shown");
    return wanted + FAR_COLS <= most ? wanted : most - FAR_COLS;
}

START_TEST(indices_have_64_bits)
{
    if (test_scale() != LONG) return; /* 4 GiB: the misuse suite has the arithmetic at the edges */
    far_rows(CLGLU_F16, far_ld(2));
    far_rows(CLGLU_BF16, far_ld(2));
    far_rows(CLGLU_F32, far_ld(4));
}
END_TEST

Suite *device_views_suite(void)
{
    Suite *s = suite_create("device_views");
    TCase *t = tcase_create("views");
    tcase_add_loop_test(t, random_shapes_strides_and_offsets_are_right_and_write_nothing_else, 0,
                        test_scale() == LONG ? 100 : 8);
    tcase_add_loop_test(t, every_length_up_to_two_vectors_fits_its_buffer_exactly, 0, DTYPES * OPERATORS);
    tcase_add_test(t, zero_strides_mean_dense);
    tcase_add_test(t, a_zero_ld_means_cols_times_inc);
    tcase_add_test(t, a_zero_ld_of_one_column_means_inc);
    tcase_add_loop_test(t, no_rows_write_nothing_and_succeed, 0, DTYPES * OPERATORS);
    tcase_add_loop_test(t, biases_have_offsets_and_strides, 0, DTYPES * OPERATORS);
    tcase_add_loop_test(t, long_rows_and_many_rows_are_right, 0, 5);
    suite_add_tcase(s, t);
    t = tcase_create("far");
    tcase_add_test(t, indices_have_64_bits);
    suite_add_tcase(s, t);
    return s;
}
