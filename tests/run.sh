#!/bin/sh
# run.sh - runs the tests and counts them: tests/run.sh [quick|long]. Called by make check, check-quick and check-long.
# SPDX-License-Identifier: MIT
set -u
mode=${1:-normal}
passed=0 failed=0 skipped=0
log=build/test.log
failures=

# Adds a step's own count: Check's "...: Checks: N, Failures: F, Errors: E", or "N passed, M failed[, K skipped]";
# a step that counts nothing is one test.
count() {
    awk '
        match($0, /Checks: [0-9]+, Failures: [0-9]+, Errors: [0-9]+/) {
            split(substr($0, RSTART, RLENGTH), n, /[^0-9]+/); bad += n[3] + n[4]; good += n[2] - n[3] - n[4]; seen = 1
        }
        /^[0-9]+ passed, [0-9]+ failed/ { good += $1; bad += $3; skip += $5; seen = 1 }
        END { print seen + 0, good + 0, bad + 0, skip + 0 }' "$log"
}

# What runs beside the steps, one after the other: these mostly use one core, and so do the others.
aside() {
    case $1 in
    device) build/test-device ;;
    sanitize) tests/sanitize.sh "$([ "$mode" = long ] && echo all || echo quick)" ;;
    lint) if [ "$mode" = long ]; then tests/lint.sh; else tests/lint.sh quick; fi ;;
    fuzz) tests/fuzz.sh quick ;;
    faults) tests/faults.sh quick ;;
    terminal) tests/terminal.sh ;;
    esac
}
if [ "$mode" = aside ]; then
    mode=$2
    aside "$3"
    exit
fi

# Each in a session of its own, so that all of it can be ended at once.
begin_aside() {
    {
        trap 'kill -- -$now 2>/dev/null; exit 1' TERM
        for each; do
            setsid sh tests/run.sh aside "$mode" "$each" >"build/aside.$each.log" 2>&1 </dev/null &
            now=$!
            wait $now
            echo $? >"build/aside.$each.rc"
        done
    } &
    aside=$!
    trap 'kill $aside 2>/dev/null' EXIT
    trap 'exit 1' HUP INT TERM
}

# collect NAME: what it printed, once all are through
collect() {
    cat "build/aside.$1.log"
    rc=$(cat "build/aside.$1.rc")
    rm -f "build/aside.$1.log" "build/aside.$1.rc"
    return "$rc"
}

step() {
    name=$1
    shift
    printf '== %s\n' "$name"
    start=$(date +%s)
    { "$@" 2>&1; echo $? >build/test.rc; } | tee "$log"
    rc=$(cat build/test.rc)
    # shellcheck disable=SC2046
    set -- $(count)
    if [ "$rc" -eq 77 ]; then
        skipped=$((skipped + 1))
    elif [ "$1" -eq 0 ]; then
        if [ "$rc" -eq 0 ]; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
    else
        passed=$((passed + $2)) failed=$((failed + $3)) skipped=$((skipped + $4))
        if [ "$rc" -ne 0 ] && [ "$3" -eq 0 ]; then failed=$((failed + 1)); fi
    fi
    if [ "$rc" -ne 0 ] && [ "$rc" -ne 77 ]; then failures="$failures $name"; fi
    printf '   %s: %s s\n' "$name" "$(($(date +%s) - start))"
}

[ "$mode" != long ] || export CLGLU_TEST_SCALE=long
# Check's time limit is there for what hangs: on a busy machine its 4 seconds are too few.
export CK_TIMEOUT_MULTIPLIER="${CK_TIMEOUT_MULTIPLIER:-15}"

asides=device
[ "$mode" = quick ] || asides='device sanitize lint fuzz faults terminal'
# shellcheck disable=SC2086
begin_aside $asides
step host build/test-host
step bits tests/bits.sh
step header tests/header.sh
step floors tests/floors.sh
step symbols tests/symbols.sh
step readme tests/readme.sh
if [ "$mode" != quick ]; then
    step build tests/build.sh
    if [ "$mode" = long ]; then step compilers tests/compilers.sh all; else step compilers tests/compilers.sh; fi
    step man tests/man.sh
    step install tests/install.sh
    step completion tests/completion.sh
    step export tests/export.sh
    if [ "$mode" = long ]; then step cache tests/cache.sh long; else step cache tests/cache.sh; fi
    step command tests/command.sh
    step facts tests/facts.sh
    if [ "$mode" = long ]; then step oclgrind tests/oclgrind.sh; else step oclgrind tests/oclgrind.sh quick; fi
    step examples tests/examples.sh
    step docs tests/docs.sh
    step workflow tests/workflow.sh
    step real-input python3 tests/real_input.py
    step page tests/page.sh
    step sweep-reports python3 tests/sweep_reports.py
    step sweep-page tests/sweep_page.sh
fi
if [ "$mode" = long ]; then
    step deb tests/deb.sh
    step golden tests/golden.sh
    step exhaust build/exhaust
    step torch python3 tests/train_torch.py
fi

wait $aside
for name in $asides; do step "$name" collect "$name"; done

rm -f "$log" build/test.rc
[ -z "$failures" ] || printf 'failed steps:%s\n' "$failures"
printf '%d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"
[ "$failed" -eq 0 ] && [ -z "$failures" ] && [ "$passed" -gt 0 ]
