#!/bin/sh
# page.sh - the page of clglu train in a real browser: its labels are there, it fits a phone, light and dark are drawn.
# SPDX-License-Identifier: MIT

# Needs build/clglu, one usable device, and what browser.sh needs.
set -u
cd "$(dirname "$0")/.." || exit 1
clglu=${CLGLU:-$PWD/build/clglu}
[ -x "$clglu" ] || { echo "page: $clglu is not there: make"; exit 1; }
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
unset CLGLU_DEVICE
export LC_ALL=C

. tests/lib.sh
. tests/browser.sh

tests_begin
page=$out/page.html
good "train writes a page" "$clglu" train --data LICENSE,README.md --variant relu,gelu,geglu,geglu_sigmoid --steps 20 --seeds 2 \
    --html "$page"
browse --dump-dom "file://$page"
cp "$work/stdout" "$work/dom"
holds "a browser opens the page" grep -q '<h1>clglu train' "$work/dom"
for word in "Loss by step" "Cost of a step" "At the start" "At the end" "nats a byte" embedding "block 3" "steps to"; do
    holds "it shows \"$word\"" grep -q -e "$word" "$work/dom"
done
for name in relu gelu geglu geglu_sigmoid; do
    holds "the legend and each chart name $name's curve" \
        test "$(grep -o -E "(>$name [0-9.]+|>$name)<" "$work/dom" | wc -l)" -ge 9
done
looks_right "$page" 60
tests_end
