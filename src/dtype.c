/* dtype.c - the storage types f16 and bf16 on the host: conversions that round once, to nearest even.
   SPDX-License-Identifier: MIT */

#include "dtype.h"

#include <string.h>

static uint32_t bits_of(float x)
{
    uint32_t u;
    memcpy(&u, &x, sizeof u);
    return u;
}

static float float_of(uint32_t u)
{
    float x;
    memcpy(&x, &u, sizeof x);
    return x;
}

/* v / 2^n to nearest even, 1 <= n <= 24. A carry out of the fraction runs into the exponent above it, which
   is the right result. */
static uint32_t round_shift(uint32_t v, uint32_t n)
{
    uint32_t whole = v >> n, rest = v & ((1u << n) - 1u), half = 1u << (n - 1u);
    return whole + (rest > half || (rest == half && (whole & 1u)));
}

float clglu_f16_to_f32(uint16_t h)
{
    uint32_t sign = (uint32_t)(h & 0x8000u) << 16, exponent = (h >> 10) & 31u, fraction = h & 0x3ffu;
    if (exponent == 31) return float_of(sign | 0x7f800000u | fraction << 13);
    if (exponent != 0) return float_of(sign | (exponent + 112u) << 23 | fraction << 13);
    if (fraction == 0) return float_of(sign);
    exponent = 113; /* a subnormal f16 is a normal f32: its leading one becomes the hidden one */
    while (!(fraction & 0x400u)) {
        fraction <<= 1;
        exponent--;
    }
    return float_of(sign | exponent << 23 | (fraction & 0x3ffu) << 13);
}

uint16_t clglu_f32_to_f16(float x)
{
    uint32_t u = bits_of(x), sign = (u >> 16) & 0x8000u, size = u & 0x7fffffffu, h;
    if (size > 0x7f800000u)
        h = 0x7e00u | ((size >> 13) & 0x3ffu); /* NaN, made quiet */
    else if (size >= 0x477ff000u)
        h = 0x7c00u; /* from 65520, half-way between the largest finite value and 2^16, on */
    else if (size >= 0x38800000u)
        h = round_shift(size - (112u << 23), 13);
    else if (size >= 0x33000000u) /* from 2^-25 to 2^-14: counted in units of 2^-24 */
        h = round_shift((size & 0x7fffffu) | 0x800000u, 126u - (size >> 23));
    else
        h = 0;
    return (uint16_t)(sign | h);
}

float clglu_bf16_to_f32(uint16_t h) { return float_of((uint32_t)h << 16); }

uint16_t clglu_f32_to_bf16(float x)
{
    uint32_t u = bits_of(x);
    if ((u & 0x7fffffffu) > 0x7f800000u)
        return (uint16_t)(u >> 16 | 0x40u); /* cutting alone could leave infinity */
    return (uint16_t)round_shift(u, 16);
}
