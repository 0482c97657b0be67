/* doctor_device.c - clglu doctor's checks of the devices, each in a process of its own. SPDX-License-Identifier: MIT */

#include "doctor.h"
#include "late.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>

#define POCL "sudo apt-get install pocl-opencl-icd"

static void judge_device(struct doctor *d, const struct sweep_row *row)
{
    const char *remarks = json_string_value(json_object_get(row->facts, "remarks"));
    const char *enable = strcmp(row->platform_name, "rusticl") == 0 && !getenv("RUSTICL_ENABLE")
                             ? "export RUSTICL_ENABLE=llvmpipe   # or a GPU's driver: radeonsi, iris"
                             : NULL;
    if (row->verdict == SWEEP_NO_DEVICE)
        doctor_add(d, "no-device", DOCTOR_WARN, enable, "%d:- %s", row->platform, row->why);
    else if (row->verdict == SWEEP_GOOD)
        doctor_add(d, "device", DOCTOR_OK, NULL, "%d:%d %s%s%s", row->platform, row->device, row->name,
                   remarks && *remarks ? ": " : "", remarks ? remarks : "");
    else if (row->platform < 0)
        doctor_add(d, "driver-breaks", DOCTOR_FAIL, NULL, "%s: %s", row->name, row->why);
    else
        doctor_add(d, "device-unusable", DOCTOR_WARN, NULL, "%d:%d %s is not usable: %s", row->platform, row->device, row->name,
                   row->why);
}

void doctor_devices(struct doctor *d)
{
    struct sweep *s = &d->sweep;
    if (late_trouble()) {
        doctor_add(d, "not-asked", DOCTOR_NOTE, NULL, "not asked: OpenCL cannot be used");
        return;
    }
    sweep_list(s);
    for (int i = 0; i < s->count; i++) {
        if (s->rows[i]->device >= 0) sweep_device(s, s->rows[i]);
        d->usable += s->rows[i]->verdict == SWEEP_GOOD;
        judge_device(d, s->rows[i]);
        doctor_facts(d, s->rows[i]);
    }
    if (s->count == 0)
        doctor_add(d, "no-platform", DOCTOR_FAIL, POCL, "the OpenCL loader finds no platform");
    else if (!d->usable)
        doctor_add(d, "none-usable", DOCTOR_FAIL, POCL, "no device is usable; PoCL is for any CPU");
}

/* ---------------------------------------------------------------- which one is taken */

/* Where all drivers in one process break it, and each alone was asked: the one to keep to. */
static void judge_together(struct doctor *d)
{
    char remedy[400] = "", file[300];
    for (int i = d->sweep.count; i-- > 0;) {
        const struct sweep_row *row = d->sweep.rows[i];
        if (row->verdict == SWEEP_GOOD)
            snprintf(remedy, sizeof remedy, "export OCL_ICD_VENDORS=%s", text_shell(file, sizeof file, row->icd));
    }
    doctor_add(d, "drivers-clash", DOCTOR_FAIL, remedy,
               "a program that asks for all platforms breaks here, as clglu does; above, each driver was asked alone");
}

static int take_pick(json_t *message, void *user)
{
    struct doctor *d = user;
    json_t *platform = json_object_get(message, "platform"), *device = json_object_get(message, "device");
    if (!json_is_integer(platform) || !json_is_integer(device)) return 1;
    for (int i = 0; i < d->sweep.count; i++) {
        const struct sweep_row *row = d->sweep.rows[i];
        if (row->platform == json_integer_value(platform) && row->device == json_integer_value(device)) d->picked = row;
    }
    return 0;
}

void doctor_selector(struct doctor *d)
{
    const char *args[] = {"probe-pick", "--device", d->selector, NULL};
    struct child child = {args, NULL, 60, take_pick, NULL, d};
    struct child_end end;
    char words[96];
    if (d->sweep.alone_count) judge_together(d);
    if (d->sweep.alone_count || !d->usable) return;
    child_run(&child, &end);
    child_words(&end, words, sizeof words);
    if (end.how == CHILD_GOOD && d->picked)
        doctor_add(d, "selector", DOCTOR_OK, NULL, "'%s' takes %d:%d, %s", d->selector, d->picked->platform, d->picked->device,
                   d->picked->name);
    else
        doctor_add(d, "selector-fails", DOCTOR_WARN, "clglu devices   # names and numbers to select by",
                   "'%s' picks no usable device: its process %s%s%s", d->selector, words, *end.said ? "; it said: " : "", end.said);
}

/* ---------------------------------------------------------------- one device by two drivers */

static const char *type_of(const struct sweep_row *row)
{
    const char *type = json_string_value(json_object_get(row->facts, "type"));
    return type ? type : "";
}

/* Where the drivers do not say where a device is, its maker and kind have to do; a machine's CPU has many names. */
static int are_twins(const struct sweep_row *a, const struct sweep_row *b)
{
    if (!a->usable || !b->usable || a->platform == b->platform || strcmp(type_of(a), type_of(b)) != 0) return 0;
    if (*a->pci && *b->pci) return strcmp(a->pci, b->pci) == 0;
    return strcmp(type_of(a), "CPU") == 0 || strcmp(a->name, b->name) == 0 || (a->vendor_id && a->vendor_id == b->vendor_id);
}

/* Which of them runs is then a choice: the first one's if the selector leaves it open. */
void doctor_twins(struct doctor *d)
{
    for (int i = 0; i < d->sweep.count; i++)
        for (int k = 0; k < i; k++) {
            const struct sweep_row *a = d->sweep.rows[k], *b = d->sweep.rows[i];
            const struct sweep_row *other = d->picked == b ? a : b;
            char remedy[64], taken[128] = "";
            if (!are_twins(a, b)) continue;
            if (d->picked == a || d->picked == b)
                snprintf(taken, sizeof taken, "; '%.60s' takes %d:%d", d->selector, d->picked->platform, d->picked->device);
            snprintf(remedy, sizeof remedy, "export CLGLU_DEVICE=%d:%d   # for the other", other->platform, other->device);
            doctor_add(d, "same-device", DOCTOR_NOTE, remedy, "%d:%d and %d:%d are the same device by two drivers, %s and %s%s",
                       a->platform, a->device, b->platform, b->device, a->platform_name, b->platform_name, taken);
            break;
        }
}
