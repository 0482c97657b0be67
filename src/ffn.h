/* ffn.h - a feed-forward block on a device, as the files that run it see it.
   SPDX-License-Identifier: MIT */

#ifndef CLGLU_FFN_H
#define CLGLU_FFN_H

#include "block.h"
#include "core.h"
#include "panel.h"
#include "launch.h"

struct clglu_ffn {
    clglu_context *context;
    clglu_block block; /* without its sources */
    bool dense;        /* for CLBlast */
    clglu_panels up, down; /* down: only with Wd */
    clglu_panels back_up, back_down; /* for training: [Wa^T; Wb^T] and Wd^T */
};

/* ---------------------------------------------------------------- ffn.c */

/* Remembers "name: why" (name NULL: why alone) and returns status. */
clglu_status clglu_ffn_fail(const clglu_ffn *ffn, clglu_status status, const char *name, const char *why);

/* All buffers that a block is made from. */
clglu_status clglu_ffn_check_sources(clglu_context *context, const clglu_block *block);

/* Does something with each of the block's panels and the matrices of `from` that they are packed from. */
typedef clglu_status (*clglu_ffn_pack)(clglu_ffn *ffn, const clglu_panel_sources *sources, clglu_panels *panels,
                                       clglu_sequence *sequence);
clglu_status clglu_ffn_each(clglu_ffn *ffn, const clglu_block *from, clglu_ffn_pack pack, clglu_sequence *sequence);

/* ---------------------------------------------------------------- ffn_plan.c */

/* How a row block is computed; row_tile is never 0, tiles 0 is left to clglu_plan_tiles. */
typedef clglu_ffn_choice clglu_plan;

/* The choice asked for, or the one made by shape, device and tuning file. CLGLU_UNSUPPORTED, with words, if the device cannot
   run it. */
clglu_status clglu_plan_make(const clglu_ffn *ffn, const clglu_ffn_choice *wanted, size_t rows, clglu_plan *plan);

/* Can the device run the choice for so many rows? */
bool clglu_plan_runs(const clglu_ffn *ffn, const clglu_ffn_choice *wanted, size_t rows);

/* Rows rounded up to whole row tiles. */
size_t clglu_plan_rows(const clglu_plan *plan, size_t rows);

/* Row tiles that a work-item takes, form TILE. */
unsigned clglu_plan_tiles(const clglu_context *context, const clglu_plan *plan, const clglu_panels *panels, size_t rows);

/* Panels whose block sums go through the workspace together, form SPLIT. */
size_t clglu_plan_panels(const clglu_plan *plan, const clglu_panels *panels);

/* ---------------------------------------------------------------- project.c */

/* Rows of a view, to be packed into row tiles of f32. */
typedef struct clglu_rows {
    cl_mem mem;
    clglu_dtype dtype;
    clglu_view view;
    size_t rows, cols;
    float scale; /* 1: none */
} clglu_rows;

clglu_status clglu_pack_rows(clglu_context *context, const clglu_rows *rows, unsigned row_tile, cl_mem to, size_t to_at,
                             clglu_sequence *sequence);

enum { MODE_PLAIN, MODE_GATED, MODE_GATE_ONLY, MODE_PAIR };

/* Where results go: cl/finish.clh's place. */
typedef struct clglu_target {
    cl_mem mem; /* NULL: not wanted */
    clglu_dtype dtype;
    cl_ulong offset, tile, ld, inc;
} clglu_target;

/* One projection of a row block, with all that follows its sums. */
typedef struct clglu_projection {
    const clglu_panels *panels;
    int mode;
    clglu_act act, gate;
    float alpha, limit, shift;
    size_t rows;
    cl_mem x; /* packed for the plan's row tile, from float number x_at on */
    size_t x_at, x_ld, x_inc; /* the strides of rows and columns in a tile */
    cl_mem sums; /* form SPLIT: block sums go there, from float number sums_at on */
    size_t sums_at;
    clglu_target out, a, b; /* MODE_PAIR: no out */
    bool no_bias;
    clglu_target carry, carry_b; /* what the sums begin with; carry_b: MODE_PAIR. mem NULL: +0 */
} clglu_projection;

/* Enqueues it; sequence NULL: its program is built, no more. The same holds of the next two. */
clglu_status clglu_run_projection(clglu_context *context, const clglu_projection *projection, const clglu_plan *plan,
                           clglu_sequence *sequence);

/* The sums are there already, [rows, stride] from sums_at on, and only need finishing; x is [rows, in]. */
clglu_status clglu_run_sums(clglu_context *context, const clglu_projection *projection, clglu_sequence *sequence);

/* ---------------------------------------------------------------- ffn_run.c */

/* Bytes of workspace for a call. False: they overflow. */
bool clglu_ffn_room(const clglu_ffn *ffn, size_t rows, size_t row_block, size_t *bytes);

/* The buffers of a call, by clglu_call_slot. */
typedef struct clglu_ffn_buffers {
    cl_mem of[CALL_SLOTS], workspace;
} clglu_ffn_buffers;

/* Enqueues a checked call. */
clglu_status clglu_ffn_run(const clglu_ffn *ffn, const clglu_block_call *call, const clglu_ffn_buffers *buffers,
                           clglu_sequence *sequence);

/* ---------------------------------------------------------------- clblast.c */

/* Is there a CLBlast in this library? */
bool clglu_has_clblast(void);

/* sums[rows, stride] = x[rows, in] * weights[in, stride], all f32 in buffers, from those float numbers on. */
clglu_status clglu_clblast_multiply(clglu_context *context, const clglu_panels *panels, size_t rows, cl_mem x,
                                    size_t x_at, cl_mem sums, size_t sums_at, clglu_sequence *sequence);

#endif
