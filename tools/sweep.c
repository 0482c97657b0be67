/* sweep.c - clglu sweep: every device of the machine, each in a process of its own. SPDX-License-Identifier:
 * MIT */

#include "sweep.h"
#include "commands.h"
#include "json.h"
#include "text.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct options {
    struct cli_common common;
    const char *timeout;
};

#define AT(member) offsetof(struct options, member)
static const struct cli_option options[] = {
    {"device", 'd', "SELECTOR",
     "only P:D (platform and device number) or part of a name;\n"
     "CLGLU_DEVICE has no say here",
     offsetof(struct cli_common, device)},
    {"timeout", 't', "SECONDS", "for each device; then its process is killed; default 120", AT(timeout)},
    {"json", 0, "FILE", "everything, as JSON (schema clglu-sweep/1); - is standard output",
     offsetof(struct cli_common, json)},
    {NULL, 0, NULL, NULL, 0}};
#undef AT

/* The line on a terminal while children run. */
struct display {
    int on, drawn, done, count;
};

static void on_tick(const char *device, const char *step, double seconds, void *user)
{
    struct display *d = user;
    if (!d->on || seconds < 1) return;
    if (d->count)
        fprintf(stderr, "\r\033[K%3d %% %.30s: %.40s, %.0f s", 100 * d->done / d->count, device, step,
                seconds);
    else
        fprintf(stderr, "\r\033[K%.40s, %.0f s", step, seconds);
    fflush(stderr);
    d->drawn = 1;
}

static int contains(const char *text, const char *part)
{
    for (; *text; text++) {
        size_t i = 0;
        while (part[i] && tolower((unsigned char)text[i]) == tolower((unsigned char)part[i])) i++;
        if (!part[i]) return 1;
    }
    return *part == 0;
}

static int selected(const struct sweep_row *row, const char *selector)
{
    int p, d, end = 0;
    if (!selector) return 1;
    if (sscanf(selector, "%d:%d%n", &p, &d, &end) == 2 && selector[end] == 0)
        return p == row->platform && d == row->device;
    return contains(row->name, selector) || contains(row->platform_name, selector);
}

/* Takes out the rows that were not asked for. */
static void keep_selected(struct sweep *s, const char *selector)
{
    struct sweep rest = {.count = 0};
    int kept = 0;
    for (int i = 0; i < s->count; i++)
        if (selected(s->rows[i], selector))
            s->rows[kept++] = s->rows[i];
        else
            rest.rows[rest.count++] = s->rows[i];
    s->count = kept;
    sweep_free(&rest);
}

static void visit_all(struct sweep *s, struct display *d)
{
    d->count = s->count;
    for (d->done = 0; d->done < s->count; d->done++)
        if (s->rows[d->done]->device >= 0) sweep_device(s, s->rows[d->done]);
    if (d->drawn) fprintf(stderr, "\r\033[K");
    sweep_compare(s);
}

static int run(const struct cli_command *self, int argc, char **argv)
{
    struct options o = {.timeout = NULL};
    double timeout = 120;
    int code = cli_parse(self, argc, argv, &o);
    if (code == CLI_GO_ON) code = cli_number(self, "timeout", o.timeout, &timeout);
    if (code != CLI_GO_ON) return code;
    if (timeout < 1 || timeout > 1e6) return cli_usage(self, "--timeout: 1 to 1000000 seconds");
    struct display display = {.on = !o.common.quiet && isatty(STDERR_FILENO)};
    struct sweep sweep = {.timeout = timeout, .tick = on_tick, .user = &display};
    sweep_list(&sweep);
    keep_selected(&sweep, o.common.device);
    visit_all(&sweep, &display);
    code = sweep_exit(&sweep);
    int only_json = o.common.json && strcmp(o.common.json, "-") == 0;
    if (!only_json) sweep_print(&sweep, stdout);
    int written = o.common.json ? json_emit(sweep_json(&sweep), o.common.json) : CLI_GOOD;
    sweep_free(&sweep);
    return written == CLI_GOOD ? code : written;
}

const struct cli_command command_sweep = {
    "sweep",
    "verify and bench every device, each in a process of its own",
    "clglu sweep [--json FILE] [--timeout SECONDS] [--device SELECTOR]",
    "A driver that crashes or hangs costs one row. The numbers are tried as by verify --quick,\n"
    "the speed with geglu only. Exit status 0 if there is a usable device and every usable one\n"
    "has the right numbers, 1 if one has not, 3 if none is usable.",
    "clglu sweep\nclglu sweep --json sweep.json --timeout 60",
    options,
    run};
