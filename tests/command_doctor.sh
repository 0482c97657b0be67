# command_doctor.sh - clglu doctor in every situation that it knows; clglu devices beside clinfo. Sourced by command.sh.
# SPDX-License-Identifier: MIT
# shellcheck shell=sh disable=SC2154

# finds STATUS LEVEL WORDS REMEDY SENTENCE COMMAND...: doctor has that status and a finding of that level with such texts
finds() {
    wanted=$1 level=$2 words=$3 remedy=$4 sentence=$5
    shift 5
    expect "$wanted" "doctor: $sentence" "$@" --json
    FOUND="$level|$words|$remedy" judge_json "... it is found, and mended by: ${remedy:-nothing}" \
        "any(f['level'] == '$level' and '''$words''' in f['text'] and '''$remedy''' in f['remedy'] for f in d['findings'])"
}

# Only one driver: findings are then those of the situation alone.
only_good() {
    mkdir -p "$work/doctor/vendors"
    good_drivers | while read -r icd; do cp "$icd" "$work/doctor/vendors/"; done
}

# as_root COMMAND...: in a mount namespace of its own; 77 if that cannot be made here
can_unshare() { unshare -m true 2>/dev/null; }

# hidden FILE COMMAND...: nothing is in the file
hidden() {
    # shellcheck disable=SC2016
    unshare -m sh -c 'mount --bind /dev/null "$0" && exec "$@"' "$@"
}

loader_file() { ldconfig -p | sed -n 's/.*libOpenCL\.so\.1 .*=> //p' | head -n 1; }

doctor_loaders() {
    if can_unshare && [ -n "$(loader_file)" ]; then
        loader=$(readlink -f "$(loader_file)")
        finds 3 FAIL "loader cannot be used" "apt-get install ocl-icd-libopencl1" "no loader" hidden "$loader" "$clglu" doctor
        refuse 3 "apt-get install ocl-icd-libopencl1" "without a loader a command says what brings it" hidden "$loader" "$clglu" verify --quick
        good "without a loader acts works" hidden "$loader" "$clglu" acts
    else
        skip "no loader" "no mount namespace can be made here"
    fi
    mkdir -p "$work/doctor/old"
    echo 'int clGetPlatformIDs(void) { return -1001; }' >"$work/doctor/old.c"
    ${CC:-cc} -shared -fPIC -Wl,-soname,libOpenCL.so.1 -o "$work/doctor/old/libOpenCL.so.1" "$work/doctor/old.c"
    finds 3 FAIL "has no clCreateSubBuffer" "LD_LIBRARY_PATH" "a loader that lacks functions" env LD_LIBRARY_PATH="$work/doctor/old" "$clglu" doctor
    finds 0 ok "libOpenCL" "" "LD_BIND_NOW does no harm" env LD_BIND_NOW=1 "$clglu" doctor
}

