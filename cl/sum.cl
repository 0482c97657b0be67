/* sum.cl - the blocks' sums of the canonical order, added up.
   SPDX-License-Identifier: MIT */

#pragma OPENCL FP_CONTRACT OFF

/* total[c] = 0 + block[0][c] + block[1][c] + ... in ascending order; block is [blocks, cols]. With `more` the sum goes
   on from what total holds: the host cuts long sums so that no loop passes 32,768 rounds. */
kernel void sum_blocks(global const float *block, ulong first, ulong blocks, ulong cols, global float *total,
                       ulong offset, ulong inc, uint more)
{
    ulong col = get_global_id(0);
    if (col >= cols || get_global_id(1) > 0) return;
    float sum = more ? total[offset + col * inc] : 0.0f;
    for (uint i = 0; i < blocks; i++) sum = sum + block[(first + i) * cols + col];
    total[offset + col * inc] = sum;
}
