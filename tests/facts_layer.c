/* facts_layer.c - an OpenCL layer that lets devices say other things of themselves. SPDX-License-Identifier: MIT */

/* FACTS_LAYER names them: no-fp64, flushes (no subnormal numbers), old-driver, old-version; other-name, other-vendor, other-version,
   other-language, other-platform: the last letter of that text is another. */

#include "layer.h"

static int asked(const char *word)
{
    const char *all = getenv("FACTS_LAYER");
    return all && strstr(all, word) != NULL;
}

/* Turns the last letter of a text into another. */
static void change(void *value, size_t size)
{
    char *text = value, *end = memchr(text, 0, size);
    if (end && end > text) end[-1] ^= 1;
}

static cl_int CL_API_CALL get_platform_info(cl_platform_id platform, cl_platform_info what, size_t size, void *value, size_t *needed)
{
    cl_int code = next->clGetPlatformInfo(platform, what, size, value, needed);
    if (code == CL_SUCCESS && value && what == CL_PLATFORM_NAME && asked("other-platform")) change(value, size);
    return code;
}

/* The driver's own text has room enough for these. */
static cl_int CL_API_CALL get_device_info(cl_device_id device, cl_device_info what, size_t size, void *value, size_t *needed)
{
    cl_int code = next->clGetDeviceInfo(device, what, size, value, needed);
    if (code != CL_SUCCESS || value == NULL) return code;
    if (what == CL_DEVICE_DOUBLE_FP_CONFIG && asked("no-fp64")) *(cl_device_fp_config *)value = 0;
    if (what == CL_DEVICE_SINGLE_FP_CONFIG && asked("flushes")) *(cl_device_fp_config *)value &= ~(cl_device_fp_config)CL_FP_DENORM;
    if (what == CL_DRIVER_VERSION && asked("old-driver")) memcpy(value, "0.9", size < 4 ? size : 4);
    if (what == CL_DEVICE_VERSION && asked("old-version") && size > 10) memcpy(value, "OpenCL 1.1", 10);
    if (what == CL_DEVICE_NAME && asked("other-name")) change(value, size);
    if (what == CL_DEVICE_VENDOR && asked("other-vendor")) change(value, size);
    if (what == CL_DEVICE_VERSION && asked("other-version")) change(value, size);
    if (what == CL_DEVICE_OPENCL_C_VERSION && asked("other-language")) change(value, size);
    return code;
}

static void hook(void)
{
    ours.clGetDeviceInfo = get_device_info;
    ours.clGetPlatformInfo = get_platform_info;
}
