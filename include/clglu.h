/* clglu.h - gated linear units on any OpenCL device, with the same bits everywhere: the whole interface.
   SPDX-License-Identifier: MIT */

/* INTRODUCTION

   clglu computes, on any OpenCL 1.2 device,

       y  = act(a) * gate(b)                       the gate operator: a, b and y are [rows, cols]
       da = dy * gate(b) * act'(a)                 its backward
       db = dy * act(a) * gate'(b)
       y  = act(x),  dx = dy * act'(x)             the activation alone
       y  = (act(x Wa + ba) * gate(x Wb + bb)) Wd + bd     the feed-forward block

   `act` is applied to a, `gate` to b, and the gate is the identity unless said: act = gelu is GeGLU, act = silu is
   SwiGLU. The activations are listed in clglu_acts.h, the named variants in clglu_variant_at.

   From the easiest call to the most powerful:

       clglu_context_open, clglu_gate_forward_host      arrays in host memory; the library finds the device
       clglu_context_wrap, clglu_gate_forward           buffers, queue and events of your own OpenCL program
       clglu_gate_backward                              training: in place, with bias gradients, y recomputed
       clglu_ffn_create, clglu_ffn_forward              whole blocks: weights packed once, projections and gate fused
       clglu_ffn_backward, clglu_ffn_update             training a block: all gradients, the same bits everywhere
       clglu_check_gate_forward                         is this device right on my data?

   SAME BITS. All arithmetic is f32 (fma, no division, no builtin transcendental), in one fixed order; f16 and bf16 are
   storage types, widened exactly and rounded once. A result depends on the input's bits and on the descriptor's
   numbers (act, gate, parameters, dtype, rounding), and on nothing else: not on the device, the driver, the strides,
   the place in the tensor, the tuning or the number of rows. Sums have one order, the CANONICAL SUM of c terms:
       block j holds the terms 128 j ... 128 j + 127 (the last may be short)
       c_j = the block's terms in ascending order, starting at +0: fma for products, additions otherwise
       sum = +0 + c_0 + c_1 + ... in ascending order
   Only the payload and the sign of a NaN may differ. Where a device flushes subnormal numbers (clglu_device_facts.subnormals
   is 0) the promise covers normal results only.

   SPECIAL VALUES. NaN in gives NaN out, through every function. The products follow IEEE 754: 0 * inf is NaN, so
   reglu(-1, inf) is NaN. Derivatives go to their limits at +-inf.

   ERRORS. Every function that can fail returns a clglu_status. Checks come before effects: a call that is refused has
   written nothing, enqueued nothing and made no event. A call that fails later, for want of memory or in OpenCL, makes no
   event either, keeps nothing, and has left each output as it was or written it whole; host twins that work in pieces may
   have written some of an output's elements. The next call on the context is not touched by it, unless the device itself is
   lost. clglu_context_error has the last failure in words.

   THREADS. Any number of threads may use one context at the same time, each call on any queue of its cl_context.
   There is no global state. Opening and closing one context must not run beside other uses of it.

   NAMES. Operands and parameters have one name everywhere. Where one has no other word beside it, it is:
       context               what clglu_context_open or clglu_context_wrap gave
       params                how the context is to be; NULL: the default
       ffn                   the block that clglu_ffn_create made
       desc                  the operator or block: its shapes, views, activations and types
       call                  the rows, views and types of this call
       a, b, x, y            that operand of the formulas above: its view in a descriptor, else its buffer or array
       dy, da, db, dx        that gradient: its view in a descriptor, else its buffer or array
       dbias, dbias_a, dbias_b, dba, dbb, dbd    that bias' gradient: a sum over the rows
       dwa, dwb, dwd         that matrix' gradient
       arrays, buffers       the operands, each by its name
       rows                  how many rows
       cols                  how many elements a row has
       act                   the activation of a (or x)
       gate                  the activation of b
       alpha, limit, shift   a parameter of the activations, as in clglu_gate_desc
       bias, bias_a, bias_b  a vector that is added, or none
       dtype                 the type of what is stored
       x_dtype, y_dtype      the type of x, or of y
       ab_dtype              the type of a and b
       rounding              how often a number of 16 bits is rounded
       choice, form, route   which kernels compute it
       name                  as it stands in its list
       callback              a function to call
       user                  what the callback is given as it is
       bytes, model, variant, report    where the function's result goes
       of_y, of_da, of_db, of_dx        where the judgement of that output goes

   OWNERSHIP. The library retains what it needs of OpenCL objects given to it and never releases the caller's.
   Descriptors and strings are read during the call only. The library writes no file, prints nothing, never ends the process. */

#ifndef CLGLU_H
#define CLGLU_H

#include <stddef.h>
#include <stdint.h>

#include "clglu_acts.h"

/* Without OpenCL (CLGLU_NO_OPENCL) the header has the types, the emulation and the reference: what needs no device. */
#ifdef CLGLU_NO_OPENCL
typedef struct _cl_mem *cl_mem;
#else
#ifndef CL_TARGET_OPENCL_VERSION
#define CL_TARGET_OPENCL_VERSION 120
#endif
#ifdef __APPLE__
#include <OpenCL/opencl.h>
#else
#include <CL/cl.h>
#endif
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* The version of this header: major.minor.patch. Until 1.0.0 a minor version may change the interface. */
#define CLGLU_VERSION_MAJOR 0
#define CLGLU_VERSION_MINOR 1
#define CLGLU_VERSION_PATCH 0

#if defined(__GNUC__)
#define CLGLU_API  __attribute__((visibility("default")))
#define CLGLU_MUST __attribute__((warn_unused_result))
#else
#define CLGLU_API
#define CLGLU_MUST
#endif

/* ------------------------------------------------------------------------------------------------ status */

