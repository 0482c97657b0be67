/* job.c - elementwise operations made explicit.
   SPDX-License-Identifier: MIT */

#include "job.h"

#include <string.h>

const clglu_slot_facts clglu_slots[SLOT_COUNT] = {
    [SLOT_DY] = {"dy", "dy", "HAS_DY", false, false, false},
    [SLOT_A] = {"a", "x", "HAS_A", false, false, false},
    [SLOT_B] = {"b", "b", "HAS_B", false, false, false},
    [SLOT_Y] = {"y", "y", "HAS_Y", true, false, false},
    [SLOT_DA] = {"da", "dx", "HAS_DA", true, false, false},
    [SLOT_DB] = {"db", "db", "HAS_DB", true, false, false},
    [SLOT_BIAS_A] = {"bias_a", "bias", "HAS_BIAS_A", false, true, false},
    [SLOT_BIAS_B] = {"bias_b", "bias_b", "HAS_BIAS_B", false, true, false},
    [SLOT_SUM_A] = {"dbias_a", "dbias", "HAS_SUM_A", true, true, true},
    [SLOT_SUM_B] = {"dbias_b", "dbias_b", "HAS_SUM_B", true, true, true},
};

clglu_status clglu_job_from_act(clglu_job *job, const clglu_act_desc *desc, bool backward)
{
    if (desc == NULL) return CLGLU_NULL_POINTER;
    memset(job, 0, sizeof *job);
    job->backward = backward;
    job->rows = desc->rows;
    job->cols = desc->cols;
    job->act = desc->act;
    job->gate = CLGLU_ACT_IDENTITY;
    job->dtype = desc->dtype;
    job->alpha = desc->alpha;
    job->operand[SLOT_DY].view = desc->dy;
    job->operand[SLOT_A].view = desc->x;
    job->operand[SLOT_Y].view = desc->y;
    job->operand[SLOT_DA].view = desc->dx;
    job->operand[SLOT_BIAS_A].view = (clglu_view){desc->bias.offset, 0, desc->bias.inc};
    return CLGLU_OK;
}

clglu_status clglu_job_from_gate(clglu_job *job, const clglu_gate_desc *desc, bool backward)
{
    if (desc == NULL) return CLGLU_NULL_POINTER;
    memset(job, 0, sizeof *job);
    job->backward = backward;
    job->gated = true;
    job->rows = desc->rows;
    job->cols = desc->cols;
    job->act = desc->act;
    job->gate = desc->gate;
    job->dtype = desc->dtype;
    job->rounding = desc->rounding;
    job->alpha = desc->alpha;
    job->limit = desc->limit;
    job->shift = desc->shift;
    job->operand[SLOT_DY].view = desc->dy;
    job->operand[SLOT_A].view = desc->a;
    job->operand[SLOT_B].view = desc->b;
    job->operand[SLOT_Y].view = desc->y;
    job->operand[SLOT_DA].view = desc->da;
    job->operand[SLOT_DB].view = desc->db;
    job->operand[SLOT_BIAS_A].view = (clglu_view){desc->bias_a.offset, 0, desc->bias_a.inc};
    job->operand[SLOT_BIAS_B].view = (clglu_view){desc->bias_b.offset, 0, desc->bias_b.inc};
    return CLGLU_OK;
}

void clglu_job_use_host(clglu_job *job, clglu_slot slot, const void *array)
{
    clglu_operand *o = &job->operand[slot];
    o->used = array != NULL;
    o->host = (void *)(uintptr_t)array;
    o->space = NULL;
    o->origin = (size_t)(uintptr_t)array;
}

static clglu_status use_host_bias(clglu_job *job, clglu_slot slot, const clglu_bias *bias)
{
    clglu_job_use_host(job, slot, bias->host);
    return bias->host == NULL && bias->buffer != NULL ? CLGLU_INVALID_VALUE : CLGLU_OK;
}

clglu_status clglu_job_act_forward_host(clglu_job *job, const clglu_act_desc *desc, const void *x, void *y)
{
    clglu_status status = clglu_job_from_act(job, desc, false);
    if (status) return status;
    clglu_job_use_host(job, SLOT_A, x);
    clglu_job_use_host(job, SLOT_Y, y);
    return use_host_bias(job, SLOT_BIAS_A, &desc->bias);
}

