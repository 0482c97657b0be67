/* device_parts.c - parts of the library on their own: selectors, texts, wrapped binaries, a self-test that fails, files of kernel_dir.
   SPDX-License-Identifier: MIT */

#include "device.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "binary.h"
#include "harmless.h"
#include "select.h"

/* ---------------------------------------------------------------- selectors */

static clglu_device_facts machine(cl_device_type type, unsigned units)
{
    return (clglu_device_facts){.platform = 1, .device = 12, .name = "Some GeForce 9", .platform_name = "A Platform", .type = type,
                                .compute_units = units, .fp64 = 1, .global_bytes = (uint64_t)3 << 20};
}

START_TEST(a_condition_holds_for_what_it_names)
{
    static const struct {
        const char *selector;
        bool wanted;
    } list[] = {
        {"best", true},       {"BEST", true},      {"gpu", true},         {"GPU", true},          {"cpu", false},      {"accelerator", false},
        {"fp64", true},       {"fp16", false},     {"gpu,fp64", true},    {"gpu,fp16", false},    {"cpu,fp64", false}, {"1:12", true},
        {"1:1", false},       {"0:12", false},     {"2:12", false},       {"1:120", false},       {"12:1", false},     {"geforce", true},
        {"a platform", true}, {"orce 9", true},    {"orce 99", false},    {"Some GeForce 9", true}, {"Some GeForce 9 ", false}, {"9", true},
        {"mem>=3M", true},    {"mem>=3072k", true}, {"mem>=3073K", false}, {"mem>=3145728", true}, {"mem>=3145729", false}, {"mem>=1G", false},
        {"1:", false},        {":12", false},      {"1:12x", false},     {"4294967296:12", false}, {"1:4294967296", false}, {"bes", false},       {"bestial", false},  {NULL, true},
    };
    clglu_device_facts f = machine(CL_DEVICE_TYPE_GPU, 4);
    for (size_t i = 0; i < COUNT(list); i++)
        ck_assert_msg(clglu_selector_matches(list[i].selector, &f) == list[i].wanted, "%s", list[i].selector);
    f.fp64 = 0, f.fp16 = 1, f.type = CL_DEVICE_TYPE_ACCELERATOR;
    ck_assert(clglu_selector_matches("accelerator,fp16", &f) && !clglu_selector_matches("fp64", &f) && !clglu_selector_matches("gpu", &f));
    f.type = CL_DEVICE_TYPE_CPU;
    ck_assert(clglu_selector_matches("cpu", &f) && !clglu_selector_matches("accelerator", &f));
}
END_TEST

START_TEST(a_selector_is_understood_or_refused)
{
    static const char *const good[] = {"1:2", "mem>=1", "mem>=16G", "mem>=17179869183g", "a b", "mem>=18446744073709551599", NULL};
    static const char *const bad[] = {"", "gpu,", ",gpu", "gpu,,cpu", "mem>=", "mem>=G", "mem>=1T", "mem>=1GG", "mem>=17179869184g", "mem>1",
                                      "mem<=1", "mem=1", "mem>=18446744073709551616", "mem>=1 "};
    const char *why;
    for (size_t i = 0; i < COUNT(good); i++)
        ck_assert_msg(clglu_selector_check(good[i], &why) == CLGLU_OK, "%s: %s", good[i], why);
    for (size_t i = 0; i < COUNT(bad); i++)
        ck_assert_msg(clglu_selector_check(bad[i], &why) == CLGLU_INVALID_SELECTOR, "'%s' is let through", bad[i]);
}
END_TEST

/* A GPU, then an accelerator, a CPU, anything else; of two alike the one with more compute units. */
START_TEST(the_better_device_is_preferred)
{
    static const cl_device_type order[] = {CL_DEVICE_TYPE_GPU, CL_DEVICE_TYPE_ACCELERATOR, CL_DEVICE_TYPE_CPU, CL_DEVICE_TYPE_CUSTOM};
    for (size_t i = 0; i < COUNT(order); i++)
        for (size_t j = 0; j < COUNT(order); j++) {
            clglu_device_facts few = machine(order[i], 2), many = machine(order[j], 64);
            ck_assert_int_eq(clglu_device_is_better(&few, &many), i < j);
            ck_assert_int_eq(clglu_device_is_better(&many, &few), j <= i);
            ck_assert(!clglu_device_is_better(&few, &few));
        }
}
END_TEST

