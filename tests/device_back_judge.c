/* device_back_judge.c - for the tests of the block's backward: gradients beside the reference's, with the
   errors that canonical sums of f32 may make carried through to the end. SPDX-License-Identifier: MIT */

#include "device_back.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define U 0x1p-24

/* Dense; `error` says how far off the numbers may be. */
typedef struct numbers {
    double *value, *error;
} numbers;

/* Sizes of the factors of all sums, and what one such factor adds to the error of a sum. */
typedef struct errors {
    size_t rows, in, ff, out;
    double *x, *g, *w[FFN_MATRICES];
    double *da, *db, *h, *of_g;
} errors;

static double *room(size_t count)
{
    double *p = calloc(count ? count : 1, sizeof *p);
    ck_assert_ptr_nonnull(p);
    return p;
}

static numbers numbers_new(size_t count) { return (numbers){room(count), room(count)}; }

static void numbers_free(numbers *n)
{
    free(n->value);
    free(n->error);
}

/* ---------------------------------------------------------------- a, b and dh */

/* x W + bias by the reference: a plain block of the identity. */
static numbers projected(const back_case *c, clglu_weights w, clglu_bias bias, size_t in, size_t out,
                         const clglu_ffn_call *k, const void *x)
{
    numbers n = numbers_new(k->rows * out);
    clglu_ffn_desc d = {.d_model = in, .d_ff = out, .wa = w, .ba = bias, .dtype = c->ffn.desc.dtype};
    ck_assert_int_eq(clglu_reference_ffn(&d, k, x, n.value, n.error), CLGLU_OK);
    return n;
}

static numbers widened(const back_case *c, back_array g)
{
    size_t cols = back_cols(c, g), count = c->call.rows * cols;
    numbers n = numbers_new(count);
    for (size_t i = 0; i < count; i++)
        n.value[i] = g == GX ? (double)ffn_get(&c->ffn, FX, i / cols, i % cols)
                             : (double)back_get(c, g, i / cols, i % cols);
    return n;
}

/* An input of act or gate; it may have been rounded to 16 bits. */
static numbers input(const back_case *c, ffn_matrix m)
{
    static const double halves[DTYPES] = {U / 2, 0x1p-11, 0x1p-8};
    size_t count = c->call.rows * back_cols(c, GA);
    clglu_ffn_call k = {.rows = c->call.rows, .x = c->ffn.call.x, .x_dtype = c->call.x_dtype};
    clglu_ffn_desc d = c->ffn.desc;
    if (!back_has(c, m)) return m == WA ? widened(c, GX) : numbers_new(count);
    numbers n =
        projected(c, *ffn_weights(&d, m), *ffn_bias(&d, m), d.d_model, back_cols(c, GA), &k, c->ffn.at[FX]);
    for (size_t i = 0; c->at[m == WA ? GA : GB] && i < count; i++)
        n.error[i] += halves[c->call.ab_dtype] * fabs(n.value[i]) + 0x1p-24;
    return n;
}

static numbers output_gradient(const back_case *c)
{
    size_t count = c->call.rows * back_cols(c, GA);
    double scale = c->call.scale != 0 ? fabs((double)c->call.scale) : 1;
    clglu_ffn_call k = {.rows = c->call.rows, .x = c->call.dy, .x_dtype = c->call.dy_dtype};
    clglu_weights w = c->ffn.desc.wd;
    w.view = (clglu_view){w.view.offset, w.view.inc, w.view.ld};
    numbers n = back_has(c, WD)
                    ? projected(c, w, (clglu_bias){0}, back_cols(c, GDY), back_cols(c, GA), &k, c->at[GDY])
                    : widened(c, GDY);
    for (size_t i = 0; i < count; i++) {
        n.value[i] *= scale;
        n.error[i] = n.error[i] * scale + 2 * U * fabs(n.value[i]);
    }
    return n;
}

/* ---------------------------------------------------------------- da, db and h */

/* An activation of one number, and its derivative. */
typedef struct activated {
    double y, y_error, d, d_error;
} activated;

