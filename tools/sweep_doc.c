/* sweep_doc.c - the document "clglu-sweep/2": made, loaded, looked into. SPDX-License-Identifier: MIT */

#include "sweep_doc.h"
#include "cli.h"
#include "json.h"
#include "text.h"

#include <errno.h>
#include <math.h>
#include <string.h>

enum { MACHINES = 4096, DEVICES = 4096, LARGEST = 512 << 20 };

json_t *doc_new(json_t *machine)
{
    json_t *doc = json_root("sweep"), *machines = json_array();
    json_object_set_new(doc, "schema", json_string(DOC_SCHEMA));
    if (machine) json_array_append_new(machines, machine);
    json_object_set_new(doc, "machines", machines);
    return doc;
}

json_t *doc_machines(const json_t *doc) { return json_object_get(doc, "machines"); }

void doc_add(json_t *doc, const json_t *other) { json_array_extend(doc_machines(doc), doc_machines(other)); }

void doc_each(const json_t *doc, doc_visitor *visitor, void *user)
{
    size_t m, d;
    json_t *machine, *device;
    json_array_foreach(doc_machines(doc), m, machine)
    {
        json_array_foreach(json_object_get(machine, "devices"), d, device) { visitor(machine, device, user); }
    }
}

/* ---------------------------------------------------------------- loading */

/* Every list that writers walk through is one, and of objects. */
static const char *wrong_lists(const json_t *object, const char *const *lists, size_t most)
{
    for (; *lists; lists++) {
        json_t *list = json_object_get(object, *lists), *entry;
        size_t i;
        if (!list) continue;
        if (!json_is_array(list) || json_array_size(list) > most) return *lists;
        json_array_foreach(list, i, entry)
        {
            if (!json_is_object(entry)) return *lists;
        }
    }
    return NULL;
}

static const char *wrong_device(const json_t *device)
{
    static const char *const lists[] = {"verify", "curves", "bench", "ffn", "build", NULL}, *const rows[] = {"rows", NULL};
    const char *wrong = wrong_lists(device, lists, 1 << 16);
    size_t i;
    json_t *block;
    json_array_foreach(json_object_get(device, "ffn"), i, block)
    {
        if (!wrong) wrong = wrong_lists(block, rows, 1 << 16);
    }
    return wrong;
}

/* What is wrong with a document, or NULL. */
static const char *wrong_document(const json_t *doc)
{
    static const char *const machines[] = {"machines", NULL}, *const devices[] = {"devices", NULL};
    const char *wrong = wrong_lists(doc, machines, MACHINES);
    size_t m, d;
    json_t *machine, *device;
    if (wrong || json_array_size(doc_machines(doc)) == 0) return "machines";
    json_array_foreach(doc_machines(doc), m, machine)
    {
        wrong = wrong_lists(machine, devices, DEVICES);
        if (wrong || !json_is_array(json_object_get(machine, "devices"))) return "devices";
        json_array_foreach(json_object_get(machine, "devices"), d, device)
        {
            if ((wrong = wrong_device(device)) != NULL) return wrong;
        }
    }
    return NULL;
}

static int judge(const char *path, const json_t *doc)
{
    char schema[64];
    const char *wrong;
    text_clean(schema, sizeof schema, doc_text(doc, "schema"), 0);
    if (strcmp(schema, DOC_SCHEMA) != 0) {
        cli_say("%s: it is no report of a sweep that this version reads: its schema is '%s', wanted %s", path, schema,
                DOC_SCHEMA);
        return CLI_BAD_FILE;
    }
    if ((wrong = wrong_document(doc)) != NULL) {
        cli_say("%s: '%s' is not as " DOC_SCHEMA " has it", path, wrong);
        return CLI_BAD_FILE;
    }
    return CLI_GO_ON;
}

/* Reads no more than a report can have. */
struct reader {
    FILE *file;
    size_t left;
};

