/* sweep_page_numbers.c - errors and hashes on a sweep's page. SPDX-License-Identifier: MIT */

#include "sweep_page.h"
#include "text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { COLUMNS = 24, BINS = 16, ACTS = 16, PLACES = 256 };

/* Devices whose results are shown: the first of each different hash, and for the table of hashes the first of all. */
struct shown {
    const json_t *doc, *device[COLUMNS], *machine[COLUMNS], *different[COLUMNS];
    size_t devices, differents;
};

static void collect(const json_t *machine, const json_t *device, void *user)
{
    struct shown *s = user;
    size_t i = 0;
    if (json_array_size(doc_list(device, "verify")) == 0 || s->devices == COLUMNS) return;
    s->machine[s->devices] = machine;
    s->device[s->devices++] = device;
    while (i < s->differents && strcmp(doc_text(s->different[i], "hash"), doc_text(device, "hash")) != 0) i++;
    if (i == s->differents) s->different[s->differents++] = device;
}

static const json_t *find_row(const json_t *device, const char *operator_, const char *name, const char *output, const char *dtype)
{
    size_t i;
    json_t *row;
    json_array_foreach(doc_list(device, "verify"), i, row)
    {
        if (strcmp(doc_text(row, "operator"), operator_) == 0 && strcmp(doc_text(row, "name"), name) == 0 &&
            strcmp(doc_text(row, "output"), output) == 0 && strcmp(doc_text(row, "dtype"), dtype) == 0)
            return row;
    }
    return NULL;
}

/* ---------------------------------------------------------------- curves */

/* Copies a list's numbers; returns how many. */
static size_t numbers(const json_t *list, double *out, size_t room)
{
    size_t n = json_array_size(list);
    if (n > room) n = room;
    for (size_t i = 0; i < n; i++) {
        const json_t *v = json_array_get(list, i);
        out[i] = json_is_number(v) && fabs(json_number_value(v)) < 1e30 ? json_number_value(v) : (double)NAN;
    }
    return n;
}

static const json_t *find_curve(const json_t *device, const char *name, const char *direction)
{
    size_t i;
    json_t *c;
    json_array_foreach(doc_list(device, "curves"), i, c)
    {
        if (strcmp(doc_text(c, "name"), name) == 0 && strcmp(doc_text(c, "direction"), direction) == 0) return c;
    }
    return NULL;
}

static int rising(const double *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!isfinite(x[i]) || (i && x[i] <= x[i - 1])) return 0;
    return n > 1;
}

static void curve(struct page *p, const json_t *device, const char *name)
{
    double x[PLACES], there[PLACES], y[2][PLACES], bound[PLACES];
    char title[80], clean[48];
    struct page_line line[3] = {{.label = "act", .colour = 1, .y = y[0]},
                                {.label = "act'", .colour = 4, .y = y[1]},
                                {.label = "bound", .colour = 0, .dashed = 1, .y = bound}};
    const json_t *forward = find_curve(device, name, "forward"), *backward = find_curve(device, name, "backward");
    double limit = doc_number(find_row(device, "act", name, "y", "f32"), "bound_ulp");
    size_t n = numbers(doc_list(forward, "x"), x, PLACES);
    for (size_t i = 0; i < PLACES; i++) y[0][i] = y[1][i] = (double)NAN, bound[i] = limit;
    numbers(doc_list(forward, "ulp"), y[0], n);
    if (numbers(doc_list(backward, "x"), there, PLACES) == n && memcmp(x, there, n * sizeof *x) == 0)
        numbers(doc_list(backward, "ulp"), y[1], n);
    snprintf(title, sizeof title, "%s, f32", text_clean(clean, sizeof clean, name, 0));
    struct page_chart chart = {title, "x", "ULP", n, 3, x, NULL, line, 0, 0};
    if (rising(x, n)) page_lines(p, &chart);
}

