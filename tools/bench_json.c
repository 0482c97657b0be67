/* bench_json.c - the benchmark's results as JSON. SPDX-License-Identifier: MIT */

#include "bench.h"
#include "json.h"

static json_t *time_json(const struct bench_time *t)
{
    return json_pack("{s:f, s:f, s:f}", "median_s", t->median, "low_s", t->low, "high_s", t->high);
}

json_t *bench_json(const struct bench_row *r)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:I, s:f, s:o, s:o, s:s, s:f, s:f, s:f}", "kind",
                     r->what.plain ? "act" : "gate", "name", r->what.name, "direction",
                     r->what.backward ? "backward" : "forward", "dtype", clglu_dtype_name(r->what.dtype),
                     "elements", (json_int_t)r->what.elements, "bytes", r->bytes, "time", time_json(&r->time),
                     "limit", time_json(&r->limit), "limit_kernel", r->kernel, "gb_per_s",
                     r->bytes / r->time.median / 1e9, "limit_gb_per_s", r->bytes / r->limit.median / 1e9,
                     "ratio", r->ratio);
}

json_t *bench_rates_json(const struct bench_rates *r)
{
    return json_pack("{s:f, s:s, s:f, s:s}", "copy_gb_per_s", r->copy / 1e9, "copy_kernel", r->copy_kernel,
                     "fma_gflop_per_s", r->flops / 1e9, "fma_kernel", r->flops_kernel);
}
