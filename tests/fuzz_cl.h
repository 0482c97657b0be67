/* fuzz_cl.h - an OpenCL without a device, linked in place of the loader: it computes nothing, but judges what it is given, and fails when
   told to. SPDX-License-Identifier: MIT */

#ifndef TEST_FUZZ_CL_H
#define TEST_FUZZ_CL_H

#define CL_TARGET_OPENCL_VERSION 120
#define CL_USE_DEPRECATED_OPENCL_1_2_APIS

#include "fuzz.h"

#include <CL/cl.h>
#include <regex.h>
#include <stdbool.h>

/* What the device says of itself, and which call is to fail (0: none). */
static struct {
    cl_uint vector_width, compute_units;
    cl_device_type type;
    cl_ulong local_bytes, max_alloc;
    size_t group, kernel_group;
    bool unified;
    unsigned fail_at, calls;
    long live; /* objects */
} fake;

enum { LARGEST_BUFFER = 1 << 22, FAILURES = 3 };

struct _cl_platform_id { int unused; };
struct _cl_device_id { int unused; };
struct _cl_context { int refs; };
struct _cl_command_queue { int refs; };
struct _cl_event { int refs; };
struct _cl_program { int refs; };
struct _cl_kernel { int refs; };
struct _cl_mem {
    int refs;
    size_t size;
    cl_mem_flags flags;
    void *host;
    unsigned char *data;
};

static struct _cl_platform_id fake_platform;
static struct _cl_device_id fake_device;
static struct _cl_context *fake_context;
static struct _cl_command_queue *fake_last_queue;

/* Counts a call that may fail. */
static bool fails(cl_int *code)
{
    static const cl_int codes[FAILURES] = {CL_OUT_OF_RESOURCES, CL_OUT_OF_HOST_MEMORY, CL_INVALID_VALUE};
    bool now = ++fake.calls == fake.fail_at;
    if (code) *code = now ? codes[fake.calls % FAILURES] : CL_SUCCESS;
    return now;
}

static void *object(size_t size)
{
    int *o = calloc(1, size);
    must(o != NULL);
    *o = 1;
    fake.live++;
    return o;
}

static cl_int release(void *o)
{
    must(o && *(int *)o > 0);
    if (--*(int *)o == 0) {
        fake.live--;
        free(o);
    }
    return CL_SUCCESS;
}

static cl_int answer(const void *what, size_t length, size_t size, void *value, size_t *needed)
{
    if (value && size < length) return CL_INVALID_VALUE;
    if (value) memcpy(value, what, length);
    if (needed) *needed = length;
    return CL_SUCCESS;
}

static cl_int answer_text(const char *text, size_t size, void *value, size_t *needed)
{
    return answer(text, strlen(text) + 1, size, value, needed);
}

static void give_event(cl_event *event)
{
    if (event) *event = object(sizeof **event);
}

static void judge_wait(cl_uint count, const cl_event *wait)
{
    must((count == 0) == (wait == NULL));
    for (cl_uint i = 0; i < count; i++) must(wait[i] && wait[i]->refs > 0);
}

/* ---------------------------------------------------------------- platform, device, context */

cl_int clGetPlatformIDs(cl_uint count, cl_platform_id *ids, cl_uint *found)
{
    if (ids && count) *ids = &fake_platform;
    if (found) *found = 1;
    return CL_SUCCESS;
}

cl_int clGetDeviceIDs(cl_platform_id platform, cl_device_type type, cl_uint count, cl_device_id *ids, cl_uint *found)
{
    (void)platform, (void)type;
    if (ids && count) *ids = &fake_device;
    if (found) *found = 1;
    return CL_SUCCESS;
}

cl_int clGetPlatformInfo(cl_platform_id platform, cl_platform_info what, size_t size, void *value, size_t *needed)
{
    (void)platform, (void)what;
    return answer_text("a\033[31m platform", size, value, needed);
}

static cl_int answer_number(cl_ulong number, size_t length, size_t size, void *value, size_t *needed)
{
    cl_uint narrow = (cl_uint)number;
    return answer(length == sizeof narrow ? (void *)&narrow : (void *)&number, length, size, value, needed);
}

