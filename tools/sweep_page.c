/* sweep_page.c - a sweep's document as a page. SPDX-License-Identifier: MIT */

#include "sweep_doc.h"

int doc_page(const json_t *doc, struct outfile *out) { (void)doc; return outfile_commit(out); }
