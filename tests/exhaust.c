/* exhaust.c - every f32 input through every activation, every pair of f16 numbers through geglu: hours.
   SPDX-License-Identifier: MIT */

/* The device computes a block of inputs; two threads of the host judge it by the reference (the published bound) and
   by the emulation (the bits). One line a function; exit status 1 if a result is outside its bound or has other bits. */
#include "device.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { BLOCK = 1 << 22, JUDGES = 2 };

typedef struct options {
    int act;          /* -1: all */
    int direction;    /* 0 forward, 1 backward, -1 both */
    bool acts, pairs; /* what is run */
    uint64_t from, count;
    const char *device;
} options;

/* What was found in a block, a part of one, or a whole run. */
typedef struct findings {
    uint64_t count, outside, differ;
    double ulp, want, got;
    uint32_t input, other; /* the worst one's bits; for pairs a and b */
} findings;

/* A function to examine: inputs are numbered, `fill` writes a block of them, `judge` judges one result. */
typedef struct task {
    const char *name;
    clglu_act act;
    bool backward, pair;
    clglu_dtype dtype;
    double bound;
    bool flushes;
} task;

typedef struct device {
    clglu_context *context;
    cl_mem a, b, y; /* b is b, or dy */
} device;

/* The block in host memory. */
typedef struct block {
    const task *t;
    size_t n;
    void *a, *b, *y, *emulated;
} block;

static void stop(const char *what, const char *why)
{
    fprintf(stderr, "exhaust: %s: %s\n", what, why);
    exit(2);
}

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* ---------------------------------------------------------------- numbers */

/* Its own widening of f16: the library's is among what is judged. */
static double number(clglu_dtype dtype, const void *array, size_t i)
{
    float x;
    if (dtype == CLGLU_F32) {
        memcpy(&x, (const char *)array + 4 * i, sizeof x);
        return (double)x;
    }
    unsigned h = ((const uint16_t *)array)[i], e = h >> 10 & 31, m = h & 0x3ff;
    double size = e == 31 ? (m ? (double)NAN : (double)INFINITY) : e ? ldexp(m + 1024, (int)e - 25) : ldexp(m, -24);
    return h & 0x8000 ? -size : size;
}

static uint32_t stored(clglu_dtype dtype, const void *array, size_t i)
{
    uint32_t u = 0;
    if (dtype != CLGLU_F32) return ((const uint16_t *)array)[i];
    memcpy(&u, (const char *)array + 4 * i, sizeof u);
    return u;
}

/* ---------------------------------------------------------------- judging */

/* The error in ULP, and whether it is within the bound: next to a root of a derivative 2^-27 absolute is, too. */
static bool within(const task *t, double x, double want, double got, double *ulp)
{
    *ulp = clglu_ulp(want, got, t->dtype);
    if (*ulp <= t->bound) return true;
    if (t->flushes && fabs(want) < 0x1p-126 && fabs(got) <= 0x1p-126) *ulp = 0;
    if (t->backward && fabs(got - want) <= 0x1p-27 && near_root(t->act, 1, x, want)) *ulp = 0;
    return *ulp <= t->bound;
}

static double wanted(const task *t, double a, double b)
{
    if (t->backward) return clglu_reference_act_derivative(t->act, 1, a);
    double p = clglu_reference_act(t->act, 1, a);
    return t->pair ? p * b : p;
}

static bool same(const block *k, size_t i)
{
    if (stored(k->t->dtype, k->y, i) == stored(k->t->dtype, k->emulated, i)) return true;
    double got = number(k->t->dtype, k->y, i), want = number(k->t->dtype, k->emulated, i);
    return (isnan(got) && isnan(want)) || (k->t->flushes && fabs(got) <= 0x1p-126 && fabs(want) <= 0x1p-126);
}

