/* options.h - the compiler options of a program, put together.
   SPDX-License-Identifier: MIT */

#ifndef CLGLU_OPTIONS_H
#define CLGLU_OPTIONS_H

#include "clglu.h"
#include "error.h"

/* Starts zeroed. What does not fit is cut, and then does not build. */
typedef struct clglu_options {
    char text[512];
    size_t length;
} clglu_options;

void clglu_options_add(clglu_options *options, const char *format, ...) CLGLU_PRINTF(2, 3);

/* The kernels' function of an activation: "act_gelu". */
const char *clglu_act_symbol(clglu_act act);

#endif
