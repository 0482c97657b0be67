/* device_route.c - for the tests on a device: one call by its three routes, and what came of it compared.
   SPDX-License-Identifier: MIT */

#include "device.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---------------------------------------------------------------- emulation and host twins */

clglu_status call_emulate(const call *c)
{
    void *const *p = c->at;
    clglu_act_desc act = act_desc_of(c);
    clglu_gate_desc gate = gate_desc_of(c);
    switch (c->op) {
    case ACT_FORWARD: return clglu_emulate_act_forward(&act, p[A], p[Y]);
    case ACT_BACKWARD: return clglu_emulate_act_backward(&act, p[DY], p[A], p[DA], p[DBIAS_A]);
    case GATE_FORWARD: return clglu_emulate_gate_forward(&gate, p[A], p[B], p[Y]);
    default:
        return clglu_emulate_gate_backward(&gate, p[DY], p[A], p[B], p[DA], p[DB], p[Y], p[DBIAS_A], p[DBIAS_B]);
    }
}

clglu_status call_on_host(clglu_context *ctx, const call *c)
{
    void *const *p = c->at;
    clglu_act_desc act = act_desc_of(c);
    clglu_gate_desc gate = gate_desc_of(c);
    switch (c->op) {
    case ACT_FORWARD: return clglu_act_forward_host(ctx, &act, p[A], p[Y]);
    case ACT_BACKWARD: return clglu_act_backward_host(ctx, &act, p[DY], p[A], p[DA], p[DBIAS_A]);
    case GATE_FORWARD: return clglu_gate_forward_host(ctx, &gate, p[A], p[B], p[Y]);
    default:
        return clglu_gate_backward_host(ctx, &gate, p[DY], p[A], p[B], p[DA], p[DB], p[Y], p[DBIAS_A], p[DBIAS_B]);
    }
}

/* ---------------------------------------------------------------- buffers */

buffers buffers_new(clglu_context *ctx, const call *c)
{
    buffers b = {{NULL}};
    for (operand o = 0; o < OPERANDS; o++) {
        if (!c->at[o]) continue;
        operand first = first_with(c, o);
        b.of[o] = first < o ? b.of[first] : buffer_new(ctx, c->at[o], array_bytes(c->at[o]));
        if (first < o) clRetainMemObject(b.of[o]);
    }
    return b;
}

clglu_status buffers_enqueue(clglu_context *ctx, cl_command_queue queue, const call *c, const buffers *b,
                             cl_uint nwait, const cl_event *wait, cl_event *event)
{
    const cl_mem *m = b->of;
    clglu_gate_desc gate = c->d;
    clglu_act_desc act = act_desc_of(c);
    gate.bias_a.buffer = act.bias.buffer = m[BIAS_A];
    gate.bias_b.buffer = m[BIAS_B];
    act.bias.host = NULL;
    switch (c->op) {
    case ACT_FORWARD: return clglu_act_forward(ctx, &act, queue, m[A], m[Y], nwait, wait, event);
    case ACT_BACKWARD:
        return clglu_act_backward(ctx, &act, queue, m[DY], m[A], m[DA], m[DBIAS_A], nwait, wait, event);
    case GATE_FORWARD: return clglu_gate_forward(ctx, &gate, queue, m[A], m[B], m[Y], nwait, wait, event);
    default:
        return clglu_gate_backward(ctx, &gate, queue, m[DY], m[A], m[B], m[DA], m[DB], m[Y], m[DBIAS_A], m[DBIAS_B],
                                   nwait, wait, event);
    }
}

void buffers_read(clglu_context *ctx, call *c, const buffers *b)
{
    for (operand o = 0; o < OPERANDS; o++)
        if (b->of[o]) buffer_read(ctx, b->of[o], c->at[o], array_bytes(c->at[o]));
}

void buffers_free(buffers *b)
{
    for (operand o = 0; o < OPERANDS; o++)
        if (b->of[o]) clReleaseMemObject(b->of[o]);
}

