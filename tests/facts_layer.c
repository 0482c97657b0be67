/* facts_layer.c - an OpenCL layer that lets devices say other things of themselves. SPDX-License-Identifier: MIT */

/* FACTS_LAYER names them: no-fp64, flushes (no subnormal numbers), old-driver, old-version; other-name, other-vendor, other-version,
   other-language, other-platform: the last letter of that text is another. */

#define CL_TARGET_OPENCL_VERSION 300
#define CL_USE_DEPRECATED_OPENCL_1_2_APIS

#include <CL/cl_layer.h>
#include <stdlib.h>
#include <string.h>

#define EXPORT __attribute__((visibility("default")))

static struct _cl_icd_dispatch ours;
static const struct _cl_icd_dispatch *next;

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

EXPORT cl_int CL_API_CALL clGetLayerInfo(cl_layer_info what, size_t size, void *value, size_t *needed)
{
    cl_layer_api_version version = CL_LAYER_API_VERSION_100;
    if (what != CL_LAYER_API_VERSION || (value && size < sizeof version)) return CL_INVALID_VALUE;
    if (value) memcpy(value, &version, sizeof version);
    if (needed) *needed = sizeof version;
    return CL_SUCCESS;
}

EXPORT cl_int CL_API_CALL clInitLayer(cl_uint count, const struct _cl_icd_dispatch *target, cl_uint *count_out,
                                      const struct _cl_icd_dispatch **layer)
{
    cl_uint own = sizeof ours / sizeof(void *);
    if (!target || !count_out || !layer) return CL_INVALID_VALUE;
    next = target;
    if (count < own) own = count;
    memcpy(&ours, target, own * sizeof(void *));
    ours.clGetDeviceInfo = get_device_info;
    ours.clGetPlatformInfo = get_platform_info;
    *count_out = own;
    *layer = &ours;
    return CL_SUCCESS;
}
