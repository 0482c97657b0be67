#!/bin/sh
# faults.sh - tests/faults.c with its layer: tests/faults.sh [quick | SCENARIO...]. SPDX-License-Identifier: MIT
set -u
cd "$(dirname "$0")/.." || exit 1
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
# One driver, where nobody says which: what others keep cannot be told apart, and each would have its row.
[ -n "${OCL_ICD_VENDORS:-}" ] || [ ! -e /etc/OpenCL/vendors/pocl.icd ] || export OCL_ICD_VENDORS=/etc/OpenCL/vendors/pocl.icd
mode=
[ "${1:-}" != quick ] || mode=quick
# quick: without what makes thousands of calls or is much like another.
if [ "$mode" ]; then
    set -- "gate forward" "gate backward" "gate forward on host arrays" "gate forward in chunks" "activation on host arrays" \
        "ffn create and destroy" "ffn forward" "ffn backward" "ffn update" "check of a gate" "programs and their binaries" devices \
        "emulation and reference of a block's backward" \
        "open with a tuning file, cache hit, use, close" "wrap, cache hit, use, close" "close with a cache to write" \
        "a planted leak" "a planted half output"
fi
make -s --no-print-directory B="${B:-build}" "${B:-build}/faults" || exit 1
${CC:-cc} -shared -fPIC -O1 -o "$work/layer.so" tests/fault_layer.c || exit 1
mkdir -m 700 "$work/cache" || exit 1
OPENCL_LAYERS="$work/layer.so" "${B:-build}/faults" "$work/cache" "$@"
rc=$?
# With the commands, where no scenario was asked for.
if [ "$mode" ] || [ $# -eq 0 ]; then tests/faults_command.sh "$work/layer.so" $mode || rc=1; fi
exit $rc
