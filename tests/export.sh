#!/bin/sh
# export.sh - clglu export, and its binaries on a device whose compiler an OpenCL layer has taken away.
# SPDX-License-Identifier: MIT
set -u
cd "$(dirname "$0")/.." || exit 1
clglu=${CLGLU:-$PWD/build/clglu}
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
. tests/lib.sh
unset CLGLU_DEVICE CLGLU_KERNELS
# What a cache has would do in place of a binary that is missing.
export CLGLU_CACHE=
export LC_ALL=C

# On which runtime: the system's, or (runner set) one that is laid out.
runner=
on() {
    # shellcheck disable=SC2086
    $runner "$@"
}

# without COMMAND...: the command with a device that has no compiler; how often its driver was given binaries is in $work/counts
without() {
    on env OPENCL_LAYERS="$work/layer.so" COMPILER_LAYER_COUNTS="$work/counts" "$@"
}

given() { test "$(sed -n "s/^$1 //p" "$work/counts")" "$2" "$3"; }

# What stands in an export's manifest.
manifest_is() {
    python3 - "$work/$1/manifest.json" "$2" <<'MANIFEST'
import json, os, sys
d = json.load(open(sys.argv[1]))
folder = os.path.dirname(sys.argv[1])
text = lambda p: open(f"{folder}/{p['name']}.cl").read()
sys.exit(0 if eval(sys.argv[2]) else f"not so: {sys.argv[2]}")
MANIFEST
}

listing() {
    good "export writes kernels and options" "$clglu" export -o "$work/all" --quiet
    holds "... with a manifest" manifest_is all "d['schema'] == 'clglu-export/1' and len(d['programs']) > 500 and d['device']['name']"
    holds "... for every operator, each under a name of its own" manifest_is all \
        "{p['file'] for p in d['programs']} >= {'gate.cl', 'gate_backward.cl', 'ffn_general.cl', 'ffn_tile.cl', 'pack.cl', 'selftest.cl'} and len({p['name'] for p in d['programs']}) == len(d['programs'])"
    holds "... that include nothing" manifest_is all "not any(line.startswith('#include ' + chr(34)) for p in d['programs'] for line in text(p).splitlines())"
    holds "... with strict IEEE options" manifest_is all \
        "all(p['options'].startswith('-cl-std=CL1.2') and 'fast' not in p['options'] for p in d['programs'])"
    good "an older export is written anew" "$clglu" export -o "$work/all" --quiet --operators act --dtypes f32
    mkdir "$work/other"
    echo keep >"$work/other/file"
    refuse 4 "other files" "a folder with other files is refused" "$clglu" export -o "$work/other"
    holds "... and left alone" test "$(contents "$work/other")" = "file "
    refuse 2 "exclude" "--binaries and --seal exclude each other" "$clglu" export -o "$out/x" --binaries --seal
    refuse 2 "no variant" "an unknown variant is refused" "$clglu" export -o "$out/x" --variant genlu
    refuse 4 "NAME.raw" "--seal without an offline compiler's output says so" "$clglu" export --seal -o "$work/all" --operators act
}

# binaries NAME: export, then the same device without its compiler
binaries() {
    refuse 3 "no compiler" "$1: a device without a compiler is not usable" without "$clglu" act --act gelu --dtype bf16 --a "$work/x.npy" --check
    good "$1: export --binaries compiles" on "$clglu" export --binaries -o "$work/$1" --operators act,gate --dtypes bf16 --variant swiglu --quiet
    good "$1: blocks, too" on "$clglu" export --binaries -o "$work/$1-ffn" --operators ffn --dtypes f32 --variant geglu --quiet
    good "$1: binaries serve where there is no compiler" without env CLGLU_KERNELS="$work/$1" "$clglu" act --act gelu --dtype bf16 \
        --a "$work/x.npy" -o "$work/y.npy" --check
    holds "$1: ... the driver has been given binaries" given binaries -gt 1
    holds "$1: ... and no source" given sources -eq 0
    good "$1: with a compiler the bits are the same" on "$clglu" act --act gelu --dtype bf16 --a "$work/x.npy" -o "$work/z.npy"
    holds "$1: ... indeed" cmp "$work/y.npy" "$work/z.npy"
    good "$1: every kernel of a block works from binaries, with the same bits" without env CLGLU_KERNELS="$work/$1-ffn" "$clglu" tune \
        --shape 48:40 --rows 1,3,64 -o "$work/tuned"
    holds "$1: ... and no source was asked for" given sources -eq 0
    refuse 5 ".bin" "$1: a binary that is missing is named" without env CLGLU_KERNELS="$work/$1" "$clglu" act --act gelu \
        --a "$work/in/x-f32.npy" -o "$out/y.npy"
}

# Every flipped bit and every cut is found before a driver sees it: here some of each.
damage() {
    python3 - "$work/pocl" "$work/damaged" "$1" <<'DAMAGE'
import os, shutil, sys
source, target, i = sys.argv[1], sys.argv[2], int(sys.argv[3])
shutil.rmtree(target, ignore_errors=True)
os.mkdir(target)
name = next(n for n in os.listdir(source) if n.startswith("selftest") and n.endswith(".bin"))
data = bytearray(open(f"{source}/{name}", "rb").read())
at = (i * 7919 + i * i * 104729) % len(data)
if i % 4 == 3:
    data = data[:at]
else:
    data[at if i % 4 else i] ^= 1 << i % 8
open(f"{target}/{name}", "wb").write(data)
DAMAGE
}

damaged() {
    i=0 seen=0
    while [ $i -lt 40 ]; do
        damage $i
        without env CLGLU_KERNELS="$work/damaged" "$clglu" act --act gelu --dtype bf16 --a "$work/x.npy" --check >"$work/stdout" 2>"$work/stderr" </dev/null
        rc=$?
        if [ $rc -ne 3 ] || ! given binaries -eq 0 || ! grep -q -E 'damaged|not whole|not wrapped' "$work/stderr"; then seen=$((seen + 1)); fi
        i=$((i + 1))
    done
    holds "40 damaged binaries: each is refused, with a reason, before the driver sees it" test $seen -eq 0
    mkdir "$work/wrong"
    cp "$(find "$work/pocl" -name 'gate-*.bin' | head -n 1)" "$work/wrong/$(basename "$(find "$work/pocl" -name 'selftest*.bin')")"
    refuse 3 "it is for 'file gate.cl', wanted 'file selftest.cl'" "a binary under another's name is refused" without env \
        CLGLU_KERNELS="$work/wrong" "$clglu" act --act gelu --dtype bf16 --a "$work/x.npy" --check
    holds "... the driver has not seen it" given binaries -eq 0
    rm -f "$work/wrong"/*
    mkfifo "$work/wrong/$(basename "$(find "$work/pocl" -name 'selftest*.bin')")"
    refuse 3 "not a regular file" "a pipe in a binary's place is refused, and waited for by nobody" timeout 60 env \
        CLGLU_KERNELS="$work/wrong" "$clglu" act --act gelu --dtype bf16 --a "$work/x.npy" --check
}

# An offline compiler's output: here what PoCL's compiler wrote, taken out of the wrapping.
sealing() {
    mkdir "$work/raw"
    python3 - "$work/pocl" "$work/raw" <<'RAW'
import os, sys
source, target = sys.argv[1:]
open(f"{target}/manifest.json", "w").write("{}")
for name in os.listdir(source):
    if name.endswith(".bin"):
        data = open(f"{source}/{name}", "rb").read()
        key, size = (int.from_bytes(data[at : at + 8], "little") for at in (16, 24))
        open(f"{target}/{name[:-4]}.raw", "wb").write(data[32 + key : 32 + key + size])
RAW
    good "--seal wraps what an offline compiler wrote, without a compiler" without "$clglu" export --seal -o "$work/raw" --operators act,gate \
        --dtypes bf16 --variant swiglu --quiet
    same=1
    for f in "$work/pocl"/*.bin; do cmp -s "$f" "$work/raw/$(basename "$f")" || same=0; done
    holds "... as --binaries does" test $same -eq 1
}

tests_begin
${CC:-cc} -shared -fPIC -o "$work/layer.so" tests/compiler_layer.c || exit 1
mkdir "$work/in"
python3 tests/npy_cases.py write "$work/in" || exit 1
cp "$work/in/x-bf16.npy" "$work/x.npy"
listing
binaries pocl
damaged
sealing
if RUNTIMES=${RUNTIMES:-build/runtimes} tools/runtimes.sh list | grep -qx fpga; then
    runner='tools/runtimes.sh run fpga'
    binaries fpga
    mkdir "$work/foreign"
    cp "$(find "$work/pocl" -name 'selftest*.bin')" "$work/foreign/$(basename "$(find "$work/fpga" -name 'selftest*.bin')")"
    refuse 3 "it is for" "fpga: another platform's binaries are refused" without env CLGLU_KERNELS="$work/foreign" "$clglu" act --act gelu \
        --dtype bf16 --a "$work/x.npy" --check
    holds "fpga: ... the driver has not seen them" given binaries -eq 0
else
    skip "binaries of the FPGA emulation" "it is not laid out: make runtimes"
fi
tests_end
