/* device_layouts.c - packed, interleaved and split tensors, in place or not: the same bits.
   SPDX-License-Identifier: MIT */

#include "device.h"

enum { ROWS = 6, COLS = 75 };

static call dense_call(operator_id op, clglu_act act, clglu_dtype t)
{
    uint64_t state = 11;
    call c = call_new(op, act, CLGLU_ACT_SIGMOID, t, ROWS, COLS);
    call_fill(&c, WILD, &state);
    return c;
}

/* Two operands into one tensor: `first` at column `at_first`, `second` at `at_second`, columns `inc` apart. */
static void pack(call *c, operand first, operand second, size_t at_first, size_t at_second, size_t inc)
{
    void *tensor = array_new(2 * ROWS * COLS * clglu_dtype_size(c->d.dtype));
    if (!c->at[first] || !c->at[second]) {
        array_free(tensor);
        return;
    }
    call_move(c, first, tensor, (clglu_view){at_first, 2 * COLS, inc});
    call_move(c, second, tensor, (clglu_view){at_second, 2 * COLS, inc});
}

static const struct {
    const char *what;
    size_t a, b, inc;
} layouts[] = {{"packed, act first", 0, COLS, 1}, {"packed, act second", COLS, 0, 1}, {"interleaved", 0, 1, 2}};

static void same_in_layout(const call *split, const call *want, size_t layout, bool outputs)
{
    call c = call_copy(split);
    pack(&c, A, B, layouts[layout].a, layouts[layout].b, layouts[layout].inc);
    if (outputs) pack(&c, DA, DB, layouts[layout].a, layouts[layout].b, layouts[layout].inc);
    call got = call_made(&c);
    expect_same_results(&got, want, layouts[layout].what);
    expect_no_stray(&c, &got, layouts[layout].what);
    call_free(&got);
    call_free(&c);
}

START_TEST(packed_and_interleaved_equal_split)
{
    clglu_dtype t = (clglu_dtype)digit(&_i, DTYPES);
    operator_id op = digit(&_i, 2) ? GATE_BACKWARD : GATE_FORWARD;
    call split = dense_call(op, CLGLU_ACT_GELU, t), want = call_made(&split);
    for (size_t layout = 0; layout < COUNT(layouts); layout++)
        for (int outputs = 0; outputs < 2; outputs++) same_in_layout(&split, &want, layout, outputs);
    call_free(&want);
    call_free(&split);
}
END_TEST

START_TEST(transposed_equals_row_major)
{
    clglu_dtype t = (clglu_dtype)digit(&_i, DTYPES);
    call rows = dense_call((operator_id)_i, CLGLU_ACT_GELU, t), want = call_made(&rows), c = call_copy(&rows);
    for (operand o = A; o <= DB; o++)
        if (c.at[o]) call_move(&c, o, NULL, (clglu_view){0, 1, ROWS});
    call got = call_made(&c);
    expect_same_results(&got, &want, "transposed");
    call_free(&got);
    call_free(&c);
    call_free(&want);
    call_free(&rows);
}
END_TEST

/* ---------------------------------------------------------------- in place */

static void same_in_place(const call *apart, const call *want, const operand onto[3])
{
    static const operand outputs[3] = {Y, DA, DB};
    call c = call_copy(apart);
    for (size_t i = 0; i < 3; i++)
        if (onto[i] != OPERANDS && c.at[outputs[i]] && c.at[onto[i]]) call_alias(&c, outputs[i], onto[i]);
    call got = call_made(&c);
    expect_same_results(&got, want, "in place");
    expect_no_stray(&c, &got, "in place");
    call_free(&got);
    call_free(&c);
}

/* Where y, da and db go; OPERANDS: an array of its own. */
static const operand targets[][3] = {{A, OPERANDS, OPERANDS}, {B, OPERANDS, OPERANDS},  {OPERANDS, A, B},
                                     {OPERANDS, B, A},        {DY, A, B},               {B, DY, A},
                                     {OPERANDS, DY, B},       {OPERANDS, A, OPERANDS}};

START_TEST(in_place_equals_out_of_place)
{
    clglu_dtype t = (clglu_dtype)digit(&_i, DTYPES);
    call apart = dense_call((operator_id)_i, CLGLU_ACT_SILU, t), want = call_made(&apart);
    for (size_t i = 0; i < COUNT(targets); i++) same_in_place(&apart, &want, targets[i]);
    call_free(&want);
    call_free(&apart);
}
END_TEST

START_TEST(in_place_in_a_packed_tensor_equals_out_of_place)
{
    clglu_dtype t = (clglu_dtype)digit(&_i, DTYPES);
    operator_id op = digit(&_i, 2) ? GATE_BACKWARD : GATE_FORWARD;
    call split = dense_call(op, CLGLU_ACT_GELU_TANH, t), want = call_made(&split);
    for (size_t layout = 0; layout < COUNT(layouts); layout++) {
        call packed = call_copy(&split);
        pack(&packed, A, B, layouts[layout].a, layouts[layout].b, layouts[layout].inc);
        for (size_t i = 0; i < COUNT(targets); i++) same_in_place(&packed, &want, targets[i]);
        call_free(&packed);
    }
    call_free(&want);
    call_free(&split);
}
END_TEST

/* The product is symmetric when both sides are the same function: a mix-up of the halves shows elsewhere. */
START_TEST(the_activation_is_applied_to_a_and_the_gate_to_b)
{
    call c = call_new(GATE_FORWARD, CLGLU_ACT_RELU, CLGLU_ACT_IDENTITY, CLGLU_F32, 1, 1);
    set_element(CLGLU_F32, c.at[A], 0, 3);
    set_element(CLGLU_F32, c.at[B], 0, -2);
    call got = call_made(&c);
    ck_assert_double_eq((double)element(CLGLU_F32, got.at[Y], 0), -6);
    call_free(&got);
    call_free(&c);
}
END_TEST

Suite *device_layouts_suite(void)
{
    Suite *s = suite_create("device_layouts");
    TCase *t = tcase_create("layouts");
    tcase_add_loop_test(t, packed_and_interleaved_equal_split, 0, DTYPES * 2);
    tcase_add_loop_test(t, transposed_equals_row_major, 0, DTYPES * OPERATORS);
    tcase_add_loop_test(t, in_place_equals_out_of_place, 0, DTYPES * OPERATORS);
    tcase_add_loop_test(t, in_place_in_a_packed_tensor_equals_out_of_place, 0, DTYPES * 2);
    tcase_add_test(t, the_activation_is_applied_to_a_and_the_gate_to_b);
    suite_add_tcase(s, t);
    return s;
}