/* What a call came to. Numbers are pinned for ever. */
typedef enum clglu_status {
    CLGLU_OK = 0, /* done as asked */
    /* the call is wrong */
    CLGLU_NULL_POINTER = 1,     /* a pointer, buffer or string that is needed is NULL */
    CLGLU_INVALID_VALUE = 2,    /* an unknown enum value, a parameter out of its range, a wrong queue or wait list */
    CLGLU_INVALID_SIZE = 3,     /* cols is 0, or rows, cols, offset, ld and inc overflow together */
    CLGLU_INVALID_VIEW = 4,     /* an output's view names one element twice */
    CLGLU_BUFFER_TOO_SMALL = 5, /* a view reaches past the end of its buffer */
    CLGLU_OVERLAP = 6,          /* an output overlaps another operand in a way that is not allowed */
    CLGLU_NOT_FOUND = 7,        /* no variant, activation or model has that name */
    CLGLU_UNSUPPORTED = 8,      /* understood, but not in this version or not on this device */
    /* there is no device for it */
    CLGLU_INVALID_SELECTOR = 10, /* the selector cannot be understood */
    CLGLU_NO_PLATFORM = 11,      /* the OpenCL loader knows no platform */
    CLGLU_NO_DEVICE = 12,        /* no device matches the selector */
    CLGLU_DEVICE_UNUSABLE = 13,  /* the device matches but lacks something or fails the self-test */
    /* something ran out or broke */
    CLGLU_OUT_OF_MEMORY = 20,        /* of host memory */
    CLGLU_OUT_OF_DEVICE_MEMORY = 21, /* of device memory or resources */
    CLGLU_BUILD_FAILED = 22,         /* a kernel does not build; the error text has file, line and log */
    CLGLU_OPENCL_FAILED = 23,        /* any other OpenCL call failed; the error text has its name and code */
    CLGLU_FILE_FAILED = 24,          /* a file of kernel_dir or the tuning file cannot be read or understood */
    CLGLU_CLBLAST_FAILED = 25        /* a call of CLBlast's failed; the error text has its name and code */
} clglu_status;

/* The status' name, as "CLGLU_OK"; "unknown status" for any other number. Never NULL. */
CLGLU_API const char *clglu_status_name(clglu_status status);

/* The library's version, as "0.1.0": that of the library that runs, not of the header. */
CLGLU_API const char *clglu_version(void);

/* ------------------------------------------------------------------------------------------------ words */

/* The activations; the list, with formulas and bounds, is clglu_acts.h. Ids are pinned for ever. */
#define CLGLU_ACT_ENUM_(id, name, UPPER, ...) CLGLU_ACT_##UPPER = id,
typedef enum clglu_act { CLGLU_ACTS(CLGLU_ACT_ENUM_) CLGLU_ACT_COUNT } clglu_act;
#undef CLGLU_ACT_ENUM_

/* Storage types. Arithmetic is always f32. Every device stores all three, cl_khr_fp16 or not. */
typedef enum clglu_dtype {
    CLGLU_F32 = 0, /* IEEE 754 binary32 */
    CLGLU_F16 = 1, /* IEEE 754 binary16 */
    CLGLU_BF16 = 2 /* the upper half of an f32 */
} clglu_dtype;

/* How often results of 16 bits are rounded. */
typedef enum clglu_rounding {
    CLGLU_ROUND_ONCE = 0,      /* one rounding, to nearest even, at the store */
    CLGLU_ROUND_LIKE_TORCH = 1 /* act(a), gate(b) and dy * gate(b) are rounded to the dtype before they are used again,
                                  as eager PyTorch does; the same as ROUND_ONCE for f32 */
} clglu_rounding;

/* Where element (r, c) of an operand is: at offset + r * ld + c * inc, in elements from the buffer's start.
   All zero is a dense row-major operand: inc 0 means 1, ld 0 means cols * inc. Examples for [rows, d]:
       packed [rows, 2 d], first half a      a {0, 2d, 1}  b {d, 2d, 1}
       interleaved a0 b0 a1 b1 ...           a {0, 2d, 2}  b {1, 2d, 2}
       transposed [d, rows]                  a {0, 1, rows}
   No alignment is asked for beyond the dtype's own. */
typedef struct clglu_view {
    size_t offset, ld, inc;
} clglu_view;

/* A vector of cols elements in the descriptor's dtype, added to every row before act or gate; the sum is rounded to f32.
   Element c is at offset + c * inc (inc 0 means 1). All zero: no bias. */
typedef struct clglu_bias {
    cl_mem buffer;    /* for calls on buffers */
    const void *host; /* for the host twins, the emulation and the reference */
    size_t offset, inc;
} clglu_bias;

/* y = act(x). All zero is a dense f32 copy of nothing: rows and cols at least must be set.
     Shapes    x, y, dy, dx are [rows, cols]; rows from 0 (nothing is written), cols from 1
     alpha     silu only: x * sigmoid(alpha * x); 0 means 1; finite and positive */
typedef struct clglu_act_desc {
    size_t rows, cols;
    clglu_view x, y, dy, dx; /* dy and dx: backward only */
    clglu_act act;
    clglu_dtype dtype;
    float alpha;
    clglu_bias bias;
} clglu_act_desc;

/* y = act(a) * gate(b).
     Shapes      a, b, y, dy, da, db are [rows, cols]; rows from 0 (nothing is written), cols from 1
     Parameters  alpha  act = silu only: a * sigmoid(alpha * a); 0 means 1; finite and positive
                 limit  0: none; else a is clamped from above to limit and b to [-limit, limit], before act and gate;
                        the gradient of a clamped element is 0 (at the limit itself it passes); finite and positive
                 shift  added to gate(b), in f32: y = act(a) * (gate(b) + shift); finite
     gpt-oss' form is act = silu, alpha 1.702, limit 7, shift 1.
     Bias        bias_a is added to a and bias_b to b first of all (before the clamp) */
typedef struct clglu_gate_desc {
    size_t rows, cols;
    clglu_view a, b, y;
    clglu_view dy, da, db; /* backward only */
    clglu_act act, gate;
    clglu_dtype dtype;
    clglu_rounding rounding;
    float alpha, limit, shift;
    clglu_bias bias_a, bias_b;
} clglu_gate_desc;

/* A named form of the gate operator. */
typedef struct clglu_variant {
    const char *name;          /* "geglu" */
    clglu_act act, gate;
    float alpha, limit, shift; /* as in clglu_gate_desc */
    const char *source;        /* where the form comes from */
} clglu_variant;

/* Variant number i, from 0; CLGLU_NOT_FOUND past the last. The strings are static. */
CLGLU_API CLGLU_MUST clglu_status clglu_variant_at(size_t i, clglu_variant *variant);

/* The activations of a variant ("geglu", "swiglu", ...). Either result may be NULL.
   A variant with parameters (swiglu_oai) needs them too: clglu_variant_set. */
CLGLU_API CLGLU_MUST clglu_status clglu_variant_find(const char *name, clglu_act *act, clglu_act *gate);

