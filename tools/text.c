/* text.c - text for people: foreign text made harmless, numbers with units, colour.
   SPDX-License-Identifier: MIT */

#include "text.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The length of the well-formed UTF-8 character at s and its code; 0 where there is none. */
static size_t utf8_at(const unsigned char *s, uint32_t *code)
{
    static const uint32_t least[5] = {0, 0, 0x80, 0x800, 0x10000};
    size_t n = s[0] < 0x80             ? 1
               : (s[0] & 0xe0) == 0xc0 ? 2
               : (s[0] & 0xf0) == 0xe0 ? 3
               : (s[0] & 0xf8) == 0xf0 ? 4
                                       : 0;
    if (n == 0) return 0;
    *code = n == 1 ? s[0] : s[0] & (0x7fu >> n);
    for (size_t i = 1; i < n; i++) {
        if ((s[i] & 0xc0) != 0x80) return 0;
        *code = *code << 6 | (s[i] & 0x3f);
    }
    if (*code < least[n] || *code > 0x10ffff || (*code >= 0xd800 && *code < 0xe000)) return 0;
    return n;
}

static int steers(uint32_t c)
{
    return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x61c || (c >= 0x200b && c <= 0x200f) ||
           (c >= 0x2028 && c <= 0x202e) || (c >= 0x2060 && c <= 0x206f) || c == 0xfeff || c == 0xfffe || c == 0xffff;
}

char *text_clean(char *out, size_t size, const char *in, int lines)
{
    size_t used = 0;
    for (const unsigned char *s = (const unsigned char *)(in ? in : ""); *s && used + 1 < size;) {
        uint32_t code = 0;
        size_t n = utf8_at(s, &code);
        if (n == 0 || (steers(code) && !(lines && code == '\n'))) {
            out[used++] = n && (code == '\t' || code == '\n' || code == '\r') ? ' ' : '?';
        } else {
            if (used + n >= size) break;
            memcpy(out + used, s, n);
            used += n;
        }
        s += n ? n : 1;
    }
    while (used > 0 && (out[used - 1] == ' ' || out[used - 1] == '\n')) used--;
    out[used] = 0;
    return out;
}

char *text_shell(char *out, size_t size, const char *word)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./:=,+@%-";
    size_t n = 0;
    if (*word && word[strspn(word, plain)] == 0) {
        snprintf(out, size, "%s", word);
        return out;
    }
    for (out[n++] = '\''; *word && n + 6 < size; word++) /* a quote takes four, the end two */
        if (*word == '\'')
            n += (size_t)snprintf(out + n, size - n, "'\\''");
        else
            out[n++] = *word;
    snprintf(out + n, size - n, "'");
    return out;
}

size_t text_width(const char *s)
{
    size_t n = 0;
    for (; *s; s++) n += ((unsigned char)*s & 0xc0) != 0x80;
    return n;
}

char *text_bytes(char buf[TEXT_NUMBER], double bytes)
{
    static const char *const unit[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
    int i = 0;
    for (; bytes >= 1024 && i < 5; i++) bytes /= 1024;
    snprintf(buf, TEXT_NUMBER, bytes < 10 && i > 0 ? "%.1f %s" : "%.0f %s", bytes, unit[i]);
    return buf;
}

char *text_count(char buf[TEXT_NUMBER], unsigned long long n)
{
    static const char *const unit[] = {"", " Ki", " Mi", " Gi"};
    int i = 0;
    for (; n >= 1024 && n % 1024 == 0 && i < 3; i++) n /= 1024;
    snprintf(buf, TEXT_NUMBER, "%llu%s", n, unit[i]);
    return buf;
}

char *text_time(char buf[TEXT_NUMBER], double seconds)
{
    static const char *const unit[] = {"ns", "us", "ms", "s"};
    double v = seconds * 1e9;
    int i = 0;
    for (; v >= 1000 && i < 3; i++) v /= 1000;
    snprintf(buf, TEXT_NUMBER, v < 10 ? "%.2f %s" : v < 100 ? "%.1f %s" : "%.0f %s", v, unit[i]);
    return buf;
}

int text_ends_with(const char *s, const char *end)
{
    size_t n = strlen(s), m = strlen(end);
    return n > m && strcmp(s + n - m, end) == 0;
}

int text_colour(FILE *stream)
{
    const char *no = getenv("NO_COLOR"), *term = getenv("TERM");
    return !(no && *no) && isatty(fileno(stream)) && term && strcmp(term, "dumb") != 0;
}

const char *text_on(FILE *stream, enum text_paint paint)
{
    static const char *const sequence[] = {"", "\033[32m", "\033[33m", "\033[31m", "\033[1m"};
    return text_colour(stream) ? sequence[paint] : "";
}

const char *text_off(FILE *stream, enum text_paint paint)
{
    return paint != TEXT_PLAIN && text_colour(stream) ? "\033[0m" : "";
}

void text_markup(FILE *out, const char *text)
{
    for (const char *s = text; *s; s++) {
        const char *as = *s == '&'   ? "&amp;"
                         : *s == '<' ? "&lt;"
                         : *s == '>' ? "&gt;"
                         : *s == '"' ? "&quot;"
                                     : NULL;
        if (as)
            fputs(as, out);
        else
            fputc(*s, out);
    }
}
