/* ffn_judge.c - the options of clglu ffn: which block, and whether they go together. SPDX-License-Identifier:
 * MIT */

#include "ffn.h"

#include <stdio.h>
#include <string.h>

/* The place of `text` in a list of words, or -1. */
static int word_in(const char *text, const char *const *words, int count)
{
    for (int i = 0; i < count; i++)
        if (strcmp(text, words[i]) == 0) return i;
    return -1;
}

static int judge_model(const struct cli_command *self, const struct ffn_options *o, struct ffn_job *j)
{
    if (!o->model) {
        if (o->layer || o->decoder) return cli_usage(self, "--layer and --decoder are for --model");
        return CLI_GO_ON;
    }
    if (!ffn_model(o->model, &j->model)) {
        char names[2048];
        size_t n = 0;
        clglu_model m;
        *names = 0;
        for (size_t i = 0; n < sizeof names && clglu_model_at(i, &m) == CLGLU_OK; i++)
            n += (size_t)snprintf(names + n, sizeof names - n, "%s%s", i ? ", " : "", m.name);
        return cli_usage(self,
                         "no model is named '%s'; known are %s, and the naming schemes t5, gemma, llama, "
                         "modernbert, sd, bert, gpt-oss, fracast",
                         o->model, names);
    }
    if (o->wa || o->wb || o->packed || o->wd || o->ba || o->bb || o->bd || o->packed_bias || o->layout ||
        o->order)
        return cli_usage(
            self, "--model finds the tensors itself: it goes with no tensor's name, --layout or --order");
    if (!o->layer) return cli_usage(self, "--model needs --layer N");
    j->plain = j->model.variant == NULL;
    j->order = j->model.order;
    j->layout = j->model.layout;
    return cli_count(self, "layer", o->layer, &j->layer);
}

static int judge_tensors(const struct cli_command *self, const struct ffn_options *o, struct ffn_job *j)
{
    static const char *const layouts[] = {"act-first", "act-second", "interleaved"};
    static const char *const orders[] = {"out-in", "in-out"};
    if (!o->packed && !o->wa && !o->wb)
        return cli_usage(self,
                         "which projections? --wa TENSOR and --wb TENSOR, --packed TENSOR, or --model NAME");
    if (o->packed && (o->wa || o->wb)) return cli_usage(self, "--packed goes without --wa and --wb");
    if (o->packed && !o->layout) return cli_usage(self, "--packed needs --layout LAYOUT");
    if (!o->packed && o->layout) return cli_usage(self, "--layout is for --packed");
    if ((o->packed_bias && !o->packed) || (o->ba && !o->wa) || (o->bb && !o->wb) || (o->bd && !o->wd))
        return cli_usage(self,
                         "a bias needs its matrix: --packed-bias --packed, --ba --wa, --bb --wb, --bd --wd");
    int layout = o->layout ? word_in(o->layout, layouts, 3) : -1,
        order = o->order ? word_in(o->order, orders, 2) : 0;
    if (o->layout && layout < 0)
        return cli_usage(self, "--layout: '%s' is none of act-first, act-second, interleaved", o->layout);
    if (order < 0) return cli_usage(self, "--order: '%s' is neither out-in nor in-out", o->order);
    j->layout = (clglu_layout)(layout + 1);
    j->order = (clglu_order)order;
    j->plain = !o->packed && !o->wb;
    return CLI_GO_ON;
}

