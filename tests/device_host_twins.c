/* device_host_twins.c - the operators on host arrays: the bits of the calls on buffers, in chunks or not.
   SPDX-License-Identifier: MIT */

#include "device.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

static void expect_twin(clglu_context *ctx, const call *c, const char *what)
{
    call got = call_copy(c), want = call_emulated(c);
    clglu_status s = call_on_host(ctx, &got);
    ck_assert_msg(s == CLGLU_OK, "%s: %s: %s", what, clglu_status_name(s), clglu_context_error(ctx));
    expect_same(&got, &want, what);
    expect_no_stray(c, &got, what);
    call_free(&got);
    call_free(&want);
}

static clglu_context *with_budget(size_t bytes)
{
    clglu_context *ctx;
    clglu_context_params params = {.device_budget = bytes, .no_self_test = 1};
    ck_assert_int_eq(clglu_context_open(device_selector(), &params, &ctx), CLGLU_OK);
    return ctx;
}

START_TEST(random_calls_on_host_arrays_are_right_and_write_nothing_else)
{
    uint64_t state = (uint64_t)_i * 1000003; /* the calls of the suite on views: their programs are there */
    for (size_t i = 0; i < sized(9, 3); i++) {
        call c = call_random(&state, sized(8000, 400), i % 2 ? WILD : MODERATE);
        expect_twin(context(), &c, "host twin");
        call_free(&c);
    }
}
END_TEST

START_TEST(random_calls_in_chunks_are_right_and_write_nothing_else)
{
    static const size_t budgets[] = {1, 1000, 4096, 20000};
    clglu_context *ctx = with_budget(budgets[_i]);
    uint64_t state = (uint64_t)_i * 1000003;
    for (size_t i = 0; i < sized(9, 3); i++) {
        call c = call_random(&state, sized(8000, 400), i % 2 ? WILD : MODERATE);
        expect_twin(ctx, &c, "host twin in chunks");
        call_free(&c);
    }
    clglu_context_close(ctx);
}
END_TEST

static void sums_in_chunks(operator_id op, clglu_dtype t, size_t rows, clglu_context *ctx)
{
    uint64_t state = 95;
    call c = call_new(op, CLGLU_ACT_GELU, CLGLU_ACT_IDENTITY, t, rows, 23);
    call_fill(&c, MODERATE, &state);
    call_want_dbias(&c);
    call_add_bias(&c, MODERATE, &state);
    expect_twin(ctx, &c, "sums in chunks");
    call_free(&c);
}

/* Chunks of rows must not show in the sums: they end where they like, the blocks of 128 rows do not. */
START_TEST(bias_gradients_in_chunks_are_the_canonical_sums)
{
    static const size_t heights[] = {1, 127, 129, 1000}, budgets[] = {1, 3000, 50000};
    for (size_t i = 0; i < COUNT(budgets); i++) {
        clglu_context *ctx = with_budget(budgets[i]);
        for (size_t h = 0; h < COUNT(heights); h++) {
            sums_in_chunks(ACT_BACKWARD, (clglu_dtype)_i, heights[h], ctx);
            sums_in_chunks(GATE_BACKWARD, (clglu_dtype)_i, heights[h], ctx);
        }
        clglu_context_close(ctx);
    }
}
END_TEST

START_TEST(packed_and_in_place_arrays_go_through_in_chunks)
{
    clglu_dtype t = (clglu_dtype)digit(&_i, DTYPES);
    clglu_context *ctx = with_budget(2000);
    uint64_t state = 96;
    for (size_t inc = 1; inc <= 2; inc++) {
        call c = call_new(GATE_BACKWARD, CLGLU_ACT_GELU, CLGLU_ACT_IDENTITY, t, 100, 31);
        call_fill(&c, MODERATE, &state);
        void *tensor = array_new(100 * 62 * clglu_dtype_size(t));
        call_move(&c, A, tensor, (clglu_view){0, 62, inc});
        call_move(&c, B, tensor, (clglu_view){inc == 1 ? 31 : 1, 62, inc});
        call_alias(&c, DA, A);
        call_alias(&c, DB, B);
        call_alias(&c, Y, DY);
        expect_twin(ctx, &c, inc == 1 ? "packed, in place, in chunks" : "interleaved, in place, in chunks");
        call_free(&c);
    }
    clglu_context_close(ctx);
}
END_TEST

