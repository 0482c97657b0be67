/* device_tools.c - for the tests on a device: the shared context, numbers, arrays.
   SPDX-License-Identifier: MIT */

#include "device.h"
#include "dtype.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---------------------------------------------------------------- the run */

run_scale test_scale(void)
{
    const char *s = getenv("CLGLU_TEST_SCALE");
    return s && !strcmp(s, "small") ? SMALL : s && !strcmp(s, "long") ? LONG : NORMAL;
}

size_t sized(size_t normal, size_t small) { return test_scale() == SMALL ? small : normal; }

int digit(int *i, int base)
{
    int last = *i % base;
    *i /= base;
    return last;
}

size_t variant_count(void)
{
    clglu_variant v;
    size_t n = 0;
    while (clglu_variant_at(n, &v) == CLGLU_OK) n++;
    return n;
}

const char *device_selector(void)
{
    const char *s = getenv("CLGLU_DEVICE");
    return s && *s ? s : "best";
}

int without_self_test(void)
{
    const char *s = getenv("CLGLU_TEST_NO_SELF_TEST");
    return s && *s;
}

static clglu_context *shared;
static bool flushes; /* the device does not keep subnormal numbers */

static void keep_line(const char *text, void *user) { snprintf(user, 2000, "%s", text); }

clglu_context *context(void)
{
    if (!shared) {
        char why[2000] = "";
        const char *kernels = getenv("CLGLU_TEST_KERNELS");
        clglu_context_params params = {.log = keep_line, .log_user = why, .kernel_dir = kernels, .no_self_test = without_self_test()};
        clglu_status s = clglu_context_open(device_selector(), &params, &shared);
        ck_assert_msg(s == CLGLU_OK, "no device for \"%s\": %s: %s", device_selector(), clglu_status_name(s), why);
        flushes = !clglu_context_facts(shared)->subnormals;
        clglu_context_close(shared); /* `why` ends with this function: open again without it */
        params = (clglu_context_params){.kernel_dir = kernels, .no_self_test = without_self_test()};
        ck_assert_int_eq(clglu_context_open(device_selector(), &params, &shared), CLGLU_OK);
    }
    return shared;
}

void close_context(void)
{
    clglu_context_close(shared);
    shared = NULL;
}

/* ---------------------------------------------------------------- numbers */

uint32_t random_bits(uint64_t *state) /* splitmix64 */
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return (uint32_t)((z ^ z >> 31) >> 16);
}

size_t random_below(uint64_t *state, size_t n) { return (size_t)((uint64_t)random_bits(state) * n >> 32); }

bool one_in(uint64_t *state, size_t n) { return random_below(state, n) == 0; }

float float_of_bits(uint32_t u)
{
    float x;
    memcpy(&x, &u, sizeof x);
    return x;
}

uint32_t bits_of_float(float x)
{
    uint32_t u;
    memcpy(&u, &x, sizeof u);
    return u;
}

uint32_t element_bits(clglu_dtype dtype, const void *array, size_t i)
{
    return dtype == CLGLU_F32 ? ((const uint32_t *)array)[i] : ((const uint16_t *)array)[i];
}

void set_element_bits(clglu_dtype dtype, void *array, size_t i, uint32_t bits)
{
    if (dtype == CLGLU_F32)
        ((uint32_t *)array)[i] = bits;
    else
        ((uint16_t *)array)[i] = (uint16_t)bits;
}

float number_of_bits(clglu_dtype dtype, uint32_t bits)
{
    return dtype == CLGLU_F32   ? float_of_bits(bits)
           : dtype == CLGLU_F16 ? clglu_f16_to_f32((uint16_t)bits)
                                : clglu_bf16_to_f32((uint16_t)bits);
}

uint32_t bits_of_number(clglu_dtype dtype, float x)
{
    return dtype == CLGLU_F32 ? bits_of_float(x) : dtype == CLGLU_F16 ? clglu_f32_to_f16(x) : clglu_f32_to_bf16(x);
}

float element(clglu_dtype dtype, const void *array, size_t i)
{
    return number_of_bits(dtype, element_bits(dtype, array, i));
}

void set_element(clglu_dtype dtype, void *array, size_t i, float x)
{
    set_element_bits(dtype, array, i, bits_of_number(dtype, x));
}

