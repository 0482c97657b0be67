/* device_back_pairs.c - for the tests of the block's backward: the forward's cases get more properties, any
   two values of which meet, one with another and with the old ones. SPDX-License-Identifier: MIT */

#include "device_back_pairs.h"

/* Greedy: of some random values for each case, those with the most new pairs. */
enum { MOST_VALUES = 8, CANDIDATES = 300, ALL = PROPERTIES + MORE_PROPERTIES };

static const size_t values[MORE_PROPERTIES] = {
    [DX_TYPE] = DTYPES,
    [OWN_TYPE] = 2,
    [ACCUMULATE] = 2,
    [SCALE] = BACK_SCALES,
    [ROW_BLOCK] = BACK_ROW_BLOCKS,
    [G_ORDER] = 2,
    [G_LAYOUT] = 4,
    [G_PLACE] = 3,
    [WANTS_DX] = 2,
    [WANTS_DWA] = 2,
    [WANTS_DWB] = 2,
    [WANTS_DWD] = 2,
    [WANTS_DBA] = 2,
    [WANTS_DBB] = 2,
    [WANTS_DBD] = 2,
    [WANTS_FLAG] = 2,
};

/* met[i][j][v][w]: some case has value v of the new property i and w of property j, old ones first. */
typedef bool cover[MORE_PROPERTIES][ALL][MOST_VALUES][MOST_VALUES];

static size_t value_of(const back_pair_case *p, size_t j)
{
    return j < PROPERTIES ? p->base.value[j] : p->more[j - PROPERTIES];
}

/* What the block must have for a gradient. */
static bool exists(const pair_case *p, more_property gradient)
{
    unsigned parts = pair_parts[p->value[PARTS]];
    switch (gradient) {
    case WANTS_DWA:
        return parts & HAS_WA;
    case WANTS_DWB:
        return parts & HAS_WB;
    case WANTS_DWD:
        return parts & HAS_WD;
    case WANTS_DBA:
        return parts & HAS_WA && p->value[BA];
    case WANTS_DBB:
        return parts & HAS_WB && p->value[BB];
    case WANTS_DBD:
        return parts & HAS_WD && p->value[BD];
    default:
        return true;
    }
}

/* What is absent cannot be wanted; something must be. */
static back_pair_case some_case(const pair_case *base, uint64_t *state)
{
    back_pair_case p = {.base = *base};
    bool any = false;
    for (more_property i = 0; i < MORE_PROPERTIES; i++) {
        p.more[i] = random_below(state, values[i]);
        if (!exists(base, i)) p.more[i] = 0;
        any |= i >= WANTS_DX && i < WANTS_FLAG && p.more[i];
    }
    if (!any) p.more[WANTS_DX] = 1;
    return p;
}

static size_t new_pairs(cover met, const back_pair_case *p)
{
    size_t n = 0;
    for (more_property i = 0; i < MORE_PROPERTIES; i++)
        for (size_t j = 0; j < PROPERTIES + i; j++) n += !met[i][j][p->more[i]][value_of(p, j)];
    return n;
}

static void meet(cover met, const back_pair_case *p)
{
    for (more_property i = 0; i < MORE_PROPERTIES; i++)
        for (size_t j = 0; j < PROPERTIES + i; j++) met[i][j][p->more[i]][value_of(p, j)] = true;
}

static back_pair_case best_for(cover met, const pair_case *base, uint64_t *state)
{
    back_pair_case best = some_case(base, state);
    size_t most = new_pairs(met, &best);
    for (size_t tried = 1; tried < CANDIDATES; tried++) {
        back_pair_case p = some_case(base, state);
        size_t n = new_pairs(met, &p);
        if (n > most) best = p;
        if (n > most) most = n;
    }
    return best;
}

/* Every old case once; then once more those that still bring new pairs. */
static size_t make_cases(cover met, back_pair_case *cases)
{
    const pair_case *old;
    size_t many = pair_cases(&old), count = 0;
    uint64_t state = 2025;
    for (size_t k = 0; k < 2 * many; k++) {
        /* NOLINTNEXTLINE(clang-analyzer-core.DivideZero): there is a k, so there are many */
        back_pair_case p = best_for(met, &old[k % many], &state);
        if (k >= many && new_pairs(met, &p) == 0) continue;
        meet(met, &p);
        cases[count++] = p;
    }
    return count;
}

size_t back_pair_cases(const back_pair_case **cases)
{
    static back_pair_case all[BACK_PAIR_CASES];
    static cover met;
    static size_t count;
    if (count == 0) count = make_cases(met, all);
    *cases = all;
    return count;
}

/* Value v of a new property and w of an old one. */
static bool contradict(more_property i, size_t v, property j, size_t w)
{
    pair_case p = {{[PARTS] = 0, [BA] = 1, [BB] = 1, [BD] = 1}};
    ck_assert_uint_eq(pair_parts[0], GATED);
    p.value[j] = w;
    return v && !exists(&p, i);
}

/* An old property has the values that it has in the old cases. */
static bool is_value(size_t j, size_t w)
{
    const pair_case *old;
    size_t many = pair_cases(&old);
    if (j >= PROPERTIES) return w < values[j - PROPERTIES];
    for (size_t k = 0; k < many; k++)
        if (old[k].value[j] == w) return true;
    return false;
}

static void expect_met(cover met, more_property i, size_t v, size_t j, size_t w)
{
    bool possible = j >= PROPERTIES || !contradict(i, v, (property)j, w);
    ck_assert_msg(met[i][j][v][w] == possible, "value %zu of the new property %d and %zu of property %zu: %s",
                  v, (int)i, w, j, possible ? "they never meet" : "they contradict one another");
}

void expect_all_back_pairs(void)
{
    static cover met;
    const back_pair_case *cases;
    size_t count = back_pair_cases(&cases);
    for (size_t k = 0; k < count; k++) meet(met, &cases[k]);
    for (more_property i = 0; i < MORE_PROPERTIES; i++)
        for (size_t j = 0; j < PROPERTIES + i; j++)
            for (size_t v = 0; v < values[i]; v++)
                for (size_t w = 0; w < MOST_VALUES; w++)
                    if (is_value(j, w)) expect_met(met, i, v, j, w);
}
