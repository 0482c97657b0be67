/* doctor.c - clglu doctor: what is wrong with OpenCL on this machine, and the command that mends it.
   SPDX-License-Identifier: MIT */

#include "doctor.h"
#include "commands.h"
#include "json.h"
#include "table.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static const struct {
    const char *name;
    doctor_check *run;
} checks[] = {
    {"loader", doctor_loader},           {"drivers", doctor_drivers},    {"home", doctor_home},
    {"caches", doctor_caches},           {"environment", doctor_environment}, {"device files", doctor_nodes},
    {"devices", doctor_devices},         {"selector", doctor_selector},  {"twins", doctor_twins},
};

static const char *const level_names[] = {"ok", "note", "warn", "FAIL"};

void doctor_add(struct doctor *d, const char *id, enum doctor_level level, const char *remedy, const char *format, ...)
{
    char raw[600];
    va_list args;
    if (d->count == d->room) {
        int room = d->room ? 2 * d->room : 16;
        struct finding *list = realloc(d->list, (size_t)room * sizeof *list);
        if (!list) {
            d->failed = 1;
            return;
        }
        d->list = list;
        d->room = room;
    }
    struct finding *f = &d->list[d->count++];
    va_start(args, format);
    vsnprintf(raw, sizeof raw, format, args);
    va_end(args);
    f->check = d->check;
    f->id = id;
    f->level = level;
    text_clean(f->text, sizeof f->text, raw, 0);
    text_clean(f->remedy, sizeof f->remedy, remedy ? cli_remedy(remedy) : "", 0);
}

static void print(const struct doctor *d)
{
    static const enum text_paint paints[] = {TEXT_GOOD, TEXT_PLAIN, TEXT_WARN, TEXT_BAD};
    struct table t = {.titles = "-|-|~-"};
    for (int i = 0; i < d->count; i++) {
        const struct finding *f = &d->list[i];
        table_row(&t, paints[f->level], "%s\t%s\t%s", level_names[f->level], f->check, f->text);
        if (*f->remedy) table_row(&t, TEXT_BOLD, "\t\t-> %s", f->remedy);
    }
    table_print(&t, stdout, 0);
    printf("\n%d usable device%s.\n", d->usable, d->usable == 1 ? "" : "s");
}

static json_t *to_json(const struct doctor *d)
{
    json_t *root = json_root("doctor"), *list = json_array();
    for (int i = 0; i < d->count; i++)
        json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:s, s:s}", "check", d->list[i].check, "id", d->list[i].id,
                                              "level", level_names[d->list[i].level], "text", d->list[i].text, "remedy",
                                              d->list[i].remedy));
    json_object_set_new(root, "findings", list);
    json_object_set_new(root, "usable_devices", json_integer(d->usable));
    return root;
}

static int run(const struct cli_command *self, int argc, char **argv)
{
    struct cli_common o = {0};
    int code = cli_parse(self, argc, argv, &o);
    if (code != CLI_GO_ON) return code;
    struct doctor d = {.selector = cli_selector(&o), .sweep = {.timeout = 60}};
    for (size_t i = 0; i < sizeof checks / sizeof *checks; i++) {
        d.check = checks[i].name;
        checks[i].run(&d);
    }
    code = d.usable ? CLI_GOOD : CLI_NO_DEVICE;
    if (d.failed) cli_say("findings are missing: out of memory");
    if (o.json) {
        int written = json_emit(to_json(&d), NULL);
        if (written != CLI_GOOD) code = written;
    } else {
        print(&d);
    }
    sweep_free(&d.sweep);
    free(d.list);
    return code;
}

const struct cli_command command_doctor = {
    "doctor",
    "what is missing for OpenCL here, and the command that brings it",
    "clglu doctor [--device SELECTOR] [--json]",
    "Looks at the loader, the drivers, HOME and caches, the environment, permissions and\n"
    "every device (each in a process of its own). It works without a loader, too. Exit\n"
    "status 0 if a device is usable, else 3.",
    "clglu doctor",
    NULL,
    run};
