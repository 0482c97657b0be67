/* command_driver.c - drivers that go wrong, for tests/command.sh; built with one of the -D below.
   SPDX-License-Identifier: MIT */

#define _GNU_SOURCE /* RTLD_NEXT */
#define CL_TARGET_OPENCL_VERSION 120

#include <CL/cl.h>
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A driver that crashes when it is loaded. */
#ifdef CRASH_AT_LOAD
__attribute__((constructor)) static void load(void)
{
    fputs("the driver's last words\n", stderr);
    abort();
}
#endif

/* A driver that loads and crashes when it is asked anything. */
#ifdef CRASH_AT_CALL
__attribute__((visibility("default"))) void *clGetExtensionFunctionAddress(const char *name)
{
    (void)name;
    abort();
}
#endif

/* A driver that never comes back from being loaded; it writes its process' number to the file HANG_PIDFILE. */
#ifdef HANG_AT_LOAD
__attribute__((constructor)) static void load(void)
{
    const char *path = getenv("HANG_PIDFILE");
    FILE *f = path ? fopen(path, "a") : NULL;
    if (f) fprintf(f, "%ld\n", (long)getpid());
    if (f) fclose(f);
    for (;;) pause();
}
#endif

/* Preloaded, it stands between the library and OpenCL. Kernels whose names begin with BROKEN_KERNEL either fail
   (BROKEN_WAY=fail), crash, hang or end the process (crash, hang, exit), or are never run and reported as done. With a ! before
   the name: all the others. */
#ifdef BETWEEN
static int is_broken(cl_kernel kernel)
{
    const char *wanted = getenv("BROKEN_KERNEL");
    char name[256] = "";
    if (!wanted || clGetKernelInfo(kernel, CL_KERNEL_FUNCTION_NAME, sizeof name, name, NULL) != CL_SUCCESS) return 0;
    int others = *wanted == '!';
    wanted += others;
    return (strncmp(name, wanted, strlen(wanted)) == 0) != others;
}

static cl_int break_it(cl_command_queue queue, cl_uint nwait, const cl_event *wait, cl_event *event)
{
    const char *way = getenv("BROKEN_WAY");
    if (!way) return clEnqueueMarkerWithWaitList(queue, nwait, wait, event);
    if (strcmp(way, "crash") == 0) abort();
    if (strcmp(way, "exit") == 0) exit(7);
    while (strcmp(way, "hang") == 0) pause();
    return CL_OUT_OF_RESOURCES;
}

cl_int clEnqueueNDRangeKernel(cl_command_queue queue, cl_kernel kernel, cl_uint dims, const size_t *offset,
                              const size_t *global, const size_t *local, cl_uint nwait, const cl_event *wait,
                              cl_event *event)
{
    typedef cl_int enqueue(cl_command_queue, cl_kernel, cl_uint, const size_t *, const size_t *, const size_t *, cl_uint,
                           const cl_event *, cl_event *);
    if (is_broken(kernel)) return break_it(queue, nwait, wait, event);
    enqueue *real;
    *(void **)&real = dlsym(RTLD_NEXT, "clEnqueueNDRangeKernel");
    return real(queue, kernel, dims, offset, global, local, nwait, wait, event);
}
#endif
