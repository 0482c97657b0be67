/* device_tune.c - the tuning file: what its lines say, which line holds for a call, and what is refused.
   SPDX-License-Identifier: MIT */

#include "device.h"
#include "tune.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define HEAD "clglu tuning 1\n"
#define OURS "device \"Chip\" driver \"1.0\"\n"
#define KEY  "ffn d_model 64 d_ff 256 dtype f32 "

/* Parsed from an array of just that size, so that a checker of memory sees a byte too many that is read. */
static clglu_status parse_bytes(const char *text, size_t size, clglu_tuning **tuning,
                                clglu_tuning_fault *fault)
{
    char *copy = malloc(size ? size : 1);
    ck_assert_ptr_nonnull(copy);
    memcpy(copy, text, size);
    clglu_status status = clglu_tuning_parse(copy, size, "Chip", "1.0", tuning, fault);
    free(copy);
    return status;
}

static clglu_tuning *understood(const char *text)
{
    clglu_tuning *tuning;
    clglu_tuning_fault fault;
    clglu_status status = parse_bytes(text, strlen(text), &tuning, &fault);
    ck_assert_msg(status == CLGLU_OK, "line %zu: %s", status ? fault.line : 0, status ? fault.what : "");
    return tuning;
}

/* What is found for a block [64, 256] in f32, in words; "nothing" if nothing is. */
static const char *found(const clglu_tuning *tuning, size_t rows)
{
    static char text[80];
    clglu_ffn_choice c;
    bool clblast;
    if (!clglu_tuning_find(tuning, 64, 256, CLGLU_F32, rows, &c, &clblast)) return "nothing";
    snprintf(text, sizeof text, "%d %u %u%s", (int)c.form, c.row_tile, c.tiles, clblast ? " clblast" : "");
    return text;
}

/* ---------------------------------------------------------------- look-up */

START_TEST(the_entry_with_the_largest_rows_up_to_the_calls_is_taken_else_the_smallest_above)
{
    clglu_tuning *t =
        understood(HEAD OURS KEY "rows 64 form local row_tile 32\n" KEY "rows 4 form tile row_tile 4\n" KEY
                                 "rows 16 form split row_tile 8\n");
    static const struct {
        size_t rows;
        const char *want;
    } cases[] = {{0, "2 4 0"},  {1, "2 4 0"},  {4, "2 4 0"},   {15, "2 4 0"},
                 {16, "4 8 0"}, {63, "4 8 0"}, {64, "3 32 0"}, {1 << 20, "3 32 0"}};
    for (size_t i = 0; i < COUNT(cases); i++) ck_assert_str_eq(found(t, cases[i].rows), cases[i].want);
    clglu_tuning_free(t);
}
END_TEST

START_TEST(only_entries_of_that_d_model_d_ff_and_dtype_count)
{
    clglu_tuning *t = understood(HEAD OURS "ffn d_model 65 d_ff 256 dtype f32 rows 1 form tile\n"
                                           "ffn d_model 64 d_ff 255 dtype f32 rows 1 form tile\n"
                                           "ffn d_model 64 d_ff 256 dtype f16 rows 1 form tile\n"
                                           "ffn d_model 64 d_ff 256 dtype bf16 rows 1 form tile\n");
    ck_assert_str_eq(found(t, 1), "nothing");
    clglu_tuning_free(t);
    ck_assert_str_eq(found(NULL, 1), "nothing");
}
END_TEST

START_TEST(of_two_lines_with_the_same_key_the_later_one_holds)
{
    clglu_tuning *t =
        understood(HEAD OURS KEY "rows 4 form tile row_tile 4\n" OURS KEY "rows 4 form general\n");
    for (size_t rows = 1; rows < 9; rows++) ck_assert_str_eq(found(t, rows), "1 0 0");
    clglu_tuning_free(t);
}
END_TEST

START_TEST(a_line_for_clblast_may_stand_beside_one_for_the_librarys_own_kernels)
{
    clglu_tuning *t =
        understood(HEAD OURS KEY "rows 1 form split row_tile 1\n" KEY "rows 64 form local row_tile 32\n" KEY
                                 "rows 64 form clblast\n" KEY "rows 512 form clblast\n");
    ck_assert_str_eq(found(t, 1), "4 1 0");
    ck_assert_str_eq(found(t, 64), "3 32 0 clblast");
    ck_assert_str_eq(found(t, 512), "3 32 0 clblast");
    clglu_tuning_free(t);
    t = understood(HEAD OURS KEY "rows 64 form clblast\n");
    ck_assert_str_eq(found(t, 1), "0 0 0 clblast");
    clglu_tuning_free(t);
}
END_TEST

