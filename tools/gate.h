/* gate.h - the parts of clglu gate: its options judged, its files opened, one chunk of them computed.
   SPDX-License-Identifier: MIT */

#ifndef CLGLU_TOOLS_GATE_H
#define CLGLU_TOOLS_GATE_H

#include "cli.h"
#include "stream.h"

struct gate_options {
    struct cli_common common;
    const char *variant, *act, *gate, *alpha, *limit, *shift;
    const char *a, *b, *packed, *layout, *y, *dy, *da, *db;
    const char *bias_a, *bias_b, *packed_bias, *rounding, *dtype, *check;
};

enum gate_layout { GATE_ACT_FIRST, GATE_ACT_SECOND, GATE_INTERLEAVED };

struct gate_job {
    clglu_context *context;
    clglu_gate_desc desc;
    int packed, dtype; /* dtype: asked for, or -1 */
    enum gate_layout layout;
    int check_y, check_grad;
    struct report y, da, db;
    void *bias[2]; /* owned */
};

/* Which file is which in the stream: packed operands stand where a does. */
enum { GATE_A = 0, GATE_B = 1, GATE_DY = 2, GATE_Y = 0, GATE_DA = 1, GATE_DB = 2 };

/* Both return CLI_GO_ON or an exit status, with a message. */
int gate_judge(const struct cli_command *self, const struct gate_options *o, struct gate_job *job);
int gate_open(const struct gate_options *o, struct gate_job *job, struct stream *s);

/* A stream_step; user is the gate_job. */
int gate_step(void *user, struct stream *s, size_t rows, size_t cols, uint64_t first);

#endif
