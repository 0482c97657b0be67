/* values.c - numbers in their storage types: grids over all exponents, special values, NaNs of one kind.
   SPDX-License-Identifier: MIT */

#include "values.h"

#include <math.h>
#include <string.h>

uint32_t value_bits(clglu_dtype dtype, const void *array, size_t i)
{
    return dtype == CLGLU_F32 ? ((const uint32_t *)array)[i] : ((const uint16_t *)array)[i];
}

void value_set(clglu_dtype dtype, void *array, size_t i, uint32_t bits)
{
    if (dtype == CLGLU_F32)
        ((uint32_t *)array)[i] = bits;
    else
        ((uint16_t *)array)[i] = (uint16_t)bits;
}

static double half_number(uint32_t bits)
{
    int exponent = (int)(bits >> 10 & 31);
    double fraction = bits & 1023;
    double size = exponent == 31 ? (fraction != 0 ? (double)NAN : (double)INFINITY)
                  : exponent     ? ldexp(fraction + 1024, exponent - 25)
                                 : ldexp(fraction, -24);
    return bits & 0x8000 ? -size : size;
}

double value_number(clglu_dtype dtype, uint32_t bits)
{
    float x;
    if (dtype == CLGLU_F16) return half_number(bits);
    if (dtype == CLGLU_BF16) bits <<= 16;
    memcpy(&x, &bits, sizeof x);
    return (double)x;
}

void value_one_nan(clglu_dtype dtype, void *array, size_t count)
{
    static const uint32_t infinity[] = {0x7f800000u, 0x7c00u, 0x7f80u},
                          quiet[] = {0x7fc00000u, 0x7e00u, 0x7fc0u};
    uint32_t size = dtype == CLGLU_F32 ? 0x7fffffffu : 0x7fffu;
    for (size_t i = 0; i < count; i++)
        if ((value_bits(dtype, array, i) & size) > infinity[dtype]) value_set(dtype, array, i, quiet[dtype]);
}

/* A hash of i: mixes every bit of it into the high ones. */
static uint32_t mix(uint64_t i)
{
    i = (i + 1) * 0x9e3779b97f4a7c15u;
    i ^= i >> 29;
    return (uint32_t)((i * 0xbf58476d1ce4e5b9u) >> 32);
}

uint32_t value_spread(clglu_dtype dtype, int log2, uint64_t i)
{
    int low = (dtype == CLGLU_F32 ? 32 : 16) - log2;
    return low > 0 ? (uint32_t)i << low | (mix(i) & ((1u << low) - 1)) : (uint32_t)i;
}

uint32_t value_special(clglu_dtype dtype, enum value_special which)
{
    static const uint32_t bits[3][VALUE_SPECIALS] = {
        {0x7fc00000u, 0x7f800000u, 0xff800000u, 0u, 0x80000000u, 0x7f7fffffu, 0xff7fffffu},
        {0x7e00u, 0x7c00u, 0xfc00u, 0u, 0x8000u, 0x7bffu, 0xfbffu},
        {0x7fc0u, 0x7f80u, 0xff80u, 0u, 0x8000u, 0x7f7fu, 0xff7fu}};
    return bits[dtype][which];
}

uint32_t value_one(clglu_dtype dtype)
{
    static const uint32_t one[] = {0x3f800000u, 0x3c00u, 0x3f80u};
    return one[dtype];
}

/* Random sign and fraction below an exponent of -2 to 1. */
void value_everyday(clglu_dtype dtype, void *array, size_t count)
{
    static const int fraction[] = {23, 10, 7}, exponent[] = {125, 13, 125};
    int f = fraction[dtype];
    uint32_t sign = dtype == CLGLU_F32 ? 0x80000000u : 0x8000u;
    for (size_t i = 0; i < count; i++) {
        uint32_t r = mix(i), e = (uint32_t)exponent[dtype] + (r & 3);
        value_set(dtype, array, i, (r & 4 ? sign : 0) | e << f | (r >> 9 & ((1u << f) - 1)));
    }
}
