/* doctor_device.c - clglu doctor's checks of the devices, each in a process of its own.
   SPDX-License-Identifier: MIT */

#include "cli.h"
#include "doctor.h"
#include "sweep.h"

#include <stdlib.h>
#include <string.h>

static void judge_device(struct doctor *d, const char *name, const struct sweep_row *row)
{
    const char *remarks = json_string_value(json_object_get(row->facts, "remarks"));
    d->usable += row->verdict == SWEEP_GOOD;
    if (row->verdict == SWEEP_NO_DEVICE)
        doctor_add(d, name, DOCTOR_WARN, NULL, "%d:- %s", row->platform, row->why);
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
    }
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