/* ---------------------------------------------------------------- lines */

START_TEST(lines_for_other_devices_and_drivers_are_passed_over)
{
    clglu_tuning *t = understood(HEAD "device \"Chip\" driver \"1.1\"\n" KEY "rows 1 form tile\n"
                                      "device \"chip\" driver \"1.0\"\n" KEY "rows 1 form tile\n"
                                      "device \"\" driver \"\"\n" KEY "rows 1 form tile\n");
    ck_assert_str_eq(found(t, 1), "nothing");
    clglu_tuning_free(t);
}
END_TEST

START_TEST(comments_blanks_and_a_missing_last_newline_are_fine)
{
    clglu_tuning *t = understood("clglu  tuning 1\r\n# say \"nothing\n\n \t\n  " OURS "\t# d_model\n\t" KEY
                                 "\trows 000000000000007  form tile row_tile 2 tiles 3 ");
    ck_assert_str_eq(found(t, 9), "2 2 3");
    clglu_tuning_free(t);
    t = understood("clglu tuning 1");
    ck_assert_str_eq(found(t, 1), "nothing");
    clglu_tuning_free(t);
}
END_TEST

START_TEST(tiles_are_taken_into_1_to_256)
{
    clglu_tuning *t = understood(HEAD OURS KEY "rows 1 form tile row_tile 0 tiles 257\n" KEY
                                               "rows 2 form tile row_tile 999999999999999 tiles 0\n");
    ck_assert_str_eq(found(t, 1), "2 1 256");
    ck_assert_str_eq(found(t, 2), "2 256 1");
    clglu_tuning_free(t);
}
END_TEST

START_TEST(quotes_backslashes_and_control_characters_in_names_are_escaped)
{
    static const char text[] =
        HEAD "device \"a \\\"b\\\" \\\\ \\x0a\\x7F\xc3\xa9\" driver \"\\xfF\"\n" KEY "rows 1 form tile\n";
    clglu_tuning *t;
    clglu_tuning_fault fault;
    ck_assert_int_eq(clglu_tuning_parse(text, strlen(text), "a \"b\" \\ \n\x7f\xc3\xa9", "\xff", &t, &fault),
                     CLGLU_OK);
    ck_assert_str_eq(found(t, 1), "2 0 0");
    clglu_tuning_free(t);
}
END_TEST

/* ---------------------------------------------------------------- refusals */

static const struct {
    const char *text;
    size_t line;
    const char *what;
} bad[] = {
    {"", 1, "clglu tuning 1"},
    {"\n" HEAD, 1, "clglu tuning 1"},
    {"clglu tuning 2\n", 1, "clglu tuning 1"},
    {"clglu tuning 1 2\n", 1, "more on the line"},
    {HEAD "\nfly\n", 3, "first word"},
    {HEAD KEY "rows 1 form tile\n", 2, "must come first"},
    {HEAD "device Chip driver \"1.0\"\n", 2, "in quotes"},
    {HEAD "device \"Chip driver \n", 2, "does not end"},
    {HEAD "device \"Chip\\", 2, "escape"},
    {HEAD "device \"Chip\\x4", 2, "escape"},
    {HEAD "device \"Chip\\x4g\"", 2, "escape"},
    {HEAD "device \"Chip\\xg4\"", 2, "escape"},
    {HEAD "device \"Chip\\x00\"", 2, "escape"},
    {HEAD "device \"Ch\\nip\" driver \"1.0\"\n", 2, "escape"},
    {HEAD "device \"Ch\\x00ip\" driver \"1.0\"\n", 2, "escape"},
    {HEAD "device \"Ch\tip\" driver \"1.0\"\n", 2, "control character"},
    {HEAD "device \"Chip\" \"1.0\"\n", 2, "'driver'"},
    {HEAD "device \"Chip\" driver \"1.0\" x\n", 2, "more on the line"},
    {HEAD OURS "ffn d_ff 64 d_model 256 dtype f32 rows 1 form tile\n", 3, "'d_model'"},
    {HEAD OURS "ffn d_model 0 d_ff 256 dtype f32 rows 1 form tile\n", 3, "d_model must be"},
    {HEAD OURS "ffn d_model 64 d_ff 4194305 dtype f32 rows 1 form tile\n", 3, "d_ff must be"},
    {HEAD OURS "ffn d_model 64 d_ff 256 dtype f64 rows 1 form tile\n", 3, "dtype"},
    {HEAD OURS KEY "rows 0 form tile\n", 3, "rows must be"},
    {HEAD OURS KEY "rows -1 form tile\n", 3, "after 'rows'"},
    {HEAD OURS KEY "rows +1 form tile\n", 3, "after 'rows'"},
    {HEAD OURS KEY "rows 0x1 form tile\n", 3, "after 'rows'"},
    {HEAD OURS KEY "rows 1K form tile\n", 3, "after 'rows'"},
    {HEAD OURS KEY "rows 1000000000000000 form tile\n", 3, "after 'rows'"},
    {HEAD OURS KEY "rows", 3, "after 'rows'"},
    {HEAD OURS KEY "rows 1 form auto\n", 3, "form is none"},
    {HEAD OURS KEY "rows 1\n", 3, "'form'"},
    {HEAD OURS KEY "rows 1 form clblast row_tile 1\n", 3, "more on the line"},
    {HEAD OURS KEY "rows 1 form tile tiles 1 row_tile 1\n", 3, "more on the line"},
    {HEAD OURS KEY "rows 1 form tile row_tile many\n", 3, "after 'row_tile'"},
    {HEAD "device \"Other\" driver \"1.0\"\n" KEY "rows 1 form fly\n", 3, "form is none"},
};

