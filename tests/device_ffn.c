/* device_ffn.c - for the tests of the feed-forward block: cases, their arrays, views and numbers.
   SPDX-License-Identifier: MIT */

#include "device_ffn.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { TAIL = 16 }; /* elements behind an array's last one that nobody may touch */

const char *ffn_array_name(ffn_array array)
{
    static const char *const names[FFN_ARRAYS] = {"x", "y", "a", "b"};
    return names[array];
}

/* ---------------------------------------------------------------- views */

static bool has(const clglu_weights *w) { return w->host || w->buffer; }

static size_t d_out(const clglu_ffn_desc *d) { return d->d_out ? d->d_out : d->d_model; }
static size_t d_ff(const clglu_ffn_desc *d) { return d->d_ff ? d->d_ff : d->d_model; }

size_t ffn_cols(const ffn_case *c, ffn_array array)
{
    if (array == FX) return c->desc.d_model;
    return array == FY && has(&c->desc.wd) ? d_out(&c->desc) : d_ff(&c->desc);
}

clglu_dtype ffn_dtype(const ffn_case *c, ffn_array array)
{
    return array == FX ? c->call.x_dtype : array == FY ? c->call.y_dtype : c->call.ab_dtype;
}

clglu_view *ffn_view(ffn_case *c, ffn_array array)
{
    clglu_view *views[FFN_ARRAYS] = {&c->call.x, &c->call.y, &c->call.a, &c->call.b};
    return views[array];
}

static clglu_view view_with_defaults(const ffn_case *c, ffn_array array)
{
    clglu_view v = *ffn_view((ffn_case *)(uintptr_t)c, array);
    if (v.inc == 0) v.inc = 1;
    if (v.ld == 0) v.ld = ffn_cols(c, array) * v.inc;
    return v;
}

size_t ffn_place(const ffn_case *c, ffn_array array, size_t row, size_t col)
{
    clglu_view v = view_with_defaults(c, array);
    return v.offset + row * v.ld + col * v.inc;
}

float ffn_get(const ffn_case *c, ffn_array array, size_t row, size_t col)
{
    return element(ffn_dtype(c, array), c->at[array], ffn_place(c, array, row, col));
}

uint32_t ffn_get_bits(const ffn_case *c, ffn_array array, size_t row, size_t col)
{
    return element_bits(ffn_dtype(c, array), c->at[array], ffn_place(c, array, row, col));
}

void ffn_set(ffn_case *c, ffn_array array, size_t row, size_t col, float x)
{
    set_element(ffn_dtype(c, array), c->at[array], ffn_place(c, array, row, col), x);
}

/* ---------------------------------------------------------------- weights */

clglu_weights *ffn_weights(clglu_ffn_desc *desc, ffn_matrix m)
{
    clglu_weights *weights[FFN_MATRICES] = {&desc->wa, &desc->wb, &desc->wd};
    return weights[m];
}

clglu_bias *ffn_bias(clglu_ffn_desc *desc, ffn_matrix m)
{
    clglu_bias *biases[FFN_MATRICES] = {&desc->ba, &desc->bb, &desc->bd};
    return biases[m];
}

static size_t matrix_in(const clglu_ffn_desc *d, ffn_matrix m) { return m == WD ? d_ff(d) : d->d_model; }
static size_t matrix_out(const clglu_ffn_desc *d, ffn_matrix m) { return m == WD ? d_out(d) : d_ff(d); }

static size_t weight_place(const ffn_case *c, ffn_matrix m, size_t in, size_t out)
{
    clglu_ffn_desc d = c->desc;
    clglu_view v = ffn_weights(&d, m)->view;
    return v.offset + in * v.ld + out * v.inc;
}

static size_t bias_place(const ffn_case *c, ffn_matrix m, size_t out)
{
    clglu_ffn_desc d = c->desc;
    return ffn_bias(&d, m)->offset + out * ffn_bias(&d, m)->inc;
}

static void *weights_array(const ffn_case *c, ffn_matrix m)
{
    clglu_ffn_desc d = c->desc;
    return (void *)(uintptr_t)ffn_weights(&d, m)->host;
}

static void *bias_array(const ffn_case *c, ffn_matrix m)
{
    clglu_ffn_desc d = c->desc;
    return (void *)(uintptr_t)ffn_bias(&d, m)->host;
}

float ffn_weight(const ffn_case *c, ffn_matrix m, size_t in, size_t out)
{
    return element(c->desc.dtype, weights_array(c, m), weight_place(c, m, in, out));
}

void ffn_set_weight(ffn_case *c, ffn_matrix m, size_t in, size_t out, float w)
{
    set_element(c->desc.dtype, weights_array(c, m), weight_place(c, m, in, out), w);
}

