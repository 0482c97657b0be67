#!/bin/sh
# fuzz.sh - hostile input: each tests/fuzz_NAME.c under libFuzzer, AddressSanitizer and UndefinedBehaviorSanitizer: tests/fuzz.sh [quick]
# SPDX-License-Identifier: MIT
set -u
cd "$(dirname "$0")/.." || exit 1
mode=${1:-normal}
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
export LC_ALL=C

. tests/lib.sh

# quick: the committed inputs alone. Else each target goes on from them, for FUZZ_SECONDS or FUZZ_RUNS; FUZZ names the targets.
seconds=${FUZZ_SECONDS:-60}
[ -n "$seconds" ] || seconds=60
targets=${FUZZ:-}
[ -n "$targets" ] || targets=$(for file in tests/fuzz_*.c; do basename "$file" .c | sed 's/^fuzz_//'; done)
b=build/fuzz
command -v clang >/dev/null 2>&1 || {
    echo "fuzz: there is no clang (make check-long installs it)"
    exit 77
}
# Debian only recommends the part of clang that fuzzes.
echo 'int LLVMFuzzerTestOneInput(const char *p, unsigned long n); int LLVMFuzzerTestOneInput(const char *p, unsigned long n) { return p && n > n; }' >"$work/least.c"
clang -fsanitize=fuzzer,address -o "$work/least" "$work/least.c" >"$work/stderr" 2>&1 || {
    echo "fuzz: this clang has no libFuzzer (Debian: libclang-rt-14-dev, by clang's version)"
    exit 77
}

made=address,undefined,float-cast-overflow
flags="-O1 -g -fno-omit-frame-pointer -fno-sanitize-recover=all"
built() { # TARGET...
    for target; do set -- "$@" "$b/fuzz-$target" && shift; done
    make -s --no-print-directory -j2 B=$b CC=clang CLBLAST=0 LATE=0 VECTORISE=-O1 CFLAGS="$flags -fsanitize=fuzzer-no-link,$made" \
        LDFLAGS=-fsanitize=$made "$@"
}

# shellcheck disable=SC2046,SC2086
planted() {
    clang -std=c11 -DPLANTED -Iinclude $flags -fsanitize=fuzzer,$made $(pkg-config --cflags jansson) -o "$b/planted-npy" tests/fuzz_npy.c \
        $b/tools.a $b/libclglu.a $(pkg-config --libs jansson libxxhash) -lOpenCL -ldl -lm -pthread
}

# How long inputs may become: what is longer is slow and finds nothing new.
longest() {
    case $1 in
    sweep) echo 32768 ;;
    options | selector) echo 512 ;;
    *) echo 4096 ;;
    esac
}

# fuzz PROGRAM OPTION...: its output is in $work/log
fuzz() {
    program=$1 name=${1#*-}
    shift
    mkdir -p "$b/crashes"
    ASAN_OPTIONS=detect_stack_use_after_return=1 UBSAN_OPTIONS=print_stacktrace=1 "$b/$program" -timeout=10 \
        -rss_limit_mb=2048 -max_len="$(longest "$name")" -artifact_prefix="$b/crashes/$name-" "$@" >"$work/log" 2>&1
}

# What was found, and how to see it again. The input is the last one that was begun where no file was written.
crashed() {
    file=$(sed -n 's/^.*Test unit written to //p' "$work/log" | head -n 1)
    [ -n "$file" ] || file=$(sed -n 's/^Running: //p' "$work/log" | tail -n 1)
    echo "again: $b/fuzz-$1 $file"
    grep -E 'does not hold|ERROR: |runtime error|SUMMARY|#[0-9]+ .*(src|tools|tests)/[a-z_]+\.c:' "$work/log" | head -n 18
    return 1
}

replayed() {
    find "tests/corpus/$1" -type f >"$work/seeds" && [ -s "$work/seeds" ] || return 1
    # shellcheck disable=SC2046
    fuzz "fuzz-$1" -runs=1 $(cat "$work/seeds") || crashed "$1"
}

# From the committed inputs on, into a folder of its own that later runs go on from.
searched() {
    dictionary=
    [ ! -f "tests/corpus/$1.dict" ] || dictionary=-dict=tests/corpus/$1.dict
    if [ -n "${FUZZ_RUNS:-}" ]; then limit=-runs=$FUZZ_RUNS; else limit=-max_total_time=$seconds; fi
    mkdir -p "$b/corpus/$1"
    # shellcheck disable=SC2086
    fuzz "fuzz-$1" "$limit" -print_final_stats=1 $dictionary "$b/corpus/$1" "tests/corpus/$1" || crashed "$1"
}

figures() {
    awk -v name="$1" -v took="$2" '
        match($0, / cov: [0-9]+/) { edges = substr($0, RSTART + 6, RLENGTH - 6) }
        /^stat::number_of_executed_units/ { runs = $2 }
        END { printf "%s: %d runs, %d edges, %d s\n", name, runs, edges, took }' "$work/log"
}

# The search must find what was put there to be found.
finds_planted() {
    rm -rf "$work/planted" && mkdir "$work/planted"
    ! fuzz planted-npy -max_total_time=30 -dict=tests/corpus/npy.dict "$work/planted" tests/corpus/npy || return 1
    grep -q 'heap-buffer-overflow' "$work/log" && grep -q judge_header "$work/log"
    good=$?
    rm -f "$b"/crashes/npy-*
    return $good
}

tests_begin
# shellcheck disable=SC2086
holds "the targets build" built $targets
for name in $targets; do
    holds "$name: the committed inputs" replayed "$name"
done
if [ "$mode" != quick ]; then
    holds "a target with a planted mistake builds" planted
    holds "... which is found" finds_planted
    for name in $targets; do
        start=$(date +%s)
        holds "$name: nothing is found" searched "$name"
        figures "$name" $(($(date +%s) - start))
    done
fi
tests_end