START_TEST(anything_else_is_an_error_with_its_line_for_other_devices_too)
{
    clglu_tuning *t;
    clglu_tuning_fault fault;
    clglu_status status = parse_bytes(bad[_i].text, strlen(bad[_i].text), &t, &fault);
    ck_assert_msg(status == CLGLU_FILE_FAILED && t == NULL, "understood: %s", bad[_i].text);
    ck_assert_msg(fault.line == bad[_i].line && strstr(fault.what, bad[_i].what), "line %zu: %s\nof: %s",
                  fault.line, fault.what, bad[_i].text);
}
END_TEST

START_TEST(a_zero_byte_and_a_line_over_4096_bytes_are_refused)
{
    static const char zero[] = HEAD "# a\0b\n";
    static char longest[sizeof HEAD + 4098];
    clglu_tuning *t;
    clglu_tuning_fault fault;
    ck_assert_int_eq(parse_bytes(zero, sizeof zero - 1, &t, &fault), CLGLU_FILE_FAILED);
    memset(longest, '#', sizeof longest);
    memcpy(longest, HEAD, sizeof HEAD - 1);
    ck_assert_int_eq(parse_bytes(longest, sizeof HEAD - 1 + 4096, &t, &fault), CLGLU_OK);
    clglu_tuning_free(t);
    ck_assert_int_eq(parse_bytes(longest, sizeof HEAD - 1 + 4097, &t, &fault), CLGLU_FILE_FAILED);
    ck_assert_uint_eq(fault.line, 2);
}
END_TEST

/* A good file with random bytes changed, cut out and doubled: understood or refused, never read beyond. */
START_TEST(bytes_at_random_are_understood_or_refused)
{
    static const char good[] =
        HEAD "# a\n" OURS KEY "rows 4 form tile row_tile 4 tiles 2\n" KEY
             "rows 64 form clblast\ndevice \"a\\\"\\\\\\x41\" driver \"\"\n" KEY "rows 1 form split\n";
    static const char spice[] = "\n\0\"\\ #x0919\xff\t-ftd";
    uint64_t state = 7;
    char text[2 * sizeof good];
    for (size_t round = 0; round < sized(100000, 2000); round++) {
        size_t size = random_below(&state, sizeof good);
        memcpy(text, good, size);
        for (size_t n = random_below(&state, 4); n > 0 && size > 0; n--)
            text[random_below(&state, size)] = spice[random_below(&state, sizeof spice)];
        clglu_tuning *t;
        clglu_tuning_fault fault = {.line = 0};
        clglu_status status = parse_bytes(text, size, &t, &fault);
        ck_assert(status == CLGLU_OK
                      ? t != NULL
                      : status == CLGLU_FILE_FAILED && t == NULL && fault.line && fault.what[0]);
        found(t, random_below(&state, 100));
        clglu_tuning_free(t);
    }
}
END_TEST

/* ---------------------------------------------------------------- files */

