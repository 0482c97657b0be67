/* harmless.c - texts of drivers and files, which may hold anything, made fit for a terminal.
   SPDX-License-Identifier: MIT */

#include "harmless.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* The length of the well-formed UTF-8 character at s and its code; 0 where there is none. */
static size_t character(const unsigned char *s, uint32_t *code)
{
    static const uint32_t least[5] = {0, 0, 0x80, 0x800, 0x10000};
    size_t n = s[0] < 0x80 ? 1 : (s[0] & 0xe0) == 0xc0 ? 2 : (s[0] & 0xf0) == 0xe0 ? 3 : (s[0] & 0xf8) == 0xf0 ? 4 : 0;
    if (n == 0) return 0;
    *code = n == 1 ? s[0] : s[0] & (0x7fu >> n);
    for (size_t i = 1; i < n; i++) {
        if ((s[i] & 0xc0) != 0x80) return 0; /* the end of the text, too */
        *code = *code << 6 | (s[i] & 0x3f);
    }
    return *code < least[n] || *code > 0x10ffff || (*code >= 0xd800 && *code < 0xe000) ? 0 : n;
}

static bool steers(uint32_t c)
{
    return (c < 0x20 && c != '\n') || (c >= 0x7f && c < 0xa0) || c == 0x61c || (c >= 0x200b && c <= 0x200f) ||
           (c >= 0x2028 && c <= 0x202e) || (c >= 0x2060 && c <= 0x206f) || c == 0xfeff;
}

char *clglu_harmless(char *text)
{
    unsigned char *to = (unsigned char *)text;
    uint32_t code = 0;
    for (const unsigned char *s = to; *s;) {
        size_t n = character(s, &code);
        bool blank = n == 1 && (code == '\t' || code == '\r');
        if (n == 0 || steers(code)) {
            *to++ = blank ? ' ' : '?';
        } else {
            memmove(to, s, n);
            to += n;
        }
        s += n ? n : 1;
    }
    while (to > (unsigned char *)text && (to[-1] == '\n' || to[-1] == ' ')) to--;
    *to = 0;
    return text;
}