/* An error in x that may take it over a corner of the activation or the clamp changes the derivative. */
static activated activate(clglu_act act, double alpha, double limit, double shift, double x, double error)
{
    double size = fabs(x), at = limit != 0 && size > limit ? copysign(limit, x) : x;
    bool corner = size <= error || (limit != 0 && fabs(size - limit) <= error);
    activated r = {.y = clglu_reference_act(act, alpha, at) + shift,
                   .d = clglu_reference_act_derivative(act, alpha, at)};
    r.y_error = 2 * (1 + size) * error + 8 * U * (fabs(r.y) + fabs(shift));
    r.d_error = 2 * alpha * error + 8 * U * fabs(r.d) + 0x1p-26 + (corner ? 2 * (1 + size) : 0);
    r.y = fabs(r.y);
    r.d = fabs(r.d);
    return r;
}

/* What a factor of a sum of so many terms adds. */
static double part(size_t terms, double value, double error)
{
    return error + (132 + (double)terms / 128) * U * value;
}

static void derive(const back_case *c, errors *e)
{
    const clglu_ffn_desc *k = &c->ffn.desc;
    numbers a = input(c, WA), b = input(c, WB), dh = output_gradient(c);
    double alpha = k->alpha != 0 ? (double)k->alpha : 1, limit = (double)k->limit;
    for (size_t i = 0; i < e->rows * e->ff; i++) {
        activated p = activate(k->act, alpha, limit, 0, a.value[i], a.error[i]), q = {.y = 1};
        double v = fabs(dh.value[i]), error = dh.error[i];
        if (back_has(c, WB)) q = activate(k->gate, 1, limit, (double)k->shift, b.value[i], b.error[i]);
        e->da[i] = part(2 * e->ff + e->rows, v * q.y * p.d,
                        error * q.y * p.d + v * (q.y_error * p.d + q.y * p.d_error));
        e->db[i] = part(2 * e->ff + e->rows, v * p.y * q.d,
                        error * p.y * q.d + v * (p.y_error * q.d + p.y * q.d_error));
        e->h[i] = part(e->rows, p.y * q.y, p.y_error * q.y + p.y * q.y_error);
    }
    numbers_free(&a);
    numbers_free(&b);
    numbers_free(&dh);
}

static double *weights_of(const back_case *c, ffn_matrix m, size_t in, size_t out)
{
    if (!back_has(c, m)) return NULL;
    double *w = room(in * out);
    for (size_t k = 0; k < in; k++)
        for (size_t n = 0; n < out; n++) w[k * out + n] = fabs((double)ffn_weight(&c->ffn, m, k, n));
    return w;
}

static errors errors_new(const back_case *c)
{
    errors e = {
        .rows = c->call.rows, .in = back_cols(c, GX), .ff = back_cols(c, GA), .out = back_cols(c, GDY)};
    size_t n = e.rows * e.ff;
    double scale = c->call.scale != 0 ? (double)c->call.scale : 1;
    numbers x = widened(c, GX), g = widened(c, GDY);
    e.x = x.value;
    e.g = g.value;
    free(x.error);
    e.of_g = g.error;
    for (size_t i = 0; i < e.rows * e.in; i++) e.x[i] = fabs(e.x[i]);
    for (size_t i = 0; i < e.rows * e.out; i++) {
        e.g[i] = fabs(e.g[i] * scale);
        e.of_g[i] = part(e.rows, e.g[i], 0);
    }
    for (ffn_matrix m = WA; m <= WD; m++)
        e.w[m] = weights_of(c, m, m == WD ? e.ff : e.in, m == WD ? e.out : e.ff);
    e.da = room(n);
    e.db = room(n);
    e.h = room(n);
    derive(c, &e);
    return e;
}

static void errors_free(errors *e)
{
    double *all[] = {e->x, e->g, e->of_g, e->w[WA], e->w[WB], e->w[WD], e->da, e->db, e->h};
    for (size_t i = 0; i < COUNT(all); i++) free(all[i]);
}

/* ---------------------------------------------------------------- sums */

/* to[r, c] += sum of x[r, t] * w[t, c]. */
static void add_products(double *to, size_t rows, size_t terms, size_t cols, const double *x, size_t ld,
                         size_t inc, const double *w, size_t w_ld, size_t w_inc)
{
    for (size_t r = 0; w && r < rows; r++)
        for (size_t t = 0; t < terms; t++)
            for (size_t c = 0; c < cols; c++)
                to[r * cols + c] += x[r * ld + t * inc] * w[t * w_ld + c * w_inc];
}

