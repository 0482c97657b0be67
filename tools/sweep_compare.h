/* sweep_compare.h - what has changed between two sweeps. SPDX-License-Identifier: MIT */

#ifndef CLGLU_TOOLS_SWEEP_COMPARE_H
#define CLGLU_TOOLS_SWEEP_COMPARE_H

#include <jansson.h>

/* Compares each device of doc with the same device in `old` (the newest there, if it is in several) and adds what was found as
   "changes" to doc. Returns how many of the changes are regressions. */
int doc_compare(json_t *doc, const json_t *old);

#endif
