/* cache.c - what drivers made of programs, kept in a folder of the user's for the next process. SPDX-License-Identifier: MIT */

/* Files in the folder: NAME.bin, an entry; NAME.loading, there while a driver is shown it, locked by the process that does;
   NAME.refused, a driver crashed on it; tmp-*, being written. */

#include "cache.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "binary.h"
#include "error.h"
#include "file.h"
#include "harmless.h"

enum { LARGEST = 256 << 20, MOST = 512 << 20, OLD_SECONDS = 3600 };

struct clglu_cache {
    clglu_context *context;
    int folder;  /* open */
    int loading; /* the marker's descriptor; -1: none */
    unsigned count;
};

static void remark(const clglu_context *context, const char *what, const char *why)
{
    char text[512];
    if (context->log == NULL) return;
    snprintf(text, sizeof text, "cache: %s: %s; programs are built from source", what, why);
    context->log(clglu_harmless(text), context->log_user);
}

/* ---------------------------------------------------------------- the folder */

/* Belongs to the user, and nobody else may write to it. */
static const char *not_private(const struct stat *st)
{
    if (st->st_uid != geteuid()) return "it belongs to somebody else";
    return st->st_mode & 022 ? "others may write to it" : NULL;
}

/* The next part of a path from its parent, made if it is not there. No part may be a symbolic link. */
static int step(int parent, const char *name)
{
    int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, next = openat(parent, name, flags);
    if (next < 0 && errno == ENOENT && (mkdirat(parent, name, 0700) == 0 || errno == EEXIST)) next = openat(parent, name, flags);
    int reason = errno;
    close(parent);
    errno = reason;
    return next;
}

