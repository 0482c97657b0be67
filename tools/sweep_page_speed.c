/* sweep_page_speed.c - one device on a sweep's page: its facts, what was measured, gates beside the limit of memory.
   SPDX-License-Identifier: MIT */

#include "sweep_page.h"
#include "text.h"

#include <math.h>
#include <string.h>

/* ---------------------------------------------------------------- facts */

static void fact(struct page *p, const char *name, const char *value)
{
    char cells[256], clean[200];
    if (!*value) return;
    snprintf(cells, sizeof cells, "%s\t%s", name, text_clean(clean, sizeof clean, value, 0));
    page_table_row(p, cells);
}

static void fact_bytes(struct page *p, const char *name, double bytes)
{
    char text[TEXT_NUMBER];
    if (bytes >= 0 && bytes < 1e18) fact(p, name, text_bytes(text, bytes));
}

static void facts(struct page *p, const json_t *device)
{
    static const struct {
        const char *key, *name;
    } texts[] = {{"platform_name", "platform"}, {"vendor", "vendor"},      {"type", "type"},
                 {"device_version", "version"}, {"c_version", "language"}, {"driver_version", "driver"},
                 {"verdict", "verdict"},        {"remarks", "remarks"}},
      flags[] = {
          {"fp16", "fp16"}, {"fp64", "fp64"}, {"fma", "fast fma"}, {"subnormals", "subnormal numbers"}, {"compiler", "compiler"}};
    const json_t *f = json_object_get(device, "facts");
    char text[2 * SWEEP_PAGE_NUMBER], units[SWEEP_PAGE_NUMBER], clock[SWEEP_PAGE_NUMBER];
    page_details_begin(p, "What it says of itself", 0);
    page_facts_begin(p);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) fact(p, texts[i].name, doc_text(f, texts[i].key));
    snprintf(text, sizeof text, "%s%s", sweep_page_number(units, "%.0f", doc_number(f, "compute_units")),
             sweep_page_number(clock, " at %.0f MHz", doc_number(f, "clock_mhz")));
    fact(p, "compute units", text);
    fact_bytes(p, "memory", doc_number(f, "global_bytes"));
    fact_bytes(p, "largest buffer", doc_number(f, "max_alloc_bytes"));
    fact_bytes(p, "local memory", doc_number(f, "local_bytes"));
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
        fact(p, flags[i].name, json_is_true(json_object_get(f, flags[i].key)) ? "yes" : "no");
    page_table_end(p);
    page_details_end(p);
}

/* ---------------------------------------------------------------- what was measured, and what was not */

static void add(char *text, size_t size, const char *part)
{
    size_t used = strlen(text);
    snprintf(text + used, size - used, "%s%s", used ? ", " : "", part);
}

static void rates(struct page *p, const json_t *device)
{
    static const struct {
        const char *key, *name, *unit;
    } figures[] = {{"copy_gb_per_s", "copy rate", "GB/s"},
                   {"read_gb_per_s", "read rate", "GB/s"},
                   {"fma_gflop_per_s", "FMA rate", "GFLOP/s"}};
    char text[400] = "", part[100], number[SWEEP_PAGE_NUMBER], bytes[TEXT_NUMBER];
    double peak = doc_number(json_object_get(device, "memory"), "peak_bytes");
    for (size_t i = 0; i < sizeof figures / sizeof *figures; i++) {
        sweep_page_speed_number(number, doc_number(json_object_get(device, "rates"), figures[i].key));
        snprintf(part, sizeof part, "%s %s %s", figures[i].name, number, figures[i].unit);
        if (*number) add(text, sizeof text, part);
    }
    sweep_page_number(number, "%.0f s in all", doc_number(device, "seconds"));
    if (*number) add(text, sizeof text, number);
    snprintf(part, sizeof part, "at most %s of memory for its process", peak >= 0 && peak < 1e18 ? text_bytes(bytes, peak) : "?");
    if (peak >= 0 && peak < 1e18) add(text, sizeof text, part);
    page_paragraph(p, text);
}

