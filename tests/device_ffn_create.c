/* device_ffn_create.c - which blocks are refused and why, and what a block tells of itself.
   SPDX-License-Identifier: MIT */

#include "device_ffn.h"

#include <math.h>
#include <string.h>

/* ---------------------------------------------------------------- misuse */

/* A descriptor, in host memory or on the device, with everything that can be wrong about it. */
typedef struct attempt {
    ffn_case c;
    clglu_ffn_desc d;
    bool on_device;
    clglu_context *stranger;
} attempt;

enum { ROWS = 2, IN = 6, OUT = 5, TOO_LARGE = (1 << 22) + 1 };

/* ANYWHERE: with host arrays and with buffers. */
enum { ANYWHERE, DEVICE_ONLY };

/* Misuse, where, status, a word of the error text, what is done to a good descriptor. */
/* clang-format off */
#define MISUSES(X)                                                                                                    \
    X(no_matrix_at_all, ANYWHERE, NULL_POINTER, "wa", (drop(t, WA), drop(t, WB), drop(t, WD)))                        \
    X(the_last_matrix_alone, ANYWHERE, NULL_POINTER, "wa", (drop(t, WA), drop(t, WB)))                                \
    X(ba_without_wa, ANYWHERE, NULL_POINTER, "bias", drop_weights(t, WA))                                             \
    X(bb_without_wb, ANYWHERE, NULL_POINTER, "bias", drop_weights(t, WB))                                             \
    X(bd_without_wd, ANYWHERE, NULL_POINTER, "bias", drop_weights(t, WD))                                             \
    X(act_below_the_list, ANYWHERE, INVALID_VALUE, "act", t->d.act = (clglu_act)-1)                                   \
    X(act_above_the_list, ANYWHERE, INVALID_VALUE, "act", t->d.act = CLGLU_ACT_COUNT)                                 \
    X(gate_below_the_list, ANYWHERE, INVALID_VALUE, "gate", t->d.gate = (clglu_act)-1)                                \
    X(gate_above_the_list, ANYWHERE, INVALID_VALUE, "gate", t->d.gate = CLGLU_ACT_COUNT)                              \
    X(dtype_below_the_list, ANYWHERE, INVALID_VALUE, "dtype", t->d.dtype = (clglu_dtype)-1)                           \
    X(dtype_above_the_list, ANYWHERE, INVALID_VALUE, "dtype", t->d.dtype = (clglu_dtype)3)                            \
    X(route_below_the_list, ANYWHERE, INVALID_VALUE, "route", t->d.route = (clglu_route)-1)                           \
    X(route_above_the_list, ANYWHERE, INVALID_VALUE, "route", t->d.route = (clglu_route)3)                            \
    X(alpha_of_gelu, ANYWHERE, INVALID_VALUE, "alpha", (t->d.act = CLGLU_ACT_GELU, t->d.alpha = 1))                   \
    X(alpha_negative, ANYWHERE, INVALID_VALUE, "alpha", t->d.alpha = -1)                                              \
    X(alpha_nan, ANYWHERE, INVALID_VALUE, "alpha", t->d.alpha = (float)NAN)                                           \
    X(alpha_infinite, ANYWHERE, INVALID_VALUE, "alpha", t->d.alpha = (float)INFINITY)                                 \
    X(limit_negative, ANYWHERE, INVALID_VALUE, "limit", t->d.limit = -1)                                              \
    X(limit_nan, ANYWHERE, INVALID_VALUE, "limit", t->d.limit = (float)NAN)                                           \
    X(limit_infinite, ANYWHERE, INVALID_VALUE, "limit", t->d.limit = (float)INFINITY)                                 \
    X(shift_nan, ANYWHERE, INVALID_VALUE, "shift", t->d.shift = (float)NAN)                                           \
    X(shift_infinite, ANYWHERE, INVALID_VALUE, "shift", t->d.shift = (float)INFINITY)                                 \
    X(gate_without_wb, ANYWHERE, INVALID_VALUE, "wb", (drop(t, WB), t->d.gate = CLGLU_ACT_SIGMOID))                   \
    X(limit_without_wb, ANYWHERE, INVALID_VALUE, "wb", (drop(t, WB), t->d.limit = 7))                                 \
    X(shift_without_wb, ANYWHERE, INVALID_VALUE, "wb", (drop(t, WB), t->d.shift = 1))                                 \
    X(no_d_model, ANYWHERE, INVALID_SIZE, "d_model", t->d.d_model = 0)                                                \
    X(no_d_ff, ANYWHERE, INVALID_SIZE, "d_ff", t->d.d_ff = 0)                                                         \
    X(d_ff_other_than_d_model_without_wa, ANYWHERE, INVALID_SIZE, "wa", (drop(t, WA), t->d.d_ff = IN - 1))            \
    X(d_model_too_large, ANYWHERE, UNSUPPORTED, "4194304", t->d.d_model = TOO_LARGE)                                  \
    X(d_ff_too_large, ANYWHERE, UNSUPPORTED, "4194304", t->d.d_ff = TOO_LARGE)                                        \
    X(d_out_too_large, ANYWHERE, UNSUPPORTED, "4194304", t->d.d_out = TOO_LARGE)                                      \
    X(d_model_at_the_edge, ANYWHERE, UNSUPPORTED, "4194304", t->d.d_model = SIZE_MAX)                                 \
    X(ld_of_wa_overflows, ANYWHERE, INVALID_SIZE, "weight", t->d.wa.view.ld = SIZE_MAX / 2)                           \
    X(inc_of_wb_overflows, ANYWHERE, INVALID_SIZE, "weight", t->d.wb.view.inc = SIZE_MAX / 2)                         \
    X(offset_of_wd_overflows, ANYWHERE, INVALID_SIZE, "weight", t->d.wd.view.offset = SIZE_MAX)                       \
    X(bytes_of_wd_overflow, ANYWHERE, INVALID_SIZE, "weight", t->d.wd.view.offset = SIZE_MAX / 4)                     \
    X(offset_of_ba_overflows, ANYWHERE, INVALID_SIZE, "bias", t->d.ba.offset = SIZE_MAX)                              \
    X(inc_of_bd_overflows, ANYWHERE, INVALID_SIZE, "bias", t->d.bd.inc = SIZE_MAX / 2)                                \
    X(wa_too_short, DEVICE_ONLY, BUFFER_TOO_SMALL, "wa", shorten(t, &t->d.wa.buffer, IN * IN))                        \
    X(wb_too_short, DEVICE_ONLY, BUFFER_TOO_SMALL, "wb", shorten(t, &t->d.wb.buffer, IN * IN))                        \
    X(wd_too_short, DEVICE_ONLY, BUFFER_TOO_SMALL, "wd", shorten(t, &t->d.wd.buffer, IN * OUT))                       \
    X(ba_too_short, DEVICE_ONLY, BUFFER_TOO_SMALL, "ba", shorten(t, &t->d.ba.buffer, IN))                             \
    X(bb_too_short, DEVICE_ONLY, BUFFER_TOO_SMALL, "bb", shorten(t, &t->d.bb.buffer, IN))                             \
    X(bd_too_short, DEVICE_ONLY, BUFFER_TOO_SMALL, "bd", shorten(t, &t->d.bd.buffer, OUT))                            \
    X(wa_far_off, DEVICE_ONLY, BUFFER_TOO_SMALL, "wa", t->d.wa.view.offset = SIZE_MAX / 8)                            \
    X(wd_of_another_context, DEVICE_ONLY, INVALID_VALUE, "wd", estrange(t, &t->d.wd.buffer))                          \
    X(bb_of_another_context, DEVICE_ONLY, INVALID_VALUE, "bb", estrange(t, &t->d.bb.buffer))                          \
    X(wb_write_only, DEVICE_ONLY, INVALID_VALUE, "wb", make_write_only(&t->d.wb.buffer, IN * IN))
