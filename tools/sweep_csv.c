/* sweep_csv.c - a sweep's document as one line for each figure. SPDX-License-Identifier: MIT */

#include "cli.h"
#include "sweep_doc.h"
#include "text.h"

#include <math.h>
#include <string.h>

static const char head[] = "machine,place,device,kind,name,direction,dtype,rows,measure,value,unit\r\n";

/* A line's columns; of which device it speaks stays from line to line. */
struct lines {
    const json_t *doc;
    FILE *out;
    char machine[DOC_LABEL], place[DOC_PLACE], device[256];
    const char *kind, *name, *direction, *dtype;
    double rows; /* NaN: none */
};

/* In quotes where RFC 4180 asks for it. A text that a spreadsheet would take for a formula gets an apostrophe first. */
static void put_text(FILE *out, const char *text)
{
    char clean[1024];
    text_clean(clean, sizeof clean, text, 0);
    int formula = *clean && strchr("=+-@", *clean) && clean[1];
    if (!formula && !strpbrk(clean, ",\"")) {
        fputs(clean, out);
        return;
    }
    fputs(formula ? "\"'" : "\"", out);
    for (const char *s = clean; *s; s++) fputs(*s == '"' ? "\"\"" : (char[]){*s, 0}, out);
    fputc('"', out);
}

static void begin_line(struct lines *l, const char *measure)
{
    const char *const texts[] = {l->machine, l->place, l->device, l->kind, l->name, l->direction, l->dtype};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        put_text(l->out, texts[i]);
        fputc(',', l->out);
    }
    if (!isnan(l->rows)) fprintf(l->out, "%.10g", l->rows);
    fprintf(l->out, ",%s,", measure);
}

static void put_number(struct lines *l, const char *measure, double value, const char *unit)
{
    if (isnan(value)) return;
    begin_line(l, measure);
    fprintf(l->out, "%.10g,%s\r\n", value, unit);
}

static void put_word(struct lines *l, const char *measure, const char *value)
{
    if (!*value) return;
    begin_line(l, measure);
    put_text(l->out, value);
    fputs(",\r\n", l->out);
}

static void set(struct lines *l, const char *kind, const char *name, const char *direction, const char *dtype, double rows)
{
    l->kind = kind;
    l->name = name;
    l->direction = direction;
    l->dtype = dtype;
    l->rows = rows;
}

static void put_time(struct lines *l, const json_t *time)
{
    put_number(l, "time", doc_number(time, "median_s"), "s");
    put_number(l, "time (first quartile)", doc_number(time, "q1_s"), "s");
    put_number(l, "time (third quartile)", doc_number(time, "q3_s"), "s");
}

static void put_verify(struct lines *l, const json_t *row)
{
    set(l, doc_text(row, "operator"), doc_text(row, "name"), doc_text(row, "output"), doc_text(row, "dtype"), (double)NAN);
    put_number(l, "largest error", doc_number(row, "max_ulp"), "ULP");
    put_number(l, "bound", doc_number(row, "bound_ulp"), "ULP");
    put_number(l, "points", doc_number(row, "points"), "");
    put_word(l, "worst input (bits)", doc_text(row, "worst_a_bits"));
    put_word(l, "hash", doc_text(row, "hash"));
    put_word(l, "hash expected", doc_text(row, "expected_hash"));
}

static void put_bench(struct lines *l, const json_t *b)
{
    set(l, doc_text(b, "kind"), doc_text(b, "name"), doc_text(b, "direction"), doc_text(b, "dtype"), (double)NAN);
    put_time(l, json_object_get(b, "time"));
    put_number(l, "speed", doc_number(b, "gb_per_s"), "GB/s");
    put_number(l, "limit", doc_number(b, "limit_gb_per_s"), "GB/s");
    put_number(l, "speed / limit", doc_number(b, "ratio"), "");
}

static void put_block(struct lines *l, const json_t *block)
{
    size_t i;
    json_t *row;
    json_array_foreach(doc_list(block, "rows"), i, row)
    {
        const json_t *ours = json_object_get(row, "block");
        set(l, "ffn", doc_text(block, "name"), "forward", doc_text(block, "dtype"), doc_number(row, "rows"));
        put_time(l, json_object_get(ours, "time"));
        put_number(l, "speed", doc_number(ours, "gflop_per_s"), "GFLOP/s");
        put_number(l, "weights read", doc_number(ours, "gb_per_s"), "GB/s");
        put_number(l, "speed / FMA rate", doc_number(ours, "of_fma"), "");
        put_number(l, "speed / read rate", doc_number(ours, "of_read"), "");
        put_number(l, "time of CLBlast", doc_number(doc_at(row, "clblast.time"), "median_s"), "s");
    }
}

static void put_rest(struct lines *l, const json_t *device)
{
    static const struct {
        const char *key, *measure, *unit;
    } rates[] = {{"copy_gb_per_s", "copy rate", "GB/s"},
                 {"read_gb_per_s", "read rate", "GB/s"},
                 {"fma_gflop_per_s", "FMA rate", "GFLOP/s"}};
    size_t i;
    json_t *b;
    set(l, "device", "", "", "", (double)NAN);
    put_word(l, "verdict", doc_text(device, "verdict"));
    put_word(l, "hash", doc_text(device, "hash"));
    for (size_t k = 0; k < sizeof rates / sizeof *rates; k++)
        put_number(l, rates[k].measure, doc_number(json_object_get(device, "rates"), rates[k].key), rates[k].unit);
    put_number(l, "memory at most", doc_number(json_object_get(device, "memory"), "peak_bytes"), "B");
    json_array_foreach(doc_list(device, "build"), i, b)
    {
        set(l, "build", doc_text(b, "what"), "", "", (double)NAN);
        put_number(l, "time (cold)", doc_number(b, "cold_s"), "s");
        put_number(l, "time (warm)", doc_number(b, "warm_s"), "s");
    }
}

static void put_device(const json_t *machine, const json_t *device, void *user)
{
    struct lines *l = user;
    size_t i;
    json_t *entry;
    doc_label(l->doc, machine, l->machine);
    doc_place(device, l->place);
    text_clean(l->device, sizeof l->device, doc_text(device, "name"), 0);
    put_rest(l, device);
    json_array_foreach(doc_list(device, "verify"), i, entry) { put_verify(l, entry); }
    json_array_foreach(doc_list(device, "bench"), i, entry) { put_bench(l, entry); }
    json_array_foreach(doc_list(device, "ffn"), i, entry) { put_block(l, entry); }
}

int doc_csv(const json_t *doc, struct outfile *out)
{
    char *text = NULL;
    size_t size = 0;
    struct lines l = {.doc = doc, .out = open_memstream(&text, &size)};
    if (!l.out) return cli_say("out of memory for the CSV"), CLI_OPENCL;
    fputs(head, l.out);
    doc_each(doc, put_device, &l);
    return outfile_take(out, l.out, &text, &size);
}
