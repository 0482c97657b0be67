/* icd.h - the OpenCL loader's list of drivers, read without loading any. SPDX-License-Identifier: MIT */

#ifndef CLGLU_TOOLS_ICD_H
#define CLGLU_TOOLS_ICD_H

#include <stddef.h>

struct icd {
    char file[512];    /* the *.icd file, or "" where OCL_ICD_VENDORS names a library itself */
    char library[512]; /* what it names; "" if it is empty or cannot be read */
};

enum { ICD_MAX = 64 };

/* The variable that tells the loader where to look, OCL_ICD_VENDORS before OPENCL_VENDOR_PATH; NULL: none is set. */
const char *icd_variable(void);

/* Where the loader looks: what that variable says, else /etc/OpenCL/vendors. */
const char *icd_place(void);

/* Fills `list` in the order of their names; returns how many. */
int icd_list(struct icd list[ICD_MAX]);

/* A private folder that lists this driver alone, for OCL_ICD_VENDORS: the one form that every loader takes. `folder`
   gets its name; 0 if it cannot be made. icd_alone_end removes it. */
int icd_alone(const struct icd *icd, char *folder, size_t size);
void icd_alone_end(const char *folder);

#endif
