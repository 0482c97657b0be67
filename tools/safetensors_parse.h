/* safetensors_parse.h - the header of a .safetensors file, judged. SPDX-License-Identifier: MIT */

#ifndef CLGLU_TOOLS_SAFETENSORS_PARSE_H
#define CLGLU_TOOLS_SAFETENSORS_PARSE_H

#include "safetensors.h"

enum { SAFETENSORS_ERROR = 512 };

/* Sets header, tensors and count from map and size. Returns 1, or 0 and the reason, with foreign text in it;
   what was set is the caller's to free either way. */
int safetensors_parse(struct safetensors *file, char error[SAFETENSORS_ERROR]);

#endif
