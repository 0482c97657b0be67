/* host_backward_bound.c - the backward's emulation beside its reference: as near as roundings allow.
   SPDX-License-Identifier: MIT */

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "host_backward.h"

enum { CASES = 150 };

static const double U = 0x1p-24;

/* By how much da, db and h may be off in f32, dense [rows, d_ff]. */
typedef struct errors {
    double *da, *db, *h;
} errors;

/* The roundings of a sum in the canonical order, and two for what is done to it. */
static double rounds_of(size_t terms) { return 130 + ceil((double)terms / 128); }

/* The sum of the sizes of x[i] y[i]. */
static double size_of(const float *x, size_t x_step, const float *y, size_t y_step, size_t terms)
{
    double size = 0;
    for (size_t i = 0; i < terms; i++) size += fabs((double)x[i * x_step] * (double)y[i * y_step]);
    return size;
}

/* How far the sum of x[i] y[i] may be off, x[i] being off by e[i], its products and additions rounded. */
static double sum_error(const double *e, const float *x, size_t x_step, const float *y, size_t y_step, size_t terms,
                        double rounds)
{
    double error = rounds * size_of(x, x_step, y, y_step, terms);
    for (size_t i = 0; i < terms; i++) error += (1 + rounds) * e[i * x_step] * fabs((double)y[i * y_step]);
    return error;
}

typedef struct derived {
    double by_a, by_b, h;
} derived;

static derived derive(const block_case *c, double a, double b)
{
    derived d = {0, 0, 0};
    clglu_gate_desc desc = {.act = c->act, .gate = c->gate, .alpha = c->alpha, .limit = c->limit, .shift = c->shift};
    if (c->has_b) {
        if (clglu_reference_gate_derivative(&desc, a, b, &d.by_a, &d.by_b) || clglu_reference_gate(&desc, a, b, &d.h))
            ck_abort_msg("the gate has no derivative");
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
    errors e = {.da = calloc(3 * n, sizeof(double))};
    ck_assert_ptr_nonnull(e.da);
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
    size_t at = row * ff;
    double rounds = rounds_of(name == DX ? 2 * ff : n) * U, of_dx = 0;
    switch (name) {
    case DX:
        if (!c->has_a) of_dx += sum_error(e->da + at + col, v->da + at + col, 1, &one, 0, 1, rounds);
        if (c->has_a) of_dx += sum_error(e->da + at, v->da + at, 1, wa, 1, ff, rounds);
        if (c->has_b) of_dx += sum_error(e->db + at, v->db + at, 1, wb, 1, ff, rounds);
        return of_dx;
    case DWA: return sum_error(e->da + col, v->da + col, ff, x, in, n, rounds);
    case DWB: return sum_error(e->db + col, v->db + col, ff, x, in, n, rounds);
    case DWD: return sum_error(e->h + row, v->h + row, ff, v->g + col, out, n, rounds);
    case DBA: return sum_error(e->da + col, v->da + col, ff, &one, 0, n, rounds);
    case DBB: return sum_error(e->db + col, v->db + col, ff, &one, 0, n, rounds);
    default: return rounds * size_of(v->g + col, out, &one, 0, n);
    }
}

/* How many elements of each gradient are beyond their tolerance, and in `worst` how far, in parts of it. */
static void judge(const back *s, size_t beyond[GRADIENTS], double worst[GRADIENTS])
{
    double *truth[GRADIENTS];
    back_values v = back_values_new(s);
    errors e = errors_of(s, &v);
    truth_new(s, truth);
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
    back_case k = swiglu_case(30);
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

Suite *backward_bound_suite(void);
Suite *backward_bound_suite(void)
{
    Suite *s = suite_create("backward_bound");
    TCase *t = tcase_create("bound");
    tcase_set_timeout(t, 60);
    tcase_add_loop_test(t, the_emulation_is_as_near_as_its_roundings_allow, 0, CASES);
    tcase_add_test(t, a_lost_row_is_not_near);
    suite_add_tcase(s, t);
    return s;
}
