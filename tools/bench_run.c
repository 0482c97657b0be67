/* bench_run.c - one case measured, its limit kernel interleaved with it. SPDX-License-Identifier: MIT */

#include "bench.h"
#include "cli.h"
#include "limits.h"
#include "progress.h"
#include "values.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { BUFFERS = 5, UNIT = 4096, MAX_REPEATS = 101, SIZES = 8 };

/* The fastest form of a limit kernel for so many elements, once found. */
struct known_form {
    uint64_t elements; /* 0: this place is free */
    struct limit_form form;
};

struct bench {
    clglu_context *context;
    cl_command_queue queue;
    struct limits *limits;
    cl_mem buffer[BUFFERS]; /* inputs dy, a, b; outputs da or y, db */
    uint64_t capacity;
    int filled; /* the dtype that the inputs hold, or -1 */
    struct known_form known[LIMIT_KINDS][3][SIZES];
};

enum { DY = 0, A = 1, B = 2, OUT = 3, OUT2 = 4 };

static int opencl_failed(cl_int code, const char *what)
{
    cli_say("%s: OpenCL error %d", what, (int)code);
    return CLI_OPENCL;
}

static void release_buffers(struct bench *b)
{
    for (int i = 0; i < BUFFERS; i++) {
        if (b->buffer[i]) clReleaseMemObject(b->buffer[i]);
        b->buffer[i] = NULL;
    }
}

static cl_int make_buffers(struct bench *b, const clglu_device_facts *f)
{
    cl_mem_flags flags = CL_MEM_READ_WRITE | (f->type & CL_DEVICE_TYPE_CPU ? CL_MEM_ALLOC_HOST_PTR : 0);
    cl_int code = CL_SUCCESS;
    for (int i = 0; i < BUFFERS && code == CL_SUCCESS; i++)
        b->buffer[i] = clCreateBuffer(clglu_context_cl_context(b->context), flags,
                                      (size_t)b->capacity * sizeof(float), NULL, &code);
    return code;
}

/* A tenth of the memory is enough to ask for; each buffer must be one the device takes. */
static uint64_t affordable(const clglu_device_facts *f, uint64_t wanted)
{
    uint64_t bytes = f->max_alloc_bytes < f->global_bytes / 10 ? f->max_alloc_bytes : f->global_bytes / 10;
    uint64_t most = bytes / sizeof(float) / UNIT * UNIT;
    wanted = (wanted + UNIT - 1) / UNIT * UNIT;
    return wanted < most ? wanted : most;
}

int bench_open(clglu_context *context, uint64_t most_elements, struct bench **bench)
{
    const clglu_device_facts *f = clglu_context_facts(context);
    struct bench *b = *bench = calloc(1, sizeof *b);
    if (!b) return cli_say("out of memory"), CLI_OPENCL;
    b->context = context;
    b->queue = clglu_context_queue(context);
    b->filled = -1;
    b->limits = limits_open(clglu_context_cl_context(context), clglu_context_device(context), f);
    b->capacity = affordable(f, most_elements);
    cl_int code = b->limits && b->capacity ? make_buffers(b, f) : CL_OUT_OF_HOST_MEMORY;
    while (code != CL_SUCCESS && b->limits && b->capacity > 64 * UNIT) {
        release_buffers(b);
        b->capacity = b->capacity / 2 / UNIT * UNIT;
        code = make_buffers(b, f);
    }
    if (code == CL_SUCCESS) return CLI_GO_ON;
    bench_close(b);
    *bench = NULL;
    return opencl_failed(code, "buffers for the benchmark");
}

void bench_close(struct bench *b)
{
    if (!b) return;
    release_buffers(b);
    limits_close(b->limits);
    free(b);
}

uint64_t bench_capacity(const struct bench *b) { return b->capacity; }

