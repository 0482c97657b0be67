/* sweep_csv.c - a sweep's document as one line for each figure. SPDX-License-Identifier: MIT */

#include "cli.h"
#include "sweep_doc.h"
#include "text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char head[] = "machine,platform,place,device,kind,name,direction,output,dtype,rows,measure,value,unit,text\r\n";

/* A line's columns; of which device it speaks stays from line to line. */
struct lines {
    const json_t *doc;
    FILE *out;
    char machine[DOC_LABEL], place[DOC_PLACE];
    const char *platform, *device, *kind, *name, *direction, *output, *dtype;
    double rows; /* NaN: none */
};

/* A member of the document, which is a measure of that name. */
struct figure {
    const char *path, *measure, *unit;
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

/* With as many digits as it has. */
static void put_double(FILE *out, double value)
{
    char text[32];
    for (int digits = 9; digits <= 17; digits += 4) {
        snprintf(text, sizeof text, "%.*g", digits, value);
        if (strtod(text, NULL) == value) break;
    }
    fputs(text, out);
}

static void begin_line(struct lines *l, const char *measure)
{
    const char *const texts[] = {l->machine, l->platform,  l->place,  l->device, l->kind,
                                 l->name,    l->direction, l->output, l->dtype};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        put_text(l->out, texts[i]);
        fputc(',', l->out);
    }
    if (isfinite(l->rows)) put_double(l->out, l->rows);
    fprintf(l->out, ",%s,", measure);
}

static void put_number(struct lines *l, const char *measure, double value, const char *unit)
{
    if (isnan(value)) return;
    begin_line(l, measure);
    put_double(l->out, value);
    fprintf(l->out, ",%s,\r\n", unit);
}

static void put_word(struct lines *l, const char *measure, const char *text)
{
    if (!*text) return;
    begin_line(l, measure);
    fputs(",,", l->out);
    put_text(l->out, text);
    fputs("\r\n", l->out);
}

static double number_at(const json_t *object, const char *path)
{
    const char *dot = strrchr(path, '.');
    char owner[64];
    if (!dot) return doc_number(object, path);
    snprintf(owner, sizeof owner, "%.*s", (int)(dot - path), path);
    return doc_number(doc_at(object, owner), dot + 1);
}

static void put_figures(struct lines *l, const json_t *object, const struct figure *f)
{
    for (; f->path; f++) put_number(l, f->measure ? f->measure : f->path, number_at(object, f->path), f->unit);
}

static void put_words(struct lines *l, const json_t *object, const char *const *keys)
{
    for (; *keys; keys++) put_word(l, *keys, doc_text(object, *keys));
}

/* ---------------------------------------------------------------- the parts of a device */

static void subject(struct lines *l, const char *kind, const json_t *object, double rows)
{
    l->kind = kind;
    l->name = doc_text(object, "name");
    l->direction = doc_text(object, "direction");
    l->output = doc_text(object, "output");
    l->dtype = doc_text(object, "dtype");
    l->rows = rows;
}

static void put_verify(struct lines *l, const json_t *row)
{
    static const struct figure figures[] = {{"max_ulp", NULL, "ULP"}, {"bound_ulp", NULL, "ULP"}, {"max_abs", NULL, ""},
                                            {"worst_got", NULL, ""},  {"worst_want", NULL, ""},   {"points", NULL, ""},
                                            {"outside", NULL, ""},    {"bits_differ", NULL, ""},  {"special_bad", NULL, ""},
                                            {NULL, NULL, NULL}};
    static const char *const words[] = {"worst_a_bits", "worst_b_bits", "hash", "expected_hash", NULL};
    subject(l, "verify", row, (double)NAN);
    put_figures(l, row, figures);
    put_words(l, row, words);
}

static void put_bench(struct lines *l, const json_t *b)
{
    static const struct figure figures[] = {{"time.median_s", "median_s", "s"},
                                            {"time.q1_s", "q1_s", "s"},
                                            {"time.q3_s", "q3_s", "s"},
                                            {"limit.median_s", "limit_median_s", "s"},
                                            {"gb_per_s", NULL, "GB/s"},
                                            {"limit_gb_per_s", NULL, "GB/s"},
                                            {"ratio", NULL, ""},
                                            {NULL, NULL, NULL}};
    subject(l, doc_text(b, "kind"), b, (double)NAN);
    put_figures(l, b, figures);
}

static void put_block(struct lines *l, const json_t *block)
{
    static const struct figure figures[] = {{"block.time.median_s", "median_s", "s"},
                                            {"block.time.q1_s", "q1_s", "s"},
                                            {"block.time.q3_s", "q3_s", "s"},
                                            {"block.gflop_per_s", "gflop_per_s", "GFLOP/s"},
                                            {"block.gb_per_s", "gb_per_s", "GB/s"},
                                            {"block.of_fma", "of_fma", ""},
                                            {"block.of_read", "of_read", ""},
                                            {"projections.time.median_s", "projections_median_s", "s"},
                                            {"clblast.time.median_s", "clblast_median_s", "s"},
                                            {"openblas_projections.time.median_s", "openblas_projections_median_s", "s"},
                                            {"read_gb_per_s", NULL, "GB/s"},
                                            {NULL, NULL, NULL}};
    size_t i;
    json_t *row;
    json_array_foreach(doc_list(block, "rows"), i, row)
    {
        subject(l, "ffn", block, doc_number(row, "rows"));
        l->direction = "forward";
        put_figures(l, row, figures);
    }
    subject(l, "ffn", block, (double)NAN);
    put_word(l, "skipped", doc_text(block, "skipped"));
}

static void put_builds(struct lines *l, const json_t *device)
{
    static const struct figure figures[] = {{"cold_s", NULL, "s"}, {"warm_s", NULL, "s"}, {NULL, NULL, NULL}};
    size_t i;
    json_t *b;
    json_array_foreach(doc_list(device, "build"), i, b)
    {
        subject(l, "build", NULL, (double)NAN);
        l->name = doc_text(b, "what");
        put_figures(l, b, figures);
    }
}

static void put_itself(struct lines *l, const json_t *device)
{
    static const struct figure sums[] = {{"max_ulp", NULL, "ULP"},
                                         {"failed_rows", NULL, ""},
                                         {"seconds", NULL, "s"},
                                         {"memory.peak_bytes", "peak_bytes", "B"},
                                         {NULL, NULL, NULL}},
                               rates[] = {{"rates.copy_gb_per_s", "copy_gb_per_s", "GB/s"},
                                          {"rates.read_gb_per_s", "read_gb_per_s", "GB/s"},
                                          {"rates.fma_gflop_per_s", "fma_gflop_per_s", "GFLOP/s"},
                                          {NULL, NULL, NULL}};
    static const char *const words[] = {"verdict", "why", "hash", "expected_hash", "published_hash", NULL};
    subject(l, "device", NULL, (double)NAN);
    put_words(l, device, words);
    put_figures(l, device, sums);
    l->kind = "rate";
    put_figures(l, device, rates);
}

static void put_device(const json_t *machine, const json_t *device, void *user)
{
    struct lines *l = user;
    size_t i;
    json_t *entry;
    doc_label(l->doc, machine, l->machine);
    doc_place(device, l->place);
    l->platform = doc_text(device, "platform_name");
    l->device = doc_text(device, "name");
    put_itself(l, device);
    put_builds(l, device);
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
