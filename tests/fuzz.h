/* fuzz.h - what the fuzz targets share: claims that must hold, files from bytes, and what is said on stderr.
   SPDX-License-Identifier: MIT */

/* A target defines LLVMFuzzerTestOneInput; tests/fuzz.sh builds and runs it. */
#ifndef TEST_FUZZ_H
#define TEST_FUZZ_H

#define _GNU_SOURCE /* memfd_create, mkdtemp */

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define FUZZ_UNUSED __attribute__((unused))

__extension__ typedef unsigned __int128 fuzz_wide; /* for products that would not fit */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Ends the process as a crash does if the condition does not hold. */
#define must(condition) ((condition) ? (void)0 : fuzz_broken(#condition, __FILE__, __LINE__))

static void fuzz_broken(const char *what, const char *file, int line)
{
    dprintf(2, "%s:%d: it does not hold that %s\n", file, line, what);
    abort();
}

/* ---------------------------------------------------------------- texts */

/* The length of the UTF-8 character at s (`left` bytes from the end), 0 where there is none. Written apart from tools/text.c,
   which it judges. */
FUZZ_UNUSED static size_t fuzz_character(const unsigned char *s, size_t left)
{
    size_t n = *s < 0x80 ? 1 : *s >= 0xc2 && *s < 0xe0 ? 2 : *s >= 0xe0 && *s < 0xf0 ? 3 : *s >= 0xf0 && *s < 0xf5 ? 4 : 0;
    if (n == 0 || n > left) return 0;
    for (size_t i = 1; i < n; i++)
        if (s[i] < 0x80 || s[i] > 0xbf) return 0;
    if ((*s == 0xe0 && s[1] < 0xa0) || (*s == 0xed && s[1] > 0x9f) || (*s == 0xf0 && s[1] < 0x90) || (*s == 0xf4 && s[1] > 0x8f)) return 0;
    return n;
}

/* Nothing but whole characters and newlines (carriage returns if `cr`): no control byte, none of the C1 controls. */
FUZZ_UNUSED static int fuzz_harmless(const char *text, size_t size, int cr)
{
    const unsigned char *s = (const unsigned char *)text;
    for (size_t i = 0, n; i < size; i += n) {
        n = fuzz_character(s + i, size - i);
        int line = s[i] == '\n' || (cr && s[i] == '\r');
        if (n == 0 || (s[i] < 0x20 && !line) || s[i] == 0x7f || (s[i] == 0xc2 && s[i + 1] < 0xa0)) return 0;
    }
    return 1;
}

/* A stream into memory in place of another: what was written is judged. */
typedef struct fuzz_ear {
    FILE *before;
    char *text;
    size_t size;
} fuzz_ear;

FUZZ_UNUSED static void fuzz_listen(fuzz_ear *ear)
{
    *ear = (fuzz_ear){.before = stderr};
    FILE *own = open_memstream(&ear->text, &ear->size);
    must(own != NULL);
    stderr = own;
}

/* Puts the old stream back; returns how many bytes were said, none of them harmful. */
FUZZ_UNUSED static size_t fuzz_heard(fuzz_ear *ear)
{
    fclose(stderr);
    stderr = ear->before;
    must(fuzz_harmless(ear->text, ear->size, 0));
    size_t said = ear->size;
    free(ear->text);
    return said;
}

/* ---------------------------------------------------------------- files */

/* A file in memory with these bytes; its path is good until the next call. */
FUZZ_UNUSED static const char *fuzz_file(const void *data, size_t size)
{
    static char path[40];
    static int fd = -1;
    if (fd < 0) fd = memfd_create("fuzz", MFD_CLOEXEC);
    must(fd >= 0 && ftruncate(fd, 0) == 0 && pwrite(fd, data, size, 0) == (ssize_t)size);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    return path;
}

static char fuzz_own_folder[64];

static void fuzz_remove_folder(void)
{
    char command[100];
    snprintf(command, sizeof command, "rm -rf '%s'", fuzz_own_folder);
    if (*fuzz_own_folder && system(command) != 0) perror(fuzz_own_folder);
}

/* A folder for this process, in memory if there is one; gone when it exits. */
FUZZ_UNUSED static const char *fuzz_folder(void)
{
    if (*fuzz_own_folder) return fuzz_own_folder;
    strcpy(fuzz_own_folder, access("/dev/shm", W_OK) == 0 ? "/dev/shm/clglu-fuzz-XXXXXX" : "/tmp/clglu-fuzz-XXXXXX");
    must(mkdtemp(fuzz_own_folder) != NULL);
    atexit(fuzz_remove_folder);
    return fuzz_own_folder;
}

/* The next piece of the input, up to a zero byte or its end, as a text of its own (to be freed); the input moves on. */
FUZZ_UNUSED static char *fuzz_text(const uint8_t **data, size_t *size)
{
    const uint8_t *end = memchr(*data, 0, *size);
    size_t n = end ? (size_t)(end - *data) : *size;
    char *text = malloc(n + 1);
    must(text != NULL);
    memcpy(text, *data, n);
    text[n] = 0;
    n += end != NULL;
    *data += n;
    *size -= n;
    return text;
}

#endif
