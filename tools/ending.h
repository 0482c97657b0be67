/* ending.h - what must be done when the process ends, however it ends: no half-written file, no child left.
   SPDX-License-Identifier: MIT */

#ifndef CLGLU_TOOLS_ENDING_H
#define CLGLU_TOOLS_ENDING_H

#include <limits.h>
#include <sys/types.h>

#ifndef PATH_MAX
#define PATH_MAX 4096
#endif

/* Called once, first of all. Signals that end the process, and exit (also a driver's), then do what is
 * registered. */
void ending_prepare(void);

/* A place for the name (PATH_MAX bytes) of a temporary file; -1 if all are taken. The file is removed at the
   end from ending_use until ending_forget. */
int ending_slot(void);
char *ending_name(int slot);
void ending_use(int slot);
void ending_forget(int slot);

/* A child's process group, to be killed at the end; 0: none any more. */
void ending_child(pid_t group);

#endif
