/* fault_layer.c - an OpenCL layer that lets the N-th call fail, or kills there, and counts what lives. SPDX-License-Identifier: MIT */

/* A test that has the layer loaded arms it with fault_arm and asks fault_calls, fault_fired and fault_live. A process that knows nothing
   of it is told by FAULT_LAYER=WHAT:N, WHAT being fail, abort, exit, hang, or flip: one bit of the N-th result that is read back.
   Retains and releases never fail: what they count is what lives. */
#define _GNU_SOURCE
#include "layer.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

enum { OBJECTS = 4096, FUNCTION = 64 };

typedef struct object {
    const void *handle;
    const char *type;
    long references;
} object;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static object objects[OBJECTS];
static long calls, reads, wrong_releases, due, fired;
static int code_to_give;
static bool armed, for_ever;
static char only[FUNCTION], failed[FUNCTION];
static const char *what;

/* ---------------------------------------------------------------- for the test */

/* function "": any. code 0: the function's own. n 0: calls are counted, none fails. */
LAYER_EXPORT void fault_arm(const char *function, long n, int forever, int code)
{
    pthread_mutex_lock(&lock);
    snprintf(only, sizeof only, "%s", function);
    calls = fired = 0;
    due = n;
    for_ever = forever != 0;
    code_to_give = code;
    failed[0] = 0;
    armed = true;
    pthread_mutex_unlock(&lock);
}

/* How many failed; the first one's name goes to `name`. */
LAYER_EXPORT long fault_disarm(char name[FUNCTION], long *made)
{
    pthread_mutex_lock(&lock);
    armed = false;
    *made = calls;
    memcpy(name, failed, FUNCTION);
    long n = fired;
    pthread_mutex_unlock(&lock);
    return n;
}

/* References held to objects of that type, "" any; releases of what does not live count a million each. */
LAYER_EXPORT long fault_live(const char *type)
{
    long n = 0;
    pthread_mutex_lock(&lock);
    for (int i = 0; i < OBJECTS; i++)
        if (objects[i].references > 0 && (*type == 0 || strcmp(objects[i].type, type) == 0)) n += objects[i].references;
    n += 1000000 * wrong_releases;
    pthread_mutex_unlock(&lock);
    return n;
}

/* ---------------------------------------------------------------- calls */

static void die(void)
{
    if (strcmp(what, "abort") == 0) abort();
    if (strcmp(what, "exit") == 0) _exit(0);
    if (strcmp(what, "hang") == 0)
        for (;;) pause();
}

/* The code that this call is to fail with; CL_SUCCESS: none. */
static cl_int fault(const char *function, cl_int own)
{
    cl_int code = CL_SUCCESS;
    pthread_mutex_lock(&lock);
    bool counts = (armed || what) && (only[0] == 0 || strcmp(only, function) == 0);
    calls += counts;
    bool now = counts && due > 0 && (calls == due || (for_ever && calls > due));
    if (now && (what == NULL || strcmp(what, "flip") != 0)) {
        code = code_to_give ? code_to_give : own;
        if (fired++ == 0) snprintf(failed, sizeof failed, "%s", function);
    }
    pthread_mutex_unlock(&lock);
    if (code && what) die();
    return code;
}

/* ---------------------------------------------------------------- objects */

static void hold(const void *handle, const char *type, long change)
{
    object *o = NULL;
    pthread_mutex_lock(&lock);
    for (int i = 0; i < OBJECTS && !o; i++)
        if (objects[i].references > 0 && objects[i].handle == handle && strcmp(objects[i].type, type) == 0) o = &objects[i];
    for (int i = 0; i < OBJECTS && !o && change > 0; i++)
        if (objects[i].references == 0) o = &objects[i];
    if (o) *o = (object){handle, type, o->references + change};
    else wrong_releases++;
    pthread_mutex_unlock(&lock);
}

/* A result of n bytes has come: it may be the one to spoil. */
static void came(void *data, size_t n)
{
    if (what && strcmp(what, "flip") == 0 && n && ++reads == due) ((unsigned char *)data)[n / 2] ^= 1;
}

static cl_bool at_once(cl_bool blocking)
{
    return what && strcmp(what, "flip") == 0 ? CL_TRUE : blocking;
}

