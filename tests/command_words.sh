# command_words.sh - clglu's help, JSON, usage errors and exit statuses. Sourced by command.sh.
# SPDX-License-Identifier: MIT
# shellcheck shell=sh disable=SC2154

commands='devices doctor acts act gate verify bench sweep completion'

narrow() { awk 'length > 80 { print FILENAME ": " length " columns: " $0; bad = 1 } END { exit bad }' "$1"; }
no_escapes() { ! grep -q "$(printf '\033')" "$work/stdout" "$work/stderr"; }

help_of_every_command() {
    for c in $commands; do
        good "$c --help works" "$clglu" "$c" --help
        if grep -q -e "^clglu $c - " "$work/stdout" && grep -q -e '^Usage:' "$work/stdout" &&
            grep -q -e ' --help ' "$work/stdout" && [ ! -s "$work/stderr" ]; then
            pass "$c --help says usage and options"
        else
            fail "$c --help says usage and options" "something is missing"
        fi
        holds "$c --help fits 80 columns" narrow "$work/stdout"
    done
    good "--help lists the commands" "$clglu" --help
    for c in $commands; do
        grep -q -e "^  $c " "$work/stdout" || fail "--help lists $c" "it does not"
    done
    good "--version prints the header's version" "$clglu" --version
    header_version=$(awk '/define CLGLU_VERSION_(MAJOR|MINOR|PATCH)/ { v = v dot $3; dot = "." } END { print v }' include/clglu.h)
    holds "the version is $header_version" grep -qx "clglu $header_version" "$work/stdout"
}

# wrong WORDS ARGUMENT...: exit status 2, a reason with WORDS, and where help is
wrong() {
    words=$1
    shift
    what=$(printf '%s ' "$@" | sed -e "s|$work|.|g" -e "s|$in/||g" -e "s|$out/||g")
    refuse 2 "$words" "usage: ${what}is refused" "$clglu" "$@"
    case "$(tail -n 1 "$work/stderr")" in
    "Try 'clglu "*"--help'.") ;;
    *) fail "usage: ${what}is refused with a hint" "no line \"Try 'clglu ... --help'.\" at the end" ;;
    esac
}

usage_errors() {
    x=$in/x-f32.npy a=$in/a-f32.npy b=$in/b-f32.npy y=$out/y.npy
    expect 2 "no command at all is a usage error" "$clglu"
    wrong "unknown command 'fly'" fly
    wrong "unknown option '--fly'" --fly
    for c in $commands; do
        wrong "unknown option '--fly'" "$c" --fly
        wrong "what is 'stray'" "$c" stray
    done
    wrong "unknown option '-Z'" act -Z
    wrong "needs an argument" act --act gelu --a "$x" -o
    wrong "takes no argument" act --act gelu --a "$x" -o "$y" --check=yes
    wrong "which activation" act --a "$x" -o "$y"
    wrong "which input" act --act gelu -o "$y"
    wrong "nothing to do" act --act gelu --a "$x"
    wrong "gellu" act --act gellu --a "$x" -o "$y"
    wrong "--alpha" act --act gelu --alpha 2 --a "$x" -o "$y"
    wrong "--alpha" act --act silu --alpha two --a "$x" -o "$y"
    wrong "--dtype" act --act gelu --dtype f64 --a "$x" -o "$y"
    wrong "--backward" act --act gelu --a "$x" --da "$y"
    wrong "--backward" act --act gelu --a "$x" --backward "$x" -o "$y"
    wrong "one name" act --act gelu --a "$x" --backward "$x" -o "$y" --da "$y"
    wrong "which operator" gate --a "$a" --b "$b" -o "$y"
    wrong "genlu" gate --variant genlu --a "$a" --b "$b" -o "$y"
    wrong "which inputs" gate --variant geglu --a "$a" -o "$y"
    wrong "which inputs" gate --variant geglu --packed "$a" --layout act-first --b "$b" -o "$y"
    wrong "--layout" gate --variant geglu --packed "$a" -o "$y"
    wrong "--layout" gate --variant geglu --a "$a" --b "$b" --layout act-first -o "$y"
    wrong "sideways" gate --variant geglu --packed "$a" --layout sideways -o "$y"
    wrong "--packed-bias" gate --variant geglu --a "$a" --b "$b" --packed-bias "$x" -o "$y"
    wrong "--packed-bias" gate --variant geglu --packed "$a" --layout act-first --packed-bias "$x" --bias-a "$x" -o "$y"
    wrong "--rounding" gate --variant geglu --a "$a" --b "$b" --rounding up -o "$y"
    wrong "--limit" gate --variant geglu --a "$a" --b "$b" --limit low -o "$y"
    wrong "one name" gate --variant geglu --a "$a" --b "$b" --backward "$a" --da "$y" --db "$y"
    wrong "exclude" verify --quick --full
    wrong "--repeats" bench --repeats 0
    wrong "--elements" bench --elements many
    wrong "--elements" bench --elements 99999999999999999999
    wrong "--direction" bench --direction sideways
    wrong "no variant" bench --variant genlu
    wrong "--timeout" sweep --timeout 0
    wrong "--timeout" sweep --timeout soon
    wrong "exclude" sweep --quick --full
    wrong "--operators" sweep --operators act,gaet
    wrong "--dtypes" sweep --dtypes ''
    wrong "no known model" sweep --models gemma4
    wrong "needs an argument" sweep --merge
    refuse 2 "CLGLU_INVALID_VALUE" "a negative alpha is refused" "$clglu" act --act silu --alpha -1 --a "$x" -o "$y"
    refuse 2 "CLGLU_INVALID_VALUE" "a negative limit is refused" "$clglu" gate --variant geglu --limit -1 --a "$a" --b "$b" -o "$y"
}

