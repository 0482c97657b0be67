/* cachedir.c - a private folder for PoCL's compiler cache where its default does not serve.
   SPDX-License-Identifier: MIT */

/* PoCL keeps compiled kernels in $POCL_CACHE_DIR, else $XDG_CACHE_HOME/pocl, else $HOME/.cache/pocl, else in
   a folder of /tmp with a fixed name, whoever owns it. If it cannot make the folder, it has no device and
   does not say why. */

#include "cachedir.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void cachedir_nearest(const char *path, char *nearest, unsigned long size)
{
    snprintf(nearest, size, "%s", path);
    while (access(nearest, F_OK) != 0) {
        char *slash = strrchr(nearest, '/');
        if (!slash) {
            snprintf(nearest, size, ".");
            return;
        }
        if (slash == nearest) slash++;
        if (!*slash) return; /* not even the root can be seen */
        *slash = 0;
    }
}

static int can_write(const char *path)
{
    char nearest[1024];
    cachedir_nearest(path, nearest, sizeof nearest);
    return access(nearest, W_OK | X_OK) == 0;
}

const char *cachedir_instead(void) { return getenv("CLGLU_POCL_CACHE") ? getenv("POCL_CACHE_DIR") : NULL; }

enum cachedir_state cachedir_state(char *where, unsigned long size)
{
    const char *chosen = cachedir_instead() ? NULL : getenv("POCL_CACHE_DIR");
    const char *xdg = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    if (chosen && *chosen)
        snprintf(where, size, "%s", chosen);
    else if (xdg && *xdg)
        snprintf(where, size, "%s/pocl", xdg);
    else if (home && *home)
        snprintf(where, size, "%s/.cache/pocl", home);
    else
        snprintf(where, size, "/tmp/pocl_cache");
    if (!(chosen && *chosen) && !(xdg && *xdg) && !(home && *home)) return CACHEDIR_SHARED;
    if (!can_write(where)) return CACHEDIR_UNWRITABLE;
    return (chosen && *chosen) || (xdg && *xdg) ? CACHEDIR_CHOSEN : CACHEDIR_FINE;
}

/* Makes the folder, or takes the one there only if it is a real folder of ours that nobody else may write. */
static int private_folder(char *path, size_t size)
{
    const char *tmp = getenv("TMPDIR");
    struct stat st;
    snprintf(path, size, "%s/clglu-pocl-%lu", tmp && *tmp ? tmp : "/tmp", (unsigned long)geteuid());
    mkdir(path, 0700);
    return lstat(path, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == geteuid() && (st.st_mode & 077) == 0;
}

void cachedir_prepare(void)
{
    char path[1024];
    const char *chosen = getenv("POCL_CACHE_DIR");
    enum cachedir_state state = cachedir_state(path, sizeof path);
    if ((chosen && *chosen) || (state != CACHEDIR_SHARED && state != CACHEDIR_UNWRITABLE)) return;
    if (!private_folder(path, sizeof path)) return;
    setenv("POCL_CACHE_DIR", path, 1);
    setenv("CLGLU_POCL_CACHE", "1", 1);
}
