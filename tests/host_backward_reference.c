/* host_backward_reference.c - the backward's reference beside differences of the forward's, and the emulation beside it.
   SPDX-License-Identifier: MIT */

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "host_backward.h"

enum { CASES = 150 };

static const double U = 0x1p-24;

/* With something in it. */
static double *room(size_t count)
{
    double *x = malloc(count * sizeof *x);
    ck_assert_ptr_nonnull(x);
    for (size_t i = 0; i < count; i++) x[i] = 1000;
    return x;
}

/* ---------------------------------------------------------------- what the reference says */

/* Of every gradient that the block has. */
static void truth_of(const back *s, double *truth[GRADIENTS])
{
    clglu_ffn_gradients_double g = {NULL, NULL, NULL, NULL, NULL, NULL, NULL};
    double **to[GRADIENTS] = {&g.dx, &g.dwa, &g.dwb, &g.dwd, &g.dba, &g.dbb, &g.dbd};
    for (int i = 0; i < GRADIENTS; i++) {
        truth[i] = s->gradient[i].wanted ? room(s->gradient[i].rows * s->gradient[i].cols) : NULL;
        *to[i] = truth[i];
    }
    ck_assert_int_eq(clglu_reference_ffn_backward(&s->b.desc, &s->call, s->inputs[0], s->b.tensor[INPUT], &g), CLGLU_OK);
}

static void truth_free(double *truth[GRADIENTS])
{
    for (int i = 0; i < GRADIENTS; i++) free(truth[i]);
}

/* ---------------------------------------------------------------- differences */

typedef enum { GATED, A_IS_X, SIMPLE, KINDS } kind; /* with wa and wb; without wa; without wb */

static const float H = 0x1p-6f; /* the longer of two steps */

static void want_all(back_case *k)
{
    const block_case *c = &k->c;
    const bool all[GRADIENTS] = {true, c->has_a, c->has_b, c->has_d, c->bias_a, c->bias_b, c->bias_d};
    memcpy(k->wanted, all, sizeof all);
}

/* Dense [in, out] in f32: element i of a gradient is that of element i of its tensor. */
static back_case small_case(kind which, bool has_d)
{
    back_case k = {.c = {.rows = 3, .d_model = 4, .d_ff = which == A_IS_X ? 4 : 5, .d_out = 3, .has_a = which != A_IS_X,
                         .has_b = which != SIMPLE, .has_d = has_d, .bias_a = which != A_IS_X, .bias_b = which != SIMPLE,
                         .bias_d = has_d, .order = CLGLU_IN_OUT},
                   .scale = 2.5f};
    want_all(&k);
    return k;
}

/* Multiples of 2^-12, which H/2 can be added to and taken from exactly. */
static void snap(const back *s)
{
    const block_case *c = &s->k.c;
    size_t up = c->d_model * c->d_ff;
    size_t counts[TENSORS] = {up, up, c->d_ff * c->d_out, c->d_ff, c->d_ff, c->d_out, c->rows * c->d_model};
    for (int t = 0; t < TENSORS; t++)
        for (size_t i = 0; i < counts[t]; i++) {
            float *x = (float *)s->b.tensor[t] + i;
            *x = roundf(*x * 4096) / 4096;
        }
}

/* Is x farther from where a slope of act, or the clamp, bends than both steps take it? */
static bool is_smooth(clglu_act act, double low, double high, double x)
{
    bool bends = act == CLGLU_ACT_RELU || act == CLGLU_ACT_RELU2;
    double far = 2 * (double)H;
    return !(bends && fabs(x) < far) && !(fabs(x - low) < far) && !(fabs(x - high) < far);
}

static bool all_smooth(const back *s)
{
    const block_case *c = &s->k.c;
    const float *x = s->b.tensor[INPUT], *w[] = {s->b.tensor[UP], s->b.tensor[UP_TOO]};
    const float *bias[] = {s->b.tensor[BIAS_UP], s->b.tensor[BIAS_UP_TOO]};
    double limit = c->limit != 0 ? (double)c->limit : INFINITY;
    for (int half = 0; half < 2; half++)
        for (size_t i = 0; i < c->rows * c->d_ff; i++) {
            size_t r = i / c->d_ff, f = i % c->d_ff;
            bool is_x = half == 0 && !c->has_a;
            double sum = (double)(is_x ? x[i] : bias[half][f]);
            if (half == 1 && !c->has_b) return true;
            for (size_t k = 0; !is_x && k < c->d_model; k++)
                sum += (double)x[r * c->d_model + k] * (double)w[half][k * c->d_ff + f];
            if (!is_smooth(half ? c->gate : c->act, half ? -limit : -INFINITY, limit, sum)) return false;
        }
    return true;
}

