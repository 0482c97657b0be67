/* device_back_batch.c - the backward's bits depend on the numbers alone: not on row_block, kernels, route,
   what else is asked for, or on whether a and b were stored; and calls that accumulate are one long call.
   SPDX-License-Identifier: MIT */

#include "device_back.h"

#include <math.h>

/* More rows than two row blocks of 128. */
static back_shape batch_shape(clglu_dtype t)
{
    return (back_shape){.ffn = {.parts = GATED | BIASED,
                                .rows = sized(300, 140),
                                .d_model = sized(140, 5),
                                .d_ff = sized(70, 6),
                                .d_out = sized(37, 3),
                                .dtype = t,
                                .x_dtype = t,
                                .y_dtype = t,
                                .act = CLGLU_ACT_GELU,
                                .seed = 310},
                        .dx_dtype = t,
                        .weights_dtype = t};
}

/* ---------------------------------------------------------------- row blocks, kernels, routes */

/* Programs of every row tile would take long to build; those of 16 bits differ in loads and stores alone. */
static bool runs(const clglu_ffn_choice *k, clglu_dtype t)
{
    if (test_scale() == LONG) return true;
    if (k->form == CLGLU_FORM_TILE) return k->tiles <= 4 && (t == CLGLU_F32 || k->row_tile == 12);
    return t == CLGLU_F32 || k->row_tile <= 32;
}

START_TEST(every_choice_and_row_block_has_the_same_bits)
{
    static const size_t blocks[] = {0, 128, 129, 512};
    back_shape s = batch_shape((clglu_dtype)_i);
    back_case c = back_new(&s), want = back_emulated(&c);
    clglu_ffn *ffn = ffn_create(context(), &c.ffn, FROM_HOST);
    clglu_ffn_choice choices[FFN_CHOICES];
    size_t n = ffn_choices(ffn, s.ffn.rows, choices);
    for (size_t i = 0; i < n + COUNT(blocks); i++) { /* the last ones: automatic */
        if (i < n && !runs(&choices[i], s.ffn.dtype)) continue;
        c.call.choice = i < n ? choices[i] : (clglu_ffn_choice){0};
        c.call.row_block = blocks[i % COUNT(blocks)];
        back_case got = back_made(context(), ffn, &c, ON_BUFFERS);
        expect_back_same(&got, &want, "a choice and a row_block");
        back_free(&got);
    }
    clglu_ffn_destroy(ffn);
    back_free(&want);
    back_free(&c);
}
END_TEST

/* Few rows are split into blocks of the sums. */
START_TEST(every_choice_for_few_rows_has_the_same_bits)
{
    static const size_t rows[] = {1, 3, 16};
    back_shape s = batch_shape(CLGLU_F32);
    s.ffn.rows = rows[_i];
    s.accumulate = true;
    back_case c = back_new(&s), want = back_emulated(&c);
    clglu_ffn *ffn = ffn_create(context(), &c.ffn, FROM_HOST);
    clglu_ffn_choice choices[FFN_CHOICES];
    size_t n = ffn_choices(ffn, s.ffn.rows, choices);
    for (size_t i = 0; i < n; i++) {
        if (!runs(&choices[i], i % 2 ? CLGLU_F32 : CLGLU_F16)) continue;
        c.call.choice = choices[i];
        back_case got = back_made(context(), ffn, &c, ON_BUFFERS);
        expect_back_same(&got, &want, "a choice for few rows");
        back_free(&got);
    }
    clglu_ffn_destroy(ffn);
    back_free(&want);
    back_free(&c);
}
END_TEST

START_TEST(two_runs_two_blocks_and_both_routes_are_the_same)
{
    back_shape s = batch_shape((clglu_dtype)_i);
    back_case c = back_new(&s);
    clglu_ffn *ffn = ffn_create(context(), &c.ffn, FROM_HOST),
              *again = ffn_create(context(), &c.ffn, FROM_DEVICE);
    back_case one = back_made(context(), ffn, &c, ON_BUFFERS),
              two = back_made(context(), ffn, &c, ON_BUFFERS);
    back_case three = back_made(context(), again, &c, ON_BUFFERS),
              four = back_made(context(), again, &c, ON_HOST);
    expect_back_same(&two, &one, "a second run");
    expect_back_same(&three, &one, "a second block");
    expect_back_same(&four, &one, "host arrays");
    back_case *all[] = {&one, &two, &three, &four, &c};
    clglu_ffn_destroy(again);
    clglu_ffn_destroy(ffn);
    for (size_t i = 0; i < COUNT(all); i++) back_free(all[i]);
}
END_TEST

