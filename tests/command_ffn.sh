# command_ffn.sh - clglu ffn: safetensors files good and bad, names, layouts, orders, types, outputs. Sourced by command.sh.
# SPDX-License-Identifier: MIT
# shellcheck shell=sh disable=SC2154

# The name of a bad file, words of the reason, what it is.
bad_weights='empty|the file is empty|an empty file
seven|cut|seven bytes
eight|cut|a header length and nothing else
cut-header|cut|a file cut in the header
cut-data|cut|a file cut in the data
no-data|cut|a file cut after the header
trailing|trailing bytes|a file with trailing bytes
no-tensors-but-data|trailing bytes|data without tensors
length-0|not a safetensors file|a header of no bytes
length-7|JSON|a header of seven bytes
length-past|cut|a header longer than the file
length-2-63|over 100 MB|a header of 2^63 bytes
length-max|over 100 MB|a header of 2^64 - 1 bytes
length-minus-7|over 100 MB|a header that ends before it begins, modulo 2^64
over-100-mb|over 100 MB|a header just over the limit
text|not a safetensors file|a text file
not-json|outside of any string|a header that is not JSON
array|begin with|an array for a header
string|begin with|a string for a header
number|begin with|a number for a header
space-first|begin with|a header that begins with a space
bom|begin with|a header with a byte order mark
unclosed|JSON|a header without end
endless-string|JSON|a string without end
escaped-end|JSON|a string that ends in a backslash
twice-closed|JSON|a bracket too many
after|JSON|something behind the header
padded-with-zeros|outside of any string|a header padded with zeros
comma|JSON|a comma too many
name-twice|JSON|a name twice
key-twice|JSON|a key twice
deep|nested|arrays 100000 deep
deep-objects|nested|objects 100000 deep
zeros|begin with|a file of zeros
spaces|begin with|a header of spaces
shape-exponent|outside of any string|a shape with exponents
shape-fraction|outside of any string|a shape of fractions
shape-negative|outside of any string|a negative shape
shape-minus-zero|outside of any string|a shape of -0
shape-too-large|JSON|a shape of 2^64
shape-two-63|JSON|a shape of 2^63
shape-strings|shape|a shape of strings
shape-true|outside of any string|a shape of truth values
shape-null|outside of any string|a shape of nulls
shape-nested|nested|a shape in a shape
shape-leading-zero|JSON|a shape with a leading zero
shape-infinity|outside of any string|an infinite shape
shape-not-array|shape|a shape that is a number
shape-object|shape|a shape that is an object
shape-product|overflows|a shape whose product overflows
shape-wraps|overflows|a shape whose size is small modulo 2^64
shape-product-of-none|overflows|an empty shape whose other sizes overflow
shape-small|needs 16 bytes|a shape smaller than its data
shape-large|needs 32 bytes|a shape larger than its data
shape-dims|dimensions|17 dimensions
shape-many-dims|dimensions|100000 dimensions
offsets-backwards|before they begin|data that end before they begin
offsets-negative|outside of any string|negative offsets
offsets-exponent|outside of any string|offsets with exponents
offsets-fraction|outside of any string|offsets that are fractions
offsets-strings|two counts|offsets that are strings
offsets-one|two counts|one offset
offsets-three|two counts|three offsets
offsets-number|two counts|a number for offsets
offsets-past|cut|data past the end
offsets-far|cut|data far past the end
offsets-two-64|JSON|offsets of 2^64
offsets-hole-first|hole|a hole before the first tensor
dtype-unknown|not known|an unknown dtype
dtype-lower|not known|a dtype in small letters
dtype-number|not a string|a number for a dtype
dtype-size|needs 12 bytes|a dtype of another size
dtype-bits|whole bytes|three elements of four bits
dtype-empty|not known|an empty dtype
dtype-escape|not known|escape sequences in a dtype
no-dtype|lacks|a tensor without dtype
no-shape|lacks|a tensor without shape
no-data_offsets|lacks|a tensor without offsets
extra-key|keys beside|a tensor with a key more
entry-array|not an object|an array for a tensor
entry-number|not an object|a number for a tensor
overlap|overlap|tensors that overlap
same-data|overlap|tensors that share their data
hole|hole|a hole between tensors
metadata-numbers|__metadata__|metadata of numbers
metadata-array|__metadata__|metadata in an array
metadata-deep|__metadata__|metadata in metadata
name-nul|JSON|a NUL in a name
name-raw-nul|JSON|a bare NUL in a name
name-utf8|JSON|a name that is not UTF-8
name-overlong|JSON|a name in overlong UTF-8
name-surrogate|JSON|half a surrogate pair in a name
name-newline|not known|a newline in a name
name-escape|not known|escape sequences in a name
name-long|not known|a name of a million letters
million|too many|a million tensors
million-names|more than|150000 names
folder|regular file|a folder
pipe|regular file|a pipe without a writer
absent|No such file|a file that is not there'