/* The sum of y dy scale: what the gradients are the slopes of. */
static double loss(const back *s)
{
    size_t count = s->k.c.rows * block_cols(&s->b);
    double y[3 * 5], sum = 0;
    ck_assert_int_eq(clglu_reference_ffn(&s->b.desc, &s->b.call, s->b.tensor[INPUT], y, NULL), CLGLU_OK);
    for (size_t i = 0; i < count; i++) sum += y[i] * (double)s->dy[i] * (double)s->k.scale;
    return sum;
}

static double slope(const back *s, float *x, float step)
{
    float was = *x, up = was + step, down = was - step;
    *x = up;
    double high = loss(s);
    *x = down;
    double low = loss(s);
    *x = was;
    return (high - low) / ((double)up - (double)down);
}

/* Two steps, so that the error falls with the fourth power of them. */
static void expect_slopes(const back *s, const char *what)
{
    static const int tensors[GRADIENTS] = {INPUT, UP, UP_TOO, DOWN, BIAS_UP, BIAS_UP_TOO, BIAS_DOWN};
    double *truth[GRADIENTS];
    truth_of(s, truth);
    for (int i = 0; i < GRADIENTS; i++)
        for (size_t j = 0; truth[i] && j < s->gradient[i].rows * s->gradient[i].cols; j++) {
            float *x = (float *)s->b.tensor[tensors[i]] + j;
            double want = (4 * slope(s, x, H / 2) - slope(s, x, H)) / 3;
            ck_assert_msg(fabs(truth[i][j] - want) < 2e-6, "%s, act %d, gate %d, wd %d: %s, element %zu is %.9g, not %.9g",
                          what, (int)s->k.c.act, (int)s->k.c.gate, s->k.c.has_d, gradient_names[i], j, truth[i][j], want);
        }
    truth_free(truth);
}

/* With the first numbers, from a seed on, that lie well. */
static void expect_slopes_of(const back_case *k, const char *what)
{
    for (uint64_t seed = 1; seed < 1000; seed++) {
        uint64_t state = seed;
        back s = back_new(k, &state);
        snap(&s);
        bool smooth = all_smooth(&s);
        if (smooth) expect_slopes(&s, what);
        back_free(&s);
        if (smooth) return;
    }
    ck_abort_msg("%s: no numbers lie well", what);
}

START_TEST(the_gradients_are_the_slopes_of_each_variant)
{
    for (int which = GATED; which <= A_IS_X; which++)
        for (int has_d = 0; has_d < 2; has_d++) {
            back_case k = small_case((kind)which, has_d);
            clglu_variant v;
            ck_assert_int_eq(clglu_variant_at((size_t)_i, &v), CLGLU_OK);
            k.c.act = v.act;
            k.c.gate = v.gate;
            k.c.alpha = v.alpha;
            k.c.limit = v.limit != 0 ? 0.75f : 0; /* so that it is reached */
            k.c.shift = v.shift;
            expect_slopes_of(&k, v.name);
        }
}
END_TEST

START_TEST(the_gradients_are_the_slopes_of_each_activation_as_act_and_as_gate)
{
    for (int which = GATED; which < KINDS; which++)
        for (int has_d = 0; has_d < 2; has_d++) {
            back_case k = small_case((kind)which, has_d);
            k.c.act = (clglu_act)_i;
            expect_slopes_of(&k, "as act");
            if (which == SIMPLE) continue;
            k.c.act = CLGLU_ACT_TANH;
            k.c.gate = (clglu_act)_i;
            k.c.limit = 0.75f;
            k.c.shift = -0.5f;
            expect_slopes_of(&k, "as gate");
        }
}
END_TEST

/* ---------------------------------------------------------------- the emulation beside it */

/* By how much da, db and h may be off in f32, dense [rows, d_ff]; dh is what enters them. */
typedef struct errors {
    double *da, *db, *h;
} errors;

/* What `rounds` roundings and as many more as the sum's order has may do to a sum of that size. */
static double rounds_of(size_t terms) { return 130 + ceil((double)terms / 128); }

