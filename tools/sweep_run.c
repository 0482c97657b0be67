/* sweep_run.c - every device in a process of its own: the rows made. SPDX-License-Identifier: MIT */

#include "sweep.h"
#include "cli.h"
#include "icd.h"
#include "progress.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>

enum { LIST_SECONDS = 30 }; /* enough to find out what is there */

static struct sweep_row *add_row(struct sweep *s, int platform, int device, const char *set)
{
    struct sweep_row *row = s->count < SWEEP_ROWS ? calloc(1, sizeof *row) : NULL;
    if (!row) return NULL;
    row->platform = platform;
    row->device = device;
    row->same_bits = -1;
    row->verdict = SWEEP_SKIPPED;
    row->found = json_object();
    snprintf(row->set, sizeof row->set, "%s", set ? set : "");
    s->rows[s->count++] = row;
    return row;
}

static void free_row(struct sweep_row *row)
{
    json_decref(row->facts);
    json_decref(row->found);
    free(row);
}

/* ---------------------------------------------------------------- what is there */

struct listing {
    struct sweep *sweep;
    const char *set;
    char step[96];
    double start;
};

static int copy_text(const json_t *object, const char *key, char *out, size_t size)
{
    const char *s = json_string_value(json_object_get(object, key));
    if (s) text_clean(out, size, s, 0);
    return s != NULL;
}

static int on_listed(json_t *m, void *user)
{
    struct listing *l = user;
    json_t *platform = json_object_get(m, "platform"), *devices = json_object_get(m, "devices"), *device;
    char text[128] = "";
    size_t i;
    if (copy_text(m, "step", l->step, sizeof l->step)) return 0;
    if (!json_is_integer(platform) || !json_is_array(devices)) return 1;
    copy_text(m, "name", text, sizeof text);
    int number = (int)json_integer_value(platform);
    if (json_array_size(devices) == 0) {
        struct sweep_row *row = add_row(l->sweep, number, -1, l->set);
        if (!row) return 1;
        row->verdict = SWEEP_NO_DEVICE;
        snprintf(row->name, sizeof row->name, "(no device)");
        snprintf(row->platform_name, sizeof row->platform_name, "%s", text);
        snprintf(row->why, sizeof row->why, "the platform %s has no device (OpenCL code %d)", text,
                 (int)json_integer_value(json_object_get(m, "code")));
    }
    json_array_foreach(devices, i, device)
    {
        struct sweep_row *row = json_is_object(device) ? add_row(l->sweep, number, (int)i, l->set) : NULL;
        if (!row || !copy_text(device, "name", row->name, sizeof row->name)) return 1;
        copy_text(device, "pci", row->pci, sizeof row->pci);
        row->vendor_id = (unsigned)json_integer_value(json_object_get(device, "vendor_id"));
        snprintf(row->platform_name, sizeof row->platform_name, "%s", text);
    }
    return 0;
}

static void list_tick(void *user)
{
    struct listing *l = user;
    if (l->sweep->tick) l->sweep->tick(NULL, progress_now() - l->start, l->sweep->user);
}

static void explain(struct sweep_row *row, const char *step)
{
    char words[96], text[sizeof row->why];
    child_words(&row->end, words, sizeof words);
    int n = snprintf(text, sizeof text, "%s in step '%s'", words, step);
    if (*row->end.said && n > 0 && (size_t)n < sizeof text)
        snprintf(text + n, sizeof text - (size_t)n, "; it said: %s", row->end.said);
    text_clean(row->why, sizeof row->why, text, 0); /* which may end within a character */
}

/* Returns 1 if the list is whole; else no row has been added, and *end says what happened. */
static int list_once(struct sweep *s, const char *set, struct listing *l, struct child_end *end)
{
    static const char *const args[] = {"probe-list", NULL};
    int before = s->count;
    *l = (struct listing){.sweep = s, .set = set, .start = progress_now(), .step = "start"};
    struct child child = {args,      set,       s->timeout < LIST_SECONDS ? s->timeout : LIST_SECONDS,
                          on_listed, list_tick, l};
    child_run(&child, end);
    if (end->how == CHILD_GOOD) return 1;
    while (s->count > before) free_row(s->rows[--s->count]);
    return 0;
}

static void broken_list(struct sweep *s, const char *name, const char *set, const struct listing *l,
                        const struct child_end *end)
{
    struct sweep_row *row = add_row(s, -1, -1, set);
    if (!row) return;
    row->verdict = SWEEP_BROKEN;
    row->end = *end;
    text_clean(row->name, sizeof row->name, name, 0);
    snprintf(row->step, sizeof row->step, "%s", l->step);
    explain(row, l->step);
}

