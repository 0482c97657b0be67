/* verify_act.c - the activations and their derivatives judged, special values first.
   SPDX-License-Identifier: MIT */

#include "cli.h"
#include "values.h"
#include "verify.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <xxhash.h>

#define NAME(id, name, ...) [id] = #name,
static const char *const act_names[] = {CLGLU_ACTS(NAME)};
#undef NAME

enum { X = 0, Y = 1, DY = 2, WANT = 3 };

/* What an activation and its derivative are at +inf, -inf, +0, -0, the largest number and its negative (NaN
   stays NaN). MAX stands for the argument itself where that is right in every type. The sign of a
   derivative's zero is free. */
#define MAX 12345.0
struct special {
    double act[6], derivative[6];
};
static const struct special specials[] = {
    [CLGLU_ACT_IDENTITY] = {{INFINITY, -INFINITY, 0, -0.0, MAX, -MAX}, {1, 1, 1, 1, 1, 1}},
    [CLGLU_ACT_RELU] = {{INFINITY, 0, 0, 0, MAX, 0}, {1, 0, 0, 0, 1, 0}},
    [CLGLU_ACT_RELU2] = {{INFINITY, 0, 0, 0, INFINITY, 0}, {INFINITY, 0, 0, 0, INFINITY, 0}},
    [CLGLU_ACT_SIGMOID] = {{1, 0, 0.5, 0.5, 1, 0}, {0, 0, 0.25, 0.25, 0, 0}},
    [CLGLU_ACT_TANH] = {{1, -1, 0, -0.0, 1, -1}, {0, 0, 1, 1, 0, 0}},
    [CLGLU_ACT_SILU] = {{INFINITY, -0.0, 0, -0.0, MAX, -0.0}, {1, 0, 0.5, 0.5, 1, 0}},
    [CLGLU_ACT_GELU] = {{INFINITY, -0.0, 0, -0.0, MAX, -0.0}, {1, 0, 0.5, 0.5, 1, 0}},
    [CLGLU_ACT_GELU_TANH] = {{INFINITY, -0.0, 0, -0.0, MAX, -0.0}, {1, 0, 0.5, 0.5, 1, 0}},
    [CLGLU_ACT_GELU_QUICK] = {{INFINITY, -0.0, 0, -0.0, MAX, -0.0}, {1, 0, 0.5, 0.5, 1, 0}},
};

static void judge_specials(struct verify_row *row, clglu_act act, int derivative, const void *x,
                           const void *got)
{
    if ((size_t)act >= sizeof specials / sizeof *specials) return;
    const double *want = derivative ? specials[act].derivative : specials[act].act;
    for (size_t i = 0; i < VALUE_SPECIALS; i++) {
        double in = value_number(row->dtype, value_bits(row->dtype, x, i));
        double y = value_number(row->dtype, value_bits(row->dtype, got, i));
        double w = i == VALUE_NAN ? (double)NAN : want[i - 1];
        if (w == MAX || w == -MAX) w = in;
        int good = isnan(w) ? isnan(y) != 0 : y == w && (derivative || !signbit(y) == !signbit(w));
        if (good) continue;
        if (row->special_bad++ == 0)
            snprintf(row->special_why, sizeof row->special_why, "at %g: %g instead of %g", in, y, w);
    }
}

/* The outputs' bits so far: the device's and the host's. */
struct digests {
    XXH64_state_t *got, *want;
};

static clglu_status outputs(struct verify_state *s, const clglu_act_desc *d, int forward, clglu_check_report *report)
{
    void *x = s->buffer[X], *y = s->buffer[Y], *dy = s->buffer[DY], *want = s->buffer[WANT];
    clglu_status status = forward ? clglu_act_forward_host(s->context, d, x, y)
                                  : clglu_act_backward_host(s->context, d, dy, x, y, NULL);
    if (status == CLGLU_OK)
        status = forward ? clglu_emulate_act_forward(d, x, want) : clglu_emulate_act_backward(d, dy, x, want, NULL);
    if (status != CLGLU_OK) return status;
    return forward ? clglu_check_act_forward(s->context, d, x, report)
                   : clglu_check_act_backward(s->context, d, dy, x, report);
}

