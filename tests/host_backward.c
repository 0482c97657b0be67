/* host_backward.c - calls of a block's backward with their arrays, and a naive backward, for the host's tests.
   SPDX-License-Identifier: MIT */

#include "host_backward.h"

#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const gradient_names[GRADIENTS] = {"dx", "dwa", "dwb", "dwd", "dba", "dbb", "dbd"};

static void *room(size_t count, size_t size)
{
    void *memory = calloc(count ? count : 1, size);
    ck_assert_ptr_nonnull(memory);
    return memory;
}

/* ---------------------------------------------------------------- cases */

static size_t pick(uint64_t *state, const size_t *list, size_t count) { return list[test_below(state, count)]; }

void want_all(back_case *k)
{
    const block_case *c = &k->c;
    const bool all[GRADIENTS] = {true, c->has_a, c->has_b, c->has_d, c->bias_a, c->bias_b, c->bias_d};
    memcpy(k->wanted, all, sizeof all);
}

back_case swiglu_case(size_t rows)
{
    back_case k = {.c = {.rows = rows, .d_model = 40, .d_ff = 50, .d_out = 30, .has_a = true, .has_b = true,
                         .has_d = true, .bias_a = true, .bias_b = true, .bias_d = true, .act = CLGLU_ACT_SILU}};
    want_all(&k);
    return k;
}

static void random_sizes(block_case *c, uint64_t *state)
{
    static const size_t rows[] = {1, 3, 127, 128, 129, 300}, sizes[] = {1, 7, 33, 128, 129};
    size_t most = test_below(state, 8) ? 2000000 : 12000000; /* products */
    do {
        c->rows = pick(state, rows, 6);
        c->d_model = pick(state, sizes, 5);
        c->d_ff = c->has_a ? pick(state, sizes, 5) : c->d_model;
        c->d_out = pick(state, sizes, 5);
    } while (c->rows * c->d_ff * (2 * c->d_model + c->d_out) > most);
}

back_case random_back_case(uint64_t *state)
{
    back_case k = {.c = random_case(state)};
    random_sizes(&k.c, state);
    k.dy_dtype = (clglu_dtype)test_below(state, 3);
    k.dx_dtype = (clglu_dtype)test_below(state, 3);
    k.weights_dtype = test_below(state, 2) ? CLGLU_F32 : k.c.dtype;
    k.order = (clglu_order)test_below(state, 2);
    k.layout = (clglu_layout)test_below(state, 4);
    k.place = (place)test_below(state, PLACES);
    k.stored = test_below(state, 3) == 0;
    k.accumulate = test_below(state, 2);
    k.scale = test_below(state, 2) ? 0 : 1024.5f;
    want_all(&k);
    for (int i = 0; i < GRADIENTS; i++) k.wanted[i] = k.wanted[i] && test_below(state, 6) != 0;
    bool any = false;
    for (int i = 0; i < GRADIENTS; i++) any = any || k.wanted[i];
    if (!any) k.wanted[DX] = true;
    return k;
}

void describe_back(const back_case *k, char *text, size_t size)
{
    char rest[400], wanted[GRADIENTS + 1];
    describe_case(&k->c, rest, sizeof rest);
    for (int i = 0; i < GRADIENTS; i++) wanted[i] = k->wanted[i] ? '1' : '0';
    wanted[GRADIENTS] = 0;
    snprintf(text, size, "dtypes dy %d dx %d weights %d, order %d, layout %d, place %d, stored %d, accumulate %d, scale %g, "
             "wanted %s of %s", (int)k->dy_dtype, (int)k->dx_dtype, (int)k->weights_dtype, (int)k->order, (int)k->layout,
             (int)k->place, k->stored, k->accumulate, (double)k->scale, wanted, rest);
}

/* ---------------------------------------------------------------- arrays */

static clglu_view placed(place p, size_t rows, size_t cols)
{
    return p == GAPS     ? (clglu_view){4, 2 * cols + 3, 2}
           : p == TURNED ? (clglu_view){1, 1, rows}
                         : (clglu_view){0, cols, 1};
}

static size_t extent(clglu_view v, size_t rows, size_t cols)
{
    return v.offset + (rows - 1) * v.ld + (cols - 1) * v.inc + 1;
}

/* As the call has it: a dense one by default. */
static clglu_view as_called(place p, clglu_view v) { return p == DENSE ? (clglu_view){0, 0, 0} : v; }

static void *lay(const back *s, clglu_dtype t, const float *numbers, size_t cols)
{
    size_t rows = s->k.c.rows;
    clglu_view v = placed(s->k.place, rows, cols);
    void *array = room(extent(v, rows, cols), dtype_bytes(t));
    for (size_t r = 0; r < rows; r++)
        for (size_t c = 0; c < cols; c++) put_number(t, array, v.offset + r * v.ld + c * v.inc, numbers[r * cols + c]);
    return array;
}

