/* openblas.c - OpenBLAS's sgemm to compare with, where the machine has it. SPDX-License-Identifier: MIT */

#include "openblas.h"
#include "text.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { ROW_MAJOR = 101, NO_TRANSPOSE = 111 }; /* CBLAS' numbers */

typedef void sgemm_function(int order, int transpose_a, int transpose_b, int m, int n, int k, float alpha,
                            const float *a, int lda, const float *b, int ldb, float beta, float *c, int ldc);
typedef int threads_function(void);
typedef char *core_function(void);

struct openblas {
    sgemm_function *sgemm;
    char name[80];
};

/* A function's address; by way of memory, as C has no conversion for it. */
static int find(void *library, const char *name, void *function)
{
    void *symbol = dlsym(library, name);
    memcpy(function, &symbol, sizeof symbol);
    return symbol != NULL;
}

static void describe(void *library, char *name, size_t size)
{
    threads_function *threads;
    core_function *core;
    char clean[40];
    const char *kernels = find(library, "openblas_get_corename", &core) ? core() : "";
    int n = find(library, "openblas_get_num_threads", &threads) ? threads() : 1;
    snprintf(name, size, "%s%s%d thread%s", text_clean(clean, sizeof clean, kernels, 0), *kernels ? ", " : "",
             n, n == 1 ? "" : "s");
}

struct openblas *openblas_open(void)
{
    /* What was set for other programs: its own choice for these processors is the one to compare with. */
    static const char *const variables[] = {"OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE", "OPENBLAS_NUM_THREADS",
                                            "GOTO_NUM_THREADS", "OMP_NUM_THREADS"};
    struct openblas *b = calloc(1, sizeof *b);
    if (!b) return NULL;
    for (size_t i = 0; i < sizeof variables / sizeof *variables; i++) unsetenv(variables[i]);
    void *library = dlopen("libopenblas.so.0", RTLD_NOW | RTLD_LOCAL);
    if (!library || !find(library, "cblas_sgemm", &b->sgemm)) {
        free(b);
        return NULL;
    }
    describe(library, b->name, sizeof b->name);
    return b;
}

/* The library stays: it has threads. */
void openblas_close(struct openblas *b) { free(b); }

const char *openblas_name(const struct openblas *b) { return b->name; }

void openblas_product(const struct openblas *b, size_t rows, size_t in, size_t out, const float *x,
                      const float *w, float *y, size_t y_stride)
{
    b->sgemm(ROW_MAJOR, NO_TRANSPOSE, NO_TRANSPOSE, (int)rows, (int)out, (int)in, 1, x, (int)in, w, (int)out,
             0, y, (int)y_stride);
}

void openblas_settle(void)
{
    struct timespec pause = {0, 50000000}; /* they wait for about 2^26 cycles */
    nanosleep(&pause, NULL);
}