/* Sets act, gate, alpha, limit and shift of a descriptor to a variant's; the rest stays. */
CLGLU_API CLGLU_MUST clglu_status clglu_variant_set(const char *name, clglu_gate_desc *desc);

/* The activation of that name ("gelu"). */
CLGLU_API CLGLU_MUST clglu_status clglu_act_find(const char *name, clglu_act *act);

/* "f32", "f16", "bf16" and their sizes in bytes; NULL and 0 for an unknown one. */
CLGLU_API const char *clglu_dtype_name(clglu_dtype dtype);
CLGLU_API size_t clglu_dtype_size(clglu_dtype dtype);

/* ------------------------------------------------------------------------------------------------ feed-forward words */

/* A weight matrix [in, out] as a view: the weight from input k to output n is element view.offset + k * view.ld +
   n * view.inc. All zero is dense [in, out]; a dense [out, in] matrix (torch.nn.Linear's) is {0, 1, in}; one half of a packed
   tensor, in either order, and interleaved columns are other numbers: clglu_ffn_set_layout knows them. */
typedef struct clglu_weights {
    cl_mem buffer;    /* on the device, or */
    const void *host; /* in host memory: an array, or a file's mapping (read once, piece by piece; no alignment is needed) */
    clglu_view view;
} clglu_weights;

/* Which kernels compute a block. */
typedef enum clglu_route {
    CLGLU_ROUTE_AUTO = 0,   /* FUSED, unless the context allows other bits and its tuning file says that CLBLAST is faster */
    CLGLU_ROUTE_FUSED = 1,  /* this library's: the same bits everywhere */
    CLGLU_ROUTE_CLBLAST = 2 /* CLBlast's GEMM in f32, then the gate: other bits, that depend on device and rows.
                               CLGLU_UNSUPPORTED in a library built without CLBlast. */
} clglu_route;

/* The feed-forward block: a = x Wa + ba, b = x Wb + bb, h = act(a) * gate(b), y = h Wd + bd.
     Shapes      x is [rows, d_model], a, b and h are [rows, d_ff], y is [rows, d_out]; each from 1, up to 2^22
     wa          absent: a is x itself (d_ff 0 or d_model), as in GELU(x) * sigmoid(x Wb)
     wb          absent: a plain block, h = act(a); then gate is identity, limit and shift are 0
     wd          absent: the projections alone, y = h and [rows, d_ff]
     ba, bb, bd  vectors of d_ff, d_ff and d_out elements; absent: none. A bias needs its matrix.
     dtype       of all weights and biases
     act, gate, alpha, limit, shift    as in clglu_gate_desc (`limit` clamps a and b after their biases)
     Arithmetic  f32: sums are canonical (see SAME BITS), then the bias is added; h stays f32 whatever the dtypes; one
                 rounding where y is stored */
typedef struct clglu_ffn_desc {
    size_t d_model, d_ff, d_out; /* d_out 0: d_model; without wd it is not looked at */
    clglu_weights wa, wb, wd;
    clglu_bias ba, bb, bd;
    clglu_dtype dtype;
    clglu_act act, gate;
    float alpha, limit, shift;
    clglu_route route;
    int training; /* 1: clglu_ffn_backward may be called; the weights are kept a second time, transposed (route FUSED only) */
} clglu_ffn_desc;

/* How tensors of weights lie in files. */
typedef enum clglu_order {
    CLGLU_OUT_IN = 0, /* [out, in], as torch.nn.Linear keeps them */
    CLGLU_IN_OUT = 1  /* [in, out] */
} clglu_order;

/* How Wa and Wb, and their biases, lie: in two tensors, or packed in one. */
typedef enum clglu_layout {
    CLGLU_SEPARATE = 0,   /* two tensors */
    CLGLU_ACT_FIRST = 1,  /* one tensor of 2 d_ff outputs: a's, then b's */
    CLGLU_ACT_SECOND = 2, /* b's, then a's */
    CLGLU_INTERLEAVED = 3 /* a0 b0 a1 b1 ... */
} clglu_layout;

/* Sets the views of wa, wb and wd and the places of ba and bb for dense tensors of that order and layout, from desc's sizes
   (packed: wa and wb, and ba and bb, are to be given the same tensor). The rest of desc stays. */
CLGLU_API CLGLU_MUST clglu_status clglu_ffn_set_layout(clglu_ffn_desc *desc, clglu_order order, clglu_layout layout);

/* A kernel choice. Bits do not depend on it. All zero: by shape, device and tuning file. */
typedef enum clglu_ffn_form {
    CLGLU_FORM_AUTO = 0,    /* by shape, device and tuning file */
    CLGLU_FORM_GENERAL = 1, /* one result a work-item: any device */
    CLGLU_FORM_TILE = 2,    /* row_tile x 32 columns in registers: CPUs */
    CLGLU_FORM_LOCAL = 3,   /* row_tile x 64 columns, through local memory: GPUs */
    CLGLU_FORM_SPLIT = 4    /* one block of a canonical sum a work-item, then a second kernel adds: few rows on a GPU */
} clglu_ffn_form;

/* A form and its sizes. All zero: automatic. */
typedef struct clglu_ffn_choice {
    clglu_ffn_form form;
    unsigned row_tile; /* rows worked on together; 0: the form's own */
    unsigned tiles;    /* TILE: row tiles that share a panel in the cache; 0: automatic */
} clglu_ffn_choice;

/* One call of a block. All zero but rows: dense f32. */
typedef struct clglu_ffn_call {
    size_t rows;     /* from 0 (nothing is written) */
    clglu_view x, y; /* [rows, d_model] and [rows, d_out] (without wd: [rows, d_ff]) */
    clglu_view a, b; /* [rows, d_ff], where they are asked for */
    clglu_dtype x_dtype, y_dtype, ab_dtype;
    size_t row_block; /* rows that go through the workspace together: rounded up to a multiple of 128; 0: 512 */
    clglu_ffn_choice choice;
} clglu_ffn_call;