# A bad file must cost little: 2 seconds at most, and 500 MB of addresses.
sparing() {
    (
        # shellcheck disable=SC3045
        ulimit -v 500000 2>/dev/null
        exec timeout 2 "$@"
    )
}

bad_weight_files() {
    while IFS='|' read -r name words what; do
        refuse 4 "$words" "ffn refuses $what" sparing "$clglu" ffn -w "$ffn/bad/$name.safetensors" --act gelu --wa w \
            --x "$ffn/x.npy" -o "$out/y.npy"
        grep -qF -e "$name.safetensors: " "$work/stderr" || fail "... and names the file" "it does not: $name"
        [ "$(wc -l <"$work/stderr")" -eq 1 ] || fail "... in one line" "there are more: $name"
        no_escapes || fail "... without escapes" "there are some: $name"
    done <<END
$bad_weights
END
}

# block SENTENCE ARGUMENT...: a block of x with the f32 weights, into y
block() {
    sentence=$1
    shift
    compute "$sentence" "$clglu" ffn -w "$weights" --x "$x" -o "$out/y.npy" "$@"
}

# is FORMULA NAME=TENSOR...: what the last block gave
is() {
    if [ "$computed" -ne 0 ]; then
        fail "$computing" "exit status $computed: $computed_by"
    else
        holds "$computing" "$python" tests/safetensors_cases.py judge "$weights" "$out/y.npy" "$x" "$@"
    fi
}

every_block() {
    weights=$ffn/f32.safetensors x=$ffn/x.npy
    gated='--variant swiglu --wa wa --wb wb --wd wd --ba ba --bb bb --bd bd'
    all='wa=wa wb=wb wd=wd ba=ba bb=bb bd=bd'
    # shellcheck disable=SC2086
    {
        block "a gated block is the formula" $gated --check
        is "silu(a)*b" $all
        cp "$out/y.npy" "$work/ffn.npy"
        holds "--check says how far and where" grep -q -E \
            '^y +112 results: max [0-9.e-]+ of the bound at row [0-6], col [0-9]+$' "$work/stdout"
        block "ffn says nothing when all is good" $gated
        holds "$computing" test ! -s "$work/stdout" -a ! -s "$work/stderr"
        for variant in geglu_tanh gtu geglu_sigmoid; do
            block "ffn computes $variant" --variant $variant --wa wa --wb wb --wd wd --check
            is "$(printf '%s\n' "$variants" | awk -v v=$variant '$1 == v { print $3 }')" wa=wa wb=wb wd=wd
        done
        block "ffn takes act, gate, limit and shift" --act silu --alpha 1.702 --limit 0.5 --shift 1 --wa wa --wb wb --check
        is "silu(below(a,0.5),quick)*(within(b,0.5)+1)" wa=wa wb=wb
        block "a plain block is the formula" --act gelu --wa wa --ba ba --wd wd --bd bd --check
        is "gelu(a)" wa=wa ba=ba wd=wd bd=bd
        cp "$out/y.npy" "$work/plain.npy"
        block "projections alone are the formula" --variant geglu --wa wa --wb wb --bb bb --check
        is "gelu(a)*b" wa=wa wb=wb bb=bb
        block "without Wa a is x itself" --variant geglu_sigmoid --wb square --check
        is "gelu(a)*sigmoid(b)" wb=square
        block "a and b can be had" $gated --a "$out/a.npy" --b "$out/b.npy"
        equal "$out/y.npy" "$work/ffn.npy"
        block "... a is the projection" --act identity --wa wa --ba ba -o "$out/pa.npy" --a "$out/a.npy"
        equal "$out/a.npy" "$out/pa.npy"
        block "... and b" $gated -o "$out/y.npy" --b "$out/b.npy"
        cp "$out/b.npy" "$work/b.npy"
        block "... and b" --act identity --wa wb --ba bb
        equal "$out/y.npy" "$work/b.npy"
    }
}

