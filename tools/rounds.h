/* rounds.h - several pieces of work timed in turns, so that whatever else goes on hits all of them alike.
   SPDX-License-Identifier: MIT */

#ifndef CLGLU_TOOLS_ROUNDS_H
#define CLGLU_TOOLS_ROUNDS_H

#include "bench.h"
#include "progress.h"

enum { ROUNDS_REPEATS = 101 };

/* Does piece number i `runs` times, to the end. */
typedef int (*rounds_run)(void *user, size_t i, int runs);
/* What must be done after it, outside its time. */
typedef void (*rounds_after)(void *user, size_t i);

struct rounds {
    size_t count;
    int repeats;     /* timed rounds, at most ROUNDS_REPEATS; fewer where a piece takes seconds */
    double hopeless; /* a piece but the first that takes that many times the fastest's time is dropped; 0:
                        none */
    rounds_run run;
    rounds_after after; /* or NULL */
    void *user;
    struct progress *progress; /* or NULL; rounds_steps is added to it */
};

/* Some rounds are thrown away (compilers, caches, lazy memory); then each piece is run for some milliseconds
   in each round, and time[i] is of one run of piece i. A dropped one's time is the least before the first
   round that counts. Returns CLI_GO_ON or the exit status that `run` returned. */
int rounds_measure(const struct rounds *rounds, struct bench_time *time);

uint64_t rounds_steps(size_t count, int repeats);

#endif
