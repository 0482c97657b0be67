/* doctor.h - what is wrong with OpenCL on this machine: a table of checks and what they found.
   SPDX-License-Identifier: MIT */

#ifndef CLGLU_TOOLS_DOCTOR_H
#define CLGLU_TOOLS_DOCTOR_H

#include "sweep.h"

#include <stddef.h>

enum doctor_level { DOCTOR_OK, DOCTOR_NOTE, DOCTOR_WARN, DOCTOR_FAIL };

/* What the checks are told, and where they put what they find. */
struct doctor {
    const char *selector; /* --device, else CLGLU_DEVICE, else "best" */
    const char *check;    /* the one that runs */
    struct sweep sweep;   /* the devices; set by the check of devices */
    int usable;           /* of them */
    const struct sweep_row *picked; /* by the selector, or NULL; set by the check of the selector */
    int count, room, failed;
    struct finding {
        const char *check, *id; /* the id never changes its meaning: programs go by it, clglu(1) lists it */
        enum doctor_level level;
        char text[600], remedy[400]; /* remedy: a command, or "" */
    } * list;
};

/* Adds a finding; remedy NULL: there is nothing to do. It is written as a user types it: see cli_remedy. Texts are cleaned
   here. */
void doctor_add(struct doctor *d, const char *id, enum doctor_level level, const char *remedy, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

/* One check a row: they run in this order. A new check is a new row in doctor.c and a function in its file. */
typedef void doctor_check(struct doctor *d);
doctor_check doctor_loader, doctor_drivers;                 /* doctor_driver.c */
doctor_check doctor_home, doctor_caches;                    /* doctor_cache.c */
doctor_check doctor_environment;                            /* doctor_environment.c */
doctor_check doctor_nodes;                                  /* doctor_node.c */
doctor_check doctor_devices, doctor_selector, doctor_twins; /* doctor_device.c */
void doctor_facts(struct doctor *d, const struct sweep_row *row); /* doctor_facts.c: one device */

#endif