clglu_status call_on_buffers(clglu_context *ctx, cl_command_queue queue, call *c)
{
    buffers b = buffers_new(ctx, c);
    clglu_status s = buffers_enqueue(ctx, queue, c, &b, 0, NULL, NULL);
    if (queue) clFinish(queue);
    buffers_read(ctx, c, &b);
    buffers_free(&b);
    return s;
}

static void expect_ok(clglu_status s, const call *c, const char *what)
{
    char text[400];
    call_describe(c, text, sizeof text);
    ck_assert_msg(s == CLGLU_OK, "%s: %s (%s) for %s", what, clglu_status_name(s),
                  clglu_context_error(context()), text);
}

call call_made(const call *c)
{
    call got = call_copy(c);
    expect_ok(call_on_buffers(context(), NULL, &got), c, "on buffers");
    return got;
}

call call_emulated(const call *c)
{
    call want = call_copy(c);
    expect_ok(call_emulate(&want), c, "emulation");
    return want;
}

/* ---------------------------------------------------------------- comparing */

void call_describe(const call *c, char *text, size_t size)
{
    const clglu_gate_desc *d = &c->d;
    int n = snprintf(text, size, "%s act %d gate %d %s rounding %d alpha %g limit %g shift %g [%zu, %zu]",
                     operator_name(c->op), (int)d->act, (int)d->gate, clglu_dtype_name(d->dtype), (int)d->rounding,
                     (double)d->alpha, (double)d->limit, (double)d->shift, d->rows, d->cols);
    for (operand o = 0; o < OPERANDS && n > 0 && (size_t)n < size; o++) {
        clglu_view v = view_of(c, o);
        if (c->at[o]) n += snprintf(text + n, size - (size_t)n, " %s{%zu,%zu,%zu}", operand_name(o), v.offset, v.ld, v.inc);
    }
}

/* Finds the row and column of an array's element; false: it lies between the view's elements. */
static bool locate(const call *c, operand o, size_t i, size_t *row, size_t *col)
{
    for (*row = 0; *row < (has_view(o) ? c->d.rows : 1); ++*row)
        for (*col = 0; *col < c->d.cols; ++*col)
            if (place_of(c, o, *row, *col) == i) return true;
    return false;
}

static void say_difference(const call *got, const call *want, operand o, size_t i, char *text, size_t size)
{
    clglu_dtype t = dtype_of(want, o);
    double g = (double)element(t, got->at[o], i), w = (double)element(t, want->at[o], i);
    size_t row, col;
    int n = snprintf(text, size, "%s[%zu] is %a (0x%x), wanted %a (0x%x), %g ULP", operand_name(o), i, g,
                     (unsigned)element_bits(t, got->at[o], i), w, (unsigned)element_bits(t, want->at[o], i),
                     clglu_ulp(w, g, t));
    if (!locate(want, o, i, &row, &col)) return;
    n += snprintf(text + n, size - (size_t)n, " at (%zu, %zu)", row, col);
    for (operand in = 0; in < OPERANDS; in++)
        if (want->at[in] && !is_output(want->op, in) && (has_view(o) || !has_view(in)))
            n += snprintf(text + n, size - (size_t)n, " %s %a", operand_name(in),
                          (double)element(want->d.dtype, want->at[in], place_of(want, in, has_view(in) ? row : 0, col)));
}

/* In place the array of the inputs has been written over: the inputs are said as they are now. */
size_t call_differences(const call *got, const call *want, char *text, size_t size)
{
    size_t count = 0;
    double worst = -1;
    for (operand o = 0; o < OPERANDS; o++) {
        if (!want->at[o]) continue;
        clglu_dtype t = dtype_of(want, o);
        size_t n = array_bytes(want->at[o]) / clglu_dtype_size(t);
        for (size_t i = 0; i < n; i++) {
            if (same_bits(t, element_bits(t, got->at[o], i), element_bits(t, want->at[o], i))) continue;
            double ulp = clglu_ulp((double)element(t, want->at[o], i), (double)element(t, got->at[o], i), t);
            if (ulp > worst) say_difference(got, want, o, i, text, size);
            if (ulp > worst) worst = ulp;
            count++;
        }
    }
    return count;
}

