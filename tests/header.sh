#!/bin/sh
# header.sh - the public header compiles alone as C99 and C++11, with every compiler at hand, with and without OpenCL.
# SPDX-License-Identifier: MIT
set -eu
made=$(mktemp -d)
trap 'rm -rf "$made"' EXIT
echo '#include "clglu.h"' >"$made/alone.c"
echo 'clglu_gate_desc desc = {};' | cat "$made/alone.c" - >"$made/alone.cc"
tried=0
compile() {
    command -v "$1" >/dev/null 2>&1 || return 0
    tried=$((tried + 1))
    "$@" -pedantic -Wall -Wextra -Werror -Iinclude -fsyntax-only
}
for define in -DPLAIN -DCLGLU_NO_OPENCL; do
    for cc in gcc clang; do compile $cc -std=c99 "$define" "$made/alone.c"; done
    for cxx in g++ clang++; do compile $cxx -std=c++11 "$define" "$made/alone.cc"; done
done
echo "the header compiled alone $tried times"
[ "$tried" -gt 0 ]