/* One call of a block's backward: from dy, the gradient of y, to the gradients of x, of the weights and of the biases.
       g   = dy * scale,               dh = g Wd^T  (without wd: g)
       da  = (dh * gate(b)) * act'(a), db = (dh * act(a)) * gate'(b)        (as clglu_gate_backward; plain: da = dh * act'(a))
       dx  = da Wa^T + db Wb^T         one canonical sum: the terms of da first, then those of db; without wa it begins with da
       dWa = x^T da,  dWb = x^T db,  dWd = h^T g      canonical sums over rows
       dba, dbb, dbd                   canonical sums of da, db and g over rows
     dy, x, dx     [rows, d_out], [rows, d_model] twice
     a, b          act's and gate's inputs as clglu_ffn_forward stored them; not given: computed again from x (the bits are
                   the same if they were stored in f32). Both or none, of those that the block has.
     dwa, dwb, dwd, dba, dbb, dbd    where the gradients go: views of [in, out] as the weights' (clglu_ffn_set_layout knows packed ones), and of vectors
                   (offset and inc)
     weights_dtype  of dwa, dwb and dwd: f32 or the weights' own. The biases' gradients are f32.
     accumulate    1: the sums begin with what the gradients hold instead of +0 (dx is always written)
     scale         multiplied to dy in f32; 0: 1; finite. For f16 training: gradients come out scaled.
     row_block     as in clglu_ffn_call; bits do not depend on it */
typedef struct clglu_ffn_backward_call {
    size_t rows;
    clglu_view dy, x, a, b, dx;
    clglu_dtype dy_dtype, x_dtype, ab_dtype, dx_dtype; /* of dy, of x, of a and b, of dx */
    clglu_dtype weights_dtype;
    clglu_view dwa, dwb, dwd, dba, dbb, dbd;
    int accumulate;
    float scale;
    size_t row_block;
    clglu_ffn_choice choice;
} clglu_ffn_backward_call;

/* The arrays of a backward on the host; NULL: not given, not wanted. */
typedef struct clglu_ffn_gradients_host {
    const void *dy, *x, *a, *b;
    void *dx, *dwa, *dwb, *dwd;
    float *dba, *dbb, *dbd;
    uint32_t *overflow; /* one number: 1 if a gradient of this call is infinite or NaN, else 0 */
} clglu_ffn_gradients_host;

/* A known model's feed-forward block. */
typedef struct clglu_model {
    const char *name;
    size_t d_model, d_ff, layers; /* as in clglu_ffn_desc; how many such blocks there are */
    const char *variant; /* the name of a variant; NULL: a plain block of `act` */
    clglu_act act, gate;
    float alpha, limit, shift;
    clglu_layout layout; /* of the tensors of its checkpoints */
    clglu_order order;   /* of the same */
    int bias;            /* 1: its projections have biases */
} clglu_model;

/* Model number i, from 0; CLGLU_NOT_FOUND past the last. The strings are static. */
CLGLU_API CLGLU_MUST clglu_status clglu_model_at(size_t i, clglu_model *model);

/* The model of that name ("gemma2-9b"). */
CLGLU_API CLGLU_MUST clglu_status clglu_model_find(const char *name, clglu_model *model);

/* ------------------------------------------------------------------------------------------------ emulation */

/* The device's arithmetic on the host: the bits that every right device must give. No OpenCL is used.
   Arguments, views, biases (`host`) and refusals are those of the host twins (below), without a context. */
CLGLU_API CLGLU_MUST clglu_status clglu_emulate_act_forward(const clglu_act_desc *desc, const void *x, void *y);
CLGLU_API CLGLU_MUST clglu_status clglu_emulate_act_backward(const clglu_act_desc *desc, const void *dy,
                                                            const void *x, void *dx, float *dbias);
CLGLU_API CLGLU_MUST clglu_status clglu_emulate_gate_forward(const clglu_gate_desc *desc, const void *a,
                                                            const void *b, void *y);
CLGLU_API CLGLU_MUST clglu_status clglu_emulate_gate_backward(const clglu_gate_desc *desc, const void *dy,
                                                             const void *a, const void *b, void *da, void *db,
                                                             void *y, float *dbias_a, float *dbias_b);

/* The block on the host: weights, biases and x in host memory. a and b may be NULL. */
CLGLU_API CLGLU_MUST clglu_status clglu_emulate_ffn_forward(const clglu_ffn_desc *desc, const clglu_ffn_call *call,
                                                           const void *x, void *y, void *a, void *b);

/* The block's backward on the host: the bits of clglu_ffn_backward. */
CLGLU_API CLGLU_MUST clglu_status clglu_emulate_ffn_backward(const clglu_ffn_desc *desc,
                                                            const clglu_ffn_backward_call *call,
                                                            const clglu_ffn_gradients_host *arrays);

/* ------------------------------------------------------------------------------------------------ reference */

/* The mathematics in double, from other identities than the kernels; relative error at most 2^-44 (the derivative:
   2^-50 absolute next to its root). alpha as in the descriptors (0 means 1; used by silu). NaN for an unknown act. */
CLGLU_API double clglu_reference_act(clglu_act act, double alpha, double x);
CLGLU_API double clglu_reference_act_derivative(clglu_act act, double alpha, double x);

/* The gate operator of one element in double, with desc's act, gate, parameters (not its bias, dtype or rounding). */
CLGLU_API CLGLU_MUST clglu_status clglu_reference_gate(const clglu_gate_desc *desc, double a, double b, double *y);
/* Its two partial derivatives.
     dya, dyb    dy/da and dy/db; either may be NULL */
CLGLU_API CLGLU_MUST clglu_status clglu_reference_gate_derivative(const clglu_gate_desc *desc, double a, double b,
                                                                 double *dya, double *dyb);

/* The block in double: y and bound are dense [rows, d_out] (without wd: [rows, d_ff]).
     y      the exact block to about 2^-45 of the sum of the terms' sizes (call's y, a and b views and dtypes are not looked at)
     bound  how far a result in the canonical order may be from y before it is rounded to y_dtype; or NULL. A sum of K terms
            contributes (128 + ceil(K / 128)) 2^-24 times the sum of its terms' sizes, the bias and the activations their
            roundings, and what enters act and gate is carried through their largest slopes. Infinity where a
            sum, an intermediate or a term may overflow, and where y is not finite. */
CLGLU_API CLGLU_MUST clglu_status clglu_reference_ffn(const clglu_ffn_desc *desc, const clglu_ffn_call *call,
                                                     const void *x, double *y, double *bound);

/* The gradients of the block, dense: dx [rows, d_model], dwa and dwb [d_model, d_ff], dwd [d_ff, d_out], vectors dba,
   dbb and dbd; NULL: not wanted. Not accumulated, and scaled. a and b are always computed from x. */
