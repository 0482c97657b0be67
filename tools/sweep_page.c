/* sweep_page.c - a sweep's document as a page: what was done, changes, verdicts. SPDX-License-Identifier: MIT */

#include "sweep_page.h"
#include "cli.h"
#include "text.h"

#include <math.h>
#include <string.h>

/* ---------------------------------------------------------------- what the parts share */

const char *sweep_page_name(const json_t *doc, const json_t *machine, const json_t *device, char out[SWEEP_PAGE_NAME])
{
    char label[DOC_LABEL], where[DOC_PLACE], name[128];
    snprintf(out, SWEEP_PAGE_NAME, "%s %s %s", doc_label(doc, machine, label), doc_place(device, where),
             text_clean(name, sizeof name, doc_text(device, "name"), 0));
    return out;
}

const char *sweep_page_number(char out[SWEEP_PAGE_NUMBER], const char *format, double value)
{
    out[0] = 0;
    if (!isnan(value) && fabs(value) < 1e30) snprintf(out, SWEEP_PAGE_NUMBER, format, value);
    if (isinf(value)) snprintf(out, SWEEP_PAGE_NUMBER, "infinite");
    return out;
}

const char *sweep_page_speed_number(char out[SWEEP_PAGE_NUMBER], double value)
{
    return sweep_page_number(out, fabs(value) < 1000 ? "%.3g" : "%.0f", value);
}

const json_t *sweep_page_row(const json_t *device, const char *operator_, const char *name, const char *output, const char *dtype)
{
    size_t i;
    json_t *row;
    json_array_foreach(doc_list(device, "verify"), i, row)
    {
        if (i == SWEEP_PAGE_ROWS) break;
        if (strcmp(doc_text(row, "operator"), operator_) == 0 && strcmp(doc_text(row, "name"), name) == 0 &&
            strcmp(doc_text(row, "output"), output) == 0 && strcmp(doc_text(row, "dtype"), dtype) == 0)
            return row;
    }
    return NULL;
}

/* ---------------------------------------------------------------- what was done */

struct view {
    struct page *page;
    const json_t *doc;
    int devices, usable, good;
};

static int is_good(const json_t *device) { return strcmp(doc_text(device, "verdict"), "good") == 0; }

static void count(const json_t *machine, const json_t *device, void *user)
{
    struct view *v = user;
    (void)machine;
    v->devices++;
    v->usable += json_is_true(json_object_get(device, "usable"));
    v->good += is_good(device);
}

static const char *plural(size_t n) { return n == 1 ? "" : "s"; }

static void machine_row(struct view *v, const json_t *machine)
{
    const json_t *host = json_object_get(machine, "host");
    char cells[600], label[DOC_LABEL], system[160], text[64], version[32], started[32], level[32], time[TEXT_NUMBER];
    double seconds = doc_number(machine, "seconds");
    snprintf(text, sizeof text, "%.30s %.30s", doc_text(host, "system"), doc_text(host, "machine"));
    snprintf(cells, sizeof cells, "%s\t%s\t%s\t%s\t%s\t%s\t%s", doc_label(v->doc, machine, label),
             text_clean(system, sizeof system, text, 0), text_clean(version, sizeof version, doc_text(machine, "version"), 0),
             text_clean(started, sizeof started, doc_text(machine, "started"), 0),
             text_clean(level, sizeof level, doc_text(json_object_get(machine, "plan"), "level"), 0),
             seconds >= 0 && seconds < 1e9 ? text_time(time, seconds) : "",
             json_is_true(json_object_get(machine, "stopped")) ? PAGE_BAD " stopped early" : PAGE_GOOD " complete");
    page_table_row(v->page, cells);
}

static void introduction(struct view *v)
{
    size_t n = json_array_size(doc_machines(v->doc)), i;
    char text[400];
    json_t *machine;
    doc_each(v->doc, count, v);
    snprintf(
        text, sizeof text,
        "%zu machine%s, %d device%s: %d usable, %d with the right numbers. Right means: every result within its published bound, "
        "and every bit as the library's own arithmetic has it.",
        n, plural(n), v->devices, plural((size_t)v->devices), v->usable, v->good);
    page_paragraph(v->page, text);
    page_table_begin(v->page, "machine\tsystem\tclglu\tstarted\tlevel\ttook\t");
    json_array_foreach(doc_machines(v->doc), i, machine)
    {
        if (i < SWEEP_PAGE_ROWS) machine_row(v, machine);
    }
    page_table_end(v->page);
}

/* ---------------------------------------------------------------- changes */

