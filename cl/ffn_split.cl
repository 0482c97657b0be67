/* ffn_split.cl - projections of few rows: the blocks of the canonical sums at once, then their addition.
   SPDX-License-Identifier: MIT */

/* Needs what finish.clh needs, with VW=1, and WEIGHT and ROWS (1, 2, 4, 8 or 16). One row has as many work-items as its
   matrix has columns times blocks: a GPU is not left idle. */
#include "finish.clh"

/* x is [k][ROWS]; the pass begins at panel `first` and has `slots` packed columns; sums is [block][ROWS][slots]. */
kernel void ffn_blocks(global const float *x, ulong x_at, global const weight *w, ulong w_at, ulong first, uint in, uint slots,
                       global float *sums, ulong sums_at)
{
    uint slot = get_global_id(0), block = get_global_id(1), k = block * BLOCK;
    if (slot >= slots || k >= in) return;
    uint count = min(in - k, (uint)BLOCK);

    w += w_at + (first + slot / PANEL) * PANEL * in + (ulong)k * PANEL + slot % PANEL;
    x += x_at + (ulong)k * ROWS;
    sums += sums_at + (ulong)block * ROWS * slots + slot;
#define START(r) float s##r = 0.0f;
    EACH_ROW(START)
    for (uint i = 0; i < count; i++) {
        float u = get_number(WEIGHT, w, 0);
#define STEP(r) s##r = fma(x[r], u, s##r);
        EACH_ROW(STEP)
        w += PANEL;
        x += ROWS;
    }
#define PUT_SUM(r) sums[r * (ulong)slots] = s##r;
    EACH_ROW(PUT_SUM)
}

/* Adds the blocks of columns `first` ... of this pass and finishes them. Column c has its sum for a (or the only one) in slot
   c / width * stride + c % width, and that for b `side` slots further; sums is [block][height][slots],
   where `height` is ROWS or, if other kernels made the sums, the rows. */
kernel void ffn_add(global const float *sums, ulong sums_at, global const float *x, ulong x_at, ulong x_ld,
                    ulong x_inc, uint blocks, ulong height, uint slots, ulong first, ulong width, ulong stride,
                    ulong side, FINISH_ARGS CARRY_ARGS)
{
    ulong c = get_global_id(0), row = get_global_id(1);
    bool inside = first + c < cols && c / width * stride + c % width < slots && row < rows;

    /* Those outside add up the first sum for nothing: a masked loop over addresses that may be wild crashes on Intel's CPU driver. */
    c = inside ? c : 0;
    row = inside ? row : 0;
    ulong slot = c / width * stride + c % width, col = first + c, at = col / width * stride + col % width;
    ulong from = sums_at + row * slots + slot, step = height * slots;
    float s = 0.0f, t = 0.0f;
#ifdef CARRY
    /* Those outside may not even look: the first result's work-item writes over what it began with. */
    if (inside) s = get_carry(carry, carry_at, 0, row, col, 1);
#if MODE == PAIR
    if (inside) t = get_carry(carry_b, carry_b_at, 0, row, col, 1);
#endif
#endif
    for (uint j = 0; j < blocks; j++) {
        s = s + sums[from + j * step];
        if (TWO_SIDES) t = t + sums[from + j * step + side];
    }
    float own = MODE == GATE_ONLY ? x[x_at + row * x_ld + col * x_inc] : 0.0f;
    if (inside) finish(s, t, own, at, at + side, 0, row, col, FINISH_PASS);
}
