/* file.c - files read and written whole.
   SPDX-License-Identifier: MIT */

#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "error.h"

bool clglu_read_whole(int fd, void *data, size_t bytes)
{
    for (size_t done = 0; done < bytes;) {
        ssize_t n = read(fd, (char *)data + done, bytes - done);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return false;
        done += (size_t)n;
    }
    return true;
}

bool clglu_write_whole(int fd, const void *data, size_t bytes)
{
    for (size_t done = 0; done < bytes;) {
        ssize_t n = write(fd, (const char *)data + done, bytes - done);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return false;
        done += (size_t)n;
    }
    return true;
}

static clglu_status read_open(clglu_context *context, int fd, const char *path, size_t largest, char **data, size_t *bytes)
{
    struct stat facts;
    if (fstat(fd, &facts) || !S_ISREG(facts.st_mode) || (uint64_t)facts.st_size > (uint64_t)largest << 20)
        return clglu_fail(context, CLGLU_FILE_FAILED, "%s: not a regular file of at most %zu MiB", path, largest);
    char *all = calloc((size_t)facts.st_size + 2, 1);
    if (all == NULL) return clglu_fail(context, CLGLU_OUT_OF_MEMORY, "no memory for %s", path);
    if (!clglu_read_whole(fd, all, (size_t)facts.st_size)) {
        free(all);
        return clglu_fail(context, CLGLU_FILE_FAILED, "%s: cannot be read to its end", path);
    }
    *data = all;
    *bytes = (size_t)facts.st_size;
    return CLGLU_OK;
}

clglu_status clglu_file_read(clglu_context *context, const char *path, size_t largest, char **data, size_t *bytes)
{
    *data = NULL;
    *bytes = 0;
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) return errno == ENOENT ? CLGLU_OK : clglu_fail(context, CLGLU_FILE_FAILED, "%s: %s", path, CLGLU_ERRNO);
    clglu_status status = read_open(context, fd, path, largest, data, bytes);
    close(fd);
    return status;
}
