/* icd.h - the OpenCL loader's list of drivers, read without loading any. SPDX-License-Identifier: MIT */

#ifndef CLGLU_TOOLS_ICD_H
#define CLGLU_TOOLS_ICD_H

#include <stddef.h>

struct icd {
    char file[512];    /* the *.icd file, or "" where OCL_ICD_VENDORS names a library itself */
    char library[512]; /* what it names; "" if it is empty or cannot be read */
};

enum { ICD_MAX = 64 };

/* Where the loader looks: OCL_ICD_VENDORS, else /etc/OpenCL/vendors. */
const char *icd_place(void);

/* Fills `list` in the order of their names; returns how many. */
int icd_list(struct icd list[ICD_MAX]);

#endif
