/* ffn_names.c - how models name the tensors of their blocks, and where a file has them.
 * SPDX-License-Identifier: MIT */

#include "ffn.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAME = 512 };

/* One way to name the tensors: stems, to which ".weight" and ".bias" are added; bare: nothing and "_bias".
   '#' is the layer's number. A stem that begins with '*' is preceded by anything: layers are then counted, in
   the natural order of the names, among the blocks whose shape fits. Other stems may stand behind one of the
   prefixes. */
struct naming {
    const char *word;      /* the scheme's name, and what its models' names begin with */
    const char *variant;   /* NULL: plain blocks of act */
    const char *a, *b, *d; /* b NULL: a is the packed matrix, or the block is plain */
    clglu_act act;
    clglu_layout layout;
    clglu_order order;
    int decoder, bare;
};

/* clang-format off */
#define T5(stack, n, name) stack ".block.#.layer." n ".DenseReluDense." name
static const struct naming namings[] = {
    {"t5", "geglu_tanh", T5("encoder", "1", "wi_0"), T5("encoder", "1", "wi_1"), T5("encoder", "1", "wo"), .decoder = 0},
    {"t5", "geglu_tanh", T5("decoder", "2", "wi_0"), T5("decoder", "2", "wi_1"), T5("decoder", "2", "wo"), .decoder = 1},
    {"gemma", "geglu_tanh", "layers.#.mlp.gate_proj", "layers.#.mlp.up_proj", "layers.#.mlp.down_proj", .bare = 0},
    {"llama", "swiglu", "layers.#.mlp.gate_proj", "layers.#.mlp.up_proj", "layers.#.mlp.down_proj", .bare = 0},
    {"llama", "swiglu", "layers.#.feed_forward.w1", "layers.#.feed_forward.w3", "layers.#.feed_forward.w2", .bare = 0},
    {"modernbert", "geglu", "layers.#.mlp.Wi", NULL, "layers.#.mlp.Wo", .layout = CLGLU_ACT_FIRST},
    {"sd", "geglu", "*ff.net.0.proj", NULL, "*ff.net.2", .layout = CLGLU_ACT_SECOND},
    {"gpt-oss", "swiglu_oai", "layers.#.mlp.experts.gate_up_proj", NULL, "layers.#.mlp.experts.down_proj",
     .layout = CLGLU_INTERLEAVED, .order = CLGLU_IN_OUT, .bare = 1},
    {"fracast", "swiglu", "*.ffn.up", NULL, "*.ffn.down", .layout = CLGLU_ACT_FIRST},
    {"bert", NULL, "encoder.layer.#.intermediate.dense", NULL, "encoder.layer.#.output.dense", .act = CLGLU_ACT_GELU},
};
#undef T5
/* clang-format on */
enum { NAMINGS = sizeof namings / sizeof *namings };

/* What stands before a stem, where a model is a part of another, or wrapped. */
static const char *const prefixes[] = {
    "",      "model.",       "language_model.model.", "model.language_model.", "model.language_model.model.",
    "bert.", "transformer.", "0.auto_model."};

static const char *weight_of(const struct naming *n) { return n->bare ? "" : ".weight"; }
static const char *bias_of(const struct naming *n) { return n->bare ? "_bias" : ".bias"; }

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
    ffn_nearest(&j->file, wanted, near, sizeof near);
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
    j->part[matrix] = safetensors_find(&j->file, spell(name, prefix, stem, j->layer, weight_of(n)));
    if (!j->part[matrix]) return missing(j, name);
    j->part[bias] = safetensors_find(&j->file, spell(name, prefix, stem, j->layer, bias_of(n)));
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

static int by_name(const void *p, const void *q)
{
    const struct safetensor *const *a = p, *const *b = q;
    int order = ffn_natural((*a)->name, (*b)->name);
    return order ? order : strcmp((*a)->name, (*b)->name);
}

static int ends(const char *name, const char *with)
{
    size_t n = strlen(name), m = strlen(with);
    return n >= m && strcmp(name + n - m, with) == 0;
}

/* The file's blocks of a counted naming: those whose packed matrix, a name that ends in `tail`, has the
   model's shape, or takes x. Returns how many. */
static size_t list_blocks(const struct ffn_job *j, const char *tail, uint64_t ins,
                          const struct safetensor **list)
{
    size_t count = 0;
    for (size_t i = 0; i < j->file.count; i++) {
        const struct safetensor *t = &j->file.tensors[i];
        int fits = t->dims == 2 && t->shape[1] == ins && (!j->model.d_ff || t->shape[0] == 2 * j->model.d_ff);
        if (fits && ends(t->name, tail)) list[count++] = t;
    }
    qsort(list, count, sizeof *list, by_name);
    return count;
}

static int find_counted(struct ffn_job *j, const struct naming *n, uint64_t x_cols)
{
    char tail[NAME], prefix[NAME];
    uint64_t ins = j->model.d_model ? j->model.d_model : x_cols;
    const struct safetensor **list = malloc((j->file.count + 1) * sizeof *list);
    if (!list) return ffn_bad(j, "out of memory");
    size_t count = list_blocks(j, spell(tail, "", n->a + 1, 0, weight_of(n)), ins, list);
    const char *name = j->layer < count ? list[j->layer]->name : NULL;
    free(list);
    if (!name)
        return ffn_bad(j,
                       "has %zu blocks *%s for %llu inputs: there is no layer %llu (they are counted from 0)",
                       count, tail, (unsigned long long)ins, (unsigned long long)j->layer);
    snprintf(prefix, sizeof prefix, "%.*s", (int)(strlen(name) - strlen(tail)), name);
    return take_all(j, n, prefix, n->a + 1, n->d + 1);
}

static int nothing_fits(const struct ffn_job *j, int decoder)
{
    char name[NAME], looked[2 * NAME] = "", near[NAME] = "";
    for (int i = 0; i < NAMINGS; i++) {
        if (!suits(&namings[i], j, decoder)) continue;
        ffn_list_name(looked, sizeof looked, spell(name, "", namings[i].a, j->layer, weight_of(&namings[i])));
        if (!*near) ffn_nearest(&j->file, name, near, sizeof near);
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
            spell(name, prefixes[k], n->a, j->layer, weight_of(n));
            if (safetensors_find(&j->file, name) || in_blocks(j, name))
                return take_all(j, n, prefixes[k], n->a, n->d);
        }
    }
    return nothing_fits(j, decoder);
}
