/* train_text.c - the text that clglu train reads, and the places in it that are trained and judged on.
   SPDX-License-Identifier: MIT */

#include "train_text.h"
#include "cli.h"
#include "train_math.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

enum { LEAST = 4096, MOST = 16 << 20, STRETCH = 2048, TURNS = 10 };

static int bad(const char *path, const char *why)
{
    cli_say("%s: %s", path, why);
    return CLI_BAD_FILE;
}

/* ---------------------------------------------------------------- files and folders */

/* Adds what is left of an open file. */
static int add_open(struct train_text *t, const char *path, int fd)
{
    for (;;) {
        unsigned char *more = t->bytes;
        if (t->size % 65536 == 0) more = realloc(t->bytes, t->size + 65536 + TRAIN_WINDOW);
        if (!more) return cli_say("out of memory"), CLI_OPENCL;
        t->bytes = more;
        ssize_t n = read(fd, t->bytes + t->size, 65536 - t->size % 65536);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return bad(path, strerror(errno));
        if (n == 0) return CLI_GO_ON;
        t->size += (size_t)n;
        if (t->size > MOST) return bad(path, "the text is more than 16 MiB");
    }
}

static int add_file(struct train_text *t, const char *path)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) return bad(path, strerror(errno));
    int code = fstat(fd, &st) != 0 ? bad(path, strerror(errno)) : CLI_GO_ON;
    if (code == CLI_GO_ON && !S_ISREG(st.st_mode)) code = bad(path, "is neither a file nor a folder");
    if (code == CLI_GO_ON) code = add_open(t, path, fd);
    if (code == CLI_GO_ON) t->files++;
    close(fd);
    return code;
}

static int by_bytes(const struct dirent **p, const struct dirent **q)
{
    return strcmp((*p)->d_name, (*q)->d_name);
}
static int is_shown(const struct dirent *entry) { return entry->d_name[0] != '.'; }

/* A folder's files: the order must not depend on the locale. */
static int add_folder(struct train_text *t, const char *path)
{
    struct dirent **names;
    struct stat st;
    int n = scandir(path, &names, is_shown, by_bytes), code = CLI_GO_ON;
    unsigned before = t->files;
    if (n < 0) return bad(path, strerror(errno));
    for (int i = 0; i < n; i++) {
        size_t size = strlen(path) + strlen(names[i]->d_name) + 2;
        char *file = malloc(size);
        if (file) snprintf(file, size, "%s/%s", path, names[i]->d_name);
        if (!file) code = CLI_OPENCL;
        if (code == CLI_GO_ON && lstat(file, &st) == 0 && S_ISREG(st.st_mode)) code = add_file(t, file);
        free(file);
        free(names[i]);
    }
    free(names);
    return code == CLI_GO_ON && t->files == before ? bad(path, "the folder has no files") : code;
}

static int add_path(struct train_text *t, const char *path)
{
    struct stat st;
    if (stat(path, &st) != 0) return bad(path, strerror(errno));
    return S_ISDIR(st.st_mode) ? add_folder(t, path) : add_file(t, path);
}

/* The whole as one path, if there is such; else its parts. */
static int add_all(struct train_text *t, const char *data)
{
    struct stat st;
    if (stat(data, &st) == 0 || !strchr(data, ',')) return add_path(t, data);
    char *copy = strdup(data), *rest = copy;
    int code = copy ? CLI_GO_ON : CLI_OPENCL;
    while (code == CLI_GO_ON && rest) {
        char *comma = strchr(rest, ','), *part = rest;
        if (comma) *comma = 0;
        rest = comma ? comma + 1 : NULL;
        code = add_path(t, part);
    }
    free(copy);
    return code;
}

/* ---------------------------------------------------------------- places */

/* Short texts have shorter stretches, so that there is something to be judged by. */
static int divide(struct train_text *t)
{
    size_t stretch = t->size / (4 * TURNS) < STRETCH ? t->size / (4 * TURNS) : STRETCH;
    for (int kind = 0; kind < 2; kind++)
        if (!(t->place[kind] = malloc(t->size * sizeof **t->place)))
            return cli_say("out of memory"), CLI_OPENCL;
    for (size_t at = 0; at + TRAIN_WINDOW <= t->size; at++) {
        int kind = at / stretch % TURNS == TURNS - 1;
        if (at / stretch == (at + TRAIN_WINDOW - 1) / stretch)
            t->place[kind][t->places[kind]++] = (uint32_t)at;
    }
    return CLI_GO_ON;
}

int train_text_open(struct train_text *t, const char *data)
{
    *t = (struct train_text){.bytes = NULL};
    int code = add_all(t, data);
    if (code == CLI_GO_ON && t->size < LEAST) {
        cli_say("%s: %zu bytes are too little text: 4096 at least", data, t->size);
        code = CLI_BAD_FILE;
    }
    if (code != CLI_GO_ON) return code;
    t->hash = XXH64(t->bytes, t->size, 0);
    return divide(t);
}

void train_text_close(struct train_text *t)
{
    free(t->bytes);
    free(t->place[0]);
    free(t->place[1]);
    *t = (struct train_text){.bytes = NULL};
}

static void take(const struct train_text *t, int kind, size_t i, unsigned char *window)
{
    memcpy(window, t->bytes + t->place[kind][i], TRAIN_WINDOW);
}

void train_text_batch(const struct train_text *t, uint64_t seed, uint64_t step, unsigned char *windows)
{
    uint64_t state = seed ^ 0x7465787400000000u;
    state = train_random(&state) + step;
    state = train_random(&state);
    for (size_t r = 0; r < TRAIN_ROWS; r++)
        take(t, 0, (size_t)((train_random(&state) >> 32) * t->places[0] >> 32), windows + r * TRAIN_WINDOW);
}

size_t train_text_valid(const struct train_text *t, unsigned char *windows)
{
    size_t rows = t->places[1] < TRAIN_VALID ? t->places[1] : TRAIN_VALID;
    /* cppcheck-suppress knownConditionTrueFalse ; that is so where there are no such places */
    for (size_t r = 0; r < rows; r++) take(t, 1, r * t->places[1] / rows, windows + r * TRAIN_WINDOW);
    return rows;
}
