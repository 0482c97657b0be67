/* compare.h - outputs of a job beside the reference and the emulation. SPDX-License-Identifier: MIT */

#ifndef CLGLU_COMPARE_H
#define CLGLU_COMPARE_H

#include "job.h"

/* An output and where what is found of it goes; report NULL: it is not judged. */
typedef struct clglu_wanted {
    clglu_slot slot;
    clglu_check_report *report;
} clglu_wanted;

/* Gives the wanted outputs dense arrays of the library's own, where their sizes are sizes at all: the job's check says
   what is wrong with others. CLGLU_OUT_OF_MEMORY, with those that were made. */
clglu_status clglu_wanted_arrays(clglu_job *job, const clglu_wanted *w, int count);
void clglu_wanted_free(clglu_job *job, const clglu_wanted *w, int count);

/* Compares the wanted outputs of a checked job on host arrays, which was run. */
clglu_status clglu_judge_job(const clglu_job *got, const clglu_wanted *w, int count);

#endif
