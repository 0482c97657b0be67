/* device_context.c - selectors, facts, parameters, ownership: opening, wrapping and closing.
   SPDX-License-Identifier: MIT */

#include "device.h"
#include "error.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* ---------------------------------------------------------------- words */

/* OpenCL 1.2 has them from 0 to -19 and from -30 to -68; the loader's own is -1001. */
START_TEST(every_code_of_opencl_has_its_own_name)
{
    for (int code = 0; code >= -68; code--) {
        const char *name = clglu_cl_name(code);
        if (code < -19 && code > -30) ck_assert_str_eq(name, "unknown OpenCL error");
        else ck_assert_msg(strncmp(name, "CL_", 3) == 0, "%d is %s", code, name);
        for (int other = 0; other > code && strncmp(name, "CL_", 3) == 0; other--) ck_assert_str_ne(name, clglu_cl_name(other));
    }
    ck_assert_str_eq(clglu_cl_name(CL_MAP_FAILURE), "CL_MAP_FAILURE");
    ck_assert_str_eq(clglu_cl_name(-1001), "CL_PLATFORM_NOT_FOUND_KHR");
    ck_assert_str_eq(clglu_cl_name(1), "unknown OpenCL error");
}
END_TEST

/* ---------------------------------------------------------------- selectors */

static clglu_status opens(const char *selector)
{
    clglu_context *ctx = (clglu_context *)(uintptr_t)1;
    clglu_context_params params = {.no_self_test = 1};
    clglu_status s = clglu_context_open(selector, &params, &ctx);
    if (s == CLGLU_OK)
        clglu_context_close(ctx);
    else
        ck_assert_msg(ctx == NULL, "\"%s\": *context is not NULL after %s", selector, clglu_status_name(s));
    return s;
}

static void expect_opens(const char *selector, clglu_status want)
{
    clglu_status s = opens(selector);
    ck_assert_msg(s == want, "\"%s\": %s, wanted %s", selector, clglu_status_name(s), clglu_status_name(want));
}

/* The words that describe the device of this run find it, or a better one of the same kind. */
START_TEST(a_selector_finds_a_device_by_place_kind_name_and_memory)
{
    const clglu_device_facts *f = clglu_context_facts(context());
    char s[400];
    snprintf(s, sizeof s, "%u:%u", f->platform, f->device);
    expect_opens(s, CLGLU_OK);
    expect_opens(f->type & CL_DEVICE_TYPE_GPU ? "gpu" : f->type & CL_DEVICE_TYPE_CPU ? "cpu" : "accelerator", CLGLU_OK);
    expect_opens(NULL, CLGLU_OK);
    expect_opens("best", CLGLU_OK);
    expect_opens("mem>=1K", CLGLU_OK);
    expect_opens("best,mem>=1K", CLGLU_OK);
    expect_opens("mem>=1", CLGLU_OK);
    expect_opens("mem>=1k,mem>=1M", CLGLU_OK);
    if (f->fp64) expect_opens("fp64", CLGLU_OK);
    if (f->fp16) expect_opens("fp16", CLGLU_OK);
}
END_TEST

/* The middle of a name, in the other case; commas would end the condition. */
static void expect_part_of(const char *name)
{
    char part[200];
    size_t n = 0;
    while (n < sizeof part - 1 && name[n] && !strchr(",<>=", name[n])) n++;
    memcpy(part, name, n);
    part[n] = 0;
    for (char *c = part; *c; c++) *c = (char)(isupper((unsigned char)*c) ? tolower((unsigned char)*c) : toupper((unsigned char)*c));
    if (n > 2) expect_opens(part, CLGLU_OK);
    if (n > 4) part[n - 1] = 0;
    if (n > 4) expect_opens(part + 1, CLGLU_OK);
}

START_TEST(a_part_of_a_name_finds_a_device_whatever_its_case)
{
    const clglu_device_facts *f = clglu_context_facts(context());
    expect_part_of(f->name);
    expect_part_of(f->platform_name);
}
END_TEST

START_TEST(a_selector_picks_the_device_that_it_names)
{
    const clglu_device_facts *f = clglu_context_facts(context());
    char s[40];
    clglu_context *ctx;
    snprintf(s, sizeof s, "%u:%u", f->platform, f->device);
    ck_assert_int_eq(clglu_context_open(s, NULL, &ctx), CLGLU_OK);
    ck_assert_ptr_eq(clglu_context_device(ctx), f->device_id);
    clglu_context_close(ctx);
}
END_TEST

