/* sweep_junit.c - a sweep's document for CI servers: one test case for each thing that is judged. SPDX-License-Identifier: MIT */

#include "cli.h"
#include "sweep_doc.h"
#include "text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct counts {
    int tests, failures, errors, skipped;
};

/* Counts come before what they count: the cases of one suite, and all suites, are collected first. */
struct suite {
    FILE *out;
    char *text;
    size_t size;
    struct counts counts;
};

struct junit {
    const json_t *doc;
    struct suite all; /* suites in place of cases */
    double seconds;
    int failed; /* memory */
};

/* How a case ended; `tag` NULL: it passed. */
struct outcome {
    const char *tag, *type, *reason;
};

static void put(FILE *out, const char *text)
{
    char clean[2048];
    text_markup(out, text_clean(clean, sizeof clean, text, 0));
}

static void put_attribute(FILE *out, const char *key, const char *text)
{
    fprintf(out, " %s=\"", key);
    put(out, text);
    fputc('"', out);
}

static int begin_suite(struct junit *j, struct suite *s)
{
    *s = (struct suite){.text = NULL};
    s->out = open_memstream(&s->text, &s->size);
    if (!s->out) j->failed = 1;
    return s->out != NULL;
}

static void put_counts(FILE *out, const struct counts *c, double seconds)
{
    fprintf(out, " tests=\"%d\" failures=\"%d\" errors=\"%d\" skipped=\"%d\" time=\"%.3f\"", c->tests, c->failures, c->errors,
            c->skipped, seconds);
}

static void end_suite(struct junit *j, struct suite *s, const char *name, double seconds)
{
    struct counts *sum = &j->all.counts;
    FILE *out = j->all.out;
    if (fclose(s->out) != 0) j->failed = 1;
    if (!(seconds >= 0 && seconds < 1e9)) seconds = 0;
    fputs("  <testsuite", out);
    put_attribute(out, "name", name);
    put_counts(out, &s->counts, seconds);
    fprintf(out, ">\n%s  </testsuite>\n", s->text ? s->text : "");
    free(s->text);
    j->seconds += seconds;
    sum->tests += s->counts.tests;
    sum->failures += s->counts.failures;
    sum->errors += s->counts.errors;
    sum->skipped += s->counts.skipped;
}

static void add_case(struct suite *s, const char *class, const char *name, const struct outcome *end)
{
    s->counts.tests++;
    fputs("    <testcase", s->out);
    put_attribute(s->out, "classname", class);
    put_attribute(s->out, "name", name);
    if (!end->tag) {
        fputs("/>\n", s->out);
        return;
    }
    s->counts.failures += strcmp(end->tag, "failure") == 0;
    s->counts.errors += strcmp(end->tag, "error") == 0;
    s->counts.skipped += strcmp(end->tag, "skipped") == 0;
    fprintf(s->out, "><%s", end->tag);
    put_attribute(s->out, "message", end->reason);
    if (strcmp(end->tag, "skipped") != 0) put_attribute(s->out, "type", end->type);
    fputs("/></testcase>\n", s->out);
}

/* ---------------------------------------------------------------- a device */

static void add_verdict(struct suite *s, const char *name, const json_t *device)
{
    static const char *const mild[] = {"unusable", "no device", "skipped"};
    const char *verdict = doc_text(device, "verdict"), *why = doc_text(device, "why");
    struct outcome end = {"error", verdict, *why ? why : verdict};
    for (size_t i = 0; i < sizeof mild / sizeof *mild; i++)
        if (strcmp(verdict, mild[i]) == 0) end.tag = "skipped";
    if (strcmp(verdict, "FAILED") == 0) end.tag = "failure";
    if (strcmp(verdict, "good") == 0) end.tag = NULL;
    add_case(s, name, "device", &end);
}

/* What of a row is wrong, in one word. */
static const char *sort_of(const json_t *row)
{
    return doc_number(row, "outside") > 0       ? "accuracy"
           : doc_number(row, "special_bad") > 0 ? "special values"
           : doc_number(row, "bits_differ") > 0 ? "bits"
                                                : "hash";
}

