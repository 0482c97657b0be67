/* gate_files.c - the files of clglu gate: opened, and one chunk of them computed.
   SPDX-License-Identifier: MIT */

#include "gate.h"

#include <string.h>

/* The shape of y from that of the packed operands: half as many columns. */
static int halve(const struct npy_in *in, struct npy_header *shape)
{
    *shape = in->header;
    uint64_t *cols = &shape->shape[shape->dims - 1];
    if (*cols % 2 != 0) {
        cli_say("%s: %llu columns cannot hold a and b", in->path, (unsigned long long)*cols);
        return CLI_BAD_FILE;
    }
    *cols /= 2;
    shape->count /= 2;
    return CLI_GO_ON;
}

static int open_operands(const struct gate_options *o, struct gate_job *j, struct stream *s)
{
    struct npy_header shape;
    int code = npy_in_open(&s->in[GATE_A], o->packed ? o->packed : o->a, j->dtype);
    if (code != CLI_GO_ON) return code;
    shape = s->in[GATE_A].header;
    j->desc.dtype = s->in[GATE_A].dtype;
    if (o->packed) code = halve(&s->in[GATE_A], &shape);
    stream_begin(s, &shape, !o->packed && !o->bias_a && !o->bias_b);
    s->in_cols[GATE_A] = o->packed ? 2 * s->cols : s->cols;
    s->in_cols[GATE_B] = s->in_cols[GATE_DY] = j->y.cols = j->da.cols = j->db.cols = s->cols;
    if (code == CLI_GO_ON && o->b) code = npy_in_open(&s->in[GATE_B], o->b, (int)j->desc.dtype);
    if (code == CLI_GO_ON && o->b) code = npy_same_shape(&s->in[GATE_B], &shape);
    if (code == CLI_GO_ON && o->dy) code = npy_in_open(&s->in[GATE_DY], o->dy, (int)j->desc.dtype);
    if (code == CLI_GO_ON && o->dy) code = npy_same_shape(&s->in[GATE_DY], &shape);
    return code;
}

/* Where the two halves of a packed row of 2 * cols elements begin, and their step. */
static void packed_places(enum gate_layout layout, size_t cols, size_t *a, size_t *b, size_t *inc)
{
    *a = layout == GATE_ACT_SECOND ? cols : 0;
    *b = layout == GATE_ACT_FIRST ? cols : layout == GATE_INTERLEAVED ? 1 : 0;
    *inc = layout == GATE_INTERLEAVED ? 2 : 1;
}

static int open_biases(const struct gate_options *o, struct gate_job *j, const struct stream *s)
{
    clglu_gate_desc *d = &j->desc;
    int code = CLI_GO_ON;
    if (o->packed_bias) {
        code = npy_read_vector(o->packed_bias, d->dtype, 2 * s->cols, &j->bias[0]);
        packed_places(j->layout, (size_t)s->cols, &d->bias_a.offset, &d->bias_b.offset, &d->bias_a.inc);
        d->bias_b.inc = d->bias_a.inc;
        d->bias_a.host = d->bias_b.host = j->bias[0];
        return code;
    }
    if (o->bias_a) code = npy_read_vector(o->bias_a, d->dtype, s->cols, &j->bias[0]);
    if (code == CLI_GO_ON && o->bias_b) code = npy_read_vector(o->bias_b, d->dtype, s->cols, &j->bias[1]);
    d->bias_a.host = j->bias[0];
    d->bias_b.host = j->bias[1];
    return code;
}

int gate_open(const struct gate_options *o, struct gate_job *j, struct stream *s)
{
    int code = open_operands(o, j, s);
    s->judged[GATE_Y] = j->check_y;
    s->judged[GATE_DA] = s->judged[GATE_DB] = j->check_grad;
    if (code == CLI_GO_ON) code = open_biases(o, j, s);
    if (code == CLI_GO_ON && o->y) code = npy_out_open(&s->out[GATE_Y], o->y, &s->shape);
    if (code == CLI_GO_ON && o->da) code = npy_out_open(&s->out[GATE_DA], o->da, &s->shape);
    if (code == CLI_GO_ON && o->db) code = npy_out_open(&s->out[GATE_DB], o->db, &s->shape);
    return code;
}

static clglu_status compute(struct gate_job *j, struct stream *s, const void *a, const void *b)
{
    if (s->out_data[GATE_DA] || s->out_data[GATE_DB])
        return clglu_gate_backward_host(j->context, &j->desc, s->in_data[GATE_DY], a, b, s->out_data[GATE_DA],
                                        s->out_data[GATE_DB], s->out_data[GATE_Y], NULL, NULL);
    if (s->out_data[GATE_Y]) return clglu_gate_forward_host(j->context, &j->desc, a, b, s->out_data[GATE_Y]);
    return CLGLU_OK;
}

/* What is judged is what will be written. */
static clglu_status check(struct gate_job *j, struct stream *s, const void *a, const void *b, uint64_t first)
{
    clglu_check_report r, q;
    clglu_status status = CLGLU_OK;
    if (j->check_y) {
        status = clglu_judge_gate_forward(&j->desc, a, b, s->out_data[GATE_Y], &r);
        if (status == CLGLU_OK) report_add(&j->y, &r, first, j->desc.cols);
    }
    if (status == CLGLU_OK && j->check_grad) {
        status = clglu_judge_gate_backward(&j->desc, s->in_data[GATE_DY], a, b, s->out_data[GATE_DA], s->out_data[GATE_DB],
                                           &r, &q);
        if (status == CLGLU_OK) {
            report_add(&j->da, &r, first, j->desc.cols);
            report_add(&j->db, &q, first, j->desc.cols);
        }
    }
    return status;
}

int gate_step(void *user, struct stream *s, size_t rows, size_t cols, uint64_t first)
{
    struct gate_job *j = user;
    const void *a = s->in_data[GATE_A], *b = j->packed ? a : s->in_data[GATE_B];
    j->desc.rows = rows;
    j->desc.cols = cols;
    if (j->packed) {
        packed_places(j->layout, cols, &j->desc.a.offset, &j->desc.b.offset, &j->desc.a.inc);
        j->desc.b.inc = j->desc.a.inc;
        j->desc.a.ld = j->desc.b.ld = 2 * cols;
    }
    clglu_status status = compute(j, s, a, b);
    if (status == CLGLU_OK) status = check(j, s, a, b, first);
    return status == CLGLU_OK ? CLI_GO_ON : cli_failed(j->context, status, "gate");
}
