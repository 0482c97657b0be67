/* sweep_page.h - the parts of a sweep's page. SPDX-License-Identifier: MIT */

#ifndef CLGLU_TOOLS_SWEEP_PAGE_H
#define CLGLU_TOOLS_SWEEP_PAGE_H

#include "page.h"
#include "sweep_doc.h"

/* One device: its facts, what was measured and what was not, gates beside the limit of memory. */
void sweep_page_speed(struct page *page, const json_t *device);

/* Its feed-forward blocks: roofline, CLBlast beside them, all figures. */
void sweep_page_blocks(struct page *page, const json_t *device);

/* All devices' rates and best speeds in one chart each, if there are two or more. */
void sweep_page_side(struct page *page, const json_t *doc);

/* Errors, once for each different result; hashes, side by side. */
void sweep_page_numbers(struct page *page, const json_t *doc);
void sweep_page_hashes(struct page *page, const json_t *doc);

/* The devices that are shown one by one, and those beside each other; more would make a page that nobody reads. */
enum { SWEEP_PAGE_DEVICES = 64, SWEEP_PAGE_COLUMNS = 24 };
/* The rows of a table that are shown, of a document that has more than any sweep. */
enum { SWEEP_PAGE_ROWS = 512 };

/* "node7 0:1 GeForce", cleaned. */
enum { SWEEP_PAGE_NAME = 256 };
const char *sweep_page_name(const json_t *doc, const json_t *machine, const json_t *device, char out[SWEEP_PAGE_NAME]);

/* The number in that format; "" if it is none. */
enum { SWEEP_PAGE_NUMBER = 48 };
const char *sweep_page_number(char out[SWEEP_PAGE_NUMBER], const char *format, double value);
/* With three digits, or all before the point. */
const char *sweep_page_speed_number(char out[SWEEP_PAGE_NUMBER], double value);

/* The row of a device's verification that judges this, or NULL. */
const json_t *sweep_page_row(const json_t *device, const char *operator_, const char *name, const char *output,
                             const char *dtype);

#endif
