/* bits.c - hashes of what the emulation and the reference give, a line each: build/bits. Whatever compiled them, they are the
   same. SPDX-License-Identifier: MIT */

#include "clglu.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

/* Every f16 and bf16 there is; of f32 the bf16 ones with other lower bits. */
enum { COUNT = 65536, COLS = 256, ROWS = COUNT / COLS };
enum { BLOCK_ROWS = 133, D_MODEL = 37, D_FF = 150 };

static float x[COUNT], b[COUNT], dy[COUNT], tame_x[COUNT], tame_b[COUNT], tame_dy[COUNT];
static float out[3][COUNT], sums[2][COLS];
static double exact[2][COUNT];
static const clglu_dtype dtypes[] = {CLGLU_F32, CLGLU_F16, CLGLU_BF16};

static void fail(const char *what)
{
    fprintf(stderr, "bits: %s was refused\n", what);
    exit(EXIT_FAILURE);
}

/* The payload and the sign of a NaN are no promise: all NaNs are one here. */
static void name_nans(void *array, size_t count, clglu_dtype dtype)
{
    for (size_t i = 0; i < count; i++) {
        uint16_t *half = (uint16_t *)array + i;
        if (dtype == CLGLU_F32 && isnan(((float *)array)[i])) ((float *)array)[i] = NAN;
        if (dtype == CLGLU_F16 && (*half & 0x7fff) > 0x7c00) *half = 0x7e00;
        if (dtype == CLGLU_BF16 && (*half & 0x7fff) > 0x7f80) *half = 0x7fc0;
    }
}

static void line(const char *what, const char *name, const char *dtype, void *array, size_t bytes)
{
    printf("%s %s %s %016llx\n", what, name, dtype, (unsigned long long)XXH64(array, bytes, 0));
    memset(array, 0, bytes);
}

static void line_of(const char *what, const char *name, clglu_dtype dtype, void *array, size_t count)
{
    name_nans(array, count, dtype);
    line(what, name, clglu_dtype_name(dtype), array, count * clglu_dtype_size(dtype));
}

static void line_of_doubles(const char *what, const char *name, double *array, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (isnan(array[i])) array[i] = NAN;
    line(what, name, "f64", array, count * sizeof *array);
}

/* The same bits in another order for each step; and tame, from 1 to 2, for sums that are no NaN. */
static void fill(float *array, float *tame, clglu_dtype dtype, uint32_t step)
{
    const uint16_t one = dtype == CLGLU_F16 ? 0x3c00 : 0x3f80, exponent = dtype == CLGLU_F16 ? 0x7c00 : 0x7f80;
    for (uint32_t i = 0; i < COUNT; i++) {
        uint16_t bits[2] = {(uint16_t)(i * step), 0};
        bits[1] = (uint16_t)((bits[0] & 0x7fff & ~exponent) | one);
        for (int k = 0; k < 2; k++) {
            float *to = k ? tame : array;
            uint32_t wide = (uint32_t)bits[k] << 16 | (i * 40503u & 0xffff);
            if (dtype == CLGLU_F32)
                memcpy(to + i, &wide, sizeof wide);
            else
                memcpy((char *)to + i * sizeof bits[k], &bits[k], sizeof bits[k]);
        }
    }
}

static void acts(clglu_dtype dtype)
{
#define NAME(id, name, UPPER, ...) #name,
    static const char *const names[] = {CLGLU_ACTS(NAME)};
    for (int act = 0; act < CLGLU_ACT_COUNT; act++) {
        clglu_act_desc desc = {.rows = ROWS, .cols = COLS, .act = (clglu_act)act, .dtype = dtype};
        if (clglu_emulate_act_forward(&desc, x, out[0])) fail(names[act]);
        line_of("act", names[act], dtype, out[0], COUNT);
        if (clglu_emulate_act_backward(&desc, dy, x, out[0], NULL)) fail(names[act]);
        line_of("act'", names[act], dtype, out[0], COUNT);
        if (clglu_emulate_act_backward(&desc, tame_dy, tame_x, NULL, sums[0])) fail(names[act]);
        line_of("dbias", names[act], CLGLU_F32, sums[0], COLS);
        for (size_t i = 0; dtype == CLGLU_F32 && i < COUNT; i++) {
            exact[0][i] = clglu_reference_act(desc.act, 0, x[i]);
            exact[1][i] = clglu_reference_act_derivative(desc.act, 0, x[i]);
        }
        if (dtype == CLGLU_F32) line_of_doubles("reference", names[act], exact[0], COUNT);
        if (dtype == CLGLU_F32) line_of_doubles("reference'", names[act], exact[1], COUNT);
    }
}