/* ---------------------------------------------------------------- texts */

START_TEST(a_text_keeps_its_characters_and_loses_what_steers_a_terminal)
{
    static const char *const list[][2] = {
        {"a plain text", "a plain text"},
        {"two\nlines", "two\nlines"},
        {"at the end\n \n", "at the end"},
        {" \n", ""},
        {"tab\tand\rreturn", "tab and return"},
        {"\033[31mred\a", "?[31mred?"},
        {"\x1f\x20\x7f", "? ?"},
        {"\xc2\x80\xc2\x9f\xc2\xa0", "??\xc2\xa0"},                                    /* U+80, U+9F, U+A0 */
        {"gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80", "gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80"},
        {"\xe2\x80\x8a\xe2\x80\x8b\xe2\x80\x8f\xe2\x80\x90", "\xe2\x80\x8a??\xe2\x80\x90"}, /* U+200A, 200B, 200F, 2010 */
        {"\xe2\x80\xa7\xe2\x80\xa8\xe2\x80\xae\xe2\x80\xaf", "\xe2\x80\xa7??\xe2\x80\xaf"}, /* U+2027, 2028, 202E, 202F */
        {"\xe2\x81\x9f\xe2\x81\xa0\xe2\x81\xaf\xe2\x81\xb0", "\xe2\x81\x9f??\xe2\x81\xb0"}, /* U+205F, 2060, 206F, 2070 */
        {"\xd8\x9b\xd8\x9c\xd8\x9d", "\xd8\x9b?\xd8\x9d"},                                  /* U+61B, 61C, 61D */
        {"\xef\xbb\xbf\xef\xbb\xbe", "?\xef\xbb\xbe"},                                      /* U+FEFF, FEFE */
        {"\xc1\xbf\xc2", "???"},                                                            /* too long a form, a text that ends inside */
        {"\xe0\x9f\xbf", "???"},
        {"\xe0\xa0\x80", "\xe0\xa0\x80"},
        {"\xf0\x8f\xbf\xbf", "????"},
        {"\xf0\x90\x80\x80", "\xf0\x90\x80\x80"},
        {"\xf4\x8f\xbf\xbf\xf4\x90\x80\x80", "\xf4\x8f\xbf\xbf????"}, /* U+10FFFF, 110000 */
        {"\xed\x9f\xbf\xed\xa0\x80\xed\xbf\xbf\xee\x80\x80", "\xed\x9f\xbf??????\xee\x80\x80"}, /* U+D7FF, D800, DFFF, E000 */
        {"\x80\xbf\xf8\xff", "????"},
        {"\xe2\x82", "??"},
        {"\xe2\x82x", "??x"},
    };
    for (size_t i = 0; i < COUNT(list); i++) {
        char text[64];
        strcpy(text, list[i][0]);
        ck_assert_str_eq(clglu_harmless(text), list[i][1]);
    }
}
END_TEST

/* ---------------------------------------------------------------- wrapped binaries */

static const char key[] = "library 1\ndriver 3.1\nfile gate.cl\n", binary[] = "\0what a driver made\xff";

static unsigned char *wrap(size_t *bytes)
{
    *bytes = clglu_binary_wrapped_bytes(key, sizeof binary);
    unsigned char *w = malloc(*bytes);
    ck_assert_ptr_nonnull(w);
    clglu_binary_wrap(key, binary, sizeof binary, w);
    return w;
}

START_TEST(a_wrapped_binary_comes_out_as_it_went_in)
{
    char why[CLGLU_BINARY_WHY] = "";
    size_t bytes, inside = 0;
    unsigned char *w = wrap(&bytes);
    const void *got = clglu_binary_unwrap(key, w, bytes, &inside, why);
    ck_assert_msg(got != NULL, "%s", why);
    ck_assert_uint_eq(inside, sizeof binary);
    ck_assert_mem_eq(got, binary, sizeof binary);
    free(w);
    ck_assert_uint_eq(clglu_binary_wrapped_bytes(key, SIZE_MAX - 8), SIZE_MAX);
}
END_TEST

