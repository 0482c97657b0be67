/* train.c - clglu train: what do the variants cost and bring? SPDX-License-Identifier: MIT */

#include "train.h"
#include "commands.h"
#include "json.h"
#include "stop.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct options {
    struct cli_common common;
    const char *variant, *steps, *seeds, *seed, *quick, *rate, *target, *data, *html, *emulate, *dump;
};

#define AT(member) offsetof(struct options, member)
static const struct cli_option options[] = {
    {"variant", 0, "NAME,...",
     "variants (geglu, swiglu, ...) and, for plain blocks, activations (relu,\n"
     "gelu, ...); default: these and silu, reglu,\n"
     "geglu_tanh, bilinear, glu, geglu_sigmoid",
     AT(variant)},
    {"steps", 0, "N", "of each training; default 400", AT(steps)},
    {"seeds", 0, "N", "trainings of each variant, with the seeds 1 to N; default 3", AT(seeds)},
    {"seed", 0, "S", "one training of each variant, with that seed", AT(seed)},
    {"quick", 0, NULL, "relu, gelu and geglu, 200 steps, one seed, unless said otherwise", AT(quick)},
    {"rate", 0, "NUMBER", "the largest learning rate; default 0.008", AT(rate)},
    {"target", 0, "LOSS", "count the steps to that loss; default the worst variant's at the end", AT(target)},
    {"data", 0, "PATH,...", "the text: files, or folders of files; default\n" TRAIN_DATA, AT(data)},
    {"html", 0, "FILE", "everything on one page, with curves", AT(html)},
    {"emulate", 0, NULL, "without OpenCL, by the library's arithmetic on the host: the same\nhashes",
     AT(emulate)},
    {"dump", 0, "FOLDER",
     "write parameters before and after, the first gradients and the batches\nas .npy files", AT(dump)},
    {NULL, 0, NULL, NULL, 0}};
#undef AT

/* ---------------------------------------------------------------- options */

int train_form_find(const char *name, struct train_form *form)
{
    clglu_gate_desc d = {.act = CLGLU_ACT_IDENTITY};
    *form = (struct train_form){.gated = 1, .d_ff = TRAIN_GATED};
    size_t length = strlen(name);
    if (length >= sizeof form->name) return 0;
    memcpy(form->name, name, length + 1);
    if (clglu_variant_set(name, &d) != CLGLU_OK) {
        form->gated = 0;
        form->d_ff = TRAIN_PLAIN;
        if (clglu_act_find(name, &d.act) != CLGLU_OK) return 0;
    }
    form->act = d.act;
    form->gate = d.gate;
    form->alpha = d.alpha;
    form->limit = d.limit;
    form->shift = d.shift;
    return 1;
}

static int judge_variants(const struct cli_command *self, const char *list, struct train_job *j)
{
    char name[64];
    for (const char *s = list;; s++) {
        size_t n = strcspn(s, ",");
        if (j->variants == TRAIN_VARIANTS) return cli_usage(self, "--variant: 16 at most");
        struct train_form *form = &j->result[j->variants].form;
        snprintf(name, sizeof name, "%.*s", (int)(n < sizeof name ? n : sizeof name - 1), s);
        if (n >= sizeof name || !train_form_find(name, form))
            return cli_usage(self, "no variant or activation is named '%s'; 'clglu acts' lists them", name);
        for (size_t v = 0; v < j->variants; v++)
            if (strcmp(j->result[v].form.name, name) == 0)
                return cli_usage(self, "--variant: %s is there twice", name);
        j->variants++;
        s += n;
        if (!*s) return CLI_GO_ON;
    }
}

/* Evaluations at even distances. */
static void set_points(struct train_job *j)
{
    j->points = j->steps < TRAIN_POINTS ? (unsigned)j->steps : TRAIN_POINTS;
    for (unsigned p = 0; p <= j->points; p++) j->point_at[p] = j->steps * p / j->points;
}

