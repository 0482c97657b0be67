#!/bin/sh
# faults.sh - tests/faults.c with its layer: tests/faults.sh [quick | SCENARIO...]. SPDX-License-Identifier: MIT
set -u
cd "$(dirname "$0")/.." || exit 1
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
# quick: without what takes long (cache misses, closing), and without the host twins in chunks, where make check-faults still finds
# outputs that are neither whole nor untouched.
if [ "${1:-}" = quick ]; then
    set -- "gate forward" "gate backward" "gate forward on host arrays" "gate backward on host arrays" "activation on host arrays" \
        "ffn create and destroy" "ffn forward" "ffn forward on host arrays" "ffn backward" "ffn update" "check of a gate" "check of a block" \
        "programs and their binaries" devices "open with a tuning file, cache hit, use, close" "wrap, cache hit, use, close" \
        "a planted leak" "a planted half output"
fi
make -s --no-print-directory B="${B:-build}" "${B:-build}/faults" || exit 1
${CC:-cc} -shared -fPIC -O1 -o "$work/layer.so" tests/fault_layer.c || exit 1
mkdir -m 700 "$work/cache" || exit 1
OPENCL_LAYERS="$work/layer.so" "${B:-build}/faults" "$work/cache" "$@"
