/* ffn_plan.c - which kernels compute a block: by shape, by what the device can do, and by the tuning file.
   SPDX-License-Identifier: MIT */

#include "ffn.h"

#include "error.h"
#include "tune.h"

enum { FORMS = CLGLU_FORM_SPLIT + 1, LEAST_ROWS = 32, MOST_ROWS = 128, CACHED = 1 << 20, SUMS_BYTES = 16 << 20 };

/* The row tiles that a form's kernel can be built for, 0 at the end. */
static const unsigned row_tiles[FORMS][8] = {
    [CLGLU_FORM_GENERAL] = {1},
    [CLGLU_FORM_TILE] = {1, 2, 4, 6, 8, 12},
    [CLGLU_FORM_LOCAL] = {32, 64, 128},
    [CLGLU_FORM_SPLIT] = {1, 2, 4, 8, 16},
};

/* A register tile's sums take 128 bytes a row of local memory, a block of widened weights 16 KiB. */
enum { TILE_LOCAL = 128 * MOST_ROWS + 16384 };

static size_t local_bytes(unsigned row_tile)
{
    return sizeof(float) * 16 * (row_tile + 2 * CLGLU_PANEL);
}

static bool can_run(const clglu_context *context, clglu_ffn_form form, unsigned row_tile, size_t rows)
{
    const clglu_device_facts *f = &context->device.facts;
    switch (form) {
    case CLGLU_FORM_GENERAL: return true;
    case CLGLU_FORM_TILE: return f->vector_width >= 4 && f->local_bytes >= TILE_LOCAL;
    case CLGLU_FORM_LOCAL: return f->max_work_group >= 256 && f->local_bytes >= local_bytes(row_tile) + 1024;
    case CLGLU_FORM_SPLIT: return rows <= row_tile;
    default: return false;
    }
}

/* The smallest row tile that takes so many rows at once, else the largest one; none over `most`. */
static unsigned fitting(clglu_ffn_form form, size_t rows, unsigned most)
{
    const unsigned *t = row_tiles[form];
    while (t[1] != 0 && t[1] <= most && *t < rows) t++;
    return *t;
}

/* A register tile of 6 or 8 rows has sums enough to hide the latency of an fma. CPUs with vectors of 16 floats have 32 registers
   for them; others have 16, and 6 rows leave some for the weights. */
static unsigned natural_tile(const clglu_context *context, clglu_ffn_form form, size_t rows)
{
    switch (form) {
    case CLGLU_FORM_TILE: return fitting(form, rows, context->device.facts.vector_width >= 16 ? 8 : 6);
    case CLGLU_FORM_LOCAL: return fitting(form, rows, 64);
    case CLGLU_FORM_SPLIT: return fitting(form, rows, 16);
    default: return 1;
    }
}

/* The rows that a panel meets one after the other should stay in a second cache of a megabyte; as many rows as share it, so
   much less often is it read. Where there are few panels, all processors get some work first. */
unsigned clglu_plan_tiles(const clglu_context *context, const clglu_plan *plan, const clglu_panels *panels, size_t rows)
{
    size_t all = (rows + plan->row_tile - 1) / plan->row_tile, row = sizeof(float) * panels->in * plan->row_tile;
    size_t tiles = plan->tiles, most = MOST_ROWS / plan->row_tile, least = LEAST_ROWS / plan->row_tile;
    if (tiles == 0) {
        tiles = CACHED / row < least ? least : CACHED / row;
        if (tiles > most) tiles = most;
        while (tiles > 1 && panels->count * ((all + tiles - 1) / tiles) < 4 * (size_t)context->device.facts.compute_units)
            tiles /= 2;
    }
    return (unsigned)(tiles < all ? tiles : all);
}

/* CPUs with vectors have the register tile; elsewhere few rows are split to fill the device. */
static clglu_ffn_form natural_form(const clglu_context *context, size_t rows)
{
    bool cpu = context->device.facts.type & CL_DEVICE_TYPE_CPU;
    if (cpu && can_run(context, CLGLU_FORM_TILE, 1, rows)) return CLGLU_FORM_TILE;
    if (can_run(context, CLGLU_FORM_SPLIT, 16, rows)) return CLGLU_FORM_SPLIT;
    if (can_run(context, CLGLU_FORM_LOCAL, 64, rows)) return CLGLU_FORM_LOCAL;
    return CLGLU_FORM_GENERAL;
}

