# embed.awk - turns kernel files into a C table of their lines: awk -f tools/embed.awk cl/*.cl cl/*.clh > kernels.c
# SPDX-License-Identifier: MIT

FNR == 1 {
    if (NR > 1) print "    0};"
    base = FILENAME
    sub(/.*\//, "", base)
    names[++count] = base
    printf "static const char *const lines_%d[] = {\n", count
}
# A doubled backslash needs && in every awk: "\\\\" is one backslash in some.
{
    gsub(/\\/, "&&")
    gsub(/"/, "\\\"")
    printf "    \"%s\\n\",\n", $0
}
END {
    print "    0};"
    print "#include \"program.h\""
    print "const clglu_embedded clglu_embedded_files[] = {"
    for (i = 1; i <= count; i++) printf "    {\"%s\", lines_%d},\n", names[i], i
    print "    {0, 0}};"
}
