/* table.h - tables of text that fit 80 columns. SPDX-License-Identifier: MIT */

#ifndef CLGLU_TOOLS_TABLE_H
#define CLGLU_TOOLS_TABLE_H

#include "text.h"

enum { TABLE_WIDTH = 80, TABLE_COLUMNS = 12 };

/* Column titles are separated by '|'. A title that begins with '>' stands right (numbers); one that begins
   with '~' gives way: its cells are folded at spaces until the table fits. All zero but the titles is an
   empty table. */
struct table {
    const char *titles;
    size_t rows, room;
    char **cells; /* one string a row, cells separated by '\t' */
    enum text_paint *paint;
    int failed; /* memory ran out: table_print says so */
};

/* Adds a row: printf, cells separated by '\t'. Foreign text in it must have been cleaned. */
void table_row(struct table *table, enum text_paint paint, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Prints it and frees the rows. Each line begins with `indent` spaces. */
void table_print(struct table *table, FILE *out, int indent);
/* Frees the rows of a table that was not printed; fine on one that was. */
void table_free(struct table *table);

#endif
