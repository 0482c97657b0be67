/* host_ffn_refuse.c - models, the layouts' views, and what a block and a call of it refuse, through the emulation.
   SPDX-License-Identifier: MIT */

#include <check.h>
#include <math.h>
#include <string.h>

#include "clglu.h"

enum { D = 4, FF = 6 }; /* of the block that is misused */

/* ---------------------------------------------------------------- models */

START_TEST(every_model_is_found_by_its_name)
{
    clglu_model m, n;
    size_t count = 0;
    for (; clglu_model_at(count, &m) == CLGLU_OK; count++) {
        ck_assert_int_eq(clglu_model_find(m.name, &n), CLGLU_OK);
        ck_assert_msg(m.name == n.name && m.d_model == n.d_model && m.d_ff == n.d_ff, "%s: a second of that name", m.name);
        ck_assert_msg(m.d_model > 0 && m.d_ff > 0 && m.layers > 0, "%s: a size is 0", m.name);
    }
    ck_assert_uint_eq(count, 25);
    ck_assert_int_eq(clglu_model_at(SIZE_MAX, &m), CLGLU_NOT_FOUND);
    ck_assert_int_eq(clglu_model_find("gemma2-8b", &m), CLGLU_NOT_FOUND);
    ck_assert_int_eq(clglu_model_find("", &m), CLGLU_NOT_FOUND);
    ck_assert_int_eq(clglu_model_find(NULL, &m), CLGLU_NULL_POINTER);
    ck_assert_int_eq(clglu_model_find("gemma2-9b", NULL), CLGLU_NULL_POINTER);
    ck_assert_int_eq(clglu_model_at(0, NULL), CLGLU_NULL_POINTER);
}
END_TEST

START_TEST(a_models_form_is_its_variants)
{
    clglu_model m;
    for (size_t i = 0; clglu_model_at(i, &m) == CLGLU_OK; i++) {
        clglu_gate_desc d = {.act = CLGLU_ACT_GELU};
        if (m.variant) ck_assert_int_eq(clglu_variant_set(m.variant, &d), CLGLU_OK);
        ck_assert_msg(m.act == d.act && m.gate == d.gate && m.alpha == d.alpha && m.limit == d.limit && m.shift == d.shift,
                      "%s is not %s", m.name, m.variant);
    }
    ck_assert_int_eq(clglu_model_find("gpt-oss-expert", &m), CLGLU_OK);
    ck_assert(m.act == CLGLU_ACT_SILU && m.alpha == 1.702f && m.limit == 7 && m.shift == 1);
    ck_assert(m.layout == CLGLU_INTERLEAVED && m.order == CLGLU_IN_OUT && m.bias);
    ck_assert_int_eq(clglu_model_find("minilm-l6", &m), CLGLU_OK);
    ck_assert(m.variant == NULL && m.act == CLGLU_ACT_GELU && m.layout == CLGLU_SEPARATE && m.bias);
    ck_assert_int_eq(clglu_model_find("gemma2-9b", &m), CLGLU_OK);
    ck_assert(m.d_model == 3584 && m.d_ff == 14336 && m.layers == 42 && !m.bias && m.order == CLGLU_OUT_IN);
}
END_TEST

