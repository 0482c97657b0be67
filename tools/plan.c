/* plan.c - what a sweep tries on each device: its level and what was chosen. SPDX-License-Identifier: MIT */

#include "plan.h"

#include <string.h>

static const char *const operators[] = {"act", "gate", "ffn"};

/* ---------------------------------------------------------------- options */

/* One name of a list after the other; returns its length, 0 at the end. */
static size_t next(const char **at, char *name, size_t size)
{
    size_t n = strcspn(*at, ",");
    snprintf(name, size, "%.*s", (int)(n < size ? n : size - 1), *at);
    *at += n + ((*at)[n] == ',');
    return n;
}

/* Sets wanted[i] for each names[i] in the list; NULL text wants all. */
static int choose(const struct cli_command *self, const char *option, const char *text, const char *const *names,
                  int *wanted, int count)
{
    char name[32];
    for (int i = 0; i < count; i++) wanted[i] = !text;
    if (!text) return CLI_GO_ON;
    if (!*text) return cli_usage(self, "--%s: which?", option);
    while (*text) {
        int found = 0;
        next(&text, name, sizeof name);
        for (int i = 0; i < count; i++)
            if (strcmp(name, names[i]) == 0) wanted[i] = found = 1;
        if (!found) return cli_usage(self, "--%s: '%s' is none of %s, %s, %s", option, name, names[0], names[1], names[2]);
    }
    return CLI_GO_ON;
}

static int choose_models(const struct cli_command *self, const char *text, struct plan *p)
{
    char name[80];
    if (!text) text = p->quick ? "sd15-unet-320" : "sd15-unet-320,gemma3-1b";
    if (!*text) return cli_usage(self, "--models: which?");
    while (*text) {
        if (p->models == PLAN_MODELS) return cli_usage(self, "--models: at most %d", PLAN_MODELS);
        next(&text, name, sizeof name);
        int code = block_shape(self, name, NULL, &p->model[p->models++]);
        if (code != CLI_GO_ON) return code;
    }
    return CLI_GO_ON;
}

static void set_level(const struct plan_options *o, struct plan *p)
{
    static const size_t few[] = {1, 64}, many[] = {1, 8, 64, 512};
    p->quick = o->quick != NULL;
    p->level = o->quick ? "quick" : o->full ? "full" : "normal";
    p->verify = o->quick ? verify_quick : o->full ? verify_full : verify_normal;
    p->row_counts = p->quick ? 2 : 4;
    memcpy(p->rows, p->quick ? few : many, p->row_counts * sizeof *p->rows);
    p->repeats = p->quick ? 7 : 9;
}

int plan_make(const struct cli_command *self, const struct plan_options *o, struct plan *p)
{
    static const char *const dtypes[] = {"f32", "f16", "bf16"};
    *p = (struct plan){.quick = 0};
    if (o->quick && o->full) return cli_usage(self, "--quick and --full exclude each other");
    set_level(o, p);
    int code = choose(self, "operators", o->operators, operators, p->operator_, PLAN_OPERATORS);
    if (code == CLI_GO_ON) code = choose(self, "dtypes", o->dtypes, dtypes, p->dtype, 3);
    if (code == CLI_GO_ON) code = choose_models(self, o->models, p);
    p->verify.no_acts = !p->operator_[PLAN_ACT];
    p->verify.no_gates = !p->operator_[PLAN_GATE];
    for (int d = 0; d < 3; d++) p->verify.no_dtypes |= p->dtype[d] ? 0 : 1u << d;
    return code;
}

size_t plan_arguments(const struct plan_options *o, const char **args)
{
    const struct {
        const char *name, *text;
    } texts[] = {{"--operators", o->operators}, {"--dtypes", o->dtypes}, {"--models", o->models}};
    size_t n = 0;
    if (o->quick) args[n++] = "--quick";
    if (o->full) args[n++] = "--full";
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (texts[i].text) args[n++] = texts[i].name, args[n++] = texts[i].text;
    return n;
}

json_t *plan_json(const struct plan *p)
{
    json_t *wanted = json_array(), *types = json_array(), *models = json_array();
    for (int i = 0; i < PLAN_OPERATORS; i++)
        if (p->operator_[i]) json_array_append_new(wanted, json_string(operators[i]));
    for (int i = 0; i < 3; i++)
        if (p->dtype[i]) json_array_append_new(types, json_string(clglu_dtype_name((clglu_dtype)i)));
    for (size_t i = 0; i < p->models; i++) json_array_append_new(models, json_string(p->model[i].name));
    return json_pack("{s:s, s:o, s:o, s:o}", "level", p->level, "operators", wanted, "dtypes", types, "models", models);
}

/* ---------------------------------------------------------------- what takes how long */

/* Seconds on two cores of a CPU: what matters is how they stand to one another. */
static double seconds(const struct plan *p, enum plan_part part)
{
    int types = p->dtype[0] + p->dtype[1] + p->dtype[2], acts = p->operator_[PLAN_ACT], gates = p->operator_[PLAN_GATE];
    int full = strcmp(p->level, "full") == 0;
    switch (part) {
    case PLAN_VERIFY:
        return (double)verify_points(&p->verify) * (full ? 1.2e-7 : 3e-7) + 0.2 * types * (9 * acts + 10 * gates);
    case PLAN_CURVES:
        return acts ? 1 : 0;
    case PLAN_RATES:
        return 2;
    case PLAN_GATES:
        return gates ? types * (p->quick ? 1.0 : 8.0) : 0;
    case PLAN_BLOCKS:
        return p->operator_[PLAN_FFN] ? (double)p->models * types * (p->quick ? 1.0 : 6.0) : 0;
    case PLAN_BUILD:
        return 2;
    default:
        return 0;
    }
}

double plan_share(const struct plan *p, enum plan_part part)
{
    double sum = 0;
    for (int i = 0; i < PLAN_PARTS; i++) sum += seconds(p, (enum plan_part)i);
    return seconds(p, part) / sum;
}