/* clang-format on */

static void drop_weights(attempt *t, ffn_matrix m)
{
    clglu_weights *w = ffn_weights(&t->d, m);
    if (w->buffer) clReleaseMemObject(w->buffer);
    w->buffer = NULL;
    w->host = NULL;
}

static void drop(attempt *t, ffn_matrix m)
{
    clglu_bias *b = ffn_bias(&t->d, m);
    drop_weights(t, m);
    if (b->buffer) clReleaseMemObject(b->buffer);
    b->buffer = NULL;
    b->host = NULL;
}

/* One byte less than so many numbers. */
static void shorten(attempt *t, cl_mem *buffer, size_t numbers)
{
    (void)t;
    clReleaseMemObject(*buffer);
    *buffer = buffer_new(context(), NULL, numbers * sizeof(float) - 1);
}

static void estrange(attempt *t, cl_mem *buffer)
{
    clReleaseMemObject(*buffer);
    *buffer = buffer_new(t->stranger, NULL, 1000);
}

static void make_write_only(cl_mem *buffer, size_t numbers)
{
    cl_int error;
    clReleaseMemObject(*buffer);
    *buffer = clCreateBuffer(clglu_context_cl_context(context()), CL_MEM_WRITE_ONLY, numbers * sizeof(float),
                             NULL, &error);
    ck_assert_int_eq(error, CL_SUCCESS);
}

