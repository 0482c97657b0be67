/* sweep_page_speed.c - one device on a sweep's page: its facts, its speed beside its limits. SPDX-License-Identifier: MIT */

#include "sweep_page.h"
#include "text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---------------------------------------------------------------- facts */

static void fact(struct page *p, const char *name, const char *value)
{
    char cells[256], clean[200];
    if (!*value) return;
    snprintf(cells, sizeof cells, "%s\t%s", name, text_clean(clean, sizeof clean, value, 0));
    page_table_row(p, cells);
}

static void fact_bytes(struct page *p, const char *name, double bytes)
{
    char text[TEXT_NUMBER];
    if (isfinite(bytes) && bytes >= 0) fact(p, name, text_bytes(text, bytes));
}

static void facts(struct page *p, const json_t *device)
{
    static const struct {
        const char *key, *name;
    } texts[] = {{"platform_name", "platform"}, {"vendor", "vendor"},      {"type", "type"},
                 {"device_version", "version"}, {"c_version", "language"}, {"driver_version", "driver"},
                 {"verdict", "verdict"},        {"remarks", "remarks"}},
      flags[] = {{"fp16", "fp16"}, {"fp64", "fp64"}, {"fma", "fast fma"}, {"subnormals", "subnormal numbers"}, {"compiler", "compiler"}};
    const json_t *f = json_object_get(device, "facts");
    char text[64];
    page_details_begin(p, "What it says of itself");
    page_table_begin(p, "fact\t");
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) fact(p, texts[i].name, doc_text(f, texts[i].key));
    snprintf(text, sizeof text, "%.0f at %.0f MHz", doc_number(f, "compute_units"), doc_number(f, "clock_mhz"));
    fact(p, "compute units", text);
    fact_bytes(p, "memory", doc_number(f, "global_bytes"));
    fact_bytes(p, "largest buffer", doc_number(f, "max_alloc_bytes"));
    fact_bytes(p, "local memory", doc_number(f, "local_bytes"));
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
        fact(p, flags[i].name, json_is_true(json_object_get(f, flags[i].key)) ? "yes" : "no");
    fact_bytes(p, "memory of the process, at most", doc_number(json_object_get(device, "memory"), "peak_bytes"));
    page_table_end(p);
    page_details_end(p);
}

static void builds(struct page *p, const json_t *device)
{
    size_t i;
    json_t *b;
    if (!doc_list(device, "build")) return;
    page_table_begin(p, "to build programs\tcold\tagain, by the driver's cache");
    json_array_foreach(doc_list(device, "build"), i, b)
    {
        double cold = doc_number(b, "cold_s"), warm = doc_number(b, "warm_s");
        char cells[200], what[64], c[TEXT_NUMBER] = "", w[TEXT_NUMBER] = "";
        if (isfinite(cold)) text_time(c, cold);
        if (isfinite(warm)) text_time(w, warm);
        snprintf(cells, sizeof cells, "%s\t%s\t%s", text_clean(what, sizeof what, doc_text(b, "what"), 0), c, w);
        page_table_row(p, cells);
    }
    page_table_end(p);
}

/* ---------------------------------------------------------------- gates beside the limit of memory */

enum { BARS = 32 };

static void gate_bars(struct page *p, const json_t *device, const char *direction, const char *dtype)
{
    struct page_row row[BARS] = {{.label = NULL}};
    char label[BARS][32], value[BARS][48], title[64];
    struct page_rows rows = {.title = title, .x_title = "part of the limit", .row = row};
    size_t i;
    json_t *b;
    json_array_foreach(doc_list(device, "bench"), i, b)
    {
        double ratio = doc_number(b, "ratio");
        size_t n = rows.rows;
        if (n == BARS || strcmp(doc_text(b, "direction"), direction) || strcmp(doc_text(b, "dtype"), dtype)) continue;
        if (!(ratio > 0) || ratio > 100) continue;
        snprintf(value[n], sizeof value[n], "%.2f, %.3g GB/s", ratio, doc_number(b, "gb_per_s"));
        row[n] = (struct page_row){.label = text_clean(label[n], sizeof label[n], doc_text(b, "name"), 0),
                                   .value = value[n],
                                   .colour = (int)(n % PAGE_COLOURS),
                                   .part = {ratio, 0}};
        rows.rows++;
    }
    snprintf(title, sizeof title, "Gates, %s, %s", direction, dtype);
    if (rows.rows) page_bars(p, &rows);
}

