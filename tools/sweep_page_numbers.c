/* sweep_page_numbers.c - errors on a sweep's page: along the argument, how often, and the worst inputs.
   SPDX-License-Identifier: MIT */

#include "sweep_page.h"
#include "text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { BINS = 16, ACTS = 16, PLACES = 256, CURVES = 128 };

/* Devices with different results; those that have the same are shown once. */
struct shown {
    const json_t *doc, *machine[SWEEP_PAGE_COLUMNS], *device[SWEEP_PAGE_COLUMNS];
    size_t count, same[SWEEP_PAGE_COLUMNS]; /* how many more have these bits */
};

static void collect(const json_t *machine, const json_t *device, void *user)
{
    struct shown *s = user;
    size_t i = 0;
    if (json_array_size(doc_list(device, "verify")) == 0) return;
    while (i < s->count && strcmp(doc_text(s->device[i], "hash"), doc_text(device, "hash")) != 0) i++;
    if (i < s->count) {
        s->same[i]++;
    } else if (i < SWEEP_PAGE_COLUMNS) {
        s->machine[i] = machine;
        s->device[i] = device;
        s->count++;
    }
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
        if (i < CURVES && strcmp(doc_text(c, "name"), name) == 0 && strcmp(doc_text(c, "direction"), direction) == 0) return c;
    }
    return NULL;
}

static int rising(const double *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!isfinite(x[i]) || (i && x[i] <= x[i - 1])) return 0;
    return n > 1;
}

/* An activation's two curves with their bounds. */
struct curve {
    double x[PLACES], y[2][PLACES], bound[2][PLACES];
    size_t count;
    int exact; /* no error anywhere */
};

static void read_curve(struct curve *c, const json_t *device, const char *name)
{
    static const char *const directions[] = {"forward", "backward"}, *const outputs[] = {"y", "da"};
    double there[PLACES] = {0};
    c->exact = 1;
    for (int k = 0; k < 2; k++) {
        const json_t *list = find_curve(device, name, directions[k]);
        size_t n = numbers(doc_list(list, "x"), k ? there : c->x, PLACES);
        double bound = doc_number(sweep_page_row(device, "act", name, outputs[k], "f32"), "bound_ulp");
        for (size_t i = 0; i < PLACES; i++) c->y[k][i] = (double)NAN, c->bound[k][i] = fabs(bound) < 1e30 ? bound : (double)NAN;
        if (k == 0) c->count = n;
        if (n == c->count && (k == 0 || memcmp(c->x, there, n * sizeof *there) == 0)) numbers(doc_list(list, "ulp"), c->y[k], n);
        for (size_t i = 0; i < c->count; i++) c->exact &= c->y[k][i] == 0;
    }
}

static void draw_curve(struct page *p, const struct curve *c, const char *name)
{
    char title[80], clean[48];
    const struct page_line line[] = {{.label = "act", .colour = 1, .y = c->y[0]},
                                     {.label = "its derivative", .colour = 4, .y = c->y[1]},
                                     {.label = "bound of act", .colour = 1, .dashed = 1, .y = c->bound[0]},
                                     {.label = "bound of its derivative", .colour = 4, .dashed = 1, .y = c->bound[1]}};
    snprintf(title, sizeof title, "%s, f32", text_clean(clean, sizeof clean, name, 0));
    struct page_chart chart = {title, "x", "ULP", c->count, 4, c->x, NULL, line, 0, 0};
    page_lines(p, &chart);
}

/* Returns the name if there is nothing to draw, since there is no error. */
static const char *one_curve(struct page *p, const json_t *device, const json_t *forward)
{
    struct curve *c = calloc(1, sizeof *c);
    const char *name = doc_text(forward, "name");
    int exact = 0;
    if (!c) return NULL;
    read_curve(c, device, name);
    if (rising(c->x, c->count)) exact = c->exact;
    if (rising(c->x, c->count) && !exact) draw_curve(p, c, name);
    free(c);
    return exact ? name : NULL;
}

