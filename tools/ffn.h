/* ffn.h - the parts of clglu ffn: options judged, tensors found and measured, x streamed through, results
   reported. SPDX-License-Identifier: MIT */

#ifndef CLGLU_TOOLS_FFN_H
#define CLGLU_TOOLS_FFN_H

#include "cli.h"
#include "safetensors.h"
#include "stream.h"

struct ffn_options {
    struct cli_common common;
    const char *variant, *act, *gate, *alpha, *limit, *shift;
    const char *weights, *x, *y, *a, *b;
    const char *wa, *wb, *packed, *layout, *wd, *ba, *bb, *packed_bias, *bd, *order;
    const char *model, *layer, *decoder, *expert;
    const char *dtype, *y_dtype, *row_block, *route, *check;
};

/* The tensors of a block; NULL: it has none. A packed block has no wa, wb, ba and bb of its own. */
enum ffn_part { FFN_WA, FFN_WB, FFN_PACKED, FFN_WD, FFN_BA, FFN_BB, FFN_PACKED_BIAS, FFN_BD, FFN_PARTS };

/* Sums of the reports on all chunks; the rows are those of the whole file. */
struct ffn_total {
    clglu_ffn_report sum;
    uint64_t worst_row;
    int any;
};

struct ffn_job {
    clglu_context *context;
    clglu_ffn *ffn;
    clglu_ffn_desc desc;
    clglu_ffn_call call;
    int x_dtype, y_dtype; /* asked for, or -1 */
    int plain;            /* no gate */
    clglu_order order;
    clglu_layout layout;
    clglu_model model; /* name NULL: none; d_model 0: a naming scheme, whose sizes are the tensors' */
    uint64_t layer, expert;
    int has_expert;
    struct safetensors file;
    const struct safetensor *part[FFN_PARTS];
    struct ffn_total total;
};

/* Which file is which in the stream. */
enum { FFN_X = 0, FFN_Y = 0, FFN_A = 1, FFN_B = 2 };

/* All return CLI_GO_ON or an exit status, with a message. */
int ffn_judge(const struct cli_command *self, const struct ffn_options *o, struct ffn_job *job);
/* The model, or the naming scheme, of that name; 0: there is none. */
int ffn_model(const char *name, clglu_model *model);
/* Finds the tensors in job's open file; x has x_cols columns. */
int ffn_find(const struct ffn_options *o, struct ffn_job *job, uint64_t x_cols);
/* Less than 0, 0 or more: the order that people give to names, numbers in them by their value. */
int ffn_natural(const char *p, const char *q);
/* The names of the file that are most like `wanted`, as a list; "" if it has none. */
void ffn_nearest(const struct safetensors *file, const char *wanted, char *list, size_t size);
/* Adds a name to a list, its foreign characters made harmless; cut where the list is full. */
void ffn_list_name(char *list, size_t size, const char *name);

/* Sets sizes, dtype, views and pointers of desc from the tensors. */
int ffn_measure(struct ffn_job *job, const struct npy_in *x, uint64_t x_cols);

/* Opens x, the weights and the outputs; ffn_run packs the weights and streams. */
int ffn_open(const struct ffn_options *o, struct ffn_job *job, struct stream *s);
int ffn_run(const struct ffn_options *o, struct ffn_job *job, struct stream *s);

void ffn_total_add(struct ffn_total *total, const clglu_ffn_report *chunk, uint64_t first_row);
/* Prints what was found, and gives the outputs their names if all is good. */
int ffn_finish(const struct ffn_options *o, struct ffn_job *job, struct stream *s);

/* A message about the weights; foreign names in it are made harmless, newlines too. Returns CLI_BAD_FILE. */
int ffn_bad(const struct ffn_job *job, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
