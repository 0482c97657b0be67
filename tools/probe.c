/* probe.c - what doctor and sweep start as processes of their own: each tells what it does before it does it.
   SPDX-License-Identifier: MIT */

#include "bench.h"
#include "child.h"
#include "commands.h"
#include "json.h"
#include "verify.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void tell_step(const char *text) { child_tell(json_pack("{s:o}", "step", json_text(text))); }
static void tell_end(void) { child_tell(json_pack("{s:b}", "end", 1)); }

/* ---------------------------------------------------------------- a driver's library */

struct icd_options {
    struct cli_common common;
    const char *library;
};

static int run_icd(const struct cli_command *self, int argc, char **argv)
{
    struct icd_options o = {.library = NULL};
    int code = cli_parse(self, argc, argv, &o);
    if (code != CLI_GO_ON) return code;
    if (!o.library) return cli_usage(self, "--library NAME is needed");
    void *library = dlopen(o.library, RTLD_NOW | RTLD_LOCAL);
    const char *error = library ? "" : dlerror();
    if (library && !dlsym(library, "clGetExtensionFunctionAddress") &&
        !dlsym(library, "clIcdGetPlatformIDsKHR"))
        error = "it is not an OpenCL driver (it has no clGetExtensionFunctionAddress)";
    child_tell(json_pack("{s:o}", "error", json_text(error)));
    tell_end();
    return CLI_GOOD;
}

static const struct cli_option icd_options[] = {
    {"library", 0, "NAME", "the library", offsetof(struct icd_options, library)}, {NULL, 0, NULL, NULL, 0}};
const struct cli_command command_probe_icd = {
    "probe-icd", "loads a driver's library", "clglu probe-icd --library NAME", NULL, "", icd_options,
    run_icd};

/* ---------------------------------------------------------------- what is there, no device touched */

enum { MOST = 64 };

static json_t *platform_text(cl_platform_id id, cl_platform_info what)
{
    char text[1024] = "";
    if (clGetPlatformInfo(id, what, sizeof text - 1, text, NULL) != CL_SUCCESS) text[0] = 0;
    return json_text(text);
}

static void tell_platform(cl_uint number, cl_platform_id platform)
{
    cl_device_id devices[MOST];
    cl_uint count = 0;
    char name[1024];
    cl_int code = clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, MOST, devices, &count);
    json_t *names = json_array();
    for (cl_uint d = 0; code == CL_SUCCESS && d < count && d < MOST; d++) {
        name[0] = 0;
        if (clGetDeviceInfo(devices[d], CL_DEVICE_NAME, sizeof name - 1, name, NULL) != CL_SUCCESS)
            name[0] = 0;
        name[sizeof name - 1] = 0;
        json_array_append_new(names, json_text(name));
    }
    child_tell(json_pack("{s:i, s:o, s:o, s:i, s:o}", "platform", (int)number, "name",
                         platform_text(platform, CL_PLATFORM_NAME), "version",
                         platform_text(platform, CL_PLATFORM_VERSION), "code", (int)code, "devices", names));
}

static int run_list(const struct cli_command *self, int argc, char **argv)
{
    struct cli_common o = {0};
    cl_platform_id platforms[MOST];
    cl_uint count = 0;
    char step[64];
    int code = cli_parse(self, argc, argv, &o);
    if (code != CLI_GO_ON) return code;
    tell_step("list platforms");
    cl_int status = clGetPlatformIDs(MOST, platforms, &count);
    for (cl_uint p = 0; status == CL_SUCCESS && p < count && p < MOST; p++) {
        snprintf(step, sizeof step, "list devices of platform %u", (unsigned)p);
        tell_step(step);
        tell_platform(p, platforms[p]);
    }
    tell_end();
    return CLI_GOOD;
}

const struct cli_command command_probe_list = {
    "probe-list", "platforms and devices", "clglu probe-list", NULL, "", NULL, run_list};

/* ---------------------------------------------------------------- one device */

struct device_options {
    struct cli_common common;
    const char *examine;
};

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
    child_tell(json_pack("{s:o}", "facts", json_facts(f)));
}

