/* train_page.c - the results of clglu train as a page. SPDX-License-Identifier: MIT */

#include "train.h"
#include "page.h"

#include <math.h>
#include <string.h>

/* The labels and colours that all charts share. */
struct look {
    char label[TRAIN_VARIANTS][64];
    struct page_line line[TRAIN_VARIANTS];
};

/* A variant keeps its colour whatever stands beside it. */
static int colour_of(const char *name, size_t place)
{
    static const char *const names[PAGE_COLOURS] = {
        "relu", "gelu", "silu", "reglu", "geglu", "geglu_tanh", "swiglu", "bilinear", "glu", "geglu_sigmoid"};
    for (int i = 0; i < PAGE_COLOURS; i++)
        if (strcmp(names[i], name) == 0) return i;
    return (int)(place % PAGE_COLOURS);
}

/* The three that the question is about are drawn thick; plain ones dashed. */
static void set_look(struct look *k, const struct train_report *r)
{
    for (size_t v = 0; v < r->job->variants; v++) {
        const struct train_form *form = &r->job->result[v].form;
        const char *name = form->name;
        snprintf(k->label[v], sizeof k->label[v], "%s %.4f", name, r->of[v].loss);
        k->line[v] =
            (struct page_line){.label = k->label[v], .colour = colour_of(name, v), .dashed = !form->gated};
        k->line[v].thick =
            strcmp(name, "relu") == 0 || strcmp(name, "gelu") == 0 || strcmp(name, "geglu") == 0;
    }
}

/* ---------------------------------------------------------------- what was done */

static void answer(struct page *p, const struct train_report *r)
{
    char text[300];
    if (train_answer(r, text, sizeof text)) page_paragraph(p, text);
}

static void introduction(struct page *p, const struct train_report *r)
{
    const struct train_job *j = r->job;
    char text[700], name[128];
    snprintf(text, sizeof text,
             "A small language model (%d bytes predict the next; d_model %d, %d feed-forward blocks) was "
             "trained with "
             "each variant of the block: %llu steps of %d rows, %llu %s. Plain blocks have d_ff %d, gated "
             "ones %d: "
             "the same number of weights. The blocks were computed by clglu %s on %s.",
             TRAIN_CONTEXT, TRAIN_WIDTH, TRAIN_BLOCKS, (unsigned long long)j->point_at[r->points], TRAIN_ROWS,
             (unsigned long long)r->seeds, r->seeds == 1 ? "seed" : "seeds", TRAIN_PLAIN, TRAIN_GATED,
             clglu_version(), train_device(j, name, sizeof name));
    page_paragraph(p, text);
    snprintf(text, sizeof text,
             "The text: %zu bytes of %u files, %.300s, of which a tenth is held out. It repeats itself, as "
             "such texts "
             "do: what matters is how the variants compare, not how low a loss is.",
             j->text.size, j->text.files, j->data);
    page_paragraph(p, text);
    if (!r->whole) page_paragraph(p, "The training was stopped early: this is what was done until then.");
}

/* ---------------------------------------------------------------- charts */

static void curve_chart(struct page *p, const struct train_report *r, struct look *k, const char *title,
                        unsigned from)
{
    double x[TRAIN_POINTS + 1];
    struct page_chart c = {.title = title, .x_title = "step", .y_title = "loss, nats a byte"};
    for (unsigned i = from; i <= r->points; i++) x[i - from] = (double)r->job->point_at[i];
    for (size_t v = 0; v < r->job->variants; v++) k->line[v].y = &r->of[v].curve[from];
    c.count = r->points + 1 - from;
    c.lines = r->job->variants;
    c.x = x;
    c.line = k->line;
    page_lines(p, &c);
}

static void loss_dots(struct page *p, const struct train_report *r, const struct look *k)
{
    static const char title[] = "Loss at the end, seed by seed, and the mean";
    struct page_row row[TRAIN_VARIANTS];
    double dot[TRAIN_VARIANTS][TRAIN_SEEDS];
    for (size_t v = 0; v < r->job->variants; v++) {
        const struct train_result *from = &r->job->result[v];
        for (uint64_t s = 0; s < r->seeds; s++) dot[v][s] = from->run[s].point[r->points].valid;
        row[v] =
            (struct page_row){.label = from->form.name, .value = k->label[v], .colour = k->line[v].colour};
        row[v].dot = dot[v];
        row[v].dots = (size_t)r->seeds;
        row[v].mean = r->of[v].loss;
    }
    page_dots(p, &(struct page_rows){title, "loss, nats a byte of held-out text", row, r->job->variants});
}

