/* cli.c - what the commands share: option tables, messages, the context.
   SPDX-License-Identifier: MIT */

#include "cli.h"
#include "text.h"

#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FIRST_LONG = 1000, MESSAGE = 8192 };

static const struct cli_option common_options[] = {
    {"device", 'd', "SELECTOR",
     "best, cpu, gpu, accelerator, P:D, part of a name, or conditions\n"
     "(gpu,fp64,mem>=4G); default CLGLU_DEVICE, else best",
     offsetof(struct cli_common, device)},
    {"json", 0, NULL, "the facts as JSON on standard output", offsetof(struct cli_common, json)},
    {"quiet", 'q', NULL, "no progress", offsetof(struct cli_common, quiet)},
    {"help", 'h', NULL, "this text", offsetof(struct cli_common, help)},
    {NULL, 0, NULL, NULL, 0}};

int cli_options(const struct cli_command *self, const struct cli_option *all[CLI_MAX_OPTIONS])
{
    int n = 0;
    for (const struct cli_option *o = self->options; o && o->name; o++) all[n++] = o;
    int own = n;
    for (const struct cli_option *o = common_options; o->name; o++) {
        int known = 0;
        for (int i = 0; i < own; i++) known |= strcmp(all[i]->name, o->name) == 0;
        if (!known) all[n++] = o;
    }
    return n;
}

enum { LEFT = 26, LINE = 80 };

/* Words from column `left` (where the cursor is) on, folded at 80 columns; a newline counts as a space. */
static void print_folded(const char *s, int left)
{
    for (int at = left, first = 1; *s; first = 0) {
        int n = (int)strcspn(s, " \n");
        if (at + 1 + n > LINE) {
            printf("\n%*s", left, "");
            at = left;
            first = 1;
        }
        at += printf("%s%.*s", first ? "" : " ", n, s);
        s += n + (s[n] != 0);
    }
    putchar('\n');
}

static void print_option(const struct cli_option *o)
{
    char left[64], letter[8] = "    ";
    if (o->letter) snprintf(letter, sizeof letter, "-%c, ", o->letter);
    snprintf(left, sizeof left, "  %s--%s%s%s", letter, o->name, o->arg ? " " : "", o->arg ? o->arg : "");
    printf("%-*s", LEFT, left);
    if (strlen(left) >= LEFT) printf("\n%*s", LEFT, "");
    print_folded(o->help, LEFT);
}

static void print_lines(const char *lines, const char *indent)
{
    for (const char *s = lines; s && *s;) {
        size_t n = strcspn(s, "\n");
        printf("%s%.*s\n", indent, (int)n, s);
        s += n + (s[n] == '\n');
    }
}

static void print_help(const struct cli_command *self)
{
    const struct cli_option *all[CLI_MAX_OPTIONS];
    printf("clglu %s - %s\n\nUsage:\n", self->name, self->summary);
    print_lines(self->usage, "  ");
    putchar('\n');
    if (self->about) print_folded(self->about, 0);
    printf("%sOptions:\n", self->about ? "\n" : "");
    int n = cli_options(self, all);
    for (int i = 0; i < n; i++) print_option(all[i]);
    printf("\nExample:\n");
    print_lines(self->example, "  ");
}

static void vsay(const char *prefix, const char *name, const char *format, va_list args)
{
    char raw[MESSAGE], clean[MESSAGE];
    vsnprintf(raw, sizeof raw, format, args);
    fprintf(stderr, "clglu%s%s: %s\n", prefix, name, text_clean(clean, sizeof clean, raw, 1));
}

void cli_say(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsay("", "", format, args);
    va_end(args);
}

int cli_usage(const struct cli_command *self, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsay(" ", self->name, format, args);
    va_end(args);
    fprintf(stderr, "Try 'clglu %s --help'.\n", self->name);
    return CLI_USAGE;
}