float ffn_bias_of(const ffn_case *c, ffn_matrix m, size_t out)
{
    return element(c->desc.dtype, bias_array(c, m), bias_place(c, m, out));
}

void ffn_set_bias(ffn_case *c, ffn_matrix m, size_t out, float b)
{
    set_element(c->desc.dtype, bias_array(c, m), bias_place(c, m, out), b);
}

/* ---------------------------------------------------------------- making */

static void *array_of(size_t elements, clglu_dtype dtype, int fill)
{
    size_t bytes = (elements + TAIL) * clglu_dtype_size(dtype);
    return memset(array_new(bytes), fill, bytes);
}

enum { NANS = 0xff };

/* One tensor, or one for both halves where they are packed. */
static void give_weights(ffn_case *c, const ffn_shape *s)
{
    size_t step = 1 + s->gap;
    bool packed = s->layout != CLGLU_SEPARATE;
    for (ffn_matrix m = WA; m <= WD; m++) {
        clglu_weights *w = ffn_weights(&c->desc, m);
        size_t count = matrix_in(&c->desc, m) * matrix_out(&c->desc, m) * (packed && m != WD ? 2 : 1);
        w->view = (clglu_view){w->view.offset * step + s->offset, w->view.ld * step, w->view.inc * step};
        if (!(s->parts & (unsigned)HAS_WA << m)) continue;
        bool shares = packed && m == WB && c->desc.wa.host;
        w->host = shares ? c->desc.wa.host : array_of(s->offset + count * step, s->dtype, NANS);
    }
}

static void give_biases(ffn_case *c, const ffn_shape *s)
{
    size_t step = 1 + s->gap;
    bool packed = s->layout != CLGLU_SEPARATE;
    for (ffn_matrix m = WA; m <= WD; m++) {
        clglu_bias *b = ffn_bias(&c->desc, m);
        size_t count = matrix_out(&c->desc, m) * (packed && m != WD ? 2 : 1);
        b->offset = b->offset * step + s->offset;
        b->inc *= step;
        if (!(s->parts & (unsigned)HAS_BA << m)) continue;
        bool shares = packed && m == WB && c->desc.ba.host;
        b->host = shares ? c->desc.ba.host : array_of(s->offset + count * step, s->dtype, NANS);
    }
}

/* -1 to 1, times scale. */
static float moderate(uint64_t *state, float scale)
{
    return ((float)random_bits(state) - 0x1p31f) * 0x1p-31f * scale;
}

static void fill_weights(ffn_case *c, uint64_t seed)
{
    for (ffn_matrix m = WA; m <= WD; m++) {
        size_t in = matrix_in(&c->desc, m), out = matrix_out(&c->desc, m);
        uint64_t state = seed * 1000 + m, other = seed * 1000 + 500 + m;
        float scale = 2.0f / sqrtf((float)in);
        for (size_t k = 0; weights_array(c, m) && k < in; k++)
            for (size_t n = 0; n < out; n++) ffn_set_weight(c, m, k, n, moderate(&state, scale));
        for (size_t n = 0; bias_array(c, m) && n < out; n++) ffn_set_bias(c, m, n, moderate(&other, 1));
    }
}

static void fill_x(ffn_case *c, uint64_t seed)
{
    for (size_t row = 0; row < c->call.rows; row++) {
        uint64_t state = seed * 1000003 + row * 77;
        for (size_t col = 0; col < c->desc.d_model; col++) ffn_set(c, FX, row, col, moderate(&state, 2));
    }
}

static clglu_view view_for(ffn_lay lay, ffn_array array, size_t rows, size_t cols)
{
    static const size_t offsets[FFN_ARRAYS] = {3, 1, 2, 5};
    if (lay == STRIDED) return (clglu_view){offsets[array], cols * 2 + 5, 2};
    if (lay == TRANSPOSED) return (clglu_view){offsets[array], 1, rows + 1};
    return (clglu_view){0, 0, 0};
}

/* a and b side by side, interleaved, or beside one another transposed. */
static void lay_packed(ffn_case *c, ffn_lay lay)
{
    size_t ff = d_ff(&c->desc), rows = c->call.rows;
    c->call.a = lay == DENSE     ? (clglu_view){0, 2 * ff, 1}
                : lay == STRIDED ? (clglu_view){0, 2 * ff, 2}
                                 : (clglu_view){0, 1, 2 * rows};
    c->call.b = c->call.a;
    c->call.b.offset = lay == DENSE ? ff : lay == STRIDED ? 1 : rows;
    c->at[FA] = c->at[FB] = array_of(2 * rows * ff, c->call.ab_dtype, CANARY);
}

