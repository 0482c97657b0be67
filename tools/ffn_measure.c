/* ffn_measure.c - sizes, types and views of a block from its tensors' shapes. SPDX-License-Identifier: MIT */

#include "ffn.h"

#include <string.h>

enum { SHAPE = 160 };

static const char *const option_of[FFN_PARTS] = {"wa", "wb", "packed", "wd", "ba", "bb", "packed-bias", "bd"};

/* ---- one tensor */

/* What is at hand of a tensor: all of it, or one expert's. */
struct piece {
    const struct safetensor *tensor;
    int dims;
    uint64_t shape[2];
    const void *data;
};

static int shape_is_bad(const struct ffn_job *j, enum ffn_part part, const char *why)
{
    char shape[SHAPE];
    const struct safetensor *t = j->part[part];
    return ffn_bad(j, "tensor '%.200s' (%s) is %s: %s", t->name, option_of[part],
                   safetensors_shape(t, shape, sizeof shape), why);
}

/* A matrix or a vector, behind the number of experts if one is asked for. */
static int piece_of(const struct ffn_job *j, enum ffn_part part, int dims, struct piece *p)
{
    const struct safetensor *t = j->part[part];
    *p = (struct piece){.tensor = t, .dims = dims};
    if (!t) return CLI_GO_ON;
    if (t->dims == dims + 1 && !j->has_expert && dims == 2)
        return shape_is_bad(j, part, "a matrix for each expert; say --expert E");
    if (t->dims != dims + j->has_expert)
        return shape_is_bad(j, part,
                            j->has_expert
                                ? "with --expert it must have one dimension more than a matrix or a bias"
                                : "a matrix must have two dimensions, a bias one");
    if (j->has_expert && j->expert >= t->shape[0])
        return shape_is_bad(j, part, "there is no such expert (they are counted from 0)");
    for (int i = 0; i < dims; i++) p->shape[i] = t->shape[i + j->has_expert];
    uint64_t skip = j->has_expert ? (t->end - t->begin) / t->shape[0] * j->expert : 0;
    p->data = (const unsigned char *)t->data + skip;
    return CLI_GO_ON;
}

static uint64_t inputs(const struct ffn_job *j, const struct piece *p)
{
    return p->shape[j->order == CLGLU_OUT_IN];
}
static uint64_t outputs(const struct ffn_job *j, const struct piece *p)
{
    return p->shape[j->order != CLGLU_OUT_IN];
}

/* ---- sizes */

/* Refuses a matrix of other sizes than wanted; `outs` 0: any. */
static int judge_matrix(const struct ffn_job *j, enum ffn_part part, const struct piece *p, uint64_t ins,
                        uint64_t outs, const char *whose)
{
    char shape[SHAPE];
    if (!p->tensor || (inputs(j, p) == ins && (!outs || outputs(j, p) == outs))) return CLI_GO_ON;
    const char *order = j->order == CLGLU_OUT_IN ? "out-in" : "in-out", *hint = "";
    if (outputs(j, p) == ins && (!outs || inputs(j, p) == outs) && !j->model.name)
        hint = j->order == CLGLU_OUT_IN ? "; --order in-out would fit" : "; --order out-in would fit";
    safetensors_shape(p->tensor, shape, sizeof shape);
    if (outs)
        return ffn_bad(
            j, "tensor '%.200s' (%s) is %s: in the order %s, %llu inputs and %llu outputs are wanted (%s)%s",
            p->tensor->name, option_of[part], shape, order, (unsigned long long)ins, (unsigned long long)outs,
            whose, hint);
    return ffn_bad(j, "tensor '%.200s' (%s) is %s: in the order %s, %llu inputs are wanted (%s)%s",
                   p->tensor->name, option_of[part], shape, order, (unsigned long long)ins, whose, hint);
}

static int judge_bias(const struct ffn_job *j, enum ffn_part part, const struct piece *p, uint64_t count)
{
    char shape[SHAPE];
    if (!p->tensor || p->shape[0] == count) return CLI_GO_ON;
    return ffn_bad(j, "tensor '%.200s' (%s) is %s: a bias of %llu elements is wanted", p->tensor->name,
                   option_of[part], safetensors_shape(p->tensor, shape, sizeof shape),
                   (unsigned long long)count);
}

