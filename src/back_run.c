/* back_run.c - a backward, row block by row block: projections, the gate's backward between them, sums over rows.
   SPDX-License-Identifier: MIT */

#include "back_room.h"

#include "buffer.h"
#include "error.h"
#include "options.h"
#include "program.h"
#include "run.h"

/* One row block of a call. */
typedef struct pass {
    const clglu_ffn *ffn;
    const clglu_block *block;
    const clglu_backward *call;
    const clglu_back_buffers *buffers;
    clglu_sequence *sequence; /* NULL: programs are built, nothing is enqueued */
    clglu_back_parts parts;
    size_t first, rows;
    size_t wide; /* leading dimension of da and db side by side */
} pass;

static bool wants(const pass *p, clglu_back_slot slot)
{
    return p->call->operand[slot].used;
}

static bool has(const pass *p, clglu_matrix_slot slot)
{
    return p->block->matrix[slot].used;
}

/* A choice is for rows; where its form cannot run (the columns of x are rows here, too) another is made. */
static clglu_status make_plan(const pass *p, size_t rows, clglu_plan *plan)
{
    static const clglu_ffn_choice automatic = {.form = CLGLU_FORM_AUTO};
    if (p->call->choice.form != CLGLU_FORM_AUTO && clglu_plan_runs(p->ffn, &p->call->choice, rows))
        return clglu_plan_make(p->ffn, &p->call->choice, rows, plan);
    return clglu_plan_make(p->ffn, &automatic, rows, plan);
}

/* ---------------------------------------------------------------- operands */

/* Rows of this block of an operand of the caller's. */
static clglu_rows rows_of(const pass *p, clglu_back_slot slot)
{
    const clglu_place *o = &p->call->operand[slot];
    clglu_rows r = {p->buffers->of[slot], o->dtype, o->view, p->rows, o->cols, slot == BACK_DY ? p->call->scale : 1};
    r.view.offset += p->first * o->view.ld;
    return r;
}

/* Columns become rows. */
static clglu_rows turned(clglu_rows r)
{
    clglu_rows t = r;
    t.view.ld = r.view.inc;
    t.view.inc = r.view.ld;
    t.rows = r.cols;
    t.cols = r.rows;
    return t;
}

static clglu_rows in_workspace(const pass *p, size_t at, size_t ld, size_t cols)
{
    return (clglu_rows){p->buffers->workspace, CLGLU_F32, {at, ld, 1}, p->rows, cols, 1};
}

static clglu_status pack_tiles(const pass *p, const clglu_rows *rows, const clglu_plan *plan)
{
    return clglu_pack_rows(p->ffn->context, rows, plan->row_tile, p->buffers->workspace, p->parts.tiles, p->sequence);
}

/* A projection of the row tiles in the workspace, without bias. */
static clglu_projection projection(const pass *p, const clglu_panels *panels, const clglu_plan *plan, size_t rows)
{
    return (clglu_projection){.panels = panels, .mode = MODE_PLAIN, .act = CLGLU_ACT_IDENTITY,
                              .gate = CLGLU_ACT_IDENTITY, .alpha = 1, .rows = rows, .x = p->buffers->workspace,
                              .x_at = p->parts.tiles, .x_ld = 1, .x_inc = plan->row_tile,
                              .sums = p->buffers->workspace, .sums_at = p->parts.sums, .no_bias = true};
}

static clglu_target target(cl_mem mem, clglu_dtype dtype, const clglu_view *v, const clglu_plan *plan)
{
    return (clglu_target){mem, dtype, v->offset, plan->row_tile * v->ld, v->ld, v->inc};
}

static clglu_target workspace_target(const pass *p, size_t at, size_t ld, const clglu_plan *plan)
{
    clglu_view v = {at, ld, 1};
    return target(p->buffers->workspace, CLGLU_F32, &v, plan);
}

/* ---------------------------------------------------------------- g, dh, a and b */

