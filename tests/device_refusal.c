/* device_refusal.c - calls that are refused: buffers made for them, and that nothing came of the call.
   SPDX-License-Identifier: MIT */

#include "device_refusal.h"

#include <string.h>

/* ---------------------------------------------------------------- buffers */

cl_mem own(owned *o, cl_mem m)
{
    ck_assert_uint_lt(o->count, COUNT(o->of));
    return o->of[o->count++] = m;
}

cl_mem own_bytes(owned *o, size_t bytes)
{
    void *data = array_new(bytes);
    cl_mem m = own(o, buffer_new(context(), data, bytes));
    array_free(data);
    return m;
}

cl_mem own_strange(owned *o, clglu_context *stranger) { return own(o, buffer_new(stranger, NULL, 1 << 20)); }

cl_mem own_made_with(owned *o, cl_mem_flags flags)
{
    cl_int error;
    cl_mem m = clCreateBuffer(clglu_context_cl_context(context()), flags, 1 << 20, NULL, &error);
    ck_assert_int_eq(error, CL_SUCCESS);
    return own(o, m);
}

static cl_mem part_of(cl_mem whole, size_t bytes)
{
    cl_int error;
    cl_buffer_region region = {0, bytes};
    cl_mem m = clCreateSubBuffer(whole, 0, CL_BUFFER_CREATE_TYPE_REGION, &region, &error);
    ck_assert_int_eq(error, CL_SUCCESS);
    return m;
}

static size_t bytes_of(cl_mem m)
{
    size_t bytes = 0;
    clGetMemObjectInfo(m, CL_MEM_SIZE, sizeof bytes, &bytes, NULL);
    return bytes;
}

cl_mem own_arena(owned *o)
{
    for (size_t i = 0; i < o->count; i++)
        if (bytes_of(o->of[i]) == ARENA * sizeof(float)) return o->of[i];
    return own_bytes(o, ARENA * sizeof(float));
}

cl_mem own_part(owned *o, cl_mem whole) { return own(o, part_of(whole, ARENA * sizeof(float) / 2)); }

void release_owned(owned *o)
{
    while (o->count > 0) clReleaseMemObject(o->of[--o->count]);
}

/* ---------------------------------------------------------------- that nothing came of a call */

/* NULL for those of another context. */
typedef struct contents {
    void *of[COUNT(((owned *)0)->of)];
} contents;

static contents contents_of(const owned *o)
{
    contents all = {{NULL}};
    ck_assert_int_eq(clFinish(clglu_context_queue(context())), CL_SUCCESS);
    for (size_t i = 0; i < o->count; i++) {
        cl_context cl = NULL;
        clGetMemObjectInfo(o->of[i], CL_MEM_CONTEXT, sizeof cl, &cl, NULL);
        if (cl != clglu_context_cl_context(context())) continue;
        all.of[i] = array_new(bytes_of(o->of[i]));
        buffer_read(context(), o->of[i], all.of[i], bytes_of(o->of[i]));
    }
    return all;
}

static void expect_unwritten(const contents *before, contents *after, const char *what)
{
    for (size_t i = 0; i < COUNT(after->of); i++) {
        if (!after->of[i]) continue;
        ck_assert_msg(memcmp(before->of[i], after->of[i], array_bytes(after->of[i])) == 0,
                      "%s: buffer %zu is written", what, i);
        array_free(before->of[i]);
        array_free(after->of[i]);
    }
}

static cl_uint references(cl_command_queue q)
{
    cl_uint n = 0;
    ck_assert_int_eq(clGetCommandQueueInfo(q, CL_QUEUE_REFERENCE_COUNT, sizeof n, &n, NULL), CL_SUCCESS);
    return n;
}

void expect_call_refused(const owned *o, refused_call *make, void *user, clglu_status status, const char *word,
                         const char *what)
{
    cl_event untouched = (cl_event)(uintptr_t)0x1234, event = untouched;
    contents before = contents_of(o);
    cl_uint held = references(clglu_context_queue(context()));
    clglu_status s = make(user, &event);
    const char *text = clglu_context_error(context());
    ck_assert_msg(s == status, "%s: %s (%s), wanted %s", what, clglu_status_name(s), text,
                  clglu_status_name(status));
    ck_assert_msg(event == untouched, "%s: the event is touched", what);
    ck_assert_msg(strstr(text, word) != NULL, "%s: the text \"%s\" does not speak of %s", what, text, word);
    ck_assert_msg(references(clglu_context_queue(context())) <= held, "%s: something is enqueued", what);
    contents after = contents_of(o);
    expect_unwritten(&before, &after, what);
}

void expect_call_taken(refused_call *make, void *user, const char *what)
{
    cl_event event = NULL;
    clglu_status s = make(user, &event);
    ck_assert_msg(s == CLGLU_OK, "%s: %s: %s", what, clglu_status_name(s), clglu_context_error(context()));
    ck_assert_ptr_nonnull(event);
    ck_assert_int_eq(clWaitForEvents(1, &event), CL_SUCCESS);
    clReleaseEvent(event);
}

/* ---------------------------------------------------------------- a buffer between canaries */

enum { BEYOND = 1 << 16 };

guarded guarded_new(size_t bytes)
{
    void *data = array_new(bytes + BEYOND);
    guarded g = {.whole = buffer_new(context(), data, bytes + BEYOND), .bytes = bytes};
    g.part = part_of(g.whole, bytes ? bytes : 1);
    array_free(data);
    return g;
}

void guarded_free(guarded *g)
{
    unsigned char *data = array_new(g->bytes + BEYOND);
    buffer_read(context(), g->whole, data, g->bytes + BEYOND);
    for (size_t i = g->bytes; i < g->bytes + BEYOND; i++)
        ck_assert_msg(data[i] == CANARY, "byte %zu beyond the workspace of %zu is written", i - g->bytes, g->bytes);
    array_free(data);
    clReleaseMemObject(g->part);
    clReleaseMemObject(g->whole);
}
