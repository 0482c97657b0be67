/* panel.c - a block's matrices on the device, packed into column panels with their biases.
   SPDX-License-Identifier: MIT */

#include "panel.h"

#include <stdint.h>

#include "error.h"
#include "launch.h"
#include "options.h"
#include "program.h"

/* Kernels read so many bytes past the last panel, ahead of what they need. */
enum { STAGING = 16 << 20, STRIP = 16, AHEAD = 1 << 15 };

/* A matrix on its way: from where, to which columns, through what. */
typedef struct packing {
    clglu_context *context;
    clglu_sequence *sequence;
    cl_program program;
    const clglu_panels *panels;
    cl_mem to;
    size_t in, first, side; /* inputs of the panels in `to`, 1 for a bias; the first input and column of this matrix there */
    size_t at;              /* where the panels begin in `to` */
    clglu_dtype source;
    cl_mem staging; /* for sources in host memory */
} packing;

/* ---------------------------------------------------------------- one piece */

/* What cl/pack.cl calls TERMS. */
static unsigned pack_terms(const clglu_context *context)
{
    return context->device.facts.type & CL_DEVICE_TYPE_CPU ? 16 : 1;
}

static clglu_status pack_piece(const packing *p, cl_mem from, const clglu_view *v, size_t first_k, size_t terms,
                               size_t first_n, size_t count)
{
    clglu_kernel k;
    clglu_status status = clglu_kernel_make(&k, p->context, p->program, "pack_weights");
    if (status) return status;
    clglu_kernel_arg_mem(&k, from);
    clglu_kernel_arg_size(&k, v->offset);
    clglu_kernel_arg_size(&k, v->ld);
    clglu_kernel_arg_size(&k, v->inc);
    clglu_kernel_arg_size(&k, p->first + first_k);
    clglu_kernel_arg_size(&k, terms);
    clglu_kernel_arg_size(&k, first_n);
    clglu_kernel_arg_size(&k, count);
    clglu_kernel_arg_mem(&k, p->to);
    clglu_kernel_arg_size(&k, p->at);
    clglu_kernel_arg_size(&k, p->in);
    clglu_kernel_arg_size(&k, p->panels->width);
    clglu_kernel_arg_size(&k, p->panels->stride);
    clglu_kernel_arg_size(&k, p->side);
    status = clglu_kernel_run(&k, p->sequence, (terms - 1) / pack_terms(p->context) + 1, (count - 1) / STRIP + 1);
    clglu_kernel_free(&k);
    return status;
}

/* From host memory: the bytes from the piece's first element to its last go up as they are. */
static clglu_status stage_piece(const packing *p, const void *host, const clglu_view *v, size_t first_k, size_t terms,
                                size_t first_n, size_t count)
{
    size_t size = clglu_dtype_size(p->source);
    size_t start = v->offset + first_k * v->ld + first_n * v->inc;
    size_t span = (terms - 1) * v->ld + (count - 1) * v->inc + 1;
    clglu_view own = {0, v->ld, v->inc};
    clglu_status status = clglu_sequence_write(p->sequence, p->staging, span * size, (const char *)host + start * size);
    return status ? status : pack_piece(p, p->staging, &own, first_k, terms, first_n, count);
}

/* ---------------------------------------------------------------- a matrix in pieces */

/* How many steps of `slow` fit the staging buffer together with `few` of `fast`; 0: not one. */
static size_t steps_that_fit(size_t room, size_t slow, size_t fast, size_t few)
{
    size_t span = (few - 1) * fast + 1;
    return span > room ? 0 : (room - span) / slow + 1;
}

/* Pieces are cut along the axis with the longer stride, so that each is one stretch of memory; if one step there is
   too long itself, along the other too. */
static clglu_status stage_matrix(const packing *p, const void *host, const clglu_view *v, size_t in, size_t out)
{
    bool rows = v->ld >= v->inc; /* k is the slow axis */
    size_t slow = rows ? v->ld : v->inc, fast = rows ? v->inc : v->ld;
    size_t many = rows ? in : out, few = rows ? out : in, room = STAGING / clglu_dtype_size(p->source);
    size_t width = steps_that_fit(room, slow, fast, few) ? few : clglu_smaller(few, (room - 1) / fast + 1);
    size_t height = clglu_smaller(many, steps_that_fit(room, slow, fast, width));
    clglu_status status = CLGLU_OK;
    for (size_t i = 0; !status && i < many; i += height)
        for (size_t j = 0; !status && j < few; j += width) {
            size_t m = clglu_smaller(height, many - i), n = clglu_smaller(width, few - j);
            status = rows ? stage_piece(p, host, v, i, m, j, n) : stage_piece(p, host, v, j, n, i, m);
        }
    return status;
}

static clglu_status pack(const packing *p, cl_mem mem, const void *host, const clglu_view *v, size_t in, size_t out)
{
    return mem ? pack_piece(p, mem, v, 0, in, 0, out) : stage_matrix(p, host, v, in, out);
}

static clglu_status get_program(clglu_context *context, clglu_dtype source, clglu_dtype packed, cl_program *program)
{
    clglu_options o = {.length = 0};
    clglu_options_add(&o, "-cl-std=CL1.2 -DSOURCE=%d -DWEIGHT=%d -DTERMS=%u", (int)source, (int)packed,
                      pack_terms(context));
    return clglu_program_get(context, "pack.cl", o.text, program);
}

