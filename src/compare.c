/* compare.c - an output of an operator beside the reference and the emulation: what is right, and how far off is it?
   SPDX-License-Identifier: MIT */

#include "compare.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "dtype.h"
#include "emulate.h"

/* ---------------------------------------------------------------- what is right, in double */

static double act_bound(clglu_act act, int derivative)
{
#define ROW(id, name, UPPER, formula, slope, forward, backward, ...) {forward, backward},
    static const double bounds[][2] = {CLGLU_ACTS(ROW)};
#undef ROW
    return bounds[act][derivative];
}

/* One element's inputs, biased, as the operator takes them. */
typedef struct inputs {
    double dy, a, b;
} inputs;

/* A factor of a product: its value and how far the operator's f32 number may be from it beyond what counts in ULP of the
   result: below the smallest normal f32 number its own spacing, next to a derivative's root 2^-27. */
typedef struct factor {
    double value, slack;
} factor;

/* An output's true value, and the absolute error that is within the bound whatever its ULP. */
typedef struct truth {
    double value, slack;
} truth;

static double round_to(double x, clglu_dtype dtype)
{
    float f = (float)x;
    return dtype == CLGLU_F16    ? (double)clglu_f16_to_f32(clglu_f32_to_f16(f))
           : dtype == CLGLU_BF16 ? (double)clglu_bf16_to_f32(clglu_f32_to_bf16(f))
                                 : (double)f;
}

static double keep(const clglu_job *job, double x)
{
    return job->rounding == CLGLU_ROUND_LIKE_TORCH ? round_to(x, job->dtype) : x;
}

static double subnormal_slack(double x)
{
    return fabs(x) < (double)FLT_MIN ? 0x1p-146 : 0;
}

static factor value_factor(const clglu_job *job, clglu_act act, double alpha, double x, double shift)
{
    double g = clglu_reference_act(act, alpha, x), v = g + shift;
    if (act == CLGLU_ACT_IDENTITY) return (factor){keep(job, v), 0};
    /* A shift may take away most of gate(b), but not of its error. */
    double slack = shift != 0 ? act_bound(act, 0) * 0x1p-23 * fabs(g) : 0;
    return (factor){keep(job, v), slack + subnormal_slack(v)};
}

/* The derivatives of silu and the gelus cross zero between -2 and 0, and are small again only further out. */
static factor derivative_factor(clglu_act act, double alpha, double x)
{
    double d = clglu_reference_act_derivative(act, alpha, x);
    int at_root = x < 0 && alpha * x > -2 && fabs(d) < 0x1p-4 && act != CLGLU_ACT_RELU && act != CLGLU_ACT_RELU2;
    return (factor){d, at_root ? 0x1p-27 : subnormal_slack(d)};
}

/* The product of two factors. An infinity times what is 0 or nearly so as an f32 number may be NaN or infinite: all goes. */
static truth product(factor p, factor q)
{
    if ((isinf(p.value) && fabs(q.value) < (double)FLT_MIN) || (isinf(q.value) && fabs(p.value) < (double)FLT_MIN))
        return (truth){NAN, INFINITY};
    return (truth){p.value * q.value, fabs(p.value) * q.slack + fabs(q.value) * p.slack};
}

/* The same, rounded to f32 before it goes on: beyond f32's normal range that changes it. */
static factor rounded_product(const clglu_job *job, factor p, factor q)
{
    truth t = product(p, q);
    if (fabs(t.value) > (double)FLT_MAX || fabs(t.value) < (double)FLT_MIN) t.value = (double)(float)t.value;
    return (factor){keep(job, t.value), t.slack + subnormal_slack(t.value)};
}

static double clamp(const clglu_job *job, double x, int both)
{
    double limit = (double)job->limit;
    return limit == 0 ? x : x > limit ? limit : both && x < -limit ? -limit : x;
}

static truth true_y(const clglu_job *job, const inputs *in)
{
    factor p = value_factor(job, job->act, (double)job->alpha, clamp(job, in->a, 0), 0);
    if (!job->gated) return (truth){p.value, 0};
    factor q = value_factor(job, job->gate, 1, clamp(job, in->b, 1), (double)job->shift);
    return product(p, q);
}

/* (dy * other side) * derivative of this side */
static truth true_gradient(const clglu_job *job, const inputs *in, factor other, factor derivative)
{
    return product(rounded_product(job, (factor){in->dy, 0}, other), derivative);
}

static truth true_da(const clglu_job *job, const inputs *in)
{
    double a = clamp(job, in->a, 0);
    factor one = {1, 0}, d = derivative_factor(job->act, (double)job->alpha, a);
    if (a < in->a) return (truth){0, 0};
    if (!job->gated) return true_gradient(job, in, one, d);
    return true_gradient(job, in, value_factor(job, job->gate, 1, clamp(job, in->b, 1), (double)job->shift), d);
}

