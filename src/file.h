/* file.h - files read and written whole.
   SPDX-License-Identifier: MIT */

#ifndef CLGLU_FILE_H
#define CLGLU_FILE_H

#include "core.h"

/* All the bytes, in as many parts as the system makes of them, or false: the file ends before, or it fails. */
bool clglu_read_whole(int fd, void *data, size_t bytes);
bool clglu_write_whole(int fd, const void *data, size_t bytes);

/* The contents of a regular file of at most `largest` MiB, and two zero bytes behind; *data is to be freed. Where there is no such file,
   *data is NULL, and the status CLGLU_OK. A pipe is refused, not waited for. */
clglu_status clglu_file_read(clglu_context *context, const char *path, size_t largest, char **data, size_t *bytes);

#endif
