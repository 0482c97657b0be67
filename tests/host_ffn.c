/* host_ffn.c - blocks with their tensors, and a naive block, for the host's tests.
   SPDX-License-Identifier: MIT */

#include "host_ffn.h"

#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dtype.h"

enum { PATTERN = 0x5a };

/* ---------------------------------------------------------------- numbers */

uint32_t test_random(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*state >> 32);
}

size_t test_below(uint64_t *state, size_t n) { return test_random(state) % n; }

size_t dtype_bytes(clglu_dtype t) { return t == CLGLU_F32 ? 4 : 2; }

float number_at(clglu_dtype t, const void *array, size_t i)
{
    uint16_t half;
    float full;
    memcpy(&half, (const char *)array + 2 * i, 2);
    if (t != CLGLU_F32) return t == CLGLU_F16 ? clglu_f16_to_f32(half) : clglu_bf16_to_f32(half);
    memcpy(&full, (const char *)array + 4 * i, 4);
    return full;
}

void put_number(clglu_dtype t, void *array, size_t i, float x)
{
    uint16_t half = t == CLGLU_F16 ? clglu_f32_to_f16(x) : clglu_f32_to_bf16(x);
    if (t == CLGLU_F32)
        memcpy((char *)array + 4 * i, &x, 4);
    else
        memcpy((char *)array + 2 * i, &half, 2);
}

bool same_number(clglu_dtype t, const void *p, const void *q, size_t i)
{
    size_t size = dtype_bytes(t);
    return memcmp((const char *)p + i * size, (const char *)q + i * size, size) == 0 ||
           (isnan(number_at(t, p, i)) && isnan(number_at(t, q, i)));
}

static float uniform(uint64_t *state) { return (float)(int32_t)test_random(state) * 0x1p-31f; }

static float number(nature n, size_t i, uint64_t *state)
{
    float x = uniform(state);
    uint32_t u = test_random(state);
    switch (n) {
    case CANCELLING: return (i % 2 ? -1 : 1) * (1000 + 0x1p-6f * x);
    case HUGE_ONES: return x * 0x1p62f;
    case TINY_ONES: return x * 0x1p-73f;
    case WILD: memcpy(&x, &u, sizeof x); return x;
    default: return x;
    }
}

/* n random numbers that the dtype has. */
static float *numbers(nature kind, clglu_dtype t, size_t n, uint64_t *state)
{
    float *x = malloc(n * sizeof *x);
    char one[4];
    ck_assert_ptr_nonnull(x);
    for (size_t i = 0; i < n; i++) {
        put_number(t, one, 0, number(kind, i, state));
        x[i] = number_at(t, one, 0);
    }
    return x;
}

/* ---------------------------------------------------------------- cases */

static size_t some_size(uint64_t *state)
{
    static const size_t sizes[] = {1, 2, 7, 31, 64, 65, 127, 128, 129, 256, 257};
    return sizes[test_below(state, sizeof sizes / sizeof *sizes)];
}

static void random_parameters(block_case *c, uint64_t *state)
{
    c->act = (clglu_act)test_below(state, CLGLU_ACT_COUNT);
    if (c->act == CLGLU_ACT_SILU && test_below(state, 2)) c->alpha = 1.702f;
    if (!c->has_b) return;
    c->gate = test_below(state, 2) ? CLGLU_ACT_IDENTITY : (clglu_act)test_below(state, CLGLU_ACT_COUNT);
    c->limit = test_below(state, 3) ? 0 : 0.75f;
    c->shift = test_below(state, 3) ? 0 : 1;
}