cl_int clGetDeviceInfo(cl_device_id device, cl_device_info what, size_t size, void *value, size_t *needed)
{
    (void)device;
    switch (what) {
    case CL_DEVICE_NAME:
    case CL_DRIVER_VERSION: return answer_text("a\033[31m\177name\n", size, value, needed);
    case CL_DEVICE_VERSION:
    case CL_DEVICE_OPENCL_C_VERSION: return answer_text("OpenCL 1.2 \233", size, value, needed);
    case CL_DEVICE_VENDOR:
    case CL_DEVICE_EXTENSIONS: return answer_text("", size, value, needed);
    case CL_DEVICE_TYPE: return answer_number(fake.type, 8, size, value, needed);
    case CL_DEVICE_PREFERRED_VECTOR_WIDTH_FLOAT: return answer_number(fake.vector_width, 4, size, value, needed);
    case CL_DEVICE_MAX_COMPUTE_UNITS: return answer_number(fake.compute_units, 4, size, value, needed);
    case CL_DEVICE_GLOBAL_MEM_SIZE: return answer_number(64 << 20, 8, size, value, needed);
    case CL_DEVICE_MAX_MEM_ALLOC_SIZE: return answer_number(fake.max_alloc, 8, size, value, needed);
    case CL_DEVICE_LOCAL_MEM_SIZE: return answer_number(fake.local_bytes, 8, size, value, needed);
    case CL_DEVICE_MAX_WORK_GROUP_SIZE: return answer_number(fake.group, 8, size, value, needed);
    case CL_DEVICE_HOST_UNIFIED_MEMORY: return answer_number(fake.unified, 4, size, value, needed);
    case CL_DEVICE_SINGLE_FP_CONFIG: return answer_number(0x3f, 8, size, value, needed);
    case CL_DEVICE_ADDRESS_BITS: return answer_number(64, 4, size, value, needed);
    case CL_DEVICE_AVAILABLE:
    case CL_DEVICE_COMPILER_AVAILABLE:
    case CL_DEVICE_ENDIAN_LITTLE: return answer_number(1, 4, size, value, needed);
    default: return answer_number(0, 8, size, value, needed);
    }
}

cl_context clCreateContext(const cl_context_properties *properties, cl_uint count, const cl_device_id *devices,
                           void(CL_CALLBACK *notify)(const char *, const void *, size_t, void *), void *user, cl_int *code)
{
    (void)properties, (void)count, (void)devices, (void)notify, (void)user;
    return fails(code) ? NULL : (fake_context = object(sizeof *fake_context));
}

cl_int clRetainContext(cl_context context)
{
    context->refs++;
    return CL_SUCCESS;
}

cl_int clReleaseContext(cl_context context) { return release(context); }

cl_int clGetContextInfo(cl_context context, cl_context_info what, size_t size, void *value, size_t *needed)
{
    cl_device_id device = &fake_device;
    must(context->refs > 0 && what == CL_CONTEXT_DEVICES);
    return answer(&device, sizeof device, size, value, needed);
}

cl_command_queue clCreateCommandQueue(cl_context context, cl_device_id device, cl_command_queue_properties properties, cl_int *code)
{
    (void)device, (void)properties;
    must(context->refs > 0);
    return fails(code) ? NULL : (fake_last_queue = object(sizeof *fake_last_queue));
}

cl_int clReleaseCommandQueue(cl_command_queue queue) { return release(queue); }
cl_int clFlush(cl_command_queue queue) { return queue->refs > 0 ? CL_SUCCESS : CL_INVALID_COMMAND_QUEUE; }
cl_int clFinish(cl_command_queue queue) { return queue->refs > 0 ? CL_SUCCESS : CL_INVALID_COMMAND_QUEUE; }

cl_int clGetCommandQueueInfo(cl_command_queue queue, cl_command_queue_info what, size_t size, void *value, size_t *needed)
{
    cl_device_id device = &fake_device;
    must(queue->refs > 0);
    if (what == CL_QUEUE_CONTEXT) return answer(&fake_context, sizeof fake_context, size, value, needed);
    if (what == CL_QUEUE_DEVICE) return answer(&device, sizeof device, size, value, needed);
    return answer_number(0, 8, size, value, needed);
}

/* ---------------------------------------------------------------- programs: what the compiler is told */

static void judge_options(const char *options)
{
    static regex_t form;
    static bool made;
    if (!made) must(regcomp(&form, "^-cl-std=CL1\\.2( -D[A-Z][A-Z0-9_]*(=([0-9]+|act_[a-z0-9_]+))?)*$", REG_EXTENDED | REG_NOSUB) == 0);
    made = true;
    if (regexec(&form, options, 0, NULL, 0) == 0) return;
    dprintf(2, "options: %s\n", options);
    must(!"the compiler is told nothing else");
}