static void judge_range(const block *k, size_t from, size_t to, findings *f)
{
    double last_a = 0, factor = 0;
    for (size_t i = from; i < to; i++) {
        double a = number(k->t->dtype, k->a, i), b = k->t->pair ? number(k->t->dtype, k->b, i) : 1, ulp, want;
        if (!k->t->pair) {
            want = wanted(k->t, a, b);
        } else { /* a changes seldom */
            if (i == from || memcmp(&a, &last_a, sizeof a) != 0) factor = clglu_reference_act(k->t->act, 1, a);
            last_a = a;
            want = factor * b;
        }
        double got = number(k->t->dtype, k->y, i);
        bool good = within(k->t, a, want, got, &ulp);
        f->count++;
        f->outside += !good;
        f->differ += !same(k, i);
        if (ulp <= f->ulp) continue;
        f->ulp = ulp;
        f->want = want;
        f->got = got;
        f->input = stored(k->t->dtype, k->a, i);
        f->other = k->t->pair ? stored(k->t->dtype, k->b, i) : 0;
    }
}

static void emulate_range(const block *k, size_t from, size_t n)
{
    size_t size = clglu_dtype_size(k->t->dtype), at = from * size;
    const char *a = (const char *)k->a + at, *b = (const char *)k->b + at;
    char *y = (char *)k->emulated + at;
    clglu_act_desc d = {.rows = 1, .cols = n, .act = k->t->act, .dtype = k->t->dtype};
    clglu_gate_desc g = {.rows = 1, .cols = n, .act = k->t->act, .dtype = k->t->dtype};
    clglu_status s = k->t->pair       ? clglu_emulate_gate_forward(&g, a, b, y)
                     : k->t->backward ? clglu_emulate_act_backward(&d, b, a, y, NULL)
                                      : clglu_emulate_act_forward(&d, a, y);
    if (s != CLGLU_OK) stop("emulation", clglu_status_name(s));
}

typedef struct judge_thread {
    pthread_t thread;
    const block *k;
    size_t from, to;
    findings f;
} judge_thread;

static void *judge_part(void *user)
{
    judge_thread *j = user;
    if (j->from < j->to) {
        emulate_range(j->k, j->from, j->to - j->from);
        judge_range(j->k, j->from, j->to, &j->f);
    }
    return NULL;
}

static void add_findings(findings *sum, const findings *f)
{
    findings all = f->ulp > sum->ulp ? *f : *sum;
    all.count = sum->count + f->count;
    all.outside = sum->outside + f->outside;
    all.differ = sum->differ + f->differ;
    *sum = all;
}

static void judge_block(const block *k, findings *sum)
{
    judge_thread j[JUDGES];
    for (size_t i = 0; i < JUDGES; i++) {
        j[i] = (judge_thread){.k = k, .from = k->n * i / JUDGES, .to = k->n * (i + 1) / JUDGES, .f = {.ulp = -1}};
        if (pthread_create(&j[i].thread, NULL, judge_part, &j[i])) stop("pthread_create", strerror(errno));
    }
    for (size_t i = 0; i < JUDGES; i++) {
        pthread_join(j[i].thread, NULL);
        add_findings(sum, &j[i].f);
    }
}

/* ---------------------------------------------------------------- the device */

static void fill_block(const block *k, uint64_t first)
{
    for (size_t i = 0; i < k->n; i++) {
        uint64_t at = first + i;
        if (k->t->pair) {
            ((uint16_t *)k->a)[i] = (uint16_t)(at >> 16);
            ((uint16_t *)k->b)[i] = (uint16_t)at;
        } else {
            ((uint32_t *)k->a)[i] = (uint32_t)at;
            ((float *)k->b)[i] = 1;
        }
    }
}

static void need(cl_int error, const char *what)
{
    char text[40];
    snprintf(text, sizeof text, "OpenCL error %d", (int)error);
    if (error != CL_SUCCESS) stop(what, text);
}

