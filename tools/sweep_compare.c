/* sweep_compare.c - what has changed between sweeps: verdicts, bits, errors, speeds beyond the noise. SPDX-License-Identifier: MIT
 */

#include "sweep_compare.h"
#include "json.h"
#include "sweep_doc.h"
#include "text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { RUNS = 64 }; /* older reports of one device that are looked at */

/* Medians that are taken anew move by that much, whatever the spread within each run says: neighbours, clocks, places in memory. */
static const double least_noise = 0.1;

/* A device of the new report and what the older ones say of the same; the last is the newest. */
struct pair {
    const json_t *doc, *machine, *device;
    const json_t *old[RUNS];
    size_t runs;
    json_t *changes;
    int regressions;
};

static int same(const json_t *a, const json_t *b, const char *key) { return strcmp(doc_text(a, key), doc_text(b, key)) == 0; }

/* ---------------------------------------------------------------- what was found */

struct change {
    const char *kind, *what;
    json_t *old, *now;
    double change, noise; /* NaN: none */
    int regression;
    const char *text;
};

static void add(struct pair *p, const struct change *c)
{
    char label[DOC_LABEL], where[DOC_PLACE];
    p->regressions += c->regression;
    json_array_append_new(
        p->changes,
        json_pack("{s:o, s:o, s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:b, s:o}", "machine",
                  json_text(doc_label(p->doc, p->machine, label)), "device", json_text(doc_text(p->device, "name")), "place",
                  doc_place(p->device, where), "kind", c->kind, "what", json_text(c->what), "old", c->old ? c->old : json_null(),
                  "new", c->now ? c->now : json_null(), "change", isnan(c->change) ? json_null() : json_double(c->change),
                  "noise", isnan(c->noise) ? json_null() : json_double(c->noise), "regression", c->regression, "text",
                  json_text(c->text)));
}

static void compare_verdicts(struct pair *p)
{
    const json_t *old = p->old[p->runs - 1];
    const char *was = doc_text(old, "verdict"), *is = doc_text(p->device, "verdict");
    char text[200];
    if (strcmp(was, is) == 0) return;
    snprintf(text, sizeof text, "its verdict is '%s', it was '%s'", is, was);
    add(p, &(struct change){"verdict", "verdict", json_text(was), json_text(is), (double)NAN, (double)NAN,
                            strcmp(is, "good") != 0 && strcmp(was, "good") == 0, text});
}

/* ---------------------------------------------------------------- numbers */

static const json_t *find(const json_t *list, const json_t *like, const char *const *keys)
{
    size_t i;
    json_t *entry;
    json_array_foreach(list, i, entry)
    {
        int fits = 1;
        for (const char *const *k = keys; *k && fits; k++) fits = same(entry, like, *k);
        if (fits) return entry;
    }
    return NULL;
}

static void compare_row(struct pair *p, const json_t *row, const json_t *was)
{
    char what[128], text[256];
    double old = doc_number(was, "max_ulp"), now = doc_number(row, "max_ulp");
    if (doc_number(row, "points") != doc_number(was, "points")) return; /* another level: other points */
    snprintf(what, sizeof what, "%s %s %s %s", doc_text(row, "operator"), doc_text(row, "name"), doc_text(row, "dtype"),
             doc_text(row, "output"));
    if (!same(row, was, "hash")) {
        snprintf(text, sizeof text, "%s has other bits: %s, they were %s", what, doc_text(row, "hash"), doc_text(was, "hash"));
        add(p, &(struct change){"bits", what, json_text(doc_text(was, "hash")), json_text(doc_text(row, "hash")), (double)NAN,
                                (double)NAN, 1, text});
    }
    if (old == now || fabs(now - old) < 1e-7 * old || (isnan(old) && isnan(now))) return; /* files have nine digits */
    snprintf(text, sizeof text, "%s has an error of %.4f ULP, it was %.4f", what, now, old);
    add(p, &(struct change){"accuracy", what, json_double(old), json_double(now), now / old - 1, (double)NAN, !(now < old), text});
}

static void compare_numbers(struct pair *p)
{
    static const char *const keys[] = {"operator", "name", "output", "dtype", NULL};
    const json_t *old = doc_list(p->old[p->runs - 1], "verify"), *was;
    size_t i;
    json_t *row;
    json_array_foreach(doc_list(p->device, "verify"), i, row)
    {
        if ((was = find(old, row, keys)) != NULL) compare_row(p, row, was);
    }
}

/* ---------------------------------------------------------------- speed */

