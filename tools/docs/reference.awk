# reference.awk - the header with its plain comments turned into Doxygen's, for make docs: awk -f tools/docs/reference.awk include/clglu.h
# SPDX-License-Identifier: MIT

# A comment belongs to the declaration below it and to those that follow without an empty line; one that stands alone, to its section.
# A parameter or field has its word from, in this order: a comment beside it; a labelled line ("name, name    text") of the comment
# above; a labelled line of the introduction or of a comment that stands alone; the first sentence of the comment above that has its
# name. One without a word is left without, and Doxygen says so; of values of an enumeration it does not, so this does, and ends with 1.

# Labels are what stands before two spaces; where there is an = it is a formula.
function is_label(line) { return match(line, /^ +[^ =]([^ =]| [^ =])*  +/) && substr(line, RLENGTH + 1, 1) != "=" }
function label_of(line) { is_label(line); line = substr(line, 1, RLENGTH); gsub(/^ +| +$/, "", line); return line }
function text_of(line) { is_label(line); return substr(line, RLENGTH + 1) }
function indent(line) { match(line, /^ */); return RLENGTH }
function is_names(label) { return label ~ /^[a-z_]+(, [a-z_]+)*( and [a-z_]+)?$/ }
function has(text, name) { return (" " text " ") ~ ("[^A-Za-z0-9_]" name "[^A-Za-z0-9_]") }

# A function's name with (), by which Doxygen knows it.
function linked(text,    done, name) {
    while (match(text, /clglu_[a-z_]+/)) {
        name = substr(text, RSTART, RLENGTH)
        done = done substr(text, 1, RSTART - 1) name (name in functions ? "()" : "")
        text = substr(text, RSTART + RLENGTH)
    }
    return done text
}

