/* faults.c - every call of OpenCL, and of the C library, that the library makes fails once: what then? SPDX-License-Identifier: MIT */

/* A scenario is a call of the interface. It runs once without a fault, which tells how many calls it makes and what its results are; then once
   for each of these calls, which fails: alone, or with all later ones. Each time the status and the words must be right, each output whole or
   untouched, nothing may be left over, and the same call without a fault must then do what it should.
   OpenCL's calls fail in tests/fault_layer.c, the C library's here: the linker sends the library's calls to __wrap_NAME.
   usage: faults FOLDER [SCENARIO...], with OPENCL_LAYERS=the layer; FOLDER is for the cache. FAULTS=long: every code at every call. */
#define _GNU_SOURCE
#include "clglu.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

enum { ROWS = 24, COLS = 40, MANY = 700, MODEL = 33, FF = 40, CANARY = 0xa5, LIMIT_SECONDS = 30, TEXT = 512, FEW = 24 };

/* ---------------------------------------------------------------- the C library's calls */

static struct {
    bool armed, for_ever, pieces, interrupted, vanish;
    long calls, due, fired, cut;
    const char *failed;
} host;

static bool host_fails(const char *function)
{
    host.interrupted = host.pieces && (strcmp(function, "read") == 0 || strcmp(function, "write") == 0) && ++host.cut % 3 == 0;
    if (host.interrupted) return true;
    if (!host.armed) return false;
    host.calls++;
    if (host.due == 0 || !(host.calls == host.due || (host.for_ever && host.calls > host.due))) return false;
    if (host.fired++ == 0) host.failed = function;
    return true;
}

/* As a slow disk has it: less than was asked for. A signal may interrupt it altogether. */
static size_t piece(size_t n) { return host.pieces && n > 1 ? n / 2 : n; }

/* Whoever asks whether a marker is still locked finds that its process has just removed it. */
static void remove_files(const char *end);
static int operation_after(int operation)
{
    if (host.vanish && operation & LOCK_EX) remove_files(".loading");
    return operation;
}

