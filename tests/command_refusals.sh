# command_refusals.sh - files that clglu act and gate must refuse, with a reason and nothing left behind. Sourced by command.sh.
# SPDX-License-Identifier: MIT
# shellcheck shell=sh disable=SC2154

# The name of a bad file, words of the reason, what it is.
bad_files='empty|the file is empty|an empty file
cut-magic|cut|a file cut in the magic bytes
cut-prefix|cut|a file cut before the header length
cut-header|cut|a file cut in the header
cut-data|cut|a file cut in the data
no-data|cut|a file cut after the header
trailing|trailing bytes|a file with trailing bytes
magic|magic|a file with wrong magic bytes
text|magic|a text file
version-0|version 0.0|version 0 of the format
version-4|version 4.0|version 4 of the format
version-1-1|version 1.1|version 1.1 of the format
long-header|cut|a header longer than the file
huge-header|header|a header of 4 GB
huge-shape|shape|a shape whose size overflows
product|shape|a shape whose product overflows
wraps|shape|a shape whose product is small modulo 2^64
digits|shape|a shape of 41 digits
large|cut|a shape far larger than the file
negative|shape|a negative shape
minus-two|shape|a shape of two negative numbers
scalar|scalar|an array without dimension
bare|shape|a shape that is no tuple
list|shape|a shape that is a list
float|shape|a shape of fractions
dims|dimensions|65 dimensions
object|objects|Python objects
big-endian|big-endian|big-endian numbers
double|<f8|double numbers
integer|<i4|integers
record|structured|records
fortran|Fortran|Fortran order
order|fortran_order|an order that is no truth value
twice|twice|a key twice
extra|key|a key that numpy does not write
missing|lacks|a header without order
code|header|code for a header
unclosed|header|a header without end
endless|string|a string without end
after|header|something after the dictionary
zeros|header|zeros for a header
escapes|header|escape sequences in the header'

bad_content() {
    while IFS='|' read -r name words what; do
        refuse 4 "$words" "act refuses $what" "$clglu" act --act gelu --a "$in/bad/$name.npy" -o "$out/y.npy"
        holds "... and names the file" grep -qF -e "$name.npy" "$work/stderr"
    done <<END
$bad_files
END
    refuse 4 "header" "escape sequences in a file do not reach the terminal" "$clglu" act --act gelu --a "$in/bad/escapes.npy" \
        -o "$out/y.npy"
    holds "... nor the log" no_escapes
    for name in cut-data trailing object huge-shape; do
        refuse 4 "$name.npy" "gate refuses b: $name" "$clglu" gate --variant geglu --a "$in/x-f32.npy" --b "$in/bad/$name.npy" \
            -o "$out/y.npy"
        refuse 4 "$name.npy" "gate refuses dy: $name" "$clglu" gate --variant geglu --a "$in/x-f32.npy" --b "$in/x-f32.npy" \
            --backward "$in/bad/$name.npy" --da "$out/da.npy" --db "$out/db.npy"
        refuse 4 "$name.npy" "gate refuses a packed array: $name" "$clglu" gate --variant geglu --packed "$in/bad/$name.npy" \
            --layout act-first -o "$out/y.npy"
        refuse 4 "$name.npy" "gate refuses a bias: $name" "$clglu" gate --variant geglu --a "$in/a-f32.npy" --b "$in/b-f32.npy" \
            --bias-a "$in/bad/$name.npy" -o "$out/y.npy"
    done
}