START_TEST(a_selector_that_nothing_matches_finds_no_device)
{
    static const char *const none[] = {"no such device", "99:0", "0:99", "mem>=1000000000G", "best,no such device",
                                       "cpu,no such device"};
    for (size_t i = 0; i < COUNT(none); i++) expect_opens(none[i], CLGLU_NO_DEVICE);
}
END_TEST

START_TEST(nonsense_is_an_invalid_selector)
{
    static const char *const nonsense[] = {"", ",", "cpu,", ",cpu", "cpu,,fp64", "mem>=", "mem>=G", "mem>=4X",
                                           "mem>=4GG", "mem>=-1", "mem<4G", "mem=4G", "fp64>=2", "mem>=99999999999999999999999"};
    for (size_t i = 0; i < COUNT(nonsense); i++) expect_opens(nonsense[i], CLGLU_INVALID_SELECTOR);
}
END_TEST

/* ---------------------------------------------------------------- parameters */

typedef struct heard {
    size_t lines;
    char last[4000];
    bool newline;
} heard;

static void hear(const char *text, void *user)
{
    heard *h = user;
    h->lines++;
    h->newline |= strchr(text, '\n') != NULL;
    snprintf(h->last, sizeof h->last, "%s", text);
}

START_TEST(the_log_hears_why_no_device_is_opened)
{
    static const char *const selectors[] = {"no such device", "mem>="};
    for (size_t i = 0; i < COUNT(selectors); i++) {
        heard h = {0};
        clglu_context *ctx;
        clglu_context_params params = {.log = hear, .log_user = &h};
        ck_assert_int_ne(clglu_context_open(selectors[i], &params, &ctx), CLGLU_OK);
        ck_assert_msg(h.lines > 0 && *h.last, "the log has heard nothing of \"%s\"", selectors[i]);
        ck_assert_msg(!h.newline, "a newline in \"%s\"", h.last);
    }
}
END_TEST

START_TEST(the_log_hears_failures_of_calls_in_the_words_of_the_error)
{
    heard h = {0};
    clglu_context *ctx;
    clglu_context_params params = {.log = hear, .log_user = &h, .no_self_test = 1};
    ck_assert_int_eq(clglu_context_open(device_selector(), &params, &ctx), CLGLU_OK);
    ck_assert_str_eq(clglu_context_error(ctx), "");
    size_t before = h.lines;
    ck_assert_int_eq(clglu_gate_forward(ctx, NULL, NULL, NULL, NULL, NULL, 0, NULL, NULL), CLGLU_NULL_POINTER);
    ck_assert_uint_eq(h.lines, before + 1);
    ck_assert_str_eq(h.last, clglu_context_error(ctx));
    clglu_context_close(ctx);
}
END_TEST

START_TEST(null_where_a_pointer_is_needed_is_refused)
{
    clglu_context *ctx = (clglu_context *)(uintptr_t)1;
    cl_context cl = clglu_context_cl_context(context());
    ck_assert_int_eq(clglu_context_open("best", NULL, NULL), CLGLU_NULL_POINTER);
    ck_assert_int_eq(clglu_context_wrap(NULL, clglu_context_device(context()), NULL, &ctx), CLGLU_NULL_POINTER);
    ck_assert_ptr_null(ctx);
    ck_assert_int_eq(clglu_context_wrap(cl, NULL, NULL, &ctx), CLGLU_NULL_POINTER);
    ck_assert_int_eq(clglu_context_wrap(cl, clglu_context_device(context()), NULL, NULL), CLGLU_NULL_POINTER);
    ck_assert_int_eq(clglu_devices(NULL, NULL), CLGLU_NULL_POINTER);
    ck_assert_int_eq(clglu_device_examine(NULL, 0, NULL, NULL), CLGLU_NULL_POINTER);
}
END_TEST

START_TEST(null_contexts_have_nothing_and_close)
{
    clglu_context_close(NULL);
    ck_assert_ptr_null(clglu_context_queue(NULL));
    ck_assert_ptr_null(clglu_context_device(NULL));
    ck_assert_ptr_null(clglu_context_cl_context(NULL));
    ck_assert_ptr_null(clglu_context_facts(NULL));
    ck_assert_ptr_nonnull(clglu_context_error(NULL));
}
END_TEST

