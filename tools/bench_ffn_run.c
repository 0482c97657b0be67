/* bench_ffn_run.c - a block, its limits and other libraries measured in turns. SPDX-License-Identifier: MIT
 */

#include "bench_ffn.h"
#include "rounds.h"
#include "values.h"

#include <stdlib.h>
#include <string.h>

enum { FORM_WORDS = 16 << 20, FMA_ELEMENTS = 1 << 20, FMA_ITEMS = 8192, FMA_GROUP = 256 };

static int opencl_failed(cl_int code, const char *what)
{
    cli_say("%s: OpenCL error %d", what, (int)code);
    return CLI_OPENCL;
}

/* ---------------------------------------------------------------- the limits */

/* Written once, as memory may be given out only then. */
static cl_int fill(cl_command_queue queue, cl_mem buffer, size_t size)
{
    enum { PIECE = LIMIT_READ_UNIT * sizeof(uint32_t) };
    void *data = malloc(PIECE);
    if (!data) return CL_OUT_OF_HOST_MEMORY;
    value_everyday(CLGLU_F32, data, PIECE / sizeof(float));
    cl_int code = CL_SUCCESS;
    for (size_t at = 0; at < size && code == CL_SUCCESS; at += PIECE)
        code = clEnqueueWriteBuffer(queue, buffer, CL_TRUE, at, PIECE, data, 0, NULL, NULL);
    free(data);
    return code;
}

/* As many bytes as the weights have, in whole units, but no more than the device has in one buffer. */
static int make_read(struct bench_ffn *b)
{
    enum { UNIT = LIMIT_READ_UNIT };
    clglu_context *context = b->block.context;
    const clglu_device_facts *f = clglu_context_facts(context);
    cl_context cl = clglu_context_cl_context(context);
    cl_mem_flags flags = CL_MEM_READ_WRITE | (f->type & CL_DEVICE_TYPE_CPU ? CL_MEM_ALLOC_HOST_PTR : 0);
    uint64_t most = f->max_alloc_bytes / sizeof(uint32_t) / UNIT * UNIT;
    cl_int code = CL_OUT_OF_HOST_MEMORY;
    b->words = (clglu_ffn_bytes(b->whole) / sizeof(uint32_t) + UNIT - 1) / UNIT * UNIT;
    if (b->words > most) b->words = most;
    size_t size = (size_t)b->words * sizeof(uint32_t);
    b->limits = limits_open(cl, clglu_context_device(context), f);
    if (b->limits) b->read[0] = clCreateBuffer(cl, flags, size, NULL, &code);
    if (b->read[0]) b->read[1] = clCreateBuffer(cl, CL_MEM_READ_WRITE, 4096, NULL, &code);
    if (b->read[1]) code = fill(clglu_context_queue(context), b->read[0], size);
    return code == CL_SUCCESS ? CLI_GO_ON : opencl_failed(code, "the buffer that is only read");
}

static int run_read(struct bench_ffn *b, const struct limit_form *form, uint64_t words, int runs)
{
    cl_command_queue queue = clglu_context_queue(b->block.context);
    cl_int code = CL_SUCCESS;
    for (int i = 0; i < runs && code == CL_SUCCESS; i++)
        code = limits_enqueue(b->limits, queue, LIMIT_READ, CLGLU_F32, form, words, b->read);
    if (code == CL_SUCCESS) code = clFinish(queue);
    return code == CL_SUCCESS ? CLI_GO_ON : opencl_failed(code, "the kernel that only reads");
}

struct read_trial {
    struct bench_ffn *bench;
    struct limit_form forms[LIMIT_FORMS];
};

static int run_trial(void *user, size_t i, int runs)
{
    struct read_trial *t = user;
    uint64_t words = t->bench->words < FORM_WORDS ? t->bench->words : FORM_WORDS;
    return run_read(t->bench, &t->forms[i], words, runs);
}

static int find_form(struct bench_ffn *b)
{
    struct read_trial t = {.bench = b};
    struct bench_time time[LIMIT_FORMS];
    size_t best = 0, n = (size_t)limits_forms(b->limits, LIMIT_READ, CLGLU_F32, t.forms);
    struct rounds r = {.count = n, .repeats = 7, .hopeless = 3, .run = run_trial, .user = &t};
    int code = rounds_measure(&r, time);
    for (size_t i = 1; i < n; i++) /* the least: others at work can only add */
        if (time[i].low < time[best].low) best = i;
    b->form = t.forms[best];
    limits_name(LIMIT_READ, CLGLU_F32, &b->form, b->read_kernel, sizeof b->read_kernel);
    return code;
}

