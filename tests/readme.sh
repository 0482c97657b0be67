#!/bin/sh
# readme.sh - the README's table of activations is that of the list; its folders are those that there are.
# SPDX-License-Identifier: MIT
set -eu
made=$(mktemp)
trap 'rm -f "$made"' EXIT
awk -f tools/acts.awk include/clglu_acts.h >"$made"
awk '/^<!-- \/acts -->$/ { on = 0 } on; /^<!-- acts -->$/ { on = 1 }' README.md | diff -u "$made" - || {
    echo "readme: make readme brings the table up to date"
    exit 1
}
for folder in include cl src tools tests; do
    grep -q "^    $folder/ " README.md || { echo "readme: the map lacks $folder/"; exit 1; }
done
for there in *; do
    case "$there" in
    Makefile | README.md | LICENSE | cl | src | include | tests | tools | build) ;;
    *) echo "readme: $there does not belong to the top level"; exit 1 ;;
    esac
done
echo "the README says what is there"
