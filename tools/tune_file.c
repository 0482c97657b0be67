/* tune_file.c - the tuning file as clglu tune writes it: what was there is kept, what was measured replaced.
   SPDX-License-Identifier: MIT */

#include "tune.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { LARGEST_FILE = 1 << 20, DEVICE_LINE = 4096 };

/* ---------------------------------------------------------------- what is there */

static int exists(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0;
}

static void say_log(const char *text, void *user)
{
    (void)user;
    cli_say("%s", text);
}

/* The library itself reads what is there: the format is understood in one place. */
int tune_file_open(struct outfile *out, clglu_context *context, const char *path)
{
    clglu_context *reader = NULL;
    clglu_context_params params = {.tuning_file = path, .kernel_dir = cli_kernel_dir(), .no_self_test = 1, .log = say_log};
    int code = outfile_open(out, path);
    if (code) return code;
    if (!exists(path)) return CLI_GO_ON;
    clglu_status status = clglu_context_wrap(clglu_context_cl_context(context), clglu_context_device(context),
                                             &params, &reader);
    clglu_context_close(reader);
    return status == CLGLU_OK ? CLI_GO_ON : cli_exit_of(status);
}

/* The file's text, "" if there is none; NULL, with a message, on failure. */
static char *read_text(const char *path)
{
    char *text = calloc(1, LARGEST_FILE + 1);
    FILE *in = text && exists(path) ? fopen(path, "rb") : NULL;
    if (in) text[fread(text, 1, LARGEST_FILE, in)] = 0;
    int bad = !text || (!in && exists(path)) || (in && ferror(in));
    if (in) fclose(in);
    if (!bad) return text;
    cli_say("%s: cannot be read: %s", path, strerror(text ? errno : ENOMEM));
    free(text);
    return NULL;
}

/* ---------------------------------------------------------------- lines */

/* In quotes; what the format wants escaped is. */
static size_t quote(char *out, size_t size, const char *text)
{
    size_t n = 0;
    if (n < size) out[n++] = '"';
    for (const unsigned char *s = (const unsigned char *)text; *s && n + 6 < size; s++)
        if (*s == '"' || *s == '\\')
            n += (size_t)snprintf(out + n, size - n, "\\%c", *s);
        else if (*s < 0x20 || *s == 0x7f)
            n += (size_t)snprintf(out + n, size - n, "\\x%02x", *s);
        else
            out[n++] = (char)*s;
    n += (size_t)snprintf(out + n, size - n, "\"");
    return n;
}

/* 'device "NAME" driver "VERSION"' */
static void device_line(char line[DEVICE_LINE], const clglu_device_facts *f)
{
    size_t n = (size_t)snprintf(line, DEVICE_LINE, "device ");
    n += quote(line + n, DEVICE_LINE / 2, f->name);
    n += (size_t)snprintf(line + n, DEVICE_LINE - n, " driver ");
    quote(line + n, DEVICE_LINE - n, f->driver_version);
}

/* Is it a line for a block, type and rows that were measured? */
static int is_replaced(const char *line, const struct tune_result *results, size_t count)
{
    unsigned long long d_model, d_ff, rows;
    char dtype[8];
    /* NOLINTNEXTLINE(cert-err34-c): eighteen digits fit */
    if (sscanf(line, " ffn d_model %18llu d_ff %18llu dtype %7s rows %18llu", &d_model, &d_ff, dtype, &rows) != 4) return 0;
    for (size_t i = 0; i < count; i++) {
        const struct tune_result *r = &results[i];
        if (r->rows == rows && r->shape->d_model == d_model && r->shape->d_ff == d_ff &&
            strcmp(clglu_dtype_name(r->dtype), dtype) == 0)
            return 1;
    }
    return 0;
}

/* The next line of *text, without blanks at its ends; *text moves on. */
static char *next_line(char **text)
{
    char *line = *text, *end = line + strcspn(line, "\n");
    *text = end + (*end != 0);
    *end = 0;
    while (end > line && strchr(" \t\r", end[-1])) *--end = 0;
    return line + strspn(line, " \t\r");
}

static int begins_section(const char *line)
{
    return strncmp(line, "device", 6) == 0 && line[6] && strchr(" \t\r", line[6]);
}