static int judge_options(const struct cli_command *self, const struct options *o, struct train_job *j)
{
    const char *usual = o->quick ? "relu,gelu,geglu"
                                 : "relu,gelu,silu,reglu,geglu,geglu_tanh,swiglu,bilinear,glu,geglu_sigmoid";
    j->steps = o->quick ? 200 : 400;
    j->seeds = o->quick || o->seed ? 1 : 3;
    j->rate = 0.008;
    j->first_seed = 1;
    j->quiet = o->common.quiet != NULL;
    j->data = o->data ? o->data : TRAIN_DATA;
    j->dump = o->dump;
    int code = judge_variants(self, o->variant ? o->variant : usual, j);
    if (code == CLI_GO_ON) code = cli_count(self, "steps", o->steps, &j->steps);
    if (code == CLI_GO_ON) code = cli_count(self, "seeds", o->seeds, &j->seeds);
    if (code == CLI_GO_ON) code = cli_count(self, "seed", o->seed, &j->first_seed);
    if (code == CLI_GO_ON) code = cli_number(self, "rate", o->rate, &j->rate);
    if (code == CLI_GO_ON) code = cli_number(self, "target", o->target, &j->target);
    if (code != CLI_GO_ON) return code;
    if (j->steps < 1 || j->steps > TRAIN_STEPS) return cli_usage(self, "--steps: 1 to %d", TRAIN_STEPS);
    if (o->seed && o->seeds) return cli_usage(self, "--seeds and --seed exclude one another");
    if (j->seeds < 1 || j->seeds > TRAIN_SEEDS) return cli_usage(self, "--seeds: 1 to %d", TRAIN_SEEDS);
    if (j->first_seed > 1u << 30) return cli_usage(self, "--seed: 1 Gi at most");
    if (j->rate <= 0 || j->rate > 1) return cli_usage(self, "--rate: more than 0, 1 at most");
    if (o->target && j->target <= 0) return cli_usage(self, "--target: more than 0");
    if (o->emulate && o->common.device) return cli_usage(self, "--emulate and --device exclude one another");
    set_points(j);
    return CLI_GO_ON;
}

/* ---------------------------------------------------------------- running */

static void forget(struct train_job *j)
{
    for (size_t v = 0; v < j->variants; v++) {
        free(j->result[v].run);
        free(j->result[v].seconds);
        free(j->result[v].in_blocks);
    }
    train_text_close(&j->text);
}

static int report(const struct options *o, const struct train_job *j, struct outfile *html)
{
    struct train_report *r = calloc(1, sizeof *r);
    int code = CLI_GOOD;
    if (!r) return cli_say("out of memory"), CLI_OPENCL;
    if (!train_report_make(r, j)) {
        cli_say("train: stopped before the first evaluation: there is nothing to show");
    } else {
        if (o->html) code = train_page(r, html);
        if (!o->common.json) train_report_print(r, stdout);
        int written = o->common.json ? json_emit(train_report_json(r), NULL) : CLI_GOOD;
        if (code == CLI_GOOD) code = written;
    }
    free(r);
    return code;
}

static int run(const struct cli_command *self, int argc, char **argv)
{
    struct options o = {.variant = NULL};
    struct cli_device device = {0};
    struct outfile html = {.slot = -1, .fd = -1};
    struct train_job *j = calloc(1, sizeof *j);
    if (!j) return cli_say("out of memory"), CLI_OPENCL;
    int code = cli_parse(self, argc, argv, &o);
    if (code == CLI_GO_ON) code = judge_options(self, &o, j);
    if (code == CLI_GO_ON) code = train_text_open(&j->text, j->data);
    if (code == CLI_GO_ON && o.html && outfile_open(&html, o.html)) code = CLI_BAD_FILE;
    if (code == CLI_GO_ON && !o.emulate) code = cli_open(&device, cli_selector(&o.common), 0);
    j->context = device.context;
    if (code == CLI_GO_ON) code = train_run_all(j);
    if (code == CLI_GO_ON) code = report(&o, j, &html);
    int stopped = j->stopped;
    outfile_abandon(&html);
    forget(j);
    free(j);
    clglu_context_close(device.context);
    if (stopped) stop_end(stopped);
    return code;
}

const struct cli_command command_train = {
    "train",
    "what do the variants cost and bring? a small model, trained",
    "clglu train [--variant NAME,...] [--steps N] [--seeds N | --seed S] [--quick]\n"
    "            [--data PATH,...] [--html FILE] [--device SELECTOR]\n"
    "clglu train --emulate ...",
    "A language model of bytes, with three feed-forward blocks, is trained with each variant\n"
    "on the licence texts that every Debian has; a gated block has two thirds of the hidden\n"
    "units, so that all have as many weights. The blocks run through the library, the rest\n"
    "in plain C in one order: the same seed gives the same bits on every device. One to two\n"
    "minutes on two cores. Ctrl-C ends it, and shows what is done until then.",
    "clglu train --quick\nclglu train --variant relu,gelu,geglu --html train.html",
    options,
    run};