/* Everyday numbers in the inputs; the outputs are written once, as memory may be given out only then. */
static int fill(struct bench *b, clglu_dtype dtype)
{
    enum { PIECE = 1 << 20 };
    size_t item = clglu_dtype_size(dtype), total = (size_t)b->capacity * sizeof(float);
    if (b->filled == (int)dtype) return CLI_GO_ON;
    void *data = malloc(PIECE);
    if (!data) return cli_say("out of memory"), CLI_OPENCL;
    value_everyday(dtype, data, PIECE / item);
    cl_int code = CL_SUCCESS;
    for (int i = 0; i < BUFFERS; i++)
        for (size_t at = 0; at < total && code == CL_SUCCESS; at += PIECE)
            code = clEnqueueWriteBuffer(b->queue, b->buffer[i], CL_TRUE, at,
                                        total - at < PIECE ? total - at : PIECE, data, 0, NULL, NULL);
    free(data);
    if (code != CL_SUCCESS) return opencl_failed(code, "filling the buffers");
    b->filled = (int)dtype;
    return CLI_GO_ON;
}

/* What is timed: the operator, or (form set) a limit kernel. */
struct work {
    const struct bench_case *what;
    enum limit_kind kind;
    const struct limit_form *form;
    clglu_dtype dtype;
    uint64_t elements;
};

static clglu_status enqueue_operator(struct bench *b, const struct bench_case *w)
{
    if (w->plain) {
        clglu_act_desc d = {.rows = 1, .cols = (size_t)w->elements, .act = w->act, .dtype = w->dtype};
        if (!w->backward)
            return clglu_act_forward(b->context, &d, NULL, b->buffer[A], b->buffer[OUT], 0, NULL, NULL);
        return clglu_act_backward(b->context, &d, NULL, b->buffer[DY], b->buffer[A], b->buffer[OUT], NULL, 0,
                                  NULL, NULL);
    }
    clglu_gate_desc d = {.rows = 1, .cols = (size_t)w->elements, .dtype = w->dtype};
    clglu_status status = clglu_variant_set(w->name, &d);
    if (status != CLGLU_OK) return status;
    if (!w->backward)
        return clglu_gate_forward(b->context, &d, NULL, b->buffer[A], b->buffer[B], b->buffer[OUT], 0, NULL,
                                  NULL);
    return clglu_gate_backward(b->context, &d, NULL, b->buffer[DY], b->buffer[A], b->buffer[B],
                               b->buffer[OUT], b->buffer[OUT2], NULL, NULL, NULL, 0, NULL, NULL);
}

static int enqueue(struct bench *b, const struct work *w)
{
    if (!w->form) {
        clglu_status status = enqueue_operator(b, w->what);
        return status == CLGLU_OK ? CLI_GO_ON : cli_failed(b->context, status, w->what->name);
    }
    const cl_mem buffers[LIMIT_KINDS][BUFFERS] = {
        {b->buffer[A], b->buffer[OUT]},
        {b->buffer[A], b->buffer[B], b->buffer[OUT]},
        {b->buffer[DY], b->buffer[A], b->buffer[B], b->buffer[OUT], b->buffer[OUT2]},
        {b->buffer[A], b->buffer[OUT]},
        {b->buffer[A], b->buffer[OUT]}};
    cl_int code =
        limits_enqueue(b->limits, b->queue, w->kind, w->dtype, w->form, w->elements, buffers[w->kind]);
    return code == CL_SUCCESS ? CLI_GO_ON : opencl_failed(code, "a limit kernel");
}

/* Seconds of one run, from `runs` in a row; 0 where one failed, so that a caller may look at them before the code. */
static int sample(struct bench *b, const struct work *w, int runs, double *seconds)
{
    double start = progress_now();
    *seconds = 0;
    for (int i = 0; i < runs; i++) {
        int code = enqueue(b, w);
        if (code != CLI_GO_ON) return code;
    }
    cl_int code = clFinish(b->queue);
    *seconds = (progress_now() - start) / runs;
    return code == CL_SUCCESS ? CLI_GO_ON : opencl_failed(code, "clFinish");
}

/* Runs that are thrown away (compilers, caches, lazy memory), and from the last how many make up some
 * milliseconds. */
static int warm_up(struct bench *b, const struct work *w, double want, int *runs, double *seconds)
{
    int code = sample(b, w, 1, seconds);
    if (code == CLI_GO_ON && *seconds < 2) code = sample(b, w, 1, seconds);
    double n = want / (*seconds > 1e-7 ? *seconds : 1e-7);
    *runs = n < 1 ? 1 : n > 1000 ? 1000 : (int)n;
    return code;
}