cl_program clCreateProgramWithSource(cl_context context, cl_uint count, const char **text, const size_t *sizes, cl_int *code)
{
    must(context->refs > 0 && count == 1 && sizes == NULL && strlen(*text) > 100);
    return fails(code) ? NULL : object(sizeof(struct _cl_program));
}

cl_program clCreateProgramWithBinary(cl_context context, cl_uint count, const cl_device_id *devices, const size_t *sizes,
                                     const unsigned char **data, cl_int *status, cl_int *code)
{
    (void)context, (void)count, (void)devices, (void)sizes, (void)data, (void)status;
    *code = CL_INVALID_BINARY;
    return NULL;
}

cl_int clBuildProgram(cl_program program, cl_uint count, const cl_device_id *devices, const char *options,
                      void(CL_CALLBACK *done)(cl_program, void *), void *user)
{
    (void)count, (void)devices, (void)done, (void)user;
    must(program->refs > 0);
    judge_options(options);
    return fails(NULL) ? CL_BUILD_PROGRAM_FAILURE : CL_SUCCESS;
}

cl_int clGetProgramBuildInfo(cl_program program, cl_device_id device, cl_program_build_info what, size_t size, void *value, size_t *needed)
{
    static const char log[] = "\033]0;title\007 1 error\r\n\302\233 31m\377\342\200\256";
    (void)program, (void)device, (void)what;
    return answer(log, sizeof log, size, value, needed);
}

cl_int clGetProgramInfo(cl_program program, cl_program_info what, size_t size, void *value, size_t *needed)
{
    (void)program, (void)what;
    return answer_number(0, 8, size, value, needed);
}

cl_int clReleaseProgram(cl_program program) { return release(program); }

cl_kernel clCreateKernel(cl_program program, const char *name, cl_int *code)
{
    must(program->refs > 0 && *name);
    return fails(code) ? NULL : object(sizeof(struct _cl_kernel));
}

cl_int clReleaseKernel(cl_kernel kernel) { return release(kernel); }

cl_int clSetKernelArg(cl_kernel kernel, cl_uint number, size_t size, const void *value)
{
    cl_int code;
    must(kernel->refs > 0 && number < 64 && size > 0);
    must(value ? size <= 64 : size <= fake.local_bytes); /* without a value: local memory */
    volatile unsigned char last = value ? ((const unsigned char *)value)[size - 1] : 0;
    (void)last;
    return fails(&code) ? code : CL_SUCCESS;
}

cl_int clGetKernelWorkGroupInfo(cl_kernel kernel, cl_device_id device, cl_kernel_work_group_info what, size_t size, void *value, size_t *needed)
{
    must(kernel->refs > 0 && device == &fake_device && what == CL_KERNEL_WORK_GROUP_SIZE);
    return answer(&fake.kernel_group, sizeof fake.kernel_group, size, value, needed);
}

/* ---------------------------------------------------------------- buffers and commands */

cl_mem clCreateBuffer(cl_context context, cl_mem_flags flags, size_t size, void *host, cl_int *code)
{
    must(context->refs > 0 && size > 0);
    if (fails(code)) return NULL;
    if (size > LARGEST_BUFFER) return *code = CL_MEM_OBJECT_ALLOCATION_FAILURE, NULL;
    cl_mem m = object(sizeof *m + size);
    must((host != NULL) == ((flags & (CL_MEM_USE_HOST_PTR | CL_MEM_COPY_HOST_PTR)) != 0));
    m->size = size;
    m->flags = flags;
    m->host = flags & CL_MEM_USE_HOST_PTR ? host : NULL;
    m->data = m->host ? host : (unsigned char *)(m + 1);
    if (flags & CL_MEM_COPY_HOST_PTR) memcpy(m->data, host, size);
    return m;
}

cl_int clReleaseMemObject(cl_mem mem) { return release(mem); }

cl_int clGetMemObjectInfo(cl_mem mem, cl_mem_info what, size_t size, void *value, size_t *needed)
{
    cl_mem none = NULL;
    must(mem->refs > 0);
    switch (what) {
    case CL_MEM_CONTEXT: return answer(&fake_context, sizeof fake_context, size, value, needed);
    case CL_MEM_TYPE: return answer_number(CL_MEM_OBJECT_BUFFER, 4, size, value, needed);
    case CL_MEM_FLAGS: return answer(&mem->flags, sizeof mem->flags, size, value, needed);
    case CL_MEM_SIZE: return answer(&mem->size, sizeof mem->size, size, value, needed);
    case CL_MEM_HOST_PTR: return answer(&mem->host, sizeof mem->host, size, value, needed);
    case CL_MEM_ASSOCIATED_MEMOBJECT: return answer(&none, sizeof none, size, value, needed);
    default: return CL_INVALID_VALUE;
    }
}

