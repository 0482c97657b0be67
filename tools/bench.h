/* bench.h - the speed of one device beside its own limits: rows of results for bench and sweep.
   SPDX-License-Identifier: MIT */

#ifndef CLGLU_TOOLS_BENCH_H
#define CLGLU_TOOLS_BENCH_H

#include "clglu.h"
#include "limits.h"

#include <jansson.h>

/* What is measured: forward or backward of a variant, or of a plain activation (which stands beside them). */
struct bench_case {
    const char *name;
    int plain; /* 1: clglu_act_*, of `act` */
    clglu_act act;
    int backward;
    clglu_dtype dtype;
    uint64_t elements;
};

struct bench_time {
    double median, low, high; /* seconds of one run */
    double q1, q3;            /* quartiles: half of the runs lie between them */
};

/* Of n times, n > 0; they are sorted. */
struct bench_time bench_statistics(double *seconds, int n);
/* Of one run. */
struct bench_time bench_time_once(double seconds);

struct bench_row {
    struct bench_case what;
    double bytes; /* that the operator must move */
    struct bench_time time, limit;
    double ratio;    /* the limit's median by ours: 1 is as fast as the limit */
    char kernel[48]; /* the limit kernel that was the fastest */
};

struct bench_rates {
    double copy;  /* bytes/s, read and written */
    double read;  /* bytes/s, only read */
    double flops; /* of fused multiply-adds, 2 each */
    char copy_kernel[48], read_kernel[48], flops_kernel[48];
    struct limit_form flops_form;
};

struct bench;

/* Buffers for cases of at most that many elements; fewer if the device does not take them. *bench is NULL on
   failure. All return CLI_GO_ON or an exit status with a message. */
int bench_open(clglu_context *context, uint64_t most_elements, struct bench **bench);
void bench_close(struct bench *bench);
uint64_t bench_capacity(const struct bench *bench);

/* The elements at which a run of geglu takes some milliseconds, between 64 Ki and `most`. */
int bench_fit(struct bench *bench, uint64_t most, uint64_t *elements);

int bench_run(struct bench *bench, const struct bench_case *what, int repeats, struct bench_row *row);
int bench_rates(struct bench *bench, uint64_t elements, struct bench_rates *rates);

json_t *bench_json(const struct bench_row *row);
json_t *bench_rates_json(const struct bench_rates *rates);

#endif
