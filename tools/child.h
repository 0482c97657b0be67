/* child.h - this program started afresh as a child, and its messages read: what a driver does there is its
   own affair. SPDX-License-Identifier: MIT */

#ifndef CLGLU_TOOLS_CHILD_H
#define CLGLU_TOOLS_CHILD_H

#include <jansson.h>

/* The descriptor on which a child writes its messages: one JSON object a line, {"end": true} the last. */
enum { CHILD_FD = 3 };

struct child {
    const char *const *args; /* the command line after the program's name, ends with NULL */
    const char *set;         /* "NAME=value" for its environment, or NULL */
    double seconds;          /* it is killed after so long without a message, with its whole process group */
    int (*message)(json_t *message, void *user); /* not 0: that was nonsense */
    void (*tick)(void *user);                    /* some times a second while it runs; NULL is fine */
    void *user;
};

enum child_how {
    CHILD_GOOD,
    CHILD_NOT_STARTED,
    CHILD_EXITED,
    CHILD_CRASHED,
    CHILD_TIMED_OUT,
    CHILD_NONSENSE,
    CHILD_STOPPED /* stop_asked() */
};

struct child_end {
    enum child_how how;
    int number;     /* exit status or signal */
    double seconds; /* that it ran */
    double silent;  /* since its last message, when it was killed */
    char said[400]; /* the end of what it wrote to stdout and stderr, cleaned */
};

/* Never calls OpenCL. CHILD_GOOD only if the last message came and the exit status is 0. */
void child_run(const struct child *child, struct child_end *end);

/* "crashed (Segmentation fault)": what happened, in words; "" for CHILD_GOOD. */
void child_words(const struct child_end *end, char *out, size_t size);

/* In the child: writes one message (and frees it) on CHILD_FD if that is open, else on stdout. */
void child_tell(json_t *message);
/* {"step": text}, before it is begun; {"end": true}, at the end of a good run. */
void child_step(const char *text);
void child_done(void);

#endif
