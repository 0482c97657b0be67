/* sweep_page.h - the parts of a sweep's page. SPDX-License-Identifier: MIT */

#ifndef CLGLU_TOOLS_SWEEP_PAGE_H
#define CLGLU_TOOLS_SWEEP_PAGE_H

#include "page.h"
#include "sweep_doc.h"

/* One device: its facts, its speed beside its limits. Nothing where nothing was measured. */
void sweep_page_speed(struct page *page, const json_t *device);

/* Errors, once for each different result; hashes, side by side. */
void sweep_page_numbers(struct page *page, const json_t *doc);

/* The devices that are shown one by one; more would make a page that nobody reads. */
enum { SWEEP_PAGE_DEVICES = 64 };

/* "node7 0:1 GeForce", cleaned. */
enum { SWEEP_PAGE_NAME = 256 };
const char *sweep_page_name(const json_t *doc, const json_t *machine, const json_t *device, char out[SWEEP_PAGE_NAME]);

#endif