/* Those of the models' published configurations. */
START_TEST(a_models_sizes_are_the_published_ones)
{
    static const struct {
        const char *name;
        size_t d_model, d_ff, layers;
    } published[] = {
        {"t5-v1.1-small", 512, 1024, 16},
        {"t5-v1.1-base", 768, 2048, 24},
        {"t5-v1.1-large", 1024, 2816, 48},
        {"t5-v1.1-xl", 2048, 5120, 48},
        {"t5-v1.1-xxl", 4096, 10240, 48},
        {"gemma-2b", 2048, 16384, 18},
        {"gemma-7b", 3072, 24576, 28},
        {"gemma2-2b", 2304, 9216, 26},
        {"gemma2-9b", 3584, 14336, 42},
        {"gemma2-27b", 4608, 36864, 46},
        {"gemma3-270m", 640, 2048, 18},
        {"gemma3-1b", 1152, 6912, 26},
        {"gemma3-4b", 2560, 10240, 34},
        {"gemma3-12b", 3840, 15360, 48},
        {"gemma3-27b", 5376, 21504, 62},
        {"modernbert-base", 768, 1152, 22},
        {"modernbert-large", 1024, 2624, 28},
        {"sd15-unet-320", 320, 1280, 5},
        {"sd15-unet-640", 640, 2560, 5},
        {"sd15-unet-1280", 1280, 5120, 6},
        {"sdxl-unet-640", 640, 2560, 10},
        {"sdxl-unet-1280", 1280, 5120, 60},
        {"gpt-oss-expert", 2880, 2880, 24},
        {"fracast-0", 64, 96, 1},
        {"minilm-l6", 384, 1536, 6},
    };
    clglu_model m;
    for (size_t i = 0; i < sizeof published / sizeof *published; i++) {
        ck_assert_int_eq(clglu_model_find(published[i].name, &m), CLGLU_OK);
        ck_assert_msg(m.d_model == published[i].d_model && m.d_ff == published[i].d_ff && m.layers == published[i].layers,
                      "%s: %zu, %zu, %zu", m.name, m.d_model, m.d_ff, m.layers);
    }
}
END_TEST

/* ---------------------------------------------------------------- layouts */

typedef struct layout_row {
    clglu_order order;
    clglu_layout layout;
    clglu_view wa, wb, wd;
    size_t ba, bb, inc;
} layout_row;

/* d_model 4, d_ff 6, d_out 5. */
static const layout_row layouts[] = {
    {CLGLU_OUT_IN, CLGLU_SEPARATE, {0, 1, 4}, {0, 1, 4}, {0, 1, 6}, 0, 0, 1},
    {CLGLU_OUT_IN, CLGLU_ACT_FIRST, {0, 1, 4}, {24, 1, 4}, {0, 1, 6}, 0, 6, 1},
    {CLGLU_OUT_IN, CLGLU_ACT_SECOND, {24, 1, 4}, {0, 1, 4}, {0, 1, 6}, 6, 0, 1},
    {CLGLU_OUT_IN, CLGLU_INTERLEAVED, {0, 1, 8}, {4, 1, 8}, {0, 1, 6}, 0, 1, 2},
    {CLGLU_IN_OUT, CLGLU_SEPARATE, {0, 6, 1}, {0, 6, 1}, {0, 5, 1}, 0, 0, 1},
    {CLGLU_IN_OUT, CLGLU_ACT_FIRST, {0, 12, 1}, {6, 12, 1}, {0, 5, 1}, 0, 6, 1},
    {CLGLU_IN_OUT, CLGLU_ACT_SECOND, {6, 12, 1}, {0, 12, 1}, {0, 5, 1}, 6, 0, 1},
    {CLGLU_IN_OUT, CLGLU_INTERLEAVED, {0, 12, 2}, {1, 12, 2}, {0, 5, 1}, 0, 1, 2},
};

static void expect_view(int row, const char *what, clglu_view got, clglu_view want)
{
    ck_assert_msg(got.offset == want.offset && got.ld == want.ld && got.inc == want.inc,
                  "row %d, %s: {%zu, %zu, %zu}, not {%zu, %zu, %zu}", row, what, got.offset, got.ld, got.inc, want.offset,
                  want.ld, want.inc);
}

START_TEST(each_layout_has_its_views)
{
    const layout_row *row = &layouts[_i];
    float some[1] = {0};
    clglu_ffn_desc d = {.d_model = 4, .d_ff = 6, .d_out = 5, .wa = {.host = some}, .bb = {.host = some}, .shift = 3};
    ck_assert_int_eq(clglu_ffn_set_layout(&d, row->order, row->layout), CLGLU_OK);
    expect_view(_i, "wa", d.wa.view, row->wa);
    expect_view(_i, "wb", d.wb.view, row->wb);
    expect_view(_i, "wd", d.wd.view, row->wd);
    ck_assert(d.ba.offset == row->ba && d.bb.offset == row->bb && d.bd.offset == 0);
    ck_assert(d.ba.inc == row->inc && d.bb.inc == row->inc && d.bd.inc == 1);
    ck_assert(d.wa.host == some && d.wb.host == NULL && d.bb.host == some && d.shift == 3 && d.d_out == 5);
}
END_TEST

