/* stop.c - a request to stop, noted so that what there is can still be written. SPDX-License-Identifier: MIT */

#include "stop.h"

#include <signal.h>
#include <stdio.h>

static volatile sig_atomic_t asked;
static const int stops[] = {SIGINT, SIGTERM};
static struct sigaction before[2];

static void on_stop(int number)
{
    asked = number;
    for (int i = 0; i < 2; i++) sigaction(stops[i], &before[i], NULL);
}

void stop_listen(void)
{
    struct sigaction action = {0};
    action.sa_handler = on_stop;
    sigemptyset(&action.sa_mask);
    for (int i = 0; i < 2; i++)
        if (sigaction(stops[i], NULL, &before[i]) == 0 && before[i].sa_handler != SIG_IGN)
            sigaction(stops[i], &action, NULL);
}

int stop_asked(void) { return (int)asked; }

void stop_end(int number)
{
    fflush(stdout);
    raise(number);
}