every_order() {
    weights=$ffn/f32.safetensors x=$ffn/x.npy
    block "in-out gives the bits of out-in" --variant swiglu --order in-out --wa wa.t --wb wb.t --wd wd.t --ba ba --bb bb --bd bd
    equal "$out/y.npy" "$work/ffn.npy"
    for layout in act-first act-second interleaved; do
        block "packed $layout gives the bits of two tensors" --variant swiglu --packed "$layout" --layout "$layout" \
            --packed-bias "$layout.bias" --wd wd --bd bd --check
        equal "$out/y.npy" "$work/ffn.npy"
        block "... in the order in-out too" --variant swiglu --packed "$layout.t" --layout "$layout" --order in-out \
            --packed-bias "$layout.bias" --wd wd.t --bd bd
        equal "$out/y.npy" "$work/ffn.npy"
    done
    for file in odd unsorted; do
        weights=$ffn/$file.safetensors
        block "the bits do not depend on what else is in the file: $file" --variant swiglu --wa wa --wb wb --wd wd --ba ba --bb bb --bd bd
        equal "$out/y.npy" "$work/ffn.npy"
    done
    weights=$ffn/experts.safetensors
    block "an expert's block has the bits of a block" --variant swiglu --wa wa.e --wb wb.e --wd wd.e --ba ba.e --bb bb.e --bd bd.e \
        --expert 0
    equal "$out/y.npy" "$work/ffn.npy"
    block "... the second's too" --act gelu --wa wa.t.e --ba ba.e --order in-out --expert 1
    cp "$out/y.npy" "$work/expert.npy"
    weights=$ffn/other.safetensors
    block "... the second's too" --act gelu --wa wa --ba ba
    equal "$out/y.npy" "$work/expert.npy"
}

every_weight_type() {
    for type in f16 bf16; do
        weights=$ffn/$type.safetensors x=$ffn/x.npy
        block "$type weights work" --variant geglu --packed act-second --layout act-second --packed-bias act-second.bias --wd wd \
            --bd bd --check
        is "gelu(a)*b" wa=wa wb=wb wd=wd ba=ba bb=bb bd=bd
    done
    weights=$ffn/f32.safetensors x=$ffn/x-f16.npy
    block "an f16 x gives an f16 y" --variant swiglu --wa wa --wb wb --wd wd --check
    is "silu(a)*b" wa=wa wb=wb wd=wd
    weights=$ffn/bf16.safetensors x=$ffn/x-bf16.npy
    block "a bf16 x gives a bf16 y" --variant swiglu --wa wa --wb wb --wd wd --dtype bf16 --check
    is "silu(a)*b" wa=wa wb=wb wd=wd
    block "--y-dtype is y's type" --variant swiglu --wa wa --wb wb --wd wd --dtype bf16 --y-dtype f32 --check
    is "silu(a)*b" wa=wa wb=wb wd=wd
    holds "... f32" grep -q "'<f4'" "$out/y.npy"
    x=$ffn/x.npy
    block "an f32 x may give a bf16 y" --variant swiglu --wa wa --wb wb --wd wd --y-dtype bf16 --check
    is "silu(a)*b" wa=wa wb=wb wd=wd
    holds "... bf16" grep -q "'<u2'" "$out/y.npy"
}

every_x() {
    weights=$ffn/f32.safetensors
    plain='--act gelu --wa wa --ba ba --wd wd --bd bd'
    # shellcheck disable=SC2086
    {
        x=$ffn/x-3d.npy
        block "x may have three dimensions" $plain
        is "gelu(a)" wa=wa ba=ba wd=wd bd=bd
        x=$ffn/x-row.npy
        block "x may be one row" $plain
        is "gelu(a)" wa=wa ba=ba wd=wd bd=bd
        x=$ffn/x-none.npy
        block "x may have no rows" $plain --check
        is "gelu(a)" wa=wa ba=ba wd=wd bd=bd
        x=$ffn/x-long.npy
        block "a long x goes through" $plain --row-block 256 --check --json
        judge_json "$computing" "d['checks'][0]['count'] == 48000 and d['checks'][0]['good']" "d['rows'] == 3000"
        block "a pipe goes through" $plain
        cp "$out/y.npy" "$work/long.npy"
        clear_out
        cat <"$x" | "$clglu" ffn -w "$weights" --x /dev/stdin -o "$out/y.npy" $plain
        holds "a pipe goes through" cmp "$out/y.npy" "$work/long.npy"
        cp "$ffn/x.npy" "$work/place.npy"
        run "$clglu" ffn -w "$weights" --x "$work/place.npy" -o "$work/place.npy" $plain
        holds "y may take x's name" cmp "$work/place.npy" "$work/plain.npy"
    }
}

