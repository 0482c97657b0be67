/* export.h - everything that the operators can ask a device's compiler for, asked. SPDX-License-Identifier: MIT */

#ifndef CLGLU_TOOLS_EXPORT_H
#define CLGLU_TOOLS_EXPORT_H

#include "plan.h"
#include "progress.h"

/* Makes every call that differs in its programs, on small operands: the context then knows them all. `variant` NULL: each.
   Returns CLI_GO_ON or an exit status. */
int export_ask(clglu_context *context, const struct plan *plan, const char *variant, struct progress *progress);

/* Steps that export_ask adds to the progress. */
uint64_t export_steps(const struct plan *plan, const char *variant);

#endif
