/* verify.h - the numbers of one device judged: rows of results for verify and sweep.
   SPDX-License-Identifier: MIT */

#ifndef CLGLU_TOOLS_VERIFY_H
#define CLGLU_TOOLS_VERIFY_H

#include "clglu.h"

#include <jansson.h>

/* How much is tried. Hashes can be compared only between runs with equal numbers here. */
struct verify_size {
    int act_log2;                        /* f32 points of each activation: 2^act_log2 */
    int short_log2;                      /* f16 and bf16 points: 16 is all of them */
    int gate_log2;                       /* pairs of each variant: 2^(2 gate_log2) */
    int gate_short_types, gate_backward; /* 0: the variants in f32, and forward, only (geglu has all) */
    int no_acts, no_gates;               /* not 0: they are left out */
    unsigned no_dtypes;                  /* bits: 1 << dtype is left out */
};

struct verify_row {
    const char *kind, *name, *output; /* "act" or "gate"; "gelu"; "y", "da" or "db" */
    clglu_dtype dtype;
    clglu_check_report report; /* of all points together */
    uint32_t worst_a, worst_b; /* the bits of the inputs at the largest error */
    int special_bad;           /* special values that came out wrong */
    char special_why[120];     /* the first of them */
    uint64_t hash;             /* XXH64 of the outputs' bits, NaNs made one */
    uint64_t expected;         /* the same of the host's arithmetic */
};

/* Gets each row as it is done, and before that what is about to be tried. Either may be NULL. */
struct verify_sink {
    void (*step)(const char *text, void *user);
    void (*points)(uint64_t done, void *user);
    void (*row)(const struct verify_row *row, void *user);
    void *user;
};

extern const struct verify_size verify_normal, verify_quick, verify_full;

/* Points that verify_run will report through `points`. */
uint64_t verify_points(const struct verify_size *size);

/* Returns CLI_GO_ON when all was tried, whatever came out; else an exit status. The strings in rows are
 * static. */
int verify_run(clglu_context *context, const struct verify_size *size, const struct verify_sink *sink);

int verify_bad(const struct verify_row *row);
json_t *verify_json(const struct verify_row *row);

/* The hash of all rows' names and hashes (theirs, or those expected), in order: begin with 0. */
uint64_t verify_combine(uint64_t so_far, const struct verify_row *row, uint64_t hash);

/* What all rows of a size are combined to on every device, as published; 0 where none is. */
uint64_t verify_published(const struct verify_size *size);

/* For verify_act.c and verify_gate.c: the rows of one dtype; the buffers hold verify_room elements each. */
enum { VERIFY_BUFFERS = 7 };
struct verify_state {
    clglu_context *context;
    const struct verify_size *size;
    const struct verify_sink *sink;
    void *buffer[VERIFY_BUFFERS];
    size_t room;
};
int verify_acts(struct verify_state *s);
int verify_gates(struct verify_state *s);
void verify_step(const struct verify_state *s, const struct verify_row *row);
/* Adds a chunk's report; `index` gets the worst element's place in it if it is the worst so far, else
 * SIZE_MAX. */
void verify_merge(struct verify_row *row, const clglu_check_report *chunk, int first, size_t cols,
                  size_t *index);

#endif
