/* host_judge.c - clglu_judge_*: right results are right, wherever they lie, and one flipped bit is found.
   SPDX-License-Identifier: MIT */

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "host_ffn.h"

enum { ROWS = 5, COLS = 37, LD = 41, SPAN = ROWS * LD, ROUNDS = 64 };

/* An operator's arrays, and a second output for the gate's backward; all rows LD apart. */
typedef struct operands {
    clglu_gate_desc gate;
    clglu_act_desc act;
    float room[5][SPAN]; /* dy, a, b, and two outputs: of any dtype */
} operands;

typedef enum { ACT_FORWARD, ACT_BACKWARD, GATE_FORWARD, GATE_BACKWARD, OPERATORS } which;

static operands operands_new(clglu_dtype t, uint64_t *state)
{
    const clglu_view v = {0, LD, 1};
    operands o = {.gate = {.rows = ROWS, .cols = COLS, .dtype = t, .act = CLGLU_ACT_GELU, .gate = CLGLU_ACT_SIGMOID, .shift = 0.5f,
                           .a = v, .b = v, .y = v, .dy = v, .da = v, .db = v},
                  .act = {.rows = ROWS, .cols = COLS, .dtype = t, .act = CLGLU_ACT_SILU, .x = v, .y = v, .dy = v, .dx = v}};
    for (int k = 0; k < 3; k++)
        for (size_t i = 0; i < SPAN; i++) put_number(t, o.room[k], i, (float)test_below(state, 4001) / 1000 - 2.0005f);
    memset(o.room[3], 0x5a, 2 * sizeof o.room[3]);
    return o;
}

static clglu_status compute(operands *o, which op)
{
    float *dy = o->room[0], *a = o->room[1], *b = o->room[2], *one = o->room[3], *two = o->room[4];
    switch (op) {
    case ACT_FORWARD: return clglu_emulate_act_forward(&o->act, a, one);
    case ACT_BACKWARD: return clglu_emulate_act_backward(&o->act, dy, a, one, NULL);
    case GATE_FORWARD: return clglu_emulate_gate_forward(&o->gate, a, b, one);
    default: return clglu_emulate_gate_backward(&o->gate, dy, a, b, one, two, NULL, NULL, NULL);
    }
}

static clglu_status judge(const operands *o, which op, clglu_check_report r[2])
{
    const float *dy = o->room[0], *a = o->room[1], *b = o->room[2], *one = o->room[3], *two = o->room[4];
    switch (op) {
    case ACT_FORWARD: return clglu_judge_act_forward(&o->act, a, one, &r[0]);
    case ACT_BACKWARD: return clglu_judge_act_backward(&o->act, dy, a, one, &r[0]);
    case GATE_FORWARD: return clglu_judge_gate_forward(&o->gate, a, b, one, &r[0]);
    default: return clglu_judge_gate_backward(&o->gate, dy, a, b, one, two, &r[0], &r[1]);
    }
}

START_TEST(right_results_are_right_and_only_the_report_is_written)
{
    uint64_t state = 7;
    for (int op = 0; op < OPERATORS; op++)
        for (int t = CLGLU_F32; t <= CLGLU_BF16; t++) {
            clglu_check_report r[2];
            operands o = operands_new((clglu_dtype)t, &state);
            ck_assert_int_eq(compute(&o, (which)op), CLGLU_OK);
            const operands before = o;
            ck_assert_int_eq(judge(&o, (which)op, r), CLGLU_OK);
            ck_assert_mem_eq(&o, &before, sizeof o);
            for (int i = 0; i < (op == GATE_BACKWARD ? 2 : 1); i++)
                ck_assert_msg(r[i].count == ROWS * COLS && r[i].bits_differ == 0 && r[i].outside == 0,
                              "operator %d, dtype %d: %d differ, %d outside %g", op, t, (int)r[i].bits_differ,
                              (int)r[i].outside, r[i].bound);
        }
}
END_TEST

START_TEST(one_flipped_bit_is_found_wherever_it_is)
{
    uint64_t state = 11;
    for (int i = 0; i < ROUNDS * OPERATORS; i++) {
        clglu_check_report r[2];
        which op = (which)(i % OPERATORS);
        clglu_dtype t = (clglu_dtype)test_below(&state, 3);
        size_t row = test_below(&state, ROWS), col = test_below(&state, COLS), bits = 8 * dtype_bytes(t);
        size_t bit = test_below(&state, bits), out = op == GATE_BACKWARD ? test_below(&state, 2) : 0;
        operands o = operands_new(t, &state);
        ck_assert_int_eq(compute(&o, op), CLGLU_OK);
        unsigned char *at = (unsigned char *)o.room[3 + out] + (row * LD + col) * dtype_bytes(t);
        at[bit / 8] ^= (unsigned char)(1u << bit % 8);
        ck_assert_int_eq(judge(&o, op, r), CLGLU_OK);
        ck_assert_msg(r[out].bits_differ == 1, "operator %d, dtype %d: bit %zu at (%zu, %zu)", (int)op, (int)t, bit, row, col);
        if (bit + 1 < bits) continue; /* the sign: that is far outside */
        ck_assert_msg(r[out].outside == 1 && r[out].worst_row == row && r[out].worst_col == col,
                      "operator %d, dtype %d: %d outside, the worst at (%zu, %zu), not (%zu, %zu)", (int)op, (int)t,
                      (int)r[out].outside, r[out].worst_row, r[out].worst_col, row, col);
    }
}
END_TEST

