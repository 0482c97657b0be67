/* program.h - kernel sources, and the programs built from them.
   SPDX-License-Identifier: MIT */

#ifndef CLGLU_PROGRAM_H
#define CLGLU_PROGRAM_H

#include "core.h"

/* The files of cl/, made by tools/embed.awk: lines with their newlines, both lists ended by a null. */
typedef struct clglu_embedded {
    const char *name;
    const char *const *lines;
} clglu_embedded;
extern const clglu_embedded clglu_embedded_files[];

/* The text of a kernel file with its includes put in place and #line directives between, from kernel_dir (file by file) or
   built in. To be freed. */
clglu_status clglu_source(clglu_context *context, const char *file, char **text);

/* The program of a file and its options: built at the first call, then kept. It lives as long as the context and is
   not retained for the caller. The store is keyed by file and options; a store on disk would be asked in build(). */
clglu_status clglu_program_get(clglu_context *context, const char *file, const char *options, cl_program *program);

void clglu_programs_free(clglu_context *context);

#endif
