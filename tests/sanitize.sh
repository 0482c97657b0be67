#!/bin/sh
# sanitize.sh - the host's tests and some of the device's under AddressSanitizer, LeakSanitizer and UndefinedBehaviorSanitizer, on PoCL.
# SPDX-License-Identifier: MIT
set -u
cd "$(dirname "$0")/.." || exit 1
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
export LC_ALL=C

. tests/lib.sh

# One driver: what others keep when their loader closes them again cannot be told apart.
[ -n "${OCL_ICD_VENDORS:-}" ] || export OCL_ICD_VENDORS=/etc/OpenCL/vendors/pocl.icd
# A small quarantine: some tests see that memory does not grow.
export ASAN_OPTIONS=quarantine_size_mb=4 UBSAN_OPTIONS=print_stacktrace=1
export LSAN_OPTIONS=suppressions=tests/leaks.txt:print_suppressions=0

b=build/sanitize
made=-fsanitize=address,undefined
built() {
    make --no-print-directory -j2 B=$b CFLAGS="-O1 -g -fno-omit-frame-pointer -fno-sanitize-recover=all $made" VECTORISE=-O1 \
        LDFLAGS=$made $b/test-host $b/test-device $b/bits
}

# A test that forks for each case would be searched for leaks as often.
host() { CK_FORK=no $b/test-host; }
device() { CK_RUN_SUITE=$1 $b/test-device; }
same_bits() { $b/bits >"$work/now" && build/bits | diff - "$work/now"; }

tests_begin
holds "everything builds" built
holds "the host's tests" host
holds "the bits are those of the build without" same_bits
for suite in context kernels queues misuse ffn_create back_queues tune back_update; do
    holds "the device's suite $suite" device device_$suite
done
tests_end