static truth true_db(const clglu_job *job, const inputs *in)
{
    double b = clamp(job, in->b, 1);
    if (b < in->b || b > in->b) return (truth){0, 0};
    factor p = value_factor(job, job->act, (double)job->alpha, clamp(job, in->a, 0), 0);
    return true_gradient(job, in, p, derivative_factor(job->gate, 1, b));
}

/* ---------------------------------------------------------------- reading elements */

static size_t index_of(const clglu_operand *o, size_t row, size_t col)
{
    return o->view.offset + row * o->view.ld + col * o->view.inc;
}

static float element(const clglu_job *job, clglu_slot slot, size_t row, size_t col)
{
    const clglu_operand *o = &job->operand[slot];
    if (!o->used) return 0;
    size_t at = index_of(o, row, col);
    return job->dtype == CLGLU_F32   ? ((const float *)o->host)[at]
           : job->dtype == CLGLU_F16 ? clglu_f16_to_f32(((const uint16_t *)o->host)[at])
                                     : clglu_bf16_to_f32(((const uint16_t *)o->host)[at]);
}

/* The sum with the bias is an f32 number, as the operator has it. */
static double biased(const clglu_job *job, clglu_slot slot, clglu_slot bias, size_t row, size_t col)
{
    float x = element(job, slot, row, col);
    return job->operand[bias].used ? keep(job, (double)(x + element(job, bias, 0, col))) : (double)x;
}

static inputs inputs_at(const clglu_job *job, size_t row, size_t col)
{
    return (inputs){(double)element(job, SLOT_DY, row, col), biased(job, SLOT_A, SLOT_BIAS_A, row, col),
                    biased(job, SLOT_B, SLOT_BIAS_B, row, col)};
}

/* ---------------------------------------------------------------- the published bounds */

/* With every dy a power of two, dx has the derivative's own error. */
static int products_are_exact(const clglu_job *job)
{
    int exponent;
    for (size_t row = 0; row < job->rows; row++)
        for (size_t col = 0; col < job->cols; col++)
            if (frexpf(fabsf(element(job, SLOT_DY, row, col)), &exponent) != 0.5f) return 0;
    return 1;
}

static double bound_of(const clglu_job *job, clglu_slot slot)
{
    double act = act_bound(job->act, slot == SLOT_DA), gate = act_bound(job->gate, slot == SLOT_DB);
    if (job->rounding == CLGLU_ROUND_LIKE_TORCH) return 2.6;
    if (job->dtype != CLGLU_F32) return 0.501;
    if (!job->gated) return slot == SLOT_Y || products_are_exact(job) ? act : 2 * act + 1;
    if (job->gate == CLGLU_ACT_IDENTITY) gate = job->shift != 0 ? 0.5 : 0;
    else if (job->shift != 0) gate += 0.5;
    return 2 * (act + gate) + (slot == SLOT_Y ? 1 : 2);
}

/* ---------------------------------------------------------------- comparing */

static int bin_of(double ulp)
{
    int bin = 0;
    if (ulp == 0) return 0;
    /* NOLINTNEXTLINE(cert-flp30-c,clang-analyzer-security.FloatLoopCounter): doubling is exact */
    for (double edge = 0.5; bin < CLGLU_CHECK_BINS - 2 && !(ulp <= edge); edge *= 2) bin++;
    return bin + 1;
}

static void note_worst(clglu_check_report *r, size_t row, size_t col, const inputs *in, double got, double want)
{
    r->worst_row = row;
    r->worst_col = col;
    r->worst_a = in->a;
    r->worst_b = in->b;
    r->worst_dy = in->dy;
    r->worst_got = got;
    r->worst_want = want;
}

static void compare(clglu_check_report *r, const clglu_job *job, size_t row, size_t col, const inputs *in, float got,
                    float emulated, truth t)
{
    double g = (double)got, off = fabs(g - t.value);
    double judged = off <= t.slack ? t.value : g > t.value ? g - t.slack : g < t.value ? g + t.slack : g;
    double ulp = isinf(t.slack) ? 0 : clglu_ulp(t.value, judged, job->dtype);
    r->count++;
    r->histogram[bin_of(ulp)]++;
    /* NOLINTNEXTLINE(bugprone-suspicious-memory-comparison): bits are meant, not values */
    r->bits_differ += memcmp(&got, &emulated, sizeof got) != 0 && !(isnan(got) && isnan(emulated));
    r->outside += !(ulp <= r->bound);
    if (isfinite(off) && off > r->max_abs) r->max_abs = off;
    if (r->count > 1 && !(ulp > r->max_ulp)) return;
    r->max_ulp = ulp;
    note_worst(r, row, col, in, g, t.value);
}

