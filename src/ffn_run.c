/* ffn_run.c - a call of a block, row block by row block: rows packed, projections up, projection down.
   SPDX-License-Identifier: MIT */

#include "ffn.h"

#include <stdint.h>

#include "error.h"

/* What the workspace holds for a row block, in float numbers from its start. */
typedef struct room {
    size_t x, h, sums, end;
} room;

/* ---------------------------------------------------------------- the workspace */

/* Floats of sums between two kernels: [rows, stride] for CLBlast; the passes of form SPLIT, which is for few rows. */
static size_t sums_of(const clglu_ffn *ffn, const clglu_plan *plan, size_t rows, const clglu_panels *w)
{
    if (w->weights == NULL) return 0;
    if (ffn->dense) return rows * w->stride;
    if (plan->form != CLGLU_FORM_SPLIT) return 0;
    size_t blocks = clglu_sum_blocks(w->in);
    return blocks * plan->row_tile * CLGLU_PANEL * clglu_plan_panels(plan, w);
}

/* All parts begin at multiples of 64 floats: whole cache lines. Sizes are far from overflowing: the check has seen to it. */
static room layout(const clglu_ffn *ffn, const clglu_plan *plan, size_t rows)
{
    const clglu_block *b = &ffn->block;
    size_t high = ffn->dense ? rows : clglu_plan_rows(plan, rows);
    room r = {.x = 0};
    r.h = clglu_round_up(high * b->d_model, 64);
    r.sums = r.h + (ffn->down.weights ? clglu_round_up(high * b->d_ff, 64) : 0);
    r.end = r.sums + clglu_larger(sums_of(ffn, plan, rows, &ffn->up), sums_of(ffn, plan, rows, &ffn->down));
    return r;
}

/* Enough for every plan of that many rows and of fewer: a row tile that does not divide 128 has at most 12 rows. */
bool clglu_ffn_room(const clglu_ffn *ffn, size_t rows, size_t row_block, size_t *bytes)
{
    const clglu_block *b = &ffn->block;
    clglu_plan few = {CLGLU_FORM_SPLIT, 16, 1};
    size_t high = clglu_round_up(clglu_smaller(rows, row_block), CLGLU_SUM_BLOCK) + 12, across = b->d_model + b->d_ff;
    if (ffn->dense) across += clglu_larger(ffn->up.stride, ffn->down.weights ? ffn->down.stride : 0);
    if (high > SIZE_MAX / 16 / across) return false;
    size_t sums = ffn->dense ? 0 : clglu_larger(sums_of(ffn, &few, 16, &ffn->up), sums_of(ffn, &few, 16, &ffn->down));
    *bytes = sizeof(float) * (high * across + 256 + sums);
    return true;
}

/* ---------------------------------------------------------------- one row block */

typedef struct pass {
    const clglu_ffn *ffn;
    const clglu_block_call *call;
    const clglu_ffn_buffers *buffers;
    clglu_sequence *sequence; /* NULL: programs are built, nothing is enqueued */
    clglu_plan plan;
    room room;
    size_t first, rows;
} pass;

/* Rows of the block become row tiles in f32, at the workspace's start. */
static clglu_status pack_rows(const pass *p)
{
    const clglu_place *x = &p->call->operand[CALL_X];
    clglu_rows rows = {p->buffers->of[CALL_X], x->dtype, x->view, p->rows, p->ffn->block.d_model, 1};
    rows.view.offset += p->first * x->view.ld;
    return clglu_pack_rows(p->ffn->context, &rows, p->plan.row_tile, p->buffers->workspace, p->room.x, p->sequence);
}

/* The block's rows of an operand of the caller's. */
static clglu_target target_of(const pass *p, clglu_call_slot slot)
{
    const clglu_place *o = &p->call->operand[slot];
    const clglu_view *v = &o->view;
    if (!o->used) return (clglu_target){.mem = NULL};
    return (clglu_target){p->buffers->of[slot], o->dtype, v->offset + p->first * v->ld, p->plan.row_tile * v->ld, v->ld,
                          v->inc};
}

/* h in the workspace, as the next projection reads it. */
static clglu_target hidden(const pass *p)
{
    size_t ff = p->ffn->block.d_ff, row_tile = p->plan.row_tile;
    clglu_target t = {p->buffers->workspace, CLGLU_F32, p->room.h, ff * row_tile, 1, row_tile};
    if (p->ffn->dense) t.ld = ff;
    return t;
}

