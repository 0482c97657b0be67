/* sweep_doc.h - the document "clglu-sweep/2": made by a sweep, loaded, put together, and written in several forms.
   SPDX-License-Identifier: MIT */

#ifndef CLGLU_TOOLS_SWEEP_DOC_H
#define CLGLU_TOOLS_SWEEP_DOC_H

#include "outfile.h"

#include <jansson.h>
#include <stdio.h>

/* {"program", "version", "command", "schema", "machines": [...]}; tools/sweep.schema.json says what is in it. Its texts have been
   cleaned when it was made here, but a loaded one is not trusted: writers clean what they show. */
#define DOC_SCHEMA "clglu-sweep/2"

/* Takes the machine over. */
json_t *doc_new(json_t *machine);

/* Reads a document; says what is wrong with it on stderr. Returns CLI_GO_ON or an exit status. */
int doc_load(const char *path, json_t **doc);

/* Adds the machines of `other`. */
void doc_add(json_t *doc, const json_t *other);

json_t *doc_machines(const json_t *doc);

/* What is to be done to each device of each machine. */
typedef void doc_visitor(const json_t *machine, const json_t *device, void *user);
void doc_each(const json_t *doc, doc_visitor *visitor, void *user);

/* Members of an object: "" or NaN or an empty list where there is no such thing. */
const char *doc_text(const json_t *object, const char *key);
double doc_number(const json_t *object, const char *key);
const json_t *doc_list(const json_t *object, const char *key);
/* The member "a.b.c". */
const json_t *doc_at(const json_t *object, const char *path);

/* "0:1", or "-" where a driver has no number. */
enum { DOC_PLACE = 24 };
const char *doc_place(const json_t *device, char out[DOC_PLACE]);

/* The machine's name and, if its document has several of that name, a number: "node7", "node7 (2)"; cleaned. */
enum { DOC_LABEL = 96 };
const char *doc_label(const json_t *doc, const json_t *machine, char out[DOC_LABEL]);

/* The worst of the machines' exit statuses. */
int doc_exit(const json_t *doc);

/* Writers. All but the first return 0, or print the reason and return an exit status. */
void doc_print(const json_t *doc, FILE *out);
int doc_csv(const json_t *doc, struct outfile *out);
int doc_junit(const json_t *doc, struct outfile *out);
int doc_page(const json_t *doc, struct outfile *out);

#endif