static void compare_all(const clglu_job *got, const clglu_job *emulated, clglu_slot slot, clglu_check_report *r)
{
    memset(r, 0, sizeof *r);
    r->bound = bound_of(got, slot);
    for (size_t row = 0; row < got->rows; row++)
        for (size_t col = 0; col < got->cols; col++) {
            inputs in = inputs_at(got, row, col);
            truth t = slot == SLOT_Y    ? true_y(got, &in)
                      : slot == SLOT_DA ? true_da(got, &in)
                                        : true_db(got, &in);
            compare(r, got, row, col, &in, element(got, slot, row, col), element(emulated, slot, row, col), t);
        }
}

/* ---------------------------------------------------------------- judging */

clglu_status clglu_wanted_arrays(clglu_job *job, const clglu_wanted *w, int count)
{
    size_t size = clglu_dtype_size(job->dtype), elements = job->rows * job->cols;
    bool fits = size && job->cols && elements / job->cols == job->rows && elements <= SIZE_MAX / size;
    if (!fits) elements = size = 1; /* the job's sizes are refused before anything is written */
    /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): the operand holds the array */
    for (int i = 0; i < count; i++) {
        if (w[i].report == NULL) continue;
        void *array = calloc(elements ? elements : 1, size);
        if (array == NULL) return CLGLU_OUT_OF_MEMORY;
        job->operand[w[i].slot].view = (clglu_view){0, 0, 0};
        clglu_job_use_host(job, w[i].slot, array);
    }
    return CLGLU_OK;
}

void clglu_wanted_free(clglu_job *job, const clglu_wanted *w, int count)
{
    for (int i = 0; i < count; i++)
        if (w[i].report) free(job->operand[w[i].slot].host); /* NOLINT(clang-analyzer-unix.Malloc): each slot is there once */
}

/* The outputs that nobody wants judged are not computed either. */
static clglu_job emulation_of(const clglu_job *got)
{
    clglu_job job = *got;
    for (int s = 0; s < SLOT_COUNT; s++)
        if (clglu_slots[s].output) {
            job.operand[s].used = false;
            job.operand[s].host = NULL;
        }
    return job;
}

clglu_status clglu_judge_job(const clglu_job *got, const clglu_wanted *w, int count)
{
    clglu_job emulated = emulation_of(got);
    clglu_status status = clglu_wanted_arrays(&emulated, w, count);
    for (int i = 0; i < count; i++) emulated.operand[w[i].slot].view = (clglu_view){0, got->cols, 1};
    if (!status) clglu_emulate_job(&emulated);
    for (int i = 0; !status && i < count; i++)
        if (w[i].report) compare_all(got, &emulated, w[i].slot, w[i].report);
    clglu_wanted_free(&emulated, w, count);
    return status;
}

static clglu_status judge(clglu_status status, clglu_job *job, const clglu_wanted *w, int count)
{
    const char *why;
    clglu_slot culprit;
    if (!status) status = clglu_job_check(job, &why, &culprit);
    for (int i = 0; !status && i < count; i++)
        if (w[i].report && !job->operand[w[i].slot].used) status = CLGLU_NULL_POINTER;
    return status ? status : clglu_judge_job(job, w, count);
}

/* What is judged is only read: the job has it where a call would write it. */
static void *array_of(const void *judged)
{
    return (void *)(uintptr_t)judged;
}

clglu_status clglu_judge_act_forward(const clglu_act_desc *desc, const void *x, const void *y, clglu_check_report *of_y)
{
    clglu_job job;
    const clglu_wanted w[] = {{SLOT_Y, of_y}};
    return judge(clglu_job_act_forward_host(&job, desc, x, array_of(y)), &job, w, 1);
}

clglu_status clglu_judge_act_backward(const clglu_act_desc *desc, const void *dy, const void *x, const void *dx,
                                      clglu_check_report *of_dx)
{
    clglu_job job;
    const clglu_wanted w[] = {{SLOT_DA, of_dx}};
    return judge(clglu_job_act_backward_host(&job, desc, dy, x, array_of(dx), NULL), &job, w, 1);
}

clglu_status clglu_judge_gate_forward(const clglu_gate_desc *desc, const void *a, const void *b, const void *y,
                                      clglu_check_report *of_y)
{
    clglu_job job;
    const clglu_wanted w[] = {{SLOT_Y, of_y}};
    return judge(clglu_job_gate_forward_host(&job, desc, a, b, array_of(y)), &job, w, 1);
}

clglu_status clglu_judge_gate_backward(const clglu_gate_desc *desc, const void *dy, const void *a, const void *b,
                                       const void *da, const void *db, clglu_check_report *of_da,
                                       clglu_check_report *of_db)
{
    clglu_job job;
    const clglu_wanted w[] = {{SLOT_DA, of_da}, {SLOT_DB, of_db}};
    clglu_status status =
        clglu_job_gate_backward_host(&job, desc, dy, a, b, array_of(da), array_of(db), NULL, NULL, NULL);
    return judge(status, &job, w, 2);
}