static void compute_block(const device *d, const block *k)
{
    cl_command_queue q = clglu_context_queue(d->context);
    size_t bytes = k->n * clglu_dtype_size(k->t->dtype);
    clglu_act_desc act = {.rows = 1, .cols = k->n, .act = k->t->act, .dtype = k->t->dtype};
    clglu_gate_desc gate = {.rows = 1, .cols = k->n, .act = k->t->act, .dtype = k->t->dtype};
    need(clEnqueueWriteBuffer(q, d->a, CL_FALSE, 0, bytes, k->a, 0, NULL, NULL), "clEnqueueWriteBuffer");
    need(clEnqueueWriteBuffer(q, d->b, CL_FALSE, 0, bytes, k->b, 0, NULL, NULL), "clEnqueueWriteBuffer");
    clglu_status s = k->t->pair ? clglu_gate_forward(d->context, &gate, NULL, d->a, d->b, d->y, 0, NULL, NULL)
                     : k->t->backward
                         ? clglu_act_backward(d->context, &act, NULL, d->b, d->a, d->y, NULL, 0, NULL, NULL)
                         : clglu_act_forward(d->context, &act, NULL, d->a, d->y, 0, NULL, NULL);
    if (s != CLGLU_OK) stop(clglu_status_name(s), clglu_context_error(d->context));
    need(clEnqueueReadBuffer(q, d->y, CL_TRUE, 0, bytes, k->y, 0, NULL, NULL), "clEnqueueReadBuffer");
}

static cl_mem device_buffer(const device *d)
{
    cl_int error;
    cl_mem m = clCreateBuffer(clglu_context_cl_context(d->context), CL_MEM_READ_WRITE, BLOCK * sizeof(float), NULL, &error);
    need(error, "clCreateBuffer");
    return m;
}

static device open_device(const char *selector)
{
    device d;
    clglu_status s = clglu_context_open(selector, NULL, &d.context);
    if (s != CLGLU_OK) stop(selector, clglu_status_name(s));
    d.a = device_buffer(&d);
    d.b = device_buffer(&d);
    d.y = device_buffer(&d);
    const clglu_device_facts *f = clglu_context_facts(d.context);
    printf("device %u:%u %s, %s, driver %s\n", f->platform, f->device, f->name, f->platform_name, f->driver_version);
    if (!f->subnormals) puts("it flushes subnormal numbers: subnormal results are not judged");
    return d;
}

static void close_device(device *d)
{
    clReleaseMemObject(d->a);
    clReleaseMemObject(d->b);
    clReleaseMemObject(d->y);
    clglu_context_close(d->context);
}

/* ---------------------------------------------------------------- one function */

static void show_progress(const task *t, uint64_t done, uint64_t count, double start, bool last)
{
    static double shown;
    if (!isatty(STDERR_FILENO) || (!last && seconds() - shown < 1)) return;
    shown = seconds();
    if (last)
        fprintf(stderr, "\r%60s\r", "");
    else
        fprintf(stderr, "\r%-12s %-8s %5.1f %%, %4.0f s left ", t->name, t->pair ? "pairs" : t->backward ? "backward" : "forward",
                100 * (double)done / (double)count, (shown - start) * (double)(count - done) / (double)(done + 1));
}

static void print_findings(const task *t, const findings *f, double time)
{
    bool good = f->outside == 0 && f->differ == 0;
    const char *what = t->pair ? "f16 pairs" : t->backward ? "backward" : "forward";
    printf("%-10s %-9s %" PRIu64 " inputs: at most %.4f ULP (bound %g) at 0x%08" PRIx32, t->name, what, f->count, f->ulp,
           t->bound, f->input);
    if (t->pair) printf(", 0x%04" PRIx32, f->other);
    printf(": got %a, want %a; %" PRIu64 " outside, %" PRIu64 " bits differ, %.0f s: %s\n", f->got, f->want, f->outside,
           f->differ, time, good ? "good" : "BAD");
    fflush(stdout);
}

static bool run_task(const device *d, const task *t, const options *o)
{
    block k = {.t = t};
    findings f = {.ulp = -1};
    double start = seconds();
    uint64_t end = o->count > UINT64_C(0x100000000) - o->from ? UINT64_C(0x100000000) : o->from + o->count;
    void **arrays[] = {&k.a, &k.b, &k.y, &k.emulated};
    for (size_t i = 0; i < COUNT(arrays); i++)
        if (!(*arrays[i] = malloc(BLOCK * sizeof(float)))) stop("malloc", "no memory");
    for (uint64_t at = o->from; at < end; at += k.n) {
        k.n = end - at < BLOCK ? (size_t)(end - at) : BLOCK;
        fill_block(&k, at);
        compute_block(d, &k);
        judge_block(&k, &f);
        show_progress(t, at + k.n - o->from, end - o->from, start, false);
    }
    show_progress(t, 0, 1, start, true);
    for (size_t i = 0; i < COUNT(arrays); i++) free(*arrays[i]);
    print_findings(t, &f, seconds() - start);
    return f.outside == 0 && f.differ == 0;
}

