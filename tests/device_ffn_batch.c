/* device_ffn_batch.c - a row's bits depend on the row, the weights and the block alone: not on the other
   rows, row_block, the kernels, the tensors' layout, or on what else is asked for. SPDX-License-Identifier:
   MIT */

#include "device_ffn.h"

#include <math.h>
#include <stdio.h>

/* ---------------------------------------------------------------- rows */

static size_t batch_rows(size_t i)
{
    static const size_t rows[] = {1, 2, 3, 7, 64, 1000}, few[] = {1, 2, 3, 4, 5, 12};
    return sized(rows[i], few[i]);
}

static ffn_shape batch_shape(clglu_dtype t)
{
    return (ffn_shape){.parts = GATED | BIASED,
                       .rows = batch_rows(5),
                       .d_model = sized(130, 33),
                       .d_ff = sized(100, 20),
                       .d_out = sized(70, 9),
                       .dtype = t,
                       .x_dtype = t,
                       .y_dtype = t,
                       .act = CLGLU_ACT_GELU,
                       .seed = 70};
}

/* The first rows of the batch, alone, with one choice and row_block. */
static void shorter_batch(clglu_ffn *ffn, const ffn_case *batch, const ffn_case *want, size_t rows)
{
    ffn_case c = *batch;
    c.call.rows = rows;
    ffn_case got = ffn_made(context(), ffn, &c, ON_BUFFERS);
    for (size_t r = 0; r < rows; r++) expect_ffn_row(&got, r, want, r, FY, "a shorter batch");
    expect_ffn_no_stray(&c, &got, "a shorter batch");
    ffn_free(&got);
}

/* What the emulation gives for the batch is asked of every batch size and choice, with one row_block each. */
START_TEST(a_row_has_the_same_bits_in_every_batch)
{
    static const size_t blocks[] = {0, 128, 512};
    clglu_dtype t = (clglu_dtype)digit(&_i, DTYPES);
    ffn_shape s = batch_shape(t);
    size_t rows = batch_rows((size_t)_i);
    if (test_scale() != LONG && _i % DTYPES != (int)t)
        return; /* kernels of three dtypes take long to build */
    ffn_case batch = ffn_new(&s), want = ffn_emulated(&batch);
    clglu_ffn *ffn = ffn_create(context(), &batch, FROM_HOST);
    clglu_ffn_choice choices[FFN_CHOICES];
    size_t n = ffn_choices(ffn, rows, choices);
    for (size_t i = 0; i < n + COUNT(blocks); i++) { /* the last ones: automatic */
        ffn_case c = batch;
        c.call.row_block = blocks[i % COUNT(blocks)];
        c.call.choice = i < n ? choices[i] : (clglu_ffn_choice){0};
        shorter_batch(ffn, &c, &want, rows);
    }
    clglu_ffn_destroy(ffn);
    ffn_free(&want);
    ffn_free(&batch);
}
END_TEST

START_TEST(a_row_alone_has_the_bits_of_its_batch)
{
    ffn_shape s = batch_shape((clglu_dtype)digit(&_i, DTYPES));
    size_t rows[] = {0, s.rows / 3, s.rows - 1}, row = rows[_i];
    ffn_case batch = ffn_new(&s), want = ffn_emulated(&batch), alone = batch;
    clglu_ffn *ffn = ffn_create(context(), &batch, FROM_DEVICE);
    alone.call.rows = 1;
    alone.call.x.offset = row * s.d_model;
    for (ffn_route route = ON_BUFFERS; route < ROUTES; route++) {
        ffn_case got = ffn_made(context(), ffn, &alone, route);
        expect_ffn_row(&got, 0, &want, row, FY, "a row alone");
        ffn_free(&got);
    }
    clglu_ffn_destroy(ffn);
    ffn_free(&want);
    ffn_free(&batch);
}
END_TEST

/* The host twin has row blocks of its own; the device budget makes them small. */
START_TEST(the_host_twin_has_the_same_bits_with_little_device_memory)
{
    clglu_context *ctx;
    clglu_context_params params = {.device_budget = 1, .no_self_test = 1};
    ck_assert_int_eq(clglu_context_open(device_selector(), &params, &ctx), CLGLU_OK);
    ffn_shape s = batch_shape((clglu_dtype)_i);
    s.lay = STRIDED;
    ffn_case c = ffn_new(&s), want = ffn_emulated(&c);
    clglu_ffn *ffn = ffn_create(ctx, &c, FROM_HOST);
    ffn_case got = ffn_made(ctx, ffn, &c, ON_HOST);
    expect_ffn_same(&got, &want, "little device memory");
    clglu_ffn_destroy(ffn);
    clglu_context_close(ctx);
    ffn_free(&got);
    ffn_free(&want);
    ffn_free(&c);
}
END_TEST

