/* context.h - a device becomes a context, whatever its verdict.
   SPDX-License-Identifier: MIT */

#ifndef CLGLU_CONTEXT_H
#define CLGLU_CONTEXT_H

#include "core.h"

/* Makes a context on a device of the enumeration (`place`: its numbers and ids) and examines it, unless params trust it.
   cl: the caller's, a reference is taken over even on failure; NULL: one is made. The context is returned
   even if the verdict is that it cannot be used. */
clglu_status clglu_context_make(const clglu_device_facts *place, cl_context cl, const clglu_context_params *params,
                                clglu_context **context);

#endif
