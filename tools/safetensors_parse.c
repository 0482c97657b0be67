/* safetensors_parse.c - the header of a .safetensors file, judged. SPDX-License-Identifier: MIT */

/* The format: the header's length in 8 bytes, little-endian; the header, a JSON object that begins with its
   '{' and may end in spaces; the data.
       {"__metadata__": {"any": "strings"}, "NAME": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0,
   24]}, ...} The tensors' data lie one behind the other, without holes, from the header's end to the file's.
 */

#include "safetensors_parse.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int refuse(char *error, const char *format, ...) __attribute__((format(printf, 2, 3)));
static int refuse(char *error, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(error, SAFETENSORS_ERROR, format, args);
    va_end(args);
    return 0;
}

/* ---- the text, before jansson sees it */

/* What jansson would build from a header is bounded here: its depth, and its values, a dozen for each tensor.
 */
enum { MAX_DEPTH = 3, MAX_VALUES = 12 * SAFETENSORS_MAX_COUNT };

/* The position after a string that begins before `at`; `size` if it has no end. */
static size_t skip_string(const unsigned char *text, size_t at, size_t size)
{
    while (at < size && text[at] != '"') at += text[at] == '\\' ? 2 : 1;
    return at < size ? at + 1 : size;
}

/* A header has no use for fractions, signs, exponents, true, false and null: outside of strings they are
   refused by their letters, since JSON readers differ in what 1.0, 1e3 and -0 are. */
static int judge_text(const unsigned char *text, size_t size, char *error)
{
    int depth = 0;
    size_t values = 0;
    for (size_t at = 0; at < size;) {
        unsigned char c = text[at++];
        if (c == '"') {
            at = skip_string(text, at, size);
        } else if (c == '{' || c == '[') {
            if (++depth > MAX_DEPTH)
                return refuse(error, "the header is nested more than %d deep", MAX_DEPTH);
        } else if (c == '}' || c == ']') {
            depth--;
        } else if (c == '\0' || !strchr("0123456789,: \t\r\n", c)) {
            return refuse(
                error,
                "the header has '%c' at byte %zu, outside of any string: only counts in plain digits, "
                "strings, arrays and objects may be there",
                c > ' ' && c < 127 ? c : '?', at - 1);
        }
        values += c == '{' || c == '[' || c == ',';
        if (values > MAX_VALUES)
            return refuse(error, "the header has too many values (%d tensors at most)",
                          SAFETENSORS_MAX_COUNT);
    }
    return 1;
}

static int load_header(struct safetensors *file, size_t *length, char *error)
{
    const unsigned char *text = file->map + 8;
    uint64_t n = 0;
    for (int i = 7; i >= 0; i--) n = n << 8 | file->map[i];
    if (n > SAFETENSORS_MAX_HEADER)
        return refuse(error, "a header of %llu bytes is over 100 MB: not a safetensors file",
                      (unsigned long long)n);
    if (n > file->size - 8)
        return refuse(error, "cut: %zu of the header's %llu bytes are there", file->size - 8,
                      (unsigned long long)n);
    *length = (size_t)n;
    if (n == 0 || text[0] != '{')
        return refuse(error, "the header does not begin with '{': not a safetensors file");
    if (!judge_text(text, *length, error)) return 0;
    json_error_t why;
    file->header = json_loadb((const char *)text, *length, JSON_REJECT_DUPLICATES, &why);
    if (!file->header)
        return refuse(error, "the header is not good JSON: byte %d: %s", why.position, why.text);
    return 1;
}

/* ---- one tensor */

/* The format's types, and their elements' bits. */
static const struct {
    const char *name;
    unsigned bits;
} types[] = {{"BOOL", 8},    {"U8", 8},          {"I8", 8},          {"F8_E5M2", 8}, {"F8_E4M3", 8},
             {"F8_E8M0", 8}, {"F8_E4M3FNUZ", 8}, {"F8_E5M2FNUZ", 8}, {"I16", 16},    {"U16", 16},
             {"F16", 16},    {"BF16", 16},       {"I32", 32},        {"U32", 32},    {"F32", 32},
             {"I64", 64},    {"U64", 64},        {"F64", 64},        {"C64", 64},    {"F4", 4},
             {"F6_E2M3", 6}, {"F6_E3M2", 6}};

static unsigned bits_of(const char *dtype)
{
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (strcmp(types[i].name, dtype) == 0) return types[i].bits;
    return 0;
}

/* Element i of an array, if it is a count. */
static int count_at(const json_t *array, size_t i, uint64_t *value)
{
    const json_t *v = json_array_get(array, i);
    if (!json_is_integer(v) || json_integer_value(v) < 0) return 0;
    *value = (uint64_t)json_integer_value(v);
    return 1;
}

static int parse_shape(const json_t *shape, struct safetensor *t, char *error)
{
    size_t dims = json_array_size(shape);
    if (!json_is_array(shape)) return refuse(error, "tensor '%.200s': the shape is not an array", t->name);
    if (dims > SAFETENSORS_MAX_DIMS)
        return refuse(error, "tensor '%.200s': more than %d dimensions", t->name, SAFETENSORS_MAX_DIMS);
    for (size_t i = 0; i < dims; i++)
        if (!count_at(shape, i, &t->shape[i]))
            return refuse(error, "tensor '%.200s': the shape is not of counts", t->name);
    t->dims = (int)dims;
    return 1;
}