static void gates(struct page *p, const json_t *device)
{
    static const char *const directions[] = {"forward", "backward"}, *const dtypes[] = {"f32", "f16", "bf16"};
    if (json_array_size(doc_list(device, "bench")) == 0) return;
    page_paragraph(p, "Gates beside a kernel of the same type that only moves the data, measured in turns: 1 is the speed of memory.");
    page_charts_begin(p);
    for (size_t i = 0; i < 6; i++) gate_bars(p, device, directions[i / 3], dtypes[i % 3]);
    page_charts_end(p);
}

/* ---------------------------------------------------------------- feed-forward blocks: the roofline */

enum { POINTS = 128, SERIES = 8, CORNERS = 25 };

/* Places of all points and of the roof, in rising order, and the series' heights there. */
struct roofline {
    double x[POINTS + CORNERS], roof[POINTS + CORNERS], y[SERIES][POINTS + CORNERS];
    char label[SERIES][64];
    size_t count, series;
};

static double intensity(const json_t *row)
{
    const json_t *ours = json_object_get(row, "block");
    double x = doc_number(ours, "gflop_per_s") / doc_number(ours, "gb_per_s");
    return x > 0 && x < 1e9 ? x : (double)NAN;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The places: the points' own, and some between the least and the most for the roof. */
static void set_places(struct roofline *r, const json_t *device)
{
    size_t i, k;
    json_t *block, *row;
    double low = 0.25, high = 1024;
    json_array_foreach(doc_list(device, "ffn"), i, block)
    {
        json_array_foreach(doc_list(block, "rows"), k, row)
        {
            double x = intensity(row);
            if (isnan(x) || r->count == POINTS) continue;
            r->x[r->count++] = x;
            while (low > x) low /= 2;
            while (high < x) high *= 2;
        }
    }
    for (int c = 0; c < CORNERS; c++) r->x[r->count++] = low * pow(high / low, c / (double)(CORNERS - 1));
    qsort(r->x, r->count, sizeof *r->x, by_size);
}

static void add_series(struct roofline *r, const json_t *block)
{
    double *y = r->y[r->series];
    char name[40];
    size_t k;
    json_t *row;
    for (size_t i = 0; i < r->count; i++) y[i] = (double)NAN;
    json_array_foreach(doc_list(block, "rows"), k, row)
    {
        double x = intensity(row);
        for (size_t i = 0; i < r->count; i++)
            if (r->x[i] == x) y[i] = doc_number(json_object_get(row, "block"), "gflop_per_s");
    }
    snprintf(r->label[r->series], sizeof r->label[r->series], "%s %.10s", text_clean(name, sizeof name, doc_text(block, "name"), 0),
             doc_text(block, "dtype"));
    r->series++;
}

/* One chart for each model: its types and rows. */
static void clblast_bars(struct page *p, const json_t *device, const char *model)
{
    struct page_row row[BARS] = {{.label = NULL}};
    char label[BARS][64], value[BARS][48], title[96], clean[64];
    struct page_rows rows = {.title = title, .x_title = "times", .row = row};
    size_t i, k;
    json_t *block, *b;
    json_array_foreach(doc_list(device, "ffn"), i, block)
    {
        if (strcmp(doc_text(block, "name"), model) != 0) continue;
        json_array_foreach(doc_list(block, "rows"), k, b)
        {
            double times = doc_number(doc_at(b, "clblast.time"), "median_s") / doc_number(doc_at(b, "block.time"), "median_s");
            size_t n = rows.rows;
            if (n == BARS || !(times > 0 && times < 1e6)) continue;
            snprintf(label[n], sizeof label[n], "%.10s, rows %.0f", doc_text(block, "dtype"), doc_number(b, "rows"));
            snprintf(value[n], sizeof value[n], "%.3g", times);
            row[n] = (struct page_row){
                .label = label[n], .value = value[n], .colour = (int)(i + 1) % PAGE_COLOURS, .part = {times, 0}};
            rows.rows++;
        }
    }
    snprintf(title, sizeof title, "CLBlast's time by ours, %s", text_clean(clean, sizeof clean, model, 0));
    if (rows.rows) page_bars(p, &rows);
}

static void clblast(struct page *p, const json_t *device)
{
    const json_t *list = doc_list(device, "ffn");
    for (size_t i = 0; i < json_array_size(list) && i < SERIES; i++) {
        const char *name = doc_text(json_array_get(list, i), "name");
        int begins = 1;
        for (size_t k = 0; k < i; k++) begins &= strcmp(doc_text(json_array_get(list, k), "name"), name) != 0;
        if (begins) clblast_bars(p, device, name);
    }
}

/* A device's rate, or one measured in turns with a block if that was higher: clocks change, and so do neighbours. */
static double best_rate(const json_t *device, const char *speed, const char *part, double rate)
{
    size_t i, k;
    json_t *block, *row;
    json_array_foreach(doc_list(device, "ffn"), i, block)
    {
        json_array_foreach(doc_list(block, "rows"), k, row)
        {
            const json_t *ours = json_object_get(row, "block");
            double there = doc_number(ours, speed) / doc_number(ours, part);
            if (there > rate && there < 1e9) rate = there;
        }
    }
    return rate;
}

static void roofline(struct page *p, const json_t *device)
{
    struct roofline *r = calloc(1, sizeof *r);
    struct page_line line[SERIES + 1] = {{.label = "the device's limits: the best read rate and FMA rate of the run", .thick = 1}};
    const json_t *rates = json_object_get(device, "rates"), *blocks = doc_list(device, "ffn");
    double read = best_rate(device, "gb_per_s", "of_read", doc_number(rates, "read_gb_per_s"));
    double fma = best_rate(device, "gflop_per_s", "of_fma", doc_number(rates, "fma_gflop_per_s"));
    if (!r) return;
    set_places(r, device);
    for (size_t i = 0; i < r->count; i++) r->roof[i] = r->x[i] * read < fma ? r->x[i] * read : fma;
    line[0].y = r->roof;
    for (size_t i = 0; i < json_array_size(blocks) && r->series < SERIES; i++) {
        const json_t *block = json_array_get(blocks, i);
        if (json_array_size(doc_list(block, "rows")) == 0) continue;
        add_series(r, block);
        line[r->series] = (struct page_line){.label = r->label[r->series - 1],
                                             .colour = (int)r->series % PAGE_COLOURS,
                                             .dots = 1,
                                             .y = r->y[r->series - 1]};
    }
    struct page_chart chart = {"Roofline of the feed-forward blocks", "FLOP for each byte of weights", "GFLOP/s", r->count, r->series + 1,
                               r->x, NULL, line, 1, 1};
    if (r->series && read > 0 && fma > 0) {
        page_legend(p, line, r->series + 1);
        page_charts_begin(p);
        page_lines(p, &chart);
        clblast(p, device);
        page_charts_end(p);
    }
    free(r);
}

static void block_row(struct page *p, const json_t *block, const json_t *row)
{
    const json_t *ours = json_object_get(row, "block");
    double time = doc_number(doc_at(ours, "time"), "median_s"), other = doc_number(doc_at(row, "clblast.time"), "median_s");
    char cells[300], name[64], t[TEXT_NUMBER] = "", o[TEXT_NUMBER] = "";
    if (isfinite(time)) text_time(t, time);
    if (isfinite(other)) text_time(o, other);
    snprintf(cells, sizeof cells, "%s\t%.10s\t%.0f\t%s\t%.3g\t%.3g\t%.2f\t%.2f\t%s",
             text_clean(name, sizeof name, doc_text(block, "name"), 0), doc_text(block, "dtype"), doc_number(row, "rows"), t,
             doc_number(ours, "gflop_per_s"), doc_number(ours, "gb_per_s"), doc_number(ours, "of_fma"), doc_number(ours, "of_read"), o);
    page_table_row(p, cells);
}

static void blocks(struct page *p, const json_t *device)
{
    size_t i, k;
    json_t *block, *row;
    if (json_array_size(doc_list(device, "ffn")) == 0) return;
    roofline(p, device);
    page_table_begin(p, "block\ttype\trows\ttime\tGFLOP/s\tGB/s of weights\tof FMA rate\tof read rate\tCLBlast");
    json_array_foreach(doc_list(device, "ffn"), i, block)
    {
        json_array_foreach(doc_list(block, "rows"), k, row) { block_row(p, block, row); }
    }
    page_table_end(p);
}

void sweep_page_speed(struct page *p, const json_t *device)
{
    facts(p, device);
    builds(p, device);
    blocks(p, device);
    gates(p, device);
}