#define MISUSE_FUNCTION(name, place, status, word, change)                                                   \
    static void name(attempt *t) { change; }
MISUSES(MISUSE_FUNCTION)
#undef MISUSE_FUNCTION

#define MISUSE_ROW(name, place, status, word, change) {#name, place, CLGLU_##status, word, name},
static const struct misuse {
    const char *name;
    int place;
    clglu_status status;
    const char *word;
    void (*change)(attempt *);
} misuses[] = {MISUSES(MISUSE_ROW)};
#undef MISUSE_ROW

static attempt good_attempt(bool on_device)
{
    ffn_shape s = {.parts = GATED | BIASED,
                   .rows = ROWS,
                   .d_model = IN,
                   .d_ff = IN,
                   .d_out = OUT,
                   .act = CLGLU_ACT_SILU,
                   .order = CLGLU_IN_OUT,
                   .seed = 100};
    attempt t = {.c = ffn_new(&s), .on_device = on_device};
    t.d = on_device ? ffn_desc_on_device(context(), &t.c) : t.c.desc;
    return t;
}

static void free_attempt(attempt *t)
{
    if (t->on_device) ffn_desc_release(&t->d);
    ffn_free(&t->c);
}

static void expect_refused(const attempt *t, const struct misuse *m)
{
    clglu_ffn *ffn = (clglu_ffn *)(uintptr_t)0x1234;
    clglu_status s = clglu_ffn_create(context(), &t->d, &ffn);
    const char *text = clglu_context_error(context()), *place = t->on_device ? "buffers" : "host arrays";
    ck_assert_msg(s == m->status, "%s (%s): %s (%s), wanted %s", m->name, place, clglu_status_name(s), text,
                  clglu_status_name(m->status));
    ck_assert_msg(ffn == NULL, "%s (%s): there is a block", m->name, place);
    ck_assert_msg(strstr(text, m->word) != NULL, "%s (%s): the text \"%s\" does not speak of %s", m->name,
                  place, text, m->word);
}

START_TEST(a_misuse_gives_its_status_and_no_block)
{
    const struct misuse *m = &misuses[_i];
    clglu_context_params params = {.no_self_test = 1};
    clglu_context *stranger;
    ck_assert_int_eq(clglu_context_open(device_selector(), &params, &stranger), CLGLU_OK);
    for (int on_device = m->place == DEVICE_ONLY; on_device < 2; on_device++) {
        attempt t = good_attempt(on_device);
        t.stranger = stranger;
        m->change(&t);
        expect_refused(&t, m);
        free_attempt(&t);
    }
    clglu_context_close(stranger);
}
END_TEST

