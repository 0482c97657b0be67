/* train_block.c - a feed-forward block that is trained, on a device or by the emulation.
 * SPDX-License-Identifier: MIT */

#include "train_block.h"
#include "cli.h"
#include "train_device.h"
#include "train_text.h"

#include <stdlib.h>

struct train_block {
    struct train_device *device; /* NULL: the emulation */
    clglu_ffn_desc desc;
    struct train_weights gradients;
    float *a, *b; /* the emulation's, [TRAIN_VALID, d_ff]; b NULL: plain */
};

static void describe(clglu_ffn_desc *d, const struct train_form *form, size_t d_model,
                     struct train_weights weights)
{
    *d = (clglu_ffn_desc){.d_model = d_model, .d_ff = form->d_ff, .training = 1, .route = CLGLU_ROUTE_FUSED};
    d->act = form->act;
    d->gate = form->gate;
    d->alpha = form->alpha;
    d->limit = form->limit;
    d->shift = form->shift;
    d->wa.host = weights.wa;
    d->wb.host = weights.wb;
    d->wd.host = weights.wd;
}

static int make_room(struct train_block *b, const struct train_form *form)
{
    size_t room = (size_t)TRAIN_VALID * form->d_ff;
    b->a = malloc(room * sizeof *b->a);
    if (form->gated) b->b = malloc(room * sizeof *b->b);
    if (b->a && (b->b || !form->gated)) return CLI_GO_ON;
    cli_say("out of memory");
    return CLI_OPENCL;
}

int train_block_open(struct train_block **block, clglu_context *context, const struct train_form *form,
                     size_t d_model, struct train_weights weights, struct train_weights gradients)
{
    struct train_block *b = *block = calloc(1, sizeof *b);
    if (!b) return cli_say("out of memory"), CLI_OPENCL;
    b->gradients = gradients;
    describe(&b->desc, form, d_model, weights);
    return context ? train_device_open(&b->device, context, &b->desc) : make_room(b, form);
}

void train_block_close(struct train_block *b)
{
    if (!b) return;
    train_device_close(b->device);
    free(b->a);
    free(b->b);
    free(b);
}

static int judge(clglu_status status)
{
    return status == CLGLU_OK ? CLI_GO_ON : cli_failed(NULL, status, "emulation");
}

int train_block_forward(struct train_block *b, size_t rows, const float *x, float *y)
{
    clglu_ffn_call call = {.rows = rows};
    return b->device ? train_device_forward(b->device, rows, x, y)
                     : judge(clglu_emulate_ffn_forward(&b->desc, &call, x, y, b->a, b->b));
}

int train_block_backward(struct train_block *b, size_t rows, const float *dy, const float *x, float *dx)
{
    clglu_ffn_backward_call call = {.rows = rows};
    clglu_ffn_gradients_host arrays = {.dy = dy, .x = x, .a = b->a, .b = b->b, .dx = dx};
    arrays.dwa = b->gradients.wa;
    arrays.dwb = b->gradients.wb;
    arrays.dwd = b->gradients.wd;
    return b->device ? train_device_backward(b->device, rows, dy, dx, b->gradients)
                     : judge(clglu_emulate_ffn_backward(&b->desc, &call, &arrays));
}

int train_block_hidden(struct train_block *b, size_t rows, float *h)
{
    clglu_gate_desc gate = {.rows = rows, .cols = b->desc.d_ff, .act = b->desc.act, .gate = b->desc.gate};
    clglu_act_desc act = {.rows = rows, .cols = b->desc.d_ff, .act = b->desc.act, .alpha = b->desc.alpha};
    gate.alpha = b->desc.alpha;
    gate.limit = b->desc.limit;
    gate.shift = b->desc.shift;
    if (b->device) return train_device_hidden(b->device, &gate, &act, h);
    return judge(b->b ? clglu_emulate_gate_forward(&gate, b->a, b->b, h)
                      : clglu_emulate_act_forward(&act, b->a, h));
}

int train_block_update(struct train_block *b)
{
    return b->device ? train_device_update(b->device) : CLI_GO_ON;
}