static void write_text(FILE *out, const char *text)
{
    for (; *text; text++)
        if (*text == '"' || *text == '\\' || (unsigned char)*text < 0x20 || *text == 0x7f)
            fprintf(out, "\\x%02x", (unsigned)(unsigned char)*text);
        else
            fputc(*text, out);
}

START_TEST(the_section_of_the_contexts_device_is_read_from_a_file)
{
    folder f = folder_new();
    const clglu_device_facts *facts = clglu_context_facts(context());
    char path[400];
    folder_write(&f, "tuning", "");
    snprintf(path, sizeof path, "%s/tuning", f.name);
    FILE *out = fopen(path, "w");
    ck_assert_ptr_nonnull(out);
    fputs(HEAD OURS KEY "rows 1 form general\ndevice \"", out);
    write_text(out, facts->name);
    fputs("\" driver \"", out);
    write_text(out, facts->driver_version);
    fputs("\"\n" KEY "rows 1 form split\n", out);
    ck_assert_int_eq(fclose(out), 0);
    clglu_tuning *t;
    ck_assert_int_eq(clglu_tuning_read(context(), path, &t), CLGLU_OK);
    ck_assert_str_eq(found(t, 1), "4 0 0");
    clglu_tuning_free(t);
    folder_free(&f);
}
END_TEST

/* The status, and what the context has to say of it. */
static void expect_unreadable(const char *path, const char *what)
{
    clglu_tuning *t = (clglu_tuning *)&t;
    ck_assert_int_eq(clglu_tuning_read(context(), path, &t), CLGLU_FILE_FAILED);
    ck_assert_ptr_null(t);
    const char *text = clglu_context_error(context());
    ck_assert_msg(strncmp(text, path, strlen(path)) == 0 && strstr(text, what), "not so: %s: %s", what, text);
}

START_TEST(a_file_that_cannot_be_read_or_understood_is_refused)
{
    folder f = folder_new();
    char path[400];
    expect_unreadable(f.name, "regular file");
    snprintf(path, sizeof path, "%s/absent", f.name);
    expect_unreadable(path, "No such file");
    ck_assert_int_eq(mkfifo(path, 0600), 0);
    expect_unreadable(path, "regular file");
    ck_assert_int_eq(remove(path), 0);
    folder_write(&f, "tuning", HEAD "fly\n");
    snprintf(path, sizeof path, "%s/tuning", f.name);
    expect_unreadable(path, ":2: ");
    FILE *out = fopen(path, "w");
    ck_assert(out && fseek(out, 1 << 20, SEEK_SET) == 0 && fputc('\n', out) == '\n' && fclose(out) == 0);
    expect_unreadable(path, "1 MiB");
    folder_free(&f);
}
END_TEST

Suite *device_tune_suite(void)
{
    Suite *suite = suite_create("device_tune");
    TCase *lookup = tcase_create("lookup"), *lines = tcase_create("lines"),
          *refusals = tcase_create("refusals"), *files = tcase_create("files");
    tcase_add_test(lookup, the_entry_with_the_largest_rows_up_to_the_calls_is_taken_else_the_smallest_above);
    tcase_add_test(lookup, only_entries_of_that_d_model_d_ff_and_dtype_count);
    tcase_add_test(lookup, of_two_lines_with_the_same_key_the_later_one_holds);
    tcase_add_test(lookup, a_line_for_clblast_may_stand_beside_one_for_the_librarys_own_kernels);
    tcase_add_test(lines, lines_for_other_devices_and_drivers_are_passed_over);
    tcase_add_test(lines, comments_blanks_and_a_missing_last_newline_are_fine);
    tcase_add_test(lines, tiles_are_taken_into_1_to_256);
    tcase_add_test(lines, quotes_backslashes_and_control_characters_in_names_are_escaped);
    tcase_add_loop_test(refusals, anything_else_is_an_error_with_its_line_for_other_devices_too, 0,
                        (int)COUNT(bad));
    tcase_add_test(refusals, a_zero_byte_and_a_line_over_4096_bytes_are_refused);
    tcase_add_test(refusals, bytes_at_random_are_understood_or_refused);
    tcase_add_test(files, the_section_of_the_contexts_device_is_read_from_a_file);
    tcase_add_test(files, a_file_that_cannot_be_read_or_understood_is_refused);
    suite_add_tcase(suite, lookup);
    suite_add_tcase(suite, lines);
    suite_add_tcase(suite, refusals);
    suite_add_tcase(suite, files);
    return suite;
}
