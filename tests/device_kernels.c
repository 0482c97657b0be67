/* device_kernels.c - kernel_dir: a folder whose kernels are used instead, and what happens when they are bad.
   SPDX-License-Identifier: MIT */

#include "device.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* y of relu(3) * 2 on that context. */
static clglu_status relu_3_times_2(clglu_context *ctx, float *y)
{
    float a = 3, b = 2;
    clglu_gate_desc d = {.rows = 1, .cols = 1, .act = CLGLU_ACT_RELU};
    *y = 12345;
    return clglu_gate_forward_host(ctx, &d, &a, &b, y);
}

START_TEST(a_file_of_kernel_dir_is_used_instead_of_the_built_in_one)
{
    folder f = folder_new();
    float y;
    folder_change(&f, "gate.cl", "store(p,", "store(p + p,");
    folder_open(&f);
    ck_assert_int_eq(relu_3_times_2(f.context, &y), CLGLU_OK);
    ck_assert_double_eq((double)y, 12);
    folder_free(&f);
    ck_assert_int_eq(relu_3_times_2(context(), &y), CLGLU_OK);
    ck_assert_double_eq((double)y, 6);
}
END_TEST

START_TEST(an_included_file_of_kernel_dir_is_used_too)
{
    folder f = folder_new();
    float y;
    folder_change(&f, "relu.clh", "PICK(x <= 0.0f, 0.0f, x)", "x + 1.0f"); /* the first is that of relu */
    folder_open(&f);
    ck_assert_int_eq(relu_3_times_2(f.context, &y), CLGLU_OK);
    ck_assert_double_eq((double)y, 8);
    folder_free(&f);
}
END_TEST

START_TEST(files_that_the_folder_lacks_are_the_built_in_ones)
{
    folder f = folder_new();
    uint64_t state = 91;
    folder_open(&f);
    for (operator_id op = 0; op < OPERATORS; op++) {
        call c = call_new(op, CLGLU_ACT_GELU, CLGLU_ACT_IDENTITY, CLGLU_F16, 3, 50);
        call_fill(&c, WILD, &state);
        call want = call_emulated(&c);
        ck_assert_int_eq(call_on_buffers(f.context, NULL, &c), CLGLU_OK);
        expect_same(&c, &want, "an empty kernel_dir");
        call_free(&want);
        call_free(&c);
    }
    folder_free(&f);
}
END_TEST

/* The line of the fault, counted in the file as it stands in the folder. */
static size_t line_of(const folder *f, const char *file, const char *word)
{
    char path[400], line[1000];
    size_t n = 0;
    snprintf(path, sizeof path, "%s/%s", f->name, file);
    FILE *in = fopen(path, "r");
    ck_assert_ptr_nonnull(in);
    while (fgets(line, sizeof line, in)) {
        n++;
        if (strstr(line, word)) break;
    }
    fclose(in);
    return n;
}

/* Oclgrind's compiler pays no heed to #line and calls every source input.cl: there the log must show the fault itself. */
static void expect_place(const folder *f, const char *file, const char *word)
{
    const char *text = clglu_context_error(f->context);
    char place[60];
    snprintf(place, sizeof place, "%s:%zu", file, line_of(f, file, word));
    if (strstr(text, "input.cl:"))
        ck_assert_msg(strstr(text, word) != NULL, "the text does not show %s: %s", word, text);
    else
        ck_assert_msg(strstr(text, place) != NULL, "the text does not name %s: %s", place, text);
}

/* Refused: nothing is written and no event made. The same again, and other kernels still work. */
static void expect_failure(folder *f, clglu_status want)
{
    float y;
    call c = call_new(GATE_FORWARD, CLGLU_ACT_RELU, CLGLU_ACT_IDENTITY, CLGLU_F32, 2, 3);
    uint64_t state = 92;
    call_fill(&c, MODERATE, &state);
    call before = call_copy(&c);
    buffers b = buffers_new(f->context, &c);
    cl_event untouched = (cl_event)(uintptr_t)0x1234, event = untouched;
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(buffers_enqueue(f->context, NULL, &c, &b, 0, NULL, &event), want);
    ck_assert_ptr_eq(event, untouched);
    buffers_read(f->context, &c, &b);
    expect_same(&c, &before, "after a failed build");
    ck_assert_int_eq(relu_3_times_2(f->context, &y), want);
    ck_assert_double_eq((double)y, 12345);
    buffers_free(&b);
    call_free(&before);
    call_free(&c);
    call other = call_new(ACT_BACKWARD, CLGLU_ACT_RELU, 0, CLGLU_F32, 2, 3);
    call_fill(&other, MODERATE, &state);
    char text[8000];
    snprintf(text, sizeof text, "%s", clglu_context_error(f->context));
    ck_assert_int_eq(call_on_buffers(f->context, NULL, &other), CLGLU_OK);
    ck_assert_str_eq(clglu_context_error(f->context), text); /* success leaves the last failure where it is */
    call_free(&other);
}