# model SCHEME FILE LAYER ARGUMENT... -- ARGUMENT...: the model's names give what the tensors' give
model() {
    scheme=$1 weights=$ffn/$2.safetensors layer=$3 x=$ffn/x.npy
    shift 3
    extra=
    while [ "$1" != -- ]; do
        extra="$extra $1"
        shift
    done
    shift
    block "names: $scheme's layer $layer in $2 is found" "$@"
    cp "$out/y.npy" "$work/named.npy"
    # shellcheck disable=SC2086
    block "names: $scheme's layer $layer in $2 is found" --model "$scheme" --layer "$layer" $extra --check
    equal "$out/y.npy" "$work/named.npy"
}

every_model() {
    e=encoder.block.2.layer.1.DenseReluDense d=decoder.block.1.layer.2.DenseReluDense
    model t5 t5 2 -- --variant geglu_tanh --wa $e.wi_0.weight --wb $e.wi_1.weight --wd $e.wo.weight
    model t5 t5 1 --decoder -- --variant geglu_tanh --wa $d.wi_0.weight --wb $d.wi_1.weight --wd $d.wo.weight
    for file in gemma gemma3; do
        m=model.layers.2.mlp
        [ $file = gemma ] || m=language_model.$m
        model gemma $file 2 -- --variant geglu_tanh --wa $m.gate_proj.weight --wb $m.up_proj.weight --wd $m.down_proj.weight
        model llama $file 2 -- --variant swiglu --wa $m.gate_proj.weight --wb $m.up_proj.weight --wd $m.down_proj.weight
    done
    m=layers.0.feed_forward
    model llama llama 0 -- --variant swiglu --wa $m.w1.weight --wb $m.w3.weight --wd $m.w2.weight
    model modernbert modernbert 1 -- --variant geglu --packed model.layers.1.mlp.Wi.weight --layout act-first \
        --wd model.layers.1.mlp.Wo.weight
    model modernbert modernbert-bare 1 -- --variant geglu --packed layers.1.mlp.Wi.weight --layout act-first \
        --wd layers.1.mlp.Wo.weight
    for p in '' bert.; do
        m=${p}encoder.layer.1
        model bert "bert${p:+-wrapped}" 1 -- --act gelu --wa $m.intermediate.dense.weight --ba $m.intermediate.dense.bias \
            --wd $m.output.dense.weight --bd $m.output.dense.bias
    done
    model fracast fracast 0 -- --variant swiglu --packed core.block.ffn.up.weight --packed-bias core.block.ffn.up.bias \
        --layout act-first --wd core.block.ffn.down.weight --bd core.block.ffn.down.bias
    # Blocks of other widths do not count, and 10 comes after 2.
    layer=0
    for n in 0 2 10; do
        m=down_blocks.$n.attentions.0.transformer_blocks.0.ff.net
        model sd sd $layer -- --variant geglu --packed $m.0.proj.weight --packed-bias $m.0.proj.bias --layout act-second \
            --wd $m.2.weight --bd $m.2.bias
        layer=$((layer + 1))
    done
    m=model.layers.0.mlp.experts
    model gpt-oss gpt-oss 0 --expert 1 -- --variant swiglu_oai --packed $m.gate_up_proj --packed-bias $m.gate_up_proj_bias \
        --layout interleaved --order in-out --wd $m.down_proj --bd $m.down_proj_bias --expert 1
    weights=$ffn/minilm.safetensors x=$ffn/x-384.npy m=encoder.layer.3
    block "a model of the library's is found" --act gelu --wa $m.intermediate.dense.weight --ba $m.intermediate.dense.bias \
        --wd $m.output.dense.weight --bd $m.output.dense.bias
    cp "$out/y.npy" "$work/named.npy"
    block "a model of the library's is found" --model minilm-l6 --layer 3 --check --json
    equal "$out/y.npy" "$work/named.npy"
    judge_json "ffn --json has sizes, tensors and the check" "d['command'] == 'ffn' and d['dtype'] == 'bf16'" \
        "(d['rows'], d['cols'], d['d_model'], d['d_ff']) == (2, 384, 384, 1536)" "d['packed_bytes'] >= 4 * 384 * 1536" \
        "d['tensors']['wd'] == '$m.output.dense.weight' and len(d['tensors']) == 4" \
        "len(d['checks']) == 1 and d['checks'][0]['good'] and d['checks'][0]['count'] == 768" \
        "0 < d['checks'][0]['max_ratio'] <= 1 and d['checks'][0]['bits_differ'] == 0" \
        "d['checks'][0]['worst_row'] < 2 and d['checks'][0]['worst_col'] < 384 and d['checks'][0]['max_want'] > 0"
    # More than is checked at a time: the second part does not begin where the first did.
    x=$ffn/x-384-long.npy
    block "a long x goes through in parts, and --check counts over all" --model minilm-l6 --layer 3 --check --json
    holds "$computing" "$python" tests/npy_cases.py repeats "$out/y.npy" "$work/named.npy" 250
    judge_json "$computing" "d['rows'] == 500 and d['checks'][0]['count'] == 192000 and d['checks'][0]['good']" \
        "0 < d['checks'][0]['max_ratio'] <= 1 and d['checks'][0]['worst_row'] < 500"
}

