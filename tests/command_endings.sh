# command_endings.sh - clglu when it is stopped, when the disk is full, and when devices fail it. Sourced by command.sh.
# SPDX-License-Identifier: MIT
# shellcheck shell=sh disable=SC2154

signals() {
    for name in SIGINT SIGTERM SIGHUP; do
        clear_out
        good "$name in the middle leaves nothing" "$python" tests/npy_cases.py interrupt $name "$out" "$clglu" act --act gelu \
            --a /dev/stdin -o "$out/y.npy"
        clear_out
        good "$name in the middle leaves nothing of two gradients" "$python" tests/npy_cases.py interrupt $name "$out" "$clglu" \
            gate --variant geglu --a /dev/stdin --b "$in/x-1000.npy" --backward "$in/x-1000.npy" --da "$out/da.npy" \
            --db "$out/db.npy"
    done
}

full_disk() {
    mkdir -p "$work/disk"
    if [ "$(id -u)" -ne 0 ] || ! mount -t tmpfs -o size=64k tmpfs "$work/disk" 2>/dev/null; then
        skip "a full disk leaves nothing" "no small file system can be mounted here"
        return
    fi
    run "$clglu" act --act gelu --a "$in/long.npy" -o "$work/disk/y.npy"
    left=$(contents "$work/disk")
    umount "$work/disk"
    if [ "$status" -eq 4 ] && [ -z "$left" ] && grep -q 'y\.npy: cannot be written' "$work/stderr"; then
        pass "a full disk leaves nothing"
    else
        fail "a full disk leaves nothing" "exit status $status, left: $left"
    fi
}

progress() {
    clear_out
    run env TERM=xterm "$python" tests/npy_cases.py terminal "$in/long.npy" "$clglu" act --act gelu --a /dev/stdin -o "$out/y.npy"
    holds "there is progress on a terminal" grep -q ' %' "$work/stdout"
    run env TERM=xterm "$python" tests/npy_cases.py terminal "$in/long.npy" "$clglu" act --act gelu --a /dev/stdin -o "$out/y.npy" --quiet
    holds "--quiet is quiet" test "$status" -eq 0 -a ! -s "$work/stdout"
}

# Between the command and OpenCL stands a library that makes some kernels fail, or do nothing.
between() {
    refuse_with=$1
    shift
    env LD_PRELOAD="$drivers/between.so" BROKEN_KERNEL="$refuse_with" "$@"
}

broken_devices() {
    if ! ${CC:-cc} -shared -fPIC -DBETWEEN -o "$drivers/between.so" tests/command_driver.c -ldl 2>"$work/stderr"; then
        fail "the broken device can be built" "cc failed"
        return
    fi
    refuse 5 "CL_OUT_OF_RESOURCES" "a kernel that fails has exit status 5 and leaves nothing" between '!selftest' \
        env BROKEN_WAY=fail "$clglu" act --act gelu --a "$in/x-f32.npy" -o "$out/y.npy"
    refuse 5 "clEnqueueNDRangeKernel" "the call that failed is named" between '!selftest' env BROKEN_WAY=fail "$clglu" gate \
        --variant geglu --a "$in/x-f32.npy" --b "$in/x-f32.npy" -o "$out/y.npy"
    clear_out
    expect 1 "a device with wrong results fails --check" between '!selftest' "$clglu" act --act gelu --a "$in/x-f32.npy" \
        -o "$out/y.npy" --check
    holds "... no output is written" test -z "$(contents "$out")"
    holds "... and it is said" grep -q 'check failed' "$work/stdout"
    expect 1 "a failed check in JSON has exit status 1 too" between '!selftest' "$clglu" gate --variant geglu \
        --a "$in/a-f32.npy" --b "$in/b-f32.npy" --check --json
    judge_json "... and the report says what is wrong" "not d['checks'][0]['good'] and d['checks'][0]['bits_differ'] > 0"
    expect 3 "a device that fails the self-test is not used" between selftest "$clglu" devices --json
    judge_json "... and the verdict says so" "d['devices']" "not any(v['usable'] for v in d['devices'])" \
        "all(v['verdict'] not in ('', 'usable') for v in d['devices'])"
    refuse 3 "no context" "act refuses a device that fails the self-test" between selftest "$clglu" act --act gelu \
        --a "$in/x-f32.npy" -o "$out/y.npy"
}
