/* job.h - one elementwise operation made explicit: what the operators check, launch, emulate and transfer.
   SPDX-License-Identifier: MIT */

/* The activation alone and the gate operator, forward and backward, on buffers or on host arrays, are all a job: a set
   of operands in named slots. y = act(x) is the gate operator without b, x in the slot of a. A new operand is a new
   slot and a row in the table of job.c. */
#ifndef CLGLU_JOB_H
#define CLGLU_JOB_H

#include <stdbool.h>

#include "clglu.h"
#include "place.h"

enum { CLGLU_ALIGNMENT = 64 };

/* The order is that of the kernels' arguments. */
typedef enum clglu_slot {
    SLOT_DY,
    SLOT_A,
    SLOT_B,
    SLOT_Y,
    SLOT_DA,
    SLOT_DB,
    SLOT_BIAS_A,
    SLOT_BIAS_B,
    SLOT_SUM_A,
    SLOT_SUM_B,
    SLOT_COUNT
} clglu_slot;

typedef struct clglu_slot_facts {
    const char *name, *act_name; /* for error texts: with a gate, and without */
    const char *option; /* defined when a kernel is built for a job that uses the slot */
    bool output;
    bool vector; /* one row for all rows */
    bool sum;    /* f32 whatever the job's dtype */
} clglu_slot_facts;

extern const clglu_slot_facts clglu_slots[SLOT_COUNT];

typedef struct clglu_operand {
    bool used;
    clglu_view view; /* resolved by clglu_job_check */
    size_t end;      /* elements that its storage must hold at least */
    cl_mem mem;      /* where it is: a buffer, or */
    void *host;      /* an array (never written through unless the slot is an output) */
    /* For the search of overlaps: operands of one space share an address line. */
    const void *space;
    size_t origin; /* address of its storage on that line, in bytes */
    bool aligned;  /* the storage begins at a multiple of CLGLU_ALIGNMENT bytes, the longest vector of OpenCL C used */
} clglu_operand;

typedef struct clglu_job {
    bool backward;
    bool gated; /* false: the activation alone, without b */
    size_t rows, cols;
    clglu_act act, gate;
    clglu_dtype dtype;
    clglu_rounding rounding;
    float alpha, limit, shift; /* alpha: never 0 after the check */
    clglu_operand operand[SLOT_COUNT];
} clglu_job;

/* Jobs from descriptors, with no operand yet. A NULL desc gives CLGLU_NULL_POINTER. */
clglu_status clglu_job_from_act(clglu_job *job, const clglu_act_desc *desc, bool backward);
clglu_status clglu_job_from_gate(clglu_job *job, const clglu_gate_desc *desc, bool backward);

/* Puts a host array into a slot; NULL leaves it unused. */
void clglu_job_use_host(clglu_job *job, clglu_slot slot, const void *array);

/* Jobs on host arrays, biases included; nothing checked but desc and that a bias is not a buffer. */
clglu_status clglu_job_act_forward_host(clglu_job *job, const clglu_act_desc *desc, const void *x, void *y);
clglu_status clglu_job_act_backward_host(clglu_job *job, const clglu_act_desc *desc, const void *dy, const void *x,
                                         void *dx, float *dbias);
clglu_status clglu_job_gate_forward_host(clglu_job *job, const clglu_gate_desc *desc, const void *a, const void *b,
                                         void *y);
clglu_status clglu_job_gate_backward_host(clglu_job *job, const clglu_gate_desc *desc, const void *dy, const void *a,
                                          const void *b, void *da, void *db, void *y, float *dbias_a,
                                          float *dbias_b);

/* Does the job use the short form of an activation (act_NAME16)? gelu has one, for results that are rounded to 16 bits. */
bool clglu_job_is_short(const clglu_job *job, clglu_act act);

/* The name of a slot's operand in the header: "dx", or "da" for the gate operator. */
const char *clglu_job_name(const clglu_job *job, clglu_slot slot);

/* Its enumerations and parameters; alpha 0 becomes 1. */
clglu_status clglu_job_check_values(clglu_job *job, const char **why);

/* Checks everything that needs no device: enumerations, parameters, needed operands, sizes, views, overlaps; resolves the views.
   On failure *why points to a static text and *culprit to the slot it speaks of (SLOT_COUNT: none). */
clglu_status clglu_job_check(clglu_job *job, const char **why, clglu_slot *culprit);

/* Rows of an operand: the job's, or one of a vector. Its dtype: the job's, or f32 of a sum. */
size_t clglu_job_rows(const clglu_job *job, clglu_slot slot);
clglu_dtype clglu_job_dtype(const clglu_job *job, clglu_slot slot);

/* Makes a dense job without vectors one long row: the same elements, better for vectors. */
void clglu_job_flatten(clglu_job *job);

/* The job on the rows first_row ... and the columns first_col ... only: a tile of it, sums and biases cut to its columns. */
clglu_job clglu_job_tile(const clglu_job *job, size_t first_row, size_t rows, size_t first_col, size_t cols);

#endif
