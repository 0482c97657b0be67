/* project.c - one projection of a row block becomes kernels.
   SPDX-License-Identifier: MIT */

#include <string.h>

#include "error.h"
#include "ffn.h"
#include "options.h"
#include "program.h"

enum { FEW_ROWS = 16, SPAN = 16 }; /* SPAN: of cl/ffn_tile.cl */

/* ---------------------------------------------------------------- rows */

clglu_status clglu_pack_rows(clglu_context *context, const clglu_rows *rows, unsigned row_tile, cl_mem to, size_t to_at,
                             clglu_sequence *sequence)
{
    clglu_options o = {.length = 0};
    cl_program program;
    clglu_kernel k;
    clglu_options_add(&o, "-cl-std=CL1.2 -DSOURCE=%d -DROWS=%u%s", (int)rows->dtype, row_tile,
                      rows->scale != 1 ? " -DSCALED" : "");
    clglu_status status = clglu_program_get(context, "pack.cl", o.text, &program);
    if (status || sequence == NULL) return status;
    status = clglu_kernel_make(&k, context, program, "pack_rows");
    if (status) return status;
    clglu_kernel_arg_mem(&k, rows->mem);
    clglu_kernel_arg_size(&k, rows->view.offset);
    clglu_kernel_arg_size(&k, rows->view.ld);
    clglu_kernel_arg_size(&k, rows->view.inc);
    clglu_kernel_arg_size(&k, rows->rows);
    clglu_kernel_arg_size(&k, rows->cols);
    clglu_kernel_arg_mem(&k, to);
    clglu_kernel_arg_size(&k, to_at);
    clglu_kernel_arg(&k, sizeof rows->scale, &rows->scale);
    status = clglu_kernel_run(&k, sequence, rows->cols, (rows->rows - 1) / row_tile + 1);
    clglu_kernel_free(&k);
    return status;
}

/* ---------------------------------------------------------------- the program */

static unsigned width_of(const clglu_context *context, const clglu_plan *plan)
{
    return plan->form == CLGLU_FORM_TILE ? clglu_vector_width(context) : 1;
}

static void add_finish(clglu_options *o, const clglu_projection *p)
{
    clglu_options_add(o, " -DMODE=%d", p->mode);
    if (p->mode != MODE_PAIR) clglu_options_add(o, " -DACT=%s -DOUT=%d", clglu_act_symbol(p->act), (int)p->out.dtype);
    if (p->mode == MODE_GATED || p->mode == MODE_GATE_ONLY) clglu_options_add(o, " -DGATE=%s", clglu_act_symbol(p->gate));
    if (p->alpha != 1) clglu_options_add(o, " -DHAS_ALPHA");
    if (p->limit != 0) clglu_options_add(o, " -DHAS_LIMIT");
    if (p->shift != 0) clglu_options_add(o, " -DHAS_SHIFT");
    if (p->no_bias) clglu_options_add(o, " -DNO_BIAS");
    if (p->carry.mem) clglu_options_add(o, " -DCARRY=%d", (int)p->carry.dtype);
    if (p->a.mem) clglu_options_add(o, " -DHAS_A");
    if (p->b.mem) clglu_options_add(o, " -DHAS_B");
    if (p->a.mem || p->b.mem) clglu_options_add(o, " -DKEPT=%d", (int)(p->a.mem ? p->a.dtype : p->b.dtype));
}

/* Weights of 16 bits that several row tiles share are widened once: cl/ffn_tile.cl. */
static bool is_near(const clglu_context *context, const clglu_projection *p, const clglu_plan *plan)
{
    return plan->form == CLGLU_FORM_TILE && p->panels->dtype != CLGLU_F32 && p->rows > FEW_ROWS &&
           clglu_plan_tiles(context, plan, p->panels, p->rows) > 1;
}