START_TEST(a_source_that_does_not_build_is_reported_with_file_and_line)
{
    folder f = folder_new();
    folder_change(&f, "gate.cl", "store(p,", "stroe(p,");
    folder_open(&f);
    expect_failure(&f, CLGLU_BUILD_FAILED);
    expect_place(&f, "gate.cl", "stroe");
    folder_free(&f);
}
END_TEST

START_TEST(a_fault_in_an_included_file_is_reported_with_that_file_and_line)
{
    folder f = folder_new();
    float y;
    folder_change(&f, "store.clh", "static inline", "static inlien");
    folder_open(&f);
    ck_assert_int_eq(relu_3_times_2(f.context, &y), CLGLU_BUILD_FAILED);
    expect_place(&f, "store.clh", "inlien");
    folder_free(&f);
}
END_TEST

START_TEST(a_file_without_its_kernel_fails_in_words)
{
    folder f = folder_new();
    float y;
    folder_write(&f, "gate.cl", "kernel void another(global float *p) { *p = 0; }\n");
    folder_open(&f);
    clglu_status s = relu_3_times_2(f.context, &y);
    ck_assert_msg(s == CLGLU_OPENCL_FAILED || s == CLGLU_BUILD_FAILED, "%s", clglu_status_name(s));
    ck_assert_msg(*clglu_context_error(f.context), "no text");
    folder_free(&f);
}
END_TEST

/* A folder in a file's place cannot be read, whoever asks. */
START_TEST(a_file_that_cannot_be_read_is_reported_by_name)
{
    folder f = folder_new();
    char path[400];
    snprintf(path, sizeof path, "%s/gate.cl", f.name);
    ck_assert_int_eq(mkdir(path, 0700), 0);
    folder_open(&f);
    expect_failure(&f, CLGLU_FILE_FAILED);
    ck_assert_ptr_nonnull(strstr(clglu_context_error(f.context), path));
    ck_assert_int_eq(rmdir(path), 0);
    folder_free(&f);
}
END_TEST

START_TEST(the_name_of_kernel_dir_is_copied)
{
    folder f = folder_new();
    char name[300];
    float y;
    folder_change(&f, "gate.cl", "store(p,", "store(p + p,");
    strcpy(name, f.name);
    clglu_context_params params = {.kernel_dir = name, .no_self_test = 1};
    ck_assert_int_eq(clglu_context_open(device_selector(), &params, &f.context), CLGLU_OK);
    memset(name, 'x', sizeof name - 1);
    ck_assert_int_eq(relu_3_times_2(f.context, &y), CLGLU_OK);
    ck_assert_double_eq((double)y, 12);
    folder_free(&f);
}
END_TEST

Suite *device_kernels_suite(void)
{
    Suite *s = suite_create("device_kernels");
    TCase *t = tcase_create("kernels");
    tcase_add_test(t, a_file_of_kernel_dir_is_used_instead_of_the_built_in_one);
    tcase_add_test(t, an_included_file_of_kernel_dir_is_used_too);
    tcase_add_test(t, files_that_the_folder_lacks_are_the_built_in_ones);
    tcase_add_test(t, a_source_that_does_not_build_is_reported_with_file_and_line);
    tcase_add_test(t, a_fault_in_an_included_file_is_reported_with_that_file_and_line);
    tcase_add_test(t, a_file_without_its_kernel_fails_in_words);
    tcase_add_test(t, a_file_that_cannot_be_read_is_reported_by_name);
    tcase_add_test(t, the_name_of_kernel_dir_is_copied);
    suite_add_tcase(s, t);
    return s;
}
