/* verify_run.c - the numbers of one device judged: what the two kinds of operator share.
   SPDX-License-Identifier: MIT */

#include "verify.h"
#include "cli.h"
#include "json.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

const struct verify_size verify_quick = {.act_log2 = 14, .short_log2 = 14, .gate_log2 = 7},
                         verify_normal = {.act_log2 = 20, .short_log2 = 16, .gate_log2 = 10, .gate_short_types = 1, .gate_backward = 1},
                         verify_full = {.act_log2 = 32, .short_log2 = 16, .gate_log2 = 10, .gate_short_types = 1, .gate_backward = 1};

static size_t variants(void)
{
    clglu_variant v;
    size_t n = 0;
    while (clglu_variant_at(n, &v) == CLGLU_OK) n++;
    return n;
}

static int has_dtype(const struct verify_size *size, int dtype) { return !(size->no_dtypes >> dtype & 1); }

uint64_t verify_points(const struct verify_size *size)
{
    int types = has_dtype(size, CLGLU_F16) + has_dtype(size, CLGLU_BF16), f32 = has_dtype(size, CLGLU_F32);
    uint64_t acts = 2 * (((uint64_t)f32 << size->act_log2) + ((uint64_t)types << size->short_log2));
    uint64_t gates = variants() * ((uint64_t)f32 + (uint64_t)(size->gate_short_types ? types : 0));
    uint64_t geglu = (uint64_t)f32 + (uint64_t)types;
    if (!size->gate_short_types) gates += (uint64_t)types;
    uint64_t backward = size->gate_backward ? gates : geglu;
    return (size->no_acts ? 0 : CLGLU_ACT_COUNT * acts) + (size->no_gates ? 0 : (gates + backward) << 2 * size->gate_log2);
}

int verify_bad(const struct verify_row *r)
{
    return r->report.outside != 0 || r->report.bits_differ != 0 || r->special_bad != 0 || r->hash != r->expected;
}

void verify_step(const struct verify_state *s, const struct verify_row *r)
{
    char text[96];
    snprintf(text, sizeof text, "verify %s %s %s", r->name, strcmp(r->output, "y") ? "backward" : "forward",
             clglu_dtype_name(r->dtype));
    if (s->sink->step) s->sink->step(text, s->sink->user);
}

void verify_merge(struct verify_row *row, const clglu_check_report *chunk, int first, size_t cols,
                  size_t *index)
{
    clglu_check_report old = row->report, *sum = &row->report;
    *index = SIZE_MAX;
    if (first || chunk->max_ulp > old.max_ulp) {
        *sum = *chunk;
        *index = chunk->worst_row * cols + chunk->worst_col;
    }
    if (first) return;
    sum->count = old.count + chunk->count;
    sum->outside = old.outside + chunk->outside;
    sum->bits_differ = old.bits_differ + chunk->bits_differ;
    sum->max_abs = old.max_abs > chunk->max_abs ? old.max_abs : chunk->max_abs;
    for (int i = 0; i < CLGLU_CHECK_BINS; i++) sum->histogram[i] = old.histogram[i] + chunk->histogram[i];
}

int verify_run(clglu_context *context, const struct verify_size *size, const struct verify_sink *sink)
{
    struct verify_state s = {.context = context, .size = size, .sink = sink, .room = (size_t)1 << 20};
    int code = CLI_GO_ON;
    for (int i = 0; i < VERIFY_BUFFERS; i++)
        if (!(s.buffer[i] = malloc(s.room * sizeof(float)))) code = CLI_OPENCL;
    if (code != CLI_GO_ON) cli_say("out of memory");
    if (code == CLI_GO_ON && !size->no_acts) code = verify_acts(&s);
    if (code == CLI_GO_ON && !size->no_gates) code = verify_gates(&s);
    for (int i = 0; i < VERIFY_BUFFERS; i++) free(s.buffer[i]);
    return code;
}

uint64_t verify_combine(uint64_t so_far, const struct verify_row *r, uint64_t hash)
{
    char text[128];
    int n = snprintf(text, sizeof text, "%016llx %s %s %s %s %016llx\n", (unsigned long long)so_far, r->kind,
                     r->name, r->output, clglu_dtype_name(r->dtype), (unsigned long long)hash);
    return XXH64(text, (size_t)n, 0);
}

uint64_t verify_published(const struct verify_size *size)
{
    int whole = !size->no_acts && !size->no_gates && !size->no_dtypes;
    if (whole && size->act_log2 == verify_quick.act_log2) return 0x08a0b83739075053;
    if (whole && size->act_log2 == verify_normal.act_log2) return 0xfd7c514d831b6148;
    return 0;
}

json_t *verify_json(const struct verify_row *r)
{
    const clglu_check_report *c = &r->report;
    char a[16], b[16];
    int digits = r->dtype == CLGLU_F32 ? 8 : 4;
    snprintf(a, sizeof a, "0x%0*x", digits, (unsigned)r->worst_a);
    snprintf(b, sizeof b, "0x%0*x", digits, (unsigned)r->worst_b);
    json_t *bins = json_array();
    for (int i = 0; i < CLGLU_CHECK_BINS; i++)
        json_array_append_new(bins, json_integer((json_int_t)c->histogram[i]));
    json_t *o = json_pack(
        "{s:s, s:s, s:s, s:s, s:s, s:I, s:o, s:o, s:o, s:s, s:o, s:o, s:I, s:I, s:i, s:s, s:o, s:o, s:o, s:b}",
        "operator", r->kind, "name", r->name, "direction", strcmp(r->output, "y") ? "backward" : "forward",
        "output", r->output, "dtype", clglu_dtype_name(r->dtype), "points", (json_int_t)c->count, "bound_ulp",
        json_double(c->bound), "max_ulp", json_double(c->max_ulp), "max_abs", json_double(c->max_abs),
        "worst_a_bits", a, "worst_got", json_double(c->worst_got), "worst_want", json_double(c->worst_want),
        "outside", (json_int_t)c->outside, "bits_differ", (json_int_t)c->bits_differ, "special_bad",
        r->special_bad, "special_why", r->special_why, "hash", json_hash(r->hash), "expected_hash", json_hash(r->expected), "histogram", bins, "good",
        !verify_bad(r));
    if (strcmp(r->kind, "gate") == 0) json_object_set_new(o, "worst_b_bits", json_string(b));
    return o;
}
