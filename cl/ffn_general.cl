/* ffn_general.cl - projections, one result a work-item: for any device, and what the other forms are compared with.
   SPDX-License-Identifier: MIT */

/* Needs what finish.clh needs, with VW=1, and WEIGHT. x is [row][k], f32. */
#include "finish.clh"

/* The canonical sum of a row and a packed column, from `total` on. */
static inline float sum_column(float total, global const float *x, global const weight *w, uint in)
{
    for (uint k = 0; k < in; k += BLOCK) {
        uint count = min(in - k, (uint)BLOCK);
        float sum = 0.0f;
        for (uint i = 0; i < count; i++) sum = fma(x[k + i], get_number(WEIGHT, w, (ulong)(k + i) * PANEL), sum);
        total = total + sum;
    }
    return total;
}

kernel void ffn_general(global const float *x, ulong x_at, global const weight *w, ulong w_at, uint in,
                        FINISH_ARGS CARRY_ARGS)
{
    ulong col = get_global_id(0), row = get_global_id(1);
    if (col >= cols || row >= rows) return;
    uint width = TWO_SIDES ? HALF : PANEL, lane = col % width;
    ulong panel = col / width, at = panel * PANEL + lane;

    x += x_at + row * in;
    w += w_at + panel * PANEL * in + lane;
    float s = 0.0f, t = 0.0f;
#ifdef CARRY
    s = get_carry(carry, carry_at, row, 0, col, 1);
#if MODE == PAIR
    t = get_carry(carry_b, carry_b_at, row, 0, col, 1);
#endif
#endif
    s = sum_column(s, x, w, in);
    if (TWO_SIDES) t = sum_column(t, x, w + HALF, in);
    finish(s, t, MODE == GATE_ONLY ? x[col] : 0.0f, at, at + HALF, row, 0, col, FINISH_PASS);
}
