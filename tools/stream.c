/* stream.c - .npy files through an operator, in chunks of rows. SPDX-License-Identifier: MIT */

#include "stream.h"
#include "cli.h"
#include "json.h"
#include "progress.h"

#include <stdlib.h>
#include <string.h>

void stream_shape(const struct npy_header *h, uint64_t *rows, uint64_t *cols)
{
    *cols = h->shape[h->dims - 1];
    *rows = *cols ? h->count / *cols : 0;
}

void stream_begin(struct stream *s, const struct npy_header *shape, int flat)
{
    s->shape = *shape;
    s->flat = flat;
    stream_shape(shape, &s->rows, &s->cols);
}

int stream_has_output(const struct stream *s, int i)
{
    return s->out[i].path || s->judged[i];
}

/* Bytes of one row of all files together: each is below 2^63 / rows, and there are six. */
static int row_bytes(const struct stream *s, uint64_t *bytes)
{
    *bytes = 0;
    for (int i = 0; i < STREAM_FILES; i++) {
        uint64_t in = s->in[i].path ? (s->flat ? 1 : s->in_cols[i]) * s->shape.item : 0;
        uint64_t out = stream_has_output(s, i) ? (s->flat ? 1 : s->cols) * s->shape.item : 0;
        if (in > UINT64_MAX - *bytes || out > UINT64_MAX - *bytes - in) return 0;
        *bytes += in + out;
    }
    return *bytes <= SIZE_MAX;
}

static int allocate(struct stream *s, uint64_t chunk)
{
    for (int i = 0; i < STREAM_FILES; i++) {
        size_t in = (size_t)(chunk * (s->flat ? 1 : s->in_cols[i]) * s->shape.item);
        size_t out = (size_t)(chunk * (s->flat ? 1 : s->cols) * s->shape.item);
        if (s->in[i].path && !(s->in_data[i] = malloc(in ? in : 1))) return 0;
        if (stream_has_output(s, i) && !(s->out_data[i] = malloc(out ? out : 1))) return 0;
    }
    return 1;
}

static int one_chunk(struct stream *s, uint64_t rows, uint64_t first, stream_step step, void *user)
{
    int code = CLI_GO_ON;
    uint64_t cols = s->flat ? 1 : s->cols;
    for (int i = 0; i < STREAM_FILES && code == CLI_GO_ON; i++)
        if (s->in[i].path) code = npy_in_read(&s->in[i], s->in_data[i], rows * (s->flat ? 1 : s->in_cols[i]));
    if (code != CLI_GO_ON) return code;
    code = s->flat ? step(user, s, 1, (size_t)rows, first)
                   : step(user, s, (size_t)rows, (size_t)cols, first * cols);
    for (int i = 0; i < STREAM_FILES && code == CLI_GO_ON; i++)
        if (s->out[i].path &&
            outfile_write(&s->out[i], s->out_data[i], (size_t)(rows * cols) * s->shape.item))
            code = CLI_BAD_FILE;
    return code;
}

int stream_run(struct stream *s, stream_step step, void *user, int quiet)
{
    uint64_t bytes, rows = s->flat ? s->shape.count : s->rows;
    int code = CLI_GO_ON;
    if (s->shape.count > 0) {
        if (!row_bytes(s, &bytes) || bytes == 0) return cli_say("a row is too long"), CLI_BAD_FILE;
        uint64_t chunk = STREAM_BYTES / bytes ? STREAM_BYTES / bytes : 1;
        if (chunk > rows) chunk = rows;
        if (!allocate(s, chunk))
            return cli_say("out of memory: a row takes %llu bytes", (unsigned long long)bytes), CLI_OPENCL;
        struct progress p;
        progress_begin(&p, "clglu", "B", rows * bytes, quiet);
        for (uint64_t at = 0; at < rows && code == CLI_GO_ON; at += chunk) {
            uint64_t n = rows - at < chunk ? rows - at : chunk;
            code = one_chunk(s, n, at, step, user);
            progress_add(&p, n * bytes);
        }
        progress_end(&p);
    }
    for (int i = 0; i < STREAM_FILES && code == CLI_GO_ON; i++)
        if (s->in[i].path) code = npy_in_end(&s->in[i]);
    return code;
}

int stream_commit(struct stream *s)
{
    for (int i = 0; i < STREAM_FILES; i++)
        if (s->out[i].path && outfile_commit(&s->out[i]) != 0) return CLI_BAD_FILE;
    return CLI_GOOD;
}

void stream_close(struct stream *s)
{
    for (int i = 0; i < STREAM_FILES; i++) {
        npy_in_close(&s->in[i]);
        outfile_abandon(&s->out[i]);
        free(s->in_data[i]);
        free(s->out_data[i]);
        s->in_data[i] = s->out_data[i] = NULL;
    }
}

int stream_finish(struct stream *s, const char *command, struct report *const *reports, int count, int has_b,
                  int json)
{
    int bad = 0;
    json_t *list = json ? json_array() : NULL;
    for (int i = 0; i < count; i++) {
        bad |= report_bad(reports[i]);
        if (json)
            json_array_append_new(list, report_json(reports[i]));
        else
            report_print(reports[i], has_b, strcmp(reports[i]->output, "y") != 0);
    }
    int code = bad ? CLI_CHECK_FAILED : stream_commit(s);
    if (bad && !json) printf("The check failed: no output was written.\n");
    if (!json) return code;
    json_t *root = json_root(command);
    json_object_set_new(root, "rows", json_integer((json_int_t)s->rows));
    json_object_set_new(root, "cols", json_integer((json_int_t)s->cols));
    json_object_set_new(root, "checks", list);
    int written = json_emit(root, NULL);
    return code == CLI_GOOD ? written : code;
}