/* ---------------------------------------------------------------- all of them */

#define ROW(id, name, UPPER, formula, derivative, ulp_f, ulp_b, worst_f, worst_b, source) {#name, {ulp_f, ulp_b}},
static const struct {
    const char *name;
    double bound[2];
} acts[] = {CLGLU_ACTS(ROW)};
#undef ROW

static int run_all(const device *d, const options *o, int *functions)
{
    int bad = 0;
    bool flushes = !clglu_context_facts(d->context)->subnormals;
    for (int act = 0; act < CLGLU_ACT_COUNT && o->acts; act++)
        for (int back = 0; back < 2; back++) {
            if ((o->act >= 0 && o->act != act) || (o->direction >= 0 && o->direction != back)) continue;
            task t = {acts[act].name, (clglu_act)act, back, false, CLGLU_F32, acts[act].bound[back], flushes};
            bad += !run_task(d, &t, o);
            ++*functions;
        }
    if (o->pairs) {
        task t = {"geglu", CLGLU_ACT_GELU, false, true, CLGLU_F16, 0.501, false};
        bad += !run_task(d, &t, o);
        ++*functions;
    }
    return bad;
}

static void usage(void)
{
    puts("usage: exhaust [--act NAME] [--direction forward|backward] [--pairs] [--from N] [--count N] [--device SELECTOR]\n"
         "Without arguments: all f32 inputs through every activation and its derivative, then all pairs of f16 numbers\n"
         "through geglu. --pairs: the pairs alone. N counts inputs by their bits, 0x may stand before it.");
}

static uint64_t count_of(const char *text)
{
    char *end;
    errno = 0;
    unsigned long long n = strtoull(text, &end, 0);
    if (errno || end == text || *end || *text == '-' || n > UINT64_C(0x100000000)) stop(text, "not a number up to 2^32");
    return n;
}

static void take_option(options *o, const char *name, const char *value)
{
    clglu_act act;
    if (!strcmp(name, "--act")) {
        if (clglu_act_find(value, &act) != CLGLU_OK) stop(value, "no such activation");
        o->act = (int)act;
        o->pairs = false;
    } else if (!strcmp(name, "--direction")) {
        if (strcmp(value, "forward") && strcmp(value, "backward")) stop(value, "forward or backward");
        o->direction = !strcmp(value, "backward");
        o->pairs = false;
    } else if (!strcmp(name, "--from")) {
        o->from = count_of(value);
    } else if (!strcmp(name, "--count")) {
        o->count = count_of(value);
    } else if (!strcmp(name, "--device")) {
        o->device = value;
    } else {
        stop(name, "unknown argument; --help says what there is");
    }
}

static options options_of(int argc, char **argv)
{
    const char *selector = getenv("CLGLU_DEVICE");
    options o = {-1, -1, true, true, 0, UINT64_C(0x100000000), selector && *selector ? selector : "best"};
    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "--help")) {
            usage();
            exit(0);
        } else if (!strcmp(argv[i], "--pairs")) {
            o.acts = false;
        } else if (i + 1 < argc) {
            take_option(&o, argv[i], argv[i + 1]);
            i++;
        } else {
            stop(argv[i], "unknown argument, or its value is missing");
        }
    }
    if (!o.acts) o.pairs = true;
    if (o.from >= UINT64_C(0x100000000) || o.count == 0) stop("--from, --count", "nothing to do");
    return o;
}

int main(int argc, char **argv)
{
    options o = options_of(argc, argv);
    device d = open_device(o.device);
    int functions = 0, bad = run_all(&d, &o, &functions);
    close_device(&d);
    printf("%d of %d functions are within their bounds with the emulation's bits\n", functions - bad, functions);
    return bad ? 1 : 0;
}
