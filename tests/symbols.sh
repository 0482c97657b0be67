#!/bin/sh
# symbols.sh - header, src/clglu.map and the shared library have the same functions, and each the version that the map says.
# SPDX-License-Identifier: MIT
set -eu
library=build/libclglu.so
made=$(mktemp -d)
trap 'rm -rf "$made"' EXIT
export LC_ALL=C

awk '/^CLGLU_/ { node = $1 } /^ *clglu_/ { print substr($1, 1, length($1) - 1) "@@" node }' src/clglu.map | sort >"$made/map"
nm -D --defined-only "$library" | awk '$2 != "A" { print $3 }' | sort >"$made/library"
diff -u "$made/map" "$made/library" || {
    echo "symbols: what $library exports (+) is not what src/clglu.map says (-)"
    exit 1
}
sed 's/@.*//' "$made/map" >"$made/names"
awk '/^CLGLU_API/ && match($0, /clglu_[a-z0-9_]+\(/) { print substr($0, RSTART, RLENGTH - 1) }' include/clglu.h | sort >"$made/header"
diff -u "$made/names" "$made/header" || {
    echo "symbols: what include/clglu.h declares (+) is not what src/clglu.map says (-)"
    exit 1
}
abi=$(awk '/define CLGLU_VERSION_M/ { v[n++] = $3 } END { print v[0] ? v[0] : v[0] "." v[1] }' include/clglu.h)
soname=$(objdump -p "$library" | awk '$1 == "SONAME" { print $2 }')
[ "$soname" = "libclglu.so.$abi" ] || { echo "symbols: the soname is $soname, not libclglu.so.$abi"; exit 1; }
echo "$(wc -l <"$made/map") symbols as listed, in $soname"
