#!/bin/sh
# faults.sh - tests/faults.c with its layer: tests/faults.sh [SCENARIO...]. SPDX-License-Identifier: MIT
set -u
cd "$(dirname "$0")/.." || exit 1
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
${CC:-cc} -shared -fPIC -O1 -o "$work/layer.so" tests/fault_layer.c || exit 1
mkdir -m 700 "$work/cache" || exit 1
OPENCL_LAYERS="$work/layer.so" "${B:-build}/faults" "$work/cache" "$@"
