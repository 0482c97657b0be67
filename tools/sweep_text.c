/* sweep_text.c - a sweep's document as tables for people. SPDX-License-Identifier: MIT */

#include "sweep_doc.h"
#include "table.h"

#include <math.h>
#include <string.h>

static enum text_paint paint_of(const json_t *device)
{
    const char *verdict = doc_text(device, "verdict");
    if (strcmp(verdict, "good") == 0) return TEXT_GOOD;
    return strcmp(verdict, "unusable") == 0 || strcmp(verdict, "no device") == 0 || strcmp(verdict, "skipped") == 0 ? TEXT_WARN
                                                                                                                : TEXT_BAD;
}

static const json_t *find_bench(const json_t *device, const char *name, const char *direction, const char *dtype)
{
    size_t i;
    json_t *b;
    json_array_foreach(doc_list(device, "bench"), i, b)
    {
        if (strcmp(doc_text(b, "name"), name) == 0 && strcmp(doc_text(b, "direction"), direction) == 0 &&
            strcmp(doc_text(b, "dtype"), dtype) == 0)
            return b;
    }
    return NULL;
}

/* A number in that format, or "". */
static const char *cell(char out[32], const char *format, double value)
{
    out[0] = 0;
    if (!isnan(value)) snprintf(out, 32, format, value);
    return out;
}

static const char *same_bits(const json_t *device)
{
    const json_t *same = json_object_get(device, "same_bits");
    return json_is_true(same) ? "yes" : json_is_false(same) ? "NO" : "";
}

/* ---------------------------------------------------------------- one device a line */

struct lines {
    const json_t *doc;
    struct table table;
    int several; /* machines */
};

static void add_verdict(const json_t *machine, const json_t *device, void *user)
{
    struct lines *l = user;
    const json_t *b = find_bench(device, "geglu", "forward", "f32");
    char where[DOC_PLACE], label[DOC_LABEL + 1], name[160], word[32], ulp[32], speed[32], ratio[32];
    if (l->several) doc_label(l->doc, machine, label);
    text_clean(name, sizeof name, doc_text(device, "name"), 0);
    text_clean(word, sizeof word, doc_text(device, "verdict"), 0);
    table_row(&l->table, paint_of(device), "%s%s%s\t%s\t%s\t%s\t%s\t%s\t%s", l->several ? label : "", l->several ? "\t" : "",
              doc_place(device, where), name, word, cell(ulp, "%.3f", doc_number(device, "max_ulp")), same_bits(device),
              cell(speed, "%.3g GB/s", doc_number(b, "gb_per_s")), cell(ratio, "%.2f", doc_number(b, "ratio")));
}

static void print_verdicts(const json_t *doc, FILE *out)
{
    struct lines l = {.doc = doc, .several = json_array_size(doc_machines(doc)) > 1};
    l.table.titles = l.several ? "~machine|P:D|~device|verdict|>max ULP|same bits|>geglu f32|>ratio"
                               : "P:D|~device|verdict|>max ULP|same bits|>geglu f32|>ratio";
    doc_each(doc, add_verdict, &l);
    if (l.table.rows) table_print(&l.table, out, 0);
    table_free(&l.table);
}

/* ---------------------------------------------------------------- one device after the other */

static void print_gates(const json_t *device, FILE *out)
{
    static const char *const dtypes[] = {"f32", "f16", "bf16"}, *const ways[] = {"forward", "backward"};
    struct table t = {.titles = "gate, GB/s|of|>f32|>ratio|>f16|>ratio|>bf16|>ratio|>limit, f32"};
    size_t i;
    json_t *first;
    json_array_foreach(doc_list(device, "bench"), i, first)
    {
        const char *variant = doc_text(first, "name"), *way = doc_text(first, "direction");
        char name[48], rate[3][32], ratio[3][32], limit[32];
        int begins = 1; /* the first of its name and direction */
        for (size_t k = 0; k < i && begins; k++) {
            const json_t *b = json_array_get(doc_list(device, "bench"), k);
            begins = strcmp(doc_text(b, "name"), variant) != 0 || strcmp(doc_text(b, "direction"), way) != 0;
        }
        if (!begins) continue;
        for (int d = 0; d < 3; d++) {
            const json_t *b = find_bench(device, variant, way, dtypes[d]);
            cell(rate[d], "%.3g", doc_number(b, "gb_per_s"));
            cell(ratio[d], "%.2f", doc_number(b, "ratio"));
        }
        cell(limit, "%.3g", doc_number(find_bench(device, variant, way, "f32"), "limit_gb_per_s"));
        table_row(&t, TEXT_PLAIN, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s", text_clean(name, sizeof name, variant, 0),
                  strcmp(way, ways[0]) == 0 ? ways[0] : ways[1], rate[0], ratio[0], rate[1], ratio[1], rate[2], ratio[2], limit);
    }
    if (t.rows) {
        fprintf(out, "\n");
        table_print(&t, out, 2);
    }
    table_free(&t);
}

