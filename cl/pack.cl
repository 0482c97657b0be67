/* pack.cl - matrices into column panels, rows into row tiles: what the projections read.
   SPDX-License-Identifier: MIT */

#define VW 1
#include "number.clh"

#ifndef SOURCE
#error "SOURCE: the type of what is packed, 0 f32, 1 f16, 2 bf16"
#endif

enum { STRIP = 16 }; /* columns that a work-item packs */

#ifdef WEIGHT
/* Inputs that a work-item packs: 1 where neighbours should read neighbouring elements (GPUs), 16 for CPUs. */
#ifndef TERMS
#error "TERMS: 1 or 16"
#endif

#if SOURCE == WEIGHT
#if WEIGHT == 0
typedef uint raw;
typedef uint16 raws;
#else
typedef ushort raw;
typedef ushort16 raws;
#endif

/* TERMS rows of STRIP columns: `from` has them side by side, or, turned, one row's are `ld` apart and rows follow one another. */
static inline void copy_rows(global const raw *from, ulong ld, global raw *to, ulong stride)
{
    for (uint k = 0; k < TERMS; k++) vstore16(vload16(0, from + k * ld), 0, to + k * stride);
}

#if TERMS == 16
static inline void turn_block(global const raw *from, ulong inc, global raw *to, ulong stride)
{
    raw block[STRIP * 16]; /* lines far apart would push one another out of a cache if they were met for each element */
    for (uint n = 0; n < STRIP; n++) vstore16(vload16(0, from + n * inc), n, block);
    for (uint k = 0; k < 16; k++)
        for (uint n = 0; n < STRIP; n++) to[k * stride + n] = block[n * 16 + k];
}
#endif
#endif

/* A piece of a matrix, `terms` inputs from first_k and `count` outputs from first_n on; element (k, n) of the piece is
   source[offset + k * ld + n * inc]. Output n goes into panel n / width, there to column side + n % width; a panel is [in][stride].
   A bias is a matrix of one input. */
kernel void pack_weights(global const void *source, ulong offset, ulong ld, ulong inc, ulong first_k, ulong terms,
                         ulong first_n, ulong count, global weight *to, ulong to_at, ulong in, ulong width, ulong stride,
                         ulong side)
{
    ulong k = get_global_id(0) * TERMS, n = get_global_id(1) * STRIP;
    if (k >= terms || n >= count) return;
#if SOURCE == WEIGHT
    ulong m = first_n + n, at = to_at + (m / width * in + first_k + k) * stride + side + m % width;
    bool whole = k + TERMS <= terms && n + STRIP <= count && m % width + STRIP <= width;
    global const raw *from = (global const raw *)source + offset + k * ld + n * inc;
    if (whole && inc == 1) {
        copy_rows(from, ld, (global raw *)to + at, stride);
        return;
    }
#if TERMS == 16
    if (whole && ld == 1) {
        turn_block(from, inc, (global raw *)to + at, stride);
        return;
    }
#endif
#endif
    ulong last_k = min(terms, k + TERMS), last_n = min(count, n + STRIP);
    for (; k < last_k; k++)
        for (ulong c = n; c < last_n; c++) {
            ulong place = offset + k * ld + c * inc, column = first_n + c;
            ulong slot = to_at + (column / width * in + first_k + k) * stride + side + column % width;
#if SOURCE == WEIGHT
            to[slot] = ((global const weight *)source)[place];
#else
            to[slot] = get_number(SOURCE, source, place);
#endif
        }
}
#else

/* Rows of a view into [tile][k][ROWS], f32, times `scale` if SCALED; rows that the last tile lacks are 0. */
#ifndef ROWS
#error "ROWS: the rows of a row tile"
#endif
kernel void pack_rows(global const void *source, ulong offset, ulong ld, ulong inc, ulong rows, ulong in,
                      global float *to, ulong to_at, float scale)
{
    ulong k = get_global_id(0), tile = get_global_id(1), first = tile * ROWS;
    if (k >= in || first >= rows) return;
    to += to_at + (tile * in + k) * ROWS;
    for (uint r = 0; r < ROWS; r++) {
        float number = first + r < rows ? get_number(SOURCE, source, offset + (first + r) * ld + k * inc) : 0.0f;
#ifdef SCALED
        number = number * scale;
#endif
        to[r] = number;
    }
}
#endif