static void curves(struct page *p, const json_t *device)
{
    static const struct page_line line[] = {{.label = "act", .colour = 1},
                                            {.label = "its derivative", .colour = 4},
                                            {.label = "published bounds", .colour = 1, .dashed = 1}};
    char exact[300] = "";
    size_t i, used = 0;
    json_t *c;
    if (json_array_size(doc_list(device, "curves")) == 0) return;
    page_paragraph(
        p, "The largest error in each stretch of the argument, from -12 to 12, in units in the last place. Next to a root of a "
           "derivative its absolute error counts instead, and nothing is drawn from it.");
    page_legend(p, line, 3);
    page_charts_begin(p);
    json_array_foreach(doc_list(device, "curves"), i, c)
    {
        const char *name = i < 2 * ACTS && strcmp(doc_text(c, "direction"), "forward") == 0 ? one_curve(p, device, c) : NULL;
        if (name && used < sizeof exact - 1)
            used += (size_t)snprintf(exact + used, sizeof exact - used, "%s%.40s", used ? ", " : "No error at all: ", name);
    }
    page_charts_end(p);
    if (used) page_paragraph(p, exact);
}

/* ---------------------------------------------------------------- histograms */

struct histogram {
    char name[ACTS][32], text[ACTS][BINS][12];
    double part[ACTS][BINS];
    size_t acts, bins;
};

static void add_parts(struct histogram *h, const json_t *row)
{
    double count[BINS] = {0}, points = doc_number(row, "points");
    size_t a = h->acts++;
    text_clean(h->name[a], sizeof h->name[a], doc_text(row, "name"), 0);
    numbers(doc_list(row, "histogram"), count, BINS);
    for (size_t i = 0; i < BINS; i++) {
        double percent = 100 * count[i] / points;
        h->part[a][i] = percent > 0 && percent <= 100 ? percent : (double)NAN;
        if (!isnan(h->part[a][i]) && h->bins < i + 1) h->bins = i + 1;
        if (percent >= 0.001)
            snprintf(h->text[a][i], sizeof h->text[a][i], percent < 10 ? "%.2g" : "%.0f", fmin(percent, 100));
        else
            snprintf(h->text[a][i], sizeof h->text[a][i], "<.001");
    }
}

static void read_histogram(struct histogram *h, const json_t *device, const char *output, const char *dtype)
{
    size_t i;
    json_t *row;
    *h = (struct histogram){.bins = 5};
    json_array_foreach(doc_list(device, "verify"), i, row)
    {
        if (i < SWEEP_PAGE_ROWS && h->acts < ACTS && strcmp(doc_text(row, "operator"), "act") == 0 &&
            strcmp(doc_text(row, "output"), output) == 0 && strcmp(doc_text(row, "dtype"), dtype) == 0)
            add_parts(h, row);
    }
}

/* A part of 1e-6 of the points matters as much as a half: the colour goes with the logarithm. */
static void draw_histogram(struct page *p, const struct histogram *h, const char *output, const char *dtype)
{
    static const char *const bins[BINS] = {"0",  "0.5", "1",   "2",   "4",   "8",   "16",  "32",
                                           "64", "128", "256", "512", "1Ki", "2Ki", "4Ki", "more"};
    const char *names[ACTS], *texts[ACTS * BINS];
    double weights[ACTS * BINS];
    char title[80];
    for (size_t a = 0; a < h->acts; a++) {
        names[a] = h->name[a];
        for (size_t i = 0; i < h->bins; i++) {
            texts[a * h->bins + i] = h->text[a][i];
            weights[a * h->bins + i] = 1 + log10(h->part[a][i] / 100) / 6;
        }
    }
    snprintf(title, sizeof title, "%s, %s", strcmp(output, "y") ? "Derivatives" : "Activations", dtype);
    page_cells(p, &(struct page_cells){title, "error up to, ULP", h->acts, h->bins, names, bins, weights, texts});
}

