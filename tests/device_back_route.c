/* device_back_route.c - for the tests of the block's backward: one case by its routes, and what came of it
   compared. SPDX-License-Identifier: MIT */

#include "device_back.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---------------------------------------------------------------- routes */

back_buffers back_buffers_new(clglu_context *ctx, const back_case *c)
{
    back_buffers b = {{NULL}};
    for (back_array g = GDY; g < BACK_ARRAYS; g++) {
        bool shares = g > GDY && c->at[g] && c->at[g - 1] == c->at[g];
        if (!c->at[g]) continue;
        b.of[g] = shares ? b.of[g - 1] : buffer_new(ctx, c->at[g], array_bytes(c->at[g]));
        if (shares) clRetainMemObject(b.of[g]);
    }
    return b;
}

clglu_status back_enqueue(clglu_ffn *ffn, const back_case *c, cl_command_queue queue, const back_buffers *b,
                          cl_mem workspace, cl_uint nwait, const cl_event *wait, cl_event *event)
{
    const cl_mem *of = b->of;
    clglu_ffn_gradients g = {.dy = of[GDY],
                             .x = of[GX],
                             .a = of[GA],
                             .b = of[GB],
                             .dx = of[GDX],
                             .dwa = of[GDWA],
                             .dwb = of[GDWB],
                             .dwd = of[GDWD],
                             .dba = of[GDBA],
                             .dbb = of[GDBB],
                             .dbd = of[GDBD],
                             .overflow = of[GFLAG],
                             .workspace = workspace};
    return clglu_ffn_backward(ffn, &c->call, queue, &g, nwait, wait, event);
}

void back_buffers_read(clglu_context *ctx, back_case *c, const back_buffers *b)
{
    for (back_array g = GDY; g < BACK_ARRAYS; g++)
        if (b->of[g]) buffer_read(ctx, b->of[g], c->at[g], array_bytes(c->at[g]));
}

void back_buffers_free(back_buffers *b)
{
    for (back_array g = GDY; g < BACK_ARRAYS; g++)
        if (b->of[g]) clReleaseMemObject(b->of[g]);
}

clglu_ffn_gradients_host back_host(const back_case *c)
{
    void *const *at = c->at;
    return (clglu_ffn_gradients_host){.dy = at[GDY],
                                      .x = at[GX],
                                      .a = at[GA],
                                      .b = at[GB],
                                      .dx = at[GDX],
                                      .dwa = at[GDWA],
                                      .dwb = at[GDWB],
                                      .dwd = at[GDWD],
                                      .dba = at[GDBA],
                                      .dbb = at[GDBB],
                                      .dbd = at[GDBD],
                                      .overflow = at[GFLAG]};
}

clglu_status back_run(clglu_context *ctx, clglu_ffn *ffn, back_case *c, ffn_route route)
{
    clglu_ffn_gradients_host arrays = back_host(c);
    if (route == ON_HOST) return clglu_ffn_backward_host(ffn, &c->call, &arrays);
    back_buffers b = back_buffers_new(ctx, c);
    clglu_status s = back_enqueue(ffn, c, NULL, &b, NULL, 0, NULL, NULL);
    back_buffers_read(ctx, c, &b);
    back_buffers_free(&b);
    return s;
}

clglu_status back_emulate(back_case *c)
{
    clglu_ffn_gradients_host arrays = back_host(c);
    return clglu_emulate_ffn_backward(&c->ffn.desc, &c->call, &arrays);
}

static void expect_ok(clglu_status s, clglu_context *ctx, const back_case *c, const char *what)
{
    char text[1000];
    if (s == CLGLU_OK) return;
    back_describe(c, text, sizeof text);
    ck_abort_msg("%s: %s (%s) for %s", what, clglu_status_name(s), clglu_context_error(ctx), text);
}

back_case back_made(clglu_context *ctx, clglu_ffn *ffn, const back_case *c, ffn_route route)
{
    back_case got = back_copy(c);
    expect_ok(back_run(ctx, ffn, &got, route), ctx, c, route == ON_HOST ? "host twin" : "on buffers");
    return got;
}

back_case back_emulated(const back_case *c)
{
    back_case want = back_copy(c);
    expect_ok(back_emulate(&want), context(), c, "emulation");
    return want;
}

/* ---------------------------------------------------------------- comparing */

/* The flag is no number that a device could flush. */
static bool alike(const back_case *c, back_array g, uint32_t got, uint32_t want)
{
    return g == GFLAG ? got == want : same_bits(back_dtype(c, g), got, want);
}

static bool locate(const back_case *c, back_array g, size_t i, size_t *row, size_t *col)
{
    for (*row = 0; *row < back_rows(c, g); ++*row)
        for (*col = 0; *col < back_cols(c, g); ++*col)
            if (back_place(c, g, *row, *col) == i) return true;
    return false;
}

