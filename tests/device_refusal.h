/* device_refusal.h - calls that are refused: buffers made for them, and that nothing came of the call.
   SPDX-License-Identifier: MIT */

#ifndef TEST_DEVICE_REFUSAL_H
#define TEST_DEVICE_REFUSAL_H

#include "device.h"

/* Buffers that were made and are to be released. */
typedef struct owned {
    cl_mem of[24];
    size_t count;
} owned;

cl_mem own(owned *o, cl_mem m);
cl_mem own_bytes(owned *o, size_t bytes); /* they hold the canary */
cl_mem own_strange(owned *o, clglu_context *stranger);
cl_mem own_made_with(owned *o, cl_mem_flags flags);
/* One large buffer that operands share; the first to ask brings it. */
enum { ARENA = 1000 }; /* floats */
cl_mem own_arena(owned *o);
cl_mem own_part(owned *o, cl_mem whole); /* its first half of an arena's size */
void release_owned(owned *o);

/* The call fails with that status and a text with that word; no owned buffer is written, no event made, nothing enqueued. */
typedef clglu_status refused_call(void *user, cl_event *event);
void expect_call_refused(const owned *o, refused_call *make, void *user, clglu_status status, const char *word,
                         const char *what);

/* The call succeeds, and its event comes. */
void expect_call_taken(refused_call *make, void *user, const char *what);

/* A buffer of just so many bytes, at least one, that is a part of a larger one with canaries behind it. */
typedef struct guarded {
    cl_mem part, whole;
    size_t bytes;
} guarded;
guarded guarded_new(size_t bytes);
/* Expects the canaries and releases it. */
void guarded_free(guarded *g);

#endif