block_case random_case(uint64_t *state)
{
    block_case c = {.rows = 1 + test_below(state, 9), .d_model = some_size(state), .d_ff = some_size(state),
                    .d_out = some_size(state), .strided = test_below(state, 2)};
    if (test_below(state, 8) == 0) c.rows = 127 + test_below(state, 4);
    while (c.rows > 2 && c.rows * c.d_ff * (2 * c.d_model + c.d_out) > 8000000) c.rows /= 2;
    c.has_a = test_below(state, 8) != 0;
    c.has_b = !c.has_a || test_below(state, 4) != 0;
    c.has_d = test_below(state, 4) != 0;
    if (!c.has_a) c.d_ff = c.d_model;
    c.bias_a = c.has_a && test_below(state, 2);
    c.bias_b = c.has_b && test_below(state, 2);
    c.bias_d = c.has_d && test_below(state, 2);
    c.dtype = (clglu_dtype)test_below(state, 3);
    c.x_dtype = (clglu_dtype)test_below(state, 3);
    c.y_dtype = (clglu_dtype)test_below(state, 3);
    c.ab_dtype = (clglu_dtype)test_below(state, 3);
    c.order = (clglu_order)test_below(state, 2);
    c.layout = (clglu_layout)test_below(state, 4);
    c.nature = test_below(state, 6) == 0 ? WILD : PLAIN;
    random_parameters(&c, state);
    return c;
}

void describe_case(const block_case *c, char *text, size_t size)
{
    snprintf(text, size,
             "%zu rows, %zu to %zu to %zu, wa %d wb %d wd %d, biases %d %d %d, dtypes %d x %d y %d ab %d, order %d, "
             "layout %d, act %d gate %d, alpha %g limit %g shift %g, nature %d, strided %d",
             c->rows, c->d_model, c->d_ff, c->d_out, c->has_a, c->has_b, c->has_d, c->bias_a, c->bias_b, c->bias_d,
             (int)c->dtype, (int)c->x_dtype, (int)c->y_dtype, (int)c->ab_dtype, (int)c->order, (int)c->layout,
             (int)c->act, (int)c->gate, (double)c->alpha, (double)c->limit, (double)c->shift, (int)c->nature,
             c->strided);
}

/* ---------------------------------------------------------------- tensors as files have them */

/* The number of the output that half 0 (a) or 1 (b) calls n. */
static size_t output_of(const block_case *c, int half, size_t n)
{
    switch (c->layout) {
    case CLGLU_ACT_FIRST: return half == 0 ? n : c->d_ff + n;
    case CLGLU_ACT_SECOND: return half == 1 ? n : c->d_ff + n;
    case CLGLU_INTERLEAVED: return 2 * n + (size_t)half;
    default: return n;
    }
}

static void *blank(size_t elements, clglu_dtype t)
{
    void *array = malloc(elements * dtype_bytes(t));
    ck_assert_ptr_nonnull(array);
    memset(array, PATTERN, elements * dtype_bytes(t));
    return array;
}

static void lay_half(block *b, int half, const float *w, const float *bias)
{
    const block_case *c = &b->c;
    bool packed = c->layout != CLGLU_SEPARATE;
    size_t outputs = packed ? 2 * c->d_ff : c->d_ff;
    void *up = b->tensor[half && !packed ? UP_TOO : UP], *to = b->tensor[half && !packed ? BIAS_UP_TOO : BIAS_UP];
    for (size_t n = 0; n < c->d_ff; n++) {
        size_t out = output_of(c, half, n);
        if (bias) put_number(c->dtype, to, out, bias[n]);
        for (size_t k = 0; k < c->d_model; k++)
            put_number(c->dtype, up, c->order == CLGLU_OUT_IN ? out * c->d_model + k : k * outputs + out,
                       w[k * c->d_ff + n]);
    }
}

static void lay_down(block *b)
{
    const block_case *c = &b->c;
    for (size_t n = 0; n < c->d_out; n++) {
        if (c->bias_d) put_number(c->dtype, b->tensor[BIAS_DOWN], n, b->bd[n]);
        for (size_t k = 0; k < c->d_ff; k++)
            put_number(c->dtype, b->tensor[DOWN], c->order == CLGLU_OUT_IN ? n * c->d_ff + k : k * c->d_out + n,
                       b->wd[k * c->d_out + n]);
    }
}

