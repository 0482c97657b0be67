/* sweep_page_side.c - all devices of a sweep's page beside each other: what each reaches of its own limits.
   SPDX-License-Identifier: MIT */

#include "sweep_page.h"
#include "text.h"

#include <math.h>
#include <string.h>

enum { BARS = 48 };

/* A chart in the making: what was reached, and in pale what the limit leaves. */
struct side {
    const json_t *doc;
    void (*find)(const json_t *device, double *reached, double *limit);
    struct page_row row[BARS];
    char label[BARS][DOC_LABEL + DOC_PLACE], value[BARS][2 * SWEEP_PAGE_NUMBER];
    size_t rows;
};

static int sane(double v) { return v > 0 && v < 1e9; }

static void geglu(const json_t *device, double *reached, double *limit)
{
    size_t i;
    json_t *b;
    json_array_foreach(doc_list(device, "bench"), i, b)
    {
        if (strcmp(doc_text(b, "name"), "geglu") != 0 || strcmp(doc_text(b, "direction"), "forward") != 0 ||
            strcmp(doc_text(b, "dtype"), "f32") != 0)
            continue;
        *reached = doc_number(b, "gb_per_s");
        *limit = doc_number(b, "limit_gb_per_s");
        return;
    }
}

/* The block that came nearest to the FMA rate. */
static void block(const json_t *device, double *reached, double *limit)
{
    size_t i, k;
    json_t *b, *row;
    json_array_foreach(doc_list(device, "ffn"), i, b)
    {
        json_array_foreach(doc_list(b, "rows"), k, row)
        {
            double speed = doc_number(doc_at(row, "block"), "gflop_per_s"), part = doc_number(doc_at(row, "block"), "of_fma");
            if (!sane(speed) || !sane(part) || speed < *reached) continue;
            *reached = speed;
            *limit = speed / part;
        }
    }
}

static void add(const json_t *machine, const json_t *device, void *user)
{
    struct side *s = user;
    char label[DOC_LABEL], where[DOC_PLACE], got[SWEEP_PAGE_NUMBER], most[SWEEP_PAGE_NUMBER];
    double reached = 0, limit = 0;
    size_t n = s->rows;
    s->find(device, &reached, &limit);
    if (n == BARS || !sane(reached)) return;
    double rest = sane(limit) && limit > reached ? limit - reached : 0;
    snprintf(s->label[n], sizeof s->label[n], "%s %s", doc_place(device, where), doc_label(s->doc, machine, label));
    snprintf(s->value[n], sizeof s->value[n], "%s%s%s", sweep_page_speed_number(got, reached), sane(limit) ? " of " : "",
             sane(limit) ? sweep_page_speed_number(most, limit) : "");
    s->row[n] = (struct page_row){
        .label = s->label[n], .value = s->value[n], .colour = 1 + (int)(n % (PAGE_COLOURS - 1)), .part = {reached, rest}};
    s->rows++;
}

static void chart(struct page *p, struct side *s, const char *title, const char *unit)
{
    s->rows = 0;
    doc_each(s->doc, add, s);
    struct page_rows rows = {.title = title, .x_title = unit, .row = s->row, .rows = s->rows};
    if (s->rows > 1) page_bars(p, &rows);
}

static void count(const json_t *machine, const json_t *device, void *user)
{
    (void)machine;
    *(int *)user += json_is_object(json_object_get(device, "rates"));
}

void sweep_page_side(struct page *p, const json_t *doc)
{
    struct side s = {.doc = doc, .find = geglu};
    int measured = 0;
    doc_each(doc, count, &measured);
    if (measured < 2) return;
    page_heading(p, "Side by side");
    page_paragraph(p, "What each device reaches, and in pale what its own limit leaves.");
    page_charts_begin(p);
    chart(p, &s, "geglu f32, forward", "GB/s");
    s.find = block;
    chart(p, &s, "The fastest feed-forward block", "GFLOP/s");
    page_charts_end(p);
}
