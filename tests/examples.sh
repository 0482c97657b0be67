#!/bin/sh
# examples.sh - tools/examples/ against an installed copy, built by the line that each prints: they run, and see what is wrong.
# SPDX-License-Identifier: MIT
set -u
cd "$(dirname "$0")/.." || exit 1
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
unset CLGLU_DEVICE PYOPENCL_CTX
export LC_ALL=C

. tests/lib.sh

# built NAME [SED]: builds $work/NAME.c, a copy changed by SED, with the command in its own comment
built() {
    sed "${2:-}" "tools/examples/$1.c" >"$work/$1.c" &&
        if [ $# -gt 1 ] && cmp -s "$work/$1.c" "tools/examples/$1.c"; then echo "nothing to change: $2"; return 1; fi &&
        line=$(sed -n 's|^/\* \(cc .*\)$|\1|p' "$work/$1.c") && [ -n "$line" ] &&
        (cd "$work" && eval "$line") && [ -x "$work/$1" ]
}

# clean NAME: no compiler at hand has anything to say of it, in C99 or C11
clean() {
    for compiler in gcc clang; do
        command -v $compiler >/dev/null || continue
        for std in c99 c11; do
            $compiler -std=$std -D_POSIX_C_SOURCE=200809L -Wall -Wextra -Wpedantic -Wshadow -Werror -fsyntax-only -Iinclude \
                "tools/examples/$1.c" || return 1
        done
    done
}

short() { [ "$(wc -l <"tools/examples/$1")" -lt 150 ]; }

# python SED ARGUMENT...: share.py, changed by SED, under the tests' own packages
python() {
    sed "$1" tools/examples/share.py >"$work/share.py"
    shift
    "$interpreter" "$work/share.py" "$@"
}

# The loader's own account of what pyopencl calls: all of it in the one that clglu has, nothing in its package's.
one_loader() {
    LD_DEBUG=bindings LD_DEBUG_OUTPUT="$work/bindings" python '' || return 1
    sed -n 's|.*/pyopencl/_cl[^ ]* \[0\] to \([^ ]*\) .*symbol .\(cl[A-Z][A-Za-z]*\).*|\1 \2|p' "$work"/bindings.* >"$work/calls"
    [ "$(wc -l <"$work/calls")" -gt 50 ] || { echo "few calls of pyopencl's were seen"; return 1; }
    ! grep /pyopencl/ "$work/calls"
}

make --no-print-directory install PREFIX="$work/usr" >"$work/stdout" 2>"$work/stderr" || { cat "$work/stderr"; exit 1; }
export PKG_CONFIG_PATH="$work/usr/lib/pkgconfig" LD_LIBRARY_PATH="$work/usr/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"

tests_begin
for name in own_context two_devices; do
    holds "$name is short" short $name.c
    holds "... compiles without a warning" clean $name
    holds "... is built by the command in its comment" built $name
done
good "a program's own kernels and clglu's make one chain" "$work/own_context"
holds "... whose sums are right" grep -q ': 0 wrong$' "$work/stdout"
refuse 3 'clglu doctor' "... a device that is not there is refused" "$work/own_context" 99:0
refuse 2 usage "... and so are words that are no device" "$work/own_context" gpu
holds "... with another activation" built own_context 's/act = CLGLU_ACT_GELU/act = CLGLU_ACT_GELU_TANH/'
expect 1 "... it sees that the sums are wrong" "$work/own_context"

good "two devices share the rows" "$work/two_devices"
holds "... with the bits of one" test "$(grep -c ': the same bits$' "$work/stdout")" -eq 2
good "two devices may be named" "$work/two_devices" cpu best
expect 3 "... one that is not there is refused" "$work/two_devices" best 99:0
holds "... in words" grep -q 'no device matches' "$work/stderr"
refuse 2 usage "... and so is one alone" "$work/two_devices" best
for change in 's/+ D_FF, 2/- !!p->first&/' 's/\.x = {/&!!p->first + /'; do
    holds "... with one device's input in a wrong place" built two_devices "$change"
    expect 1 "... it sees that bits differ" "$work/two_devices"
done

interpreter=$(python3 tests/packages.py 2>"$work/stderr")
case $? in
0)
    holds "share.py is short" short share.py
    good "pyopencl's buffers are clglu's" python ''
    good "... the library may be named by its path" python '' "$work/usr/lib/libclglu.so"
    expect 1 "... with another activation it sees that the result is wrong" python 's/act=ACT_GELU/act=7/'
    holds "... pyopencl and clglu use one OpenCL loader" one_loader
    holds "... its structures, numbers and arguments are clglu.h's" "$interpreter" tests/share_layout.py
    ;;
77) skip "pyopencl's buffers are clglu's" "$(cat "$work/stderr")" ;;
*) fail "pyopencl's buffers are clglu's" "its packages cannot be installed" ;;
esac
tests_end