# unfit WORDS SENTENCE ARGUMENT...: exit status 4
unfit() {
    words=$1 sentence=$2
    shift 2
    refuse 4 "$words" "$sentence" "$clglu" ffn -w "$weights" --x "$x" -o "$out/y.npy" "$@"
}

blocks_that_do_not_fit() {
    weights=$ffn/f32.safetensors x=$ffn/x.npy
    unfit "no tensor 'wq'; the nearest of its 19: wa, wb, wd" "a name that is not there is told, with near ones" --act gelu --wa wq
    unfit "24 inputs are wanted (the columns of x); --order in-out would fit" "the wrong order is told" --act gelu --wa wa.t
    unfit "--order out-in would fit" "... both ways" --act gelu --wa wa --order in-out
    unfit "40 inputs are wanted (the projections' outputs); --order in-out" "... of Wd too" --act gelu --wa wa --wd wd.t
    unfit "'square' (wb) is [24, 24]" "a Wb of other sizes than Wa is refused" --variant geglu --wa wa --wb square
    unfit "a is x itself" "a Wb that is not square is refused without Wa" --variant geglu --wb wb
    unfit "a bias of 40 elements" "a bias of other length is refused" --act gelu --wa wa --ba bd
    unfit "a bias of 80 elements" "a packed bias of half the length is refused" --variant geglu --packed act-first \
        --layout act-first --packed-bias ba
    unfit "two dimensions" "a vector for a matrix is refused" --act gelu --wa ba
    unfit "two dimensions" "a matrix for a bias is refused" --act gelu --wa wa --ba wb
    unfit "one dimension more" "--expert needs experts" --act gelu --wa wa --expert 0
    x=$ffn/x-narrow.npy
    unfit "8 inputs are wanted (the columns of x)" "an x of other width is refused" --act gelu --wa wa
    x=$ffn/x-no-cols.npy
    unfit "0 inputs are wanted" "an x without columns is refused" --act gelu --wa wa
    x=$ffn/x-bf16.npy
    unfit "--dtype bf16" "ffn wants to hear that x is bf16" --act gelu --wa wa
    x=$ffn/x.npy weights=$ffn/mixed.safetensors
    unfit "'f32.bias' is F32, but 'wa' is BF16" "weights of two types are refused" --act gelu --wa wa --ba f32.bias
    unfit "'bytes' is U8: weights must be F32, F16 or BF16" "weights of bytes are refused" --act gelu --wa bytes
    weights=$ffn/experts.safetensors
    unfit "say --expert E" "matrices of experts want --expert" --act gelu --wa wa.e
    unfit "no such expert" "an expert that is not there is refused" --act gelu --wa wa.e --expert 2
    for file in none spaces; do
        weights=$ffn/$file.safetensors
        unfit "the nearest of its 0: none" "a file without tensors is told: $file" --act gelu --wa wa
    done
    weights=$ffn/gemma.safetensors
    unfit "no tensors of gemma's layer 12. Looked for layers.12.mlp.gate_proj.weight" "a layer too many is told" --model gemma \
        --layer 12
    holds "... with near names" grep -q 'nearest of its 36 names: model.layers.[0-9]*.mlp.gate_proj.weight' "$work/stderr"
    unfit "encoder.block.0.layer.1.DenseReluDense.wi_0.weight" "another scheme's names are told" --model t5 --layer 0
    unfit "gemma has no decoder" "--decoder is for models that have one" --model gemma --layer 0 --decoder
    unfit "3584 inputs and 14336 outputs are wanted (gemma2-9b)" "sizes that are not the model's are told" --model gemma2-9b \
        --layer 0
    weights=$ffn/sd.safetensors
    unfit "has 3 blocks *ff.net.0.proj.weight for 24 inputs: there is no layer 3" "a layer too many is told of U-Nets" \
        --model sd --layer 3
    weights=$ffn/gpt-oss-blocks.safetensors
    unfit "MXFP4 blocks" "MXFP4 weights are refused" --model gpt-oss --layer 0 --expert 0
    weights=$ffn/minilm.safetensors x=$ffn/x-384.npy
    unfit "encoder.layer.2.intermediate.dense.weight" "a layer in another file is told" --model minilm-l6 --layer 2
    if "$clglu" ffn -w "$ffn/f32.safetensors" --x "$ffn/x.npy" --act gelu --wa wa --check --route clblast >"$work/stdout" \
        2>"$work/stderr"; then
        pass "the route clblast works where it is built in"
    else
        refuse 2 "CLGLU_UNSUPPORTED" "the route clblast is refused where it is not built in" "$clglu" ffn \
            -w "$ffn/f32.safetensors" --x "$ffn/x.npy" --act gelu --wa wa --check --route clblast
    fi
}

