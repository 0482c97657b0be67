/* host_backward_refuse.c - what a call of the block's backward refuses, and which operand it blames.
   SPDX-License-Identifier: MIT */

#include <check.h>
#include <math.h>
#include <string.h>

#include "backward.h"

enum { ROWS = 2, D = 4, FF = 6, OUT = 5, MOST = 80 };

/* Alike in size, and with room between them. */
static float weights[100], dy[64], x[64], a[64], b[64];
static float dx[64], dwa[64], dwb[64], dwd[64], dba[64], dbb[64], dbd[64];
static uint32_t overflow;
static float *const outputs[] = {dx, dwa, dwb, dwd, dba, dbb, dbd};

typedef struct misuse {
    const char *what;
    clglu_status status;
    clglu_back_slot culprit;
    clglu_ffn_desc desc;
    clglu_ffn_backward_call call;
    clglu_ffn_gradients_host arrays;
} misuse;

static misuse good(const char *what, clglu_status status, clglu_back_slot culprit)
{
    misuse m = {what, status, culprit, {.d_model = D, .d_ff = FF, .d_out = OUT}, {.rows = ROWS}, {.dy = dy}};
    m.desc.wa.host = m.desc.wb.host = m.desc.wd.host = m.desc.ba.host = m.desc.bb.host = m.desc.bd.host = weights;
    m.arrays = (clglu_ffn_gradients_host){dy, x, NULL, NULL, dx, dwa, dwb, dwd, dba, dbb, dbd, &overflow};
    return m;
}

/* No weights' gradients, and a and b as the forward stored them: x is not needed. */
static void give_a_and_b(misuse *m)
{
    m->arrays.a = a;
    m->arrays.b = b;
    m->arrays.dwa = m->arrays.dwb = NULL;
    m->arrays.x = NULL;
}

/* A block whose a is x. */
static void take_wa(misuse *m)
{
    m->desc.wa.host = m->desc.ba.host = NULL;
    m->desc.d_ff = D;
    m->arrays.dwa = NULL;
    m->arrays.dba = NULL;
}

static void take_wb(misuse *m)
{
    m->desc.wb.host = m->desc.bb.host = NULL;
    m->arrays.dwb = NULL;
    m->arrays.dbb = NULL;
}

static void take_wd(misuse *m)
{
    m->desc.wd.host = m->desc.bd.host = NULL;
    m->arrays.dwd = NULL;
    m->arrays.dbd = NULL;
}

static void want_nothing(misuse *m)
{
    m->arrays = (clglu_ffn_gradients_host){.dy = dy, .x = x, .overflow = &overflow};
}

