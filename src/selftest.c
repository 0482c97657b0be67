/* selftest.c - does a device do what the kernels rely on?
   SPDX-License-Identifier: MIT */

#include "selftest.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "dtype.h"
#include "error.h"
#include "launch.h"
#include "program.h"

enum { COUNT = 512, RESULTS = 7, TINY = 9, ROWS = 10, GROUP = 64, ROUNDS = 70000 };

typedef struct values {
    float x[COUNT], y[COUNT], z[COUNT];
    float want[TINY][COUNT], got[ROWS][COUNT];
    cl_uint group[GROUP + 1];
} values;

static const char *const result_names[RESULTS] = {"fma", "a product", "a sum", "gelu", "gelu's derivative", "a half",
                                                 "a half in memory"};

/* Some 500 numbers from -16 to 16, none round; y puts products between two floats, z takes most of the product away. */
static void prepare(values *v)
{
    clglu_act_desc gelu = {.rows = 1, .cols = COUNT, .act = CLGLU_ACT_GELU};
    float ones[COUNT];
    for (int i = 0; i < COUNT; i++) {
        v->x[i] = ((float)i - 255.37f) * 0.0627f;
        v->y[i] = 1.0f + (float)(i * 7919 % 8192) * 0x1p-23f;
        v->z[i] = -(v->x[i] * v->y[i]);
        v->want[0][i] = fmaf(v->x[i], v->y[i], v->z[i]);
        v->want[1][i] = v->x[i] * v->y[i];
        v->want[2][i] = v->x[i] + v->y[i];
        v->want[5][i] = v->want[6][i] = clglu_f16_to_f32(clglu_f32_to_f16(v->x[i]));
        v->want[7][i] = v->want[8][i] = (v->y[i] - 1.0f) * 0x1p-26f;
        ones[i] = 1.0f;
    }
    if (clglu_emulate_act_forward(&gelu, v->x, v->want[3]) ||
        clglu_emulate_act_backward(&gelu, ones, v->x, v->want[4], NULL))
        memset(v->want, 0, sizeof v->want);
}

/* ---------------------------------------------------------------- running */

static clglu_status make_inputs(clglu_context *context, const values *v, cl_mem mem[4])
{
    const float *const inputs[3] = {v->x, v->y, v->z};
    cl_int code = CL_SUCCESS;
    for (int i = 0; i < 3; i++) {
        mem[i] = clCreateBuffer(context->cl, CL_MEM_READ_ONLY | CL_MEM_COPY_HOST_PTR, sizeof v->x,
                                (void *)(uintptr_t)inputs[i], &code);
        if (mem[i] == NULL) return clglu_fail_cl(context, "clCreateBuffer", code);
    }
    mem[3] = clCreateBuffer(context->cl, CL_MEM_READ_WRITE, sizeof v->got, NULL, &code);
    return mem[3] ? CLGLU_OK : clglu_fail_cl(context, "clCreateBuffer", code);
}

static clglu_status run_values(clglu_context *context, cl_program program, cl_mem mem[4], clglu_sequence *sequence)
{
    clglu_kernel k;
    cl_uint count = COUNT;
    clglu_status status = clglu_kernel_make(&k, context, program, "selftest_values");
    if (status) return status;
    for (int i = 0; i < 4; i++) clglu_kernel_arg(&k, sizeof mem[i], &mem[i]);
    clglu_kernel_arg(&k, sizeof count, &count);
    status = clglu_kernel_run(&k, sequence, COUNT / clglu_vector_width(context), 1);
    clglu_kernel_free(&k);
    return status;
}

static clglu_status read(clglu_context *context, clglu_sequence *sequence, cl_mem mem, void *to, size_t size)
{
    cl_int code = clEnqueueReadBuffer(context->queue, mem, CL_TRUE, 0, size, to, sequence->last ? 1 : 0,
                                      sequence->last ? &sequence->last : NULL, NULL);
    return code == CL_SUCCESS ? CLGLU_OK : clglu_fail_cl(context, "clEnqueueReadBuffer", code);
}

