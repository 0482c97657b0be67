/* tune.c - the tuning file: which kernel computes which block on which device.
   SPDX-License-Identifier: MIT */

#include "tune.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "file.h"

enum { LARGEST_FILE = 1 /* MiB */, LONGEST_LINE = 4096, LARGEST_SIZE = 1 << 22, LARGEST_TILE = 256 };

typedef struct entry {
    size_t d_model, d_ff, rows;
    clglu_dtype dtype;
    bool clblast; /* then choice is all zero */
    clglu_ffn_choice choice;
} entry;

struct clglu_tuning {
    entry *entries;
    size_t count, room;
};

typedef struct parser {
    const char *at, *end; /* what is left of the line */
    const char *name, *driver;
    clglu_tuning *tuning;
    bool in_section, own; /* own: the section is for the device asked for */
    clglu_tuning_fault *fault;
} parser;

/* ---------------------------------------------------------------- words */

static clglu_status not_understood(parser *p, const char *what)
{
    snprintf(p->fault->what, sizeof p->fault->what, "%s", what);
    return CLGLU_FILE_FAILED;
}

static bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r'; }

/* The next word, or a length of 0 at the line's end. */
static const char *next_word(parser *p, size_t *length)
{
    while (p->at < p->end && is_blank(*p->at)) p->at++;
    const char *word = p->at;
    while (p->at < p->end && !is_blank(*p->at)) p->at++;
    *length = (size_t)(p->at - word);
    return word;
}

static bool is_word(const char *word, size_t length, const char *want)
{
    return length == strlen(want) && memcmp(word, want, length) == 0;
}

/* Takes the next word if it is `want`. */
static bool take(parser *p, const char *want)
{
    size_t length;
    const char *before = p->at, *word = next_word(p, &length);
    if (is_word(word, length, want)) return true;
    p->at = before;
    return false;
}

static clglu_status expect(parser *p, const char *want)
{
    char text[64];
    if (take(p, want)) return CLGLU_OK;
    snprintf(text, sizeof text, "the word '%s' is expected here", want);
    return not_understood(p, text);
}

static clglu_status expect_end(parser *p)
{
    size_t length;
    next_word(p, &length);
    return length ? not_understood(p, "there is more on the line than is understood") : CLGLU_OK;
}

/* "KEY DIGITS": a number from 0, of at most 15 digits. */
static clglu_status number(parser *p, const char *key, size_t *value)
{
    char text[80];
    size_t length;
    uint64_t v = 0;
    clglu_status status = expect(p, key);
    if (status) return status;
    const char *digits = next_word(p, &length);
    bool good = length >= 1 && length <= 15;
    for (size_t i = 0; good && i < length; i++) {
        good = digits[i] >= '0' && digits[i] <= '9';
        v = 10 * v + (uint64_t)(digits[i] - '0');
    }
    if (good && v <= SIZE_MAX) {
        *value = (size_t)v;
        return CLGLU_OK;
    }
    snprintf(text, sizeof text, "after '%s' a number of at most 15 digits is expected", key);
    return not_understood(p, text);
}

static clglu_status dimension(parser *p, const char *key, size_t *value)
{
    char text[80];
    clglu_status status = number(p, key, value);
    if (status || (*value >= 1 && *value <= LARGEST_SIZE)) return status;
    snprintf(text, sizeof text, "%s must be from 1 to %d", key, (int)LARGEST_SIZE);
    return not_understood(p, text);
}

/* "KEY DIGITS" or nothing; what a choice cannot be becomes the nearest that it can. */
static clglu_status tile(parser *p, const char *key, unsigned *value)
{
    size_t v;
    const char *before = p->at;
    if (!take(p, key)) return CLGLU_OK;
    p->at = before;
    clglu_status status = number(p, key, &v);
    if (!status) *value = v < 1 ? 1 : v > LARGEST_TILE ? LARGEST_TILE : (unsigned)v;
    return status;
}

/* ---------------------------------------------------------------- quoted strings */

static int hex_digit(char c)
{
    static const char digits[] = "0123456789abcdef0123456789ABCDEF";
    const char *at = c ? strchr(digits, c) : NULL;
    return at ? (int)((at - digits) % 16) : -1;
}

/* The byte that an escape stands for; 0: it stands for none. */
static char escaped(parser *p)
{
    if (p->at == p->end) return 0;
    char c = *p->at++;
    if (c == '"' || c == '\\') return c;
    if (c != 'x' || p->end - p->at < 2) return 0;
    int high = hex_digit(p->at[0]), low = hex_digit(p->at[1]);
    p->at += 2;
    return (char)(high < 0 || low < 0 ? 0 : 16 * high + low);
}

