/* selftest.cl - exactly what the kernels rely on, to be compared with the host bit for bit.
   SPDX-License-Identifier: MIT */

/* Needs VW and DTYPE=1 (halves are tested). */
#include "store.clh"
#include "gelu.clh"

#if VW == 1
#define LOAD(p, i)     ((p)[i])
#define STORE(x, p, i) ((p)[i] = (x))
#else
#define LOAD(p, i)     CLGLU_JOIN(vload, VW)(i, p)
#define STORE(x, p, i) CLGLU_JOIN(vstore, VW)(x, i, p)
#endif

/* out is [10, count]: fma(x, y, z), x * y, x + y, gelu(x), gelu'(x), x narrowed to a half and widened again, the same
   through memory, (y - 1) * 2^-26 by way of (y - 1) * 2^-126, which is subnormal, twice, and the memory for the halves. */
kernel void selftest_values(global const float *x, global const float *y, global const float *z, global float *out,
                            uint count)
{
    uint i = get_global_id(0);
    if (i * VW >= count) return;
    real a = LOAD(x, i), b = LOAD(y, i), c = LOAD(z, i), derivative;
    STORE(FMA(a, b, c), out, i);
    STORE(a * b, out + count, i);
    STORE(a + b, out + 2 * count, i);
    STORE(act_gelu(a, &derivative), out + 3 * count, i);
    STORE(derivative, out + 4 * count, i);
    STORE(widen(narrow(a)), out + 5 * count, i);
    global element *half_of_a = (global element *)(out + 9 * count) + i * VW;
    store_whole(a, half_of_a);
    STORE(load_whole(half_of_a), out + 6 * count, i);
    real least = (real)(0x1p-126f);
    STORE((b * least - least) * 0x1p100f, out + 7 * count, i);
    STORE(FMA(b, least, -least) * 0x1p100f, out + 8 * count, i);
}

/* A group of 64 turns its numbers round through local memory, twice; out[64] is how many rounds a long loop made. */
kernel void selftest_group(global uint *out, uint rounds)
{
    local uint line[64];
    uint i = get_local_id(0), made = 0;
    line[i] = i * i;
    barrier(CLK_LOCAL_MEM_FENCE);
    uint turned = line[63 - i];
    barrier(CLK_LOCAL_MEM_FENCE);
    line[i] = turned + i;
    barrier(CLK_LOCAL_MEM_FENCE);
    out[i] = line[63 - i];
    for (uint k = 0; k < rounds; k++) made = made + (line[k & 63] < 0x7fffffffu ? 1 : 0);
    if (i == 0) out[64] = made;
}
