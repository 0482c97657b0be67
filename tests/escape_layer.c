/* escape_layer.c - an OpenCL layer whose names, versions and build logs try to steer the terminal. SPDX-License-Identifier: MIT */

/* ESCAPE_LAYER: fail, then nothing builds. */

#include "layer.h"

#include <stdio.h>

/* A title, a colour, C1 controls in UTF-8 and bare, what goes back, a bell, DEL, a turn of the direction of writing, half a character. */
#define EVIL "\033]0;owned\007\033[31mred\302\23331m\23332m\b\r\177\342\200\256\tgo\n\033[2Jcleared\342\202"

/* What is cut behind the 24th byte is cut inside a character. */
#define WIDE "\303\251\303\251\303\251\303\251\303\251\303\251\303\251\303\251\303\251\303\251\303\251\303\251\303\251"

static cl_int answer(const char *text, size_t size, void *value, size_t *needed)
{
    size_t length = strlen(text) + 1;
    if (value && size < length) return CL_INVALID_VALUE;
    if (value) memcpy(value, text, length);
    if (needed) *needed = length;
    return CL_SUCCESS;
}

static cl_int CL_API_CALL get_device_info(cl_device_id device, cl_device_info what, size_t size, void *value, size_t *needed)
{
    switch (what) {
    case CL_DEVICE_NAME: return answer("evil " WIDE EVIL, size, value, needed);
    case CL_DEVICE_VENDOR:
    case CL_DRIVER_VERSION: return answer("evil " EVIL, size, value, needed);
    case CL_DEVICE_VERSION: return answer("OpenCL 1.2 " EVIL, size, value, needed);
    case CL_DEVICE_OPENCL_C_VERSION: return answer("OpenCL C 1.2 " EVIL, size, value, needed);
    default: return next->clGetDeviceInfo(device, what, size, value, needed);
    }
}

static cl_int CL_API_CALL get_platform_info(cl_platform_id platform, cl_platform_info what, size_t size, void *value, size_t *needed)
{
    if (what == CL_PLATFORM_NAME || what == CL_PLATFORM_VERSION) return answer("evil " EVIL, size, value, needed);
    return next->clGetPlatformInfo(platform, what, size, value, needed);
}

static cl_int CL_API_CALL build(cl_program program, cl_uint count, const cl_device_id *devices, const char *options,
                                void(CL_CALLBACK *done)(cl_program, void *), void *user)
{
    const char *mode = getenv("ESCAPE_LAYER");
    if (mode && strcmp(mode, "fail") == 0) return CL_BUILD_PROGRAM_FAILURE;
    return next->clBuildProgram(program, count, devices, options, done, user);
}

static cl_int CL_API_CALL get_build_info(cl_program program, cl_device_id device, cl_program_build_info what, size_t size, void *value,
                                         size_t *needed)
{
    if (what == CL_PROGRAM_BUILD_LOG) return answer("line 1: error: " EVIL "\nline 2 " EVIL "\n\n", size, value, needed);
    return next->clGetProgramBuildInfo(program, device, what, size, value, needed);
}

static void hook(void)
{
    ours.clGetDeviceInfo = get_device_info;
    ours.clGetPlatformInfo = get_platform_info;
    ours.clBuildProgram = build;
    ours.clGetProgramBuildInfo = get_build_info;
}
