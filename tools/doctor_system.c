/* doctor_system.c - clglu doctor's checks of what surrounds OpenCL: HOME, environment, permissions.
   SPDX-License-Identifier: MIT */

#include "cachedir.h"
#include "doctor.h"

#include <dirent.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Whoever owns the folder may put code of his into what PoCL runs; and what he alone may write stays as it is. */
static void judge_owner(struct doctor *d, const char *name, const char *folder)
{
    struct stat st;
    char remedy[300];
    if (stat(folder, &st) != 0 || (st.st_uid == geteuid() && !(st.st_mode & 022))) return;
    if (st.st_uid == geteuid()) {
        snprintf(remedy, sizeof remedy, "chmod go-w %.250s", folder);
        doctor_add(d, name, DOCTOR_WARN, remedy, "%s may be written by others: they may change the code that PoCL runs", folder);
        return;
    }
    snprintf(remedy, sizeof remedy, "sudo chown -R $(id -u) %.250s", folder);
    doctor_add(d, name, DOCTOR_WARN, remedy, "%s belongs to somebody else (user %lu), who may change the code that PoCL runs", folder,
               (unsigned long)st.st_uid);
}

/* The command itself has a way round (cachedir.h); what the user set himself it leaves alone. */
void doctor_home(struct doctor *d, const char *name)
{
    char where[1024];
    const char *ours = getenv("CLGLU_POCL_CACHE"), *chosen = getenv("POCL_CACHE_DIR"), *home = getenv("HOME");
    enum cachedir_state state = cachedir_state(where, sizeof where);
    if (ours && chosen && !(home && *home))
        doctor_add(d, name, DOCTOR_WARN, "export HOME=$(getent passwd $(id -u) | cut -d: -f6)",
                   "HOME is unset: PoCL then keeps its kernels in a shared folder of /tmp, whoever owns it; "
                   "this command uses %s instead, other programs do not",
                   chosen);
    else if (ours && chosen)
        doctor_add(d, name, DOCTOR_WARN, "export POCL_CACHE_DIR=/tmp/pocl-$(id -u)",
                   "HOME=%s cannot be written: PoCL then has no device and does not say why; this command "
                   "uses %s instead, other programs do not",
                   home, chosen);
    else if (state == CACHEDIR_SHARED)
        doctor_add(d, name, DOCTOR_FAIL, "export POCL_CACHE_DIR=$(mktemp -d)",
                   "HOME is unset and no folder of one's own could be made: PoCL uses %s, whoever owns it",
                   where);
    else if (state == CACHEDIR_UNWRITABLE)
        doctor_add(d, name, DOCTOR_FAIL, "export POCL_CACHE_DIR=$(mktemp -d)",
                   "%s cannot be written: PoCL then has no device and does not say why", where);
    else
        doctor_add(d, name, DOCTOR_OK, NULL, "PoCL's compiled kernels go to %s", where);
    judge_owner(d, name, where);
}

extern char **environ;

void doctor_environment(struct doctor *d, const char *name)
{
    static const struct {
        const char *prefix, *meaning;
    } known[] = {{"OPENCL_LAYERS=", "other code stands between the program and every driver"},
                 {"OCL_ICD_", "chooses the drivers"},
                 {"POCL_", "changes how PoCL works"},
                 {"RUSTICL_", "chooses the drivers of Mesa's rusticl"},
                 {"CL_CONFIG_", "changes how Intel's runtime works"},
                 {"CUDA_VISIBLE_DEVICES=", "hides GPUs"},
                 {"ROCR_VISIBLE_DEVICES=", "hides GPUs"},
                 {"HIP_VISIBLE_DEVICES=", "hides GPUs"},
                 {"GPU_DEVICE_ORDINAL=", "hides GPUs"},
                 {"ZE_AFFINITY_MASK=", "hides GPUs"},
                 {"ONEAPI_DEVICE_SELECTOR=", "hides devices"},
                 {"CLGLU_DEVICE=", "chooses the device of this command"},
                 {"CLGLU_KERNELS=", "kernels and binaries are taken from there"},
                 {"LD_BIND_NOW=", "every library must be whole when a program starts"},
                 {"LD_PRELOAD=", "other code is loaded before everything"},
                 {"LD_LIBRARY_PATH=", "libraries are looked for there first, drivers too"}};
    int found = 0, ours = getenv("CLGLU_POCL_CACHE") != NULL;
    for (char **e = environ; *e; e++)
        for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
            size_t n = strcspn(*e, "=");
            if (strncmp(*e, known[i].prefix, strlen(known[i].prefix)) != 0) continue;
            if (ours && strncmp(*e, "POCL_CACHE_DIR=", 15) == 0) continue;
            char remedy[300];
            snprintf(remedy, sizeof remedy, "unset %.*s   # if it is not meant", (int)(n < 200 ? n : 200),
                     *e);
            doctor_add(d, name, DOCTOR_NOTE, remedy, "%.300s: %s", *e, known[i].meaning);
            found = 1;
        }
    if (!found) doctor_add(d, name, DOCTOR_OK, NULL, "no variable that changes what runs");
}

/* One device file that this user cannot open: the group that may. */
static void judge_node(struct doctor *d, const char *name, const char *path, int *good)
{
    struct stat st;
    char remedy[300];
    if (stat(path, &st) != 0 || S_ISDIR(st.st_mode)) return;
    if (access(path, R_OK | W_OK) == 0) {
        ++*good;
        return;
    }
    struct group *group = getgrgid(st.st_gid);
    snprintf(remedy, sizeof remedy, "sudo usermod -aG %s $USER   # then log in again",
             group ? group->gr_name : "render");
    doctor_add(d, name, DOCTOR_WARN, remedy, "%s may not be opened: its GPU is not seen", path);
}

void doctor_nodes(struct doctor *d, const char *name)
{
    static const char *const others[] = {"/dev/kfd", "/dev/nvidia0", "/dev/nvidiactl"};
    int good = 0, before = d->count;
    DIR *folder = opendir("/dev/dri");
    for (struct dirent *e; folder && (e = readdir(folder)) != NULL;) {
        char path[300];
        snprintf(path, sizeof path, "/dev/dri/%.255s", e->d_name);
        if (strncmp(e->d_name, "render", 6) == 0 || strncmp(e->d_name, "card", 4) == 0)
            judge_node(d, name, path, &good);
    }
    if (folder) closedir(folder);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) judge_node(d, name, others[i], &good);
    if (d->count > before) return;
    if (good)
        doctor_add(d, name, DOCTOR_OK, NULL, "%d may be opened", good);
    else
        doctor_add(d, name, DOCTOR_NOTE, NULL,
                   "no GPU's device file is there (/dev/dri, /dev/kfd, /dev/nvidia*)");
}
