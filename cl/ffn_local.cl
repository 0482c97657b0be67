/* ffn_local.cl - projections through local memory: ROWS rows by two panels a group of 16 x 16 work-items. For GPUs.
   SPDX-License-Identifier: MIT */

/* Needs what finish.clh needs, with VW=1, WEIGHT, and ROWS: 32, 64 or 128. x is [tile][k][ROWS], f32. Work-item (i, j) of a group
   has columns i and i + 16 of both panels, and rows j, j + 16, ...: side by side work-items read neighbouring words of local
   memory, and MODE GATED a work-item has both sums of a result. */
#include "finish.clh"

#define SIDE  16
#define DEPTH 16 /* terms brought into local memory together */
#define OWN   (ROWS / SIDE)
#define WIDE  (2 * PANEL)

static inline void load_inputs(local float *to, global const float *x, uint terms, uint id)
{
    for (uint i = id; i < DEPTH * ROWS; i += SIDE * SIDE) to[i] = i < terms * ROWS ? x[i] : 0.0f;
}

/* A missing second panel is read as zeros. */
static inline void load_panels(local float *to, global const weight *w, uint in, bool both, uint terms, uint id)
{
    for (uint i = id; i < DEPTH * WIDE; i += SIDE * SIDE) {
        uint k = i / WIDE, slot = i % WIDE;
        ulong at = (ulong)(slot / PANEL) * PANEL * in + (ulong)k * PANEL + slot % PANEL;
        to[i] = k < terms && (both || slot < PANEL) ? get_number(WEIGHT, w, at) : 0.0f;
    }
}

kernel __attribute__((reqd_work_group_size(SIDE, SIDE, 1))) void
ffn_local(global const float *x, ulong x_at, global const weight *w, ulong w_at, uint in, uint panels,
          FINISH_ARGS CARRY_ARGS)
{
    local float xs[DEPTH * ROWS], ws[DEPTH * WIDE];
    uint i = get_local_id(0), j = get_local_id(1), id = j * SIDE + i;
    ulong panel = get_global_id(0) / SIDE * 2, tile = get_global_id(1) / SIDE;
    float total[OWN][4], sum[OWN][4];

    x += x_at + tile * in * ROWS;
    w += w_at + panel * PANEL * in;
    for (uint r = 0; r < OWN; r++)
        for (uint c = 0; c < 4; c++) {
            total[r][c] = 0.0f;
#ifdef CARRY
            ulong row = j + r * SIDE, col = TWO_SIDES ? (panel + c / 2) * HALF + i : panel * PANEL + i + c * SIDE;
            if (tile * ROWS + row >= rows || col >= cols) continue;
#if MODE == PAIR
            if (c % 2) total[r][c] = get_carry(carry_b, carry_b_at, tile, row, col, 1);
            else total[r][c] = get_carry(carry, carry_at, tile, row, col, 1);
#else
            total[r][c] = get_carry(carry, carry_at, tile, row, col, 1);
#endif
#endif
        }
    for (uint k = 0; k < in; k += BLOCK) {
        uint end = min(in, k + BLOCK);
        for (uint r = 0; r < OWN; r++)
            for (uint c = 0; c < 4; c++) sum[r][c] = 0.0f;
        for (uint l = k; l < end; l += DEPTH) {
            uint terms = min(end - l, (uint)DEPTH);
            load_inputs(xs, x + (ulong)l * ROWS, terms, id);
            load_panels(ws, w + (ulong)l * PANEL, in, panel + 1 < panels, terms, id);
            barrier(CLK_LOCAL_MEM_FENCE);
            for (uint d = 0; d < terms; d++)
                for (uint r = 0; r < OWN; r++)
                    for (uint c = 0; c < 4; c++)
                        sum[r][c] = fma(xs[d * ROWS + j + r * SIDE], ws[d * WIDE + i + c * SIDE], sum[r][c]);
            barrier(CLK_LOCAL_MEM_FENCE);
        }
        for (uint r = 0; r < OWN; r++)
            for (uint c = 0; c < 4; c++) total[r][c] = total[r][c] + sum[r][c];
    }

    for (uint r = 0; r < OWN; r++) {
        uint row = j + r * SIDE;
        if (tile * ROWS + row >= rows) continue;
#if TWO_SIDES
        for (uint p = 0; p < 2; p++) {
            ulong at = (panel + p) * PANEL + i, col = (panel + p) * HALF + i;
            if (col < cols) finish(total[r][2 * p], total[r][2 * p + 1], 0.0f, at, at + HALF, tile, row, col, FINISH_PASS);
        }
#else
        for (uint c = 0; c < 4; c++) {
            ulong col = panel * PANEL + i + c * SIDE;
            if (col >= cols) continue;
            float own = MODE == GATE_ONLY ? x[col * ROWS + row] : 0.0f;
            finish(total[r][c], 0.0f, own, col, col, tile, row, col, FINISH_PASS);
        }
#endif
    }
}
