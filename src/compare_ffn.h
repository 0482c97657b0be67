/* compare_ffn.h - a block's y beside its reference and its emulation. SPDX-License-Identifier: MIT */

#ifndef CLGLU_COMPARE_FFN_H
#define CLGLU_COMPARE_FFN_H

#include "clglu.h"

/* Judges call->rows rows of `cols` results; the views of x and y are resolved. */
clglu_status clglu_compare_ffn(const clglu_ffn_desc *desc, const clglu_ffn_call *call, size_t cols, const void *x,
                               const void *y, clglu_ffn_report *report);

#endif
