/* device_ffn_sources.c - what a block is made from: buffers, arrays, mappings, of any size and layout; they
   may go away. SPDX-License-Identifier: MIT */

#include "device_ffn.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static ffn_case some_case(uint64_t seed)
{
    ffn_shape s = {
        .parts = GATED | BIASED, .rows = 5, .d_model = 40, .d_ff = 34, .act = CLGLU_ACT_GELU, .seed = seed};
    return ffn_new(&s);
}

/* "finished on return, so that the sources may go away" */
START_TEST(the_sources_may_change_when_the_block_is_made)
{
    ffn_case c = some_case(151), want = ffn_emulated(&c);
    clglu_ffn *ffn = NULL;
    clglu_ffn_desc d = _i ? ffn_desc_on_device(context(), &c) : c.desc;
    ck_assert_int_eq(clglu_ffn_create(context(), &d, &ffn), CLGLU_OK);
    for (ffn_matrix m = WA; m <= WD; m++) {
        void *w = (void *)(uintptr_t)ffn_weights(&c.desc, m)->host,
             *bias = (void *)(uintptr_t)ffn_bias(&c.desc, m)->host;
        memset(w, 0, array_bytes(w));
        memset(bias, 0, array_bytes(bias));
        if (_i)
            ck_assert_int_eq(clEnqueueWriteBuffer(clglu_context_queue(context()), ffn_weights(&d, m)->buffer,
                                                  CL_TRUE, 0, array_bytes(w), w, 0, NULL, NULL),
                             CL_SUCCESS);
    }
    if (_i) ffn_desc_release(&d);
    ffn_case got = ffn_made(context(), ffn, &c, ON_BUFFERS);
    expect_ffn_same(&got, &want, "the sources are zeros now");
    clglu_ffn_destroy(ffn);
    ffn_free(&got);
    ffn_free(&want);
    ffn_free(&c);
}
END_TEST

/* A file of all tensors, one after another behind a byte, so that no element is aligned. */
static size_t write_weights(int file, const ffn_case *c, size_t place[FFN_MATRICES])
{
    size_t bytes = 1;
    ck_assert_int_eq(write(file, "", 1), 1);
    for (ffn_matrix m = WA; m <= WD; m++) {
        clglu_ffn_desc d = c->desc;
        const void *w = ffn_weights(&d, m)->host;
        place[m] = bytes;
        ck_assert_int_eq(write(file, w, array_bytes(w)), (long)array_bytes(w));
        bytes += array_bytes(w);
    }
    return bytes;
}

START_TEST(weights_may_be_a_files_mapping)
{
    clglu_dtype t = (clglu_dtype)_i;
    ffn_shape s = {
        .parts = GATED, .rows = 4, .d_model = 50, .d_ff = 67, .dtype = t, .act = CLGLU_ACT_GELU, .seed = 152};
    ffn_case c = ffn_new(&s), mapped = c;
    char name[300];
    const char *tmp = getenv("TMPDIR");
    snprintf(name, sizeof name, "%s/clglu-test-XXXXXX", tmp && *tmp ? tmp : "/tmp");
    int file = mkstemp(name);
    ck_assert_int_ge(file, 0);
    size_t place[FFN_MATRICES], bytes = write_weights(file, &c, place);
    char *map = mmap(NULL, bytes, PROT_READ, MAP_PRIVATE, file, 0);
    ck_assert_ptr_ne(map, MAP_FAILED);
    for (ffn_matrix m = WA; m <= WD; m++) ffn_weights(&mapped.desc, m)->host = map + place[m];
    clglu_ffn *ffn = ffn_create(context(), &mapped, FROM_HOST);
    munmap(map, bytes);
    close(file);
    unlink(name);
    expect_ffn_right(ffn, &c, ON_BUFFERS, "weights from a mapping");
    clglu_ffn_destroy(ffn);
    ffn_free(&c);
}
END_TEST

