/* table.c - tables of text that fit 80 columns. SPDX-License-Identifier: MIT */

#include "table.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

struct layout {
    int columns, flexible; /* the column that gives way, or -1 */
    int right[TABLE_COLUMNS];
    size_t width[TABLE_COLUMNS];
};

void table_row(struct table *t, enum text_paint paint, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (t->rows == t->room) {
        size_t room = t->room ? 2 * t->room : 32;
        char **cells = realloc(t->cells, room * sizeof *cells);
        if (cells) t->cells = cells;
        enum text_paint *paints = realloc(t->paint, room * sizeof *paints);
        if (paints) t->paint = paints;
        if (cells && paints) t->room = room;
    }
    char *text = n >= 0 && t->rows < t->room ? malloc((size_t)n + 1) : NULL;
    if (!text) {
        t->failed = 1;
        return;
    }
    va_start(args, format);
    vsnprintf(text, (size_t)n + 1, format, args);
    va_end(args);
    t->paint[t->rows] = paint;
    t->cells[t->rows++] = text;
}

/* Copies cell number `column` of a row to buf. */
static char *cell(const char *row, char separator, int column, char *buf, size_t size)
{
    const char ends[2] = {separator, 0};
    for (; column > 0 && *row; column--) {
        row += strcspn(row, ends);
        row += *row != 0;
    }
    size_t n = strcspn(row, ends);
    if (n >= size) n = size - 1;
    memcpy(buf, row, n);
    buf[n] = 0;
    return buf;
}

static char *title(const struct table *t, int column, char *buf, size_t size)
{
    cell(t->titles, '|', column, buf, size);
    if (*buf == '>' || *buf == '~') memmove(buf, buf + 1, strlen(buf));
    return buf;
}

static void measure(const struct table *t, struct layout *l, int indent)
{
    char buf[1024];
    *l = (struct layout){.columns = 1, .flexible = -1};
    for (const char *s = t->titles; *s; s++) l->columns += *s == '|';
    size_t total = (size_t)indent + 2 * (size_t)(l->columns - 1);
    for (int c = 0; c < l->columns; c++) {
        char kind = *cell(t->titles, '|', c, buf, sizeof buf);
        l->right[c] = kind == '>';
        if (kind == '~') l->flexible = c;
        l->width[c] = text_width(title(t, c, buf, sizeof buf));
        for (size_t r = 0; r < t->rows; r++) {
            size_t w = text_width(cell(t->cells[r], '\t', c, buf, sizeof buf));
            if (w > l->width[c]) l->width[c] = w;
        }
        total += l->width[c];
    }
    if (total <= TABLE_WIDTH || l->flexible < 0) return;
    size_t over = total - TABLE_WIDTH, *w = &l->width[l->flexible];
    *w = *w > over + 8 ? *w - over : 8;
}

static const char *next_character(const char *s)
{
    for (s += *s != 0; ((unsigned char)*s & 0xc0) == 0x80;) s++;
    return s;
}

/* Cuts the piece of *rest that fits into `width` columns, at a space if there is one; moves *rest behind it.
 */
static int take_piece(const char **rest, size_t width)
{
    const char *s = *rest, *end = s, *space = NULL;
    for (size_t n = 0; *end && n < width; n++) {
        end = next_character(end);
        if (*end == ' ') space = end;
    }
    if (*end && space) end = space;
    *rest = end + strspn(end, " ");
    return (int)(end - s);
}

/* One row; a flexible cell that is too long goes on below, in its column. */
static void print_row(const struct table *t, const struct layout *l, const char *row, char separator,
                      enum text_paint paint, FILE *out, int indent)
{
    char buf[1024], folded[1024] = "";
    const char *rest = folded;
    if (l->flexible >= 0) cell(row, separator, l->flexible, folded, sizeof folded);
    int first = 1;
    do {
        fprintf(out, "%*s%s", indent, "", text_on(out, paint));
        size_t owed = 0; /* spaces, written only before text: no line ends in spaces */
        for (int c = 0; c < l->columns; c++) {
            const char *s = "";
            int n = 0;
            if (c == l->flexible) {
                s = rest;
                n = take_piece(&rest, l->width[c]);
            } else if (first) {
                s = separator == '|' ? title(t, c, buf, sizeof buf)
                                     : cell(row, separator, c, buf, sizeof buf);
                n = (int)strlen(s);
            }
            if (c == l->flexible && first && separator == '|') s += *s == '~', n -= n > 0;
            size_t pad = l->width[c];
            for (int i = 0; i < n && pad; i++) pad -= ((unsigned char)s[i] & 0xc0) != 0x80;
            if (l->right[c]) owed += pad;
            if (n) fprintf(out, "%*s%.*s", (int)owed, "", n, s), owed = 0;
            owed += 2 + (l->right[c] ? (n ? 0 : l->width[c] - pad) : pad);
        }
        fprintf(out, "%s\n", text_off(out, paint));
        first = 0;
    } while (*rest);
}

void table_free(struct table *t)
{
    for (size_t r = 0; r < t->rows; r++) free(t->cells[r]);
    free(t->cells);
    free(t->paint);
    *t = (struct table){.titles = t->titles};
}

void table_print(struct table *t, FILE *out, int indent)
{
    struct layout l;
    measure(t, &l, indent);
    if (*t->titles != '-') print_row(t, &l, t->titles, '|', TEXT_BOLD, out, indent);
    for (size_t r = 0; r < t->rows; r++) print_row(t, &l, t->cells[r], '\t', t->paint[r], out, indent);
    if (t->failed) fprintf(out, "(rows are missing: out of memory)\n");
    table_free(t);
}
