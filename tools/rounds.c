/* rounds.c - several pieces of work timed in turns, so that whatever else goes on hits all of them alike.
   SPDX-License-Identifier: MIT */

#include "rounds.h"
#include "cli.h"

#include <math.h>
#include <stdlib.h>

enum { WARM_UPS = 4 };

struct piece {
    int runs, rounds; /* runs in one round; rounds 0: dropped */
    double estimate;
    double seconds[ROUNDS_REPEATS];
};

uint64_t rounds_steps(size_t count, int repeats) { return (uint64_t)count * (uint64_t)(WARM_UPS + repeats); }

static int sample(const struct rounds *r, size_t i, int runs, double *seconds)
{
    double start = progress_now();
    int code = r->run(r->user, i, runs);
    *seconds = (progress_now() - start) / runs;
    if (r->after) r->after(r->user, i);
    if (r->progress) progress_add(r->progress, 1);
    return code;
}

static double fastest(const struct piece *pieces, size_t count)
{
    double least = INFINITY;
    for (size_t i = 0; i < count; i++)
        if (pieces[i].estimate < least) least = pieces[i].estimate;
    return least;
}

/* The first round builds and allocates; the least of the others is the estimate. What takes long is run once
   or twice only. */
static int warm_up(const struct rounds *r, struct piece *pieces)
{
    int code = CLI_GO_ON;
    for (int round = 0; round < WARM_UPS; round++)
        for (size_t i = 0; i < r->count && code == CLI_GO_ON; i++) {
            struct piece *p = &pieces[i];
            double seconds = p->estimate;
            if (round == 0 || p->estimate < (round == 1 ? 2 : 0.05))
                code = sample(r, i, 1, &seconds);
            else if (r->progress)
                progress_add(r->progress, 1);
            if (round < 2 || seconds < p->estimate) p->estimate = seconds;
        }
    return code;
}

/* How often each is run in a round, and in how many rounds: where it takes seconds, few are enough. */
static void plan(const struct rounds *r, struct piece *pieces)
{
    double least = fastest(pieces, r->count);
    for (size_t i = 0; i < r->count; i++) {
        struct piece *p = &pieces[i];
        double n = 2e-3 / (p->estimate > 1e-7 ? p->estimate : 1e-7);
        int most = p->estimate > 10 ? 1 : p->estimate > 1 ? 3 : ROUNDS_REPEATS;
        p->runs = n < 1 ? 1 : n > 1000 ? 1000 : (int)n;
        p->rounds = r->repeats < most ? r->repeats : most;
        if (i > 0 && r->hopeless > 0 && p->estimate > r->hopeless * least) p->rounds = 0;
    }
}

static struct bench_time statistics(struct piece *p)
{
    return p->rounds ? bench_statistics(p->seconds, p->rounds) : bench_time_once(p->estimate);
}

int rounds_measure(const struct rounds *r, struct bench_time *time)
{
    struct piece *pieces = calloc(r->count ? r->count : 1, sizeof *pieces);
    if (!pieces) return cli_say("out of memory"), CLI_OPENCL;
    int code = warm_up(r, pieces);
    plan(r, pieces);
    for (int k = 0; k < r->repeats; k++)
        for (size_t i = 0; i < r->count && code == CLI_GO_ON; i++)
            if (k < pieces[i].rounds)
                code = sample(r, i, pieces[i].runs, &pieces[i].seconds[k]);
            else if (r->progress)
                progress_add(r->progress, 1);
    for (size_t i = 0; i < r->count; i++) time[i] = statistics(&pieces[i]);
    free(pieces);
    return code;
}
