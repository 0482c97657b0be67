/* ffn_names.c - how models name the tensors of their blocks, and where a file has them.
 * SPDX-License-Identifier: MIT */

#include "ffn.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAME = 512, NEAREST = 3 };

/* One way to name the tensors: stems, to which ".weight" and ".bias" are added (or what is said here). '#' is
   the layer's number. A stem that begins with '*' is preceded by anything: layers are then counted, in the
   natural order of the names, among the blocks whose shape fits. Other stems may stand behind one of the
   prefixes. */
struct naming {
    const char *word; /* its scheme, and what the names of its models begin with */
    const char *variant;
    clglu_act act; /* of a plain block */
    clglu_layout layout;
    clglu_order order;
    int decoder;
    const char *a, *b, *d; /* b NULL: a is the packed matrix, or the block is plain */
    const char *weight, *bias;
};

static const struct naming namings[] = {
    {"t5", "geglu_tanh", CLGLU_ACT_IDENTITY, CLGLU_SEPARATE, CLGLU_OUT_IN, 0,
     "encoder.block.#.layer.1.DenseReluDense.wi_0", "encoder.block.#.layer.1.DenseReluDense.wi_1",
     "encoder.block.#.layer.1.DenseReluDense.wo", ".weight", ".bias"},
    {"t5", "geglu_tanh", CLGLU_ACT_IDENTITY, CLGLU_SEPARATE, CLGLU_OUT_IN, 1,
     "decoder.block.#.layer.2.DenseReluDense.wi_0", "decoder.block.#.layer.2.DenseReluDense.wi_1",
     "decoder.block.#.layer.2.DenseReluDense.wo", ".weight", ".bias"},
    {"gemma", "geglu_tanh", CLGLU_ACT_IDENTITY, CLGLU_SEPARATE, CLGLU_OUT_IN, 0, "layers.#.mlp.gate_proj",
     "layers.#.mlp.up_proj", "layers.#.mlp.down_proj", ".weight", ".bias"},
    {"llama", "swiglu", CLGLU_ACT_IDENTITY, CLGLU_SEPARATE, CLGLU_OUT_IN, 0, "layers.#.mlp.gate_proj",
     "layers.#.mlp.up_proj", "layers.#.mlp.down_proj", ".weight", ".bias"},
    {"llama", "swiglu", CLGLU_ACT_IDENTITY, CLGLU_SEPARATE, CLGLU_OUT_IN, 0, "layers.#.feed_forward.w1",
     "layers.#.feed_forward.w3", "layers.#.feed_forward.w2", ".weight", ".bias"},
    {"modernbert", "geglu", CLGLU_ACT_IDENTITY, CLGLU_ACT_FIRST, CLGLU_OUT_IN, 0, "layers.#.mlp.Wi", NULL,
     "layers.#.mlp.Wo", ".weight", ".bias"},
    {"sd", "geglu", CLGLU_ACT_IDENTITY, CLGLU_ACT_SECOND, CLGLU_OUT_IN, 0, "*ff.net.0.proj", NULL,
     "*ff.net.2", ".weight", ".bias"},
    {"gpt-oss", "swiglu_oai", CLGLU_ACT_IDENTITY, CLGLU_INTERLEAVED, CLGLU_IN_OUT, 0,
     "layers.#.mlp.experts.gate_up_proj", NULL, "layers.#.mlp.experts.down_proj", "", "_bias"},
    {"fracast", "swiglu", CLGLU_ACT_IDENTITY, CLGLU_ACT_FIRST, CLGLU_OUT_IN, 0, "*.ffn.up", NULL,
     "*.ffn.down", ".weight", ".bias"},
    {"bert", NULL, CLGLU_ACT_GELU, CLGLU_SEPARATE, CLGLU_OUT_IN, 0, "encoder.layer.#.intermediate.dense",
     NULL, "encoder.layer.#.output.dense", ".weight", ".bias"},
};
enum { NAMINGS = sizeof namings / sizeof *namings };

/* What stands before a stem, where a model is a part of another, or wrapped. */
static const char *const prefixes[] = {
    "",      "model.",       "language_model.model.", "model.language_model.", "model.language_model.model.",
    "bert.", "transformer.", "0.auto_model."};

/* ---- which namings a model has */

static int begins(const char *text, const char *with) { return strncmp(text, with, strlen(with)) == 0; }

int ffn_model(const char *name, clglu_model *model)
{
    clglu_gate_desc form = {.rows = 0};
    if (clglu_model_find(name, model) == CLGLU_OK) return 1;
    *model = (clglu_model){.name = NULL};
    for (int i = 0; i < NAMINGS; i++) {
        const struct naming *n = &namings[i];
        if (strcmp(n->word, name) != 0) continue;
        form.act = n->act;
        if (n->variant && clglu_variant_set(n->variant, &form) != CLGLU_OK) return 0;
        *model = (clglu_model){.name = n->word, .variant = n->variant, .act = form.act, .gate = form.gate};
        model->alpha = form.alpha;
        model->limit = form.limit;
        model->shift = form.shift;
        model->layout = n->layout;
        model->order = n->order;
        return 1;
    }
    return 0;
}

