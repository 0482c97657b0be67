/* device_back.h - what the tests of the block's backward share: cases, made on several routes, compared and
   judged. SPDX-License-Identifier: MIT */

/* A `back_case` is one block with one call of its backward and all arrays in host memory. As with a ffn_case,
   every route works on a copy of the call's arrays. What a view does not name is NaN, and so are gradients to
   be written: whoever reads there is found, as is the flag that looks there. */
#ifndef TEST_DEVICE_BACK_H
#define TEST_DEVICE_BACK_H

#include "device_ffn.h"

/* The operands, in the order of clglu_ffn_gradients. */
typedef enum { GDY, GX, GA, GB, GDX, GDWA, GDWB, GDWD, GDBA, GDBB, GDBD, GFLAG, BACK_ARRAYS } back_array;

/* What is asked of a call: sets of gradients, and the flag. */
#define ASKS(gradient) (1u << (gradient))
enum { ASK_ALL = ASKS(GFLAG + 1) - ASKS(GDX), ASK_GRADIENTS = ASK_ALL - ASKS(GFLAG) };

typedef struct back_shape {
    ffn_shape ffn; /* y_dtype is dy's; lay is that of dy, x, a, b and dx; ASK_A or ASK_B: a and b are given */
    unsigned asked; /* 0: ASK_ALL; what the block has not is left out */
    clglu_dtype dx_dtype, weights_dtype;
    clglu_order order; /* of the gradients of weights, as ffn has it for the weights */
    clglu_layout layout;
    size_t offset, gap;
    bool accumulate; /* the gradients hold moderate numbers */
    float scale;
    size_t row_block;
} back_shape;

typedef struct back_case {
    ffn_case ffn; /* the block, with an x of its own */
    clglu_ffn_backward_call call;
    void *
        at[BACK_ARRAYS]; /* NULL: not given, not asked for; a and b, dwa and dwb, dba and dbb may share one */
    bool copied;
} back_case;

back_case back_new(const back_shape *shape);
back_case back_copy(const back_case *c); /* of the call's arrays; to be freed before the original */
void back_free(back_case *c);

/* An operand is no longer given or asked for. */
void back_drop(back_case *c, back_array g);

const char *back_name(back_array g);
bool back_has(const back_case *c, ffn_matrix m);
size_t back_rows(const back_case *c, back_array g);
size_t back_cols(const back_case *c, back_array g);
clglu_dtype back_dtype(const back_case *c, back_array g); /* the flag's is f32: 32 bits */
clglu_view *back_view(back_case *c, back_array g);        /* not the flag's */
size_t back_place(const back_case *c, back_array g, size_t row, size_t col);
float back_get(const back_case *c, back_array g, size_t row, size_t col);
uint32_t back_get_bits(const back_case *c, back_array g, size_t row, size_t col);
void back_set(back_case *c, back_array g, size_t row, size_t col, float x); /* x: the block's own, too */
void back_set_all(back_case *c, back_array g, float x);
uint32_t back_flag(const back_case *c);

/* A line on the case, for messages. */
void back_describe(const back_case *c, char *text, size_t size);

/* ---------------------------------------------------------------- routes */

typedef struct back_buffers {
    cl_mem of[BACK_ARRAYS];
} back_buffers;
back_buffers back_buffers_new(clglu_context *context, const back_case *c);
clglu_status back_enqueue(clglu_ffn *ffn, const back_case *c, cl_command_queue queue, const back_buffers *b,
                          cl_mem workspace, cl_uint nwait, const cl_event *wait, cl_event *event);
void back_buffers_read(clglu_context *context, back_case *c, const back_buffers *b);
void back_buffers_free(back_buffers *b);

clglu_ffn_gradients_host back_host(const back_case *c);

/* Makes the call on the case's own arrays. */
clglu_status back_run(clglu_context *context, clglu_ffn *ffn, back_case *c, ffn_route route);
clglu_status back_emulate(back_case *c);

/* The same on a copy; the call must be taken. */
back_case back_made(clglu_context *context, clglu_ffn *ffn, const back_case *c, ffn_route route);
back_case back_emulated(const back_case *c);

/* ---------------------------------------------------------------- comparing and judging */

/* All arrays are the same, gaps too. false: `text` says where they differ first. */
bool back_same(const back_case *got, const back_case *want, char *text, size_t size);
void expect_back_same(const back_case *got, const back_case *want, const char *what);
/* An operand has the same bits, wherever it lies. */
void expect_back_operand(const back_case *got, const back_case *want, back_array g, const char *what);
/* Nothing but the outputs' elements has changed. */
void expect_back_no_stray(const back_case *before, const back_case *after, const char *what);

/* Every gradient is as near to the reference's as canonical sums of f32 can be expected to come. */
void expect_back_judged(const back_case *before, const back_case *after, const char *what);
/* The largest error that was judged in this run, in parts of what was allowed. */
double back_worst_ratio(void);

/* On the shared context: bits of the emulation, nothing else written, near to the reference. */
void expect_back_right(clglu_ffn *ffn, const back_case *c, ffn_route route, const char *what);

/* The first choice of each form, on the shared context and on buffers: bits of the emulation, nothing else
   written, and what is asked of the results, if anything is; `in` has the inputs. */
typedef void back_question(const back_case *in, const back_case *got);
void with_every_form(const back_case *c, back_question *ask, const char *what);

#endif
