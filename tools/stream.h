/* stream.h - .npy files through an operator, in chunks of rows. SPDX-License-Identifier: MIT */

#ifndef CLGLU_TOOLS_STREAM_H
#define CLGLU_TOOLS_STREAM_H

#include "npyfile.h"
#include "report.h"

enum { STREAM_FILES = 3, STREAM_BYTES = 64 << 20 };

/* Files of equal numbers of rows, read and written side by side. A row of inputs and outputs together may be
   of any length, but one row of each must fit in memory; where the shape has no say (`flat`) a row is one
   element. */
struct stream {
    struct npy_in in[STREAM_FILES];   /* path NULL: not used */
    struct outfile out[STREAM_FILES]; /* path NULL: not written */
    int judged[STREAM_FILES];         /* this output is wanted without a file too */
    uint64_t in_cols[STREAM_FILES];   /* elements in a row of each */
    struct npy_header shape;          /* that of the outputs */
    uint64_t rows, cols;              /* of the outputs */
    int flat;
    void *in_data[STREAM_FILES], *out_data[STREAM_FILES]; /* one chunk of each; NULL: not used */
};

/* The rows and cols of a header: the last dimension is cols, one dimension alone is one row. */
void stream_shape(const struct npy_header *header, uint64_t *rows, uint64_t *cols);

/* Takes `shape` as the outputs' and sets rows and cols from it; flat: rows of one element each. */
void stream_begin(struct stream *s, const struct npy_header *shape, int flat);

/* An output that is written, or judged, or both: its out_data is there while it runs. */
int stream_has_output(const struct stream *s, int i);

/* Works on rows x cols elements (as the library is to see them) of the chunk in in_data, out_data. */
typedef int (*stream_step)(void *user, struct stream *s, size_t rows, size_t cols, uint64_t first);

/* Reads, calls `step`, writes; then looks for the inputs' ends. Nothing is committed. Returns CLI_GO_ON or an
   exit status. Nothing is done to files without elements. */
int stream_run(struct stream *s, stream_step step, void *user, int quiet);

int stream_commit(struct stream *s);
void stream_close(struct stream *s);

/* What the two commands do after their steps: reports to standard output, and outputs to their names if all
 * is good. */
int stream_finish(struct stream *s, const char *command, struct report *const *reports, int count, int has_b,
                  int json);

#endif