/* The sum of the sizes of x[i] y[i]. */
static double size_of(const float *x, size_t x_step, const float *y, size_t y_step, size_t terms)
{
    double size = 0;
    for (size_t i = 0; i < terms; i++) size += fabs((double)x[i * x_step] * (double)y[i * y_step]);
    return size;
}

static double carried(const double *e, size_t e_step, const float *y, size_t y_step, size_t terms)
{
    double size = 0;
    for (size_t i = 0; i < terms; i++) size += e[i * e_step] * fabs((double)y[i * y_step]);
    return size;
}

typedef struct derived {
    double by_a, by_b, h;
} derived;

static derived derive(const block_case *c, double a, double b)
{
    derived d = {0, 0, 0};
    clglu_gate_desc desc = {.act = c->act, .gate = c->gate, .alpha = c->alpha, .limit = c->limit, .shift = c->shift};
    if (c->has_b) {
        ck_assert_int_eq(clglu_reference_gate_derivative(&desc, a, b, &d.by_a, &d.by_b), CLGLU_OK);
        ck_assert_int_eq(clglu_reference_gate(&desc, a, b, &d.h), CLGLU_OK);
    } else {
        d.by_a = clglu_reference_act_derivative(c->act, (double)c->alpha, a);
        d.h = clglu_reference_act(c->act, (double)c->alpha, a);
    }
    return d;
}

/* How far the three may be from their values where a and b may be off by ea and eb: twice the farthest corner, and what
   the activations and the products are rounded by, next to a derivative's root too. */
static derived uncertain(const block_case *c, double a, double ea, double b, double eb)
{
    derived at = derive(c, a, b), e = {0, 0, 0};
    for (int corner = 0; corner < 4; corner++) {
        derived d = derive(c, corner & 1 ? a + ea : a - ea, corner & 2 ? b + eb : b - eb);
        e.by_a = fmax(e.by_a, 2 * fabs(d.by_a - at.by_a));
        e.by_b = fmax(e.by_b, 2 * fabs(d.by_b - at.by_b));
        e.h = fmax(e.h, 2 * fabs(d.h - at.h));
    }
    double other = c->has_b ? 2 * fabs(b) + 2 + 2 * fabs((double)c->shift) : 1, p = 2 * fabs(a) + 2;
    if (c->act == CLGLU_ACT_RELU2) p *= p;
    if (c->gate == CLGLU_ACT_RELU2) other *= other;
    e.by_a += 16 * U * fabs(at.by_a) + 4 * U * other;
    e.by_b += 16 * U * fabs(at.by_b) + 4 * U * p;
    e.h += 16 * U * fabs(at.h) + 4 * U * p * fabs((double)c->shift);
    return e;
}

static double error_of_input(const back *s, bool has, const float *w, const float *bias, size_t row, size_t f)
{
    const block_case *c = &s->k.c;
    if (!has) return 0;
    double size = size_of(s->b.x + row * c->d_model, 1, w + f, c->d_ff, c->d_model) + (bias ? fabs((double)bias[f]) : 0);
    return rounds_of(c->d_model) * U * size;
}

static errors errors_of(const back *s, const back_values *v)
{
    const block_case *c = &s->k.c;
    size_t out = block_cols(&s->b), n = c->rows * c->d_ff;
    errors e = {.da = room(3 * n)};
    e.db = e.da + n;
    e.h = e.db + n;
    for (size_t i = 0; i < n; i++) {
        size_t r = i / c->d_ff, f = i % c->d_ff;
        double ea = error_of_input(s, c->has_a, s->b.wa, c->bias_a ? s->b.ba : NULL, r, f);
        double eb = error_of_input(s, c->has_b, s->b.wb, c->bias_b ? s->b.bb : NULL, r, f);
        double size = c->has_d ? size_of(v->g + r * out, 1, s->b.wd + f * out, 1, out) : fabs((double)v->dh[i]);
        double e_dh = (c->has_d ? rounds_of(out) : 1) * U * size, dh = fabs((double)v->dh[i]) + e_dh;
        derived at = derive(c, (double)s->a[i], (double)s->gate[i]);
        derived d = uncertain(c, (double)s->a[i], ea, (double)s->gate[i], eb);
        e.da[i] = dh * d.by_a + e_dh * fabs(at.by_a);
        e.db[i] = dh * d.by_b + e_dh * fabs(at.by_b);
        e.h[i] = d.h;
    }
    return e;
}

