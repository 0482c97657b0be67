/* export_ask.c - everything that the operators can ask a device's compiler for, asked. SPDX-License-Identifier: MIT */

#include "export.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 4, COLS = 64, SPACE = 1 << 14, BUFFERS = 5 }; /* SPACE in f32 elements */

/* How operands lie: whole vectors, rows of odd length in memory at an odd place, elements apart. Each has a form of kernel of its
   own. */
enum { LAYOUTS = 3 };
static const struct {
    size_t cols, ld, inc;
    int odd;
} layouts[LAYOUTS] = {{COLS, COLS, 1, 0}, {COLS - 3, COLS, 1, 1}, {COLS - 3, 2 * COLS, 2, 0}};

struct asker {
    clglu_context *context;
    const struct plan *plan;
    struct progress *progress;
    float *data;
    cl_mem buffer[2][BUFFERS]; /* the second ones lie in host memory, at an odd place */
};

static int opencl_failed(struct asker *a, clglu_status status, const char *name)
{
    return status == CLGLU_OK ? CLI_GO_ON : cli_failed(a->context, status, name);
}

static int make_buffers(struct asker *a)
{
    cl_int code = CL_SUCCESS;
    cl_context cl = clglu_context_cl_context(a->context);
    a->data = calloc((BUFFERS + 1) * SPACE, sizeof *a->data); /* zeros: their arithmetic is quick */
    if (!a->data) return cli_say("out of memory"), CLI_OPENCL;
    float *odd = a->data + 1;
    while ((uintptr_t)odd % 64 == 0) odd++;
    for (int i = 0; i < 2 * BUFFERS && code == CL_SUCCESS; i++)
        a->buffer[i / BUFFERS][i % BUFFERS] =
            clCreateBuffer(cl, CL_MEM_READ_WRITE | (i < BUFFERS ? CL_MEM_COPY_HOST_PTR : CL_MEM_USE_HOST_PTR),
                           SPACE * sizeof *a->data, i < BUFFERS ? a->data : odd + (i - BUFFERS) * SPACE, &code);
    int good = code == CL_SUCCESS;
    return good ? CLI_GO_ON : (cli_say("no buffers on the device (OpenCL code %d)", (int)code), CLI_OPENCL);
}

static int finish(struct asker *a)
{
    cl_int code = clFinish(clglu_context_queue(a->context));
    progress_add(a->progress, 1);
    return code == CL_SUCCESS ? CLI_GO_ON : (cli_say("clFinish: OpenCL code %d", (int)code), CLI_OPENCL);
}

/* ---------------------------------------------------------------- activations and gates */

static int ask_act(struct asker *a, clglu_act act, clglu_dtype dtype, int layout)
{
    clglu_view v = {0, layouts[layout].ld, layouts[layout].inc};
    clglu_act_desc d = {.rows = ROWS, .cols = layouts[layout].cols, .act = act, .dtype = dtype};
    d.x = d.y = d.dy = d.dx = v;
    const cl_mem *m = a->buffer[layouts[layout].odd];
    clglu_status status = clglu_act_forward(a->context, &d, NULL, m[0], m[1], 0, NULL, NULL);
    if (status == CLGLU_OK) status = clglu_act_backward(a->context, &d, NULL, m[0], m[1], m[2], NULL, 0, NULL, NULL);
    int code = opencl_failed(a, status, "an activation");
    return code == CLI_GO_ON ? finish(a) : code;
}

static int ask_gate(struct asker *a, const char *variant, clglu_dtype dtype, int layout)
{
    clglu_view v = {0, layouts[layout].ld, layouts[layout].inc};
    clglu_gate_desc d = {.rows = ROWS, .cols = layouts[layout].cols, .dtype = dtype};
    const cl_mem *m = a->buffer[layouts[layout].odd];
    d.a = d.b = d.y = d.dy = d.da = d.db = v;
    clglu_status status = clglu_variant_set(variant, &d);
    if (status == CLGLU_OK) status = clglu_gate_forward(a->context, &d, NULL, m[0], m[1], m[2], 0, NULL, NULL);
    if (status == CLGLU_OK)
        status = clglu_gate_backward(a->context, &d, NULL, m[0], m[1], m[2], m[3], m[4], NULL, NULL, NULL, 0, NULL, NULL);
    int code = opencl_failed(a, status, variant);
    return code == CLI_GO_ON ? finish(a) : code;
}

/* ---------------------------------------------------------------- feed-forward blocks */

enum { D_MODEL = 48, D_FF = 40, MOST_ROWS = 64 };