/* A model's namings are those whose word its name begins with; if there are none, all for its kind of block.
 */
static int suits(const struct naming *n, const struct ffn_job *j, int decoder)
{
    int known = 0;
    if (n->decoder != decoder) return 0;
    for (int i = 0; i < NAMINGS; i++) known |= begins(j->model.name, namings[i].word);
    if (known) return begins(j->model.name, n->word);
    return (n->variant == NULL) == j->plain && n->layout == j->layout;
}

/* ---- names that are not there */

/* The stem with the layer's number in it, between prefix and suffix. */
static char *spell(char out[NAME], const char *prefix, const char *stem, uint64_t layer, const char *suffix)
{
    const char *mark = strchr(stem, '#');
    int left = mark ? (int)(mark - stem) : (int)strlen(stem);
    if (mark)
        snprintf(out, NAME, "%s%.*s%llu%s%s", prefix, left, stem, (unsigned long long)layer, mark + 1,
                 suffix);
    else
        snprintf(out, NAME, "%s%s%s", prefix, stem, suffix);
    return out;
}

/* How much two names have in common: equal characters at the beginning and at the end. */
static size_t likeness(const char *p, const char *q)
{
    size_t n = strlen(p), m = strlen(q), least = n < m ? n : m, front = 0, back = 0;
    while (front < least && p[front] == q[front]) front++;
    while (back < least - front && p[n - 1 - back] == q[m - 1 - back]) back++;
    return front + back;
}

/* Adds ", NAME" to a list, its foreign characters made harmless, cut where the list is full. */
static void list_name(char *list, size_t size, const char *name)
{
    char clean[128];
    size_t n = strlen(list);
    if (n + 1 < size)
        snprintf(list + n, size - n, "%s%s", n ? ", " : "", text_clean(clean, sizeof clean, name, 0));
}

/* The names of the file that are most like `wanted`. */
static void list_nearest(const struct safetensors *file, const char *wanted, char *list, size_t size)
{
    const char *best[NEAREST] = {NULL};
    size_t score[NEAREST] = {0};
    *list = 0;
    for (size_t i = 0; i < file->count; i++) {
        const char *name = file->tensors[i].name;
        size_t like = likeness(name, wanted);
        for (int k = 0; k < NEAREST; k++) {
            if (best[k] && like <= score[k]) continue;
            memmove(best + k + 1, best + k, (size_t)(NEAREST - 1 - k) * sizeof *best);
            memmove(score + k + 1, score + k, (size_t)(NEAREST - 1 - k) * sizeof *score);
            best[k] = name;
            score[k] = like;
            break;
        }
    }
    for (int k = 0; k < NEAREST && best[k]; k++) list_name(list, size, best[k]);
}

/* gpt-oss' own checkpoints keep a matrix as NAME_blocks and NAME_scales. */
static int in_blocks(const struct ffn_job *j, const char *name)
{
    char blocks[NAME];
    snprintf(blocks, sizeof blocks, "%.400s_blocks", name);
    return safetensors_find(&j->file, blocks) != NULL;
}

static int missing(const struct ffn_job *j, const char *wanted)
{
    char near[NAME];
    if (in_blocks(j, wanted))
        return ffn_bad(j, "has '%.200s' in MXFP4 blocks only, which are not supported: convert it to bf16",
                       wanted);
    list_nearest(&j->file, wanted, near, sizeof near);
    return ffn_bad(j, "has no tensor '%.200s'; the nearest of its %zu: %s", wanted, j->file.count,
                   *near ? near : "none");
}

/* ---- tensors named on the command line */

static int find_named(const struct ffn_options *o, struct ffn_job *j)
{
    const char *const names[FFN_PARTS] = {o->wa, o->wb, o->packed,      o->wd,
                                          o->ba, o->bb, o->packed_bias, o->bd};
    for (int i = 0; i < FFN_PARTS; i++) {
        if (!names[i]) continue;
        j->part[i] = safetensors_find(&j->file, names[i]);
        if (!j->part[i]) return missing(j, names[i]);
    }
    return CLI_GO_ON;
}

/* ---- tensors named by a scheme */

/* The matrix of that stem and, if there is one, its bias. A naming's first matrix decides whether the naming
   is this file's; then nothing else may be missing. */
static int take(struct ffn_job *j, const struct naming *n, const char *prefix, const char *stem,
                enum ffn_part matrix, enum ffn_part bias)
{
    char name[NAME];
    j->part[matrix] = safetensors_find(&j->file, spell(name, prefix, stem, j->layer, n->weight));
    if (!j->part[matrix]) return missing(j, name);
    j->part[bias] = safetensors_find(&j->file, spell(name, prefix, stem, j->layer, n->bias));
    return j->part[bias] || !j->model.bias ? CLI_GO_ON : missing(j, name);
}

static int take_all(struct ffn_job *j, const struct naming *n, const char *prefix, const char *a,
                    const char *d)
{
    int packed = !j->plain && !n->b;
    int code =
        packed ? take(j, n, prefix, a, FFN_PACKED, FFN_PACKED_BIAS) : take(j, n, prefix, a, FFN_WA, FFN_BA);
    if (code == CLI_GO_ON && n->b) code = take(j, n, prefix, n->b, FFN_WB, FFN_BB);
    return code == CLI_GO_ON ? take(j, n, prefix, d, FFN_WD, FFN_BD) : code;
}

