/* json.c - JSON as the commands write it, through jansson. SPDX-License-Identifier: MIT */

#include "json.h"
#include "cli.h"
#include "outfile.h"
#include "text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int write_file(const char *text, const char *path)
{
    struct outfile out;
    int code = outfile_open(&out, path);
    if (!code) code = outfile_write(&out, text, strlen(text));
    if (!code) code = outfile_write(&out, "\n", 1);
    if (!code) code = outfile_commit(&out);
    outfile_abandon(&out);
    return code;
}

int json_emit(json_t *root, const char *path)
{
    char *text = root ? json_dumps(root, JSON_INDENT(2) | JSON_REAL_PRECISION(9)) : NULL;
    int code = CLI_GOOD;
    json_decref(root);
    if (!text) {
        cli_say("out of memory for JSON");
        return CLI_OPENCL;
    }
    if (path && strcmp(path, "-") != 0) {
        code = write_file(text, path);
    } else {
        puts(text);
        if (fflush(stdout) != 0) cli_say("standard output cannot be written"), code = CLI_BAD_FILE;
    }
    free(text);
    return code;
}

json_t *json_double(double v)
{
    if (isnan(v)) return json_string("nan");
    if (isinf(v)) return json_string(v > 0 ? "inf" : "-inf");
    return json_real(v);
}

json_t *json_text(const char *text)
{
    char clean[8192];
    return json_string(text_clean(clean, sizeof clean, text, 1));
}

json_t *json_hash(uint64_t hash)
{
    char text[20];
    snprintf(text, sizeof text, "%016llx", (unsigned long long)hash);
    return json_string(text);
}

json_t *json_root(const char *command)
{
    return json_pack("{s:s, s:s, s:s}", "program", "clglu", "version", clglu_version(), "command", command);
}

const char *device_type_name(const clglu_device_facts *f)
{
    if (!f->device_id) return "none";
    if (f->type & CL_DEVICE_TYPE_GPU) return "GPU";
    if (f->type & CL_DEVICE_TYPE_ACCELERATOR) return "accelerator";
    return f->type & CL_DEVICE_TYPE_CPU ? "CPU" : "custom";
}

static void add_count(json_t *o, const char *key, uint64_t value)
{
    json_object_set_new(o, key, json_integer((json_int_t)(value > INT64_MAX ? INT64_MAX : value)));
}

json_t *json_facts(const clglu_device_facts *f)
{
    json_t *o = json_object();
    const struct {
        const char *key, *text;
    } texts[] = {{"platform_name", f->platform_name},
                 {"platform_version", f->platform_version},
                 {"name", f->name},
                 {"vendor", f->vendor},
                 {"type", device_type_name(f)},
                 {"device_version", f->device_version},
                 {"c_version", f->c_version},
                 {"driver_version", f->driver_version},
                 {"verdict", f->verdict},
                 {"remarks", f->remarks}};
    const struct {
        const char *key;
        uint64_t value;
    } counts[] = {{"platform", f->platform},
                  {"device", f->device},
                  {"compute_units", f->compute_units},
                  {"clock_mhz", f->clock_mhz},
                  {"global_bytes", f->global_bytes},
                  {"max_alloc_bytes", f->max_alloc_bytes},
                  {"cache_bytes", f->cache_bytes},
                  {"local_bytes", f->local_bytes},
                  {"max_work_group", f->max_work_group},
                  {"vector_width", f->vector_width},
                  {"address_bits", f->address_bits},
                  {"profiling_ns", f->profiling_ns}};
    const struct {
        const char *key;
        int value;
    } flags[] = {{"present", f->device_id != NULL},
                 {"usable", f->usable},
                 {"available", f->available},
                 {"compiler", f->compiler},
                 {"little_endian", f->little_endian},
                 {"fp16", f->fp16},
                 {"fp64", f->fp64},
                 {"unified", f->unified},
                 {"subnormals", f->subnormals},
                 {"round_nearest", f->round_nearest},
                 {"inf_nan", f->inf_nan},
                 {"fma", f->fma}};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) add_count(o, counts[i].key, counts[i].value);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        json_object_set_new(o, texts[i].key, json_text(texts[i].text));
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
        json_object_set_new(o, flags[i].key, json_boolean(flags[i].value));
    return o;
}
