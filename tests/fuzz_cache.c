/* fuzz_cache.c - any bytes as an entry of the cache of programs, and as a wrapped binary: with the checksum that they have, and with the
   right one. SPDX-License-Identifier: MIT */

#include "fuzz.h"

#include "../src/binary.h"
#include "../src/cache.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

/* magic, two lengths of 8 bytes, key, binary, a checksum of 16 */
enum { HEAD = 32, SUM = 16 };

/* The key of the seeds; texts like it come from inputs that begin with KEY 0. */
static const char usual[] = "library 0.1.0\nfile gate.cl\ndriver 3.1\n";

static void put_sum(uint8_t *data, size_t size)
{
    XXH128_canonical_t sum;
    if (size < HEAD + SUM) return;
    XXH128_canonicalFromHash(&sum, XXH3_128bits(data, size - SUM));
    memcpy(data + size - SUM, sum.digest, SUM);
}

/* Returns whether it was taken. What is taken is exactly what wrapping it again makes. */
static int unwrap(const char *key, const uint8_t *data, size_t size)
{
    char why[CLGLU_BINARY_WHY];
    size_t bytes = SIZE_MAX;
    memset(why, 'x', sizeof why);
    const uint8_t *binary = clglu_binary_unwrap(key, data, size, &bytes, why);
    if (binary == NULL) {
        must(memchr(why, 0, sizeof why) && *why);
        return 0;
    }
    must(binary >= data && bytes <= size && binary + bytes <= data + size);
    must(clglu_binary_wrapped_bytes(key, bytes) == size);
    uint8_t *again = malloc(size + 1);
    must(again != NULL);
    clglu_binary_wrap(key, binary, bytes, again);
    must(memcmp(again, data, size) == 0);
    free(again);
    return 1;
}

/* ---------------------------------------------------------------- the folder */

static size_t said;
static void hear(const char *text, void *user)
{
    (void)user;
    said++;
    must(*text && strlen(text) < 512 && !strchr(text, '\n') && fuzz_harmless(text, strlen(text), 0));
}

static void path_of(char path[128], const char *end) { snprintf(path, 128, "%s/entry.%s", fuzz_folder(), end); }

static int is_there(const char *end)
{
    char path[128];
    path_of(path, end);
    return access(path, F_OK) == 0;
}

static void put_entry(const uint8_t *data, size_t size)
{
    char path[128];
    path_of(path, "bin");
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    must(fd >= 0 && write(fd, data, size) == (ssize_t)size && close(fd) == 0);
}

/* An entry that is good is given and stays until a driver refuses it; another one is gone, and a line says so. */
static void load(clglu_cache *cache, const char *key, const uint8_t *data, size_t size, int good)
{
    size_t bytes = 0;
    said = 0;
    put_entry(data, size);
    void *binary = clglu_cache_load(cache, "entry", key, &bytes);
    must((binary != NULL) == good && said == (good ? 0 : 1) && is_there("bin") == good && is_there("loading") == good);
    if (!good) return;
    int taken = bytes & 1;
    must(bytes == 0 || memcmp(binary, data + size - SUM - bytes, bytes) == 0);
    clglu_cache_loaded(cache, "entry", taken);
    must(is_there("bin") == taken && !is_there("loading") && !is_there("refused"));
    clglu_cache_save(cache, "entry", key, binary, bytes);
    free(binary);
    binary = clglu_cache_load(cache, "entry", key, &bytes);
    must(binary && bytes + HEAD + SUM + strlen(key) == size);
    clglu_cache_loaded(cache, "entry", false);
    free(binary);
}

static void judge(const char *key, const uint8_t *data, size_t size)
{
    static clglu_context context = {.log = hear};
    static clglu_cache *cache;
    if (!cache) cache = clglu_cache_open(&context, fuzz_folder());
    must(cache != NULL);
    load(cache, key, data, size, unwrap(key, data, size));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char name[CLGLU_CACHE_NAME];
    char *own = fuzz_text(&data, &size);
    const char *key = *own ? own : usual;
    clglu_cache_name("gate.cl", key, name);
    must(strlen(name) == strlen("gate-0123456789abcdef") && !strchr(name, '/'));
    judge(key, data, size);
    uint8_t *summed = malloc(size + 1);
    must(summed != NULL);
    memcpy(summed, data, size);
    put_sum(summed, size);
    judge(key, summed, size);
    free(summed);
    free(own);
    return 0;
}
