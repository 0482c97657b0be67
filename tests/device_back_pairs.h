/* device_back_pairs.h - cases of the block's backward in which any two values of two properties meet.
   SPDX-License-Identifier: MIT */

#ifndef TEST_DEVICE_BACK_PAIRS_H
#define TEST_DEVICE_BACK_PAIRS_H

#include "device_ffn_pairs.h"

/* Those of a forward's case, and these. */
typedef enum {
    DX_TYPE,
    OWN_TYPE, /* the gradients of weights have the weights' dtype */
    ACCUMULATE,
    SCALE, /* number of a list, as in the next */
    ROW_BLOCK,
    G_ORDER, /* of the gradients of weights */
    G_LAYOUT,
    G_PLACE,  /* as PLACE */
    WANTS_DX, /* in the order of the arrays, up to the flag */
    WANTS_DWA,
    WANTS_DWB,
    WANTS_DWD,
    WANTS_DBA,
    WANTS_DBB,
    WANTS_DBD,
    WANTS_FLAG,
    MORE_PROPERTIES
} more_property;

enum { BACK_SCALES = 3, BACK_ROW_BLOCKS = 2, BACK_PAIR_CASES = 2 * PAIR_CASES };

typedef struct back_pair_case {
    pair_case base;
    size_t more[MORE_PROPERTIES];
} back_pair_case;

/* All of them, made on the first call. */
size_t back_pair_cases(const back_pair_case **cases);

/* Every pair that is possible with one of these properties is met in one of them. */
void expect_all_back_pairs(void);

#endif