static int find_rates(struct bench_ffn *b)
{
    struct bench *gates = NULL;
    int code = bench_open(b->block.context, FMA_ELEMENTS, &gates);
    if (code == CLI_GO_ON) code = bench_rates(gates, bench_capacity(gates), &b->rates);
    bench_close(gates);
    return code;
}

static double fma_flops(const struct bench_ffn *b)
{
    return 2.0 * LIMIT_FMA_STEPS * LIMIT_FMA_CHAINS * b->rates.flops_form.width * (double)b->items;
}

/* Work of some milliseconds: the rate that the block is compared with is measured in turns with it, since processors change
   their clocks. */
static int make_fma(struct bench_ffn *b)
{
    cl_context cl = clglu_context_cl_context(b->block.context);
    size_t size = (size_t)FMA_ITEMS * 16 * sizeof(float);
    cl_int code = CL_SUCCESS;
    b->items = FMA_ITEMS;
    while (b->items > FMA_GROUP && fma_flops(b) > 8e-3 * b->rates.flops) b->items /= 2;
    for (int i = 0; i < 2 && code == CL_SUCCESS; i++)
        b->fma[i] = clCreateBuffer(cl, CL_MEM_READ_WRITE, size, NULL, &code);
    if (code == CL_SUCCESS) code = fill(clglu_context_queue(b->block.context), b->fma[0], size);
    return code == CL_SUCCESS ? CLI_GO_ON : opencl_failed(code, "the buffers of the multiply-add kernel");
}

static int run_fma(struct bench_ffn *b, int runs)
{
    cl_command_queue queue = clglu_context_queue(b->block.context);
    cl_int code = CL_SUCCESS;
    for (int i = 0; i < runs && code == CL_SUCCESS; i++)
        code = limits_enqueue(b->limits, queue, LIMIT_FMA, CLGLU_F32, &b->rates.flops_form, b->items, b->fma);
    if (code == CL_SUCCESS) code = clFinish(queue);
    return code == CL_SUCCESS ? CLI_GO_ON : opencl_failed(code, "the multiply-add kernel");
}

/* ---------------------------------------------------------------- opening */

static int find_openblas(struct bench_ffn *b, size_t most_rows)
{
    const struct block_shape *s = &b->block.shape;
    b->blas = b->block.dtype == CLGLU_F32 ? openblas_open() : NULL;
    if (!b->blas) return CLI_GO_ON;
    b->ab = malloc(2 * most_rows * s->d_ff * sizeof *b->ab);
    return b->ab ? CLI_GO_ON : (cli_say("out of memory for %s", s->name), CLI_OPENCL);
}

double bench_ffn_bytes(const struct block_shape *shape, clglu_dtype dtype)
{
    return 2 * block_bytes(shape, 0, dtype) + block_bytes(shape, 1, dtype);
}

int bench_ffn_open(struct bench_ffn *b, clglu_context *context, const struct block_shape *shape,
                   clglu_dtype dtype, size_t most_rows, int training, const struct bench_rates *rates)
{
    memset(b, 0, sizeof *b);
    b->training = training;
    int code = block_open(&b->block, context, shape, dtype, most_rows, bench_ffn_bytes(shape, dtype));
    if (code == CLI_GO_ON) code = block_pack(&b->block, CLGLU_ROUTE_FUSED, 0, &b->whole);
    if (code == CLI_GO_ON) code = block_pack(&b->block, CLGLU_ROUTE_FUSED, 1, &b->projections);
    if (code == CLI_GO_ON) code = block_pack(&b->block, CLGLU_ROUTE_CLBLAST, 0, &b->clblast);
    if (code == CLI_GO_ON && training) code = step_open(&b->step, &b->block, most_rows);
    if (code == CLI_GO_ON) code = find_openblas(b, most_rows);
    if (code == CLI_GO_ON) code = make_read(b);
    if (code == CLI_GO_ON) code = find_form(b);
    if (code == CLI_GO_ON && !rates) code = find_rates(b);
    if (rates) b->rates = *rates;
    return code == CLI_GO_ON ? make_fma(b) : code;
}

void bench_ffn_close(struct bench_ffn *b)
{
    for (int i = 0; i < 2; i++) {
        if (b->read[i]) clReleaseMemObject(b->read[i]);
        if (b->fma[i]) clReleaseMemObject(b->fma[i]);
    }
    limits_close(b->limits);
    openblas_close(b->blas);
    free(b->ab);
    step_close(&b->step);
    clglu_ffn_destroy(b->clblast);
    clglu_ffn_destroy(b->projections);
    clglu_ffn_destroy(b->whole);
    block_close(&b->block);
    memset(b, 0, sizeof *b);
}

