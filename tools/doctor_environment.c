/* doctor_environment.c - clglu doctor's check of the environment: variables that change what runs. SPDX-License-Identifier: MIT */

#include "doctor.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern char **environ;

/* A name that ends in _ stands for all that begin with it. Before a name, ! says that it counts when empty, too. */
static const struct {
    const char *name, *meaning;
} known[] = {{"OPENCL_LAYERS", "other code stands between the program and every driver"},
             {"OPENCL_VENDOR_PATH", "chooses the drivers"},
             {"OCL_ICD_", "changes what the loader does, or chooses the drivers"},
             {"POCL_", "changes how PoCL works"},
             {"RUSTICL_", "changes how Mesa's rusticl works, or chooses its drivers"},
             {"CLC_DEBUG", "changes how Mesa compiles"},
             {"LP_NUM_THREADS", "changes how many threads Mesa's llvmpipe has"},
             {"CL_CONFIG_", "changes how Intel's runtime works"},
             {"!CUDA_VISIBLE_DEVICES", "hides GPUs"},
             {"!ROCR_VISIBLE_DEVICES", "hides GPUs"},
             {"!HIP_VISIBLE_DEVICES", "hides GPUs"},
             {"CUDA_CACHE_", "changes what NVIDIA's driver keeps, and where"},
             {"CUDA_DEVICE_ORDER", "changes the numbers of NVIDIA's GPUs"},
             {"HSA_", "changes how AMD's runtime works"},
             {"GPU_", "changes how AMD's driver works, or hides GPUs"},
             {"!ZE_AFFINITY_MASK", "hides GPUs"},
             {"ZE_", "changes how Intel's GPU driver works"},
             {"ONEAPI_DEVICE_SELECTOR", "hides devices"},
             {"CLGLU_DEVICE", "chooses the device of this command"},
             {"CLGLU_KERNELS", "kernels and binaries are taken from there"},
             {"!CLGLU_CACHE", "compiled programs are kept there, and nowhere if it is empty"},
             {"LD_AUDIT", "other code watches what is loaded"},
             {"LD_BIND_NOW", "every library must be whole when a program starts"},
             {"LD_PRELOAD", "other code is loaded before everything"},
             {"LD_LIBRARY_PATH", "libraries are looked for there first, drivers too"}};

/* What is known of NAME=value, or NULL. */
static const char *meaning_of(const char *entry)
{
    size_t length = strcspn(entry, "=");
    for (size_t i = 0; entry[length] && i < sizeof known / sizeof *known; i++) {
        int counts = *known[i].name == '!';
        const char *name = known[i].name + counts;
        size_t n = strlen(name);
        if (strncmp(entry, name, n) != 0 || (name[n - 1] == '_' ? length <= n : length != n)) continue;
        return counts || entry[length + 1] ? known[i].meaning : NULL;
    }
    return NULL;
}

void doctor_environment(struct doctor *d)
{
    int before = d->count, ours = getenv("CLGLU_POCL_CACHE") != NULL;
    for (char **e = environ; *e; e++) {
        char remedy[300];
        size_t n = strcspn(*e, "=");
        const char *meaning = meaning_of(*e);
        if (!meaning || (ours && strncmp(*e, "POCL_CACHE_DIR=", 15) == 0)) continue;
        snprintf(remedy, sizeof remedy, "unset %.*s   # if it is not meant", (int)(n < 200 ? n : 200), *e);
        doctor_add(d, "variable", DOCTOR_NOTE, remedy, "%.300s: %s", *e, meaning);
    }
    if (d->count == before) doctor_add(d, "environment", DOCTOR_OK, NULL, "no variable that changes what runs");
}