/* ---------------------------------------------------------------- what is asked for */

START_TEST(a_gradient_does_not_depend_on_what_else_is_asked_for)
{
    back_array alone = (back_array)(GDX + digit(&_i, GFLAG - GDX));
    back_shape s = batch_shape(CLGLU_F32);
    if (_i) s.ffn.parts |= ASK_A | ASK_B;
    s.ffn.rows = sized(140, 3);
    back_case c = back_new(&s), want = back_emulated(&c);
    clglu_ffn *ffn = ffn_create(context(), &c.ffn, FROM_HOST);
    for (back_array g = GDX; g < BACK_ARRAYS; g++)
        if (g != alone) back_drop(&c, g);
    if (_i && alone != GDWA && alone != GDWB) back_drop(&c, GX); /* not needed then */
    back_case got = back_made(context(), ffn, &c, ON_BUFFERS);
    expect_back_operand(&got, &want, alone, "alone");
    expect_back_no_stray(&c, &got, "alone");
    clglu_ffn_destroy(ffn);
    back_free(&got);
    back_free(&want);
    back_free(&c);
}
END_TEST

/* dx is a matter of its row. */
START_TEST(a_row_of_dx_has_the_same_bits_in_every_batch)
{
    static const size_t rows[] = {1, 2, 16, 129};
    back_shape s = batch_shape((clglu_dtype)_i);
    back_case c = back_new(&s), want = back_emulated(&c);
    clglu_ffn *ffn = ffn_create(context(), &c.ffn, FROM_HOST);
    for (back_array g = GDWA; g < BACK_ARRAYS; g++) back_drop(&c, g);
    for (size_t i = 0; i < COUNT(rows); i++) {
        size_t first = s.ffn.rows - rows[i];
        back_case part = c;
        part.call.rows = rows[i];
        part.call.x.offset = first * s.ffn.d_model;
        part.call.dy.offset = first * s.ffn.d_out;
        part.call.dx.offset = first * s.ffn.d_model;
        back_case got = back_made(context(), ffn, &part, ON_BUFFERS);
        for (size_t r = 0; r < rows[i]; r++)
            for (size_t n = 0; n < s.ffn.d_model; n++)
                ck_assert_msg(same_bits(s.dx_dtype, back_get_bits(&got, GDX, r, n),
                                        back_get_bits(&want, GDX, first + r, n)),
                              "%zu rows: (%zu, %zu) is another than in the whole batch", rows[i], r, n);
        back_free(&got);
    }
    clglu_ffn_destroy(ffn);
    back_free(&want);
    back_free(&c);
}
END_TEST

/* ---------------------------------------------------------------- stored or computed again */

/* a and b as the device's own forward stores them, in f32. */
static void store_forward(clglu_ffn *ffn, back_case *c)
{
    ffn_case forward = ffn_made(context(), ffn, &c->ffn, ON_BUFFERS);
    for (size_t r = 0; r < c->call.rows; r++)
        for (size_t n = 0; n < back_cols(c, GA); n++) {
            if (c->at[GA]) back_set(c, GA, r, n, ffn_get(&forward, FA, r, n));
            if (c->at[GB]) back_set(c, GB, r, n, ffn_get(&forward, FB, r, n));
        }
    ffn_free(&forward);
}

