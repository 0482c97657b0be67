/* completion.c - clglu completion: a shell's code to complete clglu, made from the commands' own option
   tables. SPDX-License-Identifier: MIT */

#include "completion.h"
#include "text.h"

#include <stdio.h>
#include <string.h>

#define SHELLS "bash zsh fish"

/* ---------------------------------------------------------------- words */

static void add(struct completion_hint *h, const char *word)
{
    size_t used = strlen(h->words);
    snprintf(h->words + used, sizeof h->words - used, "%s%s", used ? " " : "", word);
}

static void add_acts(struct completion_hint *h)
{
#define ADD(id, name, ...) add(h, #name);
    CLGLU_ACTS(ADD)
#undef ADD
}

static void add_variants(struct completion_hint *h)
{
    clglu_variant v;
    for (size_t i = 0; clglu_variant_at(i, &v) == CLGLU_OK; i++) add(h, v.name);
}

static void add_models(struct completion_hint *h)
{
    clglu_model m;
    for (size_t i = 0; clglu_model_at(i, &m) == CLGLU_OK; i++) add(h, m.name);
}

static void add_dtypes(struct completion_hint *h)
{
    for (int d = CLGLU_F32; d <= CLGLU_BF16; d++) add(h, clglu_dtype_name((clglu_dtype)d));
}

/* By the option's name or, where that is NULL, by what its argument is called. */
static const struct {
    const char *option, *arg;
    void (*add)(struct completion_hint *h);
    const char *words;
} sources[] = {
    {"act", NULL, add_acts, NULL},
    {"gate", NULL, add_acts, NULL},
    {"variant", NULL, add_variants, NULL},
    {"model", NULL, add_models, NULL},
    {"models", NULL, add_models, NULL},
    {"ffn", NULL, add_models, NULL},
    {"dtype", NULL, add_dtypes, NULL},
    {"dtypes", NULL, add_dtypes, NULL},
    {"operators", NULL, NULL, "act gate ffn"},
    {NULL, "TYPE", add_dtypes, NULL},
    {NULL, "SELECTOR", NULL, "best cpu gpu accelerator fp16 fp64"},
    {NULL, "LAYOUT", NULL, "act-first act-second interleaved"},
    {NULL, "ORDER", NULL, "out-in in-out"},
    {NULL, "ROUTE", NULL, "fused clblast"},
    {NULL, "WAY", NULL, "forward backward"},
    {NULL, "MODE", NULL, "once torch"},
};

static void hint_words(const struct cli_command *command, const struct cli_option *o,
                       struct completion_hint *h)
{
    for (size_t i = 0; i < sizeof sources / sizeof *sources && !*h->words; i++) {
        if (strcmp(sources[i].option ? sources[i].option : sources[i].arg,
                   sources[i].option ? o->name : o->arg) != 0)
            continue;
        if (sources[i].add) sources[i].add(h);
        if (sources[i].words) add(h, sources[i].words);
    }
    /* Two commands take names of activations among those of variants. */
    if (strcmp(o->name, "variant") == 0 && command == &command_train) add_acts(h);
    if (strcmp(o->name, "variant") == 0 && command == &command_bench) add(h, "relu gelu");
    h->kind = *h->words ? COMPLETION_WORDS : COMPLETION_NOTHING;
    h->list = strstr(o->arg, ",...") || strcmp(o->arg, "LIST") == 0 || strcmp(o->arg, "SELECTOR") == 0;
}

void completion_hint(const struct cli_command *command, const struct cli_option *option,
                     struct completion_hint *hint)
{
    const char *arg = option->arg, *dot = strchr(arg, '.');
    memset(hint, 0, sizeof *hint);
    if (strcmp(arg, "FOLDER") == 0 || strcmp(arg, "DIR") == 0) {
        hint->kind = COMPLETION_FOLDER;
    } else if (strcmp(arg, "FILE") == 0 || strncmp(arg, "PATH", 4) == 0) {
        hint->kind = COMPLETION_FILE;
    } else if (dot && dot[1] != '.') { /* X.npy, or OLD.json... */
        hint->kind = COMPLETION_FILE;
        snprintf(hint->ending, sizeof hint->ending, "%.*s", (int)strcspn(dot + 1, "."), dot + 1);
        hint->many = strstr(arg, "...") != NULL;
    } else {
        hint_words(command, option, hint);
    }
}

const char *completion_operands(const struct cli_command *command)
{
    return command == &command_completion ? SHELLS : NULL;
}

/* ---------------------------------------------------------------- the command */

static const struct {
    const char *name;
    void (*print)(void);
} shells[] = {{"bash", completion_bash}, {"zsh", completion_zsh}, {"fish", completion_fish}};

static int run(const struct cli_command *self, int argc, char **argv)
{
    struct cli_common o = {0};
    const char *wanted = argc > 1 && argv[1][0] != '-' ? argv[1] : NULL;
    int code = cli_parse(self, argc - (wanted != NULL), argv + (wanted != NULL), &o);
    if (code != CLI_GO_ON) return code;
    for (size_t i = 0; wanted && i < sizeof shells / sizeof *shells; i++)
        if (strcmp(wanted, shells[i].name) == 0) {
            shells[i].print();
            return CLI_GOOD;
        }
    if (wanted) return cli_usage(self, "what is '%s'? There is bash, zsh and fish", wanted);
    return cli_usage(self, "for which shell? bash, zsh or fish");
}

const struct cli_command command_completion = {
    "completion",
    "code that makes a shell complete clglu's commands and options",
    "clglu completion bash|zsh|fish",
    "Prints the code; 'make install' puts it where each shell looks for it.",
    "source <(clglu completion bash)\nclglu completion fish | source",
    NULL,
    run};
