/* safetensors.c - a .safetensors file opened, mapped and watched. SPDX-License-Identifier: MIT */

/* The file is mapped, not read: a model's weights may be larger than memory, the library packs them piece by
   piece straight from the mapping, and nothing is copied. The price is that a file which another process cuts
   short raises SIGBUS where the data are gone. The handler puts zeros there, so that whoever reads (the
   library, or a driver's thread with its locks held) goes on, and remembers it; the command asks
   safetensors_unchanged before it gives anything away. */

#define _DEFAULT_SOURCE /* MAP_ANONYMOUS */

#include "safetensors.h"
#include "cli.h"
#include "safetensors_parse.h"
#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* What the handler must know; `base` NULL: no file is mapped. */
static struct {
    unsigned char *base;
    size_t size, page;
    struct sigaction before;
} watched;
static volatile sig_atomic_t torn;

/* mmap is not on POSIX' list of what a handler may call, but a plain system call wherever there is SIGBUS. */
static void on_bus_error(int number, siginfo_t *info, void *context)
{
    unsigned char *at = info->si_addr;
    int saved = errno;
    (void)context;
    if (watched.base && at >= watched.base && at < watched.base + watched.size) {
        size_t skip = (size_t)(at - watched.base) / watched.page * watched.page;
        void *zeros = mmap(watched.base + skip, watched.size - skip, PROT_READ,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
        torn = 1;
        errno = saved;
        if (zeros != MAP_FAILED) return;
    }
    sigaction(number, &watched.before,
              NULL); /* the access is repeated, and ends as it would have without us */
}

void safetensors_guard(void)
{
    struct sigaction action = {0}, before;
    if (!watched.base) return;
    action.sa_sigaction = on_bus_error;
    action.sa_flags = SA_SIGINFO;
    sigemptyset(&action.sa_mask);
    sigaction(SIGBUS, &action, &before);
    if (!(before.sa_flags & SA_SIGINFO) || before.sa_sigaction != on_bus_error) watched.before = before;
}

static void watch(struct safetensors *file)
{
    watched.base = (unsigned char *)file->map;
    watched.size = file->size;
    watched.page = (size_t)sysconf(_SC_PAGESIZE);
    torn = 0;
    safetensors_guard();
}

static void unwatch(void)
{
    if (!watched.base) return;
    sigaction(SIGBUS, &watched.before, NULL);
    watched.base = NULL;
}

/* A name may hold anything, also newlines. */
static int bad(const struct safetensors *file, const char *why)
{
    char clean[SAFETENSORS_ERROR];
    cli_say("%s: %s", file->path, text_clean(clean, sizeof clean, why, 0));
    return CLI_BAD_FILE;
}

/* O_NONBLOCK: a pipe without a writer is to be refused, not waited for. */
static int map(struct safetensors *file)
{
    struct stat st;
    file->fd = open(file->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (file->fd < 0 || fstat(file->fd, &st) != 0) return bad(file, strerror(errno));
    if (!S_ISREG(st.st_mode)) return bad(file, "is not a regular file");
    if (st.st_size < 8) return bad(file, st.st_size ? "cut: shorter than 8 bytes" : "the file is empty");
    if ((uintmax_t)st.st_size > SIZE_MAX) return bad(file, "is too large to be mapped");
    file->size = (size_t)st.st_size;
    file->changed = st.st_mtim;
    void *at = mmap(NULL, file->size, PROT_READ, MAP_PRIVATE, file->fd, 0);
    if (at == MAP_FAILED) return bad(file, strerror(errno));
    file->map = at;
    watch(file);
    return CLI_GO_ON;
}

int safetensors_open(struct safetensors *file, const char *path)
{
    char error[SAFETENSORS_ERROR] = "";
    *file = (struct safetensors){.path = path, .fd = -1};
    int code = map(file);
    if (code == CLI_GO_ON && !safetensors_parse(file, error)) code = bad(file, error);
    if (code == CLI_GO_ON) code = safetensors_unchanged(file);
    if (code != CLI_GO_ON) safetensors_close(file);
    return code;
}

void safetensors_close(struct safetensors *file)
{
    if (!file->path) return;
    if (file->map) {
        unwatch();
        munmap((void *)file->map, file->size);
    }
    if (file->fd >= 0) close(file->fd);
    json_decref(file->header);
    free(file->tensors);
    *file = (struct safetensors){.fd = -1};
}

const struct safetensor *safetensors_find(const struct safetensors *file, const char *name)
{
    for (size_t i = 0; i < file->count; i++)
        if (strcmp(file->tensors[i].name, name) == 0) return &file->tensors[i];
    return NULL;
}

int safetensors_unchanged(const struct safetensors *file)
{
    struct stat st;
    if (fstat(file->fd, &st) != 0) return bad(file, strerror(errno));
    if (torn || (uintmax_t)st.st_size < file->size)
        return bad(file, "was cut short, or failed, while it was read");
    if (st.st_mtim.tv_sec != file->changed.tv_sec || st.st_mtim.tv_nsec != file->changed.tv_nsec)
        return bad(file, "was changed while it was read");
    return CLI_GO_ON;
}

char *safetensors_shape(const struct safetensor *t, char *out, size_t size)
{
    size_t n = (size_t)snprintf(out, size, "[");
    for (int i = 0; i < t->dims && n < size; i++)
        n += (size_t)snprintf(out + n, size - n, "%s%llu", i ? ", " : "", (unsigned long long)t->shape[i]);
    if (n < size) snprintf(out + n, size - n, "]");
    return out;
}