static bool is_asked(unsigned parts, ffn_array array)
{
    return array <= FY || (parts & (array == FA ? ASK_A : ASK_B));
}

static void free_arrays(ffn_case *c)
{
    if (c->at[FB] == c->at[FA]) c->at[FB] = NULL;
    for (ffn_array f = FX; f < FFN_ARRAYS; f++) {
        array_free(c->at[f]);
        c->at[f] = NULL;
    }
}

void ffn_lay_call(ffn_case *c, unsigned parts, size_t rows, ffn_lay lay, uint64_t seed)
{
    free_arrays(c);
    c->call.rows = rows;
    for (ffn_array f = FX; f < FFN_ARRAYS; f++) {
        *ffn_view(c, f) = view_for(lay, f, rows, ffn_cols(c, f));
        if (!is_asked(parts, f) || (f >= FA && parts & ASK_PACKED)) continue;
        size_t extent = rows ? ffn_place(c, f, rows - 1, ffn_cols(c, f) - 1) + 1 : 0;
        c->at[f] = array_of(extent, ffn_dtype(c, f), f == FX ? NANS : CANARY);
    }
    if (parts & ASK_PACKED) lay_packed(c, lay);
    fill_x(c, seed);
}

ffn_case ffn_new(const ffn_shape *s)
{
    ffn_case c = {.desc = {.d_model = s->d_model,
                           .d_ff = s->d_ff,
                           .d_out = s->d_out,
                           .dtype = s->dtype,
                           .act = s->act,
                           .gate = s->gate,
                           .alpha = s->alpha,
                           .limit = s->limit,
                           .shift = s->shift},
                  .call = {.x_dtype = s->x_dtype, .y_dtype = s->y_dtype, .ab_dtype = s->ab_dtype}};
    ck_assert_int_eq(clglu_ffn_set_layout(&c.desc, s->order, s->layout), CLGLU_OK);
    give_weights(&c, s);
    give_biases(&c, s);
    fill_weights(&c, s->seed);
    ffn_lay_call(&c, s->parts, s->rows, s->lay, s->seed);
    return c;
}

ffn_case ffn_copy(const ffn_case *c)
{
    ffn_case copy = *c;
    copy.copied = true;
    for (ffn_array f = FX; f < FFN_ARRAYS; f++) {
        if (!c->at[f]) continue;
        size_t bytes = array_bytes(c->at[f]);
        bool shares = f == FB && c->at[FA] == c->at[FB];
        copy.at[f] = shares ? copy.at[FA] : memcpy(array_new(bytes), c->at[f], bytes);
    }
    return copy;
}

void ffn_free(ffn_case *c)
{
    free_arrays(c);
    if (c->copied) return;
    if (c->desc.wb.host == c->desc.wa.host) c->desc.wb.host = NULL;
    if (c->desc.bb.host == c->desc.ba.host) c->desc.bb.host = NULL;
    for (ffn_matrix m = WA; m <= WD; m++) {
        array_free(weights_array(c, m));
        array_free(bias_array(c, m));
    }
}

void ffn_describe(const ffn_case *c, char *text, size_t size)
{
    const clglu_ffn_desc *d = &c->desc;
    int n =
        snprintf(text, size,
                 "x[%zu, %zu] %s, d_ff %zu, d_out %zu, weights %s, act %d gate %d alpha %g limit %g "
                 "shift %g, y %s, choice form %d row_tile %u tiles %u, row_block %zu;",
                 c->call.rows, d->d_model, clglu_dtype_name(c->call.x_dtype), d->d_ff, d->d_out,
                 clglu_dtype_name(d->dtype), (int)d->act, (int)d->gate, (double)d->alpha, (double)d->limit,
                 (double)d->shift, clglu_dtype_name(c->call.y_dtype), (int)c->call.choice.form,
                 c->call.choice.row_tile, c->call.choice.tiles, c->call.row_block);
    for (ffn_matrix m = WA; m <= WD && n > 0 && (size_t)n < size; m++) {
        clglu_ffn_desc copy = *d;
        clglu_view v = ffn_weights(&copy, m)->view;
        if (weights_array(c, m))
            n += snprintf(text + n, size - (size_t)n, " w%c{%zu,%zu,%zu}%s", "abd"[m], v.offset, v.ld, v.inc,
                          bias_array(c, m) ? "+bias" : "");
    }
    for (ffn_array f = FX; f < FFN_ARRAYS && n > 0 && (size_t)n < size; f++) {
        clglu_view v = view_with_defaults(c, f);
        if (c->at[f])
            n += snprintf(text + n, size - (size_t)n, " %s{%zu,%zu,%zu}", ffn_array_name(f), v.offset, v.ld,
                          v.inc);
    }
}