/* d_model is x's columns, d_ff the projections' outputs, d_out those of Wd; all tensors must agree. */
static int judge_sizes(struct ffn_job *j, const struct piece *p, const struct npy_in *x, uint64_t x_cols)
{
    clglu_ffn_desc *d = &j->desc;
    const struct piece *first = p[FFN_PACKED].tensor ? &p[FFN_PACKED]
                                : p[FFN_WA].tensor   ? &p[FFN_WA]
                                                     : &p[FFN_WB];
    uint64_t model = j->model.d_model, outs = outputs(j, first), halves = first == &p[FFN_PACKED] ? 2 : 1;
    enum ffn_part part = (enum ffn_part)(first - p);
    if (outs % halves) return shape_is_bad(j, part, "an odd number of outputs cannot hold a's and b's");
    int code = CLI_GO_ON;
    if (model) code = judge_matrix(j, part, first, model, halves * j->model.d_ff, j->model.name);
    if (code == CLI_GO_ON) code = judge_matrix(j, part, first, x_cols, 0, "the columns of x");
    if (code == CLI_GO_ON && !p[FFN_PACKED].tensor && !p[FFN_WA].tensor)
        code = judge_matrix(j, part, first, x_cols, x_cols, "a is x itself");
    uint64_t d_ff = outs / halves, d_out = p[FFN_WD].tensor ? outputs(j, &p[FFN_WD]) : 0;
    if (code == CLI_GO_ON) code = judge_matrix(j, FFN_WB, &p[FFN_WB], x_cols, d_ff, "as Wa");
    if (code == CLI_GO_ON)
        code = judge_matrix(j, FFN_WD, &p[FFN_WD], d_ff, model,
                            model ? j->model.name : "the projections' outputs");
    if (code == CLI_GO_ON) code = judge_bias(j, FFN_BA, &p[FFN_BA], d_ff);
    if (code == CLI_GO_ON) code = judge_bias(j, FFN_BB, &p[FFN_BB], d_ff);
    if (code == CLI_GO_ON) code = judge_bias(j, FFN_PACKED_BIAS, &p[FFN_PACKED_BIAS], 2 * d_ff);
    if (code == CLI_GO_ON) code = judge_bias(j, FFN_BD, &p[FFN_BD], d_out);
    if (code != CLI_GO_ON) return code;
    if (x_cols == 0 || d_ff == 0 || (p[FFN_WD].tensor && d_out == 0))
        return cli_say("%s: a block of no inputs or no outputs (x is %s)", j->file.path, x->path),
               CLI_BAD_FILE;
    d->d_model = (size_t)x_cols;
    d->d_ff = (size_t)d_ff;
    d->d_out = (size_t)d_out;
    return CLI_GO_ON;
}

/* ---- types */

static int dtype_of(const struct safetensor *t, clglu_dtype *dtype)
{
    static const char *const names[] = {"F32", "F16", "BF16"};
    for (int i = CLGLU_F32; i <= CLGLU_BF16; i++)
        if (strcmp(t->dtype, names[i]) == 0) {
            *dtype = (clglu_dtype)i;
            return 1;
        }
    return 0;
}

static int judge_types(struct ffn_job *j)
{
    const struct safetensor *first = NULL;
    for (int i = 0; i < FFN_PARTS; i++) {
        const struct safetensor *t = j->part[i];
        clglu_dtype dtype;
        if (!t) continue;
        if (!dtype_of(t, &dtype))
            return ffn_bad(j, "tensor '%.200s' is %s: weights must be F32, F16 or BF16", t->name, t->dtype);
        if (first && dtype != j->desc.dtype)
            return ffn_bad(
                j,
                "tensor '%.200s' is %s, but '%.200s' is %s: a block's weights and biases must have one type; "
                "convert one of them",
                t->name, t->dtype, first->name, first->dtype);
        if (!first) first = t;
        j->desc.dtype = dtype;
    }
    return CLI_GO_ON;
}

/* ---- the descriptor */

static int set_desc(struct ffn_job *j, const struct piece *p)
{
    clglu_ffn_desc *d = &j->desc;
    const struct piece *packed = &p[FFN_PACKED], *biases = &p[FFN_PACKED_BIAS];
    clglu_status status = clglu_ffn_set_layout(d, j->order, packed->tensor ? j->layout : CLGLU_SEPARATE);
    if (status != CLGLU_OK) return cli_failed(NULL, status, "ffn");
    d->wa.host = packed->tensor ? packed->data : p[FFN_WA].data;
    d->wb.host = packed->tensor ? packed->data : p[FFN_WB].data;
    d->wd.host = p[FFN_WD].data;
    d->ba.host = biases->tensor ? biases->data : p[FFN_BA].data;
    d->bb.host = biases->tensor ? biases->data : p[FFN_BB].data;
    d->bd.host = p[FFN_BD].data;
    return CLI_GO_ON;
}

int ffn_measure(struct ffn_job *j, const struct npy_in *x, uint64_t x_cols)
{
    struct piece p[FFN_PARTS];
    int code = judge_types(j);
    for (int i = 0; i < FFN_PARTS && code == CLI_GO_ON; i++)
        code = piece_of(j, (enum ffn_part)i, i < FFN_BA ? 2 : 1, &p[i]);
    if (code == CLI_GO_ON) code = judge_sizes(j, p, x, x_cols);
    return code == CLI_GO_ON ? set_desc(j, p) : code;
}