static clglu_status get_program(clglu_context *context, const clglu_projection *p, const clglu_plan *plan,
                                cl_program *program)
{
    static const char *const files[] = {[CLGLU_FORM_GENERAL] = "ffn_general.cl", [CLGLU_FORM_TILE] = "ffn_tile.cl",
                                        [CLGLU_FORM_LOCAL] = "ffn_local.cl", [CLGLU_FORM_SPLIT] = "ffn_split.cl"};
    clglu_options o = {.length = 0};
    clglu_options_add(&o, "-cl-std=CL1.2 -DVW=%u -DWEIGHT=%d -DROWS=%u", width_of(context, plan),
                      (int)p->panels->dtype, plan->row_tile);
    add_finish(&o, p);
    if (is_near(context, p, plan)) clglu_options_add(&o, " -DNEAR");
    return clglu_program_get(context, files[plan->form], o.text, program);
}

/* ---------------------------------------------------------------- arguments */

static void arg_target(clglu_kernel *k, const clglu_target *t)
{
    cl_ulong place[4] = {t->offset, t->tile, t->ld, t->inc};
    clglu_kernel_arg_mem(k, t->mem);
    clglu_kernel_arg(k, sizeof place, place);
}

static void arg_finish(clglu_kernel *k, const clglu_projection *p)
{
    clglu_kernel_arg_mem(k, p->no_bias ? p->x : p->panels->bias);
    if (p->mode != MODE_PAIR) arg_target(k, &p->out);
    if (p->a.mem) arg_target(k, &p->a);
    if (p->b.mem) arg_target(k, &p->b);
    clglu_kernel_arg_size(k, p->rows);
    clglu_kernel_arg_size(k, p->panels->out);
    clglu_kernel_arg(k, sizeof p->alpha, &p->alpha);
    clglu_kernel_arg(k, sizeof p->limit, &p->limit);
    clglu_kernel_arg(k, sizeof p->shift, &p->shift);
    if (p->carry.mem) arg_target(k, &p->carry);
    if (p->carry_b.mem) arg_target(k, &p->carry_b);
}

static void arg_inputs(clglu_kernel *k, const clglu_projection *p)
{
    clglu_kernel_arg_mem(k, p->x);
    clglu_kernel_arg_size(k, p->x_at);
    clglu_kernel_arg_mem(k, p->panels->weights);
    clglu_kernel_arg_size(k, p->panels->at);
}

/* ---------------------------------------------------------------- the forms */

static clglu_status run_general(clglu_kernel *k, const clglu_projection *p, clglu_sequence *sequence)
{
    arg_inputs(k, p);
    clglu_kernel_arg_uint(k, p->panels->in);
    arg_finish(k, p);
    return clglu_kernel_run(k, sequence, p->panels->out, p->rows);
}

static clglu_status run_tile(clglu_kernel *k, const clglu_projection *p, const clglu_plan *plan,
                             clglu_sequence *sequence)
{
    unsigned width = width_of(k->context, plan), tiles = clglu_plan_tiles(k->context, plan, p->panels, p->rows);
    size_t one[2] = {1, 1}, high = (size_t)plan->row_tile * tiles;
    size_t span = clglu_smaller(p->panels->count, SPAN);
    size_t groups[2] = {span * (CLGLU_HALF / width), (p->rows + high - 1) / high * ((p->panels->count - 1) / SPAN + 1)};
    arg_inputs(k, p);
    clglu_kernel_arg_uint(k, p->panels->in);
    clglu_kernel_arg_uint(k, tiles);
    clglu_kernel_arg(k, high * 2 * width * sizeof(float), NULL);
    arg_finish(k, p);
    return clglu_kernel_run_groups(k, sequence, one, groups);
}

static clglu_status run_local(clglu_kernel *k, const clglu_projection *p, const clglu_plan *plan,
                              clglu_sequence *sequence)
{
    size_t local[2] = {16, 16}, groups[2] = {(p->panels->count + 1) / 2, (p->rows - 1) / plan->row_tile + 1};
    arg_inputs(k, p);
    clglu_kernel_arg_uint(k, p->panels->in);
    clglu_kernel_arg_uint(k, p->panels->count);
    arg_finish(k, p);
    return clglu_kernel_run_groups(k, sequence, local, groups);
}