#define WRAP(result, name, parameters, arguments, failure, reason) \
    result __real_##name parameters;                               \
    result __wrap_##name parameters;                               \
    result __wrap_##name parameters                                \
    {                                                              \
        if (!host_fails(#name)) return __real_##name arguments;    \
        errno = host.interrupted ? EINTR : reason;                 \
        return failure;                                            \
    }
WRAP(void *, malloc, (size_t n), (n), NULL, ENOMEM)
WRAP(void *, calloc, (size_t n, size_t m), (n, m), NULL, ENOMEM)
WRAP(void *, realloc, (void *p, size_t n), (p, n), NULL, ENOMEM)
WRAP(ssize_t, read, (int fd, void *p, size_t n), (fd, p, piece(n)), -1, EIO)
WRAP(ssize_t, write, (int fd, const void *p, size_t n), (fd, p, piece(n)), -1, ENOSPC)
WRAP(int, fsync, (int fd), (fd), -1, EIO)
WRAP(int, renameat, (int a, const char *from, int b, const char *to), (a, from, b, to), -1, ENOSPC)
WRAP(int, mkdirat, (int at, const char *path, mode_t mode), (at, path, mode), -1, EACCES)
WRAP(int, flock, (int fd, int operation), (fd, operation_after(operation)), -1, ENOLCK)
WRAP(DIR *, fdopendir, (int fd), (fd), NULL, ENOMEM)

/* The mode is there only where a file may be made. */
#define MODE(flags)                                   \
    va_list list;                                     \
    va_start(list, flags);                            \
    mode_t mode = flags & O_CREAT ? va_arg(list, mode_t) : 0; \
    va_end(list)
int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...)
{
    MODE(flags);
    if (!host_fails("open")) return __real_open(path, flags, mode);
    errno = EMFILE;
    return -1;
}
int __real_openat(int at, const char *path, int flags, ...);
int __wrap_openat(int at, const char *path, int flags, ...);
int __wrap_openat(int at, const char *path, int flags, ...)
{
    MODE(flags);
    if (!host_fails("openat")) return __real_openat(at, path, flags, mode);
    errno = EMFILE;
    return -1;
}

/* ---------------------------------------------------------------- OpenCL's calls */

static void (*layer_arm)(const char *function, long n, int forever, int code);
static long (*layer_disarm)(char name[64], long *calls);
static long (*layer_live)(const char *type);

static void *symbol(void *library, const char *name)
{
    void *found = library ? dlsym(library, name) : NULL;
    if (found == NULL) {
        fprintf(stderr, "faults: OPENCL_LAYERS must name the layer of tests/fault_layer.c\n");
        exit(2);
    }
    return found;
}

static void find_layer(void)
{
    cl_uint n;
    clGetPlatformIDs(0, NULL, &n);
    void *library = dlopen(getenv("OPENCL_LAYERS"), RTLD_NOW | RTLD_NOLOAD);
    *(void **)&layer_arm = symbol(library, "fault_arm");
    *(void **)&layer_disarm = symbol(library, "fault_disarm");
    *(void **)&layer_live = symbol(library, "fault_live");
}

/* ---------------------------------------------------------------- what the scenarios share */

typedef struct output {
    cl_mem mem;
    void *array; /* for buffers, what was fetched */
    size_t bytes, row_bytes;
    void *want;
} output;

static struct {
    clglu_context *context, *small; /* small: its host twins work in chunks */
    cl_context cl;
    cl_command_queue queue;
    const char *folder, *tuning;
    float a[MANY * COLS], b[MANY * COLS], weights[3][MODEL * FF], others[3][MODEL * FF], bias[FF];
    cl_mem ma, mb, mx;
    clglu_ffn *ffn;
    clglu_context *opened;
    output out[8];
    size_t outs;
    char log[TEXT];
} w;

static clglu_gate_desc gate = {.rows = ROWS, .cols = COLS, .act = CLGLU_ACT_GELU};
static clglu_gate_desc chunked = {.rows = MANY, .cols = COLS, .act = CLGLU_ACT_SILU, .y = {0, COLS, 1}};
static clglu_ffn_desc block = {.d_model = MODEL, .d_ff = FF, .act = CLGLU_ACT_GELU, .training = 1};
static clglu_ffn_call call = {.rows = ROWS};
static clglu_ffn_backward_call back = {.rows = ROWS};

static void fatal(const char *why, int status)
{
    printf("not ok - faults: %s (%d): %s\n", why, status, w.context ? clglu_context_error(w.context) : w.log);
    exit(1);
}

static void must(clglu_status status, const char *what)
{
    if (status) fatal(what, (int)status);
}

static void hear(const char *text, void *user)
{
    (void)user;
    snprintf(w.log, sizeof w.log, "%s", text);
}

static void fill(float *to, size_t n, unsigned seed)
{
    for (size_t i = 0; i < n; i++) {
        seed = seed * 1664525u + 1013904223u;
        to[i] = (float)(int)(seed >> 8) / (1 << 23) - 1;
    }
}

static cl_mem buffer(size_t bytes, const void *from)
{
    cl_int code;
    cl_mem m = clCreateBuffer(w.cl, CL_MEM_READ_WRITE | (from ? CL_MEM_COPY_HOST_PTR : 0), bytes, (void *)(uintptr_t)from, &code);
    if (m == NULL) fatal("clCreateBuffer", code);
    return m;
}

/* The i-th output of the scenario that begins. */
static output *add_output(bool on_device, size_t bytes, size_t row_bytes)
{
    output *o = &w.out[w.outs++];
    *o = (output){on_device ? buffer(bytes, NULL) : NULL, calloc(1, bytes), bytes, row_bytes, calloc(1, bytes)};
    if (!o->array || !o->want) fatal("no memory", 0);
    return o;
}

static void drop_outputs(void)
{
    for (size_t i = 0; i < w.outs; i++) {
        if (w.out[i].mem) clReleaseMemObject(w.out[i].mem);
        free(w.out[i].array);
        free(w.out[i].want);
    }
    w.outs = 0;
}

static void clear_outputs(void)
{
    for (size_t i = 0; i < w.outs; i++) {
        output *o = &w.out[i];
        memset(o->array, CANARY, o->bytes);
        if (o->mem && clEnqueueWriteBuffer(w.queue, o->mem, CL_TRUE, 0, o->bytes, o->array, 0, NULL, NULL)) fatal("write", 0);
    }
}

static void fetch_outputs(void)
{
    clFinish(w.queue);
    clFinish(clglu_context_queue(w.small));
    for (size_t i = 0; i < w.outs; i++) {
        const output *o = &w.out[i];
        if (o->mem && clEnqueueReadBuffer(w.queue, o->mem, CL_TRUE, 0, o->bytes, o->array, 0, NULL, NULL)) fatal("read", 0);
    }
}

static bool untouched(const output *o, size_t at, size_t bytes)
{
    const unsigned char *p = (const unsigned char *)o->array + at;
    for (size_t i = 0; i < bytes; i++)
        if (p[i] != CANARY) return false;
    return true;
}

static bool whole(const output *o)
{
    return memcmp(o->array, o->want, o->bytes) == 0;
}

/* Whole or untouched; where a call works in chunks, element by element. */
static bool sound(const output *o)
{
    for (size_t at = 0; at < o->bytes; at += o->row_bytes)
        if (!untouched(o, at, o->row_bytes) && memcmp((char *)o->array + at, (char *)o->want + at, o->row_bytes)) return false;
    return true;
}

/* How many files of the cache end so; each is given to `what`, if there is one. */
static int each_file(const char *end, void (*what)(const char *path))
{
    char path[4096];
    int count = 0;
    DIR *d = opendir(w.folder);
    for (const struct dirent *e; d && (e = readdir(d)) != NULL;) {
        size_t n = strlen(e->d_name), m = strlen(end);
        if (*e->d_name == '.' || n < m || strcmp(e->d_name + n - m, end) != 0) continue;
        snprintf(path, sizeof path, "%s/%s", w.folder, e->d_name);
        if (what) what(path);
        count++;
    }
    if (d) closedir(d);
    return count;
}

static void remove_file(const char *path) { unlink(path); }
static void remove_files(const char *end) { each_file(end, remove_file); }
static void empty_cache(void) { remove_files(""); }

static clglu_context_params params(bool cached)
{
    return (clglu_context_params){.log = hear, .cache_dir = cached ? w.folder : NULL};
}

/* ---------------------------------------------------------------- scenarios */

/* An event that a failed call gave, or that a good one did not. */
static clglu_status with_event(clglu_status status, const cl_event *event)
{
    if ((*event != NULL) != (status == CLGLU_OK)) fatal("an event does not go with the status", (int)status);
    if (*event) clReleaseEvent(*event);
    return status;
}

static void gate_outputs(bool on_device, size_t rows, int n)
{
    for (int i = 0; i < n; i++) add_output(on_device, rows * COLS * 4, rows == MANY ? 4 : rows * COLS * 4);
}

static void begin_forward(void) { gate_outputs(true, ROWS, 1); }
static clglu_status run_forward(void)
{
    cl_event event = NULL;
    return with_event(clglu_gate_forward(w.context, &gate, w.queue, w.ma, w.mb, w.out[0].mem, 0, NULL, &event), &event);
}

static void begin_backward(void)
{
    gate_outputs(true, ROWS, 3);
    add_output(true, COLS * 4, COLS * 4);
    add_output(true, COLS * 4, COLS * 4);
}
static clglu_status run_backward(void)
{
    cl_event event = NULL;
    return with_event(clglu_gate_backward(w.context, &gate, w.queue, w.mx, w.ma, w.mb, w.out[0].mem, w.out[1].mem, w.out[2].mem,
                                          w.out[3].mem, w.out[4].mem, 0, NULL, &event), &event);
}

static void begin_host(void) { gate_outputs(false, ROWS, 1); }
static clglu_status run_host(void) { return clglu_gate_forward_host(w.context, &gate, w.a, w.b, w.out[0].array); }

static void begin_chunks(void) { gate_outputs(false, MANY, 1); }
static clglu_status run_chunks(void) { return clglu_gate_forward_host(w.small, &chunked, w.a, w.b, w.out[0].array); }

static void begin_host_back(void)
{
    gate_outputs(false, ROWS, 2);
    add_output(false, COLS * 4, COLS * 4);
}
static clglu_status run_host_back(void)
{
    return clglu_gate_backward_host(w.context, &gate, w.a, w.b, w.a, w.out[0].array, w.out[1].array, NULL, w.out[2].array, NULL);
}

static void begin_chunks_back(void) { gate_outputs(false, MANY, 2); }
static clglu_status run_chunks_back(void)
{
    return clglu_gate_backward_host(w.small, &chunked, w.a, w.b, w.a, w.out[0].array, w.out[1].array, NULL, NULL, NULL);
}

static const clglu_act_desc act = {.rows = ROWS, .cols = COLS, .act = CLGLU_ACT_TANH};
static clglu_status run_act(void) { return clglu_act_forward_host(w.context, &act, w.a, w.out[0].array); }
static void begin_act_back(void)
{
    gate_outputs(false, ROWS, 1);
    add_output(false, COLS * 4, COLS * 4);
}
static clglu_status run_act_back(void)
{
    return clglu_act_backward_host(w.context, &act, w.b, w.a, w.out[0].array, w.out[1].array);
}

static void ffn_output(bool on_device) { add_output(on_device, ROWS * MODEL * 4, ROWS * MODEL * 4); }
static void begin_ffn(void)
{
    ffn_output(true);
    add_output(true, ROWS * FF * 4, ROWS * FF * 4);
    add_output(true, ROWS * FF * 4, ROWS * FF * 4);
}
static clglu_status run_ffn(void)
{
    cl_event event = NULL;
    return with_event(clglu_ffn_forward(w.ffn, &call, w.queue, w.mx, w.out[0].mem, w.out[1].mem, w.out[2].mem, NULL, 0, NULL, &event), &event);
}
static void begin_ffn_host(void) { ffn_output(false); }
static clglu_status run_ffn_host(void) { return clglu_ffn_forward_host(w.ffn, &call, w.a, w.out[0].array, NULL, NULL); }

static void begin_ffn_back(void)
{
    ffn_output(true);
    for (int i = 0; i < 3; i++) add_output(true, MODEL * FF * 4, MODEL * FF * 4);
    add_output(true, FF * 4, FF * 4);
}
static clglu_status run_ffn_back(void)
{
    cl_event event = NULL;
    clglu_ffn_gradients g = {.dy = w.mb, .x = w.mx, .dx = w.out[0].mem, .dwa = w.out[1].mem, .dwb = w.out[2].mem, .dwd = w.out[3].mem,
                             .dba = w.out[4].mem};
    return with_event(clglu_ffn_backward(w.ffn, &back, w.queue, &g, 0, NULL, &event), &event);
}
static void begin_ffn_back_host(void)
{
    ffn_output(false);
    add_output(false, MODEL * FF * 4, MODEL * FF * 4);
}
static clglu_status run_ffn_back_host(void)
{
    clglu_ffn_gradients_host g = {.dy = w.b, .x = w.a, .dx = w.out[0].array, .dwd = w.out[1].array};
    return clglu_ffn_backward_host(w.ffn, &back, &g);
}

/* Created under faults, used without. */
static clglu_ffn *made;
static clglu_status run_create(void)
{
    made = NULL;
    clglu_status status = clglu_ffn_create(w.context, &block, &made);
    if ((made != NULL) != (status == CLGLU_OK)) fatal("a block does not go with the status", (int)status);
    return status;
}
static void after_create(clglu_status status)
{
    if (!status) must(clglu_ffn_forward_host(made, &call, w.a, w.out[0].array, NULL, NULL), "the block that was made");
    clglu_ffn_destroy(made);
}

static clglu_ffn_desc with_weights(float (*from)[MODEL * FF])
{
    clglu_ffn_desc d = block;
    d.wa.host = from[0];
    d.wb.host = from[1];
    d.wd.host = from[2];
    return d;
}
static void before_update(void)
{
    clglu_ffn_desc d = with_weights(w.weights);
    must(clglu_ffn_update(w.ffn, &d, NULL, 0, NULL, NULL), "update before");
}
static clglu_status run_update(void)
{
    clglu_ffn_desc d = with_weights(w.others);
    return clglu_ffn_update(w.ffn, &d, NULL, 0, NULL, NULL);
}
static void after_update(clglu_status status)
{
    if (!status) must(clglu_ffn_forward_host(w.ffn, &call, w.a, w.out[0].array, NULL, NULL), "forward after update");
    before_update();
}

static clglu_status run_check(void)
{
    clglu_check_report report;
    clglu_status status = clglu_check_gate_forward(w.context, &gate, w.a, w.b, &report);
    if (!status) memcpy(w.out[0].array, &report, sizeof report);
    return status;
}
static void begin_check(void) { add_output(false, sizeof(clglu_check_report), sizeof(clglu_check_report)); }

static clglu_status run_check_ffn(void)
{
    clglu_ffn_report report;
    memset(&report, 0, sizeof report);
    clglu_status status = clglu_check_ffn_forward(w.ffn, &block, &call, w.a, &report);
    if (!status) memcpy(w.out[0].array, &report, sizeof report);
    return status;
}
static void begin_check_ffn(void) { add_output(false, sizeof(clglu_ffn_report), sizeof(clglu_ffn_report)); }

static void count_program(const clglu_program_info *info, void *user) { *(size_t *)user += info->binary_bytes > 0; }
static clglu_status run_programs(void)
{
    size_t n = 0;
    return clglu_context_programs(w.context, 1, count_program, &n);
}
static void no_output(void) {}

/* No device: memory alone may lack. */
static void begin_emulated(void)
{
    ffn_output(false);
    add_output(false, MODEL * FF * 4, MODEL * FF * 4);
}
static clglu_status run_emulated(void)
{
    static double dx[ROWS * MODEL], dwd[MODEL * FF];
    clglu_ffn_gradients_host g = {.dy = w.b, .x = w.a, .dx = w.out[0].array, .dwd = w.out[1].array};
    clglu_ffn_gradients_double d = {.dx = dx, .dwd = dwd};
    clglu_status status = clglu_emulate_ffn_backward(&block, &back, &g);
    return status ? status : clglu_reference_ffn_backward(&block, &back, w.b, w.a, &d);
}

static void see_device(const clglu_device_facts *facts, void *user)
{
    (void)facts;
    (void)user;
}
static clglu_status run_devices(void) { return clglu_devices(see_device, NULL); }

static clglu_status use_and_close(clglu_status status, clglu_context *c)
{
    if (!status) status = clglu_gate_forward_host(c, &gate, w.a, w.b, w.out[0].array);
    if (c && status) snprintf(w.log, sizeof w.log, "%s", clglu_context_error(c));
    clglu_context_close(c);
    return status;
}

/* A context of its own: opened, used, closed. */
static clglu_status open_and_use(const clglu_context_params *p)
{
    clglu_context *c = NULL;
    const char *selector = getenv("CLGLU_DEVICE");
    clglu_status status = clglu_context_open(selector ? selector : "best", p, &c);
    if ((c != NULL) != (status == CLGLU_OK)) fatal("a context does not go with the status", (int)status);
    return use_and_close(status, c);
}
static clglu_status run_open(void)
{
    clglu_context_params p = params(true);
    p.tuning_file = w.tuning;
    return open_and_use(&p);
}
static clglu_status wrap_and_use(clglu_context_params p)
{
    clglu_context *c = NULL;
    clglu_status status = clglu_context_wrap(w.cl, clglu_context_device(w.context), &p, &c);
    return use_and_close(status, c);
}
static clglu_status run_wrap(void) { return wrap_and_use(params(true)); }
static clglu_status run_miss(void)
{
    clglu_context_params p = params(true);
    p.no_self_test = 1;
    return wrap_and_use(p);
}

/* Kernels from the sources' folder, read each time. */
static clglu_status run_folder(void)
{
    clglu_context_params p = params(false);
    p.no_self_test = 1;
    p.kernel_dir = "cl";
    return wrap_and_use(p);
}

/* Closing writes what the context built. */
static clglu_context *closing;
static void before_close(void)
{
    clglu_context_params p = params(true);
    p.no_self_test = 1;
    empty_cache();
    must(clglu_context_wrap(w.cl, clglu_context_device(w.context), &p, &closing), "wrap before close");
    must(clglu_gate_forward_host(closing, &gate, w.a, w.b, w.out[0].array), "use before close");
}
static clglu_status run_close(void)
{
    clglu_context_close(closing);
    return CLGLU_OK;
}
/* What is in the cache then must be of use. */
static void after_close(clglu_status status)
{
    (void)status;
    must(run_wrap(), "a context after one that was closed");
}

/* Faulty on purpose: a buffer is left over, and half an output written, when a call fails. They must be found. */
static long leaked;
static clglu_status run_planted(bool leak)
{
    clglu_status status = run_forward();
    if (status && leak && clRetainMemObject(w.ma) == CL_SUCCESS) leaked++;
    if (status && !leak) memset(w.out[1].array, 0, w.out[1].bytes / 2);
    return status;
}
static void begin_planted(void)
{
    begin_forward();
    add_output(false, 64, 64);
}
static clglu_status run_leak(void) { return run_planted(true); }
static clglu_status run_half(void) { return run_planted(false); }
static void after_planted(clglu_status status)
{
    if (!status) memset(w.out[1].array, 1, 64);
}

/* opens: it has no context to ask for words. slow: each run builds a program, so that only some of its calls fail unless FAULTS=long. */
typedef struct scenario {
    const char *name;
    void (*begin)(void), (*before)(void);
    clglu_status (*run)(void);
    void (*after)(clglu_status);
    bool opens, planted, slow;
} scenario;

static const scenario scenarios[] = {
    {"gate forward", begin_forward, NULL, run_forward, NULL, false, false, false},
    {"gate backward", begin_backward, NULL, run_backward, NULL, false, false, false},
    {"gate forward on host arrays", begin_host, NULL, run_host, NULL, false, false, false},
    {"gate forward in chunks", begin_chunks, NULL, run_chunks, NULL, false, false, false},
    {"gate backward on host arrays", begin_host_back, NULL, run_host_back, NULL, false, false, false},
    {"gate backward in chunks", begin_chunks_back, NULL, run_chunks_back, NULL, false, false, false},
    {"activation on host arrays", begin_host, NULL, run_act, NULL, false, false, false},
    {"activation's backward on host arrays", begin_act_back, NULL, run_act_back, NULL, false, false, false},
    {"ffn create and destroy", begin_ffn_host, NULL, run_create, after_create, false, false, false},
    {"ffn forward", begin_ffn, NULL, run_ffn, NULL, false, false, false},
    {"ffn forward on host arrays", begin_ffn_host, NULL, run_ffn_host, NULL, false, false, false},
    {"ffn backward", begin_ffn_back, NULL, run_ffn_back, NULL, false, false, false},
    {"ffn backward on host arrays", begin_ffn_back_host, NULL, run_ffn_back_host, NULL, false, false, false},
    {"ffn update", begin_ffn_host, before_update, run_update, after_update, false, false, false},
    {"check of a gate", begin_check, NULL, run_check, NULL, false, false, false},
    {"check of a block", begin_check_ffn, NULL, run_check_ffn, NULL, false, false, false},
    {"programs and their binaries", no_output, NULL, run_programs, NULL, false, false, false},
    {"emulation and reference of a block's backward", begin_emulated, NULL, run_emulated, NULL, true, false, false},
    {"a kernel of kernel_dir", begin_host, NULL, run_folder, NULL, true, false, true},
    {"devices", no_output, NULL, run_devices, NULL, true, false, false},
    {"open with a tuning file, cache hit, use, close", begin_host, NULL, run_open, NULL, true, false, false},
    {"wrap, cache hit, use, close", begin_host, NULL, run_wrap, NULL, true, false, false},
    {"wrap, cache miss, use, close", begin_host, empty_cache, run_miss, NULL, true, false, true},
    {"close with a cache to write", begin_host, before_close, run_close, after_close, true, false, true},
    {"a planted leak", begin_planted, NULL, run_leak, after_planted, false, true, false},
    {"a planted half output", begin_planted, NULL, run_half, after_planted, false, true, false},
};

/* ---------------------------------------------------------------- points */

typedef enum { OPENCL, HOST } kind;

typedef struct point {
    const scenario *s;
    kind k;
    long n; /* the call that fails; 0: none */
    bool for_ever;
    cl_int code;
} point;

static struct {
    const point *now;
    long points, bad, swallowed, calls, fired;
    char failed[64], silent[TEXT];
} tally;

static void describe(char *to, size_t size)
{
    const point *p = tally.now;
    snprintf(to, size, "%s: call %ld of %s (%s) fails%s with %d", p->s->name, p->n, p->k == OPENCL ? "OpenCL" : "the C library",
             tally.failed, p->for_ever ? ", and all later," : "", (int)p->code);
}

/* What the call's context says; one that is opened in the scenario itself is gone. */
static const char *words(const scenario *s)
{
    if (s->opens) return w.log;
    return clglu_context_error(s->run == run_chunks || s->run == run_chunks_back ? w.small : w.context);
}

static void bad(const char *what, clglu_status status)
{
    char where[256];
    describe(where, sizeof where);
    tally.bad++;
    if (!tally.now->s->planted && tally.bad <= 8)
        printf("# %s: %s; status %s, \"%s\"\n", where, what, clglu_status_name(status), words(tally.now->s));
}

static void die(int signal)
{
    char where[256];
    describe(where, sizeof where);
    printf("not ok - %s: %s\n", where, signal == SIGALRM ? "it hangs" : strsignal(signal));
    fflush(stdout);
    _exit(1);
}

static void arm(const point *p)
{
    host.armed = p->k == HOST;
    host.for_ever = p->for_ever;
    host.calls = host.fired = 0;
    host.due = p->n;
    host.failed = "";
    if (p->k == OPENCL) layer_arm("", p->n, p->for_ever, p->code);
}

static void disarm(const point *p)
{
    long calls;
    tally.fired = layer_disarm(tally.failed, &calls);
    tally.calls = calls;
    host.armed = false;
    if (p->k == OPENCL) return;
    tally.fired = host.fired;
    tally.calls = host.calls;
    snprintf(tally.failed, sizeof tally.failed, "%s", host.failed);
}

static clglu_status attempt(const point *p)
{
    tally.now = p;
    tally.failed[0] = w.log[0] = 0;
    alarm(LIMIT_SECONDS);
    if (p->s->before) p->s->before();
    clear_outputs();
    arm(p);
    clglu_status status = p->s->run();
    disarm(p);
    if (p->s->after) p->s->after(status);
    fetch_outputs();
    return status;
}

/* What status a failure has; an opened context may also find that it has no device left to use. */
static bool right_status(const point *p, clglu_status status)
{
    clglu_status want = CLGLU_OPENCL_FAILED;
    bool build = strcmp(tally.failed, "clBuildProgram") == 0;
    if (build && p->for_ever && status == CLGLU_OUT_OF_DEVICE_MEMORY) return true; /* the source's way after the binary's */
    if (p->k == HOST) want = CLGLU_OUT_OF_MEMORY;
    else if (build) want = CLGLU_BUILD_FAILED;
    else if (p->code == CL_OUT_OF_HOST_MEMORY) want = CLGLU_OUT_OF_MEMORY;
    else if (p->code == CL_OUT_OF_RESOURCES) want = CLGLU_OUT_OF_DEVICE_MEMORY;
    if (status == want) return true;
    if (p->k == HOST && status == CLGLU_FILE_FAILED) return p->s->run == run_open || p->s->run == run_folder; /* a file */
    /* The queue of a caller's that gives no answer is no queue. */
    if (strcmp(tally.failed, "clGetCommandQueueInfo") == 0 || strcmp(tally.failed, "clGetMemObjectInfo") == 0 ||
        strcmp(tally.failed, "clGetContextInfo") == 0)
        return status == CLGLU_INVALID_VALUE || status == CLGLU_OPENCL_FAILED;
    return p->s->opens && (status == CLGLU_NO_PLATFORM || status == CLGLU_NO_DEVICE || status == CLGLU_DEVICE_UNUSABLE ||
                           status == CLGLU_OPENCL_FAILED || (p->for_ever && status == CLGLU_OUT_OF_MEMORY));
}

/* The words name what failed. */
static bool right_words(const point *p)
{
    const char *text = words(p->s);
    if (p->s->opens) return p->k == HOST || strcmp(tally.failed, "clGetPlatformIDs") == 0 || p->s->run == run_devices || *text;
    if (p->k == HOST) return strstr(text, "memory") != NULL;
    /* Where all fail, a later one may be the first that matters. */
    return strstr(text, p->for_ever ? "cl" : tally.failed) || (tally.failed[2] == 'G' && *text);
}

static void judge_failure(const point *p, clglu_status status)
{
    if (!right_status(p, status)) bad("the wrong status", status);
    else if (!right_words(p)) bad("the wrong words", status);
    for (size_t i = 0; i < w.outs; i++)
        if (!sound(&w.out[i])) bad("an output is neither whole nor untouched", status);
}

static void note_silent(void)
{
    size_t n = strlen(tally.silent);
    tally.swallowed++;
    if (!strstr(tally.silent, tally.failed) && n + strlen(tally.failed) + 3 < sizeof tally.silent)
        snprintf(tally.silent + n, sizeof tally.silent - n, "%s%s", n ? ", " : "", tally.failed);
}

static void judge_success(clglu_status status)
{
    if (tally.fired) note_silent();
    for (size_t i = 0; i < w.outs; i++)
        if (!whole(&w.out[i])) bad("it says that it did, but its output is not whole", status);
}

/* A fault may lead to another program, which its context keeps: programs are counted at the end. */
static long stay(void)
{
    return layer_live("") - layer_live("program");
}

static void try_point(const point *p, long live)
{
    const point again = {.s = p->s, .k = p->k};
    clglu_status status = attempt(p);
    tally.points++;
    if (status) judge_failure(p, status);
    else judge_success(status);
    char failed[64];
    memcpy(failed, tally.failed, sizeof failed);
    status = attempt(&again);
    tally.now = p;
    memcpy(tally.failed, failed, sizeof failed);
    if (status) bad("the same call without a fault fails then", status);
    else judge_success(status);
    long left = stay() - live;
    if (left > 0) {
        char text[160];
        snprintf(text, sizeof text, "%ld references are left over (%ld buffers, %ld events, %ld kernels live)", left,
                 layer_live("buffer"), layer_live("event"), layer_live("kernel"));
        bad(text, status);
    }
}

static void try_kind(const scenario *s, kind k, long live)
{
    static const cl_int codes[] = {CL_OUT_OF_RESOURCES, CL_OUT_OF_HOST_MEMORY, CL_INVALID_OPERATION};
    const char *scale = getenv("FAULTS");
    bool all = scale && strcmp(scale, "long") == 0;
    point p = {.s = s, .k = k};
    if (attempt(&p)) fatal("a run without a fault", 0);
    long calls = tally.calls, step = s->slow && !all ? calls / FEW + 1 : 1;
    for (long n = 1; n <= calls; n += step)
        for (int forever = 0; forever < 2; forever++)
            for (size_t c = 0; c < (all && k == OPENCL ? COUNT(codes) : 1); c++) {
                p = (point){s, k, n, forever != 0, codes[((size_t)n + c) % COUNT(codes)]};
                try_point(&p, live);
            }
    printf("# %s: %ld calls of %s%s\n", s->name, calls, k == OPENCL ? "OpenCL" : "the C library", step > 1 ? ", some fail" : "");
}

/* Files are read and written in pieces: nothing comes of it, and what was a hit in the cache remains one. */
static void try_pieces(const scenario *s)
{
    const point none = {.s = s};
    long sources[2], fired;
    char name[64];
    tally.now = &none;
    host.cut = 0;
    for (int pieces = 0; pieces < 2; pieces++) {
        if (s->before) s->before();
        clear_outputs();
        layer_arm("clCreateProgramWithSource", 0, 0, 0);
        host.pieces = pieces != 0;
        clglu_status status = s->run();
        if (s->after) s->after(status);
        host.pieces = false;
        fired = layer_disarm(name, &sources[pieces]);
        fetch_outputs();
        if (fired || status) bad("files in pieces: it fails", status);
        else judge_success(status);
    }
    if (sources[1] != sources[0]) bad("files in pieces: more is built from source", CLGLU_OK);
    if (host.cut) printf("# %s: the same in %ld reads and writes, cut short or interrupted\n", s->name, host.cut);
}

static void leave_marker(const char *entry)
{
    char path[4096];
    snprintf(path, sizeof path, "%.*s.loading", (int)(strlen(entry) - strlen(".bin")), entry);
    FILE *f = fopen(path, "w");
    if (f == NULL || fclose(f)) fatal("a marker", errno);
}

/* A marker without a lock says that a driver crashed on an entry; not one that was removed between its opening and the question. */
static bool try_markers(void)
{
    char name[64];
    long sources;
    bool good = true;
    begin_host();
    empty_cache();
    must(run_wrap(), "a cache is filled");
    for (int vanish = 1; vanish >= 0; vanish--) {
        int entries = each_file(".bin", leave_marker);
        host.vanish = vanish != 0;
        layer_arm("clCreateProgramWithSource", 0, 0, 0);
        must(run_wrap(), "a cache with markers");
        layer_disarm(name, &sources);
        host.vanish = false;
        int refused = each_file(".refused", NULL);
        good = good && entries > 0 && (vanish ? refused == 0 && sources == 0 : refused == entries && sources == entries);
    }
    empty_cache();
    drop_outputs();
    printf("%s - an entry is refused after a crash on it, not after a neighbour that is done with it\n", good ? "ok" : "not ok");
    return good;
}

/* The first runs build programs and make workspaces that stay: what lives after them is what may. */
static bool try_scenario(const scenario *s)
{
    const point none = {.s = s};
    tally.bad = tally.swallowed = 0;
    tally.silent[0] = 0;
    s->begin();
    for (int i = 0; i < 3; i++) {
        clglu_status status = attempt(&none);
        if (status) fatal(s->name, (int)status);
    }
    for (size_t i = 0; i < w.outs; i++) memcpy(w.out[i].want, w.out[i].array, w.out[i].bytes);
    long live = stay(), before = tally.points;
    try_kind(s, OPENCL, live);
    if (!s->planted) try_kind(s, HOST, live);
    if (!s->planted) try_pieces(s);
    drop_outputs();
    bool good = s->planted ? tally.bad > 0 : tally.bad == 0;
    for (; leaked > 0; leaked--) clReleaseMemObject(w.ma);
    printf("%s - %s%s: %ld points, %ld bad", good ? "ok" : "not ok", s->name, s->planted ? " is found" : "", tally.points - before, tally.bad);
    if (tally.swallowed) printf(", %ld done all the same (%s)", tally.swallowed, tally.silent);
    printf("\n");
    fflush(stdout);
    return good;
}

/* ---------------------------------------------------------------- the run */

static void open_world(void)
{
    clglu_context_params p = params(false);
    const char *selector = getenv("CLGLU_DEVICE");
    must(clglu_context_open(selector ? selector : "best", &p, &w.context), "open");
    w.cl = clglu_context_cl_context(w.context);
    w.queue = clglu_context_queue(w.context);
    p.device_budget = 64 << 10;
    must(clglu_context_wrap(w.cl, clglu_context_device(w.context), &p, &w.small), "wrap");
    fill(w.a, COUNT(w.a), 1);
    fill(w.b, COUNT(w.b), 2);
    fill(w.bias, COUNT(w.bias), 9);
    for (unsigned i = 0; i < 3; i++) {
        fill(w.weights[i], MODEL * FF, 3 + i);
        fill(w.others[i], MODEL * FF, 13 + i);
    }
    block = with_weights(w.weights);
    block.ba.host = w.bias;
    w.ma = buffer(ROWS * COLS * 4, w.a);
    w.mb = buffer(ROWS * COLS * 4, w.b);
    w.mx = buffer(ROWS * COLS * 4, w.a);
    must(clglu_ffn_create(w.context, &block, &w.ffn), "ffn create");
}

static void close_world(void)
{
    clglu_ffn_destroy(w.ffn);
    clReleaseMemObject(w.ma);
    clReleaseMemObject(w.mb);
    clReleaseMemObject(w.mx);
    clglu_context_close(w.small);
    clglu_context_close(w.context);
}

static bool wanted(const char *name, int argc, char **argv)
{
    for (int i = 2; i < argc; i++)
        if (strcmp(argv[i], name) == 0) return true;
    return argc <= 2;
}

static const char *tuning_file(const char *folder)
{
    static char path[4096];
    snprintf(path, sizeof path, "%s.tuning", folder);
    FILE *f = fopen(path, "w");
    bool good = f != NULL && fputs("clglu tuning 1\ndevice \"another\" driver \"1\"\n", f) >= 0;
    for (int rows = 1; good && rows <= 40; rows++) good = fprintf(f, "ffn d_model 64 d_ff 96 dtype f32 rows %d form general\n", rows) > 0;
    if (!good || fclose(f)) fatal("cannot write the tuning file", errno);
    return path;
}

int main(int argc, char **argv)
{
    int passed = 0, failed = 0;
    if (argc < 2) {
        fprintf(stderr, "usage: faults FOLDER [SCENARIO...]\n");
        return 2;
    }
    w.folder = argv[1];
    w.tuning = tuning_file(argv[1]);
    find_layer();
    open_world();
    signal(SIGALRM, die);
    signal(SIGSEGV, die);
    signal(SIGABRT, die);
    for (size_t i = 0; i < COUNT(scenarios); i++)
        if (wanted(scenarios[i].name, argc, argv)) *(try_scenario(&scenarios[i]) ? &passed : &failed) += 1;
    *(try_markers() ? &passed : &failed) += 1;
    alarm(0);
    close_world();
    long left = layer_live("");
    printf("%s - all is closed, %ld references are left\n", left ? "not ok" : "ok", left);
    *(left ? &failed : &passed) += 1;
    printf("# %ld points\n%d passed, %d failed\n", tally.points, passed, failed);
    return failed != 0 || passed == 0;
}