typedef struct clglu_ffn_gradients_double {
    double *dx, *dwa, *dwb, *dwd, *dba, *dbb, *dbd;
} clglu_ffn_gradients_double;

/* The block's backward in double, into the arrays of `gradients`. */
CLGLU_API CLGLU_MUST clglu_status clglu_reference_ffn_backward(const clglu_ffn_desc *desc,
                                                              const clglu_ffn_backward_call *call, const void *dy,
                                                              const void *x,
                                                              const clglu_ffn_gradients_double *gradients);

/* |got - want| in units in the last place of dtype at want, as the OpenCL conformance tests define it: the spacing of
   the format around want (that of the subnormals at the bottom). 0 for two NaNs, equal infinities, or an infinity where
   want rounds to one; infinity for a NaN beside a number. The sign of a zero is not judged. */
CLGLU_API double clglu_ulp(double want, double got, clglu_dtype dtype);

/* ------------------------------------------------------------------------------------------------ judging */

/* Bins of the ULP histogram: 0, then up to 0.5, 1, 2, 4, 8, 16, ... ; the last holds the rest (and NaN mismatches). */
#define CLGLU_CHECK_BINS 16

/* What a check found. Compared are one output of the operator, the reference and the emulation. */
typedef struct clglu_check_report {
    uint64_t count;          /* elements compared */
    uint64_t outside;        /* elements outside the published bound */
    uint64_t bits_differ;    /* elements whose bits are not the emulation's (two NaNs count as equal) */
    double bound;            /* the published bound that was applied, in ULP of the dtype */
    double max_ulp;          /* the largest error, in ULP of the dtype. Next to a root of act' an error of at most
                                2^-27 times the other factors is within the bound and not counted here. */
    double max_abs;          /* the largest absolute error between finite numbers */
    size_t worst_row, worst_col; /* where max_ulp is */
    double worst_a, worst_b, worst_dy; /* the inputs there (a: after bias and as f32) */
    double worst_got, worst_want; /* the operator's result there, and the reference's */
    uint64_t histogram[CLGLU_CHECK_BINS]; /* elements by their error: CLGLU_CHECK_BINS says the bins */
} clglu_check_report;

/* Compares results that are there already, whoever computed them, with the reference and the emulation, element by element, and
   fills the reports; CLGLU_OK means that the comparison was made, whatever it found. No OpenCL is used, and nothing but the
   reports is written. Arguments, views, biases (`host`) and refusals are those of the call that computes the results
   (clglu_gate_forward_host, ...), without a context; the report of an output that is not wanted may be NULL, and so may that output
   then. Rounded like torch, the reference rounds as the eager sequence does and the bound is 2.6 ULP (a tie decided otherwise).
     Errors    CLGLU_NULL_POINTER, INVALID_VALUE, INVALID_SIZE, INVALID_VIEW, OVERLAP, OUT_OF_MEMORY */
CLGLU_API CLGLU_MUST clglu_status clglu_judge_act_forward(const clglu_act_desc *desc, const void *x, const void *y,
                                                         clglu_check_report *of_y);
CLGLU_API CLGLU_MUST clglu_status clglu_judge_act_backward(const clglu_act_desc *desc, const void *dy, const void *x,
                                                          const void *dx, clglu_check_report *of_dx);
CLGLU_API CLGLU_MUST clglu_status clglu_judge_gate_forward(const clglu_gate_desc *desc, const void *a, const void *b,
                                                          const void *y, clglu_check_report *of_y);
CLGLU_API CLGLU_MUST clglu_status clglu_judge_gate_backward(const clglu_gate_desc *desc, const void *dy,
                                                           const void *a, const void *b, const void *da,
                                                           const void *db, clglu_check_report *of_da,
                                                           clglu_check_report *of_db);

/* What a check of a block found. */
typedef struct clglu_ffn_report {
    uint64_t count;       /* results compared */
    uint64_t outside;     /* further from the reference than the bound, plus the rounding to y_dtype */
    uint64_t bits_differ; /* results whose bits are not the emulation's (two NaNs count as equal) */
    double max_abs;       /* the largest error between finite numbers */
    double max_ratio;     /* the largest error in parts of its bound: 1 is at the bound */
    double max_want;      /* the largest finite result's size */
    size_t worst_row, worst_col; /* where max_ratio is */
    double worst_got, worst_want, worst_bound; /* there: the block's result, the reference's, the bound of their difference */
} clglu_ffn_report;

/* The same for a block's y. */
CLGLU_API CLGLU_MUST clglu_status clglu_judge_ffn_forward(const clglu_ffn_desc *desc, const clglu_ffn_call *call,
                                                         const void *x, const void *y, clglu_ffn_report *report);

#ifndef CLGLU_NO_OPENCL

/* ------------------------------------------------------------------------------------------------ devices */

/* What a device is and what it can do. Strings live as long as the call that gave them. */
typedef struct clglu_device_facts {
    unsigned platform, device;  /* their numbers: the selector "platform:device" */
    cl_platform_id platform_id; /* NULL, like device_id, in the row of a platform that has no device or fails */
    cl_device_id device_id;     /* NULL in that row, too */
    const char *platform_name, *platform_version; /* as the platform says of itself */
    const char *name, *vendor, *device_version, *c_version, *driver_version; /* as the device does */
    cl_device_type type;        /* CPU, GPU, accelerator, ... */
    unsigned compute_units, clock_mhz; /* CL_DEVICE_MAX_COMPUTE_UNITS, CL_DEVICE_MAX_CLOCK_FREQUENCY */
    uint64_t global_bytes, max_alloc_bytes, cache_bytes, local_bytes; /* of global memory, the largest buffer, cache, local memory */
    size_t max_work_group;      /* work-items of the largest work-group */
    unsigned vector_width;      /* floats side by side that suit it: CL_DEVICE_PREFERRED_VECTOR_WIDTH_FLOAT, on a CPU
                                   the native width if that is more */
    unsigned address_bits;      /* of a pointer on the device: 32 or 64 */
    unsigned profiling_ns;      /* resolution of the profiling clock, in ns; 0: none */
    int available, compiler, little_endian; /* CL_DEVICE_AVAILABLE, _COMPILER_AVAILABLE, _ENDIAN_LITTLE */
    int fp16, fp64;             /* arithmetic in those types; clglu needs neither */
    int unified;                /* host and device share memory */
    int subnormals, round_nearest, inf_nan, fma; /* CL_DEVICE_SINGLE_FP_CONFIG; subnormals is also 0 where the self-test finds that
                                   they are flushed */
    int usable;                 /* 1: clglu runs on it */
    const char *verdict;        /* "usable", or why not */
    const char *remarks;        /* what is worked around or left out, or "" */
} clglu_device_facts;

