/* buffer.h - the caller's buffers as operands.
   SPDX-License-Identifier: MIT */

#ifndef CLGLU_BUFFER_H
#define CLGLU_BUFFER_H

#include "core.h"
#include "job.h"

/* Is it a buffer of this context, and allowed to be used so? Failures name it. */
clglu_status clglu_buffer_check(clglu_context *context, const char *name, cl_mem mem, bool read, bool written);

/* CLGLU_BUFFER_TOO_SMALL if it has fewer bytes. */
clglu_status clglu_buffer_holds(clglu_context *context, const char *name, cl_mem mem, size_t bytes);

/* Sets what of the places is used, and where it lies, from buffers (NULL: not used). */
clglu_status clglu_places_use_buffers(clglu_context *context, clglu_place *places, const char *const *names,
                                      const cl_mem *mems, int count);

/* Once a place is resolved: may its buffer be written, if it is an output, and read, if it is, and does it hold it? */
clglu_status clglu_place_check_buffer(clglu_context *context, const clglu_place *place, const char *name, cl_mem mem,
                                      bool read);

/* The whole workspace (NULL: none) may be written: no operand reaches into it. */
clglu_status clglu_places_check_workspace(clglu_context *context, const clglu_place *places, int count,
                                          cl_mem workspace, size_t bytes);

/* Puts a buffer into a slot (NULL leaves it unused): its context and flags are checked, a sub-buffer's place is found. */
clglu_status clglu_job_use_buffer(clglu_job *job, clglu_context *context, clglu_slot slot, cl_mem mem);
clglu_status clglu_job_use_buffer_bias(clglu_job *job, clglu_context *context, clglu_slot slot,
                                       const clglu_bias *bias);

/* clglu_job_check, failures put into words; and that each buffer holds its operand. */
clglu_status clglu_job_check_buffers(clglu_job *job, clglu_context *context);

/* clglu_job_check alone, failures put into words. */
clglu_status clglu_job_check_aloud(clglu_job *job, clglu_context *context);

#endif
