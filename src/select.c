/* select.c - which device a selector means.
   SPDX-License-Identifier: MIT */

#include "select.h"

#include <ctype.h>
#include <limits.h>
#include <string.h>

/* One condition of a selector: [text, text + length). */
typedef struct condition {
    const char *text;
    size_t length;
} condition;

/* Takes the next condition off the selector; false at its end. */
static bool next(const char **rest, condition *c)
{
    if (*rest == NULL) return false;
    const char *comma = strchr(*rest, ',');
    c->text = *rest;
    c->length = comma ? (size_t)(comma - *rest) : strlen(*rest);
    *rest = comma ? comma + 1 : NULL;
    return true;
}

static bool is(condition c, const char *word)
{
    if (c.length != strlen(word)) return false;
    for (size_t i = 0; i < c.length; i++)
        if (tolower((unsigned char)c.text[i]) != word[i]) return false;
    return true;
}

static bool starts_with(condition c, const char *word)
{
    condition head = {c.text, strlen(word)};
    return c.length >= head.length && is(head, word);
}

/* digits, then perhaps K, M or G: a size in bytes. */
static bool parse_size(const char *text, const char *end, uint64_t *size)
{
    const char *digits = text;
    *size = 0;
    for (; text < end && isdigit((unsigned char)*text); text++) {
        if (*size > (UINT64_MAX - 9) / 10) return false;
        *size = *size * 10 + (uint64_t)(*text - '0');
    }
    if (text == digits) return false;
    int shift = 0;
    if (text < end) {
        const char *unit = strchr("kmg", tolower((unsigned char)*text++));
        if (unit == NULL || *unit == 0) return false;
        shift = 10 * (int)(strchr("kmg", *unit) - "kmg" + 1);
    }
    if (text != end || (shift && *size >> (64 - shift))) return false;
    *size <<= shift;
    return true;
}

/* Takes the digits at *at; false if there are none, or too many for the number. */
static bool parse_number(const char **at, const char *end, unsigned *number)
{
    const char *first = *at;
    *number = 0;
    for (; *at < end && isdigit((unsigned char)**at); ++*at) {
        if (*number > (UINT_MAX - 9) / 10) return false;
        *number = *number * 10 + (unsigned)(**at - '0');
    }
    return *at > first;
}

/* "P:D" */
static bool parse_place(condition c, unsigned *platform, unsigned *device)
{
    const char *at = c.text, *end = c.text + c.length;
    if (!parse_number(&at, end, platform) || at == end || *at++ != ':') return false;
    return parse_number(&at, end, device) && at == end;
}

static cl_device_type type_of(condition c)
{
    return is(c, "cpu")           ? CL_DEVICE_TYPE_CPU
           : is(c, "gpu")         ? CL_DEVICE_TYPE_GPU
           : is(c, "accelerator") ? CL_DEVICE_TYPE_ACCELERATOR
                                  : 0;
}

clglu_status clglu_selector_check(const char *selector, const char **why)
{
    condition c;
    uint64_t size;
    while (next(&selector, &c)) {
        *why = "a condition is empty";
        if (c.length == 0) return CLGLU_INVALID_SELECTOR;
        bool memory = starts_with(c, "mem>=");
        *why = "mem>= wants a size such as 4G";
        if (memory && !parse_size(c.text + 5, c.text + c.length, &size)) return CLGLU_INVALID_SELECTOR;
        *why = "the only comparison known is mem>=SIZE";
        if (!memory && (memchr(c.text, '<', c.length) || memchr(c.text, '>', c.length) || memchr(c.text, '=', c.length)))
            return CLGLU_INVALID_SELECTOR;
    }
    return CLGLU_OK;
}

static bool contains(const char *text, condition part)
{
    for (; strlen(text) >= part.length; text++) {
        size_t i = 0;
        while (i < part.length && tolower((unsigned char)text[i]) == tolower((unsigned char)part.text[i])) i++;
        if (i == part.length) return true;
    }
    return false;
}

static bool holds(condition c, const clglu_device_facts *f)
{
    unsigned platform, device;
    uint64_t size;
    if (is(c, "best")) return true;
    if (type_of(c)) return (f->type & type_of(c)) != 0;
    if (is(c, "fp16")) return f->fp16;
    if (is(c, "fp64")) return f->fp64;
    if (starts_with(c, "mem>="))
        return parse_size(c.text + 5, c.text + c.length, &size) && f->global_bytes >= size;
    if (parse_place(c, &platform, &device)) return f->platform == platform && f->device == device;
    return contains(f->name, c) || contains(f->platform_name, c);
}

bool clglu_selector_matches(const char *selector, const clglu_device_facts *facts)
{
    condition c;
    while (next(&selector, &c))
        if (!holds(c, facts)) return false;
    return true;
}

static int rank(const clglu_device_facts *f)
{
    return f->type & CL_DEVICE_TYPE_GPU           ? 3
           : f->type & CL_DEVICE_TYPE_ACCELERATOR ? 2
           : f->type & CL_DEVICE_TYPE_CPU         ? 1
                                                  : 0;
}

bool clglu_device_is_better(const clglu_device_facts *p, const clglu_device_facts *q)
{
    if (rank(p) != rank(q)) return rank(p) > rank(q);
    return p->compute_units > q->compute_units;
}