static void missing(struct page *p, const json_t *device)
{
    static const struct {
        const char *key, *name;
    } lists[] = {{"verify", "numbers"},
                 {"curves", "errors along the argument"},
                 {"bench", "gates"},
                 {"ffn", "feed-forward blocks"},
                 {"build", "builds"}};
    char text[300] = "";
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        if (json_array_size(doc_list(device, lists[i].key)) == 0) add(text, sizeof text, lists[i].name);
    if (!*text) return;
    size_t used = strlen(text);
    memmove(text + strlen("Not tried: "), text, used + 1);
    memcpy(text, "Not tried: ", strlen("Not tried: ")); /* NOLINT(bugprone-not-null-terminated-result): more follows */
    page_paragraph(p, text);
}

static void builds(struct page *p, const json_t *device)
{
    size_t i;
    json_t *b;
    if (json_array_size(doc_list(device, "build")) == 0) return;
    page_table_begin(p, "to build programs\tcold\tcached");
    json_array_foreach(doc_list(device, "build"), i, b)
    {
        double cold = doc_number(b, "cold_s"), warm = doc_number(b, "warm_s");
        char cells[200], what[64], c[TEXT_NUMBER] = "", w[TEXT_NUMBER] = "";
        if (i == SWEEP_PAGE_ROWS) break;
        if (cold >= 0 && cold < 1e9) text_time(c, cold);
        if (warm >= 0 && warm < 1e9) text_time(w, warm);
        snprintf(cells, sizeof cells, "%s\t%s\t%s", text_clean(what, sizeof what, doc_text(b, "what"), 0), c, w);
        page_table_row(p, cells);
    }
    page_table_end(p);
}

/* ---------------------------------------------------------------- gates beside the limit of memory */

enum { BARS = 32 };

static void gate_bars(struct page *p, const json_t *device, const char *direction, const char *dtype)
{
    struct page_row row[BARS] = {{.label = NULL}};
    char label[BARS][32], value[BARS][64], title[64];
    struct page_rows rows = {.title = title, .x_title = "part of the limit", .row = row};
    size_t i;
    json_t *b;
    json_array_foreach(doc_list(device, "bench"), i, b)
    {
        double ratio = doc_number(b, "ratio");
        char speed[SWEEP_PAGE_NUMBER];
        size_t n = rows.rows;
        if (n == BARS || strcmp(doc_text(b, "direction"), direction) != 0 || strcmp(doc_text(b, "dtype"), dtype) != 0) continue;
        if (!(ratio > 0) || ratio > 100) continue;
        snprintf(value[n], sizeof value[n], "%.2f%s", ratio, sweep_page_number(speed, ", %.3g GB/s", doc_number(b, "gb_per_s")));
        row[n] = (struct page_row){.label = text_clean(label[n], sizeof label[n], doc_text(b, "name"), 0),
                                   .value = value[n],
                                   .colour = (int)(n % PAGE_COLOURS),
                                   .part = {ratio, 0}};
        rows.rows++;
    }
    snprintf(title, sizeof title, "Gates, %s, %s", direction, dtype);
    if (rows.rows) page_bars(p, &rows);
}

static void gates(struct page *p, const json_t *device)
{
    static const char *const directions[] = {"forward", "backward"}, *const dtypes[] = {"f32", "f16", "bf16"};
    if (json_array_size(doc_list(device, "bench")) == 0) return;
    page_paragraph(
        p, "Gates beside a kernel of the same type that only moves the data, measured in turns: 1 is the speed of memory.");
    page_charts_begin(p);
    for (size_t i = 0; i < 6; i++) gate_bars(p, device, directions[i / 3], dtypes[i % 3]);
    page_charts_end(p);
}

void sweep_page_speed(struct page *p, const json_t *device)
{
    rates(p, device);
    missing(p, device);
    facts(p, device);
    builds(p, device);
    gates(p, device);
}
