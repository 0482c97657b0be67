/* ffn.c - clglu ffn: a feed-forward block whose weights are in a .safetensors file. SPDX-License-Identifier:
 * MIT */

#include "commands.h"
#include "ffn.h"
#include "text.h"

#include <stdarg.h>
#include <stdio.h>

#define AT(member) offsetof(struct ffn_options, member)
static const struct cli_option options[] = {
    {"weights", 'w', "M.safetensors", "the file with the weights", AT(weights)},
    {"x", 'x', "X.npy", "the input, [..., d_model]", AT(x)},
    {"output", 'o', "Y.npy", "y = (act(x Wa + ba) * gate(x Wb + bb)) Wd + bd", AT(y)},
    {"model", 'm', "NAME",
     "a known model, or how its tensors are named: t5, gemma, llama,\n"
     "modernbert, sd, bert, gpt-oss, fracast",
     AT(model)},
    {"layer", 'l', "N", "which of the model's blocks, from 0", AT(layer)},
    {"decoder", 0, NULL, "of T5: a block of the decoder, not the encoder", AT(decoder)},
    {"expert", 0, "E", "matrices [experts, ...]: which one, from 0", AT(expert)},
    {"variant", 0, "NAME", "a named form (geglu, swiglu, ...; 'clglu acts' lists them)", AT(variant)},
    {"act", 0, "NAME", "the activation of x Wa + ba; without Wb: a plain block", AT(act)},
    {"gate", 0, "NAME", "the activation of x Wb + bb; default identity", AT(gate)},
    {"alpha", 0, "NUMBER", "silu only: a * sigmoid(alpha * a)", AT(alpha)},
    {"limit", 0, "NUMBER", "a is clamped to limit, b to [-limit, limit]; 0: not at all", AT(limit)},
    {"shift", 0, "NUMBER", "added to gate(b)", AT(shift)},
    {"wa", 0, "TENSOR", "the matrix Wa; without it, but with Wb, a is x itself", AT(wa)},
    {"wb", 0, "TENSOR", "the matrix Wb", AT(wb)},
    {"packed", 0, "TENSOR", "both in one matrix of 2 * d_ff outputs", AT(packed)},
    {"layout", 0, "LAYOUT", "of --packed and --packed-bias: act-first, act-second, interleaved", AT(layout)},
    {"wd", 0, "TENSOR", "the matrix Wd; without it y = act(a) * gate(b)", AT(wd)},
    {"ba", 0, "TENSOR", "the bias of Wa", AT(ba)},
    {"bb", 0, "TENSOR", "the bias of Wb", AT(bb)},
    {"packed-bias", 0, "TENSOR", "both biases in one vector, in the layout of --packed", AT(packed_bias)},
    {"bd", 0, "TENSOR", "the bias of Wd", AT(bd)},
    {"order", 0, "ORDER", "of matrices: out-in (default, as torch keeps them) or in-out", AT(order)},
    {"a", 0, "A.npy", "an output: x Wa + ba, in y's type", AT(a)},
    {"b", 0, "B.npy", "an output: x Wb + bb, in y's type", AT(b)},
    {"dtype", 0, "TYPE", "x's: f32, f16 or bf16; needed for bf16, which npy calls '<u2' or '|V2'", AT(dtype)},
    {"y-dtype", 0, "TYPE", "y's; default x's", AT(y_dtype)},
    {"row-block", 0, "COUNT", "rows that are worked on together; default 512", AT(row_block)},
    {"route", 0, "ROUTE", "fused (default), or clblast: other bits, that depend on the device", AT(route)},
    {"check", 0, NULL,
     "compare each result with the reference in double and with the\n"
     "arithmetic's own bits; exit status 1 if it is outside the bound",
     AT(check)},
    {NULL, 0, NULL, NULL, 0}};
#undef AT

int ffn_bad(const struct ffn_job *job, const char *format, ...)
{
    char raw[4096], clean[4096];
    va_list args;
    va_start(args, format);
    vsnprintf(raw, sizeof raw, format, args);
    va_end(args);
    cli_say("%s: %s", job->file.path, text_clean(clean, sizeof clean, raw, 0));
    return CLI_BAD_FILE;
}

static int run(const struct cli_command *self, int argc, char **argv)
{
    struct ffn_options o = {.check = NULL};
    struct ffn_job j = {.context = NULL};
    struct stream s = {0};
    struct cli_device device = {0};
    int code = cli_parse(self, argc, argv, &o);
    if (code == CLI_GO_ON) code = ffn_judge(self, &o, &j);
    if (code != CLI_GO_ON) return code;
    code = ffn_open(&o, &j, &s);
    if (code == CLI_GO_ON) code = cli_open(&device, cli_selector(&o.common), 0);
    j.context = device.context;
    if (code == CLI_GO_ON) code = ffn_run(&o, &j, &s);
    if (code == CLI_GO_ON) code = ffn_finish(&o, &j, &s);
    clglu_ffn_destroy(j.ffn);
    clglu_context_close(device.context);
    stream_close(&s);
    safetensors_close(&j.file);
    return code;
}

const struct cli_command command_ffn = {
    "ffn",
    "a feed-forward block, its weights from a .safetensors file",
    "clglu ffn --weights M.safetensors --model NAME --layer N --x X.npy -o Y.npy\n"
    "clglu ffn --weights M.safetensors --variant NAME --wa TENSOR --wb TENSOR\n"
    "          [--wd TENSOR] --x X.npy -o Y.npy\n"
    "clglu ffn --weights M.safetensors --variant NAME --packed TENSOR\n"
    "          --layout LAYOUT [--wd TENSOR] --x X.npy -o Y.npy\n"
    "clglu ffn --weights M.safetensors --act NAME --wa TENSOR [--wd TENSOR]\n"
    "          --x X.npy -o Y.npy\n"
    "clglu ffn ... --check",
    "The weights are f32, f16 or bf16, all of one type, and are packed on the device\n"
    "straight from the file. x is streamed: it may be larger than memory. The last\n"
    "dimension of x is d_model; an array of one dimension is one row. Outputs appear\n"
    "whole, or not at all (also if --check fails). A model's name stands for variant,\n"
    "layout, sizes and tensors; what is said beside it about the operator goes before it.",
    "clglu ffn -w model.safetensors --model gemma2-9b --layer 0 --x x.npy -o y.npy\n"
    "clglu ffn -w model.safetensors --act gelu --wa up.weight --ba up.bias\n"
    "          --wd down.weight --bd down.bias --x x.npy -o y.npy --check",
    options,
    run};