START_TEST(a_and_b_stored_in_f32_give_the_bits_of_those_computed_again)
{
    static const unsigned parts[] = {GATED, GATED | BIASED, HAS_WA | HAS_WB, HAS_WA | HAS_WD,
                                     HAS_WB | HAS_WD};
    clglu_dtype t = (clglu_dtype)digit(&_i, DTYPES);
    back_shape s = batch_shape(t);
    s.ffn.parts = parts[_i] | ASK_A | ASK_B;
    s.ffn.d_ff = parts[_i] & HAS_WA ? s.ffn.d_ff : s.ffn.d_model;
    back_case stored = back_new(&s);
    clglu_ffn *ffn = ffn_create(context(), &stored.ffn, FROM_HOST);
    store_forward(ffn, &stored);
    back_case again = back_copy(&stored);
    back_drop(&again, GA);
    back_drop(&again, GB);
    back_case got = back_made(context(), ffn, &stored, ON_BUFFERS),
              want = back_made(context(), ffn, &again, ON_BUFFERS);
    for (back_array g = GDX; g < BACK_ARRAYS; g++)
        if (want.at[g]) expect_back_operand(&got, &want, g, "stored in f32");
    clglu_ffn_destroy(ffn);
    back_free(&want);
    back_free(&got);
    back_free(&again);
    back_free(&stored);
}
END_TEST

/* ---------------------------------------------------------------- calls that accumulate */

/* The rows from `first` on. dx is dense. */
static void run_rows(clglu_ffn *ffn, back_case *c, size_t first, size_t rows, ffn_route route)
{
    clglu_ffn_backward_call whole = c->call;
    size_t in = c->ffn.desc.d_model;
    c->call.rows = rows;
    c->call.x.offset = c->call.dx.offset = first * in;
    c->call.dy.offset = first * back_cols(c, GDY);
    clglu_status s = back_run(context(), ffn, c, route);
    ck_assert_msg(s == CLGLU_OK, "%s: %s", clglu_status_name(s), clglu_context_error(context()));
    c->call = whole;
}

/* Split at a whole block of the sums over rows; the gradients are f32. */
START_TEST(two_calls_that_accumulate_are_one_call)
{
    ffn_route route = (ffn_route)digit(&_i, ROUTES);
    size_t split = _i ? sized(256, 128) : 128;
    back_shape s = batch_shape(CLGLU_F32);
    s.accumulate = true;
    back_case whole = back_new(&s), parts = back_copy(&whole), want = back_emulated(&whole);
    clglu_ffn *ffn = ffn_create(context(), &whole.ffn, FROM_HOST);
    run_rows(ffn, &parts, 0, split, route);
    run_rows(ffn, &parts, split, s.ffn.rows - split, route);
    expect_back_same(&parts, &want, "two calls that accumulate");
    clglu_ffn_destroy(ffn);
    back_free(&want);
    back_free(&parts);
    back_free(&whole);
}
END_TEST

/* The same from +0: a first call without and a second with accumulate. */
START_TEST(a_call_and_one_that_accumulates_are_one_call)
{
    back_shape s = batch_shape((clglu_dtype)_i);
    s.weights_dtype = CLGLU_F32;
    back_case whole = back_new(&s), parts = back_copy(&whole), want = back_emulated(&whole);
    clglu_ffn *ffn = ffn_create(context(), &whole.ffn, FROM_HOST);
    run_rows(ffn, &parts, 0, 128, ON_BUFFERS);
    parts.call.accumulate = 1;
    run_rows(ffn, &parts, 128, s.ffn.rows - 128, ON_BUFFERS);
    expect_back_same(&parts, &want, "a call and one that accumulates");
    clglu_ffn_destroy(ffn);
    back_free(&want);
    back_free(&parts);
    back_free(&whole);
}
END_TEST

/* ---------------------------------------------------------------- one number for the bits of every device */

static void mix(uint64_t *hash, uint32_t bits) /* FNV-1a, the bytes in ascending order */
{
    for (int i = 0; i < 4; i++) *hash = (*hash ^ (bits >> 8 * i & 0xff)) * 0x100000001b3u;
}

static bool is_subnormal(float x) { return x != 0 && fabsf(x) < 0x1p-126f; }