START_TEST(two_runs_are_the_same)
{
    ffn_shape s = batch_shape((clglu_dtype)_i);
    ffn_case c = ffn_new(&s);
    clglu_ffn *ffn = ffn_create(context(), &c, FROM_HOST), *again = ffn_create(context(), &c, FROM_HOST);
    ffn_case one = ffn_made(context(), ffn, &c, ON_BUFFERS), two = ffn_made(context(), ffn, &c, ON_BUFFERS);
    ffn_case three = ffn_made(context(), again, &c, ON_BUFFERS);
    expect_ffn_same(&two, &one, "a second run");
    expect_ffn_same(&three, &one, "a second block");
    clglu_ffn_destroy(again);
    clglu_ffn_destroy(ffn);
    ffn_free(&three);
    ffn_free(&two);
    ffn_free(&one);
    ffn_free(&c);
}
END_TEST

/* ---------------------------------------------------------------- layouts */

/* Where the weight of input k to output n of a or b is in a file, in the header's words. */
static size_t place_in_words(clglu_order order, clglu_layout layout, bool b, size_t k, size_t n, size_t in,
                             size_t out)
{
    size_t outs = layout == CLGLU_SEPARATE ? out : 2 * out;
    bool second = layout == CLGLU_ACT_FIRST ? b : layout == CLGLU_ACT_SECOND ? !b : false;
    size_t row = layout == CLGLU_INTERLEAVED ? 2 * n + b : n + (second ? out : 0);
    return order == CLGLU_OUT_IN ? row * in + k : k * outs + row;
}

static void expect_places(const clglu_ffn_desc *d, clglu_order order, clglu_layout layout)
{
    for (size_t k = 0; k < d->d_model; k++)
        for (size_t n = 0; n < d->d_ff; n++) {
            const clglu_view *a = &d->wa.view, *b = &d->wb.view;
            ck_assert_uint_eq(a->offset + k * a->ld + n * a->inc,
                              place_in_words(order, layout, false, k, n, d->d_model, d->d_ff));
            ck_assert_uint_eq(b->offset + k * b->ld + n * b->inc,
                              place_in_words(order, layout, true, k, n, d->d_model, d->d_ff));
        }
    for (size_t n = 0; n < d->d_ff; n++) { /* a bias is a matrix of one input */
        ck_assert_uint_eq(d->ba.offset + n * d->ba.inc,
                          place_in_words(CLGLU_OUT_IN, layout, false, 0, n, 1, d->d_ff));
        ck_assert_uint_eq(d->bb.offset + n * d->bb.inc,
                          place_in_words(CLGLU_OUT_IN, layout, true, 0, n, 1, d->d_ff));
    }
}

/* The same numbers in packed tensors of every kind and in separate ones. */
START_TEST(packed_weights_give_the_bits_of_separate_ones)
{
    clglu_dtype t = (clglu_dtype)digit(&_i, DTYPES);
    clglu_order order = (clglu_order)digit(&_i, 2);
    ffn_shape s = {.parts = GATED | BIASED,
                   .rows = 5,
                   .d_model = 35,
                   .d_ff = 37,
                   .d_out = 33,
                   .dtype = t,
                   .order = order,
                   .layout = (clglu_layout)_i,
                   .act = CLGLU_ACT_GELU,
                   .seed = 71};
    ffn_case packed = ffn_new(&s);
    expect_places(&packed.desc, order, s.layout);
    s.order = CLGLU_IN_OUT;
    s.layout = CLGLU_SEPARATE;
    ffn_case separate = ffn_new(&s);
    for (ffn_source source = FROM_HOST; source < SOURCES; source++) {
        clglu_ffn *one = ffn_create(context(), &packed, source),
                  *two = ffn_create(context(), &separate, source);
        ffn_case got = ffn_made(context(), one, &packed, ON_BUFFERS),
                 want = ffn_made(context(), two, &separate, ON_BUFFERS);
        expect_ffn_same(&got, &want, "packed weights");
        ck_assert_uint_eq(clglu_ffn_bytes(one), clglu_ffn_bytes(two));
        clglu_ffn_destroy(one);
        clglu_ffn_destroy(two);
        ffn_free(&got);
        ffn_free(&want);
    }
    ffn_free(&separate);
    ffn_free(&packed);
}
END_TEST

