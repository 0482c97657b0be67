/* train_run.c - the variants trained in turns, so that whatever else the machine does hits all of them alike.
   SPDX-License-Identifier: MIT */

#include "train.h"
#include "progress.h"
#include "stop.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---------------------------------------------------------------- one seed */

/* What a seed's training needs beside the job. */
struct course {
    struct train_job *job;
    struct train_work work;
    struct train_model model[TRAIN_VARIANTS];
    unsigned char batch[TRAIN_ROWS * TRAIN_WINDOW], valid[TRAIN_VALID * TRAIN_WINDOW];
    size_t valid_rows;
    uint64_t index, seed;
    struct progress progress;
};

static int judge(struct course *c, size_t variant, struct train_point *point)
{
    struct train_run *run = &c->job->result[variant].run[c->index];
    struct train_model *m = &c->model[variant];
    point->step = m->step;
    int code = train_model_judge(m, &c->work, c->valid, c->valid_rows, &point->valid);
    if (code == CLI_GO_ON) run->point[run->points++] = *point;
    return code;
}

static int begin(struct course *c, size_t variant)
{
    struct train_job *j = c->job;
    struct train_result *r = &j->result[variant];
    struct train_point point = {.train = (double)NAN};
    int code = train_model_open(&c->model[variant], j->context, &r->form, c->seed, j->steps, j->rate);
    if (code != CLI_GO_ON) return code;
    r->parameters = c->model[variant].count;
    if (j->dump) code = train_dump(j, &c->model[variant], c->seed, "start", c->model[variant].w);
    return code == CLI_GO_ON ? judge(c, variant, &point) : code;
}

static int step(struct course *c, size_t variant, double *loss, double gradient[TRAIN_LAYERS])
{
    struct train_job *j = c->job;
    struct train_result *r = &j->result[variant];
    struct train_model *m = &c->model[variant];
    uint64_t number = m->step;
    train_text_batch(&j->text, c->seed, number, c->batch);
    c->work.in_blocks = 0;
    double start = progress_now();
    int code = train_model_step(m, &c->work, c->batch, loss, gradient);
    if (code != CLI_GO_ON) return code;
    r->seconds[r->timed] = progress_now() - start;
    r->in_blocks[r->timed++] = c->work.in_blocks;
    progress_add(&c->progress, 1);
    if (j->dump && number == 0) code = train_dump(j, m, c->seed, "gradient", m->g);
    if (j->dump && variant == 0 && code == CLI_GO_ON) code = train_dump_batch(j, c->seed, number, c->batch);
    return code;
}

/* Up to the next evaluation; none is made if it is stopped on the way. */
static int advance(struct course *c, size_t variant, uint64_t until)
{
    struct train_model *m = &c->model[variant];
    struct train_point sum = {.step = m->step};
    double loss, gradient[TRAIN_LAYERS], count = (double)(until - m->step);
    while (m->step < until && !stop_asked()) {
        int code = step(c, variant, &loss, gradient);
        if (code != CLI_GO_ON) return code;
        sum.train += loss / count;
        for (int i = 0; i < TRAIN_LAYERS; i++) sum.gradient[i] += gradient[i] / count;
    }
    return stop_asked() ? CLI_GO_ON : judge(c, variant, &sum);
}

static int finish(struct course *c, size_t variant)
{
    struct train_run *run = &c->job->result[variant].run[c->index];
    struct train_model *m = &c->model[variant];
    int code = train_model_dead(m, &c->work, c->valid, c->valid_rows, run->dead);
    if (code == CLI_GO_ON && c->job->dump) code = train_dump(c->job, m, c->seed, "end", m->w);
    run->hash = train_model_hash(m);
    run->done = code == CLI_GO_ON;
    return code;
}

static int run_seed(struct course *c)
{
    const struct train_job *j = c->job;
    char label[40];
    int code = CLI_GO_ON;
    for (size_t v = 0; v < j->variants && code == CLI_GO_ON && !stop_asked(); v++) code = begin(c, v);
    for (unsigned p = 1; p <= j->points; p++)
        for (size_t v = 0; v < j->variants && code == CLI_GO_ON && !stop_asked(); v++) {
            snprintf(label, sizeof label, "%.16s, seed %llu (%llu of %llu)", j->result[v].form.name,
                     (unsigned long long)c->seed, (unsigned long long)c->index + 1,
                     (unsigned long long)j->seeds);
            progress_label(&c->progress, label);
            code = advance(c, v, j->point_at[p]);
        }
    for (size_t v = 0; v < j->variants && code == CLI_GO_ON && !stop_asked(); v++) code = finish(c, v);
    for (size_t v = 0; v < j->variants; v++) train_model_close(&c->model[v]);
    return code;
}

/* ---------------------------------------------------------------- all of them */

static int make_room(struct train_job *j)
{
    for (size_t v = 0; v < j->variants; v++) {
        struct train_result *r = &j->result[v];
        r->run = calloc((size_t)j->seeds, sizeof *r->run);
        r->seconds = malloc((size_t)(j->seeds * j->steps) * sizeof *r->seconds);
        r->in_blocks = malloc((size_t)(j->seeds * j->steps) * sizeof *r->in_blocks);
        if (!r->run || !r->seconds || !r->in_blocks) return cli_say("out of memory"), CLI_OPENCL;
    }
    return CLI_GO_ON;
}

int train_run_all(struct train_job *j)
{
    struct course *c = calloc(1, sizeof *c);
    if (!c) return cli_say("out of memory"), CLI_OPENCL;
    c->job = j;
    c->valid_rows = train_text_valid(&j->text, c->valid);
    int code = train_work_open(&c->work);
    if (code == CLI_GO_ON) code = make_room(j);
    stop_listen();
    progress_begin(&c->progress, "clglu", "steps", j->variants * j->seeds * j->steps, j->quiet);
    for (; c->index < j->seeds && code == CLI_GO_ON && !stop_asked(); c->index++) {
        c->seed = j->first_seed + c->index;
        code = run_seed(c);
    }
    progress_end(&c->progress);
    j->stopped = stop_asked();
    train_work_close(&c->work);
    free(c);
    return code;
}