#define ALONE "OCL_ICD_VENDORS="

/* One driver's devices, asked with no other beside it. One that shows nothing gets a row that says so. */
static void list_alone(struct sweep *s, const struct icd *icd)
{
    char folder[512], set[600];
    struct listing l;
    struct child_end end;
    int before = s->count;
    if (s->alone_count == SWEEP_ROWS || !icd_alone(icd, folder, sizeof folder)) return;
    snprintf(s->alone[s->alone_count++], sizeof *s->alone, "%s", folder);
    snprintf(set, sizeof set, ALONE "%s", folder);
    if (!list_once(s, set, &l, &end)) {
        broken_list(s, icd->library, set, &l, &end);
    } else if (s->count == before) {
        struct sweep_row *row = add_row(s, -1, -1, set);
        if (!row) return;
        row->verdict = SWEEP_NO_DEVICE;
        text_clean(row->name, sizeof row->name, icd->library, 0);
        snprintf(row->why, sizeof row->why, "the driver shows no platform");
    }
    for (int i = before; i < s->count; i++) snprintf(s->rows[i]->icd, sizeof s->rows[i]->icd, "%s", icd->file);
}

void sweep_list(struct sweep *s)
{
    struct icd icds[ICD_MAX];
    struct listing l;
    struct child_end end;
    if (list_once(s, NULL, &l, &end)) return;
    int n = icd_list(icds);
    if (n < 2) broken_list(s, n ? icds[0].library : "OpenCL", NULL, &l, &end);
    for (int i = 0; n >= 2 && i < n; i++) list_alone(s, &icds[i]); /* one of them brings all down: which? */
}

/* ---------------------------------------------------------------- one device */

struct visit {
    struct sweep *sweep;
    struct sweep_row *row;
    double start;
};

/* A finished verification: its hashes and its sums. */
static int take_verified(struct sweep_row *row, json_t *v)
{
    json_t *failed = json_object_get(v, "failed");
    if (!json_is_integer(failed) || !copy_text(v, "hash", row->hash, sizeof row->hash)) return 1;
    copy_text(v, "expected_hash", row->expected, sizeof row->expected);
    copy_text(v, "published_hash", row->published, sizeof row->published);
    row->failed_rows = (int)json_integer_value(failed);
    row->verified = 1;
    return json_object_set(row->found, "verified", v);
}

static json_t *list_of(struct sweep_row *row, const char *key)
{
    json_t *list = json_object_get(row->found, key);
    if (!list && json_object_set_new(row->found, key, list = json_array()) != 0) return NULL;
    return list;
}

/* What was built, cold in one child and warm in the other, becomes one entry. */
static int take_build(struct sweep_row *row, json_t *build)
{
    const char *what = json_string_value(json_object_get(build, "what")), *known;
    json_t *list = list_of(row, "build"), *entry;
    size_t i;
    if (!what) return 1;
    json_array_foreach(list, i, entry)
    {
        known = json_string_value(json_object_get(entry, "what"));
        if (known && strcmp(known, what) == 0) return json_object_update(entry, build);
    }
    return json_array_append(list, build);
}

static int take_facts(struct sweep_row *row, json_t *facts)
{
    json_decref(row->facts);
    row->facts = json_incref(facts);
    row->usable = json_is_true(json_object_get(facts, "usable"));
    return 0;
}

static int on_told(json_t *m, void *user)
{
    static const char *const lists[] = {"verify", "curves", "bench", "ffn"}, *const objects[] = {"rates", "memory"};
    struct sweep_row *row = ((struct visit *)user)->row;
    json_t *part;
    if (copy_text(m, "step", row->step, sizeof row->step)) return 0;
    if ((part = json_object_get(m, "progress")) != NULL) {
        row->progress = json_number_value(part);
        return 0;
    }
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        if ((part = json_object_get(m, lists[i])) != NULL) return json_array_append(list_of(row, lists[i]), part);
    for (size_t i = 0; i < sizeof objects / sizeof *objects; i++)
        if ((part = json_object_get(m, objects[i])) != NULL) return json_object_set(row->found, objects[i], part);
    if ((part = json_object_get(m, "facts")) != NULL) return take_facts(row, part);
    if ((part = json_object_get(m, "build")) != NULL) return take_build(row, part);
    if ((part = json_object_get(m, "verified")) != NULL) return take_verified(row, part);
    return 1;
}

