/* program.c - programs built once, from source or from a binary in kernel_dir, and kept in memory.
   SPDX-License-Identifier: MIT */

#include "program.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "binary.h"
#include "cache.h"
#include "error.h"
#include "file.h"

struct clglu_program {
    clglu_program *next;
    char *file, *options; /* the key */
    char *source;
    char name[CLGLU_BINARY_NAME];
    char *key, entry[CLGLU_CACHE_NAME]; /* in the cache; key NULL: there is no cache */
    bool kept;                          /* it came from there */
    cl_program program; /* NULL in a context that only lists */
};

static char *copy(const char *text)
{
    size_t size = strlen(text) + 1;
    char *c = malloc(size);
    return c ? memcpy(c, text, size) : NULL;
}

static void free_program(clglu_program *p)
{
    if (p->program) clReleaseProgram(p->program);
    free(p->file);
    free(p->options);
    free(p->source);
    free(p->key);
    free(p);
}

static clglu_status fail_build(clglu_context *context, cl_program program, const char *file, const char *options,
                               cl_int code)
{
    char log[3000] = "";
    size_t size = 0;
    cl_device_id id = context->device.facts.device_id;
    clGetProgramBuildInfo(program, id, CL_PROGRAM_BUILD_LOG, 0, NULL, &size);
    char *whole = calloc(size + 1, 1);
    if (whole && size && clGetProgramBuildInfo(program, id, CL_PROGRAM_BUILD_LOG, size, whole, NULL) == CL_SUCCESS)
        strncpy(log, whole, sizeof log - 1);
    free(whole);
    return clglu_fail(context, CLGLU_BUILD_FAILED, "%s does not build (clBuildProgram: %s, %d; %s): %s", file,
                      clglu_cl_name(code), (int)code, options, log);
}

static clglu_status from_source(clglu_context *context, const clglu_program *p, cl_program *program)
{
    cl_int code;
    cl_device_id id = context->device.facts.device_id;
    *program = clCreateProgramWithSource(context->cl, 1, (const char **)(uintptr_t)&p->source, NULL, &code);
    if (*program == NULL) return clglu_fail_cl(context, "clCreateProgramWithSource", code);
    code = clBuildProgram(*program, 1, &id, p->options, NULL, NULL);
    return code == CL_SUCCESS ? CLGLU_OK : fail_build(context, *program, p->file, p->options, code);
}

static clglu_status from_binary(clglu_context *context, const clglu_program *p, const void *binary, size_t bytes,
                                cl_program *program)
{
    cl_int code, its = CL_SUCCESS;
    cl_device_id id = context->device.facts.device_id;
    const unsigned char *data = binary;
    *program = clCreateProgramWithBinary(context->cl, 1, &id, &bytes, &data, &its, &code);
    if (*program == NULL || its != CL_SUCCESS) return clglu_fail_cl(context, "clCreateProgramWithBinary", *program ? its : code);
    code = clBuildProgram(*program, 1, &id, p->options, NULL, NULL);
    return code == CL_SUCCESS ? CLGLU_OK : fail_build(context, *program, p->file, p->options, code);
}

/* ---------------------------------------------------------------- binaries in kernel_dir */

enum { LARGEST_BINARY = 1024 }; /* MiB */

static clglu_status unwrap_and_build(clglu_context *context, const clglu_program *p, const char *path, const void *data,
                                     size_t bytes, cl_program *program)
{
    char why[CLGLU_BINARY_WHY];
    size_t size = 0;
    char *key = clglu_binary_key(context, p->file, p->options, p->source);
    if (key == NULL) return clglu_fail(context, CLGLU_OUT_OF_MEMORY, "no memory for a program");
    const void *binary = clglu_binary_unwrap(key, data, bytes, &size, why);
    free(key);
    if (binary) return from_binary(context, p, binary, size, program);
    return clglu_fail(context, CLGLU_FILE_FAILED, "%s: %s; 'clglu export' makes it anew", path, why);
}

/* From NAME.bin in kernel_dir; *program stays NULL if there is no such file. */
static clglu_status from_folder(clglu_context *context, const clglu_program *p, cl_program *program)
{
    char *data;
    size_t bytes, size = strlen(context->kernel_dir) + strlen(p->name) + sizeof "/.bin";
    char *path = malloc(size);
    if (path == NULL) return clglu_fail(context, CLGLU_OUT_OF_MEMORY, "no memory for a path");
    snprintf(path, size, "%s/%s.bin", context->kernel_dir, p->name);
    clglu_status status = clglu_file_read(context, path, LARGEST_BINARY, &data, &bytes);
    if (!status && data) status = unwrap_and_build(context, p, path, data, bytes, program);
    free(data);
    free(path);
    return status;
}

