/* ffn_run.c - the files of clglu ffn: opened, and x streamed through the block. SPDX-License-Identifier: MIT
 */

#include "ffn.h"
#include "progress.h"

#include <stdlib.h>
#include <string.h>

/* An output's header: x's, with another last dimension and type. */
static void output_header(const struct npy_in *x, uint64_t rows, uint64_t cols, clglu_dtype dtype,
                          struct npy_header *h)
{
    static const enum npy_kind kinds[] = {NPY_F4, NPY_F2, NPY_U2};
    *h = x->header;
    h->shape[h->dims - 1] = cols;
    h->count = rows * cols;
    if (dtype != x->dtype) h->kind = kinds[dtype];
    h->item = clglu_dtype_size(dtype);
}

/* Sizes are at most 2^22 and x's bytes fit in 63 bits, but rows * cols of an output may still be too much for
 * a header. */
static int open_output(struct stream *s, int which, const char *path, uint64_t cols, clglu_dtype dtype)
{
    struct npy_header h;
    if (!path) return CLI_GO_ON;
    if (s->rows > (uint64_t)INT64_MAX / 4 / cols) {
        cli_say("%s: %llu rows of %llu results are too much for a file", path, (unsigned long long)s->rows,
                (unsigned long long)cols);
        return CLI_BAD_FILE;
    }
    output_header(&s->in[FFN_X], s->rows, cols, dtype, &h);
    return npy_out_open(&s->out[which], path, &h);
}

int ffn_open(const struct ffn_options *o, struct ffn_job *j, struct stream *s)
{
    struct npy_in *x = &s->in[FFN_X];
    clglu_ffn_call *call = &j->call;
    int code = npy_in_open(x, o->x, j->x_dtype);
    if (code != CLI_GO_ON) return code;
    stream_shape(&x->header, &s->rows, &s->in_cols[FFN_X]);
    call->x_dtype = x->dtype;
    call->y_dtype = call->ab_dtype = j->y_dtype < 0 ? x->dtype : (clglu_dtype)j->y_dtype;
    code = safetensors_open(&j->file, o->weights);
    if (code == CLI_GO_ON) code = ffn_find(o, j, s->in_cols[FFN_X]);
    if (code == CLI_GO_ON) code = ffn_measure(j, x, s->in_cols[FFN_X]);
    if (code != CLI_GO_ON) return code;
    s->cols = j->desc.wd.host ? j->desc.d_out : j->desc.d_ff;
    code = open_output(s, FFN_Y, o->y, s->cols, call->y_dtype);
    if (code == CLI_GO_ON) code = open_output(s, FFN_A, o->a, j->desc.d_ff, call->ab_dtype);
    if (code == CLI_GO_ON) code = open_output(s, FFN_B, o->b, j->desc.d_ff, call->ab_dtype);
    return code;
}

static size_t row_bytes(const struct ffn_job *j, const struct stream *s, int out)
{
    return (out == FFN_Y ? (size_t)s->cols : j->desc.d_ff) * clglu_dtype_size(j->call.y_dtype);
}

/* Rows of one chunk: what STREAM_BYTES hold of all files, but no more than a slow device does in about a
   second, so that there is progress to show; the check is the host's work. Never so few that reading the
   weights is most of the work. */
static uint64_t chunk_rows(const struct ffn_job *j, const struct stream *s, int check, size_t x_bytes)
{
    const clglu_ffn_desc *d = &j->desc;
    uint64_t work = (uint64_t)d->d_ff * (d->d_model * (d->wa.host && d->wb.host ? 2 : 1) + d->d_out),
             bytes = x_bytes;
    for (int i = 0; i < STREAM_FILES; i++)
        if (stream_has_output(s, i)) bytes += row_bytes(j, s, i);
    uint64_t by_size = STREAM_BYTES / bytes, by_work = (check ? 1ull << 29 : 1ull << 37) / work;
    uint64_t least = check ? 64 : j->call.row_block > 512 ? j->call.row_block : 512;
    uint64_t rows = by_work > least ? by_work / least * least : least;
    if (rows > by_size) rows = by_size ? by_size : 1;
    return rows < s->rows ? rows : s->rows;
}

