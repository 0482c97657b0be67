/* safetensors.h - tensors of a .safetensors file, read from untrusted bytes. SPDX-License-Identifier: MIT */

#ifndef CLGLU_TOOLS_SAFETENSORS_H
#define CLGLU_TOOLS_SAFETENSORS_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

enum {
    SAFETENSORS_MAX_HEADER = 100000000, /* bytes, as in the reference implementation */
    SAFETENSORS_MAX_COUNT = 100000,     /* tensors; a large model has some thousands in a file */
    SAFETENSORS_MAX_DIMS = 16
};

struct safetensor {
    const char *name;  /* UTF-8, never trusted, without NUL */
    const char *dtype; /* as the file has it, "BF16"; one of the format's */
    int dims;          /* 0: a scalar */
    uint64_t shape[SAFETENSORS_MAX_DIMS];
    uint64_t begin, end; /* in the data, in bytes; end - begin fits the shape */
    const void *data;    /* in the file's mapping; no alignment */
};

/* A whole file, mapped. */
struct safetensors {
    const char *path; /* the caller's; NULL: not open */
    int fd;
    const unsigned char *map;
    size_t size;
    struct timespec changed; /* when it was last written to, as it was opened */
    json_t *header;          /* owns the names */
    struct safetensor *tensors;
    size_t count; /* in the order of their data */
};

/* Opens, maps and judges a file: everything in it must be as the format demands. Prints the reason and
   returns CLI_BAD_FILE, or returns CLI_GO_ON. One file is open at a time. */
int safetensors_open(struct safetensors *file, const char *path);
/* Safe on a zeroed or closed one too. */
void safetensors_close(struct safetensors *file);

/* The tensor of that name, or NULL. */
const struct safetensor *safetensors_find(const struct safetensors *file, const char *name);

/* To be called before the data are read, once more after a driver was loaded: some (those with LLVM inside)
   put handlers of their own over ours. */
void safetensors_guard(void);

/* To be asked after the data were used: whether they were those of the file that was opened. A file that
   shrinks while it is mapped does not end the process: what is gone reads as zeros, and this tells.
   CLI_GO_ON, or the reason and CLI_BAD_FILE. */
int safetensors_unchanged(const struct safetensors *file);

/* "[4, 8]"; cut if it does not fit. Returns out. */
char *safetensors_shape(const struct safetensor *tensor, char *out, size_t size);

#endif