/* The emulation and the reference know the same rules. */
START_TEST(emulation_and_reference_refuse_the_same_blocks)
{
    const struct misuse *m = &misuses[_i];
    double want[ROWS * OUT];
    if (m->place == DEVICE_ONLY) return;
    attempt t = good_attempt(false);
    ffn_case before = ffn_copy(&t.c);
    m->change(&t);
    clglu_status e = clglu_emulate_ffn_forward(&t.d, &t.c.call, t.c.at[FX], t.c.at[FY], NULL, NULL);
    clglu_status r = clglu_reference_ffn(&t.d, &t.c.call, t.c.at[FX], want, NULL);
    ck_assert_msg(e == m->status && r == m->status, "%s: emulation %s, reference %s, wanted %s", m->name,
                  clglu_status_name(e), clglu_status_name(r), clglu_status_name(m->status));
    expect_ffn_same(&t.c, &before, m->name);
    ffn_free(&before);
    free_attempt(&t);
}
END_TEST

START_TEST(the_same_block_without_misuse_is_made)
{
    attempt t = good_attempt(_i);
    clglu_ffn *ffn = NULL;
    clglu_status s = clglu_ffn_create(context(), &t.d, &ffn);
    ck_assert_msg(s == CLGLU_OK, "%s: %s", clglu_status_name(s), clglu_context_error(context()));
    ck_assert_ptr_nonnull(ffn);
    clglu_ffn_destroy(ffn);
    free_attempt(&t);
}
END_TEST

START_TEST(null_where_a_pointer_is_needed_is_refused)
{
    attempt t = good_attempt(false);
    clglu_ffn *ffn = (clglu_ffn *)(uintptr_t)0x1234;
    ck_assert_int_eq(clglu_ffn_create(context(), &t.d, NULL), CLGLU_NULL_POINTER);
    ck_assert_int_eq(clglu_ffn_create(NULL, &t.d, &ffn), CLGLU_NULL_POINTER);
    ck_assert_ptr_null(ffn);
    ffn = (clglu_ffn *)(uintptr_t)0x1234;
    ck_assert_int_eq(clglu_ffn_create(context(), NULL, &ffn), CLGLU_NULL_POINTER);
    ck_assert_ptr_null(ffn);
    clglu_ffn_destroy(NULL);
    ck_assert_uint_eq(clglu_ffn_bytes(NULL), 0);
    free_attempt(&t);
}
END_TEST

/* Without CLBlast the route is refused; with it the block is made. */
#ifdef CLGLU_CLBLAST
static const clglu_status clblast_status = CLGLU_OK;
#else
static const clglu_status clblast_status = CLGLU_UNSUPPORTED;
#endif

START_TEST(the_route_clblast_is_unsupported_or_works)
{
    attempt t = good_attempt(_i);
    clglu_ffn *ffn = (clglu_ffn *)(uintptr_t)0x1234;
    t.d.route = CLGLU_ROUTE_CLBLAST;
    clglu_status s = clglu_ffn_create(context(), &t.d, &ffn);
    ck_assert_str_eq(clglu_status_name(s), clglu_status_name(clblast_status));
    ck_assert((s == CLGLU_OK) == (ffn != NULL));
    clglu_ffn_destroy(ffn);
    free_attempt(&t);
}
END_TEST

