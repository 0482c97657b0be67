/* device_forms.c - every form of every kernel once, on shapes so small that an interpreter has time for them: tests/oclgrind.sh.
   SPDX-License-Identifier: MIT */

/* A form is a kernel file with options that change which lines are compiled. Each is asked for, must be among the context's programs
   then, and must give the bits of the emulation. Storage types and layouts take turns; a long run has each form in every storage type. */
#include "device_back.h"

#include <stdio.h>
#include <string.h>

static bool is_pocl(void) { return strstr(clglu_context_facts(context())->platform_name, "Portable Computing Language") != NULL; }

/* ---------------------------------------------------------------- programs */

typedef struct wanted {
    const char *file, *const *words;
    bool found;
} wanted;

static void look(const clglu_program_info *p, void *user)
{
    wanted *w = user;
    bool has = strcmp(p->file, w->file) == 0;
    for (const char *const *word = w->words; has && *word; word++) has = strstr(p->options, *word) != NULL;
    w->found |= has;
}

/* The context has built a program of the file with all these options. */
static void expect_program(const char *file, const char *const *words, const char *what)
{
    wanted w = {file, words, false};
    ck_assert_int_eq(clglu_context_programs(context(), 0, look, &w), CLGLU_OK);
    ck_assert_msg(w.found, "%s: no program of %s has the option %s", what, file, words[0] ? words[0] : "(any)");
}
#define EXPECT_PROGRAM(what, file, ...) expect_program(file, (const char *const[]){__VA_ARGS__, NULL}, what)

/* ---------------------------------------------------------------- activations and gates */

/* Whole vectors; rows of odd length; elements apart. */
enum { LAYOUTS = 3, ROWS = 2, COLS = 16 };
static const char *const layout_names[LAYOUTS] = {"whole vectors", "odd rows", "elements apart"};

static void lay_out(call *c, int layout)
{
    for (operand o = A; layout == 2 && has_view(o); o++)
        if (c->at[o]) call_move(c, o, NULL, (clglu_view){1, 2 * COLS, 2});
}

static call small_call(operator_id op, clglu_act act, clglu_dtype t, size_t rows, int layout)
{
    return call_new(op, act, CLGLU_ACT_IDENTITY, t, rows, layout == 0 ? COLS : COLS - 3);
}

static void run_call(call *c, int layout, uint64_t seed)
{
    uint64_t state = seed;
    const char *file = c->op == ACT_FORWARD || c->op == GATE_FORWARD ? "gate.cl" : "gate_backward.cl";
    call_fill(c, MODERATE, &state);
    lay_out(c, layout);
    expect_right(c, layout_names[layout]);
    EXPECT_PROGRAM(layout_names[layout], file, layout == 0 ? "-DWHOLE" : layout == 1 ? "-DCONTIGUOUS" : "-DVW=");
    call_free(c);
}

/* Each number i has one type and one layout, in a long run each type and one layout. */
static bool is_due(int i, int dtype, int layout)
{
    if (test_scale() == LONG) return (i + dtype) % LAYOUTS == layout;
    return i % DTYPES == dtype && i / DTYPES % LAYOUTS == layout;
}

START_TEST(every_activation)
{
    for (int t = 0; t < DTYPES; t++)
        for (int layout = 0; layout < LAYOUTS; layout++)
            for (operator_id op = ACT_FORWARD; is_due(_i, t, layout) && op <= ACT_BACKWARD; op++) {
                call c = small_call(op, (clglu_act)_i, (clglu_dtype)t, ROWS, layout);
                run_call(&c, layout, 900);
            }
}
END_TEST

START_TEST(every_variant)
{
    clglu_variant v;
    ck_assert_int_eq(clglu_variant_at((size_t)_i, &v), CLGLU_OK);
    for (int t = 0; t < DTYPES; t++)
        for (int layout = 0; layout < LAYOUTS; layout++)
            for (operator_id op = GATE_FORWARD; is_due(_i, t, layout) && op <= GATE_BACKWARD; op++) {
                call c = small_call(op, v.act, (clglu_dtype)t, ROWS, layout);
                call_variant(&c, v.name);
                run_call(&c, layout, 901);
            }
}
END_TEST

