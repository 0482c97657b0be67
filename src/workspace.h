/* workspace.h - scratch memory on the device, kept by the context between calls.
   SPDX-License-Identifier: MIT */

#ifndef CLGLU_WORKSPACE_H
#define CLGLU_WORKSPACE_H

#include "core.h"

/* A buffer of at least that size that no command under way uses, or only commands that come before those of this call:
   earlier ones on the same in-order queue. */
clglu_status clglu_workspace_take(clglu_context *context, cl_command_queue queue, size_t bytes, cl_mem *mem);

/* Gives it back; the last command that uses it is `last` (NULL: none), which is retained. */
void clglu_workspace_give(clglu_context *context, cl_mem mem, cl_event last);

void clglu_workspaces_free(clglu_context *context);

#endif
