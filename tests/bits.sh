#!/bin/sh
# bits.sh - the host's arithmetic gives the bits that it gave: those of the device, by the other tests. SPDX-License-Identifier: MIT
# tests/bits.sh write: they become what is wanted. The reference is not among them: it is as good as the C library's functions.
set -eu
cd "$(dirname "$0")/.."
B=${B:-build}
make -s --no-print-directory "$B/bits"
bits() { "$B/bits" | grep -v '^reference\|^its bound'; }
if [ "${1:-}" = write ]; then
    bits >tests/golden/bits.txt
else
    bits | diff tests/golden/bits.txt -
fi
