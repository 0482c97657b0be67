/* json.h - JSON as the commands write it, through jansson. SPDX-License-Identifier: MIT */

#ifndef CLGLU_TOOLS_JSON_H
#define CLGLU_TOOLS_JSON_H

#include "clglu.h"

#include <jansson.h>

/* Prints `root` on standard output (path NULL or "-") or writes it as a file, and frees it. Returns an exit
 * status. */
int json_emit(json_t *root, const char *path);

/* A number, or a string ("inf", "-inf", "nan") where JSON has no number for it. */
json_t *json_double(double value);
/* Foreign text, cleaned. */
json_t *json_text(const char *text);
/* 64 bits as "0123456789abcdef": JSON's numbers cannot hold them. */
json_t *json_hash(uint64_t hash);

/* {"program": "clglu", "version": ...}: how every output begins. */
json_t *json_root(const char *command);

/* All facts of a device. */
json_t *json_facts(const clglu_device_facts *facts);

/* The word for a device's type: "GPU", "CPU", "accelerator", "custom"; "none" for a platform without a
 * device. */
const char *device_type_name(const clglu_device_facts *facts);

#endif