static int allocate(const struct ffn_job *j, struct stream *s, uint64_t rows, size_t x_bytes)
{
    s->in_data[FFN_X] = malloc((size_t)rows * x_bytes);
    int good = s->in_data[FFN_X] != NULL;
    for (int i = 0; i < STREAM_FILES; i++)
        if (stream_has_output(s, i)) good &= (s->out_data[i] = malloc((size_t)rows * row_bytes(j, s, i))) != NULL;
    if (good) return CLI_GO_ON;
    cli_say("out of memory: %llu rows of x and the results", (unsigned long long)rows);
    return CLI_OPENCL;
}

static clglu_status compute(struct ffn_job *j, struct stream *s, int check, uint64_t first)
{
    clglu_status status = CLGLU_OK;
    if (s->out_data[FFN_Y] || s->out_data[FFN_A] || s->out_data[FFN_B])
        status = clglu_ffn_forward_host(j->ffn, &j->call, s->in_data[FFN_X], s->out_data[FFN_Y],
                                        s->out_data[FFN_A], s->out_data[FFN_B]);
    if (status == CLGLU_OK && check) {
        clglu_ffn_report r;
        safetensors_guard();
        status = clglu_judge_ffn_forward(&j->desc, &j->call, s->in_data[FFN_X], s->out_data[FFN_Y], &r);
        if (status == CLGLU_OK) ffn_total_add(&j->total, &r, first);
    }
    return status;
}

static int one_chunk(struct ffn_job *j, struct stream *s, int check, uint64_t rows, uint64_t first)
{
    int code = npy_in_read(&s->in[FFN_X], s->in_data[FFN_X], rows * s->in_cols[FFN_X]);
    if (code != CLI_GO_ON) return code;
    j->call.rows = (size_t)rows;
    clglu_status status = compute(j, s, check, first);
    if (status != CLGLU_OK) return cli_failed(j->context, status, "ffn");
    for (int i = 0; i < STREAM_FILES; i++)
        if (s->out[i].path && outfile_write(&s->out[i], s->out_data[i], (size_t)rows * row_bytes(j, s, i)))
            return CLI_BAD_FILE;
    return CLI_GO_ON;
}

static int all_chunks(const struct ffn_options *o, struct ffn_job *j, struct stream *s)
{
    size_t x_bytes = (size_t)s->in_cols[FFN_X] * s->in[FFN_X].header.item;
    uint64_t chunk = chunk_rows(j, s, o->check != NULL, x_bytes);
    s->judged[FFN_Y] = o->check != NULL;
    int code = allocate(j, s, chunk, x_bytes);
    struct progress p;
    progress_begin(&p, "clglu", "rows", s->rows, o->common.quiet != NULL);
    for (uint64_t at = 0; at < s->rows && code == CLI_GO_ON; at += chunk) {
        uint64_t n = s->rows - at < chunk ? s->rows - at : chunk;
        code = one_chunk(j, s, o->check != NULL, n, at);
        progress_add(&p, n);
    }
    progress_end(&p);
    return code;
}

/* A driver that finds the file's pages gone may fail before the file is looked at again: then that is the
 * reason. */
int ffn_run(const struct ffn_options *o, struct ffn_job *j, struct stream *s)
{
    safetensors_guard();
    clglu_status status = clglu_ffn_create(j->context, &j->desc, &j->ffn);
    int code = safetensors_unchanged(&j->file);
    if (code == CLI_GO_ON && status != CLGLU_OK) code = cli_failed(j->context, status, "ffn: the weights");
    if (code == CLI_GO_ON && s->rows > 0) code = all_chunks(o, j, s);
    if (code == CLI_GO_ON) code = npy_in_end(&s->in[FFN_X]);
    return code == CLI_GO_ON && o->check ? safetensors_unchanged(&j->file) : code;
}