/* getopt's two tables from ours. The long options' values tell the row: FIRST_LONG + i. */
static void getopt_tables(const struct cli_option *const *all, int n, struct option *longs, char *shorts)
{
    *shorts++ = ':';
    for (int i = 0; i < n; i++) {
        longs[i] = (struct option){all[i]->name, all[i]->arg ? required_argument : no_argument, NULL,
                                   FIRST_LONG + i};
        if (!all[i]->letter) continue;
        *shorts++ = all[i]->letter;
        if (all[i]->arg) *shorts++ = ':';
    }
    *shorts = 0;
    longs[n] = (struct option){NULL, 0, NULL, 0};
}

static const struct cli_option *option_of(const struct cli_option *const *all, int n, int code)
{
    if (code >= FIRST_LONG) return all[code - FIRST_LONG];
    for (int i = 0; i < n; i++)
        if (all[i]->letter == code) return all[i];
    return NULL;
}

static int bad_option(const struct cli_command *self, int code, char **argv)
{
    if (code == ':') return cli_usage(self, "option '%s' needs an argument", argv[optind - 1]);
    if (optopt && optopt < FIRST_LONG) return cli_usage(self, "unknown option '-%c'", optopt);
    return cli_usage(self, optopt ? "option '%s' takes no argument" : "unknown option '%s'",
                     argv[optind - 1]);
}