/* The route AUTO keeps the bits; the route FUSED is asked for by name. */
START_TEST(the_routes_auto_and_fused_have_the_bits_of_the_emulation)
{
    ffn_shape s = {
        .parts = GATED | BIASED, .rows = 3, .d_model = 40, .d_ff = 50, .act = CLGLU_ACT_GELU, .seed = 101};
    ffn_case c = ffn_new(&s);
    c.desc.route = _i ? CLGLU_ROUTE_FUSED : CLGLU_ROUTE_AUTO;
    clglu_ffn *ffn = ffn_create(context(), &c, FROM_HOST);
    expect_ffn_right(ffn, &c, ON_BUFFERS, "by route");
    clglu_ffn_destroy(ffn);
    ffn_free(&c);
}
END_TEST

/* ---------------------------------------------------------------- some in buffers, some on the host */

/* A matrix or a bias has a buffer or a host array, whatever the others have: one lies elsewhere than the other five. */
START_TEST(each_matrix_and_bias_lies_where_it_likes)
{
    ffn_shape s = {.parts = GATED | BIASED, .rows = 3, .d_model = 40, .d_ff = 50, .act = CLGLU_ACT_GELU, .seed = 103};
    ffn_case c = ffn_new(&s);
    clglu_ffn_desc there = ffn_desc_on_device(context(), &c), d = there;
    clglu_ffn *ffn = NULL;
    unsigned on_host = _i < 6 ? 1u << _i : 63u ^ 1u << (_i - 6);
    if (on_host & 1) d.wa = c.desc.wa;
    if (on_host & 2) d.wb = c.desc.wb;
    if (on_host & 4) d.wd = c.desc.wd;
    if (on_host & 8) d.ba = c.desc.ba;
    if (on_host & 16) d.bb = c.desc.bb;
    if (on_host & 32) d.bd = c.desc.bd;
    clglu_status status = clglu_ffn_create(context(), &d, &ffn);
    ck_assert_msg(status == CLGLU_OK, "on the host %x: %s", on_host, clglu_context_error(context()));
    ffn_desc_release(&there);
    expect_ffn_right(ffn, &c, ON_BUFFERS, "from both");
    clglu_ffn_destroy(ffn);
    ffn_free(&c);
}
END_TEST

/* ---------------------------------------------------------------- what a block tells of itself */

static size_t up_to_32(size_t n) { return (n + 31) / 32 * 32; }

static size_t bytes_with(size_t d_ff, clglu_dtype t)
{
    ffn_shape s = {.parts = GATED, .rows = 1, .d_model = 70, .d_ff = d_ff, .d_out = 32, .dtype = t, .seed = 102};
    ffn_case c = ffn_new(&s);
    clglu_ffn *ffn = ffn_create(context(), &c, FROM_HOST);
    size_t bytes = clglu_ffn_bytes(ffn);
    clglu_ffn_destroy(ffn);
    ffn_free(&c);
    return bytes;
}

START_TEST(whole_panels_more_take_their_weights_and_biases_and_nothing_else)
{
    clglu_dtype t = (clglu_dtype)_i;
    size_t up = 2 * 64 * (70 * clglu_dtype_size(t) + sizeof(float)), down = 64 * 32 * clglu_dtype_size(t);
    ck_assert_uint_eq(bytes_with(160, t) - bytes_with(96, t), up + down);
}
END_TEST

/* The dense weights at the least; at the most with their columns rounded up to a multiple of 32, biases in
   f32, and a little beyond the end of each of two buffers, where kernels may read ahead. */
START_TEST(a_block_takes_the_bytes_that_its_header_says)
{
    clglu_dtype t = (clglu_dtype)_i;
    ffn_shape s = {
        .parts = GATED, .rows = 1, .d_model = 70, .d_ff = 97, .d_out = 31, .dtype = t, .seed = 102};
    size_t least = (2 * 70 * 97 + 97 * 31) * clglu_dtype_size(t);
    size_t most = (2 * 70 * up_to_32(97) + 97 * up_to_32(31)) * clglu_dtype_size(t);
    size_t biases = (2 * up_to_32(97) + up_to_32(31)) * sizeof(float), ahead = 2 << 16;
    ffn_case plain = ffn_new(&s);
    s.parts |= BIASED;
    ffn_case biased = ffn_new(&s);
    clglu_ffn *without = ffn_create(context(), &plain, FROM_HOST),
              *with = ffn_create(context(), &biased, FROM_HOST);
    ck_assert_uint_ge(clglu_ffn_bytes(without), least);
    ck_assert_uint_ge(clglu_ffn_bytes(with), clglu_ffn_bytes(without));
    ck_assert_uint_le(clglu_ffn_bytes(with), most + biases + ahead);
    clglu_ffn_destroy(without);
    clglu_ffn_destroy(with);
    ffn_free(&plain);
    ffn_free(&biased);
}
END_TEST

