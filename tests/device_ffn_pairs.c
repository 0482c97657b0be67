/* device_ffn_pairs.c - for the tests of the feed-forward block: few cases in which any two values of two
   properties meet. SPDX-License-Identifier: MIT */

#include "device_ffn_pairs.h"

/* Greedy: of some random cases with the first pair that is missing, the one with the most new pairs. */
enum { MOST_VALUES = 8, CANDIDATES = 600, TRIES = 4000 };

static const size_t values[PROPERTIES] = {
    [LAYOUT] = 4,
    [ORDER] = 2,
    [WEIGHTS] = DTYPES,
    [X_TYPE] = DTYPES,
    [Y_TYPE] = DTYPES,
    [AB_TYPE] = DTYPES,
    [PARTS] = PAIR_PARTS,
    [BA] = 2,
    [BB] = 2,
    [BD] = 2,
    [ROWS] = PAIR_ROWS,
    [D_MODEL] = PAIR_SIZES,
    [D_FF] = PAIR_SIZES,
    [D_OUT] = PAIR_SIZES,
    [SOURCE] = SOURCES,
    [ASKED] = PAIR_ASKED,
    [ROUTE] = ROUTES,
    [LAY] = LAYS,
    [PLACE] = 3,
    [FORM] = PAIR_FORMS,
    [ACTS] = PAIR_ACTS,
};

const unsigned pair_parts[PAIR_PARTS] = {GATED,  HAS_WA | HAS_WB, HAS_WA | HAS_WD,
                                         HAS_WA, HAS_WB | HAS_WD, HAS_WB};
const unsigned pair_asked[PAIR_ASKED] = {0, ASK_A, ASK_B, ASK_A | ASK_B, ASK_A | ASK_B | ASK_PACKED};

/* met[i][j][v][w]: some case has value v of property i and w of j < i. */
typedef bool cover[PROPERTIES][PROPERTIES][MOST_VALUES][MOST_VALUES];

/* What is absent has no properties of its own: i > j. */
static bool contradict(property i, size_t v, property j, size_t w)
{
    unsigned asked = i == ASKED ? pair_asked[v] : 0, lacks = j == PARTS ? ~pair_parts[w] : 0;
    if (i == ASKED && j == AB_TYPE) return asked == 0 && w > 0;
    return ((lacks & HAS_WA) && (asked & ASK_A || (i == BA && v))) ||
           ((lacks & HAS_WB) && (asked & ASK_B || (i == BB && v))) || ((lacks & HAS_WD) && i == BD && v);
}

/* Takes away what is absent. Without wa, d_ff is d_model; without wd, d_out is d_ff. */
static void settle(pair_case *p)
{
    size_t *v = p->value;
    for (property i = BA; i <= BD; i++)
        if (contradict(i, v[i], PARTS, v[PARTS])) v[i] = 0;
    while (contradict(ASKED, v[ASKED], PARTS, v[PARTS])) v[ASKED]--;
    if (contradict(ASKED, v[ASKED], AB_TYPE, v[AB_TYPE])) v[AB_TYPE] = 0;
    if (!(pair_parts[v[PARTS]] & HAS_WA)) v[D_FF] = v[D_MODEL];
    if (!(pair_parts[v[PARTS]] & HAS_WD)) v[D_OUT] = v[D_FF];
}

static pair_case some_case(uint64_t *state)
{
    pair_case p;
    for (property i = 0; i < PROPERTIES; i++) p.value[i] = random_below(state, values[i]);
    if (one_in(state, 4)) p.value[D_MODEL] = p.value[D_FF];
    if (one_in(state, 4)) p.value[D_FF] = p.value[D_OUT];
    return p;
}

static size_t new_pairs(cover met, const pair_case *p)
{
    size_t n = 0;
    for (property i = 0; i < PROPERTIES; i++)
        for (property j = 0; j < i; j++) n += !met[i][j][p->value[i]][p->value[j]];
    return n;
}

static void meet(cover met, const pair_case *p)
{
    for (property i = 0; i < PROPERTIES; i++)
        for (property j = 0; j < i; j++) met[i][j][p->value[i]][p->value[j]] = true;
}

