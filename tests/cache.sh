#!/bin/sh
# cache.sh - the cache of programs under attack: damage, processes at once, kills, full disks, drivers that crash: tests/cache.sh [long]
# SPDX-License-Identifier: MIT
set -u
cd "$(dirname "$0")/.." || exit 1
mode=${1:-normal}
clglu=${CLGLU:-$PWD/build/clglu}
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
. tests/lib.sh
unset CLGLU_DEVICE CLGLU_KERNELS
export LC_ALL=C
# The driver's own cache would hide what ours does; our own folder in place of the user's.
export POCL_KERNEL_CACHE=0 CLGLU_CACHE="$work/cache"

gelu() { "$clglu" act --act gelu --a "$work/x.npy" -o "$work/y.npy"; }

# counted COMMAND...: with the layer that counts what the driver is given
counted() {
    rm -f "$work/counts"
    env OPENCL_LAYERS="$work/layer.so" COMPILER_LAYER=count COMPILER_LAYER_COUNTS="$work/counts" "$@"
}
given() { test "$(sed -n "s/^$1 //p" "$work/counts" 2>/dev/null)" "$2" "$3"; }
entry() { find "$CLGLU_CACHE" -name "$1-*.bin" | head -n 1; }
right() { cmp -s "$work/y.npy" "$work/want.npy"; }

first_use() {
    rm -rf "$CLGLU_CACHE"
    good "a first call compiles" gelu
    cp "$work/y.npy" "$work/want.npy"
    holds "... and keeps self-test and gate" test -n "$(entry selftest)" -a -n "$(entry gate)"
    good "the next one compiles nothing" counted "$clglu" act --act gelu --a "$work/x.npy" -o "$work/y.npy"
    holds "... the driver was given two binaries" given binaries -eq 2
    holds "... and no source" given sources -eq 0
    holds "... with the same result" right
    good "an empty CLGLU_CACHE: no cache" counted env CLGLU_CACHE= "$clglu" act --act gelu --a "$work/x.npy" -o "$work/y.npy"
    holds "... indeed" given binaries -eq 0
    good "without HOME there is none" counted env -u HOME -u XDG_CACHE_HOME -u CLGLU_CACHE "$clglu" act --act gelu --a "$work/x.npy" -o "$work/y.npy"
    holds "... indeed" given binaries -eq 0
}

# Bit or length number $1 of the gate's entry is changed; of all, or of some.
damage() {
    python3 - "$work/entry" "$(entry gate)" "$1" "$mode" <<'DAMAGE'
import sys
data, i = bytearray(open(sys.argv[1], "rb").read()), int(sys.argv[3])
if sys.argv[4] == "long":
    where = i % (8 * len(data) + len(data))
else:
    where = (i * 2654435761 + i) % (9 * len(data))
if where < 8 * len(data):
    data[where // 8] ^= 1 << where % 8
else:
    data = data[: where - 8 * len(data)]
open(sys.argv[2], "wb").write(data)
DAMAGE
}

damages() {
    cp "$(entry gate)" "$work/entry"
    i=0 wrong=0 count=8 # all of them: tests/device_cache.c, in one process
    while [ $i -lt $count ]; do
        cp "$work/entry" "$(entry gate)"
        damage $i
        counted "$clglu" act --act gelu --a "$work/x.npy" -o "$work/y.npy" >/dev/null 2>&1 || wrong=$((wrong + 1))
        # The self-test's entry is whole: it alone may be given.
        if ! given binaries -eq 1 || ! given sources -eq 1 || ! right; then wrong=$((wrong + 1)); fi
        i=$((i + 1))
    done
    holds "$count entries with a flipped bit or cut: none reaches the driver, each is made anew" test $wrong -eq 0
}

# Fields of the key, some or (long) each that a driver fills: tests/device_cache.c has the fields themselves.
keys() {
    ${CC:-cc} -shared -fPIC -o "$work/facts.so" tests/facts_layer.c || exit 1
    gelu >/dev/null
    facts="driver other-platform-vendor"
    [ "$mode" != long ] || facts="$facts other-name other-vendor other-version other-language other-id addresses-32 other-platform-name
        other-platform-version"
    for fact in $facts; do
        driver=
        [ "$fact" != driver ] || driver=0.9
        expect 0 "$fact: the call works" env OPENCL_LAYERS="$work/facts.so:$work/layer.so" FACTS_LAYER="$fact" \
            ${driver:+FACTS_DRIVER=$driver} COMPILER_LAYER=count \
            COMPILER_LAYER_COUNTS="$work/counts" "$clglu" act --act gelu --a "$work/x.npy" -o "$work/y.npy"
        holds "... and the entry is not taken" given binaries -eq 0
    done
    good "other options: the call works" counted "$clglu" act --act tanh --a "$work/x.npy" -o "$work/y.npy"
    holds "... and the entry is not taken" given sources -eq 1
    mkdir "$work/kernels"
    { cat cl/gate.cl; echo '/* another source */'; } >"$work/kernels/gate.cl"
    good "another source: the call works" counted env CLGLU_KERNELS="$work/kernels" "$clglu" act --act gelu --a "$work/x.npy" -o "$work/y.npy"
    holds "... and the entry is not taken" given sources -eq 1
}

# What each of eight processes builds: two activations, or (long) every operator in three types.
acts='silu gelu'
many() {
    if [ "$mode" = long ]; then
        "$clglu" verify --quick --quiet
    else
        for act in $acts; do
            "$clglu" act --act "$act" --a "$work/x.npy" -o "$work/many.$1.$act.npy" || return 1
        done
    fi
}

# What those say that failed.
none_fell_out() { ! grep . "$work"/crowd.[0-7] /dev/null && test -z "$(find "$work" -name 'crowd.[0-7]')"; }

crowd() {
    rm -rf "$CLGLU_CACHE"
    i=0
    while [ $i -lt 8 ]; do
        { many $i >"$work/crowd.$i" 2>&1 && rm -f "$work/crowd.$i"; } &
        i=$((i + 1))
    done
    wait
    holds "8 processes that build the same programs at once: all go well" none_fell_out
    same=0
    for i in 1 2 3 4 5 6 7; do
        for act in $acts; do cmp -s "$work/many.0.$act.npy" "$work/many.$i.$act.npy" && same=$((same + 1)); done
    done
    [ "$mode" = long ] || holds "... with the same results" test $same -eq 14
    holds "... nothing half-written is left" test -z "$(find "$CLGLU_CACHE" -name 'tmp-*' -o -name '*.loading' -o -name '*.refused')"
    good "... and the next one loads them" counted "$clglu" act --act silu --a "$work/x.npy" -o "$work/y.npy"
    holds "... indeed" given sources -eq 0
}

# Killed at any moment: what is there then is right, or is made anew.
kills() {
    count=6
    [ "$mode" != long ] || count=1000
    wrong=$(python3 - "$clglu" "$count" "$work" <<'KILLS'
import os, random, shutil, subprocess, sys, time
clglu, count, work = sys.argv[1], int(sys.argv[2]), sys.argv[3]
command = [clglu, "act", "--act", "gelu", "--a", f"{work}/x.npy", "-o", f"{work}/killed.npy"]
quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
random.seed(1)
start = time.monotonic()
shutil.rmtree(os.environ["CLGLU_CACHE"], ignore_errors=True)
subprocess.run(command, **quiet)
whole, wrong = time.monotonic() - start, 0
for i in range(count):
    if i % 3 == 0:
        shutil.rmtree(os.environ["CLGLU_CACHE"], ignore_errors=True)
    run = subprocess.Popen(command, **quiet)
    time.sleep(random.random() * whole)
    run.kill()
    run.wait()
    after = subprocess.run(command, **quiet)
    same = open(f"{work}/killed.npy", "rb").read() == open(f"{work}/want.npy", "rb").read()
    wrong += after.returncode != 0 or not same
print(wrong)
KILLS
    )
    holds "$count kills at random moments: the next call is right each time" test "$wrong" = 0
}

# A disk without room, and one that cannot be written to.
disks() {
    if ! unshare -m true 2>/dev/null; then
        skip "full and read-only disks" "no mount namespace can be made here"
        return
    fi
    mkdir -p "$work/disk"
    # shellcheck disable=SC2016
    {
        good "a full disk changes nothing but speed" unshare -m sh -c 'mount -t tmpfs -o size=16k,mode=700 none "$0" && CLGLU_CACHE="$0" exec "$@"' \
            "$work/disk" "$clglu" act --act gelu --a "$work/x.npy" -o "$work/y.npy"
        holds "... nor the result" right
        good "a read-only disk changes nothing but speed" unshare -m sh -c 'mount -t tmpfs -o ro,mode=700 none "$0" && CLGLU_CACHE="$0" exec "$@"' \
            "$work/disk" "$clglu" act --act gelu --a "$work/x.npy" -o "$work/y.npy"
        holds "... nor the result" right
    }
}

crashes() {
    rm -rf "$CLGLU_CACHE"
    gelu >/dev/null
    run env OPENCL_LAYERS="$work/layer.so" COMPILER_LAYER=crash "$clglu" act --act gelu --a "$work/x.npy" -o "$work/y.npy"
    holds "a driver that crashes on an entry takes the process with it" test "$status" -ge 128
    run env OPENCL_LAYERS="$work/layer.so" COMPILER_LAYER=crash "$clglu" act --act gelu --a "$work/x.npy" -o "$work/y.npy"
    run env OPENCL_LAYERS="$work/layer.so" COMPILER_LAYER=crash "$clglu" act --act gelu --a "$work/x.npy" -o "$work/y.npy"
    holds "... but is not asked again" test "$status" -eq 0
    holds "... and the result is right" right
}

tests_begin
${CC:-cc} -shared -fPIC -o "$work/layer.so" tests/compiler_layer.c || exit 1
mkdir "$work/in"
python3 tests/npy_cases.py write "$work/in" || exit 1
cp "$work/in/x-f32.npy" "$work/x.npy"
first_use
damages
keys
crowd
kills
disks
crashes
tests_end
