/* probe_device.c - the process in which a sweep examines, verifies and measures one device: it tells what it does before it
   does it. SPDX-License-Identifier: MIT */

#include "bench_ffn.h"
#include "child.h"
#include "commands.h"
#include "curve.h"
#include "json.h"
#include "plan.h"
#include "rounds.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

enum { MOST = 64 };

struct options {
    struct cli_common common;
    const char *examine, *build;
    struct plan_options plan;
};

struct visit {
    struct plan plan;
    clglu_context *context;
    double before, share; /* of the whole: done before this part, and the part's */
    double told;          /* when */
    struct bench *bench;
    struct bench_rates rates;
    uint64_t elements;
};

/* ---------------------------------------------------------------- telling */

/* `part` of the part under way is done. Told often enough that silence means trouble. */
static void tell_progress(double part, void *user)
{
    struct visit *v = user;
    double now = progress_now();
    if (now - v->told < 0.2 && part < 1) return;
    v->told = now;
    child_tell(json_pack("{s:f}", "progress", v->before + v->share * part));
}

static void begin(struct visit *v, enum plan_part part)
{
    v->before += v->share;
    v->share = plan_share(&v->plan, part);
    tell_progress(0, v);
}

static void tell(const char *key, json_t *value) { child_tell(json_pack("{s:o}", key, value)); }

/* ---------------------------------------------------------------- numbers */

struct summary {
    struct visit *visit;
    uint64_t hash, expected, points, total;
    int rows, failed;
    double worst; /* ULP */
};

static void on_step(const char *text, void *user) { (void)user, child_step(text); }

static void on_points(uint64_t n, void *user)
{
    struct summary *s = user;
    s->points += n;
    tell_progress((double)s->points / (double)s->total, s->visit);
}

static void on_row(const struct verify_row *row, void *user)
{
    struct summary *s = user;
    s->hash = verify_combine(s->hash, row, row->hash);
    s->expected = verify_combine(s->expected, row, row->expected);
    s->rows++;
    s->failed += verify_bad(row);
    if (!(row->report.max_ulp <= s->worst)) s->worst = row->report.max_ulp;
    tell("verify", verify_json(row));
}

static int verify_device(struct visit *v)
{
    const struct verify_size *size = &v->plan.verify;
    struct summary s = {.visit = v, .total = verify_points(size)};
    struct verify_sink sink = {on_step, on_points, on_row, &s};
    uint64_t published = verify_published(size);
    begin(v, PLAN_VERIFY);
    int code = verify_run(v->context, size, &sink);
    if (code == CLI_GO_ON && s.rows)
        tell("verified", json_pack("{s:o, s:o, s:o, s:i, s:i, s:o}", "hash", json_hash(s.hash), "expected_hash",
                                   json_hash(s.expected), "published_hash",
                                   published ? json_hash(published) : json_null(), "rows", s.rows, "failed", s.failed,
                                   "max_ulp", json_double(s.worst)));
    return code;
}

static json_t *numbers(const double *x, size_t n)
{
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++) json_array_append_new(list, json_double(x[i]));
    return list;
}

static int one_curve(struct visit *v, clglu_act act, const char *name, int derivative)
{
    struct curve c;
    char step[96];
    const char *direction = derivative ? "backward" : "forward";
    snprintf(step, sizeof step, "curve %s %s", name, direction);
    child_step(step);
    clglu_status status = curve_make(v->context, act, derivative, &c);
    if (status != CLGLU_OK) return cli_failed(v->context, status, step);
    tell("curves", json_pack("{s:s, s:s, s:o, s:o}", "name", name, "direction", direction, "x", numbers(c.x, CURVE_BINS),
                             "ulp", numbers(c.ulp, CURVE_BINS)));
    return CLI_GO_ON;
}

static int draw_curves(struct visit *v)
{
#define NAME(id, name, ...) #name,
    static const char *const names[] = {CLGLU_ACTS(NAME)};
#undef NAME
    int code = CLI_GO_ON;
    begin(v, PLAN_CURVES);
    if (!v->plan.operator_[PLAN_ACT] || !v->plan.dtype[CLGLU_F32]) return code;
    for (int i = 0; i < 2 * CLGLU_ACT_COUNT && code == CLI_GO_ON; i++) {
        code = one_curve(v, (clglu_act)(i / 2), names[i / 2], i % 2);
        tell_progress((double)(i + 1) / (2 * CLGLU_ACT_COUNT), v);
    }
    return code;
}

