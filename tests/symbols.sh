#!/bin/sh
# symbols.sh - the shared library exports exactly the committed list.
# SPDX-License-Identifier: MIT
set -eu
library=build/libclglu.so
nm -D --defined-only "$library" | awk '$2 ~ /[TDBRVWi]/ { print $3 }' | LC_ALL=C sort | diff -u tests/symbols.txt - || {
    echo "symbols: what $library exports (+) is not what tests/symbols.txt says (-)"
    exit 1
}
echo "$(wc -l <tests/symbols.txt) symbols as listed"
