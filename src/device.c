/* device.c - what a device says of itself.
   SPDX-License-Identifier: MIT */

#include "device.h"
#include "harmless.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---------------------------------------------------------------- strings */

static char *device_string(cl_device_id id, cl_device_info what)
{
    size_t size = 0;
    if (clGetDeviceInfo(id, what, 0, NULL, &size) != CL_SUCCESS) size = 0;
    char *text = calloc(size + 1, 1);
    if (text && size && clGetDeviceInfo(id, what, size, text, NULL) != CL_SUCCESS) text[0] = 0;
    return text;
}

char *clglu_platform_string(cl_platform_id id, cl_platform_info what)
{
    size_t size = 0;
    if (clGetPlatformInfo(id, what, 0, NULL, &size) != CL_SUCCESS) size = 0;
    char *text = calloc(size + 1, 1);
    if (text && size && clGetPlatformInfo(id, what, size, text, NULL) != CL_SUCCESS) text[0] = 0;
    return text;
}

static clglu_status read_strings(clglu_device *d, cl_platform_id platform, cl_device_id id)
{
    static const cl_device_info what[] = {CL_DEVICE_NAME, CL_DEVICE_VENDOR, CL_DEVICE_VERSION,
                                          CL_DEVICE_OPENCL_C_VERSION, CL_DRIVER_VERSION};
    clglu_device_facts *f = &d->facts;
    const char **place[] = {&f->platform_name,  &f->platform_version, &f->name,          &f->vendor,
                            &f->device_version, &f->c_version,        &f->driver_version};
    for (int i = 0; i < CLGLU_FACT_STRINGS; i++) {
        d->strings[i] = i == 0   ? clglu_platform_string(platform, CL_PLATFORM_NAME)
                        : i == 1 ? clglu_platform_string(platform, CL_PLATFORM_VERSION)
                        : id     ? device_string(id, what[i - 2])
                                 : calloc(1, 1);
        if (d->strings[i] == NULL) return CLGLU_OUT_OF_MEMORY;
        *place[i] = d->strings[i];
    }
    return CLGLU_OK;
}

/* ---------------------------------------------------------------- numbers */

/* All of the values asked for here are integers of 4 or 8 bytes. */
static uint64_t number(cl_device_id id, cl_device_info what)
{
    union {
        cl_uint narrow;
        cl_ulong wide;
    } value = {.wide = 0};
    size_t size = 0;
    if (clGetDeviceInfo(id, what, sizeof value, &value, &size) != CL_SUCCESS) return 0;
    return size == sizeof value.narrow ? value.narrow : size == sizeof value.wide ? value.wide : 0;
}

static int has_extension(const char *all, const char *name)
{
    size_t length = strlen(name);
    for (const char *at = all; (at = strstr(at, name)) != NULL; at += length)
        if ((at == all || at[-1] == ' ') && (at[length] == ' ' || at[length] == 0)) return 1;
    return 0;
}

/* Some CPU compilers prefer scalar code, which they make vectors of; for long chains of arithmetic explicit vectors of the
   native width are faster with them too (measured). */
static unsigned vector_width(cl_device_id id, cl_device_type type)
{
    uint64_t preferred = number(id, CL_DEVICE_PREFERRED_VECTOR_WIDTH_FLOAT);
    uint64_t native = type & CL_DEVICE_TYPE_CPU ? number(id, CL_DEVICE_NATIVE_VECTOR_WIDTH_FLOAT) : 0;
    return (unsigned)(native > preferred ? native : preferred);
}

static void read_numbers(clglu_device_facts *f, cl_device_id id)
{
    f->type = (cl_device_type)number(id, CL_DEVICE_TYPE);
    f->compute_units = (unsigned)number(id, CL_DEVICE_MAX_COMPUTE_UNITS);
    f->clock_mhz = (unsigned)number(id, CL_DEVICE_MAX_CLOCK_FREQUENCY);
    f->global_bytes = number(id, CL_DEVICE_GLOBAL_MEM_SIZE);
    f->max_alloc_bytes = number(id, CL_DEVICE_MAX_MEM_ALLOC_SIZE);
    f->cache_bytes = number(id, CL_DEVICE_GLOBAL_MEM_CACHE_SIZE);
    f->local_bytes = number(id, CL_DEVICE_LOCAL_MEM_SIZE);
    f->max_work_group = (size_t)number(id, CL_DEVICE_MAX_WORK_GROUP_SIZE);
    f->vector_width = vector_width(id, f->type);
    f->address_bits = (unsigned)number(id, CL_DEVICE_ADDRESS_BITS);
    f->profiling_ns = (unsigned)number(id, CL_DEVICE_PROFILING_TIMER_RESOLUTION);
    f->available = number(id, CL_DEVICE_AVAILABLE) != 0;
    f->compiler = number(id, CL_DEVICE_COMPILER_AVAILABLE) != 0;
    f->little_endian = number(id, CL_DEVICE_ENDIAN_LITTLE) != 0;
    f->unified = number(id, CL_DEVICE_HOST_UNIFIED_MEMORY) != 0;
}

static void read_capabilities(clglu_device_facts *f, cl_device_id id)
{
    cl_device_fp_config fp = number(id, CL_DEVICE_SINGLE_FP_CONFIG);
    f->subnormals = (fp & CL_FP_DENORM) != 0;
    f->round_nearest = (fp & CL_FP_ROUND_TO_NEAREST) != 0;
    f->inf_nan = (fp & CL_FP_INF_NAN) != 0;
    f->fma = (fp & CL_FP_FMA) != 0;
    f->fp64 = number(id, CL_DEVICE_DOUBLE_FP_CONFIG) != 0;
    char *extensions = device_string(id, CL_DEVICE_EXTENSIONS);
    f->fp16 = extensions && has_extension(extensions, "cl_khr_fp16");
    free(extensions);
}

