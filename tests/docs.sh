#!/bin/sh
# docs.sh - make docs renders the whole header, and what has no word makes it fail.
# SPDX-License-Identifier: MIT
set -u
cd "$(dirname "$0")/.." || exit 1
command -v doxygen >/dev/null || {
    echo "skipped: Doxygen is not installed (on Debian: apt-get install doxygen)"
    exit 77
}
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
export LC_ALL=C

. tests/lib.sh

# rendered SED: the header, changed by it, to HTML in $work/html
rendered() {
    rm -rf "$work/html" "$work/include"
    mkdir "$work/include"
    cp include/clglu_acts.h "$work/include"
    sed "$1" include/clglu.h >"$work/include/clglu.h"
    tools/docs/render.sh "$work/include/clglu.h" "$work"
}

# fails_without WHAT SED: once a word is taken away, or something added without one, WHAT is what Doxygen names
fails_without() {
    expect 1 "without a word for it, this fails: $1" rendered "$2"
    holds "... and is named" grep -q -E "error: .*[ _]$1|parameter '$1'" "$work/stderr"
}

shown() {
    while read -r symbol; do
        grep -q "memname\">.*$symbol " "$work"/html/group__*.html || { echo "$symbol is not there"; return 1; }
    done <"$work/functions"
    [ "$(wc -l <"$work/functions")" -gt 40 ]
}

anchors() { grep -o 'id="[a-z0-9]*"' "$work"/html/structclglu__gate__desc.html | sort -u | wc -l; }

tests_begin
good "the header is rendered without a warning" rendered ''
sed -n '/^CLGLU_API/s/.*[ *]\(clglu_[a-z_]*\)(.*/\1/p' include/clglu.h >"$work/functions"
holds "each function is there" shown
for text in 'The activations' 'x Phi(x); derivative' 'Common to all calls on buffers' 'Same bits'; do
    holds "it shows: $text" grep -q -r -F "$text" "$work/html" --include='*.html'
done
holds "the fields of a structure are there" test "$(anchors)" -gt 15
fails_without clglu_forgotten 's|^#endif /. CLGLU_NO_OPENCL ./|\nCLGLU_API int clglu_forgotten(void);\n&|'
fails_without forgotten 's|cl_mem x, cl_mem y, cl_uint nwait|cl_mem x, cl_mem forgotten, cl_uint nwait|'
fails_without CLGLU_FORGOTTEN 's|^    CLGLU_INVALID_SIZE = 3,|    CLGLU_FORGOTTEN = 99,\n&|'
fails_without forgotten 's|^    clglu_rounding rounding;|&\n    int forgotten;|'
fails_without clglu_forgotten 's|^typedef enum clglu_route {|\ntypedef struct clglu_forgotten {\n    int rows;\n} clglu_forgotten;\n\n&|'
fails_without CLGLU_FORGOTTEN 's|^#define CLGLU_CHECK_BINS|\n#define CLGLU_FORGOTTEN 3\n\n&|'
tests_end
