/* fuzz_safetensors.c - any bytes as a .safetensors file. SPDX-License-Identifier: MIT */

#include "fuzz.h"

#include "../tools/ffn.h"
#include "../tools/safetensors_parse.h"

/* The bits of an element, told again. */
static unsigned bits_of(const char *dtype)
{
    static const char *const fours[] = {"F4"}, *const sixes[] = {"F6_E2M3", "F6_E3M2"}, *const sixteens[] = {"I16", "U16", "F16", "BF16"},
                             *const thirties[] = {"I32", "U32", "F32"}, *const sixties[] = {"I64", "U64", "F64", "C64"};
    if (strcmp(dtype, *fours) == 0) return 4;
    for (int i = 0; i < 2; i++)
        if (strcmp(dtype, sixes[i]) == 0) return 6;
    for (int i = 0; i < 4; i++)
        if (strcmp(dtype, sixteens[i]) == 0) return 16;
    for (int i = 0; i < 3; i++)
        if (strcmp(dtype, thirties[i]) == 0) return 32;
    for (int i = 0; i < 4; i++)
        if (strcmp(dtype, sixties[i]) == 0) return 64;
    return 8;
}

static void judge_tensor(const struct safetensors *file, const struct safetensor *t, uint64_t begin)
{
    fuzz_wide bits = bits_of(t->dtype);
    char shape[64];
    must(t->dims >= 0 && t->dims <= SAFETENSORS_MAX_DIMS);
    for (int i = 0; i < t->dims; i++) bits *= t->shape[i]; /* at most 64 * 2^63: judged by the parser one by one */
    must(bits / 8 == t->end - t->begin && bits % 8 == 0);
    must(t->begin == begin);
    const unsigned char *data = t->data;
    must(data >= file->map + 8 && data + (t->end - t->begin) <= file->map + file->size);
    must(safetensors_find(file, t->name) == t);
    safetensors_shape(t, shape, sizeof shape);
    must(strlen(shape) < sizeof shape && *shape == '[');
}

/* The file's data are covered from the first byte to the last, once. */
static void judge_file(const struct safetensors *file)
{
    uint64_t at = 0;
    for (size_t i = 0; i < file->count; i++) {
        judge_tensor(file, &file->tensors[i], at);
        at = file->tensors[i].end;
    }
    must(file->count == 0 || (const unsigned char *)file->tensors[file->count - 1].data +
                                     (file->tensors[file->count - 1].end - file->tensors[file->count - 1].begin) ==
                                 file->map + file->size);
}

/* A model's block is looked for in it, and the sizes are taken from its tensors. */
static void find_block(const struct safetensors *file, const char *model, uint64_t cols)
{
    struct ffn_options o = {.model = model};
    struct npy_in x = {.path = "x", .dtype = CLGLU_F32};
    struct ffn_job job = {.file = *file, .x_dtype = -1, .y_dtype = -1};
    must(ffn_model(model, &job.model));
    job.plain = job.model.variant == NULL;
    job.layout = job.model.layout;
    job.order = job.model.order;
    job.has_expert = strcmp(model, "gpt-oss") == 0;
    if (ffn_find(&o, &job, cols) != CLI_GO_ON) return;
    for (int i = 0; i < FFN_PARTS; i++)
        must(!job.part[i] || (job.part[i] >= file->tensors && job.part[i] < file->tensors + file->count));
    x.header = (struct npy_header){NPY_F4, 4, 2, {1, cols}, cols};
    if (ffn_measure(&job, &x, cols) != CLI_GO_ON) return;
    must(job.desc.d_model > 0 && job.desc.d_model <= file->size && job.desc.d_ff <= file->size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const models[] = {"llama", "sd", "gpt-oss", "bert", "t5", "modernbert", "fracast"};
    struct safetensors file;
    fuzz_ear ear;
    const char *path = fuzz_file(data, size);
    fuzz_listen(&ear);
    int code = safetensors_open(&file, path);
    must((fuzz_heard(&ear) > 0) == (code != CLI_GO_ON) && (code == CLI_GO_ON || code == CLI_BAD_FILE));
    must(code == CLI_GO_ON || (!file.map && !file.header && !file.tensors));
    if (code != CLI_GO_ON) return 0;
    judge_file(&file);
    fuzz_listen(&ear);
    for (size_t i = 0; i < sizeof models / sizeof *models; i++) find_block(&file, models[i], 4);
    fuzz_heard(&ear);
    must(safetensors_unchanged(&file) == CLI_GO_ON);
    safetensors_close(&file);
    return 0;
}
