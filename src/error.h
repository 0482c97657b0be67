/* error.h - failures in words, remembered for each thread.
   SPDX-License-Identifier: MIT */

#ifndef CLGLU_ERROR_H
#define CLGLU_ERROR_H

#include "core.h"

#if defined(__GNUC__)
#define CLGLU_PRINTF(text, first) __attribute__((format(printf, text, first)))
#else
#define CLGLU_PRINTF(text, first)
#endif

/* Remembers and logs the text, and returns status. */
clglu_status clglu_fail(clglu_context *context, clglu_status status, const char *format, ...) CLGLU_PRINTF(3, 4);

/* The same for an OpenCL call that returned code: "clBuildProgram: CL_BUILD_PROGRAM_FAILURE (-11)". */
clglu_status clglu_fail_cl(clglu_context *context, const char *call, cl_int code);

/* "CL_OUT_OF_RESOURCES"; "unknown OpenCL error" if the specification has no name for it. */
const char *clglu_cl_name(cl_int code);

/* A line for the log only. */
void clglu_log(const clglu_context *context, const char *text);

const char *clglu_error_last(clglu_context *context);
void clglu_error_free(clglu_context *context);

#endif