/* Whichever byte is another, and however much is missing, no driver is shown it. */
START_TEST(a_changed_or_cut_binary_does_not_come_out)
{
    char why[CLGLU_BINARY_WHY];
    size_t bytes, inside;
    unsigned char *w = wrap(&bytes);
    for (size_t i = 0; i < bytes; i++) {
        w[i] ^= 0x10;
        ck_assert_msg(clglu_binary_unwrap(key, w, bytes, &inside, why) == NULL, "byte %zu is another", i);
        w[i] ^= 0x10;
        ck_assert_msg(clglu_binary_unwrap(key, w, i, &inside, why) == NULL, "%zu bytes of it", i);
    }
    ck_assert_ptr_nonnull(clglu_binary_unwrap(key, w, bytes, &inside, why));
    free(w);
}
END_TEST

START_TEST(what_is_for_another_says_which_line_differs)
{
    static const char *const list[][2] = {
        {"library 1\ndriver 3.2\nfile gate.cl\n", "it is for 'driver 3.1', wanted 'driver 3.2'"},
        {"library 1\ndriver 3\nfile gate.cl\n", "it is for 'driver 3.1', wanted 'driver 3'"},
        {"library 1\ndriver 3.1\nfile gate.cl\nmore", "it is for '', wanted 'more'"},
        {"library 1\ndriver 3.1\n", "its key is longer than it should be"},
    };
    char why[CLGLU_BINARY_WHY];
    size_t bytes, inside;
    unsigned char *w = wrap(&bytes);
    for (size_t i = 0; i < COUNT(list); i++) {
        ck_assert_ptr_null(clglu_binary_unwrap(list[i][0], w, bytes, &inside, why));
        ck_assert_str_eq(why, list[i][1]);
    }
    free(w);
}
END_TEST

START_TEST(a_programs_name_is_its_files_and_goes_by_options_and_source)
{
    char name[CLGLU_BINARY_NAME], other[CLGLU_BINARY_NAME];
    clglu_binary_name("gate.cl", "-DA", "source", name);
    ck_assert_uint_eq(strlen(name), strlen("gate-0123456789abcdef"));
    ck_assert_int_eq(strncmp(name, "gate-", 5), 0);
    clglu_binary_name("gate.cl", "-DB", "source", other);
    ck_assert_str_ne(name, other);
    clglu_binary_name("gate.cl", "-DA", "Source", other);
    ck_assert_str_ne(name, other);
    clglu_binary_name("gate.cl", "-DA", "source", other);
    ck_assert_str_eq(name, other);
}
END_TEST

/* ---------------------------------------------------------------- the self-test */

static char said[4000];

static void hear(const char *text, void *user)
{
    size_t n = strlen(said);
    (void)user;
    snprintf(said + n, sizeof said - n, "%s\n", text);
}

/* A kernel that is wrong stands for a driver that makes a wrong one of it. */
static const struct broken {
    const char *old, *new, *words;
    clglu_status status;
} brokens[] = {
    {"STORE(a + b, out + 2", "STORE(a - b, out + 2", "self-test", CLGLU_DEVICE_UNUSABLE},
    {"STORE(act_gelu(a, &derivative)", "STORE(2.0f * act_gelu(a, &derivative)", "self-test", CLGLU_DEVICE_UNUSABLE},
    {"out[i] = line[63 - i];", "out[i] = line[i];", "local memory", CLGLU_DEVICE_UNUSABLE},
    {"kernel void selftest_group", "kernel void some_group", "self-test", CLGLU_DEVICE_UNUSABLE},
    {"k < rounds; k++", "k < rounds / 2; k++", "long loops", CLGLU_OK},
};

START_TEST(a_device_that_fails_the_self_test_is_refused_with_a_reason)
{
    const struct broken *b = &brokens[_i];
    folder f = folder_new();
    folder_change(&f, "selftest.cl", b->old, b->new);
    clglu_context_params params = {.kernel_dir = f.name, .log = hear};
    said[0] = 0;
    clglu_status s = clglu_context_open(device_selector(), &params, &f.context);
    ck_assert_msg(s == b->status, "%s: %s: %s", b->new, clglu_status_name(s), said);
    const char *where = s ? said : clglu_context_facts(f.context)->remarks;
    ck_assert_msg(strstr(where, b->words) != NULL, "%s: %s", b->new, where);
    folder_free(&f);
}
END_TEST

/* ---------------------------------------------------------------- files of kernel_dir */

static clglu_status use_gate(clglu_context *ctx)
{
    uint64_t state = 3;
    call c = call_new(GATE_FORWARD, CLGLU_ACT_GELU, CLGLU_ACT_IDENTITY, CLGLU_F32, 3, 5);
    call_fill(&c, MODERATE, &state);
    clglu_status s = call_on_buffers(ctx, NULL, &c);
    call_free(&c);
    return s;
}

