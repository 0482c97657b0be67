/* late.c - the libraries of OpenCL, loaded when the command runs: it starts where they are missing, too.
   SPDX-License-Identifier: MIT */

#include "late.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static struct late_trouble trouble; /* its id is NULL: none */

#ifdef CLGLU_LATE
/* Functions that came with OpenCL 1.2: a loader without them is too old. */
static const char *const needed[] = {"clGetPlatformIDs", "clCreateSubBuffer", "clEnqueueFillBuffer",
                                     "clEnqueueMarkerWithWaitList", "clCompileProgram"};

static int open_library(const char *name, const char *id, const char *remedy, void **library)
{
    *library = dlopen(name, RTLD_LAZY | RTLD_GLOBAL);
    if (*library) return 1;
    trouble = (struct late_trouble){.id = id, .remedy = remedy};
    snprintf(trouble.why, sizeof trouble.why, "%s", dlerror());
    return 0;
}

static int open_all(void)
{
    void *loader, *other;
    if (!open_library("libOpenCL.so.1", "no-loader", "sudo apt-get install ocl-icd-libopencl1", &loader)) return 0;
    for (size_t i = 0; i < sizeof needed / sizeof *needed; i++)
        if (!dlsym(loader, needed[i])) {
            trouble = (struct late_trouble){
                .id = "old-loader",
                .remedy = "sudo apt-get install --reinstall ocl-icd-libopencl1   # and look at LD_LIBRARY_PATH"};
            snprintf(trouble.why, sizeof trouble.why, "libOpenCL.so.1 has no %s: it is older than OpenCL 1.2, or no loader",
                     needed[i]);
            return 0;
        }
#ifdef CLGLU_CLBLAST
    return open_library("libclblast.so.1", "no-clblast", "sudo apt-get install libclblast1", &other);
#else
    (void)other;
    return 1;
#endif
}

/* With LD_BIND_NOW what is not there yet would stay away. */
static void bind_late(char **argv)
{
    const char *now = getenv("LD_BIND_NOW");
    if (!now || !*now) return;
    unsetenv("LD_BIND_NOW");
    execv("/proc/self/exe", argv);
}
#endif

int late_open(char **argv)
{
    (void)argv;
#ifdef CLGLU_LATE
    bind_late(argv);
    return open_all();
#else
    return 1;
#endif
}

const struct late_trouble *late_trouble(void) { return trouble.id ? &trouble : NULL; }
