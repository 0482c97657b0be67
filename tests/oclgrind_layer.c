/* oclgrind_layer.c - an OpenCL layer that mends what Oclgrind's detectors get wrong, and plants bugs that they must find.
   SPDX-License-Identifier: MIT */

/* Oclgrind 21.10 keeps one piece of shadow memory for a buffer, and forgets which bytes it is for:
     - a write by the host makes it anew, as large as what is written: after clEnqueueFillBuffer, which writes pattern by pattern, it
       has the size of one pattern, and whatever lies behind counts as never written, even after a kernel has written it;
     - it outlives its buffer: the next one in the same place has the shadow of the one before, of another size.
   So the fill of a whole buffer becomes one write, that of a part a kernel's, a write behind a buffer's start one of the whole buffer,
   and new buffers get a write of nothing, after which the first kernel gives them a shadow of their size, all of it unwritten.
   OCLGRIND_LAYER holds words: cpu: the device is a CPU with vectors of four floats, for the forms that only such have; too-large: a
   write passes its buffer's end; bad-arg: arguments are a byte too short. */

#include "layer.h"

static int asked(const char *word)
{
    const char *all = getenv("OCLGRIND_LAYER");
    return all && strstr(all, word) != NULL;
}

/* ---------------------------------------------------------------- facts */

static cl_int CL_API_CALL get_device_info(cl_device_id device, cl_device_info what, size_t size, void *value, size_t *needed)
{
    cl_int code = next->clGetDeviceInfo(device, what, size, value, needed);
    if (code != CL_SUCCESS || value == NULL || !asked("cpu")) return code;
    if (what == CL_DEVICE_TYPE) *(cl_device_type *)value = CL_DEVICE_TYPE_CPU;
    if (what == CL_DEVICE_PREFERRED_VECTOR_WIDTH_FLOAT || what == CL_DEVICE_NATIVE_VECTOR_WIDTH_FLOAT) *(cl_uint *)value = 4;
    return code;
}

/* ---------------------------------------------------------------- new buffers */

static void write_nothing(cl_context context, cl_mem mem)
{
    cl_device_id device;
    char byte = 0;
    if (next->clGetContextInfo(context, CL_CONTEXT_DEVICES, sizeof device, &device, NULL) != CL_SUCCESS) return;
    cl_command_queue queue = next->clCreateCommandQueue(context, device, 0, NULL);
    if (queue == NULL) return;
    next->clEnqueueWriteBuffer(queue, mem, CL_TRUE, 0, 0, &byte, 0, NULL, NULL);
    next->clReleaseCommandQueue(queue);
}

static cl_mem CL_API_CALL create_buffer(cl_context context, cl_mem_flags flags, size_t size, void *host, cl_int *code)
{
    cl_mem mem = next->clCreateBuffer(context, flags, size, host, code);
    if (mem && host == NULL) write_nothing(context, mem);
    return mem;
}

/* ---------------------------------------------------------------- fills and writes */

/* Writes all of a buffer that has `size` bytes of `from` at `offset`, over and over with `step` < size, and else what it has. */
static cl_int write_whole(cl_command_queue queue, cl_mem mem, size_t offset, size_t size, const void *from, size_t step, cl_uint nwait,
                          const cl_event *wait, cl_event *event)
{
    size_t all = 0;
    cl_int code = next->clGetMemObjectInfo(mem, CL_MEM_SIZE, sizeof all, &all, NULL);
    char *text = code == CL_SUCCESS ? malloc(all) : NULL;
    if (text == NULL) return CL_OUT_OF_HOST_MEMORY;
    code = next->clEnqueueReadBuffer(queue, mem, CL_TRUE, 0, all, text, nwait, wait, NULL);
    for (size_t i = 0; code == CL_SUCCESS && i < size; i += step) memcpy(text + offset + i, from, step);
    if (code == CL_SUCCESS) code = next->clEnqueueWriteBuffer(queue, mem, CL_TRUE, 0, all, text, 0, NULL, event);
    free(text);
    return code;
}

/* Does it lie inside the buffer? Else the driver shall say so. */
static int fits(cl_mem mem, size_t offset, size_t size)
{
    size_t all = 0;
    return next->clGetMemObjectInfo(mem, CL_MEM_SIZE, sizeof all, &all, NULL) == CL_SUCCESS && offset <= all && size <= all - offset;
}

/* A kernel's stores are told apart from what nobody wrote. */
static cl_int fill_part(cl_command_queue queue, cl_mem mem, const void *pattern, size_t offset, size_t size, cl_uint nwait,
                        const cl_event *wait, cl_event *event)
{
    static const char *source = "kernel void fill(global uint *p, ulong at, uint x) { p[at + get_global_id(0)] = x; }";
    cl_context context = NULL;
    cl_int code = next->clGetCommandQueueInfo(queue, CL_QUEUE_CONTEXT, sizeof context, &context, NULL);
    cl_ulong at = offset / 4;
    size_t count = size / 4;
    cl_program program = next->clCreateProgramWithSource(context, 1, &source, NULL, &code);
    if (program == NULL) return code;
    code = next->clBuildProgram(program, 0, NULL, "", NULL, NULL);
    cl_kernel kernel = code == CL_SUCCESS ? next->clCreateKernel(program, "fill", &code) : NULL;
    if (kernel) {
        next->clSetKernelArg(kernel, 0, sizeof mem, &mem);
        next->clSetKernelArg(kernel, 1, sizeof at, &at);
        next->clSetKernelArg(kernel, 2, 4, pattern);
        code = next->clEnqueueNDRangeKernel(queue, kernel, 1, NULL, &count, NULL, nwait, wait, event);
        next->clReleaseKernel(kernel);
    }
    next->clReleaseProgram(program);
    return code;
}

static cl_int CL_API_CALL fill_buffer(cl_command_queue queue, cl_mem mem, const void *pattern, size_t step, size_t offset, size_t size,
                                      cl_uint nwait, const cl_event *wait, cl_event *event)
{
    size_t all = 0;
    if (step == 0 || size % step || !fits(mem, offset, size))
        return next->clEnqueueFillBuffer(queue, mem, pattern, step, offset, size, nwait, wait, event);
    next->clGetMemObjectInfo(mem, CL_MEM_SIZE, sizeof all, &all, NULL);
    if (step == 4 && offset % 4 == 0 && size < all) return fill_part(queue, mem, pattern, offset, size, nwait, wait, event);
    return write_whole(queue, mem, offset, size, pattern, step, nwait, wait, event);
}

static cl_int CL_API_CALL write_buffer(cl_command_queue queue, cl_mem mem, cl_bool blocking, size_t offset, size_t size, const void *from,
                                       cl_uint nwait, const cl_event *wait, cl_event *event)
{
    if (asked("too-large")) size += (size_t)1 << 30;
    if (offset == 0 || size == 0 || !fits(mem, offset, size))
        return next->clEnqueueWriteBuffer(queue, mem, blocking, offset, size, from, nwait, wait, event);
    return write_whole(queue, mem, offset, size, from, size, nwait, wait, event);
}

static cl_int CL_API_CALL set_kernel_arg(cl_kernel kernel, cl_uint number, size_t size, const void *value)
{
    return next->clSetKernelArg(kernel, number, asked("bad-arg") && value ? size - 1 : size, value);
}

static void hook(void)
{
    ours.clGetDeviceInfo = get_device_info;
    ours.clCreateBuffer = create_buffer;
    ours.clEnqueueFillBuffer = fill_buffer;
    ours.clEnqueueWriteBuffer = write_buffer;
    ours.clSetKernelArg = set_kernel_arg;
}