/* A source that does not build: no block. */
START_TEST(a_block_whose_packing_does_not_build_is_not_made)
{
    folder f = folder_new();
    folder_write(&f, "pack.cl", "#error \"spoilt\"\n");
    folder_open(&f);
    attempt t = good_attempt(false);
    clglu_ffn *ffn = (clglu_ffn *)(uintptr_t)0x1234;
    ck_assert_int_eq(clglu_ffn_create(f.context, &t.d, &ffn), CLGLU_BUILD_FAILED);
    ck_assert_ptr_null(ffn);
    free_attempt(&t);
    folder_free(&f);
}
END_TEST

/* Mode 0 is that of the last matrix: the projections before it build, and must not have written a and b. */
START_TEST(a_call_whose_last_kernel_does_not_build_writes_nothing)
{
    folder f = folder_new();
    folder_change(&f, "finish.clh", "#ifndef MODE", "#if MODE == 0\n#error \"spoilt\"\n#endif\n#ifndef MODE");
    ffn_shape s = {.parts = GATED | ASK_A | ASK_B,
                   .rows = 3,
                   .d_model = 20,
                   .d_ff = 30,
                   .act = CLGLU_ACT_GELU,
                   .seed = 109};
    ffn_case c = ffn_new(&s), before = ffn_copy(&c);
    clglu_ffn *ffn = ffn_create(folder_open(&f), &c, FROM_HOST);
    for (ffn_route route = ON_BUFFERS; route < ROUTES; route++) {
        ck_assert_int_eq(ffn_run(f.context, ffn, &c, route), CLGLU_BUILD_FAILED);
        expect_ffn_same(&c, &before, "a failed build");
    }
    clglu_ffn_destroy(ffn);
    ffn_free(&before);
    ffn_free(&c);
    folder_free(&f);
}
END_TEST

Suite *device_ffn_create_suite(void)
{
    Suite *s = suite_create("device_ffn_create");
    TCase *refused = tcase_create("refused"), *made = tcase_create("made");
    tcase_add_loop_test(refused, the_same_block_without_misuse_is_made, 0, 2);
    tcase_add_loop_test(refused, a_misuse_gives_its_status_and_no_block, 0, (int)COUNT(misuses));
    tcase_add_loop_test(refused, emulation_and_reference_refuse_the_same_blocks, 0, (int)COUNT(misuses));
    tcase_add_test(refused, null_where_a_pointer_is_needed_is_refused);
    tcase_add_loop_test(refused, the_route_clblast_is_unsupported_or_works, 0, 2);
    tcase_add_loop_test(made, the_routes_auto_and_fused_have_the_bits_of_the_emulation, 0, 2);
    tcase_add_loop_test(made, each_matrix_and_bias_lies_where_it_likes, 0, 12);
    tcase_add_loop_test(made, a_block_takes_the_bytes_that_its_header_says, 0, DTYPES);
    tcase_add_loop_test(made, whole_panels_more_take_their_weights_and_biases_and_nothing_else, 0, DTYPES);
    tcase_add_test(refused, a_block_whose_packing_does_not_build_is_not_made);
    tcase_add_test(refused, a_call_whose_last_kernel_does_not_build_writes_nothing);
    suite_add_tcase(s, refused);
    suite_add_tcase(s, made);
    return s;
}
