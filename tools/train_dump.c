/* train_dump.c - what clglu train --dump writes: parameters, gradients and batches as .npy files.
   SPDX-License-Identifier: MIT */

#include "train.h"
#include "npyfile.h"

#include <stdlib.h>
#include <string.h>

static int write_file(const struct train_job *j, const char *name, const struct npy_header *h,
                      const void *data)
{
    size_t size = strlen(j->dump) + strlen(name) + 2;
    char *path = malloc(size);
    struct outfile out = {.slot = -1, .fd = -1};
    if (!path) return cli_say("out of memory"), CLI_OPENCL;
    snprintf(path, size, "%s/%s", j->dump, name);
    int code = npy_out_open(&out, path, h);
    if (code == CLI_GO_ON && outfile_write(&out, data, (size_t)h->count * h->item)) code = CLI_BAD_FILE;
    if (code == CLI_GO_ON && outfile_commit(&out)) code = CLI_BAD_FILE;
    outfile_abandon(&out);
    free(path);
    return code;
}

/* "geglu-1-start-block1-wa.npy" */
int train_dump(const struct train_job *j, const struct train_model *m, uint64_t seed, const char *when,
               const float *values)
{
    int code = CLI_GO_ON;
    for (int i = 0; i < m->tensors && code == CLI_GO_ON; i++) {
        const struct train_tensor *t = &m->tensor[i];
        struct npy_header h = {.kind = NPY_F4, .item = 4, .dims = 2, .shape = {t->rows, t->cols}};
        char name[160], layer[24] = "";
        h.count = t->rows * t->cols;
        if (t->layer != TRAIN_EMBEDDING && t->layer != TRAIN_HEAD)
            snprintf(layer, sizeof layer, "block%d-", t->layer);
        snprintf(name, sizeof name, "%s-%llu-%s-%s%s.npy", m->form.name, (unsigned long long)seed, when,
                 layer, t->name);
        code = write_file(j, name, &h, values + t->at);
    }
    return code;
}

/* "batch-1-0.npy": one row a window. */
int train_dump_batch(const struct train_job *j, uint64_t seed, uint64_t step, const unsigned char *batch)
{
    struct npy_header h = {.kind = NPY_U2, .item = 2, .dims = 2, .shape = {TRAIN_ROWS, TRAIN_WINDOW}};
    unsigned char wide[2 * TRAIN_ROWS * TRAIN_WINDOW] = {0};
    char name[80];
    h.count = TRAIN_ROWS * TRAIN_WINDOW;
    for (size_t i = 0; i < h.count; i++) wide[2 * i] = batch[i];
    snprintf(name, sizeof name, "batch-%llu-%llu.npy", (unsigned long long)seed, (unsigned long long)step);
    return write_file(j, name, &h, wide);
}