static void explain_row(char *out, size_t size, const json_t *row)
{
    char a[40], b[44] = "", special[128], hash[40], expected[40];
    text_clean(a, sizeof a, doc_text(row, "worst_a_bits"), 0);
    if (*doc_text(row, "worst_b_bits")) snprintf(b, sizeof b, ", b %.36s", doc_text(row, "worst_b_bits"));
    snprintf(out, size,
             "%.0f of %.0f results outside the bound of %g ULP, %.0f with other bits, %.0f special values wrong%s%s; the largest "
             "error is %g ULP at a %s%s: got %.9g, want %.9g; hash %s, expected %s",
             doc_number(row, "outside"), doc_number(row, "points"), doc_number(row, "bound_ulp"), doc_number(row, "bits_differ"),
             doc_number(row, "special_bad"), *doc_text(row, "special_why") ? ": " : "",
             text_clean(special, sizeof special, doc_text(row, "special_why"), 0), doc_number(row, "max_ulp"), a, b,
             doc_number(row, "worst_got"), doc_number(row, "worst_want"), text_clean(hash, sizeof hash, doc_text(row, "hash"), 0),
             text_clean(expected, sizeof expected, doc_text(row, "expected_hash"), 0));
}

/* "act gelu forward f32", "gate geglu backward f32 db" */
static void add_row(struct suite *s, const char *device, const json_t *row)
{
    char name[160], reason[2048];
    int backward = strcmp(doc_text(row, "direction"), "forward") != 0;
    snprintf(name, sizeof name, "%.20s %.40s %.20s %.10s%s%.10s", doc_text(row, "operator"), doc_text(row, "name"),
             doc_text(row, "direction"), doc_text(row, "dtype"), backward ? " " : "", backward ? doc_text(row, "output") : "");
    explain_row(reason, sizeof reason, row);
    add_case(s, device, name,
             &(struct outcome){json_is_true(json_object_get(row, "good")) ? NULL : "failure", sort_of(row), reason});
}

/* All bits together, where they are published. */
static void add_published(struct suite *s, const char *name, const json_t *device)
{
    const char *hash = doc_text(device, "hash"), *published = doc_text(device, "published_hash");
    char reason[128];
    if (!*hash || !*published) return;
    snprintf(reason, sizeof reason, "%.32s instead of %.32s", hash, published);
    add_case(s, name, "hash of all bits", &(struct outcome){strcmp(hash, published) == 0 ? NULL : "failure", "bits", reason});
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

/* ---------------------------------------------------------------- machines, changes */

static int has_usable(const json_t *machine)
{
    size_t i;
    json_t *device;
    json_array_foreach(doc_list(machine, "devices"), i, device)
    {
        if (json_is_true(json_object_get(device, "usable"))) return 1;
    }
    return 0;
}

/* A machine without a device, or half of a sweep, should not be green. */
static void add_machines(struct junit *j)
{
    struct suite s;
    char label[DOC_LABEL];
    size_t i;
    json_t *machine;
    if (!begin_suite(j, &s)) return;
    json_array_foreach(doc_machines(j->doc), i, machine)
    {
        struct outcome end = {NULL, "sweep", "no usable device"};
        int stopped = json_is_true(json_object_get(machine, "stopped"));
        if (stopped) end.reason = "the sweep was stopped early";
        if (stopped || !has_usable(machine)) end.tag = "error";
        add_case(&s, "sweep", doc_label(j->doc, machine, label), &end);
    }
    end_suite(j, &s, "sweep", 0);
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
        int regression = json_is_true(json_object_get(c, "regression"));
        snprintf(name, sizeof name, "%.90s %.20s %.200s", doc_text(c, "machine"), doc_text(c, "place"), doc_text(c, "device"));
        add_case(&s, name, doc_text(c, "what"),
                 &(struct outcome){regression ? "failure" : NULL, doc_text(c, "kind"), doc_text(c, "text")});
    }
    end_suite(j, &s, "changes", 0);
}

static void put_all(FILE *out, const struct junit *j)
{
    fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"clglu sweep\"", out);
    put_counts(out, &j->all.counts, j->seconds);
    fprintf(out, ">\n%s</testsuites>\n", j->all.text ? j->all.text : "");
}

int doc_junit(const json_t *doc, struct outfile *out)
{
    char *text = NULL;
    size_t size = 0;
    struct junit j = {.doc = doc};
    if (begin_suite(&j, &j.all)) {
        add_machines(&j);
        doc_each(doc, add_device, &j);
        add_changes(&j);
        j.failed |= fclose(j.all.out) != 0;
    }
    FILE *whole = j.failed ? NULL : open_memstream(&text, &size);
    if (whole) put_all(whole, &j);
    free(j.all.text);
    if (!whole) return cli_say("out of memory for the JUnit report"), CLI_OPENCL;
    return outfile_take(out, whole, &text, &size);
}
