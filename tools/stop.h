/* stop.h - a request to stop, noted so that what there is can still be written. SPDX-License-Identifier: MIT */

#ifndef CLGLU_TOOLS_STOP_H
#define CLGLU_TOOLS_STOP_H

/* From now on the first SIGINT or SIGTERM is only noted; the next one ends the process at once. */
void stop_listen(void);

/* The signal that was noted, or 0. */
int stop_asked(void);

/* Ends the process as that signal would have done, after what was printed has gone out. */
void stop_end(int number);

#endif