/* The bytes that the shape asks for, if they fit in 63 bits. A dimension of 0 hides no overflow of the
 * others. */
static int size_of(const struct safetensor *t, uint64_t *bytes, char *error)
{
    uint64_t count = 1, bits = bits_of(t->dtype), most = (uint64_t)INT64_MAX / bits;
    int empty = 0;
    for (int i = 0; i < t->dims; i++) {
        if (t->shape[i] == 0)
            empty = 1;
        else if (t->shape[i] > most / count)
            return refuse(error, "tensor '%.200s': the size of its shape overflows", t->name);
        else
            count *= t->shape[i];
    }
    if (empty) count = 0;
    if (count * bits % 8 != 0) return refuse(error, "tensor '%.200s': does not fill whole bytes", t->name);
    *bytes = count * bits / 8;
    return 1;
}

static int parse_offsets(const json_t *offsets, struct safetensor *t, uint64_t room, char *error)
{
    uint64_t want = 0;
    if (json_array_size(offsets) != 2 || !count_at(offsets, 0, &t->begin) || !count_at(offsets, 1, &t->end))
        return refuse(error, "tensor '%.200s': data_offsets are not two counts", t->name);
    if (t->begin > t->end) return refuse(error, "tensor '%.200s': its data end before they begin", t->name);
    if (t->end > room)
        return refuse(error,
                      "cut: tensor '%.200s': its data end at byte %llu, but there are %llu bytes of data",
                      t->name, (unsigned long long)t->end, (unsigned long long)room);
    if (!size_of(t, &want, error)) return 0;
    if (t->end - t->begin != want)
        return refuse(error, "tensor '%.200s': its shape needs %llu bytes, its data_offsets hold %llu",
                      t->name, (unsigned long long)want, (unsigned long long)(t->end - t->begin));
    return 1;
}

static int parse_tensor(json_t *entry, struct safetensor *t, uint64_t room, char *error)
{
    const json_t *dtype = json_object_get(entry, "dtype"), *shape = json_object_get(entry, "shape");
    const json_t *offsets = json_object_get(entry, "data_offsets");
    if (!json_is_object(entry)) return refuse(error, "tensor '%.200s': its entry is not an object", t->name);
    if (!dtype || !shape || !offsets)
        return refuse(error, "tensor '%.200s': lacks one of dtype, shape and data_offsets", t->name);
    if (json_object_size(entry) != 3)
        return refuse(error, "tensor '%.200s': has keys beside dtype, shape and data_offsets", t->name);
    if (!json_is_string(dtype)) return refuse(error, "tensor '%.200s': the dtype is not a string", t->name);
    t->dtype = json_string_value(dtype);
    if (bits_of(t->dtype) == 0)
        return refuse(error, "tensor '%.200s': dtype '%.40s' is not known", t->name, t->dtype);
    return parse_shape(shape, t, error) && parse_offsets(offsets, t, room, error);
}

/* ---- all of them */

static int judge_metadata(json_t *metadata, char *error)
{
    const char *key;
    json_t *value;
    if (!json_is_object(metadata)) return refuse(error, "__metadata__ is not an object");
    json_object_foreach(metadata, key, value)
    {
        if (!json_is_string(value)) return refuse(error, "__metadata__: '%.200s' is not a string", key);
    }
    return 1;
}

static int compare(const void *p, const void *q)
{
    const struct safetensor *a = p, *b = q;
    if (a->begin != b->begin) return a->begin < b->begin ? -1 : 1;
    return a->end != b->end ? (a->end < b->end ? -1 : 1) : strcmp(a->name, b->name);
}

/* The data must be covered, from the first byte to the last, once. */
static int judge_tiling(const struct safetensors *file, uint64_t room, char *error)
{
    uint64_t at = 0;
    for (size_t i = 0; i < file->count; i++) {
        const struct safetensor *t = &file->tensors[i];
        if (t->begin < at) return refuse(error, "tensor '%.200s': its data overlap another's", t->name);
        if (t->begin > at)
            return refuse(error, "there is a hole of %llu bytes before the data of tensor '%.200s'",
                          (unsigned long long)(t->begin - at), t->name);
        at = t->end;
    }
    if (at == room) return 1;
    return refuse(error, "trailing bytes: the tensors' data end at byte %llu of %llu", (unsigned long long)at,
                  (unsigned long long)room);
}

int safetensors_parse(struct safetensors *file, char error[SAFETENSORS_ERROR])
{
    const char *key;
    json_t *value;
    size_t length = 0, most;
    if (!load_header(file, &length, error)) return 0;
    uint64_t room = file->size - 8 - length;
    most = json_object_size(file->header);
    if (most > SAFETENSORS_MAX_COUNT)
        return refuse(error, "the file has more than %d tensors", SAFETENSORS_MAX_COUNT);
    file->tensors = calloc(most ? most : 1, sizeof *file->tensors);
    if (!file->tensors) return refuse(error, "out of memory");
    json_object_foreach(file->header, key, value)
    {
        struct safetensor *t = &file->tensors[file->count];
        if (strcmp(key, "__metadata__") == 0) {
            if (!judge_metadata(value, error)) return 0;
            continue;
        }
        t->name = key;
        if (!parse_tensor(value, t, room, error)) return 0;
        t->data = file->map + 8 + length + t->begin;
        file->count++;
    }
    qsort(file->tensors, file->count, sizeof *file->tensors, compare);
    return judge_tiling(file, room, error);
}