START_TEST(a_kernels_file_that_cannot_be_read_is_a_bad_file)
{
    folder f = folder_new();
    char path[400];
    snprintf(path, sizeof path, "%s/gate.cl", f.name);
    folder_open(&f);
    ck_assert_int_eq(symlink("gate.cl", path), 0); /* to itself */
    ck_assert_int_eq(use_gate(f.context), CLGLU_FILE_FAILED);
    ck_assert_int_eq(remove(path), 0);
    ck_assert_int_eq(mkdir(path, 0700), 0);
    ck_assert_int_eq(use_gate(f.context), CLGLU_FILE_FAILED);
    ck_assert_int_eq(rmdir(path), 0);
    ck_assert_int_eq(mkfifo(path, 0600), 0); /* nobody writes to it: it would block for ever */
    ck_assert_int_eq(use_gate(f.context), CLGLU_FILE_FAILED);
    ck_assert_ptr_nonnull(strstr(clglu_context_error(f.context), "regular file"));
    ck_assert_int_eq(remove(path), 0);
    FILE *out = fopen(path, "w");
    ck_assert(out && fwrite("a\0b", 1, 3, out) == 3 && fclose(out) == 0);
    ck_assert_int_eq(use_gate(f.context), CLGLU_FILE_FAILED);
    ck_assert_int_eq(remove(path), 0);
    ck_assert_int_eq(use_gate(f.context), CLGLU_OK);
    folder_free(&f);
}
END_TEST

/* Lines that look like includes and are none go to the compiler, which has something to say; the others end in a reason, too. */
START_TEST(strange_includes_do_not_build)
{
    static const char *const texts[] = {"#include \"", "#include \"\"\n", "#include \"no-end\n", "#include \"a/b.clh\"\n", "#include \"a\\b.clh\"\n",
                                        "#include \"nothing.clh\"\n", "#include \"gate.cl\"\n", "",
                                        "#include \"a-name-that-is-longer-than-any-file-of-the-library-has-it-by-far-and-further.clh\"\n"};
    for (size_t i = 0; i < COUNT(texts); i++) {
        folder f = folder_new();
        folder_write(&f, "gate.cl", texts[i]);
        clglu_status s = use_gate(folder_open(&f));
        ck_assert_msg(s == CLGLU_BUILD_FAILED || s == CLGLU_OPENCL_FAILED, "%s: %s", texts[i], clglu_status_name(s));
        folder_free(&f);
    }
}
END_TEST

/* AUTO stays with the library's own kernels where no tuning file has another word. */
START_TEST(other_bits_that_are_allowed_are_not_taken_without_need)
{
    clglu_context_params params = {.allow_other_bits = 1, .no_self_test = 1};
    float w[64] = {1};
    clglu_ffn_desc d = {.d_model = 4, .d_ff = 4, .act = CLGLU_ACT_GELU, .wa = {.host = w}, .wb = {.host = w + 16}};
    clglu_context *ctx;
    clglu_ffn *ffn;
    float x[4] = {1, 2, 3, 4}, y[4], want[4];
    clglu_ffn_call one = {.rows = 1};
    ck_assert_int_eq(clglu_context_open(device_selector(), &params, &ctx), CLGLU_OK);
    ck_assert_int_eq(clglu_ffn_create(ctx, &d, &ffn), CLGLU_OK);
    ck_assert_int_eq(clglu_ffn_forward_host(ffn, &one, x, y, NULL, NULL), CLGLU_OK);
    ck_assert_int_eq(clglu_emulate_ffn_forward(&d, &one, x, want, NULL, NULL), CLGLU_OK);
    ck_assert_mem_eq(y, want, sizeof y);
    clglu_ffn_destroy(ffn);
    clglu_context_close(ctx);
}
END_TEST

static void name_of(const clglu_program_info *program, void *user) { snprintf(user, 200, "%s", program->name); }

static void nothing(const clglu_device_facts *facts, void *user) { (void)facts, (void)user; }

START_TEST(examining_needs_a_device_and_a_callback)
{
    cl_device_id id = clglu_context_device(context());
    int nothing_there;
    ck_assert_int_eq(clglu_device_examine(NULL, 0, nothing, NULL), CLGLU_NULL_POINTER);
    ck_assert_int_eq(clglu_device_examine((cl_device_id)(void *)&nothing_there, 0, nothing, NULL), CLGLU_NO_DEVICE);
    ck_assert_int_eq(clglu_device_examine(id, 0, NULL, NULL), CLGLU_NULL_POINTER);
}
END_TEST

