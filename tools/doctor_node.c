/* doctor_node.c - clglu doctor's check of the device files: may this user open them, and if not, who may?
   SPDX-License-Identifier: MIT */

#include "doctor.h"

#include <glob.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The files through which drivers of OpenCL reach their devices. */
static const char *const patterns[] = {"/dev/dri/renderD*", "/dev/kfd",        "/dev/nvidia[0-9]*", "/dev/nvidiactl",
                                       "/dev/nvidia-uvm",   "/dev/mali[0-9]*", "/dev/kgsl-3d0",     "/dev/dxg"};

static int is_member(const struct group *group, const char *user)
{
    for (char **member = group ? group->gr_mem : NULL; member && *member; member++)
        if (strcmp(*member, user) == 0) return 1;
    return 0;
}

/* The command that lets the user open the file. */
static void let_in(char *remedy, size_t size, const char *path, const struct stat *st, const char *user)
{
    const struct group *group = getgrgid(st->st_gid);
    unsigned long gid = (unsigned long)st->st_gid;
    if (geteuid() == 0)
        snprintf(remedy, size, "docker run --device=%s ...   # or the like: a container is given it when it starts", path);
    else if ((st->st_mode & 060) != 060 || gid == 0)
        snprintf(remedy, size, "sudo chmod a+rw %s   # until the next start of the machine", path);
    else if (is_member(group, user))
        snprintf(remedy, size, "newgrp %s   # or log in again", group->gr_name);
    else if (group)
        snprintf(remedy, size, "sudo usermod -aG %s %s   # then log in again", group->gr_name, user);
    else
        snprintf(remedy, size, "sudo groupadd -g %lu gpu%lu && sudo usermod -aG gpu%lu %s   # then log in again", gid, gid, gid, user);
}

static void judge_node(struct doctor *d, const char *path, int *good)
{
    struct stat st;
    char remedy[400], user[100] = "$USER";
    if (stat(path, &st) != 0 || S_ISDIR(st.st_mode)) return;
    if (access(path, R_OK | W_OK) == 0) {
        ++*good;
        return;
    }
    const struct passwd *me = getpwuid(geteuid());
    if (me) snprintf(user, sizeof user, "%s", me->pw_name);
    const struct group *group = getgrgid(st.st_gid);
    int waits = is_member(group, user);
    let_in(remedy, sizeof remedy, path, &st, user);
    doctor_add(d, waits ? "new-login" : "device-file-denied", DOCTOR_WARN, remedy,
               "%s may not be opened%s: what is behind it is not seen", path,
               waits ? " yet: the user is in its group only since he logged in" : "");
}

void doctor_nodes(struct doctor *d)
{
    int good = 0, before = d->count;
    for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++) {
        glob_t found;
        if (glob(patterns[i], 0, NULL, &found) != 0) continue;
        for (size_t k = 0; k < found.gl_pathc; k++) judge_node(d, found.gl_pathv[k], &good);
        globfree(&found);
    }
    if (d->count > before) return;
    if (good)
        doctor_add(d, "device-files", DOCTOR_OK, NULL, "%d may be opened", good);
    else
        doctor_add(d, "no-device-files", DOCTOR_NOTE, NULL, "no GPU's device file is there (/dev/dri, /dev/kfd, /dev/nvidia*)");
}
