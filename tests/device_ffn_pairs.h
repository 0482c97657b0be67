/* device_ffn_pairs.h - cases of the feed-forward block in which any two values of two properties meet.
   SPDX-License-Identifier: MIT */

#ifndef TEST_DEVICE_FFN_PAIRS_H
#define TEST_DEVICE_FFN_PAIRS_H

#include "device_ffn.h"

/* In this order: what a property may contradict comes before it. */
typedef enum {
    LAYOUT,
    ORDER,
    WEIGHTS, /* dtypes */
    X_TYPE,
    Y_TYPE,
    AB_TYPE,
    PARTS, /* number of pair_parts */
    BA,    /* 1: there is that bias */
    BB,
    BD,
    ROWS,    /* number of pair_numbers.rows */
    D_MODEL, /* number of pair_numbers.sizes */
    D_FF,
    D_OUT,
    SOURCE,
    ASKED, /* number of pair_asked */
    ROUTE,
    LAY,
    PLACE, /* of the weights: as set_layout says, behind an offset, with gaps too */
    FORM,  /* 0: automatic; else one of those listed */
    ACTS,  /* three forms of the operator */
    PROPERTIES
} property;

enum {
    PAIR_PARTS = 6,
    PAIR_ROWS = 8,
    PAIR_SIZES = 7,
    PAIR_ASKED = 5,
    PAIR_FORMS = 7,
    PAIR_ACTS = 3,
    PAIR_CASES = 200
};
extern const unsigned pair_parts[PAIR_PARTS], pair_asked[PAIR_ASKED];

typedef struct pair_case {
    size_t value[PROPERTIES];
} pair_case;

/* All of them, made on the first call. */
size_t pair_cases(const pair_case **cases);

/* What ROWS and the sizes stand for, in a small run and else. */
typedef struct pair_numbers {
    size_t rows[PAIR_ROWS], sizes[PAIR_SIZES], small_rows[PAIR_ROWS], small_sizes[PAIR_SIZES];
} pair_numbers;

/* The properties of a case in the words of a shape. */
ffn_shape pair_shape(const size_t *value, const pair_numbers *numbers, uint64_t seed);

/* Every pair that is possible is met in one of them. */
void expect_all_pairs(void);

#endif
