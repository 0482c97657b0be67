#!/bin/sh
# lint.sh - gcc's analyser, cppcheck, clang-tidy and shellcheck have nothing to say: tests/lint.sh [quick]
# SPDX-License-Identifier: MIT

# quick: not over the tests, and clang-tidy over the library alone, without its analyser. A tool that is not installed is skipped.
set -u
cd "$(dirname "$0")/.." || exit 1
mode=${1:-all}
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
export LC_ALL=C

. tests/lib.sh

jobs=${JOBS:-2}
# CLGLU_LINT: see src/error.h. TEST_DATA is any text.
defined='-D_POSIX_C_SOURCE=200809L -DCLGLU_LINT -Iinclude -Isrc -DTEST_DATA=__FILE__'
flags="-std=c11 $defined"

# ---------------------------------------------------------------- the tools: each takes files and prints what it finds

# What gcc's analyser finds depends on the addresses of its own memory: where that is allowed, they are the same each time.
fixed=
! setarch -R true 2>/dev/null || fixed='setarch -R'

# gcc as far as assembly, thrown away; what the compiler itself warns of, make says. Off are:
# - use-of-uninitialized-value: to gcc 12, what a struct's copy has is unset now and then, in other files each time; cppcheck and
#   clang look for the same
# - in tests/, possible-null-*: without memory a test crashes, and that is seen
gcc_raw() {
    own=-Wno-analyzer-use-of-uninitialized-value
    case "$1" in tests/*) own="$own -Wno-analyzer-possible-null-dereference -Wno-analyzer-possible-null-argument" ;; esac
    # shellcheck disable=SC2086
    printf '%s\n' "$@" | xargs -P "$jobs" -n 1 $fixed gcc $flags -O2 -fanalyzer $own -fdiagnostics-path-format=none -S -o /dev/null 2>&1
}

# Takes out what tests/lint.txt says is wrong.
gcc_found() {
    awk '
        NR == FNR { if (!/^#/) known[$1 " " $2 " " $3] = 1; next }
        { file = $0; sub(/:.*/, "", file) }
        /: In function / { name = $0; sub(/.*: In function ./, "", name); sub(/.[:,].*/, "", name); function_[file] = name }
        /: warning: |error: / {
            kind = $0; sub(/.*\[-Wanalyzer-/, "", kind); sub(/\].*/, "", kind)
            if (!((file " " function_[file] " " kind) in known)) print
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
    cppcheck -q -j "$jobs" $defined --std=c11 --enable=$what --inline-suppr --template=gcc \
        --suppress=variableScope --suppress=clarifyCalculation --suppress=shadowFunction --suppress=ctuuninitvar "$@" 2>&1
}

# Its checks stand in .clang-tidy, tools/.clang-tidy, tools/examples/.clang-tidy and tests/.clang-tidy.
found_by_clang_tidy() {
    some=
    [ "$mode" != quick ] || some='--checks=-clang-analyzer-*'
    # shellcheck disable=SC2086
    printf '%s\n' "$@" | xargs -P "$jobs" -I '{}' clang-tidy --quiet $some $config '{}' -- $flags 2>&1 |
        sed '/ generated\.$/d'
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

groups='src tools tools/examples tests'
[ "$mode" != quick ] || groups='src tools'

examine() {
    tool=$1
    for group in $groups; do
        [ "$mode $tool $group" != "quick clang_tidy tools" ] || continue
        holds "$tool has nothing to say of $group" nothing "$tool" "$group"/*.c
    done
}

# there COMMAND PACKAGE: if not, the tool is skipped
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
    examine gcc
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
    # shellcheck disable=SC2016 # the planted text
    printf '#!/bin/sh\nrm -rf $1/x\n' >"$work/unquoted.sh"
    holds "shellcheck finds a planted word without quotes" finds SC2086 shellcheck "$work/unquoted.sh"
fi
tests_end
