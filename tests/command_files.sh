# command_files.sh - clglu act and gate on good files: every dtype, version, shape, layout and variant. Sourced by command.sh.
# SPDX-License-Identifier: MIT
# shellcheck shell=sh disable=SC2034,SC2154

# The forms, with the bound of an f32 result: 2 * (ULP of act + ULP of gate, if there is one) + 1.
variants='glu 5 sigmoid(a)*b
bilinear 5 a*b
reglu 5 relu(a)*b
geglu 5 gelu(a)*b
geglu_tanh 5 gelu_tanh(a)*b
geglu_quick 5 gelu_quick(a)*b
swiglu 5 silu(a)*b
gtu 9 tanh(a)*sigmoid(b)
geglu_sigmoid 9 gelu(a)*sigmoid(b)
swiglu_oai 5 silu(below(a,7),quick)*(within(b,7)+1)'
variant_names=$(printf '%s\n' "$variants" | awk '{ printf "%s%s", (NR > 1 ? " " : ""), $1 }')

# compute SENTENCE COMMAND...: its outputs are then judged, once, by `judged` or `equal`
compute() {
    computing=$1
    shift
    clear_out
    run "$@"
    computed=$status computed_by=$*
}

judged() {
    if [ "$computed" -ne 0 ]; then
        fail "$computing" "exit status $computed: $computed_by"
    else
        holds "$computing" "$python" tests/npy_cases.py judge "$@"
    fi
}

# The whole file, header and all.
equal() {
    if [ "$computed" -ne 0 ]; then
        fail "$computing" "exit status $computed: $computed_by"
    else
        holds "$computing" cmp "$@"
    fi
}

# What that command prints, through act.
act_of_a_pipe() { "$@" | "$clglu" act --act gelu --a /dev/stdin -o "$out/y.npy"; }

every_activation() {
    for act in identity relu relu2 sigmoid tanh silu gelu gelu_tanh gelu_quick; do
        compute "act $act is the formula, forward and backward" "$clglu" act --act $act --a "$in/a-f32.npy" \
            -o "$out/y.npy" --backward "$in/dy-f32.npy" --da "$out/da.npy" --check
        judged a="$in/a-f32.npy" dy="$in/dy-f32.npy" -- "$out/y.npy" 2 "$act(a)" "$out/da.npy" 5~dy "dy*${act}_d(a)"
    done
    compute "act silu takes alpha" "$clglu" act --act silu --alpha 2.5 --a "$in/a-f32.npy" -o "$out/y.npy" --check
    judged a="$in/a-f32.npy" -- "$out/y.npy" 2 "silu(a,2.5)"
    compute "act adds a bias to every row" "$clglu" act --act gelu --a "$in/a-f32.npy" --bias-a "$in/p-f32.npy" \
        -o "$out/y.npy" --check
    judged a="$in/a-f32.npy" p="$in/p-f32.npy" -- "$out/y.npy" 2 "gelu(f32(a+p))"
}

every_variant() {
    while read -r variant bound formula; do
        compute "gate $variant is the formula" "$clglu" gate --variant "$variant" --a "$in/a-f32.npy" --b "$in/b-f32.npy" \
            -o "$out/y.npy" --check
        judged a="$in/a-f32.npy" b="$in/b-f32.npy" -- "$out/y.npy" "$bound" "$formula"
    done <<END
$variants
END
    compute "gate takes act and gate by name, and limit and shift" "$clglu" gate --act gelu --gate tanh --limit 2 --shift 2 \
        --a "$in/a-f32.npy" --b "$in/b-f32.npy" -o "$out/y.npy" --check
    judged a="$in/a-f32.npy" b="$in/b-f32.npy" -- "$out/y.npy" 9 "gelu(below(a,2))*(tanh(within(b,2))+2)"
}