/* The group has exactly 64 items, so it is enqueued by hand. */
static clglu_status run_group(clglu_context *context, cl_program program, cl_mem out, clglu_sequence *sequence)
{
    clglu_kernel k;
    cl_uint rounds = ROUNDS;
    size_t size = GROUP;
    clglu_status status = clglu_kernel_make(&k, context, program, "selftest_group");
    if (status) return status;
    clglu_kernel_arg(&k, sizeof out, &out);
    clglu_kernel_arg(&k, sizeof rounds, &rounds);
    cl_int code = clEnqueueNDRangeKernel(sequence->queue, k.kernel, 1, NULL, &size, &size, 0, NULL, NULL);
    clglu_kernel_free(&k);
    return code == CL_SUCCESS ? CLGLU_OK : clglu_fail_cl(context, "clEnqueueNDRangeKernel", code);
}

clglu_status clglu_selftest_program(clglu_context *context, cl_program *program)
{
    char options[64];
    snprintf(options, sizeof options, "-cl-std=CL1.2 -DVW=%u -DDTYPE=1", clglu_vector_width(context));
    return clglu_program_get(context, "selftest.cl", options, program);
}

static clglu_status run(clglu_context *context, values *v)
{
    cl_program program;
    cl_mem mem[4] = {NULL, NULL, NULL, NULL};
    clglu_sequence sequence;
    clglu_status status = clglu_selftest_program(context, &program);
    if (!status) status = make_inputs(context, v, mem);
    if (!status) status = clglu_sequence_begin(&sequence, context, NULL, 0, NULL);
    if (!status) {
        status = run_values(context, program, mem, &sequence);
        if (!status) status = read(context, &sequence, mem[3], v->got, sizeof v->got);
        if (!status) status = run_group(context, program, mem[3], &sequence);
        if (!status) status = read(context, &sequence, mem[3], v->group, sizeof v->group);
        status = clglu_sequence_end(&sequence, status, NULL);
    }
    for (int i = 0; i < 4; i++)
        if (mem[i]) clReleaseMemObject(mem[i]);
    return status;
}

/* ---------------------------------------------------------------- judging */

/* The same bits; where subnormal numbers are flushed, zero will do for one. */
static int agrees(float want, float got, int flushes)
{
    /* NOLINTNEXTLINE(bugprone-suspicious-memory-comparison): bits are meant, not values */
    return memcmp(&want, &got, sizeof want) == 0 || (flushes && got == 0 && fabsf(want) < 0x1p-126f);
}

static int compare_values(const values *v, int flushes, char *why, size_t size)
{
    for (int r = 0; r < RESULTS; r++)
        for (int i = 0; i < COUNT; i++)
            if (!agrees(v->want[r][i], v->got[r][i], flushes)) {
                snprintf(why, size, "self-test: %s at %a is %a, not %a", result_names[r], (double)v->x[i],
                         (double)v->got[r][i], (double)v->want[r][i]);
                return 0;
            }
    return 1;
}

/* Results on the way to which there are subnormal numbers. */
static int keeps_subnormals(const values *v)
{
    /* NOLINTNEXTLINE(bugprone-suspicious-memory-comparison): bits are meant, not values */
    return memcmp(v->want[RESULTS], v->got[RESULTS], (TINY - RESULTS) * sizeof v->got[0]) == 0;
}

static int compare_group(const values *v, char *why, size_t size)
{
    for (cl_uint i = 0; i < GROUP; i++) {
        cl_uint other = GROUP - 1 - i, want = i * i + other;
        if (v->group[i] == want) continue;
        snprintf(why, size, "self-test: local memory or barriers fail (item %u has %u, not %u)", (unsigned)i,
                 (unsigned)v->group[i], (unsigned)want);
        return 0;
    }
    return 1;
}

void clglu_selftest(clglu_context *context)
{
    values v;
    char why[200];
    prepare(&v);
    if (run(context, &v)) {
        snprintf(why, sizeof why, "self-test: %.180s", clglu_error_last(context));
        clglu_device_refuse(&context->device, why);
        return;
    }
    clglu_device_facts *facts = &context->device.facts;
    if (facts->subnormals && !keeps_subnormals(&v)) {
        facts->subnormals = 0;
        clglu_device_remark(&context->device, "flushes subnormal numbers, though it says otherwise: the same bits for normal results only");
    }
    if (!compare_values(&v, !facts->subnormals, why, sizeof why) || !compare_group(&v, why, sizeof why))
        clglu_device_refuse(&context->device, why);
    if (v.group[GROUP] != ROUNDS)
        clglu_device_remark(&context->device, "stops long loops without a word: those of the kernels are short");
}
