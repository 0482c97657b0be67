#!/bin/sh
# man.sh - the manual pages are well-formed, and name every command, function and status that there is, and no other.
# SPDX-License-Identifier: MIT
set -eu
made=$(mktemp -d)
trap 'rm -rf "$made"' EXIT
export LC_ALL=C

mandoc -T lint -W warning tools/clglu.1 include/clglu.3

# same WHAT: $made/there, what there is, and $made/named, what the page names
same() {
    sort -u -o "$made/there" "$made/there"
    sort -u -o "$made/named" "$made/named"
    if ! [ -s "$made/there" ] || ! diff -u "$made/there" "$made/named"; then
        echo "man: the $1 that there are (-) are not those that the page names (+)"
        exit 1
    fi
    echo "$(wc -l <"$made/there") $1 named"
}

build/clglu --help | awk '/^Commands:/ { on = 1; next } /^$/ { on = 0 } on { print $1 }' >"$made/there"
awk '/^\.Ss clglu / { print $3 }' tools/clglu.1 >"$made/named"
same commands

# Options: those of all commands stand before the first of them, and those of act go for gate too.
while read -r command; do
    build/clglu "$command" --help | awk -v command="$command" '/^Options:/ { on = 1; next } /^$/ { on = 0 }
        on && match($0, /--[a-z0-9-]+/) && RSTART < 9 { print command, substr($0, RSTART + 1, RLENGTH - 1) }'
done <"$made/there" >"$made/options"
awk '
    NR == FNR {
        if ($1 == ".Sh") where = $2 == "DESCRIPTION" ? "all" : ""
        if ($1 == ".Ss") where = $3
        for (i = 2; i <= NF; i++) named[where, $i] = 1
        next
    }
    !(($1, $2) in named) && !(("all", $2) in named) && !($1 == "gate" && (("act", $2) in named)) {
        print "man: tools/clglu.1 lacks clglu " $1 " -" $2
        bad = 1
    }
    END { print FNR " options named"; exit bad || FNR < 60 }' tools/clglu.1 "$made/options"

awk -F ';' '/^ *clglu_/ { sub(/^ */, ""); print $1 }' src/clglu.map >"$made/there"
awk '/^\.Fn clglu_/ { print $2 }' include/clglu.3 >"$made/named"
same functions

awk '/^typedef enum clglu_status/ { on = 1 } /^}/ { on = 0 } on && match($0, /CLGLU_[A-Z_]+ = /) { print substr($0, RSTART, RLENGTH - 3) }' \
    include/clglu.h >"$made/there"
awk '/^\.Dv CLGLU_OK/ { print $2 } /^\.Sh/ { on = $2 == "ERRORS" } on { for (i = 1; i <= NF; i++) if ($i ~ /^CLGLU_/) print $i }' \
    include/clglu.3 >"$made/named"
same statuses