no_device() {
    mkdir -p "$work/no-drivers"
    for c in devices doctor 'verify --quick' bench; do
        # shellcheck disable=SC2086
        expect 3 "no driver: $c has exit status 3" env OCL_ICD_VENDORS="$work/no-drivers" "$clglu" $c
    done
    expect 3 "no driver: sweep has exit status 3" env OCL_ICD_VENDORS="$work/no-drivers" "$clglu" sweep --quick
    expect 3 "no driver: doctor --json has exit status 3" env OCL_ICD_VENDORS="$work/no-drivers" "$clglu" doctor --json
    judge_json "no driver: doctor says what brings one" "d['usable_devices'] == 0" \
        "any(f['level'] == 'FAIL' and f['remedy'] for f in d['findings'])"
    expect 3 "no driver: devices --json has exit status 3" env OCL_ICD_VENDORS="$work/no-drivers" "$clglu" devices --json
    judge_json "no driver: the list of devices is empty" "d['devices'] == []"
    good "no driver: acts works" env OCL_ICD_VENDORS="$work/no-drivers" "$clglu" acts
    refuse 3 "CLGLU_NO_PLATFORM" "no driver: act says so and leaves no file" env OCL_ICD_VENDORS="$work/no-drivers" "$clglu" \
        act --act gelu --a "$in/x-f32.npy" -o "$out/y.npy"
    refuse 3 "CLGLU_NO_DEVICE" "a selector that matches nothing is refused" "$clglu" act --act gelu --a "$in/x-f32.npy" \
        -o "$out/y.npy" --device 'no such device'
    refuse 3 "CLGLU_NO_DEVICE" "a device number that is not there is refused" "$clglu" act --act gelu --a "$in/x-f32.npy" \
        -o "$out/y.npy" --device 99:99
    refuse 2 "CLGLU_INVALID_SELECTOR" "a selector without sense is refused" "$clglu" act --act gelu --a "$in/x-f32.npy" \
        -o "$out/y.npy" --device 'mem>=lots'
    refuse 3 "no such device" "CLGLU_DEVICE is the default selector" env CLGLU_DEVICE='no such device' "$clglu" act --act gelu \
        --a "$in/x-f32.npy" -o "$out/y.npy"
    good "--device goes before CLGLU_DEVICE" env CLGLU_DEVICE='no such device' "$clglu" act --act gelu --a "$in/x-f32.npy" \
        -o "$out/y.npy" --device best
}

# PoCL has no device where it cannot write its cache, and without HOME takes a folder that anybody may have made.
without_home() {
    mkdir -p "$work/tmp"
    mine=$work/tmp/clglu-pocl-$(id -u)
    homeless="env -u POCL_CACHE_DIR -u XDG_CACHE_HOME -u HOME TMPDIR=$work/tmp"
    # shellcheck disable=SC2086
    {
        good "HOME unset: act works" $homeless "$clglu" act --act gelu --a "$in/x-f32.npy" --check
        holds "... with a private cache" test "$(find "$mine" -maxdepth 0 -type d -perm 700 -user "$(id -un)")" = "$mine"
        rm -rf "$mine"
        good "HOME unwritable: act works" $homeless HOME=/dev/null "$clglu" act --act gelu --a "$in/x-f32.npy" --check
        run $homeless HOME=/dev/null "$clglu" doctor --json
        judge_json "HOME unwritable: doctor says so" "any(f['check'] == 'home' and f['level'] != 'ok' for f in d['findings'])"
        rm -rf "$mine"
        mkdir "$work/elsewhere"
        ln -s "$work/elsewhere" "$mine"
        run $homeless "$clglu" act --act gelu --a "$in/x-f32.npy" --check
        holds "a link where the private cache should be is not followed" test -z "$(contents "$work/elsewhere")"
        rm -f "$mine"
    }
}