static void visit_tick(void *user)
{
    struct visit *v = user;
    if (v->sweep->tick) v->sweep->tick(v->row, progress_now() - v->start, v->sweep->user);
}

static void judge(struct sweep_row *row, const struct plan_options *options)
{
    if (row->end.how != CHILD_GOOD) {
        row->verdict = row->end.how == CHILD_STOPPED ? SWEEP_SKIPPED : SWEEP_BROKEN;
        explain(row, row->step);
    } else if (!row->usable) {
        const char *verdict = json_string_value(json_object_get(row->facts, "verdict"));
        row->verdict = SWEEP_UNUSABLE;
        text_clean(row->why, sizeof row->why, verdict ? verdict : "no verdict came", 0);
    } else if (row->failed_rows) {
        row->verdict = SWEEP_FAILED;
        snprintf(row->why, sizeof row->why, "%d rows of its verification failed", row->failed_rows);
    } else if (options && *row->published && strcmp(row->published, row->hash) != 0) {
        row->verdict = SWEEP_FAILED;
        snprintf(row->why, sizeof row->why, "its bits are not those published: %s instead of %s", row->hash, row->published);
    } else {
        row->verdict = SWEEP_GOOD;
    }
}

/* One child; `mode` is what it is to do beside the plan, or NULL. */
static void visit(struct sweep *s, struct sweep_row *row, const char *mode)
{
    enum { FIXED = 4 };
    char selector[32];
    const char *args[FIXED + PLAN_ARGS + 1] = {"probe-device", "--device", selector};
    struct visit v = {s, row, progress_now()};
    size_t n = FIXED - 1;
    if (mode) args[n++] = mode;
    if (s->options) n += plan_arguments(s->options, args + n);
    args[n] = NULL;
    snprintf(selector, sizeof selector, "%d:%d", row->platform, row->device);
    snprintf(row->step, sizeof row->step, "start");
    struct child child = {args, *row->set ? row->set : NULL, s->timeout, on_told, visit_tick, &v};
    child_run(&child, &row->end);
    row->seconds += row->end.seconds;
}

void sweep_device(struct sweep *s, struct sweep_row *row)
{
    visit(s, row, s->options ? NULL : "--examine");
    if (s->options && row->usable && row->end.how == CHILD_GOOD) visit(s, row, "--build");
    row->progress = 1;
    judge(row, s->options);
}

/* The device to compare with: the first whose rows are all right, else the first that has a hash. */
static const struct sweep_row *yardstick(const struct sweep *s, int *hashes)
{
    const struct sweep_row *first = NULL;
    *hashes = 0;
    for (int i = 0; i < s->count; i++) {
        const struct sweep_row *row = s->rows[i];
        if (!*row->hash) continue;
        ++*hashes;
        if (!first || (first->failed_rows && !row->failed_rows)) first = row;
    }
    return first;
}

/* Every row of a device is compared with the host's arithmetic; the devices are then compared with one another. */
void sweep_compare(struct sweep *s)
{
    int hashes;
    const struct sweep_row *first = yardstick(s, &hashes);
    for (int i = 0; i < s->count && hashes == 1; i++)
        if (*s->rows[i]->hash && !s->rows[i]->failed_rows) s->rows[i]->same_bits = 1;
    for (int i = 0; i < s->count && hashes > 1; i++) {
        struct sweep_row *row = s->rows[i];
        if (!*row->hash) continue;
        row->same_bits = strcmp(first->hash, row->hash) == 0;
        if (row->same_bits || row->verdict != SWEEP_GOOD) continue;
        row->verdict = SWEEP_FAILED;
        snprintf(row->why, sizeof row->why, "its bits are not those of device %d:%d", first->platform,
                 first->device);
    }
}

int sweep_exit(const struct sweep *s)
{
    int usable = 0, failed = 0;
    for (int i = 0; i < s->count; i++) {
        const struct sweep_row *row = s->rows[i];
        usable += row->usable;
        failed += row->usable && (row->verdict != SWEEP_GOOD || row->same_bits == 0);
    }
    return failed ? CLI_CHECK_FAILED : usable ? CLI_GOOD : CLI_NO_DEVICE;
}

void sweep_free(struct sweep *s)
{
    for (int i = 0; i < s->count; i++) free_row(s->rows[i]);
    for (int i = 0; i < s->alone_count; i++) icd_alone_end(s->alone[i]);
    s->count = s->alone_count = 0;
}
