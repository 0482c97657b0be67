/* late.h - the libraries of OpenCL, loaded when the command runs: it starts where they are missing, too.
   SPDX-License-Identifier: MIT */

#ifndef CLGLU_TOOLS_LATE_H
#define CLGLU_TOOLS_LATE_H

/* Why OpenCL cannot be used. */
struct late_trouble {
    const char *id; /* no-loader, old-loader or no-clblast: doctor's name for it */
    char why[400];
    const char *remedy; /* the command that mends it: see cli_remedy */
};

/* Called once before the first call of OpenCL. Returns 1, or 0 if there is trouble. */
int late_open(char **argv);
/* NULL: none. */
const struct late_trouble *late_trouble(void);

#endif
