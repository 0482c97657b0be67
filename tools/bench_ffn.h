/* bench_ffn.h - the speed of one feed-forward block beside the device's limits and other libraries.
   SPDX-License-Identifier: MIT */

#ifndef CLGLU_TOOLS_BENCH_FFN_H
#define CLGLU_TOOLS_BENCH_FFN_H

#include "bench.h"
#include "bench_ffn_block.h"
#include "bench_ffn_step.h"
#include "limits.h"
#include "openblas.h"
#include "progress.h"

/* What is timed in turns: the block, its projections alone (gate included), a kernel that only reads as many
   bytes as the packed weights have, one that only multiplies and adds, the block by CLBlast, the products of the projections by
   OpenBLAS. */
enum ffn_piece {
    PIECE_BLOCK,
    PIECE_PROJECTIONS,
    PIECE_READ,
    PIECE_FMA,
    PIECE_CLBLAST,
    PIECE_OPENBLAS,
    PIECE_STEP,   /* with --training: forward and backward */
    PIECE_UPDATE, /* the weights packed again */
    PIECES
};

struct bench_ffn_row {
    size_t rows;
    int has[PIECES];
    struct bench_time time[PIECES];
};

/* What a time means beside the limits. */
struct ffn_figures {
    double flops, bytes;    /* per second; bytes of packed weights */
    double of_fma, of_read; /* parts of the FMA rate, and of the rate at which weights can be read */
    double ratio;           /* the larger of both: 1 is as fast as the device can be */
    double times_one;       /* against the time of one row; 0: not measured */
};

struct bench_ffn {
    struct block block;
    clglu_ffn *whole, *projections, *clblast; /* clblast NULL: there is none */
    int training;                             /* the two last pieces are wanted */
    struct step step;
    struct openblas *blas;                    /* NULL: there is none, or the weights are not f32 */
    float *ab;                                /* OpenBLAS' two products */
    struct limits *limits;
    cl_mem read[2]; /* LIMIT_READ's arguments */
    uint64_t words; /* that it reads */
    cl_mem fma[2];  /* LIMIT_FMA's */
    uint64_t items; /* its work-items */
    struct limit_form form;
    char read_kernel[48];
    struct bench_rates rates;
};

/* Of all weights that are packed for it. */
double bench_ffn_bytes(const struct block_shape *shape, clglu_dtype dtype);

/* Packs the weights, finds the limits (rates NULL: these too). All return CLI_GO_ON or an exit status; close is fine after a failure.
 */
int bench_ffn_open(struct bench_ffn *bench, clglu_context *context, const struct block_shape *shape,
                   clglu_dtype dtype, size_t most_rows, int training, const struct bench_rates *rates);
void bench_ffn_close(struct bench_ffn *bench);

int bench_ffn_run(struct bench_ffn *bench, size_t rows, int repeats, struct progress *progress,
                  struct bench_ffn_row *row);

/* How many pieces are timed. */
size_t bench_ffn_pieces(const struct bench_ffn *bench);

/* The figures of one piece of a row; `one` is the row of one row, or NULL. */
struct ffn_figures bench_ffn_figures(const struct bench_ffn *bench, const struct bench_ffn_row *row,
                                     enum ffn_piece piece, const struct bench_ffn_row *one);

/* Everything about the block; takes nothing over. */
json_t *bench_ffn_block_json(const struct bench_ffn *bench, const struct bench_ffn_row *rows, size_t count,
                             const struct bench_ffn_row *one);

/* The options of bench that concern it, as text. */
struct bench_ffn_options {
    const char *shape, *variant, *dtype, *rows, *repeats;
    int quick, training;
};

int bench_ffn(const struct cli_command *self, const struct cli_common *common,
              const struct bench_ffn_options *options);

#endif
