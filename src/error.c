/* error.c - failures in words, remembered for each thread.
   SPDX-License-Identifier: MIT */

#include "error.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harmless.h"

enum { TEXT = 4096, REMEMBERED = 64 };

/* The list's order is that of the last use, newest first. */
struct clglu_error {
    clglu_error *next;
    pthread_t thread;
    char text[TEXT];
};

/* The thread's own entry, else NULL; *last is set to the link that holds the entry found or the oldest one. */
static clglu_error **find(clglu_context *context, bool *found)
{
    clglu_error **link = &context->errors, **oldest = NULL;
    size_t count = 0;
    for (; *link; link = &(*link)->next, count++) {
        if (pthread_equal((*link)->thread, pthread_self())) {
            *found = true;
            return link;
        }
        oldest = link;
    }
    *found = false;
    return count >= REMEMBERED ? oldest : NULL;
}

/* The calling thread's entry, moved to the front; another thread's oldest if there are too many; NULL: no memory. */
static clglu_error *entry(clglu_context *context)
{
    bool found;
    clglu_error **link = find(context, &found), *e;
    if (link) {
        e = *link;
        *link = e->next;
    } else if ((e = malloc(sizeof *e)) == NULL) {
        return NULL;
    }
    e->next = context->errors;
    e->thread = pthread_self();
    context->errors = e;
    return e;
}

clglu_status(clglu_fail)(clglu_context *context, clglu_status status, const char *format, ...)
{
    char text[TEXT];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    clglu_harmless(text); /* a compiler's log and a file's text may be in it */

    pthread_mutex_lock(&context->error_lock);
    clglu_error *e = entry(context);
    if (e) snprintf(e->text, sizeof e->text, "%s", text);
    pthread_mutex_unlock(&context->error_lock);
    clglu_log(context, text);
    return status;
}

static clglu_status status_of(cl_int code)
{
    switch (code) {
    case CL_OUT_OF_HOST_MEMORY: return CLGLU_OUT_OF_MEMORY;
    case CL_OUT_OF_RESOURCES:
    case CL_MEM_OBJECT_ALLOCATION_FAILURE:
    case CL_INVALID_BUFFER_SIZE: return CLGLU_OUT_OF_DEVICE_MEMORY;
    case CL_BUILD_PROGRAM_FAILURE: return CLGLU_BUILD_FAILED;
    default: return CLGLU_OPENCL_FAILED;
    }
}

clglu_status(clglu_fail_cl)(clglu_context *context, const char *call, cl_int code)
{
    return clglu_fail(context, status_of(code), "%s: %s (%d)", call, clglu_cl_name(code), (int)code);
}

const char *clglu_reason(int number, char text[CLGLU_REASON])
{
    text[0] = 0;
    if (strerror_r(number, text, CLGLU_REASON) && text[0] == 0) snprintf(text, CLGLU_REASON, "error %d", number);
    return text;
}

void clglu_log(const clglu_context *context, const char *text)
{
    if (context->log) context->log(text, context->log_user);
}

const char *clglu_error_last(clglu_context *context)
{
    bool found;
    pthread_mutex_lock(&context->error_lock);
    clglu_error **link = find(context, &found);
    const char *text = found ? (*link)->text : "";
    pthread_mutex_unlock(&context->error_lock);
    return text;
}

void clglu_error_free(clglu_context *context)
{
    while (context->errors) {
        clglu_error *e = context->errors;
        context->errors = e->next;
        free(e);
    }
}
