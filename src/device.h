/* device.h - the facts of a device, read once, and the enumeration of all.
   SPDX-License-Identifier: MIT */

#ifndef CLGLU_DEVICE_H
#define CLGLU_DEVICE_H

#include "clglu.h"

enum { CLGLU_FACT_STRINGS = 7, CLGLU_REMARKS_SIZE = 512 };

/* Facts with the strings that they point to. */
typedef struct clglu_device {
    clglu_device_facts facts;
    char *strings[CLGLU_FACT_STRINGS];
    char remarks[CLGLU_REMARKS_SIZE];
    char verdict[256];
    int lacks_compiler; /* and nothing else speaks against it */
} clglu_device;

/* Reads the facts of a device (`platform` and `number` are its place in the enumeration) and judges them: usable means
   that nothing speaks against it so far. What cannot be read is 0 or "". */
clglu_status clglu_device_read(clglu_device *device, unsigned platform, unsigned number, cl_platform_id platform_id,
                               cl_device_id id);
void clglu_device_free(clglu_device *device);

/* A text of the platform's, "" if it has none; to be freed. NULL: no memory. */
char *clglu_platform_string(cl_platform_id id, cl_platform_info what);

/* Adds "; text" to the remarks; what does not fit is cut. */
void clglu_device_remark(clglu_device *device, const char *text);
/* Withdraws the device's usability, for this reason. */
void clglu_device_refuse(clglu_device *device, const char *why);

/* All devices of all platforms, in order, in an array to be freed by clglu_device_list_free. A platform without a
   device (or that fails when asked) has one entry, device_id NULL. CLGLU_NO_PLATFORM, CLGLU_OUT_OF_MEMORY. */
clglu_status clglu_device_list(clglu_device **list, size_t *count);
void clglu_device_list_free(clglu_device *list, size_t count);

#endif