START_TEST(a_layout_needs_sizes_and_known_words)
{
    clglu_ffn_desc d = {.d_model = 4, .d_ff = 6}, none = {.d_model = 4}, large = {.d_model = 4, .d_ff = (1 << 22) + 1};
    ck_assert_int_eq(clglu_ffn_set_layout(NULL, CLGLU_OUT_IN, CLGLU_SEPARATE), CLGLU_NULL_POINTER);
    ck_assert_int_eq(clglu_ffn_set_layout(&d, (clglu_order)2, CLGLU_SEPARATE), CLGLU_INVALID_VALUE);
    ck_assert_int_eq(clglu_ffn_set_layout(&d, CLGLU_OUT_IN, (clglu_layout)4), CLGLU_INVALID_VALUE);
    ck_assert_int_eq(clglu_ffn_set_layout(&none, CLGLU_OUT_IN, CLGLU_SEPARATE), CLGLU_INVALID_SIZE);
    ck_assert_int_eq(clglu_ffn_set_layout(&large, CLGLU_OUT_IN, CLGLU_SEPARATE), CLGLU_INVALID_SIZE);
    large = (clglu_ffn_desc){.d_model = (1 << 22) + 1, .d_ff = 6, .d_out = 5};
    ck_assert_int_eq(clglu_ffn_set_layout(&large, CLGLU_OUT_IN, CLGLU_SEPARATE), CLGLU_INVALID_SIZE);
    large = (clglu_ffn_desc){.d_model = 4, .d_ff = 6, .d_out = (1 << 22) + 1};
    ck_assert_int_eq(clglu_ffn_set_layout(&large, CLGLU_OUT_IN, CLGLU_SEPARATE), CLGLU_INVALID_SIZE);
    large = (clglu_ffn_desc){.d_ff = 6, .d_out = 5};
    ck_assert_int_eq(clglu_ffn_set_layout(&large, CLGLU_OUT_IN, CLGLU_SEPARATE), CLGLU_INVALID_SIZE);
    ck_assert_int_eq(clglu_ffn_set_layout(&d, CLGLU_OUT_IN, CLGLU_SEPARATE), CLGLU_OK);
    expect_view(0, "wd of d_out 0", d.wd.view, (clglu_view){0, 1, 6});
}
END_TEST

/* ---------------------------------------------------------------- refusals */

static float weights[2 * D * FF], inputs[2 * D], outputs[64];

static clglu_ffn_desc good_desc(void)
{
    return (clglu_ffn_desc){.d_model = D, .d_ff = FF, .wa = {.host = weights}, .wb = {.host = weights + D * FF},
                            .wd = {.host = weights}, .ba = {.host = weights}, .act = CLGLU_ACT_SILU};
}

typedef struct misuse {
    const char *what;
    clglu_status status;
    clglu_ffn_desc d;
} misuse;