/* Biases, sums of columns in more than one block, and rounding as eager PyTorch has it. */
START_TEST(biases_and_sums)
{
    clglu_dtype t = (clglu_dtype)digit(&_i, DTYPES);
    operator_id op = (operator_id)_i;
    bool backward = op == ACT_BACKWARD || op == GATE_BACKWARD;
    uint64_t state = 902;
    call c = call_new(op, CLGLU_ACT_GELU, CLGLU_ACT_IDENTITY, t, backward ? 130 : ROWS, 3);
    call_add_bias(&c, MODERATE, &state);
    if (backward) call_want_dbias(&c);
    c.d.rounding = t == CLGLU_F32 ? CLGLU_ROUND_ONCE : CLGLU_ROUND_LIKE_TORCH;
    run_call(&c, 1, 903);
    if (backward) EXPECT_PROGRAM("sums", "sum.cl", "-cl-std");
    if (op >= GATE_FORWARD && t != CLGLU_F32)
        EXPECT_PROGRAM("rounding", backward ? "gate_backward.cl" : "gate.cl", "-DLIKE_TORCH", "-DHAS_BIAS_A");
}
END_TEST

/* ---------------------------------------------------------------- projections */

static const struct {
    clglu_ffn_form form;
    unsigned row_tile;
} forms[] = {{CLGLU_FORM_GENERAL, 1}, {CLGLU_FORM_TILE, 1},  {CLGLU_FORM_TILE, 2},   {CLGLU_FORM_TILE, 4},   {CLGLU_FORM_TILE, 6},
             {CLGLU_FORM_TILE, 8},    {CLGLU_FORM_TILE, 12}, {CLGLU_FORM_LOCAL, 32}, {CLGLU_FORM_LOCAL, 64}, {CLGLU_FORM_LOCAL, 128},
             {CLGLU_FORM_SPLIT, 1},   {CLGLU_FORM_SPLIT, 2}, {CLGLU_FORM_SPLIT, 4},  {CLGLU_FORM_SPLIT, 8},  {CLGLU_FORM_SPLIT, 16}};

static const char *file_of(clglu_ffn_form form)
{
    static const char *const files[] = {[CLGLU_FORM_GENERAL] = "ffn_general.cl", [CLGLU_FORM_TILE] = "ffn_tile.cl",
                                        [CLGLU_FORM_LOCAL] = "ffn_local.cl", [CLGLU_FORM_SPLIT] = "ffn_split.cl"};
    return files[form];
}

/* Is the form among those that the device is offered? PoCL has the register tile: there it may not go unseen. */
static bool is_offered(const clglu_ffn *ffn, size_t rows, clglu_ffn_form form)
{
    clglu_ffn_choice choices[FFN_CHOICES];
    size_t n = ffn_choices(ffn, rows, choices);
    for (size_t i = 0; i < n; i++)
        if (choices[i].form == form) return true;
    ck_assert_msg(!is_pocl(), "form %d is not offered on PoCL", (int)form);
    printf("forms: %s is not offered here: skipped\n", file_of(form));
    return false;
}

/* Rows that leave the last tile short, where the form may have more than one row. */
static size_t rows_for(clglu_ffn_form form, unsigned row_tile)
{
    return form == CLGLU_FORM_TILE ? row_tile + 1 : form == CLGLU_FORM_SPLIT && row_tile > 1 ? row_tile - 1 : 3;
}

static void project(ffn_shape s, clglu_ffn_form form, unsigned row_tile, unsigned tiles, const char *word)
{
    char rows[30], weight[30];
    if (form == CLGLU_FORM_SPLIT && row_tile == 1) s.rows = 1;
    ffn_case c = ffn_new(&s);
    clglu_ffn *ffn = ffn_create(context(), &c, FROM_HOST);
    c.call.choice = (clglu_ffn_choice){form, row_tile, tiles};
    if (is_offered(ffn, s.rows, form)) {
        expect_ffn_right(ffn, &c, ON_BUFFERS, file_of(form));
        snprintf(rows, sizeof rows, "-DROWS=%u", row_tile);
        snprintf(weight, sizeof weight, "-DWEIGHT=%d", (int)s.dtype);
        EXPECT_PROGRAM("a projection", file_of(form), rows, weight, word);
    }
    clglu_ffn_destroy(ffn);
    ffn_free(&c);
}

