/* limits.h - kernels that do nothing but move the data: what a device can reach at best.
   SPDX-License-Identifier: MIT */

#ifndef CLGLU_TOOLS_LIMITS_H
#define CLGLU_TOOLS_LIMITS_H

#include "clglu.h"

/* y = a; y = a * b; da = dy * b and db = dy * a; chains of fused multiply-adds; a is read, and nothing is
   written. */
enum limit_kind { LIMIT_COPY, LIMIT_MULTIPLY, LIMIT_BACKWARD, LIMIT_FMA, LIMIT_READ, LIMIT_KINDS };

/* How a kernel is written: vector width, and how the short types are widened (or, for FMA, how it is asked
 * for). */
struct limit_form {
    unsigned width;
    int flavour;  /* f16: 0 vload_half, 1 integer steps, 2 half arithmetic; FMA: 0 fma(), 1 x * s + c
                     contracted; READ: 0 a work-group reads 16 KiB, 1 256 KiB */
    size_t local; /* the work-group size; 0: the driver's choice */
};

enum { LIMIT_FORMS = 24, LIMIT_FMA_STEPS = 1024, LIMIT_FMA_CHAINS = 8, LIMIT_READ_UNIT = 65536 };

struct limits; /* the programs, built when first asked for */

struct limits *limits_open(cl_context context, cl_device_id device, const clglu_device_facts *facts);
void limits_close(struct limits *limits);

/* All forms that are worth a try for that kind and type; returns how many. */
int limits_forms(const struct limits *limits, enum limit_kind kind, clglu_dtype dtype,
                 struct limit_form *forms);

/* Enqueues one run on `elements` (a multiple of 4096) elements; buffers as the kernel's arguments, in the
   formula's order: inputs and then outputs. Returns an OpenCL code. For FMA elements is the number of
   work-items; for READ it is that of 32-bit words, whatever the type, and a multiple of LIMIT_READ_UNIT. */
cl_int limits_enqueue(struct limits *limits, cl_command_queue queue, enum limit_kind kind, clglu_dtype dtype,
                      const struct limit_form *form, uint64_t elements, const cl_mem *buffers);

/* "x8, local 256, integer f16": how a form is called in the results. */
void limits_name(enum limit_kind kind, clglu_dtype dtype, const struct limit_form *form, char *out,
                 size_t size);

#endif
