/* fuzz_selector.c - any text as a selector, for a device of any name: SELECTOR 0 NAME 0 PLATFORM'S NAME 0 and 16 bytes of facts.
   SPDX-License-Identifier: MIT */

#include "fuzz.h"

#include "../src/select.h"

#include <ctype.h>
#include <strings.h>

static clglu_device_facts facts_of(const uint8_t *data, size_t size)
{
    uint8_t b[16] = {0};
    clglu_device_facts f = {.platform = 0};
    memcpy(b, data, size < sizeof b ? size : sizeof b);
    f.platform = b[0];
    f.device = b[1];
    f.type = b[2];
    f.fp16 = b[3] & 1;
    f.fp64 = b[3] >> 1 & 1;
    f.compute_units = b[4];
    memcpy(&f.global_bytes, b + 8, 8);
    return f;
}

/* What holds of a "P:D" in plain digits: nothing but that device. */
static void judge_place(const char *selector, const clglu_device_facts *f)
{
    unsigned long long p, d;
    char after = 0;
    size_t length = strlen(selector);
    if (length > 16 || strspn(selector, "0123456789:") != length || strchr(selector, ':') != strrchr(selector, ':')) return;
    if (sscanf(selector, "%llu:%llu%c", &p, &d, &after) != 2 || after) return;
    if (strstr(f->name, selector) || strstr(f->platform_name, selector)) return;
    must(clglu_selector_matches(selector, f) == (p == f->platform && d == f->device));
}

/* The same with the arithmetic in 128 bits. */
static void judge_memory(const char *selector, const clglu_device_facts *f)
{
    const char *at = selector + 5;
    fuzz_wide bytes = 0;
    if (strncasecmp(selector, "mem>=", 5) != 0 || strchr(selector, ',')) return;
    for (; isdigit((unsigned char)*at) && bytes <= UINT64_MAX; at++) bytes = 10 * bytes + (unsigned)(*at - '0');
    const char *unit = *at ? strchr("kmg", tolower((unsigned char)*at)) : NULL;
    if (unit) bytes <<= 10 * (unit - "kmg" + 1);
    must(clglu_selector_matches(selector, f) == (bytes <= f->global_bytes));
}

/* Its conditions one by one say the same as all together, and letters of either case mean the same. */
static void judge_parts(const char *selector, const clglu_device_facts *f)
{
    char *copy = strdup(selector), *at = copy, *comma;
    bool all = true;
    const char *why = NULL;
    do {
        comma = strchr(at, ',');
        if (comma) *comma = 0;
        must(clglu_selector_check(at, &why) == CLGLU_OK);
        all &= clglu_selector_matches(at, f);
        at = comma ? comma + 1 : at;
    } while (comma);
    must(all == clglu_selector_matches(selector, f));
    strcpy(copy, selector);
    for (char *s = copy; *s; s++) *s = (char)toupper((unsigned char)*s);
    must(clglu_selector_check(copy, &why) == CLGLU_OK && all == clglu_selector_matches(copy, f));
    free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *why = NULL;
    char *selector = fuzz_text(&data, &size), *name = fuzz_text(&data, &size), *platform = fuzz_text(&data, &size);
    clglu_device_facts f = facts_of(data, size), other = facts_of(data + size / 2, size - size / 2);
    f.name = name;
    f.platform_name = platform;
    clglu_status status = clglu_selector_check(selector, &why);
    must(status == CLGLU_OK || (status == CLGLU_INVALID_SELECTOR && why && *why));
    if (status == CLGLU_OK) {
        judge_parts(selector, &f);
        judge_place(selector, &f);
        judge_memory(selector, &f);
    } else {
        clglu_selector_matches(selector, &f); /* not to be asked, but nothing may happen */
    }
    must(!(clglu_device_is_better(&f, &other) && clglu_device_is_better(&other, &f)));
    free(selector);
    free(name);
    free(platform);
    return 0;
}