static void curves(struct page *p, const json_t *device)
{
    static const struct page_line line[] = {{.label = "act", .colour = 1},
                                            {.label = "its derivative", .colour = 4},
                                            {.label = "published bound of act", .colour = 0, .dashed = 1}};
    const json_t *list = doc_list(device, "curves");
    size_t i;
    json_t *c;
    if (json_array_size(list) == 0) return;
    page_paragraph(p, "The largest error in each stretch of the argument, from -12 to 12, in units in the last place. Next to a root of a "
                      "derivative its absolute error counts instead, and nothing is drawn from it.");
    page_legend(p, line, 3);
    page_charts_begin(p);
    json_array_foreach(list, i, c)
    {
        if (strcmp(doc_text(c, "direction"), "forward") == 0 && i < 2 * ACTS) curve(p, device, doc_text(c, "name"));
    }
    page_charts_end(p);
}

/* ---------------------------------------------------------------- histograms */

struct histogram {
    double part[ACTS][BINS];
    char label[ACTS][32];
    struct page_line line[ACTS];
    size_t acts;
};

static void add_parts(struct histogram *h, const json_t *row)
{
    double count[BINS] = {0}, points = doc_number(row, "points");
    numbers(doc_list(row, "histogram"), count, BINS);
    for (size_t i = 0; i < BINS; i++) h->part[h->acts][i] = count[i] > 0 && points > 0 ? 100 * count[i] / points : (double)NAN;
    h->line[h->acts] = (struct page_line){.label = text_clean(h->label[h->acts], sizeof h->label[0], doc_text(row, "name"), 0),
                                          .colour = (int)h->acts % PAGE_COLOURS,
                                          .y = h->part[h->acts]};
    h->acts++;
}

static void histogram(struct page *p, const json_t *device, const char *output, const char *dtype, int legend)
{
    static const char *const bins[BINS] = {"0", "0.5", "1", "2", "4", "8"};
    struct histogram *h = calloc(1, sizeof *h);
    char title[80];
    size_t i;
    json_t *row;
    if (!h) return;
    json_array_foreach(doc_list(device, "verify"), i, row)
    {
        if (h->acts < ACTS && strcmp(doc_text(row, "operator"), "act") == 0 && strcmp(doc_text(row, "output"), output) == 0 &&
            strcmp(doc_text(row, "dtype"), dtype) == 0)
            add_parts(h, row);
    }
    snprintf(title, sizeof title, "%s, %s", strcmp(output, "y") ? "derivatives" : "activations", dtype);
    struct page_chart chart = {title, "error up to, ULP", "% of the points", 6, h->acts, NULL, bins, h->line, 0, 1};
    if (h->acts && legend) page_legend(p, h->line, h->acts);
    if (h->acts && !legend) page_lines(p, &chart);
    free(h);
}

static void histograms(struct page *p, const json_t *device)
{
    static const char *const outputs[] = {"y", "da"}, *const dtypes[] = {"f32", "f16", "bf16"};
    page_paragraph(p, "How large the errors are: the part of the points in each bin, on a logarithmic scale.");
    histogram(p, device, "y", "f32", 1);
    page_charts_begin(p);
    for (size_t i = 0; i < 6; i++) histogram(p, device, outputs[i % 2], dtypes[i / 2], 0);
    page_charts_end(p);
}

/* ---------------------------------------------------------------- the worst inputs */

static void worst_row(struct page *p, const json_t *row)
{
    char cells[400], name[48], a[24], b[24], why[100];
    int good = json_is_true(json_object_get(row, "good"));
    snprintf(cells, sizeof cells, "%.10s %s\t%.10s\t%.10s\t%.4f\t%g\t%s%s%s\t%.0f\t%s %s", doc_text(row, "operator"),
             text_clean(name, sizeof name, doc_text(row, "name"), 0), doc_text(row, "output"), doc_text(row, "dtype"),
             doc_number(row, "max_ulp"), doc_number(row, "bound_ulp"), text_clean(a, sizeof a, doc_text(row, "worst_a_bits"), 0),
             *doc_text(row, "worst_b_bits") ? " " : "", text_clean(b, sizeof b, doc_text(row, "worst_b_bits"), 0),
             doc_number(row, "points"), good ? "\xe2\x9c\x93" : "\xe2\x9c\x97",
             text_clean(why, sizeof why, doc_text(row, "special_why"), 0));
    page_table_row(p, cells);
}

