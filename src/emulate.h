/* emulate.h - a job on host arrays, computed by the host itself.
   SPDX-License-Identifier: MIT */

#ifndef CLGLU_EMULATE_H
#define CLGLU_EMULATE_H

#include "job.h"

/* The job must have passed clglu_job_check and its operands be host arrays. */
void clglu_emulate_job(const clglu_job *job);

#endif
