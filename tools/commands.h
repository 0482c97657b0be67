/* commands.h - the commands: one row in main.c and one file each. SPDX-License-Identifier: MIT */

#ifndef CLGLU_TOOLS_COMMANDS_H
#define CLGLU_TOOLS_COMMANDS_H

#include "cli.h"

extern const struct cli_command command_devices, command_doctor, command_acts, command_act, command_gate;
extern const struct cli_command command_ffn, command_verify, command_bench, command_tune, command_sweep,
    command_train, command_export, command_completion;

/* Command number i of those for people, from 0; NULL past the last. */
const struct cli_command *command_at(size_t i);

/* Not for people: what doctor and sweep start as processes of their own. */
extern const struct cli_command command_probe_icd, command_probe_list, command_probe_device, command_probe_pick;

#endif
