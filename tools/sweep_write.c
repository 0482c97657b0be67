/* sweep_write.c - the sweep's rows as tables and as the document "clglu-sweep/1". SPDX-License-Identifier:
 * MIT */

#include "sweep.h"
#include "cli.h"
#include "json.h"
#include "table.h"

#include <string.h>
#include <sys/utsname.h>

const char *sweep_word(const struct sweep_row *row)
{
    static const char *const broken[] = {"broken",  "not started", "ended early",
                                         "crashed", "timed out",   "nonsense"};
    switch (row->verdict) {
    case SWEEP_GOOD:
        return "good";
    case SWEEP_FAILED:
        return "FAILED";
    case SWEEP_UNUSABLE:
        return "unusable";
    case SWEEP_NO_DEVICE:
        return "no device";
    case SWEEP_BROKEN:
        return broken[row->end.how];
    }
    return "?";
}

static enum text_paint paint_of(const struct sweep_row *row)
{
    if (row->verdict == SWEEP_GOOD) return TEXT_GOOD;
    return row->verdict == SWEEP_UNUSABLE || row->verdict == SWEEP_NO_DEVICE ? TEXT_WARN : TEXT_BAD;
}

/* "0:1", or "-" where a driver has no number. */
static const char *place(const struct sweep_row *row, char *out, size_t size)
{
    if (row->platform < 0)
        snprintf(out, size, "-");
    else if (row->device < 0)
        snprintf(out, size, "%d:-", row->platform);
    else
        snprintf(out, size, "%d:%d", row->platform, row->device);
    return out;
}

static const json_t *find_bench(const struct sweep_row *row, const char *direction, const char *dtype)
{
    size_t i;
    json_t *b;
    json_array_foreach(row->bench, i, b)
    {
        const char *d = json_string_value(json_object_get(b, "direction"));
        const char *t = json_string_value(json_object_get(b, "dtype"));
        if (d && t && strcmp(d, direction) == 0 && strcmp(t, dtype) == 0) return b;
    }
    return NULL;
}

static double number(const json_t *object, const char *key)
{
    return json_number_value(json_object_get(object, key));
}

static void print_verdicts(const struct sweep *s, FILE *out)
{
    struct table t = {.titles = "P:D|~device|verdict|>max ULP|same bits|>geglu f32|>ratio"};
    for (int i = 0; i < s->count; i++) {
        const struct sweep_row *row = s->rows[i];
        const json_t *b = find_bench(row, "forward", "f32");
        char where[24], ulp[32] = "", speed[32] = "", ratio[32] = "";
        if (row->verified) snprintf(ulp, sizeof ulp, "%.3f", row->max_ulp);
        if (b) snprintf(speed, sizeof speed, "%.3g GB/s", number(b, "gb_per_s"));
        if (b) snprintf(ratio, sizeof ratio, "%.2f", number(b, "ratio"));
        table_row(&t, paint_of(row), "%s\t%s\t%s\t%s\t%s\t%s\t%s", place(row, where, sizeof where), row->name,
                  sweep_word(row), ulp,
                  row->same_bits < 0 ? ""
                  : row->same_bits   ? "yes"
                                     : "NO",
                  speed, ratio);
    }
    table_print(&t, out, 0);
}