/* The fastest form of a limit kernel for these elements. */
static int best_form(struct bench *b, const struct work *work, struct limit_form *best, double *seconds)
{
    struct work own = *work, *w = &own; /* its form is one of this list */
    struct limit_form forms[LIMIT_FORMS];
    int n = limits_forms(b->limits, w->kind, w->dtype, forms), runs, found = 0;
    for (int i = 0; i < n; i++) {
        double least = INFINITY, t;
        w->form = &forms[i];
        int code = warm_up(b, w, 1e-3, &runs, &t);
        for (int k = 0; k < (t < 0.2 ? 3 : 1) && code == CLI_GO_ON; k++) {
            code = sample(b, w, runs, &t);
            if (t < least) least = t;
        }
        if (code != CLI_GO_ON) return code;
        if (!found || least < *seconds) *seconds = least, *best = forms[i];
        found = 1;
    }
    return CLI_GO_ON;
}

/* The same, looked up if it was found before. */
static int find_form(struct bench *b, const struct work *w, struct limit_form *best)
{
    struct known_form *known = b->known[w->kind][w->dtype];
    double seconds = 0;
    int i = 0;
    while (i < SIZES - 1 && known[i].elements && known[i].elements != w->elements) i++;
    if (known[i].elements != w->elements) {
        int code = best_form(b, w, &known[i].form, &seconds);
        if (code != CLI_GO_ON) return code;
        known[i].elements = w->elements;
    }
    *best = known[i].form;
    return CLI_GO_ON;
}

static int compare(const void *p, const void *q)
{
    double x = *(const double *)p, y = *(const double *)q;
    return (x > y) - (x < y);
}

struct bench_time bench_statistics(double *t, int n)
{
    qsort(t, (size_t)n, sizeof *t, compare);
    double median = n % 2 ? t[n / 2] : (t[n / 2 - 1] + t[n / 2]) / 2;
    return (struct bench_time){median, t[0], t[n - 1], t[n / 4], t[n - 1 - n / 4]};
}

struct bench_time bench_time_once(double t) { return (struct bench_time){t, t, t, t, t}; }

static int interleave(struct bench *b, const struct work *operator_, const struct work *limit, int repeats,
                      struct bench_row *row)
{
    double ours[MAX_REPEATS], theirs[MAX_REPEATS], t;
    int our_runs, their_runs, code = warm_up(b, operator_, 2e-3, &our_runs, &t);
    if (code == CLI_GO_ON && t > 1 && repeats > 3) repeats = 3; /* a simulator: minutes are not worth it */
    if (code == CLI_GO_ON) code = warm_up(b, limit, 2e-3, &their_runs, &t);
    for (int i = 0; i < repeats && code == CLI_GO_ON; i++) {
        code = sample(b, operator_, our_runs, &ours[i]);
        if (code == CLI_GO_ON) code = sample(b, limit, their_runs, &theirs[i]);
    }
    if (code != CLI_GO_ON) return code;
    row->time = bench_statistics(ours, repeats);
    row->limit = bench_statistics(theirs, repeats);
    row->ratio = row->limit.median / row->time.median;
    return CLI_GO_ON;
}

int bench_run(struct bench *b, const struct bench_case *what, int repeats, struct bench_row *row)
{
    int tensors = what->plain ? 2 + what->backward : what->backward ? 5 : 3;
    struct limit_form form;
    struct work operator_ = {.what = what}, limit = {.dtype = what->dtype, .elements = what->elements};
    limit.kind = tensors == 2 ? LIMIT_COPY : tensors == 3 ? LIMIT_MULTIPLY : LIMIT_BACKWARD;
    memset(row, 0, sizeof *row);
    row->what = *what;
    row->bytes = (double)tensors * (double)clglu_dtype_size(what->dtype) * (double)what->elements;
    int code = fill(b, what->dtype);
    if (code == CLI_GO_ON) code = find_form(b, &limit, &form);
    if (code != CLI_GO_ON) return code;
    limit.form = &form;
    limits_name(limit.kind, limit.dtype, &form, row->kernel, sizeof row->kernel);
    return interleave(b, &operator_, &limit, repeats < MAX_REPEATS ? repeats : MAX_REPEATS, row);
}