/* How far an element may be off: its sum's roundings, and what its terms are off by. */
static double tolerance(const back *s, const back_values *v, const errors *e, gradient_name name, size_t row, size_t col)
{
    static const float one = 1;
    const block_case *c = &s->k.c;
    size_t n = c->rows, in = c->d_model, ff = c->d_ff, out = block_cols(&s->b);
    const float *x = s->b.x + row, *wa = s->b.wa + col * ff, *wb = s->b.wb + col * ff;
    double rounds = rounds_of(name == DX ? 2 * ff : n) * U, size = 0;
    switch (name) {
    case DX:
        if (!c->has_a) size += (1 + rounds) * e->da[row * ff + col] + rounds * fabs((double)v->da[row * ff + col]);
        if (c->has_a) size += carried(e->da + row * ff, 1, wa, 1, ff) + rounds * size_of(v->da + row * ff, 1, wa, 1, ff);
        if (c->has_b) size += carried(e->db + row * ff, 1, wb, 1, ff) + rounds * size_of(v->db + row * ff, 1, wb, 1, ff);
        return size;
    case DWA: return carried(e->da + col, ff, x, in, n) + rounds * size_of(v->da + col, ff, x, in, n);
    case DWB: return carried(e->db + col, ff, x, in, n) + rounds * size_of(v->db + col, ff, x, in, n);
    case DWD: return carried(e->h + row, ff, v->g + col, out, n) + rounds * size_of(v->h + row, ff, v->g + col, out, n);
    case DBA: return carried(e->da + col, ff, &one, 0, n) + rounds * size_of(v->da + col, ff, &one, 0, n);
    case DBB: return carried(e->db + col, ff, &one, 0, n) + rounds * size_of(v->db + col, ff, &one, 0, n);
    default: return rounds * size_of(v->g + col, out, &one, 0, n);
    }
}

/* How many elements of each gradient are beyond their tolerance, and in `worst` how far, in parts of it. */
static void judge(const back *s, size_t beyond[GRADIENTS], double worst[GRADIENTS])
{
    double *truth[GRADIENTS];
    back_values v = back_values_new(s);
    errors e = errors_of(s, &v);
    truth_of(s, truth);
    for (int i = 0; i < GRADIENTS; i++) {
        size_t cols = s->gradient[i].cols;
        beyond[i] = 0;
        worst[i] = 0;
        for (size_t j = 0; truth[i] && j < s->gradient[i].rows * cols; j++) {
            double t = tolerance(s, &v, &e, (gradient_name)i, j / cols, j % cols);
            double off = fabs((double)gradient_number(s, (gradient_name)i, j / cols, j % cols) - truth[i][j]);
            beyond[i] += !(off <= t);
            if (off > 0) worst[i] = fmax(worst[i], off / t);
        }
    }
    truth_free(truth);
    free(e.da);
    back_values_free(&v);
}

static void emulate(const back *s)
{
    ck_assert_int_eq(clglu_emulate_ffn_backward(&s->b.desc, &s->call, &s->arrays), CLGLU_OK);
}

/* Gradients in f32, of numbers of any dtype, not accumulated, from a and b computed again: as the reference has them. */
static back_case judged_case(uint64_t *state)
{
    back_case k = random_back_case(state);
    k.c.nature = PLAIN;
    k.dx_dtype = k.weights_dtype = CLGLU_F32;
    k.stored = k.accumulate = false;
    want_all(&k);
    return k;
}

START_TEST(the_emulation_is_as_near_as_its_roundings_allow)
{
    uint64_t state = 4000u + (uint64_t)_i;
    back_case k = judged_case(&state);
    back s = back_new(&k, &state);
    size_t beyond[GRADIENTS];
    double worst[GRADIENTS];
    char text[700];
    describe_back(&k, text, sizeof text);
    emulate(&s);
    judge(&s, beyond, worst);
    for (int i = 0; i < GRADIENTS; i++)
        ck_assert_msg(beyond[i] == 0, "%s: %zu of %zu elements are beyond their tolerance, by %g; %s", gradient_names[i],
                      beyond[i], s.gradient[i].rows * s.gradient[i].cols, worst[i], text);
    back_free(&s);
}
END_TEST

