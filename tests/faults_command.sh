#!/bin/sh
# faults_command.sh - the command under tests/fault_layer.c: a driver that dies in its N-th call costs a sweep one row, a call that fails
# costs tune no file, and a result of which one bit was flipped on its way back is found: tests/faults_command.sh LAYER [quick].
# Called by tests/faults.sh.
# SPDX-License-Identifier: MIT
set -u
layer=${1:?} mode=${2:-}
cd "$(dirname "$0")/.." || exit 1
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
export LC_ALL=C
clglu=$PWD/${B:-build}/clglu python=${PYTHON:-python3}

. tests/lib.sh

# under WAY:N COMMAND...
under() {
    way=$1
    shift
    env OPENCL_LAYERS="$layer" FAULT_LAYER="$way" "$@"
}

# one_row WORD: the report has one device, with that verdict and the step, which its text names
one_row() {
    "$python" - "$work/stdout" "$1" <<'JUDGE'
import json, sys
rows = [r for m in json.load(open(sys.argv[1]))["machines"] for r in m["devices"]]
assert len(rows) == 1, rows
row = rows[0]
assert row["verdict"] == sys.argv[2] and row["last_step"] and row["last_step"] in row["why"], (row["verdict"], row["why"])
JUDGE
}

# dies WAY N VERDICT
dies() {
    run under "$1:$2" timeout 100 "$clglu" sweep --quick --operators act --dtypes f16 --models 64:64 --timeout 4 -q --json -
    if [ "$status" -eq 1 ] || [ "$status" -eq 3 ]; then
        holds "a driver that does '$1' in call $2 costs a sweep one row" one_row "$3"
    else
        fail "a driver that does '$1' in call $2 costs a sweep one row" "exit status $status"
    fi
}

# found SENTENCE N NAMES COMMAND...: for N = 1 ... the N-th result read back has a flipped bit: the command says so, or its outputs are
# right all the same (what was flipped was not theirs). At N = 1 it is the self-test that must find it; one N at least must be found.
flips_are_found() {
    sentence=$1 most=$2 caught=0 n=1
    shift 2
    run "$@"
    cp "$out/y.npy" "$work/right.npy" || return 1
    while [ "$n" -le "$most" ]; do
        rm -f "$out/y.npy"
        run under "flip:$n" "$@"
        if [ "$status" -ne 0 ]; then
            caught=$((caught + 1))
            [ ! -e "$out/y.npy" ] || { fail "$sentence" "with flip $n it fails, and leaves an output"; return; }
        else
            cmp -s "$out/y.npy" "$work/right.npy" || { fail "$sentence" "flip $n goes unnoticed"; return; }
        fi
        n=$((n + 1))
    done
    if [ "$caught" -gt "$self_tests" ]; then pass "$sentence ($caught of $most flips hit)"; else fail "$sentence" "only $caught of $most flips hit"; fi
}

# tunes N: the N-th call fails: tune says so and its file stays as it was, or it is whole, with what it had of another device
tunes() {
    clear_out
    cp "$work/tuning" "$out/tuning"
    run under "fail:$1" "$clglu" tune --shape 32:48 --rows 1,4 -r 1 -o "$out/tuning" -q
    if [ "$status" -ne 0 ]; then
        failures=$((failures + 1))
        cmp -s "$work/tuning" "$out/tuning" && grep -q '^clglu: .*[a-z]' "$work/stderr" && [ "$(contents "$out")" = "tuning " ]
    else
        grep -q '^ffn d_model 32 ' "$out/tuning" && grep -qF "$(tail -n 2 "$work/tuning")" "$out/tuning"
    fi
}

tuning_under_faults() {
    printf 'clglu tuning 1\n\ndevice "another" driver "1"\nffn d_model 8 d_ff 8 dtype f32 rows 1 form tile row_tile 1\n' >"$work/tuning"
    failures=0
    for n; do
        tunes "$n" || { fail "tune under faults: its file is as it was, or whole" "call $n fails, exit status $status: $(cat "$out/tuning")"; return; }
    done
    holds "tune under faults: its file is as it was, or whole ($failures of $# failed)" test "$failures" -gt 0
}

# How many results the self-test reads: what it finds ends the command with status 3 or 4, before any output.
self_tests=1

arrays() {
    "$python" - "$work" <<'ARRAYS'
import random, struct, sys
r = random.Random(5)
for name, rows, cols, size in ("a", 96, 40, 1), ("b", 96, 40, 1), ("wa", 48, 40, 0.1), ("wb", 48, 40, 0.1), ("wd", 40, 48, 0.1):
    text = "{'descr': '<f4', 'fortran_order': False, 'shape': (%d, %d), }" % (rows, cols)
    with open(f"{sys.argv[1]}/{name}.npy", "wb") as f:
        f.write(b"\x93NUMPY\1\0" + struct.pack("<H", 118) + text.ljust(117).encode() + b"\n")
        f.write(struct.pack("<%df" % (rows * cols), *(r.gauss(0, size) for _ in range(rows * cols))))
ARRAYS
}

tests_begin
if [ "$mode" = quick ]; then calls="1 20 400" flips=6; else calls="1 2 3 10 20 30 50 100 200 300 400 500 700 1000 1400 2000" flips=24; fi
for n in $calls; do
    dies abort "$n" crashed
    dies exit "$n" 'ended early'
    if [ "$mode" != quick ] || [ "$n" -eq 400 ]; then dies hang "$n" 'timed out'; fi
done
if [ "$mode" = quick ]; then calls="1 30 300 3000"; else calls=$(seq 1 5 130; seq 150 300 3000; seq 3500 1500 12000); fi
# shellcheck disable=SC2086
tuning_under_faults $calls
arrays || exit 1
flips_are_found "a bit flipped on the way back is found by gate --check" "$flips" \
    "$clglu" gate --variant geglu -a "$work/a.npy" -b "$work/b.npy" -o "$out/y.npy" -q --check
flips_are_found "... and by ffn --check" "$flips" "$clglu" ffn --variant swiglu --wa "$work/wa.npy" --wb "$work/wb.npy" \
    --wd "$work/wd.npy" -x "$work/a.npy" -o "$out/y.npy" -q --check
tests_end
