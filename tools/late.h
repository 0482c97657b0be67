/* late.h - the libraries of OpenCL, loaded when the command runs: it starts where they are missing, too.
   SPDX-License-Identifier: MIT */

#ifndef CLGLU_TOOLS_LATE_H
#define CLGLU_TOOLS_LATE_H

/* Called once before the first call of OpenCL. Returns 1, or 0: then late_why() says what is missing and late_remedy() the command
   that brings it. */
int late_open(char **argv);
const char *late_why(void);
const char *late_remedy(void);

#endif
