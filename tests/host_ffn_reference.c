/* host_ffn_reference.c - the block's reference beside long double, and its bound: the emulation keeps it, a fault does not.
   SPDX-License-Identifier: MIT */

#include <check.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "host_ffn.h"

enum { CASES = 150 };

static const double U = 0x1p-24;

typedef struct truth {
    double *y, *bound;
    size_t count;
} truth;

static truth truth_of(const block *b)
{
    size_t count = b->c.rows * block_cols(b);
    truth t = {malloc(count * sizeof(double)), malloc(count * sizeof(double)), count};
    ck_assert(t.y && t.bound);
    ck_assert_int_eq(clglu_reference_ffn(&b->desc, &b->call, b->tensor[INPUT], t.y, t.bound), CLGLU_OK);
    return t;
}

static void truth_free(truth *t)
{
    free(t->y);
    free(t->bound);
}

static block_case random_case_of(nature n, uint64_t *state)
{
    block_case c = random_case(state);
    c.nature = n;
    if (n == HUGE_ONES || n == TINY_ONES) c.dtype = c.x_dtype = CLGLU_F32;
    return c;
}

/* ---------------------------------------------------------------- beside long double */

/* *size gets the sum of the terms' sizes. */
static long double exact_sum(const float *x, const double *h, const float *w, size_t terms, size_t outputs, double *size)
{
    long double sum = 0;
    *size = 0;
    for (size_t k = 0; k < terms; k++) {
        /* cppcheck-suppress nullPointer ; it is one or the other */
        /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference) */
        long double term = (x ? (long double)x[k] : (long double)h[k]) * (long double)w[k * outputs];
        sum += term;
        *size += (double)fabsl(term);
    }
    return sum;
}

static double exact_hidden(const block *b, const float *x, size_t n)
{
    const block_case *c = &b->c;
    clglu_gate_desc d = {.act = c->act, .gate = c->gate, .alpha = c->alpha, .limit = c->limit, .shift = c->shift};
    double size, y = 0;
    double a = c->has_a ? (double)(exact_sum(x, NULL, b->wa + n, c->d_model, c->d_ff, &size) +
                                   (c->bias_a ? (long double)b->ba[n] : 0))
                        : (double)x[n];
    if (!c->has_b) return clglu_reference_act(c->act, (double)c->alpha, a);
    double gate = (double)(exact_sum(x, NULL, b->wb + n, c->d_model, c->d_ff, &size) +
                           (c->bias_b ? (long double)b->bb[n] : 0));
    ck_assert_int_eq(clglu_reference_gate(&d, a, gate, &y), CLGLU_OK);
    return y;
}

/* A part of the bound that only errors of double precision fit into. */
START_TEST(y_is_the_block_in_double)
{
    uint64_t state = 5000u + (uint64_t)_i;
    block_case c = random_case_of(_i % 2 ? CANCELLING : PLAIN, &state);
    if (c.rows > 3) c.rows = 3;
    block b = block_new(&c, &state);
    truth t = truth_of(&b);
    double *h = malloc(c.d_ff * sizeof *h), size;
    char text[400];
    describe_case(&c, text, sizeof text);
    for (size_t i = 0; i < t.count; i++) {
        size_t row = i / block_cols(&b), n = i % block_cols(&b);
        for (size_t k = 0; n == 0 && k < c.d_ff; k++) h[k] = exact_hidden(&b, b.x + row * c.d_model, k);
        double want = !c.has_d ? h[n]
                               : (double)(exact_sum(NULL, h, b.wd + n, c.d_ff, c.d_out, &size) +
                                          (c.bias_d ? (long double)b.bd[n] : 0));
        ck_assert_msg(fabs(t.y[i] - want) <= 0x1p-20 * t.bound[i], "element %zu is %a, not %a, bound %a; %s", i, t.y[i],
                      want, t.bound[i], text);
    }
    free(h);
    truth_free(&t);
    block_free(&b);
}
END_TEST

START_TEST(a_sum_is_exact_to_2_to_the_minus_45_of_its_terms_sizes)
{
    enum { TERMS = 30000 };
    uint64_t state = 3;
    block_case c = {.rows = 2, .d_model = TERMS, .d_ff = 3, .d_out = 1, .has_a = true, .act = CLGLU_ACT_IDENTITY,
                    .nature = CANCELLING};
    block b = block_new(&c, &state);
    truth t = truth_of(&b);
    for (size_t i = 0; i < t.count; i++) {
        double size;
        long double want = exact_sum(b.x + i / 3 * TERMS, NULL, b.wa + i % 3, TERMS, 3, &size);
        ck_assert_double_le(fabs((double)((long double)t.y[i] - want)), 0x1p-45 * size);
    }
    truth_free(&t);
    block_free(&b);
}
END_TEST

