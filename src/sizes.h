/* sizes.h - small arithmetic on sizes, and the unit of the canonical sum.
   SPDX-License-Identifier: MIT */

#ifndef CLGLU_SIZES_H
#define CLGLU_SIZES_H

#include <stddef.h>

enum { CLGLU_SUM_BLOCK = 128 }; /* terms in a block of the canonical sum */

static inline size_t clglu_smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

static inline size_t clglu_larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

static inline size_t clglu_round_up(size_t n, size_t unit)
{
    return (n + unit - 1) / unit * unit;
}

/* Blocks that so many terms fill, one at the least. */
static inline size_t clglu_sum_blocks(size_t terms)
{
    return (terms - 1) / CLGLU_SUM_BLOCK + 1;
}

#endif