/* ---------------------------------------------------------------- a and b */

/* The projection alone: an identity block of one matrix, which the reference judges too. */
static void expect_projection(const ffn_case *c, const ffn_case *got, ffn_matrix m, clglu_dtype t)
{
    ffn_case alone = *c;
    alone.desc.wb = alone.desc.wd = (clglu_weights){0};
    alone.desc.bb = alone.desc.bd = (clglu_bias){0};
    if (m == WB) alone.desc.wa = c->desc.wb;
    if (m == WB) alone.desc.ba = c->desc.bb;
    alone.desc.act = alone.desc.gate = CLGLU_ACT_IDENTITY;
    alone.desc.alpha = alone.desc.limit = alone.desc.shift = 0;
    alone.call.y = (clglu_view){0};
    alone.call.y_dtype = t;
    alone.at[FA] = alone.at[FB] = NULL;
    alone.at[FY] = array_new(c->call.rows * c->desc.d_ff * clglu_dtype_size(t));
    clglu_ffn *ffn = ffn_create(context(), &alone, FROM_HOST);
    ffn_case want = ffn_made(context(), ffn, &alone, ON_BUFFERS);
    expect_ffn_judged(&want, "a projection alone");
    for (size_t r = 0; r < c->call.rows; r++)
        for (size_t n = 0; n < c->desc.d_ff; n++) {
            uint32_t w = ffn_get_bits(&want, FY, r, n), g = ffn_get_bits(got, m == WA ? FA : FB, r, n);
            ck_assert_msg(same_bits(t, g, w), "%s: (%zu, %zu) is 0x%x, alone 0x%x", m == WA ? "a" : "b", r, n,
                          (unsigned)g, (unsigned)w);
        }
    clglu_ffn_destroy(ffn);
    ffn_free(&want);
    array_free(alone.at[FY]);
}

/* The clamp comes after a and b. */
START_TEST(a_and_b_are_the_projections_before_the_clamp)
{
    clglu_dtype t = (clglu_dtype)digit(&_i, DTYPES);
    unsigned packed = _i ? ASK_PACKED : 0;
    ffn_shape s = {.parts = GATED | BIASED | ASK_A | ASK_B | packed,
                   .rows = sized(19, 4),
                   .d_model = sized(140, 40),
                   .d_ff = sized(61, 34),
                   .d_out = 7,
                   .ab_dtype = t,
                   .act = CLGLU_ACT_SILU,
                   .alpha = 1.702f,
                   .limit = 0.25f,
                   .shift = 1,
                   .lay = packed ? STRIDED : DENSE,
                   .seed = 72};
    ffn_case c = ffn_new(&s);
    clglu_ffn *ffn = ffn_create(context(), &c, FROM_HOST);
    ffn_case got = ffn_made(context(), ffn, &c, ON_BUFFERS);
    expect_projection(&c, &got, WA, t);
    expect_projection(&c, &got, WB, t);
    clglu_ffn_destroy(ffn);
    ffn_free(&got);
    ffn_free(&c);
}
END_TEST

START_TEST(y_does_not_depend_on_what_else_is_asked_for)
{
    static const unsigned asked[] = {ASK_A, ASK_B, ASK_A | ASK_B, ASK_A | ASK_B | ASK_PACKED};
    ffn_shape s = batch_shape((clglu_dtype)digit(&_i, DTYPES));
    s.rows = sized(17, 3);
    if (_i) s.parts &= ~(unsigned)(HAS_WD | HAS_BD);
    ffn_case c = ffn_new(&s);
    clglu_ffn *ffn = ffn_create(context(), &c, FROM_HOST);
    ffn_case want = ffn_made(context(), ffn, &c, ON_BUFFERS);
    for (size_t i = 0; i < COUNT(asked); i++) {
        ffn_lay_call(&c, asked[i], s.rows, (ffn_lay)(i % LAYS), s.seed);
        ffn_case got = ffn_made(context(), ffn, &c, ON_BUFFERS);
        for (size_t r = 0; r < s.rows; r++) expect_ffn_row(&got, r, &want, r, FY, "more is asked for");
        expect_ffn_no_stray(&c, &got, "more is asked for");
        ffn_free(&got);
    }
    clglu_ffn_destroy(ffn);
    ffn_free(&want);
    ffn_free(&c);
}
END_TEST

