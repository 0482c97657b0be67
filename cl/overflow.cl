/* overflow.cl - is there an infinity or a NaN among the gradients?
   SPDX-License-Identifier: MIT */

#define VW 1
#include "number.clh"

#ifndef SOURCE
#error "SOURCE: the type of what is looked at, 0 f32, 1 f16, 2 bf16"
#endif

/* flag becomes 1; work-items that meet write the same. */
kernel void find_overflow(global const void *source, ulong offset, ulong ld, ulong inc, ulong rows, ulong cols,
                          global uint *flag)
{
    ulong col = get_global_id(0), row = get_global_id(1);
    if (col >= cols || row >= rows) return;
    uint u = as_uint(get_number(SOURCE, source, offset + row * ld + col * inc));
    if ((u & 0x7f800000u) == 0x7f800000u) *flag = 1;
}