/* ---------------------------------------------------------------- devices */

typedef struct census {
    size_t rows, usable, here;
    cl_device_id wanted;
    char trouble[400];
} census;

static void count_device(const clglu_device_facts *f, void *user)
{
    census *c = user;
    c->rows++;
    c->usable += f->usable != 0;
    if (!f->platform_name || !f->name || !f->verdict || !f->remarks)
        snprintf(c->trouble, sizeof c->trouble, "row %zu has a NULL string", c->rows);
    else if (f->usable != !strcmp(f->verdict, "usable"))
        snprintf(c->trouble, sizeof c->trouble, "%s: usable is %d, the verdict \"%s\"", f->name, f->usable, f->verdict);
    else if (f->device_id && f->device_id == c->wanted && ++c->here && !f->usable)
        snprintf(c->trouble, sizeof c->trouble, "the device of this run has the verdict \"%s\"", f->verdict);
}

START_TEST(devices_calls_back_for_every_device_and_this_one_is_usable)
{
    census c = {.wanted = clglu_context_device(context())};
    ck_assert_int_eq(clglu_devices(count_device, &c), CLGLU_OK);
    ck_assert_str_eq(c.trouble, "");
    ck_assert_uint_eq(c.here, 1);
    ck_assert_uint_ge(c.usable, 1);
}
END_TEST

START_TEST(examine_calls_back_once_for_one_device)
{
    for (int self_test = 0; self_test < 2; self_test++) {
        census c = {.wanted = clglu_context_device(context())};
        ck_assert_int_eq(clglu_device_examine(c.wanted, self_test, count_device, &c), CLGLU_OK);
        ck_assert_str_eq(c.trouble, "");
        ck_assert_uint_eq(c.rows, 1);
        ck_assert_uint_eq(c.here, 1);
    }
}
END_TEST

static void expect_platform_text(cl_platform_id id, cl_platform_info what, const char *got)
{
    char text[2000];
    ck_assert_int_eq(clGetPlatformInfo(id, what, sizeof text, text, NULL), CL_SUCCESS);
    ck_assert_msg(*got && strstr(text, got) != NULL, "\"%s\" is not in \"%s\"", got, text);
}

static void expect_device_text(cl_device_id id, cl_device_info what, const char *got)
{
    char text[2000];
    ck_assert_int_eq(clGetDeviceInfo(id, what, sizeof text, text, NULL), CL_SUCCESS);
    ck_assert_msg(*got && strstr(text, got) != NULL, "\"%s\" is not in \"%s\"", got, text);
}

/* cl_uint and cl_ulong alike. */
static void expect_device_number(cl_device_id id, cl_device_info what, uint64_t got)
{
    union {
        cl_uint small;
        cl_ulong large;
    } n = {.large = 0};
    size_t size;
    ck_assert_int_eq(clGetDeviceInfo(id, what, sizeof n, &n, &size), CL_SUCCESS);
    ck_assert_uint_eq(got, size == sizeof n.small ? n.small : n.large);
}

START_TEST(more_facts_are_what_opencl_says)
{
    const clglu_device_facts *f = clglu_context_facts(context());
    cl_device_id id = f->device_id;
    cl_device_fp_config fp;
    expect_platform_text(f->platform_id, CL_PLATFORM_NAME, f->platform_name);
    expect_platform_text(f->platform_id, CL_PLATFORM_VERSION, f->platform_version);
    expect_device_text(id, CL_DEVICE_VENDOR, f->vendor);
    expect_device_text(id, CL_DEVICE_VERSION, f->device_version);
    expect_device_text(id, CL_DEVICE_OPENCL_C_VERSION, f->c_version);
    expect_device_text(id, CL_DRIVER_VERSION, f->driver_version);
    expect_device_number(id, CL_DEVICE_TYPE, f->type);
    expect_device_number(id, CL_DEVICE_MAX_CLOCK_FREQUENCY, f->clock_mhz);
    expect_device_number(id, CL_DEVICE_MAX_MEM_ALLOC_SIZE, f->max_alloc_bytes);
    expect_device_number(id, CL_DEVICE_GLOBAL_MEM_CACHE_SIZE, f->cache_bytes);
    expect_device_number(id, CL_DEVICE_LOCAL_MEM_SIZE, f->local_bytes);
    expect_device_number(id, CL_DEVICE_MAX_WORK_GROUP_SIZE, f->max_work_group);
    expect_device_number(id, CL_DEVICE_ADDRESS_BITS, f->address_bits);
    expect_device_number(id, CL_DEVICE_PROFILING_TIMER_RESOLUTION, f->profiling_ns);
    ck_assert_int_eq(clGetDeviceInfo(id, CL_DEVICE_SINGLE_FP_CONFIG, sizeof fp, &fp, NULL), CL_SUCCESS);
    ck_assert_int_eq(f->round_nearest, (fp & CL_FP_ROUND_TO_NEAREST) != 0);
    ck_assert_int_eq(f->inf_nan, (fp & CL_FP_INF_NAN) != 0);
    ck_assert_int_eq(f->fma, (fp & CL_FP_FMA) != 0);
}
END_TEST