/* ---------------------------------------------------------------- speed */

static int find_rates(struct visit *v)
{
    uint64_t most = v->plan.quick ? 8 << 20 : 16 << 20;
    begin(v, PLAN_RATES);
    child_step("bench: copy, read and FMA rate");
    int code = bench_open(v->context, most, &v->bench);
    if (code == CLI_GO_ON) code = bench_fit(v->bench, most, &v->elements);
    if (code == CLI_GO_ON) code = bench_rates(v->bench, v->elements, &v->rates);
    if (code == CLI_GO_ON) tell("rates", bench_rates_json(&v->rates));
    return code;
}

static int bench_one(struct visit *v, const char *name, clglu_act act, int backward, int dtype)
{
    struct bench_case what = {name, 0, act, backward, (clglu_dtype)dtype, v->elements};
    struct bench_row row;
    char step[96];
    snprintf(step, sizeof step, "bench %s %s %s", name, backward ? "backward" : "forward", clglu_dtype_name(what.dtype));
    child_step(step);
    int code = bench_run(v->bench, &what, v->plan.repeats, &row);
    if (code == CLI_GO_ON) tell("bench", bench_json(&row));
    return code;
}

/* geglu only in a quick visit. */
static int bench_gates(struct visit *v)
{
    clglu_variant variant;
    int code = CLI_GO_ON;
    size_t count = 0, done = 0;
    begin(v, PLAN_GATES);
    if (!v->plan.operator_[PLAN_GATE]) return code;
    while (clglu_variant_at(count, &variant) == CLGLU_OK) count++;
    for (size_t i = 0; i < count && clglu_variant_at(i, &variant) == CLGLU_OK; i++)
        for (int k = 0; k < 6 && code == CLI_GO_ON; k++) {
            int wanted = v->plan.dtype[k % 3] && (!v->plan.quick || strcmp(variant.name, "geglu") == 0);
            if (wanted) code = bench_one(v, variant.name, variant.act, k / 3, k % 3);
            tell_progress((double)++done / (double)(6 * count), v);
        }
    return code;
}

/* On a simulator many rows take minutes: then few are enough. */
static int too_slow(const struct bench_ffn_row *row, size_t next)
{
    enum { SECONDS = 10 };
    return row->time[PIECE_BLOCK].median * (double)next / (double)row->rows > SECONDS;
}

static int bench_rows(struct visit *v, struct bench_ffn *b, struct progress *progress, const char *name)
{
    struct bench_ffn_row rows[PLAN_ROWS];
    char step[96];
    size_t n = 0;
    while (n < v->plan.row_counts && !(n && too_slow(&rows[n - 1], v->plan.rows[n]))) {
        snprintf(step, sizeof step, "bench %.40s %s, rows: %zu", name, clglu_dtype_name(b->block.dtype), v->plan.rows[n]);
        child_step(step);
        int code = bench_ffn_run(b, v->plan.rows[n], v->plan.repeats, progress, &rows[n]);
        if (code != CLI_GO_ON) return code;
        n++;
    }
    tell("ffn", bench_ffn_block_json(b, rows, n, v->plan.rows[0] == 1 ? &rows[0] : NULL));
    return CLI_GO_ON;
}

/* A block that the device has no room for is told of, not an error. */
static int skips(struct visit *v, const struct block_shape *shape, clglu_dtype dtype, size_t most_rows)
{
    const clglu_device_facts *f = clglu_context_facts(v->context);
    char needs[TEXT_NUMBER], has[TEXT_NUMBER], why[96];
    double bytes = block_needs(shape, most_rows, bench_ffn_bytes(shape, dtype));
    if (bytes <= (double)f->global_bytes) return 0;
    snprintf(why, sizeof why, "needs %s of the device's %s", text_bytes(needs, bytes),
             text_bytes(has, (double)f->global_bytes));
    tell("ffn", json_pack("{s:s, s:s, s:s, s:s, s:[]}", "name", shape->name, "form", shape->form, "dtype",
                          clglu_dtype_name(dtype), "skipped", why, "rows"));
    return 1;
}

