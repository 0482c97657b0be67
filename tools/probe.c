/* probe.c - what doctor and sweep start as processes of their own, to ask what is there: each tells what it does before it does it.
   SPDX-License-Identifier: MIT */

#include "child.h"
#include "commands.h"
#include "json.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
    child_done();
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
    child_step("list platforms");
    cl_int status = clGetPlatformIDs(MOST, platforms, &count);
    for (cl_uint p = 0; status == CL_SUCCESS && p < count && p < MOST; p++) {
        snprintf(step, sizeof step, "list devices of platform %u", (unsigned)p);
        child_step(step);
        tell_platform(p, platforms[p]);
    }
    child_done();
    return CLI_GOOD;
}

const struct cli_command command_probe_list = {
    "probe-list", "platforms and devices", "clglu probe-list", NULL, "", NULL, run_list};
