/* sweep_compare.c - what has changed between two sweeps. SPDX-License-Identifier: MIT */

#include "sweep_compare.h"

int doc_compare(json_t *doc, const json_t *old) { (void)doc, (void)old; return 0; }
