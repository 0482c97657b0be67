/* layer.h - what every OpenCL layer of the tests has: it stands between the loader and the drivers. SPDX-License-Identifier: MIT */

/* The layer defines `hook`, which puts its own functions into `ours`; they call the driver's through `next`. */
#ifndef TEST_LAYER_H
#define TEST_LAYER_H

#define CL_TARGET_OPENCL_VERSION 300
#define CL_USE_DEPRECATED_OPENCL_1_2_APIS

#include <CL/cl_layer.h>
#include <stdlib.h>
#include <string.h>

#define LAYER_EXPORT __attribute__((visibility("default")))

static struct _cl_icd_dispatch ours;
static const struct _cl_icd_dispatch *next;
static void hook(void);

LAYER_EXPORT cl_int CL_API_CALL clGetLayerInfo(cl_layer_info what, size_t size, void *value, size_t *needed)
{
    cl_layer_api_version version = CL_LAYER_API_VERSION_100;
    if (what != CL_LAYER_API_VERSION || (value && size < sizeof version)) return CL_INVALID_VALUE;
    if (value) memcpy(value, &version, sizeof version);
    if (needed) *needed = sizeof version;
    return CL_SUCCESS;
}

/* What is not hooked goes straight on. */
LAYER_EXPORT cl_int CL_API_CALL clInitLayer(cl_uint count, const struct _cl_icd_dispatch *target, cl_uint *count_out,
                                            const struct _cl_icd_dispatch **layer)
{
    cl_uint own = sizeof ours / sizeof(void *);
    if (!target || !count_out || !layer) return CL_INVALID_VALUE;
    next = target;
    if (count < own) own = count;
    /* cppcheck-suppress pointerSize ; a table of pointers */
    memcpy(&ours, target, own * sizeof(void *));
    hook();
    *count_out = own;
    *layer = &ours;
    return CL_SUCCESS;
}

#endif