static clglu_status make_g(const pass *p)
{
    clglu_rows dy = rows_of(p, BACK_DY);
    return clglu_pack_rows(p->ffn->context, &dy, 1, p->buffers->workspace, p->parts.g, p->sequence);
}

static clglu_status make_dh(const pass *p)
{
    clglu_rows dy = rows_of(p, BACK_DY);
    clglu_plan plan;
    clglu_status status = make_plan(p, p->rows, &plan);
    if (!status) status = pack_tiles(p, &dy, &plan);
    if (status) return status;
    clglu_projection q = projection(p, &p->ffn->back_down, &plan, p->rows);
    q.out = workspace_target(p, p->parts.dh, p->block->d_ff, &plan);
    return clglu_run_projection(p->ffn->context, &q, &plan, p->sequence);
}

/* The forward's own sums and biases. */
static clglu_status compute_ab(const pass *p)
{
    size_t ff = p->block->d_ff;
    clglu_rows x = rows_of(p, BACK_X);
    clglu_plan plan;
    clglu_status status = make_plan(p, p->rows, &plan);
    if (!status) status = pack_tiles(p, &x, &plan);
    if (status) return status;
    clglu_projection q = projection(p, &p->ffn->up, &plan, p->rows);
    clglu_target a = workspace_target(p, p->parts.a, ff, &plan), b = workspace_target(p, p->parts.b, ff, &plan);
    q.no_bias = false;
    if (has(p, MATRIX_A) && has(p, MATRIX_B)) {
        q.mode = MODE_PAIR;
        q.a = a;
        q.b = b;
    } else {
        q.out = has(p, MATRIX_A) ? a : b;
    }
    return clglu_run_projection(p->ffn->context, &q, &plan, p->sequence);
}

static clglu_status widen(const pass *p, clglu_back_slot slot, size_t to)
{
    clglu_rows r = rows_of(p, slot);
    return clglu_pack_rows(p->ffn->context, &r, 1, p->buffers->workspace, to, p->sequence);
}

/* What is stored in f32 is used where it is. */
static bool is_ready(const pass *p, clglu_back_slot slot)
{
    return wants(p, slot) && p->call->operand[slot].dtype == CLGLU_F32;
}

static clglu_status make_ab(const pass *p)
{
    clglu_status status = CLGLU_OK;
    if (p->call->recompute) status = compute_ab(p);
    if (!status && wants(p, BACK_A) && !is_ready(p, BACK_A)) status = widen(p, BACK_A, p->parts.a);
    if (!status && wants(p, BACK_B) && !is_ready(p, BACK_B)) status = widen(p, BACK_B, p->parts.b);
    if (!status && !has(p, MATRIX_A)) status = widen(p, BACK_X, p->parts.a);
    return status;
}

/* ---------------------------------------------------------------- between the projections */

static clglu_status use(const pass *p, clglu_job *job, clglu_slot slot, cl_mem mem, clglu_view view)
{
    job->operand[slot].view = view;
    return clglu_job_use_buffer(job, p->ffn->context, slot, mem);
}

static clglu_status use_part(const pass *p, clglu_job *job, clglu_slot slot, size_t at, size_t ld)
{
    return use(p, job, slot, p->buffers->workspace, (clglu_view){at, ld, 1});
}

/* a or b: the caller's own, or that in the workspace. */
static clglu_status use_input(const pass *p, clglu_job *job, clglu_slot slot, clglu_back_slot stored, size_t part)
{
    if (is_ready(p, stored)) return use(p, job, slot, p->buffers->of[stored], rows_of(p, stored).view);
    return use_part(p, job, slot, part, p->block->d_ff);
}

static clglu_status use_sum(const pass *p, clglu_job *job, clglu_slot slot, clglu_back_slot gradient)
{
    if (!wants(p, gradient)) return CLGLU_OK;
    return use(p, job, slot, p->buffers->of[gradient], p->call->operand[gradient].view);
}

static clglu_status run_job(const pass *p, clglu_job *job)
{
    bool more = p->call->accumulate || p->first > 0;
    clglu_status status = clglu_job_check_aloud(job, p->ffn->context);
    return status ? status : clglu_run_job(p->ffn->context, job, more, p->sequence);
}

