/* device_ffn_route.c - for the tests of the feed-forward block: one case by its routes, what came of it
   compared and judged. SPDX-License-Identifier: MIT */

#include "device_ffn.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---------------------------------------------------------------- making a block */

clglu_ffn_desc ffn_desc_on_device(clglu_context *ctx, const ffn_case *c)
{
    clglu_ffn_desc d = c->desc;
    for (ffn_matrix m = WA; m <= WD; m++) {
        clglu_weights *w = ffn_weights(&d, m);
        clglu_bias *b = ffn_bias(&d, m);
        bool shares_w = m == WB && w->host == c->desc.wa.host,
             shares_b = m == WB && b->host == c->desc.ba.host;
        if (w->host) w->buffer = shares_w ? d.wa.buffer : buffer_new(ctx, w->host, array_bytes(w->host));
        if (b->host) b->buffer = shares_b ? d.ba.buffer : buffer_new(ctx, b->host, array_bytes(b->host));
        if (w->host && shares_w) clRetainMemObject(w->buffer);
        if (b->host && shares_b) clRetainMemObject(b->buffer);
        w->host = b->host = NULL;
    }
    return d;
}

void ffn_desc_release(clglu_ffn_desc *d)
{
    for (ffn_matrix m = WA; m <= WD; m++) {
        if (ffn_weights(d, m)->buffer) clReleaseMemObject(ffn_weights(d, m)->buffer);
        if (ffn_bias(d, m)->buffer) clReleaseMemObject(ffn_bias(d, m)->buffer);
    }
}

static void expect_ok(clglu_status s, clglu_context *ctx, const ffn_case *c, const char *what)
{
    char text[600];
    if (s == CLGLU_OK) return;
    ffn_describe(c, text, sizeof text);
    ck_abort_msg("%s: %s (%s) for %s", what, clglu_status_name(s), clglu_context_error(ctx), text);
}

clglu_ffn *ffn_create(clglu_context *ctx, const ffn_case *c, ffn_source source)
{
    clglu_ffn *ffn = NULL;
    clglu_ffn_desc d = source == FROM_DEVICE ? ffn_desc_on_device(ctx, c) : c->desc;
    expect_ok(clglu_ffn_create(ctx, &d, &ffn), ctx, c, "create");
    if (source == FROM_DEVICE) ffn_desc_release(&d);
    ck_assert_ptr_nonnull(ffn);
    return ffn;
}

/* ---------------------------------------------------------------- routes */

ffn_buffers ffn_buffers_new(clglu_context *ctx, const ffn_case *c)
{
    ffn_buffers b = {{NULL}};
    for (ffn_array f = FX; f < FFN_ARRAYS; f++) {
        if (!c->at[f]) continue;
        bool shares = f == FB && c->at[FA] == c->at[FB];
        b.of[f] = shares ? b.of[FA] : buffer_new(ctx, c->at[f], array_bytes(c->at[f]));
        if (shares) clRetainMemObject(b.of[f]);
    }
    return b;
}

clglu_status ffn_enqueue(clglu_ffn *ffn, const ffn_case *c, cl_command_queue queue, const ffn_buffers *b,
                         cl_mem workspace, cl_uint nwait, const cl_event *wait, cl_event *event)
{
    return clglu_ffn_forward(ffn, &c->call, queue, b->of[FX], b->of[FY], b->of[FA], b->of[FB], workspace,
                             nwait, wait, event);
}

void ffn_buffers_read(clglu_context *ctx, ffn_case *c, const ffn_buffers *b)
{
    for (ffn_array f = FX; f < FFN_ARRAYS; f++)
        if (b->of[f]) buffer_read(ctx, b->of[f], c->at[f], array_bytes(c->at[f]));
}

void ffn_buffers_free(ffn_buffers *b)
{
    for (ffn_array f = FX; f < FFN_ARRAYS; f++)
        if (b->of[f]) clReleaseMemObject(b->of[f]);
}

clglu_status ffn_run(clglu_context *ctx, clglu_ffn *ffn, ffn_case *c, ffn_route route)
{
    if (route == ON_HOST)
        return clglu_ffn_forward_host(ffn, &c->call, c->at[FX], c->at[FY], c->at[FA], c->at[FB]);
    ffn_buffers b = ffn_buffers_new(ctx, c);
    clglu_status s = ffn_enqueue(ffn, c, NULL, &b, NULL, 0, NULL, NULL);
    ffn_buffers_read(ctx, c, &b);
    ffn_buffers_free(&b);
    return s;
}