static void histograms(struct page *p, const json_t *device)
{
    static const char *const outputs[] = {"y", "da"}, *const dtypes[] = {"f32", "f16", "bf16"};
    struct histogram *h = calloc(1, sizeof *h);
    int begun = 0;
    for (size_t i = 0; h && i < 6; i++) {
        read_histogram(h, device, outputs[i / 3], dtypes[i % 3]);
        if (h->acts == 0) continue;
        if (!begun++) {
            page_paragraph(p, "How large the errors are, and how often: the part of the points in each bin, in %.");
            page_charts_begin(p);
        }
        draw_histogram(p, h, outputs[i / 3], dtypes[i % 3]);
    }
    if (begun) page_charts_end(p);
    free(h);
}

/* ---------------------------------------------------------------- the worst inputs */

static void worst_row(struct page *p, const json_t *row)
{
    char cells[500], what[64], name[64], out[16], dtype[16], a[24], b[24], why[100];
    char ulp[SWEEP_PAGE_NUMBER], bound[SWEEP_PAGE_NUMBER], got[SWEEP_PAGE_NUMBER], want[SWEEP_PAGE_NUMBER],
        points[SWEEP_PAGE_NUMBER];
    const char *at = doc_number(row, "max_ulp") != 0 ? doc_text(row, "worst_a_bits") : ""; /* no error is nowhere */
    const char *beside = *at ? doc_text(row, "worst_b_bits") : "";
    snprintf(what, sizeof what, "%.10s %.40s", doc_text(row, "operator"), doc_text(row, "name"));
    snprintf(cells, sizeof cells, "%s\t%s\t%s\t%s\t%s\t%s%s%s\t%s\t%s\t%s\t%s%s%s", text_clean(name, sizeof name, what, 0),
             text_clean(out, sizeof out, doc_text(row, "output"), 0), text_clean(dtype, sizeof dtype, doc_text(row, "dtype"), 0),
             sweep_page_number(ulp, "%.4f", doc_number(row, "max_ulp")),
             sweep_page_number(bound, "%g", doc_number(row, "bound_ulp")), text_clean(a, sizeof a, at, 0), *beside ? " " : "",
             text_clean(b, sizeof b, beside, 0), sweep_page_number(got, "%.9g", doc_number(row, "worst_got")),
             sweep_page_number(want, "%.9g", doc_number(row, "worst_want")),
             sweep_page_number(points, "%.0f", doc_number(row, "points")),
             json_is_true(json_object_get(row, "good")) ? PAGE_GOOD : PAGE_BAD, *doc_text(row, "special_why") ? " " : "",
             text_clean(why, sizeof why, doc_text(row, "special_why"), 0));
    page_table_row(p, cells);
}

static void worst(struct page *p, const json_t *device)
{
    size_t i;
    json_t *row;
    page_details_begin(p, "The largest error of each operator, and where", doc_number(device, "failed_rows") > 0);
    page_table_begin(p, "operator\tof\ttype\terror, ULP\tbound\tat (bits of a, b)\tgot\twant\tpoints\t");
    json_array_foreach(doc_list(device, "verify"), i, row)
    {
        if (i < SWEEP_PAGE_ROWS) worst_row(p, row);
    }
    page_table_end(p);
    page_details_end(p);
}

static void heading(struct page *p, const struct shown *s, size_t i)
{
    char text[SWEEP_PAGE_NAME + 100], name[SWEEP_PAGE_NAME], hash[24], more[64] = "";
    page_heading(p, s->count > 1 && i ? "Errors where the bits are others" : "Errors");
    if (s->same[i]) snprintf(more, sizeof more, " and %zu more with the same bits", s->same[i]);
    snprintf(text, sizeof text, "%s%s; all bits: %s.", sweep_page_name(s->doc, s->machine[i], s->device[i], name), more,
             text_clean(hash, sizeof hash, doc_text(s->device[i], "hash"), 0));
    page_paragraph(p, text);
}

void sweep_page_numbers(struct page *p, const json_t *doc)
{
    struct shown s = {.doc = doc};
    doc_each(doc, collect, &s);
    for (size_t i = 0; i < s.count; i++) {
        heading(p, &s, i);
        if (i) page_details_begin(p, "Curves and histograms", strcmp(doc_text(s.device[i], "verdict"), "good") != 0);
        curves(p, s.device[i]);
        histograms(p, s.device[i]);
        if (i) page_details_end(p);
        worst(p, s.device[i]);
    }
}
