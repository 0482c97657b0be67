/* plan.h - what a sweep tries on each device: its level and what was chosen. SPDX-License-Identifier: MIT */

#ifndef CLGLU_TOOLS_PLAN_H
#define CLGLU_TOOLS_PLAN_H

#include "bench_ffn_block.h"
#include "verify.h"

/* The options as text: a sweep hands them on to its children as they are. */
struct plan_options {
    const char *quick, *full, *operators, *dtypes, *models;
};

enum plan_operator { PLAN_ACT, PLAN_GATE, PLAN_FFN, PLAN_OPERATORS };
enum { PLAN_MODELS = 8, PLAN_ROWS = 4 };

struct plan {
    const char *level; /* "quick", "normal" or "full" */
    int quick;
    int operator_[PLAN_OPERATORS]; /* wanted or not */
    int dtype[3];
    struct verify_size verify;
    struct block_shape model[PLAN_MODELS];
    size_t models;
    size_t rows[PLAN_ROWS], row_counts; /* of the feed-forward blocks */
    int repeats;                        /* of a measurement */
};

/* Returns CLI_GO_ON or CLI_USAGE. */
int plan_make(const struct cli_command *self, const struct plan_options *options, struct plan *plan);

/* The options as a child's arguments, from *args on; returns how many. */
enum { PLAN_ARGS = 8 };
size_t plan_arguments(const struct plan_options *options, const char **args);

/* {"level": ..., "operators": [...], "dtypes": [...], "models": [...]} */
json_t *plan_json(const struct plan *plan);

/* The parts of a visit, by what they take at that level: they sum up to 1. */
enum plan_part { PLAN_VERIFY, PLAN_CURVES, PLAN_RATES, PLAN_GATES, PLAN_BLOCKS, PLAN_BUILD, PLAN_PARTS };
double plan_share(const struct plan *plan, enum plan_part part);

/* For option tables. */
/* NOLINTBEGIN(bugprone-macro-parentheses): a member's name cannot stand in any */
#define PLAN_OPTIONS(type, member)                                                                                \
    {"quick", 0, NULL, "some 20 seconds a device", offsetof(type, member.quick)},                                  \
        {"full", 0, NULL, "all 2^32 f32 inputs of each activation: hours", offsetof(type, member.full)},           \
        {"operators", 0, "LIST", "of act, gate, ffn; default: all", offsetof(type, member.operators)},             \
        {"dtypes", 0, "LIST", "of f32, f16, bf16; default: all", offsetof(type, member.dtypes)},                   \
        {"models", 0, "LIST", "feed-forward blocks: models' names or d_model:d_ff[:d_out]", offsetof(type, member.models)}
/* NOLINTEND(bugprone-macro-parentheses) */

#endif
