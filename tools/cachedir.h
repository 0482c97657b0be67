/* cachedir.h - a private folder for PoCL's compiler cache where its default does not serve.
   SPDX-License-Identifier: MIT */

#ifndef CLGLU_TOOLS_CACHEDIR_H
#define CLGLU_TOOLS_CACHEDIR_H

/* What PoCL would do of itself in the user's environment. */
enum cachedir_state {
    CACHEDIR_FINE,       /* it has a place of its own */
    CACHEDIR_CHOSEN,     /* POCL_CACHE_DIR or XDG_CACHE_HOME says where, and that can be written */
    CACHEDIR_SHARED,     /* HOME is unset: a folder in /tmp that anybody may have made */
    CACHEDIR_UNWRITABLE, /* HOME, or what the user chose, cannot be written: no device at all */
};

/* `where`: the folder that is meant. */
enum cachedir_state cachedir_state(char *where, unsigned long size);

/* That folder, or the nearest one above it that exists. */
void cachedir_nearest(const char *path, char *nearest, unsigned long size);

/* Sets POCL_CACHE_DIR for this process and those it starts, if the state is SHARED or UNWRITABLE and the user
   has not set it himself: to a folder that belongs to the user alone. CLGLU_POCL_CACHE tells them that it was
   set here. */
void cachedir_prepare(void);
/* The folder that was set so, or NULL. */
const char *cachedir_instead(void);

#endif
