/* fuzz_npy.c - any bytes as a .npy file. SPDX-License-Identifier: MIT */

#include "fuzz.h"

#include "../tools/cli.h"
#include "../tools/npyfile.h"

enum { MOST = 1 << 16 }; /* elements read at once */

static void judge_header(const struct npy_header *h)
{
    fuzz_wide count = 1;
    int empty = 0;
    must(h->dims >= 1 && h->dims <= NPY_MAX_DIMS && h->item == (h->kind == NPY_F4 ? 4 : 2));
    for (int i = 0; i < h->dims; i++) {
        empty |= h->shape[i] == 0;
        if (h->shape[i] && count <= INT64_MAX) count *= h->shape[i];
        must(h->shape[i] <= (uint64_t)INT64_MAX / h->item);
    }
    must(h->count == (empty ? 0 : count));
    must(h->count <= (uint64_t)INT64_MAX / h->item);
#ifdef PLANTED
    /* tests/fuzz.sh planted: a copy for which two dimensions were thought enough. */
    uint64_t *copy = malloc(2 * sizeof *copy);
    for (int i = 0; i < h->dims; i++) copy[i] = h->shape[i];
    free(copy);
#endif
}

/* What is written of it is read again as the same. */
static void judge_written(const struct npy_header *h)
{
    unsigned char bytes[NPY_WRITE];
    char error[NPY_ERROR] = "";
    struct npy_header again;
    size_t n = npy_write(bytes, h);
    must(n <= sizeof bytes && n % 64 == 0 && npy_header_size(bytes, n, error) == n);
    must(npy_parse(bytes, n, &again, error));
    must(again.kind == h->kind && again.dims == h->dims && again.count == h->count);
    must(memcmp(again.shape, h->shape, sizeof h->shape) == 0);
}

static int parse(const uint8_t *data, size_t size, struct npy_header *h)
{
    char error[NPY_ERROR];
    memset(error, 'x', sizeof error);
    size_t whole = npy_header_size(data, size, error);
    int good = npy_parse(data, size, h, error);
    must(!good || (whole > 0 && whole <= size));
    must(good || (memchr(error, 0, sizeof error) && *error && fuzz_harmless(error, strlen(error), 0)));
    must(whole <= 12 + NPY_MAX_HEADER);
    return good;
}

/* A file that opens has all of its data, and nothing behind. */
static int read_file(const char *path, int want, struct npy_header *h)
{
    struct npy_in in;
    if (npy_in_open(&in, path, want) != CLI_GO_ON) return 0;
    float *data = malloc(MOST * sizeof *data);
    must(data && in.left == in.header.count);
    while (in.left) must(npy_in_read(&in, data, in.left < MOST ? in.left : MOST) == CLI_GO_ON);
    must(npy_in_end(&in) == CLI_GO_ON);
    *h = in.header;
    npy_in_close(&in);
    free(data);
    return 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct npy_header parsed, opened;
    fuzz_ear ear;
    void *vector = NULL;
    int good = parse(data, size, &parsed);
    if (good) judge_header(&parsed);
    if (good) judge_written(&parsed);

    const char *path = fuzz_file(data, size);
    fuzz_listen(&ear);
    int open = read_file(path, good && parsed.kind >= NPY_U2 ? CLGLU_BF16 : -1, &opened);
    must(open ? fuzz_heard(&ear) == 0 : fuzz_heard(&ear) > 0);
    must(!open || (good && memcmp(&parsed, &opened, sizeof parsed) == 0));

    fuzz_listen(&ear);
    int code = npy_read_vector(path, CLGLU_F32, good ? parsed.count : 3, &vector);
    must(code == CLI_GO_ON ? vector && open && parsed.dims == 1 : code == CLI_BAD_FILE);
    must((fuzz_heard(&ear) > 0) == (code != CLI_GO_ON));
    free(vector);
    return 0;
}