static float some_number(nature n, uint64_t *state)
{
    uint32_t u = test_random(state);
    float x = (float)(int32_t)u * 0x1p-31f;
    if (n == WILD) memcpy(&x, &u, sizeof x);
    return x;
}

static void round_all(clglu_dtype t, float *x, size_t count)
{
    char one[4];
    for (size_t i = 0; i < count; i++) {
        put_number(t, one, 0, x[i]);
        x[i] = number_at(t, one, 0);
    }
}

static void make_inputs(back *s, uint64_t *state)
{
    const block_case *c = &s->k.c;
    size_t cols = block_cols(&s->b), count = c->rows * c->d_ff;
    float *unused = room(cols, sizeof *unused);
    s->dy = room(c->rows * cols, sizeof *s->dy);
    s->a = room(count, sizeof *s->a);
    s->gate = room(count, sizeof *s->gate);
    for (size_t i = 0; i < c->rows * cols; i++) s->dy[i] = some_number(c->nature, state);
    round_all(s->k.dy_dtype, s->dy, c->rows * cols);
    for (size_t r = 0; r < c->rows; r++) naive_row(&s->b, r, s->a + r * c->d_ff, s->gate + r * c->d_ff, unused);
    if (s->k.stored && c->has_a) round_all(c->ab_dtype, s->a, count);
    if (s->k.stored) round_all(c->ab_dtype, s->gate, count);
    s->inputs[0] = lay(s, s->k.dy_dtype, s->dy, cols);
    s->inputs[1] = lay(s, c->ab_dtype, s->a, c->d_ff);
    s->inputs[2] = lay(s, c->ab_dtype, s->gate, c->d_ff);
    free(unused);
}

/* ---------------------------------------------------------------- gradients */

gradient_name tensor_of(const back *s, gradient_name name)
{
    bool packed = s->k.layout != CLGLU_SEPARATE;
    return packed && name == DWB ? DWA : packed && name == DBB ? DBA : name;
}

void *tensor_copy(const back *s, gradient_name name)
{
    size_t bytes = s->elements[name] * dtype_bytes(s->gradient[name].dtype);
    void *copy = room(bytes, 1);
    memcpy(copy, s->tensor[name], bytes);
    return copy;
}

size_t gradient_at(const gradient *g, size_t row, size_t col)
{
    return g->view.offset + row * g->view.ld + col * g->view.inc;
}

float gradient_number(const back *s, gradient_name name, size_t row, size_t col)
{
    const gradient *g = &s->gradient[name];
    return number_at(g->dtype, g->array, gradient_at(g, row, col));
}

static void set_views(back *s)
{
    const block_case *c = &s->k.c;
    clglu_dtype w = s->k.weights_dtype, f32 = CLGLU_F32;
    clglu_ffn_desc d = {.d_model = c->d_model, .d_ff = c->d_ff, .d_out = c->d_out};
    ck_assert_int_eq(clglu_ffn_set_layout(&d, s->k.order, s->k.layout), CLGLU_OK);
    const gradient all[GRADIENTS] = {
        {0, c->rows, c->d_model, placed(s->k.place, c->rows, c->d_model), s->k.dx_dtype, NULL},
        {0, c->d_model, c->d_ff, d.wa.view, w, NULL},
        {0, c->d_model, c->d_ff, d.wb.view, w, NULL},
        {0, c->d_ff, c->d_out, d.wd.view, w, NULL},
        {0, 1, c->d_ff, {d.ba.offset, c->d_ff, d.ba.inc}, f32, NULL},
        {0, 1, c->d_ff, {d.bb.offset, c->d_ff, d.bb.inc}, f32, NULL},
        {0, 1, block_cols(&s->b), {d.bd.offset, block_cols(&s->b), d.bd.inc}, f32, NULL},
    };
    for (int i = 0; i < GRADIENTS; i++) {
        s->gradient[i] = all[i];
        s->gradient[i].wanted = s->k.wanted[i];
    }
}

/* Old numbers everywhere, between the gradients' elements too. */
static void make_gradients(back *s, uint64_t *state)
{
    for (int i = 0; i < GRADIENTS; i++) {
        const gradient *g = &s->gradient[i];
        size_t *most = &s->elements[tensor_of(s, (gradient_name)i)], end = extent(g->view, g->rows, g->cols);
        if (end > *most) *most = end;
    }
    for (int i = 0; i < GRADIENTS; i++) {
        s->tensor[i] = room(s->elements[i], dtype_bytes(s->gradient[i].dtype));
        for (size_t j = 0; j < s->elements[i]; j++)
            put_number(s->gradient[i].dtype, s->tensor[i], j, some_number(PLAIN, state));
    }
    for (int i = 0; i < GRADIENTS; i++) s->gradient[i].array = s->tensor[tensor_of(s, (gradient_name)i)];
}

