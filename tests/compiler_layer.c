/* compiler_layer.c - an OpenCL layer that takes the compiler away from every device: programs come from binaries or not at all.
   SPDX-License-Identifier: MIT */

/* It counts on exit, into the file COMPILER_LAYER_COUNTS, how often a driver was given sources and binaries.
   COMPILER_LAYER: count, then it only counts; crash, then the process is aborted when a driver is given a binary. */

#include "layer.h"

#include <stdio.h>

static unsigned long sources, binaries, built;

static int mode_is(const char *word)
{
    const char *mode = getenv("COMPILER_LAYER");
    return mode && strcmp(mode, word) == 0;
}

/* The number alone is changed; how long it is, and errors, stay the driver's. */
static cl_int CL_API_CALL get_device_info(cl_device_id device, cl_device_info what, size_t size, void *value, size_t *needed)
{
    cl_int code = next->clGetDeviceInfo(device, what, size, value, needed);
    if (code == CL_SUCCESS && what == CL_DEVICE_COMPILER_AVAILABLE && value && !mode_is("count") && !mode_is("crash"))
        *(cl_bool *)value = CL_FALSE;
    return code;
}

/* As a device without a compiler does it: the program is made, but it cannot be built. */
static cl_program CL_API_CALL from_source(cl_context context, cl_uint count, const char **text, const size_t *sizes, cl_int *code)
{
    sources++;
    return next->clCreateProgramWithSource(context, count, text, sizes, code);
}

static cl_program CL_API_CALL from_binary(cl_context context, cl_uint count, const cl_device_id *devices, const size_t *sizes,
                                          const unsigned char **data, cl_int *status, cl_int *code)
{
    binaries++;
    if (mode_is("crash")) abort();
    return next->clCreateProgramWithBinary(context, count, devices, sizes, data, status, code);
}

static int has_source(cl_program program)
{
    size_t size = 0;
    return next->clGetProgramInfo(program, CL_PROGRAM_SOURCE, 0, NULL, &size) == CL_SUCCESS && size > 1;
}

static cl_int CL_API_CALL build(cl_program program, cl_uint count, const cl_device_id *devices, const char *options,
                                void(CL_CALLBACK *done)(cl_program, void *), void *user)
{
    /* Some drivers keep the source in a binary: one that came as a binary may be built. */
    if (binaries == built && has_source(program) && !mode_is("count") && !mode_is("crash")) return CL_COMPILER_NOT_AVAILABLE;
    built += binaries > built;
    return next->clBuildProgram(program, count, devices, options, done, user);
}

__attribute__((destructor)) static void write_counts(void)
{
    const char *path = getenv("COMPILER_LAYER_COUNTS");
    FILE *out = path ? fopen(path, "w") : NULL;
    if (out == NULL) return;
    fprintf(out, "sources %lu\nbinaries %lu\n", sources, binaries);
    fclose(out);
}

static void hook(void)
{
    ours.clGetDeviceInfo = get_device_info;
    ours.clCreateProgramWithSource = from_source;
    ours.clCreateProgramWithBinary = from_binary;
    ours.clBuildProgram = build;
}
