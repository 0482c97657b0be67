/* page_chart.c - charts as SVG: scales, lines, bars and dots. SPDX-License-Identifier: MIT */

#include "page.h"
#include "text.h"

#include <math.h>
#include <string.h>

/* All charts are that wide; text of 13 units stays readable when a phone shows them at 330 pixels. */
static const double width = 400, left = 58, right = 12;

/* ---------------------------------------------------------------- scales */

static void add_tick(struct page_scale *s, double value)
{
    if (s->ticks < (int)(sizeof s->tick / sizeof *s->tick)) s->tick[s->ticks++] = value;
}

/* Ticks at 1, 2 or 5 times a power of ten, six or seven at most. */
static void linear(struct page_scale *s)
{
    double raw = (s->high - s->low) / 5, power = pow(10, floor(log10(raw)));
    double part = raw / power, step = power * (part <= 1 ? 1 : part <= 2 ? 2 : part <= 5 ? 5 : 10);
    double first = floor(s->low / step + 1e-9), last = ceil(s->high / step - 1e-9);
    s->low = first * step;
    s->high = last * step;
    for (int i = 0; s->ticks == i && first + i <= last; i++) add_tick(s, (first + i) * step); /* until there is no room */
}

static void logarithmic(struct page_scale *s)
{
    static const double steps[] = {1, 2, 5};
    double first = floor(log10(s->low)), last = ceil(log10(s->high));
    int wide = last - first > 3;
    /* NOLINTNEXTLINE(cert-flp30-c,clang-analyzer-security.FloatLoopCounter): whole numbers */
    for (double e = first; e <= last; e++)
        for (int i = 0; i < (wide ? 1 : 3); i++) {
            double tick = steps[i] * pow(10, e), next = steps[(i + 1) % 3] * pow(10, i == 2 ? e + 1 : e);
            if ((wide || next > s->low) && (wide || s->ticks == 0 || s->tick[s->ticks - 1] < s->high))
                add_tick(s, tick);
        }
    s->low = s->tick[0];
    s->high = s->tick[s->ticks - 1];
}

void page_scale_set(struct page_scale *s, double low, double high, double from, double to, int log)
{
    *s = (struct page_scale){.low = low, .high = high, .from = from, .to = to, .log = log};
    if (!isfinite(low) || !isfinite(high) || (log && low <= 0)) s->low = 1, s->high = 2;
    if (s->high <= s->low) s->high = s->low + (s->low != 0 ? fabs(s->low) : 1);
    if (log)
        logarithmic(s);
    else
        linear(s);
}

double page_scale_at(const struct page_scale *s, double value)
{
    double part = s->log ? (log10(value) - log10(s->low)) / (log10(s->high) - log10(s->low))
                         : (value - s->low) / (s->high - s->low);
    return s->from + part * (s->to - s->from);
}

/* ---------------------------------------------------------------- the frame of a chart */

void page_chart_begin(struct page *p, const char *title, double w, double h)
{
    fputs("<figure><figcaption>", p->out);
    page_text(p, title);
    fprintf(
        p->out,
        "</figcaption>\n<svg viewBox=\"0 0 %g %g\" role=\"img\" aria-labelledby=\"t%d\">\n<title id=\"t%d\">",
        w, h, p->charts, p->charts);
    page_text(p, title);
    fputs("</title>\n", p->out);
    p->charts++;
}

void page_chart_end(struct page *p) { fputs("</svg></figure>\n", p->out); }

static void label(struct page *p, double x, double y, const char *anchor, const char *text)
{
    fprintf(p->out, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">", x, y, anchor);
    page_text(p, text);
    fputs("</text>\n", p->out);
}

static void rule(struct page *p, double x1, double y1, double x2, double y2)
{
    fprintf(p->out, "<line class=\"grid\" x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\"/>\n", x1, y1, x2,
            y2);
}

/* How wide a label is, at most. */
static double label_width(const char *text) { return 8 * (double)text_width(text); }

