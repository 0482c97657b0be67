/* options.c - the compiler options of a program, put together.
   SPDX-License-Identifier: MIT */

#include "options.h"

#include <stdarg.h>
#include <stdio.h>

void clglu_options_add(clglu_options *o, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int n = vsnprintf(o->text + o->length, sizeof o->text - o->length, format, arguments);
    va_end(arguments);
    if (n <= 0) return;
    o->length += (size_t)n;
    if (o->length >= sizeof o->text) o->length = sizeof o->text - 1;
}

const char *clglu_act_symbol(clglu_act act)
{
#define NAME(id, name, ...) "act_" #name,
    static const char *const names[] = {CLGLU_ACTS(NAME)};
#undef NAME
    return names[act];
}
