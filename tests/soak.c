/* soak.c - a million small calls, minutes of mixed large ones, and 16 threads on one context: nothing is left over, and every result has
   the bits of the first. SPDX-License-Identifier: MIT */

/* usage: soak [CALLS [SECONDS [CALLS_OF_A_THREAD]]], with OPENCL_LAYERS=the layer of tests/fault_layer.c, which counts what lives.
   Each part warms up, notes the live OpenCL objects and the resident memory, works, and compares. */
#define _GNU_SOURCE
#include "clglu.h"

#include <dlfcn.h>
#include <malloc.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { ROWS = 8, COLS = 48, MODEL = 32, FF = 64, LARGE = 1 << 20, THREADS = 16, WARM = 20000, MOST_GROWTH = 1 << 20, KINDS = 6 };

static clglu_context *context, *small; /* small: its host twins work in chunks */
static clglu_ffn *ffn;
static cl_mem in[3];
static long (*layer_live)(const char *type);
static int passed, failed;
static float weights[3][MODEL * FF], numbers[3][LARGE];

static void fatal(const char *what, int status)
{
    printf("not ok - %s: %d: %s\n", what, status, context ? clglu_context_error(context) : "");
    exit(1);
}

static void must(clglu_status status, const char *what)
{
    if (status) fatal(what, (int)status);
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static uint64_t hash_of(const void *data, size_t bytes)
{
    uint64_t h = 0xcbf29ce484222325u;
    for (size_t i = 0; i < bytes; i++) h = (h ^ ((const unsigned char *)data)[i]) * 0x100000001b3u;
    return h;
}

/* ---------------------------------------------------------------- what is left over */

static const char *const types[] = {"context", "queue", "buffer", "program", "kernel", "event"};
enum { TYPES = sizeof types / sizeof *types };

typedef struct state {
    long objects, resident, of[TYPES];
} state;

/* What the allocator keeps for later is given back first: it is nobody's. */
static state look(void)
{
    long pages = 0;
    malloc_trim(0);
    FILE *f = fopen("/proc/self/statm", "r");
    if (f == NULL || fscanf(f, "%*d %ld", &pages) != 1) fatal("/proc/self/statm", 0);
    fclose(f);
    state s = {layer_live(""), pages * sysconf(_SC_PAGESIZE), {0}};
    for (int i = 0; i < TYPES; i++) s.of[i] = layer_live(types[i]);
    return s;
}

static void judge(const char *what, state before, long calls, double seconds)
{
    state after = look();
    long grown = after.resident - before.resident;
    bool good = after.objects == before.objects && grown <= MOST_GROWTH;
    printf("%s - %s: %ld calls in %.0f s; live OpenCL objects: %ld, then %ld; resident: %.1f MiB, grown by %.2f MiB\n", good ? "ok" : "not ok", what,
           calls, seconds, before.objects, after.objects, (double)before.resident / (1 << 20), (double)grown / (1 << 20));
    for (int i = 0; i < TYPES; i++)
        if (after.of[i] != before.of[i]) printf("# %s: %ld, then %ld\n", types[i], before.of[i], after.of[i]);
    fflush(stdout);
    *(good ? &passed : &failed) += 1;
}

/* ---------------------------------------------------------------- small calls on buffers */

/* Buffers of one caller, and the bits of each kind of call. */
typedef struct worker {
    cl_command_queue queue;
    cl_mem out[2];
    uint64_t want[KINDS];
    unsigned number;
    long calls, wrong;
} worker;

static cl_mem buffer(size_t bytes, const void *from)
{
    cl_int code;
    cl_mem m = clCreateBuffer(clglu_context_cl_context(context), CL_MEM_READ_WRITE | (from ? CL_MEM_COPY_HOST_PTR : 0), bytes,
                              (void *)(uintptr_t)from, &code);
    if (m == NULL) fatal("clCreateBuffer", code);
    return m;
}

static clglu_status small_call(worker *w, unsigned kind, cl_event *event)
{
    static const clglu_act_desc act = {.rows = ROWS, .cols = COLS, .act = CLGLU_ACT_GELU};
    static const clglu_gate_desc geglu = {.rows = ROWS, .cols = COLS, .act = CLGLU_ACT_GELU},
                                 swiglu = {.rows = ROWS, .cols = COLS, .act = CLGLU_ACT_SILU};
    static const clglu_ffn_call call = {.rows = ROWS};
    switch (kind) {
    case 0: return clglu_gate_forward(context, &geglu, w->queue, in[0], in[1], w->out[0], 0, NULL, event);
    case 1: return clglu_act_forward(context, &act, w->queue, in[0], w->out[0], 0, NULL, event);
    case 2: return clglu_gate_forward(context, &swiglu, w->queue, in[1], in[0], w->out[0], 0, NULL, event);
    case 3: return clglu_act_backward(context, &act, w->queue, in[1], in[0], w->out[0], NULL, 0, NULL, event);
    case 4: return clglu_gate_backward(context, &geglu, w->queue, in[2], in[0], in[1], w->out[0], w->out[1], NULL, NULL, NULL, 0, NULL, event);
    default: return clglu_ffn_forward(ffn, &call, w->queue, in[0], w->out[0], NULL, NULL, NULL, 0, NULL, event);
    }
}

static uint64_t fetch(const worker *w)
{
    static const size_t bytes = ROWS * COLS * sizeof(float);
    unsigned char got[2 * ROWS * COLS * sizeof(float)];
    for (int i = 0; i < 2; i++) {
        cl_int code = clEnqueueReadBuffer(w->queue, w->out[i], CL_TRUE, 0, bytes, got + (size_t)i * bytes, 0, NULL, NULL);
        if (code) fatal("clEnqueueReadBuffer", code);
    }
    return hash_of(got, sizeof got);
}

static void clear(const worker *w)
{
    static const float zeros[ROWS * COLS];
    for (int i = 0; i < 2; i++) {
        cl_int code = clEnqueueWriteBuffer(w->queue, w->out[i], CL_TRUE, 0, sizeof zeros, zeros, 0, NULL, NULL);
        if (code) fatal("clEnqueueWriteBuffer", code);
    }
}

/* `calls` of all kinds in turn; of every 64 one is looked at. */
static void work(worker *w, long calls)
{
    for (long i = 0; i < calls; i++) {
        unsigned kind = (unsigned)((w->number + (unsigned long)i) % KINDS);
        bool looked_at = i % 64 == 0;
        cl_event event = NULL;
        if (looked_at) clear(w);
        must(small_call(w, kind, i % 3 ? NULL : &event), "a small call");
        if (event) clReleaseEvent(event);
        if (looked_at) {
            uint64_t hash = fetch(w);
            if (w->want[kind] == 0) w->want[kind] = hash;
            w->wrong += w->want[kind] != hash;
        }
        w->calls++;
    }
    clFinish(w->queue);
}

static worker worker_new(unsigned number)
{
    cl_int code;
    worker w = {.number = number};
    w.queue = clCreateCommandQueue(clglu_context_cl_context(context), clglu_context_device(context), 0, &code);
    if (w.queue == NULL) fatal("clCreateCommandQueue", code);
    for (int i = 0; i < 2; i++) w.out[i] = buffer(ROWS * COLS * sizeof(float), NULL);
    return w;
}

static void worker_free(worker *w)
{
    clReleaseMemObject(w->out[0]);
    clReleaseMemObject(w->out[1]);
    clReleaseCommandQueue(w->queue);
}

static void right_bits(const char *what, long wrong)
{
    printf("%s - %s: %ld results with other bits than the first\n", wrong ? "not ok" : "ok", what, wrong);
    *(wrong ? &failed : &passed) += 1;
}

static void small_calls(long calls)
{
    worker w = worker_new(0);
    work(&w, WARM);
    state before = look();
    double start = now();
    work(&w, calls);
    judge("small calls", before, calls, now() - start);
    right_bits("small calls", w.wrong);
    worker_free(&w);
}

/* ---------------------------------------------------------------- threads */

typedef struct thread {
    pthread_t id;
    worker w;
    long calls;
} thread;

static void *run_thread(void *user)
{
    thread *t = user;
    work(&t->w, t->calls);
    return NULL;
}

/* All together; of each kind all must have the same bits. */
static long run_threads(thread *threads, long calls)
{
    long wrong = 0;
    for (int i = 0; i < THREADS; i++) {
        threads[i].calls = calls;
        if (pthread_create(&threads[i].id, NULL, run_thread, &threads[i])) fatal("pthread_create", i);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i].id, NULL);
        wrong += threads[i].w.wrong;
        for (int k = 0; k < KINDS; k++)
            wrong += threads[i].w.want[k] && threads[0].w.want[k] && threads[i].w.want[k] != threads[0].w.want[k];
    }
    return wrong;
}