static int bench_block(struct visit *v, const struct block_shape *shape, clglu_dtype dtype, struct progress *progress)
{
    struct bench_ffn b;
    char step[96];
    size_t most = v->plan.rows[v->plan.row_counts - 1];
    snprintf(step, sizeof step, "pack %.40s %s", shape->name, clglu_dtype_name(dtype));
    child_step(step);
    if (skips(v, shape, dtype, most)) return CLI_GO_ON;
    int code = bench_ffn_open(&b, v->context, shape, dtype, most, 0, &v->rates);
    if (code == CLI_GO_ON) code = bench_rows(v, &b, progress, shape->name);
    bench_ffn_close(&b);
    return code;
}

static int bench_blocks(struct visit *v)
{
    enum { PIECES_AT_MOST = 6 };
    struct progress progress;
    int code = CLI_GO_ON, types = v->plan.dtype[0] + v->plan.dtype[1] + v->plan.dtype[2];
    begin(v, PLAN_BLOCKS);
    if (!v->plan.operator_[PLAN_FFN]) return code;
    progress_begin(&progress, "", "",
                   v->plan.models * (size_t)types * v->plan.row_counts * rounds_steps(PIECES_AT_MOST, v->plan.repeats), 1);
    progress.notice = tell_progress;
    progress.user = v;
    for (size_t i = 0; i < v->plan.models; i++)
        for (int d = 0; d < 3 && code == CLI_GO_ON; d++)
            if (v->plan.dtype[d]) code = bench_block(v, &v->plan.model[i], (clglu_dtype)d, &progress);
    return code;
}

/* ---------------------------------------------------------------- how long programs take to build */

static clglu_status call_gate(clglu_context *context, void *data)
{
    enum { ROWS = 64, COLS = 1024 };
    float *a = data;
    clglu_gate_desc d = {.rows = ROWS, .cols = COLS};
    clglu_status status = clglu_variant_set("geglu", &d);
    return status == CLGLU_OK ? clglu_gate_forward_host(context, &d, a, a + ROWS * COLS, a + 2 * ROWS * COLS) : status;
}

static clglu_status call_block(clglu_context *context, void *data)
{
    enum { ROWS = 8, SIZE = 128 };
    float *w = data;
    clglu_ffn *ffn = NULL;
    clglu_ffn_desc d = {.d_model = SIZE, .d_ff = SIZE, .act = CLGLU_ACT_GELU};
    clglu_ffn_call call = {.rows = ROWS};
    d.wa.host = d.wb.host = d.wd.host = w;
    clglu_status status = clglu_ffn_create(context, &d, &ffn);
    if (status == CLGLU_OK) status = clglu_ffn_forward_host(ffn, &call, w, w + SIZE * SIZE, NULL, NULL);
    clglu_ffn_destroy(ffn);
    return status;
}

/* The first call builds, the next one does not. */
static clglu_status time_build(clglu_context *context, clglu_status (*call)(clglu_context *, void *), void *data,
                               double *seconds)
{
    double start = progress_now();
    clglu_status status = call(context, data);
    double first = progress_now();
    if (status == CLGLU_OK) status = call(context, data);
    *seconds = first - start - (progress_now() - first);
    if (*seconds < 0) *seconds = 0;
    return status;
}

/* In a context of its own, as a store of programs belongs to one; `how` is cold_s or warm_s. */
static int time_builds(const char *selector, const char *how)
{
    static const struct {
        const char *what;
        clglu_status (*call)(clglu_context *, void *);
    } calls[] = {{"gate geglu f32", call_gate}, {"ffn geglu f32", call_block}};
    struct cli_device device;
    double seconds;
    float *data = calloc(1 << 20, sizeof *data);
    if (!data) return cli_say("out of memory"), CLI_OPENCL;
    child_step(*how == 'c' ? "build cold" : "build warm");
    int code = cli_open(&device, selector, 1);
    for (size_t i = 0; i < 2 && code == CLI_GO_ON; i++) {
        clglu_status status = time_build(device.context, calls[i].call, data, &seconds);
        if (status != CLGLU_OK) code = cli_failed(device.context, status, calls[i].what);
        if (status == CLGLU_OK) tell("build", json_pack("{s:s, s:f}", "what", calls[i].what, how, seconds));
    }
    clglu_context_close(device.context);
    free(data);
    return code;
}

