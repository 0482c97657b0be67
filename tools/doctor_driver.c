/* doctor_driver.c - clglu doctor's checks of the OpenCL loader and its drivers. SPDX-License-Identifier: MIT
 */

#include "child.h"
#include "doctor.h"
#include "icd.h"
#include "late.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The path of the library that this process has mapped, from /proc; "" if that does not say. */
static void mapped_library(const char *name, char *path, size_t size)
{
    char line[1024];
    FILE *f = fopen("/proc/self/maps", "r");
    *path = 0;
    while (f && !*path && fgets(line, sizeof line, f)) {
        char *slash = strchr(line, '/');
        line[strcspn(line, "\n")] = 0;
        if (slash && strstr(slash, name)) snprintf(path, size, "%s", slash);
    }
    if (f) fclose(f);
}

void doctor_loader(struct doctor *d, const char *name)
{
    char path[512];
    if (*late_why()) {
        d->no_loader = 1;
        doctor_add(d, name, DOCTOR_FAIL, late_remedy(), "the OpenCL loader cannot be used: %s", late_why());
        return;
    }
    mapped_library("libOpenCL.so", path, sizeof path);
    if (*path)
        doctor_add(d, name, DOCTOR_OK, NULL, "%s", path);
    else
        doctor_add(d, name, DOCTOR_NOTE, NULL, "OpenCL is linked, /proc does not say from where");
}

/* The Debian package that brings a driver, from its library's name. */
static const char *package_of(const char *library)
{
    static const struct {
        const char *part, *package;
    } known[] = {{"pocl", "pocl-opencl-icd"},    {"Mesa", "mesa-opencl-icd"},
                 {"Rusticl", "mesa-opencl-icd"}, {"nvidia", "nvidia-opencl-icd"},
                 {"igdrcl", "intel-opencl-icd"}, {"beignet", "beignet-opencl-icd"},
                 {"oclgrind", "oclgrind"}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strstr(library, known[i].part)) return known[i].package;
    return NULL;
}

static int take_error(json_t *message, void *user)
{
    const char *error = json_string_value(json_object_get(message, "error"));
    if (!error) return 1;
    text_clean(user, 400, error, 0);
    return 0;
}

/* Loads it in a child: a constructor may do anything. */
static void judge_driver(struct doctor *d, const char *name, const struct icd *icd)
{
    const char *args[] = {"probe-icd", "--library", icd->library, NULL}, *package = package_of(icd->library);
    const char *file = *icd->file ? icd->file : icd_place();
    char error[400] = "", words[96], remedy[300];
    struct child_end end;
    struct child child = {args, NULL, 20, take_error, NULL, error};
    if (!*icd->file)
        snprintf(remedy, sizeof remedy, "unset OCL_ICD_VENDORS");
    else if (package)
        snprintf(remedy, sizeof remedy, "apt-get install --reinstall %s", package);
    else
        snprintf(remedy, sizeof remedy, "rm %.200s   # or install what it names", file);
    if (!*icd->library) {
        doctor_add(d, name, DOCTOR_WARN, remedy, "%s is empty or cannot be read", file);
        return;
    }
    child_run(&child, &end);
    child_words(&end, words, sizeof words);
    if (end.how != CHILD_GOOD)
        doctor_add(d, name, DOCTOR_WARN, remedy, "%s: loading %s in a process of its own: it %s", file,
                   icd->library, words);
    else if (*error)
        doctor_add(d, name, DOCTOR_WARN, remedy, "%s: %s does not load: %s", file, icd->library, error);
    else
        doctor_add(d, name, DOCTOR_OK, NULL, "%s: %s", file, icd->library);
}

void doctor_drivers(struct doctor *d, const char *name)
{
    struct icd list[ICD_MAX];
    const char *place = icd_place(), *chosen = getenv("OCL_ICD_VENDORS");
    int n = icd_list(list);
    if (n == 0 && chosen && *chosen)
        doctor_add(d, name, DOCTOR_FAIL, "unset OCL_ICD_VENDORS",
                   "OCL_ICD_VENDORS=%s: no *.icd file is there", place);
    else if (n == 0)
        doctor_add(d, name, DOCTOR_FAIL, "apt-get install pocl-opencl-icd", "no driver is installed: %s %s",
                   place, access(place, F_OK) ? "does not exist" : "has no *.icd file");
    for (int i = 0; i < n; i++) judge_driver(d, name, &list[i]);
}
