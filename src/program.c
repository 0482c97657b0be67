/* program.c - programs built once and kept in memory.
   SPDX-License-Identifier: MIT */

#include "program.h"

#include <stdlib.h>
#include <string.h>

#include "error.h"

struct clglu_program {
    clglu_program *next;
    char *file, *options; /* the key */
    cl_program program;
};

static char *copy(const char *text)
{
    char *c = malloc(strlen(text) + 1);
    return c ? strcpy(c, text) : NULL;
}

static void free_program(clglu_program *p)
{
    if (p->program) clReleaseProgram(p->program);
    free(p->file);
    free(p->options);
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

static clglu_status build(clglu_context *context, const char *file, const char *options, cl_program *program)
{
    char *text = NULL;
    clglu_status status = clglu_source(context, file, &text);
    if (status) return status;
    cl_int code;
    cl_device_id id = context->device.facts.device_id;
    *program = clCreateProgramWithSource(context->cl, 1, (const char **)&text, NULL, &code);
    free(text);
    if (*program == NULL) return clglu_fail_cl(context, "clCreateProgramWithSource", code);
    code = clBuildProgram(*program, 1, &id, options, NULL, NULL);
    return code == CL_SUCCESS ? CLGLU_OK : fail_build(context, *program, file, options, code);
}

static clglu_status add(clglu_context *context, const char *file, const char *options, clglu_program **made)
{
    clglu_program *p = calloc(1, sizeof *p);
    if (p == NULL) return clglu_fail(context, CLGLU_OUT_OF_MEMORY, "no memory for a program");
    p->file = copy(file);
    p->options = copy(options);
    clglu_status status = p->file && p->options
                              ? build(context, file, options, &p->program)
                              : clglu_fail(context, CLGLU_OUT_OF_MEMORY, "no memory for a program");
    if (status) {
        free_program(p);
        return status;
    }
    p->next = context->programs;
    context->programs = *made = p;
    return CLGLU_OK;
}

/* One lock for the list and the builds: two threads that want one program build it once. */
clglu_status clglu_program_get(clglu_context *context, const char *file, const char *options, cl_program *program)
{
    clglu_status status = CLGLU_OK;
    pthread_mutex_lock(&context->build_lock);
    clglu_program *p = context->programs;
    while (p && (strcmp(p->options, options) || strcmp(p->file, file))) p = p->next;
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
        free_program(p);
    }
}