static clglu_status pack_bias(const packing *weights, const clglu_matrix *m)
{
    packing p = *weights;
    clglu_view row = {m->bias.offset, m->out, m->bias.inc};
    p.to = p.panels->bias;
    p.in = 1;
    p.first = 0;
    clglu_status status = get_program(p.context, p.source, CLGLU_F32, &p.program);
    return status ? status : pack(&p, m->bias.buffer, m->bias.host, &row, 1, m->out);
}

/* One matrix and its bias, from input `first` and column `side` of each panel on. */
static clglu_status pack_matrix(packing *p, const clglu_matrix *m, size_t first, size_t side)
{
    p->first = first;
    p->side = side;
    clglu_status status = pack(p, m->weights.buffer, m->weights.host, &m->weights.view, m->in, m->out);
    return status || !m->biased ? status : pack_bias(p, m);
}

/* ---------------------------------------------------------------- all of it */

static clglu_status make_buffer(clglu_context *context, cl_mem_flags flags, size_t bytes, cl_mem *mem)
{
    cl_int code;
    *mem = clCreateBuffer(context->cl, flags, bytes, NULL, &code);
    return *mem ? CLGLU_OK : clglu_fail_cl(context, "clCreateBuffer (weights)", code);
}

void clglu_panels_shape(clglu_panels *p, clglu_dtype dtype, size_t in, size_t out, bool gated)
{
    *p = (clglu_panels){.dtype = dtype, .in = in, .out = out, .gated = gated};
    p->width = gated ? CLGLU_HALF : CLGLU_PANEL;
    p->stride = CLGLU_PANEL;
    p->side = gated ? p->width : 0;
    p->count = (out - 1) / p->width + 1;
}

static void shape_dense(clglu_panels *p)
{
    p->dtype = CLGLU_F32;
    p->width = p->out;
    p->stride = p->out * (p->gated ? 2 : 1);
    p->side = p->gated ? p->out : 0;
    p->count = 1;
}

static clglu_status make_buffers(clglu_context *context, clglu_panels *p, clglu_sequence *sequence)
{
    size_t size = clglu_dtype_size(p->dtype), row = p->stride * p->count;
    if (p->in > (SIZE_MAX - AHEAD) / sizeof(float) / row)
        return clglu_fail(context, CLGLU_OUT_OF_DEVICE_MEMORY, "the packed weights are too many");
    p->bytes = p->in * row * size + AHEAD;
    clglu_status status = make_buffer(context, CL_MEM_READ_WRITE, p->bytes, &p->weights);
    if (!status) status = make_buffer(context, CL_MEM_READ_WRITE, row * sizeof(float), &p->bias);
    if (!status) status = clglu_sequence_zero(sequence, p->bias, 0, row * sizeof(float));
    if (!status && p->out % p->width) status = clglu_sequence_zero(sequence, p->weights, 0, p->bytes);
    p->bytes += row * sizeof(float);
    return status;
}

static bool in_host_memory(const clglu_matrix *m)
{
    return m->used && (m->weights.buffer == NULL || (m->biased && m->bias.buffer == NULL));
}

clglu_status clglu_panels_fill(clglu_context *context, const clglu_panel_sources *s, const clglu_panels *panels,
                               clglu_sequence *sequence)
{
    packing k = {.context = context, .sequence = sequence, .panels = panels, .source = s->dtype, .to = panels->weights,
                 .in = panels->in};
    bool staged = in_host_memory(&s->a) || in_host_memory(&s->b), below = s->join == JOIN_BELOW;
    clglu_status status = get_program(context, s->dtype, panels->dtype, &k.program);
    if (!status && staged) status = make_buffer(context, CL_MEM_READ_WRITE, STAGING, &k.staging);
    if (!status) status = pack_matrix(&k, &s->a, 0, 0);
    if (!status && s->b.used) status = pack_matrix(&k, &s->b, below ? s->a.in : 0, below ? 0 : panels->side);
    if (k.staging) clReleaseMemObject(k.staging);
    return status;
}

clglu_status clglu_panels_make(clglu_context *context, const clglu_panel_sources *s, bool dense, clglu_panels *panels)
{
    clglu_sequence sequence;
    bool below = s->join == JOIN_BELOW;
    clglu_panels_shape(panels, s->dtype, s->a.in + (below && s->b.used ? s->b.in : 0), s->a.out, s->b.used && !below);
    if (dense) shape_dense(panels);
    clglu_status status = clglu_sequence_begin(&sequence, context, NULL, 0, NULL);
    if (status) return status;
    status = make_buffers(context, panels, &sequence);
    if (!status) status = clglu_panels_fill(context, s, panels, &sequence);
    if (!status) status = clglu_sequence_wait(&sequence);
    return clglu_sequence_end(&sequence, status, NULL);
}

clglu_status clglu_panels_pack(clglu_context *context, const clglu_panels *panels, cl_mem mem, size_t from, size_t ld,
                               size_t side, clglu_sequence *sequence)
{
    packing k = {.context = context, .sequence = sequence, .panels = panels, .source = CLGLU_F32,
                 .to = panels->weights, .at = panels->at, .in = panels->in, .side = side};
    clglu_view view = {from, ld, 1};
    clglu_status status = get_program(context, CLGLU_F32, CLGLU_F32, &k.program);
    return status || sequence == NULL ? status : pack_piece(&k, mem, &view, 0, panels->in, 0, panels->out);
}

void clglu_panels_free(clglu_panels *p)
{
    if (p->weights) clReleaseMemObject(p->weights);
    if (p->bias) clReleaseMemObject(p->bias);
    *p = (clglu_panels){.bytes = 0};
}