/* Plain, gated, or gated with x in a's place; sums kept, biases. */
START_TEST(every_projection)
{
    static const unsigned parts[] = {HAS_WA | HAS_WD | HAS_BA | ASK_A, GATED | BIASED | ASK_A | ASK_B, HAS_WB | HAS_WD | HAS_BB | ASK_B};
    static const char *const words[] = {"-DMODE=0", "-DMODE=1", "-DMODE=2"};
    for (int t = 0; t < DTYPES; t++)
        for (int mode = 0; mode < 3; mode++) {
            ffn_shape s = {.parts = parts[mode], .rows = rows_for(forms[_i].form, forms[_i].row_tile), .d_model = mode == 2 ? 18 : 5,
                           .d_ff = 18, .d_out = 3, .dtype = (clglu_dtype)t, .x_dtype = (clglu_dtype)t,
                           .y_dtype = (clglu_dtype)((t + 1) % DTYPES), .ab_dtype = (clglu_dtype)((t + 2) % DTYPES),
                           .act = CLGLU_ACT_GELU, .gate = mode ? CLGLU_ACT_SIGMOID : CLGLU_ACT_IDENTITY, .seed = 910};
            if (is_due(_i, t, mode)) project(s, forms[_i].form, forms[_i].row_tile, 0, words[mode]);
        }
}
END_TEST

/* More than one block of the canonical sum, in each form; and alpha, limit and shift. */
START_TEST(long_sums)
{
    static const unsigned row_tiles[] = {[CLGLU_FORM_GENERAL] = 1, [CLGLU_FORM_TILE] = 2, [CLGLU_FORM_LOCAL] = 32, [CLGLU_FORM_SPLIT] = 2};
    ffn_shape s = {.parts = HAS_WA | HAS_WB, .rows = 2, .d_model = 130, .d_ff = 2, .dtype = (clglu_dtype)(_i % DTYPES),
                   .act = CLGLU_ACT_SILU, .alpha = 1.702f, .limit = 1.5f, .shift = 1, .seed = 911};
    project(s, (clglu_ffn_form)_i, row_tiles[_i], 0, "-DHAS_ALPHA");
}
END_TEST

/* The register tile takes 16 panels, then the same panels for the next rows, then the next 16. */
START_TEST(many_panels)
{
    ffn_shape s = {.parts = _i ? HAS_WA | HAS_WB : HAS_WA, .rows = 5, .d_model = 3, .d_ff = 16 * 32 * 2 + 33, .act = CLGLU_ACT_RELU, .seed = 913};
    project(s, CLGLU_FORM_TILE, 2, 0, _i ? "-DMODE=1" : "-DMODE=0");
}
END_TEST

/* Weights of 16 bits that several row tiles share. */
START_TEST(near_weights)
{
    ffn_shape s = {.parts = HAS_WA, .rows = 18, .d_model = 3, .d_ff = 33, .dtype = _i ? CLGLU_BF16 : CLGLU_F16,
                   .act = CLGLU_ACT_RELU, .seed = 912};
    project(s, CLGLU_FORM_TILE, 8, 2, "-DNEAR");
}
END_TEST

/* Weights in whole strips, side by side and turned, from buffers and from host memory. */
START_TEST(every_way_to_pack)
{
    clglu_order order = (clglu_order)digit(&_i, 2);
    ffn_shape s = {.parts = HAS_WA | HAS_BA, .rows = 1, .d_model = 17, .d_ff = 33, .dtype = (clglu_dtype)_i, .order = order,
                   .act = CLGLU_ACT_RELU, .seed = 913};
    ffn_case c = ffn_new(&s);
    clglu_ffn *ffn = ffn_create(context(), &c, order ? FROM_HOST : FROM_DEVICE);
    expect_ffn_right(ffn, &c, ON_HOST, "packed");
    EXPECT_PROGRAM("weights", "pack.cl", "-DWEIGHT=");
    EXPECT_PROGRAM("rows", "pack.cl", "-DROWS=");
    clglu_ffn_destroy(ffn);
    ffn_free(&c);
}
END_TEST

/* ---------------------------------------------------------------- where tests/oclgrind.sh plants bugs */

/* Through local memory, with a row tile that is not full. */
START_TEST(one_projection)
{
    ffn_shape s = {.parts = HAS_WA, .rows = 3, .d_model = 5, .d_ff = 3, .act = CLGLU_ACT_RELU, .seed = 914};
    project(s, CLGLU_FORM_LOCAL, 32, 0, "-DMODE=0");
}
END_TEST

/* Smaller than a group. */
START_TEST(one_gate)
{
    call c = small_call(GATE_FORWARD, CLGLU_ACT_RELU, CLGLU_F32, ROWS, 1);
    run_call(&c, 1, 904);
}
END_TEST