START_TEST(facts_are_what_opencl_says)
{
    const clglu_device_facts *f = clglu_context_facts(context());
    char name[300];
    cl_ulong bytes;
    cl_uint units;
    ck_assert_int_eq(clGetDeviceInfo(f->device_id, CL_DEVICE_NAME, sizeof name, name, NULL), CL_SUCCESS);
    ck_assert_int_eq(clGetDeviceInfo(f->device_id, CL_DEVICE_GLOBAL_MEM_SIZE, sizeof bytes, &bytes, NULL), CL_SUCCESS);
    ck_assert_int_eq(clGetDeviceInfo(f->device_id, CL_DEVICE_MAX_COMPUTE_UNITS, sizeof units, &units, NULL), CL_SUCCESS);
    ck_assert_msg(strstr(name, f->name) != NULL, "\"%s\" is not in \"%s\"", f->name, name);
    ck_assert_uint_eq(f->global_bytes, bytes);
    ck_assert_uint_eq(f->compute_units, units);
    ck_assert_int_eq(f->usable, 1);
    ck_assert_str_eq(f->verdict, "usable");
    ck_assert_ptr_eq(f->device_id, clglu_context_device(context()));
}
END_TEST

/* ---------------------------------------------------------------- ownership */

static cl_uint context_references(cl_context cl)
{
    cl_uint n = 0;
    ck_assert_int_eq(clGetContextInfo(cl, CL_CONTEXT_REFERENCE_COUNT, sizeof n, &n, NULL), CL_SUCCESS);
    return n;
}

static void use_once(clglu_context *ctx)
{
    float x[5] = {-2, -1, 0, 1, 2}, y[5];
    clglu_act_desc d = {.rows = 1, .cols = 5, .act = CLGLU_ACT_RELU};
    ck_assert_int_eq(clglu_act_forward_host(ctx, &d, x, y), CLGLU_OK);
    ck_assert_msg(y[0] == 0 && y[4] == 2, "relu(-2) is %g, relu(2) is %g", (double)y[0], (double)y[4]);
}

START_TEST(wrap_retains_the_callers_context_and_gives_it_back)
{
    cl_device_id device = clglu_context_device(context());
    cl_int error;
    cl_context cl = clCreateContext(NULL, 1, &device, NULL, NULL, &error);
    ck_assert_int_eq(error, CL_SUCCESS);
    cl_uint before = context_references(cl);
    clglu_context *ctx;
    ck_assert_int_eq(clglu_context_wrap(cl, device, NULL, &ctx), CLGLU_OK);
    ck_assert_ptr_eq(clglu_context_cl_context(ctx), cl);
    ck_assert_ptr_eq(clglu_context_device(ctx), device);
    ck_assert_ptr_nonnull(clglu_context_queue(ctx));
    ck_assert_uint_gt(context_references(cl), before);
    use_once(ctx);
    clglu_context_close(ctx);
    /* A driver's threads may let go of finished commands a little after clFinish. */
    for (int i = 0; i < 200 && context_references(cl) != before; i++) nanosleep(&(struct timespec){0, 10000000}, NULL);
    ck_assert_uint_eq(context_references(cl), before);
    clReleaseContext(cl);
}
END_TEST

START_TEST(a_wrapped_context_outlives_its_callers_reference)
{
    cl_device_id device = clglu_context_device(context());
    cl_int error;
    cl_context cl = clCreateContext(NULL, 1, &device, NULL, NULL, &error);
    ck_assert_int_eq(error, CL_SUCCESS);
    clglu_context *ctx;
    ck_assert_int_eq(clglu_context_wrap(cl, device, NULL, &ctx), CLGLU_OK);
    clReleaseContext(cl);
    use_once(ctx);
    clglu_context_close(ctx);
}
END_TEST