/* ---------------------------------------------------------------- one number for the bits of every device */

static void mix(uint64_t *hash, uint32_t bits) /* FNV-1a, the bytes in ascending order */
{
    for (int i = 0; i < 4; i++) *hash = (*hash ^ (bits >> 8 * i & 0xff)) * 0x100000001b3u;
}

static bool is_subnormal(float x) { return x != 0 && fabsf(x) < 0x1p-126f; }

static void mix_results(uint64_t *hash, const ffn_case *c)
{
    for (ffn_array f = FY; f < FFN_ARRAYS; f++)
        for (size_t r = 0; c->at[f] && r < c->call.rows; r++)
            for (size_t n = 0; n < ffn_cols(c, f); n++) {
                ck_assert_msg(!is_subnormal(ffn_get(c, f, r, n)), "a device may flush %a",
                              (double)ffn_get(c, f, r, n));
                mix(hash, ffn_get_bits(c, f, r, n));
            }
}

/* What these calls gave when they were written down. */
START_TEST(the_bits_are_those_that_were_written_down)
{
    static const uint64_t pinned[DTYPES] = {0x22e8ee638b078e8e, 0x181f60d440dd2148, 0x3ed2a4df3ed73160};
    clglu_dtype t = (clglu_dtype)_i;
    uint64_t on_device = 0xcbf29ce484222325u, emulated = on_device;
    for (size_t v = 0; v < variant_count(); v += 2) {
        clglu_variant form;
        ck_assert_int_eq(clglu_variant_at(v, &form), CLGLU_OK);
        ffn_shape s = {.parts = GATED | BIASED | ASK_A | ASK_B,
                       .rows = 3,
                       .d_model = 133,
                       .d_ff = 45,
                       .d_out = 6,
                       .dtype = t,
                       .x_dtype = (clglu_dtype)(v % DTYPES),
                       .y_dtype = (clglu_dtype)(v / DTYPES % DTYPES),
                       .act = form.act,
                       .gate = form.gate,
                       .alpha = form.alpha,
                       .limit = form.limit,
                       .shift = form.shift,
                       .seed = 73 + v};
        ffn_case c = ffn_new(&s), want = ffn_emulated(&c);
        clglu_ffn *ffn = ffn_create(context(), &c, FROM_HOST);
        ffn_case got = ffn_made(context(), ffn, &c, ON_BUFFERS);
        mix_results(&on_device, &got);
        mix_results(&emulated, &want);
        clglu_ffn_destroy(ffn);
        ffn_free(&got);
        ffn_free(&want);
        ffn_free(&c);
    }
    ck_assert_msg(on_device == pinned[t] && emulated == pinned[t],
                  "weights in %s: device 0x%016llx, emulation 0x%016llx", clglu_dtype_name(t),
                  (unsigned long long)on_device, (unsigned long long)emulated);
}
END_TEST

Suite *device_ffn_batch_suite(void)
{
    Suite *s = suite_create("device_ffn_batch");
    TCase *rows = tcase_create("rows"), *layouts = tcase_create("layouts"), *pinned = tcase_create("pinned");
    tcase_add_loop_test(rows, a_row_has_the_same_bits_in_every_batch, 0, DTYPES * 6);
    tcase_add_loop_test(rows, a_row_alone_has_the_bits_of_its_batch, 0, DTYPES * 3);
    tcase_add_loop_test(rows, the_host_twin_has_the_same_bits_with_little_device_memory, 0, DTYPES);
    tcase_add_loop_test(rows, two_runs_are_the_same, 0, DTYPES);
    tcase_add_loop_test(layouts, packed_weights_give_the_bits_of_separate_ones, 0, DTYPES * 2 * 4);
    tcase_add_loop_test(layouts, a_and_b_are_the_projections_before_the_clamp, 0, DTYPES * 2);
    tcase_add_loop_test(layouts, y_does_not_depend_on_what_else_is_asked_for, 0, DTYPES * 2);
    tcase_add_loop_test(pinned, the_bits_are_those_that_were_written_down, 0, DTYPES);
    suite_add_tcase(s, rows);
    suite_add_tcase(s, layouts);
    suite_add_tcase(s, pinned);
    return s;
}
