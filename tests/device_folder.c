/* device_folder.c - for the tests on a device: temporary folders with changed kernels. SPDX-License-Identifier: MIT */

#include "device.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void path_in(const char *name, const char *file, char *path, size_t size)
{
    int n = snprintf(path, size, "%s/%s", name, file);
    ck_assert_msg(n > 0 && (size_t)n < size, "the path of %s is too long", file);
}

folder folder_new(void)
{
    folder f = {.context = NULL};
    const char *tmp = getenv("TMPDIR");
    path_in(tmp && *tmp ? tmp : "/tmp", "clglu-test-XXXXXX", f.name, sizeof f.name);
    ck_assert_ptr_nonnull(mkdtemp(f.name));
    return f;
}

void folder_write(folder *f, const char *file, const char *text)
{
    char path[400];
    path_in(f->name, file, path, sizeof path);
    FILE *out = fopen(path, "w");
    bool written = out && fputs(text, out) >= 0;
    if (out) written = fclose(out) == 0 && written;
    ck_assert_msg(written, "%s cannot be written", path);
    ck_assert_uint_lt(f->count, COUNT(f->files));
    snprintf(f->files[f->count++], sizeof f->files[0], "%s", file);
}

void folder_change(folder *f, const char *file, const char *old, const char *new)
{
    static char text[1 << 16], changed[1 << 17];
    char path[400];
    path_in("cl", file, path, sizeof path);
    FILE *in = fopen(path, "r");
    ck_assert_msg(in != NULL, "%s cannot be read: run the tests from the top folder", path);
    size_t n = fread(text, 1, sizeof text - 1, in);
    fclose(in);
    text[n] = 0;
    char *at = strstr(text, old);
    ck_assert_msg(at != NULL, "%s has no \"%s\" any more: this test needs another place", path, old);
    snprintf(changed, sizeof changed, "%.*s%s%s", (int)(at - text), text, new, at + strlen(old));
    folder_write(f, file, changed);
}

clglu_context *folder_open(folder *f)
{
    clglu_context_params params = {.kernel_dir = f->name, .no_self_test = 1};
    ck_assert_int_eq(clglu_context_open(device_selector(), &params, &f->context), CLGLU_OK);
    return f->context;
}

void folder_free(folder *f)
{
    char path[400];
    clglu_context_close(f->context);
    for (size_t i = 0; i < f->count; i++) {
        path_in(f->name, f->files[i], path, sizeof path);
        ck_assert_int_eq(remove(path), 0);
    }
    ck_assert_int_eq(rmdir(f->name), 0);
}