/* Called once for each device, with facts that are good during the call. */
typedef void (*clglu_device_callback)(const clglu_device_facts *facts, void *user);

/* Calls back once for each device of each platform, in their order, and once for a platform without a device. The
   verdict comes from the facts and from the self-test, which builds and runs a small program on the device.
     Errors    CLGLU_NULL_POINTER, CLGLU_NO_PLATFORM (the callback is not called) */
CLGLU_API CLGLU_MUST clglu_status clglu_devices(clglu_device_callback callback, void *user);

/* The same for one device only, and without the self-test if self_test is 0 (the verdict is then of the facts alone).
   CLGLU_NO_DEVICE if no platform has that device. */
CLGLU_API CLGLU_MUST clglu_status clglu_device_examine(cl_device_id device, int self_test,
                                                      clglu_device_callback callback, void *user);

/* ------------------------------------------------------------------------------------------------ context */

/* A device, a queue on it and the programs built for it. */
typedef struct clglu_context clglu_context;

/* Called with one line of text (no newline) from within a call that fails or has something to say, on its thread.
   It must not call back into the library. */
typedef void (*clglu_log_callback)(const char *text, void *user);

/* All zero is the default. The strings are copied. */
typedef struct clglu_context_params {
    clglu_log_callback log; /* failures and remarks in words; NULL: nowhere */
    void *log_user;          /* given to log as it is */
    const char *cache_dir;   /* a folder of the user's own where compiled programs are kept from one process to the next; made
                                if it is not there. Not used, with a line to the log, if others may write to it or a symbolic
                                link leads there. Written when the context is closed. NULL: none */
    const char *kernel_dir;  /* a folder whose *.cl and *.clh files are used instead of the built-in ones, file by file, and
                                whose *.bin files instead of the compiler: see clglu_context_programs. NULL: none */
    const char *tuning_file; /* kernel choices found by `clglu tune`; read once; lines for other devices are passed over.
                                NULL: none */
    size_t device_budget;    /* bytes of device memory that one host twin call may use; beyond it the call works in
                                chunks of rows (a few rows at the least); 0: a quarter of the device's memory */
    int allow_other_bits;    /* 1: CLGLU_ROUTE_AUTO may take a route that does not keep the same bits (CLBLAST) */
    int no_self_test;        /* 1: the device is trusted */
    int list_only;           /* 1: no program is built and no kernel is run: calls do everything else, their outputs have no
                                meaning, and clglu_context_programs tells what they would have run; no self-test */
} clglu_context_params;

/* Picks a device and makes a cl_context and a queue on it.
     selector  NULL or "best", "cpu", "gpu", "accelerator", "P:D" (platform and device number), a part of a device's or
               platform's name (case is ignored), or several conditions joined by commas, all of which must hold:
               fp16, fp64, mem>=SIZE (K, M, G: powers of 1024), as "gpu,fp64,mem>=4G".
               Among the devices that match the best usable one is taken: GPU, then accelerator, then CPU, then compute
               units; one that fails the self-test is passed over.
     params    NULL: the default
     Errors    the reason is given to params->log; *context is NULL then */
CLGLU_API CLGLU_MUST clglu_status clglu_context_open(const char *selector, const clglu_context_params *params,
                                                    clglu_context **context);

/* Uses the caller's cl_context `cl` (retained) and `device`, one of its devices; makes a queue of its own in it. */
CLGLU_API CLGLU_MUST clglu_status clglu_context_wrap(cl_context cl, cl_device_id device,
                                                    const clglu_context_params *params, clglu_context **context);

/* Waits for the context's own queue and frees everything. NULL is fine. */
CLGLU_API void clglu_context_close(clglu_context *context);

/* What the context uses; not retained for the caller. NULL gives NULL. */
CLGLU_API cl_command_queue clglu_context_queue(const clglu_context *context);
CLGLU_API cl_device_id clglu_context_device(const clglu_context *context);
CLGLU_API cl_context clglu_context_cl_context(const clglu_context *context);

/* The device's facts; strings live as long as the context. NULL gives NULL. */
CLGLU_API const clglu_device_facts *clglu_context_facts(const clglu_context *context);

/* The calling thread's last failure on this context, in words; "" if there was none. The text stays until that thread's
   next failure or the context's end. (The last 64 threads that failed are remembered.) */
CLGLU_API const char *clglu_context_error(const clglu_context *context);

/* A program that a call has asked for. Its strings live during the callback. */
typedef struct clglu_program_info {
    const char *file;    /* of cl/: "gate.cl" */
    const char *options; /* for the compiler */
    const char *source;  /* with its includes in place */
    const char *name;    /* of its binary in kernel_dir, without ".bin": the file's and 16 digits that stand for options and source */
    const void *binary;  /* the contents of NAME.bin for this device; NULL: not wanted, or the driver has none */
    size_t binary_bytes; /* of binary */
} clglu_program_info;

/* Called once for each program. */
typedef void (*clglu_program_callback)(const clglu_program_info *program, void *user);

/* Calls `callback` for each program that calls on this context have asked for so far, the self-test's first.
     binaries  1: with what the driver made of it (after its first launch: some drivers compile then), wrapped as below

   On a device without a compiler the context needs a kernel_dir with a file NAME.bin for each program that is asked for; where
   one is missing, CLGLU_BUILD_FAILED names it. A device with a compiler takes such a file, too, if it is for that device and
   driver. The driver is shown nothing but what clglu_program_wrap wrapped for the same program, platform, device, driver and
   library version, whole and unchanged (XXH3, 128 bits: against damage, not against an attacker who may write to the folder). */
CLGLU_API CLGLU_MUST clglu_status clglu_context_programs(clglu_context *context, int binaries,
                                                        clglu_program_callback callback, void *user);

/* Makes the contents of NAME.bin of what an offline compiler made of the program of that name, for the context's device and
   driver. CLGLU_NOT_FOUND if no call has asked for such a program.
     binary, binary_bytes    what the compiler made, and its size
     wrapped  *bytes of room, or NULL: then *bytes tells how many are needed */