every_dtype() {
    for kind in f16 bf16 v2; do
        dtype=${kind%16}
        case $kind in f16) dtype='' ;; *) dtype='--dtype bf16' ;; esac
        # shellcheck disable=SC2086
        compute "gate geglu works on $kind, forward and backward" "$clglu" gate --variant geglu $dtype --a "$in/a-$kind.npy" \
            --b "$in/b-$kind.npy" --backward "$in/dy-$kind.npy" -o "$out/y.npy" --da "$out/da.npy" --db "$out/db.npy" --check
        judged a="$in/a-$kind.npy" b="$in/b-$kind.npy" dy="$in/dy-$kind.npy" -- "$out/y.npy" 0.501 "gelu(a)*b" \
            "$out/da.npy" "0.501~dy*b" "dy*b*gelu_d(a)" "$out/db.npy" 0.501 "dy*gelu(a)"
        # shellcheck disable=SC2086
        compute "act gelu works on $kind" "$clglu" act --act gelu $dtype --a "$in/x-$kind.npy" -o "$out/y.npy" --check
        judged a="$in/x-$kind.npy" -- "$out/y.npy" 0.501 "gelu(a)"
        # shellcheck disable=SC2086
        compute "gate swiglu takes biases in $kind" "$clglu" gate --variant swiglu $dtype --a "$in/a-$kind.npy" \
            --b "$in/b-$kind.npy" --bias-a "$in/p-$kind.npy" --bias-b "$in/q-$kind.npy" -o "$out/y.npy" --check
        judged a="$in/a-$kind.npy" b="$in/b-$kind.npy" p="$in/p-$kind.npy" q="$in/q-$kind.npy" -- \
            "$out/y.npy" 0.501 "silu(f32(a+p))*f32(b+q)"
    done
    compute "gate geglu works on f32, forward and backward" "$clglu" gate --variant geglu --a "$in/a-f32.npy" \
        --b "$in/b-f32.npy" --backward "$in/dy-f32.npy" -o "$out/y.npy" --da "$out/da.npy" --db "$out/db.npy" --check
    judged a="$in/a-f32.npy" b="$in/b-f32.npy" dy="$in/dy-f32.npy" -- "$out/y.npy" 5 "gelu(a)*b" \
        "$out/da.npy" "5~dy*b" "dy*b*gelu_d(a)" "$out/db.npy" 5 "dy*gelu(a)"
    compute "gate rounds like torch if asked" "$clglu" gate --variant geglu --rounding torch --a "$in/a-f16.npy" \
        --b "$in/b-f16.npy" -o "$out/y.npy" --check
    judged a="$in/a-f16.npy" b="$in/b-f16.npy" -- "$out/y.npy" 0.501 "f16(gelu(a))*b"
}

every_shape() {
    "$clglu" act --act gelu --a "$in/x-f32.npy" -o "$work/y.npy"
    "$clglu" gate --variant geglu --a "$in/a-f32.npy" --b "$in/b-f32.npy" -o "$work/gate.npy"
    for version in 2 3; do
        compute "act reads version $version of the format" "$clglu" act --act gelu --a "$in/version-$version.npy" -o "$out/y.npy"
        equal "$out/y.npy" "$work/y.npy"
    done
    compute "act keeps three dimensions" "$clglu" act --act gelu --a "$in/three-d.npy" -o "$out/y.npy"
    judged a="$in/three-d.npy" -- "$out/y.npy" 2 "gelu(a)"
    compute "gate keeps three dimensions" "$clglu" gate --variant geglu --packed "$in/packed-3d.npy" --layout act-first \
        -o "$out/y.npy"
    holds "$computing" "$python" tests/npy_cases.py repeats "$out/y.npy" "$work/gate.npy" 1
    for name in none no-rows no-cols; do
        compute "act takes an array of no elements: $name" "$clglu" act --act gelu --a "$in/$name.npy" -o "$out/y.npy" --check
        judged a="$in/$name.npy" -- "$out/y.npy" 0 a
        compute "gate takes arrays of no elements: $name" "$clglu" gate --variant geglu --a "$in/$name.npy" --b "$in/$name.npy" \
            -o "$out/y.npy"
        judged a="$in/$name.npy" -- "$out/y.npy" 0 a
    done
    compute "act reads a pipe" act_of_a_pipe cat "$in/x-f32.npy"
    equal "$out/y.npy" "$work/y.npy"
    compute "special values go through a file" "$clglu" act --act gelu --a "$in/special.npy" -o "$out/y.npy" --check
    holds "$computing" "$python" tests/npy_cases.py bits "$out/y.npy" 80000000 7f800000 80000000 00000000 7f7fffff 80000000 \
        00000001 nan
}

