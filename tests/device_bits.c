/* device_bits.c - the device's bits are the emulation's, for every activation, direction, dtype, rounding.
   SPDX-License-Identifier: MIT */

#include "device.h"

/* Fills an input with the grid; `step` is odd, so that every value comes once, in another order. */
static void fill_grid(call *c, operand o, size_t step)
{
    if (!c->at[o]) return;
    size_t n = grid_count(c->d.dtype);
    for (size_t i = 0; i < c->d.rows * c->d.cols; i++)
        set_element_bits(c->d.dtype, c->at[o], i, grid_bits(c->d.dtype, i * step % n));
}

/* ---------------------------------------------------------------- all values */

START_TEST(every_value_through_every_activation_has_the_bits_of_the_emulation)
{
    clglu_dtype t = (clglu_dtype)digit(&_i, DTYPES);
    operator_id op = digit(&_i, 2) ? ACT_BACKWARD : ACT_FORWARD;
    size_t n = grid_count(t), rows = 16;
    call c = call_new(op, (clglu_act)_i, 0, t, rows, n / rows);
    uint64_t state = 1;
    call_fill(&c, MODERATE, &state); /* dy */
    fill_grid(&c, A, 1);
    expect_right(&c, "every value");
    call_free(&c);
}
END_TEST

START_TEST(every_dy_is_multiplied_as_the_emulation_does)
{
    clglu_dtype t = (clglu_dtype)digit(&_i, DTYPES);
    size_t n = grid_count(t), rows = 16;
    call c = call_new(ACT_BACKWARD, (clglu_act)_i, 0, t, rows, n / rows);
    fill_grid(&c, A, 40503);
    fill_grid(&c, DY, 1);
    expect_right(&c, "every dy");
    call_free(&c);
}
END_TEST

START_TEST(every_variant_has_the_bits_of_the_emulation)
{
    clglu_variant v;
    clglu_dtype t = (clglu_dtype)digit(&_i, DTYPES);
    clglu_rounding rounding = (clglu_rounding)digit(&_i, 2);
    operator_id op = digit(&_i, 2) ? GATE_BACKWARD : GATE_FORWARD;
    if (rounding != CLGLU_ROUND_ONCE && op == GATE_FORWARD && test_scale() != LONG) return; /* y comes with the other */
    ck_assert_int_eq(clglu_variant_at((size_t)_i, &v), CLGLU_OK);
    call c = call_new(op, v.act, v.gate, t, 16, sized(4096, 256));
    call_variant(&c, v.name);
    c.d.rounding = rounding;
    fill_grid(&c, A, 1);
    fill_grid(&c, B, 40503);
    fill_grid(&c, DY, 30011);
    expect_right(&c, v.name);
    call_free(&c);
}
END_TEST

/* Each pair is a program of its own, so the dtype changes from pair to pair, and the backward has y beside da and db;
   only a long run does them all. */
static void pair_of_activations(operator_id op, int act, int gate, clglu_dtype t)
{
    uint64_t state = (uint64_t)(act * 100 + gate);
    call c = call_new(op, (clglu_act)act, (clglu_act)gate, t, 3, 171);
    call_fill(&c, WILD, &state);
    expect_right(&c, "a pair of activations");
    call_free(&c);
}

START_TEST(every_pair_of_activations_has_the_bits_of_the_emulation)
{
    for (int gate = 0; gate < CLGLU_ACT_COUNT; gate++)
        for (int t = 0; t < DTYPES; t++) {
            if (test_scale() == LONG || t == (_i + gate) % DTYPES)
                pair_of_activations(GATE_BACKWARD, _i, gate, (clglu_dtype)t);
            if (test_scale() == LONG) pair_of_activations(GATE_FORWARD, _i, gate, (clglu_dtype)t);
        }
}
END_TEST

/* ---------------------------------------------------------------- parameters, on every path */

