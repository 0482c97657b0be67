# lib.sh - for the scripts in this folder: cases counted and printed, commands run and judged. To be sourced.
# SPDX-License-Identifier: MIT
# shellcheck shell=sh

# The sourcing script sets $work, a private folder. Outputs of the cases go to $out, which each case finds empty.
passed=0 failed=0 skipped=0
out=${work:?}/out

tests_begin() {
    mkdir -p "$out"
}

# Prints the count; the exit status says whether all is well.
tests_end() {
    if [ "$skipped" -gt 0 ]; then
        printf '%d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"
    else
        printf '%d passed, %d failed\n' "$passed" "$failed"
    fi
    [ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
}

pass() {
    passed=$((passed + 1))
    printf 'ok %d - %s\n' $((passed + failed + skipped)) "$1"
}

# fail SENTENCE WHY: and what the last command printed
fail() {
    failed=$((failed + 1))
    printf 'not ok %d - %s\n# %s\n' $((passed + failed + skipped)) "$1" "$2"
    [ ! -s "$work/stdout" ] || head -n 20 "$work/stdout" | sed 's/^/# stdout: /'
    [ ! -s "$work/stderr" ] || head -n 20 "$work/stderr" | sed 's/^/# stderr: /'
}

skip() {
    skipped=$((skipped + 1))
    printf 'ok %d - %s # SKIP %s\n' $((passed + failed + skipped)) "$1" "$2"
}

# run COMMAND...: its status is in $status, what it printed in $work/stdout and $work/stderr
run() {
    "$@" >"$work/stdout" 2>"$work/stderr" </dev/null
    status=$?
}

# What is in a folder, on one line.
contents() { find "$1" -mindepth 1 -printf '%P ' 2>/dev/null; }

clear_out() { rm -rf "$out" && mkdir "$out"; }

# expect STATUS SENTENCE COMMAND...: that exit status
expect() {
    wanted=$1 sentence=$2
    shift 2
    run "$@"
    if [ "$status" -eq "$wanted" ]; then pass "$sentence"; else fail "$sentence" "exit status $status, wanted $wanted: $*"; fi
}

# good SENTENCE COMMAND...: exit status 0
good() { expect 0 "$@"; }

# holds SENTENCE COMMAND...: a judgement, often of $work/stdout and $work/stderr, which stay as they are
holds() {
    sentence=$1
    shift
    if "$@" >"$work/why" 2>&1 </dev/null; then
        pass "$sentence"
    else
        fail "$sentence" "not so: $(printf '%.200s' "$*")
$(head -n 20 "$work/why" | cut -c 1-600 | sed 's/^/# /')"
    fi
}

# refuse STATUS WORDS SENTENCE COMMAND...: that exit status, WORDS in the reason on stderr, nothing on stdout, and no file
# in $out
refuse() {
    wanted=$1 words=$2 sentence=$3
    shift 3
    clear_out
    run "$@"
    if [ "$status" -ne "$wanted" ]; then
        fail "$sentence" "exit status $status, wanted $wanted: $*"
    elif ! grep -qF -e "$words" "$work/stderr"; then
        fail "$sentence" "the reason does not say '$words': $*"
    elif [ -s "$work/stdout" ]; then
        fail "$sentence" "something on standard output: $*"
    elif [ -n "$(contents "$out")" ]; then
        fail "$sentence" "left behind: $(contents "$out"): $*"
    else
        pass "$sentence"
    fi
}