void copy_element(clglu_dtype dtype, void *to, size_t i, const void *from, size_t j)
{
    set_element_bits(dtype, to, i, element_bits(dtype, from, j));
}

/* cppcheck-suppress incorrectLogicOperator ; cppcheck cannot read 0x1p-126f */
static bool tiny(float x) { return x < 0x1p-126f && x > -0x1p-126f; }

bool same_bits(clglu_dtype dtype, uint32_t got, uint32_t want)
{
    if (got == want) return true;
    float g = number_of_bits(dtype, got), w = number_of_bits(dtype, want);
    return (g != g && w != w) || (flushes && dtype != CLGLU_F16 && tiny(g) && tiny(w));
}

enum { F32_GRID = 1 << 18 };

size_t grid_count(clglu_dtype dtype)
{
    size_t n = dtype == CLGLU_F32 ? F32_GRID : 1 << 16;
    return sized(n, n / 16);
}

/* Every 16th number of the f32 grid ends in zeros, so that powers of two, zeros and infinities are on it. In a small
   run an odd stride still meets every sign and exponent. */
uint32_t grid_bits(clglu_dtype dtype, size_t i)
{
    size_t n = dtype == CLGLU_F32 ? F32_GRID : 1 << 16;
    if (test_scale() == SMALL) i = i * 16 + (i & 1) * 7 + (i & 2 ? 8 : 0);
    i %= n;
    if (dtype != CLGLU_F32) return (uint32_t)i;
    uint64_t state = i;
    return (uint32_t)i << 14 | (i % 16 ? random_bits(&state) & 0x3fff : 0);
}

uint32_t random_number(clglu_dtype dtype, nature n, uint64_t *state)
{
    static const float special[] = {0.0f, -0.0f, 1.0f, -1.0f, (float)INFINITY, -(float)INFINITY, (float)NAN, 88.0f};
    size_t kind = n == WILD ? random_below(state, 12) : 0;
    if (kind < 8) return bits_of_number(dtype, ((float)random_bits(state) - 0x1p31f) * 0x1p-28f);
    if (kind < 11) return dtype == CLGLU_F32 ? random_bits(state) : random_bits(state) & 0xffff;
    return bits_of_number(dtype, special[random_below(state, COUNT(special))]);
}

/* ---------------------------------------------------------------- arrays */

/* The size stands in front of the array, which keeps malloc's alignment. */
enum { ARRAY_HEAD = 64 };

void *array_new(size_t bytes)
{
    char *p = malloc(ARRAY_HEAD + bytes + 1);
    ck_assert_ptr_nonnull(p);
    memcpy(p, &bytes, sizeof bytes);
    memset(p + ARRAY_HEAD, CANARY, bytes + 1);
    return p + ARRAY_HEAD;
}

size_t array_bytes(const void *array)
{
    size_t bytes;
    memcpy(&bytes, (const char *)array - ARRAY_HEAD, sizeof bytes);
    return bytes;
}

void array_free(void *array)
{
    if (array) free((char *)array - ARRAY_HEAD);
}

/* ---------------------------------------------------------------- OpenCL */

cl_mem buffer_new(clglu_context *c, const void *data, size_t bytes)
{
    cl_int error;
    cl_mem_flags flags = CL_MEM_READ_WRITE | (data ? CL_MEM_COPY_HOST_PTR : 0);
    cl_mem m = clCreateBuffer(clglu_context_cl_context(c), flags, bytes ? bytes : 1, (void *)(uintptr_t)data, &error);
    ck_assert_msg(error == CL_SUCCESS, "clCreateBuffer of %zu bytes: %d", bytes, (int)error);
    return m;
}

void buffer_read(clglu_context *c, cl_mem buffer, void *data, size_t bytes)
{
    if (bytes == 0) return;
    cl_int error = clEnqueueReadBuffer(clglu_context_queue(c), buffer, CL_TRUE, 0, bytes, data, 0, NULL, NULL);
    ck_assert_msg(error == CL_SUCCESS, "clEnqueueReadBuffer of %zu bytes: %d", bytes, (int)error);
}

cl_command_queue queue_new(clglu_context *c, cl_command_queue_properties properties)
{
    cl_int error;
    cl_command_queue q =
        clCreateCommandQueue(clglu_context_cl_context(c), clglu_context_device(c), properties, &error);
    ck_assert_msg(error == CL_SUCCESS, "clCreateCommandQueue: %d", (int)error);
    return q;
}
