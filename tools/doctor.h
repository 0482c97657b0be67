/* doctor.h - what is wrong with OpenCL on this machine: a table of checks and what they found.
   SPDX-License-Identifier: MIT */

#ifndef CLGLU_TOOLS_DOCTOR_H
#define CLGLU_TOOLS_DOCTOR_H

#include <jansson.h>
#include <stddef.h>

enum doctor_level { DOCTOR_OK, DOCTOR_NOTE, DOCTOR_WARN, DOCTOR_FAIL };

/* What the checks are told, and where they put what they find. */
struct doctor {
    const char *selector; /* --device or CLGLU_DEVICE, or NULL */
    int quiet;
    int usable;    /* devices; set by the check of devices */
    int no_loader; /* set by the check of the loader */
    int count, room, failed;
    struct finding {
        const char *check;
        enum doctor_level level;
        char text[600], remedy[300]; /* remedy: a command, or "" */
    } * list;
};

/* Adds a finding; remedy NULL: there is nothing to do. Texts are cleaned here. */
void doctor_add(struct doctor *d, const char *check, enum doctor_level level, const char *remedy,
                const char *format, ...) __attribute__((format(printf, 5, 6)));

/* One check a row: they run in this order. A new check is a new row in doctor.c and a function in its file.
 */
typedef void doctor_check(struct doctor *d, const char *name);
doctor_check doctor_loader, doctor_drivers;                 /* doctor_driver.c */
doctor_check doctor_home, doctor_environment, doctor_nodes; /* doctor_system.c */
doctor_check doctor_devices, doctor_selector;               /* doctor_device.c */

#endif
