/* place.h - where a call's operands are, and which of them share memory.
   SPDX-License-Identifier: MIT */

#ifndef CLGLU_PLACE_H
#define CLGLU_PLACE_H

#include <stdbool.h>

#include "clglu.h"
#include "view.h"

/* An operand [rows, cols]. Operands of one space share an address line. */
typedef struct clglu_place {
    bool used, output;
    size_t rows, cols;
    clglu_view view; /* resolved by clglu_place_resolve */
    size_t end;      /* elements that its storage must hold at least */
    clglu_dtype dtype;
    const void *space;
    size_t origin; /* address of its storage on that line, in bytes */
} clglu_place;

/* Its dtype is known, its view fits, an output's names no element twice; fills in view and end. On failure *why is a
   static text. */
clglu_status clglu_place_resolve(clglu_place *place, const char **why);

/* The functions below want resolved places; what is not used or has no element has no memory. */

/* Does any byte lie between the first and the last of both? */
bool clglu_places_touch(const clglu_place *p, const clglu_place *q);

/* Are they the same elements in the same order? */
bool clglu_places_equal(const clglu_place *p, const clglu_place *q);

/* Do two that touch share an element? Yes, too, where they are too unlike to be told apart. */
bool clglu_places_meet(const clglu_place *p, const clglu_place *q);

/* Does it reach into the bytes from `origin` on? */
bool clglu_place_reaches(const clglu_place *place, const void *space, size_t origin, size_t bytes);

/* Resolves all that are used, and refuses an output that meets an operand before it (inputs come first). *culprit is the number
   of the one that *why speaks of. */
clglu_status clglu_places_check(clglu_place *places, int count, const char **why, int *culprit);

#endif
