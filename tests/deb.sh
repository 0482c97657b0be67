#!/bin/sh
# deb.sh - the Debian packages: built, linted, installed, used, and taken away again with nothing left. As root, since it installs.
# SPDX-License-Identifier: MIT
set -u
cd "$(dirname "$0")/.." || exit 1
[ "$(id -u)" -eq 0 ] || { echo "deb: only root can install packages: sudo make check-deb"; exit 77; }
packages=$(awk '/^Package:/ { print $2 }' tools/debian/control | tr '\n' ' ')
for package in $packages; do
    ! dpkg-query -W "$package" >/dev/null 2>&1 || { echo "deb: $package is installed here: apt-get purge it first"; exit 1; }
done
work=$(mktemp -d) || exit 1
# shellcheck disable=SC2086
take_away() { dpkg --purge $packages; }
trap 'rm -rf "$work"' EXIT
trap 'take_away >/dev/null 2>&1; exit 1' HUP INT TERM
# shellcheck source=tests/lib.sh
. tests/lib.sh
deb=build/deb
version=$(awk '/define CLGLU_VERSION_/ { v = v dot $3; dot = "." } END { print v }' include/clglu.h)

# What this machine has of clglu: files and folders by name, packages.
traces() {
    find /usr /etc /var -xdev -name '*clglu*' ! -path "$PWD/*" 2>/dev/null
    dpkg-query -W | grep clglu
}

traces >"$work/before"
good "make deb works" make --no-print-directory deb
good "lintian finds nothing, overrides included" lintian --allow-root --no-cfg --display-info --pedantic --show-overrides \
    --fail-on error,warning,info,pedantic,override "$deb/clglu_${version}_$(dpkg --print-architecture).changes"
holds "... and says nothing" test ! -s "$work/stdout"

set --
for package in $packages; do set -- "$@" "$deb/${package}_${version}_$(dpkg --print-architecture).deb"; done
for file in "$@"; do dpkg-deb --fsys-tarfile "$file" | tar -t; done | sed -n 's|^\.\(/.*[^/]\)$|\1|p' >"$work/files"
for file in man/man1/clglu.1.gz man/man3/clglu.3.gz man/man3/clglu_ffn_create.3.gz doc/libclglu-dev/examples/share.py; do
    holds "there is $file" grep -qx "/usr/share/$file" "$work/files"
done
holds "a program with the library depends on its version" test "$(dpkg-deb -f "$deb"/clglu_*.deb Depends | tr ',' '\n' |
    grep -c "libclglu.* (>= $version)")" = 1

good "dpkg installs them" dpkg -i "$@"
traces >"$work/during"
holds "... and leaves traces" test "$(wc -l <"$work/during")" -gt 60
good "clglu --version works" clglu --version
holds "... and needs the shared library" sh -c 'objdump -p /usr/bin/clglu | grep -q "NEEDED.*libclglu\.so"'
good "clglu devices works" clglu devices

awk '/^\.Ed/ { on = 0 } on; /^\.Bd -literal$/ { on = 1 }' include/clglu.3 | sed 's/\\e/\\/g' >"$work/program.c"
mkdir "$work/cmake"
cat >"$work/cmake/CMakeLists.txt" <<END
cmake_minimum_required(VERSION 3.13)
project(user LANGUAGES C)
find_package(clglu $version REQUIRED COMPONENTS shared static)
foreach(kind clglu static)
    add_executable(program-\${kind} ../program.c)
    target_link_libraries(program-\${kind} PRIVATE clglu::\${kind})
endforeach()
END
right() { "$1" | grep -q "^clglu $version: .* the same bits$"; }
with_pkg_config() { eval "cc -o \"\$work/program\" \"\$work/program.c\" $(pkg-config --cflags --libs clglu)"; }
with_cmake() { cmake -S "$work/cmake" -B "$work/made" && cmake --build "$work/made"; }
for needed in $(pkg-config --print-requires --print-requires-private clglu); do
    owner=$(dpkg -S "$(pkg-config --variable=pcfiledir "$needed")/$needed.pc" | cut -d : -f 1)
    holds "libclglu-dev depends on $owner" sh -c "dpkg-query -W -f '\${Depends}' libclglu-dev | grep -qw '$owner'"
done
good "a program finds it through pkg-config" with_pkg_config
holds "... and is right" right "$work/program"
good "programs find it through CMake" with_cmake
for kind in clglu static; do holds "... and with $kind it is right" right "$work/made/program-$kind"; done

good "dpkg purges them" take_away
traces >"$work/after"
holds "nothing is left" diff -u "$work/before" "$work/after"
tests_end
