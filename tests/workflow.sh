#!/bin/sh
# workflow.sh - the CI service's workflow and the README's snippet for other projects: linted, and what they call is there.
# SPDX-License-Identifier: MIT
set -u
cd "$(dirname "$0")/.." || exit 1
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
export LC_ALL=C

. tests/lib.sh

python=$(python3 tests/packages.py) || exit $?
tools=$(dirname "$python")

lint() {
    "$tools/yamllint" -s -d '{extends: default, rules: {line-length: {max: 150}, document-start: disable, truthy: {check-keys: false}}}' \
        "$1" && "$tools/check-jsonschema" --builtin-schema vendor.github-workflows "$1"
}

# pinned FILE: each action at a major version, neither at a branch nor nowhere
pinned() {
    grep -q 'uses:' "$1" && ! grep 'uses:' "$1" | grep -v -E 'uses: [a-z-]+/[a-z-]+@v[0-9]+$'
}

# there FILE [FOLDER]: each program and make target that it runs is there; with FOLDER, those in a clone of that name alone
there() {
    sed -n 's/^ *\(- \)\{0,1\}run: //p' "$1" | sed 's/ *#.*//; s/ && /\n/g' >"$work/commands"
    [ $# -eq 1 ] || sed -i -n "s|^$2/||p; s|^make -C $2 |make |p" "$work/commands"
    [ -s "$work/commands" ] || { echo "nothing is run"; return 1; }
    while read -r command words; do
        case "$command" in
        .ci/* | build/*) [ -x "$command" ] || { echo "$command is not there"; return 1; } ;;
        make)
            for target in $words; do
                grep -q "^$target:" Makefile || { echo "make has no target $target"; return 1; }
            done
            ;;
        esac
    done <"$work/commands"
}

# changed SED FILE: FILE with a fault
changed() {
    sed "$1" "$2" >"$work/changed.yml"
    ! cmp -s "$2" "$work/changed.yml"
}

tests_begin
awk -v where="$work" '/^```yaml$/ { on = 1; n++; next } /^```$/ { on = 0 } on { print > (where "/readme" n ".yml") }' README.md
holds "the README has a workflow for other projects" test -s "$work/readme1.yml"
holds "... that asks doctor before it runs tests" awk \
    '/run: clglu\/build\/clglu doctor$/ { asked = 1 } /run: make test/ { good = asked } END { exit !good }' \
    "$work/readme1.yml"
for file in .github/workflows/*.yml "$work"/readme*.yml; do
    name=$(basename "$file")
    holds "the linters have nothing to say of $name" lint "$file"
    holds "... its actions have major versions" pinned "$file"
done
for file in .github/workflows/*.yml; do holds "what $(basename "$file") runs is there" there "$file"; done
holds "what the README's runs of clglu is there" there "$work/readme1.yml" clglu

ci=.github/workflows/ci.yml
for fault in 's/runs-on:/run-on:/' 's/timeout-minutes: 60/timeout-minutes: an hour/' 's/^  check:/   check:/' 's/ run: / "run: /'; do
    holds "a fault is made: $fault" changed "$fault" $ci
    expect 1 "... and the linters see it" lint "$work/changed.yml"
done
holds "a fault is made: an action's branch" changed 's/checkout@v6/checkout@main/' $ci
expect 1 "... and it is seen" pinned "$work/changed.yml"
for fault in 's|run: .ci/run|run: .ci/walk|' 's/make check-sanitize/make check-nothing/'; do
    holds "a fault is made: $fault" changed "$fault" $ci
    expect 1 "... and it is seen" there "$work/changed.yml"
done
tests_end