static void say_difference(const back_case *got, const back_case *want, back_array g, size_t i, char *text,
                           size_t size)
{
    clglu_dtype t = back_dtype(want, g);
    size_t row, col;
    int n = snprintf(text, size, "%s[%zu]", back_name(g), i);
    if (locate(want, g, i, &row, &col)) n += snprintf(text + n, size - (size_t)n, " at (%zu, %zu)", row, col);
    n += snprintf(text + n, size - (size_t)n, " is %a (0x%x), wanted %a (0x%x); ",
                  (double)element(t, got->at[g], i), (unsigned)element_bits(t, got->at[g], i),
                  (double)element(t, want->at[g], i), (unsigned)element_bits(t, want->at[g], i));
    back_describe(want, text + n, size - (size_t)n);
}

bool back_same(const back_case *got, const back_case *want, char *text, size_t size)
{
    for (back_array g = GDY; g < BACK_ARRAYS; g++) {
        clglu_dtype t = back_dtype(want, g);
        size_t n = want->at[g] ? array_bytes(want->at[g]) / clglu_dtype_size(t) : 0;
        for (size_t i = 0; i < n; i++) {
            if (alike(want, g, element_bits(t, got->at[g], i), element_bits(t, want->at[g], i))) continue;
            say_difference(got, want, g, i, text, size);
            return false;
        }
    }
    return true;
}

void expect_back_same(const back_case *got, const back_case *want, const char *what)
{
    char text[1500];
    if (!back_same(got, want, text, sizeof text)) ck_abort_msg("%s: %s", what, text);
}

void expect_back_operand(const back_case *got, const back_case *want, back_array g, const char *what)
{
    char text[1000];
    for (size_t r = 0; r < back_rows(want, g); r++)
        for (size_t n = 0; n < back_cols(want, g); n++) {
            uint32_t is = back_get_bits(got, g, r, n), wanted = back_get_bits(want, g, r, n);
            if (alike(want, g, is, wanted)) continue;
            back_describe(got, text, sizeof text);
            ck_abort_msg("%s: %s at (%zu, %zu) is %a (0x%x), wanted %a (0x%x); %s", what, back_name(g), r, n,
                         (double)back_get(got, g, r, n), (unsigned)is, (double)back_get(want, g, r, n),
                         (unsigned)wanted, text);
        }
}

static void mark(const back_case *c, back_array g, unsigned char *written)
{
    for (size_t r = 0; r < back_rows(c, g); r++)
        for (size_t n = 0; n < back_cols(c, g); n++) written[back_place(c, g, r, n)] = 1;
}

static void expect_no_stray_in(const back_case *before, const back_case *after, back_array g,
                               const char *what)
{
    clglu_dtype t = back_dtype(before, g);
    size_t n = array_bytes(before->at[g]) / clglu_dtype_size(t);
    unsigned char *written = calloc(n, 1);
    ck_assert_ptr_nonnull(written);
    for (back_array out = GDX; out < BACK_ARRAYS; out++)
        if (before->at[out] == before->at[g]) mark(before, out, written);
    expect_only(written, t, before->at[g], after->at[g], what, back_name(g));
    free(written);
}

void expect_back_no_stray(const back_case *before, const back_case *after, const char *what)
{
    for (back_array g = GDY; g < BACK_ARRAYS; g++)
        if (before->at[g]) expect_no_stray_in(before, after, g, what);
}

void expect_back_right(clglu_ffn *ffn, const back_case *c, ffn_route route, const char *what)
{
    back_case want = back_emulated(c), got = back_made(context(), ffn, c, route);
    expect_back_same(&got, &want, what);
    expect_back_no_stray(c, &got, what);
    expect_back_judged(c, &got, what);
    back_free(&got);
    back_free(&want);
}

void with_every_form(const back_case *c, back_question *ask, const char *what)
{
    clglu_ffn *ffn = ffn_create(context(), &c->ffn, FROM_HOST);
    clglu_ffn_choice choices[FFN_CHOICES];
    size_t n = ffn_choices(ffn, c->call.rows, choices);
    back_case want = back_emulated(c), with = *c;
    unsigned met = 0;
    for (size_t i = 0; i < n; i++) {
        if (met & 1u << choices[i].form) continue;
        met |= 1u << choices[i].form;
        with.call.choice = choices[i];
        back_case got = back_made(context(), ffn, &with, ON_BUFFERS);
        expect_back_same(&got, &want, what);
        expect_back_no_stray(c, &got, what);
        if (ask) ask(c, &got);
        back_free(&got);
    }
    back_free(&want);
    clglu_ffn_destroy(ffn);
}