/* The rate of one form: work is added until a run takes a millisecond (an emulated fma takes it at once). */
static int flops_of(struct bench *b, struct work *w, double *rate, double *seconds)
{
    int runs, code = CLI_GO_ON;
    double t = 0;
    for (w->elements = 256; code == CLI_GO_ON; w->elements *= 2) {
        code = warm_up(b, w, 3e-3, &runs, &t);
        if (t > 1e-3 || w->elements >= UNIT) break;
    }
    for (int k = 0; k < 3 && t < 0.2 && code == CLI_GO_ON; k++) {
        double again;
        code = sample(b, w, runs, &again);
        if (code == CLI_GO_ON && again < t) t = again;
    }
    *seconds = t;
    *rate = 2.0 * LIMIT_FMA_STEPS * LIMIT_FMA_CHAINS * w->form->width * (double)w->elements / t;
    return code;
}

/* As best_form, but a wider form does more in one run. */
static int best_flops(struct bench *b, const struct work *work, struct bench_rates *rates)
{
    struct work own = *work, *w = &own;
    struct limit_form forms[LIMIT_FORMS];
    int n = limits_forms(b->limits, w->kind, w->dtype, forms);
    double seconds = 0, rate;
    rates->flops = 0;
    for (int i = 0; i < n && seconds < 1; i++) { /* where that takes a second, wider forms will not help */
        w->form = &forms[i];
        int code = flops_of(b, w, &rate, &seconds);
        if (code != CLI_GO_ON) return code;
        if (rate <= rates->flops) continue;
        rates->flops = rate;
        rates->flops_form = forms[i];
        limits_name(w->kind, w->dtype, &forms[i], rates->flops_kernel, sizeof rates->flops_kernel);
    }
    return CLI_GO_ON;
}

/* The rate at which a kernel moves that many bytes, in its fastest form. */
static int data_rate(struct bench *b, enum limit_kind kind, uint64_t elements, double bytes, double *rate, char *name,
                     size_t size)
{
    struct work w = {.kind = kind, .dtype = CLGLU_F32, .elements = elements};
    struct limit_form form;
    double seconds = 0;
    int code = best_form(b, &w, &form, &seconds);
    if (code != CLI_GO_ON) return code;
    *rate = bytes * (double)elements / seconds;
    limits_name(kind, CLGLU_F32, &form, name, size);
    return CLI_GO_ON;
}

int bench_rates(struct bench *b, uint64_t elements, struct bench_rates *rates)
{
    struct work fma = {.kind = LIMIT_FMA, .dtype = CLGLU_F32};
    uint64_t words = elements / LIMIT_READ_UNIT * LIMIT_READ_UNIT;
    *rates = (struct bench_rates){.read = 0};
    int code = fill(b, CLGLU_F32);
    if (code == CLI_GO_ON)
        code = data_rate(b, LIMIT_COPY, elements, 2 * sizeof(float), &rates->copy, rates->copy_kernel,
                         sizeof rates->copy_kernel);
    if (code == CLI_GO_ON && words)
        code = data_rate(b, LIMIT_READ, words, sizeof(float), &rates->read, rates->read_kernel,
                         sizeof rates->read_kernel);
    return code == CLI_GO_ON ? best_flops(b, &fma, rates) : code;
}

int bench_fit(struct bench *b, uint64_t most, uint64_t *elements)
{
    struct bench_case what = {.name = "geglu", .dtype = CLGLU_F32};
    struct work w = {.what = &what};
    if (most > b->capacity) most = b->capacity;
    int code = fill(b, CLGLU_F32), runs;
    for (what.elements = 16 * UNIT; code == CLI_GO_ON; what.elements *= 2) {
        double t = 0, again;
        *elements = what.elements < most ? what.elements : most;
        if (what.elements >= most) break;
        code = warm_up(b, &w, 1e-3, &runs, &t);
        for (int i = 0; i < 3 && code == CLI_GO_ON && t < 0.5;
             i++) { /* the least of some: others may be at work here */
            code = sample(b, &w, runs, &again);
            if (code == CLI_GO_ON && again < t) t = again;
        }
        if (t > 4e-3) break;
    }
    return code;
}