/* ---------------------------------------------------------------- the cache */

/* What the driver made of it; *binary is NULL where it has none. */
static clglu_status get_binary(clglu_context *context, const clglu_program *p, unsigned char **binary, size_t *bytes)
{
    *binary = NULL;
    *bytes = 0;
    cl_int code = p->program ? clGetProgramInfo(p->program, CL_PROGRAM_BINARY_SIZES, sizeof *bytes, bytes, NULL) : CL_SUCCESS;
    if (code != CL_SUCCESS) return clglu_fail_cl(context, "clGetProgramInfo", code);
    if (*bytes == 0) return CLGLU_OK;
    *binary = malloc(*bytes);
    if (*binary == NULL) return clglu_fail(context, CLGLU_OUT_OF_MEMORY, "no memory for a binary");
    code = clGetProgramInfo(p->program, CL_PROGRAM_BINARIES, sizeof *binary, binary, NULL);
    if (code == CL_SUCCESS) return CLGLU_OK;
    free(*binary);
    *binary = NULL;
    return clglu_fail_cl(context, "clGetProgramInfo", code);
}

/* From the cache; *program stays NULL if it has none, or none that this driver takes. */
static clglu_status from_cache(clglu_context *context, clglu_program *p, cl_program *program)
{
    size_t bytes = 0;
    p->key = clglu_binary_key(context, p->file, p->options, p->source);
    if (p->key == NULL) return clglu_fail(context, CLGLU_OUT_OF_MEMORY, "no memory for a program");
    clglu_cache_name(p->file, p->key, p->entry);
    void *binary = clglu_cache_load(context->cache, p->entry, p->key, &bytes);
    if (binary == NULL) return CLGLU_OK;
    bool taken = from_binary(context, p, binary, bytes, program) == CLGLU_OK;
    if (!taken && *program) clReleaseProgram(*program);
    if (!taken) *program = NULL;
    p->kept = taken;
    clglu_cache_loaded(context->cache, p->entry, taken);
    free(binary);
    return CLGLU_OK;
}

/* After its launches: some drivers compile then, and their binary has what they made. */
static void keep(clglu_context *context, clglu_program *p)
{
    unsigned char *binary;
    size_t bytes;
    if (p->key == NULL || p->kept || get_binary(context, p, &binary, &bytes) || binary == NULL) return;
    clglu_cache_save(context->cache, p->entry, p->key, binary, bytes);
    free(binary);
}

static clglu_status build(clglu_context *context, clglu_program *p)
{
    clglu_status status = clglu_source(context, p->file, &p->source);
    if (status) return status;
    clglu_binary_name(p->file, p->options, p->source, p->name);
    if (context->list_only) return CLGLU_OK;
    if (context->kernel_dir) status = from_folder(context, p, &p->program);
    if (!status && !p->program && context->cache) status = from_cache(context, p, &p->program);
    if (status || p->program) return status;
    if (context->device.facts.compiler) return from_source(context, p, &p->program);
    return clglu_fail(context, CLGLU_BUILD_FAILED,
                      "the device has no compiler, and %s has no %s.bin (%s with %s); 'clglu export' says how to make it",
                      context->kernel_dir ? context->kernel_dir : "kernel_dir", p->name, p->file, p->options);
}

static clglu_status add(clglu_context *context, const char *file, const char *options, clglu_program **made)
{
    clglu_program *p = calloc(1, sizeof *p), **end = &context->programs;
    if (p == NULL) return clglu_fail(context, CLGLU_OUT_OF_MEMORY, "no memory for a program");
    p->file = copy(file);
    p->options = copy(options);
    clglu_status status = p->file && p->options ? build(context, p)
                                                : clglu_fail(context, CLGLU_OUT_OF_MEMORY, "no memory for a program");
    if (status) {
        free_program(p);
        return status;
    }
    while (*end) end = &(*end)->next; /* in the order in which they were asked for */
    *end = *made = p;
    return CLGLU_OK;
}

