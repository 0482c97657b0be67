/* probe.c - what doctor and sweep start as processes of their own, to ask what is there: each tells what it does before it does it.
   SPDX-License-Identifier: MIT */

#include "child.h"
#include "commands.h"
#include "json.h"

#include <CL/cl_ext.h>
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---------------------------------------------------------------- a driver's library */

struct icd_options {
    /* cppcheck-suppress unusedStructMember ; cli_parse() writes there */
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

static int has_extension(cl_device_id id, const char *name)
{
    char text[16384] = "";
    if (clGetDeviceInfo(id, CL_DEVICE_EXTENSIONS, sizeof text - 1, text, NULL) != CL_SUCCESS) return 0;
    return strstr(text, name) != NULL;
}

/* "0000:01:00.0", or "" where the driver does not say. */
static json_t *pci_place(cl_device_id id)
{
    cl_device_pci_bus_info_khr at;
    char text[64] = "";
    if (has_extension(id, "cl_khr_pci_bus_info") &&
        clGetDeviceInfo(id, CL_DEVICE_PCI_BUS_INFO_KHR, sizeof at, &at, NULL) == CL_SUCCESS)
        snprintf(text, sizeof text, "%04x:%02x:%02x.%x", (unsigned)at.pci_domain, (unsigned)at.pci_bus, (unsigned)at.pci_device,
                 (unsigned)at.pci_function);
    return json_text(text);
}

static json_t *device(cl_device_id id)
{
    char name[1024] = "";
    cl_uint vendor = 0;
    if (clGetDeviceInfo(id, CL_DEVICE_NAME, sizeof name - 1, name, NULL) != CL_SUCCESS) name[0] = 0;
    if (clGetDeviceInfo(id, CL_DEVICE_VENDOR_ID, sizeof vendor, &vendor, NULL) != CL_SUCCESS) vendor = 0;
    name[sizeof name - 1] = 0;
    return json_pack("{s:o, s:I, s:o}", "name", json_text(name), "vendor_id", (json_int_t)vendor, "pci", pci_place(id));
}

static void tell_platform(cl_uint number, cl_platform_id platform)
{
    cl_device_id ids[MOST];
    cl_uint count = 0;
    cl_int code = clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, MOST, ids, &count);
    json_t *devices = json_array();
    for (cl_uint d = 0; code == CL_SUCCESS && d < count && d < MOST; d++) json_array_append_new(devices, device(ids[d]));
    child_tell(json_pack("{s:i, s:o, s:o, s:i, s:o}", "platform", (int)number, "name",
                         platform_text(platform, CL_PLATFORM_NAME), "version",
                         platform_text(platform, CL_PLATFORM_VERSION), "code", (int)code, "devices", devices));
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

/* ---------------------------------------------------------------- which device is taken */

static int run_pick(const struct cli_command *self, int argc, char **argv)
{
    struct cli_common o = {0};
    struct cli_device device;
    int code = cli_parse(self, argc, argv, &o);
    if (code == CLI_GO_ON) code = cli_open(&device, cli_selector(&o), 0);
    if (code != CLI_GO_ON) return code;
    const clglu_device_facts *f = clglu_context_facts(device.context);
    child_tell(json_pack("{s:i, s:i}", "platform", (int)f->platform, "device", (int)f->device));
    clglu_context_close(device.context);
    child_done();
    return CLI_GOOD;
}

const struct cli_command command_probe_pick = {"probe-pick", "the device that a selector takes", "clglu probe-pick --device SELECTOR",
                                               NULL, "", NULL, run_pick};
