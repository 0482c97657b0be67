# command_doctor.sh - clglu doctor in every situation that it knows; clglu devices beside clinfo. Sourced by command.sh.
# SPDX-License-Identifier: MIT
# shellcheck shell=sh disable=SC2154

# The ids of findings that clglu(1) lists.
known_ids() { awk '/^\.Ss Findings of doctor/ { on = 1; next } /^\.S[sh]/ { on = 0 } on && /^\.It Li / { print $3 }' tools/clglu.1; }

# says STATUS SENTENCE COMMAND...: doctor has that exit status, and what it says is judged by `finding` and `nothing`
says() {
    wanted=$1 sentence=$2
    shift 2
    expect "$wanted" "doctor: $sentence" "$@" --json
    cp "$work/stdout" "$work/said.json"
    sed -n 's/.*"id": "\(.*\)",/\1/p' "$work/said.json" | sort -u >"$work/ids"
    cat "$work/ids" >>"$work/ids.seen"
    unknown=$(known_ids | sort | comm -13 - "$work/ids")
    [ -z "$unknown" ] || fail "... by the names in clglu(1)" "the page does not list $unknown"
}

judge_said() {
    sentence=$1
    shift
    cp "$work/said.json" "$work/stdout"
    judge_json "$sentence" "$@"
}

# finding LEVEL ID WORDS REMEDY: one of that level and id, with such texts; REMEDY -: none is needed
finding() {
    if [ "$4" = - ]; then remedy="f['remedy'] == ''"; else remedy="\"\"\"$4\"\"\" in f['remedy']"; fi
    judge_said "... $2 ($1), mended by: $4" \
        "any(f['level'] == '$1' and f['id'] == '$2' and \"\"\"$3\"\"\" in f['text'] and $remedy for f in d['findings'])"
}

# nothing ID: no such finding
nothing() { judge_said "... and no $1" "all(f['id'] != '$1' for f in d['findings'])"; }

# Only the good driver: findings are then those of the situation alone.
only_good() {
    mkdir -p "$work/doctor/vendors"
    good_drivers | while read -r icd; do cp "$icd" "$work/doctor/vendors/"; done
    alone="env OCL_ICD_VENDORS=$work/doctor/vendors"
}

# Somebody without rights, with the command and a home that he can reach.
make_nobody() {
    chmod 755 "$work" "$work/doctor"
    cp "$clglu" "$work/doctor/clglu"
    theirs=$work/doctor/clglu home=$work/doctor/home
    mkdir -p "$home"
    chown 65534:65534 "$home"
    bare="env -u POCL_CACHE_DIR -u XDG_CACHE_HOME -u CLGLU_CACHE HOME=$home OCL_ICD_VENDORS=$work/doctor/vendors"
    nobody="$bare setpriv --reuid=65534 --regid=65534 --clear-groups"
}

is_root() { [ "$(id -u)" -eq 0 ] && command -v setpriv >/dev/null; }
can_unshare() { unshare -m true 2>/dev/null; }

# hidden FILE COMMAND...: nothing is in the file
hidden() {
    # shellcheck disable=SC2016
    unshare -m sh -c 'mount --bind /dev/null "$0" && exec "$@"' "$@"
}

# The file that a library's name stands for.
library_file() { ldconfig -p | awk -v name="$1" '$1 == name { print $NF; exit }' | xargs -r readlink -f; }

