/* progress.c - percent, rate and time left on stderr, for people who wait. SPDX-License-Identifier: MIT */

#include "progress.h"
#include "text.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

double progress_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

void progress_begin(struct progress *p, const char *label, const char *unit, uint64_t total, int quiet)
{
    *p = (struct progress){.unit = unit, .total = total, .start = progress_now()};
    p->shown = p->start + 0.8; /* the first line after a second */
    p->on = !quiet && isatty(STDERR_FILENO);
    text_clean(p->label, sizeof p->label, label, 0);
}

void progress_label(struct progress *p, const char *label)
{
    text_clean(p->label, sizeof p->label, label, 0);
    progress_add(p, 0);
}

static double part_done(const struct progress *p)
{
    double part = p->total ? (double)p->done / (double)p->total : 0;
    return part > 1 ? 1 : part;
}

static void draw(struct progress *p, double now)
{
    char rate[TEXT_NUMBER], speed[TEXT_NUMBER + 16] = "", left[TEXT_NUMBER] = "";
    double part = part_done(p), gone = now - p->start;
    if (*p->unit == 'B')
        snprintf(speed, sizeof speed, "  %s/s", text_bytes(rate, (double)p->done / gone));
    else if (*p->unit)
        snprintf(speed, sizeof speed, "  %.3g %s/s", (double)p->done / gone, p->unit);
    if (part > 0.01) snprintf(left, sizeof left, "  %.0f s left", gone / part - gone);
    fprintf(stderr, "\r\033[K%s %3.0f %%%s%s", p->label, 100 * part, speed, left);
    fflush(stderr);
    p->drawn = 1;
}

void progress_add(struct progress *p, uint64_t done)
{
    p->done += done;
    if (!p->on && !p->notice) return;
    double now = progress_now();
    if (now - p->shown < 0.2) return;
    p->shown = now;
    if (p->notice)
        p->notice(part_done(p), p->user);
    else
        draw(p, now);
}

void progress_end(struct progress *p)
{
    if (p->drawn) fprintf(stderr, "\r\033[K");
    p->drawn = p->on = 0;
}
