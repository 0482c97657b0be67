/* npy.h - the header of a .npy file, parsed from untrusted bytes and written. SPDX-License-Identifier: MIT */

#ifndef CLGLU_TOOLS_NPY_H
#define CLGLU_TOOLS_NPY_H

#include <stddef.h>
#include <stdint.h>

enum {
    NPY_PREFIX = 12,          /* bytes that npy_header_size looks at */
    NPY_MAX_HEADER = 1 << 20, /* a longer header is refused */
    NPY_MAX_DIMS = 64,
    NPY_ERROR = 160
};

enum npy_kind { NPY_F4, NPY_F2, NPY_U2, NPY_V2 };

struct npy_header {
    enum npy_kind kind;
    size_t item; /* bytes of an element */
    int dims;    /* 1 to NPY_MAX_DIMS */
    uint64_t shape[NPY_MAX_DIMS];
    uint64_t count; /* elements: the product of the shape; count * item fits in 63 bits */
};

/* The whole header's size, prefix and all, from the file's first bytes (`size` of them, NPY_PREFIX are
   enough). 0: refused, and `error` says why. */
size_t npy_header_size(const unsigned char *bytes, size_t size, char error[NPY_ERROR]);

/* Parses a whole header (`size` as npy_header_size gave it). Returns 1, or 0 and the reason. Accepted are
   versions 1 to 3, C order, '<f4', '<f2', '<u2' and '|V2', from one dimension, sizes of 0 included. Reads
   nothing beyond the bytes. */
int npy_parse(const unsigned char *bytes, size_t size, struct npy_header *header, char error[NPY_ERROR]);

/* Writes a version 1 header with that kind and shape (a multiple of 64 bytes); returns its size. */
enum { NPY_WRITE = 2048 };
size_t npy_write(unsigned char out[NPY_WRITE], const struct npy_header *header);

#endif
