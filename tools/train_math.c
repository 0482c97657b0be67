/* train_math.c - what clglu train computes beside the blocks: plain C in one fixed order, the same bits
   everywhere. SPDX-License-Identifier: MIT */

#include "train_math.h"
#include "train_model.h"

#include <math.h>
#include <string.h>

/* SplitMix64. */
uint64_t train_random(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

void train_random_fill(uint64_t *state, float *to, size_t count, float size)
{
    for (size_t i = 0; i < count; i++) to[i] = ((float)(train_random(state) >> 40) * 0x1p-23f - 1) * size;
}

/* e^x = 2^k e^r, |r| <= ln(2) / 2; Taylor's polynomial leaves less than 2^-48 of it. */
double train_exp(double x)
{
    if (x < -700) return 0;
    double k = floor(x * 0x1.71547652b82fep+0 + 0.5), sum = 1, scale;
    double r = x - k * 0x1.62e42fefa39efp-1;
    for (int n = 13; n > 0; n--) sum = 1 + r * sum / n;
    uint64_t bits = (uint64_t)(1023 + (int)k) << 52;
    memcpy(&scale, &bits, sizeof scale);
    return sum * scale;
}

/* Halley's method for e^y = x: three steps from the power of two below are enough. */
double train_log(double x)
{
    int k = 0;
    double m = x;
    /* NOLINTNEXTLINE(cert-flp30-c,clang-analyzer-security.FloatLoopCounter): halving is exact */
    for (; m >= 2; m /= 2) k++;
    double y = m - 1;
    for (int i = 0; i < 4; i++) {
        double e = 1 / train_exp(-y);
        y += 2 * (m - e) / (m + e);
    }
    return k * 0x1.62e42fefa39efp-1 + y;
}

/* ---------------------------------------------------------------- the norm */

/* Eight sums side by side, so that a compiler may keep them in one register; then these in order. */
static float sum_of_products(const float *p, const float *q)
{
    float part[8] = {0}, sum = 0;
    for (size_t i = 0; i < TRAIN_WIDTH; i += 8)
        for (size_t k = 0; k < 8; k++) part[k] += p[i + k] * q[i + k];
    for (size_t k = 0; k < 8; k++) sum += part[k];
    return sum;
}

void train_norm(size_t rows, const float *x, float *n, float *scale)
{
    for (size_t r = 0; r < rows; r++, x += TRAIN_WIDTH, n += TRAIN_WIDTH) {
        scale[r] = 1 / sqrtf(sum_of_products(x, x) / TRAIN_WIDTH + 1e-6f);
        for (size_t i = 0; i < TRAIN_WIDTH; i++) n[i] = x[i] * scale[r];
    }
}

void train_norm_backward(size_t rows, const float *n, const float *scale, const float *dn, float *dx)
{
    for (size_t r = 0; r < rows; r++, n += TRAIN_WIDTH, dn += TRAIN_WIDTH, dx += TRAIN_WIDTH) {
        float mean = sum_of_products(dn, n) / TRAIN_WIDTH;
        for (size_t i = 0; i < TRAIN_WIDTH; i++) dx[i] += scale[r] * (dn[i] - n[i] * mean);
    }
}

/* ---------------------------------------------------------------- the head */

void train_head(size_t rows, const float *restrict n, const float *restrict head, float *restrict logits)
{
    memset(logits, 0, rows * TRAIN_BYTES * sizeof *logits);
    for (size_t r = 0; r < rows; r++)
        for (size_t k = 0; k < TRAIN_WIDTH; k++)
            for (size_t c = 0; c < TRAIN_BYTES; c++)
                logits[r * TRAIN_BYTES + c] += n[r * TRAIN_WIDTH + k] * head[k * TRAIN_BYTES + c];
}

void train_head_backward(size_t rows, const float *restrict n, const float *restrict head,
                         const float *restrict dlogits, float *restrict dhead, float *restrict dn,
                         float *restrict turned)
{
    memset(dhead, 0, (size_t)TRAIN_WIDTH * TRAIN_BYTES * sizeof *dhead);
    memset(dn, 0, rows * TRAIN_WIDTH * sizeof *dn);
    for (size_t k = 0; k < TRAIN_WIDTH; k++)
        for (size_t c = 0; c < TRAIN_BYTES; c++) turned[c * TRAIN_WIDTH + k] = head[k * TRAIN_BYTES + c];
    for (size_t r = 0; r < rows; r++)
        for (size_t k = 0; k < TRAIN_WIDTH; k++)
            for (size_t c = 0; c < TRAIN_BYTES; c++)
                dhead[k * TRAIN_BYTES + c] += n[r * TRAIN_WIDTH + k] * dlogits[r * TRAIN_BYTES + c];
    for (size_t r = 0; r < rows; r++)
        for (size_t c = 0; c < TRAIN_BYTES; c++)
            for (size_t k = 0; k < TRAIN_WIDTH; k++)
                dn[r * TRAIN_WIDTH + k] += dlogits[r * TRAIN_BYTES + c] * turned[c * TRAIN_WIDTH + k];
}

/* ---------------------------------------------------------------- the loss */

/* e^(logit - the largest) of a row, and their sum. */
static double powers(const float *logits, double power[TRAIN_BYTES], double *most)
{
    double sum = 0;
    *most = (double)logits[0];
    for (size_t c = 1; c < TRAIN_BYTES; c++)
        if ((double)logits[c] > *most) *most = (double)logits[c];
    for (size_t c = 0; c < TRAIN_BYTES; c++) sum += power[c] = train_exp((double)logits[c] - *most);
    return sum;
}

double train_loss(size_t rows, const float *logits, const unsigned char *windows)
{
    double power[TRAIN_BYTES], loss = 0, most;
    for (size_t r = 0; r < rows; r++, logits += TRAIN_BYTES) {
        double sum = powers(logits, power, &most);
        loss += train_log(sum) - ((double)logits[windows[r * TRAIN_WINDOW + TRAIN_CONTEXT]] - most);
    }
    return loss;
}

double train_loss_backward(size_t rows, float *logits, const unsigned char *windows)
{
    double power[TRAIN_BYTES], loss = 0, most;
    for (size_t r = 0; r < rows; r++, logits += TRAIN_BYTES) {
        size_t target = windows[r * TRAIN_WINDOW + TRAIN_CONTEXT];
        double sum = powers(logits, power, &most), share = 1 / sum;
        loss += train_log(sum) - ((double)logits[target] - most);
        for (size_t c = 0; c < TRAIN_BYTES; c++)
            logits[c] = (float)((power[c] * share - (c == target)) / (double)rows);
    }
    return loss;
}

/* ---------------------------------------------------------------- the optimiser */

void train_adam(struct train_adam *a, double rate)
{
    const float beta1 = 0.9f, beta2 = 0.99f, eps = 1e-8f;
    float keep = (float)(1 - rate * 0.01), step = (float)(rate / (1 - a->power1));
    float root = (float)(1 / sqrt(1 - a->power2));
    for (size_t i = 0; i < a->count; i++) {
        a->m[i] = beta1 * a->m[i] + (1 - beta1) * a->g[i];
        a->v[i] = beta2 * a->v[i] + (1 - beta2) * (a->g[i] * a->g[i]);
        a->w[i] = a->w[i] * keep - step * (a->m[i] / (sqrtf(a->v[i]) * root + eps));
    }
}

double train_length(const float *x, size_t count)
{
    double part[4] = {0};
    for (size_t i = 0; i < count; i++) part[i % 4] += (double)x[i] * (double)x[i];
    return sqrt(part[0] + part[1] + part[2] + part[3]);
}