/* A large sum to which each block adds less than a double of that size can take. */
START_TEST(what_a_double_loses_is_not_lost)
{
    enum { BLOCKS = 2000, TERMS = 128 * BLOCKS };
    float *x = calloc(TERMS, sizeof *x), *w = malloc(TERMS * sizeof *w);
    clglu_ffn_desc d = {.d_model = TERMS, .d_ff = 1, .act = CLGLU_ACT_IDENTITY, .wa = {.host = w}};
    clglu_ffn_call call = {.rows = 1};
    double y, small = 0x1.fp-14;
    for (int k = 0; k < TERMS; k++) w[k] = 1;
    x[0] = 0x1p40f;
    for (int j = 1; j < BLOCKS; j++) x[128 * j] = (float)small;
    ck_assert_int_eq(clglu_reference_ffn(&d, &call, x, &y, NULL), CLGLU_OK);
    ck_assert_double_le(fabs(y - 0x1p40 - (BLOCKS - 1) * small), 0x1p-5);
    free(w);
    free(x);
}
END_TEST

START_TEST(y_is_the_same_without_a_bound)
{
    uint64_t state = 11;
    block_case c = random_case_of(PLAIN, &state);
    block b = block_new(&c, &state);
    truth t = truth_of(&b);
    double *y = malloc(t.count * sizeof *y);
    ck_assert_int_eq(clglu_reference_ffn(&b.desc, &b.call, b.tensor[INPUT], y, NULL), CLGLU_OK);
    ck_assert_mem_eq(y, t.y, t.count * sizeof *y);
    free(y);
    truth_free(&t);
    block_free(&b);
}
END_TEST

/* ---------------------------------------------------------------- the bound holds */

START_TEST(the_emulation_is_within_the_bound)
{
    uint64_t state = 9000u + (uint64_t)_i;
    block_case c = random_case_of((nature)(_i % NATURES), &state);
    size_t judged = 0;
    char text[400];
    c.y_dtype = CLGLU_F32;
    c.strided = false;
    block b = block_new(&c, &state);
    truth t = truth_of(&b);
    results r = results_new(&b);
    describe_case(&c, text, sizeof text);
    ck_assert_int_eq(clglu_emulate_ffn_forward(&b.desc, &b.call, b.tensor[INPUT], r.y, NULL, NULL), CLGLU_OK);
    for (size_t i = 0; i < t.count; i++) {
        double got = (double)((float *)r.y)[i];
        ck_assert_msg(t.bound[i] >= 0, "element %zu: bound %a; %s", i, t.bound[i], text);
        if (isinf(t.bound[i])) continue;
        judged++;
        ck_assert_msg(fabs(got - t.y[i]) <= t.bound[i], "element %zu is %a, not %a within %a; %s", i, got, t.y[i],
                      t.bound[i], text);
    }
    ck_assert_msg(judged == t.count || (c.nature != PLAIN && c.nature != TINY_ONES), "a bound is infinite; %s", text);
    results_free(&r);
    truth_free(&t);
    block_free(&b);
}
END_TEST

/* ---------------------------------------------------------------- and is what the header says */

static block plain_sum(size_t terms, bool bias, nature n)
{
    uint64_t state = terms;
    block_case c = {.rows = 3, .d_model = terms, .d_ff = 5, .d_out = 1, .has_a = true, .bias_a = bias,
                    .act = CLGLU_ACT_IDENTITY, .nature = n};
    return block_new(&c, &state);
}

START_TEST(a_sum_contributes_its_roundings)
{
    static const size_t terms[] = {1, 128, 129, 1000};
    block b = plain_sum(terms[_i], false, PLAIN), biased = plain_sum(terms[_i], true, PLAIN);
    truth t = truth_of(&b), u = truth_of(&biased);
    for (size_t i = 0; i < t.count; i++) {
        double size, rounds = 128 + ceil((double)terms[_i] / 128);
        (void)exact_sum(b.x + i / 5 * terms[_i], NULL, b.wa + i % 5, terms[_i], 5, &size);
        ck_assert_double_eq_tol(t.bound[i] / (rounds * U * size), 1, 1e-9);
        ck_assert_double_eq_tol(u.bound[i] / (rounds * U * size + U * (fabs(u.y[i]) + rounds * U * size)), 1, 1e-9);
    }
    truth_free(&t);
    truth_free(&u);
    block_free(&b);
    block_free(&biased);
}
END_TEST

