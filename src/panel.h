/* panel.h - a block's matrices on the device, packed into column panels with their biases.
   SPDX-License-Identifier: MIT */

#ifndef CLGLU_PANEL_H
#define CLGLU_PANEL_H

#include "block.h"
#include "core.h"

/* The numbers of cl/finish.clh. */
enum { CLGLU_PANEL = 32, CLGLU_HALF = 16, CLGLU_SUM_BLOCK = 128 };

/* One matrix, or two whose results meet in one kernel. Output n of the first is in panel n / width, column n % width there, that
   of the second `side` columns further; a panel is [in][stride]. */
typedef struct clglu_panels {
    cl_mem weights, bias; /* bias: f32, one row laid out like a row of weights, 0 where there is none */
    size_t in, out;       /* out: columns of each result */
    bool gated;           /* there are two */
    clglu_dtype dtype;
    size_t width, stride, side, count;
    size_t bytes;
} clglu_panels;

/* Packs a (and b, or NULL). dense: one panel of all columns, widened to f32, for CLBlast. *panels is to be freed even on
   failure. Nothing is under way on return. */
clglu_status clglu_panels_make(clglu_context *context, clglu_dtype dtype, const clglu_matrix *a, const clglu_matrix *b,
                               bool dense, clglu_panels *panels);
void clglu_panels_free(clglu_panels *panels);

#endif