/* A label below an axis, unless it would run into the one before, which ends at *end. */
static void x_label(struct page *p, double at, double y, int last, const char *text, double *end)
{
    double size = label_width(text), begin = last ? at - size : at - size / 2;
    if (begin < *end) return;
    label(p, at, y, last ? "end" : "middle", text);
    *end = begin + size + 4;
}

static void x_axis(struct page *p, const struct page_scale *x, double top, double bottom, const char *title)
{
    char text[32];
    double end = 0;
    for (int i = 0; i < x->ticks; i++) {
        double at = page_scale_at(x, x->tick[i]);
        snprintf(text, sizeof text, "%.6g", x->tick[i]);
        rule(p, at, top, at, bottom);
        x_label(p, at, bottom + 17, i == x->ticks - 1, text, &end);
    }
    label(p, (x->from + x->to) / 2, bottom + 35, "middle", title);
}

static void y_axis(struct page *p, const struct page_scale *y, const char *title)
{
    char text[32];
    for (int i = 0; i < y->ticks; i++) {
        double at = page_scale_at(y, y->tick[i]);
        snprintf(text, sizeof text, "%.6g", y->tick[i]);
        rule(p, left, at, width - right, at);
        label(p, left - 6, at + 4, "end", text);
    }
    label(p, 4, y->to - 12, "start", title);
}

/* ---------------------------------------------------------------- lines */

static int drawn(const struct page_chart *c, double v) { return isfinite(v) && !(c->log_y && v <= 0); }

static void extent(const struct page_chart *c, double *low, double *high)
{
    *low = (double)INFINITY;
    *high = -(double)INFINITY;
    for (size_t l = 0; l < c->lines; l++)
        for (size_t i = 0; i < c->count; i++) {
            double v = c->line[l].y[i];
            if (!drawn(c, v)) continue;
            if (v < *low) *low = v;
            if (v > *high) *high = v;
        }
}

/* Shapes differ so that colours need not be told apart. */
static void draw_dot(struct page *p, int shape, int colour, double x, double y)
{
    static const char *const paths[PAGE_SHAPES] = {"m-4.5 0a4.5 4.5 0 1 0 9 0a4.5 4.5 0 1 0-9 0z", "m-4-4h8v8h-8z",
                                                   "m0-5.5l5 9h-10z", "m0-5.5l5.5 5.5l-5.5 5.5l-5.5-5.5z"};
    fprintf(p->out, "<path class=\"c%d\" d=\"M%.1f %.1f%s\">", colour % PAGE_COLOURS, x, y, paths[(shape - 1) % PAGE_SHAPES]);
}

static void draw_dots(struct page *p, const struct page_chart *c, const struct page_line *line, const struct page_scale *x,
                      const struct page_scale *y)
{
    for (size_t i = 0; i < c->count; i++) {
        if (!drawn(c, line->y[i])) continue;
        draw_dot(p, line->dots, line->colour, page_scale_at(x, c->x ? c->x[i] : (double)i), page_scale_at(y, line->y[i]));
        fputs("<title>", p->out);
        page_text(p, line->label);
        fputs("</title></path>\n", p->out);
    }
}

static void draw_line(struct page *p, const struct page_chart *c, const struct page_line *line,
                      const struct page_scale *x, const struct page_scale *y)
{
    int pen = 0;
    fprintf(p->out, "<path class=\"c%d line%s%s\" d=\"", line->colour % PAGE_COLOURS,
            line->dashed ? " dashed" : "", line->thick ? " thick" : "");
    for (size_t i = 0; i < c->count; i++) {
        double v = line->y[i], at = c->x ? c->x[i] : (double)i;
        int good = drawn(c, v);
        if (good) fprintf(p->out, "%s%.1f %.1f", pen ? "L" : "M", page_scale_at(x, at), page_scale_at(y, v));
        pen = good;
    }
    fputs("\"><title>", p->out);
    page_text(p, line->label);
    fputs("</title></path>\n", p->out);
}

