/* train_block.c - a feed-forward block that is trained: every call of the library's that clglu train makes.
   SPDX-License-Identifier: MIT */

#include "train_block.h"
#include "cli.h"
#include "train_text.h"

#include <stdlib.h>

struct train_block {
    clglu_context *context;
    clglu_ffn *ffn; /* NULL: the emulation */
    clglu_ffn_desc desc;
    struct train_weights gradients;
    float *a, *b; /* [TRAIN_VALID, d_ff]; b NULL: plain */
};

static int judge(const struct train_block *b, clglu_status status, const char *what)
{
    return status == CLGLU_OK ? CLI_GO_ON : cli_failed(b->context, status, what);
}

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

int train_block_open(struct train_block **block, clglu_context *context, const struct train_form *form,
                     size_t d_model, struct train_weights weights, struct train_weights gradients)
{
    size_t room = (size_t)TRAIN_VALID * form->d_ff;
    struct train_block *b = *block = calloc(1, sizeof *b);
    if (b) b->a = malloc(room * sizeof *b->a);
    if (b && form->gated) b->b = malloc(room * sizeof *b->b);
    if (!b || !b->a || (form->gated && !b->b)) return cli_say("out of memory"), CLI_OPENCL;
    b->context = context;
    b->gradients = gradients;
    describe(&b->desc, form, d_model, weights);
    return context ? judge(b, clglu_ffn_create(context, &b->desc, &b->ffn), "the weights of a block")
                   : CLI_GO_ON;
}

void train_block_close(struct train_block *b)
{
    if (!b) return;
    clglu_ffn_destroy(b->ffn);
    free(b->a);
    free(b->b);
    free(b);
}

int train_block_forward(struct train_block *b, size_t rows, const float *x, float *y)
{
    clglu_ffn_call call = {.rows = rows};
    clglu_status status = b->ffn ? clglu_ffn_forward_host(b->ffn, &call, x, y, b->a, b->b)
                                 : clglu_emulate_ffn_forward(&b->desc, &call, x, y, b->a, b->b);
    return judge(b, status, "a block");
}

int train_block_backward(struct train_block *b, size_t rows, const float *dy, const float *x, float *dx)
{
    clglu_ffn_backward_call call = {.rows = rows};
    clglu_ffn_gradients_host arrays = {.dy = dy, .x = x, .a = b->a, .b = b->b, .dx = dx};
    arrays.dwa = b->gradients.wa;
    arrays.dwb = b->gradients.wb;
    arrays.dwd = b->gradients.wd;
    clglu_status status = b->ffn ? clglu_ffn_backward_host(b->ffn, &call, &arrays)
                                 : clglu_emulate_ffn_backward(&b->desc, &call, &arrays);
    return judge(b, status, "a block's gradients");
}

int train_block_hidden(struct train_block *b, size_t rows, float *h)
{
    clglu_gate_desc gate = {.rows = rows, .cols = b->desc.d_ff, .act = b->desc.act, .gate = b->desc.gate};
    clglu_act_desc act = {.rows = rows, .cols = b->desc.d_ff, .act = b->desc.act, .alpha = b->desc.alpha};
    gate.alpha = b->desc.alpha;
    gate.limit = b->desc.limit;
    gate.shift = b->desc.shift;
    clglu_status status;
    if (b->b)
        status = b->ffn ? clglu_gate_forward_host(b->context, &gate, b->a, b->b, h)
                        : clglu_emulate_gate_forward(&gate, b->a, b->b, h);
    else
        status = b->ffn ? clglu_act_forward_host(b->context, &act, b->a, h)
                        : clglu_emulate_act_forward(&act, b->a, h);
    return judge(b, status, "a block's hidden units");
}

int train_block_update(struct train_block *b)
{
    return b->ffn ? judge(b, clglu_ffn_update(b->ffn, &b->desc, NULL, 0, NULL, NULL), "a block's new weights")
                  : CLI_GO_ON;
}
