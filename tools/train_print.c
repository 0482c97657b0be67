/* train_print.c - the results of clglu train as tables. SPDX-License-Identifier: MIT */

#include "train.h"
#include "table.h"

#include <math.h>

static void print_head(const struct train_report *r, FILE *out)
{
    const struct train_job *j = r->job;
    char name[64], data[64];
    fprintf(out, "device   %s\n", train_device(j, name, sizeof name));
    fprintf(out, "text     %zu bytes of %u files, %s\n", j->text.size, j->text.files,
            text_clean(data, sizeof data, j->data, 0));
    fprintf(out, "model    %d bytes predict the next: d_model %d, %d blocks, d_ff %d, gated %d\n",
            TRAIN_CONTEXT, TRAIN_WIDTH, TRAIN_BLOCKS, TRAIN_PLAIN, TRAIN_GATED);
    fprintf(out, "run      %llu of %llu steps of %d rows, %llu of %llu seeds\n\n",
            (unsigned long long)j->point_at[r->points], (unsigned long long)j->steps, TRAIN_ROWS,
            (unsigned long long)r->seeds, (unsigned long long)j->seeds);
}

/* "0.012", or nothing for a NaN. */
static const char *shown(char *out, size_t size, const char *format, double value)
{
    *out = 0;
    if (!isnan(value)) snprintf(out, size, format, value);
    return out;
}

static void print_losses(const struct train_report *r, FILE *out)
{
    char titles[100], own[24], apart[24], between[24], reach[24];
    const char *against = r->job->result[r->against].form.name;
    snprintf(titles, sizeof titles, "variant|>weights|>ms|>blocks|>loss|>+-|>vs %.10s|>+-|>to %.4g", against,
             r->target);
    struct table t = {.titles = titles};
    for (size_t v = 0; v < r->job->variants; v++) {
        const struct train_summary *s = &r->of[v];
        int self = v == r->against;
        table_row(&t, TEXT_PLAIN, "%s\t%zu\t%.2f\t%.2f\t%.4f\t%s\t%s\t%s\t%s", r->job->result[v].form.name,
                  r->job->result[v].parameters, 1e3 * s->seconds, 1e3 * s->in_blocks, s->loss,
                  shown(own, sizeof own, "%.4f", s->deviation),
                  self ? "" : shown(apart, sizeof apart, "%+.4f", s->apart),
                  self ? "" : shown(between, sizeof between, "%.4f", s->apart_deviation),
                  shown(reach, sizeof reach, "%.0f", s->reach));
    }
    table_print(&t, out, 0);
}

static void print_gradients(const struct train_report *r, FILE *out)
{
    struct table t = {.titles = "gradient|>embedding|>block 1|>block 2|>block 3|>head"};
    fputc('\n', out);
    for (size_t v = 0; v < r->job->variants; v++) {
        char cell[TRAIN_LAYERS][40];
        for (int i = 0; i < TRAIN_LAYERS; i++)
            snprintf(cell[i], sizeof cell[i], "%.2f>%.2f", r->of[v].gradient[0][i], r->of[v].gradient[1][i]);
        table_row(&t, TEXT_PLAIN, "%s\t%s\t%s\t%s\t%s\t%s", r->job->result[v].form.name, cell[0], cell[1],
                  cell[2], cell[3], cell[4]);
    }
    table_print(&t, out, 0);
}

static void print_ends(const struct train_report *r, FILE *out)
{
    struct table t = {.titles = "dead units|>block 1|>block 2|>block 3|hash of all parameters"};
    fputc('\n', out);
    for (size_t v = 0; v < r->job->variants; v++) {
        const struct train_summary *s = &r->of[v];
        if (!s->has_hash) continue;
        table_row(&t, TEXT_PLAIN, "%s\t%.1f %%\t%.1f %%\t%.1f %%\t%016llx", r->job->result[v].form.name,
                  100 * s->dead[0], 100 * s->dead[1], 100 * s->dead[2], (unsigned long long)s->hash);
    }
    if (t.rows) table_print(&t, out, 0);
}

static void print_notes(const struct train_report *r, FILE *out)
{
    const uint64_t *at = r->job->point_at;
    fprintf(out, "\nms: of a step, the median; blocks: of these, in the library's calls. loss: nats\n"
                 "a byte of held-out text, the mean of the seeds +- their deviation; vs: the\n"
                 "difference, seed by seed; to: steps to that loss, on the mean curve. gradient:\n");
    fprintf(out,
            "each layer's length, the mean of steps 1 to %llu > of the last %llu. dead: never\n"
            "beyond 1/1000 of what is usual in that block. The hash is the same on every\ndevice.\n",
            (unsigned long long)at[1], (unsigned long long)(at[r->points] - at[r->points - 1]));
}

void train_report_print(const struct train_report *r, FILE *out)
{
    char answer[300];
    print_head(r, out);
    print_losses(r, out);
    print_gradients(r, out);
    print_ends(r, out);
    if (train_answer(r, answer, sizeof answer)) fprintf(out, "\n%s\n", answer);
    print_notes(r, out);
    if (!r->whole) fprintf(out, "\nIt was stopped early: this is what was done until then.\n");
}
