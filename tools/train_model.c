/* train_model.c - the model that clglu train trains: bytes embedded, feed-forward blocks, a head.
   SPDX-License-Identifier: MIT */

#include "train_model.h"
#include "cli.h"
#include "progress.h"
#include "train_math.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

/* ---------------------------------------------------------------- memory */

int train_work_open(struct train_work *w)
{
    const size_t width = (size_t)TRAIN_VALID * TRAIN_WIDTH, bytes = (size_t)TRAIN_VALID * TRAIN_BYTES;
    const size_t head = (size_t)TRAIN_WIDTH * TRAIN_BYTES, hidden = (size_t)TRAIN_VALID * TRAIN_PLAIN;
    const size_t norms = TRAIN_LAYERS - 1;
    *w = (struct train_work){.in_blocks = 0};
    float *at = w->memory =
        calloc(width * (3 + norms) + norms * TRAIN_VALID + bytes + head + hidden, sizeof *at);
    if (!at) return cli_say("out of memory"), CLI_OPENCL;
    w->x = at;
    w->y = at += width;
    w->dn = at += width;
    at += width;
    for (size_t i = 0; i < norms; i++, at += width) w->n[i] = at;
    for (size_t i = 0; i < norms; i++, at += TRAIN_VALID) w->scale[i] = at;
    w->logits = at;
    w->turned = at += bytes;
    w->hidden = at + head;
    return CLI_GO_ON;
}

void train_work_close(struct train_work *w)
{
    free(w->memory);
    w->memory = NULL;
}

static size_t add_tensor(struct train_model *m, const char *name, int layer, size_t rows, size_t cols)
{
    size_t at = m->count;
    m->tensor[m->tensors++] = (struct train_tensor){name, layer, at, rows, cols};
    m->count += rows * cols;
    return at;
}

static void lay_out(struct train_model *m)
{
    add_tensor(m, "embedding", TRAIN_EMBEDDING, TRAIN_BYTES, TRAIN_EMBED);
    for (int i = 0; i < TRAIN_BLOCKS; i++) {
        add_tensor(m, "wa", i + 1, TRAIN_WIDTH, m->form.d_ff);
        if (m->form.gated) add_tensor(m, "wb", i + 1, TRAIN_WIDTH, m->form.d_ff);
        add_tensor(m, "wd", i + 1, m->form.d_ff, TRAIN_WIDTH);
    }
    add_tensor(m, "head", TRAIN_HEAD, TRAIN_WIDTH, TRAIN_BYTES);
}

/* Each matrix gives sums of variance 1; the embedding begins small, so that the blocks have a say from the
 * start. */
static void fill(struct train_model *m, uint64_t seed)
{
    for (int i = 0; i < m->tensors; i++) {
        const struct train_tensor *t = &m->tensor[i];
        uint64_t state = seed * 64 + (uint64_t)i;
        float size = t->layer == TRAIN_EMBEDDING ? 1 : sqrtf(3 / (float)t->rows);
        train_random(&state);
        train_random_fill(&state, m->w + t->at, t->rows * t->cols, size);
    }
}

/* The tensors of block i in w or g. */
static struct train_weights weights_of(const struct train_model *m, int i, float *from)
{
    const struct train_tensor *t = &m->tensor[1 + i * (2 + m->form.gated)];
    return (struct train_weights){from + t[0].at, m->form.gated ? from + t[1].at : NULL,
                                  from + t[1 + m->form.gated].at};
}

int train_model_open(struct train_model *m, clglu_context *context, const struct train_form *form,
                     uint64_t seed, uint64_t steps, double rate)
{
    *m = (struct train_model){.form = *form, .steps = steps, .rate = rate, .power1 = 1, .power2 = 1};
    lay_out(m);
    m->w = calloc(4 * m->count, sizeof *m->w);
    if (!m->w) return cli_say("out of memory"), CLI_OPENCL;
    m->g = m->w + m->count;
    m->m = m->g + m->count;
    m->v = m->m + m->count;
    fill(m, seed);
    int code = CLI_GO_ON;
    for (int i = 0; i < TRAIN_BLOCKS && code == CLI_GO_ON; i++)
        code = train_block_open(&m->block[i], context, form, TRAIN_WIDTH, weights_of(m, i, m->w),
                                weights_of(m, i, m->g));
    return code;
}

void train_model_close(struct train_model *m)
{
    for (int i = 0; i < TRAIN_BLOCKS; i++) train_block_close(m->block[i]);
    free(m->w);
    *m = (struct train_model){.w = NULL};
}

uint64_t train_model_hash(const struct train_model *m) { return XXH64(m->w, m->count * sizeof *m->w, 0); }

/* ---------------------------------------------------------------- forward and backward */

static void add(size_t rows, const float *y, float *x)
{
    for (size_t i = 0; i < rows * TRAIN_WIDTH; i++) x[i] += y[i];
}

static int forward(struct train_model *m, struct train_work *w, const unsigned char *windows, size_t rows)
{
    for (size_t r = 0; r < rows; r++)
        for (size_t i = 0; i < TRAIN_CONTEXT; i++)
            memcpy(w->x + r * TRAIN_WIDTH + i * TRAIN_EMBED,
                   m->w + (size_t)windows[r * TRAIN_WINDOW + i] * TRAIN_EMBED, TRAIN_EMBED * sizeof *w->x);
    for (int i = 0; i < TRAIN_BLOCKS; i++) {
        train_norm(rows, w->x, w->n[i], w->scale[i]);
        double start = progress_now();
        int code = train_block_forward(m->block[i], rows, w->n[i], w->y);
        w->in_blocks += progress_now() - start;
        if (code != CLI_GO_ON) return code;
        add(rows, w->y, w->x);
    }
    train_norm(rows, w->x, w->n[TRAIN_BLOCKS], w->scale[TRAIN_BLOCKS]);
    train_head(rows, w->n[TRAIN_BLOCKS], m->w + m->tensor[m->tensors - 1].at, w->logits);
    return CLI_GO_ON;
}

