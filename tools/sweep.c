/* sweep.c - clglu sweep: every device of the machine, each in a process of its own; reports kept, compared and put together.
   SPDX-License-Identifier: MIT */

#include "sweep.h"
#include "commands.h"
#include "json.h"
#include "progress.h"
#include "stop.h"
#include "sweep_compare.h"
#include "sweep_doc.h"
#include "text.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct options {
    struct cli_common common;
    const char *timeout, *csv, *junit, *html, *compare, *merge;
    struct plan_options plan;
};

#define AT(member) offsetof(struct options, member)
static const struct cli_option options[] = {
    {"device", 'd', "SELECTOR",
     "only P:D (platform and device number) or part of a name;\n"
     "CLGLU_DEVICE has no say here",
     offsetof(struct cli_common, device)},
    PLAN_OPTIONS(struct options, plan),
    {"timeout", 't', "SECONDS", "a device's process that says nothing for so long is killed; default 120", AT(timeout)},
    {"json", 0, "FILE", "everything, as JSON (schema " DOC_SCHEMA "); - is standard output",
     offsetof(struct cli_common, json)},
    {"csv", 0, "FILE", "one line for each figure", AT(csv)},
    {"junit", 0, "FILE", "for CI servers: one test case for each thing that is judged", AT(junit)},
    {"html", 0, "FILE", "a page for people: verdicts, roofline, errors, hashes", AT(html)},
    {"compare", 0, "OLD.json...", "what has changed since those reports; exit status 1 on a regression", AT(compare)},
    {"merge", 0, "A.json...", "no sweep: these reports as one", AT(merge)},
    {NULL, 0, NULL, NULL, 0}};
#undef AT

/* ---------------------------------------------------------------- the line on a terminal while children run */

struct display {
    int on, drawn, done, count;
    double shown;
};

static const char *time_left(char out[TEXT_NUMBER], double seconds)
{
    if (seconds < 100)
        snprintf(out, TEXT_NUMBER, "%.0f s", ceil(seconds));
    else if (seconds < 6000)
        snprintf(out, TEXT_NUMBER, "%.0f min", seconds / 60);
    else
        snprintf(out, TEXT_NUMBER, "%.1f h", seconds / 3600);
    return out;
}

static void on_tick(const struct sweep_row *row, double seconds, void *user)
{
    struct display *d = user;
    char left[TEXT_NUMBER + 16] = "", time[TEXT_NUMBER], name[25], step[31]; /* cut at whole characters */
    double now = progress_now();
    if (!d->on || seconds < 1 || now - d->shown < 0.2) return;
    d->shown = now;
    if (!row) {
        fprintf(stderr, "\r\033[Klisting devices, %.0f s", seconds);
    } else {
        double rest = seconds / (row->progress > 0.02 ? row->progress : 0.02);
        if (row->progress > 0.02)
            snprintf(left, sizeof left, ", %s left",
                     time_left(time, rest - seconds + rest * (double)(d->count - d->done - 1)));
        fprintf(stderr, "\r\033[K%d of %d %s: %s, %.0f %%%s", d->done + 1, d->count, text_clean(name, sizeof name, row->name, 0),
                text_clean(step, sizeof step, row->step, 0), 100 * row->progress, left);
    }
    fflush(stderr);
    d->drawn = 1;
}

/* ---------------------------------------------------------------- which devices */

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
    if (sscanf(selector, "%9d:%9d%n", &p, &d, &end) == 2 && selector[end] == 0) /* NOLINT(cert-err34-c): nine digits fit */
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
    for (d->done = 0; d->done < s->count && !stop_asked(); d->done++)
        if (s->rows[d->done]->device >= 0) sweep_device(s, s->rows[d->done]);
    if (d->drawn) fprintf(stderr, "\r\033[K");
    sweep_compare(s);
}

/* ---------------------------------------------------------------- the document */

static int sweep_now(const struct cli_command *self, const struct options *o, json_t **doc)
{
    struct display display = {.on = !o->common.quiet && isatty(STDERR_FILENO)};
    struct sweep sweep = {.timeout = 120, .options = &o->plan, .tick = on_tick, .user = &display};
    struct plan plan;
    time_t started = time(NULL);
    double start = progress_now();
    int code = plan_make(self, &o->plan, &plan);
    if (code == CLI_GO_ON) code = cli_number(self, "timeout", o->timeout, &sweep.timeout);
    if (code != CLI_GO_ON) return code;
    if (sweep.timeout < 1 || sweep.timeout > 1e6) return cli_usage(self, "--timeout: 1 to 1000000 seconds");
    stop_listen();
    sweep_list(&sweep);
    keep_selected(&sweep, o->common.device);
    visit_all(&sweep, &display);
    *doc = doc_new(sweep_machine(&sweep, &plan, o->common.device, started, progress_now() - start));
    sweep_free(&sweep);
    return CLI_GO_ON;
}

/* ---------------------------------------------------------------- files after --compare and --merge */

struct files {
    const char *option;
    char **name; /* behind the first, which is the option's argument */
    int count;
};