static void gates(clglu_dtype dtype, clglu_rounding rounding)
{
    clglu_variant v;
    for (size_t i = 0; clglu_variant_at(i, &v) == CLGLU_OK; i++) {
        clglu_gate_desc desc = {.rows = ROWS, .cols = COLS, .dtype = dtype, .rounding = rounding};
        if (clglu_variant_set(v.name, &desc) || clglu_emulate_gate_forward(&desc, x, b, out[0])) fail(v.name);
        line_of("gate", v.name, dtype, out[0], COUNT);
        if (clglu_emulate_gate_backward(&desc, dy, x, b, out[0], out[1], out[2], NULL, NULL)) fail(v.name);
        for (int k = 0; k < 3; k++) line_of("gate'", v.name, dtype, out[k], COUNT);
        if (clglu_emulate_gate_backward(&desc, tame_dy, tame_x, tame_b, NULL, NULL, NULL, sums[0], sums[1])) fail(v.name);
        for (int k = 0; k < 2; k++) line_of("dbias", v.name, CLGLU_F32, sums[k], COLS);
    }
}

/* Numbers of everyday size, scale 1. */
static float *numbers(size_t count, uint32_t *state)
{
    float *made = malloc(count * sizeof *made);
    if (made == NULL) fail("memory");
    for (size_t i = 0; i < count; i++) {
        *state = *state * 1664525u + 1013904223u;
        made[i] = (float)(*state >> 8) * 0x1p-23f - 1;
    }
    return made;
}

static void block(const char *name)
{
    uint32_t state = 1;
    float *wa = numbers(D_MODEL * D_FF, &state), *wb = numbers(D_MODEL * D_FF, &state), *wd = numbers(D_FF * D_MODEL, &state);
    float *rows = numbers(BLOCK_ROWS * D_MODEL, &state), *back = numbers(BLOCK_ROWS * D_MODEL, &state);
    clglu_gate_desc form = {.rows = 1, .cols = 1};
    if (clglu_variant_set(name, &form)) fail(name);
    clglu_ffn_desc desc = {.d_model = D_MODEL, .d_ff = D_FF, .act = form.act, .gate = form.gate, .training = 1};
    desc.wa.host = wa, desc.wb.host = wb, desc.wd.host = wd;
    desc.alpha = form.alpha, desc.limit = form.limit, desc.shift = form.shift;

    clglu_ffn_call call = {.rows = BLOCK_ROWS};
    if (clglu_emulate_ffn_forward(&desc, &call, rows, out[0], NULL, NULL)) fail(name);
    line_of("ffn", name, CLGLU_F32, out[0], BLOCK_ROWS * D_MODEL);
    if (clglu_reference_ffn(&desc, &call, rows, exact[0], exact[1])) fail(name);
    line_of_doubles("reference ffn", name, exact[0], BLOCK_ROWS * D_MODEL);
    line_of_doubles("its bound", name, exact[1], BLOCK_ROWS * D_MODEL);

    clglu_ffn_backward_call again = {.rows = BLOCK_ROWS};
    clglu_ffn_gradients_host arrays = {.dy = back, .x = rows, .dx = out[0], .dwa = out[1], .dwd = out[2]};
    if (clglu_emulate_ffn_backward(&desc, &again, &arrays)) fail(name);
    line_of("ffn dx", name, CLGLU_F32, out[0], BLOCK_ROWS * D_MODEL);
    line_of("ffn dwa", name, CLGLU_F32, out[1], D_MODEL * D_FF);
    line_of("ffn dwd", name, CLGLU_F32, out[2], D_MODEL * D_FF);
    clglu_ffn_gradients_double doubles = {.dx = exact[0], .dwb = exact[1]};
    if (clglu_reference_ffn_backward(&desc, &again, back, rows, &doubles)) fail(name);
    line_of_doubles("reference dx", name, exact[0], BLOCK_ROWS * D_MODEL);
    line_of_doubles("reference dwb", name, exact[1], D_MODEL * D_FF);
    free(wa), free(wb), free(wd), free(rows), free(back);
}

int main(void)
{
    for (int i = 0; i < 3; i++) {
        fill(x, tame_x, dtypes[i], 1), fill(b, tame_b, dtypes[i], 40503u), fill(dy, tame_dy, dtypes[i], 25717u);
        acts(dtypes[i]);
        gates(dtypes[i], CLGLU_ROUND_ONCE);
        if (dtypes[i] != CLGLU_F32) gates(dtypes[i], CLGLU_ROUND_LIKE_TORCH);
    }
    clglu_variant v;
    for (size_t i = 0; clglu_variant_at(i, &v) == CLGLU_OK; i++) block(v.name);
    return EXIT_SUCCESS;
}