/* Each a good block but for one thing. */
static size_t misused_descs(misuse *m)
{
    size_t n = 0;
    cl_mem buffer = (cl_mem)(void *)weights;
    clglu_ffn_desc *d;
#define CASE(STATUS, ...)                                                                                    \
    m[n] = (misuse){#__VA_ARGS__, STATUS, good_desc()};                                                      \
    d = &m[n++].d;                                                                                           \
    __VA_ARGS__
    CASE(CLGLU_INVALID_VALUE, d->act = (clglu_act)CLGLU_ACT_COUNT);
    CASE(CLGLU_INVALID_VALUE, d->gate = (clglu_act)-1);
    CASE(CLGLU_INVALID_VALUE, d->dtype = (clglu_dtype)3);
    CASE(CLGLU_INVALID_VALUE, d->route = (clglu_route)3);
    CASE(CLGLU_INVALID_VALUE, d->alpha = -1);
    CASE(CLGLU_INVALID_VALUE, d->alpha = NAN);
    CASE(CLGLU_INVALID_VALUE, d->alpha = 2; d->act = CLGLU_ACT_GELU);
    CASE(CLGLU_INVALID_VALUE, d->limit = -1);
    CASE(CLGLU_INVALID_VALUE, d->limit = INFINITY);
    CASE(CLGLU_INVALID_VALUE, d->shift = NAN);
    CASE(CLGLU_INVALID_VALUE, d->wb.host = NULL; d->gate = CLGLU_ACT_TANH);
    CASE(CLGLU_INVALID_VALUE, d->wb.host = NULL; d->limit = 1);
    CASE(CLGLU_INVALID_VALUE, d->wb.host = NULL; d->shift = 1);
    CASE(CLGLU_INVALID_VALUE, d->wa.buffer = buffer);
    CASE(CLGLU_INVALID_VALUE, d->bd.buffer = buffer);
    CASE(CLGLU_INVALID_VALUE, d->wa.host = NULL; d->wa.buffer = buffer);
    CASE(CLGLU_INVALID_VALUE, d->wd.host = NULL; d->wd.buffer = buffer);
    CASE(CLGLU_INVALID_VALUE, d->ba.host = NULL; d->ba.buffer = buffer);
    CASE(CLGLU_INVALID_SIZE, d->d_model = 0);
    CASE(CLGLU_INVALID_SIZE, d->d_ff = 0);
    CASE(CLGLU_INVALID_SIZE, d->wa.host = d->ba.host = NULL); /* a is x, but d_ff is not d_model */
    CASE(CLGLU_INVALID_SIZE, d->wa.view = (clglu_view){0, SIZE_MAX / 2, 1});
    CASE(CLGLU_INVALID_SIZE, d->wd.view.offset = SIZE_MAX);
    CASE(CLGLU_INVALID_SIZE, d->ba.inc = SIZE_MAX / 2);
    CASE(CLGLU_UNSUPPORTED, d->d_model = (1 << 22) + 1);
    CASE(CLGLU_UNSUPPORTED, d->d_ff = (1 << 22) + 1);
    CASE(CLGLU_UNSUPPORTED, d->d_out = (1 << 22) + 1);
    CASE(CLGLU_UNSUPPORTED, d->training = 1; d->route = CLGLU_ROUTE_CLBLAST);
    CASE(CLGLU_NULL_POINTER, d->wa.host = d->wb.host = d->ba.host = NULL);
    CASE(CLGLU_NULL_POINTER, d->bd.host = weights; d->wd.host = NULL); /* a bias without its matrix */
#undef CASE
    return n;
}

static void expect_untouched(const char *what)
{
    for (size_t i = 0; i < sizeof outputs / sizeof *outputs; i++)
        ck_assert_msg(outputs[i] == 5, "%s: something was written", what);
}

static void fill_outputs(void)
{
    for (size_t i = 0; i < sizeof outputs / sizeof *outputs; i++) outputs[i] = 5;
}

START_TEST(a_wrong_block_is_refused)
{
    misuse m[40];
    size_t count = misused_descs(m);
    clglu_ffn_call call = {.rows = 2};
    double y[2 * D];
    fill_outputs();
    for (size_t i = 0; i < count; i++) {
        clglu_status status = clglu_emulate_ffn_forward(&m[i].d, &call, inputs, outputs, NULL, NULL);
        ck_assert_msg(status == m[i].status, "%s: %s, not %s", m[i].what, clglu_status_name(status),
                      clglu_status_name(m[i].status));
        status = clglu_reference_ffn(&m[i].d, &call, inputs, y, NULL);
        ck_assert_msg(status == m[i].status, "reference, %s: %s, not %s", m[i].what, clglu_status_name(status),
                      clglu_status_name(m[i].status));
        expect_untouched(m[i].what);
    }
    ck_assert_int_eq(clglu_emulate_ffn_forward(NULL, &call, inputs, outputs, NULL, NULL), CLGLU_NULL_POINTER);
    ck_assert_int_eq(clglu_reference_ffn(NULL, &call, inputs, y, NULL), CLGLU_NULL_POINTER);
}
END_TEST

START_TEST(the_largest_sizes_are_allowed)
{
    enum { LARGEST = 1 << 22 };
    clglu_ffn_call none = {.rows = 0};
    clglu_ffn_desc d = good_desc();
    d.d_model = d.d_ff = d.d_out = LARGEST;
    ck_assert_int_eq(clglu_reference_ffn(&d, &none, NULL, NULL, NULL), CLGLU_OK);
    ck_assert_int_eq(clglu_emulate_ffn_forward(&d, &none, NULL, NULL, NULL, NULL), CLGLU_OK);
    ck_assert_int_eq(clglu_ffn_set_layout(&d, CLGLU_OUT_IN, CLGLU_INTERLEAVED), CLGLU_OK);
}
END_TEST

typedef struct miscall {
    const char *what;
    clglu_status status;
    const void *x;
    float *y, *a, *b;
    clglu_ffn_call call;
} miscall;

static const miscall miscalls[] = {
    {"x is NULL", CLGLU_NULL_POINTER, NULL, outputs, NULL, NULL, {.rows = 2}},
    {"y is NULL", CLGLU_NULL_POINTER, inputs, NULL, NULL, NULL, {.rows = 2}},
    {"x_dtype", CLGLU_INVALID_VALUE, inputs, outputs, NULL, NULL, {.rows = 2, .x_dtype = (clglu_dtype)9}},
    {"y_dtype", CLGLU_INVALID_VALUE, inputs, outputs, NULL, NULL, {.rows = 2, .y_dtype = (clglu_dtype)-1}},
    {"ab_dtype", CLGLU_INVALID_VALUE, inputs, outputs, outputs + 20, NULL, {.rows = 2, .ab_dtype = (clglu_dtype)3}},
    {"form", CLGLU_INVALID_VALUE, inputs, outputs, NULL, NULL, {.rows = 2, .choice = {(clglu_ffn_form)5, 0, 0}}},
    {"row_tile", CLGLU_INVALID_VALUE, inputs, outputs, NULL, NULL, {.rows = 2, .choice = {CLGLU_FORM_TILE, 257, 0}}},
    {"rows", CLGLU_INVALID_SIZE, inputs, outputs, NULL, NULL, {.rows = SIZE_MAX}},
    {"row_block", CLGLU_INVALID_SIZE, inputs, outputs, NULL, NULL, {.rows = 2, .row_block = SIZE_MAX}},
    {"x's view", CLGLU_INVALID_SIZE, inputs, outputs, NULL, NULL, {.rows = 2, .x = {SIZE_MAX, 0, 0}}},
    {"y twice", CLGLU_INVALID_VIEW, inputs, outputs, NULL, NULL, {.rows = 2, .y = {0, 2, 1}}},
    {"a twice", CLGLU_INVALID_VIEW, inputs, outputs, outputs + 20, NULL, {.rows = 2, .a = {0, 1, 1}}},
    {"b twice", CLGLU_INVALID_VIEW, inputs, outputs, NULL, outputs + 20, {.rows = 2, .b = {0, 1, 1}}},
    {"y over x", CLGLU_OVERLAP, outputs, outputs, NULL, NULL, {.rows = 2}},
    {"y over x's end", CLGLU_OVERLAP, outputs, outputs + 7, NULL, NULL, {.rows = 2}},
    {"a over y", CLGLU_OVERLAP, inputs, outputs, outputs + 7, NULL, {.rows = 2}},
    {"b over x", CLGLU_OVERLAP, outputs, outputs + 20, NULL, outputs + 4, {.rows = 2}},
    {"b over a", CLGLU_OVERLAP, inputs, outputs, outputs + 20, outputs + 21, {.rows = 2}},
};

START_TEST(a_wrong_call_is_refused)
{
    const miscall *m = &miscalls[_i];
    clglu_ffn_desc d = good_desc();
    fill_outputs();
    clglu_status status = clglu_emulate_ffn_forward(&d, &m->call, m->x, m->y, m->a, m->b);
    ck_assert_msg(status == m->status, "%s: %s, not %s", m->what, clglu_status_name(status), clglu_status_name(m->status));
    expect_untouched(m->what);
}
END_TEST

START_TEST(what_the_block_lacks_cannot_be_asked_for)
{
    clglu_ffn_desc plain = good_desc(), self = good_desc();
    clglu_ffn_call call = {.rows = 2};
    fill_outputs();
    plain.wb.host = NULL;
    self.wa.host = self.ba.host = NULL;
    self.d_ff = 0;
    ck_assert_int_eq(clglu_emulate_ffn_forward(&plain, &call, inputs, outputs, NULL, outputs + 30), CLGLU_INVALID_VALUE);
    ck_assert_int_eq(clglu_emulate_ffn_forward(&self, &call, inputs, outputs, outputs + 30, NULL), CLGLU_INVALID_VALUE);
    ck_assert_int_eq(clglu_emulate_ffn_forward(&plain, NULL, inputs, outputs, NULL, NULL), CLGLU_NULL_POINTER);
    expect_untouched("what the block lacks");
    ck_assert_int_eq(clglu_emulate_ffn_forward(&plain, &call, inputs, outputs, outputs + 30, NULL), CLGLU_OK);
    ck_assert_int_eq(clglu_emulate_ffn_forward(&self, &call, inputs, outputs, NULL, outputs + 30), CLGLU_OK);
}
END_TEST

/* The reference looks at x only; its results are doubles, dense. */
START_TEST(the_reference_does_not_look_at_the_calls_outputs)
{
    clglu_ffn_desc d = good_desc();
    clglu_ffn_call call = {.rows = 2, .y = {SIZE_MAX, 1, 1}, .a = {SIZE_MAX, 1, 1}, .y_dtype = (clglu_dtype)9,
                           .ab_dtype = (clglu_dtype)9};
    double y[2 * D], bound[2 * D];
    ck_assert_int_eq(clglu_reference_ffn(&d, &call, inputs, y, bound), CLGLU_OK);
    ck_assert_int_eq(clglu_reference_ffn(&d, &call, inputs, NULL, bound), CLGLU_NULL_POINTER);
    ck_assert_int_eq(clglu_reference_ffn(&d, NULL, inputs, y, bound), CLGLU_NULL_POINTER);
    call.rows = 0;
    ck_assert_int_eq(clglu_reference_ffn(&d, &call, NULL, NULL, NULL), CLGLU_OK);
}
END_TEST

Suite *ffn_refuse_suite(void);
Suite *ffn_refuse_suite(void)
{
    Suite *s = suite_create("ffn_refuse");
    TCase *t = tcase_create("words");
    tcase_add_test(t, every_model_is_found_by_its_name);
    tcase_add_test(t, a_models_form_is_its_variants);
    tcase_add_test(t, a_models_sizes_are_the_published_ones);
    tcase_add_loop_test(t, each_layout_has_its_views, 0, (int)(sizeof layouts / sizeof *layouts));
    tcase_add_test(t, a_layout_needs_sizes_and_known_words);
    tcase_add_test(t, a_wrong_block_is_refused);
    tcase_add_test(t, the_largest_sizes_are_allowed);
    tcase_add_loop_test(t, a_wrong_call_is_refused, 0, (int)(sizeof miscalls / sizeof *miscalls));
    tcase_add_test(t, what_the_block_lacks_cannot_be_asked_for);
    tcase_add_test(t, the_reference_does_not_look_at_the_calls_outputs);
    suite_add_tcase(s, t);
    return s;
}
