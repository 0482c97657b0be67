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

/* An analyser sees one file at a time: told by tests/lint.sh that neither returns CLGLU_OK, it does not go on where they did. */
#ifdef CLGLU_LINT
#define clglu_fail(context, status, ...) ((void)clglu_fail(context, status, __VA_ARGS__), (status))
#define clglu_fail_cl(context, call, code) ((void)clglu_fail_cl(context, call, code), CLGLU_OPENCL_FAILED)
#endif

/* A line for the log only. */
void clglu_log(const clglu_context *context, const char *text);

/* An error number in words, which stand in text: strerror's need not be the thread's own. */
enum { CLGLU_REASON = 128 };
const char *clglu_reason(int number, char text[CLGLU_REASON]);

/* errno's, until the block ends. */
#define CLGLU_ERRNO clglu_reason(errno, (char[CLGLU_REASON]){0})

const char *clglu_error_last(clglu_context *context);
void clglu_error_free(clglu_context *context);

#endif
