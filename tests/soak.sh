#!/bin/sh
# soak.sh - tests/soak.c with the layer that counts what lives: tests/soak.sh [CALLS [SECONDS [CALLS_OF_A_THREAD]]].
# SPDX-License-Identifier: MIT
set -u
cd "$(dirname "$0")/.." || exit 1
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
make -s --no-print-directory B="${B:-build}" "${B:-build}/soak" || exit 1
${CC:-cc} -shared -fPIC -O1 -o "$work/layer.so" tests/fault_layer.c || exit 1
# One arena: with one for each thread the allocator itself keeps some more in each, the longer the more, which is nobody's.
MALLOC_ARENA_MAX=1 OPENCL_LAYERS="$work/layer.so" "${B:-build}/soak" "$@"
