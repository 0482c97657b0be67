/* npy.c - the header of a .npy file, parsed from untrusted bytes and written. SPDX-License-Identifier: MIT */

/* The format is numpy's (numpy.lib.format): "\x93NUMPY", two version bytes, the length of the rest in 2 or 4
   bytes, and a Python dictionary {'descr': ..., 'fortran_order': ..., 'shape': (...)}, padded with spaces. */

#include "npy.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char magic[6] = "\x93NUMPY";
static const char *const descr_of[] = {"<f4", "<f2", "<u2", "|V2"};

static int refuse(char error[NPY_ERROR], const char *format, ...) __attribute__((format(printf, 2, 3)));
static int refuse(char error[NPY_ERROR], const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(error, NPY_ERROR, format, args);
    va_end(args);
    return 0;
}

size_t npy_header_size(const unsigned char *b, size_t size, char error[NPY_ERROR])
{
    size_t known = size < sizeof magic ? size : sizeof magic;
    if (size == 0) return (size_t)refuse(error, "the file is empty");
    if (memcmp(b, magic, known) != 0) return (size_t)refuse(error, "not a .npy file (wrong magic bytes)");
    if (size < 10) return (size_t)refuse(error, "cut: the header is not whole");
    if (b[6] < 1 || b[6] > 3 || b[7] != 0)
        return (size_t)refuse(error, "version %d.%d of the format is not 1.0, 2.0 or 3.0", b[6], b[7]);
    if (b[6] == 1) return 10 + ((size_t)b[8] | (size_t)b[9] << 8);
    if (size < 12) return (size_t)refuse(error, "cut: the header is not whole");
    uint32_t n = (uint32_t)b[8] | (uint32_t)b[9] << 8 | (uint32_t)b[10] << 16 | (uint32_t)b[11] << 24;
    if (n > NPY_MAX_HEADER)
        return (size_t)refuse(error, "a header of %lu bytes is over 1 MiB", (unsigned long)n);
    return 12 + (size_t)n;
}

/* What is left to read; `at` never passes `end`. */
struct cursor {
    const unsigned char *at, *end;
    char *error;
};

static void skip_spaces(struct cursor *c)
{
    while (c->at < c->end && (*c->at == ' ' || *c->at == '\n' || *c->at == '\t')) c->at++;
}

/* Whether the next thing is that character; it is taken if so. */
static int take(struct cursor *c, char wanted)
{
    skip_spaces(c);
    if (c->at == c->end || *c->at != (unsigned char)wanted) return 0;
    c->at++;
    return 1;
}

static int take_word(struct cursor *c, const char *word)
{
    size_t n = strlen(word);
    skip_spaces(c);
    if ((size_t)(c->end - c->at) < n || memcmp(c->at, word, n) != 0) return 0;
    c->at += n;
    return 1;
}

/* A string without escapes, in either kind of quotes. */
static int take_string(struct cursor *c, char *out, size_t size)
{
    char quote = (char)(take(c, '\'') ? '\'' : take(c, '"') ? '"' : 0);
    size_t n = 0;
    if (!quote) return refuse(c->error, "the header is not the dictionary that numpy writes");
    for (; c->at < c->end && *c->at != (unsigned char)quote; c->at++) {
        if (n + 1 >= size || *c->at < 0x20 || *c->at > 0x7e || *c->at == '\\')
            return refuse(c->error, "the header has a strange or overlong string");
        out[n++] = (char)*c->at;
    }
    if (c->at == c->end) return refuse(c->error, "the header has a string without end");
    c->at++;
    out[n] = 0;
    return 1;
}

static int parse_descr(struct cursor *c, struct npy_header *h)
{
    char descr[16];
    if (take(c, '[')) return refuse(c->error, "structured dtypes are not supported");
    if (!take_string(c, descr, sizeof descr)) return 0;
    for (int k = NPY_F4; k <= NPY_V2; k++)
        if (strcmp(descr, descr_of[k]) == 0) {
            h->kind = (enum npy_kind)k;
            h->item = k == NPY_F4 ? 4 : 2;
            return 1;
        }
    if (strchr(descr, 'O')) return refuse(c->error, "dtype '%s' holds Python objects", descr);
    if (descr[0] == '>') return refuse(c->error, "dtype '%s' is big-endian", descr);
    return refuse(c->error, "dtype '%s' is none of '<f4', '<f2', '<u2' and '|V2'", descr);
}

static int parse_order(struct cursor *c)
{
    if (take_word(c, "False")) return 1;
    if (take_word(c, "True"))
        return refuse(c->error, "the array is in Fortran order; save numpy.ascontiguousarray(x)");
    return refuse(c->error, "fortran_order is neither True nor False");
}