static const struct {
    const char *what;
    float alpha, limit, shift;
} parameters[] = {{"alpha", 1.702f, 0, 0},      {"limit", 0, 7, 0},       {"shift", 0, 0, 1},
                  {"all three", 0.5f, 2.5f, -2}, {"tiny limit", 0, 1e-3f, 0}, {"large alpha", 300, 0, 0}};

static void with_parameters(operator_id op, clglu_dtype t, clglu_rounding rounding, size_t p)
{
    uint64_t state = 7 + p;
    call c = call_new(op, CLGLU_ACT_SILU, CLGLU_ACT_IDENTITY, t, 5, 203);
    c.d.rounding = rounding;
    c.d.alpha = parameters[p].alpha;
    c.d.limit = parameters[p].limit;
    c.d.shift = parameters[p].shift;
    call_fill(&c, WILD, &state);
    if (p % 2) call_add_bias(&c, MODERATE, &state);
    expect_right(&c, parameters[p].what);
    call_free(&c);
}

START_TEST(parameters_have_the_bits_of_the_emulation_on_every_path)
{
    clglu_dtype t = (clglu_dtype)digit(&_i, DTYPES);
    for (size_t p = 0; p < COUNT(parameters); p++)
        for (int like_torch = 0; like_torch < 2; like_torch++)
            for (int back = 0; back < 2; back++)
                if (test_scale() == LONG || (p + (size_t)like_torch + (size_t)back + (size_t)t) % 2)
                    with_parameters(back ? GATE_BACKWARD : GATE_FORWARD, t, (clglu_rounding)like_torch, p);
}
END_TEST

START_TEST(alpha_of_the_activation_alone_has_the_bits_of_the_emulation)
{
    clglu_dtype t = (clglu_dtype)digit(&_i, DTYPES);
    uint64_t state = 8;
    for (operator_id op = ACT_FORWARD; op <= ACT_BACKWARD; op++)
        for (size_t p = 0; p < COUNT(parameters); p++) {
            call c = call_new(op, CLGLU_ACT_SILU, 0, t, 5, 203);
            c.d.alpha = parameters[p].alpha;
            call_fill(&c, WILD, &state);
            expect_right(&c, parameters[p].what);
            call_free(&c);
        }
}
END_TEST

/* ---------------------------------------------------------------- what the bits must not depend on */

/* The same data with gaps between the columns take the general kernel. */
static void spread_out(call *c, size_t offset, size_t inc)
{
    for (operand o = 0; o < OPERANDS; o++)
        if (c->at[o] && has_view(o)) call_move(c, o, NULL, (clglu_view){offset, c->d.cols * inc + offset, inc});
}

static void fast_and_general(operator_id op, clglu_act act, clglu_act gate, clglu_dtype t)
{
    static const struct {
        size_t offset, inc;
    } places[] = {{0, 3}, {1, 1}, {3, 1}, {7, 2}, {8, 1}};
    uint64_t state = act;
    call dense = call_new(op, act, gate, t, 5, 211);
    call_fill(&dense, WILD, &state);
    call want = call_made(&dense);
    for (size_t p = 0; p < COUNT(places); p++) {
        call c = call_copy(&dense);
        spread_out(&c, places[p].offset, places[p].inc);
        call got = call_made(&c);
        expect_same_results(&got, &want, "strides and offsets");
        expect_no_stray(&c, &got, "strides and offsets");
        call_free(&got);
        call_free(&c);
    }
    call_free(&want);
    call_free(&dense);
}

START_TEST(fast_kernels_have_the_bits_of_the_general_one)
{
    clglu_dtype t = (clglu_dtype)digit(&_i, DTYPES);
    for (operator_id op = 0; op < OPERATORS; op++)
        if (test_scale() == LONG || (_i - (int)op - (int)t) % 4 == 0)
            fast_and_general(op, (clglu_act)_i, CLGLU_ACT_IDENTITY, t);
}
END_TEST

