#!/bin/sh
# render.sh - a header as a reference in HTML; what has no word makes it fail: tools/docs/render.sh include/clglu.h build/docs
# SPDX-License-Identifier: MIT
set -eu
mkdir -p "$2"
# Doxygen does not look at a filter's exit status: what the filter finds to be wrong is asked of it before.
awk -f tools/docs/reference.awk "$1" >/dev/null
{
    cat tools/docs/Doxyfile
    printf 'INPUT = "%s"\nOUTPUT_DIRECTORY = "%s"\n' "$1" "$2"
} | doxygen -
echo "$2/html/index.html"
