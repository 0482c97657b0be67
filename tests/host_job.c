/* host_job.c - names and variants, and what a job's check refuses, through the emulation: no device is needed.
   SPDX-License-Identifier: MIT */

#include <check.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "clglu.h"

START_TEST(each_status_has_its_own_name)
{
    for (int i = 0; i <= CLGLU_FILE_FAILED; i++)
        for (int j = 0; j < i; j++) {
            const char *p = clglu_status_name((clglu_status)i), *q = clglu_status_name((clglu_status)j);
            ck_assert(strcmp(p, q) != 0 || strcmp(p, "unknown status") == 0);
        }
#define NAMED(s) ck_assert_str_eq(clglu_status_name(s), #s)
    NAMED(CLGLU_OK); NAMED(CLGLU_NULL_POINTER); NAMED(CLGLU_INVALID_VALUE); NAMED(CLGLU_INVALID_SIZE); NAMED(CLGLU_INVALID_VIEW);
    NAMED(CLGLU_BUFFER_TOO_SMALL); NAMED(CLGLU_OVERLAP); NAMED(CLGLU_NOT_FOUND); NAMED(CLGLU_UNSUPPORTED); NAMED(CLGLU_INVALID_SELECTOR);
    NAMED(CLGLU_NO_PLATFORM); NAMED(CLGLU_NO_DEVICE); NAMED(CLGLU_DEVICE_UNUSABLE); NAMED(CLGLU_OUT_OF_MEMORY);
    NAMED(CLGLU_OUT_OF_DEVICE_MEMORY); NAMED(CLGLU_BUILD_FAILED); NAMED(CLGLU_OPENCL_FAILED); NAMED(CLGLU_FILE_FAILED);
    NAMED(CLGLU_CLBLAST_FAILED);
    ck_assert_str_eq(clglu_status_name((clglu_status)999), "unknown status");
}
END_TEST

START_TEST(the_version_is_the_headers)
{
    int major, minor, patch;
    ck_assert_int_eq(sscanf(clglu_version(), "%d.%d.%d", &major, &minor, &patch), 3);
    ck_assert_int_eq(major, CLGLU_VERSION_MAJOR);
    ck_assert_int_eq(minor, CLGLU_VERSION_MINOR);
    ck_assert_int_eq(patch, CLGLU_VERSION_PATCH);
}
END_TEST

START_TEST(every_dtype_has_a_name_and_a_size)
{
    ck_assert_str_eq(clglu_dtype_name(CLGLU_F32), "f32");
    ck_assert_str_eq(clglu_dtype_name(CLGLU_F16), "f16");
    ck_assert_str_eq(clglu_dtype_name(CLGLU_BF16), "bf16");
    ck_assert_ptr_null(clglu_dtype_name((clglu_dtype)3));
    ck_assert(clglu_dtype_size(CLGLU_F32) == 4 && clglu_dtype_size(CLGLU_F16) == 2 && clglu_dtype_size(CLGLU_BF16) == 2);
    ck_assert_uint_eq(clglu_dtype_size((clglu_dtype)3), 0);
}
END_TEST

/* The published forms, as the header has them. */
START_TEST(every_variants_parameters_are_the_published_ones)
{
    clglu_variant v;
    for (size_t i = 0; clglu_variant_at(i, &v) == CLGLU_OK; i++) {
        bool oai = strcmp(v.name, "swiglu_oai") == 0;
        ck_assert_msg(v.alpha == (oai ? 1.702f : 0) && v.limit == (oai ? 7 : 0) && v.shift == (oai ? 1 : 0), "%s: %g, %g, %g", v.name,
                      (double)v.alpha, (double)v.limit, (double)v.shift);
    }
}
END_TEST

START_TEST(every_variant_is_found_by_its_name)
{
    clglu_variant v;
    size_t count = 0;
    for (; clglu_variant_at(count, &v) == CLGLU_OK; count++) {
        clglu_act act, gate;
        clglu_gate_desc desc = {.rows = 7};
        ck_assert_int_eq(clglu_variant_find(v.name, &act, &gate), CLGLU_OK);
        ck_assert_int_eq(act, v.act);
        ck_assert_int_eq(gate, v.gate);
        ck_assert_int_eq(clglu_variant_set(v.name, &desc), CLGLU_OK);
        ck_assert_uint_eq(desc.rows, 7);
        ck_assert(desc.act == v.act && desc.gate == v.gate && desc.alpha == v.alpha && desc.limit == v.limit &&
                  desc.shift == v.shift);
    }
    ck_assert_uint_eq(count, 10);
    ck_assert_int_eq(clglu_variant_find("gelglu", NULL, NULL), CLGLU_NOT_FOUND);
    ck_assert_int_eq(clglu_variant_find(NULL, NULL, NULL), CLGLU_NULL_POINTER);
    ck_assert_int_eq(clglu_variant_at(0, NULL), CLGLU_NULL_POINTER);
    ck_assert_int_eq(clglu_variant_set("geglu", NULL), CLGLU_NULL_POINTER);
    ck_assert_int_eq(clglu_variant_find("geglu", NULL, NULL), CLGLU_OK);
    clglu_gate_desc desc = {.rows = 7};
    ck_assert_int_eq(clglu_variant_set(NULL, &desc), CLGLU_NULL_POINTER);
    ck_assert_int_eq(clglu_variant_set("gelglu", &desc), CLGLU_NOT_FOUND);
}
END_TEST