/* A context that lists compiles nothing: there is nothing to keep. */
START_TEST(a_context_that_lists_makes_no_cache)
{
    clglu_context_params params = {.list_only = 1, .no_self_test = 1, .cache_dir = "build/no-such-cache"};
    clglu_context *ctx;
    ck_assert_int_eq(clglu_context_open(device_selector(), &params, &ctx), CLGLU_OK);
    clglu_context_close(ctx);
    ck_assert_int_ne(access("build/no-such-cache", F_OK), 0);
}
END_TEST

START_TEST(wrapping_needs_room)
{
    char name[200] = "", room[4000];
    size_t bytes = 0, needed;
    ck_assert_int_eq(use_gate(context()), CLGLU_OK);
    ck_assert_int_eq(clglu_context_programs(NULL, 0, name_of, name), CLGLU_NULL_POINTER);
    ck_assert_int_eq(clglu_context_programs(context(), 0, NULL, name), CLGLU_NULL_POINTER);
    ck_assert_int_eq(clglu_context_programs(context(), 0, name_of, name), CLGLU_OK);
    ck_assert_int_eq(clglu_program_wrap(context(), name, "abc", 4, NULL, &bytes), CLGLU_OK);
    needed = bytes;
    ck_assert(needed > 4 && needed < sizeof room);
    bytes = needed - 1;
    ck_assert_int_eq(clglu_program_wrap(context(), name, "abc", 4, room, &bytes), CLGLU_BUFFER_TOO_SMALL);
    bytes = sizeof room;
    ck_assert_int_eq(clglu_program_wrap(context(), name, "abc", 4, room, &bytes), CLGLU_OK);
    ck_assert_uint_eq(bytes, needed);
}
END_TEST

START_TEST(wrapping_refuses_what_it_does_not_know)
{
    char room[8];
    size_t bytes = sizeof room;
    clglu_context *ctx = context();
    ck_assert_int_eq(clglu_program_wrap(NULL, "gate", binary, 4, room, &bytes), CLGLU_NULL_POINTER);
    ck_assert_int_eq(clglu_program_wrap(ctx, NULL, binary, 4, room, &bytes), CLGLU_NULL_POINTER);
    ck_assert_int_eq(clglu_program_wrap(ctx, "gate", NULL, 4, room, &bytes), CLGLU_NULL_POINTER);
    ck_assert_int_eq(clglu_program_wrap(ctx, "gate", binary, 4, room, NULL), CLGLU_NULL_POINTER);
    ck_assert_int_eq(clglu_program_wrap(ctx, "no-such-program", binary, 4, room, &bytes), CLGLU_NOT_FOUND);
    ck_assert_uint_eq(bytes, sizeof room);
}
END_TEST

Suite *device_parts_suite(void)
{
    Suite *s = suite_create("device_parts");
    TCase *t = tcase_create("parts");
    tcase_add_test(t, a_condition_holds_for_what_it_names);
    tcase_add_test(t, a_selector_is_understood_or_refused);
    tcase_add_test(t, the_better_device_is_preferred);
    tcase_add_test(t, a_text_keeps_its_characters_and_loses_what_steers_a_terminal);
    tcase_add_test(t, a_wrapped_binary_comes_out_as_it_went_in);
    tcase_add_test(t, a_changed_or_cut_binary_does_not_come_out);
    tcase_add_test(t, what_is_for_another_says_which_line_differs);
    tcase_add_test(t, a_programs_name_is_its_files_and_goes_by_options_and_source);
    tcase_add_loop_test(t, a_device_that_fails_the_self_test_is_refused_with_a_reason, 0, COUNT(brokens));
    tcase_add_test(t, a_kernels_file_that_cannot_be_read_is_a_bad_file);
    tcase_add_test(t, strange_includes_do_not_build);
    tcase_add_test(t, other_bits_that_are_allowed_are_not_taken_without_need);
    tcase_add_test(t, examining_needs_a_device_and_a_callback);
    tcase_add_test(t, a_context_that_lists_makes_no_cache);
    tcase_add_test(t, wrapping_needs_room);
    tcase_add_test(t, wrapping_refuses_what_it_does_not_know);
    suite_add_tcase(s, t);
    return s;
}