/* ---------------------------------------------------------------- verdict */

void clglu_device_remark(clglu_device *device, const char *text)
{
    size_t used = strlen(device->remarks);
    snprintf(device->remarks + used, sizeof device->remarks - used, "%s%s", used ? "; " : "", text);
}

void clglu_device_refuse(clglu_device *device, const char *why)
{
    device->facts.usable = 0;
    snprintf(device->verdict, sizeof device->verdict, "%s", why);
    clglu_harmless(device->verdict); /* a driver's words may be in it, and it may end within a character */
}

static int version_is_enough(const char *version)
{
    unsigned major, minor;
    int numbers = sscanf(version, "OpenCL %9u.%9u", &major, &minor); /* NOLINT(cert-err34-c): nine digits fit */
    return numbers == 2 && (major > 1 || minor >= 2);
}

static void judge(clglu_device *d)
{
    const clglu_device_facts *f = &d->facts;
    const char *why = !f->available                            ? "the device is not available"
                      : !version_is_enough(f->device_version)  ? "it is older than OpenCL 1.2"
                      : !f->round_nearest || !f->inf_nan       ? "it does not round to nearest or has no infinities"
                      : !f->compiler ? "it has no compiler: it needs binaries in kernel_dir ('clglu export' says how to make them)"
                                     : NULL;
    d->lacks_compiler = f->available && version_is_enough(f->device_version) && f->round_nearest && f->inf_nan && !f->compiler;
    d->facts.usable = why == NULL;
    snprintf(d->verdict, sizeof d->verdict, "%s", why ? why : "usable");
    if (!f->subnormals) clglu_device_remark(d, "flushes subnormal numbers: the same bits for normal results only");
    if (f->profiling_ns == 0) clglu_device_remark(d, "no profiling clock: timed by the host's");
    if (f->address_bits < 64) clglu_device_remark(d, "32-bit addresses");
}

clglu_status clglu_device_read(clglu_device *device, unsigned platform, unsigned number_, cl_platform_id platform_id,
                               cl_device_id id)
{
    memset(device, 0, sizeof *device);
    device->facts.platform = platform;
    device->facts.device = number_;
    device->facts.platform_id = platform_id;
    device->facts.device_id = id;
    clglu_status status = read_strings(device, platform_id, id);
    if (status) {
        clglu_device_free(device);
        return status;
    }
    if (id) {
        read_numbers(&device->facts, id);
        read_capabilities(&device->facts, id);
        judge(device);
    } else {
        clglu_device_refuse(device, "the platform has no device");
    }
    return CLGLU_OK;
}

void clglu_device_free(clglu_device *device)
{
    for (int i = 0; i < CLGLU_FACT_STRINGS; i++) {
        free(device->strings[i]);
        device->strings[i] = NULL;
    }
}

/* ---------------------------------------------------------------- enumeration */

static clglu_status list_platform(clglu_device **list, size_t *count, unsigned p, cl_platform_id platform)
{
    cl_uint n = 0;
    cl_device_id *ids = NULL;
    clglu_status status = CLGLU_OK;

    if (clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, 0, NULL, &n) != CL_SUCCESS) n = 0;
    if (n && (ids = calloc(n, sizeof *ids)) == NULL) return CLGLU_OUT_OF_MEMORY;
    if (n && clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, n, ids, NULL) != CL_SUCCESS) n = 0;
    size_t rows = n ? n : 1;
    clglu_device *longer = realloc(*list, (*count + rows) * sizeof **list);
    if (longer == NULL) status = CLGLU_OUT_OF_MEMORY;
    else *list = longer;
    for (unsigned d = 0; !status && d < rows; d++) {
        status = clglu_device_read(&longer[*count], p, d, platform, n ? ids[d] : NULL);
        if (!status) ++*count;
    }
    free(ids);
    return status;
}

/* The texts lie inside the records, which have moved while the list grew: point to them at the end. */
static void settle(clglu_device *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        list[i].facts.verdict = list[i].verdict;
        list[i].facts.remarks = list[i].remarks;
    }
}

clglu_status clglu_device_list(clglu_device **list, size_t *count)
{
    cl_uint platforms = 0;
    *list = NULL;
    *count = 0;
    if (clGetPlatformIDs(0, NULL, &platforms) != CL_SUCCESS || platforms == 0) return CLGLU_NO_PLATFORM;
    cl_platform_id *ids = calloc(platforms, sizeof *ids);
    if (ids == NULL) return CLGLU_OUT_OF_MEMORY;
    clglu_status status = CLGLU_OK;
    if (clGetPlatformIDs(platforms, ids, NULL) != CL_SUCCESS) status = CLGLU_NO_PLATFORM;
    for (unsigned p = 0; !status && p < platforms; p++) status = list_platform(list, count, p, ids[p]);
    free(ids);
    if (status) {
        clglu_device_list_free(*list, *count);
        *list = NULL;
        *count = 0;
    } else {
        settle(*list, *count);
    }
    return status;
}

void clglu_device_list_free(clglu_device *list, size_t count)
{
    for (size_t i = 0; i < count; i++) clglu_device_free(&list[i]);
    free(list);
}
