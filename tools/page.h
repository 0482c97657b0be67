/* page.h - one page that can be read alone and offline: HTML without scripts, charts as SVG, light and dark.
   SPDX-License-Identifier: MIT */

#ifndef CLGLU_TOOLS_PAGE_H
#define CLGLU_TOOLS_PAGE_H

#include "outfile.h"

#include <stddef.h>
#include <stdio.h>

/* Built in memory. Well-formed XML too. */
struct page {
    FILE *out; /* what is written to it is markup: foreign text goes through page_text */
    char *text;
    size_t size;
    int charts;
};

/* They return 0, or print the reason and return an exit status; page_close writes the page to the open file
   and gives it its name. */
int page_open(struct page *page, const char *title);
int page_close(struct page *page, struct outfile *out);

/* Text, cleaned and with its markup characters written as such. */
void page_text(struct page *page, const char *text);
void page_heading(struct page *page, const char *text);
void page_paragraph(struct page *page, const char *text);
/* Marks that need no colour; a cell that begins with one is drawn in its colour, too. */
#define PAGE_GOOD "\xe2\x9c\x93"
#define PAGE_BAD "\xe2\x9c\x97"
#define PAGE_NEITHER "\xe2\x80\x93"

/* Cells are separated by '\t'; the first of a row is its name. Rows are given one by one between begin and
 * end. */
void page_table_begin(struct page *page, const char *titles);
void page_table_row(struct page *page, const char *cells);
void page_table_end(struct page *page);
/* Names and their values, which may be long: a table whose texts are broken into lines. */
void page_facts_begin(struct page *page);

/* What is shown only when its summary is clicked, unless it is open from the beginning. */
void page_details_begin(struct page *page, const char *summary, int open);
void page_details_end(struct page *page);

/* Charts that belong together stand side by side where there is room. */
void page_charts_begin(struct page *page);
void page_charts_end(struct page *page);

/* Colours have numbers, from 0. */
enum { PAGE_COLOURS = 10, PAGE_SHAPES = 4 };

struct page_line {
    const char *label;
    int colour, dashed, thick;
    int dots;        /* 0: a line; 1 to PAGE_SHAPES: the points alone, in that shape */
    const double *y; /* count of them; a NaN leaves a gap */
};

/* Lines over common places x, in rising order; or over names (x NULL), evenly. */
struct page_chart {
    const char *title, *x_title, *y_title;
    size_t count, lines;
    const double *x;
    const char *const *names;
    const struct page_line *line;
    int log_x, log_y;
};
void page_lines(struct page *page, const struct page_chart *chart);
/* The lines' labels with their colours, for charts that share them. */
void page_legend(struct page *page, const struct page_line *line, size_t lines);

/* A row of a chart of rows: a bar of up to two parts, or dots with their mean. */
struct page_row {
    const char *label, *value;
    int colour;
    double part[2];    /* bars: from 0 */
    const double *dot; /* dots: or NULL */
    size_t dots;
    double mean;
};
struct page_rows {
    const char *title, *x_title;
    const struct page_row *row;
    size_t rows;
};
void page_bars(struct page *page, const struct page_rows *rows);
void page_dots(struct page *page, const struct page_rows *rows);

/* Cells of a table as a chart: each with its text, the darker the larger its weight is (0 to 1; NaN: empty). */
struct page_cells {
    const char *title, *x_title;
    size_t rows, columns;
    const char *const *row, *const *column; /* their labels */
    const double *weight;                   /* row by row */
    const char *const *text;
};
void page_cells(struct page *page, const struct page_cells *cells);

/* Shared by the charts: a scale from numbers to places, and where its ticks are. */
struct page_scale {
    double low, high, from, to;
    int log;
    double tick[16];
    int ticks;
};
/* Widens low and high to whole ticks. */
void page_scale_set(struct page_scale *scale, double low, double high, double from, double to, int log);
double page_scale_at(const struct page_scale *scale, double value);
void page_chart_begin(struct page *page, const char *title, double width, double height);
void page_chart_end(struct page *page);

#endif