/* A quoted string behind blanks; `text` has room for a whole line. */
static clglu_status quoted(parser *p, char text[LONGEST_LINE + 1])
{
    size_t length = 0;
    while (p->at < p->end && is_blank(*p->at)) p->at++;
    if (p->at == p->end || *p->at++ != '"') return not_understood(p, "a string in quotes is expected here");
    while (p->at < p->end && *p->at != '"') {
        char c = *p->at++;
        if ((unsigned char)c < 0x20 || c == 0x7f)
            return not_understood(p, "a control character must be written as \\xHH");
        if (c == '\\' && (c = escaped(p)) == 0)
            return not_understood(p, "an escape is none of \\\", \\\\ and \\xHH");
        text[length++] = c;
    }
    text[length] = 0;
    if (p->at == p->end) return not_understood(p, "a string does not end on its line");
    p->at++;
    return CLGLU_OK;
}

/* ---------------------------------------------------------------- lines */

static clglu_status device_line(parser *p)
{
    char name[LONGEST_LINE + 1], driver[LONGEST_LINE + 1];
    clglu_status status = quoted(p, name);
    if (!status) status = expect(p, "driver");
    if (!status) status = quoted(p, driver);
    if (!status) status = expect_end(p);
    p->in_section = true;
    /* cppcheck-suppress uninitvar ; where status is 0, quoted() has filled it */
    p->own = !status && strcmp(name, p->name) == 0 && strcmp(driver, p->driver) == 0;
    return status;
}

static clglu_status dtype_of(parser *p, clglu_dtype *dtype)
{
    clglu_status status = expect(p, "dtype");
    for (int d = CLGLU_F32; !status && d <= CLGLU_BF16; d++)
        if (take(p, clglu_dtype_name((clglu_dtype)d))) {
            *dtype = (clglu_dtype)d;
            return CLGLU_OK;
        }
    return status ? status : not_understood(p, "dtype is none of f32, f16 and bf16");
}

static clglu_status form_of(parser *p, entry *e)
{
    static const struct {
        const char *name;
        clglu_ffn_form form;
    } forms[] = {{"general", CLGLU_FORM_GENERAL},
                 {"tile", CLGLU_FORM_TILE},
                 {"local", CLGLU_FORM_LOCAL},
                 {"split", CLGLU_FORM_SPLIT}};
    clglu_status status = expect(p, "form");
    if (status) return status;
    e->clblast = take(p, "clblast");
    if (e->clblast) return CLGLU_OK;
    for (size_t i = 0; i < sizeof forms / sizeof *forms && !e->choice.form; i++)
        if (take(p, forms[i].name)) e->choice.form = forms[i].form;
    if (!e->choice.form) return not_understood(p, "form is none of general, tile, local, split and clblast");
    status = tile(p, "row_tile", &e->choice.row_tile);
    return status ? status : tile(p, "tiles", &e->choice.tiles);
}

static clglu_status keep(clglu_tuning *t, const entry *e)
{
    if (t->count == t->room) {
        size_t room = t->room ? 2 * t->room : 32;
        entry *larger = realloc(t->entries, room * sizeof *larger);
        if (larger == NULL) return CLGLU_OUT_OF_MEMORY;
        t->entries = larger;
        t->room = room;
    }
    t->entries[t->count++] = *e;
    return CLGLU_OK;
}

static clglu_status ffn_line(parser *p)
{
    entry e = {.rows = 0};
    if (!p->in_section)
        return not_understood(p, "a line 'device \"NAME\" driver \"VERSION\"' must come first");
    clglu_status status = dimension(p, "d_model", &e.d_model);
    if (!status) status = dimension(p, "d_ff", &e.d_ff);
    if (!status) status = dtype_of(p, &e.dtype);
    if (!status) status = number(p, "rows", &e.rows);
    if (!status && e.rows == 0) status = not_understood(p, "rows must be from 1");
    if (!status) status = form_of(p, &e);
    if (!status) status = expect_end(p);
    return status || !p->own ? status : keep(p->tuning, &e);
}

