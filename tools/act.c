/* act.c - clglu act: an activation, or its backward, over a .npy file. SPDX-License-Identifier: MIT */

#include "commands.h"
#include "stream.h"

#include <stdlib.h>
#include <string.h>

struct options {
    struct cli_common common;
    const char *act, *a, *y, *dy, *da, *bias, *alpha, *dtype, *check;
};

#define AT(member) offsetof(struct options, member)
static const struct cli_option options[] = {
    {"act", 0, "NAME", "the activation; 'clglu acts' lists them", AT(act)},
    {"a", 'a', "X.npy", "the input x", AT(a)},
    {"output", 'o', "Y.npy", "y = act(x)", AT(y)},
    {"backward", 0, "DY.npy", "the gradient of y", AT(dy)},
    {"da", 0, "DA.npy", "da = dy * act'(x); needs --backward", AT(da)},
    {"bias-a", 0, "BA.npy", "a vector of cols elements, added to x first", AT(bias)},
    {"alpha", 0, "NUMBER", "silu only: x * sigmoid(alpha * x); default 1", AT(alpha)},
    {"dtype", 0, "TYPE", "f32, f16 or bf16; needed for bf16, which npy calls '<u2' or '|V2'", AT(dtype)},
    {"check", 0, NULL,
     "compare each element with the reference in double and with the\n"
     "arithmetic's own bits; exit status 1 if it is outside the bound",
     AT(check)},
    {NULL, 0, NULL, NULL, 0}};
#undef AT

enum { X = 0, DY = 1, Y = 0, DX = 1 };

struct job {
    clglu_context *context;
    clglu_act_desc desc;
    int check_y, check_da;
    struct report y, da;
};

/* What is judged is what will be written. */
static clglu_status check(struct job *j, struct stream *s, uint64_t first)
{
    clglu_check_report r;
    clglu_status status = CLGLU_OK;
    if (j->check_y) {
        status = clglu_judge_act_forward(&j->desc, s->in_data[X], s->out_data[Y], &r);
        if (status == CLGLU_OK) report_add(&j->y, &r, first, j->desc.cols);
    }
    if (status == CLGLU_OK && j->check_da) {
        status = clglu_judge_act_backward(&j->desc, s->in_data[DY], s->in_data[X], s->out_data[DX], &r);
        if (status == CLGLU_OK) report_add(&j->da, &r, first, j->desc.cols);
    }
    return status;
}

static int step(void *user, struct stream *s, size_t rows, size_t cols, uint64_t first)
{
    struct job *j = user;
    clglu_status status = CLGLU_OK;
    j->desc.rows = rows;
    j->desc.cols = cols;
    if (s->out_data[Y]) status = clglu_act_forward_host(j->context, &j->desc, s->in_data[X], s->out_data[Y]);
    if (status == CLGLU_OK && s->out_data[DX])
        status = clglu_act_backward_host(j->context, &j->desc, s->in_data[DY], s->in_data[X], s->out_data[DX],
                                         NULL);
    if (status == CLGLU_OK) status = check(j, s, first);
    return status == CLGLU_OK ? CLI_GO_ON : cli_failed(j->context, status, "act");
}

static int judge(const struct cli_command *self, const struct options *o, struct job *j, int *dtype)
{
    double alpha = 0;
    clglu_dtype type = CLGLU_F32;
    int code = cli_act(self, o->act, &j->desc.act);
    if (code == CLI_GO_ON) code = cli_number(self, "alpha", o->alpha, &alpha);
    if (code == CLI_GO_ON) code = cli_dtype(self, o->dtype, &type);
    if (code != CLI_GO_ON) return code;
    *dtype = o->dtype ? (int)type : -1;
    j->desc.alpha = (float)alpha;
    if (!o->act) return cli_usage(self, "which activation? --act NAME");
    if (!o->a) return cli_usage(self, "which input? --a X.npy");
    if (o->alpha && j->desc.act != CLGLU_ACT_SILU) return cli_usage(self, "--alpha is for silu only");
    if (o->da && !o->dy) return cli_usage(self, "--da needs the gradient of y: --backward DY.npy");
    if (o->dy && !o->da && !o->check) return cli_usage(self, "--backward needs --da DA.npy, or --check");
    if (!o->y && !o->da && !o->check)
        return cli_usage(self, "nothing to do: -o Y.npy, --da DA.npy or --check");
    if (o->y && o->da && strcmp(o->y, o->da) == 0) return cli_usage(self, "two outputs have one name");
    return CLI_GO_ON;
}

static int open_files(const struct options *o, struct job *j, struct stream *s, void **bias, int dtype)
{
    int code = npy_in_open(&s->in[X], o->a, dtype);
    if (code != CLI_GO_ON) return code;
    j->desc.dtype = s->in[X].dtype;
    stream_begin(s, &s->in[X].header, o->bias == NULL);
    s->in_cols[X] = s->in_cols[DY] = j->y.cols = j->da.cols = s->cols;
    if (o->dy) code = npy_in_open(&s->in[DY], o->dy, (int)j->desc.dtype);
    if (code == CLI_GO_ON && o->dy) code = npy_same_shape(&s->in[DY], &s->shape);
    if (code == CLI_GO_ON && o->bias) code = npy_read_vector(o->bias, j->desc.dtype, s->cols, bias);
    j->desc.bias.host = *bias;
    if (code == CLI_GO_ON && o->y) code = npy_out_open(&s->out[Y], o->y, &s->shape);
    if (code == CLI_GO_ON && o->da) code = npy_out_open(&s->out[DX], o->da, &s->shape);
    return code;
}

static int finish(struct job *j, struct stream *s, int json)
{
    struct report *reports[2];
    int n = 0;
    if (j->check_y) reports[n++] = &j->y;
    if (j->check_da) reports[n++] = &j->da;
    return stream_finish(s, "act", reports, n, 0, json);
}

static int run(const struct cli_command *self, int argc, char **argv)
{
    struct options o = {.check = NULL};
    struct job j = {0};
    struct stream s = {0};
    struct cli_device device = {0};
    void *bias = NULL;
    int dtype = -1, code = cli_parse(self, argc, argv, &o);
    if (code == CLI_GO_ON) code = judge(self, &o, &j, &dtype);
    if (code != CLI_GO_ON) return code;
    j.check_y = o.check && (o.y || !o.dy);
    j.check_da = o.check && o.dy;
    s.judged[Y] = j.check_y;
    s.judged[DX] = j.check_da;
    j.y.output = "y";
    j.da.output = "da";
    code = open_files(&o, &j, &s, &bias, dtype);
    if (code == CLI_GO_ON) code = cli_open(&device, cli_selector(&o.common), 0);
    j.context = device.context;
    if (code == CLI_GO_ON) code = stream_run(&s, step, &j, o.common.quiet != NULL);
    if (code == CLI_GO_ON) code = finish(&j, &s, o.common.json != NULL);
    clglu_context_close(device.context);
    stream_close(&s);
    free(bias);
    return code;
}

const struct cli_command command_act = {
    "act",
    "y = act(x), or its backward, over a .npy file",
    "clglu act --act NAME --a X.npy -o Y.npy [--check]\n"
    "clglu act --act NAME --a X.npy --backward DY.npy --da DA.npy [-o Y.npy]\n"
    "clglu act --act NAME --a X.npy --check",
    "Files are streamed: they may be larger than memory. Outputs have the input's\n"
    "shape and dtype; they appear whole, or not at all (also if --check fails).\n"
    "The last dimension is cols; an array of one dimension is one row.",
    "clglu act --act gelu --a x.npy -o y.npy --check",
    options,
    run};
