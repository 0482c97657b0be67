/* core.h - the context as the plumbing sees it: device, queue, programs, errors.
   SPDX-License-Identifier: MIT */

#ifndef CLGLU_CORE_H
#define CLGLU_CORE_H

#include <pthread.h>
#include <stdbool.h>

#include "clglu.h"
#include "device.h"

typedef struct clglu_program clglu_program; /* program.c */
typedef struct clglu_error clglu_error;     /* error.c */
typedef struct clglu_cache clglu_cache;     /* cache.c */
typedef struct clglu_tuning clglu_tuning;   /* tune.c: the entries for one device */

/* A buffer that waits for its next use; mem NULL: none. */
enum { CLGLU_WORKSPACES = 4 };
typedef struct clglu_workspace {
    cl_mem mem;
    size_t bytes;
    cl_event last; /* of the commands that used it */
} clglu_workspace;

struct clglu_context {
    clglu_device device;
    cl_context cl;
    cl_command_queue queue;    /* kernels */
    cl_command_queue transfer; /* host twins: copies beside the kernels */
    clglu_log_callback log;
    void *log_user;
    char *kernel_dir; /* NULL: none */
    size_t budget;    /* bytes of device memory for a host twin's call */
    pthread_mutex_t error_lock, build_lock;
    pthread_mutex_t workspace_lock;
    clglu_workspace workspaces[CLGLU_WORKSPACES]; /* under workspace_lock */
    clglu_tuning *tuning;    /* NULL: none; never changes */
    bool allow_other_bits;
    bool list_only;          /* programs are noted, not built; kernels are not run */
    clglu_program *programs; /* under build_lock */
    clglu_cache *cache;      /* NULL: none; under build_lock */
    clglu_error *errors;     /* under error_lock */
};

#endif