/* Several places of a matrix may name one weight: an input's view is free. */
START_TEST(a_matrix_may_name_a_weight_twice)
{
    ffn_shape s = {
        .parts = HAS_WA | HAS_WB, .rows = 3, .d_model = 5, .d_ff = 40, .act = CLGLU_ACT_GELU, .seed = 103};
    ffn_case c = ffn_new(&s);
    c.desc.wa.view = (clglu_view){3, 2, 3};
    c.desc.wb.view = (clglu_view){1, 1, 1};
    for (ffn_source source = FROM_HOST; source < SOURCES; source++) {
        clglu_ffn *ffn = ffn_create(context(), &c, source);
        expect_ffn_right(ffn, &c, ON_BUFFERS, "a Toeplitz matrix");
        clglu_ffn_destroy(ffn);
    }
    ffn_free(&c);
}
END_TEST

/* Unlike halves of a block may be one tensor: the same weights twice. */
START_TEST(a_tensor_may_be_both_matrices)
{
    ffn_shape s = {
        .parts = HAS_WA | HAS_WD, .rows = 3, .d_model = 20, .d_ff = 34, .act = CLGLU_ACT_GELU, .seed = 104};
    ffn_case c = ffn_new(&s);
    clglu_ffn_desc d = c.desc;
    c.desc.wb = c.desc.wa;
    clglu_ffn *ffn = ffn_create(context(), &c, FROM_HOST);
    expect_ffn_right(ffn, &c, ON_BUFFERS, "wa is wb");
    clglu_ffn_destroy(ffn);
    c.desc = d;
    ffn_free(&c);
}
END_TEST

/* Host arrays of more than 16 MiB go up in pieces; lines that are longer than that are cut too. */
START_TEST(large_and_far_flung_weights_are_packed_whole)
{
    static const struct {
        size_t in, out, ld, inc;
    } wide[] = {{2300, 1000, 1, 2300},     {1000, 2300, 2300, 1},     {3, 4, 13000000, 3000000},
                {4, 3, 3000000, 13000000}, {2, 33, 20000000, 600000}, {1, 5, 1, 9000000}};
    size_t in = wide[_i].in, out = wide[_i].out;
    size_t count = (in - 1) * wide[_i].ld + (out - 1) * wide[_i].inc + 1;
    ffn_shape s = {.parts = HAS_WA, .rows = 2, .d_model = in, .d_ff = out, .dtype = CLGLU_F16, .seed = 108};
    if (test_scale() == SMALL) return;
    ffn_case c = ffn_new(&s), far = c;
    uint16_t *w = calloc(count, sizeof *w); /* most of it is never touched */
    ck_assert_ptr_nonnull(w);
    far.desc.wa = (clglu_weights){.host = w, .view = {0, wide[_i].ld, wide[_i].inc}};
    for (size_t k = 0; k < in; k++)
        for (size_t n = 0; n < out; n++) ffn_set_weight(&far, WA, k, n, ffn_weight(&c, WA, k, n));
    clglu_ffn *ffn = ffn_create(context(), &far, FROM_HOST);
    free(w);
    expect_ffn_right(ffn, &c, ON_BUFFERS, "weights in pieces");
    clglu_ffn_destroy(ffn);
    ffn_free(&c);
}
END_TEST

Suite *device_ffn_sources_suite(void)
{
    Suite *s = suite_create("device_ffn_sources");
    TCase *t = tcase_create("sources");
    tcase_add_loop_test(t, the_sources_may_change_when_the_block_is_made, 0, 2);
    tcase_add_loop_test(t, weights_may_be_a_files_mapping, 0, DTYPES);
    tcase_add_test(t, a_matrix_may_name_a_weight_twice);
    tcase_add_test(t, a_tensor_may_be_both_matrices);
    tcase_add_loop_test(t, large_and_far_flung_weights_are_packed_whole, 0, 6);
    suite_add_tcase(s, t);
    return s;
}
