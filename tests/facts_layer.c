/* facts_layer.c - an OpenCL layer that lets devices say other things of themselves. SPDX-License-Identifier: MIT */

/* FACTS_LAYER names them: those of `numbers` and `floats` below; old-version; other-name, other-vendor, other-version, other-language,
   other-platform-name, -vendor, -version: the last letter of that text is another; fp16: an extension of that name among some that begin
   or end like it, like-fp16: these alone; gpu: each is one; names: each has another; one-place, places: all lie at one place of the PCI
   bus, or each at another. denorms-are-zero: programs are built so, and nothing is said of it. narrow: vectors of 4 at most are
   preferred. FACTS_DRIVER is the version of the driver, FACTS_PLATFORM the name of the platform. */

#include "layer.h"

#include <CL/cl_ext.h>
#include <stdio.h>

static int asked(const char *word)
{
    const char *all = getenv("FACTS_LAYER");
    return all && strstr(all, word) != NULL;
}

/* Turns the last letter of a text into another. */
static void change(void *value, size_t size)
{
    char *text = value, *end = memchr(text, 0, size);
    if (end && end > text) end[-1] ^= 1;
}

/* The answer to a question of that size. */
static cl_int answer(const void *what, size_t length, size_t size, void *value, size_t *needed)
{
    if (value && size < length) return CL_INVALID_VALUE;
    if (value) memcpy(value, what, length);
    if (needed) *needed = length;
    return CL_SUCCESS;
}

static cl_int answer_text(const char *text, size_t size, void *value, size_t *needed)
{
    /* NOLINTNEXTLINE(clang-analyzer-core.NonNullParamChecker): what getenv() had a moment ago, it has again */
    return answer(text, strlen(text) + 1, size, value, needed);
}

/* How often devices were asked for: a driver that is listed twice gives the same ones again. */
static cl_uint lists;

static cl_int CL_API_CALL get_device_ids(cl_platform_id platform, cl_device_type type, cl_uint count, cl_device_id *devices, cl_uint *found)
{
    lists++;
    return next->clGetDeviceIDs(platform, type, count, devices, found);
}

static cl_int CL_API_CALL get_platform_info(cl_platform_id platform, cl_platform_info what, size_t size, void *value, size_t *needed)
{
    if (what == CL_PLATFORM_NAME && getenv("FACTS_PLATFORM")) return answer_text(getenv("FACTS_PLATFORM"), size, value, needed);
    cl_int code = next->clGetPlatformInfo(platform, what, size, value, needed);
    if (code != CL_SUCCESS || value == NULL) return code;
    if (what == CL_PLATFORM_NAME && asked("other-platform-name")) change(value, size);
    if (what == CL_PLATFORM_VENDOR && asked("other-platform-vendor")) change(value, size);
    if (what == CL_PLATFORM_VERSION && asked("other-platform-version")) change(value, size);
    return code;
}

static const struct {
    const char *word;
    cl_device_info what;
    cl_uint value;
} numbers[] = {
    {"unavailable", CL_DEVICE_AVAILABLE, 0},
    {"no-compiler", CL_DEVICE_COMPILER_AVAILABLE, 0},
    {"no-clock", CL_DEVICE_PROFILING_TIMER_RESOLUTION, 0},
    {"addresses-32", CL_DEVICE_ADDRESS_BITS, 32},
    {"apart", CL_DEVICE_HOST_UNIFIED_MEMORY, 0},
    {"one-unit", CL_DEVICE_MAX_COMPUTE_UNITS, 1},
    {"little-local", CL_DEVICE_LOCAL_MEM_SIZE, 1024},
    {"small-groups", CL_DEVICE_MAX_WORK_GROUP_SIZE, 8},
    {"little-memory", CL_DEVICE_GLOBAL_MEM_SIZE, 1 << 20},
    {"other-id", CL_DEVICE_VENDOR_ID, 77},
};

static const struct {
    const char *word;
    cl_device_info what;
    cl_device_fp_config lacks;
} floats[] = {
    {"no-fp64", CL_DEVICE_DOUBLE_FP_CONFIG, ~(cl_device_fp_config)0},
    {"flushes", CL_DEVICE_SINGLE_FP_CONFIG, CL_FP_DENORM},
    {"no-rounding", CL_DEVICE_SINGLE_FP_CONFIG, CL_FP_ROUND_TO_NEAREST},
    {"no-infinities", CL_DEVICE_SINGLE_FP_CONFIG, CL_FP_INF_NAN},
};

