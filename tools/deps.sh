#!/bin/sh
# deps.sh - installs what a target of make needs, or prints the line that does: tools/deps.sh sweep|check|coverage|oclgrind|deb|check-deb|lint|long
# SPDX-License-Identifier: MIT
set -eu

build='gcc libc6-dev make pkg-config ocl-icd-opencl-dev opencl-c-headers libjansson-dev libxxhash-dev'
run='ocl-icd-libopencl1 pocl-opencl-icd libclblast-dev clinfo'
test='check g++ openmpi-bin python3 python3-venv cmake zsh fish mandoc chromium fonts-dejavu-core doxygen valgrind'
deb='debhelper'
lint='lintian'
long='python3-torch clang'
analysers='cppcheck clang-tidy shellcheck'
coverage=gcovr

case "${1:-}" in
sweep) wanted="$build $run" ;;
check) wanted="$build $run $test" ;;
coverage) wanted="$build $run $test $coverage" ;;
oclgrind) wanted="$build $run oclgrind" ;;
deb) wanted="$build $run $deb" ;;
check-deb) wanted="$build $run $test $deb $lint" ;;
lint) wanted="$build $analysers" ;;
long) wanted="$build $run $test $deb $lint $long $analysers $coverage oclgrind" ;;
*) echo "usage: tools/deps.sh sweep|check|coverage|oclgrind|deb|check-deb|lint|long" >&2; exit 2 ;;
esac

if ! command -v dpkg-query >/dev/null 2>&1; then
    echo "deps: this is no Debian: the packages needed are, by Debian's names: $wanted" >&2
    exit 0
fi

# A package is there under its own name, or another provides it (pkgconf provides pkg-config).
installed=" $(dpkg-query -W -f '${db:Status-Abbrev} ${Package} ${Provides}\n' |
    awk '$1 == "ii" { gsub(/\([^)]*\)|,/, ""); for (i = 2; i <= NF; i++) printf "%s ", $i }') "
missing=
for package in $wanted; do
    case "$installed" in
    *" $package "*) ;;
    *) missing="$missing $package" ;;
    esac
done
[ -n "$missing" ] || exit 0

line="apt-get install -y --no-install-recommends$missing"
if [ "$(id -u)" -ne 0 ]; then
    echo "clglu needs packages that are not installed. Run this, then the same make again:" >&2
    echo "    sudo $line" >&2
    exit 1
fi
echo "installing:$missing"
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
trap 'rm -f "$log"' EXIT
# The package lists may be old or absent; what is cached may do without new ones.
apt-get update -qq >"$log" 2>&1 || true
if ! $line >>"$log" 2>&1; then
    tail -n 20 "$log" >&2
    echo "deps: apt-get failed; the line was: $line" >&2
    exit 1
fi
