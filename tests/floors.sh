#!/bin/sh
# floors.sh - an include points down or sideways, never up; the command uses only the public header.
# SPDX-License-Identifier: MIT
set -eu

awk '
function floor_of(file) { return (file in floor) ? floor[file] : -1 }
BEGIN {
    split("status dtype ulp reference sizes view place variant model job job_check emulate block backward emulate_ffn reference_ffn emulate_backward reference_backward judge compare compare_ffn", f0, " ")
    split("core harmless device select error file cl_name source binary cache program launch workspace tune", f1, " ")
    split("selftest buffer run operate act gate twin share tiles check options panel project ffn ffn_plan ffn_run back back_room back_run ffn_backward ffn_update ffn_host check_ffn clblast", f2, " ")
    split("context examine", f3, " ")
    for (i in f0) floor[f0[i]] = 0
    for (i in f1) floor[f1[i]] = 1
    for (i in f2) floor[f2[i]] = 2
    for (i in f3) floor[f3[i]] = 3
}
FNR == 1 {
    own = FILENAME; sub(/.*\//, "", own); sub(/\.[ch]$/, "", own)
    if (FILENAME ~ /^src\// && floor_of(own) < 0) { print FILENAME ": is on no floor: give it one here"; bad = 1 }
}
/^[ \t]*#[ \t]*include[ \t]*"/ {
    split($0, part, "\""); name = part[2]; sub(/\.h$/, "", name)
    if (FILENAME ~ /^src\//) {
        if (name == "clglu" || name ~ /^\.\.\/(cl|include)\//) next
        if (floor_of(name) > floor_of(own)) { print FILENAME ": includes " part[2] " of a higher floor"; bad = 1 }
    } else if ((getline line < ("tools/" part[2])) < 0 && part[2] != "clglu.h") {
        print FILENAME ": the command includes " part[2]; bad = 1
    }
    count++
}
END { print count " includes point down or sideways"; exit bad || count == 0 }
' src/*.[ch] tools/*.[ch]