/* The model's operator or the variant's; what is said beside it goes before it. */
static int judge_operator(const struct cli_command *self, const struct ffn_options *o, struct ffn_job *j)
{
    clglu_gate_desc d = {.act = j->model.act, .gate = j->model.gate, .alpha = j->model.alpha};
    d.limit = j->model.limit;
    d.shift = j->model.shift;
    if (!o->variant && !o->act && !o->model)
        return cli_usage(self, "which operator? --variant NAME, or --act NAME");
    if (j->plain && (o->variant || o->gate || o->limit || o->shift))
        return cli_usage(self, "a block without Wb has no gate: it goes with --act and --alpha alone");
    if (o->variant && clglu_variant_set(o->variant, &d) != CLGLU_OK)
        return cli_usage(self, "no variant is named '%s'; 'clglu acts' lists them", o->variant);
    double alpha = (double)d.alpha, limit = (double)d.limit, shift = (double)d.shift;
    int code = cli_act(self, o->act, &d.act);
    if (code == CLI_GO_ON) code = cli_act(self, o->gate, &d.gate);
    if (code == CLI_GO_ON) code = cli_number(self, "alpha", o->alpha, &alpha);
    if (code == CLI_GO_ON) code = cli_number(self, "limit", o->limit, &limit);
    if (code == CLI_GO_ON) code = cli_number(self, "shift", o->shift, &shift);
    if (code != CLI_GO_ON) return code;
    if (o->alpha && d.act != CLGLU_ACT_SILU) return cli_usage(self, "--alpha is for silu only");
    j->desc.act = d.act;
    j->desc.gate = d.gate;
    j->desc.alpha = d.act == CLGLU_ACT_SILU ? (float)alpha : 0;
    j->desc.limit = (float)limit;
    j->desc.shift = (float)shift;
    return CLI_GO_ON;
}

static int judge_mode(const struct cli_command *self, const struct ffn_options *o, struct ffn_job *j)
{
    static const char *const types[] = {"f32", "f16", "bf16"}, *const routes[] = {"fused", "clblast"};
    uint64_t block = 0;
    int route = o->route ? word_in(o->route, routes, 2) : 0;
    j->x_dtype = o->dtype ? word_in(o->dtype, types, 3) : -1;
    j->y_dtype = o->y_dtype ? word_in(o->y_dtype, types, 3) : -1;
    if (o->dtype && j->x_dtype < 0)
        return cli_usage(self, "--dtype: '%s' is none of f32, f16, bf16", o->dtype);
    if (o->y_dtype && j->y_dtype < 0)
        return cli_usage(self, "--y-dtype: '%s' is none of f32, f16, bf16", o->y_dtype);
    if (route < 0) return cli_usage(self, "--route: '%s' is neither fused nor clblast", o->route);
    j->desc.route = route ? CLGLU_ROUTE_CLBLAST : CLGLU_ROUTE_FUSED;
    j->has_expert = o->expert != NULL;
    int code = cli_count(self, "row-block", o->row_block, &block);
    if (code == CLI_GO_ON) code = cli_count(self, "expert", o->expert, &j->expert);
    if (code == CLI_GO_ON && block > 1u << 22) return cli_usage(self, "--row-block: 4 Mi at most");
    j->call.row_block = (size_t)block;
    return code;
}

static int same(const char *p, const char *q) { return p && q && strcmp(p, q) == 0; }

static int judge_files(const struct cli_command *self, const struct ffn_options *o, const struct ffn_job *j)
{
    if (!o->weights) return cli_usage(self, "which weights? --weights M.safetensors");
    if (!o->x) return cli_usage(self, "which input? --x X.npy");
    if (!o->y && !o->a && !o->b && !o->check)
        return cli_usage(self, "nothing to do: -o Y.npy, --a A.npy, --b B.npy or --check");
    if (o->a && !o->model && !o->wa && !o->packed) return cli_usage(self, "--a needs Wa: without it a is x");
    if (o->b && j->plain) return cli_usage(self, "--b needs Wb: a plain block has no b");
    if (same(o->y, o->a) || same(o->y, o->b) || same(o->a, o->b))
        return cli_usage(self, "two outputs have one name");
    return CLI_GO_ON;
}

int ffn_judge(const struct cli_command *self, const struct ffn_options *o, struct ffn_job *j)
{
    int code = judge_model(self, o, j);
    if (code == CLI_GO_ON && !o->model) code = judge_tensors(self, o, j);
    if (code == CLI_GO_ON) code = judge_operator(self, o, j);
    if (code == CLI_GO_ON) code = judge_mode(self, o, j);
    if (code == CLI_GO_ON) code = judge_files(self, o, j);
    return code;
}