clglu_status ffn_emulate(ffn_case *c)
{
    return clglu_emulate_ffn_forward(&c->desc, &c->call, c->at[FX], c->at[FY], c->at[FA], c->at[FB]);
}

ffn_case ffn_made(clglu_context *ctx, clglu_ffn *ffn, const ffn_case *c, ffn_route route)
{
    ffn_case got = ffn_copy(c);
    expect_ok(ffn_run(ctx, ffn, &got, route), ctx, c, route == ON_HOST ? "host twin" : "on buffers");
    return got;
}

ffn_case ffn_emulated(const ffn_case *c)
{
    ffn_case want = ffn_copy(c);
    expect_ok(ffn_emulate(&want), context(), c, "emulation");
    return want;
}

size_t ffn_choices(const clglu_ffn *ffn, size_t rows, clglu_ffn_choice choices[FFN_CHOICES])
{
    size_t n = 0;
    while (n < FFN_CHOICES && clglu_ffn_choice_at(ffn, rows, n, &choices[n]) == CLGLU_OK) n++;
    ck_assert_msg(n > 0 && n < FFN_CHOICES, "%zu choices for %zu rows", n, rows);
    return n;
}

/* ---------------------------------------------------------------- comparing */

static bool locate(const ffn_case *c, ffn_array array, size_t i, size_t *row, size_t *col)
{
    for (*row = 0; *row < c->call.rows; ++*row)
        for (*col = 0; *col < ffn_cols(c, array); ++*col)
            if (ffn_place(c, array, *row, *col) == i) return true;
    return false;
}

static void say_difference(const ffn_case *got, const ffn_case *want, ffn_array array, size_t i, char *text,
                           size_t size)
{
    clglu_dtype t = ffn_dtype(want, array);
    size_t row, col;
    int n = snprintf(text, size, "%s[%zu]", ffn_array_name(array), i);
    if (locate(want, array, i, &row, &col))
        n += snprintf(text + n, size - (size_t)n, " at (%zu, %zu)", row, col);
    n += snprintf(text + n, size - (size_t)n, " is %a (0x%x), wanted %a (0x%x); ",
                  (double)element(t, got->at[array], i), (unsigned)element_bits(t, got->at[array], i),
                  (double)element(t, want->at[array], i), (unsigned)element_bits(t, want->at[array], i));
    ffn_describe(want, text + n, size - (size_t)n);
}

bool ffn_same(const ffn_case *got, const ffn_case *want, char *text, size_t size)
{
    for (ffn_array f = FX; f < FFN_ARRAYS; f++) {
        if (!want->at[f]) continue;
        clglu_dtype t = ffn_dtype(want, f);
        size_t n = array_bytes(want->at[f]) / clglu_dtype_size(t);
        for (size_t i = 0; i < n; i++) {
            if (same_bits(t, element_bits(t, got->at[f], i), element_bits(t, want->at[f], i))) continue;
            say_difference(got, want, f, i, text, size);
            return false;
        }
    }
    return true;
}

void expect_ffn_same(const ffn_case *got, const ffn_case *want, const char *what)
{
    char text[1000];
    if (!ffn_same(got, want, text, sizeof text)) ck_abort_msg("%s: %s", what, text);
}

static void mark(const ffn_case *c, ffn_array array, unsigned char *written)
{
    for (size_t row = 0; row < c->call.rows; row++)
        for (size_t col = 0; col < ffn_cols(c, array); col++) written[ffn_place(c, array, row, col)] = 1;
}

void expect_only(const unsigned char *written, clglu_dtype t, const void *before, const void *after, const char *what,
                 const char *name)
{
    size_t n = array_bytes(before) / clglu_dtype_size(t);
    for (size_t i = 0; i < n; i++) {
        uint32_t was = element_bits(t, before, i), is = element_bits(t, after, i);
        ck_assert_msg(written[i] || was == is, "%s: element %zu of the array of %s was 0x%x and is 0x%x", what, i, name,
                      (unsigned)was, (unsigned)is);
    }
}

