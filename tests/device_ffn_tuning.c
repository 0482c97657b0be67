/* device_ffn_tuning.c - a context with a tuning file: other kernels, the same bits.
   SPDX-License-Identifier: MIT */

#include "device_ffn.h"

#include <stdio.h>
#include <string.h>

enum { D_MODEL = 70, D_FF = 45 };

static ffn_case some_case(size_t rows)
{
    ffn_shape s = {.parts = GATED | BIASED,
                   .rows = rows,
                   .d_model = D_MODEL,
                   .d_ff = D_FF,
                   .act = CLGLU_ACT_GELU,
                   .seed = 170};
    return ffn_new(&s);
}

/* The device's name or driver version in the file's quotes, where a backslash is before a quote or another.
 */
static void quoted(cl_device_info what, char *text, size_t size)
{
    char name[300] = "";
    size_t n = 0;
    cl_device_id device = clglu_context_device(context());
    ck_assert_int_eq(clGetDeviceInfo(device, what, sizeof name, name, NULL), CL_SUCCESS);
    text[n++] = '"';
    for (const char *p = name; *p && n + 3 < size; p++) {
        if (*p == '"' || *p == '\\') text[n++] = '\\';
        text[n++] = *p;
    }
    text[n++] = '"';
    text[n] = 0;
}

static void device_line(char *line, size_t size)
{
    char name[700], driver[700];
    quoted(CL_DEVICE_NAME, name, sizeof name);
    quoted(CL_DRIVER_VERSION, driver, sizeof driver);
    snprintf(line, size, "device %s driver %s\n", name, driver);
}

/* The file "tuning" in the folder: its head, a section and lines. */
static void write_file(folder *f, const char *section, const char *lines)
{
    char text[4000];
    snprintf(text, sizeof text, "clglu tuning 1\n%s%s", section, lines);
    folder_write(f, "tuning", text);
}

static void keep_line(const char *text, void *user) { snprintf(user, 600, "%s", text); }

/* The folder's context, with its kernels and its file. */
static clglu_status open_with(folder *f, char why[600])
{
    char path[400];
    snprintf(path, sizeof path, "%s/tuning", f->name);
    clglu_context_params params = {
        .log = keep_line, .log_user = why, .kernel_dir = f->name, .tuning_file = path, .no_self_test = 1};
    *why = 0;
    return clglu_context_open(device_selector(), &params, &f->context);
}

static void open_well(folder *f, char why[600])
{
    clglu_status s = open_with(f, why);
    ck_assert_msg(s == CLGLU_OK, "%s: %s", clglu_status_name(s), why);
}

/* Every kernel there is, with tiles that nobody would choose; some no device has. */
static const char *const odd_lines[] = {
    "rows 1 form general\n",
    "rows 1 form tile row_tile 1 tiles 32\n",
    "rows 1 form tile row_tile 7 tiles 3\n",
    "rows 1 form tile row_tile 12 tiles 256\n",
    "rows 1 form local row_tile 128\n",
    "rows 1 form local row_tile 1\n",
    "rows 1 form split row_tile 3\n",
    "rows 1 form split row_tile 16 tiles 256\n",
    "rows 1 form general row_tile 256\n",
};

START_TEST(odd_choices_of_a_tuning_file_keep_the_bits)
{
    static const size_t rows[] = {1, 3, 40};
    char device[1500], lines[200], why[600];
    folder f = folder_new();
    device_line(device, sizeof device);
    snprintf(lines, sizeof lines, "ffn d_model %d d_ff %d dtype f32 %s", D_MODEL, D_FF, odd_lines[_i]);
    write_file(&f, device, lines);
    open_well(&f, why);
    for (size_t i = 0; i < COUNT(rows); i++) {
        ffn_case c = some_case(sized(rows[i], 1 + i)), want = ffn_emulated(&c);
        clglu_ffn *ffn = ffn_create(f.context, &c, FROM_HOST);
        for (ffn_route route = ON_BUFFERS; route < ROUTES; route++) {
            ffn_case got = ffn_made(f.context, ffn, &c, route);
            expect_ffn_same(&got, &want, odd_lines[_i]);
            ffn_free(&got);
        }
        clglu_ffn_destroy(ffn);
        ffn_free(&want);
        ffn_free(&c);
    }
    folder_free(&f);
}
END_TEST

/* ---------------------------------------------------------------- which line holds */

/* A form that the device has but does not choose by itself, in the file's words; its kernels are made
   unusable, so that who chooses it fails. */
static const char *spoilt_form(folder *f, const ffn_case *c)
{
    static const char *const words[] = {"auto", "general", "tile", "local", "split"};
    char file[40];
    clglu_ffn *ffn = ffn_create(context(), c, FROM_HOST);
    clglu_ffn_choice choices[FFN_CHOICES];
    size_t n = ffn_choices(ffn, c->call.rows, choices), i = 0;
    clglu_ffn_destroy(ffn);
    while (i < n && choices[i].form == choices[0].form) i++;
    ck_assert_msg(i < n, "there is one form only");
    snprintf(file, sizeof file, "ffn_%s.cl", words[choices[i].form]);
    folder_write(f, file, "#error \"spoilt\"\n");
    return words[choices[i].form];
}