static clglu_status begin_job(const pass *p, clglu_job *job, bool backward)
{
    clglu_gate_desc gate = clglu_block_gate(p->block);
    clglu_act_desc act = {.rows = p->rows, .cols = p->block->d_ff, .act = gate.act, .alpha = gate.alpha};
    gate.rows = p->rows;
    gate.cols = p->block->d_ff;
    return p->block->gated ? clglu_job_from_gate(job, &gate, backward) : clglu_job_from_act(job, &act, backward);
}

/* da, db and their columns' sums; h, where it is wanted, over dh. */
static clglu_status run_inner(const pass *p)
{
    size_t ff = p->block->d_ff, dy = has(p, MATRIX_D) ? p->parts.dh : p->parts.g;
    clglu_job job;
    clglu_status status = begin_job(p, &job, true);
    if (!status) status = use_part(p, &job, SLOT_DY, dy, ff);
    if (!status) status = use_input(p, &job, SLOT_A, BACK_A, p->parts.a);
    if (!status) status = use_part(p, &job, SLOT_DA, p->parts.dab, p->wide);
    if (!status && wants(p, BACK_DWD)) status = use_part(p, &job, SLOT_Y, p->parts.dh, ff);
    if (!status) status = use_sum(p, &job, SLOT_SUM_A, BACK_DBA);
    if (!status && p->block->gated) status = use_input(p, &job, SLOT_B, BACK_B, p->parts.b);
    if (!status && p->block->gated) status = use_part(p, &job, SLOT_DB, p->parts.dab + ff, p->wide);
    if (!status && p->block->gated) status = use_sum(p, &job, SLOT_SUM_B, BACK_DBB);
    return status ? status : run_job(p, &job);
}

/* h alone. */
static clglu_status run_forward(const pass *p)
{
    size_t ff = p->block->d_ff;
    clglu_job job;
    clglu_status status = begin_job(p, &job, false);
    if (!status) status = use_input(p, &job, SLOT_A, BACK_A, p->parts.a);
    if (!status && p->block->gated) status = use_input(p, &job, SLOT_B, BACK_B, p->parts.b);
    if (!status) status = use_part(p, &job, SLOT_Y, p->parts.dh, ff);
    return status ? status : run_job(p, &job);
}

/* The columns' sums of g: the identity's bias gradient. */
static clglu_status sum_g(const pass *p)
{
    size_t out = p->block->d_out;
    clglu_act_desc identity = {.rows = p->rows, .cols = out, .act = CLGLU_ACT_IDENTITY};
    clglu_job job;
    clglu_status status = clglu_job_from_act(&job, &identity, true);
    if (!status) status = use_part(p, &job, SLOT_DY, p->parts.g, out);
    if (!status) status = use_part(p, &job, SLOT_A, p->parts.g, out);
    if (!status) status = use_sum(p, &job, SLOT_SUM_A, BACK_DBD);
    return status ? status : run_job(p, &job);
}

/* ---------------------------------------------------------------- dx */

/* Without wa the sums are of db alone and begin with da. */
static clglu_status project_dx(const pass *p)
{
    const clglu_place *o = &p->call->operand[BACK_DX];
    size_t ff = p->block->d_ff;
    bool own = !has(p, MATRIX_A);
    clglu_rows d = in_workspace(p, p->parts.dab + (own ? ff : 0), p->wide, p->ffn->back_up.in);
    clglu_view to = o->view;
    clglu_plan plan;
    clglu_status status = make_plan(p, p->rows, &plan);
    if (!status) status = pack_tiles(p, &d, &plan);
    if (status) return status;
    clglu_projection q = projection(p, &p->ffn->back_up, &plan, p->rows);
    to.offset += p->first * to.ld;
    q.out = target(p->buffers->of[BACK_DX], o->dtype, &to, &plan);
    if (own) q.carry = workspace_target(p, p->parts.dab, p->wide, &plan);
    return clglu_run_projection(p->ffn->context, &q, &plan, p->sequence);
}

