/* device_back.c - for the tests of the block's backward: cases, their arrays, views and numbers.
   SPDX-License-Identifier: MIT */

#include "device_back.h"

#include <stdio.h>
#include <string.h>

enum { TAIL = 16, NANS = 0xff };

const char *back_name(back_array g)
{
    static const char *const names[BACK_ARRAYS] = {"dy",  "x",   "a",   "b",   "dx",  "dwa",
                                                   "dwb", "dwd", "dba", "dbb", "dbd", "overflow"};
    return names[g];
}

/* ---------------------------------------------------------------- operands and their elements */

bool back_has(const back_case *c, ffn_matrix m)
{
    clglu_ffn_desc d = c->ffn.desc;
    return ffn_weights(&d, m)->host != NULL;
}

size_t back_rows(const back_case *c, back_array g)
{
    return g <= GDX ? c->call.rows : g <= GDWB ? c->ffn.desc.d_model : g == GDWD ? ffn_cols(&c->ffn, FA) : 1;
}

size_t back_cols(const back_case *c, back_array g)
{
    switch (g) {
    case GX:
    case GDX:
        return c->ffn.desc.d_model;
    case GDY:
    case GDWD:
    case GDBD:
        return ffn_cols(&c->ffn, FY);
    case GFLAG:
        return 1;
    default:
        return ffn_cols(&c->ffn, FA);
    }
}

clglu_dtype back_dtype(const back_case *c, back_array g)
{
    const clglu_ffn_backward_call *k = &c->call;
    const clglu_dtype all[] = {k->dy_dtype, k->x_dtype,       k->ab_dtype,      k->ab_dtype,
                               k->dx_dtype, k->weights_dtype, k->weights_dtype, k->weights_dtype};
    return g <= GDWD ? all[g] : CLGLU_F32;
}

clglu_view *back_view(back_case *c, back_array g)
{
    clglu_ffn_backward_call *k = &c->call;
    clglu_view *views[] = {&k->dy,  &k->x,   &k->a,   &k->b,   &k->dx, &k->dwa,
                           &k->dwb, &k->dwd, &k->dba, &k->dbb, &k->dbd};
    return views[g];
}

size_t back_place(const back_case *c, back_array g, size_t row, size_t col)
{
    if (g == GFLAG) return 0;
    clglu_view v = *back_view((back_case *)(uintptr_t)c, g);
    if (v.inc == 0) v.inc = 1;
    if (v.ld == 0) v.ld = back_cols(c, g) * v.inc;
    return v.offset + row * v.ld + col * v.inc;
}

float back_get(const back_case *c, back_array g, size_t row, size_t col)
{
    return element(back_dtype(c, g), c->at[g], back_place(c, g, row, col));
}

uint32_t back_get_bits(const back_case *c, back_array g, size_t row, size_t col)
{
    return element_bits(back_dtype(c, g), c->at[g], back_place(c, g, row, col));
}

void back_set(back_case *c, back_array g, size_t row, size_t col, float x)
{
    set_element(back_dtype(c, g), c->at[g], back_place(c, g, row, col), x);
    if (g == GX) ffn_set(&c->ffn, FX, row, col, x);
}

void back_set_all(back_case *c, back_array g, float x)
{
    for (size_t r = 0; c->at[g] && r < back_rows(c, g); r++)
        for (size_t n = 0; n < back_cols(c, g); n++) back_set(c, g, r, n, x);
}

uint32_t back_flag(const back_case *c) { return ((const uint32_t *)c->at[GFLAG])[0]; }

/* ---------------------------------------------------------------- which there are, and where they lie */

/* What the call needs of the inputs, and what is asked for that the block has. */
static bool is_there(const back_case *c, const back_shape *s, back_array g)
{
    unsigned asked = s->asked ? s->asked : (unsigned)ASK_ALL, parts = s->ffn.parts;
    bool stored = parts & (ASK_A | ASK_B);
    bool x = !stored || !back_has(c, WA) || asked & (ASKS(GDWA) | ASKS(GDWB));
    const bool has[BACK_ARRAYS] = {true,
                                   x,
                                   stored && back_has(c, WA),
                                   stored && back_has(c, WB),
                                   true,
                                   back_has(c, WA),
                                   back_has(c, WB),
                                   back_has(c, WD),
                                   parts & HAS_BA,
                                   parts & HAS_BB,
                                   parts & HAS_BD,
                                   true};
    /* cppcheck-suppress arrayIndexThenCheck ; that is another limit */
    return has[g] && (g < GDX || asked & ASKS(g));
}

