/* completion.h - what shells can complete. SPDX-License-Identifier: MIT */

#ifndef CLGLU_TOOLS_COMPLETION_H
#define CLGLU_TOOLS_COMPLETION_H

#include "commands.h"

/* What an option's argument can be. */
struct completion_hint {
    enum { COMPLETION_NOTHING, COMPLETION_WORDS, COMPLETION_FILE, COMPLETION_FOLDER } kind;
    int list;        /* several words, with commas between them */
    int many;        /* files up to the next option */
    char ending[16]; /* of the files, as "npy"; "": any */
    char words[1024];
};

/* The hint for an option that takes an argument. */
void completion_hint(const struct cli_command *command, const struct cli_option *option,
                     struct completion_hint *hint);

/* The words after the command's name that are not options; NULL: none. */
const char *completion_operands(const struct cli_command *command);

/* Print the shell's code on standard output. */
void completion_bash(void);
void completion_zsh(void);
void completion_fish(void);

#endif