/* The next text in quotes, behind *at, as it is meant; *at moves on. */
static void unquote(const char **at, char text[DEVICE_LINE])
{
    const char *s = *at + strcspn(*at, "\"");
    size_t n = 0;
    for (s += *s != 0; *s && *s != '"' && n + 1 < DEVICE_LINE; s++) {
        unsigned byte = (unsigned char)*s;
        if (*s == '\\' && s[1] == 'x' && sscanf(s + 2, "%2x", &byte) == 1) /* NOLINT(cert-err34-c): two digits fit */
            s += 3;
        else if (*s == '\\' && s[1])
            byte = (unsigned char)*++s;
        text[n++] = (char)byte;
    }
    text[n] = 0;
    *at = s + (*s == '"');
}

/* Blanks and escapes may be others than those of device_line. */
static int is_section_of(const char *line, const clglu_device_facts *f)
{
    char name[DEVICE_LINE], driver[DEVICE_LINE];
    unquote(&line, name);
    unquote(&line, driver);
    return strcmp(name, f->name) == 0 && strcmp(driver, f->driver_version) == 0;
}

/* Copies the lines of the device's own section (`own` 1), or all others behind the first line. Returns 0 where there is no memory. */
static int copy_lines(FILE *out, const char *text, const clglu_device_facts *facts, int own,
                       const struct tune_result *results, size_t count)
{
    char *copy = strdup(text), *rest = copy;
    int in_own = 0;
    if (!copy) return 0;
    for (next_line(&rest); *rest;) {
        const char *line = next_line(&rest);
        int begins = begins_section(line);
        if (begins) in_own = is_section_of(line, facts);
        if (*line == 0 || in_own != own || (own && (begins || is_replaced(line, results, count)))) continue;
        fprintf(out, "%s%s\n", begins ? "\n" : "", line);
    }
    free(copy);
    return 1;
}

static void print_choice(FILE *out, const struct tune_result *r)
{
    const clglu_ffn_choice *c = &r->choice[r->best];
    char key[160];
    snprintf(key, sizeof key, "ffn d_model %zu d_ff %zu dtype %s rows %zu form", r->shape->d_model,
             r->shape->d_ff, clglu_dtype_name(r->dtype), r->rows);
    fprintf(out, "%s %s", key, tune_form_name(c->form));
    if (c->row_tile) fprintf(out, " row_tile %u", c->row_tile);
    if (c->tiles) fprintf(out, " tiles %u", c->tiles);
    fputc('\n', out);
    if (r->use_clblast) fprintf(out, "%s clblast\n", key);
}

/* ---------------------------------------------------------------- the whole */

/* What the library would not read again is not written. */
static int write_text(struct outfile *out, const char *text)
{
    size_t size = strlen(text);
    if (size > LARGEST_FILE) {
        cli_say("%s: with what was measured it would be larger than 1 MiB, which is the most that is read; nothing is written", out->path);
        return CLI_BAD_FILE;
    }
    int code = outfile_write(out, text, size);
    return code ? code : outfile_commit(out);
}

static char *new_text(const char *old, const clglu_device_facts *facts, const struct tune_result *results, size_t count)
{
    char *text = NULL, device[DEVICE_LINE];
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (!out) return NULL;
    device_line(device, facts);
    fputs("clglu tuning 1\n", out);
    int copied = copy_lines(out, old, facts, 0, results, count);
    fprintf(out, "\n%s\n", device);
    copied = copied && copy_lines(out, old, facts, 1, results, count);
    for (size_t i = 0; i < count; i++) print_choice(out, &results[i]);
    int bad = ferror(out) || !copied;
    if (fclose(out) == 0 && !bad) return text;
    free(text);
    return NULL;
}

int tune_file_write(struct outfile *out, const clglu_device_facts *facts, const struct tune_result *results,
                    size_t count)
{
    char *old = read_text(out->path);
    if (!old) return CLI_BAD_FILE;
    char *text = new_text(old, facts, results, count);
    free(old);
    if (!text) return cli_say("out of memory for the tuning file"), CLI_OPENCL;
    int code = write_text(out, text);
    free(text);
    return code ? code : CLI_GO_ON;
}