doctor_loaders() {
    loader=$(library_file libOpenCL.so.1) blas=$(library_file libclblast.so.1)
    if can_unshare && [ -n "$loader" ] && [ -n "$blas" ]; then
        # shellcheck disable=SC2086
        says 3 "no loader" hidden "$loader" $alone "$clglu" doctor
        finding FAIL no-loader "libOpenCL.so.1" "apt-get install ocl-icd-libopencl1"
        finding note not-asked "OpenCL cannot be used" -
        if [ "$(id -u)" -eq 0 ]; then judge_said "... root needs no sudo" "all(not f['remedy'].startswith('sudo') for f in d['findings'])"; fi
        refuse 3 "apt-get install ocl-icd-libopencl1" "without a loader a command says what brings it" hidden "$loader" "$clglu" verify --quick
        good "without a loader acts works" hidden "$loader" "$clglu" acts
        says 3 "no CLBlast" hidden "$blas" "$clglu" doctor
        finding FAIL no-clblast "libclblast.so.1" "apt-get install libclblast1"
    else
        skip "no loader" "no mount namespace can be made here"
    fi
    if can_unshare && is_root; then
        # shellcheck disable=SC2086
        says 3 "no loader, for a user" hidden "$loader" $nobody "$theirs" doctor
        finding FAIL no-loader "" "sudo apt-get install ocl-icd-libopencl1"
    fi
    mkdir -p "$work/doctor/old"
    echo 'int clGetPlatformIDs(void) { return -1001; }' >"$work/doctor/old.c"
    ${CC:-cc} -shared -fPIC -Wl,-soname,libOpenCL.so.1 -o "$work/doctor/old/libOpenCL.so.1" "$work/doctor/old.c"
    says 3 "a loader that lacks functions" env LD_LIBRARY_PATH="$work/doctor/old" "$clglu" doctor
    finding FAIL old-loader "has no clCreateSubBuffer" "LD_LIBRARY_PATH"
    says 0 "LD_BIND_NOW does no harm" env LD_BIND_NOW=1 OCL_ICD_VENDORS="$work/doctor/vendors" "$clglu" doctor
    finding ok loader "libOpenCL" -
}