static void make_call(back *s)
{
    const block_case *c = &s->k.c;
    const gradient *g = s->gradient;
    place p = s->k.place;
    s->call = (clglu_ffn_backward_call){
        .rows = c->rows, .x = s->b.call.x, .dy_dtype = s->k.dy_dtype, .x_dtype = c->x_dtype, .ab_dtype = c->ab_dtype,
        .dx_dtype = s->k.dx_dtype, .weights_dtype = s->k.weights_dtype, .accumulate = s->k.accumulate,
        .scale = s->k.scale, .dwa = g[DWA].view, .dwb = g[DWB].view, .dwd = g[DWD].view, .dba = g[DBA].view,
        .dbb = g[DBB].view, .dbd = g[DBD].view};
    s->call.dx = as_called(p, g[DX].view);
    s->call.dy = as_called(p, placed(p, c->rows, block_cols(&s->b)));
    s->call.a = s->call.b = as_called(p, placed(p, c->rows, c->d_ff));
}

static void set_arrays(back *s)
{
    const block_case *c = &s->k.c;
    const gradient *g = s->gradient;
    s->arrays = (clglu_ffn_gradients_host){.dy = s->inputs[0], .x = s->b.tensor[INPUT]};
    if (s->k.stored && c->has_a) s->arrays.a = s->inputs[1];
    if (s->k.stored && c->has_b) s->arrays.b = s->inputs[2];
    void **to[] = {&s->arrays.dx, &s->arrays.dwa, &s->arrays.dwb, &s->arrays.dwd};
    float **biases[] = {&s->arrays.dba, &s->arrays.dbb, &s->arrays.dbd};
    for (int i = DX; i <= DWD; i++)
        if (g[i].wanted) *to[i] = g[i].array;
    for (int i = DBA; i <= DBD; i++)
        if (g[i].wanted) *biases[i - DBA] = g[i].array;
}

back back_new(const back_case *k, uint64_t *state)
{
    back s = {.k = *k, .b = block_new(&k->c, state), .overflow = 7};
    make_inputs(&s, state);
    set_views(&s);
    make_gradients(&s, state);
    make_call(&s);
    set_arrays(&s);
    return s;
}

void back_free(back *s)
{
    for (int i = 0; i < 3; i++) free(s->inputs[i]);
    for (int i = 0; i < GRADIENTS; i++) free(s->tensor[i]);
    free(s->dy);
    free(s->a);
    free(s->gate);
    block_free(&s->b);
}

/* ---------------------------------------------------------------- the naive backward */

/* y = act(x) and d = act'(x), of numbers that the clamp has passed. */
static void activations(clglu_act act, float alpha, size_t n, const float *x, float *y, float *d)
{
    clglu_act_desc desc = {.rows = 1, .cols = n, .act = act, .alpha = alpha};
    float *ones = room(n, sizeof *ones);
    for (size_t i = 0; i < n; i++) ones[i] = 1;
    ck_assert_int_eq(clglu_emulate_act_forward(&desc, x, y), CLGLU_OK);
    ck_assert_int_eq(clglu_emulate_act_backward(&desc, ones, x, d, NULL), CLGLU_OK);
    free(ones);
}

static void clamp_all(float low, float high, size_t n, const float *x, float *y)
{
    for (size_t i = 0; i < n; i++) y[i] = x[i] > high ? high : x[i] < low ? low : x[i];
}

static void derive(const back *s, size_t n, back_values *v)
{
    const block_case *c = &s->k.c;
    float limit = c->limit != 0 ? c->limit : INFINITY;
    float *p = room(6 * n, sizeof *p), *dp = p + n, *q = dp + n, *dq = q + n, *a = dq + n, *b = a + n;
    clamp_all(-INFINITY, limit, n, s->a, a);
    clamp_all(-limit, limit, n, s->gate, b);
    activations(c->act, c->alpha, n, a, p, dp);
    activations(c->gate, 0, n, b, q, dq);
    for (size_t i = 0; i < n; i++) {
        float gate = c->shift != 0 ? q[i] + c->shift : q[i];
        v->da[i] = (c->has_b ? v->dh[i] * gate : v->dh[i]) * dp[i];
        v->db[i] = (v->dh[i] * p[i]) * dq[i];
        v->h[i] = c->has_b ? p[i] * gate : p[i];
        if (s->a[i] > limit) v->da[i] = 0;
        if (s->gate[i] > limit || s->gate[i] < -limit) v->db[i] = 0;
    }
    free(p);
}

static float canonical(float sum, const float *x, size_t x_step, const float *y, size_t y_step, size_t terms)
{
    for (size_t first = 0; first < terms; first += 128) {
        float c = 0;
        for (size_t i = first; i < terms && i < first + 128; i++) c = fmaf(x[i * x_step], y[i * y_step], c);
        sum = sum + c;
    }
    return sum;
}

