/* model.c - feed-forward blocks of known models.
   SPDX-License-Identifier: MIT */

#include <string.h>

#include "clglu.h"

/* What the models of one family have in common. */
typedef struct family {
    const char *variant; /* NULL: a plain block of act */
    clglu_act act;
    clglu_layout layout;
    clglu_order order;
    int bias;
} family;

static const family t5_or_gemma = {.variant = "geglu_tanh"};
static const family modernbert = {.variant = "geglu", .layout = CLGLU_ACT_FIRST};
static const family diffusers = {.variant = "geglu", .layout = CLGLU_ACT_SECOND, .bias = 1};
static const family gpt_oss = {"swiglu_oai", CLGLU_ACT_IDENTITY, CLGLU_INTERLEAVED, CLGLU_IN_OUT, 1};
static const family fracast = {.variant = "swiglu", .layout = CLGLU_ACT_FIRST, .bias = 1};
static const family bert = {.act = CLGLU_ACT_GELU, .bias = 1};

/* Layers: all that have such a block; of T5 the encoder's and the decoder's, of a U-Net those of that width. */
static const struct {
    const char *name;
    const family *family;
    size_t d_model, d_ff, layers;
} models[] = {
    {"t5-v1.1-small", &t5_or_gemma, 512, 1024, 16},
    {"t5-v1.1-base", &t5_or_gemma, 768, 2048, 24},
    {"t5-v1.1-large", &t5_or_gemma, 1024, 2816, 48},
    {"t5-v1.1-xl", &t5_or_gemma, 2048, 5120, 48},
    {"t5-v1.1-xxl", &t5_or_gemma, 4096, 10240, 48},
    {"gemma-2b", &t5_or_gemma, 2048, 16384, 18},
    {"gemma-7b", &t5_or_gemma, 3072, 24576, 28},
    {"gemma2-2b", &t5_or_gemma, 2304, 9216, 26},
    {"gemma2-9b", &t5_or_gemma, 3584, 14336, 42},
    {"gemma2-27b", &t5_or_gemma, 4608, 36864, 46},
    {"gemma3-270m", &t5_or_gemma, 640, 2048, 18},
    {"gemma3-1b", &t5_or_gemma, 1152, 6912, 26},
    {"gemma3-4b", &t5_or_gemma, 2560, 10240, 34},
    {"gemma3-12b", &t5_or_gemma, 3840, 15360, 48},
    {"gemma3-27b", &t5_or_gemma, 5376, 21504, 62},
    {"modernbert-base", &modernbert, 768, 1152, 22},
    {"modernbert-large", &modernbert, 1024, 2624, 28},
    {"sd15-unet-320", &diffusers, 320, 1280, 5},
    {"sd15-unet-640", &diffusers, 640, 2560, 5},
    {"sd15-unet-1280", &diffusers, 1280, 5120, 6},
    {"sdxl-unet-640", &diffusers, 640, 2560, 10},
    {"sdxl-unet-1280", &diffusers, 1280, 5120, 60},
    {"gpt-oss-expert", &gpt_oss, 2880, 2880, 24},
    {"fracast-0", &fracast, 64, 96, 1},
    {"minilm-l6", &bert, 384, 1536, 6},
};

clglu_status clglu_model_at(size_t i, clglu_model *model)
{
    clglu_gate_desc form = {.rows = 0};
    if (model == NULL) return CLGLU_NULL_POINTER;
    if (i >= sizeof models / sizeof *models) return CLGLU_NOT_FOUND;
    const family *f = models[i].family;
    form.act = f->act;
    clglu_status status = f->variant ? clglu_variant_set(f->variant, &form) : CLGLU_OK;
    *model = (clglu_model){models[i].name, models[i].d_model, models[i].d_ff, models[i].layers, f->variant, form.act,
                           form.gate, form.alpha, form.limit, form.shift, f->layout, f->order, f->bias};
    return status;
}

clglu_status clglu_model_find(const char *name, clglu_model *model)
{
    if (name == NULL || model == NULL) return CLGLU_NULL_POINTER;
    for (size_t i = 0; i < sizeof models / sizeof *models; i++)
        if (strcmp(models[i].name, name) == 0) return clglu_model_at(i, model);
    return CLGLU_NOT_FOUND;
}
