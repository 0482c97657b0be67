# command_bench.sh - clglu bench --ffn and clglu tune: figures, the tuning file, refusals. Sourced by command.sh
# behind command_endings.sh.
# SPDX-License-Identifier: MIT
# shellcheck shell=sh disable=SC2154

commands="$commands tune"
pieces="[r[k] for r in d['ffn']['rows'] for k in ('block', 'projections')]"

block_benchmarks() {
    good "bench --ffn works" "$clglu" bench --ffn 96:160 --rows 1,3 --repeats 2
    holds "bench --ffn fits 80 columns" narrow "$work/stdout"
    holds "bench --ffn has a line for each number of rows, of the block and of the projections" \
        test "$(grep -c -E '^ +[13]  ' "$work/stdout")" = 4
    good "bench --ffn --json works" "$clglu" bench --ffn 96:160:64 --rows 2,1 --repeats 3 --dtype bf16 --variant reglu --json
    judge_json "bench --ffn --json has the block, its limits and rows" "d['command'] == 'bench'" \
        "[d['ffn'][k] for k in ('d_model', 'd_ff', 'd_out', 'dtype', 'form')] == [96, 160, 64, 'bf16', 'reglu']" \
        "d['ffn']['packed_bytes'] >= 2 * (2 * 96 * 160 + 160 * 64) and d['rates']['fma_gflop_per_s'] > 0" \
        "[r['rows'] for r in d['ffn']['rows']] == [2, 1]" \
        "all(r['read_gb_per_s'] > 0 and r['openblas_projections'] is None for r in d['ffn']['rows'])" \
        "all(0 < p['time']['low_s'] <= p['time']['median_s'] <= p['time']['high_s'] for p in $pieces)" \
        "all(p['ratio'] == max(p['of_fma'], p['of_read']) > 0 for p in $pieces)" \
        "d['ffn']['rows'][1]['block']['times_one_row'] == 1"
    judge_json "bench --ffn counts a gated block's operations and the bytes of its weights" \
        "all(abs(p['gflop_per_s'] * p['time']['median_s'] / (r['rows'] * 2e-9 * n) - 1) < 1e-6 for r, p, n in
             ((r, r[k], 2 * 96 * 160 + m * 160 * 64) for r in d['ffn']['rows'] for k, m in (('block', 1), ('projections', 0))))" \
        "all(abs(r['block']['gb_per_s'] * r['block']['time']['median_s'] / (2e-9 * 160 * 256) - 1) < 1e-6 for r in d['ffn']['rows'])"
    good "bench --ffn takes a known model's plain block" "$clglu" bench --ffn minilm-l6 --rows 2 --repeats 1 --json
    judge_json "bench --ffn counts a plain block's one projection" "d['ffn']['form'] == 'gelu'" \
        "all(abs(p['gflop_per_s'] * p['time']['median_s'] / (2 * 2e-9 * 384 * 1536 * n) - 1) < 1e-6
             for p, n in ((d['ffn']['rows'][0]['block'], 2), (d['ffn']['rows'][0]['projections'], 1)))" \
        "d['ffn']['rows'][0]['block']['times_one_row'] is None"
    wrong "no known model" bench --ffn gemma9
    wrong "no known model" bench --ffn 96:160:
    wrong "no known model" bench --ffn 96
    wrong "no known model" bench --ffn 1:2:3:4
    wrong "from 1 to" bench --ffn 0:160
    wrong "from 1 to" bench --ffn 96:4194305
    wrong "from 1 to" bench --ffn 96:99999999999999999999
    good "bench --ffn --training works" "$clglu" bench --ffn 96:160 --rows 3 --repeats 2 --training --json
    judge_json "... and has a step of three times the forward's work, and an update" \
        "abs(d['ffn']['rows'][0]['training_step']['gflop_per_s'] * d['ffn']['rows'][0]['training_step']['time']['median_s'] /
             (3 * 3 * 2e-9 * 3 * 96 * 160) - 1) < 1e-6" \
        "d['ffn']['rows'][0]['update']['median_s'] > 0"
    wrong "--training" bench --training
    wrong "--rows" bench --rows 1
    wrong "--rows" bench --ffn 96:160 --rows 1,
    wrong "--rows" bench --ffn 96:160 --rows 0
    wrong "--rows" bench --ffn 96:160 --rows 65537
    wrong "--rows" bench --ffn 96:160 --rows 1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1
    wrong "--repeats" bench --ffn 96:160 --repeats 102
    wrong "--direction" bench --ffn 96:160 --direction forward
    wrong "--elements" bench --ffn 96:160 --elements 1M
    wrong "no variant or activation" bench --ffn 96:160 --variant genlu
    refuse 5 "on the device, which has" "a block larger than the device's memory is refused" "$clglu" bench --ffn 4194304:4194304
}

# own_lines FILE: those of the section for the device that tune has used
own_lines() { awk -v own="$own" '/^device / { on = $0 == own } /^ffn / && on' "$1"; }