# with_driver LINE SENTENCE: beside the good one an ICD file with that line
with_driver() {
    mkdir -p "$work/doctor/broken"
    cp "$work/doctor/vendors"/*.icd "$work/doctor/broken/"
    printf '%s' "$1" >"$work/doctor/broken/odd one.icd"
    says 0 "$2" env OCL_ICD_VENDORS="$work/doctor/broken" "$clglu" doctor
}

doctor_drivers() {
    empty=$work/doctor/empty
    mkdir -p "$empty"
    says 3 "no ICD file in the folder that is chosen" env OCL_ICD_VENDORS="$empty" "$clglu" doctor
    finding FAIL no-driver "has no *.icd file" "unset OCL_ICD_VENDORS"
    finding FAIL no-platform "" "apt-get install pocl-opencl-icd"
    says 3 "... by OPENCL_VENDOR_PATH" env -u OCL_ICD_VENDORS OPENCL_VENDOR_PATH="$empty" "$clglu" doctor
    finding FAIL no-driver "$empty" "unset OPENCL_VENDOR_PATH"
    if can_unshare && [ -d /etc/OpenCL ]; then
        # shellcheck disable=SC2016
        says 3 "no ICD file at all" env -u OCL_ICD_VENDORS unshare -m sh -c 'mount -t tmpfs none /etc/OpenCL && exec "$@"' sh "$clglu" doctor
        finding FAIL no-driver "/etc/OpenCL/vendors does not exist" "apt-get install pocl-opencl-icd"
    else
        skip "no ICD file at all" "no mount namespace can be made here"
    fi
    with_driver libgone.so "an ICD file whose library is missing"
    finding warn driver-not-loaded "odd one.icd: libgone.so does not load" "rm '$work/doctor/broken/odd one.icd'"
    with_driver libpocl.so.0 "... that a package brings"
    finding warn driver-not-loaded "libpocl.so.0 does not load" "apt-get install --reinstall pocl-opencl-icd"
    with_driver libm.so.6 "a library that is no driver"
    finding warn driver-not-loaded "is not an OpenCL driver" "rm "
    echo 'int not_there(void); void *clGetExtensionFunctionAddress(const char *n) { return not_there() && n ? 0 : 0; }' >"$work/doctor/lacks.c"
    ${CC:-cc} -shared -fPIC -o "$work/doctor/lacks.so" "$work/doctor/lacks.c"
    with_driver "$work/doctor/lacks.so" "a driver that lacks symbols"
    finding warn driver-not-loaded "undefined symbol: not_there" "rm "
    with_driver "" "an empty ICD file"
    finding warn driver-unnamed "is empty" "rm "
    with_driver "$(cat "$(good_drivers | head -n 1)")" "a driver that is listed twice"
    finding warn driver-twice "names the same library" "rm "
    finding ok selector "'best' takes 0:0" -
    finding note same-device "'best' takes 0:0" "export CLGLU_DEVICE=1:0"
    says 0 "... and the other of the two is chosen" env OCL_ICD_VENDORS="$work/doctor/broken" CLGLU_DEVICE=1:0 "$clglu" doctor
    finding ok selector "'1:0' takes 1:0" -
    finding note same-device "'1:0' takes 1:0" "export CLGLU_DEVICE=0:0"
    says 0 "a selector that takes nothing" "$clglu" doctor --device 'no such device'
    finding warn selector-fails "'no such device' picks no usable device" "clglu devices"
    says 0 "a driver that crashes" env OCL_ICD_VENDORS="$drivers/crashing" "$clglu" doctor
    finding warn driver-breaks "crashed (Aborted); it said: the driver's last words" "rm "
    finding FAIL drivers-clash "breaks here" "export OCL_ICD_VENDORS=$drivers/crashing/$(basename "$(good_drivers | head -n 1)")"
    finding ok device "" -
    says 0 "... and what mends it" env OCL_ICD_VENDORS="$drivers/crashing/$(basename "$(good_drivers | head -n 1)")" "$clglu" doctor
    nothing drivers-clash
    if is_root; then
        chmod 700 "$empty"
        # shellcheck disable=SC2086
        says 3 "ICD files that may not be read" $nobody env OCL_ICD_VENDORS="$empty" "$theirs" doctor
        finding FAIL drivers-unreadable "$empty cannot be read" "sudo chmod a+rx $empty"
    else
        skip "ICD files that may not be read" "only root can become somebody else"
    fi
}

# A driver that hangs takes its time: this begins early and is judged late.
doctor_of_hanging() {
    finished doctorhang 0 "doctor survives a driver that hangs"
    judge_json "... and says which" "any(f['id'] == 'driver-breaks' and 'killed after' in f['text'] for f in d['findings'])" \
        "any(f['id'] == 'device' and f['level'] == 'ok' for f in d['findings'])" "any(f['id'] == 'drivers-clash' for f in d['findings'])"
}

homes() {
    homeless="env -u HOME -u XDG_CACHE_HOME -u POCL_CACHE_DIR -u CLGLU_CACHE TMPDIR=$work/doctor/tmp"
    mkdir -p "$work/doctor/tmp"
    mended=$(getent passwd "$(id -u)" | cut -d: -f6)
    if [ -w "$mended" ]; then mended="export HOME=$mended"; else mended="export POCL_CACHE_DIR="; fi
    # shellcheck disable=SC2086
    {
        says 0 "no HOME" $homeless "$clglu" doctor
        finding warn no-home "HOME is unset" "$mended"
        finding note cache-off "there is no HOME" -
        says 0 "a HOME that is no folder" $homeless HOME=/dev/null "$clglu" doctor
        finding warn cache-unwritable "/dev/null/.cache/pocl cannot be written" "$mended"
        says 3 "a cache that the user chose and that cannot be" $alone POCL_CACHE_DIR=/dev/null/none "$clglu" doctor
    }
    finding FAIL cache-unwritable "/dev/null/none cannot be written: PoCL then has no device" "export "
    if [ -e "$work/doctor/vendors/pocl.icd" ]; then
        finding warn no-device "has no device (OpenCL code -1)" -
        finding FAIL none-usable "" "apt-get install pocl-opencl-icd"
    else
        skip "... and no-device" "there is no PoCL"
    fi
    is_root || { skip "homes of others" "only root can become somebody else"; return; }
    # shellcheck disable=SC2086
    {
        mkdir -p "$home/.cache"
        says 0 "a .cache that root has made in a user's home" $nobody env TMPDIR="$home" "$theirs" doctor
        finding warn cache-unwritable "$home/.cache/pocl cannot be written" "sudo chown -R 65534 $home/.cache"
        chown 65534 "$home/.cache"
        says 0 "... and what mends it" $nobody env TMPDIR="$home" "$theirs" doctor
        finding ok home "$home/.cache/pocl" -
        nothing cache-unwritable
        says 0 "a HOME that is somebody else's" $nobody env HOME="$work/doctor" TMPDIR="$home" "$theirs" doctor
        finding warn cache-unwritable "$work/doctor/.cache/pocl cannot be written" "export "
        judge_said "... and nothing there is given away" "all('chown' not in f['remedy'] and 'chmod' not in f['remedy'] for f in d['findings'])"
    }
    can_unshare || { skip "a HOME that is read-only" "no mount namespace can be made here"; return; }
    # shellcheck disable=SC2016
    says 0 "a HOME that is read-only" unshare -m sh -c 'mount -t tmpfs -o ro none "$1" && shift && exec "$@"' sh "$home" env HOME="$home" "$clglu" doctor
    finding warn cache-unwritable "$home/.cache/pocl cannot be written" "read-only"
}

caches() {
    cache=$work/doctor/cache
    mkdir -p "$cache/deep/down"
    own="$alone POCL_CACHE_DIR=$cache CLGLU_CACHE=$cache"
    # shellcheck disable=SC2086
    {
        says 0 "caches of the user's own" $own "$clglu" doctor
        finding ok cache "$cache, the user's own" -
        touch "$cache/gate-0123456789abcdef.refused"
        says 0 "an entry on which a driver crashed" $own "$clglu" doctor
        finding note cache-refused "1 program is compiled each time" "rm $cache/*.refused"
        eval "$("$python" -c "import json; print([f['remedy'] for f in json.load(open('$work/said.json'))['findings'] if f['id'] == 'cache-refused'][0])")"
        says 0 "... which is to be tried again" $own "$clglu" doctor
        nothing cache-refused
        chmod 777 "$cache"
        says 0 "a cache that all may write" $own "$clglu" doctor
        finding warn cache-open "PoCL runs what lies there" "chmod u+rwx,go-w $cache"
        finding warn cache-open "clglu does not use it" "chmod u+rwx,go-w $cache"
        eval "$("$python" -c "import json; print([f['remedy'] for f in json.load(open('$work/said.json'))['findings'] if f['id'] == 'cache-open'][0])")"
        says 0 "... and what mends it" $own "$clglu" doctor
        nothing cache-open
        says 0 "a cache that is off" $alone CLGLU_CACHE= "$clglu" doctor
        finding note cache-off "CLGLU_CACHE is empty" -
        ln -s "$cache" "$work/doctor/link"
        says 0 "a cache behind a link" $alone CLGLU_CACHE="$work/doctor/link/deep" "$clglu" doctor
        finding note cache-link "$work/doctor/link is a symbolic link" "export CLGLU_CACHE=$cache/deep"
        is_root || { skip "a cache that belongs to somebody else" "only root can make one"; return; }
        for there in "$cache" "$cache/deep/down"; do
            chown 12345 "$there"
            says 0 "a cache that belongs to somebody else, or a part of it" $own "$clglu" doctor
            finding warn cache-of-another "$there belongs to somebody else (user 12345): PoCL runs what lies there" "chown -R 0 $cache"
            finding warn cache-of-another "clglu does not use it" "chown -R 0 $cache"
            chown 0 "$there"
        done
        chown -R 65534 "$cache"
        chmod 555 "$cache"
        says 0 "a cache that cannot be written" $nobody env CLGLU_CACHE="$cache" "$theirs" doctor
        finding warn cache-read-only "$cache cannot be written" "chmod u+rwx,go-w $cache"
    }
}

variables() {
    set -- OPENCL_LAYERS="$work/doctor/facts.so" OCL_ICD_VENDORS="$work/doctor/vendors" POCL_MAX_PTHREAD_COUNT=2 LD_PRELOAD=libm.so.6 \
        LD_LIBRARY_PATH=/nowhere CUDA_VISIBLE_DEVICES= RUSTICL_FEATURES=none GPU_DEVICE_ORDINAL=0 OCL_ICD_PLATFORM_SORT=none CLGLU_DEVICE=0:0
    says 0 "variables that change what runs" env "$@" "$clglu" doctor
    for v in "$@"; do finding note variable "$v: " "unset ${v%%=*}"; done
    says 0 "variables that change nothing" env -i PATH="$PATH" HOME="${HOME:-/}" OPENCL_LAYERS= POCL=1 CUDA_HOME=/ OCL_ICD_VENDORS= "$clglu" doctor
    finding ok environment "no variable" -
    nothing variable
}

# in_dev SCRIPT COMMAND...: in a /dev of one's own, which the script furnishes with device files
in_dev() {
    # shellcheck disable=SC2016
    unshare -m sh -c 'mount -t tmpfs none /dev && mknod -m 666 /dev/null c 1 3 && mknod -m 666 /dev/urandom c 1 9 &&
        mkdir -p /dev/shm /dev/dri && ln -s /proc/self/fd /dev/fd && eval "$0" && exec "$@"' "$@"
}

device_files() {
    if ! is_root || ! in_dev 'mknod -m 660 /dev/dri/renderD128 c 226 128' true 2>/dev/null; then
        skip "permissions of device files" "no device file can be made here"
        return
    fi
    nodes='mknod -m 660 /dev/dri/renderD128 c 226 128 && mknod -m 660 /dev/kfd c 226 129 && mknod -m 600 /dev/nvidia0 c 195 0 &&
        chgrp video /dev/dri/renderD128 && chgrp 54321 /dev/kfd'
    # shellcheck disable=SC2086
    {
        says 0 "device files that may not be opened" in_dev "$nodes" $nobody "$theirs" doctor
        finding warn device-file-denied "/dev/dri/renderD128 may not be opened" "sudo usermod -aG video nobody "
        finding warn device-file-denied "/dev/kfd" "sudo groupadd -g 54321 gpu54321 && sudo usermod -aG gpu54321 nobody "
        finding warn device-file-denied "/dev/nvidia0" "sudo chmod a+rw /dev/nvidia0"
        sed '/^video:/s/:[^:]*$/:nobody/' /etc/group >"$work/doctor/group"
        says 0 "... until the user logs in again" in_dev "$nodes && mount --bind $work/doctor/group /etc/group" $nobody "$theirs" doctor
        finding warn new-login "since he logged in" "newgrp video"
        says 0 "... and in a group that may" in_dev "$nodes" $bare setpriv --reuid=65534 --regid=65534 \
            --groups="$(getent group video | cut -d: -f3)" "$theirs" doctor
        judge_said "... that file is opened" "all('renderD128' not in f['text'] for f in d['findings'])"
        nodes='mknod -m 660 /dev/kfd c 226 129 && chown 54321:54321 /dev/kfd'
        says 0 "device files that not even root may open" in_dev "$nodes" setpriv --bounding-set=-dac_override,-dac_read_search "$clglu" doctor
        finding warn device-file-denied "/dev/kfd" "--device=/dev/kfd"
        says 0 "device files that may be opened" in_dev "$nodes" "$clglu" doctor
        finding ok device-files "1 may be opened" -
        says 0 "no device files" in_dev true "$clglu" doctor
        finding note no-device-files "" -
    }
}

# claims WORDS NAME=VALUE...: the environment in which devices say other things of themselves; nothing of it is kept
claims() {
    words=$1
    shift
    echo "env OCL_ICD_VENDORS=$work/doctor/vendors OPENCL_LAYERS=$work/doctor/facts.so CLGLU_CACHE= FACTS_LAYER=$words $*"
}

devices_that_lack() {
    # shellcheck disable=SC2046
    {
        says 0 "no fp64, and subnormal numbers are flushed" $(claims no-fp64,flushes) "$clglu" doctor
        finding note no-fp64 "0:0 has no fp64" -
        finding warn no-subnormals "0:0 flushes subnormal numbers" -
        says 3 "a device that is too old" $(claims old-version) "$clglu" doctor
        finding warn device-unusable "older than OpenCL 1.2" -
        finding FAIL none-usable "PoCL is for any CPU" "apt-get install pocl-opencl-icd"
        [ -e "$work/doctor/vendors/pocl.icd" ] || { skip "no fp16, an old driver" "there is no PoCL"; return; }
        says 0 "subnormal numbers are flushed, and the device denies it" $(claims denorms-are-zero) "$clglu" doctor
        finding warn no-subnormals "0:0 flushes subnormal numbers" -
        finding ok device "though it says otherwise" -
        says 0 "no fp16" $(claims none) "$clglu" doctor
        finding note no-fp16 "0:0 has no fp16" -
        nothing no-fp64
        nothing no-subnormals
        nothing old-driver
        nothing untested-driver
    }
}

# old_driver ID WORDS REMEDY PLATFORM VERSION
old_driver() {
    says 0 "$4 $5" env OCL_ICD_VENDORS="$work/doctor/vendors" OPENCL_LAYERS="$work/doctor/facts.so" CLGLU_CACHE= FACTS_PLATFORM="$4" \
        FACTS_DRIVER="$5" "$clglu" doctor
    finding warn "$1" "$2" "$3"
}

old_drivers() {
    pocl='Portable Computing Language'
    old_driver old-driver "PoCL's issue 757" "--only-upgrade pocl-opencl-icd" "$pocl" 1.5
    old_driver old-driver "mended in 1.8" "--only-upgrade pocl-opencl-icd" "$pocl" 1.7
    old_driver old-driver "mended in 3.0" "--only-upgrade pocl-opencl-icd" "$pocl" 1.10
    old_driver untested-driver "tested on 3.1" "--only-upgrade pocl-opencl-icd" "$pocl" 3.0
    old_driver untested-driver "tested on 22.3" "--only-upgrade mesa-opencl-icd" rusticl 22.2.5
    old_driver untested-driver "tested on 21.10" "--only-upgrade oclgrind" Oclgrind "Oclgrind 21.9"
    old_driver old-driver "Clover is no longer developed" "RUSTICL_ENABLE" Clover 22.3.6
    old_driver old-driver "Beignet is no longer developed" "intel-opencl-icd" "Intel Gen OCL Driver" 1.3
}

# GPUs by two drivers: one and the same, or two?
twins() {
    mkdir -p "$work/doctor/both"
    cp "$work/doctor/vendors"/*.icd "$work/doctor/both/"
    good_drivers | head -n 1 | xargs cat >"$work/doctor/both/again.icd"
    # shellcheck disable=SC2046
    {
        says 0 "two GPUs of one maker" $(claims gpu,names OCL_ICD_VENDORS="$work/doctor/both") "$clglu" doctor
        finding note same-device "0:0 and 1:0" "export CLGLU_DEVICE=1:0"
        says 0 "... at one place" $(claims gpu,names,one-place OCL_ICD_VENDORS="$work/doctor/both") "$clglu" doctor
        finding note same-device "0:0 and 1:0" "export CLGLU_DEVICE=1:0"
        says 0 "... at two places" $(claims gpu,places OCL_ICD_VENDORS="$work/doctor/both") "$clglu" doctor
        nothing same-device
    }
    other=${RUNTIMES:-build/runtimes}/intel
    [ -e "$other/vendors/intel.icd" ] || { skip "PoCL and Intel's runtime" "the latter is not laid out: make runtimes"; return; }
    mkdir -p "$work/doctor/intel"
    cp "$work/doctor/vendors"/*.icd "$other/vendors/intel.icd" "$work/doctor/intel/"
    says 0 "PoCL and Intel's runtime" env OCL_ICD_VENDORS="$work/doctor/intel" LD_LIBRARY_PATH="$(cd "$other" && pwd)/venv/lib" "$clglu" doctor
    finding note same-device "by two drivers" "export CLGLU_DEVICE="
}

# differs SENTENCE COMMAND...: what devices says in that environment is not what clinfo says of the real one
differs() {
    sentence=$1
    shift
    "$@" "$clglu" devices --json >"$work/devices.json" 2>"$work/stderr"
    if "$python" tests/clinfo.py "$work/devices.json" "$work/clinfo.json" >"$work/stdout" 2>&1; then
        fail "clinfo: $sentence is seen" "the two agree"
    else
        pass "clinfo: $sentence is seen"
    fi
}

# agree COMMAND...: both say the same in that environment; what changes from one moment to the next, such as a clock, is asked again
agree() {
    for _ in 1 2 3; do
        "$@" "$clglu" devices --json >"$work/devices.json" && "$@" clinfo --json >"$work/clinfo.json" || return 1
        "$python" tests/clinfo.py "$work/devices.json" "$work/clinfo.json" && return
    done
    return 1
}

beside_clinfo() {
    holds "devices says what clinfo says, of every platform and device" agree env
    holds "... and of a platform that is there twice" agree env OCL_ICD_VENDORS="$work/doctor/both"
    differs "a platform too few" env OCL_ICD_VENDORS="$work/doctor/vendors"
    OCL_ICD_VENDORS=$work/doctor/vendors clinfo --json >"$work/clinfo.json"
    differs "a platform too many" env OCL_ICD_VENDORS="$work/doctor/both"
    for lie in no-fp64 flushes old-version other-name other-vendor other-language other-platform-name gpu; do
        # shellcheck disable=SC2046
        differs "$lie" $(claims $lie)
    done
    # shellcheck disable=SC2046
    differs "another driver" $(claims none FACTS_DRIVER=9.9)
}

every_diagnosis() {
    only_good
    in_background doctorhang env OCL_ICD_VENDORS="$drivers/hanging" "$clglu" doctor --json
    if is_root; then make_nobody; fi
    ${CC:-cc} -shared -fPIC -o "$work/doctor/facts.so" tests/facts_layer.c || exit 1
    doctor_loaders
    doctor_drivers
    homes
    caches
    variables
    device_files
    devices_that_lack
    old_drivers
    twins
    beside_clinfo
    if is_root && can_unshare && [ -e "$work/doctor/vendors/pocl.icd" ]; then
        known_ids | sort >"$work/ids"
        holds "every finding that clglu(1) lists was made" test -z "$(sort -u "$work/ids.seen" | comm -23 "$work/ids" -)"
    fi
}
