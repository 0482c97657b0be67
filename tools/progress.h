/* progress.h - percent, rate and time left on stderr, for people who wait. SPDX-License-Identifier: MIT */

#ifndef CLGLU_TOOLS_PROGRESS_H
#define CLGLU_TOOLS_PROGRESS_H

#include <stdint.h>

/* Nothing is shown unless stderr is a terminal, `quiet` is 0 and a second has gone by. */
struct progress {
    const char *unit; /* "B" (shown in KiB, MiB ...) or what is counted; "" shows no rate */
    uint64_t total, done;
    double start, shown; /* seconds of the monotonic clock */
    int on, drawn;
    char label[40];
    void (*notice)(double part, void *user); /* or NULL: told of it, instead of a terminal */
    void *user;
};

void progress_begin(struct progress *p, const char *label, const char *unit, uint64_t total, int quiet);
void progress_label(struct progress *p, const char *label);
void progress_add(struct progress *p, uint64_t done);
/* Takes the line away. */
void progress_end(struct progress *p);

/* Seconds of the monotonic clock. */
double progress_now(void);

#endif