/* false: none was found. */
static bool best_with(cover met, property i, size_t v, property j, size_t w, pair_case *best, uint64_t *state)
{
    size_t most = 0;
    for (size_t tried = 0, found = 0; tried < TRIES && found < CANDIDATES; tried++) {
        pair_case p = some_case(state);
        p.value[i] = v;
        p.value[j] = w;
        settle(&p);
        if (p.value[i] != v || p.value[j] != w) continue;
        size_t n = new_pairs(met, &p);
        if (n > most) *best = p;
        if (n > most) most = n;
        found++;
    }
    return most > 0;
}

/* The pairs with the most values first: they set the number of cases. */
static size_t make_cases(cover met, pair_case *cases)
{
    size_t count = 0;
    uint64_t state = 2024;
    for (size_t many = MOST_VALUES; many > 1; many--)
        for (property i = 0; i < PROPERTIES; i++)
            for (property j = 0; j < i; j++)
                for (size_t k = 0; k < values[i] * values[j] && (values[i] == many || values[j] == many);
                     k++) {
                    size_t v = k / values[j], w = k % values[j];
                    if (met[i][j][v][w] || contradict(i, v, j, w) || count == PAIR_CASES) continue;
                    if (best_with(met, i, v, j, w, &cases[count], &state)) meet(met, &cases[count++]);
                }
    return count;
}

size_t pair_cases(const pair_case **cases)
{
    static pair_case all[PAIR_CASES];
    static cover met;
    static size_t count;
    if (count == 0) count = make_cases(met, all);
    *cases = all;
    return count;
}

void expect_all_pairs(void)
{
    static cover met;
    const pair_case *cases;
    size_t count = pair_cases(&cases);
    for (size_t k = 0; k < count; k++) meet(met, &cases[k]);
    for (property i = 0; i < PROPERTIES; i++)
        for (property j = 0; j < i; j++)
            for (size_t v = 0; v < values[i]; v++)
                for (size_t w = 0; w < values[j]; w++)
                    ck_assert_msg(met[i][j][v][w] != contradict(i, v, j, w),
                                  "values %zu and %zu of the properties %d and %d: %s", v, w, (int)i, (int)j,
                                  met[i][j][v][w] ? "they contradict one another" : "they never meet");
}

/* ---------------------------------------------------------------- shapes */

static const struct {
    clglu_act act, gate;
    float alpha, limit, shift;
} pair_acts[PAIR_ACTS] = {{CLGLU_ACT_GELU, CLGLU_ACT_IDENTITY, 0, 0, 0},
                          {CLGLU_ACT_SILU, CLGLU_ACT_IDENTITY, 1.702f, 1.5f, 1},
                          {CLGLU_ACT_RELU, CLGLU_ACT_SIGMOID, 0, 0, 0}};

ffn_shape pair_shape(const size_t *v, const pair_numbers *numbers, uint64_t seed)
{
    bool small = test_scale() == SMALL;
    const size_t *rows = small ? numbers->small_rows : numbers->rows, *sizes = small ? numbers->small_sizes : numbers->sizes;
    unsigned parts = pair_parts[v[PARTS]] | pair_asked[v[ASKED]];
    bool gated = parts & HAS_WB;
    return (ffn_shape){.parts = parts | (v[BA] ? HAS_BA : 0u) | (v[BB] ? HAS_BB : 0u) | (v[BD] ? HAS_BD : 0u),
                       .rows = rows[v[ROWS]],
                       .d_model = sizes[v[D_MODEL]],
                       .d_ff = sizes[v[D_FF]],
                       .d_out = sizes[v[D_OUT]],
                       .dtype = (clglu_dtype)v[WEIGHTS],
                       .x_dtype = (clglu_dtype)v[X_TYPE],
                       .y_dtype = (clglu_dtype)v[Y_TYPE],
                       .ab_dtype = (clglu_dtype)v[AB_TYPE],
                       .act = pair_acts[v[ACTS]].act,
                       .gate = gated ? pair_acts[v[ACTS]].gate : CLGLU_ACT_IDENTITY,
                       .alpha = pair_acts[v[ACTS]].alpha,
                       .limit = gated ? pair_acts[v[ACTS]].limit : 0,
                       .shift = gated ? pair_acts[v[ACTS]].shift : 0,
                       .order = (clglu_order)v[ORDER],
                       .layout = (clglu_layout)v[LAYOUT],
                       .offset = v[PLACE] ? 5 : 0,
                       .gap = v[PLACE] == 2,
                       .lay = (ffn_lay)v[LAY],
                       .seed = seed};
}
