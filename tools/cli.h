/* cli.h - what the commands share: exit statuses, option tables, messages, the context.
   SPDX-License-Identifier: MIT */

#ifndef CLGLU_TOOLS_CLI_H
#define CLGLU_TOOLS_CLI_H

#include "clglu.h"

#include <stddef.h>
#include <stdint.h>

/* The exit statuses of the command; CLI_GO_ON is none: nothing has gone wrong so far. */
enum cli_exit {
    CLI_GO_ON = -1,
    CLI_GOOD = 0,
    CLI_CHECK_FAILED = 1,
    CLI_USAGE = 2,
    CLI_NO_DEVICE = 3,
    CLI_BAD_FILE = 4,
    CLI_OPENCL = 5
};

/* An option: its argument (NULL: it takes none) is stored, as text, in the `const char *` at `offset` of the
   command's struct of options; one without an argument stores "". A list ends with a row without a name. */
struct cli_option {
    const char *name;
    char letter; /* 0: none */
    const char *arg, *help;
    size_t offset;
};

/* The options every command has; the first member of each command's own struct. */
struct cli_common {
    const char *device, *json, *quiet, *help;
};

struct cli_command {
    const char *name, *summary;
    const char *usage;   /* synopsis, one line each */
    const char *about;   /* what it does, for --help */
    const char *example; /* command lines, one line each */
    const struct cli_option *options;
    int (*run)(const struct cli_command *self, int argc, char **argv);
};

/* The command's own options and then the common ones that it does not define itself; returns how many. */
enum { CLI_MAX_OPTIONS = 48 };
int cli_options(const struct cli_command *self, const struct cli_option *all[CLI_MAX_OPTIONS]);

/* Fills `values` (zeroed by the caller; starts with a cli_common) from the arguments, or prints the help.
   Returns CLI_GO_ON, else the exit status at which the command ends. */
int cli_parse(const struct cli_command *self, int argc, char **argv, void *values);

/* One message on stderr; the _usage form adds where help is and returns CLI_USAGE. Arguments may be foreign
 * text. */
void cli_say(const char *format, ...) __attribute__((format(printf, 1, 2)));
int cli_usage(const struct cli_command *self, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Numbers from an option's text; NULL text leaves *value as it is. They return CLI_GO_ON or CLI_USAGE.
   A count may end in K, M or G, also written Ki, Mi, Gi: powers of 1024. */
int cli_count(const struct cli_command *self, const char *option, const char *text, uint64_t *value);
int cli_number(const struct cli_command *self, const char *option, const char *text, double *value);
int cli_dtype(const struct cli_command *self, const char *text, clglu_dtype *dtype);
int cli_act(const struct cli_command *self, const char *text, clglu_act *act);

/* The exit status for a library's status, and a message in words; `context` may be NULL. */
int cli_exit_of(clglu_status status);
int cli_failed(const clglu_context *context, clglu_status status, const char *what);

/* The selector in force: --device, else CLGLU_DEVICE, else "best". */
const char *cli_selector(const struct cli_common *common);

/* The command that mends something, as this user has to type it: root needs no leading sudo. */
const char *cli_remedy(const char *command);

/* A context and what the library had to say while it opened; it stays where it is as long as the context
 * lives. */
struct cli_device {
    clglu_context *context;
    int opening;
    size_t used;
    char text[4096];
};

/* CLGLU_KERNELS, or NULL. */
const char *cli_kernel_dir(void);

/* Where compiled programs are kept: CLGLU_CACHE, else clglu in the user's folder of caches; NULL: nowhere (CLGLU_CACHE is empty, or
   there is no HOME). */
const char *cli_cache_dir(void);

/* CLI_LISTS: nothing is compiled and no kernel is run. */
enum cli_opening { CLI_TESTED, CLI_TRUSTED, CLI_LISTS };

/* Opens a context, whose kernel_dir is CLGLU_KERNELS if that is set; says why not on stderr. Returns CLI_GO_ON or an exit
   status; the context is the caller's to close. */
int cli_open_as(struct cli_device *device, const char *selector, enum cli_opening how);
int cli_open(struct cli_device *device, const char *selector, int trust);

#endif
