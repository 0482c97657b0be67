/* ffn_tile.cl - projections in registers: ROWS rows by a panel of 32 columns. For CPUs.
   SPDX-License-Identifier: MIT */

/* Needs what finish.clh needs, WEIGHT, and ROWS: 1, 2, 4, 6, 8 or 12. x is [tile][k][ROWS], f32. One work-item takes, of one
   panel, two vectors of VW columns (HALF apart) and `tiles` row tiles: a block of the panel, 16 KiB of f32, stays in the
   nearest cache for all of them, and their sums wait in local memory. Work-items that follow one another take SPAN panels, then
   the same SPAN panels for the next rows: rows stay in the second cache meanwhile, panels in the third.
   A block is brought near at once: arithmetic fills a CPU's window before it reaches the loads that should wait together. With NEAR
   it is widened into local memory on the way, once for all tiles. Then the first lines of the next block's pages (the next
   panel's, at the end) are touched, from which the hardware goes on alone: up to 32 KiB past the last panel are read. */
#include "finish.clh"

#ifdef CARRY
#define BEGINS(k) false
#else
#define BEGINS(k) ((k) == 0)
#endif

#define LINE (64 / sizeof(weight))
#define PAGE (4096 / sizeof(weight))
enum { SPAN = 16 };

/* `prefetch` does nothing on some CPU drivers: lines are read and forgotten instead. */
#define TOUCH(p) (void)*(volatile global const weight *)(p)

#ifdef NEAR
#define TERM_STEP 2
#define TERM_SIDE 1
typedef local const real *weights_at;
#define get_real(p) (*(p))
#else
#define TERM_STEP PANEL
#define TERM_SIDE HALF
typedef global const weight *weights_at;
#define get_real(p) get_weights(p)
#endif

#define STEP(r)                                                                                              \
    s##r = FMA(x[r], u, s##r);                                                                               \
    t##r = FMA(x[r], v, t##r);
#define TERM                                                                                                 \
    {                                                                                                        \
        real u = get_real(w), v = get_real(w + TERM_SIDE);                                                   \
        EACH_ROW(STEP)                                                                                       \
        w += TERM_STEP;                                                                                      \
        x += ROWS;                                                                                           \
    }

#ifndef NEAR
static inline void touch_lines(global const weight *block, uint count)
{
    for (uint i = 0; i + 8 * LINE <= count; i += 8 * LINE) {
        TOUCH(block + i), TOUCH(block + i + LINE), TOUCH(block + i + 2 * LINE), TOUCH(block + i + 3 * LINE);
        TOUCH(block + i + 4 * LINE), TOUCH(block + i + 5 * LINE), TOUCH(block + i + 6 * LINE), TOUCH(block + i + 7 * LINE);
    }
}
#endif

static inline void touch_pages(global const weight *next)
{
    uint pages = BLOCK * PANEL / PAGE;
    for (uint i = 0; i < 6 * pages; i++) TOUCH(next + i % pages * PAGE + i / pages * LINE);
}

/* The block sums of one tile are added to its totals (or begin them). */
static inline void add_block(global const float *x, weights_at w, uint count, bool first, local real *total)
{
#define START(r) real s##r = (real)(0.0f), t##r = (real)(0.0f);
    EACH_ROW(START)
    uint k = 0;
    for (; k + 4 <= count; k += 4) {
        TERM TERM TERM TERM
    }
    for (; k < count; k++) TERM
#define BEGIN(r)                                                                                             \
    total[2 * r] = (real)(0.0f) + s##r;                                                                      \
    total[2 * r + 1] = (real)(0.0f) + t##r;
#define ADD(r)                                                                                               \
    total[2 * r] = total[2 * r] + s##r;                                                                      \
    total[2 * r + 1] = total[2 * r + 1] + t##r;
    if (first) {
        EACH_ROW(BEGIN)
    } else {
        EACH_ROW(ADD)
    }
}

