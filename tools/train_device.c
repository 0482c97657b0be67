/* train_device.c - a block that is trained on a device: its buffers, and the library's calls on them.
   SPDX-License-Identifier: MIT */

#include "train_device.h"
#include "cli.h"
#include "train_text.h"

#include <stdlib.h>

/* x, a and b stay on the device from a forward to its backward; DX is also where h goes. */
enum { X, Y, A, B, DY, DX, DWA, DWB, DWD, BUFFERS };

struct train_device {
    clglu_context *context;
    cl_command_queue queue;
    const clglu_ffn_desc *desc;
    clglu_ffn *ffn;
    cl_mem buffer[BUFFERS]; /* B and DWB: NULL for a plain block */
};

static int judge(const struct train_device *d, clglu_status status, const char *what)
{
    return status == CLGLU_OK ? CLI_GO_ON : cli_failed(d->context, status, what);
}

static int opencl_failed(cl_int code, const char *what)
{
    cli_say("train: %s: OpenCL code %d", what, (int)code);
    return CLI_OPENCL;
}

static int make_buffers(struct train_device *d)
{
    const size_t model = d->desc->d_model, ff = d->desc->d_ff, gated = d->desc->wb.host != NULL;
    const size_t wide = TRAIN_VALID * ff, narrow = TRAIN_VALID * model;
    const size_t count[BUFFERS] = {
        narrow, narrow, wide, gated * wide, narrow, wide, model * ff, gated * model * ff, model * ff};
    for (int i = 0; i < BUFFERS; i++) {
        cl_int code = CL_SUCCESS;
        if (count[i])
            d->buffer[i] = clCreateBuffer(clglu_context_cl_context(d->context), CL_MEM_READ_WRITE,
                                          count[i] * sizeof(float), NULL, &code);
        if (code != CL_SUCCESS) return opencl_failed(code, "a buffer");
    }
    return CLI_GO_ON;
}

int train_device_open(struct train_device **device, clglu_context *context, const clglu_ffn_desc *desc)
{
    struct train_device *d = *device = calloc(1, sizeof *d);
    if (!d) return cli_say("out of memory"), CLI_OPENCL;
    d->context = context;
    d->queue = clglu_context_queue(context);
    d->desc = desc;
    int code = make_buffers(d);
    return code == CLI_GO_ON ? judge(d, clglu_ffn_create(context, desc, &d->ffn), "the weights of a block")
                             : code;
}

void train_device_close(struct train_device *d)
{
    if (!d) return;
    clglu_ffn_destroy(d->ffn);
    for (int i = 0; i < BUFFERS; i++)
        if (d->buffer[i]) clReleaseMemObject(d->buffer[i]);
    free(d);
}

static int write_to(const struct train_device *d, int which, size_t count, const float *from)
{
    cl_int code = clEnqueueWriteBuffer(d->queue, d->buffer[which], CL_TRUE, 0, count * sizeof *from, from, 0,
                                       NULL, NULL);
    return code == CL_SUCCESS ? CLI_GO_ON : opencl_failed(code, "clEnqueueWriteBuffer");
}

/* Waits for all that was enqueued before. */
static int read_from(const struct train_device *d, int which, size_t count, float *to)
{
    if (!d->buffer[which]) return CLI_GO_ON;
    cl_int code =
        clEnqueueReadBuffer(d->queue, d->buffer[which], CL_TRUE, 0, count * sizeof *to, to, 0, NULL, NULL);
    return code == CL_SUCCESS ? CLI_GO_ON : opencl_failed(code, "clEnqueueReadBuffer");
}

int train_device_forward(struct train_device *d, size_t rows, const float *x, float *y)
{
    clglu_ffn_call call = {.rows = rows};
    int code = write_to(d, X, rows * d->desc->d_model, x);
    if (code == CLI_GO_ON)
        code = judge(d,
                     clglu_ffn_forward(d->ffn, &call, d->queue, d->buffer[X], d->buffer[Y], d->buffer[A],
                                       d->buffer[B], NULL, 0, NULL, NULL),
                     "a block");
    return code == CLI_GO_ON ? read_from(d, Y, rows * d->desc->d_model, y) : code;
}

int train_device_backward(struct train_device *d, size_t rows, const float *dy, float *dx,
                          struct train_weights g)
{
    clglu_ffn_backward_call call = {.rows = rows};
    const cl_mem *b = d->buffer;
    clglu_ffn_gradients buffers = {.dy = b[DY], .x = b[X], .a = b[A], .b = b[B], .dx = b[DX]};
    size_t model = rows * d->desc->d_model, weights = d->desc->d_model * d->desc->d_ff;
    buffers.dwa = b[DWA];
    buffers.dwb = b[DWB];
    buffers.dwd = b[DWD];
    int code = write_to(d, DY, model, dy);
    if (code == CLI_GO_ON)
        code = judge(d, clglu_ffn_backward(d->ffn, &call, d->queue, &buffers, 0, NULL, NULL),
                     "a block's gradients");
    if (code == CLI_GO_ON) code = read_from(d, DX, model, dx);
    if (code == CLI_GO_ON) code = read_from(d, DWA, weights, g.wa);
    if (code == CLI_GO_ON) code = read_from(d, DWB, weights, g.wb);
    return code == CLI_GO_ON ? read_from(d, DWD, weights, g.wd) : code;
}

int train_device_hidden(struct train_device *d, const clglu_gate_desc *gate, const clglu_act_desc *act,
                        float *h)
{
    cl_mem *b = d->buffer;
    clglu_status status =
        b[B] ? clglu_gate_forward(d->context, gate, d->queue, b[A], b[B], b[DX], 0, NULL, NULL)
             : clglu_act_forward(d->context, act, d->queue, b[A], b[DX], 0, NULL, NULL);
    int code = judge(d, status, "a block's hidden units");
    return code == CLI_GO_ON ? read_from(d, DX, gate->rows * gate->cols, h) : code;
}

int train_device_update(struct train_device *d)
{
    return judge(d, clglu_ffn_update(d->ffn, d->desc, d->queue, 0, NULL, NULL), "a block's new weights");
}