int cli_parse(const struct cli_command *self, int argc, char **argv, void *values)
{
    const struct cli_option *all[CLI_MAX_OPTIONS];
    struct option longs[CLI_MAX_OPTIONS + 1];
    char shorts[2 * CLI_MAX_OPTIONS + 2];
    int n = cli_options(self, all), code;
    getopt_tables(all, n, longs, shorts);
    optind = 1;
    opterr = 0;
    while ((code = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
        const struct cli_option *o = code == '?' || code == ':' ? NULL : option_of(all, n, code);
        if (!o) return bad_option(self, code, argv);
        const char *value = o->arg ? optarg : "";
        memcpy((char *)values + o->offset, &value, sizeof value);
    }
    if (((struct cli_common *)values)->help) {
        print_help(self);
        return CLI_GOOD;
    }
    if (optind < argc) return cli_usage(self, "what is '%s'? This command takes options only", argv[optind]);
    return CLI_GO_ON;
}

int cli_count(const struct cli_command *self, const char *option, const char *text, uint64_t *value)
{
    static const char letters[] = "KMG";
    if (!text) return CLI_GO_ON;
    char *end;
    errno = 0;
    unsigned long long v = strtoull(text, &end, 10);
    int ok = errno == 0 && end != text && *text >= '0' && *text <= '9', shift = 0;
    const char *letter = ok && *end ? strchr(letters, *end) : NULL;
    if (letter) {
        shift = 10 * (int)(letter - letters + 1);
        end += end[1] == 'i' ? 2 : 1;
    }
    if (!ok || *end || (shift && v >> (64 - shift)))
        return cli_usage(self, "--%s: '%s' is not a count (digits, then K, M or G if wanted)", option, text);
    *value = (uint64_t)v << shift;
    return CLI_GO_ON;
}

int cli_number(const struct cli_command *self, const char *option, const char *text, double *value)
{
    if (!text) return CLI_GO_ON;
    char *end;
    double v = strtod(text, &end);
    if (end == text || *end || !isfinite(v))
        return cli_usage(self, "--%s: '%s' is not a number", option, text);
    if (!isfinite((float)v) || (v != 0 && (float)v == 0))
        return cli_usage(self, "--%s: '%s' is not in f32's range", option, text);
    *value = v;
    return CLI_GO_ON;
}

int cli_dtype(const struct cli_command *self, const char *text, clglu_dtype *dtype)
{
    if (!text) return CLI_GO_ON;
    for (int d = CLGLU_F32; d <= CLGLU_BF16; d++)
        if (strcmp(text, clglu_dtype_name((clglu_dtype)d)) == 0) {
            *dtype = (clglu_dtype)d;
            return CLI_GO_ON;
        }
    return cli_usage(self, "--dtype: '%s' is none of f32, f16, bf16", text);
}

int cli_act(const struct cli_command *self, const char *text, clglu_act *act)
{
    if (!text || clglu_act_find(text, act) == CLGLU_OK) return CLI_GO_ON;
    return cli_usage(self, "no activation is named '%s'; 'clglu acts' lists them", text);
}

int cli_exit_of(clglu_status status)
{
    if (status == CLGLU_OK) return CLI_GOOD;
    if (status == CLGLU_FILE_FAILED) return CLI_BAD_FILE;
    if (status < CLGLU_NO_PLATFORM) return CLI_USAGE;
    return status < CLGLU_OUT_OF_MEMORY ? CLI_NO_DEVICE : CLI_OPENCL;
}

int cli_failed(const clglu_context *context, clglu_status status, const char *what)
{
    const char *words = context ? clglu_context_error(context) : "";
    cli_say("%s: %s%s%s", what, clglu_status_name(status), *words ? ": " : "", words);
    return cli_exit_of(status);
}

const char *cli_selector(const struct cli_common *common)
{
    const char *env = getenv("CLGLU_DEVICE");
    return common->device ? common->device : env && *env ? env : "best";
}

const char *cli_remedy(const char *command)
{
    static const char sudo[] = "sudo ";
    return geteuid() == 0 && strncmp(command, sudo, sizeof sudo - 1) == 0 ? command + sizeof sudo - 1 : command;
}

/* The library tells the log alone why no context opened. Later failures are asked for (clglu_context_error).
 */
static void keep_log(const char *text, void *user)
{
    struct cli_device *d = user;
    size_t room = sizeof d->text - d->used;
    if (!d->opening || room < 2) return;
    int n = snprintf(d->text + d->used, room, "%s%s", d->used ? "\n  " : "", text);
    if (n > 0) d->used += (size_t)n < room ? (size_t)n : room - 1;
}

const char *cli_kernel_dir(void)
{
    const char *folder = getenv("CLGLU_KERNELS");
    return folder && *folder ? folder : NULL;
}

const char *cli_cache_dir(void)
{
    static char folder[4096];
    const char *chosen = getenv("CLGLU_CACHE"), *caches = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    int n = 0;
    if (chosen)
        n = snprintf(folder, sizeof folder, "%s", chosen);
    else if (caches && *caches == '/')
        n = snprintf(folder, sizeof folder, "%s/clglu", caches);
    else if (home && *home == '/')
        n = snprintf(folder, sizeof folder, "%s/.cache/clglu", home);
    return n > 0 && n < (int)sizeof folder ? folder : NULL;
}

int cli_open(struct cli_device *device, const char *selector, int trust)
{
    return cli_open_as(device, selector, trust ? CLI_TRUSTED : CLI_TESTED);
}

int cli_open_as(struct cli_device *device, const char *selector, enum cli_opening how)
{
    memset(device, 0, sizeof *device);
    device->opening = 1;
    clglu_context_params params = {0};
    params.log = keep_log;
    params.log_user = device;
    params.no_self_test = how == CLI_TRUSTED;
    params.list_only = how == CLI_LISTS;
    params.kernel_dir = cli_kernel_dir();
    params.cache_dir = cli_cache_dir();
    clglu_status status = clglu_context_open(selector, &params, &device->context);
    device->opening = 0;
    if (status == CLGLU_OK) return CLI_GO_ON;
    cli_say("no context for device '%s': %s%s%s", selector, clglu_status_name(status),
            device->used ? ":\n  " : "", device->text);
    int code = cli_exit_of(status);
    if (code == CLI_NO_DEVICE) fprintf(stderr, "'clglu doctor' says what is missing.\n");
    return code;
}
