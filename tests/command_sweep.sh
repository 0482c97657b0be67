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
    in_background sweep env OCL_ICD_VENDORS="$drivers/crashing" "$clglu" sweep --quick --json "$work/sweep.json"
}

# The least that a sweep can do and still judge something.
small='--quick --operators act --dtypes bf16'

sweeps_of_broken_drivers() {
    # shellcheck disable=SC2086
    {
        in_background failing env OCL_ICD_VENDORS="$drivers/failing" "$clglu" sweep $small --timeout 20 --json -
        in_background hanging env OCL_ICD_VENDORS="$drivers/hanging" "$clglu" sweep $small --timeout 3 --json -
    }
    in_background second env OCL_ICD_VENDORS="$(dirname "$(good_drivers | head -n 1)")" "$clglu" sweep --quick --timeout 1
}

sweep_schema="d['schema'] == 'clglu-sweep/2' and d['program'] == 'clglu' and all(m['host']['machine'] for m in d['machines'])"
swept="d['machines'][0]['devices']"

verifications() {
    finished sweep 0 "a sweep with a good driver has exit status 0, whatever another driver does"
    holds "sweep fits 80 columns" narrow "$work/stdout"
    holds "sweep sends no escapes to a file" no_escapes
    holds "sweep shows a row for the good device" grep -q -E '^[0-9]+:[0-9]+ .* good ' "$work/stdout"
    holds "a driver that crashes costs one row" grep -q -E '^- .*crashed' "$work/stdout"
    holds "... and its last words are shown" grep -q "the driver's last words" "$work/stdout"
    holds "sweep --json writes the schema and the devices" "$python" tests/npy_cases.py json "$work/sweep.json" "$sweep_schema" \
        "d['machines'][0]['exit_status'] == 0" "d['machines'][0]['plan']['level'] == 'quick'" \
        "[r['verdict'] for r in $swept].count('crashed') == 1" \
        "[r for r in $swept if r['verdict'] == 'crashed'][0]['name'].endswith('crashing.so')" \
        "any(r['verdict'] == 'good' for r in $swept)" \
        "all(r['failed_rows'] == 0 and r['same_bits'] is not False and r['max_ulp'] > 0 for r in $swept if r['verdict'] == 'good')"
    holds "... facts, rates, speeds, blocks, CLBlast, build times, memory" "$python" tests/npy_cases.py json "$work/sweep.json" \
        "[r for r in $swept if r['verdict'] == 'good'][0]['facts']['compute_units'] > 0" \
        "all(r['rates'][k] > 0 for r in $swept if r['verdict'] == 'good' for k in ('copy_gb_per_s', 'read_gb_per_s', 'fma_gflop_per_s'))" \
        "all(len(r['bench']) == 6 and len(r['ffn']) == 3 for r in $swept if r['verdict'] == 'good')" \
        "all([w['rows'] for w in b['rows']] == [1, 64] for r in $swept if r['verdict'] == 'good' for b in r['ffn'])" \
        "all(w['block']['ratio'] > 0 and w['clblast']['time']['median_s'] > 0 for r in $swept if r['verdict'] == 'good' for b in r['ffn'] for w in b['rows'])" \
        "all(b['cold_s'] > 0 and b['warm_s'] >= 0 for r in $swept if r['verdict'] == 'good' for b in r['build'])" \
        "all(r['memory']['peak_bytes'] > 1e6 for r in $swept if r['verdict'] == 'good')"
    holds "... errors, with the input and a histogram, hashes beside those expected, curves" "$python" tests/npy_cases.py json \
        "$work/sweep.json" "all(len(r['verify']) == 72 and len(r['curves']) == 18 for r in $swept if r['verdict'] == 'good')" \
        "all(sum(v['histogram']) == v['points'] and v['worst_a_bits'].startswith('0x') for r in $swept if r['verdict'] == 'good' for v in r['verify'])" \
        "all(v['hash'] == v['expected_hash'] for r in $swept if r['verdict'] == 'good' for v in r['verify'])" \
        "all(r['hash'] == r['published_hash'] == r['expected_hash'] for r in $swept if r['verdict'] == 'good')" \
        "all(len(c['x']) == len(c['ulp']) and max(c['ulp']) < 2.1 for r in $swept if r['verdict'] == 'good' for c in r['curves'])"

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
        "all(r['hash'] == '$hash' for r in $swept if r['verdict'] == 'good')"
    judge_json "... which is the published one" "d['hash'] == d['expected_hash'] == d['published_hash']"
}

