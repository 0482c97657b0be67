/* outfile.h - output files that appear whole or not at all. SPDX-License-Identifier: MIT */

#ifndef CLGLU_TOOLS_OUTFILE_H
#define CLGLU_TOOLS_OUTFILE_H

#include <stddef.h>
#include <stdio.h>

/* Written under a temporary name in the folder of the final one, renamed by outfile_commit. Until then
   nothing is left behind by outfile_abandon, by the end of the process (exit, also a driver's) or by a signal
   that ends it. */
struct outfile {
    char *path; /* the final name */
    int slot;   /* where the temporary name is kept, or -1 */
    int fd;
};

/* All return 0, or print the reason and return the exit status CLI_BAD_FILE. A path that exists and is no
   regular file is refused; a symbolic link is followed. */
int outfile_open(struct outfile *out, const char *path);
int outfile_write(struct outfile *out, const void *data, size_t size);
int outfile_commit(struct outfile *out);
/* Closes a memory stream, makes its text the file and frees it. */
int outfile_take(struct outfile *out, FILE *stream, char **text, const size_t *size);
/* Safe on a zeroed, committed or abandoned outfile too. */
void outfile_abandon(struct outfile *out);

#endif