CLGLU_API CLGLU_MUST clglu_status clglu_program_wrap(clglu_context *context, const char *name, const void *binary,
                                                    size_t binary_bytes, void *wrapped, size_t *bytes);

/* ------------------------------------------------------------------------------------------------ operators */

/* Common to all calls on buffers.
     queue     of the context's cl_context and device; NULL: the context's own
     nwait, wait, event    as clEnqueueNDRangeKernel has them; event may be NULL. Nothing blocks.
     Aliasing  an output may be exactly an input (same buffer, same view): in place. Outputs never overlap each other.
               Any other overlap of an output with an input is refused. Views that lie in one another, as the two of an
               interleaved tensor, must have equal ld and inc to be told apart.
     Errors    CLGLU_NULL_POINTER, INVALID_VALUE, INVALID_SIZE, INVALID_VIEW, BUFFER_TOO_SMALL, OVERLAP; then what OpenCL
               says: OUT_OF_DEVICE_MEMORY, BUILD_FAILED, OPENCL_FAILED
     Threads   any */

/* y = act(x). */
CLGLU_API CLGLU_MUST clglu_status clglu_act_forward(clglu_context *context, const clglu_act_desc *desc,
                                                   cl_command_queue queue, cl_mem x, cl_mem y, cl_uint nwait,
                                                   const cl_event *wait, cl_event *event);

/* dx = dy * act'(x), and the bias gradient: dbias[c] = sum over rows of dx, f32 whatever the dtype, before dx is
   rounded, in the canonical order (below). dx or dbias may be NULL, not both. */
CLGLU_API CLGLU_MUST clglu_status clglu_act_backward(clglu_context *context, const clglu_act_desc *desc,
                                                    cl_command_queue queue, cl_mem dy, cl_mem x, cl_mem dx,
                                                    cl_mem dbias, cl_uint nwait, const cl_event *wait,
                                                    cl_event *event);

/* y = act(a) * gate(b).
     Accuracy  f32: 2 * (ULP of act + ULP of gate, if it is not the identity) + 1; f16, bf16: 0.501 ULP of the dtype,
               the bias and the clamped input taken as f32 numbers. Where gate(b) + shift nearly vanishes or act(a) is
               subnormal, the absolute error of gate(b) or act(a) itself enters. Rounded like torch: the eager sequence's own bits but for ties. */
CLGLU_API CLGLU_MUST clglu_status clglu_gate_forward(clglu_context *context, const clglu_gate_desc *desc,
                                                    cl_command_queue queue, cl_mem a, cl_mem b, cl_mem y,
                                                    cl_uint nwait, const cl_event *wait, cl_event *event);

/* da = (dy * gate(b)) * act'(a), db = (dy * act(a)) * gate'(b), in one pass; the products are evaluated as written here.
   With a shift gate(b) is gate(b) + shift.
     da, db             either may be NULL: not wanted. They may be a and b themselves.
     y                  recomputed in the same pass (the forward's bits), or NULL
     dbias_a, dbias_b   cols f32 numbers, dense, from the buffer's start: column sums of da and db before their
                        rounding to the dtype, or NULL. They may be asked for without da and db.
                        The canonical order: rows in blocks of 128; in a block one sum in ascending order from +0; the
                        blocks' sums are added in ascending order from +0.
                        Rounded like torch they are sums of the rounded values.
   At least one result must be asked for.
     Accuracy  f32: 2 * (ULP of act and gate, of act' for da, of gate' for db) + 2; f16, bf16: 0.501 ULP; next to a root of the
               derivative 2^-27 times the other factors; subnormal factors as in clglu_gate_forward */
CLGLU_API CLGLU_MUST clglu_status clglu_gate_backward(clglu_context *context, const clglu_gate_desc *desc,
                                                     cl_command_queue queue, cl_mem dy, cl_mem a, cl_mem b,
                                                     cl_mem da, cl_mem db, cl_mem y, cl_mem dbias_a,
                                                     cl_mem dbias_b, cl_uint nwait, const cl_event *wait,
                                                     cl_event *event);

/* Host twins: the same on arrays in host memory, finished on return. Views are in elements from the pointers given.
   Where the device shares the host's memory the arrays are used in place; where the data exceed the context's device_budget
   (or the device's largest buffer) they go through in chunks of rows, transfer and computation overlapped. The bits are those
   of the calls on buffers. Nothing but the outputs' elements is written.
     Aliasing  as above, for arrays that share memory */
CLGLU_API CLGLU_MUST clglu_status clglu_act_forward_host(clglu_context *context, const clglu_act_desc *desc,
                                                        const void *x, void *y);
CLGLU_API CLGLU_MUST clglu_status clglu_act_backward_host(clglu_context *context, const clglu_act_desc *desc,
                                                         const void *dy, const void *x, void *dx, float *dbias);
CLGLU_API CLGLU_MUST clglu_status clglu_gate_forward_host(clglu_context *context, const clglu_gate_desc *desc,
                                                         const void *a, const void *b, void *y);
CLGLU_API CLGLU_MUST clglu_status clglu_gate_backward_host(clglu_context *context, const clglu_gate_desc *desc,
                                                          const void *dy, const void *a, const void *b, void *da,
                                                          void *db, void *y, float *dbias_a, float *dbias_b);

/* ------------------------------------------------------------------------------------------------ feed-forward block */

/* A block's weights, packed on a context's device. */
typedef struct clglu_ffn clglu_ffn;

/* Packs the weights into column panels on the context's device, from buffers or host arrays; finished on return, so
   that the sources may go away. Host arrays pass through a staging buffer of at most 16 MiB on the device; nothing is copied on
   the host. The packed weights take as much as the dense ones, their columns rounded up to a multiple of 32
   (the route CLBLAST: widened to f32), and 32 KiB for each of them (wa and wb count as one). Buffers must hold their contents when it is called.
     Errors   CLGLU_NULL_POINTER (no matrix at all), INVALID_VALUE (also a matrix or bias with both a buffer and a host
              array), INVALID_SIZE, BUFFER_TOO_SMALL, UNSUPPORTED (a size over 2^22, the route); then what OpenCL says. *ffn is NULL then.
     Threads  any */
CLGLU_API CLGLU_MUST clglu_status clglu_ffn_create(clglu_context *context, const clglu_ffn_desc *desc, clglu_ffn **ffn);

