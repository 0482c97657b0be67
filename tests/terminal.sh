#!/bin/sh
# terminal.sh - drivers whose names, versions and build logs try to steer the terminal: nothing of it comes through, in no output.
# SPDX-License-Identifier: MIT

# Needs build/clglu, a C compiler, python3 without packages, and one usable device.
set -u
cd "$(dirname "$0")/.." || exit 1
clglu=${CLGLU:-$PWD/build/clglu}
[ -x "$clglu" ] || { echo "terminal: $clglu is not there: make"; exit 1; }
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
. tests/lib.sh
unset CLGLU_DEVICE CLGLU_KERNELS CLGLU_CACHE
export LC_ALL=C HOME="$work" XDG_CACHE_HOME="$work/cache" OPENCL_LAYERS="$work/layer.so"

# harmless FILE...: UTF-8 without control characters (but newlines, and \r before one), and nothing that turns the direction of writing
harmless() {
    python3 - "$@" <<'HARMLESS'
import re, sys
for name in sys.argv[1:]:
    text = open(name, "rb").read().decode("utf-8").replace("\r\n", "\n")
    bad = re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]", text)
    if bad or not text.strip():
        sys.exit(f"{name}: {text[max(0, bad.start() - 40) : bad.end() + 40]!r}" if bad else f"{name}: nothing in it")
HARMLESS
}

# The same of every text in a JSON document, where they are escaped.
harmless_json() {
    python3 - "$@" <<'JSON'
import json, re, sys
def texts(x):
    if isinstance(x, dict):
        yield from (t for k, v in x.items() for t in (k, *texts(v)))
    elif isinstance(x, list):
        yield from (t for v in x for t in texts(v))
    elif isinstance(x, str):
        yield x
for name in sys.argv[1:]:
    all = list(texts(json.load(open(name, encoding="utf-8"))))
    bad = [t for t in all if re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", t)]
    if bad or not any("evil" in t for t in all):
        sys.exit(f"{name}: {bad[:1]!r}" if bad else f"{name}: the driver is not in it")
JSON
}

# on_terminal COMMAND...: what it draws on one, without the few sequences that are the command's own
on_terminal() {
    python3 - "$@" <<'TERMINAL' >"$work/drawn"
import os, pty, re, sys
os.environ["TERM"] = "xterm"
seen = b""
def read(fd):
    global seen
    data = os.read(fd, 4096)
    seen += data
    return b""
pty.spawn(sys.argv[1:], read)
own = rb"\r\n|\r\x1b\[K|\x1b\[(0|1|31|32|33)m"
sys.stdout.buffer.write(re.sub(own, lambda m: b"\n" if m[0] == b"\r\n" else b"", seen))
TERMINAL
}

says() { grep -q -e "$1" "$work/stdout" "$work/stderr"; }
whole() { harmless "$work/stdout" && test ! -s "$work/stderr"; }

names() {
    good "devices, with a driver that has evil names" "$clglu" devices
    holds "... it is named" says 'evil '
    holds "... and nothing steers the terminal" whole
    good "... as JSON" "$clglu" devices --json
    holds "... that is valid, its texts harmless" harmless_json "$work/stdout"
    good "doctor" "$clglu" doctor
    holds "... nothing steers the terminal" whole
    good "... as JSON" "$clglu" doctor --json
    holds "... that is valid, its texts harmless" harmless_json "$work/stdout"
    expect 3 "a device that is not there" "$clglu" act --device nobody --act gelu --a "$work/x.npy" -o "$work/y.npy"
    holds "... nothing steers the terminal" harmless "$work/stderr"
    on_terminal "$clglu" devices
    holds "... nor on a terminal" harmless "$work/drawn"
}

reports() {
    set -- --quick --operators act --dtypes f32
    good "sweep, with a driver that has evil names" "$clglu" sweep "$@" --json "$work/a.json" --csv "$work/a.csv" --junit "$work/a.xml" \
        --html "$work/a.html"
    holds "... it is named" says 'evil '
    holds "... and nothing steers the terminal" whole
    holds "... the JSON is valid, its texts harmless" harmless_json "$work/a.json"
    holds "... and so are CSV, JUnit XML and page" harmless "$work/a.csv" "$work/a.xml" "$work/a.html"
    on_terminal "$clglu" sweep "$@"
    holds "... on a terminal the device is named while it is visited" grep -q '1 of [0-9]* evil ' "$work/drawn"
    holds "... and nothing steers it" harmless "$work/drawn"
    good "kernels exported" "$clglu" export -o "$work/kernels" --operators act --dtypes f32
    holds "... the manifest is valid, its texts harmless" harmless_json "$work/kernels/manifest.json"
}

# The log of a build is many lines: those stay.
logs() {
    export ESCAPE_LAYER=fail
    expect 3 "a program that does not build" "$clglu" act --act gelu --a "$work/x.npy" -o "$work/y.npy"
    holds "... the compiler's log is told" says 'line 1: error: '
    holds "... and nothing in it steers the terminal" harmless "$work/stderr"
    "$clglu" bench --quick >"$work/stdout" 2>"$work/stderr"
    holds "... nor in bench, which does not test the device first" harmless "$work/stderr"
    expect 3 "devices" "$clglu" devices
    holds "... nothing steers the terminal" whole
    expect 3 "... as JSON" "$clglu" devices --json
    holds "... that is valid, its texts harmless" harmless_json "$work/stdout"
    expect 3 "doctor" "$clglu" doctor
    holds "... nothing steers the terminal" whole
    unset ESCAPE_LAYER
}

# What the library itself tells a program, with a failed build and without.
library() {
    cat >"$work/program.c" <<'PROGRAM'
#include "clglu.h"
#include <stdio.h>
static void hear(const char *text, void *user)
{
    (void)user;
    puts(text);
}
int main(void)
{
    clglu_context_params params = {.log = hear, .no_self_test = 1};
    clglu_context *context;
    clglu_act_desc d = {.rows = 1, .cols = 4};
    float x[4] = {0}, y[4];
    if (clglu_context_open(NULL, &params, &context) != CLGLU_OK) return 1;
    if (clglu_act_forward_host(context, &d, x, y) != CLGLU_BUILD_FAILED) return 2;
    puts(clglu_context_error(context));
    clglu_context_close(context);
    return clglu_context_open("nobody \033[31m\302\233\377", &params, &context) == CLGLU_NO_DEVICE ? 0 : 3;
}
PROGRAM
    # shellcheck disable=SC2086 # CC may be several words
    good "a program that uses the library is made" ${CC:-cc} -Iinclude -o "$work/program" "$work/program.c" build/libclglu.a -lclblast -lOpenCL -lm \
        -pthread
    good "... nothing builds for it" env ESCAPE_LAYER=fail "$work/program"
    holds "... it is told the compiler's log" says 'line 1: error: '
    holds "... nothing in it steers the terminal" whole
}

tests_begin
${CC:-cc} -shared -fPIC -o "$work/layer.so" tests/escape_layer.c || exit 1
mkdir "$work/in"
python3 tests/npy_cases.py write "$work/in" || exit 1
cp "$work/in/x-f32.npy" "$work/x.npy"
names
reports
logs
library
tests_end
