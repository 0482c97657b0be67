/* binary.h - what a driver made of a program, wrapped so that a driver is only shown what is meant for it, whole and unchanged.
   SPDX-License-Identifier: MIT */

#ifndef CLGLU_BINARY_H
#define CLGLU_BINARY_H

#include "core.h"

/* A text that names everything on which a binary depends: library, program, platform, device, driver. To be freed; NULL if memory
   ran out. */
char *clglu_binary_key(const clglu_context *context, const char *file, const char *options, const char *source);

/* The program's name among the binaries: "gate-0123456789abcdef" for "gate.cl". */
enum { CLGLU_BINARY_NAME = 64 };
void clglu_binary_name(const char *file, const char *options, const char *source, char name[CLGLU_BINARY_NAME]);

/* Bytes of a wrapped binary, and making it in that much room. */
size_t clglu_binary_wrapped_bytes(const char *key, size_t bytes);
void clglu_binary_wrap(const char *key, const void *binary, size_t bytes, void *wrapped);

/* The binary in it, or NULL: then why[] says what is wrong with it. */
enum { CLGLU_BINARY_WHY = 256 };
const void *clglu_binary_unwrap(const char *key, const void *wrapped, size_t wrapped_bytes, size_t *bytes,
                                char why[CLGLU_BINARY_WHY]);

#endif
