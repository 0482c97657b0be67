/* doctor_facts.c - clglu doctor on one device: what it lacks, and whether its driver is old. SPDX-License-Identifier: MIT */

#include "doctor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---------------------------------------------------------------- the driver's age */

enum { LAST = 9999 };

/* From the first row whose version is above the driver's; LAST: all versions. */
static const struct {
    const char *platform;
    int major, minor;
    const char *id, *reason, *mend;
} old[] = {
#define POCL "Portable Computing Language"
#define POCL_NEW "sudo apt-get install --only-upgrade pocl-opencl-icd"
    {POCL, 1, 6, "old-driver", "its vectoriser makes code that reads memory of others (mended in 1.6: PoCL's issue 757)", POCL_NEW},
    {POCL, 1, 8, "old-driver", "it miscompiles loops with several barriers (mended in 1.8, by PoCL's list of changes)", POCL_NEW},
    {POCL, 3, 0, "old-driver", "two threads that build programs disturb each other (mended in 3.0, by PoCL's list of changes)", POCL_NEW},
    {POCL, 3, 1, "untested-driver", "clglu is tested on 3.1 and later", POCL_NEW},
    {"rusticl", 22, 3, "untested-driver", "clglu is tested on 22.3 and later", "sudo apt-get install --only-upgrade mesa-opencl-icd"},
    {"Oclgrind", 21, 10, "untested-driver", "clglu is tested on 21.10 and later", "sudo apt-get install --only-upgrade oclgrind"},
    {"Intel(R) OpenCL", 2024, 18, "untested-driver", "clglu is tested on 2024.18 and later", "pip install --upgrade intel-opencl-rt"},
    {"Intel(R) FPGA Emulation Platform for OpenCL(TM)", 2024, 18, "untested-driver", "clglu is tested on 2024.18 and later",
     "pip install --upgrade intel-opencl-fpga-emu-rt"},
    {"Clover", LAST, 0, "old-driver", "Clover is no longer developed, and Mesa 25.2 no longer has it; rusticl takes its place",
     "export RUSTICL_ENABLE=radeonsi   # or iris, nouveau: rusticl is in the same package"},
    {"Intel Gen OCL Driver", LAST, 0, "old-driver", "Beignet is no longer developed; Intel's compute runtime takes its place",
     "sudo apt-get install intel-opencl-icd"},
};

static const char *text_of(const struct sweep_row *row, const char *fact)
{
    const char *text = json_string_value(json_object_get(row->facts, fact));
    return text ? text : "";
}

static void judge_age(struct doctor *d, const struct sweep_row *row)
{
    int major = 0, minor = 0;
    const char *version = text_of(row, "driver_version");
    const char *digits = version + strcspn(version, "0123456789");
    int known = sscanf(digits, "%9d.%9d", &major, &minor) > 0; /* NOLINT(cert-err34-c): nine digits fit */
    for (size_t i = 0; i < sizeof old / sizeof *old; i++) {
        int older = old[i].major == LAST || (known && (major < old[i].major || (major == old[i].major && minor < old[i].minor)));
        if (strcmp(row->platform_name, old[i].platform) != 0 || !older) continue;
        doctor_add(d, old[i].id, DOCTOR_WARN, old[i].mend, "%d:%d has an old driver, %s %s: %s", row->platform, row->device,
                   row->platform_name, version, old[i].reason);
        return;
    }
}

/* ---------------------------------------------------------------- what it lacks */

static int has(const struct sweep_row *row, const char *fact) { return json_is_true(json_object_get(row->facts, fact)); }

void doctor_facts(struct doctor *d, const struct sweep_row *row)
{
    if (!row->facts) return;
    if (!has(row, "subnormals"))
        doctor_add(d, "no-subnormals", DOCTOR_WARN, NULL,
                   "%d:%d flushes subnormal numbers: only results that are not tiny have the same bits", row->platform, row->device);
    if (!has(row, "fp16"))
        doctor_add(d, "no-fp16", DOCTOR_NOTE, NULL,
                   "%d:%d has no fp16: clglu keeps f16 there too and computes in f32; other programs may need it", row->platform,
                   row->device);
    if (!has(row, "fp64"))
        doctor_add(d, "no-fp64", DOCTOR_NOTE, NULL, "%d:%d has no fp64: clglu does without; other programs may need it", row->platform,
                   row->device);
    judge_age(d, row);
}
