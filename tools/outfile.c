/* outfile.c - output files that appear whole or not at all. SPDX-License-Identifier: MIT */

#define _XOPEN_SOURCE 700 /* realpath */

#include "outfile.h"
#include "cli.h"
#include "ending.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int complain(const char *path, const char *what)
{
    cli_say("%s: %s: %s", path, what, strerror(errno));
    return CLI_BAD_FILE;
}

/* The file that a path means: behind its symbolic links if it exists. NULL: out of memory, or no regular
 * file. */
static char *target(const char *path, int *refused)
{
    struct stat st;
    *refused = 0;
    if (stat(path, &st) != 0) return strdup(path);
    *refused = !S_ISREG(st.st_mode);
    return *refused ? NULL : realpath(path, NULL);
}

/* Opens ".NAME.PID-N.tmp" beside `path`: a name nobody has. */
static int open_temporary(const char *path, int slot)
{
    const char *slash = strrchr(path, '/');
    int folder = slash ? (int)(slash - path + 1) : 0;
    for (int n = 0; n < 1000; n++) {
        int len = snprintf(ending_name(slot), PATH_MAX, "%.*s.%.100s.%ld-%d.tmp", folder, path, path + folder,
                           (long)getpid(), n);
        if (len < 0 || len >= PATH_MAX) {
            errno = ENAMETOOLONG;
            return -1;
        }
        ending_use(slot);
        int fd = open(ending_name(slot), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (fd >= 0) return fd;
        ending_forget(slot);
        if (errno != EEXIST) return -1;
    }
    return -1;
}

int outfile_open(struct outfile *out, const char *path)
{
    int slot = ending_slot(), refused = 0;
    *out = (struct outfile){NULL, -1, -1};
    errno = EMFILE;
    if (slot >= 0) out->path = target(path, &refused);
    if (!out->path && refused) {
        cli_say("%s: exists and is not a regular file", path);
        return CLI_BAD_FILE;
    }
    if (out->path) out->fd = open_temporary(out->path, slot);
    if (out->fd >= 0) {
        out->slot = slot;
        return 0;
    }
    complain(path, "cannot be written");
    free(out->path);
    *out = (struct outfile){NULL, -1, -1};
    return CLI_BAD_FILE;
}

int outfile_write(struct outfile *out, const void *data, size_t size)
{
    for (const char *p = data; size > 0;) {
        ssize_t n = write(out->fd, p, size < 1u << 30 ? size : 1u << 30);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return complain(out->path, "cannot be written");
        p += n;
        size -= (size_t)n;
    }
    return 0;
}

static void forget(struct outfile *out)
{
    if (out->slot >= 0) ending_forget(out->slot);
    out->slot = -1;
}

int outfile_commit(struct outfile *out)
{
    int fd = out->fd;
    out->fd = -1;
    int bad = close(fd) != 0 || rename(ending_name(out->slot), out->path) != 0;
    if (bad)
        complain(out->path, "cannot be written");
    else
        forget(out);
    outfile_abandon(out);
    return bad ? CLI_BAD_FILE : 0;
}

int outfile_take(struct outfile *out, FILE *stream, char **text, const size_t *size)
{
    int bad = ferror(stream) != 0, code = CLI_OPENCL;
    bad |= fclose(stream) != 0;
    if (bad) cli_say("out of memory for %s", out->path);
    if (!bad) code = outfile_write(out, *text, *size);
    if (!code) code = outfile_commit(out);
    free(*text);
    return code;
}

void outfile_abandon(struct outfile *out)
{
    if (!out->path) return;
    if (out->fd >= 0) close(out->fd);
    if (out->slot >= 0) unlink(ending_name(out->slot));
    forget(out);
    free(out->path);
    *out = (struct outfile){NULL, -1, -1};
}