#define CASE(STATUS, CULPRIT, ...)                                                                           \
    m[n] = good(#__VA_ARGS__, STATUS, CULPRIT);                                                              \
    c = &m[n++];                                                                                             \
    __VA_ARGS__

/* Each a good call but for one thing; or in a line of CLGLU_OK, a good call that is near a wrong one. */
static size_t wrong_values(misuse *m)
{
    size_t n = 0;
    misuse *c;
    CASE(CLGLU_OK, BACK_SLOTS, );
    CASE(CLGLU_OK, BACK_SLOTS, c->call.accumulate = 1);
    CASE(CLGLU_INVALID_VALUE, BACK_SLOTS, c->call.accumulate = 2);
    CASE(CLGLU_INVALID_VALUE, BACK_SLOTS, c->call.accumulate = -1);
    CASE(CLGLU_OK, BACK_SLOTS, c->call.scale = -0x1p127f);
    CASE(CLGLU_INVALID_VALUE, BACK_SLOTS, c->call.scale = NAN);
    CASE(CLGLU_INVALID_VALUE, BACK_SLOTS, c->call.scale = -INFINITY);
    CASE(CLGLU_OK, BACK_SLOTS, c->call.weights_dtype = c->desc.dtype = CLGLU_F16);
    CASE(CLGLU_OK, BACK_SLOTS, c->desc.dtype = CLGLU_F16);
    CASE(CLGLU_INVALID_VALUE, BACK_SLOTS, c->call.weights_dtype = CLGLU_F16);
    CASE(CLGLU_INVALID_VALUE, BACK_SLOTS, c->call.weights_dtype = CLGLU_BF16; c->desc.dtype = CLGLU_F16);
    CASE(CLGLU_INVALID_VALUE, BACK_SLOTS, c->call.weights_dtype = (clglu_dtype)3);
    CASE(CLGLU_OK, BACK_SLOTS, c->call.choice = (clglu_ffn_choice){CLGLU_FORM_SPLIT, 256, 256});
    CASE(CLGLU_INVALID_VALUE, BACK_SLOTS, c->call.choice.form = (clglu_ffn_form)5);
    CASE(CLGLU_INVALID_VALUE, BACK_SLOTS, c->call.choice.row_tile = 257);
    CASE(CLGLU_INVALID_VALUE, BACK_SLOTS, c->call.choice.tiles = 257);
    CASE(CLGLU_OK, BACK_SLOTS, c->call.row_block = SIZE_MAX - 128);
    CASE(CLGLU_INVALID_SIZE, BACK_SLOTS, c->call.row_block = SIZE_MAX);
    CASE(CLGLU_INVALID_VALUE, BACK_DY, c->call.dy_dtype = (clglu_dtype)3);
    CASE(CLGLU_INVALID_VALUE, BACK_X, c->call.x_dtype = (clglu_dtype)-1);
    CASE(CLGLU_OK, BACK_SLOTS, c->call.ab_dtype = (clglu_dtype)3); /* not looked at */
    CASE(CLGLU_INVALID_VALUE, BACK_A, give_a_and_b(c); c->call.ab_dtype = (clglu_dtype)3);
    CASE(CLGLU_INVALID_VALUE, BACK_DX, c->call.dx_dtype = (clglu_dtype)3);
    CASE(CLGLU_OK, BACK_SLOTS, c->call.dx_dtype = (clglu_dtype)3; c->arrays.dx = NULL);
    return n;
}

static size_t wrong_operands(misuse *m)
{
    size_t n = 0;
    misuse *c;
    CASE(CLGLU_NULL_POINTER, BACK_DY, c->arrays.dy = NULL);
    CASE(CLGLU_NULL_POINTER, BACK_X, c->arrays.x = NULL);
    CASE(CLGLU_NULL_POINTER, BACK_SLOTS, want_nothing(c));
    CASE(CLGLU_OK, BACK_SLOTS, want_nothing(c); c->arrays.dx = dx);
    CASE(CLGLU_OK, BACK_SLOTS, want_nothing(c); c->arrays.dbd = dbd);
    CASE(CLGLU_OK, BACK_SLOTS, c->arrays.overflow = NULL);
    CASE(CLGLU_OK, BACK_SLOTS, give_a_and_b(c));
    CASE(CLGLU_OK, BACK_SLOTS, c->arrays.a = a; c->arrays.b = b);
    CASE(CLGLU_NULL_POINTER, BACK_B, give_a_and_b(c); c->arrays.b = NULL);
    CASE(CLGLU_NULL_POINTER, BACK_A, give_a_and_b(c); c->arrays.a = NULL);
    CASE(CLGLU_NULL_POINTER, BACK_B, c->arrays.a = a);
    CASE(CLGLU_NULL_POINTER, BACK_X, give_a_and_b(c); c->arrays.dwa = dwa);
    CASE(CLGLU_NULL_POINTER, BACK_X, give_a_and_b(c); c->arrays.dwb = dwb);
    CASE(CLGLU_OK, BACK_SLOTS, take_wa(c));
    CASE(CLGLU_OK, BACK_SLOTS, take_wa(c); c->arrays.b = b);
    CASE(CLGLU_INVALID_VALUE, BACK_A, take_wa(c); c->arrays.a = a);
    CASE(CLGLU_INVALID_VALUE, BACK_DWA, take_wa(c); c->arrays.dwa = dwa);
    CASE(CLGLU_INVALID_VALUE, BACK_DBA, take_wa(c); c->arrays.dba = dba);
    CASE(CLGLU_NULL_POINTER, BACK_X, take_wa(c); c->arrays.b = b; c->arrays.dwb = NULL; c->arrays.x = NULL);
    CASE(CLGLU_OK, BACK_SLOTS, take_wb(c));
    CASE(CLGLU_OK, BACK_SLOTS, take_wb(c); c->arrays.a = a);
    CASE(CLGLU_OK, BACK_SLOTS, take_wb(c); give_a_and_b(c); c->arrays.b = NULL);
    CASE(CLGLU_INVALID_VALUE, BACK_B, take_wb(c); c->arrays.b = b);
    CASE(CLGLU_INVALID_VALUE, BACK_DWB, take_wb(c); c->arrays.dwb = dwb);
    CASE(CLGLU_INVALID_VALUE, BACK_DBB, take_wb(c); c->arrays.dbb = dbb);
    CASE(CLGLU_OK, BACK_SLOTS, take_wd(c));
    CASE(CLGLU_INVALID_VALUE, BACK_DWD, take_wd(c); c->arrays.dwd = dwd);
    CASE(CLGLU_INVALID_VALUE, BACK_DBD, take_wd(c); c->arrays.dbd = dbd);
    CASE(CLGLU_INVALID_VALUE, BACK_DBA, c->desc.ba.host = NULL);
    CASE(CLGLU_INVALID_VALUE, BACK_DBB, c->desc.bb.host = NULL);
    CASE(CLGLU_INVALID_VALUE, BACK_DBD, c->desc.bd.host = NULL);
    return n;
}

static size_t wrong_views(misuse *m)
{
    size_t n = 0;
    misuse *c;
    CASE(CLGLU_INVALID_SIZE, BACK_DY, c->call.rows = SIZE_MAX);
    CASE(CLGLU_INVALID_SIZE, BACK_DY, c->call.dy.offset = SIZE_MAX);
    CASE(CLGLU_INVALID_SIZE, BACK_DY, c->call.dy.offset = (SIZE_MAX - (size_t)(uintptr_t)dy) / sizeof(float));
    CASE(CLGLU_INVALID_SIZE, BACK_X, c->call.x.ld = SIZE_MAX / 2);
    CASE(CLGLU_INVALID_SIZE, BACK_A, give_a_and_b(c); c->call.a.inc = SIZE_MAX / 2);
    CASE(CLGLU_INVALID_SIZE, BACK_B, give_a_and_b(c); c->call.b.offset = SIZE_MAX / 4);
    CASE(CLGLU_OK, BACK_SLOTS, c->call.a.offset = c->call.b.offset = SIZE_MAX); /* not looked at */
    CASE(CLGLU_INVALID_SIZE, BACK_DX, c->call.dx.offset = SIZE_MAX / 2);
    CASE(CLGLU_INVALID_SIZE, BACK_DWA, c->call.dwa.ld = SIZE_MAX / 4);
    CASE(CLGLU_INVALID_SIZE, BACK_DWB, c->call.dwb.inc = SIZE_MAX / 4);
    CASE(CLGLU_INVALID_SIZE, BACK_DWD, c->call.dwd.offset = SIZE_MAX);
    CASE(CLGLU_INVALID_SIZE, BACK_DBA, c->call.dba.inc = SIZE_MAX / 4);
    CASE(CLGLU_INVALID_SIZE, BACK_DBB, c->call.dbb.offset = SIZE_MAX);
    CASE(CLGLU_INVALID_SIZE, BACK_DBD, c->call.dbd.offset = SIZE_MAX);
    CASE(CLGLU_INVALID_VIEW, BACK_DX, c->call.dx = (clglu_view){0, D - 1, 1});
    CASE(CLGLU_INVALID_VIEW, BACK_DWA, c->call.dwa = (clglu_view){0, 1, D - 1});
    CASE(CLGLU_INVALID_VIEW, BACK_DWB, c->call.dwb = (clglu_view){0, 1, 1});
    CASE(CLGLU_INVALID_VIEW, BACK_DWD, c->call.dwd = (clglu_view){0, 1, FF - 1});
    CASE(CLGLU_OK, BACK_SLOTS, c->call.dy = (clglu_view){0, 1, 1}; c->call.x = (clglu_view){0, 1, 1}); /* only read */
    return n;
}

static size_t overlaps(misuse *m)
{
    size_t n = 0;
    misuse *c;
    CASE(CLGLU_OK, BACK_SLOTS, c->arrays.x = dy);
    CASE(CLGLU_OVERLAP, BACK_DX, c->arrays.dx = x);
    CASE(CLGLU_OVERLAP, BACK_DX, c->arrays.dx = dy);
    CASE(CLGLU_OVERLAP, BACK_DX, c->arrays.dx = x + ROWS * D - 1);
    CASE(CLGLU_OK, BACK_SLOTS, c->arrays.dx = x + ROWS * D);
    CASE(CLGLU_OVERLAP, BACK_DX, c->arrays.dx = (char *)x + 2); /* a 16-bit x, in part */
    CASE(CLGLU_OVERLAP, BACK_DX, give_a_and_b(c); c->arrays.dx = b);
    CASE(CLGLU_OVERLAP, BACK_DWD, give_a_and_b(c); c->arrays.dwd = a);
    CASE(CLGLU_OVERLAP, BACK_DWA, c->arrays.dwa = dx);
    CASE(CLGLU_OVERLAP, BACK_DWA, give_a_and_b(c); c->arrays.x = x; c->call.rows = 10;
         c->arrays.dwa = a + 6 * FF); /* beyond as many rows of a as dwa has */
    CASE(CLGLU_OVERLAP, BACK_DWB, c->arrays.dwb = dwa);
    CASE(CLGLU_OVERLAP, BACK_DWB, c->arrays.dwb = dwa + D * FF - 1);
    CASE(CLGLU_OVERLAP, BACK_DWD, c->arrays.dwd = dwb);
    CASE(CLGLU_OVERLAP, BACK_DBA, c->arrays.dba = dwa);
    CASE(CLGLU_OVERLAP, BACK_DBB, c->arrays.dbb = dba);
    CASE(CLGLU_OVERLAP, BACK_DBD, c->arrays.dbd = dba + FF - 1);
    CASE(CLGLU_OVERLAP, BACK_OVERFLOW, c->arrays.overflow = (uint32_t *)(void *)dx);
    CASE(CLGLU_OVERLAP, BACK_OVERFLOW, c->arrays.overflow = (uint32_t *)(void *)dy);
    CASE(CLGLU_OK, BACK_SLOTS, c->arrays.dwb = dwa; c->call.dwa = (clglu_view){0, 2 * FF, 1};
         c->call.dwb = (clglu_view){FF, 2 * FF, 1}); /* packed [in, 2 out] */
    CASE(CLGLU_OK, BACK_SLOTS, c->arrays.dwb = dwa; c->call.dwa = (clglu_view){0, 1, 2 * D};
         c->call.dwb = (clglu_view){D, 1, 2 * D}); /* interleaved [2 out, in] */
    CASE(CLGLU_OVERLAP, BACK_DWB, c->arrays.dwb = dwa; c->call.dwa = (clglu_view){0, 2 * FF, 1};
         c->call.dwb = (clglu_view){FF - 1, 2 * FF, 1});
    CASE(CLGLU_OK, BACK_SLOTS, c->arrays.dwb = dwa; c->call.dwa = (clglu_view){0, 2 * FF, 2};
         c->call.dwb = (clglu_view){1, 2 * FF, 2});
    CASE(CLGLU_OVERLAP, BACK_DWB, c->arrays.dwb = (char *)dwa + 2; c->call.dwa = (clglu_view){0, 2 * FF, 2};
         c->call.dwb = (clglu_view){1, 2 * FF, 2}); /* between elements, but not between floats */
    CASE(CLGLU_OK, BACK_SLOTS, c->arrays.dbb = dba; c->call.dba.inc = c->call.dbb.inc = 2; c->call.dbb.offset = 1);
    CASE(CLGLU_OVERLAP, BACK_DBB, c->arrays.dbb = dba; c->call.dba.inc = c->call.dbb.inc = 2; c->call.dbb.offset = 2);
    return n;
}
#undef CASE

static void fill_outputs(void)
{
    overflow = 7;
    for (size_t s = 0; s < sizeof outputs / sizeof *outputs; s++)
        for (int i = 0; i < 64; i++) outputs[s][i] = 5;
}

static void expect_untouched(const char *what)
{
    ck_assert_msg(overflow == 7, "%s: overflow was written", what);
    for (size_t s = 0; s < sizeof outputs / sizeof *outputs; s++)
        for (int i = 0; i < 64; i++) ck_assert_msg(outputs[s][i] == 5, "%s: something was written", what);
}

static void expect_all(size_t (*list)(misuse *))
{
    static misuse m[MOST];
    size_t count = list(m);
    ck_assert_uint_le(count, MOST);
    for (size_t i = 0; i < count; i++) {
        const char *why = NULL;
        clglu_block block;
        clglu_backward call;
        clglu_back_slot culprit;
        ck_assert_int_eq(clglu_block_from(&block, &m[i].desc, &why), CLGLU_OK);
        fill_outputs();
        clglu_status status = clglu_backward_host(&call, &block, &m[i].call, &m[i].arrays, &why, &culprit);
        ck_assert_msg(status == m[i].status, "%s: %s, not %s", m[i].what, clglu_status_name(status),
                      clglu_status_name(m[i].status));
        if (status)
            ck_assert_msg(culprit == m[i].culprit && why != NULL && *why, "%s: it blames %s, not %s", m[i].what,
                          clglu_back_names[culprit], clglu_back_names[m[i].culprit]);
        status = clglu_emulate_ffn_backward(&m[i].desc, &m[i].call, &m[i].arrays);
        ck_assert_msg(status == m[i].status, "emulation, %s: %s", m[i].what, clglu_status_name(status));
        if (status) expect_untouched(m[i].what);
    }
}

START_TEST(a_call_with_a_wrong_value_is_refused) { expect_all(wrong_values); }
END_TEST

START_TEST(a_call_lacks_no_operand_and_asks_for_what_the_block_has) { expect_all(wrong_operands); }
END_TEST

START_TEST(a_call_with_a_wrong_view_is_refused) { expect_all(wrong_views); }
END_TEST

START_TEST(outputs_overlap_nothing) { expect_all(overlaps); }
END_TEST

START_TEST(no_call_no_arrays_and_no_block_are_refused)
{
    misuse m = good("", CLGLU_OK, BACK_SLOTS);
    const char *why;
    clglu_block block;
    clglu_backward call;
    clglu_back_slot culprit = BACK_DY;
    fill_outputs();
    ck_assert_int_eq(clglu_block_from(&block, &m.desc, &why), CLGLU_OK);
    ck_assert_int_eq(clglu_backward_host(&call, &block, NULL, &m.arrays, &why, &culprit), CLGLU_NULL_POINTER);
    ck_assert_int_eq(culprit, BACK_SLOTS);
    ck_assert_int_eq(clglu_backward_host(&call, &block, &m.call, NULL, &why, &culprit), CLGLU_NULL_POINTER);
    ck_assert_int_eq(culprit, BACK_SLOTS);
    ck_assert_int_eq(clglu_emulate_ffn_backward(NULL, &m.call, &m.arrays), CLGLU_NULL_POINTER);
    ck_assert_int_eq(clglu_emulate_ffn_backward(&m.desc, NULL, &m.arrays), CLGLU_NULL_POINTER);
    ck_assert_int_eq(clglu_emulate_ffn_backward(&m.desc, &m.call, NULL), CLGLU_NULL_POINTER);
    m.desc.act = CLGLU_ACT_COUNT;
    ck_assert_int_eq(clglu_emulate_ffn_backward(&m.desc, &m.call, &m.arrays), CLGLU_INVALID_VALUE);
    m = good("", CLGLU_OK, BACK_SLOTS);
    m.desc.wd.host = NULL;
    m.desc.wd.buffer = (cl_mem)(void *)weights;
    ck_assert_int_eq(clglu_emulate_ffn_backward(&m.desc, &m.call, &m.arrays), CLGLU_INVALID_VALUE);
    expect_untouched("no call");
}
END_TEST

/* Operands of different spaces, as buffers are, share no address. */
START_TEST(operands_of_different_spaces_do_not_overlap)
{
    misuse m = good("", CLGLU_OK, BACK_SLOTS);
    const char *why;
    clglu_block block;
    clglu_backward call = {.rows = 0};
    clglu_back_slot culprit;
    ck_assert_int_eq(clglu_block_from(&block, &m.desc, &why), CLGLU_OK);
    call.operand[BACK_DY].used = call.operand[BACK_X].used = call.operand[BACK_DX].used = true;
    ck_assert_int_eq(clglu_backward_from(&call, &block, &m.call, &why, &culprit), CLGLU_OVERLAP);
    call.operand[BACK_DX].space = dx;
    ck_assert_int_eq(clglu_backward_from(&call, &block, &m.call, &why, &culprit), CLGLU_OK);
    call.operand[BACK_DX].space = NULL;
    m.call.dx.offset = ROWS * OUT; /* behind dy and x in the one space */
    ck_assert_int_eq(clglu_backward_from(&call, &block, &m.call, &why, &culprit), CLGLU_OK);
}
END_TEST

START_TEST(a_checked_call_has_its_defaults_filled_in)
{
    misuse m = good("", CLGLU_OK, BACK_SLOTS);
    const char *why;
    clglu_block block;
    clglu_backward call;
    clglu_back_slot culprit;
    ck_assert_int_eq(clglu_block_from(&block, &m.desc, &why), CLGLU_OK);
    ck_assert_int_eq(clglu_backward_host(&call, &block, &m.call, &m.arrays, &why, &culprit), CLGLU_OK);
    ck_assert(call.rows == ROWS && call.row_block == 512 && call.scale == 1 && !call.accumulate && call.recompute);
    const clglu_place *o = call.operand;
    ck_assert(o[BACK_DWD].rows == FF && o[BACK_DWD].cols == OUT && o[BACK_DWD].view.ld == OUT && o[BACK_DWD].end == FF * OUT);
    ck_assert(o[BACK_DBA].rows == 1 && o[BACK_DBA].cols == FF && o[BACK_DBA].view.inc == 1 && o[BACK_DBA].end == FF);
    give_a_and_b(&m);
    m.call.row_block = 129;
    ck_assert_int_eq(clglu_backward_host(&call, &block, &m.call, &m.arrays, &why, &culprit), CLGLU_OK);
    ck_assert(!call.recompute && call.row_block == 256);
}
END_TEST

START_TEST(the_reference_refuses_what_it_cannot_compute)
{
    misuse m = good("", CLGLU_OK, BACK_SLOTS);
    double result[ROWS * D] = {5};
    clglu_ffn_gradients_double g = {.dx = result}, none = {.dx = NULL}, wrong = {.dx = result, .dwb = result};
    clglu_ffn_backward_call call = m.call;
    ck_assert_int_eq(clglu_reference_ffn_backward(NULL, &call, dy, x, &g), CLGLU_NULL_POINTER);
    ck_assert_int_eq(clglu_reference_ffn_backward(&m.desc, NULL, dy, x, &g), CLGLU_NULL_POINTER);
    ck_assert_int_eq(clglu_reference_ffn_backward(&m.desc, &call, NULL, x, &g), CLGLU_NULL_POINTER);
    ck_assert_int_eq(clglu_reference_ffn_backward(&m.desc, &call, dy, NULL, &g), CLGLU_NULL_POINTER);
    ck_assert_int_eq(clglu_reference_ffn_backward(&m.desc, &call, dy, x, NULL), CLGLU_NULL_POINTER);
    ck_assert_int_eq(clglu_reference_ffn_backward(&m.desc, &call, dy, x, &none), CLGLU_NULL_POINTER);
    call.scale = NAN;
    ck_assert_int_eq(clglu_reference_ffn_backward(&m.desc, &call, dy, x, &g), CLGLU_INVALID_VALUE);
    call = m.call;
    call.dy_dtype = (clglu_dtype)3;
    ck_assert_int_eq(clglu_reference_ffn_backward(&m.desc, &call, dy, x, &g), CLGLU_INVALID_VALUE);
    call = m.call;
    call.x.offset = SIZE_MAX;
    ck_assert_int_eq(clglu_reference_ffn_backward(&m.desc, &call, dy, x, &g), CLGLU_INVALID_SIZE);
    take_wb(&m);
    ck_assert_int_eq(clglu_reference_ffn_backward(&m.desc, &m.call, dy, x, &wrong), CLGLU_INVALID_VALUE);
    m.call.rows = 0;
    ck_assert_int_eq(clglu_reference_ffn_backward(&m.desc, &m.call, dy, x, &g), CLGLU_OK);
    ck_assert_double_eq(result[0], 5);
}
END_TEST

START_TEST(every_operand_has_its_name)
{
    static const char *const names[] = {"dy",  "x",   "a",   "b",   "dx",  "dwa",      "dwb",
                                        "dwd", "dba", "dbb", "dbd", "overflow", "backward"};
    for (int s = 0; s <= BACK_SLOTS; s++) ck_assert_str_eq(clglu_back_names[s], names[s]);
}
END_TEST

Suite *backward_refuse_suite(void);
Suite *backward_refuse_suite(void)
{
    Suite *s = suite_create("backward_refuse");
    TCase *t = tcase_create("refusals");
    tcase_add_test(t, a_call_with_a_wrong_value_is_refused);
    tcase_add_test(t, a_call_lacks_no_operand_and_asks_for_what_the_block_has);
    tcase_add_test(t, a_call_with_a_wrong_view_is_refused);
    tcase_add_test(t, outputs_overlap_nothing);
    tcase_add_test(t, no_call_no_arrays_and_no_block_are_refused);
    tcase_add_test(t, operands_of_different_spaces_do_not_overlap);
    tcase_add_test(t, a_checked_call_has_its_defaults_filled_in);
    tcase_add_test(t, the_reference_refuses_what_it_cannot_compute);
    tcase_add_test(t, every_operand_has_its_name);
    suite_add_tcase(s, t);
    return s;
}
