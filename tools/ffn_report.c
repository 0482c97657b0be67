/* ffn_report.c - what clglu ffn --check found, over all chunks of x, and the end of the command.
   SPDX-License-Identifier: MIT */

#include "ffn.h"
#include "json.h"
#include "text.h"

#include <stdio.h>

void ffn_total_add(struct ffn_total *t, const clglu_ffn_report *chunk, uint64_t first_row)
{
    clglu_ffn_report old = t->sum, *sum = &t->sum;
    if (chunk->count == 0) return;
    if (!t->any || chunk->max_ratio > old.max_ratio) {
        *sum = *chunk;
        t->worst_row = first_row + chunk->worst_row;
    }
    if (t->any) {
        sum->count = old.count + chunk->count;
        sum->outside = old.outside + chunk->outside;
        sum->bits_differ = old.bits_differ + chunk->bits_differ;
        sum->max_abs = old.max_abs > chunk->max_abs ? old.max_abs : chunk->max_abs;
        sum->max_want = old.max_want > chunk->max_want ? old.max_want : chunk->max_want;
    }
    t->any = 1;
}

/* Other bits are CLBlast's right. */
static int is_bad(const struct ffn_job *j)
{
    const clglu_ffn_report *r = &j->total.sum;
    return r->outside != 0 || (r->bits_differ != 0 && j->desc.route != CLGLU_ROUTE_CLBLAST);
}

static void print_total(const struct ffn_job *j)
{
    const struct ffn_total *t = &j->total;
    const clglu_ffn_report *r = &t->sum;
    if (!t->any) {
        printf("y   nothing to check: no rows\n");
        return;
    }
    printf("y   %llu results: max %.4g of the bound at row %llu, col %llu\n", (unsigned long long)r->count,
           r->max_ratio, (unsigned long long)t->worst_row, (unsigned long long)r->worst_col);
    printf("    there got %a, want %a, bound %.3g\n", r->worst_got, r->worst_want, r->worst_bound);
    printf("    largest error %.3g, largest result %.4g\n", r->max_abs, r->max_want);
    printf("    %s%llu outside the bound, %llu with other bits than the arithmetic demands%s\n",
           text_on(stdout, is_bad(j) ? TEXT_BAD : TEXT_GOOD), (unsigned long long)r->outside,
           (unsigned long long)r->bits_differ, text_off(stdout, TEXT_GOOD));
}

static json_t *total_json(const struct ffn_job *j)
{
    const clglu_ffn_report *r = &j->total.sum;
    return json_pack("{s:s, s:I, s:I, s:I, s:o, s:o, s:o, s:I, s:I, s:o, s:o, s:o, s:b}", "output", "y",
                     "count", (json_int_t)r->count, "outside", (json_int_t)r->outside, "bits_differ",
                     (json_int_t)r->bits_differ, "max_ratio", json_double(r->max_ratio), "max_abs",
                     json_double(r->max_abs), "max_want", json_double(r->max_want), "worst_row",
                     (json_int_t)j->total.worst_row, "worst_col", (json_int_t)r->worst_col, "worst_got",
                     json_double(r->worst_got), "worst_want", json_double(r->worst_want), "worst_bound",
                     json_double(r->worst_bound), "good", !is_bad(j));
}

static json_t *tensors_json(const struct ffn_job *j)
{
    static const char *const keys[FFN_PARTS] = {"wa", "wb", "packed", "wd", "ba", "bb", "packed_bias", "bd"};
    json_t *o = json_object();
    for (int i = 0; i < FFN_PARTS; i++)
        if (j->part[i]) json_object_set_new(o, keys[i], json_text(j->part[i]->name));
    return o;
}

static int emit(const struct ffn_job *j, const struct stream *s, int check)
{
    json_t *root = json_root("ffn"), *checks = json_array();
    const struct {
        const char *key;
        uint64_t value;
    } counts[] = {{"rows", s->rows},
                  {"cols", s->cols},
                  {"d_model", j->desc.d_model},
                  {"d_ff", j->desc.d_ff},
                  {"packed_bytes", clglu_ffn_bytes(j->ffn)}};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        json_object_set_new(root, counts[i].key, json_integer((json_int_t)counts[i].value));
    json_object_set_new(root, "dtype", json_string(clglu_dtype_name(j->desc.dtype)));
    json_object_set_new(root, "tensors", tensors_json(j));
    if (check) json_array_append_new(checks, total_json(j));
    json_object_set_new(root, "checks", checks);
    return json_emit(root, NULL);
}

int ffn_finish(const struct ffn_options *o, struct ffn_job *j, struct stream *s)
{
    int json = o->common.json != NULL, check = o->check != NULL, bad = check && is_bad(j);
    if (check && !json) print_total(j);
    int code = bad ? CLI_CHECK_FAILED : stream_commit(s);
    if (bad && !json) printf("The check failed: no output was written.\n");
    if (!json) return code;
    int written = emit(j, s, check);
    return code == CLI_GOOD ? written : code;
}
