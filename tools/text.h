/* text.h - text for people: foreign text made harmless, numbers with units, colour.
   SPDX-License-Identifier: MIT */

#ifndef CLGLU_TOOLS_TEXT_H
#define CLGLU_TOOLS_TEXT_H

#include <stddef.h>
#include <stdio.h>

/* Copies `in` (a driver's text: never trusted) to out and replaces what could steer a terminal: control
   characters, malformed UTF-8, the characters that turn the direction of writing, and what XML cannot have. With `lines` newlines
   stay. Cut to fit at a whole character; NULL is "". Returns out. */
char *text_clean(char *out, size_t size, const char *in, int lines);

/* A word as a shell wants it: quoted if it has to be. Cut to fit. Returns out. */
char *text_shell(char *out, size_t size, const char *word);

/* Writes a cleaned text as HTML and XML want it. */
void text_markup(FILE *out, const char *text);

/* How many columns a cleaned text takes on a terminal (one for each character). */
size_t text_width(const char *s);

/* "512 B", "1.5 GiB"; "64 Ki", "32 Mi" for counts that are whole powers, plain digits else. Both return buf.
 */
enum { TEXT_NUMBER = 24 };
char *text_bytes(char buf[TEXT_NUMBER], double bytes);
char *text_count(char buf[TEXT_NUMBER], unsigned long long n);
char *text_time(char buf[TEXT_NUMBER], double seconds);

/* Is there something before that end? */
int text_ends_with(const char *s, const char *end);

/* Whether colour may be used on that stream: a terminal, and no NO_COLOR. */
int text_colour(FILE *stream);

enum text_paint { TEXT_PLAIN, TEXT_GOOD, TEXT_WARN, TEXT_BAD, TEXT_BOLD };
/* The escape sequences that begin and end a colour, or "". */
const char *text_on(FILE *stream, enum text_paint paint);
const char *text_off(FILE *stream, enum text_paint paint);

#endif