/* Orders names as people do: numbers in them by their value. */
static int natural(const char *p, const char *q)
{
    while (*p && *q) {
        size_t n = strspn(p, "0123456789"), m = strspn(q, "0123456789");
        if (n && m) {
            size_t zp = strspn(p, "0"), zq = strspn(q, "0");
            zp = zp < n ? zp : n - 1;
            zq = zq < m ? zq : m - 1;
            if (n - zp != m - zq) return n - zp < m - zq ? -1 : 1;
            int order = strncmp(p + zp, q + zq, n - zp);
            if (order) return order;
            p += n;
            q += m;
        } else {
            if (*p != *q) return (unsigned char)*p < (unsigned char)*q ? -1 : 1;
            p++;
            q++;
        }
    }
    return *p ? 1 : *q ? -1 : 0;
}

static int by_name(const void *p, const void *q)
{
    const struct safetensor *const *a = p, *const *b = q;
    int order = natural((*a)->name, (*b)->name);
    return order ? order : strcmp((*a)->name, (*b)->name);
}

static int ends(const char *name, const char *with)
{
    size_t n = strlen(name), m = strlen(with);
    return n >= m && strcmp(name + n - m, with) == 0;
}

/* The file's blocks of that counted naming whose packed matrix has the model's shape, or takes x. Returns how
 * many. */
static size_t list_blocks(const struct ffn_job *j, const struct naming *n, uint64_t x_cols,
                          const struct safetensor **list)
{
    char tail[NAME];
    size_t count = 0;
    spell(tail, "", n->a + 1, 0, n->weight);
    for (size_t i = 0; i < j->file.count; i++) {
        const struct safetensor *t = &j->file.tensors[i];
        uint64_t in = j->model.d_model ? j->model.d_model : x_cols;
        int fits = t->dims == 2 && t->shape[1] == in && (!j->model.d_ff || t->shape[0] == 2 * j->model.d_ff);
        if (ends(t->name, tail) && fits) list[count++] = t;
    }
    qsort(list, count, sizeof *list, by_name);
    return count;
}

static int find_counted(struct ffn_job *j, const struct naming *n, uint64_t x_cols)
{
    char tail[NAME];
    const struct safetensor **list = malloc((j->file.count + 1) * sizeof *list);
    if (!list) return ffn_bad(j, "out of memory");
    size_t count = list_blocks(j, n, x_cols, list),
           tail_size = strlen(spell(tail, "", n->a + 1, 0, n->weight));
    const char *name = j->layer < count ? list[j->layer]->name : NULL;
    free(list);
    if (!name)
        return ffn_bad(j,
                       "has %zu blocks *%s for %llu inputs: there is no layer %llu (they are counted from 0)",
                       count, tail, (unsigned long long)(j->model.d_model ? j->model.d_model : x_cols),
                       (unsigned long long)j->layer);
    size_t size = strlen(name) - tail_size;
    char *prefix = malloc(size + 1);
    if (!prefix) return ffn_bad(j, "out of memory");
    memcpy(prefix, name, size);
    prefix[size] = 0;
    int code = size < NAME / 2 ? take_all(j, n, prefix, n->a + 1, n->d + 1)
                               : ffn_bad(j, "a tensor's name is too long");
    free(prefix);
    return code;
}

static int nothing_fits(const struct ffn_job *j, int decoder)
{
    char name[NAME], looked[2 * NAME] = "", near[NAME] = "";
    for (int i = 0; i < NAMINGS; i++) {
        if (!suits(&namings[i], j, decoder)) continue;
        list_name(looked, sizeof looked, spell(name, "", namings[i].a, j->layer, namings[i].weight));
        if (!*near) list_nearest(&j->file, name, near, sizeof near);
    }
    if (!*looked) return ffn_bad(j, "%s has no decoder", j->model.name);
    return ffn_bad(j,
                   "has no tensors of %s's layer %llu. Looked for %s, also behind model. and other prefixes; "
                   "the nearest of its %zu names: %s",
                   j->model.name, (unsigned long long)j->layer, looked, j->file.count, *near ? near : "none");
}

int ffn_find(const struct ffn_options *o, struct ffn_job *j, uint64_t x_cols)
{
    char name[NAME];
    int decoder = o->decoder != NULL;
    if (!j->model.name) return find_named(o, j);
    for (int i = 0; i < NAMINGS; i++) {
        const struct naming *n = &namings[i];
        if (!suits(n, j, decoder)) continue;
        if (*n->a == '*') return find_counted(j, n, x_cols);
        for (size_t k = 0; k < sizeof prefixes / sizeof *prefixes; k++) {
            spell(name, prefixes[k], n->a, j->layer, n->weight);
            if (safetensors_find(&j->file, name) || in_blocks(j, name))
                return take_all(j, n, prefixes[k], n->a, n->d);
        }
    }
    return nothing_fits(j, decoder);
}
