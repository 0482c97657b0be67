/* verify_gate.c - the variants judged on a grid of pairs over all exponents of both operands.
   SPDX-License-Identifier: MIT */

#include "cli.h"
#include "values.h"
#include "verify.h"

#include <string.h>
#include <xxhash.h>

enum { A = 0, B = 1, Y = 2, DA = 2, DB = 3, DY = 4, WANT = 5, WANT_DB = 6 };

/* Point i of a side of the grid: the special values, then numbers spread over all bit patterns. */
static uint32_t side_value(clglu_dtype dtype, int log2, size_t i)
{
    return i < VALUE_SPECIALS ? value_special(dtype, (enum value_special)i) : value_spread(dtype, log2, i);
}

static void fill_grid(struct verify_state *s, clglu_dtype dtype, int log2)
{
    size_t side = (size_t)1 << log2;
    for (size_t i = 0; i < side; i++)
        for (size_t j = 0; j < side; j++) {
            value_set(dtype, s->buffer[A], i * side + j, side_value(dtype, log2, i));
            value_set(dtype, s->buffer[B], i * side + j, side_value(dtype, log2, j));
            value_set(dtype, s->buffer[DY], i * side + j, value_one(dtype));
        }
}

static void give_row(struct verify_state *s, struct verify_row *row, const clglu_check_report *report,
                     void *bits, void *want, const clglu_gate_desc *d)
{
    size_t worst, count = d->rows * d->cols, bytes = count * clglu_dtype_size(row->dtype);
    verify_merge(row, report, 1, d->cols, &worst);
    if (worst < count) {
        row->worst_a = value_bits(row->dtype, s->buffer[A], worst);
        row->worst_b = value_bits(row->dtype, s->buffer[B], worst);
    }
    value_one_nan(row->dtype, bits, count);
    value_one_nan(row->dtype, want, count);
    row->hash = XXH64(bits, bytes, 0);
    row->expected = XXH64(want, bytes, 0);
    if (s->sink->row) s->sink->row(row, s->sink->user);
}

static clglu_status forward(struct verify_state *s, struct verify_row *row, const clglu_gate_desc *d)
{
    clglu_check_report report;
    row->output = "y";
    verify_step(s, row);
    clglu_status status = clglu_gate_forward_host(s->context, d, s->buffer[A], s->buffer[B], s->buffer[Y]);
    if (status == CLGLU_OK)
        status = clglu_check_gate_forward(s->context, d, s->buffer[A], s->buffer[B], &report);
    if (status == CLGLU_OK) status = clglu_emulate_gate_forward(d, s->buffer[A], s->buffer[B], s->buffer[WANT]);
    if (status == CLGLU_OK) give_row(s, row, &report, s->buffer[Y], s->buffer[WANT], d);
    return status;
}

static clglu_status backward(struct verify_state *s, struct verify_row *row, const clglu_gate_desc *d)
{
    clglu_check_report da, db;
    row->output = "da";
    verify_step(s, row);
    clglu_status status = clglu_gate_backward_host(s->context, d, s->buffer[DY], s->buffer[A], s->buffer[B],
                                                   s->buffer[DA], s->buffer[DB], NULL, NULL, NULL);
    if (status == CLGLU_OK)
        status =
            clglu_check_gate_backward(s->context, d, s->buffer[DY], s->buffer[A], s->buffer[B], &da, &db);
    if (status == CLGLU_OK)
        status = clglu_emulate_gate_backward(d, s->buffer[DY], s->buffer[A], s->buffer[B], s->buffer[WANT],
                                             s->buffer[WANT_DB], NULL, NULL, NULL);
    if (status != CLGLU_OK) return status;
    give_row(s, row, &da, s->buffer[DA], s->buffer[WANT], d);
    row->output = "db";
    give_row(s, row, &db, s->buffer[DB], s->buffer[WANT_DB], d);
    return CLGLU_OK;
}

static int one_variant(struct verify_state *s, const clglu_variant *v, clglu_dtype dtype, int with_backward)
{
    size_t side = (size_t)1 << s->size->gate_log2;
    struct verify_row row = {.kind = "gate", .name = v->name, .dtype = dtype};
    clglu_gate_desc d = {.rows = side, .cols = side, .dtype = dtype};
    clglu_status status = clglu_variant_set(v->name, &d);
    fill_grid(s, dtype, s->size->gate_log2);
    if (status == CLGLU_OK) status = forward(s, &row, &d);
    if (s->sink->points) s->sink->points(side * side, s->sink->user);
    if (status == CLGLU_OK && with_backward) {
        status = backward(s, &row, &d);
        if (s->sink->points) s->sink->points(side * side, s->sink->user);
    }
    return status == CLGLU_OK ? CLI_GO_ON : cli_failed(s->context, status, v->name);
}

int verify_gates(struct verify_state *s)
{
    clglu_variant v;
    int code = CLI_GO_ON;
    for (size_t i = 0; code == CLI_GO_ON && clglu_variant_at(i, &v) == CLGLU_OK; i++) {
        int whole = strcmp(v.name, "geglu") == 0; /* the one that is tried in every way whatever the size */
        int types = whole || s->size->gate_short_types ? 3 : 1;
        for (int dtype = 0; dtype < types && code == CLI_GO_ON; dtype++)
            if (!(s->size->no_dtypes >> dtype & 1))
                code = one_variant(s, &v, (clglu_dtype)dtype, whole || s->size->gate_backward);
    }
    return code;
}
