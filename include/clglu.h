/* clglu.h - gated linear units on any OpenCL device, with the same bits everywhere: the whole interface.
   SPDX-License-Identifier: MIT */

/* INTRODUCTION

   clglu computes, on any OpenCL 1.2 device,

       y  = act(a) * gate(b)                       the gate operator: a, b and y are [rows, cols]
       da = dy * gate(b) * act'(a)                 its backward
       db = dy * act(a) * gate'(b)
       y  = act(x),  dx = dy * act'(x)             the activation alone

   `act` is applied to a, `gate` to b, and the gate is the identity unless said: act = gelu is GeGLU, act = silu is
   SwiGLU. The activations are listed in clglu_acts.h, the named variants in clglu_variant_at.

   From the easiest call to the most powerful:

       clglu_context_open, clglu_gate_forward_host      arrays in host memory; the library finds the device
       clglu_context_wrap, clglu_gate_forward           buffers, queue and events of your own OpenCL program
       clglu_gate_backward                              training: in place, with bias gradients, y recomputed
       clglu_check_gate_forward                         is this device right on my data?

   SAME BITS. All arithmetic is f32 (fma, no division, no builtin transcendental), in one fixed order; f16 and bf16 are
   storage types, widened exactly and rounded once. A result depends on the input's bits and on the descriptor's
   numbers (act, gate, parameters, dtype, rounding), and on nothing else: not on the device, the driver, the strides,
   the place in the tensor or the number of rows. Only the payload and the sign of a NaN may differ. Where a
   device flushes subnormal numbers (clglu_device_facts.subnormals is 0) the promise covers normal results only.

   SPECIAL VALUES. NaN in gives NaN out, through every function. The products follow IEEE 754: 0 * inf is NaN, so
   reglu(-1, inf) is NaN. Derivatives go to their limits at +-inf.

   ERRORS. Every function that can fail returns a clglu_status. Checks come before effects: a call that is refused has
   written nothing, enqueued nothing and made no event. clglu_context_error has the last failure in words.

   THREADS. Any number of threads may use one context at the same time, each call on any queue of its cl_context.
   There is no global state. Opening and closing one context must not run beside other uses of it.

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

typedef enum clglu_status {
    CLGLU_OK = 0,
    /* the call is wrong */
    CLGLU_NULL_POINTER = 1,     /* a pointer, buffer or string that is needed is NULL */
    CLGLU_INVALID_VALUE = 2,    /* an unknown enum value, a parameter out of its range, a wrong queue or wait list */
    CLGLU_INVALID_SIZE = 3,     /* cols is 0, or rows, cols, offset, ld and inc overflow together */
    CLGLU_INVALID_VIEW = 4,     /* an output's view names one element twice */
    CLGLU_BUFFER_TOO_SMALL = 5, /* a view reaches past the end of its buffer */
    CLGLU_OVERLAP = 6,          /* an output overlaps another operand in a way that is not allowed */
    CLGLU_NOT_FOUND = 7,        /* no variant or activation has that name */
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
    CLGLU_FILE_FAILED = 24           /* a file of kernel_dir exists but cannot be read */
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
    CLGLU_F32 = 0,
    CLGLU_F16 = 1, /* IEEE 754 binary16 */
    CLGLU_BF16 = 2 /* the upper half of an f32 */
} clglu_dtype;

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
    const char *name;
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

/* ------------------------------------------------------------------------------------------------ reference */

/* The mathematics in double, from other identities than the kernels; relative error at most 2^-44 (the derivative:
   2^-50 absolute next to its root). alpha as in the descriptors (0 means 1; used by silu). NaN for an unknown act. */
CLGLU_API double clglu_reference_act(clglu_act act, double alpha, double x);
CLGLU_API double clglu_reference_act_derivative(clglu_act act, double alpha, double x);

/* The gate operator of one element in double, with desc's act, gate, parameters (not its bias, dtype or rounding). */
CLGLU_API CLGLU_MUST clglu_status clglu_reference_gate(const clglu_gate_desc *desc, double a, double b, double *y);
/* Its two partial derivatives, dy/da and dy/db; either result may be NULL. */
CLGLU_API CLGLU_MUST clglu_status clglu_reference_gate_derivative(const clglu_gate_desc *desc, double a, double b,
                                                                 double *dya, double *dyb);