static void add_block_row(struct table *t, const json_t *block, const json_t *row)
{
    const json_t *ours = json_object_get(row, "block");
    double time = doc_number(doc_at(ours, "time"), "median_s"), theirs = doc_number(doc_at(row, "clblast.time"), "median_s");
    char name[64], dtype[16], rows[32], flops[32], bytes[32], fma[32], read[32], other[32], unit[TEXT_NUMBER] = "";
    text_clean(name, sizeof name, doc_text(block, "name"), 0);
    text_clean(dtype, sizeof dtype, doc_text(block, "dtype"), 0);
    if (!isnan(time)) text_time(unit, time);
    table_row(t, TEXT_PLAIN, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s", name, dtype, cell(rows, "%.0f", doc_number(row, "rows")), unit,
              cell(flops, "%.3g", doc_number(ours, "gflop_per_s")), cell(bytes, "%.3g", doc_number(ours, "gb_per_s")),
              cell(fma, "%.2f", doc_number(ours, "of_fma")), cell(read, "%.2f", doc_number(ours, "of_read")),
              cell(other, "%.3g x", theirs / time));
}

static void print_blocks(const json_t *device, FILE *out)
{
    struct table t = {.titles = "~block|type|>rows|>time|>GFLOP/s|>GB/s|>of FMA|>of read|>CLBlast"};
    size_t i, k;
    json_t *block, *row;
    json_array_foreach(doc_list(device, "ffn"), i, block)
    {
        char name[64], why[128];
        json_array_foreach(doc_list(block, "rows"), k, row) { add_block_row(&t, block, row); }
        if (*doc_text(block, "skipped"))
            table_row(&t, TEXT_WARN, "%s %s", text_clean(name, sizeof name, doc_text(block, "name"), 0),
                      text_clean(why, sizeof why, doc_text(block, "skipped"), 0));
    }
    if (t.rows) {
        fprintf(out, "\n");
        table_print(&t, out, 2);
    }
    table_free(&t);
}

/* "copy 30 GB/s, ...", and how long programs take to build. */
static void print_facts(const json_t *device, FILE *out)
{
    const json_t *rates = json_object_get(device, "rates");
    double peak = doc_number(json_object_get(device, "memory"), "peak_bytes");
    char cold[TEXT_NUMBER], warm[TEXT_NUMBER], what[64], bytes[TEXT_NUMBER];
    size_t i;
    json_t *b;
    if (rates)
        fprintf(out, "  copy %.3g GB/s, read %.3g GB/s, FMA %.3g GFLOP/s", doc_number(rates, "copy_gb_per_s"),
                doc_number(rates, "read_gb_per_s"), doc_number(rates, "fma_gflop_per_s"));
    if (!isnan(peak)) fprintf(out, "%s%s of memory at most", rates ? "; " : "  ", text_bytes(bytes, peak));
    if (rates || !isnan(peak)) fprintf(out, "\n");
    json_array_foreach(doc_list(device, "build"), i, b)
    {
        double c = doc_number(b, "cold_s"), w = doc_number(b, "warm_s");
        fprintf(out, "  %s builds in %s, again in %s\n", text_clean(what, sizeof what, doc_text(b, "what"), 0),
                isnan(c) ? "?" : text_time(cold, c), isnan(w) ? "?" : text_time(warm, w));
    }
}

