/* train_json.c - the results of clglu train as JSON. SPDX-License-Identifier: MIT */

#include "train.h"
#include "json.h"

#include <math.h>

/* null where there is no number. */
static json_t *maybe(double value) { return isnan(value) ? json_null() : json_double(value); }

static json_t *lengths_json(const double gradient[TRAIN_LAYERS])
{
    json_t *list = json_array();
    for (int i = 0; i < TRAIN_LAYERS; i++) json_array_append_new(list, json_double(gradient[i]));
    return list;
}

static json_t *point_json(const struct train_point *p)
{
    return json_pack("{s:I, s:o, s:o, s:o}", "step", (json_int_t)p->step, "train_loss", maybe(p->train),
                     "validation_loss", json_double(p->valid), "gradient",
                     p->step ? lengths_json(p->gradient) : json_null());
}

static json_t *run_json(const struct train_job *j, const struct train_result *r, uint64_t index)
{
    const struct train_run *run = &r->run[index];
    uint64_t seed = j->first_seed + index;
    json_t *points = json_array(), *dead = run->done ? json_array() : json_null();
    for (unsigned p = 0; p < run->points; p++) json_array_append_new(points, point_json(&run->point[p]));
    for (int i = 0; run->done && i < TRAIN_BLOCKS; i++)
        json_array_append_new(dead, json_integer((json_int_t)run->dead[i]));
    return json_pack("{s:I, s:b, s:o, s:o, s:o}", "seed", (json_int_t)seed, "done",
                     run->done, "hash", run->done ? json_hash(run->hash) : json_null(), "dead_units", dead,
                     "curve", points);
}

static json_t *variant_json(const struct train_report *r, size_t v)
{
    const struct train_job *j = r->job;
    const struct train_result *from = &j->result[v];
    const struct train_summary *s = &r->of[v];
    json_t *runs = json_array();
    for (uint64_t k = 0; k < j->seeds && from->run[k].points; k++)
        json_array_append_new(runs, run_json(j, from, k));
    json_t *o = json_pack("{s:s, s:b, s:I, s:I, s:f, s:f}", "name", from->form.name, "gated",
                          from->form.gated, "d_ff", (json_int_t)from->form.d_ff, "parameters",
                          (json_int_t)from->parameters, "step_s", s->seconds, "in_blocks_s", s->in_blocks);
    json_object_set_new(o, "loss", json_double(s->loss));
    json_object_set_new(o, "deviation", maybe(s->deviation));
    json_object_set_new(o, "apart", json_double(s->apart));
    json_object_set_new(o, "apart_deviation", maybe(s->apart_deviation));
    json_object_set_new(o, "steps_to_target", maybe(s->reach));
    json_object_set_new(o, "gradient_start", lengths_json(s->gradient[0]));
    json_object_set_new(o, "gradient_end", lengths_json(s->gradient[1]));
    json_object_set_new(o, "hash", s->has_hash ? json_hash(s->hash) : json_null());
    json_object_set_new(o, "runs", runs);
    return o;
}

static json_t *model_json(const struct train_report *r)
{
    json_t *layers = json_array();
    for (int i = 0; i < TRAIN_LAYERS; i++) json_array_append_new(layers, json_string(train_layer(i)));
    return json_pack("{s:i, s:i, s:i, s:i, s:i, s:i, s:f, s:o}", "context", TRAIN_CONTEXT, "embedding",
                     TRAIN_EMBED, "d_model", TRAIN_WIDTH, "blocks", TRAIN_BLOCKS, "rows", TRAIN_ROWS,
                     "judged_rows", TRAIN_VALID, "learning_rate", r->job->rate, "layers", layers);
}

json_t *train_report_json(const struct train_report *r)
{
    const struct train_job *j = r->job;
    const clglu_device_facts *facts = clglu_context_facts(j->context);
    json_t *root = json_root("train"), *variants = json_array();
    json_object_set_new(root, "device", facts ? json_facts(facts) : json_null());
    json_object_set_new(root, "text",
                        json_pack("{s:o, s:I, s:i, s:o}", "path", json_text(j->data), "bytes",
                                  (json_int_t)j->text.size, "files", (int)j->text.files, "hash",
                                  json_hash(j->text.hash)));
    json_object_set_new(root, "model", model_json(r));
    json_object_set_new(root, "steps", json_integer((json_int_t)j->steps));
    json_object_set_new(root, "steps_done", json_integer((json_int_t)j->point_at[r->points]));
    json_object_set_new(root, "seeds", json_integer((json_int_t)j->seeds));
    json_object_set_new(root, "seeds_done",
                        json_integer(r->whole ? (json_int_t)j->seeds : (json_int_t)r->seeds));
    json_object_set_new(root, "whole", json_boolean(r->whole));
    json_object_set_new(root, "target", json_double(r->target));
    json_object_set_new(root, "against", json_string(j->result[r->against].form.name));
    for (size_t v = 0; v < j->variants; v++) json_array_append_new(variants, variant_json(r, v));
    json_object_set_new(root, "variants", variants);
    return root;
}
