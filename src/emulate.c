/* emulate.c - the device's arithmetic on the host, from the same source (cl/), bit for bit.
   SPDX-License-Identifier: MIT */

#include "emulate.h"

#include "../cl/act.clh"
#include "../cl/product.clh"
#include "dtype.h"

enum { TILE = 256, BLOCK = 128 }; /* columns worked on together; rows in a block of the canonical sum */

/* ---------------------------------------------------------------- activations of arrays */

#define DEFINE_ARRAYS(id, name, ...)                                                                         \
    CLONES static void value_##name(size_t n, const float *x, float *y)                                      \
    {                                                                                                        \
        for (size_t i = 0; i < n; i++) {                                                                     \
            float unused;                                                                                    \
            y[i] = act_##name(x[i], &unused);                                                                \
        }                                                                                                    \
    }                                                                                                        \
    CLONES static void both_##name(size_t n, const float *x, float *y, float *d)                             \
    {                                                                                                        \
        for (size_t i = 0; i < n; i++) y[i] = act_##name(x[i], &d[i]);                                       \
    }
CLGLU_ACTS(DEFINE_ARRAYS)

CLONES static void both_gelu16(size_t n, const float *x, float *y, float *d)
{
    for (size_t i = 0; i < n; i++) y[i] = act_gelu16(x[i], &d[i]);
}

CLONES static void both_silu_alpha(size_t n, float alpha, const float *x, float *y, float *d)
{
    for (size_t i = 0; i < n; i++) y[i] = act_silu_alpha(x[i], alpha, &d[i]);
}

#define VALUE_ROW(id, name, ...) value_##name,
static void (*const value[])(size_t, const float *, float *) = {CLGLU_ACTS(VALUE_ROW)};
#define BOTH_ROW(id, name, ...) both_##name,
static void (*const both[])(size_t, const float *, float *, float *) = {CLGLU_ACTS(BOTH_ROW)};

/* y = act(x) and, if d is there, d = act'(x). */
static void activate(const clglu_job *job, clglu_act act, float alpha, size_t n, const float *x, float *y, float *d)
{
    float unused[TILE];
    if (clglu_job_is_short(job, act))
        both_gelu16(n, x, y, d ? d : unused);
    else if (act == CLGLU_ACT_SILU && alpha != 1)
        both_silu_alpha(n, alpha, x, y, d ? d : unused);
    else if (d)
        both[act](n, x, y, d);
    else
        value[act](n, x, y);
}

/* ---------------------------------------------------------------- storage */

static void load(const clglu_job *job, clglu_slot slot, size_t row, size_t col, size_t n, float *x)
{
    const clglu_operand *o = &job->operand[slot];
    size_t inc = o->view.inc, at = o->view.offset + row * o->view.ld + col * inc;
    const uint16_t *half = (const uint16_t *)o->host + at;
    const float *full = (const float *)o->host + at;

    switch (job->dtype) {
    case CLGLU_F32:
        for (size_t i = 0; i < n; i++) x[i] = full[i * inc];
        break;
    case CLGLU_F16:
        for (size_t i = 0; i < n; i++) x[i] = clglu_f16_to_f32(half[i * inc]);
        break;
    case CLGLU_BF16:
        for (size_t i = 0; i < n; i++) x[i] = clglu_bf16_to_f32(half[i * inc]);
        break;
    }
}

static void store(const clglu_job *job, clglu_slot slot, size_t row, size_t col, size_t n, const float *x)
{
    const clglu_operand *o = &job->operand[slot];
    if (!o->used) return;
    size_t inc = o->view.inc, at = o->view.offset + row * o->view.ld + col * inc;
    uint16_t *half = (uint16_t *)o->host + at;
    float *full = (float *)o->host + at;

    switch (clglu_job_dtype(job, slot)) {
    case CLGLU_F32:
        for (size_t i = 0; i < n; i++) full[i * inc] = x[i];
        break;
    case CLGLU_F16:
        for (size_t i = 0; i < n; i++) half[i * inc] = clglu_f32_to_f16(x[i]);
        break;
    case CLGLU_BF16:
        for (size_t i = 0; i < n; i++) half[i * inc] = clglu_f32_to_bf16(x[i]);
        break;
    }
}

/* What eager PyTorch would keep in a tensor is rounded to the dtype there. */
static void keep(const clglu_job *job, size_t n, float *x)
{
    if (job->rounding != CLGLU_ROUND_LIKE_TORCH) return;
    for (size_t i = 0; i < n; i++)
        x[i] = job->dtype == CLGLU_F16 ? clglu_f16_to_f32(clglu_f32_to_f16(x[i]))
                                       : clglu_bf16_to_f32(clglu_f32_to_bf16(x[i]));
}

/* ---------------------------------------------------------------- a tile of one row */

typedef struct tile {
    float a[TILE], b[TILE];   /* the inputs as act and gate get them, before the clamp */
    float p[TILE], dp[TILE];  /* act(a), act'(a) */
    float q[TILE], dq[TILE];  /* gate(b) + shift, gate'(b) */
    float y[TILE], da[TILE], db[TILE];
} tile;

static void load_biased(const clglu_job *job, clglu_slot slot, clglu_slot bias, size_t row, size_t col, size_t n,
                        float *x)
{
    float add[TILE];
    load(job, slot, row, col, n, x);
    if (!job->operand[bias].used) return;
    load(job, bias, 0, col, n, add);
    for (size_t i = 0; i < n; i++) x[i] += add[i];
    keep(job, n, x);
}

