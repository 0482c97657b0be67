/* context.c - contexts: opened by selector or wrapped around the caller's, examined and closed.
   SPDX-License-Identifier: MIT */

#include "context.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cache.h"
#include "error.h"
#include "harmless.h"
#include "program.h"
#include "select.h"
#include "selftest.h"
#include "tune.h"
#include "workspace.h"

/* ---------------------------------------------------------------- making and freeing */

/* For what fails before there is a context. */
static clglu_status refuse(const clglu_context_params *params, clglu_status status, const char *format, ...)
    CLGLU_PRINTF(3, 4);

static clglu_status refuse(const clglu_context_params *params, clglu_status status, const char *format, ...)
{
    char text[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (params && params->log) params->log(clglu_harmless(text), params->log_user);
    return status;
}

static clglu_status copy_params(clglu_context *c, const clglu_context_params *params)
{
    c->budget = params ? params->device_budget : 0;
    if (c->budget == 0) c->budget = (size_t)(c->device.facts.global_bytes / 4);
    if (params == NULL) return CLGLU_OK;
    c->log = params->log;
    c->log_user = params->log_user;
    c->allow_other_bits = params->allow_other_bits != 0;
    c->list_only = params->list_only != 0;
    if (params->cache_dir && !c->list_only) c->cache = clglu_cache_open(c, params->cache_dir);
    clglu_status status = params->tuning_file ? clglu_tuning_read(c, params->tuning_file, &c->tuning) : CLGLU_OK;
    if (status || params->kernel_dir == NULL) return status;
    size_t size = strlen(params->kernel_dir) + 1;
    c->kernel_dir = malloc(size);
    if (c->kernel_dir == NULL) return CLGLU_OUT_OF_MEMORY;
    memcpy(c->kernel_dir, params->kernel_dir, size);
    return CLGLU_OK;
}

static clglu_status make_queues(clglu_context *c)
{
    cl_int code;
    c->queue = clCreateCommandQueue(c->cl, c->device.facts.device_id, 0, &code);
    if (c->queue) c->transfer = clCreateCommandQueue(c->cl, c->device.facts.device_id, 0, &code);
    return c->transfer ? CLGLU_OK : clglu_fail_cl(c, "clCreateCommandQueue", code);
}

/* Takes the device record and a reference to cl, also when it fails. */
static clglu_status make(const clglu_device *device, cl_context cl, const clglu_context_params *params,
                         clglu_context **context)
{
    clglu_context *c = calloc(1, sizeof *c);
    if (c == NULL) {
        clglu_device unused = *device;
        clglu_device_free(&unused);
        clReleaseContext(cl);
        return CLGLU_OUT_OF_MEMORY;
    }
    c->device = *device;
    c->device.facts.verdict = c->device.verdict;
    c->device.facts.remarks = c->device.remarks;
    c->cl = cl;
    pthread_mutex_init(&c->error_lock, NULL);
    pthread_mutex_init(&c->build_lock, NULL);
    pthread_mutex_init(&c->workspace_lock, NULL);
    clglu_status status = copy_params(c, params);
    if (!status) status = make_queues(c);
    if (status) {
        clglu_context_close(c);
        return status;
    }
    *context = c;
    return CLGLU_OK;
}

void clglu_context_close(clglu_context *context)
{
    if (context == NULL) return;
    if (context->queue) clFinish(context->queue);
    clglu_workspaces_free(context);
    clglu_programs_free(context);
    clglu_cache_close(context->cache);
    clglu_tuning_free(context->tuning);
    if (context->transfer) clReleaseCommandQueue(context->transfer);
    if (context->queue) clReleaseCommandQueue(context->queue);
    clReleaseContext(context->cl);
    clglu_error_free(context);
    clglu_device_free(&context->device);
    pthread_mutex_destroy(&context->error_lock);
    pthread_mutex_destroy(&context->build_lock);
    pthread_mutex_destroy(&context->workspace_lock);
    free(context->kernel_dir);
    free(context);
}

/* ---------------------------------------------------------------- a device becomes a context */

static bool trusts(const clglu_context_params *params)
{
    return params && (params->no_self_test || params->list_only);
}

static clglu_status create_cl(const clglu_context_params *params, const clglu_device_facts *place, cl_context *cl)
{
    cl_context_properties properties[] = {CL_CONTEXT_PLATFORM, (cl_context_properties)place->platform_id, 0};
    cl_int code;
    *cl = clCreateContext(properties, 1, &place->device_id, NULL, NULL, &code);
    if (*cl) return CLGLU_OK;
    return refuse(params, CLGLU_OPENCL_FAILED, "clCreateContext: %s (%d)", clglu_cl_name(code), (int)code);
}

/* A device without a compiler serves if there is a folder where its programs may be; the self-test is the first to ask. */
static void accept_binaries(clglu_context *c)
{
    if (!c->device.lacks_compiler || (c->kernel_dir == NULL && !c->list_only)) return;
    c->device.facts.usable = 1;
    snprintf(c->device.verdict, sizeof c->device.verdict, "usable, with the binaries in kernel_dir");
}

/* A context that lists begins with what every other one begins with. */
static clglu_status ask_selftest(clglu_context **context)
{
    cl_program program;
    clglu_status status = clglu_selftest_program(*context, &program);
    if (!status) return CLGLU_OK;
    clglu_context_close(*context);
    *context = NULL;
    return status;
}

clglu_status clglu_context_make(const clglu_device_facts *place, cl_context cl, const clglu_context_params *params,
                                clglu_context **context)
{
    clglu_device device;
    clglu_status status = cl ? CLGLU_OK : create_cl(params, place, &cl);
    if (status) return status;
    status = clglu_device_read(&device, place->platform, place->device, place->platform_id, place->device_id);
    if (status) {
        clReleaseContext(cl);
        return status;
    }
    status = make(&device, cl, params, context);
    if (!status) accept_binaries(*context);
    if (!status && (*context)->list_only) return ask_selftest(context);
    if (!status && (*context)->device.facts.usable && !trusts(params)) clglu_selftest(*context);
    return status;
}

/* The same, for a caller who wants a device that can be used. */
static clglu_status make_usable(const clglu_device_facts *place, cl_context cl, const clglu_context_params *params,
                                clglu_context **context)
{
    clglu_context *c;
    clglu_status status = clglu_context_make(place, cl, params, &c);
    if (status) return status;
    if (!c->device.facts.usable) {
        status = refuse(params, CLGLU_DEVICE_UNUSABLE, "%u:%u %s: %s", place->platform, place->device,
                        c->device.facts.name, c->device.verdict);
        clglu_context_close(c);
        return status;
    }
    *context = c;
    return CLGLU_OK;
}

/* ---------------------------------------------------------------- open and wrap */

/* The best device that matches and has not been tried; NULL: none. */
static clglu_device *pick(clglu_device *list, size_t count, const char *selector, const bool *tried)
{
    clglu_device *best = NULL;
    for (size_t i = 0; i < count; i++) {
        clglu_device *d = &list[i];
        if (tried[i] || d->facts.device_id == NULL || !clglu_selector_matches(selector, &d->facts)) continue;
        if (best == NULL || clglu_device_is_better(&d->facts, &best->facts)) best = d;
    }
    return best;
}

static clglu_status open_best(clglu_device *list, size_t count, const char *selector,
                              const clglu_context_params *params, clglu_context **context)
{
    bool *tried = calloc(count, sizeof *tried);
    clglu_device *d;
    clglu_status status = CLGLU_NO_DEVICE;
    if (tried == NULL) return CLGLU_OUT_OF_MEMORY;
    while ((d = pick(list, count, selector, tried)) != NULL) {
        tried[d - list] = true;
        status = make_usable(&d->facts, NULL, params, context);
        if (!status || status == CLGLU_OUT_OF_MEMORY) break;
    }
    free(tried);
    if (status == CLGLU_NO_DEVICE) return refuse(params, status, "no device matches \"%s\"", selector);
    return status;
}

clglu_status clglu_context_open(const char *selector, const clglu_context_params *params, clglu_context **context)
{
    clglu_device *list;
    size_t count;
    const char *why;
    if (context == NULL) return refuse(params, CLGLU_NULL_POINTER, "context is NULL");
    *context = NULL;
    if (selector == NULL) selector = "best";
    clglu_status status = clglu_selector_check(selector, &why);
    if (status) return refuse(params, status, "the selector \"%s\" cannot be understood: %s", selector, why);
    status = clglu_device_list(&list, &count);
    if (status == CLGLU_NO_PLATFORM) return refuse(params, status, "the OpenCL loader knows no platform");
    if (status) return status;
    status = open_best(list, count, selector, params, context);
    clglu_device_list_free(list, count);
    return status;
}

/* The device's place in the enumeration; what is in no list (a sub-device) has none. */
static bool find_place(cl_device_id id, clglu_device_facts *place)
{
    clglu_device *list;
    size_t count;
    bool found = false;
    if (clglu_device_list(&list, &count)) return false;
    for (size_t i = 0; i < count && !found; i++) {
        *place = list[i].facts;
        found = place->device_id == id;
    }
    clglu_device_list_free(list, count);
    return found;
}

static clglu_status check_in_context(const clglu_context_params *params, cl_context cl, cl_device_id device)
{
    size_t size = 0;
    bool found = false;
    if (clGetContextInfo(cl, CL_CONTEXT_DEVICES, 0, NULL, &size) != CL_SUCCESS)
        return refuse(params, CLGLU_INVALID_VALUE, "cl is not an OpenCL context");
    cl_device_id *ids = malloc(size + 1);
    if (ids == NULL) return CLGLU_OUT_OF_MEMORY;
    if (clGetContextInfo(cl, CL_CONTEXT_DEVICES, size, ids, NULL) != CL_SUCCESS) size = 0;
    for (size_t i = 0; i < size / sizeof *ids; i++) found |= ids[i] == device;
    free(ids);
    return found ? CLGLU_OK : refuse(params, CLGLU_INVALID_VALUE, "the device is not one of cl's");
}

clglu_status clglu_context_wrap(cl_context cl, cl_device_id device, const clglu_context_params *params,
                                clglu_context **context)
{
    clglu_device_facts place = {.platform = 0};
    if (context == NULL) return refuse(params, CLGLU_NULL_POINTER, "context is NULL");
    *context = NULL;
    if (cl == NULL || device == NULL) return refuse(params, CLGLU_NULL_POINTER, "cl or device is NULL");
    clglu_status status = check_in_context(params, cl, device);
    if (status) return status;
    if (!find_place(device, &place) &&
        clGetDeviceInfo(device, CL_DEVICE_PLATFORM, sizeof place.platform_id, &place.platform_id, NULL) != CL_SUCCESS)
        return refuse(params, CLGLU_OPENCL_FAILED, "the device has no platform");
    if (clRetainContext(cl) != CL_SUCCESS) return refuse(params, CLGLU_OPENCL_FAILED, "clRetainContext failed");
    place.device_id = device;
    return make_usable(&place, cl, params, context);
}

/* ---------------------------------------------------------------- what a context uses */

cl_command_queue clglu_context_queue(const clglu_context *context)
{
    return context ? context->queue : NULL;
}

cl_device_id clglu_context_device(const clglu_context *context)
{
    return context ? context->device.facts.device_id : NULL;
}

cl_context clglu_context_cl_context(const clglu_context *context)
{
    return context ? context->cl : NULL;
}

const clglu_device_facts *clglu_context_facts(const clglu_context *context)
{
    return context ? &context->device.facts : NULL;
}

/* Only the lock is written to; the context's owner handed it out as one that can be. */
const char *clglu_context_error(const clglu_context *context)
{
    return context ? clglu_error_last((clglu_context *)(uintptr_t)context) : "";
}