static clglu_status one_line(parser *p)
{
    size_t length;
    if (p->end - p->at > LONGEST_LINE) return not_understood(p, "the line is longer than 4096 bytes");
    if (memchr(p->at, 0, (size_t)(p->end - p->at)))
        return not_understood(p, "a zero byte: this is not a text");
    if (p->fault->line == 1) {
        if (take(p, "clglu") && take(p, "tuning") && take(p, "1")) return expect_end(p);
        return not_understood(p, "the first line must be 'clglu tuning 1'");
    }
    const char *word = next_word(p, &length);
    if (length == 0 || *word == '#') return CLGLU_OK;
    if (is_word(word, length, "device")) return device_line(p);
    if (is_word(word, length, "ffn")) return ffn_line(p);
    return not_understood(p, "the first word is none of device, ffn and #");
}

clglu_status clglu_tuning_parse(const char *text, size_t size, const char *name, const char *driver,
                                clglu_tuning **tuning, clglu_tuning_fault *fault)
{
    parser p = {.name = name, .driver = driver, .fault = fault};
    const char *end = text + size;
    clglu_status status = CLGLU_OK;
    *tuning = p.tuning = calloc(1, sizeof *p.tuning);
    if (p.tuning == NULL) return CLGLU_OUT_OF_MEMORY;
    for (fault->line = 1; fault->line == 1 || text < end; fault->line++) {
        const char *newline = text < end ? memchr(text, '\n', (size_t)(end - text)) : NULL;
        p.at = text;
        p.end = newline ? newline : end;
        text = newline ? newline + 1 : end;
        if ((status = one_line(&p)) != CLGLU_OK) break;
    }
    if (status) {
        clglu_tuning_free(*tuning);
        *tuning = NULL;
    }
    return status;
}

/* ---------------------------------------------------------------- files */

clglu_status clglu_tuning_read(clglu_context *context, const char *path, clglu_tuning **tuning)
{
    clglu_tuning_fault fault = {.line = 0};
    const clglu_device_facts *f = &context->device.facts;
    char *text;
    size_t size;
    *tuning = NULL;
    clglu_status status = clglu_file_read(context, path, LARGEST_FILE, &text, &size);
    if (!status && text == NULL) {
        status = clglu_fail(context, CLGLU_FILE_FAILED, "%s: %s", path, clglu_reason(ENOENT, (char[CLGLU_REASON]){0}));
    } else if (!status) {
        status = clglu_tuning_parse(text, size, f->name, f->driver_version, tuning, &fault);
        if (status == CLGLU_FILE_FAILED)
            clglu_fail(context, status, "%s:%zu: %s", path, fault.line, fault.what);
        else if (status)
            clglu_fail(context, status, "no memory for %s", path);
    }
    free(text);
    return status;
}

void clglu_tuning_free(clglu_tuning *tuning)
{
    if (tuning == NULL) return;
    free(tuning->entries);
    free(tuning);
}

/* ---------------------------------------------------------------- looking up */

/* Is `candidate` better for so many rows than `best`? Of equals the later one, which is the candidate. */
static bool suits_better(size_t rows, size_t candidate, size_t best)
{
    if (candidate <= rows) return best > rows || candidate >= best;
    return best > rows && candidate <= best;
}

/* The entry for such a call among those for CLBlast (1), for the library's own kernels (0) or all (-1). */
static const entry *nearest(const clglu_tuning *t, const entry *key, int clblast)
{
    const entry *best = NULL;
    for (size_t i = 0; i < t->count; i++) {
        const entry *e = &t->entries[i];
        if (e->d_model != key->d_model || e->d_ff != key->d_ff || e->dtype != key->dtype) continue;
        if (clblast >= 0 && e->clblast != (clblast == 1)) continue;
        if (best == NULL || suits_better(key->rows, e->rows, best->rows)) best = e;
    }
    return best;
}

bool clglu_tuning_find(const clglu_tuning *tuning, size_t d_model, size_t d_ff, clglu_dtype dtype,
                       size_t rows, clglu_ffn_choice *choice, bool *clblast)
{
    const entry key = {.d_model = d_model, .d_ff = d_ff, .rows = rows, .dtype = dtype};
    *choice = (clglu_ffn_choice){CLGLU_FORM_AUTO, 0, 0};
    *clblast = false;
    const entry *any = tuning ? nearest(tuning, &key, -1) : NULL;
    if (any == NULL) return false;
    const entry *own = nearest(tuning, &key, 0), *other = nearest(tuning, &key, 1);
    if (own) *choice = own->choice;
    *clblast = other && other->rows == any->rows;
    return true;
}
