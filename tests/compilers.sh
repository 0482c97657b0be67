#!/bin/sh
# compilers.sh - gcc and clang, C99 and C11, -O0 to -O3: no warning, and the same bits: tests/compilers.sh [all]
# SPDX-License-Identifier: MIT

# Without `all`: the two ends, clang's C99 at -O0 and gcc's C11 at -O3, are built and their hashes compared. With it: all sixteen,
# with the tests, those of the host and one suite of the device's being run with each. Without both compilers it is skipped.
set -u
cd "$(dirname "$0")/.." || exit 1
for compiler in gcc clang; do
    command -v $compiler >/dev/null || {
        echo "skipped: $compiler is not installed (on Debian: apt-get install $compiler)"
        exit 77
    }
done
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
export LC_ALL=C

. tests/lib.sh

# built COMPILER STD LEVEL: in a folder of its own, warnings being errors; $tests are further targets
built() {
    # shellcheck disable=SC2086
    make --no-print-directory -j2 B="$work/b" CC="$1" STD="-std=$2 -D_POSIX_C_SOURCE=200809L" CFLAGS="$3" VECTORISE="$3" \
        WERROR=-Werror all "$work/b/bits" $tests
}

# The first list of hashes is what the others are compared with.
same_bits() {
    "$work/b/bits" >"$work/now" && [ "$(wc -l <"$work/now")" -gt 400 ] || return 1
    [ -s "$work/first" ] || cp "$work/now" "$work/first"
    diff "$work/first" "$work/now"
}

# one COMPILER STD LEVEL
one() {
    rm -rf "$work/b"
    holds "$1 -std=$2 $3 has nothing to say" built "$@"
    holds "... its bits are those of the first" same_bits
    [ -n "$tests" ] || return 0
    holds "... its host tests pass" env CK_TIMEOUT_MULTIPLIER=10 "$work/b/test-host" # -O0 is slow
    holds "... the device has the emulation's bits" env CK_RUN_SUITE=device_ffn_bits "$work/b/test-device"
}

tests=
[ "${1:-}" != all ] || tests="$work/b/test-host $work/b/test-device"
tests_begin
if [ -n "$tests" ]; then
    for compiler in gcc clang; do
        for std in c99 c11; do
            for level in -O0 -O1 -O2 -O3; do one $compiler $std $level; done
        done
    done
else
    one clang c99 -O0
    one gcc c11 -O3
fi
tests_end