bad_places() {
    refuse 4 "absent.npy" "act refuses a file that is not there" "$clglu" act --act gelu --a "$in/absent.npy" -o "$out/y.npy"
    refuse 4 "folder.npy" "act refuses a folder" "$clglu" act --act gelu --a "$in/bad/folder.npy" -o "$out/y.npy"
    if [ "$(id -u)" -eq 0 ]; then
        skip "act refuses a file that it may not read" "root may read everything"
    else
        cp "$in/x-f32.npy" "$work/secret.npy"
        chmod 0 "$work/secret.npy"
        refuse 4 "secret.npy" "act refuses a file that it may not read" "$clglu" act --act gelu --a "$work/secret.npy" \
            -o "$out/y.npy"
    fi
    refuse 4 "nowhere" "act refuses an output in a folder that is not there" "$clglu" act --act gelu --a "$in/x-f32.npy" \
        -o "$out/nowhere/y.npy"
    refuse 4 "folder.npy" "act refuses a folder as output" "$clglu" act --act gelu --a "$in/x-f32.npy" -o "$in/bad/folder.npy"
    refuse 4 "/dev/null" "act refuses a device as output" "$clglu" act --act gelu --a "$in/x-f32.npy" -o /dev/null
    refuse 4 "stdin" "act refuses a pipe that is cut" act_of_a_pipe head -c 200 "$in/x-f32.npy"
    refuse 4 "stdin" "act refuses a pipe that goes on" act_of_a_pipe cat "$in/x-f32.npy" "$in/x-f32.npy"
}

bad_company() {
    refuse 4 "other-shape.npy" "gate refuses a b of another shape" "$clglu" gate --variant geglu --a "$in/a-f32.npy" \
        --b "$in/other-shape.npy" -o "$out/y.npy"
    refuse 4 "x-f32.npy" "gate refuses a b of other dimensions" "$clglu" gate --variant geglu --a "$in/a-f32.npy" \
        --b "$in/x-f32.npy" -o "$out/y.npy"
    refuse 4 "b-f16.npy" "gate refuses a b of another dtype" "$clglu" gate --variant geglu --a "$in/a-f32.npy" \
        --b "$in/b-f16.npy" -o "$out/y.npy"
    refuse 4 "other-shape.npy" "act refuses a dy of another shape" "$clglu" act --act gelu --a "$in/a-f32.npy" \
        --backward "$in/other-shape.npy" --da "$out/da.npy"
    refuse 4 "dy-f16.npy" "gate refuses a dy of another dtype" "$clglu" gate --variant geglu --a "$in/a-f32.npy" \
        --b "$in/b-f32.npy" --backward "$in/dy-f16.npy" --da "$out/da.npy"
    refuse 4 "x-f32.npy" "act refuses a bias of another length" "$clglu" act --act gelu --a "$in/a-f32.npy" \
        --bias-a "$in/x-f32.npy" -o "$out/y.npy"
    refuse 4 "p-f16.npy" "act refuses a bias of another dtype" "$clglu" act --act gelu --a "$in/a-f32.npy" \
        --bias-a "$in/p-f16.npy" -o "$out/y.npy"
    refuse 4 "p-f32.npy" "gate refuses a packed bias of half the length" "$clglu" gate --variant geglu \
        --packed "$in/packed-act-first.npy" --layout act-first --packed-bias "$in/p-f32.npy" -o "$out/y.npy"
    refuse 4 "packed-odd.npy" "gate refuses a packed array of odd columns" "$clglu" gate --variant geglu \
        --packed "$in/packed-odd.npy" --layout act-first -o "$out/y.npy"
    refuse 4 "--dtype bf16" "act wants to hear that 16-bit words are bf16" "$clglu" act --act gelu --a "$in/x-bf16.npy" \
        -o "$out/y.npy"
    refuse 4 "--dtype bf16" "act wants to hear it of V2 too" "$clglu" act --act gelu --a "$in/x-v2.npy" -o "$out/y.npy"
    refuse 4 "x-f32.npy" "act refuses f32 where bf16 is asked for" "$clglu" act --act gelu --dtype bf16 --a "$in/x-f32.npy" \
        -o "$out/y.npy"
}

# What stood at an output's name stays until the new file is whole.
old_outputs() {
    cp "$in/bad/trailing.npy" "$work/kept.npy"
    run "$clglu" act --act gelu --a "$work/kept.npy" -o "$work/kept.npy"
    holds "a refused file in place stays as it was" cmp "$work/kept.npy" "$in/bad/trailing.npy"
    cp "$in/x-f32.npy" "$work/kept.npy"
    run "$clglu" gate --variant geglu --a "$in/a-f32.npy" --b "$in/other-shape.npy" -o "$work/kept.npy"
    holds "an old output survives a refusal" cmp "$work/kept.npy" "$in/x-f32.npy"
    holds "... with nothing beside it" test -z "$(find "$work" -maxdepth 1 -name '.*.tmp')"
}