static long resident_pages(void)
{
    long size = 0, resident = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    if (!f) return 0;
    if (fscanf(f, "%ld %ld", &size, &resident) != 2) resident = 0;
    fclose(f);
    return resident;
}

/* Memory of the process may wander, but not by as much as a leak of 2 KiB a time would make it. */
static void expect_no_growth(void (*cycle)(void), size_t times)
{
    for (size_t i = 0; i < times / 5 + 2; i++) cycle();
    long before = resident_pages();
    for (size_t i = 0; i < times; i++) cycle();
    long grown = (resident_pages() - before) * (sysconf(_SC_PAGESIZE) / 1024);
    ck_assert_msg(grown < 1024 + 2 * (long)times, "%zu times: %ld KiB more than before", times, grown);
}

static void wrap_and_close(void)
{
    clglu_context *ctx;
    clglu_context_params params = {.no_self_test = 1};
    ck_assert_int_eq(clglu_context_wrap(clglu_context_cl_context(context()), clglu_context_device(context()), &params, &ctx),
                     CLGLU_OK);
    clglu_context_close(ctx);
}

static void open_and_close(void)
{
    clglu_context *ctx;
    clglu_context_params params = {.no_self_test = 1};
    ck_assert_int_eq(clglu_context_open(device_selector(), &params, &ctx), CLGLU_OK);
    clglu_context_close(ctx);
}

static void fail_and_close(void)
{
    clglu_context *ctx;
    ck_assert_int_ne(clglu_context_open("no such device", NULL, &ctx), CLGLU_OK);
}

START_TEST(wrapping_and_closing_a_thousand_times_does_not_grow) { expect_no_growth(wrap_and_close, sized(1000, 100)); }
END_TEST

START_TEST(opening_and_closing_does_not_grow) { expect_no_growth(open_and_close, sized(300, 20)); }
END_TEST

START_TEST(failing_to_open_does_not_grow) { expect_no_growth(fail_and_close, sized(500, 50)); }
END_TEST

START_TEST(opening_with_the_self_test_passes_again_and_again)
{
    for (size_t i = 0; i < sized(5, 2); i++) {
        clglu_context *ctx;
        ck_assert_int_eq(clglu_context_open(device_selector(), NULL, &ctx), CLGLU_OK);
        use_once(ctx);
        clglu_context_close(ctx);
    }
}
END_TEST

Suite *device_context_suite(void)
{
    Suite *s = suite_create("device_context");
    TCase *t = tcase_create("context");
    tcase_add_test(t, every_code_of_opencl_has_its_own_name);
    tcase_add_test(t, a_selector_finds_a_device_by_place_kind_name_and_memory);
    tcase_add_test(t, a_part_of_a_name_finds_a_device_whatever_its_case);
    tcase_add_test(t, a_selector_picks_the_device_that_it_names);
    tcase_add_test(t, a_selector_that_nothing_matches_finds_no_device);
    tcase_add_test(t, nonsense_is_an_invalid_selector);
    tcase_add_test(t, the_log_hears_why_no_device_is_opened);
    tcase_add_test(t, the_log_hears_failures_of_calls_in_the_words_of_the_error);
    tcase_add_test(t, null_where_a_pointer_is_needed_is_refused);
    tcase_add_test(t, null_contexts_have_nothing_and_close);
    tcase_add_test(t, devices_calls_back_for_every_device_and_this_one_is_usable);
    tcase_add_test(t, examine_calls_back_once_for_one_device);
    tcase_add_test(t, facts_are_what_opencl_says);
    tcase_add_test(t, more_facts_are_what_opencl_says);
    tcase_add_test(t, wrap_retains_the_callers_context_and_gives_it_back);
    tcase_add_test(t, a_wrapped_context_outlives_its_callers_reference);
    tcase_add_test(t, wrapping_and_closing_a_thousand_times_does_not_grow);
    tcase_add_test(t, opening_and_closing_does_not_grow);
    tcase_add_test(t, failing_to_open_does_not_grow);
    tcase_add_test(t, opening_with_the_self_test_passes_again_and_again);
    suite_add_tcase(s, t);
    return s;
}