/* A count in plain digits below 2^63. */
static int take_count(struct cursor *c, uint64_t *value)
{
    uint64_t v = 0;
    skip_spaces(c);
    if (c->at == c->end || *c->at < '0' || *c->at > '9')
        return refuse(c->error, "the shape is not a tuple of counts");
    for (; c->at < c->end && *c->at >= '0' && *c->at <= '9'; c->at++) {
        unsigned digit = *c->at - '0';
        if (v > ((uint64_t)INT64_MAX - digit) / 10) return refuse(c->error, "the shape is too large");
        v = 10 * v + digit;
    }
    *value = v;
    return 1;
}

static int parse_shape(struct cursor *c, struct npy_header *h)
{
    int comma = 0;
    if (!take(c, '(')) return refuse(c->error, "the shape is not a tuple of counts");
    for (h->dims = 0; !take(c, ')'); h->dims++) {
        if (h->dims > 0 && !comma) return refuse(c->error, "the shape is not a tuple of counts");
        if (h->dims == NPY_MAX_DIMS)
            return refuse(c->error, "the array has more than %d dimensions", NPY_MAX_DIMS);
        if (!take_count(c, &h->shape[h->dims])) return 0;
        comma = take(c, ',');
    }
    if (h->dims == 0) return refuse(c->error, "the array has no dimension (a scalar)");
    if (h->dims == 1 && !comma) return refuse(c->error, "the shape is not a tuple of counts");
    return 1;
}

static int count_elements(struct npy_header *h, char *error)
{
    uint64_t most = (uint64_t)INT64_MAX / h->item, count = 1;
    int empty = 0;
    for (int i = 0; i < h->dims; i++) empty |= h->shape[i] == 0;
    for (int i = 0; i < h->dims; i++) {
        if (h->shape[i] > most / count) return refuse(error, "the shape is too large: its size overflows");
        if (!empty) count *= h->shape[i];
    }
    h->count = empty ? 0 : count;
    return 1;
}

static int parse_entry(struct cursor *c, struct npy_header *h, unsigned *seen)
{
    static const char *const keys[] = {"descr", "fortran_order", "shape"};
    char key[24];
    unsigned k = 0;
    if (!take_string(c, key, sizeof key)) return 0;
    while (k < 3 && strcmp(key, keys[k]) != 0) k++;
    if (k == 3) return refuse(c->error, "the header has a key '%s' that numpy does not write", key);
    if (*seen & 1u << k) return refuse(c->error, "the header has '%s' twice", key);
    *seen |= 1u << k;
    if (!take(c, ':')) return refuse(c->error, "the header is not the dictionary that numpy writes");
    return k == 0 ? parse_descr(c, h) : k == 1 ? parse_order(c) : parse_shape(c, h);
}

int npy_parse(const unsigned char *bytes, size_t size, struct npy_header *h, char error[NPY_ERROR])
{
    memset(h, 0, sizeof *h);
    size_t whole = npy_header_size(bytes, size, error);
    if (whole == 0) return 0;
    if (whole > size) return refuse(error, "cut: %zu of the header's %zu bytes are there", size, whole);
    struct cursor c = {bytes + (bytes[6] == 1 ? 10 : 12), bytes + whole, error};
    unsigned seen = 0;
    int comma = 1;
    if (!take(&c, '{')) return refuse(error, "the header is not the dictionary that numpy writes");
    while (!take(&c, '}')) {
        if (!comma) return refuse(error, "the header is not the dictionary that numpy writes");
        if (!parse_entry(&c, h, &seen)) return 0;
        comma = take(&c, ',');
    }
    skip_spaces(&c);
    if (c.at != c.end) return refuse(error, "the header goes on after its dictionary");
    if (seen != 7) return refuse(error, "the header lacks one of 'descr', 'fortran_order' and 'shape'");
    return count_elements(h, error);
}

size_t npy_write(unsigned char out[NPY_WRITE], const struct npy_header *h)
{
    char *text = (char *)out + 10;
    int n = snprintf(text, NPY_WRITE - 10, "{'descr': '%s', 'fortran_order': False, 'shape': (",
                     descr_of[h->kind]);
    for (int i = 0; i < h->dims; i++)
        n += snprintf(text + n, (size_t)(NPY_WRITE - 10 - n), "%s%llu", i ? ", " : "",
                      (unsigned long long)h->shape[i]);
    n += snprintf(text + n, (size_t)(NPY_WRITE - 10 - n), "%s), }", h->dims == 1 ? "," : "");
    size_t whole = ((size_t)n + 11 + 63) / 64 * 64, length = whole - 10;
    memset(text + n, ' ', length - (size_t)n);
    text[length - 1] = '\n';
    memcpy(out, magic, sizeof magic);
    out[6] = 1;
    out[7] = 0;
    out[8] = (unsigned char)(length & 0xff);
    out[9] = (unsigned char)(length >> 8);
    return whole;
}