static void expect_no_stray_in(const ffn_case *before, const ffn_case *after, ffn_array array,
                               const char *what)
{
    clglu_dtype t = ffn_dtype(before, array);
    size_t n = array_bytes(before->at[array]) / clglu_dtype_size(t);
    unsigned char *written = calloc(n, 1);
    ck_assert_ptr_nonnull(written);
    for (ffn_array f = FY; f < FFN_ARRAYS; f++)
        if (before->at[f] == before->at[array]) mark(before, f, written);
    expect_only(written, t, before->at[array], after->at[array], what, ffn_array_name(array));
    free(written);
}

void expect_ffn_no_stray(const ffn_case *before, const ffn_case *after, const char *what)
{
    for (ffn_array f = FX; f < FFN_ARRAYS; f++)
        if (before->at[f]) expect_no_stray_in(before, after, f, what);
}

void expect_ffn_row(const ffn_case *got, size_t row, const ffn_case *want, size_t other, ffn_array array,
                    const char *what)
{
    for (size_t col = 0; col < ffn_cols(want, array); col++) {
        uint32_t g = ffn_get_bits(got, array, row, col), w = ffn_get_bits(want, array, other, col);
        char text[600];
        if (same_bits(ffn_dtype(want, array), g, w)) continue;
        ffn_describe(got, text, sizeof text);
        ck_abort_msg("%s: row %zu of %s is 0x%x in column %zu, row %zu of the other 0x%x; %s", what, row,
                     ffn_array_name(array), (unsigned)g, col, other, (unsigned)w, text);
    }
}

/* ---------------------------------------------------------------- judging */

static double worst_ratio;

double ffn_worst_ratio(void) { return worst_ratio; }

static double rounded(clglu_dtype t, double x)
{
    return (double)number_of_bits(t, bits_of_number(t, (float)x));
}

/* Rounding is monotone: what lies between two numbers lies between them rounded. */
static bool within(clglu_dtype t, double got, double want, double bound)
{
    if (isinf(bound)) return true;
    if (!clglu_context_facts(context())->subnormals) bound += 0x1p-126;
    return got >= rounded(t, want - bound) && got <= rounded(t, want + bound);
}

/* The error beyond the rounding to y_dtype, in parts of the bound. */
static void note_ratio(clglu_dtype t, double got, double want, double bound)
{
    double error = fabs(got - want), ulp = clglu_ulp(want, got, t);
    if (t != CLGLU_F32) error = ulp <= 0.5 ? 0 : error * (1 - 0.5 / ulp);
    if (isfinite(error) && isfinite(bound) && error > worst_ratio * bound) worst_ratio = error / bound;
}

void expect_ffn_judged(const ffn_case *c, const char *what)
{
    size_t cols = ffn_cols(c, FY), n = c->call.rows * cols;
    double *want = malloc(n * sizeof *want), *bound = malloc(n * sizeof *bound);
    char text[600];
    ffn_describe(c, text, sizeof text);
    ck_assert_msg(want && bound, "no memory");
    ck_assert_int_eq(clglu_reference_ffn(&c->desc, &c->call, c->at[FX], want, bound), CLGLU_OK);
    for (size_t i = 0; i < n; i++) {
        double got = (double)ffn_get(c, FY, i / cols, i % cols);
        ck_assert_msg(bound[i] >= 0, "%s: the bound is %g; %s", what, bound[i], text);
        ck_assert_msg(within(c->call.y_dtype, got, want[i], bound[i]),
                      "%s: (%zu, %zu) is %a, wanted %a, the bound is %g, the error %g; %s", what, i / cols,
                      i % cols, got, want[i], bound[i], fabs(got - want[i]), text);
        note_ratio(c->call.y_dtype, got, want[i], bound[i]);
    }
    free(want);
    free(bound);
}

void expect_ffn_right(clglu_ffn *ffn, const ffn_case *c, ffn_route route, const char *what)
{
    ffn_case want = ffn_emulated(c), got = ffn_made(context(), ffn, c, route);
    expect_ffn_same(&got, &want, what);
    expect_ffn_no_stray(c, &got, what);
    expect_ffn_judged(&got, what);
    ffn_free(&got);
    ffn_free(&want);
}
