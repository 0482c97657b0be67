/* verify.c - clglu verify: the numbers of one device, judged. SPDX-License-Identifier: MIT */

#include "verify.h"
#include "commands.h"
#include "json.h"
#include "progress.h"
#include "table.h"

#include <stdio.h>
#include <string.h>

struct options {
    struct cli_common common;
    const char *quick, *full;
};

#define AT(member) offsetof(struct options, member)
static const struct cli_option options[] = {
    {"quick", 0, NULL,
     "2^14 points for each activation and type, 2^14 pairs for each variant; other hashes than without",
     AT(quick)},
    {"full", 0, NULL, "all 2^32 f32 inputs of each activation: hours", AT(full)},
    {NULL, 0, NULL, NULL, 0}};
#undef AT

struct run {
    struct table table, failures;
    struct progress progress;
    json_t *json;
    uint64_t hash, expected;
    int rows, bad;
};

static void add_table(struct run *run, const struct verify_row *r)
{
    const clglu_check_report *c = &r->report;
    int digits = r->dtype == CLGLU_F32 ? 8 : 4, gate = strcmp(r->kind, "gate") == 0;
    char b[16] = "";
    if (gate) snprintf(b, sizeof b, " %0*x", digits, (unsigned)r->worst_b);
    table_row(&run->table, verify_bad(r) ? TEXT_BAD : TEXT_PLAIN, "%s\t%s\t%s\t%.4f\t%0*x%s\t%llu\t%016llx",
              r->name, r->output, clglu_dtype_name(r->dtype), c->max_ulp, digits, (unsigned)r->worst_a, b,
              (unsigned long long)c->outside + c->bits_differ + (unsigned)r->special_bad,
              (unsigned long long)r->hash);
    if (verify_bad(r))
        table_row(&run->failures, TEXT_BAD,
                  "%s %s %s\t%llu of %llu outside the bound (%.3f ULP), %llu other bits, %d special values "
                  "wrong%s%s",
                  r->name, r->output, clglu_dtype_name(r->dtype), (unsigned long long)c->outside,
                  (unsigned long long)c->count, c->bound, (unsigned long long)c->bits_differ, r->special_bad,
                  r->special_bad ? ": " : "", r->special_why);
}

static void on_row(const struct verify_row *r, void *user)
{
    struct run *run = user;
    run->hash = verify_combine(run->hash, r, r->hash);
    run->expected = verify_combine(run->expected, r, r->expected);
    run->rows++;
    run->bad += verify_bad(r);
    if (run->json)
        json_array_append_new(run->json, verify_json(r));
    else
        add_table(run, r);
}

static void on_step(const char *text, void *user) { progress_label(&((struct run *)user)->progress, text); }
static void on_points(uint64_t n, void *user) { progress_add(&((struct run *)user)->progress, n); }

static int emit_json(struct run *run, const struct verify_size *size, const clglu_context *context)
{
    json_t *root = json_root("verify");
    json_object_set_new(root, "device", json_facts(clglu_context_facts(context)));
    json_object_set_new(root, "f32_points_log2", json_integer(size->act_log2));
    json_object_set_new(root, "short_points_log2", json_integer(size->short_log2));
    json_object_set_new(root, "gate_pairs_log2", json_integer(2 * size->gate_log2));
    json_object_set_new(root, "hash", json_hash(run->hash));
    json_object_set_new(root, "expected_hash", json_hash(run->expected));
    json_object_set_new(root, "published_hash", verify_published(size) ? json_hash(verify_published(size)) : json_null());
    json_object_set_new(root, "failed_rows", json_integer(run->bad));
    json_object_set(root, "rows", run->json);
    return json_emit(root, NULL);
}

/* The arithmetic with which the device is compared is not what it should be: how this program was compiled. */
static int wrong_host(const struct run *run, const struct verify_size *size)
{
    return verify_published(size) && run->expected != verify_published(size);
}

static void print(struct run *run, const struct verify_size *size, const clglu_context *context, double seconds)
{
    char name[256], time[TEXT_NUMBER];
    printf("%s\n\n", text_clean(name, sizeof name, clglu_context_facts(context)->name, 0));
    table_print(&run->table, stdout, 0);
    printf("\nmax ULP: the largest error, met at the input with those bits (a, then b); bad:\n"
           "results outside the bound or with other bits than the arithmetic demands; hash:\n"
           "XXH64 of all results' bits. y = act(a) or act(a) * gate(b); da, db: the\n"
           "gradients for dy = 1.\n\n");
    if (run->bad) table_print(&run->failures, stdout, 0);
    if (wrong_host(run, size))
        printf("The host's own arithmetic has other bits than published: %016llx instead of %016llx.\n",
               (unsigned long long)run->expected, (unsigned long long)verify_published(size));
    printf("%s%d rows, %d failed, %s; all bits: %016llx%s\n",
           text_on(stdout, run->bad ? TEXT_BAD : TEXT_GOOD), run->rows, run->bad, text_time(time, seconds),
           (unsigned long long)run->hash, text_off(stdout, TEXT_GOOD));
}

static int verify_device(const struct options *o, const struct verify_size *size, clglu_context *context)
{
    struct run run = {.table = {.titles = "name|of|type|>max ULP|~at (bits)|>bad|hash"},
                      .failures = {.titles = "-|~-"}};
    struct verify_sink sink = {on_step, on_points, on_row, &run};
    double start = progress_now();
    run.json = o->common.json ? json_array() : NULL;
    progress_begin(&run.progress, "verify", "points", verify_points(size), o->common.quiet != NULL);
    int code = verify_run(context, size, &sink);
    progress_end(&run.progress);
    if (code == CLI_GO_ON) {
        if (!o->common.json) print(&run, size, context, progress_now() - start);
        code = o->common.json ? emit_json(&run, size, context) : CLI_GOOD;
        if (code == CLI_GOOD && (run.bad || wrong_host(&run, size))) code = CLI_CHECK_FAILED;
    }
    table_free(&run.table);
    table_free(&run.failures);
    json_decref(run.json);
    return code;
}

static int run(const struct cli_command *self, int argc, char **argv)
{
    struct options o = {.quick = NULL};
    struct cli_device device;
    int code = cli_parse(self, argc, argv, &o);
    if (code != CLI_GO_ON) return code;
    if (o.quick && o.full) return cli_usage(self, "--quick and --full exclude each other");
    code = cli_open(&device, cli_selector(&o.common), 0);
    if (code == CLI_GO_ON)
        code = verify_device(&o,
                             o.full    ? &verify_full
                             : o.quick ? &verify_quick
                                       : &verify_normal,
                             device.context);
    clglu_context_close(device.context);
    return code;
}

const struct cli_command command_verify = {
    "verify",
    "correctness of one device: errors, special values, bit hashes",
    "clglu verify [--quick | --full] [--device SELECTOR] [--json]",
    "Every activation, forward and backward, in f32 (points over all exponents), f16 and\n"
    "bf16 (all 65,536 values); every variant on a grid of pairs. Compared are the results\n"
    "with the reference in double and, bit for bit, with the arithmetic on the host.\n"
    "Exit status 1 if a row fails. The last line's hash is the same on every device.",
    "clglu verify --device gpu\nclglu verify --quick --json | jq .hash",
    options,
    run};
