#!/bin/sh
# sweep_page.sh - the page of clglu sweep in a real browser: its sections are there, it fits a phone, light and dark are drawn.
# SPDX-License-Identifier: MIT

# Needs build/clglu, one usable device, and what browser.sh needs.
set -u
cd "$(dirname "$0")/.." || exit 1
clglu=${CLGLU:-$PWD/build/clglu}
[ -x "$clglu" ] || { echo "sweep_page: $clglu is not there: make"; exit 1; }
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
unset CLGLU_DEVICE
export LC_ALL=C

. tests/lib.sh
. tests/browser.sh

# worse IN OUT: the report of another machine, on which a kernel is slow and a result wrong
worse() {
    python3 - "$1" "$2" <<'WORSE'
import json, sys
d = json.load(open(sys.argv[1]))
d["machines"][0]["host"]["name"] = "a-node-with-a-long-name"
for r in d["machines"][0]["devices"]:
    if r["verdict"] == "good":
        r.update(verdict="FAILED", failed_rows=1, hash="0123456789abcdef", same_bits=False, why="one row is wrong")
        r["verify"][4].update(good=False, hash="fedcba9876543210", max_ulp="inf", outside=5, histogram=[0, *range(900, 915)])
        r["bench"][0]["ratio"] *= 0.3
json.dump(d, open(sys.argv[2], "w"))
WORSE
}

tests_begin
page=$out/page.html
good "sweep writes a page" "$clglu" sweep --quick --dtypes f32 --models 64:96 --json "$work/a.json" --html "$page"
browse --dump-dom "file://$page"
cp "$work/stdout" "$work/dom"
holds "a browser opens the page" grep -q '<h1>clglu sweep' "$work/dom"
for word in "right numbers" Verdicts "What it says of itself" "to build programs" "Gates, forward, f32" "Roofline" "CLBlast's time" \
    "Errors" "gelu_tanh, f32" "Activations, f32" "Derivatives, f32" "where" "Hashes" "are those of the library's own arithmetic"; do
    holds "it shows \"$word\"" grep -q -e "$word" "$work/dom"
done
holds "it has no script" test "$(grep -c -i '<script\|javascript:' "$page")" -eq 0

worse "$work/a.json" "$work/b.json"
expect 1 "a page of two machines, compared with an older report" "$clglu" sweep --merge "$work/b.json" "$work/a.json" --compare \
    "$work/a.json" --html "$page"
browse --dump-dom "file://$page"
cp "$work/stdout" "$work/dom"
for word in "Since the older report" "Side by side" "a-node-with-a-long-name" "fedcba9876543210" "one row is wrong" \
    "Errors where the bits are others" "differ from those of the library's own arithmetic"; do
    holds "it shows \"$word\"" grep -q -e "$word" "$work/dom"
done
looks_right "$page" 300
tests_end
