/* train_report.c - what clglu train found: means over seeds, compared. SPDX-License-Identifier: MIT */

#include "train.h"
#include "text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

const char *train_layer(int layer)
{
    static const char *const names[TRAIN_LAYERS] = {"embedding", "block 1", "block 2", "block 3", "head"};
    return names[layer];
}

const char *train_device(const struct train_job *j, char *out, size_t size)
{
    const clglu_device_facts *f = clglu_context_facts(j->context);
    return text_clean(out, size, f ? f->name : "the host's emulation", 0);
}

/* ---------------------------------------------------------------- sums */

static int ascending(const void *p, const void *q)
{
    double a = *(const double *)p, b = *(const double *)q;
    return (a > b) - (a < b);
}

static double median(const double *values, size_t count)
{
    double *copy = count ? malloc(count * sizeof *copy) : NULL, middle;
    if (!copy) return (double)NAN;
    memcpy(copy, values, count * sizeof *copy);
    qsort(copy, count, sizeof *copy, ascending);
    middle = (copy[count / 2] + copy[(count - 1) / 2]) / 2;
    free(copy);
    return middle;
}

/* The mean of so many numbers, and their sample deviation (NaN of one). */
static double spread(const double *values, uint64_t count, double *deviation)
{
    double sum = 0, squares = 0;
    for (uint64_t i = 0; i < count; i++) sum += values[i];
    double mean = sum / (double)count;
    for (uint64_t i = 0; i < count; i++) squares += (values[i] - mean) * (values[i] - mean);
    *deviation = count > 1 ? sqrt(squares / (double)(count - 1)) : (double)NAN;
    return mean;
}

/* ---------------------------------------------------------------- one variant */

static void curves(const struct train_report *r, const struct train_result *from, struct train_summary *s)
{
    double seeds = (double)r->seeds;
    for (uint64_t k = 0; k < r->seeds; k++) {
        const struct train_run *run = &from->run[k];
        for (unsigned p = 0; p <= r->points; p++) {
            s->curve[p] += run->point[p].valid / seeds;
            s->train[p] += run->point[p].train / seeds;
        }
        for (int i = 0; i < TRAIN_LAYERS; i++) {
            s->gradient[0][i] += run->point[1].gradient[i] / seeds;
            s->gradient[1][i] += run->point[r->points].gradient[i] / seeds;
        }
        for (int i = 0; i < TRAIN_BLOCKS; i++)
            s->dead[i] += (double)run->dead[i] / (double)from->form.d_ff / seeds;
    }
}

static void losses(const struct train_report *r, const struct train_result *from,
                   const struct train_result *against, struct train_summary *s)
{
    double loss[TRAIN_SEEDS], apart[TRAIN_SEEDS];
    for (uint64_t k = 0; k < r->seeds; k++) {
        loss[k] = from->run[k].point[r->points].valid;
        apart[k] = loss[k] - against->run[k].point[r->points].valid;
    }
    s->loss = spread(loss, r->seeds, &s->deviation);
    s->apart = spread(apart, r->seeds, &s->apart_deviation);
}

/* One seed's own hash, or that of the hashes of several, each as eight bytes, the most significant first. */
static void hashes(const struct train_report *r, const struct train_result *from, struct train_summary *s)
{
    XXH64_canonical_t bytes[TRAIN_SEEDS];
    s->has_hash = 1;
    for (uint64_t k = 0; k < r->seeds; k++) {
        XXH64_canonicalFromHash(&bytes[k], from->run[k].hash);
        s->has_hash &= from->run[k].done;
    }
    s->hash = r->seeds == 1 ? from->run[0].hash : XXH64(bytes, (size_t)r->seeds * sizeof *bytes, 0);
}

static void reach(const struct train_report *r, struct train_summary *s)
{
    const uint64_t *at = r->job->point_at;
    s->reach = s->curve[0] <= r->target ? 0 : (double)NAN;
    for (unsigned p = 1; p <= r->points && isnan(s->reach); p++)
        if (s->curve[p] <= r->target)
            s->reach = (double)at[p - 1] + (double)(at[p] - at[p - 1]) * (s->curve[p - 1] - r->target) /
                                               (s->curve[p - 1] - s->curve[p]);
}

/* ---------------------------------------------------------------- all of them */

/* The place of a variant, or how many there are. */
static size_t find(const struct train_report *r, const char *name)
{
    size_t v = 0;
    while (v < r->job->variants && strcmp(r->job->result[v].form.name, name) != 0) v++;
    return v;
}

/* "GeGLU beside ReLU: loss 0.088 +- 0.029 less, a step takes 1.07 times as long." */
static int compare(const struct train_report *r, size_t geglu, size_t other, const char *name, char *out,
                   size_t size)
{
    double less[TRAIN_SEEDS] = {0}, deviation;
    char give[32] = "";
    for (uint64_t k = 0; k < r->seeds; k++)
        less[k] = r->job->result[other].run[k].point[r->points].valid -
                  r->job->result[geglu].run[k].point[r->points].valid;
    double mean = spread(less, r->seeds, &deviation);
    if (r->seeds > 1) snprintf(give, sizeof give, " +- %.3f", deviation);
    return snprintf(out, size, "GeGLU beside %s: loss %.3f%s %s, a step takes %.2f times as long.", name,
                    fabs(mean), give, mean > 0 ? "less" : "more",
                    r->of[geglu].seconds / r->of[other].seconds);
}

int train_answer(const struct train_report *r, char *out, size_t size)
{
    size_t geglu = find(r, "geglu"), relu = find(r, "relu"), gelu = find(r, "gelu"), none = r->job->variants;
    if (geglu == none || relu == none || gelu == none) return 0;
    int used = compare(r, geglu, relu, "ReLU", out, size);
    if (used < 0 || (size_t)used + 1 >= size) return 0;
    out[used++] = '\n';
    compare(r, geglu, gelu, "GELU", out + used, size - (size_t)used);
    return 1;
}

/* Whole seeds, if there is one; else as much of the first as all variants have. */
static int what_counts(struct train_report *r)
{
    const struct train_job *j = r->job;
    unsigned least = TRAIN_POINTS + 1;
    r->seeds = j->seeds;
    for (size_t v = 0; v < j->variants; v++)
        for (uint64_t k = 0; k < r->seeds; k++)
            if (!j->result[v].run[k].done) r->seeds = k;
    r->whole = r->seeds == j->seeds;
    if (r->seeds == 0) r->seeds = 1;
    for (size_t v = 0; v < j->variants; v++)
        if (j->result[v].run[0].points < least) least = j->result[v].run[0].points;
    r->points = least ? least - 1 : 0;
    return least >= 2;
}

int train_report_make(struct train_report *r, const struct train_job *j)
{
    *r = (struct train_report){.job = j, .target = j->target};
    if (!what_counts(r)) return 0;
    for (size_t v = j->variants; v-- > 0;)
        if (strcmp(j->result[v].form.name, "relu") == 0) r->against = v;
    for (size_t v = 0; v < j->variants; v++) {
        const struct train_result *from = &j->result[v];
        r->of[v].seconds = median(from->seconds, from->timed);
        r->of[v].in_blocks = median(from->in_blocks, from->timed);
        curves(r, from, &r->of[v]);
        losses(r, from, &j->result[r->against], &r->of[v]);
        hashes(r, from, &r->of[v]);
        if (j->target == 0 && r->of[v].loss > r->target) r->target = r->of[v].loss;
    }
    if (j->target == 0) r->target = ceil(r->target * 100) / 100;
    for (size_t v = 0; v < j->variants; v++) reach(r, &r->of[v]);
    return 1;
}