tunings() {
    file=$out/tuning
    clear_out
    good "tune works" "$clglu" tune --shape 96:160,64:96:32 --rows 1,3 --repeats 1 -o "$file"
    holds "tune fits 80 columns" narrow "$work/stdout"
    own=$(grep '^device ' "$file")
    holds "tune writes the version first" test "$(head -n 1 "$file")" = "clglu tuning 1"
    holds "tune writes a line for each block and number of rows" \
        test "$(own_lines "$file" | sed 's/ form .*//' | tr '\n' ';')" = "ffn d_model 96 d_ff 160 dtype f32 rows 1;$(
        )ffn d_model 96 d_ff 160 dtype f32 rows 3;ffn d_model 64 d_ff 96 dtype f32 rows 1;ffn d_model 64 d_ff 96 dtype f32 rows 3;"
    other='device "another \"one\"" driver "1"'
    printf '%s\n' 'clglu tuning 1' '# a remark' '' "$other" 'ffn d_model 96 d_ff 160 dtype f32 rows 3 form clblast' '' "$own" \
        'ffn d_model 96 d_ff 160 dtype f32 rows 3 form clblast' 'ffn d_model 96 d_ff 160 dtype f32 rows 9 form general' >"$file"
    good "tune goes on with a file" "$clglu" tune --shape 96:160 --rows 3 --dtype f16,f32 --repeats 1 -o "$file" --json
    judge_json "tune --json has every choice, the first of them and the best" "d['command'] == 'tune' and len(d['blocks']) == 2" \
        "[(b['dtype'], b['rows']) for b in d['blocks']] == [('f16', 3), ('f32', 3)]" \
        "all(b['best'] in b['choices'] and b['gain'] > 0 and b['clblast_s'] is None for b in d['blocks'])" \
        "all(c['form'] in ('general', 'tile', 'local', 'split') and c['median_s'] > 0 for b in d['blocks'] for c in b['choices'])"
    holds "tune keeps remarks and other devices' lines" test "$(head -n 5 "$file" | tr '\n' ';')" = \
        "clglu tuning 1;# a remark;;$other;ffn d_model 96 d_ff 160 dtype f32 rows 3 form clblast;"
    holds "tune keeps its device's lines for other rows and replaces those for the same" \
        test "$(own_lines "$file" | sed 's/ form .*//' | tr '\n' ';')" = "ffn d_model 96 d_ff 160 dtype f32 rows 9;$(
        )ffn d_model 96 d_ff 160 dtype f16 rows 3;ffn d_model 96 d_ff 160 dtype f32 rows 3;"
    holds "... with their choices" grep -qx 'ffn d_model 96 d_ff 160 dtype f32 rows 9 form general' "$file"
    good "tune understands what it has written" "$clglu" tune --shape 32:32 --rows 1 --repeats 1 -o "$file"
    wrong "which blocks" tune
    wrong "--model" tune --model 96:160
    wrong "no known model" tune --shape 96:160,7
    wrong "--rows" tune --shape 96:160 --rows many
    wrong "--dtype" tune --shape 96:160 --dtype f32,f64
    wrong "--repeats" tune --shape 96:160 --repeats 0
    bad_tuning_files
    clear_out
    expect 1 "choices with other results fail tune" between ffn_general "$clglu" tune --shape 96:160 --rows 3 -o "$file"
    holds "... it is said which" grep -q 'form general .* have other bits' "$work/stderr"
    holds "... and nothing is written" test -z "$(contents "$out")"
    refuse 5 "CL_OUT_OF_RESOURCES" "a kernel that fails ends tune, and nothing is written" between ffn_general \
        env BROKEN_WAY=fail "$clglu" tune --shape 96:160 --rows 3 -o "$file"
}

bad_tuning_files() {
    bad=$work/bad-tuning
    printf 'clglu tuning 1\n\nfly\n' >"$bad"
    refuse 4 "$bad:3: " "tune does not write over a file that is no tuning file" "$clglu" tune --shape 32:32 --rows 1 -o "$bad"
    holds "... which is as it was" test "$(tr '\n' ';' <"$bad")" = "clglu tuning 1;;fly;"
    { printf 'clglu tuning 1\n%s\n' "$other" && yes "# $(printf '%1000d' 0)" | head -c 1048500; } | sed '$d' >"$bad"
    cp "$bad" "$bad.before"
    refuse 4 "1 MiB" "tune writes no file that is too large to be read" "$clglu" tune --shape 32:32,64:32,96:32 --rows 1,2,3,4,5 --repeats 1 -o "$bad"
    holds "... which is as it was, too" cmp "$bad" "$bad.before"
    rm -f "$bad.before"
    refuse 4 "cannot be written" "tune says at once that a folder is not there" "$clglu" tune --model gemma-7b -o "$work/none/file"
    refuse 4 "not a regular file" "tune writes to no folder" "$clglu" tune --model gemma-7b -o "$work"
    rm -f "$bad"
}
