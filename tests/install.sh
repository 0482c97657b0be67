#!/bin/sh
# install.sh - make install puts everything in place, and the README's examples build against it as printed, and run.
# SPDX-License-Identifier: MIT
set -eu
where=$(mktemp -d)
trap 'rm -rf "$where"' EXIT

make --no-print-directory install DESTDIR="$where/staged" PREFIX=/usr >/dev/null
for file in bin/clglu include/clglu.h include/clglu_acts.h lib/libclglu.a lib/libclglu.so lib/pkgconfig/clglu.pc \
    share/man/man1/clglu.1 share/clglu/sweep.schema.json; do
    [ -e "$where/staged/usr/$file" ] || { echo "install: $file is missing"; exit 1; }
done

make --no-print-directory install PREFIX="$where/usr" >/dev/null
PKG_CONFIG_PATH=$where/usr/lib/pkgconfig
export PKG_CONFIG_PATH
awk -v where="$where" '/^```c$/ { on = 1; n++; next } /^```$/ { on = 0 } on { print > (where "/example" n ".c") }' README.md
[ -s "$where/example2.c" ] || { echo "install: the README lacks examples"; exit 1; }
for example in "$where"/example?.c; do
    # shellcheck disable=SC2046
    ${CC:-cc} -std=c99 -Wall -Wextra -Werror -o "${example%.c}" "$example" $(pkg-config --cflags --libs clglu) -lm
    LD_LIBRARY_PATH="$where/usr/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}" "${example%.c}"
done
"$where/usr/bin/clglu" --version

make --no-print-directory uninstall PREFIX="$where/usr" >/dev/null
left=$(find "$where/usr" ! -type d)
[ -z "$left" ] || { printf 'install: uninstall leaves:\n%s\n' "$left"; exit 1; }
echo "installed, used and taken away"