/* Every kernel choice for few and for many rows. */
static int ask_choices(struct asker *a, clglu_ffn *ffn, const float *x, float *y)
{
    static const size_t rows[] = {1, 3, MOST_ROWS};
    clglu_status status = CLGLU_OK;
    for (size_t r = 0; r < sizeof rows / sizeof *rows && status == CLGLU_OK; r++) {
        clglu_ffn_call call = {.rows = rows[r]};
        for (size_t i = 0; status == CLGLU_OK && clglu_ffn_choice_at(ffn, rows[r], i, &call.choice) == CLGLU_OK; i++)
            status = clglu_ffn_forward_host(ffn, &call, x, y, NULL, NULL);
    }
    return opencl_failed(a, status, "a feed-forward block");
}

static int ask_training(struct asker *a, clglu_ffn *ffn, const float *x, float *out)
{
    clglu_ffn_backward_call call = {.rows = 3};
    float *at = out;
    clglu_ffn_gradients_host g = {.dy = x, .x = x, .dx = at};
    uint32_t overflow;
    g.dwa = at += (size_t)MOST_ROWS * D_MODEL;
    g.dwb = at += D_MODEL * D_FF;
    g.dwd = at + D_MODEL * D_FF;
    g.overflow = &overflow;
    return opencl_failed(a, clglu_ffn_backward_host(ffn, &call, &g), "a block's backward");
}

static int ask_block(struct asker *a, const char *variant, clglu_dtype dtype)
{
    clglu_gate_desc form = {.rows = 0};
    clglu_ffn *ffn = NULL;
    float *data = calloc(2 * SPACE, sizeof *data);
    if (!data) return cli_say("out of memory"), CLI_OPENCL;
    clglu_status status = clglu_variant_set(variant, &form);
    clglu_ffn_desc d = {.d_model = D_MODEL, .d_ff = D_FF, .dtype = dtype, .act = form.act, .gate = form.gate, .alpha = form.alpha,
                        .limit = form.limit, .shift = form.shift, .training = 1};
    d.wa.host = d.wb.host = d.wd.host = data;
    if (status == CLGLU_OK) status = clglu_ffn_create(a->context, &d, &ffn);
    int code = opencl_failed(a, status, variant);
    if (code == CLI_GO_ON) code = ask_choices(a, ffn, data, data + SPACE);
    if (code == CLI_GO_ON) code = ask_training(a, ffn, data, data + SPACE);
    clglu_ffn_destroy(ffn);
    free(data);
    return code == CLI_GO_ON ? finish(a) : code;
}

/* ---------------------------------------------------------------- all of them */

static int wanted(const char *variant, const char *name) { return !variant || strcmp(variant, name) == 0; }

static int ask_variant(struct asker *a, const char *name, int dtype)
{
    int code = CLI_GO_ON;
    progress_label(a->progress, name);
    for (int l = 0; l < LAYOUTS && code == CLI_GO_ON && a->plan->operator_[PLAN_GATE]; l++)
        code = ask_gate(a, name, (clglu_dtype)dtype, l);
    return code == CLI_GO_ON && a->plan->operator_[PLAN_FFN] ? ask_block(a, name, (clglu_dtype)dtype) : code;
}

static int ask_all(struct asker *a, const char *variant)
{
    clglu_variant v;
    int code = make_buffers(a);
    for (int dtype = 0; dtype < 3; dtype++) {
        if (!a->plan->dtype[dtype]) continue;
        for (int i = 0; i < CLGLU_ACT_COUNT * LAYOUTS && code == CLI_GO_ON && a->plan->operator_[PLAN_ACT]; i++)
            code = ask_act(a, (clglu_act)(i / LAYOUTS), (clglu_dtype)dtype, i % LAYOUTS);
        for (size_t i = 0; code == CLI_GO_ON && clglu_variant_at(i, &v) == CLGLU_OK; i++)
            if (wanted(variant, v.name)) code = ask_variant(a, v.name, dtype);
    }
    return code;
}

uint64_t export_steps(const struct plan *p, const char *variant)
{
    clglu_variant v;
    uint64_t variants = 0;
    for (size_t i = 0; clglu_variant_at(i, &v) == CLGLU_OK; i++) variants += wanted(variant, v.name) ? 1 : 0;
    uint64_t one = (uint64_t)(p->operator_[PLAN_ACT] ? CLGLU_ACT_COUNT * LAYOUTS : 0) +
                   variants * (uint64_t)((p->operator_[PLAN_GATE] ? LAYOUTS : 0) + (p->operator_[PLAN_FFN] ? 1 : 0));
    return one * (uint64_t)(p->dtype[0] + p->dtype[1] + p->dtype[2]);
}

int export_ask(clglu_context *context, const struct plan *plan, const char *variant, struct progress *progress)
{
    struct asker a = {.context = context, .plan = plan, .progress = progress};
    int code = ask_all(&a, variant);
    for (int i = 0; i < 2 * BUFFERS; i++)
        if (a.buffer[i / BUFFERS][i % BUFFERS]) clReleaseMemObject(a.buffer[i / BUFFERS][i % BUFFERS]);
    free(a.data);
    return code;
}