ffn_usage() {
    w=$ffn/f32.safetensors x=$ffn/x.npy y=$out/y.npy
    good "ffn --help works" "$clglu" ffn --help
    holds "ffn --help fits 80 columns" narrow "$work/stdout"
    holds "ffn --help says usage and options" grep -q -e '^clglu ffn - ' "$work/stdout"
    wrong "unknown option '--fly'" ffn --fly
    wrong "what is 'stray'" ffn stray
    wrong "which weights" ffn --x "$x" --act gelu --wa wa -o "$y"
    wrong "which input" ffn -w "$w" --act gelu --wa wa -o "$y"
    wrong "which projections" ffn -w "$w" --x "$x" --act gelu -o "$y"
    wrong "which operator" ffn -w "$w" --x "$x" --wa wa -o "$y"
    wrong "nothing to do" ffn -w "$w" --x "$x" --act gelu --wa wa
    wrong "no gate" ffn -w "$w" --x "$x" --variant geglu --wa wa -o "$y"
    wrong "no gate" ffn -w "$w" --x "$x" --act gelu --gate tanh --wa wa -o "$y"
    wrong "genlu" ffn -w "$w" --x "$x" --variant genlu --wa wa --wb wb -o "$y"
    wrong "--packed goes without" ffn -w "$w" --x "$x" --variant geglu --packed p --layout act-first --wa wa -o "$y"
    wrong "--packed needs --layout" ffn -w "$w" --x "$x" --variant geglu --packed p -o "$y"
    wrong "sideways" ffn -w "$w" --x "$x" --variant geglu --packed p --layout sideways -o "$y"
    wrong "--layout is for" ffn -w "$w" --x "$x" --variant geglu --wa wa --wb wb --layout act-first -o "$y"
    wrong "sideways" ffn -w "$w" --x "$x" --act gelu --wa wa --order sideways -o "$y"
    wrong "needs its matrix" ffn -w "$w" --x "$x" --act gelu --wa wa --bd bd -o "$y"
    wrong "needs its matrix" ffn -w "$w" --x "$x" --act gelu --wa wa --packed-bias p -o "$y"
    wrong "needs --layer" ffn -w "$w" --x "$x" --model gemma -o "$y"
    wrong "no model is named 'gemmma'; known are" ffn -w "$w" --x "$x" --model gemmma --layer 0 -o "$y"
    wrong "finds the tensors itself" ffn -w "$w" --x "$x" --model gemma --layer 0 --wa wa -o "$y"
    wrong "are for --model" ffn -w "$w" --x "$x" --act gelu --wa wa --layer 0 -o "$y"
    wrong "--layer" ffn -w "$w" --x "$x" --model gemma --layer one -o "$y"
    wrong "--expert" ffn -w "$w" --x "$x" --act gelu --wa wa --expert -1 -o "$y"
    wrong "--alpha" ffn -w "$w" --x "$x" --act gelu --alpha 2 --wa wa -o "$y"
    wrong "--dtype" ffn -w "$w" --x "$x" --act gelu --wa wa --dtype f64 -o "$y"
    wrong "--y-dtype" ffn -w "$w" --x "$x" --act gelu --wa wa --y-dtype f64 -o "$y"
    wrong "--row-block" ffn -w "$w" --x "$x" --act gelu --wa wa --row-block 1G -o "$y"
    wrong "--route" ffn -w "$w" --x "$x" --act gelu --wa wa --route scenic -o "$y"
    wrong "--b needs Wb" ffn -w "$w" --x "$x" --act gelu --wa wa --b "$y"
    wrong "--a needs Wa" ffn -w "$w" --x "$x" --variant geglu --wb square --a "$y"
    wrong "one name" ffn -w "$w" --x "$x" --variant geglu --wa wa --wb wb --a "$y" --b "$y"
    refuse 2 "CLGLU_INVALID_VALUE" "a negative limit of a block is refused" "$clglu" ffn -w "$w" --x "$x" --variant geglu --wa wa \
        --wb wb --limit -1 -o "$y"
}

