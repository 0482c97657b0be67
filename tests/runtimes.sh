#!/bin/sh
# runtimes.sh - the suite on each runtime that is laid out, and a table of them: tests/runtimes.sh [quick|some]. Called by
# make check-runtimes. SPDX-License-Identifier: MIT

# CLGLU_RUNTIMES names those that must be there (default: all five). Exit status 1 if a test failed, bits differ or one is missing.
set -u
mode=${1:-normal}
wanted=${CLGLU_RUNTIMES:-pocl intel fpga rusticl oclgrind}
build=${B:-build}
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

# The simulator takes hours for all: these have every kernel in them. In minutes, slow runtimes do some of those.
important='device_bits device_special device_kernels device_ffn_bits device_back_bits'
some='device_special device_kernels'

scale_of() {
    case $mode:$1 in
    quick:* | some:* | *:rusticl | *:oclgrind) echo small ;;
    *) echo normal ;;
    esac
}

suites_of() {
    case $mode:$1 in
    some:* | quick:rusticl | quick:oclgrind) echo "$some" ;;
    quick:* | *:oclgrind) echo "$important" ;;
    *) echo all ;;
    esac
}

# One suite's line "N%: Checks: ..." goes to $work/counts; what failed, to standard output.
suite() {
    printf '   %s, %s\n' "$runtime" "$1"
    if [ "$1" = all ]; then unset CK_RUN_SUITE; else export CK_RUN_SUITE="$1"; fi
    tools/runtimes.sh run "$runtime" env CLGLU_TEST_SCALE="$(scale_of "$runtime")" "$build/test-device" >"$work/log" 2>&1 ||
        grep -v '%: Checks:' "$work/log" | tail -n 20
    grep '%: Checks:' "$work/log" >>"$work/counts" || echo "0%: Checks: 1, Failures: 0, Errors: 1" >>"$work/counts"
}

verify() {
    printf '   %s, verify\n' "$runtime"
    tools/runtimes.sh run "$runtime" "$build/clglu" verify --quick --json --quiet >"$work/verify" 2>"$work/log" || head -n 5 "$work/log"
    python3 - "$work/verify" <<'FACTS'
import json, sys
try:
    d = json.load(open(sys.argv[1]))
    worst = max(float(r["max_ulp"]) for r in d["rows"])
    right = d["failed_rows"] == 0 and d["hash"] == d["expected_hash"] == d["published_hash"]
    driver = d["device"]["driver_version"].replace(" ", "_") or "-"
    print(d["hash"], "yes" if right else "NO", f"{worst:.3f}", driver)
except (ValueError, KeyError):
    print("- NO - -")
FACTS
}

one() {
    start=$(date +%s)
    : >"$work/counts"
    # shellcheck disable=SC2046
    for s in $(suites_of "$runtime"); do suite "$s"; done
    # shellcheck disable=SC2046
    set -- $(verify | tee "$work/said" | tail -n 1)
    sed '$d' "$work/said"
    awk -F '[:,]' -v name="$runtime" -v hash="$1" -v right="$2" -v ulp="$3" -v driver="$4" -v scale="$(scale_of "$runtime")" \
        -v seconds=$(($(date +%s) - start)) '
        { checks += $3; bad += $5 + $7 }
        END {
            printf "%-9s %-16.16s %-7s %6d %7d  %-16s %-6s %6s %5d s\n", name, driver, scale, checks - bad, bad, hash, right, ulp, seconds
            exit bad > 0 || checks == 0 || right != "yes"
        }' "$work/counts" >>"$work/table" || bad=1
}

bad=0
: >"$work/table"
for runtime in $wanted; do
    if tools/runtimes.sh list | grep -qx "$runtime"; then
        one
    else
        printf '%-9s is missing: make runtimes\n' "$runtime" >>"$work/table"
        bad=1
    fi
done
printf '\n%-9s %-16s %-7s %6s %7s  %-16s %-6s %6s %7s\n' runtime driver scale passed failed 'hash of all bits' right 'ULP' time
cat "$work/table"
exit $bad
