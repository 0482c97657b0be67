/* train_math.h - what clglu train computes beside the blocks: plain C in one fixed order, the same bits
   everywhere. SPDX-License-Identifier: MIT */

#ifndef CLGLU_TOOLS_TRAIN_MATH_H
#define CLGLU_TOOLS_TRAIN_MATH_H

#include <stddef.h>
#include <stdint.h>

/* Additions, multiplications, divisions and square roots only: IEEE 754 says what they give. The C library's
   exp and log may differ from one version to the next. */

/* Numbers that depend on the state alone. */
uint64_t train_random(uint64_t *state);
/* Evenly in [-size, size). */
void train_random_fill(uint64_t *state, float *to, size_t count, float size);

/* e^x for x <= 0, and the logarithm for x >= 1; to about 1e-14. */
double train_exp(double x);
double train_log(double x);

/* Rows of TRAIN_WIDTH numbers: n = x * scale, scale = 1 / sqrt(mean of x^2 + 1e-6); one scale a row. */
void train_norm(size_t rows, const float *x, float *n, float *scale);
/* Adds the gradient of x to dx, from dn, that of n. */
void train_norm_backward(size_t rows, const float *n, const float *scale, const float *dn, float *dx);

/* logits = n head: [rows, TRAIN_WIDTH] by [TRAIN_WIDTH, TRAIN_BYTES]. */
void train_head(size_t rows, const float *n, const float *head, float *logits);
/* dhead = n^T dlogits, dn = dlogits head^T; `turned` is room for head^T. */
void train_head_backward(size_t rows, const float *n, const float *head, const float *dlogits, float *dhead,
                         float *dn, float *turned);

/* The sum over rows of -log softmax(logits)[target]; the target is the last byte of each row's window. */
double train_loss(size_t rows, const float *logits, const unsigned char *windows);
/* The same, and the gradient of the mean in place of the logits. */
double train_loss_backward(size_t rows, float *logits, const unsigned char *windows);

/* AdamW as PyTorch has it: betas 0.9 and 0.99, eps 1e-8, weight decay 0.01. power1 and power2 are the betas
   to the power of the step. */
struct train_adam {
    float *w, *m, *v;
    const float *g;
    size_t count;
    double power1, power2;
};
void train_adam(struct train_adam *adam, double rate);

/* sqrt of the sum of squares. */
double train_length(const float *x, size_t count);

#endif
