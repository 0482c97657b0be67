#!/bin/sh
# oclgrind.sh - every form of every kernel in Oclgrind, which looks for data races, reads of what nobody wrote, accesses out of bounds
# and misuse of OpenCL: tests/oclgrind.sh [quick|long]. SPDX-License-Identifier: MIT

# quick: activations, gates, self-test and one projection, in a minute; long: each form in every storage type
set -u
cd "$(dirname "$0")/.." || exit 1
mode=${1:-normal}
build=${B:-build}
library=${OCLGRIND:-/usr/lib/oclgrind/liboclgrind-rt-icd.so}
if [ ! -e "$library" ]; then
    echo "oclgrind: $library is missing; on Debian: apt-get install oclgrind"
    exit 77
fi
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
. tests/lib.sh
unset CLGLU_DEVICE CLGLU_KERNELS OCL_ICD_FILENAMES
export LC_ALL=C CLGLU_CACHE="" CLGLU_TEST_NO_SELF_TEST=1 CLGLU_TEST_SCALE=small CK_FORK=no CK_TIMEOUT_MULTIPLIER=200
[ "$mode" != long ] || export CLGLU_TEST_SCALE=long

echo "$library" >"$work/oclgrind.icd"
export OCL_ICD_VENDORS="$work/oclgrind.icd" OPENCL_LAYERS="$work/layer.so"
export OCLGRIND_DATA_RACES=1 OCLGRIND_UNINITIALIZED=1 OCLGRIND_CHECK_API=1
# Groups as small as the kernels allow.
export OCLGRIND_MAX_WGSIZE=256
# No line of the log is taken away: nothing is suppressed. What would have to be is mended by tests/oclgrind_layer.c, and by this:
# the detector of unwritten values knows no `freeze`, which LLVM's optimiser puts beside a division and its remainder (pack_weights,
# ffn_add); a kernel that has one ends there, and all that it should have written counts as unwritten.
export OCLGRIND_BUILD_OPTIONS=-cl-opt-disable

# grind FORMS [WORDS]: the device's suite device_forms, one of its cases, with the layer's words
grind() {
    run env CK_RUN_SUITE=device_forms CK_RUN_CASE="$1" OCLGRIND_LAYER="${2:-}" OCLGRIND_LOG="$work/log" OCLGRIND_MAX_ERRORS="${3:-1000}" \
        "$build/test-device"
}

# Oclgrind writes what its interpreter finds into the log, misuse of OpenCL on standard error.
is_empty() { test ! -s "$work/log" && ! grep -q 'Oclgrind' "$work/stderr" && ! grep -q 'Oclgrind' "$work/log"; }
says() { cat "$work/log" "$work/stderr" 2>/dev/null | grep -q "$1"; }

forms() {
    rm -f "$work/log"
    grind "$1" "$2"
    holds "$3: right results" test "$status" -eq 0
    sed -n 's/^forms: /# /p' "$work/stdout"
    holds "... and an empty log" is_empty
    is_empty || cat "$work/log" "$work/stderr" 2>/dev/null | head -n 20 | sed 's/^/# /'
}

# planted WORDS CASE FILE OLD NEW: the detector must say WORDS of a kernel that is wrong
planted() {
    rm -rf "$work/log" "$work/kernels"
    mkdir "$work/kernels"
    python3 - "cl/$3" "$work/kernels/$3" "$4" "$5" <<'PLANT' || exit 1
import sys
text = open(sys.argv[1]).read()
assert sys.argv[3] in text, sys.argv[3]
open(sys.argv[2], "w").write(text.replace(sys.argv[3], sys.argv[4], 1))
PLANT
    CLGLU_TEST_KERNELS="$work/kernels" grind "$2" "" 20
    holds "planted in $3: $1" says "$1"
}

misused() {
    rm -f "$work/log"
    grind local "$1" 20
    holds "planted in calls, $1: $2" says "$2"
}

tests_begin
${CC:-cc} -std=c11 -D_POSIX_C_SOURCE=200809L -shared -fPIC -o "$work/layer.so" tests/oclgrind_layer.c || exit 1
forms selftest "" "the self-test"
forms gates "" "activations and gates"
forms local "" "one projection"
if [ "$mode" != quick ]; then
    forms gates cpu "activations and gates in vectors"
    forms projections "" "projections for GPUs"
    forms projections cpu "projections for CPUs with vectors"
    forms backward "" "backward for GPUs"
    forms backward cpu "backward for CPUs with vectors"
fi
planted 'data race at global' overrun gate.cl 'store(p, y, y_at, row, col, n);' 'store(p, y, y_at, row, 0, n);'
planted 'Uninitialized value written' local pack.cl 'to[r] = number;' 'if (first + r < rows) to[r] = number;'
planted 'Invalid' overrun gate.cl 'if (col >= cols || row >= rows) return;' ''
misused too-large clEnqueueWriteBuffer
misused bad-arg clSetKernelArg
# Without the barrier local memory is read unwritten, too, ten thousand times.
unset OCLGRIND_UNINITIALIZED
planted 'data race at local' local ffn_local.cl 'barrier(CLK_LOCAL_MEM_FENCE);' ''
tests_end
