/* check_ffn.c - is the device right on the caller's data? The block beside its reference and its emulation.
   SPDX-License-Identifier: MIT */

#include <stdlib.h>
#include <string.h>

#include "compare_ffn.h"
#include "error.h"
#include "ffn.h"

/* ---------------------------------------------------------------- before anything happens */

static bool is_same(const clglu_block *p, const clglu_block *q)
{
    return clglu_block_is_alike(p, q) && p->act == q->act && p->gate == q->gate && p->alpha == q->alpha &&
           p->limit == q->limit && p->shift == q->shift;
}

static clglu_status check_desc(const clglu_ffn *ffn, const clglu_ffn_desc *desc)
{
    const char *why;
    clglu_block block;
    clglu_status status = clglu_block_from_host(&block, desc, &why);
    if (!status && !is_same(&block, &ffn->block)) {
        why = "desc: it is not what the block was made from";
        status = CLGLU_INVALID_VALUE;
    }
    return status ? clglu_fail(ffn->context, status, "%s", why) : CLGLU_OK;
}

/* y, which is the library's own, cannot overlap x. *own gets the views with their defaults filled in. */
static clglu_status check_call(const clglu_ffn *ffn, const void *x, clglu_ffn_call *own)
{
    const char *why = "it is NULL";
    clglu_call_slot culprit = CALL_X;
    clglu_block_call checked = {.rows = 0};
    checked.operand[CALL_X].used = true;
    checked.operand[CALL_X].origin = (size_t)(uintptr_t)x;
    checked.operand[CALL_Y].used = true;
    checked.operand[CALL_Y].space = &checked;
    own->y = own->a = own->b = (clglu_view){0, 0, 0};
    clglu_status status = x == NULL && own->rows ? CLGLU_NULL_POINTER
                                                 : clglu_block_call_from(&checked, &ffn->block, own, &why, &culprit);
    if (status) return clglu_ffn_fail(ffn, status, clglu_call_names[culprit], why);
    own->x = checked.operand[CALL_X].view;
    own->y = checked.operand[CALL_Y].view;
    return CLGLU_OK;
}

static clglu_status run(clglu_ffn *ffn, const clglu_ffn_desc *desc, const clglu_ffn_call *call, const void *x,
                        clglu_ffn_report *report)
{
    size_t cols = ffn->block.d_out, bytes = call->rows * cols * clglu_dtype_size(call->y_dtype);
    void *y = malloc(bytes);
    if (y == NULL) return clglu_fail(ffn->context, CLGLU_OUT_OF_MEMORY, "no memory for the check's results");
    memset(y, 0xff, bytes); /* NaN, should the device write nothing */
    clglu_status status = clglu_ffn_forward_host(ffn, call, x, y, NULL, NULL);
    if (!status) {
        status = clglu_compare_ffn(desc, call, cols, x, y, report);
        if (status) clglu_fail(ffn->context, status, "no memory for the check");
    }
    free(y);
    return status;
}

clglu_status clglu_check_ffn_forward(clglu_ffn *ffn, const clglu_ffn_desc *desc, const clglu_ffn_call *call,
                                     const void *x, clglu_ffn_report *report)
{
    if (ffn == NULL) return CLGLU_NULL_POINTER;
    if (call == NULL || report == NULL)
        return clglu_fail(ffn->context, CLGLU_NULL_POINTER, "%s is NULL", call ? "report" : "call");
    clglu_ffn_call own = *call;
    clglu_status status = check_desc(ffn, desc);
    if (!status) status = check_call(ffn, x, &own);
    if (status) return status;
    *report = (clglu_ffn_report){.count = 0};
    return own.rows ? run(ffn, desc, &own, x, report) : CLGLU_OK;
}