clglu_status clglu_job_act_backward_host(clglu_job *job, const clglu_act_desc *desc, const void *dy, const void *x,
                                         void *dx, float *dbias)
{
    clglu_status status = clglu_job_from_act(job, desc, true);
    if (status) return status;
    clglu_job_use_host(job, SLOT_DY, dy);
    clglu_job_use_host(job, SLOT_A, x);
    clglu_job_use_host(job, SLOT_DA, dx);
    clglu_job_use_host(job, SLOT_SUM_A, dbias);
    return use_host_bias(job, SLOT_BIAS_A, &desc->bias);
}

static clglu_status use_host_biases(clglu_job *job, const clglu_gate_desc *desc)
{
    clglu_status status = use_host_bias(job, SLOT_BIAS_A, &desc->bias_a);
    return status ? status : use_host_bias(job, SLOT_BIAS_B, &desc->bias_b);
}

clglu_status clglu_job_gate_forward_host(clglu_job *job, const clglu_gate_desc *desc, const void *a, const void *b,
                                         void *y)
{
    clglu_status status = clglu_job_from_gate(job, desc, false);
    if (status) return status;
    clglu_job_use_host(job, SLOT_A, a);
    clglu_job_use_host(job, SLOT_B, b);
    clglu_job_use_host(job, SLOT_Y, y);
    return use_host_biases(job, desc);
}

clglu_status clglu_job_gate_backward_host(clglu_job *job, const clglu_gate_desc *desc, const void *dy, const void *a,
                                          const void *b, void *da, void *db, void *y, float *dbias_a,
                                          float *dbias_b)
{
    clglu_status status = clglu_job_from_gate(job, desc, true);
    if (status) return status;
    clglu_job_use_host(job, SLOT_DY, dy);
    clglu_job_use_host(job, SLOT_A, a);
    clglu_job_use_host(job, SLOT_B, b);
    clglu_job_use_host(job, SLOT_DA, da);
    clglu_job_use_host(job, SLOT_DB, db);
    clglu_job_use_host(job, SLOT_Y, y);
    clglu_job_use_host(job, SLOT_SUM_A, dbias_a);
    clglu_job_use_host(job, SLOT_SUM_B, dbias_b);
    return use_host_biases(job, desc);
}

bool clglu_job_is_short(const clglu_job *job, clglu_act act)
{
    return job->dtype != CLGLU_F32 && act == CLGLU_ACT_GELU;
}

const char *clglu_job_name(const clglu_job *job, clglu_slot slot)
{
    return job->gated ? clglu_slots[slot].name : clglu_slots[slot].act_name;
}

size_t clglu_job_rows(const clglu_job *job, clglu_slot slot)
{
    return clglu_slots[slot].vector ? 1 : job->rows;
}

clglu_dtype clglu_job_dtype(const clglu_job *job, clglu_slot slot)
{
    return clglu_slots[slot].sum ? CLGLU_F32 : job->dtype;
}

void clglu_job_flatten(clglu_job *job)
{
    size_t many;
    for (int s = 0; s < SLOT_COUNT; s++) {
        const clglu_operand *o = &job->operand[s];
        if (o->used && (clglu_slots[s].vector || o->view.inc != 1 || o->view.ld != job->cols)) return;
    }
    if (job->rows < 2) return;
    many = job->rows * job->cols; /* the check has seen that the operands' ends fit */
    job->rows = 1;
    job->cols = many;
    for (int s = 0; s < SLOT_COUNT; s++) job->operand[s].view.ld = many;
}

clglu_job clglu_job_tile(const clglu_job *job, size_t first_row, size_t rows, size_t first_col, size_t cols)
{
    clglu_job tile = *job;
    tile.rows = rows;
    tile.cols = cols;
    for (int s = 0; s < SLOT_COUNT; s++) {
        clglu_view *v = &tile.operand[s].view;
        if (tile.operand[s].used) v->offset += first_col * v->inc + (clglu_slots[s].vector ? 0 : first_row * v->ld);
    }
    return tile;
}
