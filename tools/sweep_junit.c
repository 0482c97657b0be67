/* sweep_junit.c - a sweep's document for CI servers: one test case for each thing that is judged. SPDX-License-Identifier: MIT */

#include "cli.h"
#include "sweep_doc.h"
#include "text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The cases of one suite are written beside their counts, which come first in the file. */
struct suite {
    FILE *out;
    char *text;
    size_t size;
    int tests, failures, errors, skipped;
};

struct junit {
    const json_t *doc;
    FILE *out;
    int failed; /* memory */
};

static void put(FILE *out, const char *text)
{
    char clean[2048];
    text_markup(out, text_clean(clean, sizeof clean, text, 0));
}

static int begin_suite(struct junit *j, struct suite *s)
{
    *s = (struct suite){.tests = 0};
    s->out = open_memstream(&s->text, &s->size);
    if (!s->out) j->failed = 1;
    return s->out != NULL;
}

static void end_suite(struct junit *j, struct suite *s, const char *name, double seconds)
{
    fclose(s->out);
    fputs("  <testsuite name=\"", j->out);
    put(j->out, name);
    fprintf(j->out, "\" tests=\"%d\" failures=\"%d\" errors=\"%d\" skipped=\"%d\" time=\"%.3f\">\n%s  </testsuite>\n", s->tests,
            s->failures, s->errors, s->skipped, isfinite(seconds) ? seconds : 0, s->text ? s->text : "");
    free(s->text);
}

/* One case; `tag` NULL: it passed. */
static void add_case(struct suite *s, const char *device, const char *name, const char *tag, const char *reason)
{
    s->tests++;
    fputs("    <testcase classname=\"", s->out);
    put(s->out, device);
    fputs("\" name=\"", s->out);
    put(s->out, name);
    if (!tag) {
        fputs("\"/>\n", s->out);
        return;
    }
    s->failures += strcmp(tag, "failure") == 0;
    s->errors += strcmp(tag, "error") == 0;
    s->skipped += strcmp(tag, "skipped") == 0;
    fprintf(s->out, "\"><%s message=\"", tag);
    put(s->out, reason);
    fputs("\"/></testcase>\n", s->out);
}

static void add_verdict(struct suite *s, const char *name, const json_t *device)
{
    static const char *const mild[] = {"unusable", "no device", "skipped"};
    const char *verdict = doc_text(device, "verdict"), *why = doc_text(device, "why"), *tag = "error";
    for (size_t i = 0; i < sizeof mild / sizeof *mild; i++)
        if (strcmp(verdict, mild[i]) == 0) tag = "skipped";
    if (strcmp(verdict, "FAILED") == 0) tag = "failure";
    if (strcmp(verdict, "good") == 0) tag = NULL;
    add_case(s, name, "device", tag, *why ? why : verdict);
}

static void add_row(struct suite *s, const char *device, const json_t *row)
{
    char name[160], reason[512];
    snprintf(name, sizeof name, "%.20s %.40s %.20s %.10s", doc_text(row, "operator"), doc_text(row, "name"),
             doc_text(row, "output"), doc_text(row, "dtype"));
    snprintf(reason, sizeof reason,
             "%.0f of %.0f results outside the bound of %g ULP, %.0f with other bits, %.0f special values wrong; worst %g ULP at %.40s; "
             "hash %.32s, expected %.32s",
             doc_number(row, "outside"), doc_number(row, "points"), doc_number(row, "bound_ulp"), doc_number(row, "bits_differ"),
             doc_number(row, "special_bad"), doc_number(row, "max_ulp"), doc_text(row, "worst_a_bits"), doc_text(row, "hash"),
             doc_text(row, "expected_hash"));
    add_case(s, device, name, json_is_true(json_object_get(row, "good")) ? NULL : "failure", reason);
}

/* All bits together, where they are published. */
static void add_published(struct suite *s, const char *name, const json_t *device)
{
    const char *hash = doc_text(device, "hash"), *published = doc_text(device, "published_hash");
    char reason[128];
    if (!*hash || !*published) return;
    snprintf(reason, sizeof reason, "%.32s instead of %.32s", hash, published);
    add_case(s, name, "hash of all bits", strcmp(hash, published) == 0 ? NULL : "failure", reason);
}

static void add_device(const json_t *machine, const json_t *device, void *user)
{
    struct junit *j = user;
    struct suite s;
    char label[DOC_LABEL], where[DOC_PLACE], name[512], clean[256];
    size_t i;
    json_t *row;
    if (!begin_suite(j, &s)) return;
    snprintf(name, sizeof name, "%s %s %s", doc_label(j->doc, machine, label), doc_place(device, where),
             text_clean(clean, sizeof clean, doc_text(device, "name"), 0));
    add_verdict(&s, name, device);
    json_array_foreach(doc_list(device, "verify"), i, row) { add_row(&s, name, row); }
    add_published(&s, name, device);
    end_suite(j, &s, name, doc_number(device, "seconds"));
}

static void add_changes(struct junit *j)
{
    const json_t *changes = doc_list(j->doc, "changes");
    struct suite s;
    char name[512];
    size_t i;
    json_t *c;
    if (!changes || !begin_suite(j, &s)) return;
    json_array_foreach(changes, i, c)
    {
        snprintf(name, sizeof name, "%.90s %.20s %.200s", doc_text(c, "machine"), doc_text(c, "place"), doc_text(c, "device"));
        add_case(&s, name, doc_text(c, "what"), json_is_true(json_object_get(c, "regression")) ? "failure" : NULL,
                 doc_text(c, "text"));
    }
    end_suite(j, &s, "changes", 0);
}

int doc_junit(const json_t *doc, struct outfile *out)
{
    char *text = NULL;
    size_t size = 0;
    struct junit j = {.doc = doc, .out = open_memstream(&text, &size)};
    if (!j.out) return cli_say("out of memory for the JUnit report"), CLI_OPENCL;
    fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"clglu sweep\">\n", j.out);
    doc_each(doc, add_device, &j);
    add_changes(&j);
    fputs("</testsuites>\n", j.out);
    int code = outfile_take(out, j.out, &text, &size);
    if (code == CLI_GOOD && j.failed) cli_say("out of memory for the JUnit report"), code = CLI_OPENCL;
    return code;
}
