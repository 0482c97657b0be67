/* harmless.h - texts of drivers and files, which may hold anything, made fit for a terminal.
   SPDX-License-Identifier: MIT */

#ifndef CLGLU_HARMLESS_H
#define CLGLU_HARMLESS_H

/* Replaces what could steer a terminal, in place: control characters (those of C1 too), characters that turn the direction of
   writing, and what is no UTF-8. Newlines stay, but for those at the end; a tab or a carriage return becomes a space. Returns text. */
char *clglu_harmless(char *text);

#endif