/* |got - want| in units in the last place of dtype at want, as the OpenCL conformance tests define it: the spacing of
   the format around want (that of the subnormals at the bottom). 0 for two NaNs, equal infinities, or an infinity where
   want rounds to one; infinity for a NaN beside a number. The sign of a zero is not judged. */
CLGLU_API double clglu_ulp(double want, double got, clglu_dtype dtype);

#ifndef CLGLU_NO_OPENCL

/* ------------------------------------------------------------------------------------------------ devices */

/* What a device is and what it can do. Strings live as long as the call that gave them. */
typedef struct clglu_device_facts {
    unsigned platform, device;  /* their numbers: the selector "platform:device" */
    cl_platform_id platform_id; /* NULL, like device_id, in the row of a platform that has no device or fails */
    cl_device_id device_id;
    const char *platform_name, *platform_version;
    const char *name, *vendor, *device_version, *c_version, *driver_version;
    cl_device_type type;
    unsigned compute_units, clock_mhz;
    uint64_t global_bytes, max_alloc_bytes, cache_bytes, local_bytes;
    size_t max_work_group;
    unsigned vector_width;      /* floats side by side that suit it: CL_DEVICE_PREFERRED_VECTOR_WIDTH_FLOAT, on a CPU
                                   the native width if that is more */
    unsigned address_bits;
    unsigned profiling_ns;      /* resolution of the profiling clock, in ns; 0: none */
    int available, compiler, little_endian;
    int fp16, fp64;             /* arithmetic in those types; clglu needs neither */
    int unified;                /* host and device share memory */
    int subnormals, round_nearest, inf_nan, fma; /* CL_DEVICE_SINGLE_FP_CONFIG */
    int usable;                 /* 1: clglu runs on it */
    const char *verdict;        /* "usable", or why not */
    const char *remarks;        /* what is worked around or left out, or "" */
} clglu_device_facts;

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

typedef struct clglu_context clglu_context;

/* Called with one line of text (no newline) from within a call that fails or has something to say, on its thread.
   It must not call back into the library. */
typedef void (*clglu_log_callback)(const char *text, void *user);

/* All zero is the default. The strings are copied. */
typedef struct clglu_context_params {
    clglu_log_callback log; /* failures and remarks in words; NULL: nowhere */
    void *log_user;
    const char *cache_dir;   /* not in this version: NULL, else CLGLU_UNSUPPORTED */
    const char *kernel_dir;  /* a folder whose *.cl and *.clh files are used instead of the built-in ones, file by file */
    const char *tuning_file; /* not in this version: NULL, else CLGLU_UNSUPPORTED */
    size_t device_budget;    /* bytes of device memory that one host twin call may use; beyond it the call works in
                                chunks of rows (a few rows at the least); 0: a quarter of the device's memory */
    int allow_other_bits;    /* 1: a route that does not keep the same bits may be taken; none does in this version */
    int no_self_test;        /* 1: the device is trusted */
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

/* Uses the caller's cl_context (retained) and one of its devices; makes a queue of its own in it. */
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

/* ------------------------------------------------------------------------------------------------ checks */

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
    double worst_got, worst_want;
    uint64_t histogram[CLGLU_CHECK_BINS];
} clglu_check_report;

/* Runs the operator on the caller's data on the context's device, compares every element with the reference and
   with the emulation, and fills the report; CLGLU_OK means that the comparison was made, whatever it found.
   The caller's arrays are only read. Backward: the report of an output that is not wanted may be NULL.
   Rounded like torch, the reference rounds as the eager sequence does and the bound is 2.6 ULP (a tie decided otherwise). */
CLGLU_API CLGLU_MUST clglu_status clglu_check_act_forward(clglu_context *context, const clglu_act_desc *desc,
                                                         const void *x, clglu_check_report *y);
CLGLU_API CLGLU_MUST clglu_status clglu_check_act_backward(clglu_context *context, const clglu_act_desc *desc,
                                                          const void *dy, const void *x, clglu_check_report *dx);
CLGLU_API CLGLU_MUST clglu_status clglu_check_gate_forward(clglu_context *context, const clglu_gate_desc *desc,
                                                          const void *a, const void *b, clglu_check_report *y);
CLGLU_API CLGLU_MUST clglu_status clglu_check_gate_backward(clglu_context *context, const clglu_gate_desc *desc,
                                                           const void *dy, const void *a, const void *b,
                                                           clglu_check_report *da, clglu_check_report *db);

#endif /* CLGLU_NO_OPENCL */

#ifdef __cplusplus
}
#endif

#endif