static void mix_results(uint64_t *hash, const back_case *c)
{
    for (back_array g = GDX; g < GFLAG; g++)
        for (size_t r = 0; c->at[g] && r < back_rows(c, g); r++)
            for (size_t n = 0; n < back_cols(c, g); n++) {
                float x = back_get(c, g, r, n);
                ck_assert_msg(!is_subnormal(x), "%s (%zu, %zu): a device may flush %a", back_name(g), r, n,
                              (double)x);
                mix(hash, back_get_bits(c, g, r, n));
            }
}

static back_shape pinned_shape(size_t v, const clglu_variant *form, clglu_dtype t)
{
    return (back_shape){.ffn = {.parts = GATED | BIASED,
                                .rows = 133,
                                .d_model = 9,
                                .d_ff = 35,
                                .d_out = 6,
                                .dtype = t,
                                .x_dtype = (clglu_dtype)(v % DTYPES),
                                .y_dtype = (clglu_dtype)(v / DTYPES % DTYPES),
                                .act = form->act,
                                .gate = form->gate,
                                .alpha = form->alpha,
                                .limit = form->limit,
                                .shift = form->shift,
                                .seed = 320 + v},
                        .dx_dtype = (clglu_dtype)((v + 1) % DTYPES),
                        .weights_dtype = v % 4 ? CLGLU_F32 : t,
                        .accumulate = v % 4 == 2,
                        .scale = v % 4 == 2 ? 64.0f : 0,
                        .row_block = 128};
}

/* What these calls gave when they were written down. */
START_TEST(the_bits_are_those_that_were_written_down)
{
    static const uint64_t pinned[DTYPES] = {0xea5e2838323c28fd, 0x87cef32e739bf8f2, 0x8dabf6cb3b002d8e};
    clglu_dtype t = (clglu_dtype)_i;
    uint64_t on_device = 0xcbf29ce484222325u, emulated = on_device;
    for (size_t v = 0; v < variant_count(); v += 2) {
        clglu_variant form;
        ck_assert_int_eq(clglu_variant_at(v, &form), CLGLU_OK);
        back_shape s = pinned_shape(v, &form, t);
        back_case c = back_new(&s), want = back_emulated(&c);
        clglu_ffn *ffn = ffn_create(context(), &c.ffn, FROM_HOST);
        back_case got = back_made(context(), ffn, &c, ON_BUFFERS);
        mix_results(&on_device, &got);
        mix_results(&emulated, &want);
        clglu_ffn_destroy(ffn);
        back_free(&got);
        back_free(&want);
        back_free(&c);
    }
    ck_assert_msg(on_device == pinned[t] && emulated == pinned[t],
                  "weights in %s: device 0x%016llx, emulation 0x%016llx", clglu_dtype_name(t),
                  (unsigned long long)on_device, (unsigned long long)emulated);
}
END_TEST

Suite *device_back_batch_suite(void)
{
    Suite *s = suite_create("device_back_batch");
    TCase *same = tcase_create("same"), *sums = tcase_create("sums"), *pinned = tcase_create("pinned");
    tcase_add_loop_test(same, every_choice_and_row_block_has_the_same_bits, 0, DTYPES);
    tcase_add_loop_test(same, every_choice_for_few_rows_has_the_same_bits, 0, 3);
    tcase_add_loop_test(same, two_runs_two_blocks_and_both_routes_are_the_same, 0, DTYPES);
    tcase_add_loop_test(same, a_gradient_does_not_depend_on_what_else_is_asked_for, 0, 2 * (GFLAG - GDX));
    tcase_add_loop_test(same, a_row_of_dx_has_the_same_bits_in_every_batch, 0, DTYPES);
    tcase_add_loop_test(same, a_and_b_stored_in_f32_give_the_bits_of_those_computed_again, 0, DTYPES * 5);
    tcase_add_loop_test(sums, two_calls_that_accumulate_are_one_call, 0, ROUTES * 2);
    tcase_add_loop_test(sums, a_call_and_one_that_accumulates_are_one_call, 0, DTYPES);
    tcase_add_loop_test(pinned, the_bits_are_those_that_were_written_down, 0, DTYPES);
    suite_add_tcase(s, same);
    suite_add_tcase(s, sums);
    suite_add_tcase(s, pinned);
    return s;
}