/* x through the operator to y (dy = 1 for the derivative), its bits to the digests, its report to the row. */
static clglu_status chunk(struct verify_state *s, struct verify_row *row, clglu_act act, size_t count,
                          int first, const struct digests *bits)
{
    clglu_act_desc d = {.rows = 1, .cols = count, .act = act, .dtype = row->dtype};
    clglu_check_report report;
    int forward = *row->output == 'y';
    size_t worst, bytes = count * clglu_dtype_size(row->dtype);
    clglu_status status = outputs(s, &d, forward, &report);
    if (status != CLGLU_OK) return status;
    verify_merge(row, &report, first, count, &worst);
    if (worst < count) row->worst_a = value_bits(row->dtype, s->buffer[X], worst);
    if (first) judge_specials(row, act, !forward, s->buffer[X], s->buffer[Y]);
    value_one_nan(row->dtype, s->buffer[Y], count);
    value_one_nan(row->dtype, s->buffer[WANT], count);
    XXH64_update(bits->got, s->buffer[Y], bytes);
    XXH64_update(bits->want, s->buffer[WANT], bytes);
    return CLGLU_OK;
}

static clglu_status all_points(struct verify_state *s, struct verify_row *row, clglu_act act,
                               const struct digests *bits)
{
    int log2 = row->dtype == CLGLU_F32 ? s->size->act_log2 : s->size->short_log2;
    uint64_t total = (uint64_t)1 << log2;
    for (int i = 0; i < VALUE_SPECIALS; i++)
        value_set(row->dtype, s->buffer[X], (size_t)i, value_special(row->dtype, (enum value_special)i));
    for (size_t i = 0; i < s->room; i++) value_set(row->dtype, s->buffer[DY], i, value_one(row->dtype));
    clglu_status status = chunk(s, row, act, VALUE_SPECIALS, 1, bits);
    for (uint64_t at = 0; at < total && status == CLGLU_OK; at += s->room) {
        size_t n = total - at < s->room ? (size_t)(total - at) : s->room;
        for (size_t i = 0; i < n; i++)
            value_set(row->dtype, s->buffer[X], i, value_spread(row->dtype, log2, at + i));
        status = chunk(s, row, act, n, 0, bits);
        if (s->sink->points) s->sink->points(n, s->sink->user);
    }
    return status;
}

static int one_row(struct verify_state *s, clglu_act act, const char *output, clglu_dtype dtype)
{
    struct verify_row row = {.kind = "act", .name = act_names[act], .output = output, .dtype = dtype};
    struct digests bits = {XXH64_createState(), XXH64_createState()};
    clglu_status status = CLGLU_OUT_OF_MEMORY;
    verify_step(s, &row);
    if (bits.got && bits.want) {
        XXH64_reset(bits.got, 0);
        XXH64_reset(bits.want, 0);
        status = all_points(s, &row, act, &bits);
        row.hash = XXH64_digest(bits.got);
        row.expected = XXH64_digest(bits.want);
    }
    XXH64_freeState(bits.got);
    XXH64_freeState(bits.want);
    if (status != CLGLU_OK) return cli_failed(s->context, status, row.name);
    if (s->sink->row) s->sink->row(&row, s->sink->user);
    return CLI_GO_ON;
}

int verify_acts(struct verify_state *s)
{
    int code = CLI_GO_ON;
    for (int act = 0; act < CLGLU_ACT_COUNT && code == CLI_GO_ON; act++)
        for (int dtype = CLGLU_F32; dtype <= CLGLU_BF16 && code == CLI_GO_ON; dtype++) {
            if (s->size->no_dtypes >> dtype & 1) continue;
            code = one_row(s, (clglu_act)act, "y", (clglu_dtype)dtype);
            if (code == CLI_GO_ON) code = one_row(s, (clglu_act)act, "da", (clglu_dtype)dtype);
        }
    return code;
}
