/* npyfile.h - .npy files read and written as streams of elements. SPDX-License-Identifier: MIT */

#ifndef CLGLU_TOOLS_NPYFILE_H
#define CLGLU_TOOLS_NPYFILE_H

#include "clglu.h"
#include "npy.h"
#include "outfile.h"

/* An input. The file's size is judged against its shape before anything is read, a pipe's at its end. */
struct npy_in {
    const char *path; /* NULL: not open */
    int fd;
    struct npy_header header;
    clglu_dtype dtype;
    uint64_t left; /* elements not read yet */
};

/* All print the reason, with the file's name, and return CLI_BAD_FILE when they fail; CLI_GO_ON when not.
   `want`: the dtype asked for, or -1; '<u2' and '|V2' are bf16 only when it is asked for. */
int npy_in_open(struct npy_in *in, const char *path, int want);
int npy_in_read(struct npy_in *in, void *to, uint64_t count);
/* The end must be here: no bytes may be left over. */
int npy_in_end(struct npy_in *in);
void npy_in_close(struct npy_in *in);

/* Refuses a file whose shape is not that one. */
int npy_same_shape(const struct npy_in *in, const struct npy_header *shape);

/* Reads a whole one-dimensional file of `count` elements and that dtype (a bias) into fresh memory. */
int npy_read_vector(const char *path, clglu_dtype dtype, uint64_t count, void **data);

/* An output with that header; then outfile_write, outfile_commit. */
int npy_out_open(struct outfile *out, const char *path, const struct npy_header *header);

#endif