static void many_threads(long calls)
{
    static thread threads[THREADS];
    for (int i = 0; i < THREADS; i++) threads[i].w = worker_new((unsigned)i);
    long wrong = run_threads(threads, WARM / THREADS);
    state before = look();
    double start = now();
    wrong += run_threads(threads, calls);
    judge("16 threads on one context", before, THREADS * calls, now() - start);
    right_bits("16 threads on one context", wrong);
    for (int i = 0; i < THREADS; i++) worker_free(&threads[i].w);
}

/* ---------------------------------------------------------------- large ones, mixed */

static float result[3][LARGE];

static void large_gate(size_t elements, bool in_chunks)
{
    const clglu_gate_desc d = {.rows = elements / 512, .cols = 512, .act = CLGLU_ACT_GELU};
    must(clglu_gate_forward_host(in_chunks ? small : context, &d, numbers[0], numbers[1], result[0]), "gate on host arrays");
}

static void large_backward(size_t elements, bool in_chunks)
{
    const clglu_gate_desc d = {.rows = elements / 512, .cols = 512, .act = CLGLU_ACT_SILU};
    must(clglu_gate_backward_host(in_chunks ? small : context, &d, numbers[2], numbers[0], numbers[1], result[0], result[1], NULL, NULL, NULL),
         "backward on host arrays");
}

