#!/bin/sh
# command.sh - the command's tests: every subcommand, exit status, good and bad file, and what goes wrong around it.
# SPDX-License-Identifier: MIT

# Needs build/clglu, a C compiler, python3 without packages, and one usable device. The parts are command_*.sh.
set -u
cd "$(dirname "$0")/.." || exit 1
clglu=${CLGLU:-$PWD/build/clglu}
[ -x "$clglu" ] || { echo "command: $clglu is not there: make"; exit 1; }
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
in=$work/in
drivers=$work/drivers
python=$(python3 -c 'import sys; print(sys.executable)') || exit 1
unset CLGLU_DEVICE NO_COLOR
export LC_ALL=C

. tests/lib.sh
. tests/command_words.sh
. tests/command_files.sh
. tests/command_refusals.sh
. tests/command_endings.sh
. tests/command_ffn.sh
. tests/command_bench.sh
. tests/command_train.sh
. tests/command_sweep.sh
. tests/command_doctor.sh

mkdir -p "$in" "$drivers"
"$python" tests/npy_cases.py write "$in" || exit 1
tests_begin

sweeps_begin
help_of_every_command
usage_errors
no_device
without_home
every_diagnosis
bad_content
bad_places
bad_company
old_outputs
every_activation
every_variant
every_dtype
every_shape
every_layout
large_files
where_outputs_go
facts_as_json
text_for_people
signals
full_disk
progress
broken_devices
feed_forward_blocks
block_benchmarks
tunings
trainings
verifications
sweeps_of_broken_drivers
broken_drivers
doctor_of_hanging
going_wrong_in_the_middle
comparisons
fleet
stopped_sweeps
tests_end
