/* gate_judge.c - the options of clglu gate: which operator, and whether they go together.
   SPDX-License-Identifier: MIT */

#include "gate.h"

#include <string.h>

static int judge_layout(const struct cli_command *self, const struct gate_options *o, struct gate_job *j)
{
    static const char *const names[] = {"act-first", "act-second", "interleaved"};
    j->packed = o->packed != NULL;
    if (!o->layout) return o->packed ? cli_usage(self, "--packed needs --layout LAYOUT") : CLI_GO_ON;
    if (!o->packed) return cli_usage(self, "--layout is for --packed");
    for (int i = GATE_ACT_FIRST; i <= GATE_INTERLEAVED; i++)
        if (strcmp(o->layout, names[i]) == 0) {
            j->layout = (enum gate_layout)i;
            return CLI_GO_ON;
        }
    return cli_usage(self, "--layout: '%s' is none of act-first, act-second, interleaved", o->layout);
}

/* The variant first; what is said beside it goes before it. */
static int judge_operator(const struct cli_command *self, const struct gate_options *o, clglu_gate_desc *d)
{
    if (!o->variant && !o->act) return cli_usage(self, "which operator? --variant NAME, or --act NAME");
    if (o->variant && clglu_variant_set(o->variant, d) != CLGLU_OK)
        return cli_usage(self, "no variant is named '%s'; 'clglu acts' lists them", o->variant);
    double alpha = (double)d->alpha, limit = (double)d->limit, shift = (double)d->shift;
    int code = cli_act(self, o->act, &d->act);
    if (code == CLI_GO_ON) code = cli_act(self, o->gate, &d->gate);
    if (code == CLI_GO_ON) code = cli_number(self, "alpha", o->alpha, &alpha);
    if (code == CLI_GO_ON) code = cli_number(self, "limit", o->limit, &limit);
    if (code == CLI_GO_ON) code = cli_number(self, "shift", o->shift, &shift);
    if (code != CLI_GO_ON) return code;
    if (o->alpha && d->act != CLGLU_ACT_SILU) return cli_usage(self, "--alpha is for silu only");
    d->alpha = (float)alpha;
    d->limit = (float)limit;
    d->shift = (float)shift;
    return CLI_GO_ON;
}

static int judge_mode(const struct cli_command *self, const struct gate_options *o, struct gate_job *j)
{
    clglu_dtype dtype = CLGLU_F32;
    int code = cli_dtype(self, o->dtype, &dtype);
    j->dtype = o->dtype ? (int)dtype : -1;
    if (code != CLI_GO_ON || !o->rounding || strcmp(o->rounding, "once") == 0) return code;
    if (strcmp(o->rounding, "torch") != 0)
        return cli_usage(self, "--rounding: once or torch, not '%s'", o->rounding);
    j->desc.rounding = CLGLU_ROUND_LIKE_TORCH;
    return CLI_GO_ON;
}

static int same(const char *p, const char *q) { return p && q && strcmp(p, q) == 0; }

static int judge_files(const struct cli_command *self, const struct gate_options *o)
{
    if (o->packed ? o->a || o->b : !o->a || !o->b)
        return cli_usage(self, "which inputs? Either --a A.npy --b B.npy, or --packed X.npy");
    if (o->packed_bias && (o->bias_a || o->bias_b || !o->packed))
        return cli_usage(self, "--packed-bias goes with --packed, and without --bias-a and --bias-b");
    if ((o->da || o->db) && !o->dy)
        return cli_usage(self, "--da and --db need the gradient of y: --backward DY.npy");
    if (o->dy && !o->da && !o->db && !o->check)
        return cli_usage(self, "--backward needs --da DA.npy, --db DB.npy or --check");
    if (!o->y && !o->da && !o->db && !o->check)
        return cli_usage(self, "nothing to do: -o Y.npy, --da DA.npy, --db DB.npy or --check");
    if (same(o->y, o->da) || same(o->y, o->db) || same(o->da, o->db))
        return cli_usage(self, "two outputs have one name");
    return CLI_GO_ON;
}

int gate_judge(const struct cli_command *self, const struct gate_options *o, struct gate_job *j)
{
    int code = judge_operator(self, o, &j->desc);
    if (code == CLI_GO_ON) code = judge_layout(self, o, j);
    if (code == CLI_GO_ON) code = judge_mode(self, o, j);
    if (code == CLI_GO_ON) code = judge_files(self, o);
    j->check_y = o->check && (o->y || !o->dy);
    j->check_grad = o->check && o->dy;
    j->y.output = "y";
    j->da.output = "da";
    j->db.output = "db";
    return code;
}
