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

void doctor_loader(struct doctor *d)
{
    char path[512];
    const struct late_trouble *trouble = late_trouble();
    if (trouble) {
        doctor_add(d, trouble->id, DOCTOR_FAIL, trouble->remedy, "OpenCL cannot be used: %s", trouble->why);
        return;
    }
    mapped_library("libOpenCL.so", path, sizeof path);
    doctor_add(d, "loader", DOCTOR_OK, NULL, "%s", *path ? path : "OpenCL is linked, /proc does not say from where");
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

/* The command that brings a driver's library, or stops the loader from looking for it. */
static void mend_driver(char *remedy, size_t size, const struct icd *icd)
{
    const char *package = package_of(icd->library), *variable = icd_variable();
    char file[300];
    if (!*icd->file)
        snprintf(remedy, size, "unset %s", variable);
    else if (package)
        snprintf(remedy, size, "sudo apt-get install --reinstall %s", package);
    else
        snprintf(remedy, size, "sudo rm %s   # or install what it names", text_shell(file, sizeof file, icd->file));
}

/* Loads it in a child: a constructor may do anything. */
static void judge_driver(struct doctor *d, const struct icd *icd)
{
    const char *args[] = {"probe-icd", "--library", icd->library, NULL};
    const char *file = *icd->file ? icd->file : icd_place();
    char error[400] = "", words[96], remedy[400];
    struct child_end end;
    struct child child = {args, NULL, 20, take_error, NULL, error};
    mend_driver(remedy, sizeof remedy, icd);
    if (!*icd->library) {
        doctor_add(d, "driver-unnamed", DOCTOR_WARN, remedy, "%s is empty or cannot be read", file);
        return;
    }
    child_run(&child, &end);
    child_words(&end, words, sizeof words);
    if (end.how != CHILD_GOOD)
        doctor_add(d, "driver-breaks", DOCTOR_WARN, remedy, "%s: loading %s in a process of its own: it %s%s%s", file, icd->library,
                   words, *end.said ? "; it said: " : "", end.said);
    else if (*error)
        doctor_add(d, "driver-not-loaded", DOCTOR_WARN, remedy, "%s: %s does not load: %s", file, icd->library, error);
    else
        doctor_add(d, "driver", DOCTOR_OK, NULL, "%s: %s", file, icd->library);
}

/* A driver that is listed twice shows every device twice. */
static void judge_again(struct doctor *d, const struct icd *list, int i)
{
    char remedy[400], file[300];
    for (int k = 0; k < i; k++) {
        if (!*list[i].library || strcmp(list[i].library, list[k].library) != 0) continue;
        snprintf(remedy, sizeof remedy, "sudo rm %s", text_shell(file, sizeof file, list[i].file));
        doctor_add(d, "driver-twice", DOCTOR_WARN, remedy, "%s names the same library as %s: its devices are there twice",
                   list[i].file, list[k].file);
        return;
    }
}

static void no_driver(struct doctor *d)
{
    const char *place = icd_place(), *variable = icd_variable();
    char remedy[400] = "sudo apt-get install pocl-opencl-icd";
    if (variable) snprintf(remedy, sizeof remedy, "unset %s", variable);
    if (access(place, F_OK) == 0 && access(place, R_OK | X_OK) != 0) {
        char folder[300];
        snprintf(remedy, sizeof remedy, "sudo chmod a+rx %s", text_shell(folder, sizeof folder, place));
        doctor_add(d, "drivers-unreadable", DOCTOR_FAIL, remedy, "%s cannot be read", place);
    } else {
        doctor_add(d, "no-driver", DOCTOR_FAIL, remedy, "no driver is installed: %s %s%s%s", place,
                   access(place, F_OK) ? "does not exist" : "has no *.icd file", variable ? ", where the loader looks by " : "",
                   variable ? variable : "");
    }
}

void doctor_drivers(struct doctor *d)
{
    struct icd list[ICD_MAX];
    int n = icd_list(list);
    if (n == 0) no_driver(d);
    for (int i = 0; i < n; i++) {
        judge_driver(d, &list[i]);
        judge_again(d, list, i);
    }
}
