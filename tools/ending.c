/* ending.c - what must be done when the process ends, however it ends: no half-written file, no child left.
   SPDX-License-Identifier: MIT */

#include "ending.h"

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

enum { SLOTS = 8 };

/* The command's only state outside its calls. A handler may run between any two instructions, so `used` is
   set after the name is written and before the file is made. */
static char names[SLOTS][PATH_MAX];
static volatile sig_atomic_t used[SLOTS];
static volatile sig_atomic_t child;

static void clean_up(void)
{
    for (int i = 0; i < SLOTS; i++)
        if (used[i]) {
            used[i] = 0;
            unlink(names[i]);
        }
    if (child > 0) kill(-(pid_t)child, SIGKILL);
    child = 0;
}

static void on_signal(int number)
{
    clean_up();
    signal(number, SIG_DFL);
    raise(number);
}

void ending_prepare(void)
{
    static const int list[] = {SIGINT,  SIGTERM, SIGHUP, SIGQUIT, SIGPIPE,
                               SIGABRT, SIGSEGV, SIGBUS, SIGFPE,  SIGILL};
    struct sigaction action = {0}, old;
    action.sa_handler = on_signal;
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof list / sizeof *list; i++)
        if (sigaction(list[i], NULL, &old) == 0 && old.sa_handler == SIG_DFL)
            sigaction(list[i], &action, NULL);
    atexit(clean_up);
}

int ending_slot(void)
{
    for (int i = 0; i < SLOTS; i++)
        if (!used[i]) return i;
    return -1;
}

char *ending_name(int slot) { return names[slot]; }
void ending_use(int slot) { used[slot] = 1; }
void ending_forget(int slot) { used[slot] = 0; }
void ending_child(pid_t group) { child = (sig_atomic_t)group; }
