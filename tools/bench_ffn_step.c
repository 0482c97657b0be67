/* bench_ffn_step.c - a training step of a block, for bench: forward and backward, and the weights packed again.
   SPDX-License-Identifier: MIT */

#include "bench_ffn_step.h"

#include <stdbool.h>
#include <string.h>

static cl_mem buffer(const struct block *b, size_t elements, size_t size, const void *data, cl_int *code)
{
    cl_mem_flags flags = CL_MEM_READ_WRITE | (data ? CL_MEM_COPY_HOST_PTR : 0);
    void *from = (void *)(uintptr_t)data;
    if (*code != CL_SUCCESS) return NULL;
    return clCreateBuffer(clglu_context_cl_context(b->context), flags, elements * size, from, code);
}

/* Memory is given out lazily: dy is written, and everything else by the rounds that are thrown away. */
static cl_int make_buffers(struct step *s, size_t rows)
{
    const struct block *b = s->block;
    size_t in = b->shape.d_model, ff = b->shape.d_ff, out = b->shape.d_out, f32 = sizeof(float);
    size_t up = (b->shape.plain ? 1 : 2) * in * ff, down = ff * out;
    const float one = 1;
    cl_int code = CL_SUCCESS;
    s->weights = buffer(b, up > down ? up : down, clglu_dtype_size(b->dtype), b->weights, &code);
    s->a = buffer(b, rows * ff, f32, NULL, &code);
    s->b = buffer(b, rows * ff, f32, NULL, &code);
    s->dy = buffer(b, rows * out, f32, NULL, &code);
    s->dx = buffer(b, rows * in, f32, NULL, &code);
    s->dwa = buffer(b, in * ff, f32, NULL, &code);
    s->dwb = buffer(b, in * ff, f32, NULL, &code);
    s->dwd = buffer(b, ff * out, f32, NULL, &code);
    if (code != CL_SUCCESS) return code;
    return clEnqueueFillBuffer(clglu_context_queue(b->context), s->dy, &one, f32, 0, rows * out * f32, 0, NULL, NULL);
}

int step_open(struct step *s, const struct block *block, size_t most_rows)
{
    const struct block_shape *shape = &block->shape;
    *s = (struct step){.block = block};
    cl_int code = make_buffers(s, most_rows);
    if (code != CL_SUCCESS) return cli_say("the arrays of a training step: OpenCL error %d", (int)code), CLI_OPENCL;
    s->desc = (clglu_ffn_desc){.d_model = shape->d_model, .d_ff = shape->d_ff, .d_out = shape->d_out,
                               .dtype = block->dtype, .act = shape->act, .gate = shape->gate,
                               .alpha = shape->alpha, .limit = shape->limit, .shift = shape->shift, .training = 1};
    s->desc.wa.buffer = s->desc.wd.buffer = s->weights;
    if (!shape->plain) {
        s->desc.wb.buffer = s->weights;
        s->desc.wb.view.offset = shape->d_model * shape->d_ff;
    }
    clglu_status status = clglu_ffn_create(block->context, &s->desc, &s->ffn);
    return status ? cli_failed(block->context, status, "a block to be trained") : CLI_GO_ON;
}

void step_close(struct step *s)
{
    cl_mem all[] = {s->weights, s->a, s->b, s->dy, s->dx, s->dwa, s->dwb, s->dwd};
    clglu_ffn_destroy(s->ffn);
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (all[i]) clReleaseMemObject(all[i]);
    memset(s, 0, sizeof *s);
}

static int finish(const struct step *s, clglu_status status, const char *what)
{
    if (status) return cli_failed(s->block->context, status, what);
    cl_int code = clFinish(clglu_context_queue(s->block->context));
    return code == CL_SUCCESS ? CLI_GO_ON : (cli_say("%s: clFinish: OpenCL error %d", what, (int)code), CLI_OPENCL);
}

int step_run(const struct step *s, size_t rows, int runs)
{
    clglu_ffn_call forward = {.rows = rows};
    clglu_ffn_backward_call backward = {.rows = rows};
    bool plain = s->block->shape.plain;
    clglu_ffn_gradients g = {.dy = s->dy, .x = s->block->x, .a = s->a, .b = plain ? NULL : s->b, .dx = s->dx,
                             .dwa = s->dwa, .dwb = plain ? NULL : s->dwb, .dwd = s->dwd};
    clglu_status status = CLGLU_OK;
    for (int i = 0; i < runs && !status; i++) {
        status = clglu_ffn_forward(s->ffn, &forward, NULL, s->block->x, s->block->y, s->a, g.b, NULL, 0, NULL, NULL);
        if (!status) status = clglu_ffn_backward(s->ffn, &backward, NULL, &g, 0, NULL, NULL);
    }
    return finish(s, status, "a training step");
}

int step_update(const struct step *s, int runs)
{
    clglu_status status = CLGLU_OK;
    for (int i = 0; i < runs && !status; i++) status = clglu_ffn_update(s->ffn, &s->desc, NULL, 0, NULL, NULL);
    return finish(s, status, "the weights packed again");
}