/* What a choice leaves open is filled in; what no kernel has is brought to the nearest that one has. */
static clglu_plan complete(const clglu_context *context, clglu_ffn_choice c, size_t rows)
{
    if (c.form == CLGLU_FORM_AUTO) c = (clglu_ffn_choice){.form = natural_form(context, rows)};
    c.row_tile = c.row_tile == 0 ? natural_tile(context, c.form, rows) : fitting(c.form, c.row_tile, c.row_tile);
    if (c.form == CLGLU_FORM_SPLIT && c.row_tile < rows) c.row_tile = fitting(c.form, rows, 16);
    if (c.form != CLGLU_FORM_TILE) c.tiles = 0;
    while ((size_t)c.tiles * c.row_tile > MOST_ROWS) c.tiles--;
    return c;
}

bool clglu_plan_runs(const clglu_ffn *ffn, const clglu_ffn_choice *wanted, size_t rows)
{
    clglu_plan plan = complete(ffn->context, *wanted, rows);
    return can_run(ffn->context, plan.form, plan.row_tile, rows);
}

clglu_status clglu_plan_make(const clglu_ffn *ffn, const clglu_ffn_choice *wanted, size_t rows, clglu_plan *plan)
{
    clglu_ffn_choice c = *wanted;
    bool unused;
    if (c.form == CLGLU_FORM_AUTO) {
        const clglu_block *b = &ffn->block;
        clglu_tuning_find(ffn->context->tuning, b->d_model, b->d_ff, b->dtype, rows, &c, &unused);
        *plan = complete(ffn->context, c, rows);
        if (can_run(ffn->context, plan->form, plan->row_tile, rows)) return CLGLU_OK;
        c = (clglu_ffn_choice){.form = CLGLU_FORM_AUTO};
    }
    *plan = complete(ffn->context, c, rows);
    if (can_run(ffn->context, plan->form, plan->row_tile, rows)) return CLGLU_OK;
    return clglu_fail(ffn->context, CLGLU_UNSUPPORTED, "choice: the device cannot run this form for %zu rows", rows);
}

size_t clglu_plan_rows(const clglu_plan *plan, size_t rows)
{
    return clglu_round_up(rows, plan->row_tile);
}

/* All panels if their sums take at most SUMS_BYTES. */
size_t clglu_plan_panels(const clglu_plan *plan, const clglu_panels *panels)
{
    size_t blocks = clglu_sum_blocks(panels->in);
    size_t one = sizeof(float) * blocks * plan->row_tile * CLGLU_PANEL, most = SUMS_BYTES / one;
    return clglu_smaller(clglu_larger(most, 1), panels->count);
}

/* ---------------------------------------------------------------- all choices, one after the other */

static bool same(const clglu_plan *p, const clglu_plan *q)
{
    return p->form == q->form && p->row_tile == q->row_tile && p->tiles == q->tiles;
}

static bool is_candidate(const clglu_ffn *ffn, clglu_plan *c, size_t rows, const clglu_plan *first)
{
    if (!can_run(ffn->context, c->form, c->row_tile, rows)) return false;
    if (c->form == CLGLU_FORM_SPLIT && c->row_tile != natural_tile(ffn->context, c->form, rows)) return false;
    if (c->form == CLGLU_FORM_TILE && c->row_tile > natural_tile(ffn->context, c->form, rows) && c->row_tile >= 2 * rows) return false;
    return !same(c, first);
}

clglu_status clglu_ffn_choice_at(const clglu_ffn *ffn, size_t rows, size_t i, clglu_ffn_choice *choice)
{
    static const unsigned tiles[] = {1, 4, 8, 16, 32};
    if (ffn == NULL || choice == NULL) return CLGLU_NULL_POINTER;
    if (rows == 0) return CLGLU_NOT_FOUND;
    clglu_plan first = complete(ffn->context, (clglu_ffn_choice){.form = CLGLU_FORM_AUTO}, rows);
    *choice = first;
    if (i-- == 0) return CLGLU_OK;
    for (int form = CLGLU_FORM_GENERAL; form < FORMS; form++)
        for (const unsigned *r = row_tiles[form]; *r; r++)
            for (size_t t = 0; t < (form == CLGLU_FORM_TILE ? sizeof tiles / sizeof *tiles : 1); t++) {
                clglu_plan c = {(clglu_ffn_form)form, *r, form == CLGLU_FORM_TILE ? tiles[t] : 0};
                bool useless = t > 0 && ((size_t)(tiles[t - 1]) * *r >= rows || tiles[t] * *r > MOST_ROWS);
                if (!useless && is_candidate(ffn, &c, rows, &first) && i-- == 0) {
                    *choice = c;
                    return CLGLU_OK;
                }
            }
    return CLGLU_NOT_FOUND;
}