/* ---------------------------------------------------------------- gradients of weights */

/* A gradient on its way through the row blocks: sums of 32 bits wait in the gradient itself or, if that has 16, in the
   workspace. */
static void place_gradient(const pass *p, clglu_back_slot slot, size_t part, const clglu_plan *plan, clglu_target *out,
                           clglu_target *carry)
{
    const clglu_place *o = &p->call->operand[slot];
    clglu_target own = target(p->buffers->of[slot], o->dtype, &o->view, plan);
    clglu_target wait = o->dtype == CLGLU_F32 ? own : workspace_target(p, part, o->cols, plan);
    *out = p->first + p->rows == p->call->rows ? own : wait;
    *carry = p->first > 0 ? wait : p->call->accumulate ? own : (clglu_target){.mem = NULL};
}

static clglu_panels panels_of(const pass *p, size_t out, bool pair)
{
    clglu_panels panels;
    clglu_panels_shape(&panels, CLGLU_F32, p->rows, out, pair);
    panels.weights = p->buffers->workspace;
    panels.at = p->parts.panels;
    return panels;
}

static clglu_status pack_panels(const pass *p, const clglu_panels *panels, size_t from, size_t ld, size_t side)
{
    return clglu_panels_pack(p->ffn->context, panels, p->buffers->workspace, from, ld, side, p->sequence);
}

/* Columns that the last panel lacks are read with it: see pad_hidden in ffn_run.c. */
static clglu_status pad_panels(const pass *p, const clglu_panels *w)
{
    size_t panel = w->in * w->stride;
    if (p->sequence == NULL || w->out % w->width == 0) return CLGLU_OK;
    return clglu_sequence_zero(p->sequence, w->weights, sizeof(float) * (w->at + (w->count - 1) * panel),
                               sizeof(float) * panel);
}

/* dwa, dwb or both: x^T times da and db. */
static clglu_status project_dw(const pass *p)
{
    size_t ff = p->block->d_ff;
    bool a = wants(p, BACK_DWA), b = wants(p, BACK_DWB);
    clglu_rows x = turned(rows_of(p, BACK_X));
    clglu_panels panels = panels_of(p, ff, a && b);
    clglu_plan plan;
    clglu_status status = make_plan(p, x.rows, &plan);
    if (!status) status = pack_tiles(p, &x, &plan);
    if (!status) status = pad_panels(p, &panels);
    if (!status && a) status = pack_panels(p, &panels, p->parts.dab, p->wide, 0);
    if (!status && b) status = pack_panels(p, &panels, p->parts.dab + ff, p->wide, panels.side);
    if (status) return status;
    clglu_projection q = projection(p, &panels, &plan, x.rows);
    if (a && b) {
        q.mode = MODE_PAIR;
        place_gradient(p, BACK_DWA, p->parts.dwa, &plan, &q.a, &q.carry);
        place_gradient(p, BACK_DWB, p->parts.dwb, &plan, &q.b, &q.carry_b);
    } else {
        place_gradient(p, a ? BACK_DWA : BACK_DWB, a ? p->parts.dwa : p->parts.dwb, &plan, &q.out, &q.carry);
    }
    return clglu_run_projection(p->ffn->context, &q, &plan, p->sequence);
}

/* h^T times g. */
static clglu_status project_dwd(const pass *p)
{
    size_t ff = p->block->d_ff, out = p->block->d_out;
    clglu_rows h = turned(in_workspace(p, p->parts.dh, ff, ff));
    clglu_panels panels = panels_of(p, out, false);
    clglu_plan plan;
    clglu_status status = make_plan(p, ff, &plan);
    if (!status) status = pack_tiles(p, &h, &plan);
    if (!status) status = pad_panels(p, &panels);
    if (!status) status = pack_panels(p, &panels, p->parts.g, out, 0);
    if (status) return status;
    clglu_projection q = projection(p, &panels, &plan, ff);
    place_gradient(p, BACK_DWD, p->parts.dwd, &plan, &q.out, &q.carry);
    return clglu_run_projection(p->ffn->context, &q, &plan, p->sequence);
}

