/* panel.h - a block's matrices on the device, packed into column panels with their biases.
   SPDX-License-Identifier: MIT */

#ifndef CLGLU_PANEL_H
#define CLGLU_PANEL_H

#include "block.h"
#include "core.h"
#include "launch.h"
#include "sizes.h"

/* The numbers of cl/finish.clh. */
enum { CLGLU_PANEL = 32, CLGLU_HALF = 16 };

/* One matrix, or two whose results meet in one kernel. Output n of the first is in panel n / width, column n % width there, that
   of the second `side` columns further; a panel is [in][stride]. */
typedef struct clglu_panels {
    cl_mem weights, bias; /* bias: f32, one row laid out like a row of weights, 0 where there is none */
    size_t at;            /* where the panels begin in `weights`, in elements */
    size_t in, out;       /* out: columns of each result */
    bool gated;           /* there are two */
    clglu_dtype dtype;
    size_t width, stride, side, count;
    size_t bytes;
} clglu_panels;

/* How two matrices become panels: their outputs side by side, or, of one output count, the inputs of the second below those of
   the first, as one matrix. */
typedef enum clglu_join { JOIN_BESIDE, JOIN_BELOW } clglu_join;

/* What panels are packed from; b is used or not. */
typedef struct clglu_panel_sources {
    clglu_matrix a, b;
    clglu_join join;
    clglu_dtype dtype;
} clglu_panel_sources;

/* Makes and fills panels. dense: one panel of all columns, widened to f32, for CLBlast. *panels is to be freed even on failure.
   Nothing is under way on return. */
clglu_status clglu_panels_make(clglu_context *context, const clglu_panel_sources *sources, bool dense,
                               clglu_panels *panels);

/* Fills panels again from sources of the same shape, as part of a sequence. */
clglu_status clglu_panels_fill(clglu_context *context, const clglu_panel_sources *sources, const clglu_panels *panels,
                               clglu_sequence *sequence);

/* The shape of panels for results of `out` columns (of two matrices: gated), without memory. */
void clglu_panels_shape(clglu_panels *panels, clglu_dtype dtype, size_t in, size_t out, bool gated);

/* Packs a dense f32 matrix [in, out] in a buffer, from float number `from` on and `ld` apart, into columns `side` ... of the panels
   at panels->at of panels->weights. sequence NULL: the program is built, no more. */
clglu_status clglu_panels_pack(clglu_context *context, const clglu_panels *panels, cl_mem mem, size_t from, size_t ld,
                               size_t side, clglu_sequence *sequence);

void clglu_panels_free(clglu_panels *panels);

#endif
