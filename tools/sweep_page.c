/* sweep_page.c - a sweep's document as a page: what was done, verdicts, changes. SPDX-License-Identifier: MIT */

#include "sweep_page.h"
#include "cli.h"
#include "text.h"

#include <math.h>
#include <string.h>

const char *sweep_page_name(const json_t *doc, const json_t *machine, const json_t *device, char out[SWEEP_PAGE_NAME])
{
    char label[DOC_LABEL], where[DOC_PLACE], name[128];
    snprintf(out, SWEEP_PAGE_NAME, "%s %s %s", doc_label(doc, machine, label), doc_place(device, where),
             text_clean(name, sizeof name, doc_text(device, "name"), 0));
    return out;
}

struct view {
    struct page *page;
    const json_t *doc;
    int devices, usable, good;
};

static void count(const json_t *machine, const json_t *device, void *user)
{
    struct view *v = user;
    (void)machine;
    v->devices++;
    v->usable += json_is_true(json_object_get(device, "usable"));
    v->good += strcmp(doc_text(device, "verdict"), "good") == 0;
}

static void introduction(struct view *v)
{
    size_t n = json_array_size(doc_machines(v->doc)), i;
    char text[400], label[DOC_LABEL];
    json_t *machine;
    snprintf(text, sizeof text,
             "%zu machine%s, %d device%s: %d usable, %d with the right numbers. Right means: every result within its published bound, "
             "and every bit as the library's own arithmetic has it.",
             n, n == 1 ? "" : "s", v->devices, v->devices == 1 ? "" : "s", v->usable, v->good);
    page_paragraph(v->page, text);
    json_array_foreach(doc_machines(v->doc), i, machine)
    {
        if (i == SWEEP_PAGE_DEVICES) break;
        snprintf(text, sizeof text, "%s: %.40s %.60s %.40s, clglu %.20s, %.30s, level %.20s, %.0f s%s", doc_label(v->doc, machine, label),
                 doc_text(json_object_get(machine, "host"), "system"), doc_text(json_object_get(machine, "host"), "release"),
                 doc_text(json_object_get(machine, "host"), "machine"), doc_text(machine, "version"), doc_text(machine, "started"),
                 doc_text(json_object_get(machine, "plan"), "level"), doc_number(machine, "seconds"),
                 json_is_true(json_object_get(machine, "stopped")) ? "; it was stopped early" : "");
        page_paragraph(v->page, text);
    }
}

static void changes(struct view *v)
{
    const json_t *list = doc_list(v->doc, "changes");
    char cells[1200], text[400], machine[DOC_LABEL], device[128];
    size_t i;
    json_t *c;
    if (!list) return;
    page_heading(v->page, "Since the older report");
    if (json_array_size(list) == 0) {
        page_paragraph(v->page, "Nothing has changed but by noise.");
        return;
    }
    page_table_begin(v->page, "change\tmachine\tdevice\t");
    json_array_foreach(list, i, c)
    {
        snprintf(cells, sizeof cells, "%s\t%s\t%.10s %s\t%s", text_clean(text, sizeof text, doc_text(c, "text"), 0),
                 text_clean(machine, sizeof machine, doc_text(c, "machine"), 0), doc_text(c, "place"),
                 text_clean(device, sizeof device, doc_text(c, "device"), 0),
                 json_is_true(json_object_get(c, "regression")) ? "\xe2\x9c\x97 regression" : "");
        page_table_row(v->page, cells);
    }
    page_table_end(v->page);
}

/* Marks that need no colour. */
static const char *mark(const json_t *device)
{
    const char *verdict = doc_text(device, "verdict");
    if (strcmp(verdict, "good") == 0) return "\xe2\x9c\x93";
    return strcmp(verdict, "unusable") == 0 || strcmp(verdict, "no device") == 0 || strcmp(verdict, "skipped") == 0
               ? "\xe2\x80\x93"
               : "\xe2\x9c\x97";
}

static const char *number(char out[32], const char *format, double value)
{
    out[0] = 0;
    if (isfinite(value)) snprintf(out, 32, format, value);
    return out;
}

static void verdict_row(const json_t *machine, const json_t *device, void *user)
{
    struct view *v = user;
    const json_t *rates = json_object_get(device, "rates"), *same = json_object_get(device, "same_bits");
    char cells[800], name[SWEEP_PAGE_NAME], ulp[32], copy[32], read[32], fma[32], verdict[32], hash[24];
    snprintf(cells, sizeof cells, "%s\t%s %s\t%s\t%s\t%s\t%s\t%s\t%s", sweep_page_name(v->doc, machine, device, name), mark(device),
             text_clean(verdict, sizeof verdict, doc_text(device, "verdict"), 0), number(ulp, "%.3f", doc_number(device, "max_ulp")),
             text_clean(hash, sizeof hash, doc_text(device, "hash"), 0),
             json_is_true(same) ? "\xe2\x9c\x93" : json_is_false(same) ? "\xe2\x9c\x97" : "",
             number(copy, "%.3g", doc_number(rates, "copy_gb_per_s")), number(read, "%.3g", doc_number(rates, "read_gb_per_s")),
             number(fma, "%.3g", doc_number(rates, "fma_gflop_per_s")));
    page_table_row(v->page, cells);
}

static void reason(const json_t *machine, const json_t *device, void *user)
{
    struct view *v = user;
    char text[1000], name[SWEEP_PAGE_NAME];
    if (!*doc_text(device, "why")) return;
    snprintf(text, sizeof text, "%s: %.700s", sweep_page_name(v->doc, machine, device, name), doc_text(device, "why"));
    page_paragraph(v->page, text);
}

static void verdicts(struct view *v)
{
    page_heading(v->page, "Verdicts");
    page_table_begin(v->page, "device\tverdict\tULP\tall bits\tsame bits\tcopy GB/s\tread GB/s\tFMA GFLOP/s");
    doc_each(v->doc, verdict_row, v);
    page_table_end(v->page);
    doc_each(v->doc, reason, v);
}

static void speed(const json_t *machine, const json_t *device, void *user)
{
    struct view *v = user;
    char name[SWEEP_PAGE_NAME];
    if (!json_is_object(json_object_get(device, "facts")) || v->devices++ >= SWEEP_PAGE_DEVICES) return;
    page_heading(v->page, sweep_page_name(v->doc, machine, device, name));
    sweep_page_speed(v->page, device);
}

int doc_page(const json_t *doc, struct outfile *out)
{
    struct page page;
    struct view v = {.page = &page, .doc = doc};
    int code = page_open(&page, "clglu sweep");
    if (code) return code;
    doc_each(doc, count, &v);
    introduction(&v);
    changes(&v);
    verdicts(&v);
    v.devices = 0;
    doc_each(doc, speed, &v);
    sweep_page_numbers(&page, doc);
    return page_close(&page, out);
}
