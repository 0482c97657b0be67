/* select.h - which device a selector means.
   SPDX-License-Identifier: MIT */

#ifndef CLGLU_SELECT_H
#define CLGLU_SELECT_H

#include <stdbool.h>

#include "device.h"

/* CLGLU_INVALID_SELECTOR, with *why a static text, if the selector cannot be understood. */
clglu_status clglu_selector_check(const char *selector, const char **why);

/* Does a device match a selector that has been checked? Its verdict does not enter. */
bool clglu_selector_matches(const char *selector, const clglu_device_facts *facts);

/* Is p to be preferred to q? GPU, accelerator, CPU, anything else; then compute units. */
bool clglu_device_is_better(const clglu_device_facts *p, const clglu_device_facts *q);

#endif