static void change_row(struct page *p, const json_t *c)
{
    char cells[1200], text[200], machine[DOC_LABEL], device[128], where[24];
    snprintf(
        cells, sizeof cells, "%s%s\t%s\t%s %s",
        json_is_true(json_object_get(c, "regression")) ? PAGE_BAD " regression: " : PAGE_NEITHER " ",
        text_clean(text, sizeof text, doc_text(c, "text"), 0), text_clean(machine, sizeof machine, doc_text(c, "machine"), 0),
        text_clean(where, sizeof where, doc_text(c, "place"), 0), text_clean(device, sizeof device, doc_text(c, "device"), 0));
    page_table_row(p, cells);
}

/* Regressions come first. */
static void changes(struct view *v)
{
    const json_t *list = doc_list(v->doc, "changes");
    size_t i;
    json_t *c;
    if (!list) return;
    page_heading(v->page, "Since the older report");
    if (json_array_size(list) == 0) {
        page_paragraph(v->page, "Nothing has changed but by noise.");
        return;
    }
    page_table_begin(v->page, "change\tmachine\tdevice");
    for (int regression = 1; regression >= 0; regression--) json_array_foreach(list, i, c)
        {
            if (json_is_true(json_object_get(c, "regression")) == regression) change_row(v->page, c);
        }
    page_table_end(v->page);
}

/* ---------------------------------------------------------------- verdicts */

static const char *mark(const json_t *device)
{
    const char *verdict = doc_text(device, "verdict");
    int mild = strcmp(verdict, "unusable") == 0 || strcmp(verdict, "no device") == 0 || strcmp(verdict, "skipped") == 0;
    return is_good(device) ? PAGE_GOOD : mild ? PAGE_NEITHER : PAGE_BAD;
}

static void verdict_row(const json_t *machine, const json_t *device, void *user)
{
    struct view *v = user;
    const json_t *rates = json_object_get(device, "rates"), *same = json_object_get(device, "same_bits");
    char cells[800], name[SWEEP_PAGE_NAME], verdict[32];
    char ulp[SWEEP_PAGE_NUMBER], copy[SWEEP_PAGE_NUMBER], read[SWEEP_PAGE_NUMBER], fma[SWEEP_PAGE_NUMBER];
    snprintf(cells, sizeof cells, "%s\t%s %s\t%s\t%s\t%s\t%s\t%s", sweep_page_name(v->doc, machine, device, name), mark(device),
             text_clean(verdict, sizeof verdict, doc_text(device, "verdict"), 0),
             sweep_page_number(ulp, "%.3f", doc_number(device, "max_ulp")),
             json_is_true(same)    ? PAGE_GOOD " yes"
             : json_is_false(same) ? PAGE_BAD " NO"
                                   : "",
             sweep_page_speed_number(copy, doc_number(rates, "copy_gb_per_s")),
             sweep_page_speed_number(read, doc_number(rates, "read_gb_per_s")),
             sweep_page_speed_number(fma, doc_number(rates, "fma_gflop_per_s")));
    page_table_row(v->page, cells);
}

static void reason(const json_t *machine, const json_t *device, void *user)
{
    struct view *v = user;
    char text[1020], name[SWEEP_PAGE_NAME];
    if (!*doc_text(device, "why")) return;
    snprintf(text, sizeof text, "%s %s: %.700s", mark(device), sweep_page_name(v->doc, machine, device, name),
             doc_text(device, "why"));
    page_paragraph(v->page, text);
}

static void verdicts(struct view *v)
{
    page_heading(v->page, "Verdicts");
    page_table_begin(
        v->page,
        "device\tverdict\tlargest error, ULP\tsame bits as the others\tcopy rate, GB/s\tread rate, GB/s\tFMA rate, GFLOP/s");
    doc_each(v->doc, verdict_row, v);
    page_table_end(v->page);
    doc_each(v->doc, reason, v);
}

/* ---------------------------------------------------------------- devices one by one */

static void speed(const json_t *machine, const json_t *device, void *user)
{
    struct view *v = user;
    char name[SWEEP_PAGE_NAME];
    if (!json_is_object(json_object_get(device, "facts")) || v->devices++ >= SWEEP_PAGE_DEVICES) return;
    page_heading(v->page, sweep_page_name(v->doc, machine, device, name));
    sweep_page_speed(v->page, device);
    sweep_page_blocks(v->page, device);
}

static void devices(struct view *v)
{
    char text[96];
    v->devices = 0;
    doc_each(v->doc, speed, v);
    if (v->devices <= SWEEP_PAGE_DEVICES) return;
    snprintf(text, sizeof text, "%d more devices are not shown one by one.", v->devices - SWEEP_PAGE_DEVICES);
    page_paragraph(v->page, text);
}

int doc_page(const json_t *doc, struct outfile *out)
{
    struct page page;
    struct view v = {.page = &page, .doc = doc};
    int code = page_open(&page, "clglu sweep");
    if (code) return code;
    introduction(&v);
    changes(&v);
    verdicts(&v);
    sweep_page_side(&page, doc);
    devices(&v);
    sweep_page_numbers(&page, doc);
    sweep_page_hashes(&page, doc);
    return page_close(&page, out);
}