static clglu_ffn_desc block_of(float *wa, float *wb, float *wd)
{
    clglu_ffn_desc d = {.d_model = MODEL, .d_ff = FF, .act = CLGLU_ACT_GELU, .training = 1};
    d.wa.host = wa;
    d.wb.host = wb;
    d.wd.host = wd;
    return d;
}

static void large_block(size_t elements)
{
    const clglu_ffn_call call = {.rows = elements / 16 / MODEL};
    const clglu_ffn_backward_call back = {.rows = elements / 16 / MODEL};
    const clglu_ffn_gradients_host g = {.dy = numbers[1], .x = numbers[0], .dx = result[0], .dwa = result[1], .dwd = result[2]};
    must(clglu_ffn_forward_host(ffn, &call, numbers[0], result[0], NULL, NULL), "a block on host arrays");
    must(clglu_ffn_backward_host(ffn, &back, &g), "a block's backward on host arrays");
}

static void create_and_update(void)
{
    clglu_ffn *other;
    clglu_ffn_desc d = block_of(weights[0], weights[1], weights[2]);
    must(clglu_ffn_create(context, &d, &other), "ffn create");
    must(clglu_ffn_update(other, &d, NULL, 0, NULL, NULL), "ffn update");
    clglu_ffn_destroy(other);
}

static void check_some(void)
{
    clglu_check_report r;
    const clglu_gate_desc d = {.rows = 16, .cols = 512, .act = CLGLU_ACT_GELU};
    must(clglu_check_gate_forward(context, &d, numbers[0], numbers[1], &r), "check");
    if (r.bits_differ || r.outside) fatal("a check found other bits", (int)r.bits_differ);
}

static void one_large(unsigned i)
{
    size_t elements = (size_t)LARGE >> i % 5;
    switch (i % 6) {
    case 0: large_gate(elements, false); break;
    case 1: large_gate(elements, true); break;
    case 2: large_backward(elements, false); break;
    case 3: large_backward(elements, true); break;
    case 4: large_block(elements); break;
    default: create_and_update(), check_some();
    }
}

static void large_calls(double seconds)
{
    unsigned i = 0, first;
    double start = now();
    for (; i < 60 || now() - start < seconds / 10; i++) one_large(i);
    state before = look();
    start = now();
    for (first = i; now() - start < seconds; i++) one_large(i);
    judge("mixed large calls", before, (long)(i - first), now() - start);
}

/* ---------------------------------------------------------------- the run */

static void fill(float *to, size_t n, unsigned seed)
{
    for (size_t i = 0; i < n; i++) {
        seed = seed * 1664525u + 1013904223u;
        to[i] = (float)(int)(seed >> 8) / (1 << 23) - 1;
    }
}

static void open_all(void)
{
    const char *selector = getenv("CLGLU_DEVICE");
    clglu_context_params params = {.device_budget = 4 << 20};
    must(clglu_context_open(selector ? selector : "best", NULL, &context), "open");
    must(clglu_context_wrap(clglu_context_cl_context(context), clglu_context_device(context), &params, &small), "wrap");
    for (unsigned i = 0; i < 3; i++) {
        fill(weights[i], MODEL * FF, i + 1);
        fill(numbers[i], LARGE, i + 5);
        in[i] = buffer(ROWS * COLS * sizeof(float), numbers[i]);
    }
    clglu_ffn_desc d = block_of(weights[0], weights[1], weights[2]);
    must(clglu_ffn_create(context, &d, &ffn), "ffn create");
    void *layer = getenv("OPENCL_LAYERS") ? dlopen(getenv("OPENCL_LAYERS"), RTLD_NOW | RTLD_NOLOAD) : NULL;
    if (layer == NULL || !(*(void **)&layer_live = dlsym(layer, "fault_live"))) fatal("OPENCL_LAYERS must name the layer of tests/fault_layer.c", 0);
}

static void close_all(void)
{
    for (int i = 0; i < 3; i++) clReleaseMemObject(in[i]);
    clglu_ffn_destroy(ffn);
    clglu_context_close(small);
    clglu_context_close(context);
    long left = layer_live("");
    printf("%s - all is closed, %ld references are left\n", left ? "not ok" : "ok", left);
    *(left ? &failed : &passed) += 1;
}

int main(int argc, char **argv)
{
    long calls = argc > 1 ? atol(argv[1]) : 1000000, of_a_thread = argc > 3 ? atol(argv[3]) : 10000;
    double seconds = argc > 2 ? atof(argv[2]) : 600;
    open_all();
    small_calls(calls);
    many_threads(of_a_thread);
    large_calls(seconds);
    close_all();
    printf("%d passed, %d failed\n", passed, failed);
    return failed != 0;
}