# judge_json SENTENCE CONDITION...: of the JSON that the last command printed
judge_json() {
    sentence=$1
    shift
    cp "$work/stdout" "$work/document.json"
    holds "$sentence" "$python" tests/npy_cases.py json "$work/document.json" "$@"
}

facts_as_json() {
    root="d['program'] == 'clglu' and d['version'] and d['command']"
    good "acts --json works" "$clglu" acts --json
    judge_json "acts --json has the nine activations and ten variants" "$root == 'acts'" \
        "[a['name'] for a in d['activations']] == 'identity relu relu2 sigmoid tanh silu gelu gelu_tanh gelu_quick'.split()" \
        "[a['id'] for a in d['activations']] == list(range(9))" \
        "all(a['formula'] and a['derivative'] and a['source'] and 0 < a['ulp_forward'] <= 2 for a in d['activations'])" \
        "[v['name'] for v in d['variants']] == '$variant_names'.split()" \
        "[(v['alpha'], v['limit'], v['shift']) for v in d['variants'] if v['name'] == 'swiglu_oai'][0][1:] == (7, 1)"
    good "devices --json works" "$clglu" devices --json
    judge_json "devices --json has facts and verdicts" "$root == 'devices'" "any(v['usable'] for v in d['devices'])" \
        "all(v['verdict'] and v['platform_name'] for v in d['devices'])" \
        "all(v['name'] and v['global_bytes'] > 0 and v['compute_units'] > 0 for v in d['devices'] if v['present'])"
    good "doctor --json works" "$clglu" doctor --json
    judge_json "doctor --json has findings" "$root == 'doctor'" "d['usable_devices'] > 0" \
        "{'loader', 'drivers', 'devices'} <= {f['check'] for f in d['findings']}" \
        "all(f['level'] in ('ok', 'note', 'warn', 'FAIL') and f['text'] for f in d['findings'])"
    good "act --check --json works" "$clglu" act --act gelu --a "$in/a-f32.npy" --backward "$in/dy-f32.npy" --check --json \
        --da "$out/da.npy" -o "$out/y.npy"
    judge_json "act --check --json has both reports" "$root == 'act'" "(d['rows'], d['cols']) == (20, 30)" \
        "[c['output'] for c in d['checks']] == ['y', 'da']" \
        "all(c['good'] and c['count'] == 600 and 0 < c['max_ulp'] <= c['bound_ulp'] for c in d['checks'])" \
        "all(c['bits_differ'] == 0 and sum(c['histogram']) == 600 for c in d['checks'])" \
        "all(c['worst_row'] < 20 and c['worst_col'] < 30 for c in d['checks'])"
    good "gate --check --json works" "$clglu" gate --variant geglu --a "$in/a-f16.npy" --b "$in/b-f16.npy" \
        --backward "$in/dy-f16.npy" --check --json
    judge_json "gate --check --json has the reports of the gradients" "[c['output'] for c in d['checks']] == ['da', 'db']" \
        "all(c['good'] and c['count'] == 600 and c['bound_ulp'] < 0.51 for c in d['checks'])"
    good "bench --json works" "$clglu" bench --elements 64K --repeats 1 --variant geglu --dtype f32 --json
    judge_json "bench --json has rates and rows" "$root == 'bench'" "d['device']['name']" \
        "d['rates']['copy_gb_per_s'] > 0 and d['rates']['fma_gflop_per_s'] > 0" \
        "[r['direction'] for r in d['rows']] == ['forward', 'backward']" \
        "all(r['elements'] == 65536 and r['gb_per_s'] > 0 and r['ratio'] > 0 for r in d['rows'])"
}

text_for_people() {
    for c in devices doctor acts 'bench --quick --repeats 1 --variant geglu --direction forward'; do
        # shellcheck disable=SC2086
        good "$c works" "$clglu" $c
        holds "$c fits 80 columns" narrow "$work/stdout"
        holds "$c sends no escapes to a file" no_escapes
    done
    run env TERM=xterm "$python" tests/npy_cases.py terminal /dev/null "$clglu" devices
    holds "devices is coloured on a terminal" grep -q "$(printf '\033')" "$work/stdout"
    run env TERM=xterm NO_COLOR=1 "$python" tests/npy_cases.py terminal /dev/null "$clglu" devices
    holds "NO_COLOR is honoured on a terminal" no_escapes
    if [ -w /dev/full ]; then
        "$clglu" acts >/dev/full 2>"$work/stderr"
        status=$?
        if [ "$status" -eq 4 ] && [ -s "$work/stderr" ]; then
            pass "a full standard output has exit status 4"
        else
            fail "a full standard output has exit status 4" "exit status $status"
        fi
    fi
}
