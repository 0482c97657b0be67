/* sweep_page_hashes.c - the bits of all devices on a sweep's page, beside those expected. SPDX-License-Identifier: MIT */

#include "sweep_page.h"
#include "text.h"

#include <string.h>

struct columns {
    const json_t *doc, *machine[SWEEP_PAGE_COLUMNS], *device[SWEEP_PAGE_COLUMNS];
    size_t count, left_out;
    int compared, differing; /* hashes */
};

static void collect(const json_t *machine, const json_t *device, void *user)
{
    struct columns *c = user;
    size_t i;
    json_t *row;
    if (json_array_size(doc_list(device, "verify")) == 0) return;
    json_array_foreach(doc_list(device, "verify"), i, row)
    {
        c->compared++;
        c->differing += strcmp(doc_text(row, "hash"), doc_text(row, "expected_hash")) != 0;
    }
    if (c->count == SWEEP_PAGE_COLUMNS) {
        c->left_out++;
        return;
    }
    c->machine[c->count] = machine;
    c->device[c->count++] = device;
}

/* A hash as a cell: short where it is what it should be, whole where not. */
enum { CELL = 48 };
static void cell(char out[CELL], const char *hash, const char *expected)
{
    char clean[24];
    text_clean(clean, sizeof clean, hash, 0);
    out[0] = 0;
    if (*hash && strcmp(hash, expected) == 0) snprintf(out, CELL, PAGE_GOOD " %.6s", clean);
    if (*hash && strcmp(hash, expected) != 0) snprintf(out, CELL, PAGE_BAD " %s", clean);
}

/* Other levels have other points, and so other hashes; each is beside its own device's expected one. */
static void hash_row(struct page *p, const struct columns *c, const json_t *row)
{
    char cells[160 + (CELL + 8) * SWEEP_PAGE_COLUMNS], what[100], clean[100], want[24], one[CELL];
    const char *expected = doc_text(row, "expected_hash");
    snprintf(what, sizeof what, "%.10s %.40s %.10s %.10s", doc_text(row, "operator"), doc_text(row, "name"),
             doc_text(row, "output"), doc_text(row, "dtype"));
    int n = snprintf(cells, sizeof cells, "%s\t%s", text_clean(clean, sizeof clean, what, 0),
                     text_clean(want, sizeof want, expected, 0));
    for (size_t d = 0; d < c->count; d++) {
        const json_t *own = sweep_page_row(c->device[d], doc_text(row, "operator"), doc_text(row, "name"),
                                           doc_text(row, "output"), doc_text(row, "dtype"));
        cell(one, doc_text(own, "hash"), doc_text(own, "expected_hash"));
        n += snprintf(cells + n, sizeof cells - (size_t)n, "\t%s%s", one,
                      *one && strcmp(doc_text(own, "expected_hash"), expected) != 0 ? " *" : "");
    }
    page_table_row(p, cells);
}

/* The last row: all bits together. */
static void sum_row(struct page *p, const struct columns *c)
{
    char cells[160 + (CELL + 8) * SWEEP_PAGE_COLUMNS], want[24], one[CELL];
    const char *first = doc_text(c->device[0], "expected_hash");
    int n = snprintf(cells, sizeof cells, "all bits\t%s", text_clean(want, sizeof want, first, 0));
    for (size_t d = 0; d < c->count; d++) {
        const char *expected = doc_text(c->device[d], "expected_hash"), *published = doc_text(c->device[d], "published_hash");
        cell(one, doc_text(c->device[d], "hash"), expected);
        n += snprintf(cells + n, sizeof cells - (size_t)n, "\t%s%s%s", one, *one && strcmp(expected, first) != 0 ? " *" : "",
                      *published && strcmp(published, doc_text(c->device[d], "hash")) == 0 ? ", published" : "");
    }
    page_table_row(p, cells);
}

static void summary(struct page *p, const struct columns *c)
{
    char text[300];
    if (c->differing == 0)
        snprintf(text, sizeof text, PAGE_GOOD " All %d hashes of %zu device%s are those of the library's own arithmetic.",
                 c->compared, c->count + c->left_out, c->count + c->left_out == 1 ? "" : "s");
    else
        snprintf(text, sizeof text, PAGE_BAD " %d of %d hashes differ from those of the library's own arithmetic.", c->differing,
                 c->compared);
    page_paragraph(p, text);
    if (c->left_out == 0) return;
    snprintf(text, sizeof text, "The table has the first %d devices; %zu more have none of their own.", SWEEP_PAGE_COLUMNS,
             c->left_out);
    page_paragraph(p, text);
}

static int was_shown(const struct columns *c, size_t before, const json_t *row)
{
    for (size_t d = 0; d < before; d++)
        if (sweep_page_row(c->device[d], doc_text(row, "operator"), doc_text(row, "name"), doc_text(row, "output"),
                           doc_text(row, "dtype")))
            return 1;
    return 0;
}

/* The rows that a device has and none before it. */
static size_t rows_of(struct page *p, const struct columns *c, size_t d, size_t most)
{
    size_t i, shown = 0;
    json_t *row;
    json_array_foreach(doc_list(c->device[d], "verify"), i, row)
    {
        if (i == SWEEP_PAGE_ROWS || shown == most) break;
        if (was_shown(c, d, row)) continue;
        hash_row(p, c, row);
        shown++;
    }
    return shown;
}

static void table(struct page *p, const struct columns *c)
{
    char titles[64 + (DOC_LABEL + DOC_PLACE + 2) * SWEEP_PAGE_COLUMNS], label[DOC_LABEL], where[DOC_PLACE];
    size_t shown = 0;
    int n = snprintf(titles, sizeof titles, "operator, output, type\texpected");
    for (size_t d = 0; d < c->count; d++)
        n += snprintf(titles + n, sizeof titles - (size_t)n, "\t%s %s", doc_label(c->doc, c->machine[d], label),
                      doc_place(c->device[d], where));
    page_table_begin(p, titles);
    for (size_t d = 0; d < c->count && shown < SWEEP_PAGE_ROWS; d++) shown += rows_of(p, c, d, SWEEP_PAGE_ROWS - shown);
    sum_row(p, c);
    page_table_end(p);
}

void sweep_page_hashes(struct page *p, const json_t *doc)
{
    struct columns c = {.doc = doc};
    doc_each(doc, collect, &c);
    if (c.count == 0) return;
    page_heading(p, "Hashes");
    page_paragraph(p, "XXH64 of the bits of all results, beside that of the host's arithmetic on the same inputs. A star: that "
                      "device was given "
                      "other inputs (another level), and is judged by its own.");
    summary(p, &c);
    page_details_begin(p, "All hashes", c.differing > 0);
    table(p, &c);
    page_details_end(p);
}
