/* back_room.c - what a backward's workspace holds.
   SPDX-License-Identifier: MIT */

#include "back_room.h"

#include <stdint.h>

enum { LINE = 64, TILE_SLACK = 128 + 12, PANEL_SLACK = 8192 };

/* Floats of a part: whole lines. Sizes are below 2^22 and rows are bounded first, so that nothing overflows 64 bits. */
static size_t part(size_t *end, size_t floats)
{
    size_t start = *end;
    *end = clglu_round_up(start + floats, LINE);
    return start;
}

static size_t panel_floats(size_t in, size_t out, bool gated)
{
    clglu_panels p;
    clglu_panels_shape(&p, CLGLU_F32, in, out, gated);
    return p.in * p.stride * p.count + PANEL_SLACK;
}

/* Row tiles: of the rows of x, g, da and db, and of the columns of x and h. */
static size_t tile_floats(const clglu_block *b, size_t n, size_t sides)
{
    size_t rows = n + TILE_SLACK, widest = clglu_larger(clglu_larger(b->d_model, b->d_out), sides * b->d_ff);
    return clglu_larger(rows * widest, (clglu_larger(b->d_model, b->d_ff) + TILE_SLACK) * n);
}

/* The passes of form SPLIT, for at most 16 rows. */
static size_t sum_floats(size_t in, size_t out, bool gated)
{
    static const clglu_plan few = {CLGLU_FORM_SPLIT, 16, 0};
    clglu_panels p;
    clglu_panels_shape(&p, CLGLU_F32, in, out, gated);
    return clglu_sum_blocks(in) * few.row_tile * CLGLU_PANEL * clglu_plan_panels(&few, &p);
}

static size_t all_sums(const clglu_block *b, size_t n, size_t sides)
{
    size_t up = sum_floats(b->d_model, b->d_ff, sides == 2), down = sum_floats(b->d_out, b->d_ff, false);
    size_t dx = sum_floats(sides * b->d_ff, b->d_model, false), weights = sum_floats(n, b->d_ff, sides == 2);
    return clglu_larger(clglu_larger(up, down), clglu_larger(clglu_larger(dx, weights), sum_floats(n, b->d_out, false)));
}

bool clglu_back_layout(const clglu_ffn *ffn, const clglu_backward *c, clglu_back_parts *r)
{
    const clglu_block *b = &ffn->block;
    size_t n = c->rows < c->row_block ? c->rows : c->row_block, ff = b->d_ff, sides = b->gated ? 2 : 1;
    bool more = c->rows > c->row_block, narrow = more && c->operand[BACK_DWA].dtype != CLGLU_F32;
    size_t end = 0;
    if (n > (SIZE_MAX >> 8) / (b->d_model + 4 * ff + b->d_out + 256) || n > UINT32_MAX / 2) return false;
    if (n == 0) n = 1;
    r->g = part(&end, n * b->d_out);
    r->a = part(&end, n * ff);
    r->b = part(&end, b->gated ? n * ff : 0);
    r->dh = part(&end, n * ff);
    r->dab = part(&end, n * ff * sides);
    r->tiles = part(&end, tile_floats(b, n, sides));
    r->panels = part(&end, clglu_larger(panel_floats(n, ff, b->gated), panel_floats(n, b->d_out, false)));
    r->sums = part(&end, all_sums(b, n, sides));
    r->dwa = part(&end, narrow ? b->d_model * ff : 0);
    r->dwb = part(&end, narrow ? b->d_model * ff : 0);
    r->dwd = part(&end, narrow ? ff * b->d_out : 0);
    r->end = end;
    return end <= SIZE_MAX / sizeof(float);
}

bool clglu_back_room(const clglu_ffn *ffn, const clglu_backward *call, size_t *bytes)
{
    clglu_back_parts parts;
    if (!clglu_back_layout(ffn, call, &parts)) return false;
    *bytes = parts.end * sizeof(float);
    return true;
}
