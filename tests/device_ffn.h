/* device_ffn.h - what the tests of the feed-forward block share: cases, made on several routes, compared and
   judged. SPDX-License-Identifier: MIT */

/* A `ffn_case` is one block with one call of it and all arrays in host memory. Every route works on a copy of
   the call's arrays, so that whole arrays are compared, with the gaps between the elements. What a view does
   not name is NaN in inputs and the canary in outputs: whoever reads or writes there is found. */
#ifndef TEST_DEVICE_FFN_H
#define TEST_DEVICE_FFN_H

#include "device.h"

/* What a block has, and what is asked of a call. */
enum {
    HAS_WA = 1,
    HAS_WB = 2,
    HAS_WD = 4,
    HAS_BA = 8,
    HAS_BB = 16,
    HAS_BD = 32,
    ASK_A = 64,
    ASK_B = 128,
    ASK_PACKED = 256, /* a and b in one tensor */
    GATED = HAS_WA | HAS_WB | HAS_WD,
    BIASED = HAS_BA | HAS_BB | HAS_BD
};

/* How x, y, a and b lie: dense; with gaps and offsets; transposed, with gaps. */
typedef enum { DENSE, STRIDED, TRANSPOSED, LAYS } ffn_lay;

typedef struct ffn_shape {
    unsigned parts;
    size_t rows, d_model, d_ff, d_out; /* as in clglu_ffn_desc */
    clglu_dtype dtype, x_dtype, y_dtype, ab_dtype;
    clglu_act act, gate;
    float alpha, limit, shift;
    clglu_order order;
    clglu_layout layout;
    size_t offset, gap; /* of the tensors of weights: elements before them, and between two */
    ffn_lay lay;
    uint64_t seed; /* of the numbers: they depend on seed, row, matrix and sizes, not on layouts */
} ffn_shape;

typedef enum { FX, FY, FA, FB, FFN_ARRAYS } ffn_array;
typedef enum { WA, WB, WD, FFN_MATRICES } ffn_matrix;

typedef struct ffn_case {
    clglu_ffn_desc desc; /* its `host` pointers are arrays, shared where tensors are packed */
    clglu_ffn_call call;
    void *at[FFN_ARRAYS]; /* NULL: not asked for; a and b may share one */
    bool copied;          /* the arrays of the weights are another case's */
} ffn_case;

/* Numbers of moderate size: x is -2 to 2, sums are about as large. */
ffn_case ffn_new(const ffn_shape *shape);
ffn_case ffn_copy(const ffn_case *c); /* of the call's arrays; to be freed before the original */
void ffn_free(ffn_case *c);

/* Empty outputs for another number of rows, views and dtypes; x is filled again with the numbers of its rows.
 */
void ffn_lay_call(ffn_case *c, unsigned parts, size_t rows, ffn_lay lay, uint64_t seed);

const char *ffn_array_name(ffn_array array);
size_t ffn_cols(const ffn_case *c, ffn_array array);
clglu_dtype ffn_dtype(const ffn_case *c, ffn_array array);
clglu_view *ffn_view(ffn_case *c, ffn_array array);
size_t ffn_place(const ffn_case *c, ffn_array array, size_t row, size_t col);
float ffn_get(const ffn_case *c, ffn_array array, size_t row, size_t col);
uint32_t ffn_get_bits(const ffn_case *c, ffn_array array, size_t row, size_t col);
void ffn_set(ffn_case *c, ffn_array array, size_t row, size_t col, float x);

/* Weights and biases as numbers. */
clglu_weights *ffn_weights(clglu_ffn_desc *desc, ffn_matrix m);
clglu_bias *ffn_bias(clglu_ffn_desc *desc, ffn_matrix m);
float ffn_weight(const ffn_case *c, ffn_matrix m, size_t in, size_t out);
void ffn_set_weight(ffn_case *c, ffn_matrix m, size_t in, size_t out, float w);
float ffn_bias_of(const ffn_case *c, ffn_matrix m, size_t out);
void ffn_set_bias(ffn_case *c, ffn_matrix m, size_t out, float b);

/* A line on the case, for messages. */
void ffn_describe(const ffn_case *c, char *text, size_t size);

/* ---------------------------------------------------------------- routes */

/* Buffers with the weights' arrays, shared where arrays are; the descriptor is on the device then. */
clglu_ffn_desc ffn_desc_on_device(clglu_context *context, const ffn_case *c);
void ffn_desc_release(clglu_ffn_desc *desc);

/* The block, from host arrays or from buffers that are gone when it is returned. It must be made. */
typedef enum { FROM_HOST, FROM_DEVICE, SOURCES } ffn_source;
clglu_ffn *ffn_create(clglu_context *context, const ffn_case *c, ffn_source source);

typedef struct ffn_buffers {
    cl_mem of[FFN_ARRAYS];
} ffn_buffers;
ffn_buffers ffn_buffers_new(clglu_context *context, const ffn_case *c);
clglu_status ffn_enqueue(clglu_ffn *ffn, const ffn_case *c, cl_command_queue queue, const ffn_buffers *b,
                         cl_mem workspace, cl_uint nwait, const cl_event *wait, cl_event *event);
void ffn_buffers_read(clglu_context *context, ffn_case *c, const ffn_buffers *b);
void ffn_buffers_free(ffn_buffers *b);

/* Makes the call on the case's own arrays. */
typedef enum { ON_BUFFERS, ON_HOST, ROUTES } ffn_route;
clglu_status ffn_run(clglu_context *context, clglu_ffn *ffn, ffn_case *c, ffn_route route);
clglu_status ffn_emulate(ffn_case *c);

/* The same on a copy; the call must be taken. */
ffn_case ffn_made(clglu_context *context, clglu_ffn *ffn, const ffn_case *c, ffn_route route);
ffn_case ffn_emulated(const ffn_case *c);

/* The choices that a block's device can run. */
enum { FFN_CHOICES = 64 };
size_t ffn_choices(const clglu_ffn *ffn, size_t rows, clglu_ffn_choice choices[FFN_CHOICES]);

/* ---------------------------------------------------------------- comparing and judging */

/* All arrays are the same, gaps too. false: `text` says where they differ first. */
bool ffn_same(const ffn_case *got, const ffn_case *want, char *text, size_t size);
void expect_ffn_same(const ffn_case *got, const ffn_case *want, const char *what);
/* Nothing but the outputs' elements has changed. */
/* Elements of an array that are not marked have not changed. */
void expect_only(const unsigned char *written, clglu_dtype t, const void *before, const void *after, const char *what,
                 const char *name);
void expect_ffn_no_stray(const ffn_case *before, const ffn_case *after, const char *what);
/* Row `row` of one case's output and row `other` of another's have the same bits, wherever they lie. */
void expect_ffn_row(const ffn_case *got, size_t row, const ffn_case *want, size_t other, ffn_array array,
                    const char *what);

/* Every result of y is within the reference's bound and the rounding to y_dtype. */
void expect_ffn_judged(const ffn_case *got, const char *what);
/* The largest error that was judged in this run, in parts of its bound. */
double ffn_worst_ratio(void);

/* On the shared context: bits of the emulation, nothing else written, within the bound. */
void expect_ffn_right(clglu_ffn *ffn, const ffn_case *c, ffn_route route, const char *what);

#endif