every_layout() {
    for layout in act-first act-second interleaved; do
        compute "packed $layout gives the bits of two arrays" "$clglu" gate --variant geglu --packed "$in/packed-$layout.npy" \
            --layout $layout -o "$out/y.npy" --check
        equal "$out/y.npy" "$work/gate.npy"
    done
    compute "packed bf16 works" "$clglu" gate --variant geglu --dtype bf16 --packed "$in/packed-bf16-interleaved.npy" \
        --layout interleaved -o "$out/y.npy" --check
    judged a="$in/a-bf16.npy" b="$in/b-bf16.npy" -- "$out/y.npy" 0.501 "gelu(a)*b"

    compute "gate swiglu takes biases" "$clglu" gate --variant swiglu --a "$in/a-f32.npy" --b "$in/b-f32.npy" \
        --bias-a "$in/p-f32.npy" --bias-b "$in/q-f32.npy" -o "$out/y.npy" --check
    judged a="$in/a-f32.npy" b="$in/b-f32.npy" p="$in/p-f32.npy" q="$in/q-f32.npy" -- \
        "$out/y.npy" 5 "silu(f32(a+p))*f32(b+q)"
    cp "$out/y.npy" "$work/biased.npy"
    for layout in act-first act-second interleaved; do
        compute "a packed bias in $layout gives the bits of two" "$clglu" gate --variant swiglu \
            --packed "$in/packed-$layout.npy" --layout $layout --packed-bias "$in/packed-bias-$layout.npy" -o "$out/y.npy"
        equal "$out/y.npy" "$work/biased.npy"
    done
    compute "one bias alone is added" "$clglu" gate --variant swiglu --a "$in/a-f32.npy" --b "$in/b-f32.npy" \
        --bias-b "$in/q-f32.npy" -o "$out/y.npy" --check
    judged a="$in/a-f32.npy" b="$in/b-f32.npy" q="$in/q-f32.npy" -- "$out/y.npy" 5 "silu(a)*f32(b+q)"

    "$clglu" gate --variant geglu --a "$in/a-f32.npy" --b "$in/b-f32.npy" --backward "$in/dy-f32.npy" --da "$work/da.npy" \
        --db "$work/db.npy"
    compute "the gradients of packed operands have the bits of two arrays" "$clglu" gate --variant geglu \
        --packed "$in/packed-act-second.npy" --layout act-second --backward "$in/dy-f32.npy" --da "$out/da.npy" --db "$out/db.npy"
    equal "$out/da.npy" "$work/da.npy"
    equal "$out/db.npy" "$work/db.npy"
    compute "one gradient alone can be had" "$clglu" gate --variant geglu --a "$in/a-f32.npy" --b "$in/b-f32.npy" \
        --backward "$in/dy-f32.npy" --db "$out/db.npy"
    equal "$out/db.npy" "$work/db.npy"
}

# 36 MB in and out: more than the command holds at a time, and the second part does not begin where a row does.
large_files() {
    compute "a long array goes through in parts" "$clglu" act --act gelu --a "$in/long.npy" -o "$out/y.npy"
    holds "$computing" "$python" tests/npy_cases.py repeats "$out/y.npy" "$work/y.npy" 15000
    compute "long packed rows with a bias go through in parts" "$clglu" gate --variant swiglu --packed "$in/packed-long.npy" \
        --layout interleaved --packed-bias "$in/packed-bias-interleaved.npy" -o "$out/y.npy"
    holds "$computing" "$python" tests/npy_cases.py repeats "$out/y.npy" "$work/biased.npy" 10000
    compute "--check counts over all parts" "$clglu" gate --variant swiglu --packed "$in/packed-long.npy" --layout interleaved \
        --packed-bias "$in/packed-bias-interleaved.npy" --check --json
    judge_json "$computing" "d['checks'][0]['count'] == 6000000 and d['checks'][0]['good']" \
        "sum(d['checks'][0]['histogram']) == 6000000 and d['checks'][0]['worst_row'] < 200000"
}

where_outputs_go() {
    cp "$in/x-f32.npy" "$work/place.npy"
    compute "an output may be the input: in place" "$clglu" act --act gelu --a "$work/place.npy" -o "$work/place.npy"
    equal "$work/place.npy" "$work/y.npy"
    cp "$in/a-f32.npy" "$work/place-a.npy"
    cp "$in/b-f32.npy" "$work/place-b.npy"
    compute "gradients may go in place of a and b" "$clglu" gate --variant geglu --a "$work/place-a.npy" --b "$work/place-b.npy" \
        --backward "$in/dy-f32.npy" --da "$work/place-a.npy" --db "$work/place-b.npy"
    equal "$work/place-a.npy" "$work/da.npy"
    equal "$work/place-b.npy" "$work/db.npy"
    clear_out
    echo old >"$out/real.npy"
    ln -s real.npy "$out/link.npy"
    run "$clglu" act --act gelu --a "$in/x-f32.npy" -o "$out/link.npy"
    if [ -h "$out/link.npy" ] && cmp -s "$out/real.npy" "$work/y.npy"; then
        pass "a link to an output is followed"
    else
        fail "a link to an output is followed" "$(ls -l "$out")"
    fi
    clear_out
    (cd "$out" && run "$clglu" act --act gelu --a "$in/x-f32.npy" -o y.npy)
    holds "an output's name needs no folder" cmp "$out/y.npy" "$work/y.npy"
    holds "nothing but the output is left" test "$(contents "$out")" = "y.npy "
    compute "act says nothing when all is good" "$clglu" act --act gelu --a "$in/x-f32.npy" -o "$out/y.npy"
    holds "$computing" test ! -s "$work/stdout" -a ! -s "$work/stderr"
    compute "--check says how far and where" "$clglu" act --act gelu --a "$in/x-f32.npy" --check
    holds "$computing" grep -q -E '^y +600 elements: max [0-9.]+ ULP \(bound 1\.8\) at row 0, col [0-9]+$' "$work/stdout"
    holds "--check leaves no file unless one is asked for" test -z "$(contents "$out")"
}