#define ASK(name, own, parameters, arguments)                 \
    static cl_int CL_API_CALL my_##name parameters            \
    {                                                         \
        cl_int code = fault(#name, own);                      \
        return code ? code : next->name arguments;            \
    }
#define MAKE(name, result, type, own, parameters, arguments)  \
    static result CL_API_CALL my_##name parameters            \
    {                                                         \
        cl_int wrong = fault(#name, own);                     \
        if (wrong && code) *code = wrong;                     \
        if (wrong) return NULL;                               \
        result made = next->name arguments;                   \
        if (made) hold(made, type, 1);                        \
        return made;                                          \
    }
#define ENQUEUE(name, parameters, arguments)                  \
    static cl_int CL_API_CALL my_##name parameters            \
    {                                                         \
        cl_int code = fault(#name, CL_OUT_OF_RESOURCES);      \
        if (!code) code = next->name arguments;               \
        if (!code && event) hold(*event, "event", 1);         \
        return code;                                          \
    }
#define HOLD(suffix, handle, type)                            \
    static cl_int CL_API_CALL my_clRetain##suffix(handle h)   \
    {                                                         \
        cl_int code = next->clRetain##suffix(h);              \
        if (!code) hold(h, type, 1);                          \
        return code;                                          \
    }                                                         \
    static cl_int CL_API_CALL my_clRelease##suffix(handle h)  \
    {                                                         \
        if (h) hold(h, type, -1);                             \
        return next->clRelease##suffix(h);                    \
    }

#define NO_HOST CL_OUT_OF_HOST_MEMORY
ASK(clGetPlatformIDs, NO_HOST, (cl_uint n, cl_platform_id *p, cl_uint *m), (n, p, m))
ASK(clGetPlatformInfo, NO_HOST, (cl_platform_id p, cl_platform_info i, size_t s, void *v, size_t *r), (p, i, s, v, r))
ASK(clGetDeviceIDs, NO_HOST, (cl_platform_id p, cl_device_type t, cl_uint n, cl_device_id *d, cl_uint *m), (p, t, n, d, m))
ASK(clGetDeviceInfo, NO_HOST, (cl_device_id d, cl_device_info i, size_t s, void *v, size_t *r), (d, i, s, v, r))
ASK(clGetContextInfo, NO_HOST, (cl_context c, cl_context_info i, size_t s, void *v, size_t *r), (c, i, s, v, r))
ASK(clGetCommandQueueInfo, NO_HOST, (cl_command_queue q, cl_command_queue_info i, size_t s, void *v, size_t *r), (q, i, s, v, r))
ASK(clGetMemObjectInfo, NO_HOST, (cl_mem m, cl_mem_info i, size_t s, void *v, size_t *r), (m, i, s, v, r))
ASK(clGetProgramInfo, NO_HOST, (cl_program p, cl_program_info i, size_t s, void *v, size_t *r), (p, i, s, v, r))
ASK(clGetProgramBuildInfo, NO_HOST, (cl_program p, cl_device_id d, cl_program_build_info i, size_t s, void *v, size_t *r), (p, d, i, s, v, r))
ASK(clGetKernelWorkGroupInfo, NO_HOST, (cl_kernel k, cl_device_id d, cl_kernel_work_group_info i, size_t s, void *v, size_t *r), (k, d, i, s, v, r))
ASK(clGetEventInfo, NO_HOST, (cl_event e, cl_event_info i, size_t s, void *v, size_t *r), (e, i, s, v, r))
ASK(clGetEventProfilingInfo, CL_PROFILING_INFO_NOT_AVAILABLE, (cl_event e, cl_profiling_info i, size_t s, void *v, size_t *r), (e, i, s, v, r))
ASK(clBuildProgram, CL_BUILD_PROGRAM_FAILURE, (cl_program p, cl_uint n, const cl_device_id *d, const char *o, void(CL_CALLBACK *f)(cl_program, void *), void *u), (p, n, d, o, f, u))
ASK(clSetKernelArg, CL_OUT_OF_RESOURCES, (cl_kernel k, cl_uint i, size_t s, const void *v), (k, i, s, v))
ASK(clFlush, CL_OUT_OF_RESOURCES, (cl_command_queue q), (q))

/* A wait that fails has waited all the same: what is under way when a driver breaks down is not what is tested here. */
static cl_int CL_API_CALL my_clFinish(cl_command_queue q)
{
    cl_int code = fault("clFinish", CL_OUT_OF_RESOURCES), own = next->clFinish(q);
    return code ? code : own;
}

static cl_int CL_API_CALL my_clWaitForEvents(cl_uint n, const cl_event *w)
{
    cl_int code = fault("clWaitForEvents", CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST), own = next->clWaitForEvents(n, w);
    return code ? code : own;
}

MAKE(clCreateContext, cl_context, "context", NO_HOST, (const cl_context_properties *p, cl_uint n, const cl_device_id *d, void(CL_CALLBACK *f)(const char *, const void *, size_t, void *), void *u, cl_int *code), (p, n, d, f, u, code))
MAKE(clCreateCommandQueue, cl_command_queue, "queue", CL_OUT_OF_RESOURCES, (cl_context c, cl_device_id d, cl_command_queue_properties p, cl_int *code), (c, d, p, code))
MAKE(clCreateBuffer, cl_mem, "buffer", CL_MEM_OBJECT_ALLOCATION_FAILURE, (cl_context c, cl_mem_flags f, size_t s, void *h, cl_int *code), (c, f, s, h, code))
MAKE(clCreateSubBuffer, cl_mem, "buffer", CL_MEM_OBJECT_ALLOCATION_FAILURE, (cl_mem c, cl_mem_flags f, cl_buffer_create_type t, const void *h, cl_int *code), (c, f, t, h, code))
MAKE(clCreateProgramWithSource, cl_program, "program", NO_HOST, (cl_context c, cl_uint n, const char **s, const size_t *l, cl_int *code), (c, n, s, l, code))
MAKE(clCreateProgramWithBinary, cl_program, "program", CL_INVALID_BINARY, (cl_context c, cl_uint n, const cl_device_id *d, const size_t *l, const unsigned char **b, cl_int *s, cl_int *code), (c, n, d, l, b, s, code))
MAKE(clCreateKernel, cl_kernel, "kernel", NO_HOST, (cl_program p, const char *s, cl_int *code), (p, s, code))
MAKE(clCreateUserEvent, cl_event, "event", NO_HOST, (cl_context c, cl_int *code), (c, code))

ENQUEUE(clEnqueueNDRangeKernel, (cl_command_queue q, cl_kernel k, cl_uint d, const size_t *o, const size_t *g, const size_t *l, cl_uint n, const cl_event *w, cl_event *event), (q, k, d, o, g, l, n, w, event))
ENQUEUE(clEnqueueWriteBuffer, (cl_command_queue q, cl_mem m, cl_bool b, size_t o, size_t s, const void *p, cl_uint n, const cl_event *w, cl_event *event), (q, m, b, o, s, p, n, w, event))
ENQUEUE(clEnqueueWriteBufferRect, (cl_command_queue q, cl_mem m, cl_bool b, const size_t *bo, const size_t *ho, const size_t *r, size_t brp, size_t bsp, size_t hrp, size_t hsp, const void *p, cl_uint n, const cl_event *w, cl_event *event), (q, m, b, bo, ho, r, brp, bsp, hrp, hsp, p, n, w, event))
ENQUEUE(clEnqueueReadBufferRect, (cl_command_queue q, cl_mem m, cl_bool b, const size_t *bo, const size_t *ho, const size_t *r, size_t brp, size_t bsp, size_t hrp, size_t hsp, void *p, cl_uint n, const cl_event *w, cl_event *event), (q, m, at_once(b), bo, ho, r, brp, bsp, hrp, hsp, p, n, w, event))
ENQUEUE(clEnqueueCopyBuffer, (cl_command_queue q, cl_mem a, cl_mem b, size_t x, size_t y, size_t s, cl_uint n, const cl_event *w, cl_event *event), (q, a, b, x, y, s, n, w, event))
ENQUEUE(clEnqueueFillBuffer, (cl_command_queue q, cl_mem m, const void *p, size_t ps, size_t o, size_t s, cl_uint n, const cl_event *w, cl_event *event), (q, m, p, ps, o, s, n, w, event))
ENQUEUE(clEnqueueUnmapMemObject, (cl_command_queue q, cl_mem m, void *p, cl_uint n, const cl_event *w, cl_event *event), (q, m, p, n, w, event))
ENQUEUE(clEnqueueMarkerWithWaitList, (cl_command_queue q, cl_uint n, const cl_event *w, cl_event *event), (q, n, w, event))
ENQUEUE(clEnqueueBarrierWithWaitList, (cl_command_queue q, cl_uint n, const cl_event *w, cl_event *event), (q, n, w, event))

static cl_int CL_API_CALL my_clEnqueueReadBuffer(cl_command_queue q, cl_mem m, cl_bool b, size_t o, size_t s, void *p, cl_uint n,
                                                 const cl_event *w, cl_event *event)
{
    cl_int code = fault("clEnqueueReadBuffer", CL_OUT_OF_RESOURCES);
    if (!code) code = next->clEnqueueReadBuffer(q, m, at_once(b), o, s, p, n, w, event);
    if (!code) came(p, s);
    if (!code && event) hold(*event, "event", 1);
    return code;
}

static void *CL_API_CALL my_clEnqueueMapBuffer(cl_command_queue q, cl_mem m, cl_bool b, cl_map_flags f, size_t o, size_t s, cl_uint n,
                                               const cl_event *w, cl_event *event, cl_int *code)
{
    cl_int wrong = fault("clEnqueueMapBuffer", CL_MAP_FAILURE);
    if (wrong && code) *code = wrong;
    void *at = wrong ? NULL : next->clEnqueueMapBuffer(q, m, at_once(b), f, o, s, n, w, event, code);
    if (at && (f & CL_MAP_READ)) came(at, s);
    if (at && event) hold(*event, "event", 1);
    return at;
}

HOLD(Context, cl_context, "context")
HOLD(CommandQueue, cl_command_queue, "queue")
HOLD(MemObject, cl_mem, "buffer")
HOLD(Program, cl_program, "program")
HOLD(Kernel, cl_kernel, "kernel")
HOLD(Event, cl_event, "event")

static void read_orders(void)
{
    static char word[32];
    const char *orders = getenv("FAULT_LAYER");
    if (orders == NULL || sscanf(orders, "%31[a-z]:%ld", word, &due) != 2) return;
    what = word;
    for_ever = false;
}

#define PUT(name) ours.name = my_##name;
#define PUT_HOLD(suffix) PUT(clRetain##suffix) PUT(clRelease##suffix)
static void hook(void)
{
    PUT(clGetPlatformIDs) PUT(clGetPlatformInfo) PUT(clGetDeviceIDs) PUT(clGetDeviceInfo) PUT(clGetContextInfo)
    PUT(clGetCommandQueueInfo) PUT(clGetMemObjectInfo) PUT(clGetProgramInfo) PUT(clGetProgramBuildInfo) PUT(clGetKernelWorkGroupInfo)
    PUT(clGetEventInfo) PUT(clGetEventProfilingInfo) PUT(clBuildProgram) PUT(clSetKernelArg) PUT(clFlush) PUT(clFinish)
    PUT(clWaitForEvents) PUT(clCreateContext) PUT(clCreateCommandQueue) PUT(clCreateBuffer) PUT(clCreateSubBuffer)
    PUT(clCreateProgramWithSource) PUT(clCreateProgramWithBinary) PUT(clCreateKernel) PUT(clCreateUserEvent)
    PUT(clEnqueueNDRangeKernel) PUT(clEnqueueWriteBuffer) PUT(clEnqueueWriteBufferRect) PUT(clEnqueueReadBuffer)
    PUT(clEnqueueReadBufferRect) PUT(clEnqueueCopyBuffer) PUT(clEnqueueFillBuffer) PUT(clEnqueueUnmapMemObject)
    PUT(clEnqueueMarkerWithWaitList) PUT(clEnqueueBarrierWithWaitList) PUT(clEnqueueMapBuffer)
    PUT_HOLD(Context) PUT_HOLD(CommandQueue) PUT_HOLD(MemObject) PUT_HOLD(Program) PUT_HOLD(Kernel) PUT_HOLD(Event)
    read_orders();
}
