/* icd.c - the OpenCL loader's list of drivers, read without loading any. SPDX-License-Identifier: MIT */

#include "icd.h"
#include "text.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

const char *icd_variable(void)
{
    static const char *const names[] = {"OCL_ICD_VENDORS", "OPENCL_VENDOR_PATH"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *chosen = getenv(names[i]);
        if (chosen && *chosen) return names[i];
    }
    return NULL;
}

const char *icd_place(void)
{
    const char *name = icd_variable();
    return name ? getenv(name) : "/etc/OpenCL/vendors";
}

/* The first line of an *.icd file is the library's name. */
static void read_icd(struct icd *icd)
{
    char line[512] = "";
    FILE *f = fopen(icd->file, "r");
    icd->library[0] = 0;
    if (!f) return;
    if (fgets(line, sizeof line, f)) {
        line[strcspn(line, "\r\n")] = 0;
        snprintf(icd->library, sizeof icd->library, "%s", line);
    }
    fclose(f);
}

static int by_name(const void *p, const void *q)
{
    return strcmp(((const struct icd *)p)->file, ((const struct icd *)q)->file);
}

static int read_folder(const char *path, struct icd list[ICD_MAX])
{
    int n = 0;
    DIR *folder = opendir(path);
    if (!folder) return 0;
    for (struct dirent *e; n < ICD_MAX && (e = readdir(folder)) != NULL;) {
        if (!text_ends_with(e->d_name, ".icd")) continue;
        if ((size_t)snprintf(list[n].file, sizeof list[n].file, "%s/%s", path, e->d_name) >=
            sizeof list[n].file)
            continue;
        read_icd(&list[n++]);
    }
    closedir(folder);
    qsort(list, (size_t)n, sizeof *list, by_name);
    return n;
}

int icd_list(struct icd list[ICD_MAX])
{
    struct stat st;
    const char *place = icd_place();
    if (stat(place, &st) == 0 && S_ISDIR(st.st_mode)) return read_folder(place, list);
    if (text_ends_with(place, ".icd")) {
        snprintf(list[0].file, sizeof list[0].file, "%s", place);
        read_icd(&list[0]);
        return 1;
    }
    if (!icd_variable()) return 0;
    list[0].file[0] = 0; /* ocl-icd takes anything else for a library's name */
    snprintf(list[0].library, sizeof list[0].library, "%s", place);
    return 1;
}

int icd_alone(const struct icd *icd, char *folder, size_t size)
{
    char file[600];
    const char *temporary = getenv("TMPDIR");
    if (!temporary || !*temporary) temporary = "/tmp";
    if ((size_t)snprintf(folder, size, "%s/clglu-icd-XXXXXX", temporary) >= size || !mkdtemp(folder)) return 0;
    snprintf(file, sizeof file, "%.512s/alone.icd", folder);
    FILE *f = fopen(file, "w");
    int good = f && fprintf(f, "%s\n", icd->library) > 0;
    if (f && fclose(f) != 0) good = 0;
    if (!good) icd_alone_end(folder);
    return good;
}

void icd_alone_end(const char *folder)
{
    char file[600];
    snprintf(file, sizeof file, "%.512s/alone.icd", folder);
    unlink(file);
    rmdir(folder);
}