static cl_int command(cl_command_queue queue, cl_uint count, const cl_event *wait, cl_event *event)
{
    cl_int code;
    must(queue->refs > 0);
    judge_wait(count, wait);
    if (fails(&code)) return code;
    give_event(event);
    return CL_SUCCESS;
}

static void judge_range(cl_mem mem, size_t offset, size_t size)
{
    must(mem->refs > 0 && size > 0 && offset <= mem->size && size <= mem->size - offset);
}

cl_int clEnqueueWriteBuffer(cl_command_queue queue, cl_mem mem, cl_bool blocking, size_t offset, size_t size, const void *from,
                            cl_uint count, const cl_event *wait, cl_event *event)
{
    (void)blocking;
    judge_range(mem, offset, size);
    memcpy(mem->data + offset, from, size);
    return command(queue, count, wait, event);
}

cl_int clEnqueueReadBuffer(cl_command_queue queue, cl_mem mem, cl_bool blocking, size_t offset, size_t size, void *to, cl_uint count,
                           const cl_event *wait, cl_event *event)
{
    (void)blocking;
    judge_range(mem, offset, size);
    memcpy(to, mem->data + offset, size);
    return command(queue, count, wait, event);
}

cl_int clEnqueueFillBuffer(cl_command_queue queue, cl_mem mem, const void *pattern, size_t length, size_t offset, size_t size, cl_uint count,
                           const cl_event *wait, cl_event *event)
{
    judge_range(mem, offset, size);
    must(size % length == 0 && offset % length == 0);
    for (size_t i = 0; i < size; i += length) memcpy(mem->data + offset + i, pattern, length);
    return command(queue, count, wait, event);
}

void *clEnqueueMapBuffer(cl_command_queue queue, cl_mem mem, cl_bool blocking, cl_map_flags flags, size_t offset, size_t size,
                         cl_uint count, const cl_event *wait, cl_event *event, cl_int *code)
{
    (void)blocking, (void)flags;
    judge_range(mem, offset, size);
    *code = command(queue, count, wait, event);
    return *code == CL_SUCCESS ? mem->data + offset : NULL;
}

cl_int clEnqueueUnmapMemObject(cl_command_queue queue, cl_mem mem, void *at, cl_uint count, const cl_event *wait, cl_event *event)
{
    must(at >= (void *)mem->data && at < (void *)(mem->data + mem->size));
    return command(queue, count, wait, event);
}

cl_int clEnqueueNDRangeKernel(cl_command_queue queue, cl_kernel kernel, cl_uint dims, const size_t *offset, const size_t *global,
                              const size_t *local, cl_uint count, const cl_event *wait, cl_event *event)
{
    must(kernel->refs > 0 && dims <= 2);
    for (cl_uint i = 0; i < dims; i++)
        must(local[i] > 0 && global[i] > 0 && global[i] % local[i] == 0 && (!offset || offset[i] <= SIZE_MAX - global[i]));
    return command(queue, count, wait, event);
}

cl_int clEnqueueMarkerWithWaitList(cl_command_queue queue, cl_uint count, const cl_event *wait, cl_event *event)
{
    return command(queue, count, wait, event);
}

cl_int clEnqueueBarrierWithWaitList(cl_command_queue queue, cl_uint count, const cl_event *wait, cl_event *event)
{
    return command(queue, count, wait, event);
}

cl_int clWaitForEvents(cl_uint count, const cl_event *events)
{
    cl_int code;
    must(count > 0);
    judge_wait(count, events);
    return fails(&code) ? code : CL_SUCCESS;
}

cl_int clGetEventInfo(cl_event event, cl_event_info what, size_t size, void *value, size_t *needed)
{
    must(event->refs > 0);
    if (what == CL_EVENT_COMMAND_QUEUE) return answer(&fake_last_queue, sizeof fake_last_queue, size, value, needed);
    return answer_number(CL_COMPLETE, 4, size, value, needed);
}

cl_int clRetainEvent(cl_event event)
{
    event->refs++;
    return CL_SUCCESS;
}

cl_int clReleaseEvent(cl_event event) { return release(event); }

#endif