START_TEST(every_activation_is_found_by_its_name)
{
#define FIND(id, name, UPPER, ...)                                                                           \
    {                                                                                                        \
        clglu_act act;                                                                                       \
        ck_assert_int_eq(clglu_act_find(#name, &act), CLGLU_OK);                                             \
        ck_assert_int_eq(act, id);                                                                           \
    }
    CLGLU_ACTS(FIND)
    clglu_act act;
    ck_assert_int_eq(clglu_act_find("GELU", &act), CLGLU_NOT_FOUND);
    ck_assert_int_eq(clglu_act_find(NULL, &act), CLGLU_NULL_POINTER);
    ck_assert_int_eq(clglu_act_find("gelu", NULL), CLGLU_NULL_POINTER);
}
END_TEST

START_TEST(what_is_refused_writes_nothing)
{
    float a[8] = {1, 2, 3, 4, 5, 6, 7, 8}, y[8], canary[8];
    const clglu_gate_desc good = {.rows = 2, .cols = 4, .act = CLGLU_ACT_SILU};
    clglu_gate_desc d[12];
    for (int i = 0; i < 12; i++) d[i] = good;
    d[0].act = (clglu_act)99;
    d[1].gate = (clglu_act)-1;
    d[2].dtype = (clglu_dtype)7;
    d[3].rounding = (clglu_rounding)2;
    d[4].alpha = -1;
    d[5].alpha = NAN;
    d[6].limit = -1;
    d[7].limit = INFINITY;
    d[8].shift = NAN;
    d[9].act = CLGLU_ACT_GELU, d[9].alpha = 2;
    d[10].bias_a.buffer = (cl_mem)(void *)a;
    d[11].bias_b.buffer = (cl_mem)(void *)a;
    memset(y, 0x5a, sizeof y);
    memcpy(canary, y, sizeof y);
    for (int i = 0; i < 12; i++)
        ck_assert_msg(clglu_emulate_gate_forward(&d[i], a, a, y) == CLGLU_INVALID_VALUE, "case %d was let through", i);
    ck_assert_int_eq(clglu_emulate_gate_forward(NULL, a, a, y), CLGLU_NULL_POINTER);
    ck_assert_int_eq(clglu_emulate_gate_forward(&good, NULL, a, y), CLGLU_NULL_POINTER);
    ck_assert_int_eq(clglu_emulate_gate_forward(&good, a, NULL, y), CLGLU_NULL_POINTER);
    ck_assert_int_eq(clglu_emulate_gate_forward(&good, a, a, NULL), CLGLU_NULL_POINTER);
    const clglu_act_desc other = {.rows = 2, .cols = 4, .bias.buffer = (cl_mem)(void *)a};
    ck_assert_int_eq(clglu_emulate_act_forward(NULL, a, y), CLGLU_NULL_POINTER);
    ck_assert_int_eq(clglu_emulate_act_backward(NULL, a, a, y, NULL), CLGLU_NULL_POINTER);
    ck_assert_int_eq(clglu_emulate_gate_backward(NULL, a, a, a, y, NULL, NULL, NULL, NULL), CLGLU_NULL_POINTER);
    ck_assert_int_eq(clglu_emulate_act_forward(&other, a, y), CLGLU_INVALID_VALUE);
    ck_assert_int_eq(clglu_emulate_act_backward(&other, a, a, y, NULL), CLGLU_INVALID_VALUE);
    ck_assert_int_eq(clglu_emulate_gate_backward(&d[10], a, a, a, y, NULL, NULL, NULL, NULL), CLGLU_INVALID_VALUE);
    ck_assert_int_eq(clglu_emulate_gate_backward(&d[11], a, a, a, y, NULL, NULL, NULL, NULL), CLGLU_INVALID_VALUE);
    ck_assert_mem_eq(y, canary, sizeof y);
    ck_assert_int_eq(clglu_emulate_gate_forward(&good, a, a, y), CLGLU_OK);
    ck_assert_mem_ne(y, canary, sizeof y);
}
END_TEST

Suite *job_suite(void);
Suite *job_suite(void)
{
    Suite *s = suite_create("job");
    TCase *t = tcase_create("jobs");
    tcase_add_test(t, each_status_has_its_own_name);
    tcase_add_test(t, the_version_is_the_headers);
    tcase_add_test(t, every_dtype_has_a_name_and_a_size);
    tcase_add_test(t, every_variants_parameters_are_the_published_ones);
    tcase_add_test(t, every_variant_is_found_by_its_name);
    tcase_add_test(t, every_activation_is_found_by_its_name);
    tcase_add_test(t, what_is_refused_writes_nothing);
    suite_add_tcase(s, t);
    return s;
}