/* What a call comes to in a context whose file has that section and in it a line for the spoilt form. */
static clglu_status outcome(const char *section, size_t d_model, size_t d_ff, const char *dtype)
{
    char lines[200], why[600];
    folder f = folder_new();
    ffn_case c = some_case(3);
    const char *form = spoilt_form(&f, &c);
    snprintf(lines, sizeof lines, "ffn d_model %zu d_ff %zu dtype %s rows 1 form %s\n", d_model, d_ff, dtype,
             form);
    write_file(&f, section, lines);
    open_well(&f, why);
    clglu_ffn *ffn = ffn_create(f.context, &c, FROM_HOST);
    clglu_status s = ffn_run(f.context, ffn, &c, ON_BUFFERS);
    clglu_ffn_destroy(ffn);
    ffn_free(&c);
    folder_free(&f);
    return s;
}

START_TEST(a_line_of_the_tuning_file_chooses_the_kernel)
{
    char device[1500];
    device_line(device, sizeof device);
    ck_assert_int_eq(outcome(device, D_MODEL, D_FF, "f32"), CLGLU_BUILD_FAILED);
}
END_TEST

START_TEST(lines_for_other_blocks_are_passed_over)
{
    char device[1500];
    device_line(device, sizeof device);
    ck_assert_int_eq(outcome(device, D_MODEL + 1, D_FF, "f32"), CLGLU_OK);
    ck_assert_int_eq(outcome(device, D_MODEL, D_FF + 1, "f32"), CLGLU_OK);
    ck_assert_int_eq(outcome(device, D_MODEL, D_FF, "bf16"), CLGLU_OK);
}
END_TEST

START_TEST(lines_for_other_devices_are_passed_over)
{
    char name[700], section[1500];
    quoted(CL_DEVICE_NAME, name, sizeof name);
    ck_assert_int_eq(outcome("device \"another\" driver \"1\"\n", D_MODEL, D_FF, "f32"), CLGLU_OK);
    snprintf(section, sizeof section, "device %s driver \"another version\"\n", name);
    ck_assert_int_eq(outcome(section, D_MODEL, D_FF, "f32"), CLGLU_OK);
}
END_TEST

/* What the call itself asks for comes before the file. */
START_TEST(a_choice_of_the_call_comes_before_the_tuning_file)
{
    char device[1500], why[600], lines[200];
    folder f = folder_new();
    ffn_case c = some_case(3), want = ffn_emulated(&c);
    const char *form = spoilt_form(&f, &c);
    device_line(device, sizeof device);
    snprintf(lines, sizeof lines, "ffn d_model %d d_ff %d dtype f32 rows 1 form %s\n", D_MODEL, D_FF, form);
    write_file(&f, device, lines);
    open_well(&f, why);
    clglu_ffn *ffn = ffn_create(f.context, &c, FROM_HOST);
    ck_assert_int_eq(clglu_ffn_choice_at(ffn, 3, 0, &c.call.choice), CLGLU_OK);
    ffn_case got = ffn_made(f.context, ffn, &c, ON_BUFFERS);
    expect_ffn_same(&got, &want, "the call's own choice");
    clglu_ffn_destroy(ffn);
    ffn_free(&got);
    ffn_free(&want);
    ffn_free(&c);
    folder_free(&f);
}
END_TEST

/* ---------------------------------------------------------------- files that are not understood */

static const struct {
    const char *lines;
    int line;
} damaged[] = {
    {"ffn d_model 70 d_ff 45 dtype f32 rows 1 form general\n", 2}, /* before any device */
    {"device \"x\" driver \"y\"\nffn d_model 70 d_ff 45 dtype f32 rows 1 form fast\n", 3},
    {"device \"x\" driver \"y\"\n\n# a remark\nffn d_model 70 d_ff\n", 5},
    {"device \"x driver \"y\"\n", 2},
    {"tune\n", 2},
};

static void expect_file_failed(folder *f, const char *place)
{
    char why[600];
    clglu_status s = open_with(f, why);
    ck_assert_msg(s == CLGLU_FILE_FAILED, "%s: %s", clglu_status_name(s), why);
    ck_assert_ptr_null(f->context);
    ck_assert_msg(strstr(why, place) != NULL, "the log \"%s\" does not name %s", why, place);
}

START_TEST(a_damaged_file_fails_with_the_number_of_its_line)
{
    char place[420];
    folder f = folder_new();
    write_file(&f, "", damaged[_i].lines);
    snprintf(place, sizeof place, "%s/tuning:%d", f.name, damaged[_i].line);
    expect_file_failed(&f, place);
    folder_free(&f);
}
END_TEST

START_TEST(a_file_that_is_missing_or_of_another_kind_fails_by_name)
{
    char place[420];
    folder f = folder_new();
    snprintf(place, sizeof place, "%s/tuning", f.name);
    expect_file_failed(&f, place);
    folder_write(&f, "tuning", "{\"clglu\": 1}\n");
    snprintf(place, sizeof place, "%s/tuning:1", f.name);
    expect_file_failed(&f, place);
    folder_free(&f);
}
END_TEST

Suite *device_ffn_tuning_suite(void)
{
    Suite *s = suite_create("device_ffn_tuning");
    TCase *t = tcase_create("tuning");
    tcase_add_loop_test(t, odd_choices_of_a_tuning_file_keep_the_bits, 0, (int)COUNT(odd_lines));
    tcase_add_test(t, a_line_of_the_tuning_file_chooses_the_kernel);
    tcase_add_test(t, lines_for_other_blocks_are_passed_over);
    tcase_add_test(t, lines_for_other_devices_are_passed_over);
    tcase_add_test(t, a_choice_of_the_call_comes_before_the_tuning_file);
    tcase_add_loop_test(t, a_damaged_file_fails_with_the_number_of_its_line, 0, (int)COUNT(damaged));
    tcase_add_test(t, a_file_that_is_missing_or_of_another_kind_fails_by_name);
    suite_add_tcase(s, t);
    return s;
}
