/* bench_ffn_block.c - a feed-forward block of a known shape with made-up weights, for bench and tune.
   SPDX-License-Identifier: MIT */

#include "bench_ffn_block.h"
#include "text.h"
#include "values.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LARGEST = 1 << 22, PANEL = 32 };

/* ---------------------------------------------------------------- shapes */

static int set_model(const clglu_model *m, struct block_shape *s)
{
    snprintf(s->name, sizeof s->name, "%s", m->name);
    s->d_model = s->d_out = m->d_model;
    s->d_ff = m->d_ff;
    s->plain = m->variant == NULL;
    s->form = m->variant;
    s->act = m->act;
    s->gate = m->gate;
    s->alpha = m->alpha;
    s->limit = m->limit;
    s->shift = m->shift;
    return CLI_GO_ON;
}

/* "D:F[:OUT]" */
static int set_sizes(const struct cli_command *self, const char *text, struct block_shape *s)
{
    size_t size[3] = {0};
    int n = 0;
    const char *at = text;
    for (char *end; n < 3 && *at >= '0' && *at <= '9'; n++, at = *end == ':' ? end + 1 : end) {
        unsigned long long v = strtoull(at, &end, 10);
        size[n] = v > LARGEST ? 0 : (size_t)v;
        if (*end && *end != ':') break;
    }
    if (n < 2 || *at || at[-1] == ':')
        return cli_usage(self, "'%s' is no known model and no shape (d_model:d_ff or d_model:d_ff:d_out)",
                         text);
    if (n == 2) size[2] = size[0];
    if (!size[0] || !size[1] || !size[2])
        return cli_usage(self, "'%s': sizes are from 1 to %d", text, (int)LARGEST);
    snprintf(s->name, sizeof s->name, "%s", text);
    s->d_model = size[0];
    s->d_ff = size[1];
    s->d_out = size[2];
    return CLI_GO_ON;
}

static int set_form(const struct cli_command *self, const char *name, struct block_shape *s)
{
    clglu_gate_desc d = {.rows = 0};
    s->form = name;
    s->plain = clglu_variant_set(name, &d) != CLGLU_OK;
    if (s->plain && clglu_act_find(name, &d.act) != CLGLU_OK)
        return cli_usage(self, "no variant or activation is named '%s'; 'clglu acts' lists them", name);
    s->act = d.act;
    s->gate = d.gate;
    s->alpha = d.alpha;
    s->limit = d.limit;
    s->shift = d.shift;
    return CLI_GO_ON;
}

static const char *act_name(clglu_act act)
{
#define NAME(id, name, ...) #name,
    static const char *const names[] = {CLGLU_ACTS(NAME)};
#undef NAME
    return names[act];
}

int block_shape(const struct cli_command *self, const char *text, const char *variant,
                struct block_shape *shape)
{
    clglu_model m;
    *shape = (struct block_shape){.plain = 0};
    int known = clglu_model_find(text, &m) == CLGLU_OK;
    int code = known ? set_model(&m, shape) : set_sizes(self, text, shape);
    if (code == CLI_GO_ON && (variant || !known)) code = set_form(self, variant ? variant : "geglu", shape);
    if (!shape->form) shape->form = act_name(shape->act);
    return code;
}

int block_rows(const struct cli_command *self, const char *text, size_t *rows, size_t room, size_t *count)
{
    char one[24];
    if (!text) return CLI_GO_ON;
    for (*count = 0; *text; (*count)++) {
        uint64_t n = 0;
        size_t length = strcspn(text, ",");
        if (*count == room) return cli_usage(self, "--rows: at most %zu counts", room);
        snprintf(one, sizeof one, "%.*s", length < sizeof one ? (int)length : (int)sizeof one - 1, text);
        int code = cli_count(self, "rows", one, &n);
        if (code != CLI_GO_ON) return code;
        if (n < 1 || n > 65536) return cli_usage(self, "--rows: from 1 to 65536, not '%s'", one);
        rows[*count] = (size_t)n;
        text += length + (text[length] == ',' && text[length + 1]);
    }
    return *count ? CLI_GO_ON : cli_usage(self, "--rows: which?");
}

/* ---------------------------------------------------------------- sizes */

double block_flops(const struct block_shape *s, int projections, size_t rows)
{
    double d_ff = (double)s->d_ff, in = (s->plain ? 1 : 2) * (double)s->d_model * d_ff;
    return 2 * (double)rows * (in + (projections ? 0 : d_ff * (double)s->d_out));
}

static double panels(size_t in, size_t out)
{
    size_t whole = (out + PANEL - 1) / PANEL * PANEL;
    return (double)in * (double)whole;
}

double block_bytes(const struct block_shape *s, int projections, clglu_dtype dtype)
{
    double n = (s->plain ? 1 : 2) * panels(s->d_model, s->d_ff);
    return (n + (projections ? 0 : panels(s->d_ff, s->d_out))) * (double)clglu_dtype_size(dtype);
}

/* ---------------------------------------------------------------- arrays */

