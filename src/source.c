/* source.c - the text of a kernel: its file, built in or from kernel_dir, with its includes in place.
   SPDX-License-Identifier: MIT */

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "file.h"
#include "program.h"

enum { MOST_INCLUDED = 32, LARGEST_FILE = 1 /* MiB */ };

typedef struct assembly {
    clglu_context *context;
    char *text;
    size_t length, room;
    char *included[MOST_INCLUDED]; /* files already in the text: each goes in once */
    size_t count;
} assembly;

static clglu_status append(assembly *s, const char *text, size_t length)
{
    if (s->room - s->length <= length) {
        size_t room = 2 * (s->room + length) + 4096;
        char *larger = realloc(s->text, room);
        if (larger == NULL) return clglu_fail(s->context, CLGLU_OUT_OF_MEMORY, "no memory for a kernel's source");
        s->text = larger;
        s->room = room;
    }
    /* NOLINTNEXTLINE(clang-analyzer-core.NonNullParamChecker): without a text there is no room, and realloc() was called */
    memcpy(s->text + s->length, text, length);
    s->length += length;
    s->text[s->length] = 0;
    return CLGLU_OK;
}

static clglu_status append_place(assembly *s, unsigned long line, const char *folder, const char *file)
{
    char text[256];
    int n = snprintf(text, sizeof text, "#line %lu \"%s/%s\"\n", line, folder, file);
    return append(s, text, (size_t)n);
}

/* ---------------------------------------------------------------- where a file comes from */

/* A text without zero bytes, which ends with a line's end: for that there is room. */
static clglu_status finish_text(clglu_context *context, const char *path, char *text, size_t length)
{
    if (memchr(text, 0, length)) return clglu_fail(context, CLGLU_FILE_FAILED, "%s: is not a text", path);
    if (length && text[length - 1] != '\n') text[length] = '\n';
    return CLGLU_OK;
}

/* The file in kernel_dir; *text stays NULL if there is none. */
static clglu_status from_folder(clglu_context *context, const char *file, char **text)
{
    if (context->kernel_dir == NULL) return CLGLU_OK;
    size_t length, size = strlen(context->kernel_dir) + strlen(file) + 2;
    char *path = malloc(size);
    if (path == NULL) return clglu_fail(context, CLGLU_OUT_OF_MEMORY, "no memory for a path");
    snprintf(path, size, "%s/%s", context->kernel_dir, file);
    clglu_status status = clglu_file_read(context, path, LARGEST_FILE, text, &length);
    if (!status && *text) status = finish_text(context, path, *text, length);
    free(path);
    return status;
}

static clglu_status from_library(clglu_context *context, const char *file, char **text)
{
    const clglu_embedded *e = clglu_embedded_files;
    while (e->name && strcmp(e->name, file) != 0) e++;
    if (e->name == NULL) return clglu_fail(context, CLGLU_BUILD_FAILED, "there is no kernel file %s", file);
    assembly s = {.context = context};
    clglu_status status = append(&s, "", 0);
    for (const char *const *line = e->lines; !status && *line; line++) status = append(&s, *line, strlen(*line));
    *text = s.text;
    return status;
}

/* ---------------------------------------------------------------- includes */

/* Is the line #include "name"? Then name is cut out of it. */
static bool is_include(const char *line, size_t length, char *name, size_t room)
{
    static const char directive[] = "#include \"";
    size_t skip = sizeof directive - 1;
    if (length < skip || memcmp(line, directive, skip) != 0) return false;
    const char *end = memchr(line + skip, '"', length - skip);
    if (end == NULL || end == line + skip || (size_t)(end - line) - skip >= room) return false;
    memcpy(name, line + skip, (size_t)(end - line) - skip);
    name[(size_t)(end - line) - skip] = 0;
    return strchr(name, '/') == NULL && strchr(name, '\\') == NULL;
}

static clglu_status append_file(assembly *s, const char *file);

/* NOLINTNEXTLINE(misc-no-recursion): as deep as there are files, MOST_INCLUDED of them */
static clglu_status append_lines(assembly *s, const char *file, const char *folder, const char *text)
{
    char name[64];
    clglu_status status = append_place(s, 1, folder, file);
    for (unsigned long number = 1; !status && *text; number++) {
        const char *end = strchr(text, '\n') + 1;
        if (is_include(text, (size_t)(end - text), name, sizeof name)) {
            status = append_file(s, name);
            if (!status) status = append_place(s, number + 1, folder, file);
        } else {
            status = append(s, text, (size_t)(end - text));
        }
        text = end;
    }
    return status;
}

/* A file is remembered before its lines are read, so a circle of includes ends. */
/* NOLINTNEXTLINE(misc-no-recursion): as deep as there are files, MOST_INCLUDED of them */
static clglu_status append_file(assembly *s, const char *file)
{
    for (size_t i = 0; i < s->count; i++)
        if (strcmp(s->included[i], file) == 0) return CLGLU_OK;
    if (s->count == MOST_INCLUDED) return clglu_fail(s->context, CLGLU_BUILD_FAILED, "%s: too many includes", file);
    size_t size = strlen(file) + 1;
    char *name = malloc(size), *text = NULL;
    if (name == NULL) return clglu_fail(s->context, CLGLU_OUT_OF_MEMORY, "no memory for a kernel's source");
    s->included[s->count++] = memcpy(name, file, size);

    clglu_status status = from_folder(s->context, file, &text);
    const char *folder = text ? "kernel_dir" : "cl";
    if (!status && text == NULL) status = from_library(s->context, file, &text);
    if (!status) status = append_lines(s, file, folder, text);
    free(text);
    return status;
}

clglu_status clglu_source(clglu_context *context, const char *file, char **text)
{
    assembly s = {.context = context};
    clglu_status status = append_file(&s, file);
    for (size_t i = 0; i < s.count; i++) free(s.included[i]);
    if (status) {
        free(s.text);
        s.text = NULL;
    }
    *text = s.text;
    return status;
}