/* ---------------------------------------------------------------- backward */

/* Every gradient and the flag; sums that begin with what is there (accumulate) and with da (no wa); the pair of two sums. */
START_TEST(every_backward)
{
    static const unsigned parts[] = {GATED | BIASED, HAS_WB | HAS_WD};
    int t = digit(&_i, DTYPES), without_wa = digit(&_i, 2);
    clglu_ffn_form form = (clglu_ffn_form)(_i + CLGLU_FORM_GENERAL);
    if (test_scale() != LONG && t != (_i + without_wa) % DTYPES) return;
    back_shape s = {.ffn = {.parts = parts[without_wa], .rows = 3, .d_model = 5, .d_ff = 5, .d_out = 4, .dtype = (clglu_dtype)t,
                            .x_dtype = (clglu_dtype)t, .y_dtype = (clglu_dtype)t, .act = CLGLU_ACT_GELU, .gate = CLGLU_ACT_SIGMOID,
                            .seed = 920},
                    .dx_dtype = (clglu_dtype)t, .weights_dtype = (clglu_dtype)t, .accumulate = true, .scale = 0.5f};
    back_case c = back_new(&s);
    clglu_ffn *ffn = ffn_create(context(), &c.ffn, FROM_HOST);
    c.call.choice = (clglu_ffn_choice){.form = form};
    if (is_offered(ffn, 3, form)) {
        char carry[30], source[30];
        snprintf(carry, sizeof carry, "-DCARRY=%d", t);
        snprintf(source, sizeof source, "-DSOURCE=%d", t);
        expect_back_right(ffn, &c, ON_BUFFERS, file_of(form));
        EXPECT_PROGRAM("a gradient of weights", file_of(form), carry, "-DNO_BIAS", without_wa ? "-DMODE=0" : "-DMODE=3");
        if (without_wa) EXPECT_PROGRAM("dx", file_of(form), "-DCARRY=0", "-DNO_BIAS");
        EXPECT_PROGRAM("the flag", "overflow.cl", source);
        EXPECT_PROGRAM("dy", "pack.cl", "-DSCALED");
    }
    clglu_ffn_destroy(ffn);
    back_free(&c);
}
END_TEST

/* ---------------------------------------------------------------- self-test */

/* Its long loop, which looks for drivers that stop such, would take an interpreter minutes: cut short it earns a remark, no more. */
START_TEST(the_self_test)
{
    folder f = folder_new();
    clglu_context_params params = {.kernel_dir = f.name};
    if (test_scale() != LONG) folder_change(&f, "selftest.cl", "k < rounds", "k < 64");
    ck_assert_int_eq(clglu_context_open(device_selector(), &params, &f.context), CLGLU_OK);
    folder_free(&f);
}
END_TEST

Suite *device_forms_suite(void)
{
    Suite *s = suite_create("device_forms");
    TCase *gates = tcase_create("gates"), *projections = tcase_create("projections"), *backward = tcase_create("backward"),
          *selftest = tcase_create("selftest"), *local = tcase_create("local"), *overrun = tcase_create("overrun");
    tcase_add_loop_test(gates, every_activation, 0, CLGLU_ACT_COUNT);
    tcase_add_loop_test(gates, every_variant, 0, (int)variant_count());
    tcase_add_loop_test(gates, biases_and_sums, 0, OPERATORS * DTYPES);
    tcase_add_loop_test(projections, every_projection, 0, (int)COUNT(forms));
    tcase_add_loop_test(projections, long_sums, CLGLU_FORM_GENERAL, CLGLU_FORM_SPLIT + 1);
    tcase_add_loop_test(projections, many_panels, 0, 2);
    tcase_add_loop_test(projections, near_weights, 0, 2);
    tcase_add_loop_test(projections, every_way_to_pack, 0, 2 * DTYPES);
    tcase_add_loop_test(backward, every_backward, 0, 4 * 2 * DTYPES);
    tcase_add_test(selftest, the_self_test);
    tcase_add_test(local, one_projection);
    tcase_add_test(overrun, one_gate);
    suite_add_tcase(s, gates);
    suite_add_tcase(s, projections);
    suite_add_tcase(s, backward);
    suite_add_tcase(s, selftest);
    suite_add_tcase(s, local);
    suite_add_tcase(s, overrun);
    return s;
}
