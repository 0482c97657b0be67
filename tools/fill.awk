# fill.awk - a template with each @NAME@ replaced by what the environment says; for the files that tell others where the
# library is. SPDX-License-Identifier: MIT

# From one folder to another, both absolute, as "../../include": the installed tree may be moved.
function way(from, to,    a, b, n, m, i, path) {
    n = split(from, a, "/"); m = split(to, b, "/")
    for (i = 1; i <= n && i <= m && a[i] == b[i]; i++) ;
    for (m = i; m <= n; m++) path = path "../"
    for (; i in b; i++) path = path b[i] "/"
    return substr(path, 1, length(path) - 1)
}

# A folder under the prefix is written by it, as pkg-config's users expect.
function under(folder,    prefix) {
    prefix = ENVIRON["PREFIX"] "/"
    return index(folder, prefix) == 1 ? "${prefix}/" substr(folder, length(prefix) + 1) : folder
}

function value(name) {
    if (name in own) return own[name]
    if (name in ENVIRON) return ENVIRON[name]
    print FILENAME ": what is @" name "@?" > "/dev/stderr"
    exit 1
}

BEGIN {
    own["LIBDIR"] = under(ENVIRON["LIBDIR"])
    own["INCLUDEDIR"] = under(ENVIRON["INCLUDEDIR"])
    own["TO_LIBRARY"] = way(ENVIRON["CMAKEDIR"], ENVIRON["LIBDIR"])
    own["TO_HEADER"] = way(ENVIRON["CMAKEDIR"], ENVIRON["INCLUDEDIR"])
}

{
    for (line = $0; match(line, /@[A-Z_]+@/); line = substr(line, RSTART + RLENGTH))
        printf "%s%s", substr(line, 1, RSTART - 1), value(substr(line, RSTART + 1, RLENGTH - 2))
    print line
}