/* The addition: sums of `blocks` blocks, each [height, slots], of the columns from `first` on. */
static clglu_status run_add(clglu_context *context, cl_program program, const clglu_projection *p, size_t blocks,
                            size_t height, size_t slots, size_t first, size_t count, clglu_sequence *sequence)
{
    clglu_kernel k;
    clglu_status status = clglu_kernel_make(&k, context, program, "ffn_add");
    if (status) return status;
    clglu_kernel_arg_mem(&k, p->sums);
    clglu_kernel_arg_size(&k, p->sums_at);
    clglu_kernel_arg_mem(&k, p->x);
    clglu_kernel_arg_size(&k, p->x_at);
    clglu_kernel_arg_size(&k, p->x_ld);
    clglu_kernel_arg_size(&k, p->x_inc);
    clglu_kernel_arg_uint(&k, blocks);
    clglu_kernel_arg_size(&k, height);
    clglu_kernel_arg_uint(&k, slots);
    clglu_kernel_arg_size(&k, first);
    clglu_kernel_arg_size(&k, p->panels->width);
    clglu_kernel_arg_size(&k, p->panels->stride);
    clglu_kernel_arg_size(&k, p->panels->side);
    arg_finish(&k, p);
    status = clglu_kernel_run(&k, sequence, count, p->rows);
    clglu_kernel_free(&k);
    return status;
}

/* Passes over the panels keep the block sums small. */
static clglu_status run_split(clglu_context *context, cl_program program, const clglu_projection *p,
                              const clglu_plan *plan, clglu_sequence *sequence)
{
    const clglu_panels *w = p->panels;
    size_t pass = clglu_plan_panels(plan, w), blocks = clglu_sum_blocks(w->in);
    clglu_status status = CLGLU_OK;
    for (size_t first = 0; !status && first < w->count; first += pass) {
        size_t panels = clglu_smaller(w->count - first, pass), slots = panels * CLGLU_PANEL;
        clglu_kernel k;
        status = clglu_kernel_make(&k, context, program, "ffn_blocks");
        if (status) break;
        arg_inputs(&k, p);
        clglu_kernel_arg_size(&k, first);
        clglu_kernel_arg_uint(&k, w->in);
        clglu_kernel_arg_uint(&k, slots);
        clglu_kernel_arg_mem(&k, p->sums);
        clglu_kernel_arg_size(&k, p->sums_at);
        status = clglu_kernel_run(&k, sequence, slots, blocks);
        clglu_kernel_free(&k);
        if (!status)
            status = run_add(context, program, p, blocks, plan->row_tile, slots, first * w->width, panels * w->width,
                             sequence);
    }
    return status;
}

clglu_status clglu_run_projection(clglu_context *context, const clglu_projection *p, const clglu_plan *plan,
                           clglu_sequence *sequence)
{
    static const char *const names[] = {[CLGLU_FORM_GENERAL] = "ffn_general", [CLGLU_FORM_TILE] = "ffn_tile",
                                        [CLGLU_FORM_LOCAL] = "ffn_local"};
    cl_program program;
    clglu_kernel k;
    clglu_status status = get_program(context, p, plan, &program);
    if (status || sequence == NULL) return status;
    if (plan->form == CLGLU_FORM_SPLIT) return run_split(context, program, p, plan, sequence);
    status = clglu_kernel_make(&k, context, program, names[plan->form]);
    if (status) return status;
    status = plan->form == CLGLU_FORM_TILE    ? run_tile(&k, p, plan, sequence)
             : plan->form == CLGLU_FORM_LOCAL ? run_local(&k, p, plan, sequence)
                                              : run_general(&k, p, sequence);
    clglu_kernel_free(&k);
    return status;
}

clglu_status clglu_run_sums(clglu_context *context, const clglu_projection *p, clglu_sequence *sequence)
{
    static const clglu_plan sums = {CLGLU_FORM_SPLIT, 1, 0};
    cl_program program;
    clglu_status status = get_program(context, p, &sums, &program);
    if (status || sequence == NULL) return status;
    return run_add(context, program, p, 1, p->rows, p->panels->stride, 0, p->panels->out, sequence);
}
