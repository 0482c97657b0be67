/* launch.h - kernels with their arguments, and commands that follow one another.
   SPDX-License-Identifier: MIT */

#ifndef CLGLU_LAUNCH_H
#define CLGLU_LAUNCH_H

#include "core.h"

/* The commands of one call: the first waits for the caller's events, each later one for the one before it. */
typedef struct clglu_sequence {
    clglu_context *context;
    cl_command_queue queue;
    cl_uint nwait;
    const cl_event *wait;
    cl_event last; /* of the command enqueued last; NULL: none yet */
} clglu_sequence;

/* Checks the caller's queue (NULL: the context's own) and wait list. */
clglu_status clglu_sequence_begin(clglu_sequence *sequence, clglu_context *context, cl_command_queue queue,
                                  cl_uint nwait, const cl_event *wait);

/* Ends it: hands the last command's event to the caller if *event is wanted and status is good. If a call failed halfway,
   what was enqueued is waited for, so that nothing is under way when the caller hears of the failure. Returns status. */
clglu_status clglu_sequence_end(clglu_sequence *sequence, clglu_status status, cl_event *event);

/* A kernel object made for one call: the library keeps none, so any number of threads can call. */
typedef struct clglu_kernel {
    clglu_context *context;
    cl_kernel kernel;
    cl_uint next; /* the argument to be set next */
    cl_int code;  /* of the first clSetKernelArg that failed */
} clglu_kernel;

clglu_status clglu_kernel_make(clglu_kernel *kernel, clglu_context *context, cl_program program, const char *name);
void clglu_kernel_arg(clglu_kernel *kernel, size_t size, const void *value);
void clglu_kernel_free(clglu_kernel *kernel);

/* Elements that a work-item takes on the context's device: its own preference, a power of two up to 16. */
unsigned clglu_vector_width(const clglu_context *context);

/* Enqueues it over at least width x height work-items; the kernel itself leaves out those that are too many. */
clglu_status clglu_kernel_run(clglu_kernel *kernel, clglu_sequence *sequence, size_t width, size_t height);

/* Enqueues exactly groups[0] x groups[1] groups of local[0] x local[1] work-items, in launches that may begin anywhere: kernels
   find their place by global ids. */
clglu_status clglu_kernel_run_groups(clglu_kernel *kernel, clglu_sequence *sequence, const size_t local[2],
                                     const size_t groups[2]);

/* Arguments of type ulong, uint and global pointer. */
void clglu_kernel_arg_size(clglu_kernel *kernel, size_t value);
void clglu_kernel_arg_uint(clglu_kernel *kernel, size_t value);
void clglu_kernel_arg_mem(clglu_kernel *kernel, cl_mem mem);

/* A copy from host memory into a buffer, finished on return; zeros in a buffer, from byte `from` on. */
clglu_status clglu_sequence_write(clglu_sequence *sequence, cl_mem to, size_t bytes, const void *from);
clglu_status clglu_sequence_zero(clglu_sequence *sequence, cl_mem mem, size_t from, size_t bytes);

/* Makes `event`, taken over, the last command's: for commands that others enqueue. */
void clglu_sequence_follow(clglu_sequence *sequence, cl_event event);

/* Waits for what is under way; commands that know nothing of the sequence may follow. */
clglu_status clglu_sequence_wait(clglu_sequence *sequence);

#endif
