/* binary.c - what a driver made of a program, wrapped so that a driver is only shown what is meant for it, whole and unchanged.
   SPDX-License-Identifier: MIT */

#include "binary.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

/* magic, bytes of the key, bytes of the binary (both 64 bits, the low byte first), key, binary, XXH3 of all that (128 bits) */
static const char magic[16] = "clglu binary 1\n";
enum { HEAD = sizeof magic + 16, SUM = 16 };

static void put_number(unsigned char *to, uint64_t value)
{
    for (int i = 0; i < 8; i++) to[i] = (unsigned char)(value >> 8 * i);
}

static uint64_t get_number(const unsigned char *from)
{
    uint64_t value = 0;
    for (int i = 0; i < 8; i++) value |= (uint64_t)from[i] << 8 * i;
    return value;
}

static void put_sum(unsigned char *to, const void *data, size_t bytes)
{
    XXH128_canonical_t sum;
    XXH128_canonicalFromHash(&sum, XXH3_128bits(data, bytes));
    memcpy(to, sum.digest, SUM);
}

/* ---------------------------------------------------------------- keys and names */

/* Lines end a field, so a field has none: a driver's text may hold anything. */
static void add_field(FILE *out, const char *name, const char *value)
{
    fprintf(out, "%s ", name);
    for (; *value; value++) fputc(*value == '\n' ? ' ' : *value, out);
    fputc('\n', out);
}

char *clglu_binary_key(const clglu_context *context, const char *file, const char *options, const char *source)
{
    const clglu_device_facts *f = &context->device.facts;
    char *text = NULL, sum[2 * SUM + 1];
    unsigned char bits[SUM];
    size_t size = 0;
    cl_uint vendor = 0;
    char *maker = clglu_platform_string(f->platform_id, CL_PLATFORM_VENDOR); /* no fact: nothing but this needs it */
    FILE *out = maker ? open_memstream(&text, &size) : NULL;
    if (out == NULL) {
        free(maker);
        return NULL;
    }
    put_sum(bits, source, strlen(source));
    for (size_t i = 0; i < SUM; i++) snprintf(sum + 2 * i, 3, "%02x", bits[i]);
    clGetDeviceInfo(f->device_id, CL_DEVICE_VENDOR_ID, sizeof vendor, &vendor, NULL);
    add_field(out, "library", clglu_version());
    add_field(out, "file", file);
    add_field(out, "options", options);
    add_field(out, "source", sum);
    add_field(out, "platform", f->platform_name);
    add_field(out, "platform-vendor", maker);
    free(maker);
    add_field(out, "platform-version", f->platform_version);
    add_field(out, "vendor", f->vendor);
    add_field(out, "device", f->name);
    add_field(out, "device-version", f->device_version);
    add_field(out, "language", f->c_version);
    add_field(out, "driver", f->driver_version);
    fprintf(out, "vendor-id %08x\naddress-bits %u\npointer-bits %u\n", (unsigned)vendor, f->address_bits,
            (unsigned)(8 * sizeof(void *)));
    int bad = ferror(out);
    if (fclose(out) == 0 && !bad) return text;
    free(text);
    return NULL;
}

void clglu_binary_name(const char *file, const char *options, const char *source, char name[CLGLU_BINARY_NAME])
{
    XXH64_hash_t hash = XXH64(source, strlen(source), XXH64(options, strlen(options), 0));
    size_t stem = strcspn(file, ".");
    snprintf(name, CLGLU_BINARY_NAME, "%.*s-%016llx", (int)(stem < 40 ? stem : 40), file, (unsigned long long)hash);
}

/* ---------------------------------------------------------------- wrapping */

size_t clglu_binary_wrapped_bytes(const char *key, size_t bytes)
{
    size_t other = HEAD + SUM + strlen(key);
    return bytes > SIZE_MAX - other ? SIZE_MAX : other + bytes;
}

void clglu_binary_wrap(const char *key, const void *binary, size_t bytes, void *wrapped)
{
    unsigned char *to = wrapped;
    size_t length = strlen(key);
    memcpy(to, magic, sizeof magic);
    put_number(to + sizeof magic, length);
    put_number(to + sizeof magic + 8, bytes);
    memcpy(to + HEAD, key, length); /* NOLINT(bugprone-not-null-terminated-result): its length stands before it */
    memcpy(to + HEAD + length, binary, bytes);
    put_sum(to + HEAD + length + bytes, to, HEAD + length + bytes);
}

/* Says which line of the key differs: "it is for driver 3.0, this is 3.1". */
static void say_difference(const char *got, size_t got_length, const char *want, char why[CLGLU_BINARY_WHY])
{
    const char *end = got + got_length;
    while (*want) {
        size_t w = strcspn(want, "\n");
        const char *stop = memchr(got, '\n', (size_t)(end - got));
        size_t g = stop ? (size_t)(stop - got) : (size_t)(end - got);
        if (w != g || memcmp(got, want, w) != 0) {
            snprintf(why, CLGLU_BINARY_WHY, "it is for '%.*s', wanted '%.*s'", (int)(g < 90 ? g : 90), got,
                     (int)(w < 90 ? w : 90), want);
            return;
        }
        want += w + (want[w] == '\n');
        got = stop ? stop + 1 : end;
    }
    snprintf(why, CLGLU_BINARY_WHY, "its key is longer than it should be");
}

const void *clglu_binary_unwrap(const char *key, const void *wrapped, size_t wrapped_bytes, size_t *bytes,
                                char why[CLGLU_BINARY_WHY])
{
    const unsigned char *from = wrapped;
    unsigned char sum[SUM];
    if (wrapped_bytes < HEAD + SUM || memcmp(from, magic, sizeof magic) != 0) {
        snprintf(why, CLGLU_BINARY_WHY, "it was not wrapped by this library");
        return NULL;
    }
    uint64_t rest = wrapped_bytes - HEAD - SUM, length = get_number(from + sizeof magic),
             size = get_number(from + sizeof magic + 8);
    if (length > rest || size != rest - length) {
        snprintf(why, CLGLU_BINARY_WHY, "it is not whole");
        return NULL;
    }
    put_sum(sum, from, wrapped_bytes - SUM);
    if (memcmp(sum, from + wrapped_bytes - SUM, SUM) != 0) {
        snprintf(why, CLGLU_BINARY_WHY, "it is damaged: its checksum is another");
        return NULL;
    }
    if (length != strlen(key) || memcmp(from + HEAD, key, (size_t)length) != 0) {
        say_difference((const char *)from + HEAD, (size_t)length, key, why);
        return NULL;
    }
    *bytes = (size_t)size;
    return from + HEAD + length;
}
