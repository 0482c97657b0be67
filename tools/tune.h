/* tune.h - the parts of clglu tune: choices measured, results written. SPDX-License-Identifier: MIT */

#ifndef CLGLU_TOOLS_TUNE_H
#define CLGLU_TOOLS_TUNE_H

#include "bench.h"
#include "bench_ffn_block.h"
#include "outfile.h"

enum { TUNE_CHOICES = 128 };

/* Of one block, type and number of rows. */
struct tune_result {
    const struct block_shape *shape;
    clglu_dtype dtype;
    size_t rows, count, best; /* choices, and the number of the one to use */
    clglu_ffn_choice choice[TUNE_CHOICES];
    struct bench_time time[TUNE_CHOICES]; /* the first choice is the one made without a tuning file */
    struct bench_time clblast;            /* median 0: not measured */
    int use_clblast;
};

/* A block packed for that; clblast NULL: not wanted, or there is none. */
struct tune_block {
    struct block block;
    clglu_ffn *ffn, *clblast;
    float *want, *got; /* results of the first choice, and of another */
};

/* All return CLI_GO_ON or an exit status with a message; close is fine after a failure. */
int tune_open(struct tune_block *block, clglu_context *context, const struct block_shape *shape,
              clglu_dtype dtype, size_t most_rows, int clblast);
void tune_close(struct tune_block *block);

/* Runs each choice once and compares the results' bits, which must be the same (else CLI_CHECK_FAILED), then
   times them in turns. */
int tune_measure(struct tune_block *block, size_t rows, int repeats, struct tune_result *result);

/* "tile": the word in the tuning file. */
const char *tune_form_name(clglu_ffn_form form);

/* Opens the file that is to be written; what is there under its name must be a tuning file. */
int tune_file_open(struct outfile *out, clglu_context *context, const char *path);

/* Writes and commits it: lines for the same blocks and rows are replaced, what else is there is kept. */
int tune_file_write(struct outfile *out, const clglu_device_facts *facts, const struct tune_result *results,
                    size_t count);

#endif