struct output {
    const json_t *doc;
    FILE *out;
};

static void print_device(const json_t *machine, const json_t *device, void *user)
{
    const struct output *o = user;
    char where[DOC_PLACE], name[160], label[DOC_LABEL];
    if (!doc_list(device, "bench") && !doc_list(device, "ffn") && !json_object_get(device, "rates")) return;
    fprintf(o->out, "\n%s%s%s %s\n", json_array_size(doc_machines(o->doc)) > 1 ? doc_label(o->doc, machine, label) : "",
            json_array_size(doc_machines(o->doc)) > 1 ? " " : "", doc_place(device, where),
            text_clean(name, sizeof name, doc_text(device, "name"), 0));
    print_facts(device, o->out);
    print_gates(device, o->out);
    print_blocks(device, o->out);
}

/* ---------------------------------------------------------------- what went wrong */

static void add_reason(const json_t *machine, const json_t *device, void *user)
{
    struct lines *l = user;
    char where[DOC_PLACE], name[160], why[800], label[DOC_LABEL];
    if (!*doc_text(device, "why")) return;
    table_row(&l->table, TEXT_PLAIN, "%s%s%s\t%s: %s", l->several ? doc_label(l->doc, machine, label) : "",
              l->several ? " " : "", doc_place(device, where), text_clean(name, sizeof name, doc_text(device, "name"), 0),
              text_clean(why, sizeof why, doc_text(device, "why"), 0));
}

static void print_reasons(const json_t *doc, FILE *out)
{
    struct lines l = {.doc = doc, .table = {.titles = "-|~-"}, .several = json_array_size(doc_machines(doc)) > 1};
    doc_each(doc, add_reason, &l);
    if (l.table.rows) {
        fprintf(out, "\n");
        table_print(&l.table, out, 0);
    }
    table_free(&l.table);
}

/* ---------------------------------------------------------------- what is not as it was */

static void print_changes(const json_t *doc, FILE *out)
{
    struct table t = {.titles = "-|~-"};
    const json_t *changes = doc_list(doc, "changes");
    size_t i;
    json_t *c;
    char where[DOC_LABEL + 16], text[400];
    json_array_foreach(changes, i, c)
    {
        int bad = json_is_true(json_object_get(c, "regression"));
        text_clean(where, sizeof where, doc_text(c, json_array_size(doc_machines(doc)) > 1 ? "machine" : "place"), 0);
        table_row(&t, bad ? TEXT_BAD : TEXT_PLAIN, "%s\t%s%s", where, bad ? "REGRESSION: " : "",
                  text_clean(text, sizeof text, doc_text(c, "text"), 0));
    }
    if (changes) fprintf(out, "\n%s\n", t.rows ? "Since the older report:" : "Nothing has changed since the older report but by noise.");
    if (t.rows) table_print(&t, out, 2);
    table_free(&t);
}

static int was_stopped(const json_t *doc)
{
    size_t i;
    json_t *machine;
    json_array_foreach(doc_machines(doc), i, machine)
    {
        if (json_is_true(json_object_get(machine, "stopped"))) return 1;
    }
    return 0;
}

struct counts {
    int devices, usable, good;
};

static void add_counts(const json_t *machine, const json_t *device, void *user)
{
    struct counts *c = user;
    (void)machine;
    c->devices++;
    c->usable += json_is_true(json_object_get(device, "usable"));
    c->good += strcmp(doc_text(device, "verdict"), "good") == 0;
}

void doc_print(const json_t *doc, FILE *out)
{
    struct counts c = {0};
    struct output o = {doc, out};
    doc_each(doc, add_counts, &c);
    print_verdicts(doc, out);
    doc_each(doc, print_device, &o);
    print_reasons(doc, out);
    print_changes(doc, out);
    if (was_stopped(doc)) fprintf(out, "\nIt was stopped early: this is what was done until then.\n");
    fprintf(out, "%s%d usable device%s, %d with the right numbers.%s\n", c.devices ? "\n" : "", c.usable,
            c.usable == 1 ? "" : "s", c.good, c.usable ? "" : " 'clglu doctor' says what is missing.");
}