/* Rows that h's last tile lacks are read with it: what lay there before would cost time where it is subnormal, and the next
   projection is not to read what nobody wrote. */
static clglu_status pad_hidden(const pass *p)
{
    size_t row_tile = p->plan.row_tile, tile = p->ffn->block.d_ff * row_tile, whole = p->rows / row_tile;
    if (p->sequence == NULL || p->ffn->dense || p->ffn->down.weights == NULL || p->rows % row_tile == 0) return CLGLU_OK;
    return clglu_sequence_zero(p->sequence, p->buffers->workspace, sizeof(float) * (p->room.h + whole * tile),
                               sizeof(float) * tile);
}

static clglu_projection projection(const pass *p, const clglu_panels *panels, size_t x_at)
{
    clglu_projection q = {.panels = panels, .rows = p->rows, .x = p->buffers->workspace, .x_at = x_at,
                          .sums = p->buffers->workspace, .sums_at = p->room.sums, .act = CLGLU_ACT_IDENTITY,
                          .gate = CLGLU_ACT_IDENTITY, .alpha = 1};
    q.x_ld = p->ffn->dense ? panels->in : 1;
    q.x_inc = p->ffn->dense ? 1 : p->plan.row_tile;
    return q;
}

static clglu_status project(const pass *p, const clglu_projection *q)
{
    clglu_context *context = p->ffn->context;
    if (!p->ffn->dense) return clglu_run_projection(context, q, &p->plan, p->sequence);
    clglu_status status = p->sequence == NULL ? CLGLU_OK : clglu_clblast_multiply(context, q->panels, q->rows, q->x, q->x_at, q->sums, q->sums_at, p->sequence);
    return status ? status : clglu_run_sums(context, q, p->sequence);
}

static clglu_status project_up(const pass *p)
{
    const clglu_block *b = &p->ffn->block;
    clglu_projection q = projection(p, &p->ffn->up, p->room.x);
    q.mode = !b->gated ? MODE_PLAIN : b->matrix[MATRIX_A].used ? MODE_GATED : MODE_GATE_ONLY;
    q.act = b->act;
    q.gate = b->gate;
    q.alpha = b->alpha;
    q.limit = b->limit;
    q.shift = b->shift;
    q.out = p->ffn->down.weights ? hidden(p) : target_of(p, CALL_Y);
    q.a = target_of(p, CALL_A);
    q.b = target_of(p, CALL_B);
    return project(p, &q);
}

static clglu_status project_down(const pass *p)
{
    clglu_projection q = projection(p, &p->ffn->down, p->room.h);
    q.mode = MODE_PLAIN;
    q.out = target_of(p, CALL_Y);
    return project(p, &q);
}

static clglu_status run_block(pass *p)
{
    clglu_status status = CLGLU_OK;
    p->plan = (clglu_plan){CLGLU_FORM_GENERAL, 1, 1};
    if (!p->ffn->dense) status = clglu_plan_make(p->ffn, &p->call->choice, p->rows, &p->plan);
    if (status) return status;
    p->room = layout(p->ffn, &p->plan, p->rows);
    status = pack_rows(p);
    if (!status) status = pad_hidden(p);
    if (!status) status = project_up(p);
    if (!status && p->ffn->down.weights) status = project_down(p);
    return status;
}

/* All programs are there before anything is enqueued: row blocks differ in nothing but that the last may have fewer rows. */
static clglu_status build_programs(pass p)
{
    size_t rows = p.call->rows, last = rows % p.call->row_block;
    p.sequence = NULL;
    p.rows = clglu_smaller(rows, p.call->row_block);
    clglu_status status = rows ? run_block(&p) : CLGLU_OK;
    p.rows = last;
    return status || last == 0 ? status : run_block(&p);
}

clglu_status clglu_ffn_run(const clglu_ffn *ffn, const clglu_block_call *call, const clglu_ffn_buffers *buffers,
                           clglu_sequence *sequence)
{
    pass p = {.ffn = ffn, .call = call, .buffers = buffers, .sequence = sequence};
    clglu_status status = build_programs(p);
    for (; !status && p.first < call->rows; p.first += p.rows) {
        p.rows = clglu_smaller(call->row_block, call->rows - p.first);
        status = run_block(&p);
    }
    return status;
}