static clglu_view view_for(ffn_lay lay, size_t offset, size_t rows, size_t cols)
{
    if (lay == STRIDED) return (clglu_view){offset, cols * 2 + 5, 2};
    if (lay == TRANSPOSED) return (clglu_view){offset, 1, rows + 1};
    return (clglu_view){0, 0, 0};
}

static clglu_view spread(clglu_view v, const back_shape *s)
{
    size_t step = 1 + s->gap;
    return (clglu_view){v.offset * step + s->offset, v.ld * step, v.inc * step};
}

static clglu_view of_bias(clglu_bias b) { return (clglu_view){b.offset, 0, b.inc}; }

static void lay_views(back_case *c, const back_shape *s)
{
    clglu_ffn_desc d = {.d_model = c->ffn.desc.d_model, .d_ff = back_cols(c, GA), .d_out = back_cols(c, GDY)};
    clglu_ffn_backward_call *k = &c->call;
    ck_assert_int_eq(clglu_ffn_set_layout(&d, s->order, s->layout), CLGLU_OK);
    k->dy = view_for(s->ffn.lay, 1, k->rows, back_cols(c, GDY));
    k->dx = view_for(s->ffn.lay, 7, k->rows, back_cols(c, GDX));
    k->x = c->ffn.call.x;
    k->a = c->ffn.call.a;
    k->b = c->ffn.call.b;
    k->dwa = spread(d.wa.view, s);
    k->dwb = spread(d.wb.view, s);
    k->dwd = spread(d.wd.view, s);
    k->dba = spread(of_bias(d.ba), s);
    k->dbb = spread(of_bias(d.bb), s);
    k->dbd = spread(of_bias(d.bd), s);
}

/* ---------------------------------------------------------------- arrays and numbers */

/* The second half of what may be one packed tensor. */
static bool is_second(back_array g) { return g == GB || g == GDWB || g == GDBB; }

static bool is_packed(const back_shape *s, back_array g)
{
    return g <= GB ? s->ffn.parts & ASK_PACKED : s->layout != CLGLU_SEPARATE;
}

static size_t extent(const back_case *c, back_array g)
{
    size_t rows = back_rows(c, g);
    return rows ? back_place(c, g, rows - 1, back_cols(c, g) - 1) + 1 : 0;
}

static void *array_of(size_t elements, clglu_dtype dtype)
{
    size_t bytes = (elements + TAIL) * clglu_dtype_size(dtype);
    return memset(array_new(bytes), NANS, bytes);
}

static void make_array(back_case *c, const back_shape *s, back_array g)
{
    back_array next = (back_array)(g + 1);
    size_t elements = extent(c, g);
    if (is_second(g) && is_packed(s, g) && c->at[g - 1]) {
        c->at[g] = c->at[g - 1];
        return;
    }
    if (is_second(next) && is_packed(s, next) && extent(c, next) > elements) elements = extent(c, next);
    c->at[g] = array_of(elements, back_dtype(c, g));
}

static float moderate(uint64_t *state) { return ((float)random_bits(state) - 0x1p31f) * 0x1p-31f; }

/* Each row has numbers of its own, whatever the number of rows. */
static void fill(back_case *c, back_array g, uint64_t seed)
{
    for (size_t r = 0; c->at[g] && r < back_rows(c, g); r++) {
        uint64_t state = seed * 2000003 + r * 91 + g * 1000;
        for (size_t n = 0; n < back_cols(c, g); n++) back_set(c, g, r, n, moderate(&state));
    }
}

static void fill_from(back_case *c, back_array g, const ffn_case *from, ffn_array f)
{
    for (size_t r = 0; c->at[g] && r < c->call.rows; r++)
        for (size_t n = 0; n < back_cols(c, g); n++)
            set_element_bits(back_dtype(c, g), c->at[g], back_place(c, g, r, n), ffn_get_bits(from, f, r, n));
}

