/* ffn_host.c - feed-forward blocks on arrays in host memory.
   SPDX-License-Identifier: MIT */

#include "ffn.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"

/* Rows of an operand pass through a dense buffer on the device; where they are not dense in the caller's array they are
   gathered into `line` first, or scattered from it, so that nothing between their elements is touched. */
typedef struct passage {
    char *array;
    cl_mem mem;
    void *line; /* NULL: the array's rows are dense */
} passage;

static bool is_dense(const clglu_place *o)
{
    return o->view.inc == 1 && o->view.ld == o->cols;
}

static size_t bytes_of(const clglu_place *o, size_t rows)
{
    return rows * o->cols * clglu_dtype_size(o->dtype);
}

static clglu_status make_passages(clglu_ffn *ffn, const clglu_block_call *c, size_t rows, void *const *arrays,
                                  passage *p)
{
    for (int s = 0; s < CALL_SLOTS; s++) {
        const clglu_place *o = &c->operand[s];
        cl_int code;
        if (!o->used) continue;
        p[s].array = (char *)arrays[s] + o->view.offset * clglu_dtype_size(o->dtype);
        p[s].mem = clCreateBuffer(ffn->context->cl, CL_MEM_READ_WRITE, bytes_of(o, rows), NULL, &code);
        if (p[s].mem == NULL) return clglu_fail_cl(ffn->context, "clCreateBuffer (rows)", code);
        if (is_dense(o)) continue;
        p[s].line = malloc(bytes_of(o, rows));
        if (p[s].line == NULL) return clglu_fail(ffn->context, CLGLU_OUT_OF_MEMORY, "no memory for rows");
    }
    return CLGLU_OK;
}

static void free_passages(passage *p)
{
    for (int s = 0; s < CALL_SLOTS; s++) {
        if (p[s].mem) clReleaseMemObject(p[s].mem);
        free(p[s].line);
    }
}

/* Between a dense `line` and the array's elements from row `first` on. */
static void copy_elements(const clglu_place *o, const passage *p, size_t first, size_t rows, bool gather)
{
    size_t size = clglu_dtype_size(o->dtype);
    char *line = p->line;
    for (size_t r = 0; r < rows; r++)
        for (size_t c = 0; c < o->cols; c++, line += size) {
            char *element = p->array + ((first + r) * o->view.ld + c * o->view.inc) * size;
            memcpy(gather ? line : element, gather ? element : line, size);
        }
}

static char *rows_of(const clglu_place *o, const passage *p, size_t first)
{
    return p->line ? p->line : p->array + bytes_of(o, first);
}

static clglu_status write_x(clglu_ffn *ffn, const clglu_place *x, const passage *p, size_t first, size_t rows)
{
    if (p->line) copy_elements(x, p, first, rows, true);
    cl_int code = clEnqueueWriteBuffer(ffn->context->queue, p->mem, CL_TRUE, 0, bytes_of(x, rows),
                                       rows_of(x, p, first), 0, NULL, NULL);
    return code == CL_SUCCESS ? CLGLU_OK : clglu_fail_cl(ffn->context, "clEnqueueWriteBuffer", code);
}

static clglu_status read_output(clglu_ffn *ffn, const clglu_place *o, const passage *p, size_t first,
                                size_t rows)
{
    if (!o->used) return CLGLU_OK;
    cl_int code = clEnqueueReadBuffer(ffn->context->queue, p->mem, CL_TRUE, 0, bytes_of(o, rows), rows_of(o, p, first),
                                      0, NULL, NULL);
    if (code != CL_SUCCESS) return clglu_fail_cl(ffn->context, "clEnqueueReadBuffer", code);
    if (p->line) copy_elements(o, p, first, rows, false);
    return CLGLU_OK;
}

/* The context's own queue works in order: calls of several threads on it may mix, each call's commands do not. */
static clglu_status run_rows(clglu_ffn *ffn, const clglu_ffn_call *call, const clglu_block_call *c, size_t first,
                             size_t rows, const passage *p)
{
    clglu_ffn_call d = *call;
    d.rows = rows;
    d.x = d.y = d.a = d.b = (clglu_view){0, 0, 0};
    clglu_status status = write_x(ffn, &c->operand[CALL_X], &p[CALL_X], first, rows);
    if (!status)
        status = clglu_ffn_forward(ffn, &d, NULL, p[CALL_X].mem, p[CALL_Y].mem, p[CALL_A].mem, p[CALL_B].mem, NULL, 0,
                                   NULL, NULL);
    for (int s = CALL_Y; !status && s < CALL_SLOTS; s++)
        status = read_output(ffn, &c->operand[s], &p[s], first, rows);
    return status;
}

clglu_status clglu_ffn_forward_host(clglu_ffn *ffn, const clglu_ffn_call *call, const void *x, void *y, void *a,
                                    void *b)
{
    void *arrays[CALL_SLOTS] = {(void *)(uintptr_t)x, y, a, b};
    passage p[CALL_SLOTS] = {{NULL, NULL, NULL}};
    clglu_block_call c;
    clglu_call_slot culprit;
    const char *why;
    if (ffn == NULL) return CLGLU_NULL_POINTER;
    clglu_status status = clglu_block_call_host(&c, &ffn->block, call, x, y, a, b, &why, &culprit);
    if (status) return clglu_ffn_fail(ffn, status, clglu_call_names[culprit], why);
    if (c.rows == 0) return CLGLU_OK;
    size_t step = clglu_smaller(c.rows, c.row_block);
    status = make_passages(ffn, &c, step, arrays, p);
    for (size_t first = 0; !status && first < c.rows; first += step)
        status = run_rows(ffn, call, &c, first, clglu_smaller(c.rows - first, step), p);
    free_passages(p);
    return status;
}
