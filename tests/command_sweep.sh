# command_sweep.sh - clglu verify and sweep; drivers that crash and hang beside a good one. Sourced by command.sh.
# SPDX-License-Identifier: MIT
# shellcheck shell=sh disable=SC2154

# A driver to try beside the broken ones: PoCL's if it is there, else what there is.
good_drivers() {
    from=${OCL_ICD_VENDORS:-/etc/OpenCL/vendors}
    if [ -e "$from/pocl.icd" ]; then echo "$from/pocl.icd"; else find "$from" -name '*.icd'; fi
}

# make_driver NAME DEFINITION: the folder $drivers/NAME has the good driver's .icd and that of a broken one, named NAME.so
make_driver() {
    mkdir -p "$drivers/$1"
    good_drivers | while read -r icd; do cp "$icd" "$drivers/$1/"; done
    ${CC:-cc} -shared -fPIC "-D$2" -o "$drivers/$1/$1.so" tests/command_driver.c &&
        echo "$drivers/$1/$1.so" >"$drivers/$1/$1.icd"
}

# in_background NAME COMMAND...: its output in $work/NAME.*, for `finished`
in_background() {
    name=$1
    shift
    {
        start=$(date +%s)
        "$@" >"$work/$name.stdout" 2>"$work/$name.stderr" </dev/null
        echo $? >"$work/$name.status"
        echo $(($(date +%s) - start)) >"$work/$name.seconds"
    } &
    eval "background_$name=\$!"
}

# finished NAME STATUS SENTENCE: waits; what it printed is then where `run` puts it. STATUS `any`: it ended by itself
finished() {
    eval "wait \"\$background_$1\""
    cp "$work/$1.stdout" "$work/stdout"
    cp "$work/$1.stderr" "$work/stderr"
    status=$(cat "$work/$1.status")
    if [ "$2" = any ] && [ "$status" -lt 126 ] || [ "$status" = "$2" ]; then pass "$3"; else fail "$3" "exit status $status, wanted $2"; fi
}

# All that takes long begins at once and is judged at the end.
sweeps_begin() {
    make_driver crashing CRASH_AT_LOAD
    make_driver failing CRASH_AT_CALL
    make_driver hanging HANG_AT_LOAD
    in_background sweep env OCL_ICD_VENDORS="$drivers/crashing" "$clglu" sweep --json "$work/sweep.json"
}

sweeps_of_broken_drivers() {
    in_background failing env OCL_ICD_VENDORS="$drivers/failing" "$clglu" sweep --timeout 2 --json -
    in_background hanging env OCL_ICD_VENDORS="$drivers/hanging" "$clglu" sweep --timeout 2 --json -
    in_background second env OCL_ICD_VENDORS="$(dirname "$(good_drivers | head -n 1)")" "$clglu" sweep --timeout 1
}

sweep_schema="d['schema'] == 'clglu-sweep/1' and d['program'] == 'clglu' and d['host']['machine']"

verifications() {
    finished sweep 0 "a sweep with a good driver has exit status 0, whatever another driver does"
    holds "sweep fits 80 columns" narrow "$work/stdout"
    holds "sweep sends no escapes to a file" no_escapes
    holds "sweep shows a row for the good device" grep -q -E '^[0-9]+:[0-9]+ .* good ' "$work/stdout"
    holds "a driver that crashes costs one row" grep -q -E '^- .*crashed' "$work/stdout"
    holds "... and its last words are shown" grep -q "the driver's last words" "$work/stdout"
    holds "sweep --json writes the schema and the devices" "$python" tests/npy_cases.py json "$work/sweep.json" "$sweep_schema" \
        "d['exit_status'] == 0" "[r['verdict'] for r in d['devices']].count('crashed') == 1" \
        "[r for r in d['devices'] if r['verdict'] == 'crashed'][0]['name'].endswith('crashing.so')" \
        "any(r['verdict'] == 'good' for r in d['devices'])" \
        "all(r['facts']['name'] and r['rates'] and len(r['bench']) == 6 for r in d['devices'] if r['verdict'] == 'good')" \
        "all(r['failed_rows'] == 0 and r['same_bits'] is not False and r['max_ulp'] > 0 for r in d['devices'] if r['verdict'] == 'good')"

    good "verify --quick works" "$clglu" verify --quick
    holds "verify fits 80 columns" narrow "$work/stdout"
    hash=$(sed -n 's/.*all bits: \([0-9a-f]\{16\}\)$/\1/p' "$work/stdout")
    good "verify --quick --json works" "$clglu" verify --quick --json
    judge_json "the combined hash is that of the run before" "d['hash'] == '$hash'"
    judge_json "verify --json has a row for everything" "d['command'] == 'verify' and d['failed_rows'] == 0" \
        "d['device']['name'] and all(r['good'] and len(r['hash']) == 16 for r in d['rows'])" \
        "{r['name'] for r in d['rows'] if r['operator'] == 'gate'} == set('$variant_names'.split())" \
        "len([r for r in d['rows'] if r['operator'] == 'act']) == 9 * 2 * 3" \
        "all(r['max_ulp'] <= r['bound_ulp'] for r in d['rows'])"
    holds "a sweep's hash is that of verify --quick" "$python" tests/npy_cases.py json "$work/sweep.json" \
        "all(r['hash'] == '$hash' for r in d['devices'] if r['verdict'] == 'good')"
}

broken_drivers() {
    finished failing any "a driver that crashes when asked does not end the sweep"
    judge_json "... it costs one row" "$sweep_schema" "[r['verdict'] for r in d['devices']].count('crashed') == 1" \
        "any(r['usable'] for r in d['devices'])"
    finished hanging any "a driver that hangs does not end the sweep"
    judge_json "... it costs one row" "$sweep_schema" \
        "[r['name'] for r in d['devices'] if r['last_step'] == 'list platforms'][0].endswith('hanging.so')" \
        "any(r['usable'] for r in d['devices'])"
    holds "... and little more than its time limit for each step" test "$(cat "$work/hanging.seconds")" -le 20
    finished second any "a sweep with a limit of 1 second ends"
    holds "... within 20 seconds" test "$(cat "$work/second.seconds")" -le 20
    holds "... and shows a row for the device" grep -q -E '^[0-9]+:[0-9]+ ' "$work/stdout"
    rm -f "$work/pid"
    good "a sweep that is stopped leaves no process" env OCL_ICD_VENDORS="$drivers/hanging" HANG_PIDFILE="$work/pid" \
        "$python" tests/npy_cases.py late "$work/pid" "$clglu" sweep --timeout 60
    for c in doctor 'doctor --json'; do
        # shellcheck disable=SC2086
        expect 0 "$c survives a driver that crashes" env OCL_ICD_VENDORS="$drivers/crashing" "$clglu" $c
    done
    judge_json "... and says which" "any('crashing.so' in f['text'] for f in d['findings'] if f['level'] != 'ok')"
}