static int walk(const char *path)
{
    char part[256];
    int at = open(*path == '/' ? "/" : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    while (at >= 0) {
        path += strspn(path, "/");
        size_t n = strcspn(path, "/");
        if (n == 0) break;
        if (n >= sizeof part) {
            close(at);
            errno = ENAMETOOLONG;
            return -1;
        }
        memcpy(part, path, n);
        part[n] = 0;
        path += n;
        at = step(at, part);
    }
    return at;
}

clglu_cache *clglu_cache_open(clglu_context *context, const char *path)
{
    struct stat st;
    char text[CLGLU_REASON];
    clglu_cache *cache = NULL;
    int folder = walk(path);
    const char *why = folder < 0 || fstat(folder, &st) != 0 ? clglu_reason(errno, text) : not_private(&st);
    if (!why && (cache = calloc(1, sizeof *cache)) == NULL) why = "no memory";
    if (why) {
        remark(context, path, why);
        if (folder >= 0) close(folder);
        return NULL;
    }
    *cache = (clglu_cache){.context = context, .folder = folder, .loading = -1};
    return cache;
}

void clglu_cache_close(clglu_cache *cache)
{
    if (cache == NULL) return;
    close(cache->folder);
    free(cache);
}

void clglu_cache_name(const char *file, const char *key, char name[CLGLU_CACHE_NAME])
{
    clglu_binary_name(file, "", key, name);
}

/* ---------------------------------------------------------------- files in it */

enum { FILE_NAME = CLGLU_CACHE_NAME + 16 };

static const char *file_name(char out[FILE_NAME], const char *name, const char *end)
{
    snprintf(out, FILE_NAME, "%s.%s", name, end);
    return out;
}

static void remove_file(const clglu_cache *c, const char *name, const char *end)
{
    char file[FILE_NAME];
    unlinkat(c->folder, file_name(file, name, end), 0);
}

static bool exists(const clglu_cache *c, const char *name, const char *end)
{
    char file[FILE_NAME];
    struct stat st;
    return fstatat(c->folder, file_name(file, name, end), &st, AT_SYMLINK_NOFOLLOW) == 0;
}

/* What is wrong with an open entry, or NULL. A FIFO would keep the reader waiting, a second link be changed from elsewhere. */
static const char *wrong_file(const struct stat *st)
{
    if (!S_ISREG(st->st_mode)) return "it is no regular file";
    if (st->st_nlink != 1) return "it has several links";
    if (st->st_size > LARGEST) return "it is too large";
    return not_private(st);
}

/* The entry's contents, to be freed; NULL and *why NULL: there is none. *why may stand in text. */
static void *read_entry(const clglu_cache *c, const char *name, size_t *bytes, const char **why, char text[CLGLU_REASON])
{
    char file[FILE_NAME];
    struct stat st = {.st_size = 0};
    void *data = NULL;
    int fd = openat(c->folder, file_name(file, name, "bin"), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    *why = fd < 0 && errno != ENOENT ? clglu_reason(errno, text) : NULL;
    if (fd < 0) return NULL;
    *why = fstat(fd, &st) == 0 ? wrong_file(&st) : clglu_reason(errno, text);
    *bytes = (size_t)st.st_size;
    if (!*why && (data = malloc(*bytes + 1)) == NULL) *why = "no memory";
    if (!*why && !clglu_read_whole(fd, data, *bytes)) *why = "it cannot be read";
    close(fd);
    if (*why == NULL) return data;
    free(data);
    return NULL;
}

/* ---------------------------------------------------------------- drivers that crash */

/* The marker appears with its lock held, so that one without a lock was left by a process that is no more. */
static void mark(clglu_cache *c, const char *name)
{
    char own[FILE_NAME], file[FILE_NAME];
    snprintf(own, sizeof own, "tmp-loading-%ld-%u", (long)getpid(), c->count++);
    c->loading = openat(c->folder, own, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (c->loading < 0) return;
    if (flock(c->loading, LOCK_SH | LOCK_NB) == 0 && renameat(c->folder, own, c->folder, file_name(file, name, "loading")) == 0) return;
    unlinkat(c->folder, own, 0);
    close(c->loading);
    c->loading = -1;
}

/* Did a process that showed it to a driver end while it did? A marker that is gone by now was removed by a process that lives. */
static bool was_fatal(const clglu_cache *c, const char *name)
{
    char file[FILE_NAME];
    struct stat st;
    int fd = openat(c->folder, file_name(file, name, "loading"), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) return false;
    bool left = flock(fd, LOCK_EX | LOCK_NB) == 0 && fstat(fd, &st) == 0 && st.st_nlink > 0;
    close(fd);
    return left;
}

static void refuse(const clglu_cache *c, const char *name)
{
    char file[FILE_NAME];
    int fd = openat(c->folder, file_name(file, name, "refused"), O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd >= 0) close(fd);
    remove_file(c, name, "bin");
    remove_file(c, name, "loading");
    remark(c->context, name, "a process ended while its driver took it");
}

/* ---------------------------------------------------------------- loading and saving */

void *clglu_cache_load(clglu_cache *c, const char *name, const char *key, size_t *bytes)
{
    char text[CLGLU_BINARY_WHY + CLGLU_REASON]; /* room for either */
    const char *why;
    size_t size = 0;
    void *data;
    if (exists(c, name, "refused")) return NULL;
    if (was_fatal(c, name)) {
        refuse(c, name);
        return NULL;
    }
    data = read_entry(c, name, &size, &why, text);
    const void *binary = data ? clglu_binary_unwrap(key, data, size, bytes, text) : NULL;
    if (data && !binary) why = text;
    if (why) {
        remark(c->context, name, why);
        remove_file(c, name, "bin");
    }
    if (binary) {
        memmove(data, binary, *bytes);
        mark(c, name);
        return data;
    }
    free(data);
    return NULL;
}

void clglu_cache_loaded(clglu_cache *c, const char *name, bool taken)
{
    if (c->loading >= 0) {
        remove_file(c, name, "loading");
        close(c->loading);
        c->loading = -1;
    }
    if (!taken) remove_file(c, name, "bin");
}

/* Under a name of its own, then at once under the right one: whoever reads finds the old entry or the new one, whole. */
static bool write_entry(clglu_cache *c, const char *name, const void *data, size_t bytes)
{
    char own[FILE_NAME], file[FILE_NAME];
    snprintf(own, sizeof own, "tmp-%ld-%u", (long)getpid(), c->count++);
    int fd = openat(c->folder, own, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0) return false;
    bool good = clglu_write_whole(fd, data, bytes) && fsync(fd) == 0;
    good = close(fd) == 0 && good;
    good = good && renameat(c->folder, own, c->folder, file_name(file, name, "bin")) == 0;
    if (!good) unlinkat(c->folder, own, 0);
    return good;
}

/* ---------------------------------------------------------------- how large it may become */

typedef struct listed {
    char name[FILE_NAME];
    off_t size;
    time_t time;
} listed;

typedef struct listing {
    listed *file;
    size_t count, room;
    off_t sum;
} listing;

static bool ends_with(const char *text, const char *end)
{
    size_t n = strlen(text), m = strlen(end);
    return n >= m && strcmp(text + n - m, end) == 0;
}

/* Files that a killed process left half-written go at once, when they are old enough to be nobody's. */
static void list_file(const clglu_cache *c, listing *l, const char *name)
{
    struct stat st;
    size_t length = strlen(name);
    if (length >= FILE_NAME || fstatat(c->folder, name, &st, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(st.st_mode)) return;
    if (strncmp(name, "tmp-", 4) == 0 && st.st_mtime < time(NULL) - OLD_SECONDS) unlinkat(c->folder, name, 0);
    if (!ends_with(name, ".bin")) return;
    if (l->count == l->room) {
        size_t room = l->room ? 2 * l->room : 64;
        listed *more = realloc(l->file, room * sizeof *more);
        if (more == NULL) return;
        l->file = more;
        l->room = room;
    }
    listed *f = &l->file[l->count++];
    memcpy(f->name, name, length + 1);
    f->size = st.st_size;
    f->time = st.st_mtime;
    l->sum += st.st_size;
}

static int older(const void *a, const void *b)
{
    const listed *x = a, *y = b;
    return (x->time > y->time) - (x->time < y->time);
}

static void make_room(const clglu_cache *c)
{
    listing l = {.count = 0};
    int again = openat(c->folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = again >= 0 ? fdopendir(again) : NULL;
    if (d == NULL && again >= 0) close(again);
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): it is, for a stream that one thread has */
    for (const struct dirent *e; d && (e = readdir(d)) != NULL;) list_file(c, &l, e->d_name);
    if (d) closedir(d);
    if (l.count) qsort(l.file, l.count, sizeof *l.file, older);
    for (size_t i = 0; i < l.count && l.sum > MOST; i++) {
        unlinkat(c->folder, l.file[i].name, 0);
        l.sum -= l.file[i].size;
    }
    free(l.file);
}

void clglu_cache_save(clglu_cache *c, const char *name, const char *key, const void *binary, size_t bytes)
{
    size_t size = clglu_binary_wrapped_bytes(key, bytes);
    if (size > LARGEST || exists(c, name, "refused")) return;
    void *data = malloc(size);
    if (data == NULL) return;
    clglu_binary_wrap(key, binary, bytes, data);
    if (write_entry(c, name, data, size)) make_room(c);
    else remark(c->context, name, "it cannot be kept");
    free(data);
}
