/* variant.c - the named forms of the gate operator.
   SPDX-License-Identifier: MIT */

#include <string.h>

#include "clglu.h"

/* torch.nn.GLU applies glu's sigmoid to the second half of its input: there a is the second half. */
static const clglu_variant variants[] = {
    {"glu", CLGLU_ACT_SIGMOID, CLGLU_ACT_IDENTITY, 0, 0, 0, "Dauphin et al. 2016, arXiv:1612.08083"},
    {"bilinear", CLGLU_ACT_IDENTITY, CLGLU_ACT_IDENTITY, 0, 0, 0, "Shazeer 2020, arXiv:2002.05202"},
    {"reglu", CLGLU_ACT_RELU, CLGLU_ACT_IDENTITY, 0, 0, 0, "Shazeer 2020, arXiv:2002.05202"},
    {"geglu", CLGLU_ACT_GELU, CLGLU_ACT_IDENTITY, 0, 0, 0, "Shazeer 2020, arXiv:2002.05202"},
    {"geglu_tanh", CLGLU_ACT_GELU_TANH, CLGLU_ACT_IDENTITY, 0, 0, 0, "T5 1.1, Gemma"},
    {"geglu_quick", CLGLU_ACT_GELU_QUICK, CLGLU_ACT_IDENTITY, 0, 0, 0, "ggml"},
    {"swiglu", CLGLU_ACT_SILU, CLGLU_ACT_IDENTITY, 0, 0, 0, "Shazeer 2020, arXiv:2002.05202; LLaMA"},
    {"gtu", CLGLU_ACT_TANH, CLGLU_ACT_SIGMOID, 0, 0, 0, "van den Oord et al. 2016, arXiv:1606.05328"},
    {"geglu_sigmoid", CLGLU_ACT_GELU, CLGLU_ACT_SIGMOID, 0, 0, 0, "GELU(x) * sigmoid(x W): a may be x itself"},
    {"swiglu_oai", CLGLU_ACT_SILU, CLGLU_ACT_IDENTITY, 1.702f, 7, 1, "gpt-oss"},
};

clglu_status clglu_variant_at(size_t i, clglu_variant *variant)
{
    if (variant == NULL) return CLGLU_NULL_POINTER;
    if (i >= sizeof variants / sizeof *variants) return CLGLU_NOT_FOUND;
    *variant = variants[i];
    return CLGLU_OK;
}

static const clglu_variant *find(const char *name)
{
    for (size_t i = 0; i < sizeof variants / sizeof *variants; i++)
        if (strcmp(variants[i].name, name) == 0) return &variants[i];
    return NULL;
}

clglu_status clglu_variant_find(const char *name, clglu_act *act, clglu_act *gate)
{
    if (name == NULL) return CLGLU_NULL_POINTER;
    const clglu_variant *v = find(name);
    if (v == NULL) return CLGLU_NOT_FOUND;
    if (act) *act = v->act;
    if (gate) *gate = v->gate;
    return CLGLU_OK;
}

clglu_status clglu_variant_set(const char *name, clglu_gate_desc *desc)
{
    if (name == NULL || desc == NULL) return CLGLU_NULL_POINTER;
    const clglu_variant *v = find(name);
    if (v == NULL) return CLGLU_NOT_FOUND;
    desc->act = v->act;
    desc->gate = v->gate;
    desc->alpha = v->alpha;
    desc->limit = v->limit;
    desc->shift = v->shift;
    return CLGLU_OK;
}