# What goes wrong around it; needs the library that broken_devices builds.
ffn_in_trouble() {
    x=$ffn/x.npy
    for way in shrink vanish touch; do
        clear_out
        cp "$ffn/f32.safetensors" "$work/meddled.safetensors"
        good "weights that change under the command are told, and nothing is left: $way" "$python" tests/safetensors_cases.py \
            meddle $way "$work/meddled.safetensors" "$out" "$clglu" ffn -w "$work/meddled.safetensors" --act gelu --wa wa \
            --wd wd --x /dev/stdin -o "$out/y.npy" --check
    done
    clear_out
    good "SIGTERM in the middle of a block leaves nothing" "$python" tests/npy_cases.py interrupt SIGTERM "$out" "$clglu" ffn \
        -w "$ffn/wide.safetensors" --act gelu --wa wa --x /dev/stdin -o "$out/y.npy" --a "$out/a.npy"
    echo old >"$work/old.npy"
    run "$clglu" ffn -w "$ffn/f32.safetensors" --x "$x" --act gelu --wa nowhere -o "$work/old.npy"
    holds "an old y survives a refusal" grep -qx old "$work/old.npy"
    refuse 4 "/dev/null" "ffn refuses a device as output" "$clglu" ffn -w "$ffn/f32.safetensors" --x "$x" --act gelu --wa wa \
        -o /dev/null
    refuse 4 "trailing" "an x that goes on is refused" ffn_of_a_pipe cat "$x" "$x"
    refuse 4 "cut" "an x that is cut is refused" ffn_of_a_pipe head -c 300 "$x"
    refuse 5 "CL_OUT_OF_RESOURCES" "a kernel that fails has exit status 5 and leaves nothing of a block" between '!selftest' \
        env BROKEN_WAY=fail "$clglu" ffn -w "$ffn/f32.safetensors" --x "$x" --act gelu --wa wa -o "$out/y.npy"
    clear_out
    expect 1 "a device with wrong results fails the check of a block" between '!selftest' "$clglu" ffn \
        -w "$ffn/f32.safetensors" --x "$x" --act gelu --wa wa --ba ba --wd wd -o "$out/y.npy" --check
    holds "... no y is written" test -z "$(contents "$out")"
    holds "... and it is said" grep -q 'check failed' "$work/stdout"
}

ffn_of_a_pipe() { "$@" | "$clglu" ffn -w "$ffn/f32.safetensors" --act gelu --wa wa --x /dev/stdin -o "$out/y.npy"; }

feed_forward_blocks() {
    ffn=$work/ffn
    if ! "$python" tests/safetensors_cases.py write "$ffn" 2>"$work/stderr"; then
        fail "the .safetensors files can be written" "they cannot"
        return
    fi
    ffn_usage
    bad_weight_files
    every_block
    every_order
    every_weight_type
    every_x
    every_model
    blocks_that_do_not_fit
    ffn_in_trouble
    rm -rf "$ffn"
}