/* What one lost product of average size does. */
START_TEST(a_lost_term_is_outside_the_bound)
{
    block b = plain_sum(1000, false, PLAIN);
    truth t = truth_of(&b);
    float y[15];
    size_t outside = 0;
    for (size_t row = 0; row < 3; row++) ((float *)b.tensor[INPUT])[row * 1000 + 500] = 0;
    ck_assert_int_eq(clglu_emulate_ffn_forward(&b.desc, &b.call, b.tensor[INPUT], y, NULL, NULL), CLGLU_OK);
    for (size_t i = 0; i < t.count; i++) outside += fabs((double)y[i] - t.y[i]) > t.bound[i];
    ck_assert_uint_ge(outside, 12);
    truth_free(&t);
    block_free(&b);
}
END_TEST

/* Sums that nearly cancel are off by much, and all of it goes through act and gate. */
START_TEST(an_inputs_error_is_carried_through_act_and_gate)
{
    uint64_t state = 77u + (uint64_t)_i;
    clglu_act act = (clglu_act)(_i / CLGLU_ACT_COUNT), gate = (clglu_act)(_i % CLGLU_ACT_COUNT);
    block_case c = {.rows = 40, .d_model = 128, .d_ff = 9, .d_out = 1, .has_a = true, .has_b = true,
                    .nature = CANCELLING, .act = CLGLU_ACT_IDENTITY};
    block b = block_new(&c, &state);
    clglu_ffn_desc one = b.desc, two = b.desc;
    double a[360], ea[360], g[360], eg[360], y[360], bound[360];
    one.wb.host = NULL;
    two.wb.host = NULL;
    two.wa = b.desc.wb;
    b.desc.act = act;
    b.desc.gate = gate;
    ck_assert_int_eq(clglu_reference_ffn(&one, &b.call, b.tensor[INPUT], a, ea), CLGLU_OK);
    ck_assert_int_eq(clglu_reference_ffn(&two, &b.call, b.tensor[INPUT], g, eg), CLGLU_OK);
    ck_assert_int_eq(clglu_reference_ffn(&b.desc, &b.call, b.tensor[INPUT], y, bound), CLGLU_OK);
    for (int i = 0; i < 360; i++)
        for (int corner = 0; corner < 4; corner++) {
            double p = clglu_reference_act(act, 1, a[i] + (corner & 1 ? ea[i] : -ea[i]));
            double q = clglu_reference_act(gate, 1, g[i] + (corner & 2 ? eg[i] : -eg[i]));
            ck_assert_msg(fabs(p * q - y[i]) <= bound[i], "act %d, gate %d: %a within %a, %a within %a: %a is not within %a",
                          (int)act, (int)gate, a[i], ea[i], g[i], eg[i], p * q, bound[i]);
        }
    block_free(&b);
}
END_TEST

/* t as a sum that may be off by an eighth: X - X + t. As act's input, and as gate's beside an a of 1. */
START_TEST(the_largest_slopes_are_those_of_the_activations)
{
    enum { ROWS = 513 };
    static float x[ROWS][3];
    static double y[2][ROWS], bound[2][ROWS];
    const float ones[3] = {1, 1, 1}, zeros[3] = {0, 0, 0};
    const clglu_act act = (clglu_act)_i;
    clglu_ffn_desc d[2] = {{.d_model = 3, .d_ff = 1, .act = act, .wa = {.host = ones}},
                           {.d_model = 3, .d_ff = 1, .act = CLGLU_ACT_IDENTITY, .gate = act, .wa = {.host = zeros},
                            .ba = {.host = ones}, .wb = {.host = ones}}};
    clglu_ffn_call call = {.rows = ROWS};
    for (int r = 0; r < ROWS; r++) x[r][0] = 8192, x[r][1] = -8192, x[r][2] = (float)(r - 256) / 64;
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(clglu_reference_ffn(&d[i], &call, x, y[i], bound[i]), CLGLU_OK);
        for (int r = 0; r < ROWS; r++) {
            double t = (double)x[r][2], e = 129 * U * (16384 + fabs(t)), f = clglu_reference_act(act, 1, t);
            ck_assert_double_eq_tol(y[i][r], f, 0x1p-40);
            double up = clglu_reference_act(act, 1, t + e) - f, down = clglu_reference_act(act, 1, t - e) - f;
            ck_assert_msg(fabs(up) <= bound[i][r] && fabs(down) <= bound[i][r], "act %d at %a within %a: %a, %a, bound %a",
                          _i, t, e, up, down, bound[i][r]);
        }
    }
}
END_TEST

