/* sweep.h - every device in a process of its own: the rows and how they are made.
   SPDX-License-Identifier: MIT */

#ifndef CLGLU_TOOLS_SWEEP_H
#define CLGLU_TOOLS_SWEEP_H

#include "child.h"
#include "plan.h"

#include <stdint.h>
#include <stdio.h>
#include <time.h>

enum sweep_verdict {
    SWEEP_GOOD,      /* usable, and every row of its verification (if any) is right */
    SWEEP_FAILED,    /* usable, and not */
    SWEEP_UNUSABLE,  /* the library will not run on it */
    SWEEP_NO_DEVICE, /* a platform without one */
    SWEEP_SKIPPED,   /* the sweep was stopped before its turn, or in it */
    SWEEP_BROKEN     /* its process crashed, hung, ended or talked nonsense; was it usable: `usable` */
};

/* One device, or a platform without one, or a driver that cannot even be listed. */
struct sweep_row {
    int platform, device; /* -1: none */
    char name[128], platform_name[128];
    unsigned vendor_id;
    char pci[32]; /* where it is on the bus, or "": unknown */
    char set[600]; /* for the child's environment, or "": where the driver had to be asked alone */
    char icd[512]; /* that driver's *.icd file */
    enum sweep_verdict verdict;
    int usable, verified; /* verified: all rows of the verification came */
    char step[96];        /* the last one begun */
    char why[700];        /* for people; "" if all is good */
    struct child_end end;
    double seconds;  /* of all its children */
    double progress; /* of the visit, 0 to 1 */
    json_t *facts;   /* as the child sent them, or NULL */
    json_t *found;   /* an object: what else it sent, by the names of the document */
    int failed_rows;
    char hash[17], expected[17], published[17]; /* "" if none */
    int same_bits; /* 1: the hash is that of the other devices; 0: not; -1: none, or no other */
};

enum { SWEEP_ROWS = 256 };

struct sweep {
    struct sweep_row *rows[SWEEP_ROWS];
    int count;
    char alone[SWEEP_ROWS][512]; /* private folders that list one driver each (icd.h), to be removed */
    int alone_count;
    double timeout; /* of a step */
    const struct plan_options *options; /* for the children; NULL: the self-test only (doctor) */
    void (*tick)(const struct sweep_row *row, double seconds, void *user); /* row NULL: still listing */
    void *user;
};

/* Fills the rows: asks what is there, in a child; if that child dies, every driver alone. */
void sweep_list(struct sweep *sweep);
/* Examines, verifies and measures the device of one row, in a child; how long builds take, in another. */
void sweep_device(struct sweep *sweep, struct sweep_row *row);
/* Compares the hashes; to be called once when all rows are done. */
void sweep_compare(struct sweep *sweep);
void sweep_free(struct sweep *sweep);

/* The exit status for the rows. */
int sweep_exit(const struct sweep *sweep);

const char *sweep_word(const struct sweep_row *row);

/* This machine's part of the document (sweep_doc.h). */
json_t *sweep_machine(const struct sweep *sweep, const struct plan *plan, const char *selector, time_t started,
                      double seconds);

#endif
