/* report.h - what --check found, over all chunks of a file. SPDX-License-Identifier: MIT */

#ifndef CLGLU_TOOLS_REPORT_H
#define CLGLU_TOOLS_REPORT_H

#include "clglu.h"

#include <jansson.h>

/* The merged report of one output. The worst place is given in rows of `cols` elements. */
struct report {
    const char *output; /* "y", "da", "db" */
    uint64_t cols, worst;
    clglu_check_report sum;
    int any;
};

/* Adds one chunk's report; the chunk began at element `first` and was given to the library in rows of
 * `width`. */
void report_add(struct report *total, const clglu_check_report *chunk, uint64_t first, uint64_t width);
int report_bad(const struct report *total);
void report_print(const struct report *total, int has_b, int has_dy);
json_t *report_json(const struct report *total);

#endif
