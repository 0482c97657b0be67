#!/bin/sh
# lint.sh - gcc's analyser, cppcheck, clang-tidy and shellcheck have nothing to say: tests/lint.sh [quick]
# SPDX-License-Identifier: MIT

# quick: clang-tidy without its analyser, and not over the tests. A tool that is not installed is skipped.
set -u
cd "$(dirname "$0")/.." || exit 1
mode=${1:-all}
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
export LC_ALL=C

. tests/lib.sh

jobs=${JOBS:-2}
# CLGLU_LINT: see src/error.h.
flags="-std=c11 -D_POSIX_C_SOURCE=200809L -DCLGLU_LINT -Iinclude -Isrc -DTEST_DATA=\"x\""

# ---------------------------------------------------------------- the tools: each takes files and prints what it finds

# gcc as far as assembly, thrown away; what the compiler itself warns of, make says. Of GCC's own warnings here:
# - with -O2, so that what is inlined is followed
# - in tests/ no memory is a crash that is seen at once: malloc's NULL is not looked for
gcc_raw() {
    own=
    case "$1" in tests/*) own='-Wno-analyzer-possible-null-dereference -Wno-analyzer-possible-null-argument' ;; esac
    # shellcheck disable=SC2086
    printf '%s\n' "$@" | xargs -P "$jobs" -n 1 gcc $flags -O2 -fanalyzer $own -fdiagnostics-path-format=none \
        -fdiagnostics-show-caret -S -o /dev/null 2>&1
}

# Takes out what tests/lint.txt says is wrong, and notes which of its lines were used.
gcc_found() {
    awk -v used="$work/used" '
        NR == FNR { if (!/^#/) known[$1 " " $2 " " $3] = 1; next }
        /: In function / { function_ = $0; sub(/.*: In function ./, "", function_); sub(/.[:,].*/, "", function_) }
        /: warning: |: error: |fatal error/ {
            file = $0; sub(/:.*/, "", file)
            name = $0; sub(/.*\[-Wanalyzer-/, "", name); sub(/\].*/, "", name)
            key = file " " function_ " " name
            if (key in known) print key >>used
            else print
        }' tests/lint.txt -
}

found_by_gcc() { gcc_raw "$@" | gcc_found; }

# variableScope, clarifyCalculation, shadowFunction: style; -Wparentheses and -Wshadow see what is mistaken.
# ctuuninitvar: between files, it takes an output parameter that is handed on for a use.
found_by_cppcheck() {
    what=warning,style,performance,portability
    # A test may ask what is always so, and keep what is known.
    case "$1" in tests/*) what=warning,performance,portability ;; esac
    # shellcheck disable=SC2086
    cppcheck -q -j "$jobs" $flags --std=c11 --enable=$what --inline-suppr --template=gcc \
        --suppress=variableScope --suppress=clarifyCalculation --suppress=shadowFunction --suppress=ctuuninitvar "$@" 2>&1
}

# Its checks stand in .clang-tidy, tools/.clang-tidy, tools/examples/.clang-tidy and tests/.clang-tidy.
found_by_clang_tidy() {
    some=
    [ "$mode" != quick ] || some=--checks=-clang-analyzer-*
    # shellcheck disable=SC2086
    printf '%s\n' "$@" | xargs -P "$jobs" -I '{}' clang-tidy --quiet $some $config '{}' -- $flags 2>&1 |
        sed '/^[0-9]* warnings* generated\.$/d; /^[0-9]* warnings* and [0-9]* errors* generated\.$/d'
}
config=

found_by_shellcheck() { shellcheck -x "$@" 2>&1; }

# ---------------------------------------------------------------- judging

# nothing TOOL FILE...: it finds nothing
nothing() {
    tool=$1
    shift
    "found_by_$tool" "$@" >"$work/found"
    cat "$work/found"
    ! [ -s "$work/found" ]
}

# finds WORD TOOL FILE...: that is among what it finds
finds() {
    word=$1
    shift
    nothing "$@" >"$work/planted"
    grep -q -e "$word" "$work/planted"
}

# planted NAME: C from stdin, in a file of its own
planted() { cat >"$work/$1.c"; }

plant_leak() {
    planted leak <<'END'
#include <stdlib.h>
int leak(size_t n);
int leak(size_t n)
{
    int *p = malloc(n * sizeof *p);
    if (p == NULL || n == 0) return 1;
    p[0] = 2;
    return p[0];
}
END
}

plant_overrun() {
    planted overrun <<'END'
int overrun(int i);
int overrun(int i)
{
    int a[4] = {i, 1, 2, 3};
    return a[4];
}
END
}

plant_semicolon() {
    planted semicolon <<'END'
int semicolon(int i);
int semicolon(int i)
{
    if (i > 3);
        i = 3;
    return i;
}
END
}

# The sources, their groups; tests/fuzz_*.c and the layers need no more than the rest.
groups='src tools tools/examples tests'

examine() {
    tool=$1
    for group in $groups; do
        [ "$mode" = quick ] && [ "$tool $group" = "clang_tidy tests" ] && continue
        holds "$tool has nothing to say of $group" nothing "$tool" "$group"/*.c
    done
}

# examine_with TOOL COMMAND PACKAGE: skipped if it is not there
there() {
    command -v "$1" >/dev/null && return 0
    skip "$1" "it is not installed (on Debian: apt-get install $2)"
    return 1
}

none=1
for tool in gcc cppcheck clang-tidy shellcheck; do ! command -v $tool >/dev/null || none=0; done
[ $none -eq 0 ] || exit 77

tests_begin
if there gcc gcc; then
    : >"$work/used"
    examine gcc
    grep -v '^#' tests/lint.txt | cut -d ' ' -f 1-3 | sort >"$work/listed"
    sort -u "$work/used" >"$work/said"
    holds "tests/lint.txt has no line without use" diff "$work/listed" "$work/said"
    plant_leak
    holds "gcc's analyser finds a planted leak" finds malloc-leak gcc "$work/leak.c"
fi
if there cppcheck cppcheck; then
    examine cppcheck
    plant_overrun
    holds "cppcheck finds a planted overrun" finds arrayIndexOutOfBounds cppcheck "$work/overrun.c"
fi
if there clang-tidy clang-tidy; then
    examine clang_tidy
    config=--config-file=.clang-tidy
    plant_semicolon
    holds "clang-tidy finds a planted semicolon" finds bugprone-suspicious-semicolon clang_tidy "$work/semicolon.c"
    plant_leak
    [ "$mode" = quick ] ||
        holds "... its analyser a planted leak" finds clang-analyzer-unix.Malloc clang_tidy "$work/leak.c"
fi
if there shellcheck shellcheck; then
    holds "shellcheck has nothing to say of the scripts" nothing shellcheck tests/*.sh tools/*.sh tools/docs/*.sh .ci/run
    printf '#!/bin/sh\nrm -rf $1/x\n' >"$work/unquoted.sh"
    holds "shellcheck finds a planted word without quotes" finds SC2086 shellcheck "$work/unquoted.sh"
fi
tests_end