static void mark(const call *c, operand o, unsigned char *written)
{
    for (size_t row = 0; row < (has_view(o) ? c->d.rows : 1); row++)
        for (size_t col = 0; col < c->d.cols; col++) written[place_of(c, o, row, col)] = 1;
}

/* Elements of one array that have changed and belong to no output. */
static size_t strays_of(const call *before, const call *after, operand array, char *text, size_t size)
{
    clglu_dtype t = dtype_of(before, array);
    size_t n = array_bytes(before->at[array]) / clglu_dtype_size(t), count = 0;
    unsigned char *written = array_new(n);
    memset(written, 0, n);
    for (operand o = 0; o < OPERANDS; o++)
        if (before->at[o] == before->at[array] && is_output(before->op, o)) mark(before, o, written);
    for (size_t i = 0; i < n; i++) {
        if (written[i] || element_bits(t, before->at[array], i) == element_bits(t, after->at[array], i)) continue;
        if (count++ == 0)
            snprintf(text, size, "element %zu of the array of %s was 0x%x and is 0x%x", i, operand_name(array),
                     (unsigned)element_bits(t, before->at[array], i), (unsigned)element_bits(t, after->at[array], i));
    }
    array_free(written);
    return count;
}

size_t call_strays(const call *before, const call *after, char *text, size_t size)
{
    size_t count = 0;
    for (operand o = 0; o < OPERANDS; o++)
        if (before->at[o] && first_with(before, o) == o) count += strays_of(before, after, o, text, size);
    return count;
}

void expect_same(const call *got, const call *want, const char *what)
{
    char text[1000] = "", line[500];
    size_t n = call_differences(got, want, text, sizeof text);
    call_describe(want, line, sizeof line);
    ck_assert_msg(n == 0, "%s: %zu differ, the worst: %s; %s", what, n, text, line);
}

void expect_no_stray(const call *before, const call *after, const char *what)
{
    char text[400] = "", line[500];
    size_t n = call_strays(before, after, text, sizeof text);
    call_describe(before, line, sizeof line);
    ck_assert_msg(n == 0, "%s: %zu elements outside the outputs are written: %s; %s", what, n, text, line);
}

void expect_right(const call *c, const char *what)
{
    call got = call_made(c), want = call_emulated(c);
    expect_same(&got, &want, what);
    expect_no_stray(c, &got, what);
    call_free(&got);
    call_free(&want);
}

void expect_same_elements(const call *got, const call *want, operand o, const char *what)
{
    clglu_dtype t = dtype_of(want, o);
    for (size_t row = 0; row < (has_view(o) ? want->d.rows : 1); row++)
        for (size_t col = 0; col < want->d.cols; col++) {
            uint32_t g = element_bits(t, got->at[o], place_of(got, o, row, col));
            uint32_t w = element_bits(t, want->at[o], place_of(want, o, row, col));
            ck_assert_msg(same_bits(t, g, w),
                          "%s: %s act %d gate %d: %s(%zu, %zu) in %s is %a (0x%x), wanted %a (0x%x)", what,
                          operator_name(want->op), (int)want->d.act, (int)want->d.gate, operand_name(o), row, col,
                          clglu_dtype_name(t), (double)number_of_bits(t, g), (unsigned)g,
                          (double)number_of_bits(t, w), (unsigned)w);
        }
}

void expect_same_results(const call *got, const call *want, const char *what)
{
    for (operand o = 0; o < OPERANDS; o++)
        if (is_output(want->op, o) && want->at[o] && got->at[o]) expect_same_elements(got, want, o, what);
}
