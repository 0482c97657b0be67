/* status.c - names of status values, activations and storage types, the version.
   SPDX-License-Identifier: MIT */

#include <string.h>

#include "clglu.h"

const char *clglu_status_name(clglu_status status)
{
#define NAME(s)                                                                                              \
    case s: return #s
    switch (status) {
        NAME(CLGLU_OK);
        NAME(CLGLU_NULL_POINTER);
        NAME(CLGLU_INVALID_VALUE);
        NAME(CLGLU_INVALID_SIZE);
        NAME(CLGLU_INVALID_VIEW);
        NAME(CLGLU_BUFFER_TOO_SMALL);
        NAME(CLGLU_OVERLAP);
        NAME(CLGLU_NOT_FOUND);
        NAME(CLGLU_UNSUPPORTED);
        NAME(CLGLU_INVALID_SELECTOR);
        NAME(CLGLU_NO_PLATFORM);
        NAME(CLGLU_NO_DEVICE);
        NAME(CLGLU_DEVICE_UNUSABLE);
        NAME(CLGLU_OUT_OF_MEMORY);
        NAME(CLGLU_OUT_OF_DEVICE_MEMORY);
        NAME(CLGLU_BUILD_FAILED);
        NAME(CLGLU_OPENCL_FAILED);
        NAME(CLGLU_FILE_FAILED);
        NAME(CLGLU_CLBLAST_FAILED);
    }
#undef NAME
    return "unknown status";
}

#define TEXT_(x) #x
#define TEXT(x)  TEXT_(x)

const char *clglu_version(void)
{
    return TEXT(CLGLU_VERSION_MAJOR) "." TEXT(CLGLU_VERSION_MINOR) "." TEXT(CLGLU_VERSION_PATCH);
}

clglu_status clglu_act_find(const char *name, clglu_act *act)
{
    if (name == NULL || act == NULL) return CLGLU_NULL_POINTER;
#define FIND(id, act_name, UPPER, ...)                                                                       \
    if (strcmp(name, #act_name) == 0) {                                                                      \
        *act = CLGLU_ACT_##UPPER;                                                                            \
        return CLGLU_OK;                                                                                     \
    }
    CLGLU_ACTS(FIND)
#undef FIND
    return CLGLU_NOT_FOUND;
}

const char *clglu_dtype_name(clglu_dtype dtype)
{
    switch (dtype) {
    case CLGLU_F32: return "f32";
    case CLGLU_F16: return "f16";
    case CLGLU_BF16: return "bf16";
    }
    return NULL;
}

size_t clglu_dtype_size(clglu_dtype dtype)
{
    switch (dtype) {
    case CLGLU_F32: return 4;
    case CLGLU_F16:
    case CLGLU_BF16: return 2;
    }
    return 0;
}