static void act_side(const clglu_job *job, size_t row, size_t col, size_t n, tile *t)
{
    float clamped[TILE];
    load_biased(job, SLOT_A, SLOT_BIAS_A, row, col, n, t->a);
    for (size_t i = 0; i < n; i++) clamped[i] = job->limit != 0 ? clamp_above(t->a[i], job->limit) : t->a[i];
    activate(job, job->act, job->alpha, n, clamped, t->p, job->backward ? t->dp : NULL);
    keep(job, n, t->p);
}

static void gate_side(const clglu_job *job, size_t row, size_t col, size_t n, tile *t)
{
    float clamped[TILE];
    load_biased(job, SLOT_B, SLOT_BIAS_B, row, col, n, t->b);
    for (size_t i = 0; i < n; i++) clamped[i] = job->limit != 0 ? clamp_both(t->b[i], job->limit) : t->b[i];
    activate(job, job->gate, 1, n, clamped, t->q, job->backward ? t->dq : NULL);
    if (job->shift != 0)
        for (size_t i = 0; i < n; i++) t->q[i] += job->shift;
    keep(job, n, t->q);
}

/* x = (dy * factor) * derivative, with 0 where the clamp has moved the input. */
static void gradient(const clglu_job *job, size_t n, const float *dy, const float *factor, const float *derivative,
                     float *x)
{
    for (size_t i = 0; i < n; i++) x[i] = factor ? dy[i] * factor[i] : dy[i];
    keep(job, n, x);
    for (size_t i = 0; i < n; i++) x[i] *= derivative[i];
}

static void backward(const clglu_job *job, size_t row, size_t col, size_t n, tile *t)
{
    bool gated = job->operand[SLOT_B].used;
    float dy[TILE];
    load(job, SLOT_DY, row, col, n, dy);
    gradient(job, n, dy, gated ? t->q : NULL, t->dp, t->da);
    if (gated) gradient(job, n, dy, t->p, t->dq, t->db);
    if (job->limit != 0)
        for (size_t i = 0; i < n; i++) {
            t->da[i] = gradient_below(t->a[i], job->limit, t->da[i]);
            if (gated) t->db[i] = gradient_within(t->b[i], job->limit, t->db[i]);
        }
    keep(job, n, t->da);
    if (gated) keep(job, n, t->db);
}

/* Computes a tile and stores its outputs; everything is loaded before anything is stored. */
static void run_tile(const clglu_job *job, size_t row, size_t col, size_t n, tile *t)
{
    act_side(job, row, col, n, t);
    if (job->operand[SLOT_B].used) gate_side(job, row, col, n, t);
    for (size_t i = 0; i < n; i++) t->y[i] = job->operand[SLOT_B].used ? t->p[i] * t->q[i] : t->p[i];
    if (job->backward) backward(job, row, col, n, t);
    store(job, SLOT_Y, row, col, n, t->y);
    store(job, SLOT_DA, row, col, n, t->da);
    store(job, SLOT_DB, row, col, n, t->db);
}

/* ---------------------------------------------------------------- all rows, with the canonical sums */

static void add_to(float *sum, const float *x, size_t n)
{
    for (size_t i = 0; i < n; i++) sum[i] += x[i];
}

static void run_columns(const clglu_job *job, size_t col, size_t n, tile *t)
{
    float sum_a[TILE] = {0}, sum_b[TILE] = {0};
    for (size_t first = 0; first < job->rows; first += BLOCK) {
        float block_a[TILE] = {0}, block_b[TILE] = {0};
        size_t rows = job->rows - first < BLOCK ? job->rows - first : BLOCK;
        for (size_t r = first; r < first + rows; r++) {
            run_tile(job, r, col, n, t);
            if (job->operand[SLOT_SUM_A].used) add_to(block_a, t->da, n);
            if (job->operand[SLOT_SUM_B].used) add_to(block_b, t->db, n);
        }
        add_to(sum_a, block_a, n);
        add_to(sum_b, block_b, n);
    }
    store(job, SLOT_SUM_A, 0, col, n, sum_a);
    store(job, SLOT_SUM_B, 0, col, n, sum_b);
}

void clglu_emulate_job(const clglu_job *checked)
{
    clglu_job job = *checked;
    tile t;
    clglu_job_flatten(&job);
    if (job.rows == 0) return;
    for (size_t col = 0; col < job.cols; col += TILE)
        run_columns(&job, col, job.cols - col < TILE ? job.cols - col : TILE, &t);
}

/* ---------------------------------------------------------------- the public twins without a device */

static clglu_status run(clglu_status status, clglu_job *job)
{
    const char *why;
    clglu_slot culprit;
    if (!status) status = clglu_job_check(job, &why, &culprit);
    if (!status) clglu_emulate_job(job);
    return status;
}

clglu_status clglu_emulate_act_forward(const clglu_act_desc *desc, const void *x, void *y)
{
    clglu_job job;
    return run(clglu_job_act_forward_host(&job, desc, x, y), &job);
}

clglu_status clglu_emulate_act_backward(const clglu_act_desc *desc, const void *dy, const void *x, void *dx,
                                        float *dbias)
{
    clglu_job job;
    return run(clglu_job_act_backward_host(&job, desc, dy, x, dx, dbias), &job);
}

clglu_status clglu_emulate_gate_forward(const clglu_gate_desc *desc, const void *a, const void *b, void *y)
{
    clglu_job job;
    return run(clglu_job_gate_forward_host(&job, desc, a, b, y), &job);
}

clglu_status clglu_emulate_gate_backward(const clglu_gate_desc *desc, const void *dy, const void *a, const void *b,
                                         void *da, void *db, void *y, float *dbias_a, float *dbias_b)
{
    clglu_job job;
    return run(clglu_job_gate_backward_host(&job, desc, dy, a, b, da, db, y, dbias_a, dbias_b), &job);
}
