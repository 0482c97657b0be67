/* planted.c - one mistake of each kind, for tests/sanitize.sh: what does not find these has found nothing. SPDX-License-Identifier: MIT */

/* planted MISTAKE does it; `none` does the like rightly, and must end well. */
#define CL_TARGET_OPENCL_VERSION 120
#include <CL/cl.h>

#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What the compiler cannot see through. */
static volatile int one = 1;
static void *volatile kept;

static int overflow(void)
{
    kept = malloc(16);
    char *p = kept;
    if (!p) return 1;
    p[15 + one] = 1;
    int x = p[15 + one];
    free(kept);
    return x - 1;
}

/* Something is called between, and its pointer overwritten, so that none is left in a register or on the stack. */
static void lose(void)
{
    kept = malloc(1000);
    if (kept) memset(kept, 1, 1000);
    kept = NULL;
}

static int leak(void)
{
    lose();
    printf("lost\n");
    return 0;
}

static int sum(void) { return INT_MAX - 1 + one + one > 0; }
/* cppcheck-suppress [shiftTooManyBits, integerOverflow] the mistake that is to be found */
/* NOLINTNEXTLINE(clang-analyzer-core.UndefinedBinaryOperatorResult): the same */
static int shift(void) { return 1 << (31 + one) == 7; }

static int misaligned(void)
{
    static int numbers[4];
    return *(const int *)(const void *)((const char *)numbers + one);
}

static int uninitialised(void)
{
    int x = 0;
    kept = malloc(sizeof x);
    const int *p = kept;
    if (!p) return 1;
    /* NOLINTNEXTLINE(clang-analyzer-core.UndefinedBinaryOperatorResult): the mistake that is to be found */
    if (*p == 77) x = puts("seventy-seven");
    free(kept);
    return x < 0;
}

static int shared;
static void *count(void *user)
{
    for (int i = 0; i < 1000; i++) shared++;
    return user;
}

static int race(void)
{
    pthread_t thread[16];
    for (int i = 0; i < 16; i++)
        if (pthread_create(&thread[i], NULL, count, NULL) != 0) return 1;
    for (int i = 0; i < 16; i++) pthread_join(thread[i], NULL);
    return shared == 0;
}

/* ---------------------------------------------------------------- with the driver between */

static cl_context open_any(void)
{
    cl_platform_id platform;
    cl_device_id device;
    if (clGetPlatformIDs(1, &platform, NULL) != CL_SUCCESS) return NULL;
    if (clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, 1, &device, NULL) != CL_SUCCESS) return NULL;
    return clCreateContext(NULL, 1, &device, NULL, NULL, NULL);
}

static void CL_CALLBACK called(cl_event event, cl_int status, void *user)
{
    (void)event;
    (void)status;
    if (user) lose();
}

/* The driver calls what loses: its frames stand above ours. */
static int leak_in_callback(void *loses)
{
    cl_context context = open_any();
    if (!context) return 1;
    cl_event event = clCreateUserEvent(context, NULL);
    if (!event || clSetEventCallback(event, CL_COMPLETE, called, loses) != CL_SUCCESS) return 1;
    if (clSetUserEventStatus(event, CL_COMPLETE) != CL_SUCCESS) return 1;
    clReleaseEvent(event);
    clReleaseContext(context);
    printf("called\n");
    return 0;
}

int main(int count_of, char **argument)
{
    const char *mistake = count_of == 2 ? argument[1] : "";
    if (strcmp(mistake, "none") == 0) return leak_in_callback(NULL);
    if (strcmp(mistake, "overflow") == 0) return overflow();
    if (strcmp(mistake, "leak") == 0) return leak();
    if (strcmp(mistake, "callback") == 0) return leak_in_callback(&shared);
    if (strcmp(mistake, "sum") == 0) return sum();
    if (strcmp(mistake, "shift") == 0) return shift();
    if (strcmp(mistake, "misaligned") == 0) return misaligned();
    if (strcmp(mistake, "uninitialised") == 0) return uninitialised();
    if (strcmp(mistake, "race") == 0) return race();
    return 2;
}
