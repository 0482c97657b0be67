/* main.c - clglu: finds the command and runs it. SPDX-License-Identifier: MIT */

#include "cachedir.h"
#include "commands.h"
#include "ending.h"
#include "late.h"

#include <stdio.h>
#include <string.h>

static const struct cli_command *const commands[] = {
    &command_devices, &command_doctor, &command_acts,  &command_act,
    &command_gate,    &command_ffn,    &command_verify, &command_bench,
    &command_tune,    &command_sweep,  &command_train,  &command_export,
    &command_completion,
};

static const struct cli_command *const hidden[] = {&command_probe_icd, &command_probe_list,
                                                   &command_probe_device, &command_probe_pick};

const struct cli_command *command_at(size_t i)
{
    return i < sizeof commands / sizeof *commands ? commands[i] : NULL;
}

/* They make no call of OpenCL themselves. */
static int works_without_opencl(const struct cli_command *command)
{
    return command == &command_acts || command == &command_doctor || command == &command_sweep || command == &command_completion ||
           command == &command_probe_icd;
}

static void print_overview(FILE *out)
{
    fprintf(out,
            "clglu %s - gated linear units on any OpenCL device\n\n"
            "Usage:\n  clglu COMMAND [OPTIONS]\n\nCommands:\n",
            clglu_version());
    for (size_t i = 0; command_at(i); i++)
        fprintf(out, "  %-10s %s\n", command_at(i)->name, command_at(i)->summary);
    fprintf(out, "\n'clglu COMMAND --help' has the options of each, 'clglu --version' the version.\n"
                 "Exit status: 0 good, 1 a check failed, 2 usage, 3 no usable device, 4 a file is\n"
                 "bad, 5 OpenCL failed.\n");
}

static const struct cli_command *find(const char *name)
{
    for (size_t i = 0; command_at(i); i++)
        if (strcmp(name, command_at(i)->name) == 0) return command_at(i);
    for (size_t i = 0; i < sizeof hidden / sizeof *hidden; i++)
        if (strcmp(name, hidden[i]->name) == 0) return hidden[i];
    return NULL;
}

/* What was printed must have arrived: a full disk behind a redirection is an error, not silence. */
static int finish(int code)
{
    if (fflush(stdout) == 0 && !ferror(stdout)) return code;
    cli_say("standard output cannot be written");
    return code == CLI_GOOD ? CLI_BAD_FILE : code;
}

int main(int argc, char **argv)
{
    ending_prepare();
    const char *name = argc > 1 ? argv[1] : "";
    if (strcmp(name, "--version") == 0 || strcmp(name, "-V") == 0) {
        printf("clglu %s\n", clglu_version());
        return finish(CLI_GOOD);
    }
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || strcmp(name, "help") == 0) {
        print_overview(stdout);
        return finish(CLI_GOOD);
    }
    if (argc < 2) {
        print_overview(stderr);
        return CLI_USAGE;
    }
    const struct cli_command *command = find(name);
    if (!command) {
        cli_say("unknown %s '%s'\nTry 'clglu --help'.", *name == '-' ? "option" : "command", name);
        return CLI_USAGE;
    }
    cachedir_prepare();
    if (!late_open(argv) && !works_without_opencl(command)) {
        cli_say("OpenCL cannot be used: %s\n-> %s\n'clglu doctor' looks at everything else.", late_trouble()->why,
                cli_remedy(late_trouble()->remedy));
        return CLI_NO_DEVICE;
    }
    return finish(command->run(command, argc - 1, argv + 1));
}
