/* fuzz_sweep.c - any bytes as a report of a sweep, and a second one behind a zero byte: loaded, compared, put together, written in every
   form. SPDX-License-Identifier: MIT */

#include "fuzz.h"

#include "../tools/cli.h"
#include "../tools/sweep_compare.h"
#include "../tools/sweep_doc.h"

#include <stdbool.h>

enum { CSV_FIELDS = 14 };

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t most);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most, unsigned seed);

/* ---------------------------------------------------------------- judging what was written */

/* Every tag that is opened is closed, in order; an ampersand begins one of four entities. */
static void judge_xml(const char *s)
{
    char open[16][32];
    int depth = 0;
    for (; *s; s++) {
        if (*s == '&') must(strncmp(s, "&amp;", 5) == 0 || strncmp(s, "&lt;", 4) == 0 || strncmp(s, "&gt;", 4) == 0 || strncmp(s, "&quot;", 6) == 0);
        must(*s != '>');
        if (*s != '<') continue;
        bool ends = s[1] == '/', quoted = false;
        const char *name = s + 1 + ends, *at = name;
        size_t n = strcspn(name, " />?");
        for (; *at && (quoted || *at != '>'); at++) {
            must(*at != '<');
            quoted ^= *at == '"';
        }
        must(*at == '>' && !quoted && n < sizeof *open);
        s = at;
        if (ends) must(depth > 0 && strlen(open[depth - 1]) == n && memcmp(open[--depth], name, n) == 0);
        if (ends || at[-1] == '/' || at[-1] == '?') continue;
        must(depth < 16);
        snprintf(open[depth++], sizeof *open, "%.*s", (int)n, name);
    }
    must(depth == 0);
}

/* Nothing that a spreadsheet would calculate. */
static void judge_field(const char *text)
{
    char *end;
    strtod(text, &end);
    must(!*text || !strchr("=+-@", *text) || !text[1] || *end == 0);
}

/* As RFC 4180 has it: each line with as many fields as the first. */
static void judge_csv(const char *s)
{
    char *field = malloc(strlen(s) + 1);
    while (*s) {
        int fields = 0;
        for (bool more = true; more; fields++) {
            size_t n = 0;
            bool quoted = *s == '"';
            s += quoted;
            while (*s && (quoted ? *s != '"' || s[1] == '"' : !strchr(",\r", *s))) {
                must(quoted || *s != '"');
                s += quoted && *s == '"';
                field[n++] = *s++;
            }
            field[n] = 0;
            judge_field(field);
            must(!quoted || *s++ == '"');
            more = *s == ',';
            s += more;
        }
        must(fields == CSV_FIELDS && s[0] == '\r' && s[1] == '\n');
        s += 2;
    }
    free(field);
}

static char *read_back(const char *path, size_t *size)
{
    FILE *in = fopen(path, "rb");
    struct stat st;
    must(in && fstat(fileno(in), &st) == 0);
    char *text = malloc((size_t)st.st_size + 1);
    *size = fread(text, 1, (size_t)st.st_size, in);
    text[*size] = 0;
    fclose(in);
    unlink(path);
    return text;
}

static char *written(const json_t *doc, int (*writer)(const json_t *, struct outfile *), int cr)
{
    struct outfile out;
    char path[128];
    size_t size = 0;
    snprintf(path, sizeof path, "%s/out", fuzz_folder());
    must(outfile_open(&out, path) == 0 && writer(doc, &out) == 0);
    char *text = read_back(path, &size);
    must(size > 0 && strlen(text) == size && fuzz_harmless(text, size, cr));
    return text;
}

static void write_all(const json_t *doc)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    doc_print(doc, out);
    fclose(out);
    must(fuzz_harmless(text, size, 0));
    free(text);
    judge_csv(text = written(doc, doc_csv, 1));
    free(text);
    judge_xml(text = written(doc, doc_junit, 0));
    free(text);
    free(written(doc, doc_page, 0));
    int code = doc_exit(doc);
    must(code == CLI_GOOD || code == CLI_CHECK_FAILED || code == CLI_NO_DEVICE);
}

/* ---------------------------------------------------------------- loading */

static json_t *load(const void *data, size_t size)
{
    json_t *doc = NULL;
    fuzz_ear ear;
    const char *path = fuzz_file(data, size);
    fuzz_listen(&ear);
    int code = doc_load(path, &doc);
    must((fuzz_heard(&ear) > 0) == (code != CLI_GO_ON));
    must((code == CLI_GO_ON && doc) || (code == CLI_BAD_FILE && !doc));
    return doc;
}

