/* twin.h - a job on host arrays, run on the device.
   SPDX-License-Identifier: MIT */

#ifndef CLGLU_TWIN_H
#define CLGLU_TWIN_H

#include "core.h"
#include "job.h"

/* Runs a checked job whose operands are host arrays, and waits for it. In place where the device shares the host's
   memory, else (or beyond the context's budget) in tiles. */
clglu_status clglu_twin_run(clglu_context *context, const clglu_job *job);

/* The two ways. clglu_twin_share gives CLGLU_UNSUPPORTED, having done nothing, where it does not fit. */
clglu_status clglu_twin_share(clglu_context *context, const clglu_job *job);
clglu_status clglu_twin_tiles(clglu_context *context, const clglu_job *job);

#endif