/* ---------------------------------------------------------------- one row block, and all */

static clglu_status run_block(const pass *p)
{
    bool weights = wants(p, BACK_DWA) || wants(p, BACK_DWB);
    bool inner = weights || wants(p, BACK_DX) || wants(p, BACK_DBA) || wants(p, BACK_DBB), down = wants(p, BACK_DWD);
    clglu_status status = CLGLU_OK;
    if (down || wants(p, BACK_DBD) || !has(p, MATRIX_D)) status = make_g(p);
    if (!status && inner && has(p, MATRIX_D)) status = make_dh(p);
    if (!status && (inner || down)) status = make_ab(p);
    if (!status && inner) status = run_inner(p);
    if (!status && !inner && down) status = run_forward(p);
    if (!status && wants(p, BACK_DX)) status = project_dx(p);
    if (!status && weights) status = project_dw(p);
    if (!status && down) status = project_dwd(p);
    if (!status && wants(p, BACK_DBD)) status = sum_g(p);
    return status;
}

static clglu_status look_at(const pass *p, clglu_back_slot slot)
{
    const clglu_place *o = &p->call->operand[slot];
    clglu_options options = {.length = 0};
    cl_program program;
    clglu_kernel k;
    clglu_options_add(&options, "-cl-std=CL1.2 -DSOURCE=%d", (int)o->dtype);
    clglu_status status = clglu_program_get(p->ffn->context, "overflow.cl", options.text, &program);
    if (status || p->sequence == NULL) return status;
    status = clglu_kernel_make(&k, p->ffn->context, program, "find_overflow");
    if (status) return status;
    clglu_kernel_arg_mem(&k, p->buffers->of[slot]);
    clglu_kernel_arg_size(&k, o->view.offset);
    clglu_kernel_arg_size(&k, o->view.ld);
    clglu_kernel_arg_size(&k, o->view.inc);
    clglu_kernel_arg_size(&k, o->rows);
    clglu_kernel_arg_size(&k, o->cols);
    clglu_kernel_arg_mem(&k, p->buffers->of[BACK_OVERFLOW]);
    status = clglu_kernel_run(&k, p->sequence, o->cols, o->rows);
    clglu_kernel_free(&k);
    return status;
}

static clglu_status find_overflow(const pass *p)
{
    clglu_status status = CLGLU_OK;
    if (!wants(p, BACK_OVERFLOW)) return CLGLU_OK;
    if (p->sequence) status = clglu_sequence_zero(p->sequence, p->buffers->of[BACK_OVERFLOW], 0, sizeof(cl_uint));
    for (int s = BACK_DX; !status && s < BACK_OVERFLOW && p->call->rows; s++)
        if (wants(p, (clglu_back_slot)s)) status = look_at(p, (clglu_back_slot)s);
    return status;
}

static clglu_status run_all(pass p, clglu_sequence *sequence)
{
    clglu_status status = CLGLU_OK;
    size_t block = p.call->row_block;
    p.sequence = sequence;
    for (p.first = 0; !status && p.first < p.call->rows; p.first += block) {
        p.rows = clglu_smaller(p.call->rows - p.first, block);
        status = run_block(&p);
    }
    return status ? status : find_overflow(&p);
}

/* Once to build every program, once to run. */
clglu_status clglu_back_run(const clglu_ffn *ffn, const clglu_backward *call, const clglu_back_buffers *buffers,
                            clglu_sequence *sequence)
{
    pass p = {.ffn = ffn, .block = &ffn->block, .call = call, .buffers = buffers,
              .wide = ffn->block.d_ff * (ffn->block.gated ? 2 : 1)};
    if (!clglu_back_layout(ffn, call, &p.parts))
        return clglu_fail(ffn->context, CLGLU_INVALID_SIZE, "row_block is too large");
    clglu_status status = run_all(p, NULL);
    return status ? status : run_all(p, sequence);
}