static size_t read_some(void *buffer, size_t size, void *user)
{
    struct reader *r = user;
    size_t n = fread(buffer, 1, size < r->left ? size : r->left, r->file);
    r->left -= n;
    return ferror(r->file) || r->left == 0 ? (size_t)-1 : n;
}

int doc_load(const char *path, json_t **doc)
{
    json_error_t error;
    struct reader r = {fopen(path, "rb"), LARGEST};
    char text[JSON_ERROR_TEXT_LENGTH];
    *doc = NULL;
    if (!r.file) return cli_say("%s: %s", path, strerror(errno)), CLI_BAD_FILE;
    *doc = json_load_callback(read_some, &r, JSON_REJECT_DUPLICATES, &error);
    int unreadable = ferror(r.file), code = CLI_BAD_FILE;
    fclose(r.file);
    if (unreadable)
        cli_say("%s: it cannot be read", path);
    else if (!*doc)
        cli_say("%s: it is no JSON: line %d: %s", path, error.line, text_clean(text, sizeof text, error.text, 0));
    else
        code = judge(path, *doc);
    if (code != CLI_GO_ON) json_decref(*doc), *doc = NULL;
    return code;
}

/* ---------------------------------------------------------------- looking into it */

const char *doc_text(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

double doc_number(const json_t *object, const char *key)
{
    json_t *value = json_object_get(object, key);
    const char *text = json_string_value(value);
    if (text) return strcmp(text, "inf") == 0 ? (double)INFINITY : strcmp(text, "-inf") == 0 ? -(double)INFINITY : (double)NAN;
    return json_is_number(value) ? json_number_value(value) : (double)NAN;
}

const json_t *doc_list(const json_t *object, const char *key)
{
    const json_t *list = json_object_get(object, key);
    return json_is_array(list) ? list : NULL;
}

const json_t *doc_at(const json_t *object, const char *path)
{
    char name[64];
    while (object && *path) {
        size_t n = strcspn(path, ".");
        snprintf(name, sizeof name, "%.*s", (int)n, path);
        object = json_object_get(object, name);
        path += n + (path[n] == '.');
    }
    return object;
}

static int whole(const json_t *object, const char *key)
{
    json_t *value = json_object_get(object, key);
    json_int_t n = json_is_integer(value) ? json_integer_value(value) : -1;
    return n >= 0 && n <= 1 << 20 ? (int)n : -1;
}

const char *doc_place(const json_t *device, char out[DOC_PLACE])
{
    int p = whole(device, "platform"), d = whole(device, "device");
    if (p < 0)
        snprintf(out, DOC_PLACE, "-");
    else if (d < 0)
        snprintf(out, DOC_PLACE, "%d:-", p);
    else
        snprintf(out, DOC_PLACE, "%d:%d", p, d);
    return out;
}

const char *doc_label(const json_t *doc, const json_t *machine, char out[DOC_LABEL])
{
    char name[64];
    const char *own = doc_text(json_object_get(machine, "host"), "name");
    size_t i, number = 0, mine = 0;
    json_t *other;
    text_clean(name, sizeof name, *own ? own : "machine", 0);
    json_array_foreach(doc_machines(doc), i, other)
    {
        if (strcmp(doc_text(json_object_get(other, "host"), "name"), own) != 0) continue;
        number++;
        if (other == machine) mine = number;
    }
    if (mine > 1)
        snprintf(out, DOC_LABEL, "%s (%zu)", name, mine);
    else
        snprintf(out, DOC_LABEL, "%s", name);
    return out;
}

int doc_exit(const json_t *doc)
{
    size_t i;
    json_t *machine;
    int good = 0, failed = 0;
    json_array_foreach(doc_machines(doc), i, machine)
    {
        json_t *status = json_object_get(machine, "exit_status");
        good += json_is_integer(status) && json_integer_value(status) == CLI_GOOD;
        failed += json_is_integer(status) && json_integer_value(status) == CLI_CHECK_FAILED;
    }
    return failed ? CLI_CHECK_FAILED : good ? CLI_GOOD : CLI_NO_DEVICE;
}
