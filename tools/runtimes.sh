#!/bin/sh
# runtimes.sh - lays out five OpenCL runtimes side by side and runs commands on one of them alone.
# SPDX-License-Identifier: MIT

# RUNTIMES (default build/runtimes) gets a folder for each: vendors/NAME.icd, and for those from PyPI a venv with the libraries.
# Nothing but Debian packages is changed outside it. Intel's packages are under Intel's own licence: tools for testing, not shipped.
set -eu

names='pocl intel fpga rusticl oclgrind'
root=${RUNTIMES:-build/runtimes}

usage() {
    cat >&2 <<EOF
usage: tools/runtimes.sh make [NAME...]        lays them out ($names)
       tools/runtimes.sh run NAME COMMAND...   the command sees that runtime alone
       tools/runtimes.sh list                  those that are laid out
EOF
    exit 2
}

say() { echo "runtimes: $*" >&2; }

known() {
    for n in $names; do [ "$n" = "$1" ] && return; done
    say "no runtime is named '$1'; there are: $names"
    exit 2
}

# Debian packages and PyPI packages with their pinned versions; the driver's library, in the system or in the venv.
facts_of() {
    debian='' pypi='' library='' version=''
    case $1 in
    pocl) debian=pocl-opencl-icd library=libpocl.so.2 version=3.1 ;;
    rusticl) debian=mesa-opencl-icd library=libRusticlOpenCL.so.1 version=22.3 ;;
    oclgrind) debian=oclgrind library=/usr/lib/oclgrind/liboclgrind-rt-icd.so version=21.10 ;;
    intel)
        pypi='intel-opencl-rt==2026.2.0 intel-cmplr-lib-rt==2026.2.0 tbb==2023.2.0 tcmlib==1.6.0'
        library=lib/libintelocl.so
        ;;
    fpga)
        pypi='intel-opencl-fpga-emu-rt==2025.0.5 intel-opencl-rt==2025.0.5 intel-cmplr-lib-rt==2025.0.5 tbb==2022.0.0 tcmlib==1.6.0'
        library=lib/libintelocl_emu.so
        ;;
    esac
}

# install_debian PACKAGE VERSION: it is there, in the version that is tested, or the reason why not
install_debian() {
    if ! command -v dpkg-query >/dev/null 2>&1; then
        say "this is no Debian: install $1 $2 by hand"
        return 1
    fi
    if ! dpkg-query -W -f '${db:Status-Abbrev}' "$1" 2>/dev/null | grep -q '^ii'; then
        line="apt-get install -y --no-install-recommends $1"
        if [ "$(id -u)" -ne 0 ]; then
            say "run this, then the same again: sudo $line"
            return 1
        fi
        say "installing $1"
        apt-get update -qq >/dev/null 2>&1 || true
        DEBIAN_FRONTEND=noninteractive $line >/dev/null 2>&1 || { say "it failed: $line"; return 1; }
    fi
    case $(dpkg-query -W -f '${Version}' "$1") in
    "$2"* | *:"$2"*) ;;
    *) say "$1 is $(dpkg-query -W -f '${Version}' "$1"); what is tested is $2" ;;
    esac
}

# install_pypi FOLDER PACKAGES: into a venv that is renamed when it is whole
install_pypi() {
    folder=$1
    shift
    if [ "$(cat "$folder/packages" 2>/dev/null)" = "$*" ]; then return; fi
    rm -rf "$folder" "$folder.new"
    mkdir -p "$(dirname "$folder")"
    say "fetching $*"
    if ! python3 -m venv "$folder.new" 2>"$root/log"; then
        say "python3 -m venv failed; on Debian: apt-get install python3-venv"
        return 1
    fi
    if ! "$folder.new/bin/python" -m pip install -q --disable-pip-version-check --no-deps "$@" >"$root/log" 2>&1; then
        tail -n 3 "$root/log" >&2
        say "pip cannot fetch them"
        rm -rf "$folder.new"
        return 1
    fi
    # Their own loader is not wanted: it would be found before the system's.
    rm -f "$folder.new"/lib/libOpenCL.so*
    echo "$*" >"$folder.new/packages"
    mv "$folder.new" "$folder"
}

lay_out() {
    facts_of "$1"
    mkdir -p "$root/$1/vendors"
    if [ -n "$debian" ]; then
        install_debian "$debian" "$version" || return 1
        driver=$library
    else
        # shellcheck disable=SC2086
        install_pypi "$root/$1/venv" $pypi || return 1
        driver=$(cd "$root/$1/venv" && pwd)/$library
        if [ ! -e "$driver" ]; then
            say "$1: $library is not in its packages"
            return 1
        fi
    fi
    echo "$driver" >"$root/$1/vendors/$1.icd.new"
    mv "$root/$1/vendors/$1.icd.new" "$root/$1/vendors/$1.icd"
}

make_all() {
    mkdir -p "$root"
    bad=0
    for n in "$@"; do
        if lay_out "$n"; then
            echo "$n: $root/$n"
        else
            say "$n is missing"
            rm -f "$root/$n/vendors/$n.icd"
            bad=1
        fi
    done
    rm -f "$root/log"
    return $bad
}

run_on() {
    runtime=$1
    shift
    folder=$(cd "$root/$runtime" 2>/dev/null && pwd) || folder=
    if [ ! -e "$folder/vendors/$runtime.icd" ]; then
        say "$runtime is not laid out: tools/runtimes.sh make $runtime"
        exit 3
    fi
    export OCL_ICD_VENDORS="$folder/vendors"
    unset OCL_ICD_FILENAMES CLGLU_DEVICE
    case $runtime in
    rusticl) export RUSTICL_ENABLE=llvmpipe ;;
    intel | fpga) export LD_LIBRARY_PATH="$folder/venv/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}" ;;
    esac
    exec "$@"
}

command=${1:-}
[ $# -eq 0 ] || shift
case $command in
make)
    for n in "$@"; do known "$n"; done
    # shellcheck disable=SC2086
    [ $# -gt 0 ] || set -- $names
    make_all "$@"
    ;;
run)
    [ $# -ge 2 ] || usage
    known "$1"
    run_on "$@"
    ;;
list)
    for n in $names; do if [ -e "$root/$n/vendors/$n.icd" ]; then echo "$n"; fi; done
    ;;
*) usage ;;
esac
