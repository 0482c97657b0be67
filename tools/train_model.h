/* train_model.h - the model that clglu train trains: bytes embedded, feed-forward blocks, a head.
   SPDX-License-Identifier: MIT */

#ifndef CLGLU_TOOLS_TRAIN_MODEL_H
#define CLGLU_TOOLS_TRAIN_MODEL_H

#include "clglu.h"
#include "train_block.h"
#include "train_text.h"

/* TRAIN_CONTEXT bytes, each embedded in TRAIN_EMBED numbers: side by side they are x. Then x = x +
   block(norm(x)), and logits = norm(x) head. A gated block has two thirds of a plain one's hidden units: the
   same number of weights. */
enum { TRAIN_EMBED = 8, TRAIN_WIDTH = TRAIN_CONTEXT * TRAIN_EMBED, TRAIN_BLOCKS = 3, TRAIN_BYTES = 256 };
enum { TRAIN_PLAIN = 4 * TRAIN_WIDTH, TRAIN_GATED = TRAIN_PLAIN * 2 / 3 };
enum { TRAIN_EMBEDDING = 0, TRAIN_HEAD = TRAIN_BLOCKS + 1, TRAIN_LAYERS = TRAIN_BLOCKS + 2 };

/* A tensor among the parameters. */
struct train_tensor {
    const char *name;
    int layer;
    size_t at, rows, cols;
};

struct train_model {
    struct train_form form;
    struct train_tensor tensor[2 + 3 * TRAIN_BLOCKS];
    int tensors;
    size_t count;         /* parameters */
    float *w, *g, *m, *v; /* themselves, their gradients, the optimiser's moments */
    double power1, power2;
    uint64_t step, steps;
    double rate; /* of learning: up to that over a twentieth of the steps, then down to a tenth of it */
    struct train_block *block[TRAIN_BLOCKS];
};

/* What lies between the layers, for up to TRAIN_VALID rows; models take turns with one. */
struct train_work {
    float *memory;
    float *x, *n[TRAIN_LAYERS - 1],
        *scale[TRAIN_LAYERS - 1]; /* n and scale: in front of each block, and of the head */
    float *y, *dn, *logits, *turned, *hidden;
    double in_blocks; /* seconds spent in blocks since it was set to 0 */
};

/* All return CLI_GO_ON or an exit status, with a message. A zeroed or closed model or work may be closed. */
int train_work_open(struct train_work *work);
void train_work_close(struct train_work *work);
int train_model_open(struct train_model *model, clglu_context *context, const struct train_form *form,
                     uint64_t seed, uint64_t steps, double rate);
void train_model_close(struct train_model *model);

/* One step: *loss is the batch's mean before it, gradient the length of each layer's. The gradients stay in
 * model->g. */
int train_model_step(struct train_model *model, struct train_work *work, const unsigned char *windows,
                     double *loss, double gradient[TRAIN_LAYERS]);
/* The mean loss of so many windows. */
int train_model_judge(struct train_model *model, struct train_work *work, const unsigned char *windows,
                      size_t rows, double *loss);
/* How many hidden units of each block are dead for those windows: never beyond a thousandth of what is usual
 * there. */
int train_model_dead(struct train_model *model, struct train_work *work, const unsigned char *windows,
                     size_t rows, size_t dead[TRAIN_BLOCKS]);
uint64_t train_model_hash(const struct train_model *model);

#endif