broken_drivers() {
    finished failing any "a driver that crashes when asked does not end the sweep"
    judge_json "... it costs one row" "$sweep_schema" "[r['verdict'] for r in $swept].count('crashed') == 1" \
        "any(r['usable'] for r in $swept)"
    finished hanging any "a driver that hangs does not end the sweep"
    judge_json "... it costs one row" "$sweep_schema" \
        "[r['name'] for r in $swept if r['last_step'] == 'list platforms'][0].endswith('hanging.so')" \
        "any(r['usable'] for r in $swept)"
    holds "... and is killed in time" test "$(cat "$work/hanging.seconds")" -le 60
    finished second any "a sweep with a limit of 1 second ends"
    holds "... in time" test "$(cat "$work/second.seconds")" -le 60
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

# in_the_middle WAY STATUS WORD STEP: the driver goes wrong in the kernels of activations
in_the_middle() {
    # shellcheck disable=SC2086
    expect "$2" "a driver that does '$1' in the middle costs one row" env LD_PRELOAD="$drivers/between.so" BROKEN_WAY="$1" \
        BROKEN_KERNEL=gate_ "$clglu" sweep $small --timeout 5 --json -
    judge_json "... that says so, and in which step" "${swept}[0]['verdict'] == '$3'" "${swept}[0]['last_step'].startswith('$4')" \
        "${swept}[0]['last_step'] in ${swept}[0]['why']" "${swept}[0]['usable']"
}

going_wrong_in_the_middle() {
    in_the_middle crash 1 crashed 'verify identity'
    in_the_middle hang 1 'timed out' 'verify identity'
    in_the_middle exit 1 'ended early' 'verify identity'
    in_the_middle fail 1 'ended early' 'verify identity'
    # shellcheck disable=SC2086
    expect 1 "a driver that says it ran kernels and did not costs one row" env LD_PRELOAD="$drivers/between.so" BROKEN_KERNEL=gate_ \
        "$clglu" sweep $small --json -
    judge_json "... that is FAILED" "${swept}[0]['verdict'] == 'FAILED'" "${swept}[0]['failed_rows'] > 0" \
        "${swept}[0]['hash'] != ${swept}[0]['expected_hash']"
}

# Reports of the same device: changed, to see that the change is found.
change_report() {
    "$python" - "$1" "$2" "$3" <<'CHANGE'
import json, sys
d = json.load(open(sys.argv[1]))
for m in d["machines"]:
    for r in [r for r in m["devices"] if r["verdict"] == "good"]:
        exec(sys.argv[3])
json.dump(d, open(sys.argv[2], "w"))
CHANGE
}

# compared STATUS SENTENCE CHANGE CONDITION...: the report with a change beside the one without
compared() {
    wanted=$1 sentence=$2
    change_report "$work/quiet.json" "$work/changed.json" "$3" || exit 1
    shift 3
    expect "$wanted" "--compare: $sentence" "$clglu" sweep --merge "$work/changed.json" --compare "$work/quiet.json" --json -
    judge_json "... and says so" "$@"
}

# The sweep's report as a quiet machine would have given it: half of the runs within 1 % of the median.
quiet='for t in [t for b in r["bench"] for t in (b["time"], b["limit"])] + [t for b in r["ffn"] for w in b["rows"] for t in (w["block"]["time"], w["read"])]:
            t["q1_s"], t["q3_s"] = t["median_s"] * 0.995, t["median_s"] * 1.005'

comparisons() {
    change_report "$work/sweep.json" "$work/quiet.json" "$quiet" || exit 1
    compared 0 "nothing changed is no regression" "pass" "d['changes'] == []"
    compared 0 "slower by less than the noise is none" "r['bench'][0]['ratio'] *= 0.95" "d['changes'] == []"
    compared 1 "a gate at half its speed is one" "r['bench'][0]['ratio'] *= 0.4" \
        "[(c['kind'], c['regression']) for c in d['changes']] == [('speed', True)]" "'slower' in d['changes'][0]['text']" \
        "abs(d['changes'][0]['change'] + 0.6) < 1e-6 and d['changes'][0]['noise'] >= 0.1"
    compared 0 "a gate at twice its speed is none" "r['bench'][0]['ratio'] *= 2.5" "'faster' in d['changes'][0]['text']"
    compared 0 "half the speed in a noisy run is none" \
        "b = r['bench'][0]; b['ratio'] *= 0.5; b['time']['q1_s'] = b['time']['median_s'] * 0.7; b['time']['q3_s'] = b['time']['median_s'] * 1.3" \
        "d['changes'] == []"
    compared 1 "a block at half its speed is one" "r['ffn'][0]['rows'][1]['block']['ratio'] *= 0.3" \
        "'rows: 64' in d['changes'][0]['what']"
    compared 1 "other bits are one" "r['verify'][3]['hash'] = '0123456789abcdef'" "d['changes'][0]['kind'] == 'bits'"
    compared 1 "a larger error is one" "r['verify'][20]['max_ulp'] *= 1.01" "d['changes'][0]['kind'] == 'accuracy'"
    compared 0 "a smaller error is none" "r['verify'][20]['max_ulp'] *= 0.99" "len(d['changes']) == 1"
    compared 1 "a device that crashes now is one" "r['verdict'] = 'crashed'" "d['changes'][0]['kind'] == 'verdict'"
    compared 1 "a device that is gone is one" "m['devices'].remove(r)" "any(c['kind'] == 'gone' for c in d['changes'])"
    compared 0 "another machine speed is told, not judged" "r['rates']['copy_gb_per_s'] *= 0.5" "d['changes'][0]['kind'] == 'rate'"
    change_report "$work/quiet.json" "$work/slow.json" "r['bench'][0]['ratio'] *= 0.5"
    expect 0 "--compare: several older reports show how far runs lie apart" "$clglu" sweep --merge "$work/slow.json" --compare \
        "$work/quiet.json" "$work/slow.json" --json -
    judge_json "... half the speed is noise then" "d['changes'] == []"
    for f in nothing.json "$in/a.npy"; do
        refuse 4 "$f" "--compare $f is refused before anything is done" "$clglu" sweep --compare "$f" --html "$out/x.html"
    done
    echo '{"schema": "clglu-sweep/2", "machines": [{"devices": [1]}]}' >"$work/bad.json"
    expect 3 "a platform number of 2^32 is not taken for 0" "$clglu" sweep --quick --device 4294967296:0
    refuse 4 "devices" "--merge of a document with other things in it is refused" "$clglu" sweep --merge "$work/sweep.json" "$work/bad.json"
    echo '{"schema": "clglu-sweep/9"}' >"$work/bad.json"
    refuse 4 "clglu-sweep/9" "--merge of another schema is refused" "$clglu" sweep --merge "$work/bad.json"
}

# Two processes as of a fleet, each with its own report, and all of them as one.
fleet() {
    # shellcheck disable=SC2086,SC2016
    good "mpirun starts sweeps" mpirun --allow-run-as-root --oversubscribe -n 2 sh -c \
        '"$0" sweep "$@" --json "$OMPI_COMM_WORLD_RANK.json"' "$clglu" $small --quiet
    mv 0.json 1.json "$work/"
    good "--merge makes one report of theirs" "$clglu" sweep --merge "$work/0.json" "$work/1.json" --json "$work/fleet.json" \
        --html "$out/fleet.html" --csv "$out/fleet.csv" --junit "$out/fleet.xml"
    holds "... that fits 80 columns" narrow "$work/stdout"
    holds "... with both machines" grep -q -F " (2)" "$work/stdout"
    holds "... and all their devices" "$python" tests/npy_cases.py json "$work/fleet.json" "$sweep_schema" "len(d['machines']) == 2" \
        "d['machines'] == [json.load(open('$work/%d.json' % i))['machines'][0] for i in range(2)]"
}

stopped_sweeps() {
    # shellcheck disable=SC2086
    run env TERM=xterm "$python" tests/npy_cases.py stopped " left" SIGINT "$clglu" sweep --operators act,gate --dtypes f32 --json "$out/stopped.json"
    holds "a sweep shows what runs, how far and how long still" grep -q -E '1 of [0-9]+ .*: .*, [0-9]+ %, [0-9]+ (s|min) left' "$work/stdout"
    holds "Ctrl-C ends it" test "$status" -eq 0
    holds "... it says so" grep -q 'stopped early' "$work/stdout"
    holds "... and what there is is written" "$python" tests/npy_cases.py json "$out/stopped.json" "$sweep_schema" \
        "d['machines'][0]['stopped']" "${swept}[0]['verdict'] == 'skipped' and ${swept}[0]['facts']['name']"
}
