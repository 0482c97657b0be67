/* tune.h - the tuning file: which kernel computes which block on which device.
   SPDX-License-Identifier: MIT */

/* THE FORMAT. A text of lines, at most 1 MiB; a line has at most 4096 bytes, its words are separated by
   spaces or tabs. The first line is the version. Empty lines, and lines whose first word begins with '#', say
   nothing.

       clglu tuning 1
       device "NAME" driver "VERSION"
       ffn d_model 2048 d_ff 16384 dtype f32 rows 1 form tile row_tile 1 tiles 4
       ffn d_model 2048 d_ff 16384 dtype f32 rows 64 form local row_tile 32
       ffn d_model 2048 d_ff 16384 dtype f32 rows 64 form clblast

   device  opens a section: the lines below it are for the devices whose CL_DEVICE_NAME and CL_DRIVER_VERSION
   these are. Inside the quotes \" and \\ are a quote and a backslash, \xHH is the byte HH (not 00); control
   characters must be written so. ffn     the kernels for blocks of that d_model, d_ff and dtype and for calls
   of about so many rows. form      general, tile, local, split: a clglu_ffn_form; row_tile and tiles as in
   clglu_ffn_choice, left out: 0. They are taken into 1 to 256. clblast: CLBlast is faster than the library's
   own kernels; may stand beside such a line Where two lines have the same key the later one holds. Numbers
   are decimal digits. Anything else is an error: a file is understood whole or not at all, sections for other
   devices too. */

#ifndef CLGLU_TUNE_H
#define CLGLU_TUNE_H

#include <stdbool.h>

#include "core.h"

/* Reads the file, which must be a regular one. Errors: CLGLU_FILE_FAILED with "path:LINE: what"; *tuning is
 * NULL then. */
clglu_status clglu_tuning_read(clglu_context *context, const char *path, clglu_tuning **tuning);

/* What to use for a call of so many rows: the entry with the largest rows up to the call's, else the smallest
   above. *choice is that of a form of the library's own (all zero: none is known), *clblast tells whether a
   line says that CLBlast is faster. False: nothing is known of such a block (tuning may be NULL). */
bool clglu_tuning_find(const clglu_tuning *tuning, size_t d_model, size_t d_ff, clglu_dtype dtype,
                       size_t rows, clglu_ffn_choice *choice, bool *clblast);

/* NULL is fine. */
void clglu_tuning_free(clglu_tuning *tuning);

/* The parser proper, over any bytes: the entries for that device. CLGLU_FILE_FAILED sets *fault. */
typedef struct clglu_tuning_fault {
    size_t line; /* from 1 */
    char what[120];
} clglu_tuning_fault;

clglu_status clglu_tuning_parse(const char *text, size_t size, const char *name, const char *driver,
                                clglu_tuning **tuning, clglu_tuning_fault *fault);

#endif