static void name_axis(struct page *p, const struct page_chart *c, const struct page_scale *x, double top,
                      double bottom)
{
    double end = 0;
    for (size_t i = 0; i < c->count; i++) {
        double at = page_scale_at(x, (double)i);
        rule(p, at, top, at, bottom);
        x_label(p, at, bottom + 17, 0, c->names[i], &end);
    }
    label(p, (x->from + x->to) / 2, bottom + 35, "middle", c->x_title);
}

void page_lines(struct page *p, const struct page_chart *c)
{
    const double height = 300, top = 28, bottom = height - 44;
    struct page_scale x = {.low = -0.5, .high = (double)c->count - 0.5, .from = left, .to = width - right}, y;
    double low, high;
    extent(c, &low, &high);
    page_scale_set(&y, low, high, bottom, top, c->log_y);
    page_chart_begin(p, c->title, width, height);
    y_axis(p, &y, c->y_title);
    if (c->x) {
        page_scale_set(&x, c->x[0], c->x[c->count - 1], left, width - right, c->log_x);
        x_axis(p, &x, top, bottom, c->x_title);
    } else {
        name_axis(p, c, &x, top, bottom);
    }
    for (size_t l = 0; l < c->lines; l++) (c->line[l].dots ? draw_dots : draw_line)(p, c, &c->line[l], &x, &y);
    page_chart_end(p);
}

void page_legend(struct page *p, const struct page_line *line, size_t lines)
{
    fputs("<ul class=\"legend\">\n", p->out);
    for (size_t l = 0; l < lines; l++) {
        fputs("<li><svg viewBox=\"0 -1 32 12\" aria-hidden=\"true\">", p->out);
        if (line[l].dots)
            draw_dot(p, line[l].dots, line[l].colour, 16, 5);
        else
            fprintf(p->out, "<path class=\"c%d line%s%s\" d=\"M0 5L32 5\">", line[l].colour % PAGE_COLOURS,
                    line[l].dashed ? " dashed" : "", line[l].thick ? " thick" : "");
        fputs("</path></svg>", p->out);
        page_text(p, line[l].label);
        fputs("</li>\n", p->out);
    }
    fputs("</ul>\n", p->out);
}

/* ---------------------------------------------------------------- rows */

static const double row_height = 24, row_left = 112, row_top = 8;

/* Cut to what has room at the left of a chart. */
static const char *short_label(char *out, size_t size, const char *text)
{
    size_t n = 0, most = 14, columns = 0;
    int whole = text_width(text) <= most;
    for (; text[n] && n + 4 < size; n++) {
        columns += ((unsigned char)text[n] & 0xc0) != 0x80;
        if (!whole && columns == most) break;
    }
    snprintf(out, size, "%.*s%s", (int)n, text, text[n] ? "\xe2\x80\xa6" : "");
    return out;
}

static void row_frame(struct page *p, const struct page_rows *r, const struct page_scale *x)
{
    char name[64];
    double bottom = row_top + row_height * (double)r->rows;
    page_chart_begin(p, r->title, width, bottom + 44);
    x_axis(p, x, row_top, bottom, r->x_title);
    for (size_t i = 0; i < r->rows; i++)
        label(p, row_left - 8, row_top + row_height * ((double)i + 0.5) + 5, "end", short_label(name, sizeof name, r->row[i].label));
}

