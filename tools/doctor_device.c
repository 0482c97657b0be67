/* doctor_device.c - clglu doctor's checks of the devices, each in a process of its own.
   SPDX-License-Identifier: MIT */

#include "cli.h"
#include "doctor.h"
#include "sweep.h"

#include <stdlib.h>
#include <string.h>

static int has(const struct sweep_row *row, const char *fact) { return json_is_true(json_object_get(row->facts, fact)); }
static const char *text_of(const struct sweep_row *row, const char *fact)
{
    const char *text = json_string_value(json_object_get(row->facts, fact));
    return text ? text : "";
}

/* The oldest drivers that this library is tested on. */
static void judge_age(struct doctor *d, const char *name, const struct sweep_row *row)
{
    static const struct {
        const char *platform, *upgrade;
        double version;
    } tested[] = {{"Portable Computing Language", "apt-get install --only-upgrade pocl-opencl-icd", 3.1},
                  {"rusticl", "apt-get install --only-upgrade mesa-opencl-icd", 22.3},
                  {"Intel(R) OpenCL", "pip install --upgrade intel-opencl-rt", 2024},
                  {"Oclgrind", "apt-get install --only-upgrade oclgrind", 21.1}};
    const char *driver = text_of(row, "driver_version");
    double version = strtod(driver + strcspn(driver, "0123456789"), NULL);
    for (size_t i = 0; i < sizeof tested / sizeof *tested; i++)
        if (strcmp(row->platform_name, tested[i].platform) == 0 && version > 0 && version < tested[i].version)
            doctor_add(d, name, DOCTOR_WARN, tested[i].upgrade, "%d:%d its driver %s is older than what clglu is tested on (%g)",
                       row->platform, row->device, driver, tested[i].version);
}

/* What a device lacks, and what that means here. */
static void judge_facts(struct doctor *d, const char *name, const struct sweep_row *row)
{
    if (!has(row, "subnormals"))
        doctor_add(d, name, DOCTOR_WARN, NULL, "%d:%d flushes subnormal numbers: only results that are not tiny have the same bits",
                   row->platform, row->device);
    if (!has(row, "fp16") || !has(row, "fp64"))
        doctor_add(d, name, DOCTOR_NOTE, NULL, "%d:%d has no%s%s%s: clglu stores f16 everywhere and computes in f32, other programs may need it",
                   row->platform, row->device, has(row, "fp16") ? "" : " fp16", has(row, "fp16") || has(row, "fp64") ? "" : " and no",
                   has(row, "fp64") ? "" : " fp64");
    judge_age(d, name, row);
}

/* Two drivers for one processor: which of them runs is then a choice. */
static void judge_twins(struct doctor *d, const char *name, const struct sweep *s)
{
    for (int i = 0; i < s->count; i++)
        for (int k = 0; k < i; k++) {
            const struct sweep_row *a = s->rows[k], *b = s->rows[i];
            int cpus = strcmp(text_of(a, "type"), "CPU") == 0 && strcmp(text_of(b, "type"), "CPU") == 0;
            if (!a->usable || !b->usable || a->platform == b->platform || (!cpus && strcmp(a->name, b->name) != 0)) continue;
            char remedy[64];
            snprintf(remedy, sizeof remedy, "export CLGLU_DEVICE=%d:%d   # or --device", b->platform, b->device);
            doctor_add(d, name, DOCTOR_NOTE, remedy, "%d:%d and %d:%d are the same device by two drivers, %s and %s",
                       a->platform, a->device, b->platform, b->device, a->platform_name, b->platform_name);
        }
}

static void judge_device(struct doctor *d, const char *name, const struct sweep_row *row)
{
    const char *remarks = json_string_value(json_object_get(row->facts, "remarks"));
    d->usable += row->verdict == SWEEP_GOOD;
    const char *enable = strcmp(row->platform_name, "rusticl") == 0 && !getenv("RUSTICL_ENABLE")
                             ? "export RUSTICL_ENABLE=llvmpipe   # or a GPU's driver: radeonsi, iris"
                             : NULL;
    if (row->verdict == SWEEP_NO_DEVICE)
        doctor_add(d, name, DOCTOR_WARN, enable, "%d:- %s", row->platform, row->why);
    else if (row->verdict == SWEEP_GOOD)
        doctor_add(d, name, DOCTOR_OK, NULL, "%d:%d %s%s%s", row->platform, row->device, row->name,
                   remarks && *remarks ? ": " : "", remarks ? remarks : "");
    else if (row->platform < 0)
        doctor_add(d, name, DOCTOR_FAIL, NULL, "%s: %s", row->name, row->why);
    else
        doctor_add(d, name, DOCTOR_WARN, NULL, "%d:%d %s is not usable: %s", row->platform, row->device,
                   row->name, row->why);
}

void doctor_devices(struct doctor *d, const char *name)
{
    struct sweep sweep = {.timeout = 60};
    if (d->no_loader) {
        doctor_add(d, name, DOCTOR_NOTE, NULL, "not asked: there is no loader");
        return;
    }
    sweep_list(&sweep);
    for (int i = 0; i < sweep.count; i++) {
        if (sweep.rows[i]->device >= 0) sweep_device(&sweep, sweep.rows[i]);
        judge_device(d, name, sweep.rows[i]);
        if (sweep.rows[i]->verdict == SWEEP_GOOD) judge_facts(d, name, sweep.rows[i]);
    }
    judge_twins(d, name, &sweep);
    if (sweep.count == 0)
        doctor_add(d, name, DOCTOR_FAIL, "apt-get install pocl-opencl-icd",
                   "the OpenCL loader finds no platform");
    else if (!d->usable)
        doctor_add(d, name, DOCTOR_FAIL, "apt-get install pocl-opencl-icd",
                   "no device is usable; PoCL is for any CPU");
    sweep_free(&sweep);
}

void doctor_selector(struct doctor *d, const char *name)
{
    const char *args[] = {"devices", "--json", "--device", d->selector, NULL};
    struct child child = {args, NULL, 60, NULL, NULL, NULL};
    struct child_end end;
    if (!d->selector || d->no_loader) return;
    child_run(&child, &end);
    if (end.how == CHILD_EXITED && end.number == CLI_GOOD)
        doctor_add(d, name, DOCTOR_OK, NULL, "'%s' picks a usable device", d->selector);
    else
        doctor_add(d, name, DOCTOR_WARN, "clglu devices   # names and numbers to select by",
                   "'%s' picks no usable device", d->selector);
}