/* One lock for the list and the builds: two threads that want one program build it once. */
clglu_status clglu_program_get(clglu_context *context, const char *file, const char *options, cl_program *program)
{
    clglu_status status = CLGLU_OK;
    pthread_mutex_lock(&context->build_lock);
    clglu_program *p = context->programs;
    while (p && (strcmp(p->options, options) != 0 || strcmp(p->file, file) != 0)) p = p->next;
    if (p == NULL) status = add(context, file, options, &p);
    if (!status) *program = p->program;
    pthread_mutex_unlock(&context->build_lock);
    return status;
}

void clglu_programs_free(clglu_context *context)
{
    while (context->programs) {
        clglu_program *p = context->programs;
        context->programs = p->next;
        if (context->cache) keep(context, p);
        free_program(p);
    }
}

/* ---------------------------------------------------------------- what was asked for */

/* To be freed; NULL and a status without memory. */
static clglu_status wrap(clglu_context *context, const clglu_program *p, const void *binary, size_t bytes, void **wrapped,
                         size_t *wrapped_bytes)
{
    char *key = clglu_binary_key(context, p->file, p->options, p->source);
    *wrapped_bytes = key ? clglu_binary_wrapped_bytes(key, bytes) : 0;
    *wrapped = key ? malloc(*wrapped_bytes) : NULL;
    if (*wrapped) clglu_binary_wrap(key, binary, bytes, *wrapped);
    free(key);
    return *wrapped ? CLGLU_OK : clglu_fail(context, CLGLU_OUT_OF_MEMORY, "no memory for a binary");
}

static clglu_status tell(clglu_context *context, const clglu_program *p, int binaries, clglu_program_callback callback, void *user)
{
    clglu_program_info info = {.file = p->file, .options = p->options, .source = p->source, .name = p->name};
    unsigned char *binary = NULL;
    void *wrapped = NULL;
    size_t bytes = 0;
    clglu_status status = binaries ? get_binary(context, p, &binary, &bytes) : CLGLU_OK;
    if (!status && binary) status = wrap(context, p, binary, bytes, &wrapped, &info.binary_bytes);
    info.binary = wrapped;
    if (!status) callback(&info, user);
    free(binary);
    free(wrapped);
    return status;
}

clglu_status clglu_context_programs(clglu_context *context, int binaries, clglu_program_callback callback, void *user)
{
    clglu_status status = CLGLU_OK;
    if (context == NULL) return CLGLU_NULL_POINTER;
    if (callback == NULL) return clglu_fail(context, CLGLU_NULL_POINTER, "callback is NULL");
    pthread_mutex_lock(&context->build_lock);
    for (const clglu_program *p = context->programs; p && !status; p = p->next)
        status = tell(context, p, binaries, callback, user);
    pthread_mutex_unlock(&context->build_lock);
    return status;
}

static const clglu_program *find(const clglu_context *context, const char *name)
{
    const clglu_program *p = context->programs;
    while (p && strcmp(p->name, name) != 0) p = p->next;
    return p;
}

static clglu_status wrap_into(clglu_context *context, const clglu_program *p, const void *binary, size_t binary_bytes,
                              void *wrapped, size_t *bytes)
{
    char *key = clglu_binary_key(context, p->file, p->options, p->source);
    if (key == NULL) return clglu_fail(context, CLGLU_OUT_OF_MEMORY, "no memory for a binary");
    size_t needed = clglu_binary_wrapped_bytes(key, binary_bytes);
    clglu_status status = CLGLU_OK;
    if (wrapped && *bytes < needed)
        status = clglu_fail(context, CLGLU_BUFFER_TOO_SMALL, "the wrapped binary has %zu bytes, there is room for %zu", needed, *bytes);
    else if (wrapped)
        clglu_binary_wrap(key, binary, binary_bytes, wrapped);
    if (!status) *bytes = needed;
    free(key);
    return status;
}

clglu_status clglu_program_wrap(clglu_context *context, const char *name, const void *binary, size_t binary_bytes,
                                void *wrapped, size_t *bytes)
{
    if (context == NULL) return CLGLU_NULL_POINTER;
    if (name == NULL || binary == NULL || bytes == NULL)
        return clglu_fail(context, CLGLU_NULL_POINTER, "name, binary or bytes is NULL");
    pthread_mutex_lock(&context->build_lock);
    const clglu_program *p = find(context, name);
    clglu_status status = p ? wrap_into(context, p, binary, binary_bytes, wrapped, bytes)
                            : clglu_fail(context, CLGLU_NOT_FOUND, "no call has asked for a program named %s", name);
    pthread_mutex_unlock(&context->build_lock);
    return status;
}
