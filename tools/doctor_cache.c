/* doctor_cache.c - clglu doctor's checks of HOME and of the folders where compiled code is kept. SPDX-License-Identifier: MIT */

#define _XOPEN_SOURCE 700 /* nftw */

#include "cachedir.h"
#include "cli.h"
#include "doctor.h"
#include "text.h"

#include <dirent.h>
#include <errno.h>
#include <ftw.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH = 1024 };

/* ---------------------------------------------------------------- the command that mends it */

/* The home that the user's entry names, or NULL if that is no folder of his. */
static const char *entered_home(void)
{
    struct stat st;
    const struct passwd *me = getpwuid(geteuid());
    return me && stat(me->pw_dir, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == geteuid() ? me->pw_dir : NULL;
}

/* Whether the folder is HOME or lies in it. */
static int in_home(const char *folder)
{
    const char *home = getenv("HOME");
    size_t n = home ? strlen(home) : 0;
    return n > 1 && strncmp(folder, home, n) == 0 && (folder[n] == 0 || folder[n] == '/');
}

static int home_is_foreign(void)
{
    struct stat st;
    const char *home = getenv("HOME");
    return !home || stat(home, &st) != 0 || !S_ISDIR(st.st_mode) || st.st_uid != geteuid();
}

/* HOME as it should be; else a folder for `variable` that lasts as long as the shell. */
static void mend_home(char *remedy, size_t size, const char *variable)
{
    char home[600];
    const char *entered = entered_home();
    if (entered)
        snprintf(remedy, size, "export HOME=%s", text_shell(home, sizeof home, entered));
    else
        snprintf(remedy, size, "export %s=$(mktemp -d)", variable);
}

/* For a folder that cannot be written, that others can write, or that holds files of others (`foreign`). A home that is
   somebody else's is left as it is. */
static void mend_folder(char *remedy, size_t size, const char *folder, const char *variable, int foreign)
{
    char at[PATH], quoted[300];
    struct stat st;
    cachedir_nearest(folder, at, sizeof at);
    text_shell(quoted, sizeof quoted, at);
    int known = stat(at, &st) == 0 && S_ISDIR(st.st_mode), chosen = strcmp(at, folder) == 0 || in_home(at);
    if (access(at, W_OK) != 0 && errno == EROFS)
        snprintf(remedy, size, "export %s=$(mktemp -d)   # what is there now is read-only", variable);
    else if (!known || !chosen || (in_home(at) && home_is_foreign()))
        mend_home(remedy, size, variable);
    else if (foreign || st.st_uid != geteuid())
        snprintf(remedy, size, "sudo chown -R %lu %s", (unsigned long)geteuid(), quoted);
    else
        snprintf(remedy, size, "chmod u+rwx,go-w %s", quoted);
}

/* ---------------------------------------------------------------- HOME */

/* The command itself has a way round (cachedir.h); what the user set himself it leaves alone. */
void doctor_home(struct doctor *d)
{
    char where[PATH], remedy[400];
    const char *instead = cachedir_instead();
    enum cachedir_state state = cachedir_state(where, sizeof where);
    enum doctor_level level = instead ? DOCTOR_WARN : DOCTOR_FAIL;
    if (state == CACHEDIR_SHARED) {
        mend_home(remedy, sizeof remedy, "POCL_CACHE_DIR");
        doctor_add(d, "no-home", level, remedy, "HOME is unset: PoCL then keeps its kernels in %s, whoever owns it%s%s", where,
                   instead ? "; this command uses another folder, other programs do not: " : "", instead ? instead : "");
    } else if (state == CACHEDIR_UNWRITABLE) {
        mend_folder(remedy, sizeof remedy, where, "POCL_CACHE_DIR", 0);
        doctor_add(d, "cache-unwritable", level, remedy, "%s cannot be written: PoCL then has no device and does not say why%s%s",
                   where, instead ? "; this command uses another folder, other programs do not: " : "", instead ? instead : "");
    } else {
        doctor_add(d, "home", DOCTOR_OK, NULL, "PoCL's compiled kernels go to %s", where);
    }
}

/* ---------------------------------------------------------------- who owns what is kept */

enum { ENOUGH = 20000 }; /* files looked at */

/* What nftw has found: it passes nothing on. */
static struct {
    long left;
    char path[PATH];
    uid_t owner;
} foreign;

static int look(const char *path, const struct stat *st, int what, struct FTW *at)
{
    (void)at;
    if (foreign.left-- <= 0) return 1;
    if (what == FTW_NS || st->st_uid == geteuid()) return 0;
    snprintf(foreign.path, sizeof foreign.path, "%s", path);
    foreign.owner = st->st_uid;
    return 1;
}

static int find_foreign(const char *folder)
{
    char *real = realpath(folder, NULL);
    foreign.left = ENOUGH;
    *foreign.path = 0;
    if (real) nftw(real, look, 16, FTW_PHYS);
    free(real);
    return *foreign.path != 0;
}

static const char *user_name(uid_t user, char name[64])
{
    const struct passwd *entry = getpwuid(user);
    if (entry)
        snprintf(name, 64, "%.50s", entry->pw_name);
    else
        snprintf(name, 64, "user %lu", (unsigned long)user);
    return name;
}

/* A folder that is there: whoever owns it or may write to it may change the code that is run. */
static void judge_folder(struct doctor *d, const char *folder, const char *variable, const char *whose, const char *effect)
{
    struct stat st;
    char remedy[400], name[64];
    if (stat(folder, &st) != 0) return;
    int others = find_foreign(folder);
    mend_folder(remedy, sizeof remedy, folder, variable, others);
    if (others)
        doctor_add(d, "cache-of-another", DOCTOR_WARN, remedy, "%s belongs to somebody else (%s): %s", foreign.path,
                   user_name(foreign.owner, name), effect);
    else if (st.st_mode & 022)
        doctor_add(d, "cache-open", DOCTOR_WARN, remedy, "%s may be written by others: %s", folder, effect);
    else if (access(folder, W_OK | X_OK) != 0)
        doctor_add(d, "cache-read-only", DOCTOR_WARN, remedy, "%s cannot be written: %s", folder, effect);
    else
        doctor_add(d, "cache", DOCTOR_OK, NULL, "%s in %s, the user's own", whose, folder);
}

/* What the library leaves beside entries that it does not give to a driver again: see src/cache.c. */
static int count_refused(const char *folder)
{
    int count = 0;
    DIR *d = opendir(folder);
    for (const struct dirent *e; d && (e = readdir(d)) != NULL;) count += text_ends_with(e->d_name, ".refused");
    if (d) closedir(d);
    return count;
}

static void judge_refused(struct doctor *d, const char *folder)
{
    char remedy[400], quoted[300];
    int count = count_refused(folder);
    snprintf(remedy, sizeof remedy, "rm %s/*.refused", text_shell(quoted, sizeof quoted, folder));
    if (count > 0)
        doctor_add(d, "cache-refused", DOCTOR_NOTE, remedy,
                   "%d program%s compiled each time: a process ended while its driver took %s from the cache; a crash, or it was stopped just then",
                   count, count == 1 ? " is" : "s are", count == 1 ? "it" : "them");
}

/* The first part of a path that is a symbolic link. */
static int has_link(const char *path, char link[PATH])
{
    struct stat st;
    for (size_t n = 1; path[n - 1] && n < PATH; n++) {
        if (path[n] && path[n] != '/') continue;
        snprintf(link, PATH, "%.*s", (int)n, path);
        if (lstat(link, &st) == 0 && S_ISLNK(st.st_mode)) return 1;
    }
    return 0;
}

void doctor_caches(struct doctor *d)
{
    char where[PATH], remedy[400], quoted[300];
    const char *own = cli_cache_dir();
    int before = d->count;
    cachedir_state(where, sizeof where);
    judge_folder(d, where, "POCL_CACHE_DIR", "PoCL's compiled kernels are", "PoCL runs what lies there");
    if (!own) {
        const char *off = getenv("CLGLU_CACHE") ? "CLGLU_CACHE is empty" : "there is no HOME";
        doctor_add(d, "cache-off", DOCTOR_NOTE, NULL, "clglu keeps no compiled programs: %s", off);
    } else if (has_link(own, where)) {
        char *real = realpath(where, NULL), whole[2 * PATH];
        if (real) {
            snprintf(whole, sizeof whole, "%s%s", real, own + strlen(where));
            snprintf(remedy, sizeof remedy, "export CLGLU_CACHE=%s", text_shell(quoted, sizeof quoted, whole));
        }
        doctor_add(d, "cache-link", DOCTOR_NOTE, real ? remedy : NULL,
                   "%s is a symbolic link: clglu does not follow it to %s and keeps no compiled programs", where, own);
        free(real);
    } else {
        judge_folder(d, own, "CLGLU_CACHE", "clglu's compiled programs are", "clglu does not use it and compiles each time");
        judge_refused(d, own);
    }
    if (d->count == before) doctor_add(d, "cache", DOCTOR_OK, NULL, "nothing is kept yet");
}