static void lay_all(block *b)
{
    const block_case *c = &b->c;
    clglu_dtype t = c->dtype;
    for (int i = UP; i <= UP_TOO; i++) b->tensor[i] = blank(2 * c->d_ff * c->d_model, t);
    for (int i = BIAS_UP; i <= BIAS_UP_TOO; i++) b->tensor[i] = blank(2 * c->d_ff, t);
    b->tensor[DOWN] = blank(c->d_ff * c->d_out, t);
    b->tensor[BIAS_DOWN] = blank(c->d_out, t);
    /* NOLINTBEGIN(clang-analyzer-unix.Malloc): the block has them */
    if (c->has_a) lay_half(b, 0, b->wa, c->bias_a ? b->ba : NULL);
    if (c->has_b) lay_half(b, 1, b->wb, c->bias_b ? b->bb : NULL);
    if (c->has_d) lay_down(b);
    /* NOLINTEND(clang-analyzer-unix.Malloc) */
}

static void point(block *b)
{
    const block_case *c = &b->c;
    int too = c->layout == CLGLU_SEPARATE;
    clglu_ffn_desc *d = &b->desc;
    if (c->has_a) d->wa.host = b->tensor[UP];
    if (c->has_b) d->wb.host = b->tensor[too ? UP_TOO : UP];
    if (c->has_d) d->wd.host = b->tensor[DOWN];
    if (c->bias_a) d->ba.host = b->tensor[BIAS_UP];
    if (c->bias_b) d->bb.host = b->tensor[too ? BIAS_UP_TOO : BIAS_UP];
    if (c->bias_d) d->bd.host = b->tensor[BIAS_DOWN];
}

/* ---------------------------------------------------------------- a block */

static clglu_view strided(const block_case *c, size_t offset, size_t cols)
{
    return c->strided ? (clglu_view){offset, 2 * cols + 3, 2} : (clglu_view){0, 0, 0};
}

static size_t extent(const block_case *c, size_t offset, size_t cols)
{
    return c->strided ? offset + (c->rows - 1) * (2 * cols + 3) + 2 * cols - 1 : c->rows * cols;
}

static size_t place_of(const block_case *c, size_t offset, size_t cols, size_t row, size_t col)
{
    return c->strided ? offset + row * (2 * cols + 3) + 2 * col : row * cols + col;
}

size_t block_cols(const block *b) { return b->c.has_d ? b->c.d_out : b->c.d_ff; }

static void make_call(block *b)
{
    const block_case *c = &b->c;
    b->call = (clglu_ffn_call){.rows = c->rows, .x_dtype = c->x_dtype, .y_dtype = c->y_dtype, .ab_dtype = c->ab_dtype};
    b->call.x = strided(c, 5, c->d_model);
    b->call.y = strided(c, 1, block_cols(b));
    b->call.a = strided(c, 2, c->d_ff);
    b->call.b = strided(c, 3, c->d_ff);
    b->tensor[INPUT] = blank(extent(c, 5, c->d_model), c->x_dtype);
    for (size_t r = 0; r < c->rows; r++)
        for (size_t k = 0; k < c->d_model; k++)
            put_number(c->x_dtype, b->tensor[INPUT], place_of(c, 5, c->d_model, r, k), b->x[r * c->d_model + k]);
}

block block_new(const block_case *c, uint64_t *state)
{
    block b = {.c = *c};
    size_t up = c->d_model * c->d_ff;
    nature w = c->nature == CANCELLING ? PLAIN : c->nature;
    b.x = numbers(c->nature, c->x_dtype, c->rows * c->d_model, state);
    b.wa = numbers(w, c->dtype, up, state);
    b.wb = numbers(w, c->dtype, up, state);
    b.wd = numbers(w, c->dtype, c->d_ff * c->d_out, state);
    b.ba = numbers(w, c->dtype, c->d_ff, state);
    b.bb = numbers(w, c->dtype, c->d_ff, state);
    b.bd = numbers(w, c->dtype, c->d_out, state);
    b.desc = (clglu_ffn_desc){.d_model = c->d_model, .d_ff = c->d_ff, .d_out = c->d_out, .dtype = c->dtype,
                              .act = c->act, .gate = c->gate, .alpha = c->alpha, .limit = c->limit, .shift = c->shift};
    lay_all(&b);
    point(&b);
    ck_assert_int_eq(clglu_ffn_set_layout(&b.desc, c->order, c->layout), CLGLU_OK);
    make_call(&b);
    return b;
}

