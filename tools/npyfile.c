/* npyfile.c - .npy files read and written as streams of elements. SPDX-License-Identifier: MIT */

#include "npyfile.h"
#include "cli.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int bad(const struct npy_in *in, const char *why)
{
    cli_say("%s: %s", in->path, why);
    return CLI_BAD_FILE;
}

/* Reads until `size` bytes are there or the file ends; returns how many came, or -1. */
static ssize_t read_some(int fd, void *to, size_t size)
{
    size_t have = 0;
    while (have < size) {
        size_t want = size - have < 1u << 30 ? size - have : 1u << 30;
        ssize_t n = read(fd, (char *)to + have, want);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return -1;
        if (n == 0) break;
        have += (size_t)n;
    }
    return (ssize_t)have;
}

/* Reads and parses the header; *size is its length. */
static int read_header(struct npy_in *in, size_t *size)
{
    unsigned char prefix[NPY_PREFIX];
    char error[NPY_ERROR] = "";
    ssize_t have = read_some(in->fd, prefix, sizeof prefix);
    if (have < 0) return bad(in, strerror(errno));
    *size = npy_header_size(prefix, (size_t)have, error);
    if (*size == 0) return bad(in, error);
    unsigned char *whole = calloc(1, *size > sizeof prefix ? *size : sizeof prefix);
    if (!whole) return bad(in, "out of memory");
    memcpy(whole, prefix, (size_t)have);
    ssize_t more = *size > sizeof prefix ? read_some(in->fd, whole + have, *size - (size_t)have) : 0;
    int ok = more >= 0 && npy_parse(whole, (size_t)(have + more), &in->header, error);
    free(whole);
    return ok ? CLI_GO_ON : bad(in, more < 0 ? strerror(errno) : error);
}

static int judge_size(struct npy_in *in, size_t header)
{
    struct stat st;
    if (fstat(in->fd, &st) != 0) return bad(in, strerror(errno));
    if (!S_ISREG(st.st_mode)) return CLI_GO_ON;
    uint64_t want = in->header.count * in->header.item, have = (uint64_t)st.st_size;
    have -= have < header ? have : header;
    if (have == want) return CLI_GO_ON;
    cli_say("%s: %s: the shape needs %llu bytes of data, the file has %llu", in->path,
            have < want ? "cut" : "trailing bytes", (unsigned long long)want, (unsigned long long)have);
    return CLI_BAD_FILE;
}

static int judge_dtype(struct npy_in *in, int want)
{
    static const clglu_dtype of_kind[] = {CLGLU_F32, CLGLU_F16, CLGLU_BF16, CLGLU_BF16};
    in->dtype = of_kind[in->header.kind];
    if (want < 0 && in->dtype == CLGLU_BF16)
        return bad(in, "holds 16-bit words; say --dtype bf16 if they are bf16 numbers");
    if (want >= 0 && (clglu_dtype)want != in->dtype) {
        cli_say("%s: is %s, not %s as asked for", in->path, clglu_dtype_name(in->dtype),
                clglu_dtype_name((clglu_dtype)want));
        return CLI_BAD_FILE;
    }
    const uint16_t one = 1;
    if (*(const unsigned char *)&one != 1) return bad(in, "this host is big-endian: not supported");
    return CLI_GO_ON;
}

int npy_in_open(struct npy_in *in, const char *path, int want)
{
    size_t header = 0;
    memset(in, 0, sizeof *in);
    in->path = path;
    in->fd = open(path, O_RDONLY | O_CLOEXEC);
    int code = in->fd < 0 ? bad(in, strerror(errno)) : read_header(in, &header);
    if (code == CLI_GO_ON) code = judge_size(in, header);
    if (code == CLI_GO_ON) code = judge_dtype(in, want);
    in->left = in->header.count;
    if (code != CLI_GO_ON) npy_in_close(in);
    return code;
}

int npy_in_read(struct npy_in *in, void *to, uint64_t count)
{
    size_t size = (size_t)count * in->header.item;
    ssize_t n = read_some(in->fd, to, size);
    if (n < 0) return bad(in, strerror(errno));
    if ((size_t)n < size) return bad(in, "cut: the file ends before its shape is filled");
    in->left -= count;
    return CLI_GO_ON;
}

int npy_in_end(struct npy_in *in)
{
    char byte;
    if (in->left) return bad(in, "was not read to its end");
    ssize_t n = read_some(in->fd, &byte, 1);
    if (n < 0) return bad(in, strerror(errno));
    return n ? bad(in, "trailing bytes: the file goes on after its shape is filled") : CLI_GO_ON;
}

void npy_in_close(struct npy_in *in)
{
    if (in->path && in->fd >= 0) close(in->fd);
    in->path = NULL;
}

int npy_same_shape(const struct npy_in *in, const struct npy_header *shape)
{
    if (in->header.dims == shape->dims && memcmp(in->header.shape, shape->shape, sizeof shape->shape) == 0)
        return CLI_GO_ON;
    return bad(in, "has another shape than y");
}

int npy_read_vector(const char *path, clglu_dtype dtype, uint64_t count, void **data)
{
    struct npy_in in;
    int code = npy_in_open(&in, path, (int)dtype);
    if (code != CLI_GO_ON) return code;
    if (in.header.dims != 1 || in.header.count != count) {
        cli_say("%s: a bias must be one vector of %llu elements", path, (unsigned long long)count);
        code = CLI_BAD_FILE;
    }
    *data = code == CLI_GO_ON ? malloc((size_t)count * in.header.item + 1) : NULL;
    if (code == CLI_GO_ON) code = *data ? npy_in_read(&in, *data, count) : bad(&in, "out of memory");
    if (code == CLI_GO_ON) code = npy_in_end(&in);
    npy_in_close(&in);
    return code;
}

int npy_out_open(struct outfile *out, const char *path, const struct npy_header *header)
{
    unsigned char bytes[NPY_WRITE];
    size_t n = npy_write(bytes, header);
    if (outfile_open(out, path) != 0 || outfile_write(out, bytes, n) != 0) return CLI_BAD_FILE;
    return CLI_GO_ON;
}
