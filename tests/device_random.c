/* device_random.c - for the tests on a device: random calls, every layout and aliasing that is allowed.
   SPDX-License-Identifier: MIT */

#include "device.h"

/* A view that names no element twice: rows with padding, columns with gaps, or transposed. */
static clglu_view random_view(uint64_t *state, size_t rows, size_t cols)
{
    clglu_view v = {random_below(state, 6), 0, 0};
    if (one_in(state, 3)) return v;
    if (one_in(state, 5)) return (clglu_view){v.offset, 1, rows + random_below(state, 3)};
    v.inc = one_in(state, 2) ? 1 : 2 + random_below(state, 2);
    v.ld = cols * v.inc + random_below(state, 5);
    return v;
}

/* An input may name elements twice: windows that overlap. */
static clglu_view random_input_view(uint64_t *state, size_t rows, size_t cols)
{
    clglu_view v = random_view(state, rows, cols);
    if (one_in(state, 6)) v.ld = 1 + random_below(state, cols);
    return v;
}

/* a and b (or da and db) in one tensor of `parts` columns side by side: packed in either order, or interleaved. */
static void share_tensor(call *c, operand first, operand second, uint64_t *state)
{
    size_t rows = c->d.rows, cols = c->d.cols, parts = 2 + random_below(state, 2), start = random_below(state, 4);
    bool interleaved = one_in(state, 2);
    size_t step = interleaved ? 1 : cols, swap = random_below(state, 2);
    void *tensor = array_new((start + rows * cols * parts) * clglu_dtype_size(c->d.dtype));
    call_move(c, first, tensor, (clglu_view){start + swap * step, cols * parts, interleaved ? parts : 1});
    call_move(c, second, tensor, (clglu_view){start + (1 - swap) * step, cols * parts, interleaved ? parts : 1});
}

static void lay_inputs(call *c, uint64_t *state)
{
    bool pair = c->at[B] && one_in(state, 2);
    if (pair) share_tensor(c, A, B, state);
    for (operand o = A; o <= DB; o++)
        if (c->at[o] && !is_output(c->op, o) && !(pair && (o == A || o == B)))
            call_move(c, o, NULL, random_input_view(state, c->d.rows, c->d.cols));
}

/* No two elements of a view may be one place where the view becomes an output's. */
static bool injective(const call *c, operand o)
{
    clglu_view v = view_of(c, o);
    return v.ld >= c->d.cols * v.inc || (v.ld == 1 && v.inc >= c->d.rows);
}

static void lay_outputs(call *c, uint64_t *state)
{
    bool pair = c->at[DB] && one_in(state, 2);
    bool taken[OPERANDS] = {false};
    if (pair) share_tensor(c, DA, DB, state);
    for (operand o = A; o <= DB; o++) {
        if (!c->at[o] || !is_output(c->op, o)) continue;
        operand target = (operand)random_below(state, DY + 1);
        if (c->at[target] && !is_output(c->op, target) && injective(c, target) && !taken[target] && one_in(state, 2)) {
            call_alias(c, o, target);
            taken[target] = true;
        } else if (!(pair && (o == DA || o == DB))) {
            call_move(c, o, NULL, random_view(state, c->d.rows, c->d.cols));
        }
    }
}

static void add_biases(call *c, nature n, uint64_t *state)
{
    c->d.bias_a.offset = random_below(state, 4);
    c->d.bias_a.inc = random_below(state, 3);
    c->d.bias_b.offset = random_below(state, 4);
    c->d.bias_b.inc = random_below(state, 4);
    call_add_bias(c, n, state);
}

/* Some outputs less, bias gradients more; one output stays. */
static void choose_outputs(call *c, uint64_t *state)
{
    if (c->op != ACT_BACKWARD && c->op != GATE_BACKWARD) return;
    bool sums = one_in(state, 2), kept = sums;
    if (sums) call_want_dbias(c);
    if (c->op == ACT_BACKWARD && sums && one_in(state, 4)) call_drop(c, DA);
    if (c->op == ACT_BACKWARD) return;
    static const operand outputs[] = {DA, DB, Y};
    for (size_t i = 0; i < COUNT(outputs); i++) {
        bool last = i + 1 == COUNT(outputs) && !kept;
        if (!last && one_in(state, 3))
            call_drop(c, outputs[i]);
        else
            kept = true;
    }
    if (sums && one_in(state, 4)) call_drop(c, DBIAS_B);
}

static void choose_numbers(clglu_gate_desc *d, uint64_t *state)
{
    if (one_in(state, 3)) d->rounding = CLGLU_ROUND_LIKE_TORCH;
    if (one_in(state, 4)) d->limit = 0.5f + (float)random_below(state, 16);
    if (one_in(state, 4)) d->shift = (float)random_below(state, 9) - 4.0f;
    if (d->act == CLGLU_ACT_SILU && one_in(state, 2)) d->alpha = 0.25f * (float)(1 + random_below(state, 12));
}

static void choose_shape(size_t *rows, size_t *cols, size_t limit, uint64_t *state)
{
    *rows = 1 + random_below(state, one_in(state, 4) ? 200 : 12);
    *cols = 1 + random_below(state, one_in(state, 4) ? 700 : 40);
    if (one_in(state, 8)) *rows = 1;
    if (one_in(state, 8)) *cols = 1;
    while (*rows * *cols > limit) *(*rows > *cols ? rows : cols) /= 2;
}

/* The pairs of activations are those of the variants: each pair is a program that must be built. */
call call_random(uint64_t *state, size_t limit, nature n)
{
    size_t rows, cols;
    clglu_variant v;
    choose_shape(&rows, &cols, limit, state);
    ck_assert_int_eq(clglu_variant_at(random_below(state, variant_count()), &v), CLGLU_OK);
    operator_id op = (operator_id)random_below(state, OPERATORS);
    clglu_dtype dtype = (clglu_dtype)random_below(state, 3);
    call c = call_new(op, v.act, v.gate, dtype, rows, cols);
    if (op == GATE_FORWARD || op == GATE_BACKWARD) choose_numbers(&c.d, state);
    if (v.act == CLGLU_ACT_SILU && one_in(state, 2)) c.d.alpha = 1.702f;
    call_fill(&c, n, state);
    choose_outputs(&c, state);
    lay_inputs(&c, state);
    lay_outputs(&c, state);
    if (one_in(state, 3)) add_biases(&c, n, state);
    return c;
}