static void print_speeds(const struct sweep *s, FILE *out)
{
    static const char *const dtypes[] = {"f32", "f16", "bf16"};
    struct table t = {.titles = "P:D|geglu|>f32 GB/s|>ratio|>f16 GB/s|>ratio|>bf16 GB/s|>ratio|>limit f32"};
    for (int i = 0; i < s->count; i++)
        for (int back = 0; back < 2; back++) {
            const char *way = back ? "backward" : "forward";
            const json_t *b[3];
            char where[24], cell[3][48], limit[32] = "";
            if (!find_bench(s->rows[i], way, "f32")) continue;
            for (int d = 0; d < 3; d++) {
                b[d] = find_bench(s->rows[i], way, dtypes[d]);
                snprintf(cell[d], sizeof cell[d], "\t");
                if (b[d])
                    snprintf(cell[d], sizeof cell[d], "%.3g\t%.2f", number(b[d], "gb_per_s"),
                             number(b[d], "ratio"));
            }
            snprintf(limit, sizeof limit, "%.3g", number(b[0], "limit_gb_per_s"));
            table_row(&t, TEXT_PLAIN, "%s\t%s\t%s\t%s\t%s\t%s", place(s->rows[i], where, sizeof where), way,
                      cell[0], cell[1], cell[2], limit);
        }
    if (t.rows) fprintf(out, "\n");
    if (t.rows) table_print(&t, out, 0);
    table_free(&t);
}

static void print_reasons(const struct sweep *s, FILE *out)
{
    struct table t = {.titles = "-|~-"};
    for (int i = 0; i < s->count; i++) {
        char where[24];
        if (*s->rows[i]->why)
            table_row(&t, TEXT_PLAIN, "%s\t%s: %s", place(s->rows[i], where, sizeof where), s->rows[i]->name,
                      s->rows[i]->why);
    }
    if (t.rows) fprintf(out, "\n");
    if (t.rows) table_print(&t, out, 0);
    table_free(&t);
}

void sweep_print(const struct sweep *s, FILE *out)
{
    int usable = 0, good = 0;
    for (int i = 0; i < s->count; i++) {
        usable += s->rows[i]->usable;
        good +=
            s->rows[i]->usable && s->rows[i]->verified && !s->rows[i]->failed_rows && s->rows[i]->same_bits;
    }
    if (s->count) print_verdicts(s, out);
    print_speeds(s, out);
    print_reasons(s, out);
    fprintf(out, "%s%d usable device%s, %d with the right numbers.%s\n", s->count ? "\n" : "", usable,
            usable == 1 ? "" : "s", good, usable ? "" : " 'clglu doctor' says what is missing.");
}

static json_t *row_json(const struct sweep_row *row)
{
    json_t *o =
        json_pack("{s:i, s:i, s:s, s:s, s:s, s:b, s:b, s:s, s:s, s:f, s:s}", "platform", row->platform,
                  "device", row->device, "name", row->name, "platform_name", row->platform_name, "verdict",
                  sweep_word(row), "usable", row->usable, "verified", row->verified, "last_step", row->step,
                  "why", row->why, "seconds", row->end.seconds, "environment", row->set);
    json_object_set(o, "facts", row->facts ? row->facts : json_null());
    json_object_set(o, "rates", row->rates ? row->rates : json_null());
    json_object_set_new(o, "hash", *row->hash ? json_string(row->hash) : json_null());
    json_object_set_new(o, "same_bits", row->same_bits < 0 ? json_null() : json_boolean(row->same_bits));
    json_object_set_new(o, "max_ulp", row->verified ? json_double(row->max_ulp) : json_null());
    json_object_set_new(o, "failed_rows", json_integer(row->failed_rows));
    json_object_set(o, "verify", row->verify);
    json_object_set(o, "bench", row->bench);
    return o;
}

json_t *sweep_json(const struct sweep *s)
{
    struct utsname host;
    json_t *root = json_root("sweep"), *rows = json_array();
    json_object_set_new(root, "schema", json_string("clglu-sweep/1"));
    if (uname(&host) == 0)
        json_object_set_new(root, "host",
                            json_pack("{s:o, s:o, s:o}", "system", json_text(host.sysname), "release",
                                      json_text(host.release), "machine", json_text(host.machine)));
    json_object_set_new(root, "exit_status", json_integer(sweep_exit(s)));
    for (int i = 0; i < s->count; i++) json_array_append_new(rows, row_json(s->rows[i]));
    json_object_set_new(root, "devices", rows);
    return root;
}
