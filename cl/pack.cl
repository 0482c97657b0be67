/* pack.cl - matrices into column panels, rows into row tiles: what the projections read.
   SPDX-License-Identifier: MIT */

#define VW 1
#include "number.clh"

#ifndef SOURCE
#error "SOURCE: the type of what is packed, 0 f32, 1 f16, 2 bf16"
#endif

enum { STRIP = 16 }; /* columns that a work-item packs */

#ifdef WEIGHT
/* A piece of a matrix, `terms` inputs from first_k and `count` outputs from first_n on; element (k, n) of the piece is
   source[offset + k * ld + n * inc]. Output n goes into panel n / width, there to column side + n % width; a panel is [in][stride].
   A bias is a matrix of one input. */
kernel void pack_weights(global const void *source, ulong offset, ulong ld, ulong inc, ulong first_k, ulong terms,
                         ulong first_n, ulong count, global weight *to, ulong to_at, ulong in, ulong width, ulong stride,
                         ulong side)
{
    ulong k = get_global_id(0), n = get_global_id(1) * STRIP;
    if (k >= terms || n >= count) return;
    ulong end = min(count, n + STRIP);
    for (; n < end; n++) {
        ulong from = offset + k * ld + n * inc, m = first_n + n;
        ulong at = to_at + (m / width * in + first_k + k) * stride + side + m % width;
#if SOURCE == WEIGHT
        to[at] = ((global const weight *)source)[from];
#else
        to[at] = get_number(SOURCE, source, from);
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
