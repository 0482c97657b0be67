/* gate.c - clglu gate: y = act(a) * gate(b), or its backward, over .npy files. SPDX-License-Identifier: MIT
 */

#include "commands.h"
#include "gate.h"

#include <stdlib.h>
#include <string.h>

#define AT(member) offsetof(struct gate_options, member)
static const struct cli_option options[] = {
    {"variant", 0, "NAME", "a named form (geglu, swiglu, ...; 'clglu acts' lists them)", AT(variant)},
    {"act", 0, "NAME", "the activation of a, if not the variant's", AT(act)},
    {"gate", 0, "NAME", "the activation of b, if not the variant's; default identity", AT(gate)},
    {"alpha", 0, "NUMBER", "silu only: a * sigmoid(alpha * a)", AT(alpha)},
    {"limit", 0, "NUMBER", "a is clamped to limit, b to [-limit, limit]; 0: not at all", AT(limit)},
    {"shift", 0, "NUMBER", "added to gate(b)", AT(shift)},
    {"a", 'a', "A.npy", "the operand a", AT(a)},
    {"b", 'b', "B.npy", "the operand b", AT(b)},
    {"packed", 0, "X.npy", "both in one array of 2 * cols columns", AT(packed)},
    {"layout", 0, "LAYOUT", "of --packed and --packed-bias: act-first, act-second, interleaved", AT(layout)},
    {"output", 'o', "Y.npy", "y = act(a) * gate(b)", AT(y)},
    {"backward", 0, "DY.npy", "the gradient of y", AT(dy)},
    {"da", 0, "DA.npy", "the gradient of a; needs --backward", AT(da)},
    {"db", 0, "DB.npy", "the gradient of b; needs --backward", AT(db)},
    {"bias-a", 0, "BA.npy", "a vector of cols elements, added to a first", AT(bias_a)},
    {"bias-b", 0, "BB.npy", "the same for b", AT(bias_b)},
    {"packed-bias", 0, "BX.npy", "both in one vector, in the layout of --packed", AT(packed_bias)},
    {"rounding", 0, "MODE", "once (default), or torch: act(a) is rounded to the dtype first", AT(rounding)},
    {"dtype", 0, "TYPE", "f32, f16 or bf16; needed for bf16, which npy calls '<u2' or '|V2'", AT(dtype)},
    {"check", 0, NULL,
     "compare each element with the reference in double and with the\n"
     "arithmetic's own bits; exit status 1 if it is outside the bound",
     AT(check)},
    {NULL, 0, NULL, NULL, 0}};
#undef AT

static int finish(struct gate_job *j, struct stream *s, int json)
{
    struct report *reports[3];
    int n = 0;
    if (j->check_y) reports[n++] = &j->y;
    if (j->check_grad) {
        reports[n++] = &j->da;
        reports[n++] = &j->db;
    }
    return stream_finish(s, "gate", reports, n, 1, json);
}

static int run(const struct cli_command *self, int argc, char **argv)
{
    struct gate_options o = {.check = NULL};
    struct gate_job j = {0};
    struct stream s = {0};
    struct cli_device device = {0};
    int code = cli_parse(self, argc, argv, &o);
    if (code == CLI_GO_ON) code = gate_judge(self, &o, &j);
    if (code != CLI_GO_ON) return code;
    code = gate_open(&o, &j, &s);
    if (code == CLI_GO_ON) code = cli_open(&device, cli_selector(&o.common), 0);
    j.context = device.context;
    if (code == CLI_GO_ON) code = stream_run(&s, gate_step, &j, o.common.quiet != NULL);
    if (code == CLI_GO_ON) code = finish(&j, &s, o.common.json != NULL);
    clglu_context_close(device.context);
    stream_close(&s);
    for (int i = 0; i < 2; i++) free(j.bias[i]);
    return code;
}

const struct cli_command command_gate = {
    "gate",
    "y = act(a) * gate(b), or its backward, over .npy files",
    "clglu gate --variant NAME --a A.npy --b B.npy -o Y.npy\n"
    "clglu gate --variant NAME --packed X.npy --layout LAYOUT -o Y.npy\n"
    "clglu gate ... --backward DY.npy --da DA.npy --db DB.npy [-o Y.npy]\n"
    "clglu gate ... --check",
    "Files are streamed: they may be larger than memory. Outputs have the dtype of the\n"
    "inputs; they appear whole, or not at all (also if --check fails).\n"
    "The last dimension is cols; an array of one dimension is one row.",
    "clglu gate --variant geglu --a a.npy --b b.npy -o y.npy --check\n"
    "clglu gate --variant swiglu --packed x.npy --layout act-first -o y.npy",
    options,
    run};
