/* report.c - what --check found, over all chunks of a file. SPDX-License-Identifier: MIT */

#include "report.h"
#include "json.h"
#include "text.h"

#include <stdio.h>

void report_add(struct report *total, const clglu_check_report *chunk, uint64_t first, uint64_t width)
{
    clglu_check_report old = total->sum, *sum = &total->sum;
    if (chunk->count == 0) return;
    if (!total->any || chunk->max_ulp > old.max_ulp) {
        *sum = *chunk;
        total->worst = first + (uint64_t)chunk->worst_row * width + chunk->worst_col;
    }
    if (total->any) {
        sum->max_abs = old.max_abs > chunk->max_abs ? old.max_abs : chunk->max_abs;
        sum->count = old.count + chunk->count;
        sum->outside = old.outside + chunk->outside;
        sum->bits_differ = old.bits_differ + chunk->bits_differ;
        for (int i = 0; i < CLGLU_CHECK_BINS; i++) sum->histogram[i] = old.histogram[i] + chunk->histogram[i];
    }
    total->any = 1;
}

int report_bad(const struct report *total) { return total->sum.outside != 0 || total->sum.bits_differ != 0; }

void report_print(const struct report *t, int has_b, int has_dy)
{
    const clglu_check_report *r = &t->sum;
    if (!t->any) {
        printf("%-3s nothing to check: no elements\n", t->output);
        return;
    }
    uint64_t cols = t->cols ? t->cols : 1;
    printf("%-3s %llu elements: max %.4g ULP (bound %.4g) at row %llu, col %llu\n", t->output,
           (unsigned long long)r->count, r->max_ulp, r->bound, (unsigned long long)(t->worst / cols),
           (unsigned long long)(t->worst % cols));
    printf("    there a = %a", r->worst_a);
    if (has_b) printf(", b = %a", r->worst_b);
    if (has_dy) printf(", dy = %a", r->worst_dy);
    printf(": got %a, want %a\n", r->worst_got, r->worst_want);
    printf("    %s%llu outside the bound, %llu with other bits than the arithmetic demands%s\n",
           text_on(stdout, report_bad(t) ? TEXT_BAD : TEXT_GOOD), (unsigned long long)r->outside,
           (unsigned long long)r->bits_differ, text_off(stdout, TEXT_GOOD));
}

json_t *report_json(const struct report *t)
{
    const clglu_check_report *r = &t->sum;
    uint64_t cols = t->cols ? t->cols : 1;
    json_t *bins = json_array();
    for (int i = 0; i < CLGLU_CHECK_BINS; i++)
        json_array_append_new(bins, json_integer((json_int_t)r->histogram[i]));
    return json_pack("{s:s, s:I, s:I, s:I, s:o, s:o, s:o, s:I, s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:b}",
                     "output", t->output, "count", (json_int_t)r->count, "outside", (json_int_t)r->outside,
                     "bits_differ", (json_int_t)r->bits_differ, "bound_ulp", json_double(r->bound), "max_ulp",
                     json_double(r->max_ulp), "max_abs", json_double(r->max_abs), "worst_row",
                     (json_int_t)(t->worst / cols), "worst_col", (json_int_t)(t->worst % cols), "worst_a",
                     json_double(r->worst_a), "worst_b", json_double(r->worst_b), "worst_dy",
                     json_double(r->worst_dy), "worst_got", json_double(r->worst_got), "worst_want",
                     json_double(r->worst_want), "histogram", bins, "good", !report_bad(t));
}
