/* device_call.c - for the tests on a device: calls, their arrays and views. SPDX-License-Identifier: MIT */

#include "device.h"

#include <string.h>

#define BIT(o) (1u << (o))

static const struct {
    const char *name;
    unsigned inputs, outputs;
} operators[OPERATORS] = {
    {"act_forward", BIT(A) | BIT(BIAS_A), BIT(Y)},
    {"act_backward", BIT(A) | BIT(DY) | BIT(BIAS_A), BIT(DA) | BIT(DBIAS_A)},
    {"gate_forward", BIT(A) | BIT(B) | BIT(BIAS_A) | BIT(BIAS_B), BIT(Y)},
    {"gate_backward", BIT(A) | BIT(B) | BIT(DY) | BIT(BIAS_A) | BIT(BIAS_B),
     BIT(DA) | BIT(DB) | BIT(Y) | BIT(DBIAS_A) | BIT(DBIAS_B)},
};

const char *operand_name(operand o)
{
    static const char *const names[OPERANDS] = {"a",  "b",       "y",       "dy",     "da",
                                                "db", "dbias_a", "dbias_b", "bias_a", "bias_b"};
    return names[o];
}

bool takes(operator_id op, operand o) { return (operators[op].inputs | operators[op].outputs) & BIT(o); }
bool is_output(operator_id op, operand o) { return operators[op].outputs & BIT(o); }
bool has_view(operand o) { return o <= DB; }
const char *operator_name(operator_id op) { return operators[op].name; }

/* ---------------------------------------------------------------- views */

clglu_view *view_field(call *c, operand o)
{
    clglu_view *views[] = {&c->d.a, &c->d.b, &c->d.y, &c->d.dy, &c->d.da, &c->d.db};
    return views[o];
}

/* Biases and their gradients are views of one row. */
clglu_view view_of(const call *c, operand o)
{
    clglu_view v = {0};
    if (has_view(o)) v = *view_field((call *)(uintptr_t)c, o);
    if (o == BIAS_A) v = (clglu_view){c->d.bias_a.offset, 0, c->d.bias_a.inc};
    if (o == BIAS_B) v = (clglu_view){c->d.bias_b.offset, 0, c->d.bias_b.inc};
    if (v.inc == 0) v.inc = 1;
    if (v.ld == 0) v.ld = c->d.cols * v.inc;
    return v;
}

static size_t rows_of(const call *c, operand o) { return has_view(o) ? c->d.rows : 1; }

size_t place_of(const call *c, operand o, size_t row, size_t col)
{
    clglu_view v = view_of(c, o);
    return v.offset + row * v.ld + col * v.inc;
}

size_t extent_of(const call *c, operand o)
{
    size_t rows = rows_of(c, o);
    return rows ? place_of(c, o, rows - 1, c->d.cols - 1) + 1 : 0;
}

clglu_dtype dtype_of(const call *c, operand o)
{
    return o == DBIAS_A || o == DBIAS_B ? CLGLU_F32 : c->d.dtype;
}

/* ---------------------------------------------------------------- making, copying, freeing */

static void *fitting(const call *c, operand o)
{
    return array_new(extent_of(c, o) * clglu_dtype_size(dtype_of(c, o)));
}

call call_new(operator_id op, clglu_act act, clglu_act gate, clglu_dtype dtype, size_t rows, size_t cols)
{
    call c = {.op = op, .d = {.rows = rows, .cols = cols, .act = act, .gate = gate, .dtype = dtype}};
    for (operand o = 0; o < OPERANDS; o++)
        if (has_view(o) && takes(op, o)) c.at[o] = fitting(&c, o);
    return c;
}

void call_fill(call *c, nature n, uint64_t *state)
{
    for (operand o = 0; o < OPERANDS; o++) {
        if (!c->at[o] || is_output(c->op, o)) continue;
        size_t count = array_bytes(c->at[o]) / clglu_dtype_size(c->d.dtype);
        for (size_t i = 0; i < count; i++)
            set_element_bits(c->d.dtype, c->at[o], i, random_number(c->d.dtype, n, state));
    }
}

operand first_with(const call *c, operand o)
{
    operand first = 0;
    while (c->at[first] != c->at[o]) first++;
    return first;
}

void call_free(call *c)
{
    for (operand o = OPERANDS; o-- > 0;)
        if (c->at[o] && first_with(c, o) == o) array_free(c->at[o]);
    memset(c->at, 0, sizeof c->at);
}

call call_copy(const call *c)
{
    call copy = *c;
    for (operand o = 0; o < OPERANDS; o++) {
        if (!c->at[o]) continue;
        operand first = first_with(c, o);
        size_t bytes = array_bytes(c->at[o]);
        copy.at[o] = first < o ? copy.at[first] : memcpy(array_new(bytes), c->at[o], bytes);
    }
    return copy;
}

static void release(call *c, operand o)
{
    void *array = c->at[o];
    c->at[o] = NULL;
    for (operand other = 0; other < OPERANDS; other++)
        if (c->at[other] == array) return;
    array_free(array);
}

/* An output's old elements are canaries: only inputs have something to take along. */
void call_move(call *c, operand o, void *array, clglu_view v)
{
    call old = *c;
    *view_field(c, o) = v;
    if (!array) array = fitting(c, o);
    if (!is_output(c->op, o))
        for (size_t row = 0; row < c->d.rows; row++)
            for (size_t col = 0; col < c->d.cols; col++)
                copy_element(c->d.dtype, array, place_of(c, o, row, col), old.at[o], place_of(&old, o, row, col));
    release(c, o);
    c->at[o] = array;
}

void call_alias(call *c, operand o, operand target)
{
    release(c, o);
    c->at[o] = c->at[target];
    *view_field(c, o) = *view_field(c, target);
}

void call_drop(call *c, operand o) { release(c, o); }

void call_add_bias(call *c, nature n, uint64_t *state)
{
    for (operand o = BIAS_A; o <= BIAS_B; o++) {
        if (!takes(c->op, o)) continue;
        release(c, o);
        c->at[o] = fitting(c, o);
        for (size_t i = 0; i < extent_of(c, o); i++)
            set_element_bits(c->d.dtype, c->at[o], i, random_number(c->d.dtype, n, state));
    }
}

void call_want_dbias(call *c)
{
    for (operand o = DBIAS_A; o <= DBIAS_B; o++)
        if (takes(c->op, o) && !c->at[o]) c->at[o] = fitting(c, o);
}

void call_variant(call *c, const char *name) { ck_assert_int_eq(clglu_variant_set(name, &c->d), CLGLU_OK); }

/* ---------------------------------------------------------------- descriptors */

clglu_gate_desc gate_desc_of(const call *c)
{
    clglu_gate_desc d = c->d;
    d.bias_a.host = c->at[BIAS_A];
    d.bias_b.host = c->at[BIAS_B];
    return d;
}

clglu_act_desc act_desc_of(const call *c)
{
    clglu_gate_desc d = gate_desc_of(c);
    return (clglu_act_desc){.rows = d.rows,
                            .cols = d.cols,
                            .x = d.a,
                            .y = d.y,
                            .dy = d.dy,
                            .dx = d.da,
                            .act = d.act,
                            .dtype = d.dtype,
                            .alpha = d.alpha,
                            .bias = d.bias_a};
}