/* What keeps this command and drivers' compilers from using what they made before. Set before the first OpenCL call. */
static void forget_builds(void)
{
    static const char *const set[][2] = {{"CLGLU_CACHE", ""},                {"POCL_KERNEL_CACHE", "0"},        {"CUDA_CACHE_DISABLE", "1"},
                                         {"MESA_SHADER_CACHE_DISABLE", "1"}, {"NEO_CACHE_PERSISTENT", "0"},
                                         {"AMD_COMGR_CACHE", "0"}};
    for (size_t i = 0; i < sizeof set / sizeof *set; i++) setenv(set[i][0], set[i][1], 1);
}

/* ---------------------------------------------------------------- the visit */

static void tell_memory(void)
{
    struct rusage used;
    if (getrusage(RUSAGE_SELF, &used) == 0)
        tell("memory", json_pack("{s:I}", "peak_bytes", (json_int_t)used.ru_maxrss * 1024));
}

static int work_on(struct visit *v, const char *selector)
{
    struct cli_device device;
    child_step("open");
    int code = cli_open(&device, selector, 1);
    v->context = device.context;
    if (code == CLI_GO_ON) code = verify_device(v);
    if (code == CLI_GO_ON) code = draw_curves(v);
    if (code == CLI_GO_ON) code = find_rates(v);
    if (code == CLI_GO_ON) code = bench_gates(v);
    bench_close(v->bench);
    if (code == CLI_GO_ON) code = bench_blocks(v);
    if (code == CLI_GO_ON) child_step("close"); /* else the last step told is the one that failed */
    clglu_context_close(device.context);
    if (code == CLI_GO_ON) {
        begin(v, PLAN_BUILD);
        code = time_builds(selector, "warm_s");
    }
    tell_memory();
    return code;
}

static cl_device_id find_device(unsigned p, unsigned d)
{
    cl_platform_id platforms[MOST];
    cl_device_id devices[MOST];
    cl_uint count = 0;
    if (clGetPlatformIDs(MOST, platforms, &count) != CL_SUCCESS || p >= count || p >= MOST) return NULL;
    if (clGetDeviceIDs(platforms[p], CL_DEVICE_TYPE_ALL, MOST, devices, &count) != CL_SUCCESS) return NULL;
    return d < count && d < MOST ? devices[d] : NULL;
}

static void tell_facts(const clglu_device_facts *f, void *user)
{
    *(int *)user = f->usable;
    tell("facts", json_facts(f));
}

static int visit_device(const struct options *o, struct visit *v, unsigned p, unsigned d)
{
    int usable = 0;
    child_step("find");
    cl_device_id id = find_device(p, d);
    if (!id) return cli_say("there is no device %u:%u", p, d), CLI_NO_DEVICE;
    child_step("self-test");
    clglu_status status = clglu_device_examine(id, 1, tell_facts, &usable);
    if (status != CLGLU_OK) return cli_failed(NULL, status, "self-test");
    return usable && !o->examine ? work_on(v, o->common.device) : CLI_GO_ON;
}

static int run(const struct cli_command *self, int argc, char **argv)
{
    struct options o = {.examine = NULL};
    struct visit v = {.before = 0};
    unsigned p, d;
    int code = cli_parse(self, argc, argv, &o);
    if (code == CLI_GO_ON) code = plan_make(self, &o.plan, &v.plan);
    if (code != CLI_GO_ON) return code;
    if (!o.common.device || sscanf(o.common.device, "%9u:%9u", &p, &d) != 2) /* NOLINT(cert-err34-c): nine digits fit */
        return cli_usage(self, "--device PLATFORM:DEVICE is needed");
    if (o.build) forget_builds();
    code = o.build ? time_builds(o.common.device, "cold_s") : visit_device(&o, &v, p, d);
    if (code != CLI_GO_ON) return code;
    child_step("exit");
    child_done();
    return CLI_GOOD;
}

static const struct cli_option options[] = {{"examine", 0, NULL, "the self-test only", offsetof(struct options, examine)},
                                            {"build", 0, NULL, "how long programs take to build",
                                             offsetof(struct options, build)},
                                            PLAN_OPTIONS(struct options, plan),
                                            {NULL, 0, NULL, NULL, 0}};
const struct cli_command command_probe_device = {"probe-device",
                                                 "examines, verifies and measures a device",
                                                 "clglu probe-device --device P:D [--examine | --build]",
                                                 NULL,
                                                 "",
                                                 options,
                                                 run};
