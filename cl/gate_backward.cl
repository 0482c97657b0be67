/* gate_backward.cl - da = (dy * gate(b)) * act'(a), db = (dy * act(a)) * gate'(b), y again, and the columns' sums.
   SPDX-License-Identifier: MIT */

/* Needs what operand.clh needs; HAS_Y, HAS_DA, HAS_DB, HAS_SUM_A and HAS_SUM_B say which results are wanted.
   Everything is loaded before anything is stored: results may lie exactly over inputs. */
#include "operand.clh"

#define OPERANDS                                                                                             \
    INPUT(dy) INPUT(a) IF_B(INPUT(b)) IF_Y(OUTPUT(y)) IF_DA(OUTPUT(da)) IF_DB(OUTPUT(db))                    \
        IF_BIAS_A(INPUT(bias_a)) IF_BIAS_B(INPUT(bias_b))
#define PASS(name) name, name##_at,
#define PASSED                                                                                               \
    PASS(dy) PASS(a) IF_B(PASS(b)) IF_Y(PASS(y)) IF_DA(PASS(da)) IF_DB(PASS(db)) IF_BIAS_A(PASS(bias_a))     \
        IF_BIAS_B(PASS(bias_b))

/* The gradients of n columns of a row, stored where wanted, and as f32 numbers for the sums. */
static inline void gradients(OPERANDS ulong row, ulong col, uint n, float alpha, float limit, float shift, real *ga,
                             real *gb)
{
    real dp, dq, g = load(dy, dy_at, row, col, n);
    real x = load(a, a_at, row, col, n);
    IF_B(real z = load(b, b_at, row, col, n);)
    IF_BIAS_A(x = keep(x + load(bias_a, bias_a_at, 0, col, n));)
    real p = act_side(x, alpha, limit, &dp);
#ifdef HAS_B
    IF_BIAS_B(z = keep(z + load(bias_b, bias_b_at, 0, col, n));)
    real q = gate_side(z, limit, shift, &dq);
    *ga = keep(g * q) * dp;
    *gb = keep(g * p) * dq;
    IF_LIMIT(*ga = gradient_below(x, limit, *ga); *gb = gradient_within(z, limit, *gb);)
    *gb = keep(*gb);
    p = p * q;
#else
    *ga = keep(g) * dp;
#endif
    *ga = keep(*ga);
    IF_Y(store(p, y, y_at, row, col, n);)
    IF_DA(store(*ga, da, da_at, row, col, n);)
    IF_DB(store(*gb, db, db_at, row, col, n);)
}

/* One work-item takes VW columns of a row. */
kernel void gate_backward(ulong rows, ulong cols, OPERANDS float alpha, float limit, float shift)
{
    ulong col = get_global_id(0) * (ulong)VW, row = get_global_id(1);
    real ga, gb;
    if (col >= cols || row >= rows) return;
    gradients(PASSED row, col, lanes(cols, col), alpha, limit, shift, &ga, &gb);
}

#define SUMS(name) global float *name,
#if defined(HAS_SUM_A) || defined(HAS_SUM_B)
/* The lanes' sums of a block, dense f32. */
static inline void store_sum(real sum, global float *p, uint n)
{
#if VW == 1
    *p = sum;
#else
#define PUT(i, lane)                                                                                         \
    if (n > i) p[i] = sum.lane;
    EACH_LANE(PUT)
#undef PUT
#endif
}

/* The same with the columns' sums: one work-item takes VW columns of a block of 128 rows, the unit of the canonical sum, and
   leaves the block's sums in block_a and block_b, [blocks, cols]; sum.cl adds them up. */
kernel void gate_backward_sums(ulong rows, ulong cols, OPERANDS IF_SUM_A(SUMS(block_a)) IF_SUM_B(SUMS(block_b))
                                   float alpha, float limit, float shift)
{
    ulong col = get_global_id(0) * (ulong)VW, block = get_global_id(1), first = block * 128;
    if (col >= cols || first >= rows) return;
    uint n = lanes(cols, col), height = rows - first < 128 ? (uint)(rows - first) : 128;
    real ga, gb, sum_a = (real)(0.0f), sum_b = (real)(0.0f);

    for (uint i = 0; i < height; i++) {
        gradients(PASSED first + i, col, n, alpha, limit, shift, &ga, &gb);
        IF_SUM_A(sum_a = sum_a + ga;)
        IF_SUM_B(sum_b = sum_b + gb;)
    }
    IF_SUM_A(store_sum(sum_a, block_a + block * cols + col, n);)
    IF_SUM_B(store_sum(sum_b, block_b + block * cols + col, n);)
}
#endif
