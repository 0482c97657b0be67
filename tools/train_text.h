/* train_text.h - the text that clglu train reads, and the places in it that are trained and judged on.
   SPDX-License-Identifier: MIT */

#ifndef CLGLU_TOOLS_TRAIN_TEXT_H
#define CLGLU_TOOLS_TRAIN_TEXT_H

#include <stddef.h>
#include <stdint.h>

/* Bytes that predict, and the one that is predicted behind them. */
enum { TRAIN_CONTEXT = 12, TRAIN_WINDOW = TRAIN_CONTEXT + 1 };
/* Rows of a step; the most that the loss is judged on. */
enum { TRAIN_ROWS = 64, TRAIN_VALID = 1024 };

#define TRAIN_DATA "/usr/share/common-licenses"

/* Stretches of the text in turn: nine to train on, one to be judged by. No window reaches from one into the
 * next. */
struct train_text {
    unsigned char *bytes;
    size_t size;
    unsigned files;
    uint64_t hash;
    uint32_t *place[2]; /* where windows begin: to train on, to be judged by */
    size_t places[2];
};

/* Reads a file, a folder's files in the order of their names (links are left out, and subfolders), or several
   of both separated by commas. Returns CLI_GO_ON, or an exit status and says why. */
int train_text_open(struct train_text *text, const char *data);
void train_text_close(struct train_text *text);

/* The windows of one step, [TRAIN_ROWS][TRAIN_WINDOW]: they depend on seed and step alone. */
void train_text_batch(const struct train_text *text, uint64_t seed, uint64_t step, unsigned char *windows);
/* Those to be judged by, spread evenly; returns how many. */
size_t train_text_valid(const struct train_text *text, unsigned char *windows);

#endif