/* Frees the weights; commands that use them and are under way end first (OpenCL sees to it). NULL is fine. To be called before
   clglu_context_close. */
CLGLU_API void clglu_ffn_destroy(clglu_ffn *ffn);

/* Bytes of device memory that the packed weights and biases take. NULL gives 0. */
CLGLU_API size_t clglu_ffn_bytes(const clglu_ffn *ffn);

/* Bytes that a workspace for such a call must have at least. They grow with row_block, not with rows. */
CLGLU_API CLGLU_MUST clglu_status clglu_ffn_workspace(const clglu_ffn *ffn, const clglu_ffn_call *call, size_t *bytes);

/* Choice number i, from 0, that the block's device can run for so many rows; CLGLU_NOT_FOUND past the last. The first is the
   one made without a tuning file. */
CLGLU_API CLGLU_MUST clglu_status clglu_ffn_choice_at(const clglu_ffn *ffn, size_t rows, size_t i,
                                                     clglu_ffn_choice *choice);

/* y = (act(x Wa + ba) * gate(x Wb + bb)) Wd + bd; queue, nwait, wait, event and errors as above.
     a, b       act's and gate's inputs, biased, before the clamp, rounded to ab_dtype; or NULL. a needs wa, b needs wb.
     workspace  NULL: the context's own. Else a buffer of the caller's that no other work under way uses. What it held is lost.
     Aliasing   none: y, a and b overlap nothing (a and b may be two views of one packed tensor)
     Accuracy   clglu_reference_ffn tells the bound
     Special    infinities and NaNs go where IEEE 754 takes them; they stay in their rows (x) or columns (weights of the
                projections alone)
     Errors     also OUT_OF_DEVICE_MEMORY for the workspace, CLBLAST_FAILED; CLGLU_UNSUPPORTED for a choice that the device cannot run */
CLGLU_API CLGLU_MUST clglu_status clglu_ffn_forward(clglu_ffn *ffn, const clglu_ffn_call *call, cl_command_queue queue,
                                                   cl_mem x, cl_mem y, cl_mem a, cl_mem b, cl_mem workspace,
                                                   cl_uint nwait, const cl_event *wait, cl_event *event);

/* The buffers of a backward; NULL: not given, not wanted. dy is needed, x for dwa and dwb and where a or b is computed again. */
typedef struct clglu_ffn_gradients {
    cl_mem dy, x, a, b;
    cl_mem dx, dwa, dwb, dwd, dba, dbb, dbd;
    cl_mem overflow;  /* a cl_uint: 1 if a gradient of this call is infinite or NaN, else 0: a trainer skips the step */
    cl_mem workspace; /* NULL: the context's own */
} clglu_ffn_gradients;

/* The block's backward, for a block made with `training`; queue, nwait, wait, event and errors as in clglu_ffn_forward. Nothing
   blocks. At least one gradient is asked for.
     Accuracy  every sum is canonical, in f32; the activations' derivatives as in clglu_act_backward
     Bits      those of the emulation: not dependent on row_block, tiles or tuning
     Aliasing  none, but two gradients may be views of one packed tensor */
CLGLU_API CLGLU_MUST clglu_status clglu_ffn_backward(clglu_ffn *ffn, const clglu_ffn_backward_call *call,
                                                    cl_command_queue queue, const clglu_ffn_gradients *buffers,
                                                    cl_uint nwait, const cl_event *wait, cl_event *event);
CLGLU_API CLGLU_MUST clglu_status clglu_ffn_backward_host(clglu_ffn *ffn, const clglu_ffn_backward_call *call,
                                                         const clglu_ffn_gradients_host *arrays);

/* Bytes of workspace for such a call. They grow with row_block, not with rows; weights' gradients of 16 bits over more rows than one
   row block need as much as those gradients in f32 in addition. */
CLGLU_API CLGLU_MUST clglu_status clglu_ffn_backward_workspace(const clglu_ffn *ffn,
                                                              const clglu_ffn_backward_call *call, size_t *bytes);

/* Packs changed weights again, in place: `desc` has the shapes, dtype and kinds of matrices and biases that the block was made
   with. From buffers nothing blocks; host arrays are read before it returns, once the
   wait list has ended. Calls enqueued before it on the same in-order
   queue still see the old weights. */
CLGLU_API CLGLU_MUST clglu_status clglu_ffn_update(clglu_ffn *ffn, const clglu_ffn_desc *desc, cl_command_queue queue,
                                                  cl_uint nwait, const cl_event *wait, cl_event *event);

/* The same on arrays in host memory, finished on return; x and the outputs pass through the device in row blocks. */
CLGLU_API CLGLU_MUST clglu_status clglu_ffn_forward_host(clglu_ffn *ffn, const clglu_ffn_call *call, const void *x,
                                                        void *y, void *a, void *b);

/* ------------------------------------------------------------------------------------------------ checks */

/* Runs the operator on the caller's data on the context's device, into memory of its own, and judges what comes out (clglu_judge_...).
   The caller's arrays are only read. Backward: the report of an output that is not wanted may be NULL. */
CLGLU_API CLGLU_MUST clglu_status clglu_check_act_forward(clglu_context *context, const clglu_act_desc *desc,
                                                         const void *x, clglu_check_report *y);
CLGLU_API CLGLU_MUST clglu_status clglu_check_act_backward(clglu_context *context, const clglu_act_desc *desc,
                                                          const void *dy, const void *x, clglu_check_report *dx);
CLGLU_API CLGLU_MUST clglu_status clglu_check_gate_forward(clglu_context *context, const clglu_gate_desc *desc,
                                                          const void *a, const void *b, clglu_check_report *y);
CLGLU_API CLGLU_MUST clglu_status clglu_check_gate_backward(clglu_context *context, const clglu_gate_desc *desc,
                                                           const void *dy, const void *a, const void *b,
                                                           clglu_check_report *da, clglu_check_report *db);

/* Runs the block on x (host memory) and judges every result (clglu_judge_ffn_forward); `desc` is what
   the block was made from, its weights in host memory. Route CLBLAST: bits_differ counts, but is no fault. */
CLGLU_API CLGLU_MUST clglu_status clglu_check_ffn_forward(clglu_ffn *ffn, const clglu_ffn_desc *desc,
                                                         const clglu_ffn_call *call, const void *x,
                                                         clglu_ffn_report *report);

#endif /* CLGLU_NO_OPENCL */

#ifdef __cplusplus
}
#endif

#endif