doctor_drivers() {
    empty=$work/doctor/empty broken=$work/doctor/broken
    mkdir -p "$empty" "$broken"
    finds 3 FAIL "no *.icd file is there" "unset OCL_ICD_VENDORS" "no ICD file" env OCL_ICD_VENDORS="$empty" "$clglu" doctor
    cp "$work/doctor/vendors"/*.icd "$broken/"
    echo libgone.so >"$broken/gone.icd"
    finds 0 warn "gone.icd: libgone.so does not load" "rm " "an ICD file whose library is missing" env OCL_ICD_VENDORS="$broken" "$clglu" doctor
    echo libpocl.so.0 >"$broken/gone.icd"
    finds 0 warn "libpocl.so.0 does not load" "apt-get install --reinstall pocl-opencl-icd" "... and a package brings it" \
        env OCL_ICD_VENDORS="$broken" "$clglu" doctor
    echo libm.so.6 >"$broken/gone.icd"
    finds 0 warn "is not an OpenCL driver" "rm " "a library that is no driver" env OCL_ICD_VENDORS="$broken" "$clglu" doctor
    : >"$broken/gone.icd"
    finds 0 warn "is empty" "" "an empty ICD file" env OCL_ICD_VENDORS="$broken" "$clglu" doctor
}

doctor_surroundings() {
    cache=$work/doctor/cache
    mkdir -p "$cache"
    finds 0 warn "HOME is unset" "export HOME=" "no HOME" env -u HOME -u XDG_CACHE_HOME -u POCL_CACHE_DIR "$clglu" doctor
    chmod 777 "$cache"
    finds 0 warn "may be written by others" "chmod go-w $cache" "a cache that all may write" env POCL_CACHE_DIR="$cache" "$clglu" doctor
    chmod 755 "$cache"
    if [ "$(id -u)" -eq 0 ]; then
        chown 12345 "$cache"
        finds 0 warn "belongs to somebody else (user 12345)" "sudo chown -R" "a cache that belongs to somebody else" \
            env POCL_CACHE_DIR="$cache" "$clglu" doctor
        chown 0 "$cache"
    else
        skip "a cache that belongs to somebody else" "only root can make one"
    fi
    for v in OPENCL_LAYERS= OCL_ICD_VENDORS="$work/doctor/vendors" POCL_MAX_PTHREAD_COUNT=2 LD_PRELOAD= LD_LIBRARY_PATH=/nowhere \
        CUDA_VISIBLE_DEVICES=0 RUSTICL_FEATURES=none; do
        finds 0 note "$v" "unset ${v%%=*}" "${v%%=*} is set" env "$v" "$clglu" doctor
    done
}

# A node of a GPU in a /dev of one's own, looked at by somebody who may not open it.
doctor_permissions() {
    if ! can_unshare || ! command -v setpriv >/dev/null; then
        skip "permissions of device files" "no mount namespace can be made here"
        return
    fi
    cp "$clglu" "$work/doctor/clglu"
    chmod 755 "$work" "$work/doctor" "$work/doctor/clglu"
    # shellcheck disable=SC2016
    finds 0 warn "/dev/dri/renderD128 may not be opened" "usermod -aG video" "a device file that may not be opened" unshare -m sh -c '
        mkdir -p /dev/dri && mount -t tmpfs none /dev/dri && mknod -m 660 /dev/dri/renderD128 c 226 128 &&
        chgrp video /dev/dri/renderD128 && HOME=/tmp exec setpriv --reuid=65534 --regid=65534 --clear-groups "$@"' sh "$work/doctor/clglu" doctor
}

doctor_devices() {
    ${CC:-cc} -shared -fPIC -o "$work/doctor/facts.so" tests/facts_layer.c || exit 1
    with="env OCL_ICD_VENDORS=$work/doctor/vendors OPENCL_LAYERS=$work/doctor/facts.so"
    # shellcheck disable=SC2086
    {
        finds 0 note "fp64" "" "no fp64" $with FACTS_LAYER=no-fp64 "$clglu" doctor
        finds 0 warn "flushes subnormal numbers" "" "subnormal numbers are flushed" $with FACTS_LAYER=flushes "$clglu" doctor
        finds 3 warn "older than OpenCL 1.2" "" "a device that is too old" $with FACTS_LAYER=old-version "$clglu" doctor
    }
    if [ -e "$work/doctor/vendors/pocl.icd" ]; then
        # shellcheck disable=SC2086
        finds 0 warn "older than what clglu is tested on" "--only-upgrade pocl-opencl-icd" "an old driver" $with FACTS_LAYER=old-driver "$clglu" doctor
        finds 0 note "no fp16" "" "no fp16" env OCL_ICD_VENDORS="$work/doctor/vendors" "$clglu" doctor
    else
        skip "an old driver" "there is no PoCL"
    fi
}

# Two drivers for one processor: PoCL and Intel's, where that is laid out.
doctor_twins() {
    other=${RUNTIMES:-build/runtimes}/intel
    if [ ! -e "$other/vendors/intel.icd" ]; then
        skip "two drivers for one device" "Intel's runtime is not laid out: make runtimes"
        return
    fi
    mkdir -p "$work/doctor/both"
    cp "$work/doctor/vendors"/*.icd "$other/vendors/intel.icd" "$work/doctor/both/"
    finds 0 note "are the same device by two drivers" "export CLGLU_DEVICE=" "two drivers for one device" \
        env OCL_ICD_VENDORS="$work/doctor/both" LD_LIBRARY_PATH="$(cd "$other" && pwd)/venv/lib" "$clglu" doctor
}

every_diagnosis() {
    only_good
    doctor_loaders
    doctor_drivers
    doctor_surroundings
    doctor_permissions
    doctor_devices
    doctor_twins
    good "devices --json works" "$clglu" devices --json
    cp "$work/stdout" "$work/devices.json"
    good "clinfo --json works" clinfo --json
    cp "$work/stdout" "$work/clinfo.json"
    holds "devices says what clinfo says, of every platform and device" "$python" tests/clinfo.py "$work/devices.json" "$work/clinfo.json"
}
