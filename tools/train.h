/* train.h - clglu train: a small language model of bytes, trained with each variant of the feed-forward
   block. SPDX-License-Identifier: MIT */

#ifndef CLGLU_TOOLS_TRAIN_H
#define CLGLU_TOOLS_TRAIN_H

#include "cli.h"
#include "outfile.h"
#include "train_model.h"
#include "train_text.h"

#include <jansson.h>
#include <stdio.h>

enum { TRAIN_VARIANTS = 16, TRAIN_SEEDS = 100, TRAIN_STEPS = 100000, TRAIN_POINTS = 20 };

/* One evaluation; train and gradient are means over the steps since the one before. */
struct train_point {
    uint64_t step;
    double train, valid, gradient[TRAIN_LAYERS];
};

/* One variant with one seed. */
struct train_run {
    unsigned points; /* point[0] is before the first step */
    struct train_point point[TRAIN_POINTS + 1];
    int done;      /* all steps were made; then: */
    uint64_t hash; /* of all parameters' bits */
    size_t dead[TRAIN_BLOCKS];
};

struct train_result {
    struct train_form form;
    size_t parameters;
    struct train_run *run;       /* one a seed */
    double *seconds, *in_blocks; /* of each step made, all seeds' */
    size_t timed;
};

struct train_job {
    clglu_context *context; /* NULL: the emulation */
    struct train_text text;
    struct train_result result[TRAIN_VARIANTS];
    size_t variants;
    uint64_t seeds, first_seed, steps;
    unsigned points;                     /* evaluations behind the first */
    uint64_t point_at[TRAIN_POINTS + 1]; /* their steps */
    double rate;                         /* the largest learning rate */
    double target;                       /* a loss to reach; 0: the worst variant's */
    const char *data, *dump;
    int quiet;
    int stopped; /* the signal that ended it early, or 0 */
};

/* What is reported of a variant: means over the seeds that count. */
struct train_summary {
    double seconds, in_blocks;     /* of a step: medians */
    double loss, deviation;        /* deviation and apart_deviation: of the seeds, NaN for one */
    double apart, apart_deviation; /* loss less that of the variant it is compared with, seed by seed */
    double reach;                  /* the step at which the mean loss is the target; NaN: it is not reached */
    double curve[TRAIN_POINTS + 1], train[TRAIN_POINTS + 1];
    double gradient[2][TRAIN_LAYERS]; /* at the start and at the end */
    double dead[TRAIN_BLOCKS];        /* parts of d_ff */
    int has_hash;
    uint64_t hash;
};

struct train_report {
    const struct train_job *job;
    struct train_summary of[TRAIN_VARIANTS];
    unsigned points; /* evaluations that all variants have, less the first */
    uint64_t seeds;  /* that count; they are the first ones */
    size_t against;  /* the variant that the others are compared with */
    double target;
    int whole; /* every seed came to its end */
};

/* All return CLI_GO_ON or an exit status, with a message. */
int train_run_all(struct train_job *job);
int train_form_find(const char *name, struct train_form *form);
/* The parameters or gradients of a model, and a batch, as .npy files in job's folder. */
int train_dump(const struct train_job *job, const struct train_model *model, uint64_t seed, const char *when,
               const float *values);
int train_dump_batch(const struct train_job *job, uint64_t seed, uint64_t step, const unsigned char *batch);

/* Returns 0 if there is nothing to report. */
int train_report_make(struct train_report *report, const struct train_job *job);
/* GeGLU beside ReLU and GELU, in two lines; returns 0 where one of them is missing. */
int train_answer(const struct train_report *report, char *out, size_t size);
void train_report_print(const struct train_report *report, FILE *out);
json_t *train_report_json(const struct train_report *report);
/* Writes the page to an open file and gives it its name; returns 0 or an exit status. */
int train_page(const struct train_report *report, struct outfile *out);

/* The layers' names: "embedding", "block 1", ..., "head". */
const char *train_layer(int layer);
/* "pthread-...", or "the host's emulation". Foreign text in it is made harmless. */
const char *train_device(const struct train_job *job, char *out, size_t size);

#endif