/* A speed is a part of the device's own limit, measured in turns with it: a machine that is slower today has a lower limit, too. */
struct speed {
    double ratio;
    double variance; /* of its relative spread within the run: quartiles of both times */
};

static double spread(const json_t *time)
{
    double s = (doc_number(time, "q3_s") - doc_number(time, "q1_s")) / doc_number(time, "median_s");
    return s >= 0 ? s : 0;
}

static struct speed speed_of(const json_t *owner, const char *ratio, const char *time, const char *limit)
{
    const json_t *r = doc_at(owner, ratio);
    double ours = spread(doc_at(owner, time)), theirs = spread(doc_at(owner, limit));
    return (struct speed){json_is_number(r) ? json_number_value(r) : (double)NAN, ours * ours + theirs * theirs};
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* What the older runs say together: their median, and in the variance how far they lie apart. */
static struct speed together(const struct speed *s, size_t n)
{
    double r[RUNS] = {0}, most = 0;
    for (size_t i = 0; i < n; i++) {
        r[i] = s[i].ratio;
        if (s[i].variance > most) most = s[i].variance;
    }
    qsort(r, n, sizeof *r, by_size);
    double median = n % 2 ? r[n / 2] : (r[n / 2 - 1] + r[n / 2]) / 2, apart = (r[n - 1] - r[0]) / median;
    return (struct speed){median, most + apart * apart};
}

static void compare_speed(struct pair *p, const char *what, struct speed now, const struct speed *old, size_t runs)
{
    char text[256];
    if (runs == 0 || !(now.ratio > 0)) return;
    struct speed was = together(old, runs);
    double noise = 2 * sqrt(now.variance + was.variance), change = now.ratio / was.ratio - 1;
    if (!(noise > least_noise)) noise = least_noise;
    if (!(was.ratio > 0) || fabs(log(now.ratio / was.ratio)) <= noise) return;
    snprintf(text, sizeof text, "%s is %s: %.2f of its limit, it was %.2f (%+.0f %%, noise %.0f %%)", what,
             change < 0 ? "slower" : "faster", now.ratio, was.ratio, 100 * change, 100 * noise);
    add(p, &(struct change){"speed", what, json_double(was.ratio), json_double(now.ratio), change, noise, change < 0, text});
}

/* Sizes that are chosen by time may differ between runs: twice as many elements say the same. */
static int alike(const json_t *a, const json_t *b)
{
    double x = doc_number(a, "elements"), y = doc_number(b, "elements");
    return x <= 2 * y && y <= 2 * x;
}

static void compare_gates(struct pair *p)
{
    static const char *const keys[] = {"kind", "name", "direction", "dtype", NULL};
    size_t i;
    json_t *b;
    json_array_foreach(doc_list(p->device, "bench"), i, b)
    {
        struct speed old[RUNS] = {{.ratio = 0}};
        char what[128];
        size_t n = 0;
        for (size_t k = 0; k < p->runs; k++) {
            const json_t *was = find(doc_list(p->old[k], "bench"), b, keys);
            if (!was || !alike(b, was)) continue;
            old[n] = speed_of(was, "ratio", "time", "limit");
            n += old[n].ratio > 0;
        }
        snprintf(what, sizeof what, "%s %s %s %s", doc_text(b, "kind"), doc_text(b, "name"), doc_text(b, "dtype"),
                 doc_text(b, "direction"));
        compare_speed(p, what, speed_of(b, "ratio", "time", "limit"), old, n);
    }
}

static const json_t *find_row(const json_t *block, double rows)
{
    size_t i;
    json_t *row;
    json_array_foreach(doc_list(block, "rows"), i, row)
    {
        if (doc_number(row, "rows") == rows) return row;
    }
    return NULL;
}

static void compare_block(struct pair *p, const json_t *block, const json_t *row)
{
    static const char *const keys[] = {"name", "form", "dtype", NULL};
    struct speed old[RUNS] = {{.ratio = 0}};
    char what[160];
    size_t n = 0;
    for (size_t k = 0; k < p->runs; k++) {
        const json_t *was = find_row(find(doc_list(p->old[k], "ffn"), block, keys), doc_number(row, "rows"));
        if (!was) continue;
        old[n] = speed_of(was, "block.ratio", "block.time", "read");
        n += old[n].ratio > 0;
    }
    snprintf(what, sizeof what, "ffn %s %s, rows: %.0f", doc_text(block, "name"), doc_text(block, "dtype"),
             doc_number(row, "rows"));
    compare_speed(p, what, speed_of(row, "block.ratio", "block.time", "read"), old, n);
}

static void compare_blocks(struct pair *p)
{
    size_t i, k;
    json_t *block, *row;
    json_array_foreach(doc_list(p->device, "ffn"), i, block)
    {
        json_array_foreach(doc_list(block, "rows"), k, row) { compare_block(p, block, row); }
    }
}

/* The device itself: told, not judged, since it is not this library that has changed there. */
static void compare_rates(struct pair *p)
{
    static const struct {
        const char *key, *what, *unit;
    } rates[] = {{"copy_gb_per_s", "the device's copy rate", "GB/s"},
                 {"read_gb_per_s", "the device's read rate", "GB/s"},
                 {"fma_gflop_per_s", "the device's FMA rate", "GFLOP/s"}};
    const double least = 0.25;
    for (size_t i = 0; i < sizeof rates / sizeof *rates; i++) {
        double old = doc_number(doc_at(p->old[p->runs - 1], "rates"), rates[i].key);
        double now = doc_number(doc_at(p->device, "rates"), rates[i].key), change = now / old - 1;
        char text[200];
        if (!(fabs(change) > least) || isinf(change)) continue;
        snprintf(text, sizeof text, "%s is %.3g %s, it was %.3g (%+.0f %%)", rates[i].what, now, rates[i].unit, old, 100 * change);
        add(p, &(struct change){"rate", rates[i].what, json_double(old), json_double(now), change, (double)NAN, 0, text});
    }
}

/* ---------------------------------------------------------------- which device is which */

static const char *host_of(const json_t *machine) { return doc_text(json_object_get(machine, "host"), "name"); }

static int same_device(const json_t *a, const json_t *b)
{
    char p[DOC_PLACE], q[DOC_PLACE];
    return same(a, b, "name") && same(a, b, "platform_name") && strcmp(doc_place(a, p), doc_place(b, q)) == 0;
}

static const json_t *find_device(const json_t *machine, const json_t *device)
{
    size_t i;
    json_t *d;
    json_array_foreach(doc_list(machine, "devices"), i, d)
    {
        if (same_device(d, device)) return d;
    }
    return NULL;
}

static int knows_host(const json_t *doc, const char *host)
{
    size_t i;
    json_t *machine;
    json_array_foreach(doc_machines(doc), i, machine)
    {
        if (strcmp(host_of(machine), host) == 0) return 1;
    }
    return 0;
}

/* The same device of the same machine; of any machine where that one is not in the old report (a container's name changes). */
static void compare_device(struct pair *p, const json_t *old)
{
    int known = knows_host(old, host_of(p->machine));
    size_t i;
    json_t *machine;
    json_array_foreach(doc_machines(old), i, machine)
    {
        if (known && strcmp(host_of(machine), host_of(p->machine)) != 0) continue;
        const json_t *d = find_device(machine, p->device);
        if (d && p->runs < RUNS) p->old[p->runs++] = d;
    }
    if (p->runs == 0) {
        add(p, &(struct change){"new", "device", NULL, NULL, (double)NAN, (double)NAN, 0, "this device is not in the old report"});
        return;
    }
    compare_verdicts(p);
    compare_numbers(p);
    compare_gates(p);
    compare_blocks(p);
    compare_rates(p);
}

struct search {
    json_t *doc, *changes;
    const json_t *old, *machine; /* where it should still be */
    int regressions;
};

static void compare_new(const json_t *machine, const json_t *device, void *user)
{
    struct search *s = user;
    struct pair p = {.doc = s->doc, .machine = machine, .device = device, .changes = s->changes};
    compare_device(&p, s->old);
    s->regressions += p.regressions;
}

/* Devices of the old report of a machine that was swept again, whole. */
static void find_gone(const json_t *machine, const json_t *device, void *user)
{
    struct search *s = user;
    struct pair p = {.doc = s->doc, .machine = s->machine, .device = device, .changes = s->changes};
    if (strcmp(host_of(machine), host_of(s->machine)) != 0 || find_device(s->machine, device)) return;
    add(&p, &(struct change){"gone", "device", NULL, NULL, (double)NAN, (double)NAN, 1, "this device was there and is gone"});
    s->regressions += p.regressions;
}

int doc_compare(json_t *doc, const json_t *old)
{
    struct search s = {.doc = doc, .changes = json_array(), .old = old};
    size_t i;
    json_t *machine;
    doc_each(doc, compare_new, &s);
    json_array_foreach(doc_machines(doc), i, machine)
    {
        s.machine = machine;
        if (!*doc_text(json_object_get(machine, "plan"), "device")) doc_each(old, find_gone, &s);
    }
    json_object_set_new(doc, "changes", s.changes);
    return s.regressions;
}