START_TEST(what_cannot_be_judged_is_refused)
{
    uint64_t state = 3;
    clglu_check_report r = {.count = 99}, q;
    operands o = operands_new(CLGLU_F32, &state);
    ck_assert_int_eq(clglu_judge_act_forward(NULL, o.room[1], o.room[3], &r), CLGLU_NULL_POINTER);
    ck_assert_int_eq(clglu_judge_act_forward(&o.act, o.room[1], NULL, &r), CLGLU_NULL_POINTER);
    ck_assert_int_eq(clglu_judge_gate_forward(&o.gate, o.room[1], NULL, o.room[3], &r), CLGLU_NULL_POINTER);
    /* An output that is not judged may be absent, one that is may not. */
    ck_assert_int_eq(clglu_judge_gate_backward(&o.gate, o.room[0], o.room[1], o.room[2], o.room[3], NULL, &r, &q), CLGLU_NULL_POINTER);
    ck_assert_uint_eq(r.count, 99);
    ck_assert_int_eq(clglu_judge_gate_backward(&o.gate, o.room[0], o.room[1], o.room[2], o.room[3], NULL, &r, NULL), CLGLU_OK);
    ck_assert_uint_eq(r.count, ROWS * COLS);
    r.count = 99;
    o.act.cols = 0;
    ck_assert_int_eq(clglu_judge_act_forward(&o.act, o.room[1], o.room[3], &r), CLGLU_INVALID_SIZE);
    o.act.cols = SIZE_MAX / 2;
    o.act.x = o.act.y = (clglu_view){0, 0, 0};
    ck_assert_int_eq(clglu_judge_act_forward(&o.act, o.room[1], o.room[3], &r), CLGLU_INVALID_SIZE);
    ck_assert_uint_eq(r.count, 99);
    o.act.cols = COLS;
    o.act.rows = 0;
    ck_assert_int_eq(clglu_judge_act_forward(&o.act, o.room[1], o.room[3], &r), CLGLU_OK);
    ck_assert_uint_eq(r.count, 0);
}
END_TEST

/* A random block with its own results; false: it has no rows. */
static bool block_with_results(block *b, results *r, nature nature_of_case, uint64_t *state)
{
    block_case c = random_case(state);
    c.nature = nature_of_case;
    *b = block_new(&c, state);
    *r = results_new(b);
    ck_assert_int_eq(clglu_emulate_ffn_forward(&b->desc, &b->call, b->tensor[INPUT], r->y, NULL, NULL), CLGLU_OK);
    return c.rows > 0;
}

START_TEST(a_blocks_results_too)
{
    uint64_t state = 23;
    for (int i = 0; i < ROUNDS; i++) {
        block b;
        results r;
        clglu_ffn_report report;
        char text[400];
        nature n = i % 2 ? PLAIN : i % 4 ? HUGE_ONES : WILD;
        bool any = block_with_results(&b, &r, n, &state);
        describe_case(&b.c, text, sizeof text);
        ck_assert_int_eq(clglu_judge_ffn_forward(&b.desc, &b.call, b.tensor[INPUT], r.y, &report), CLGLU_OK);
        ck_assert_msg(report.count == b.c.rows * block_cols(&b) && report.bits_differ == 0 && report.outside == 0,
                      "%d of %d differ, %d outside: %s", (int)report.bits_differ, (int)report.count, (int)report.outside, text);
        clglu_view v = b.call.y;
        size_t at = v.offset + test_below(&state, any ? b.c.rows : 1) * (v.ld ? v.ld : block_cols(&b) * (v.inc ? v.inc : 1)) +
                    test_below(&state, block_cols(&b)) * (v.inc ? v.inc : 1);
        if (any && n == PLAIN) { /* else a NaN may be there, of which any is as good */
            ((unsigned char *)r.y)[at * dtype_bytes(b.c.y_dtype)] ^= 1;
            ck_assert_int_eq(clglu_judge_ffn_forward(&b.desc, &b.call, b.tensor[INPUT], r.y, &report), CLGLU_OK);
            ck_assert_msg(report.bits_differ == 1, "%d differ: %s", (int)report.bits_differ, text);
            ck_assert_int_eq(clglu_judge_ffn_forward(&b.desc, &b.call, b.tensor[INPUT], NULL, &report), CLGLU_NULL_POINTER);
        }
        ck_assert_int_eq(clglu_judge_ffn_forward(&b.desc, &b.call, b.tensor[INPUT], r.y, NULL), CLGLU_NULL_POINTER);
        ck_assert_int_eq(clglu_judge_ffn_forward(NULL, &b.call, b.tensor[INPUT], r.y, &report), CLGLU_NULL_POINTER);
        b.call.rows = 0;
        ck_assert_int_eq(clglu_judge_ffn_forward(&b.desc, &b.call, b.tensor[INPUT], r.y, &report), CLGLU_OK);
        ck_assert_uint_eq(report.count, 0);
        ck_assert_int_eq(clglu_judge_ffn_forward(&b.desc, NULL, b.tensor[INPUT], r.y, &report), CLGLU_NULL_POINTER);
        results_free(&r);
        block_free(&b);
    }
}
END_TEST

Suite *judge_suite(void);
Suite *judge_suite(void)
{
    Suite *suite = suite_create("judge");
    TCase *all = tcase_create("all");
    tcase_add_test(all, right_results_are_right_and_only_the_report_is_written);
    tcase_add_test(all, one_flipped_bit_is_found_wherever_it_is);
    tcase_add_test(all, what_cannot_be_judged_is_refused);
    tcase_add_test(all, a_blocks_results_too);
    suite_add_tcase(suite, all);
    return suite;
}
