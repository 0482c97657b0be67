/* run.h - a job on buffers becomes kernels.
   SPDX-License-Identifier: MIT */

#ifndef CLGLU_RUN_H
#define CLGLU_RUN_H

#include "job.h"
#include "launch.h"

/* Enqueues a job whose operands are buffers and that has been checked. `more`: its sums go on from what their buffers
   hold (the rows before this job's were another job's, and a multiple of 128). sequence NULL: its programs are built, no more. */
clglu_status clglu_run_job(clglu_context *context, const clglu_job *job, bool more, clglu_sequence *sequence);

#endif
