/* sweep_page_blocks.c - one device's feed-forward blocks on a sweep's page: roofline, CLBlast beside them, all figures.
   SPDX-License-Identifier: MIT */

#include "sweep_page.h"
#include "text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* More are in the table, not in the charts. */
enum { POINTS = 128, SERIES = 24, BARS = 32 };

/* ---------------------------------------------------------------- the roofline */

/* Places of all points and of the roof's ends and knee, in rising order, and the heights there. */
struct roofline {
    double read, fma; /* the device's limits */
    double x[POINTS + 3], roof[POINTS + 3], y[SERIES][POINTS + 3];
    char label[SERIES][64];
    size_t count, series;
    struct page_line line[SERIES + 1];
};

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
            if ((isnan(rate) || there > rate) && there < 1e9) rate = there;
        }
    }
    return rate > 0 && rate < 1e12 ? rate : (double)NAN;
}

/* Operations for each byte of packed weights. */
static double intensity(const json_t *row)
{
    const json_t *ours = json_object_get(row, "block");
    double x = doc_number(ours, "gflop_per_s") / doc_number(ours, "gb_per_s");
    return x > 1e-6 && x < 1e9 ? x : (double)NAN;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void set_places(struct roofline *r, const json_t *device)
{
    double knee = r->fma / r->read, low = knee / 4, high = knee * 4;
    size_t i, k;
    json_t *block, *row;
    json_array_foreach(doc_list(device, "ffn"), i, block)
    {
        json_array_foreach(doc_list(block, "rows"), k, row)
        {
            double x = intensity(row);
            if (isnan(x) || r->count == POINTS) continue;
            r->x[r->count++] = x;
            if (x < low) low = x;
            if (x > high) high = x;
        }
    }
    r->x[r->count++] = low / 2;
    r->x[r->count++] = knee;
    r->x[r->count++] = high * 2;
    qsort(r->x, r->count, sizeof *r->x, by_size);
    for (i = 0; i < r->count; i++) r->roof[i] = r->x[i] < knee ? r->x[i] * r->read : r->fma;
}

static void add_series(struct roofline *r, const json_t *block)
{
    size_t s = r->series++, k;
    char name[40];
    json_t *row;
    for (size_t i = 0; i < r->count; i++) r->y[s][i] = (double)NAN;
    json_array_foreach(doc_list(block, "rows"), k, row)
    {
        double x = intensity(row);
        size_t i = 0;
        while (i < r->count && r->x[i] != x) i++;
        if (i < r->count) r->y[s][i] = doc_number(json_object_get(row, "block"), "gflop_per_s");
    }
    snprintf(r->label[s], sizeof r->label[s], "%s %.10s", text_clean(name, sizeof name, doc_text(block, "name"), 0),
             doc_text(block, "dtype"));
    r->line[s + 1] = (struct page_line){
        .label = r->label[s], .colour = (int)(s + 1) % PAGE_COLOURS, .dots = 1 + (int)s % PAGE_SHAPES, .y = r->y[s]};
}

static void read_roofline(struct roofline *r, const json_t *device)
{
    const json_t *rates = json_object_get(device, "rates"), *blocks = doc_list(device, "ffn");
    r->read = best_rate(device, "gb_per_s", "of_read", doc_number(rates, "read_gb_per_s"));
    r->fma = best_rate(device, "gflop_per_s", "of_fma", doc_number(rates, "fma_gflop_per_s"));
    r->line[0] = (struct page_line){.label = "read rate and FMA rate, the best of the run", .thick = 1, .y = r->roof};
    if (isnan(r->read) || isnan(r->fma)) return;
    set_places(r, device);
    for (size_t i = 0; i < json_array_size(blocks) && r->series < SERIES; i++)
        if (json_array_size(doc_list(json_array_get(blocks, i), "rows")) > 0) add_series(r, json_array_get(blocks, i));
}

/* The device's two limits as a roof, and where the blocks are under it. */
static void draw_roofline(struct page *p, const struct roofline *r)
{
    struct page_chart chart = {"Roofline of the feed-forward blocks",
                               "FLOP for each byte of packed weights",
                               "GFLOP/s",
                               r->count,
                               r->series + 1,
                               r->x,
                               NULL,
                               r->line,
                               1,
                               1};
    page_lines(p, &chart);
}

/* ---------------------------------------------------------------- CLBlast */

static void add_bar(struct page_rows *rows, struct page_row *row, char label[64], char value[48], const json_t *block,
                    const json_t *b)
{
    double times = doc_number(doc_at(b, "clblast.time"), "median_s") / doc_number(doc_at(b, "block.time"), "median_s");
    char dtype[16];
    if (!(times > 0 && times < 1e6) || rows->rows == BARS) return;
    text_clean(dtype, sizeof dtype, doc_text(block, "dtype"), 0);
    snprintf(label, 64, "%s, %.0f row%s", dtype, doc_number(b, "rows"), doc_number(b, "rows") == 1 ? "" : "s");
    snprintf(value, 48, "%.3g", times);
    *row = (struct page_row){.label = label, .value = value, .colour = 1, .part = {times, 0}};
    rows->rows++;
}

/* One chart for each model: its types and rows. */
static void clblast_bars(struct page *p, const json_t *device, const char *model)
{
    struct page_row row[BARS + 1] = {{.label = NULL}};
    char label[BARS + 1][64], value[BARS + 1][48], title[96], clean[64];
    struct page_rows rows = {.title = title, .x_title = "times as long as ours", .row = row};
    size_t i, k;
    json_t *block, *b;
    json_array_foreach(doc_list(device, "ffn"), i, block)
    {
        if (strcmp(doc_text(block, "name"), model) != 0) continue;
        json_array_foreach(doc_list(block, "rows"), k, b)
        {
            add_bar(&rows, &row[rows.rows], label[rows.rows], value[rows.rows], block, b);
        }
    }
    snprintf(title, sizeof title, "CLBlast's time, %s", text_clean(clean, sizeof clean, model, 0));
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

/* ---------------------------------------------------------------- all figures */

static const char *time_of(char out[TEXT_NUMBER], const json_t *owner, const char *path)
{
    double seconds = doc_number(doc_at(owner, path), "median_s");
    out[0] = 0;
    return seconds >= 0 && seconds < 1e9 ? text_time(out, seconds) : out;
}

static void block_row(struct page *p, const json_t *block, const json_t *row)
{
    static const char *const speeds[] = {"gflop_per_s", "gb_per_s"}, *const parts[] = {"of_fma", "of_read"};
    const json_t *ours = json_object_get(row, "block");
    char cells[400], name[64], dtype[16], rows[SWEEP_PAGE_NUMBER], t[TEXT_NUMBER], o[TEXT_NUMBER], figure[4][SWEEP_PAGE_NUMBER];
    for (int i = 0; i < 2; i++) {
        sweep_page_speed_number(figure[i], doc_number(ours, speeds[i]));
        sweep_page_number(figure[2 + i], "%.2f", doc_number(ours, parts[i]));
    }
    snprintf(cells, sizeof cells, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s", text_clean(name, sizeof name, doc_text(block, "name"), 0),
             text_clean(dtype, sizeof dtype, doc_text(block, "dtype"), 0),
             sweep_page_number(rows, "%.0f", doc_number(row, "rows")), time_of(t, ours, "time"), figure[0], figure[1], figure[2],
             figure[3], time_of(o, row, "clblast.time"));
    page_table_row(p, cells);
}

static void skipped_row(struct page *p, const json_t *block)
{
    char cells[400], name[64], dtype[16], why[128];
    snprintf(cells, sizeof cells, "%s: %s\t%s\t" PAGE_NEITHER, text_clean(name, sizeof name, doc_text(block, "name"), 0),
             text_clean(why, sizeof why, doc_text(block, "skipped"), 0),
             text_clean(dtype, sizeof dtype, doc_text(block, "dtype"), 0));
    page_table_row(p, cells);
}

static void figures(struct page *p, const json_t *device)
{
    size_t i, k, shown = 0;
    json_t *block, *row;
    page_table_begin(p, "block\ttype\trows\ttime\tGFLOP/s\tGB/s of weights\tof FMA rate\tof read rate\tCLBlast");
    json_array_foreach(doc_list(device, "ffn"), i, block)
    {
        if (*doc_text(block, "skipped") && shown++ < SWEEP_PAGE_ROWS) skipped_row(p, block);
        json_array_foreach(doc_list(block, "rows"), k, row)
        {
            if (shown++ < SWEEP_PAGE_ROWS) block_row(p, block, row);
        }
    }
    page_table_end(p);
}

void sweep_page_blocks(struct page *p, const json_t *device)
{
    if (json_array_size(doc_list(device, "ffn")) == 0) return;
    struct roofline *r = calloc(1, sizeof *r);
    if (!r) return;
    read_roofline(r, device);
    page_paragraph(p, "Feed-forward blocks: with few rows the read rate of the memory limits them, with many the FMA rate.");
    if (r->series) page_legend(p, r->line, r->series + 1);
    page_charts_begin(p);
    if (r->series) draw_roofline(p, r);
    clblast(p, device);
    page_charts_end(p);
    figures(p, device);
    free(r);
}
