/* run.c - a job on buffers becomes kernels: which program, which form, which range.
   SPDX-License-Identifier: MIT */

#include "run.h"

#include "error.h"
#include "options.h"
#include "program.h"
#include "sizes.h"

enum { LONGEST_LOOP = 32768 }; /* rounds of a kernel's loop */

/* ---------------------------------------------------------------- the program */

static void add_act(clglu_options *o, const char *name, const clglu_job *job, clglu_act act)
{
    clglu_options_add(o, " -D%s=%s%s", name, clglu_act_symbol(act), clglu_job_is_short(job, act) ? "16" : "");
}

/* The faster form of loads and stores asks for increments of 1. */
static bool is_contiguous(const clglu_job *job)
{
    for (int s = 0; s < SLOT_COUNT; s++)
        if (job->operand[s].used && job->operand[s].view.inc != 1) return false;
    return true;
}

/* Nothing but whole vectors, each at a multiple of its size: the fastest form. */
static bool is_whole(const clglu_job *job, unsigned width)
{
    if (job->cols % width || !is_contiguous(job)) return false;
    for (int s = 0; s < SLOT_COUNT; s++) {
        const clglu_operand *o = &job->operand[s];
        if (!o->used || clglu_slots[s].sum) continue;
        bool one_row = clglu_job_rows(job, (clglu_slot)s) == 1;
        if (!o->aligned || o->view.offset % width || (!one_row && o->view.ld % width)) return false;
    }
    return true;
}

/* The short activations are done before the next load anyway. */
static bool wants_look_ahead(const clglu_context *context, const clglu_job *job)
{
    bool long_act = job->act > CLGLU_ACT_RELU2 || (job->gated && job->gate > CLGLU_ACT_RELU2);
    return long_act && !job->backward && context->device.facts.type & CL_DEVICE_TYPE_CPU;
}

static clglu_status get_program(clglu_context *context, const clglu_job *job, unsigned width, cl_program *program)
{
    clglu_options o = {.length = 0};
    clglu_options_add(&o, "-cl-std=CL1.2 -DVW=%u -DDTYPE=%d", width, (int)job->dtype);
    add_act(&o, "ACT", job, job->act);
    if (job->gated) add_act(&o, "GATE", job, job->gate);
    if (job->alpha != 1) clglu_options_add(&o, " -DHAS_ALPHA");
    if (job->limit != 0) clglu_options_add(&o, " -DHAS_LIMIT");
    if (job->shift != 0) clglu_options_add(&o, " -DHAS_SHIFT");
    if (job->rounding == CLGLU_ROUND_LIKE_TORCH) clglu_options_add(&o, " -DLIKE_TORCH");
    if (is_contiguous(job)) clglu_options_add(&o, " -DCONTIGUOUS");
    if (is_whole(job, width)) clglu_options_add(&o, wants_look_ahead(context, job) ? " -DWHOLE -DAHEAD=32" : " -DWHOLE");
    for (int s = 0; s < SLOT_COUNT; s++)
        if (job->operand[s].used) clglu_options_add(&o, " -D%s", clglu_slots[s].option);
    return clglu_program_get(context, job->backward ? "gate_backward.cl" : "gate.cl", o.text, program);
}

/* ---------------------------------------------------------------- arguments */

static void arg_operands(clglu_kernel *k, const clglu_job *job)
{
    clglu_kernel_arg_size(k, job->rows);
    clglu_kernel_arg_size(k, job->cols);
    for (int s = 0; s < SLOT_COUNT; s++) {
        const clglu_operand *o = &job->operand[s];
        if (!o->used || clglu_slots[s].sum) continue;
        cl_ulong view[3] = {o->view.offset, clglu_slots[s].vector ? 0 : o->view.ld, o->view.inc};
        clglu_kernel_arg(k, sizeof o->mem, &o->mem);
        clglu_kernel_arg(k, sizeof view, view);
    }
}

static void arg_parameters(clglu_kernel *k, const clglu_job *job)
{
    clglu_kernel_arg(k, sizeof job->alpha, &job->alpha);
    clglu_kernel_arg(k, sizeof job->limit, &job->limit);
    clglu_kernel_arg(k, sizeof job->shift, &job->shift);
}

/* ---------------------------------------------------------------- without sums */

static clglu_status run_plain(clglu_context *context, const clglu_job *job, unsigned width, cl_program program,
                              clglu_sequence *sequence)
{
    clglu_kernel k;
    clglu_status status = clglu_kernel_make(&k, context, program, job->backward ? "gate_backward" : "gate_forward");
    if (status) return status;
    arg_operands(&k, job);
    arg_parameters(&k, job);
    status = clglu_kernel_run(&k, sequence, (job->cols - 1) / width + 1, job->rows);
    clglu_kernel_free(&k);
    return status;
}

/* ---------------------------------------------------------------- with sums of columns */

