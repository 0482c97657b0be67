/* examine.c - all devices, each with a verdict that was tried out.
   SPDX-License-Identifier: MIT */

#include <string.h>

#include "context.h"

/* The self-test's verdict is that of a context made on the device. */
static void examine(clglu_device *device, int self_test, clglu_device_callback callback, void *user)
{
    clglu_context *context = NULL;
    if (!device->facts.usable || !self_test) {
        callback(&device->facts, user);
    } else if (clglu_context_make(&device->facts, NULL, NULL, &context)) {
        clglu_device_refuse(device, "no cl_context or queue can be made on it");
        callback(&device->facts, user);
    } else {
        callback(&context->device.facts, user);
    }
    clglu_context_close(context);
}

clglu_status clglu_devices(clglu_device_callback callback, void *user)
{
    clglu_device *list;
    size_t count;
    if (callback == NULL) return CLGLU_NULL_POINTER;
    clglu_status status = clglu_device_list(&list, &count);
    if (status) return status;
    for (size_t i = 0; i < count; i++) examine(&list[i], 1, callback, user);
    clglu_device_list_free(list, count);
    return CLGLU_OK;
}

clglu_status clglu_device_examine(cl_device_id device, int self_test, clglu_device_callback callback, void *user)
{
    clglu_device *list;
    size_t count, i = 0;
    if (callback == NULL || device == NULL) return CLGLU_NULL_POINTER;
    clglu_status status = clglu_device_list(&list, &count);
    if (status) return status;
    while (i < count && list[i].facts.device_id != device) i++;
    if (i < count) examine(&list[i], self_test, callback, user);
    clglu_device_list_free(list, count);
    return i < count ? CLGLU_OK : CLGLU_NO_DEVICE;
}
