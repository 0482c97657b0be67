/* bench_ffn_block.h - a feed-forward block of a known shape with made-up weights, for bench and tune.
   SPDX-License-Identifier: MIT */

#ifndef CLGLU_TOOLS_BENCH_FFN_BLOCK_H
#define CLGLU_TOOLS_BENCH_FFN_BLOCK_H

#include "cli.h"

struct block_shape {
    char name[80]; /* the model's, or "2048:8192" */
    size_t d_model, d_ff, d_out;
    const char *form; /* the variant's name, or a plain block's activation's */
    int plain;        /* no Wb */
    clglu_act act, gate;
    float alpha, limit, shift;
};

/* From a known model's name or "d_model:d_ff[:d_out]". `variant` (NULL: the model's, or geglu) may also name
   an activation: a plain block. Returns CLI_GO_ON or CLI_USAGE. */
int block_shape(const struct cli_command *self, const char *text, const char *variant,
                struct block_shape *shape);

/* "1,2,64": counts from 1 to 65536, at most `room`; NULL text leaves the list as it is. */
int block_rows(const struct cli_command *self, const char *text, size_t *rows, size_t room, size_t *count);

/* Multiplications and additions, and bytes of the packed weights, of the block or of its projections alone.
 */
double block_flops(const struct block_shape *shape, int projections, size_t rows);
double block_bytes(const struct block_shape *shape, int projections, clglu_dtype dtype);

/* Bytes on the device: those of the weights, in all, and the arrays for so many rows. */
double block_needs(const struct block_shape *shape, size_t rows, double weights_bytes);

/* Weights on the host; x and y, both f32, on the device. */
struct block {
    clglu_context *context;
    struct block_shape shape;
    clglu_dtype dtype;
    void *weights; /* Wa and behind it Wb, each [in, out]; Wd begins where Wa does */
    float *x_host; /* [most_rows, d_model] */
    cl_mem x, y;
};

/* Refuses a block if `bytes` of weights in all and the arrays for most_rows rows exceed the device's memory.
   All return CLI_GO_ON or an exit status with a message; block_close is fine after a failure. */
int block_open(struct block *block, clglu_context *context, const struct block_shape *shape,
               clglu_dtype dtype, size_t most_rows, double bytes);
void block_close(struct block *block);

/* Packs the weights; *ffn is NULL, without a message, where the library does not have the route. */
int block_pack(const struct block *block, clglu_route route, int projections, clglu_ffn **ffn);

/* So many runs, to the end. */
int block_forward(const struct block *block, clglu_ffn *ffn, size_t rows, const clglu_ffn_choice *choice,
                  int runs);

#endif