function escaped(text) {
    gsub(/&/, "\\&amp;", text); gsub(/</, "\\&lt;", text); gsub(/>/, "\\&gt;", text)
    gsub(/\\/, "&&", text); gsub(/[@#%]/, "\\\\&", text)
    text = linked(text)
    while (match(text, /`[^`]*`/))
        text = substr(text, 1, RSTART - 1) "<code>" substr(text, RSTART + 1, RLENGTH - 2) "</code>" substr(text, RSTART + RLENGTH)
    return text
}

# SAME BITS. All ...
function heading(line) {
    if (match(line, /^[A-Z][A-Z]+( [A-Z]+)*[.] /))
        line = "<h3>" substr(line, 1, 1) tolower(substr(line, 2, RLENGTH - 3)) "</h3>\n" substr(line, RLENGTH + 1)
    return line
}

function trimmed(text) { gsub(/^ +| +$/, "", text); return text }

# The first sentence, or the first that has the name.
function sentence(text, name,    n, i, part) {
    n = split(text, part, /[.;:] +/)
    for (i = 1; i <= n; i++)
        if (name == "" || has(part[i], name)) return trimmed(part[i])
    return ""
}

# Takes a comment's lines apart: `body` is what is shown, `word[name]` what its labels say of names, `plain` its running text.
function digest(comment,    n, line, i, at, label, said, k, count, name) {
    split("", word); body = plain = ""; used = 0
    n = split(comment, line, "\n")
    for (i = 1; i <= n; i++) {
        if (trimmed(line[i]) == "") { body = body "\n\n"; continue }
        if (indent(line[i]) == 0) { body = body heading(escaped(line[i])) "\n"; plain = plain " " line[i]; continue }
        if (!is_label(line[i])) {
            body = body "<pre>"
            for (; i <= n && indent(line[i]) > 0 && !is_label(line[i]); i++) body = body escaped(line[i]) "\n"
            i--
            body = body "</pre>\n"
            continue
        }
        label = label_of(line[i]); at = indent(line[i])
        line[i] = text_of(line[i])
        if (is_label(" " line[i]) && is_names(label_of(" " line[i]))) { # labels in a label: Parameters  alpha  ...
            body = body "\n<b>" escaped(label) "</b>\n\n"
            label = label_of(" " line[i]); line[i] = text_of(" " line[i])
        }
        said = line[i]
        while (i < n && indent(line[i + 1]) > at && !(is_label(line[i + 1]) && is_names(label_of(line[i + 1]))))
            said = said " " trimmed(line[++i])
        body = body "\n<b>" escaped(label) "</b> &ensp;" escaped(said) "\n\n"
        gsub(/ and /, ", ", label)
        count = split(label, name, /, */)
        for (k = 1; k <= count; k++) word[name[k]] = said
    }
}

function word_of(name) {
    if (name in word) return word[name]
    if (name in common) return common[name]
    return sentence(plain, name)
}

function documented(text) { return text == "" ? "" : " /**< " escaped(text) " */" }

# "type a, *b" as single declarations, each with its word.
function fields(declaration, beside,    n, part, i, type, name, base) {
    n = split(declaration, part, /, */)
    for (i = 1; i <= n; i++) {
        if (i == 1) {
            match(part[1], /[a-z_0-9]+(\[[A-Z_]*\])?$/)
            type = substr(part[1], 1, RSTART - 1); base = type; sub(/[* ]+$/, " ", base)
            name = substr(part[1], RSTART)
        } else {
            name = part[i]; type = base
        }
        part[i] = name; gsub(/[*]|\[.*/, "", part[i])
        print type name ";" documented(beside != "" ? beside : word_of(part[i]))
    }
}

function parameters(declaration,    n, part, i, name, said) {
    sub(/^[^(]*\(/, "", declaration); sub(/\).*/, "", declaration)
    n = split(declaration, part, /, */)
    for (i = 1; i <= n; i++) {
        if (!match(part[i], /[a-z_0-9]+$/) || part[i] == "void") continue
        name = substr(part[i], RSTART)
        said = word_of(name)
        if (said != "") print "@param " name " " escaped(said)
    }
}

function result(declaration) {
    if (declaration ~ /^(typedef )?void \(?/) return
    print "@return " (declaration ~ /^clglu_status/ ? "CLGLU_OK, or what is wrong" : escaped(sentence(plain, "")))
}

# The comment above, not closed yet; 0: there is none.
function begin() {
    if (body == "") return 0
    used = 1
    print "/** " body
    return 1
}

function function_or_callback(declaration,    signature) {
    gsub(/CLGLU_API |CLGLU_MUST /, "", declaration)
    gsub(/  +/, " ", declaration)
    if (begin()) {
        signature = declaration
        if (declaration ~ /^typedef/) sub(/^[^)]*\)/, "", signature)
        parameters(signature)
        result(declaration)
        print "*/"
    }
    print declaration
}

function activations(    file, line, q, head, ulp) {
    file = FILENAME; sub(/clglu\.h$/, "clglu_acts.h", file)
    while ((getline line < file) > 0)
        if (line ~ /^ *X\([0-9]+, /) {
            gsub(/ al[.] /, " al.\\&nbsp;", line) # no end of a sentence
            split(line, q, "\""); split(q[1], head, /[(,] */); split(q[5], ulp, /, */)
            print "CLGLU_ACT_" head[4] " = " head[2] ", /**< " escaped(q[2] "; derivative " q[4]) \
                "; at most " ulp[2] " ULP, the derivative " ulp[3] " (" q[10] ") */"
        }
    close(file)
    print "CLGLU_ACT_COUNT /**< how many there are */"
}

# The whole of a declaration or comment that begins here.
function rest_of(line, end,    more) {
    while (index(line, end) == 0 && (getline more) > 0) line = line (end == "*/" ? "\n" : " ") (end == "*/" ? more : trimmed(more))
    return line
}

function comment_of(line) {
    line = rest_of(line, "*/")
    sub(/^\/\* */, "", line); sub(/ *\*\/.*/, "", line)
    gsub(/\n   /, "\n", line)
    return line
}

# What stands between /* and */ beside a declaration, over as many lines as it takes.
function beside(line,    more) {
    if (!index(line, "/*")) return ""
    while (!index(line, "*/") && (getline more) > 0) line = line " " trimmed(more)
    sub(/.*\/\* */, "", line); sub(/ *\*\/.*/, "", line)
    return line
}

BEGIN {
    while ((getline line < ARGV[1]) > 0)
        if (match(line, /clglu_[a-z_]+\(/)) functions[substr(line, RSTART, RLENGTH - 1)] = 1
    print "/** @file */"
}

/^\/\* -----/ {
    sub(/^\/\* -+ /, ""); sub(/ \*\/$/, "")
    name = $0; gsub(/[^a-z]/, "_", name)
    if (open) print "/** @} */"
    print "/** @defgroup " name " " toupper(substr($0, 1, 1)) substr($0, 2)
    print "@{ */"
    open = 1; body = ""; group = name
    next
}
/^\/\* INTRODUCTION/ {
    text = comment_of($0)
    sub(/^INTRODUCTION\n*/, "", text)
    digest(text)
    for (name in word) common[name] = word[name]
    print "/** @mainpage\n" body "*/"
    body = ""
    next
}
/^\/\*/ { digest(comment_of($0)); next }
/^typedef (struct|enum) [a-z_]+ {/ && !/}/ {
    if (begin()) print "*/"
    print
    inside = $2
    next
}
/CLGLU_ACTS\(CLGLU_ACT_ENUM_\)/ {
    if (begin()) print "*/"
    print "typedef enum clglu_act {"
    activations()
    print "} clglu_act;"
    next
}
inside != "" && /^}/ { print; inside = ""; next }
inside != "" && /^ +\/\*/ { beside($0); next }
inside != "" {
    said = beside($0); declaration = $0
    sub(/ *\/\*.*/, "", declaration)
    if (inside == "enum") {
        print declaration documented(said)
        if (said == "") {
            print FILENAME ":" FNR ": error:" declaration ": no word says what it is" | "cat >&2"
            bad = 1
        }
    } else {
        sub(/;.*/, "", declaration)
        fields(declaration, said)
    }
    next
}
/^CLGLU_API / || /^typedef .*\(\*/ { function_or_callback(rest_of($0, ";")); next }
/^typedef struct [a-z_]+ [a-z_]+;/ || /^#define CLGLU_[A-Z_]+ +[0-9]/ {
    if (begin()) print "*/"
    print
    next
}
/^$/ {
    if (body != "" && !used) {
        for (name in word) common[name] = word[name]
        if (open) print "/** @} */\n/** @addtogroup " group "\n" body "@{ */"
    }
    body = ""
}
END {
    if (open) print "/** @} */"
    exit bad
}