/* Wa and Wb are two matrices, so that nothing finds one in a cache because of the other. */
static int make_weights(struct block *b)
{
    const struct block_shape *s = &b->shape;
    size_t in = (s->plain ? 1 : 2) * s->d_model * s->d_ff, out = s->d_ff * s->d_out, n = in > out ? in : out;
    b->weights = malloc(n * clglu_dtype_size(b->dtype));
    if (!b->weights) return cli_say("out of memory for the weights of %s", s->name), CLI_OPENCL;
    value_everyday(b->dtype, b->weights, n);
    return CLI_GO_ON;
}

/* Such that a and b are everyday numbers, too: far out in an activation's tail there are subnormal numbers, and they take a CPU
   a hundred times as long. */
static void make_x(struct block *b, size_t n)
{
    float scale = 1 / sqrtf((float)b->shape.d_model);
    value_everyday(CLGLU_F32, b->x_host, n);
    for (size_t i = 0; i < n; i++) b->x_host[i] *= scale;
}

static int make_arrays(struct block *b, size_t rows)
{
    const struct block_shape *s = &b->shape;
    cl_context cl = clglu_context_cl_context(b->context);
    size_t width = s->d_ff > s->d_out ? s->d_ff : s->d_out, n = rows * s->d_model;
    cl_int code = CL_OUT_OF_HOST_MEMORY;
    b->x_host = malloc(n * sizeof(float));
    if (b->x_host) {
        make_x(b, n);
        b->x =
            clCreateBuffer(cl, CL_MEM_READ_ONLY | CL_MEM_COPY_HOST_PTR, n * sizeof(float), b->x_host, &code);
    }
    if (b->x) b->y = clCreateBuffer(cl, CL_MEM_READ_WRITE, rows * width * sizeof(float), NULL, &code);
    if (b->y) return CLI_GO_ON;
    cli_say("arrays for %zu rows of %s: OpenCL error %d", rows, s->name, (int)code);
    return CLI_OPENCL;
}

double block_needs(const struct block_shape *s, size_t rows, double bytes)
{
    size_t width = s->d_ff > s->d_out ? s->d_ff : s->d_out;
    return bytes + (double)rows * (double)(s->d_model + width) * sizeof(float);
}

static int check_memory(const struct block *b, size_t rows, double bytes)
{
    char needs[TEXT_NUMBER], has[TEXT_NUMBER];
    const struct block_shape *s = &b->shape;
    const clglu_device_facts *f = clglu_context_facts(b->context);
    bytes = block_needs(s, rows, bytes);
    if (bytes <= (double)f->global_bytes) return CLI_GO_ON;
    cli_say("%s with %zu rows needs %s on the device, which has %s", s->name, rows, text_bytes(needs, bytes),
            text_bytes(has, (double)f->global_bytes));
    return CLI_OPENCL;
}

int block_open(struct block *b, clglu_context *context, const struct block_shape *shape, clglu_dtype dtype,
               size_t most_rows, double bytes)
{
    *b = (struct block){.context = context, .shape = *shape, .dtype = dtype};
    int code = check_memory(b, most_rows, bytes);
    if (code == CLI_GO_ON) code = make_weights(b);
    return code == CLI_GO_ON ? make_arrays(b, most_rows) : code;
}

void block_close(struct block *b)
{
    if (b->x) clReleaseMemObject(b->x);
    if (b->y) clReleaseMemObject(b->y);
    free(b->weights);
    free(b->x_host);
    *b = (struct block){.context = NULL};
}

/* ---------------------------------------------------------------- the block on the device */

int block_pack(const struct block *b, clglu_route route, int projections, clglu_ffn **ffn)
{
    const struct block_shape *s = &b->shape;
    clglu_ffn_desc d = {.d_model = s->d_model,
                        .d_ff = s->d_ff,
                        .d_out = s->d_out,
                        .dtype = b->dtype,
                        .act = s->act,
                        .gate = s->gate,
                        .alpha = s->alpha,
                        .limit = s->limit,
                        .shift = s->shift,
                        .route = route};
    d.wa.host = b->weights;
    if (!s->plain) {
        d.wb.host = b->weights;
        d.wb.view = (clglu_view){s->d_model * s->d_ff, s->d_ff, 1};
    }
    if (!projections) d.wd.host = b->weights;
    clglu_status status = clglu_ffn_create(b->context, &d, ffn);
    if (status == CLGLU_OK || (status == CLGLU_UNSUPPORTED && route == CLGLU_ROUTE_CLBLAST)) return CLI_GO_ON;
    return cli_failed(b->context, status, s->name);
}

int block_forward(const struct block *b, clglu_ffn *ffn, size_t rows, const clglu_ffn_choice *choice,
                  int runs)
{
    clglu_ffn_call call = {.rows = rows};
    if (choice) call.choice = *choice;
    for (int i = 0; i < runs; i++) {
        clglu_status status =
            clglu_ffn_forward(ffn, &call, NULL, b->x, b->y, NULL, NULL, NULL, 0, NULL, NULL);
        if (status != CLGLU_OK) return cli_failed(b->context, status, b->shape.name);
    }
    cl_int code = clFinish(clglu_context_queue(b->context));
    if (code == CL_SUCCESS) return CLI_GO_ON;
    cli_say("clFinish: OpenCL error %d", (int)code);
    return CLI_OPENCL;
}
