/* cache.h - what drivers made of programs, kept in a folder of the user's for the next process. SPDX-License-Identifier: MIT */

#ifndef CLGLU_CACHE_H
#define CLGLU_CACHE_H

#include "core.h"

/* Nothing here fails: a folder or an entry that cannot be used costs time, and a line in the context's log says why. A cache may be
   used by any number of processes at the same time. All calls come with the context's build lock held. */

/* Opens the folder, making it and what is above it where that is missing. Used is only a folder of the user's own that nobody else
   may write to, reached without a symbolic link. NULL if there is none. */
clglu_cache *clglu_cache_open(clglu_context *context, const char *path);
void clglu_cache_close(clglu_cache *cache);

/* The entry's name: that of the program and 16 digits that stand for the key. */
enum { CLGLU_CACHE_NAME = 96 };
void clglu_cache_name(const char *file, const char *key, char name[CLGLU_CACHE_NAME]);

/* The driver's binary, to be freed, or NULL. An entry that is damaged, another's, or not a plain file of the user's is removed. If it
   is given, the driver may crash on it: clglu_cache_loaded is to be called once the driver has taken it or refused it (taken 0: the
   entry is removed). Where it never was, the entry is not given again. */
void *clglu_cache_load(clglu_cache *cache, const char *name, const char *key, size_t *bytes);
void clglu_cache_loaded(clglu_cache *cache, const char *name, bool taken);

/* Keeps it, if there is room and no driver has crashed on that entry; the oldest entries give way. */
void clglu_cache_save(clglu_cache *cache, const char *name, const char *key, const void *binary, size_t bytes);

#endif
