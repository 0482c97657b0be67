#!/bin/sh
# facts.sh - what devices say of themselves decides whether they are used, and how, but never what comes out.
# SPDX-License-Identifier: MIT

# Needs build/clglu, a C compiler, python3 and one usable device.
set -u
cd "$(dirname "$0")/.." || exit 1
clglu=${CLGLU:-$PWD/build/clglu}
[ -x "$clglu" ] || { echo "facts: $clglu is not there: make"; exit 1; }
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
. tests/lib.sh
unset CLGLU_DEVICE CLGLU_KERNELS
export LC_ALL=C CLGLU_CACHE=
[ -n "${OCL_ICD_VENDORS:-}" ] || [ ! -e /etc/OpenCL/vendors/pocl.icd ] || export OCL_ICD_VENDORS=/etc/OpenCL/vendors/pocl.icd

claiming() {
    facts=$1
    shift
    env OPENCL_LAYERS="$work/facts.so" FACTS_LAYER="$facts" "$@"
}

# The first device's facts, in Python.
fact() { python3 -c 'import json, sys; d = json.load(open(sys.argv[1]))["devices"][0]; sys.exit(not eval(sys.argv[2]))' "$work/stdout" "$1"; }

# refused FACT WORDS: the device is listed as unusable, for that reason, and nothing is computed on it
refused() {
    expect 3 "$1: no device is usable" claiming "$1" "$clglu" devices --json
    holds "... because of that" fact "not d['usable'] and '$2' in d['verdict']"
    refuse 3 "$2" "... and none is used" claiming "$1" "$clglu" act --act gelu --a "$work/x.npy" -o "$out/y.npy" --device 0:0
}

# remarked FACT WORDS: it is used all the same
remarked() {
    good "$1: the device is usable" claiming "$1" "$clglu" devices --json
    holds "... with a remark" fact "d['usable'] and '$2' in d['remarks']"
}

said() {
    good "$1: the device is usable" claiming "$1" "$clglu" devices --json
    holds "... $2" fact "$2"
}

commands() { # FOLDER
    "$clglu" act --act gelu --a "$work/x.npy" --backward "$work/x.npy" --da "$1/da.npy" -o "$1/act.npy" &&
        "$clglu" gate --variant swiglu --a "$work/x.npy" --b "$work/x.npy" -o "$1/gate.npy" &&
        "$clglu" ffn --weights "$work/ffn/f32.safetensors" --act gelu --wa wa --x "$work/ffn/x.npy" -o "$1/ffn.npy"
}

# same_bits FACT
same_bits() {
    rm -rf "$work/lies" && mkdir "$work/lies"
    good "$1: act, gate and ffn work" claiming "$1" sh "$work/commands"
    holds "... and give the same bits" diff -r "$work/true" "$work/lies"
}

tests_begin
${CC:-cc} -shared -fPIC -o "$work/facts.so" tests/facts_layer.c || exit 1
mkdir "$work/true" "$work/ffn"
python3 tests/safetensors_cases.py write "$work/ffn" || exit 1
python3 - "$work/x.npy" <<'X' || exit 1
import struct, sys
rows, cols = 61, 307
head = f"{{'descr': '<f4', 'fortran_order': False, 'shape': ({rows}, {cols}), }}"
head += " " * (-(len(head) + 11) % 64) + "\n"
values = [((i * 2654435761) % 65521 - 32760) / 3276 for i in range(rows * cols)]
open(sys.argv[1], "wb").write(b"\x93NUMPY\1\0" + struct.pack("<H", len(head)) + head.encode() + struct.pack(f"<{rows * cols}f", *values))
X

refused unavailable "not available"
refused old-version "older than OpenCL 1.2"
refused no-rounding "does not round to nearest"
refused no-infinities "no infinities"
refused no-compiler "no compiler"
remarked flushes "flushes subnormal numbers"
remarked no-clock "no profiling clock"
remarked addresses-32 "32-bit addresses"
said fp16 "d['fp16']"
said like-fp16 "not d['fp16']"
said no-fp64 "not d['fp64']"
said gpu "d['type'] == 'GPU'"

good "with the device's own facts: act, gate and ffn work" commands "$work/true"
{ echo "clglu='$clglu' work='$work'"; sed -n '/^commands() {/,/^}/p' "$0"; echo "commands '$work/lies'"; } >"$work/commands"
for each in gpu narrow gpu,narrow apart one-unit little-local small-groups little-memory gpu,little-local,small-groups,little-memory; do
    same_bits "$each"
done
tests_end