/* Takes the arguments that follow the option's own, up to the next option, out of argv. */
static int take_files(int argc, char **argv, struct files *f)
{
    size_t n = strlen(f->option);
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (strncmp(argv[i], "--", 2) != 0 || strncmp(argv[i] + 2, f->option, n) != 0) continue;
        int first = argv[i][2 + n] == '=' ? i + 1 : argv[i][2 + n] == 0 ? i + 2 : argc, end = first;
        while (end < argc && argv[end][0] != '-') end++;
        if (end <= first) continue;
        f->count = end - first;
        f->name = calloc((size_t)f->count, sizeof *f->name);
        if (!f->name) return -1;
        memcpy(f->name, argv + first, (size_t)f->count * sizeof *argv);
        memmove(argv + first, argv + end, (size_t)(argc - end + 1) * sizeof *argv);
        return argc - f->count;
    }
    return argc;
}

static int load_one(const char *name, json_t **doc)
{
    json_t *more;
    int code = doc_load(name, &more);
    if (code != CLI_GO_ON) return code;
    if (!*doc) *doc = doc_new(NULL);
    doc_add(*doc, more);
    json_decref(more);
    return CLI_GO_ON;
}

static int load_all(const char *first, const struct files *f, json_t **doc)
{
    int code = load_one(first, doc);
    for (int i = 0; i < f->count && code == CLI_GO_ON; i++) code = load_one(f->name[i], doc);
    return code;
}

/* ---------------------------------------------------------------- outputs */

enum { OUTPUTS = 3 };
struct outputs {
    struct outfile file[OUTPUTS];
};

/* All are opened before a sweep begins: that a folder is missing should not be found out hours later. */
static int open_outputs(const struct options *o, struct outputs *out)
{
    const char *const paths[OUTPUTS] = {o->csv, o->junit, o->html};
    int code = 0;
    for (int i = 0; i < OUTPUTS; i++) out->file[i] = (struct outfile){.slot = -1, .fd = -1};
    for (int i = 0; i < OUTPUTS && !code; i++)
        if (paths[i]) code = outfile_open(&out->file[i], paths[i]);
    return code ? code : CLI_GO_ON;
}

static int write_outputs(const struct options *o, const json_t *doc, struct outputs *out)
{
    static int (*const writers[OUTPUTS])(const json_t *, struct outfile *) = {doc_csv, doc_junit, doc_page};
    int code = CLI_GOOD;
    for (int i = 0; i < OUTPUTS; i++) {
        int written = out->file[i].fd >= 0 ? writers[i](doc, &out->file[i]) : CLI_GOOD;
        if (code == CLI_GOOD) code = written;
    }
    if (o->common.json) {
        int written = json_emit(json_deep_copy(doc), o->common.json);
        if (code == CLI_GOOD) code = written;
    }
    return code;
}

static int report(const struct options *o, json_t *doc, const json_t *old, struct outputs *out)
{
    int regressed = old ? doc_compare(doc, old) : 0;
    int only_json = o->common.json && strcmp(o->common.json, "-") == 0;
    if (!only_json) doc_print(doc, stdout);
    int code = write_outputs(o, doc, out);
    if (code != CLI_GOOD) return code;
    code = doc_exit(doc);
    return code == CLI_GOOD && regressed ? CLI_CHECK_FAILED : code;
}

static int work(const struct cli_command *self, const struct options *o, const struct files *compare,
                const struct files *merge)
{
    struct outputs out;
    json_t *doc = NULL, *old = NULL;
    int code = open_outputs(o, &out);
    if (code == CLI_GO_ON && o->compare) code = load_all(o->compare, compare, &old);
    if (code == CLI_GO_ON) code = o->merge ? load_all(o->merge, merge, &doc) : sweep_now(self, o, &doc);
    if (code == CLI_GO_ON) code = report(o, doc, old, &out);
    for (int i = 0; i < OUTPUTS; i++) outfile_abandon(&out.file[i]);
    json_decref(doc);
    json_decref(old);
    return code;
}

static int run(const struct cli_command *self, int argc, char **argv)
{
    struct options o = {.timeout = NULL};
    struct files compare = {.option = "compare"}, merge = {.option = "merge"};
    int code = CLI_OPENCL;
    if ((argc = take_files(argc, argv, &compare)) < 0 || (argc = take_files(argc, argv, &merge)) < 0)
        cli_say("out of memory");
    else if ((code = cli_parse(self, argc, argv, &o)) == CLI_GO_ON)
        code = work(self, &o, &compare, &merge);
    free(compare.name);
    free(merge.name);
    if (stop_asked()) stop_end(stop_asked());
    return code;
}

const struct cli_command command_sweep = {
    "sweep",
    "verify and measure every device, each in a process of its own",
    "clglu sweep [--quick | --full] [--json FILE] [--html FILE]\n"
    "clglu sweep [OPTIONS] --compare OLD.json...\n"
    "clglu sweep --merge A.json B.json... [--json FILE] [--html FILE]",
    "A driver that crashes or hangs costs one row. Each device's numbers are judged as by\n"
    "verify, its speed is measured beside its own limits. Ctrl-C ends it early: what there is\n"
    "is written. Exit status 0 if there is a usable device and every usable one has the right\n"
    "numbers, 1 if one has not (or --compare finds a regression), 3 if none is usable.",
    "clglu sweep --quick\nclglu sweep --html report.html --json report.json\n"
    "clglu sweep --compare report.json\nclglu sweep --merge node1.json node2.json --html fleet.html",
    options,
    run};
