/* devices.c - clglu devices: every platform and device, its facts and the verdict.
   SPDX-License-Identifier: MIT */

#include "commands.h"
#include "json.h"
#include "table.h"

#include <stdio.h>
#include <string.h>

struct list {
    json_t *json; /* an array, or NULL: print */
    int usable, shown;
};

static void print_fact(const char *name, const char *value)
{
    char clean[1024];
    struct table t = {.titles = "-|~-"};
    if (*text_clean(clean, sizeof clean, value, 0)) table_row(&t, TEXT_PLAIN, "%-9s\t%s", name, clean);
    if (t.rows) table_print(&t, stdout, 2);
}

static void print_memory(const clglu_device_facts *f)
{
    char global[TEXT_NUMBER], alloc[TEXT_NUMBER], cache[TEXT_NUMBER], local[TEXT_NUMBER], line[160];
    snprintf(line, sizeof line, "%s, largest buffer %s, cache %s, local %s%s",
             text_bytes(global, (double)f->global_bytes), text_bytes(alloc, (double)f->max_alloc_bytes),
             text_bytes(cache, (double)f->cache_bytes), text_bytes(local, (double)f->local_bytes),
             f->unified ? ", shared with the host" : "");
    print_fact("memory", line);
}

static void print_device(const clglu_device_facts *f)
{
    char line[1024], name[256], version[128], driver[128];
    snprintf(line, sizeof line, "%s, %u units at %u MHz, vectors of %u, groups to %zu", device_type_name(f),
             f->compute_units, f->clock_mhz, f->vector_width, f->max_work_group);
    print_fact("type", line);
    print_memory(f);
    snprintf(line, sizeof line, "%s, %s, driver %s",
             text_clean(version, sizeof version, f->device_version, 0),
             text_clean(name, sizeof name, f->c_version, 0),
             text_clean(driver, sizeof driver, f->driver_version, 0));
    print_fact("version", line);
    snprintf(line, sizeof line, "fp16 %s, fp64 %s, fma %s, subnormals %s, nearest %s, inf/nan %s",
             f->fp16 ? "yes" : "no", f->fp64 ? "yes" : "no", f->fma ? "fast" : "emulated",
             f->subnormals ? "yes" : "flushed", f->round_nearest ? "yes" : "no", f->inf_nan ? "yes" : "no");
    print_fact("numbers", line);
}

static void on_device(const clglu_device_facts *f, void *user)
{
    struct list *list = user;
    char name[256], platform[256];
    list->usable += f->usable;
    if (list->json) {
        json_array_append_new(list->json, json_facts(f));
        return;
    }
    if (list->shown++) putchar('\n');
    text_clean(name, sizeof name, f->device_id ? f->name : "(no device)", 0);
    if (f->device_id)
        printf("%s%u:%u  ", text_on(stdout, TEXT_BOLD), f->platform, f->device);
    else
        printf("%s%u:-  ", text_on(stdout, TEXT_BOLD), f->platform);
    printf("%s%s\n", name, text_off(stdout, TEXT_BOLD));
    print_fact("platform", text_clean(platform, sizeof platform, f->platform_name, 0));
    if (f->device_id) print_device(f);
    printf("%s", text_on(stdout, f->usable ? TEXT_GOOD : TEXT_BAD));
    print_fact("verdict", f->verdict);
    printf("%s", text_off(stdout, TEXT_GOOD));
    print_fact("remarks", f->remarks);
}

/* All devices, or only the one that the selector picks. */
static int enumerate(const char *selector, struct list *list)
{
    if (!selector) {
        clglu_status status = clglu_devices(on_device, list);
        if (status == CLGLU_OK || status == CLGLU_NO_PLATFORM) return CLI_GO_ON;
        return cli_failed(NULL, status, "the devices cannot be listed");
    }
    struct cli_device device;
    int code = cli_open(&device, selector, 0);
    if (code == CLI_GO_ON) on_device(clglu_context_facts(device.context), list);
    clglu_context_close(device.context);
    return code;
}

static int run(const struct cli_command *self, int argc, char **argv)
{
    struct cli_common o = {0};
    int code = cli_parse(self, argc, argv, &o);
    if (code != CLI_GO_ON) return code;
    struct list list = {o.json ? json_array() : NULL, 0, 0};
    code = enumerate(o.device, &list);
    if (o.json && code == CLI_GO_ON) {
        json_t *root = json_root("devices");
        json_object_set_new(root, "devices", list.json);
        int written = json_emit(root, NULL);
        if (written != CLI_GOOD) return written;
    } else {
        json_decref(list.json);
    }
    if (code != CLI_GO_ON) return code;
    if (!o.json && !list.shown) printf("No OpenCL platform. 'clglu doctor' says what is missing.\n");
    return list.usable ? CLI_GOOD : CLI_NO_DEVICE;
}

const struct cli_command command_devices = {
    "devices",
    "all OpenCL platforms and devices, with facts and a verdict",
    "clglu devices [--device SELECTOR] [--json]",
    "The verdict is that of a self-test, which builds and runs a small program on each\n"
    "device. With --device (not CLGLU_DEVICE) only the device that it picks is shown.\n"
    "Exit status 3 if none is usable.",
    "clglu devices\nclglu devices --json | jq '.devices[] | select(.usable) | .name'",
    NULL,
    run};