static void cost_bars(struct page *p, const struct train_report *r, const struct look *k)
{
    static const char title[] = "Cost of a step: in the blocks (full), and all else (pale)";
    struct page_row row[TRAIN_VARIANTS];
    char value[TRAIN_VARIANTS][32];
    for (size_t v = 0; v < r->job->variants; v++) {
        const struct train_summary *s = &r->of[v];
        snprintf(value[v], sizeof value[v], "%.2f", 1e3 * s->seconds);
        row[v] = (struct page_row){.label = r->job->result[v].form.name, .value = value[v]};
        row[v].colour = k->line[v].colour;
        row[v].part[0] = 1e3 * s->in_blocks;
        row[v].part[1] = 1e3 * (s->seconds - s->in_blocks);
    }
    page_bars(p, &(struct page_rows){title, "milliseconds, median", row, r->job->variants});
}

static void gradient_chart(struct page *p, const struct train_report *r, struct look *k, const char *title,
                           int end)
{
    const char *names[TRAIN_LAYERS];
    struct page_chart c = {
        .title = title, .x_title = "layer", .y_title = "length of the gradient", .log_y = 1};
    for (int i = 0; i < TRAIN_LAYERS; i++) names[i] = train_layer(i);
    for (size_t v = 0; v < r->job->variants; v++) k->line[v].y = r->of[v].gradient[end];
    c.count = TRAIN_LAYERS;
    c.lines = r->job->variants;
    c.names = names;
    c.line = k->line;
    page_lines(p, &c);
}

static void charts(struct page *p, const struct train_report *r, struct look *k)
{
    page_heading(p, "What it brings");
    page_legend(p, k->line, r->job->variants);
    page_charts_begin(p);
    curve_chart(p, r, k, "Loss by step", r->points >= 4);
    if (r->points >= 4) curve_chart(p, r, k, "Loss by step, the second half", r->points / 2);
    loss_dots(p, r, k);
    page_charts_end(p);
    page_heading(p, "What it costs");
    page_charts_begin(p);
    cost_bars(p, r, k);
    page_charts_end(p);
    page_heading(p, "Gradient flow by layer");
    page_legend(p, k->line, r->job->variants);
    page_charts_begin(p);
    gradient_chart(p, r, k, "At the start", 0);
    gradient_chart(p, r, k, "At the end", 1);
    page_charts_end(p);
}

/* ---------------------------------------------------------------- numbers */

static void put(char *line, size_t size, const char *format, double value)
{
    size_t used = strlen(line);
    if (used + 1 >= size) return;
    if (isnan(value))
        snprintf(line + used, size - used, "\t");
    else
        snprintf(line + used, size - used, format, value);
}

static void table_of_losses(struct page *p, const struct train_report *r)
{
    char line[400];
    snprintf(line, sizeof line,
             "variant\tparameters\tms a step\tin blocks\tloss\t\302\261\tless %s's\t\302\261\tsteps to %.4g",
             r->job->result[r->against].form.name, r->target);
    page_table_begin(p, line);
    for (size_t v = 0; v < r->job->variants; v++) {
        const struct train_summary *s = &r->of[v];
        int self = v == r->against;
        snprintf(line, sizeof line, "%s\t%zu", r->job->result[v].form.name, r->job->result[v].parameters);
        put(line, sizeof line, "\t%.2f", 1e3 * s->seconds);
        put(line, sizeof line, "\t%.2f", 1e3 * s->in_blocks);
        put(line, sizeof line, "\t%.4f", s->loss);
        put(line, sizeof line, "\t%.4f", s->deviation);
        put(line, sizeof line, "\t%+.4f", self ? (double)NAN : s->apart);
        put(line, sizeof line, "\t%.4f", self ? (double)NAN : s->apart_deviation);
        put(line, sizeof line, "\t%.0f", s->reach);
        page_table_row(p, line);
    }
    page_table_end(p);
}

static void table_of_ends(struct page *p, const struct train_report *r)
{
    char line[400];
    page_table_begin(p, "variant\tdead units, block 1\tblock 2\tblock 3\thash of all parameters");
    for (size_t v = 0; v < r->job->variants; v++) {
        const struct train_summary *s = &r->of[v];
        if (!s->has_hash) continue;
        snprintf(line, sizeof line, "%s\t%.1f %%\t%.1f %%\t%.1f %%\t%016llx", r->job->result[v].form.name,
                 100 * s->dead[0], 100 * s->dead[1], 100 * s->dead[2], (unsigned long long)s->hash);
        page_table_row(p, line);
    }
    page_table_end(p);
}

int train_page(const struct train_report *r, struct outfile *out)
{
    struct page page;
    struct look look;
    int code = page_open(&page, "clglu train: what gated feed-forward blocks cost and bring");
    if (code) return code;
    set_look(&look, r);
    answer(&page, r);
    introduction(&page, r);
    charts(&page, r, &look);
    page_heading(&page, "Numbers");
    table_of_losses(&page, r);
    page_paragraph(&page,
                   "Loss: nats a byte of held-out text, the mean of the seeds and their deviation; then the "
                   "difference, seed by seed. Steps to a loss are read off the mean curve.");
    if (r->of[0].has_hash) table_of_ends(&page, r);
    page_paragraph(
        &page, "Dead: hidden units that never go beyond a thousandth of what is usual in their block. The "
               "same text, seeds and steps give the same hash on every device.");
    return page_close(&page, out);
}
