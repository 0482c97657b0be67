/* emulate.h - a job on host arrays, computed by the host itself.
   SPDX-License-Identifier: MIT */

#ifndef CLGLU_EMULATE_H
#define CLGLU_EMULATE_H

#include "job.h"

/* Compiled once for each instruction set and chosen when loaded: hardware fma is exact, and so is the library's. The levels are
   sets of instructions; a processor's name would be taken for that very model. Compilers before GCC 12 do not know them, and what
   chooses runs before ThreadSanitizer is ready, which it would call. */
#if defined(__x86_64__) && defined(__GLIBC__) && defined(__GNUC__) && !defined(__clang__) && __GNUC__ >= 12 && \
    !defined(__SANITIZE_THREAD__) && !defined(CLGLU_NO_CLONES)
#define CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define CLONES
#endif

/* The job must have passed clglu_job_check and its operands be host arrays. */
void clglu_emulate_job(const clglu_job *job);

#endif