static void fill_all(back_case *c, const back_shape *s)
{
    ffn_case forward = ffn_emulated(&c->ffn);
    fill(c, GDY, s->ffn.seed);
    fill_from(c, GX, &forward, FX);
    fill_from(c, GA, &forward, FA);
    fill_from(c, GB, &forward, FB);
    for (back_array g = GDWA; s->accumulate && g < GFLAG; g++) fill(c, g, s->ffn.seed);
    if (c->at[GFLAG]) *(uint32_t *)c->at[GFLAG] = 7;
    ffn_free(&forward);
}

/* Of a and b those that the block has are stored, or none. */
static unsigned parts_of(unsigned parts)
{
    enum { ASKED = ASK_A | ASK_B | ASK_PACKED };
    unsigned kept = parts & ~(unsigned)ASKED;
    if (!(parts & (ASK_A | ASK_B))) return kept;
    if ((parts & HAS_WA) && (parts & HAS_WB)) return kept | ASK_A | ASK_B | (parts & ASK_PACKED);
    return kept | (parts & HAS_WA ? ASK_A : ASK_B);
}

back_case back_new(const back_shape *shape)
{
    back_shape s = *shape;
    s.ffn.parts = parts_of(s.ffn.parts);
    back_case c = {.ffn = ffn_new(&s.ffn)};
    c.ffn.desc.training = 1;
    c.call = (clglu_ffn_backward_call){.rows = s.ffn.rows,
                                       .dy_dtype = s.ffn.y_dtype,
                                       .x_dtype = s.ffn.x_dtype,
                                       .ab_dtype = s.ffn.ab_dtype,
                                       .dx_dtype = s.dx_dtype,
                                       .weights_dtype = s.weights_dtype,
                                       .accumulate = s.accumulate,
                                       .scale = s.scale,
                                       .row_block = s.row_block};
    lay_views(&c, &s);
    for (back_array g = GDY; g < BACK_ARRAYS; g++)
        if (is_there(&c, &s, g)) make_array(&c, &s, g);
    fill_all(&c, &s);
    return c;
}

back_case back_copy(const back_case *c)
{
    back_case copy = *c;
    copy.copied = true;
    for (back_array g = GDY; g < BACK_ARRAYS; g++) {
        if (!c->at[g]) continue;
        bool shares = is_second(g) && c->at[g - 1] == c->at[g];
        size_t bytes = array_bytes(c->at[g]);
        copy.at[g] = shares ? copy.at[g - 1] : memcpy(array_new(bytes), c->at[g], bytes);
    }
    return copy;
}

void back_drop(back_case *c, back_array g)
{
    bool shared = false;
    for (back_array other = GDY; other < BACK_ARRAYS; other++)
        shared |= other != g && c->at[other] == c->at[g];
    if (!shared) array_free(c->at[g]);
    c->at[g] = NULL;
}

void back_free(back_case *c)
{
    for (back_array g = GDY; g < BACK_ARRAYS; g++) back_drop(c, g);
    if (!c->copied) ffn_free(&c->ffn);
}

void back_describe(const back_case *c, char *text, size_t size)
{
    const clglu_ffn_backward_call *k = &c->call;
    int n = snprintf(
        text, size,
        "dy %s dx %s weights' gradients %s, accumulate %d scale %g row_block %zu form %d row_tile %u "
        "tiles %u;",
        clglu_dtype_name(k->dy_dtype), clglu_dtype_name(k->dx_dtype), clglu_dtype_name(k->weights_dtype),
        k->accumulate, (double)k->scale, k->row_block, (int)k->choice.form, k->choice.row_tile,
        k->choice.tiles);
    for (back_array g = GDY; g < GFLAG && n > 0 && (size_t)n < size; g++) {
        clglu_view v = *back_view((back_case *)(uintptr_t)c, g);
        if (c->at[g])
            n +=
                snprintf(text + n, size - (size_t)n, " %s{%zu,%zu,%zu}", back_name(g), v.offset, v.ld, v.inc);
    }
    if (n > 0 && (size_t)n + 10 < size) {
        text[n++] = ';';
        text[n++] = ' ';
        ffn_describe(&c->ffn, text + n, size - (size_t)n);
    }
}