static void worst(struct page *p, const json_t *device)
{
    size_t i;
    json_t *row;
    page_details_begin(p, "The largest error of each operator, and where");
    page_table_begin(p, "operator\tof\ttype\terror, ULP\tbound\tat (bits)\tpoints\t");
    json_array_foreach(doc_list(device, "verify"), i, row) { worst_row(p, row); }
    page_table_end(p);
    page_details_end(p);
}

/* ---------------------------------------------------------------- hashes */

/* A row of the table: what the host expects, and each device's, shortened where it is that. */
static void hash_row(struct page *p, const struct shown *s, const json_t *row)
{
    char cells[40 * (COLUMNS + 2)], name[48], want[24];
    const char *expected = doc_text(row, "expected_hash");
    int n = snprintf(cells, sizeof cells, "%.10s %s %.10s %.10s\t%s", doc_text(row, "operator"),
                     text_clean(name, sizeof name, doc_text(row, "name"), 0), doc_text(row, "output"), doc_text(row, "dtype"),
                     text_clean(want, sizeof want, expected, 0));
    for (size_t d = 0; d < s->devices; d++) {
        const json_t *own = find_row(s->device[d], doc_text(row, "operator"), doc_text(row, "name"), doc_text(row, "output"),
                                     doc_text(row, "dtype"));
        const char *hash = doc_text(own, "hash");
        int same = strcmp(hash, expected) == 0, other_points = own && doc_number(own, "points") != doc_number(row, "points");
        char clean[24];
        text_clean(clean, sizeof clean, hash, 0);
        n += snprintf(cells + n, sizeof cells - (size_t)n, "\t%s%s",
                      !*hash         ? ""
                      : other_points ? "(other points)"
                      : same         ? "\xe2\x9c\x93"
                                     : "\xe2\x9c\x97 ",
                      same || other_points ? "" : clean);
    }
    page_table_row(p, cells);
}

static void hashes(struct page *p, const struct shown *s)
{
    char titles[(SWEEP_PAGE_NAME + 1) * (COLUMNS + 1)];
    size_t i;
    json_t *row;
    int n = snprintf(titles, sizeof titles, "operator, output, type\texpected");
    for (size_t d = 0; d < s->devices; d++) {
        char label[DOC_LABEL], where[DOC_PLACE];
        n += snprintf(titles + n, sizeof titles - (size_t)n, "\t%s %s", doc_label(s->doc, s->machine[d], label),
                      doc_place(s->device[d], where));
    }
    page_heading(p, "Hashes");
    page_paragraph(p, "XXH64 of the bits of all results, beside that of the host's arithmetic on the same inputs.");
    page_details_begin(p, "The table");
    page_table_begin(p, titles);
    json_array_foreach(doc_list(s->device[0], "verify"), i, row) { hash_row(p, s, row); }
    page_table_end(p);
    page_details_end(p);
}

void sweep_page_numbers(struct page *p, const json_t *doc)
{
    struct shown s = {.doc = doc};
    doc_each(doc, collect, &s);
    for (size_t i = 0; i < s.differents; i++) {
        char title[160], hash[24];
        snprintf(title, sizeof title, "Errors%s%s", s.differents > 1 ? ", all bits " : "",
                 s.differents > 1 ? text_clean(hash, sizeof hash, doc_text(s.different[i], "hash"), 0) : "");
        page_heading(p, title);
        curves(p, s.different[i]);
        histograms(p, s.different[i]);
        worst(p, s.different[i]);
    }
    if (s.devices) hashes(p, &s);
}