/* Puts the numbers that are asked for in place of the driver's. */
static void lie_in_numbers(cl_device_info what, size_t size, void *value)
{
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        if (what != numbers[i].what || !asked(numbers[i].word)) continue;
        if (size >= sizeof(cl_ulong)) *(cl_ulong *)value = numbers[i].value;
        else *(cl_uint *)value = numbers[i].value;
    }
    for (size_t i = 0; i < sizeof floats / sizeof *floats; i++)
        if (what == floats[i].what && asked(floats[i].word)) *(cl_device_fp_config *)value &= ~floats[i].lacks;
}

/* What the driver is not even asked; 0: it is. */
static int answers(cl_device_info what, size_t size, void *value, size_t *needed, cl_int *code)
{
    cl_device_type gpu = CL_DEVICE_TYPE_GPU;
    cl_device_pci_bus_info_khr place = {0, asked("places") ? lists : 7, 0, 0};
    int lie = asked("places") || asked("one-place");
    char name[32];
    snprintf(name, sizeof name, "device %u", (unsigned)lists);
    if (what == CL_DRIVER_VERSION && getenv("FACTS_DRIVER"))
        *code = answer_text(getenv("FACTS_DRIVER"), size, value, needed);
    else if (what == CL_DEVICE_TYPE && asked("gpu"))
        *code = answer(&gpu, sizeof gpu, size, value, needed);
    else if (what == CL_DEVICE_NAME && asked("names"))
        *code = answer_text(name, size, value, needed);
    else if (what == CL_DEVICE_EXTENSIONS && asked("fp16"))
        *code = answer_text(asked("like-fp16") ? "cl_khr_fp16_too my_cl_khr_fp16" : "cl_khr_fp16_too my_cl_khr_fp16 cl_khr_fp16", size, value, needed);
    else if (what == CL_DEVICE_EXTENSIONS && lie)
        *code = answer_text("cl_khr_pci_bus_info", size, value, needed);
    else if (what == CL_DEVICE_PCI_BUS_INFO_KHR && lie)
        *code = answer(&place, sizeof place, size, value, needed);
    else
        return 0;
    return 1;
}

static cl_int CL_API_CALL get_device_info(cl_device_id device, cl_device_info what, size_t size, void *value, size_t *needed)
{
    cl_int code;
    if (answers(what, size, value, needed, &code)) return code;
    code = next->clGetDeviceInfo(device, what, size, value, needed);
    if (code != CL_SUCCESS || value == NULL) return code;
    lie_in_numbers(what, size, value);
    if (what == CL_DEVICE_VERSION && asked("old-version") && size > 10) memcpy(value, "OpenCL 1.1", 10);
    if (what == CL_DEVICE_PREFERRED_VECTOR_WIDTH_FLOAT && asked("narrow") && *(cl_uint *)value > 4) *(cl_uint *)value = 4;
    if (what == CL_DEVICE_NATIVE_VECTOR_WIDTH_FLOAT && asked("narrow") && *(cl_uint *)value > 4) *(cl_uint *)value = 4;
    if (what == CL_DEVICE_NAME && asked("other-name")) change(value, size);
    if (what == CL_DEVICE_VENDOR && asked("other-vendor")) change(value, size);
    if (what == CL_DEVICE_VERSION && asked("other-version")) change(value, size);
    if (what == CL_DEVICE_OPENCL_C_VERSION && asked("other-language")) change(value, size);
    return code;
}

static cl_int CL_API_CALL build_program(cl_program program, cl_uint count, const cl_device_id *devices, const char *options,
                                        void(CL_CALLBACK *done)(cl_program, void *), void *user)
{
    char all[2048];
    snprintf(all, sizeof all, "%s%s", options ? options : "", asked("denorms-are-zero") ? " -cl-denorms-are-zero" : "");
    return next->clBuildProgram(program, count, devices, all, done, user);
}

static void hook(void)
{
    ours.clGetDeviceInfo = get_device_info;
    ours.clGetDeviceIDs = get_device_ids;
    ours.clGetPlatformInfo = get_platform_info;
    ours.clBuildProgram = build_program;
}