/* What a gradient may be off, dense. */
static double *allowed_for(const back_case *c, const errors *e, back_array g)
{
    static const double one = 1;
    size_t rows = back_rows(c, g), cols = back_cols(c, g);
    double *to = room(rows * cols);
    const double *d = g == GDWA || g == GDBA ? e->da : g == GDWB || g == GDBB ? e->db : e->of_g;
    if (g == GDX) {
        for (size_t i = 0; !e->w[WA] && i < rows * cols; i++) to[i] = e->da[i];
        add_products(to, rows, e->ff, cols, e->da, e->ff, 1, e->w[WA], 1, e->ff);
        add_products(to, rows, e->ff, cols, e->db, e->ff, 1, e->w[WB], 1, e->ff);
    } else if (g == GDWD) {
        add_products(to, rows, e->rows, cols, e->h, 1, rows, e->g, cols, 1);
    } else if (g < GDWD) {
        add_products(to, rows, e->rows, cols, e->x, 1, rows, d, cols, 1);
    } else {
        add_products(to, 1, e->rows, cols, &one, 0, 0, d, cols, 1);
    }
    return to;
}

/* ---------------------------------------------------------------- judging */

static double worst_ratio;

double back_worst_ratio(void) { return worst_ratio; }

static double rounded(clglu_dtype t, double x)
{
    return (double)number_of_bits(t, bits_of_number(t, (float)x));
}

/* Rounding is monotone: what lies between two numbers lies between them rounded. */
static bool is_within(clglu_dtype t, double got, double want, double allowed)
{
    double error = fabs(got - want);
    if (t == CLGLU_F32 && isfinite(allowed) && error > worst_ratio * allowed) worst_ratio = error / allowed;
    return got >= rounded(t, want - allowed) && got <= rounded(t, want + allowed);
}

static void judge_gradient(const back_case *before, const back_case *after, const errors *e, back_array g,
                           const double *want, const char *what)
{
    double *allowed = allowed_for(before, e, g);
    size_t cols = back_cols(before, g);
    bool adds = before->call.accumulate && g != GDX;
    char text[1000];
    for (size_t i = 0; i < back_rows(before, g) * cols; i++) {
        double old = adds ? (double)back_get(before, g, i / cols, i % cols) : 0;
        double got = (double)back_get(after, g, i / cols, i % cols), most = allowed[i];
        most += part(e->rows, fabs(old), 0) + 0x1p-100; /* what a device flushes */
        if (is_within(back_dtype(before, g), got, want[i] + old, most)) continue;
        back_describe(before, text, sizeof text);
        ck_abort_msg("%s: %s at (%zu, %zu) is %a, the reference's %a, %g away where %g is allowed; %s", what,
                     back_name(g), i / cols, i % cols, got, want[i] + old, fabs(got - want[i] - old), most,
                     text);
    }
    free(allowed);
}

void expect_back_judged(const back_case *before, const back_case *after, const char *what)
{
    double *want[BACK_ARRAYS] = {NULL};
    clglu_ffn_backward_call k = before->call;
    if (k.rows == 0) return;
    for (back_array g = GDX; g < GFLAG; g++)
        if (before->at[g]) want[g] = room(back_rows(before, g) * back_cols(before, g));
    clglu_ffn_gradients_double all = {want[GDX],  want[GDWA], want[GDWB], want[GDWD],
                                      want[GDBA], want[GDBB], want[GDBD]};
    k.x = before->ffn.call.x;
    clglu_status s =
        clglu_reference_ffn_backward(&before->ffn.desc, &k, before->at[GDY], before->ffn.at[FX], &all);
    ck_assert_msg(s == CLGLU_OK, "%s: the reference: %s", what, clglu_status_name(s));
    errors e = errors_new(before);
    for (back_array g = GDX; g < GFLAG; g++) {
        if (want[g]) judge_gradient(before, after, &e, g, want[g], what);
        free(want[g]);
    }
    errors_free(&e);
}