START_TEST(a_short_row_is_the_beginning_of_a_longer_one)
{
    clglu_dtype t = (clglu_dtype)digit(&_i, DTYPES);
    operator_id op = (operator_id)_i;
    uint64_t state = 3;
    call longer = call_new(op, CLGLU_ACT_GELU, CLGLU_ACT_IDENTITY, t, 1, 200);
    call_fill(&longer, WILD, &state);
    call want = call_made(&longer);
    for (size_t n = 1; n <= 70; n++) {
        call c = call_copy(&longer);
        c.d.cols = n;
        call got = call_made(&c);
        call beginning = want;
        beginning.d.cols = n;
        expect_same_results(&got, &beginning, "the beginning of a longer row");
        expect_no_stray(&c, &got, "the beginning of a longer row");
        call_free(&got);
        call_free(&c);
    }
    call_free(&want);
    call_free(&longer);
}
END_TEST

START_TEST(a_row_does_not_depend_on_its_batch)
{
    clglu_dtype t = (clglu_dtype)digit(&_i, DTYPES);
    operator_id op = (operator_id)_i;
    uint64_t state = 4;
    call batch = call_new(op, CLGLU_ACT_GELU, CLGLU_ACT_IDENTITY, t, 9, 77);
    call_fill(&batch, WILD, &state);
    call want = call_made(&batch);
    for (size_t row = 0; row < batch.d.rows; row++) {
        call c = call_copy(&batch);
        c.d.rows = 1;
        for (operand o = A; o <= DB; o++) *view_field(&c, o) = (clglu_view){row * 77, 0, 0};
        call got = call_made(&c);
        call alone = want;
        alone.d = c.d;
        expect_same_results(&got, &alone, "a row of a batch");
        call_free(&got);
        call_free(&c);
    }
    call_free(&want);
    call_free(&batch);
}
END_TEST

START_TEST(two_runs_are_the_same)
{
    clglu_dtype t = (clglu_dtype)digit(&_i, DTYPES);
    operator_id op = (operator_id)_i;
    uint64_t state = 5;
    call c = call_new(op, CLGLU_ACT_GELU_TANH, CLGLU_ACT_IDENTITY, t, 300, 33);
    call_fill(&c, WILD, &state);
    call_want_dbias(&c);
    call one = call_made(&c), two = call_made(&c);
    expect_same(&two, &one, "two runs");
    call_free(&one);
    call_free(&two);
    call_free(&c);
}
END_TEST

Suite *device_bits_suite(void)
{
    Suite *s = suite_create("device_bits");
    TCase *values = tcase_create("values"), *same = tcase_create("same");
    tcase_add_loop_test(values, every_value_through_every_activation_has_the_bits_of_the_emulation, 0,
                        DTYPES * 2 * CLGLU_ACT_COUNT);
    tcase_add_loop_test(values, every_dy_is_multiplied_as_the_emulation_does, 0, DTYPES * CLGLU_ACT_COUNT);
    tcase_add_loop_test(values, every_variant_has_the_bits_of_the_emulation, 0, DTYPES * 2 * 2 * (int)variant_count());
    tcase_add_loop_test(values, every_pair_of_activations_has_the_bits_of_the_emulation, 0, CLGLU_ACT_COUNT);
    tcase_add_loop_test(values, parameters_have_the_bits_of_the_emulation_on_every_path, 0, DTYPES);
    tcase_add_loop_test(values, alpha_of_the_activation_alone_has_the_bits_of_the_emulation, 0, DTYPES);
    tcase_add_loop_test(same, fast_kernels_have_the_bits_of_the_general_one, 0, DTYPES * CLGLU_ACT_COUNT);
    tcase_add_loop_test(same, a_short_row_is_the_beginning_of_a_longer_one, 0, DTYPES * OPERATORS);
    tcase_add_loop_test(same, a_row_does_not_depend_on_its_batch, 0, DTYPES * OPERATORS);
    tcase_add_loop_test(same, two_runs_are_the_same, 0, DTYPES * OPERATORS);
    suite_add_tcase(s, values);
    suite_add_tcase(s, same);
    return s;
}