void block_free(block *b)
{
    float *dense[] = {b->x, b->wa, b->wb, b->wd, b->ba, b->bb, b->bd};
    for (size_t i = 0; i < sizeof dense / sizeof *dense; i++) free(dense[i]);
    for (int i = 0; i < TENSORS; i++) free(b->tensor[i]);
}

results results_new(const block *b)
{
    const block_case *c = &b->c;
    size_t y = extent(c, 1, block_cols(b)), ab = extent(c, 3, c->d_ff);
    results r = {blank(y, c->y_dtype), blank(ab, c->ab_dtype), blank(ab, c->ab_dtype), y * dtype_bytes(c->y_dtype),
                 ab * dtype_bytes(c->ab_dtype)};
    return r;
}

void results_free(results *r)
{
    free(r->y);
    free(r->a);
    free(r->b);
}

/* ---------------------------------------------------------------- the naive block */

static float naive_sum(const float *x, const float *w, size_t terms, size_t outputs)
{
    float sum = 0;
    for (size_t first = 0; first < terms; first += 128) {
        float c = 0;
        for (size_t k = first; k < terms && k < first + 128; k++) c = fmaf(x[k], w[k * outputs], c);
        sum = sum + c;
    }
    return sum;
}

static float naive_act(clglu_act act, float alpha, float x)
{
    clglu_act_desc d = {.rows = 1, .cols = 1, .act = act, .alpha = alpha};
    float y = 0;
    ck_assert_int_eq(clglu_emulate_act_forward(&d, &x, &y), CLGLU_OK);
    return y;
}

static float naive_hidden(const block_case *c, float a, float gate)
{
    if (c->limit != 0 && a > c->limit) a = c->limit;
    if (c->limit != 0 && gate > c->limit) gate = c->limit;
    if (c->limit != 0 && gate < -c->limit) gate = -c->limit;
    float p = naive_act(c->act, c->alpha, a);
    if (!c->has_b) return p;
    float q = naive_act(c->gate, 0, gate);
    if (c->shift != 0) q = q + c->shift;
    return p * q;
}

void naive_row(const block *b, size_t row, float *a, float *gate, float *y)
{
    const block_case *c = &b->c;
    const float *x = b->x + row * c->d_model;
    float *h = malloc(c->d_ff * sizeof *h);
    ck_assert_ptr_nonnull(h);
    for (size_t n = 0; n < c->d_ff; n++) {
        a[n] = c->has_a ? naive_sum(x, b->wa + n, c->d_model, c->d_ff) : x[n];
        gate[n] = c->has_b ? naive_sum(x, b->wb + n, c->d_model, c->d_ff) : 0;
        if (c->bias_a) a[n] = a[n] + b->ba[n];
        if (c->bias_b) gate[n] = gate[n] + b->bb[n];
        h[n] = naive_hidden(c, a[n], gate[n]);
    }
    for (size_t n = 0; n < block_cols(b); n++) {
        y[n] = c->has_d ? naive_sum(h, b->wd + n, c->d_ff, c->d_out) : h[n];
        if (c->bias_d) y[n] = y[n] + b->bd[n];
    }
    free(h);
}

void naive_block(const block *b, results *r)
{
    const block_case *c = &b->c;
    size_t cols = block_cols(b), most = cols > c->d_ff ? cols : c->d_ff;
    float *a = malloc(3 * most * sizeof *a), *gate = a + most, *y = gate + most;
    for (size_t row = 0; row < c->rows; row++) {
        naive_row(b, row, a, gate, y);
        for (size_t n = 0; n < c->d_ff; n++) {
            if (c->has_a) put_number(c->ab_dtype, r->a, place_of(c, 2, c->d_ff, row, n), a[n]);
            if (c->has_b) put_number(c->ab_dtype, r->b, place_of(c, 3, c->d_ff, row, n), gate[n]);
        }
        for (size_t n = 0; n < cols; n++) put_number(c->y_dtype, r->y, place_of(c, 1, cols, row, n), y[n]);
    }
    free(a);
}