/* So the tolerance is no blank cheque: one row less, of 30, is seen nearly everywhere in the sums over rows. */
START_TEST(a_lost_row_is_not_near)
{
    uint64_t state = 5;
    back_case k = {.c = {.rows = 30, .d_model = 40, .d_ff = 50, .d_out = 30, .has_a = true, .has_b = true, .has_d = true,
                         .bias_a = true, .bias_b = true, .bias_d = true, .act = CLGLU_ACT_SILU}};
    want_all(&k);
    back s = back_new(&k, &state);
    size_t beyond[GRADIENTS];
    double worst[GRADIENTS];
    float kept[30], *row = (float *)s.inputs[0] + 20 * 30;
    memcpy(kept, row, sizeof kept);
    memset(row, 0, sizeof kept);
    emulate(&s);
    memcpy(row, kept, sizeof kept);
    judge(&s, beyond, worst);
    for (int i = DWA; i < GRADIENTS; i++)
        ck_assert_msg(beyond[i] * 100 > s.gradient[i].rows * s.gradient[i].cols * 80, "%s: only %zu", gradient_names[i],
                      beyond[i]);
    ck_assert_uint_eq(beyond[DX], 40);
    back_free(&s);
}
END_TEST

/* ---------------------------------------------------------------- its arguments */

START_TEST(rows_add_up)
{
    uint64_t state = 6;
    back_case k = {.c = {.rows = 300, .d_model = 40, .d_ff = 50, .d_out = 30, .has_a = true, .has_b = true, .has_d = true,
                         .bias_a = true, .bias_b = true, .bias_d = true, .act = CLGLU_ACT_SILU}};
    want_all(&k);
    back s = back_new(&k, &state);
    double *all[GRADIENTS], *first[GRADIENTS], *rest[GRADIENTS];
    truth_of(&s, all);
    s.call.rows = 170;
    truth_of(&s, first);
    s.call.rows = 130;
    s.call.x.offset = 170 * 40;
    s.call.dy.offset = 170 * 30;
    truth_of(&s, rest);
    for (int i = DWA; i < GRADIENTS; i++)
        for (size_t j = 0; j < s.gradient[i].rows * s.gradient[i].cols; j++)
            ck_assert_double_eq_tol(all[i][j], first[i][j] + rest[i][j], 1e-11);
    ck_assert_mem_eq(all[DX], first[DX], 170 * 40 * sizeof(double));
    ck_assert_mem_eq(all[DX] + 170 * 40, rest[DX], 130 * 40 * sizeof(double));
    truth_free(all);
    truth_free(first);
    truth_free(rest);
    back_free(&s);
}
END_TEST

/* Its results are doubles, dense, and not accumulated; a and b are computed again. */
START_TEST(the_reference_does_not_look_at_the_calls_outputs)
{
    uint64_t state = 8;
    back_case k = small_case(GATED, true);
    back s = back_new(&k, &state);
    double *want[GRADIENTS], *got[GRADIENTS];
    const clglu_view wrong = {SIZE_MAX, 1, 1};
    truth_of(&s, want);
    s.call.dx = s.call.dwa = s.call.dwb = s.call.dwd = s.call.dba = s.call.dbb = s.call.dbd = s.call.a = s.call.b = wrong;
    s.call.dx_dtype = s.call.ab_dtype = s.call.weights_dtype = (clglu_dtype)9;
    s.call.accumulate = 1;
    s.call.row_block = SIZE_MAX;
    truth_of(&s, got);
    for (int i = 0; i < GRADIENTS; i++)
        ck_assert_mem_eq(got[i], want[i], s.gradient[i].rows * s.gradient[i].cols * sizeof(double));
    truth_free(want);
    truth_free(got);
    back_free(&s);
}
END_TEST

Suite *backward_reference_suite(void);
Suite *backward_reference_suite(void)
{
    Suite *s = suite_create("backward_reference");
    TCase *t = tcase_create("reference");
    tcase_set_timeout(t, 60);
    tcase_add_loop_test(t, the_gradients_are_the_slopes_of_each_variant, 0, 10);
    tcase_add_loop_test(t, the_gradients_are_the_slopes_of_each_activation_as_act_and_as_gate, 0, CLGLU_ACT_COUNT);
    tcase_add_loop_test(t, the_emulation_is_as_near_as_its_roundings_allow, 0, CASES);
    tcase_add_test(t, a_lost_row_is_not_near);
    tcase_add_test(t, rows_add_up);
    tcase_add_test(t, the_reference_does_not_look_at_the_calls_outputs);
    suite_add_tcase(s, t);
    return s;
}
