/* acts.c - clglu acts: the activations and the named variants. SPDX-License-Identifier: MIT */

#include "commands.h"
#include "json.h"
#include "table.h"

#include <stdio.h>

struct act_row {
    int id;
    const char *name, *formula, *derivative;
    double ulp_forward, ulp_backward;
    const char *worst_forward, *worst_backward, *source;
};

#define ROW(id, name, upper, formula, derivative, forward, backward, worst_forward, worst_backward, source)  \
    {id, #name, formula, derivative, forward, backward, worst_forward, worst_backward, source},
static const struct act_row acts[] = {CLGLU_ACTS(ROW)};
#undef ROW

static const char *act_name(clglu_act act)
{
    for (size_t i = 0; i < sizeof acts / sizeof *acts; i++)
        if (acts[i].id == (int)act) return acts[i].name;
    return "?";
}

static json_t *json_acts(void)
{
    json_t *list = json_array();
    for (size_t i = 0; i < sizeof acts / sizeof *acts; i++) {
        const struct act_row *a = &acts[i];
        json_array_append_new(list, json_pack("{s:i, s:s, s:s, s:s, s:f, s:f, s:s, s:s, s:s}", "id", a->id,
                                              "name", a->name, "formula", a->formula, "derivative",
                                              a->derivative, "ulp_forward", a->ulp_forward, "ulp_backward",
                                              a->ulp_backward, "worst_forward", a->worst_forward,
                                              "worst_backward", a->worst_backward, "source", a->source));
    }
    return list;
}

static json_t *json_variants(void)
{
    json_t *list = json_array();
    clglu_variant v;
    for (size_t i = 0; clglu_variant_at(i, &v) == CLGLU_OK; i++)
        json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:f, s:f, s:f, s:s}", "name", v.name, "act",
                                              act_name(v.act), "gate", act_name(v.gate), "alpha",
                                              (double)v.alpha, "limit", (double)v.limit, "shift",
                                              (double)v.shift, "source", v.source));
    return list;
}

static void print_acts(void)
{
    struct table t = {.titles = "activation|~act(x)|>ULP"}, d = {.titles = "activation|~act'(x)|>ULP"};
    for (size_t i = 0; i < sizeof acts / sizeof *acts; i++) {
        table_row(&t, TEXT_PLAIN, "%s\t%s\t%.2f", acts[i].name, acts[i].formula, acts[i].ulp_forward);
        table_row(&d, TEXT_PLAIN, "%s\t%s\t%.2f", acts[i].name, acts[i].derivative, acts[i].ulp_backward);
    }
    table_print(&t, stdout, 0);
    putchar('\n');
    table_print(&d, stdout, 0);
    printf("\nULP: the bound of the f32 error over all inputs. s(x) = 1/(1+exp(-x)); Phi and\n"
           "phi are the distribution function and the density of the standard normal\n"
           "distribution.\n\n");
}

static void print_variants(void)
{
    struct table t = {.titles = "variant|y = act(a) * gate(b)|~parameters, source"};
    clglu_variant v;
    for (size_t i = 0; clglu_variant_at(i, &v) == CLGLU_OK; i++) {
        char parameters[64] = "";
        if (v.alpha != 0 || v.limit != 0 || v.shift != 0)
            snprintf(parameters, sizeof parameters, "alpha %g, limit %g, shift %g; ", (double)v.alpha,
                     (double)v.limit, (double)v.shift);
        table_row(&t, TEXT_PLAIN, "%s\t%s(a) * %s%s\t%s%s", v.name, act_name(v.act),
                  v.gate == CLGLU_ACT_IDENTITY ? "b" : act_name(v.gate),
                  v.gate == CLGLU_ACT_IDENTITY ? "" : "(b)", parameters, v.source);
    }
    table_print(&t, stdout, 0);
}

static int run(const struct cli_command *self, int argc, char **argv)
{
    struct cli_common o = {0};
    int code = cli_parse(self, argc, argv, &o);
    if (code != CLI_GO_ON) return code;
    if (o.json) {
        json_t *root = json_root("acts");
        json_object_set_new(root, "activations", json_acts());
        json_object_set_new(root, "variants", json_variants());
        return json_emit(root, NULL);
    }
    print_acts();
    print_variants();
    return CLI_GOOD;
}

const struct cli_command command_acts = {"acts",
                                         "the activations and variants, with formulas and bounds",
                                         "clglu acts [--json]",
                                         "Names for --act, --gate and --variant. No device is used.",
                                         "clglu acts",
                                         NULL,
                                         run};