void page_bars(struct page *p, const struct page_rows *r)
{
    struct page_scale x;
    double most = 0;
    size_t longest = 0;
    for (size_t i = 0; i < r->rows; i++)
        if (strlen(r->row[i].value) > longest) longest = strlen(r->row[i].value);
    for (size_t i = 0; i < r->rows; i++)
        if (r->row[i].part[0] + r->row[i].part[1] > most) most = r->row[i].part[0] + r->row[i].part[1];
    page_scale_set(&x, 0, most * (longest > 6 ? 1.7 : 1.25), row_left, width - right, 0); /* room for the values */
    row_frame(p, r, &x);
    for (size_t i = 0; i < r->rows; i++) {
        const struct page_row *row = &r->row[i];
        double y = row_top + row_height * (double)i, middle = page_scale_at(&x, row->part[0]);
        double end = page_scale_at(&x, row->part[0] + row->part[1]);
        fprintf(p->out,
                "<rect class=\"c%d\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\"/>"
                "<rect class=\"c%d rest\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\"/>\n",
                row->colour % PAGE_COLOURS, row_left, y + 4, middle - row_left, row_height - 8,
                row->colour % PAGE_COLOURS, middle, y + 4, end - middle, row_height - 8);
        label(p, end + 6, y + row_height / 2 + 5, "start", row->value);
    }
    page_chart_end(p);
}

static void dots_extent(const struct page_rows *r, double *low, double *high)
{
    *low = (double)INFINITY;
    *high = -(double)INFINITY;
    for (size_t i = 0; i < r->rows; i++)
        for (size_t k = 0; k < r->row[i].dots; k++) {
            double v = r->row[i].dot[k];
            if (v < *low) *low = v;
            if (v > *high) *high = v;
        }
}

void page_dots(struct page *p, const struct page_rows *r)
{
    struct page_scale x;
    double low, high;
    dots_extent(r, &low, &high);
    page_scale_set(&x, low, high, row_left, width - right - 6, 0);
    row_frame(p, r, &x);
    for (size_t i = 0; i < r->rows; i++) {
        const struct page_row *row = &r->row[i];
        double y = row_top + row_height * ((double)i + 0.5);
        int colour = row->colour % PAGE_COLOURS;
        fputs("<g><title>", p->out);
        page_text(p, row->value);
        fputs("</title>", p->out);
        for (size_t k = 0; k < row->dots; k++)
            if (isfinite(row->dot[k]))
                fprintf(p->out, "<circle class=\"c%d rest\" cx=\"%.1f\" cy=\"%.1f\" r=\"4\"/>", colour,
                        page_scale_at(&x, row->dot[k]), y);
        if (isfinite(row->mean))
            fprintf(p->out, "<line class=\"c%d mean\" x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\"/>",
                    colour, page_scale_at(&x, row->mean), y - 8, page_scale_at(&x, row->mean), y + 8);
        fputs("</g>\n", p->out);
    }
    page_chart_end(p);
}

/* ---------------------------------------------------------------- cells */

static void draw_cell(struct page *p, double x, double y, double wide, double weight, const char *text)
{
    fprintf(p->out, "<rect class=\"c1\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" opacity=\"%.2f\"><title>", x + 1,
            y + 1, wide - 2, row_height - 2, 0.06 + 0.44 * fmin(fmax(weight, 0), 1));
    page_text(p, text);
    fputs("</title></rect>\n", p->out);
    if (0.9 * label_width(text) < wide) label(p, x + wide / 2, y + row_height / 2 + 5, "middle", text);
}

void page_cells(struct page *p, const struct page_cells *c)
{
    double wide = (width - right - row_left) / (double)c->columns, bottom = row_top + row_height * (double)c->rows, end = 0;
    char name[64];
    page_chart_begin(p, c->title, width, bottom + 44);
    for (size_t r = 0; r < c->rows; r++) {
        double y = row_top + row_height * (double)r;
        label(p, row_left - 8, y + row_height / 2 + 5, "end", short_label(name, sizeof name, c->row[r]));
        for (size_t k = 0; k < c->columns; k++) {
            size_t i = r * c->columns + k;
            if (!isnan(c->weight[i])) draw_cell(p, row_left + wide * (double)k, y, wide, c->weight[i], c->text[i]);
        }
    }
    for (size_t k = 0; k < c->columns; k++) x_label(p, row_left + wide * ((double)k + 0.5), bottom + 17, 0, c->column[k], &end);
    label(p, (row_left + width - right) / 2, bottom + 35, "middle", c->x_title);
    page_chart_end(p);
}