/* What is written as JSON is read as the same. */
static void judge_json(const json_t *doc)
{
    char *text = json_dumps(doc, 0);
    must(text != NULL);
    json_t *again = load(text, strlen(text));
    must(again && json_equal(again, doc));
    json_decref(again);
    free(text);
}

static void compare(json_t *doc, const json_t *old)
{
    int regressions = doc_compare(doc, old);
    const json_t *changes = json_object_get(doc, "changes");
    int counted = 0;
    size_t i;
    json_t *change;
    json_array_foreach(changes, i, change) { counted += json_is_true(json_object_get(change, "regression")); }
    must(json_is_array(changes) && counted == regressions);
    judge_json(doc);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *zero = memchr(data, 0, size);
    size_t first = zero ? (size_t)(zero - data) : size;
    json_t *doc = load(data, first);
    if (!doc) return 0;
    json_t *old = zero ? load(zero + 1, size - first - 1) : json_deep_copy(doc);
    judge_json(doc);
    if (old) compare(doc, old);
    if (old && size % 2) doc_add(doc, old); /* as --merge puts them together */
    write_all(doc);
    json_decref(doc);
    json_decref(old);
    return 0;
}

/* ---------------------------------------------------------------- mutations that leave JSON what it is */

static unsigned chance;
static size_t draw(size_t below)
{
    chance = chance * 1664525u + 1013904223u;
    return below ? (chance >> 8) % below : 0;
}

static json_t *odd_value(void)
{
    static const char *const texts[] = {"", "nan", "inf", "-inf", "=1+1", "\x1b[31m", "\xc2\x9b", "a\nb\tc", "<&\">", "good", "skipped", "f32",
                                        "\xe2\x80\xae", "forward", "geglu", "1e5", "0123456789abcdef"};
    static const double numbers[] = {0, -1, 1e308, -1e308, 1e-308, 0.5, 1e20, 2147483648.0};
    static char large[3000], wide[3001];
    memset(large, 'w', sizeof large - 1);
    for (size_t i = 0; i + 2 < sizeof wide; i += 2) memcpy(wide + i, "\xc3\xa9", 2);
    switch (draw(10)) {
    case 0: return json_null();
    case 1: return json_boolean(draw(2));
    case 2: return json_array();
    case 3: return json_object();
    case 4: return json_integer(draw(2) ? INT64_MAX : INT64_MIN);
    case 5: return json_integer((json_int_t)draw(5) - 1);
    case 6: return json_real(numbers[draw(sizeof numbers / sizeof *numbers)]);
    case 7: return json_string(large + draw(sizeof large));
    case 8: return json_sprintf("%s%s", draw(2) ? "x" : "", wide + 2 * draw(sizeof wide / 2)); /* to be cut inside a character */
    default: return json_string(texts[draw(sizeof texts / sizeof *texts)]);
    }
}

/* Something inside is replaced, taken away or doubled. */
static void change(json_t *value, int depth)
{
    size_t n = json_is_array(value) ? json_array_size(value) : json_object_size(value), at = draw(n);
    const char *key = NULL;
    void *entry = json_object_iter(value);
    if (n == 0) return;
    for (size_t i = 0; entry && i < at; i++) entry = json_object_iter_next(value, entry);
    if (entry) key = json_object_iter_key(entry);
    json_t *inner = key ? json_object_get(value, key) : json_array_get(value, at);
    if ((json_is_array(inner) || json_is_object(inner)) && depth < 12 && draw(8)) {
        change(inner, depth + 1);
    } else if (draw(6) == 0) {
        if (key) json_object_del(value, key);
        else json_array_remove(value, at);
    } else if (!key && draw(2)) {
        json_array_append_new(value, json_deep_copy(inner));
    } else if (key) {
        json_object_set_new(value, key, odd_value());
    } else {
        json_array_set_new(value, at, odd_value());
    }
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most, unsigned seed)
{
    chance = seed;
    const uint8_t *zero = memchr(data, 0, size);
    size_t first = zero ? (size_t)(zero - data) : size, made = 0;
    bool second = zero && draw(2);
    size_t begin = second ? first + 1 : 0, end = second ? size : first;
    json_t *doc = draw(16) ? json_loadb((const char *)data + begin, end - begin, 0, NULL) : NULL;
    for (size_t i = 1 + draw(4); doc && i > 0; i--) change(doc, 0);
    char *text = doc ? json_dumps(doc, JSON_COMPACT) : NULL;
    size_t n = text ? strlen(text) : 0, whole = size - (end - begin) + n;
    if (text && whole <= most) {
        memmove(data + begin + n, data + end, size - end);
        memcpy(data + begin, text, n);
        made = whole;
    }
    free(text);
    json_decref(doc);
    return made ? made : LLVMFuzzerMutate(data, size, most);
}