back_values back_values_new(const back *s)
{
    const block_case *c = &s->k.c;
    size_t out = block_cols(&s->b), n = c->rows * c->d_ff;
    float scale = s->k.scale != 0 ? s->k.scale : 1;
    back_values v = {.g = room(c->rows * out + 4 * n, sizeof(float))};
    v.dh = v.g + c->rows * out;
    v.da = v.dh + n;
    v.db = v.da + n;
    v.h = v.db + n;
    for (size_t i = 0; i < c->rows * out; i++) v.g[i] = s->dy[i] * scale;
    for (size_t r = 0; r < c->rows; r++)
        for (size_t f = 0; f < c->d_ff; f++)
            v.dh[r * c->d_ff + f] = c->has_d ? canonical(0, v.g + r * out, 1, s->b.wd + f * out, 1, out)
                                             : v.g[r * out + f];
    derive(s, n, &v);
    return v;
}

void back_values_free(back_values *v) { free(v->g); }

/* The terms of da first, then those of db. */
static float naive_dx(const back *s, const back_values *v, size_t row, size_t col)
{
    const block_case *c = &s->k.c;
    size_t ff = c->d_ff, terms = 0;
    const float *da = v->da + row * ff, *db = v->db + row * ff;
    float *d = room(4 * ff, sizeof *d), *w = d + 2 * ff;
    for (size_t f = 0; c->has_a && f < ff; f++, terms++) d[terms] = da[f], w[terms] = s->b.wa[col * ff + f];
    for (size_t f = 0; c->has_b && f < ff; f++, terms++) d[terms] = db[f], w[terms] = s->b.wb[col * ff + f];
    float sum = canonical(c->has_a ? 0 : da[col], d, 1, w, 1, terms);
    free(d);
    return sum;
}

static float naive_gradient(const back *s, const back_values *v, gradient_name name, size_t row, size_t col, float old)
{
    static const float one = 1;
    const block_case *c = &s->k.c;
    size_t n = c->rows, in = c->d_model, ff = c->d_ff, out = block_cols(&s->b);
    switch (name) {
    case DX: return naive_dx(s, v, row, col);
    case DWA: return canonical(old, s->b.x + row, in, v->da + col, ff, n);
    case DWB: return canonical(old, s->b.x + row, in, v->db + col, ff, n);
    case DWD: return canonical(old, v->h + row, ff, v->g + col, out, n);
    case DBA: return canonical(old, v->da + col, ff, &one, 0, n);
    case DBB: return canonical(old, v->db + col, ff, &one, 0, n);
    default: return canonical(old, v->g + col, out, &one, 0, n);
    }
}

bool naive_backward(const back *s, void *tensors[GRADIENTS])
{
    bool overflow = false;
    back_values v = back_values_new(s);
    for (int i = 0; i < GRADIENTS; i++) tensors[i] = tensor_copy(s, (gradient_name)i);
    for (int i = 0; i < GRADIENTS; i++) {
        const gradient *g = &s->gradient[i];
        void *to = tensors[tensor_of(s, (gradient_name)i)];
        for (size_t j = 0; g->wanted && j < g->rows * g->cols; j++) {
            size_t row = j / g->cols, col = j % g->cols, at = gradient_at(g, row, col);
            float old = s->k.accumulate ? number_at(g->dtype, to, at) : 0;
            put_number(g->dtype, to, at, naive_gradient(s, &v, (gradient_name)i, row, col, old));
            overflow = overflow || !isfinite(number_at(g->dtype, to, at));
        }
    }
    back_values_free(&v);
    return overflow;
}

/* ---------------------------------------------------------------- the reference */

void truth_new(const back *s, double *truth[GRADIENTS])
{
    clglu_ffn_gradients_double g = {NULL, NULL, NULL, NULL, NULL, NULL, NULL};
    double **to[GRADIENTS] = {&g.dx, &g.dwa, &g.dwb, &g.dwd, &g.dba, &g.dbb, &g.dbd};
    for (int i = 0; i < GRADIENTS; i++) {
        size_t count = s->gradient[i].rows * s->gradient[i].cols;
        truth[i] = s->gradient[i].wanted ? room(count, sizeof(double)) : NULL;
        for (size_t j = 0; truth[i] && j < count; j++) truth[i][j] = 1000; /* nothing is added to what is there */
        *to[i] = truth[i];
    }
    clglu_status status = clglu_reference_ffn_backward(&s->b.desc, &s->call, s->inputs[0], s->b.tensor[INPUT], &g);
    ck_assert_int_eq(status, CLGLU_OK);
}

void truth_free(double *truth[GRADIENTS])
{
    for (int i = 0; i < GRADIENTS; i++) free(truth[i]);
}
