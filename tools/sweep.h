/* sweep.h - every device in a process of its own: the rows, how they are made and how they are written.
   SPDX-License-Identifier: MIT */

#ifndef CLGLU_TOOLS_SWEEP_H
#define CLGLU_TOOLS_SWEEP_H

#include "child.h"

#include <stdint.h>
#include <stdio.h>

enum sweep_verdict {
    SWEEP_GOOD,      /* usable, and every row of its verification (if any) is right */
    SWEEP_FAILED,    /* usable, and not */
    SWEEP_UNUSABLE,  /* the library will not run on it */
    SWEEP_NO_DEVICE, /* a platform without one */
    SWEEP_BROKEN     /* its process crashed, hung, ended or talked nonsense; was it usable: `usable` */
};

/* One device, or a platform without one, or a driver that cannot even be listed. */
struct sweep_row {
    int platform, device; /* -1: none */
    char name[128], platform_name[128];
    char set[600]; /* for the child's environment, or "": where the driver had to be asked alone */
    enum sweep_verdict verdict;
    int usable, verified; /* verified: all rows of the verification came */
    char step[96];        /* the last one begun */
    char why[700];        /* for people; "" if all is good */
    struct child_end end;
    json_t *facts, *verify, *bench,
        *rates; /* as the child sent them; NULL or empty arrays where nothing came */
    int failed_rows;
    double max_ulp;
    char hash[17]; /* "" if none */
    int same_bits; /* 1: the hash is that of the other devices; 0: not; -1: none, or no other */
};

enum { SWEEP_ROWS = 256 };

struct sweep {
    struct sweep_row *rows[SWEEP_ROWS];
    int count;
    char alone[SWEEP_ROWS][512]; /* private folders that list one driver each (icd.h), to be removed */
    int alone_count;
    double timeout;
    int examine_only; /* 1: the self-test only (doctor) */
    void (*tick)(const char *device, const char *step, double seconds, void *user);
    void *user;
};

/* Fills the rows: asks what is there, in a child; if that child dies, every driver alone. */
void sweep_list(struct sweep *sweep);
/* Examines, verifies and measures the device of one row, in a child. */
void sweep_device(struct sweep *sweep, struct sweep_row *row);
/* Compares the hashes; to be called once when all rows are done. */
void sweep_compare(struct sweep *sweep);
void sweep_free(struct sweep *sweep);

/* The exit status for the rows. */
int sweep_exit(const struct sweep *sweep);

const char *sweep_word(const struct sweep_row *row);

/* Writers: all that people see, and the document "clglu-sweep/1". */
void sweep_print(const struct sweep *sweep, FILE *out);
json_t *sweep_json(const struct sweep *sweep);

#endif