static void on_step(const char *text, void *user) { (void)user, tell_step(text); }

struct summary {
    uint64_t hash;
    int rows, failed;
    double worst; /* ULP */
};

static void on_row(const struct verify_row *row, void *user)
{
    struct summary *s = user;
    s->hash = verify_combine(s->hash, row);
    s->rows++;
    s->failed += verify_bad(row);
    if (!(row->report.max_ulp <= s->worst)) s->worst = row->report.max_ulp;
    child_tell(json_pack("{s:o}", "verify", verify_json(row)));
}

static int verify_device(clglu_context *context)
{
    struct summary s = {0, 0, 0, 0};
    struct verify_sink sink = {on_step, NULL, on_row, &s};
    int code = verify_run(context, &verify_quick, &sink);
    if (code == CLI_GO_ON)
        child_tell(json_pack("{s:{s:o, s:i, s:i, s:o}}", "verified", "hash", json_hash(s.hash), "rows",
                             s.rows, "failed", s.failed, "max_ulp", json_double(s.worst)));
    return code;
}

static int bench_one(struct bench *b, const struct bench_case *what)
{
    struct bench_row row;
    char step[96];
    snprintf(step, sizeof step, "bench %s %s %s", what->name, what->backward ? "backward" : "forward",
             clglu_dtype_name(what->dtype));
    tell_step(step);
    int code = bench_run(b, what, 7, &row);
    if (code == CLI_GO_ON) child_tell(json_pack("{s:o}", "bench", bench_json(&row)));
    return code;
}

static int bench_device(clglu_context *context)
{
    struct bench *b;
    struct bench_rates rates;
    uint64_t elements = 0;
    tell_step("bench: copy and FMA rate");
    int code = bench_open(context, 16 << 20, &b);
    if (code == CLI_GO_ON) code = bench_fit(b, 16 << 20, &elements);
    if (code == CLI_GO_ON) code = bench_rates(b, elements, &rates);
    if (code == CLI_GO_ON) child_tell(json_pack("{s:o}", "rates", bench_rates_json(&rates)));
    for (int i = 0; i < 6 && code == CLI_GO_ON; i++) {
        struct bench_case what = {"geglu", 0, CLGLU_ACT_GELU, i / 3, (clglu_dtype)(i % 3), elements};
        code = bench_one(b, &what);
    }
    bench_close(b);
    return code;
}

static int work_on(const char *selector)
{
    struct cli_device device;
    tell_step("open");
    int code = cli_open(&device, selector, 1);
    if (code == CLI_GO_ON) code = verify_device(device.context);
    if (code == CLI_GO_ON) code = bench_device(device.context);
    tell_step("close");
    clglu_context_close(device.context);
    return code;
}

static int run_device(const struct cli_command *self, int argc, char **argv)
{
    struct device_options o = {.examine = NULL};
    unsigned p, d;
    int usable = 0, code = cli_parse(self, argc, argv, &o);
    if (code != CLI_GO_ON) return code;
    if (!o.common.device || sscanf(o.common.device, "%u:%u", &p, &d) != 2)
        return cli_usage(self, "--device PLATFORM:DEVICE is needed");
    tell_step("find");
    cl_device_id id = find_device(p, d);
    if (!id) return cli_say("there is no device %u:%u", p, d), CLI_NO_DEVICE;
    tell_step("self-test");
    clglu_status status = clglu_device_examine(id, 1, tell_facts, &usable);
    if (status != CLGLU_OK) return cli_failed(NULL, status, "self-test");
    if (usable && !o.examine) code = work_on(o.common.device);
    if (code != CLI_GO_ON) return code;
    tell_step("exit");
    tell_end();
    return CLI_GOOD;
}

static const struct cli_option device_options[] = {
    {"examine", 0, NULL, "the self-test only", offsetof(struct device_options, examine)},
    {NULL, 0, NULL, NULL, 0}};
const struct cli_command command_probe_device = {"probe-device",
                                                 "examines, verifies and measures a device",
                                                 "clglu probe-device --device P:D [--examine]",
                                                 NULL,
                                                 "",
                                                 device_options,
                                                 run_device};