START_TEST(no_rows_on_host_arrays_write_nothing)
{
    uint64_t state = 97;
    call c = call_new((operator_id)_i, CLGLU_ACT_GELU, CLGLU_ACT_IDENTITY, CLGLU_F32, 3, 5);
    call_fill(&c, MODERATE, &state);
    call_want_dbias(&c);
    c.d.rows = 0;
    expect_twin(context(), &c, "no rows");
    call_free(&c);
}
END_TEST

/* As weights mapped from a file are: writing to an input would end the process. */
START_TEST(inputs_may_be_read_only_memory)
{
    size_t rows = 16, cols = 256, bytes = rows * cols * sizeof(float);
    float *numbers = array_new(bytes);
    uint64_t state = 98;
    for (size_t i = 0; i < rows * cols; i++)
        set_element_bits(CLGLU_F32, numbers, i, random_number(CLGLU_F32, MODERATE, &state));
    FILE *file = tmpfile();
    ck_assert(file && fwrite(numbers, 1, bytes, file) == bytes && fflush(file) == 0);
    void *x = mmap(NULL, bytes, PROT_READ, MAP_PRIVATE, fileno(file), 0);
    ck_assert_ptr_ne(x, MAP_FAILED);
    void *got = array_new(bytes), *want = array_new(bytes);
    clglu_act_desc d = {.rows = rows, .cols = cols, .act = CLGLU_ACT_GELU};
    ck_assert_int_eq(clglu_emulate_act_forward(&d, x, want), CLGLU_OK);
    for (int budget = 0; budget < 2; budget++) {
        clglu_context *ctx = with_budget(budget ? 4000 : 0);
        memset(got, 0, bytes);
        ck_assert_int_eq(clglu_act_forward_host(ctx, &d, x, got), CLGLU_OK);
        ck_assert_mem_eq(got, want, bytes);
        clglu_context_close(ctx);
    }
    munmap(x, bytes);
    fclose(file);
    array_free(numbers);
    array_free(got);
    array_free(want);
}
END_TEST

START_TEST(a_large_array_goes_through_whole_and_in_chunks)
{
    uint64_t state = 99;
    call c = call_new(GATE_FORWARD, CLGLU_ACT_SILU, CLGLU_ACT_IDENTITY, CLGLU_BF16, sized(500, 20), 1031);
    call_fill(&c, WILD, &state);
    expect_twin(context(), &c, "whole");
    clglu_context *ctx = with_budget(1 << 16);
    expect_twin(ctx, &c, "in chunks");
    clglu_context_close(ctx);
    call_free(&c);
}
END_TEST

Suite *device_host_twins_suite(void)
{
    Suite *s = suite_create("device_host_twins");
    TCase *t = tcase_create("twins");
    tcase_add_loop_test(t, random_calls_on_host_arrays_are_right_and_write_nothing_else, 0, test_scale() == LONG ? 40 : 8);
    tcase_add_loop_test(t, random_calls_in_chunks_are_right_and_write_nothing_else, 0, 4);
    tcase_add_loop_test(t, bias_gradients_in_chunks_are_the_canonical_sums, 0, DTYPES);
    tcase_add_loop_test(t, packed_and_in_place_arrays_go_through_in_chunks, 0, DTYPES);
    tcase_add_loop_test(t, no_rows_on_host_arrays_write_nothing, 0, OPERATORS);
    tcase_add_test(t, inputs_may_be_read_only_memory);
    tcase_add_test(t, a_large_array_goes_through_whole_and_in_chunks);
    suite_add_tcase(s, t);
    return s;
}