/* ---------------------------------------------------------------- measuring */

static int has_piece(const struct bench_ffn *b, enum ffn_piece piece)
{
    if (piece >= PIECE_STEP) return b->training;
    return piece == PIECE_CLBLAST ? b->clblast != NULL : piece == PIECE_OPENBLAS ? b->blas != NULL : 1;
}

size_t bench_ffn_pieces(const struct bench_ffn *b)
{
    size_t n = 0;
    for (int piece = 0; piece < PIECES; piece++) n += has_piece(b, (enum ffn_piece)piece) ? 1 : 0;
    return n;
}

struct turn {
    struct bench_ffn *bench;
    size_t rows;
    enum ffn_piece pieces[PIECES];
};

static void run_openblas(const struct bench_ffn *b, size_t rows, int runs)
{
    const struct block_shape *s = &b->block.shape;
    const float *w = b->block.weights;
    size_t matrices = s->plain ? 1 : 2, stride = matrices * s->d_ff;
    for (int i = 0; i < runs; i++)
        for (size_t m = 0; m < matrices; m++)
            openblas_product(b->blas, rows, s->d_model, s->d_ff, b->block.x_host,
                             w + m * s->d_model * s->d_ff, b->ab + m * s->d_ff, stride);
}

static int run_piece(void *user, size_t i, int runs)
{
    struct turn *t = user;
    struct bench_ffn *b = t->bench;
    switch (t->pieces[i]) {
    case PIECE_BLOCK:
        return block_forward(&b->block, b->whole, t->rows, NULL, runs);
    case PIECE_PROJECTIONS:
        return block_forward(&b->block, b->projections, t->rows, NULL, runs);
    case PIECE_CLBLAST:
        return block_forward(&b->block, b->clblast, t->rows, NULL, runs);
    case PIECE_READ:
        return run_read(b, &b->form, b->words, runs);
    case PIECE_FMA:
        return run_fma(b, runs);
    case PIECE_STEP:
        return step_run(&b->step, t->rows, runs);
    case PIECE_UPDATE:
        return step_update(&b->step, runs);
    default:
        run_openblas(b, t->rows, runs);
        return CLI_GO_ON;
    }
}

/* Before a piece that comes after OpenBLAS: its threads are still awake. */
static void settle(void *user, size_t i)
{
    const struct turn *t = user;
    if (t->pieces[i] == PIECE_OPENBLAS) openblas_settle();
}

int bench_ffn_run(struct bench_ffn *b, size_t rows, int repeats, struct progress *progress,
                  struct bench_ffn_row *row)
{
    struct turn t = {.bench = b, .rows = rows};
    struct bench_time time[PIECES];
    struct rounds r = {
        .repeats = repeats, .run = run_piece, .after = settle, .user = &t, .progress = progress};
    for (int piece = 0; piece < PIECES; piece++)
        if (has_piece(b, (enum ffn_piece)piece)) t.pieces[r.count++] = (enum ffn_piece)piece;
    int code = rounds_measure(&r, time);
    memset(row, 0, sizeof *row);
    row->rows = rows;
    for (size_t i = 0; i < r.count && code == CLI_GO_ON; i++) {
        row->has[t.pieces[i]] = 1;
        row->time[t.pieces[i]] = time[i];
    }
    return code;
}

struct ffn_figures bench_ffn_figures(const struct bench_ffn *b, const struct bench_ffn_row *row,
                                     enum ffn_piece piece, const struct bench_ffn_row *one)
{
    int projections = piece == PIECE_PROJECTIONS || piece == PIECE_OPENBLAS;
    double seconds = row->time[piece].median;
    double read_rate = (double)b->words * sizeof(uint32_t) / row->time[PIECE_READ].median;
    struct ffn_figures f;
    f.flops = (piece == PIECE_STEP ? 3 : 1) * block_flops(&b->block.shape, projections, row->rows) / seconds;
    f.bytes = block_bytes(&b->block.shape, projections, b->block.dtype) / seconds;
    f.of_fma = f.flops / (fma_flops(b) / row->time[PIECE_FMA].median);
    f.of_read = f.bytes / read_rate;
    f.ratio = f.of_fma > f.of_read ? f.of_fma : f.of_read;
    f.times_one = one && one->has[piece] ? seconds / one->time[piece].median : 0;
    return f;
}