/* From the logits' gradient to that of x in front of the blocks; x itself is no longer needed, and gives its
 * place. */
static int backward(struct train_model *m, struct train_work *w, size_t rows)
{
    size_t head = m->tensor[m->tensors - 1].at;
    float *dx = w->x;
    train_head_backward(rows, w->n[TRAIN_BLOCKS], m->w + head, w->logits, m->g + head, w->dn, w->turned);
    memset(dx, 0, rows * TRAIN_WIDTH * sizeof *dx);
    train_norm_backward(rows, w->n[TRAIN_BLOCKS], w->scale[TRAIN_BLOCKS], w->dn, dx);
    for (int i = TRAIN_BLOCKS - 1; i >= 0; i--) {
        double start = progress_now();
        int code = train_block_backward(m->block[i], rows, dx, w->n[i], w->dn);
        w->in_blocks += progress_now() - start;
        if (code != CLI_GO_ON) return code;
        train_norm_backward(rows, w->n[i], w->scale[i], w->dn, dx);
    }
    return CLI_GO_ON;
}

static void embedding_backward(struct train_model *m, const float *dx, const unsigned char *windows,
                               size_t rows)
{
    memset(m->g, 0, (size_t)TRAIN_BYTES * TRAIN_EMBED * sizeof *m->g);
    for (size_t r = 0; r < rows; r++)
        for (size_t i = 0; i < TRAIN_CONTEXT; i++) {
            float *g = m->g + (size_t)windows[r * TRAIN_WINDOW + i] * TRAIN_EMBED;
            for (size_t k = 0; k < TRAIN_EMBED; k++) g[k] += dx[r * TRAIN_WIDTH + i * TRAIN_EMBED + k];
        }
}

/* ---------------------------------------------------------------- a step */

static double rate_now(const struct train_model *m)
{
    uint64_t up = m->steps / 20 ? m->steps / 20 : 1;
    if (m->step <= up) return m->rate * (double)m->step / (double)up;
    return m->rate * (0.1 + 0.9 * (double)(m->steps - m->step) / (double)(m->steps - up));
}

static void lengths(const struct train_model *m, double gradient[TRAIN_LAYERS])
{
    for (int layer = 0; layer < TRAIN_LAYERS; layer++) {
        size_t first = m->count, count = 0;
        for (int i = m->tensors - 1; i >= 0; i--)
            if (m->tensor[i].layer == layer)
                first = m->tensor[i].at, count += m->tensor[i].rows * m->tensor[i].cols;
        gradient[layer] = train_length(m->g + first, count);
    }
}

static int change(struct train_model *m, struct train_work *w)
{
    struct train_adam adam = {m->w, m->m, m->v, m->g, m->count, m->power1 *= 0.9, m->power2 *= 0.99};
    m->step++;
    train_adam(&adam, rate_now(m));
    double start = progress_now();
    int code = CLI_GO_ON;
    for (int i = 0; i < TRAIN_BLOCKS && code == CLI_GO_ON; i++) code = train_block_update(m->block[i]);
    w->in_blocks += progress_now() - start;
    return code;
}

int train_model_step(struct train_model *m, struct train_work *w, const unsigned char *windows, double *loss,
                     double gradient[TRAIN_LAYERS])
{
    int code = forward(m, w, windows, TRAIN_ROWS);
    if (code != CLI_GO_ON) return code;
    *loss = train_loss_backward(TRAIN_ROWS, w->logits, windows) / TRAIN_ROWS;
    code = backward(m, w, TRAIN_ROWS);
    if (code != CLI_GO_ON) return code;
    embedding_backward(m, w->x, windows, TRAIN_ROWS);
    lengths(m, gradient);
    return change(m, w);
}

int train_model_judge(struct train_model *m, struct train_work *w, const unsigned char *windows, size_t rows,
                      double *loss)
{
    int code = forward(m, w, windows, rows);
    if (code == CLI_GO_ON) *loss = train_loss(rows, w->logits, windows) / (double)rows;
    return code;
}

/* ---------------------------------------------------------------- hidden units */

static size_t count_dead(const float *h, size_t rows, size_t units)
{
    double usual = train_length(h, rows * units) / sqrt((double)(rows * units));
    size_t dead = 0;
    for (size_t u = 0; u < units; u++) {
        double most = 0;
        for (size_t r = 0; r < rows; r++)
            if (fabs((double)h[r * units + u]) > most) most = fabs((double)h[r * units + u]);
        dead += most <= usual / 1000;
    }
    return dead;
}

int train_model_dead(struct train_model *m, struct train_work *w, const unsigned char *windows, size_t rows,
                     size_t dead[TRAIN_BLOCKS])
{
    int code = forward(m, w, windows, rows);
    for (int i = 0; i < TRAIN_BLOCKS && code == CLI_GO_ON; i++) {
        code = train_block_hidden(m->block[i], rows, w->hidden);
        dead[i] = count_dead(w->hidden, rows, m->form.d_ff);
    }
    return code;
}
