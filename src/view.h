/* view.h - arithmetic on views: where an operand begins, ends, repeats and meets another.
   SPDX-License-Identifier: MIT */

#ifndef CLGLU_VIEW_H
#define CLGLU_VIEW_H

#include <stdbool.h>

#include "clglu.h"

/* Fills in the defaults of ld and inc, makes strides that are never stepped along canonical (one row: ld is cols; one
   column: inc is 1), and computes *end, one past the last element's index; 0 if there are no rows. size is that of an
   element in bytes. CLGLU_INVALID_SIZE if cols is 0 or end * size does not fit a size_t. */
clglu_status clglu_view_resolve(clglu_view *view, size_t rows, size_t cols, size_t size, size_t *end);

/* The functions below want resolved views. */

/* Does it name no element twice? */
bool clglu_view_is_injective(const clglu_view *view, size_t rows, size_t cols);

/* Are elements of p and q, [rows, cols] both, the same memory? May say yes where the truth is no if their strides
   differ: then only the distance of their ends is looked at. */
bool clglu_views_meet(const clglu_view *p, const clglu_view *q, size_t rows, size_t cols);

bool clglu_views_equal(const clglu_view *p, const clglu_view *q);

#endif
