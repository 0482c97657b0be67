# acts.awk - the activations as a table for the README: awk -f tools/acts.awk include/clglu_acts.h
# SPDX-License-Identifier: MIT

BEGIN {
    print "| id | name | act(x) | act'(x) | ULP, f32 | ULP of act' | source |"
    print "|---|---|---|---|---|---|---|"
}
/^ *X\([0-9]+, / {
    line = $0
    sub(/^ *X\(/, "", line)
    sub(/\).?\\?$/, "", line)
    count = 0
    while (line != "") {
        if (substr(line, 1, 1) == "\"") {
            line = substr(line, 2)
            end = index(line, "\"")
            field[++count] = substr(line, 1, end - 1)
            line = substr(line, end + 1)
            sub(/^, */, "", line)
        } else {
            end = index(line, ",")
            if (end == 0) end = length(line) + 1
            field[++count] = substr(line, 1, end - 1)
            line = substr(line, end + 1)
            sub(/^ */, "", line)
        }
    }
    printf "| %s | %s | %s | %s | %s | %s | %s |\n", field[1], field[2], field[4], field[5], field[6], field[7], field[10]
}