/* The tile's own input in the results' place: x is a itself. */
#if MODE == GATE_ONLY && VW > 1
static inline real get_input(global const float *x, ulong col, ulong cols)
{
    real y = (real)(0.0f);
#define TAKE(i, lane)                                                                                        \
    if (col + i < cols) y.lane = x[(col + i) * ROWS];
    EACH_LANE(TAKE)
#undef TAKE
    return y;
}
#elif MODE == GATE_ONLY
#define get_input(x, col, cols) ((x)[(col) * ROWS])
#else
#define get_input(x, col, cols) ((real)(0.0f))
#endif

kernel __attribute__((reqd_work_group_size(1, 1, 1))) void
ffn_tile(global const float *x, ulong x_at, global const weight *w, ulong w_at, uint in, uint tiles,
         local real *total, FINISH_ARGS CARRY_ARGS)
{
    ulong all = (rows + ROWS - 1) / ROWS, groups = (all + tiles - 1) / tiles;
    ulong first = get_global_id(1) % groups * tiles;
    ulong panel = get_global_id(1) / groups * SPAN + get_global_id(0) / (HALF / VW);
    if (panel * (TWO_SIDES ? HALF : PANEL) >= cols) return;
    uint lane = get_global_id(0) % (HALF / VW) * VW, count = all - first < tiles ? (uint)(all - first) : tiles;

    w += w_at + panel * PANEL * in + lane;
    x += x_at + first * in * ROWS;
#ifdef NEAR
    local real wide[2 * BLOCK];
#endif
#ifdef CARRY
    for (uint i = 0; i < count; i++)
        for (uint r = 0; r < ROWS; r++) {
            if ((first + i) * ROWS + r >= rows) { /* added to like the others, and not stored */
                total[(i * ROWS + r) * 2] = total[(i * ROWS + r) * 2 + 1] = (real)(0.0f);
                continue;
            }
            ulong col = TWO_SIDES ? panel * HALF + lane : panel * PANEL + lane, next = TWO_SIDES ? col : col + HALF;
            uint n = col < cols ? (uint)min(cols - col, (ulong)VW) : 0, m = next < cols ? (uint)min(cols - next, (ulong)VW) : 0;
            total[(i * ROWS + r) * 2] = get_carry(carry, carry_at, first + i, r, col, n);
#if MODE == PAIR
            total[(i * ROWS + r) * 2 + 1] = get_carry(carry_b, carry_b_at, first + i, r, col, n);
#else
            total[(i * ROWS + r) * 2 + 1] = get_carry(carry, carry_at, first + i, r, next, m);
#endif
        }
#endif
    for (uint k = 0; k < in; k += BLOCK) {
        uint terms = min(in - k, (uint)BLOCK);
        global const weight *block = w + (ulong)k * PANEL;
#ifdef NEAR
        for (uint i = 0; i < terms; i++) {
            wide[2 * i] = get_weights(block + i * PANEL);
            wide[2 * i + 1] = get_weights(block + i * PANEL + HALF);
        }
        weights_at near = wide;
#else
        weights_at near = block;
        touch_lines(block, terms * PANEL);
#endif
        touch_pages(block + BLOCK * PANEL);
        for (uint i = 0; i < count; i++)
            add_block(x + ((ulong)i * in + k) * ROWS, near, terms, BEGINS(k), total + i * 2 * ROWS);
    }
    for (uint i = 0; i < count; i++)
        for (uint r = 0; r < ROWS && (first + i) * ROWS + r < rows; r++) {
            real s = total[(i * ROWS + r) * 2], t = total[(i * ROWS + r) * 2 + 1];
            ulong at = panel * PANEL + lane;
#if TWO_SIDES
            ulong col = panel * HALF + lane;
            if (col < cols) finish(s, t, s, at, at + HALF, first + i, r, col, FINISH_PASS);
#else
            global const float *own = x + (ulong)i * in * ROWS + r;
            if (at < cols) finish(s, s, get_input(own, at, cols), at, at, first + i, r, at, FINISH_PASS);
            at += HALF;
            if (at < cols) finish(t, t, get_input(own, at, cols), at, at, first + i, r, at, FINISH_PASS);
#endif
        }
}
