#!/bin/sh
# coverage.sh - which lines and branches of src/ the tests come by: tests/coverage.sh [build | report]. SPDX-License-Identifier: MIT

# At least 95 % of the lines and of the branches are wanted, and each line that is left stands in tests/uncovered.txt with its reason.
# build: only what make mutate needs. report: what earlier runs have come by, once more.
set -u
cd "$(dirname "$0")/.." || exit 1
B=build/cover
what=${1:-all}
export LC_ALL=C CK_FORK=no CK_TIMEOUT_MULTIPLIER="${CK_TIMEOUT_MULTIPLIER:-60}" CLGLU_TEST_SCALE="${CLGLU_TEST_SCALE:-small}"

# The library alone is counted. Functions compiled for several instruction sets would be counted as often.
built() {
    make -s --no-print-directory -j2 B=$B CFLAGS='-O0 -g --coverage -DCLGLU_NO_CLONES' VECTORISE=-O0 $B/libclglu.a $B/kernels.o &&
        make -s --no-print-directory -j2 B=$B CFLAGS='-O1 -g' LDFLAGS=--coverage $B/test-host $B/test-device $B/clglu $B/faults
}

# step NAME COMMAND...: a failure is told, and makes the whole fail
step() {
    name=$1
    shift
    start=$(date +%s)
    if "$@" >"$work/said" 2>&1 </dev/null; then
        printf '# %s: %s s\n' "$name" "$(($(date +%s) - start))"
    else
        printf 'not ok - %s\n' "$name"
        tail -n 20 "$work/said" | cut -c 1-300 | sed 's/^/# /'
        bad=1
    fi
}

inputs() {
    python3 - "$work" <<'INPUTS'
import json, struct, sys
folder = sys.argv[1]
values = lambda n, k: struct.pack(f"<{n}f", *(((i * k) % 61 - 30) / 16 for i in range(n)))
for name, k in (("a", 7), ("b", 11), ("dy", 13)):
    head = "{'descr': '<f4', 'fortran_order': False, 'shape': (24, 40), }".ljust(117) + "\n"
    open(f"{folder}/{name}.npy", "wb").write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head.encode() + values(960, k))
shapes, at, table = {"wa": (48, 40), "wb": (48, 40), "wd": (40, 48)}, 0, {}
for name, shape in shapes.items():
    table[name] = {"dtype": "F32", "shape": shape, "data_offsets": [at, at + 7680]}
    at += 7680
head = json.dumps(table).encode()
open(f"{folder}/m.safetensors", "wb").write(struct.pack("<Q", len(head)) + head + values(5760, 17))
INPUTS
}

# What the command makes of the library, with a cache: twice, so that what is in it is used.
commands() {
    export CLGLU_CACHE="$work/cache"
    for turn in 1 2; do
        step "gate, turn $turn" $B/clglu gate --variant geglu --a "$work/a.npy" --b "$work/b.npy" -o "$work/y$turn.npy" --check
    done
    step "gate --backward" $B/clglu gate --variant swiglu --a "$work/a.npy" --b "$work/b.npy" --backward "$work/dy.npy" --da "$work/da.npy" \
        --db "$work/db.npy" --check
    step ffn $B/clglu ffn --weights "$work/m.safetensors" --variant swiglu --wa wa --wb wb --wd wd --x "$work/a.npy" -o "$work/z.npy" --check
    step tune $B/clglu tune --shape 64:96 --rows 1,16 --repeats 1 -q -o "$work/tuned"
    step export $B/clglu export --binaries --operators gate --dtypes f32 --variant geglu -o "$work/export"
    step "gate, exported" env CLGLU_KERNELS="$work/export" $B/clglu gate --variant geglu --a "$work/a.npy" --b "$work/b.npy" -o "$work/y3.npy"
    step verify $B/clglu verify --quick -q
    step devices $B/clglu devices
    ${CC:-cc} -shared -fPIC -o "$work/facts.so" tests/facts_layer.c || exit 1
    step "devices, flushing" env OPENCL_LAYERS="$work/facts.so" FACTS_LAYER=denorms-are-zero $B/clglu devices
    step sweep $B/clglu sweep --quick -q --operators gate --dtypes f32 --timeout 600 --json "$work/sweep.json"
}

measured() {
    for program in host device; do step test-$program $B/test-$program; done
    step faults env B=$B tests/faults.sh
    for script in export cache facts; do step "the script $script" env CLGLU="$PWD/$B/clglu" tests/$script.sh; done
    commands
}

# Lines, branches, and what is left without a reason.
judged() {
    gcovr --root . --filter 'src/' --gcov-ignore-parse-errors --exclude-unreachable-branches --json "$B/coverage.json" "$B/src" || return 1
    gcovr --add-tracefile "$B/coverage.json" --root . --filter 'src/' --sort-percentage || return 1
    python3 - "$B/coverage.json" tests/uncovered.txt <<'JUDGE'
import fnmatch, json, sys
WANTED = 95
excuses, used = [], set()
for number, line in enumerate(open(sys.argv[2]), 1):
    part = [p.strip() for p in line.split(" | ")]
    if line.strip() and not line.startswith("#"): excuses.append((number, *part))
lines = covered = branches = taken = bare = 0
for f in json.load(open(sys.argv[1]))["files"]:
    source = open(f["file"]).read().split("\n")
    for l in f["lines"]:
        if l.get("gcovr/noncode"): continue
        lines += 1
        covered += l["count"] > 0
        text = source[l["line_number"] - 1].strip()
        branches += len(l["branches"])
        taken += sum(b["count"] > 0 for b in l["branches"])
        if l["count"]: continue
        reason = next((e for e in excuses if e[1] == f["file"] and fnmatch.fnmatchcase(text, e[2].replace("[", "[[]"))), None)
        if reason: used.add(reason[0])
        else:
            bare += 1
            print(f"no reason: {f['file']}:{l['line_number']}: {text}")
for e in excuses:
    if e[0] not in used: print(f"# covered here, tests/uncovered.txt:{e[0]}: {e[1]} | {e[2]}")
percent = [100 * covered / lines, 100 * taken / branches]
print(f"# lines {percent[0]:.2f} % ({covered} of {lines}), branches {percent[1]:.2f} % ({taken} of {branches}), without a reason {bare} lines")
sys.exit(bare > 0 or min(percent) < WANTED)
JUDGE
}

bad=0
command -v gcovr >/dev/null || [ "$what" = build ] || { echo "skipped: gcovr is not installed (on Debian: apt-get install gcovr)"; exit 77; }
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
if [ "$what" != report ]; then built || exit 1; fi
[ "$what" != build ] || exit 0
if [ "$what" = all ]; then
    find $B -name '*.gcda' -exec rm -f {} +
    inputs
    measured
fi
if judged && [ $bad -eq 0 ]; then echo '1 passed, 0 failed'; else echo '0 passed, 1 failed'; exit 1; fi