START_TEST(the_bound_is_infinite_where_f32_may_overflow)
{
    static const struct {
        const char *what;
        clglu_act act;
        float x[2], wa[2], wb[2], wd;
        bool finite;
    } rows[] = {
        {"nothing large", CLGLU_ACT_IDENTITY, {3, 4}, {1, 1}, {1, 1}, 1, true},
        {"a sum", CLGLU_ACT_IDENTITY, {0x1p127f, 0x1p127f}, {1, 1}, {0, 0}, 1, false},
        {"a partial sum", CLGLU_ACT_IDENTITY, {0x1p127f, 0x1p127f}, {1, -1}, {1, -1}, 1, false},
        {"a partial sum before act", CLGLU_ACT_RELU, {0x1p127f, 0x1p127f}, {-1, -1}, {0, 0}, 1, false},
        {"a term", CLGLU_ACT_RELU, {0x1p100f, 0}, {-0x1p100f, 0}, {0, 0}, 1, false},
        {"act", CLGLU_ACT_RELU2, {0x1p70f, 0}, {1, 0}, {0, 1}, 1, false},
        {"act, just below", CLGLU_ACT_RELU2, {0x1p63f, 0}, {1, 0}, {0, 1}, 1, true},
        {"the product", CLGLU_ACT_IDENTITY, {0x1p70f, 0}, {1, 0}, {1, 0}, 0, false},
        {"the last sum", CLGLU_ACT_IDENTITY, {0x1p60f, 0}, {1, 0}, {1, 0}, 0x1p10f, false},
        {"infinity", CLGLU_ACT_SIGMOID, {-INFINITY, 1}, {1, 1}, {0, 1}, 1, false},
        {"NaN", CLGLU_ACT_IDENTITY, {NAN, 1}, {1, 1}, {1, 1}, 1, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        clglu_ffn_desc d = {.d_model = 2, .d_ff = 1, .d_out = 1, .act = rows[i].act, .wa = {.host = rows[i].wa},
                            .wb = {.host = rows[i].wb}, .wd = {.host = &rows[i].wd}};
        clglu_ffn_call call = {.rows = 1};
        double y, bound;
        ck_assert_int_eq(clglu_reference_ffn(&d, &call, rows[i].x, &y, &bound), CLGLU_OK);
        ck_assert_msg(!isinf(bound) == rows[i].finite && bound > 0, "%s: y %a, bound %a", rows[i].what, y, bound);
    }
}
END_TEST

Suite *ffn_reference_suite(void);
Suite *ffn_reference_suite(void)
{
    Suite *s = suite_create("ffn_reference");
    TCase *t = tcase_create("reference");
    tcase_set_timeout(t, 60);
    tcase_add_loop_test(t, y_is_the_block_in_double, 0, CASES);
    tcase_add_test(t, a_sum_is_exact_to_2_to_the_minus_45_of_its_terms_sizes);
    tcase_add_test(t, what_a_double_loses_is_not_lost);
    tcase_add_test(t, y_is_the_same_without_a_bound);
    tcase_add_loop_test(t, the_emulation_is_within_the_bound, 0, CASES);
    tcase_add_loop_test(t, a_sum_contributes_its_roundings, 0, 4);
    tcase_add_test(t, a_lost_term_is_outside_the_bound);
    tcase_add_loop_test(t, an_inputs_error_is_carried_through_act_and_gate, 0, CLGLU_ACT_COUNT * CLGLU_ACT_COUNT);
    tcase_add_loop_test(t, the_largest_slopes_are_those_of_the_activations, 0, CLGLU_ACT_COUNT);
    tcase_add_test(t, the_bound_is_infinite_where_f32_may_overflow);
    suite_add_tcase(s, t);
    return s;
}
