/* gate.cl - y = act(a) * gate(b), or y = act(a) where there is no b.
   SPDX-License-Identifier: MIT */

/* Needs what operand.clh needs. One work-item takes VW columns of a row; any rows, cols and views. */
#include "operand.clh"

kernel void gate_forward(ulong rows, ulong cols, INPUT(a) IF_B(INPUT(b)) OUTPUT(y) IF_BIAS_A(INPUT(bias_a))
                         IF_BIAS_B(INPUT(bias_b)) float alpha, float limit, float shift)
{
    ulong col = get_global_id(0) * (ulong)VW, row = get_global_id(1);
    if (col >= cols || row >= rows) return;
    uint n = lanes(cols, col);
    real unused;

    look_ahead(a, a_at, row, col, cols);
    IF_B(look_ahead(b, b_at, row, col, cols);)
    real x = load(a, a_at, row, col, n);
    IF_B(real z = load(b, b_at, row, col, n);)
    IF_BIAS_A(x = keep(x + load(bias_a, bias_a_at, 0, col, n));)
    IF_BIAS_B(z = keep(z + load(bias_b, bias_b_at, 0, col, n));)
    real p = act_side(x, alpha, limit, &unused);
    IF_B(p = p * gate_side(z, limit, shift, &unused);)
    store(p, y, y_at, row, col, n);
}