/* Adds the blocks' sums of one slot, in launches whose loops stay short. */
static clglu_status add_blocks(clglu_context *context, cl_program program, const clglu_job *job, clglu_slot slot,
                               cl_mem blocks, bool more, clglu_sequence *sequence)
{
    const clglu_operand *total = &job->operand[slot];
    size_t count = clglu_sum_blocks(job->rows);
    clglu_status status = CLGLU_OK;
    for (size_t first = 0; !status && first < count; first += LONGEST_LOOP) {
        clglu_kernel k;
        cl_uint carry = more || first > 0;
        status = clglu_kernel_make(&k, context, program, "sum_blocks");
        if (status) break;
        clglu_kernel_arg(&k, sizeof blocks, &blocks);
        clglu_kernel_arg_size(&k, first);
        clglu_kernel_arg_size(&k, count - first < LONGEST_LOOP ? count - first : LONGEST_LOOP);
        clglu_kernel_arg_size(&k, job->cols);
        clglu_kernel_arg(&k, sizeof total->mem, &total->mem);
        clglu_kernel_arg_size(&k, total->view.offset);
        clglu_kernel_arg_size(&k, total->view.inc);
        clglu_kernel_arg(&k, sizeof carry, &carry);
        status = clglu_kernel_run(&k, sequence, job->cols, 1);
        clglu_kernel_free(&k);
    }
    return status;
}

static clglu_status make_blocks(clglu_context *context, const clglu_job *job, cl_mem *blocks)
{
    size_t count = clglu_sum_blocks(job->rows), bytes = sizeof(float) * count;
    cl_int code;
    if (job->cols > SIZE_MAX / bytes)
        return clglu_fail(context, CLGLU_OUT_OF_DEVICE_MEMORY, "the blocks' sums are too many");
    *blocks = clCreateBuffer(context->cl, CL_MEM_READ_WRITE, bytes * job->cols, NULL, &code);
    return *blocks ? CLGLU_OK : clglu_fail_cl(context, "clCreateBuffer (the blocks' sums)", code);
}

static clglu_status enqueue_sums(clglu_context *context, const clglu_job *job, unsigned width, cl_program program,
                                 cl_mem blocks[2], bool more, clglu_sequence *sequence)
{
    clglu_kernel k;
    cl_program sum;
    clglu_status status = clglu_program_get(context, "sum.cl", "-cl-std=CL1.2", &sum);
    if (!status) status = clglu_kernel_make(&k, context, program, "gate_backward_sums");
    if (status) return status;
    arg_operands(&k, job);
    for (int i = 0; i < 2; i++)
        if (blocks[i]) clglu_kernel_arg(&k, sizeof blocks[i], &blocks[i]);
    arg_parameters(&k, job);
    status = clglu_kernel_run(&k, sequence, (job->cols - 1) / width + 1, clglu_sum_blocks(job->rows));
    clglu_kernel_free(&k);
    for (int i = 0; !status && i < 2; i++)
        if (blocks[i])
            status = add_blocks(context, sum, job, i ? SLOT_SUM_B : SLOT_SUM_A, blocks[i], more, sequence);
    return status;
}

/* The scratch is released at once: OpenCL keeps it until the commands that use it have run. */
static clglu_status run_sums(clglu_context *context, const clglu_job *job, unsigned width, cl_program program,
                             bool more, clglu_sequence *sequence)
{
    cl_mem blocks[2] = {NULL, NULL};
    clglu_status status = CLGLU_OK;
    for (int i = 0; !status && i < 2; i++)
        if (job->operand[SLOT_SUM_A + i].used) status = make_blocks(context, job, &blocks[i]);
    if (!status) status = enqueue_sums(context, job, width, program, blocks, more, sequence);
    for (int i = 0; i < 2; i++)
        if (blocks[i]) clReleaseMemObject(blocks[i]);
    return status;
}

static clglu_status run_form(clglu_context *context, const clglu_job *job, bool more, clglu_sequence *sequence)
{
    cl_program program;
    unsigned width = clglu_vector_width(context);
    bool sums = job->operand[SLOT_SUM_A].used || job->operand[SLOT_SUM_B].used;
    clglu_status status = get_program(context, job, width, &program);
    if (!status && sequence == NULL && sums) status = clglu_program_get(context, "sum.cl", "-cl-std=CL1.2", &program);
    if (status || sequence == NULL) return status;
    if (sums)
        return run_sums(context, job, width, program, more, sequence);
    return run_plain(context, job, width, program, sequence);
}

/* One long row is cut before its last, incomplete vector, so that the rest may be whole. */
clglu_status clglu_run_job(clglu_context *context, const clglu_job *checked, bool more, clglu_sequence *sequence)
{
    clglu_job job = *checked;
    if (job.rows == 0) return CLGLU_OK;
    clglu_job_flatten(&job);
    size_t rest = job.cols % clglu_vector_width(context), whole = job.cols - rest;
    if (job.rows > 1 || rest == 0 || whole == 0 || !is_contiguous(&job)) return run_form(context, &job, more, sequence);
    clglu_job start = clglu_job_tile(&job, 0, 1, 0, whole), end = clglu_job_tile(&job, 0, 1, whole, rest);
    clglu_status status = run_form(context, &start, more, sequence);
    return status ? status : run_form(context, &end, more, sequence);
}
