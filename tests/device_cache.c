/* device_cache.c - the cache of programs: what is kept, what is given to a driver again, and what is not. SPDX-License-Identifier: MIT
 */

#include "device.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "binary.h"
#include "cache.h"

/* A cache of its own, and what the library had to say. */
typedef struct cache {
    char folder[600], said[4000];
} cache;

static void hear(const char *text, void *user)
{
    cache *c = user;
    size_t n = strlen(c->said);
    snprintf(c->said + n, sizeof c->said - n, "%s\n", text);
}

static cache cache_new(void)
{
    cache c = {.said = ""};
    const char *tmp = getenv("TMPDIR");
    snprintf(c.folder, sizeof c.folder, "%s/clglu-cache-XXXXXX", tmp && *tmp ? tmp : "/tmp");
    ck_assert_ptr_nonnull(mkdtemp(c.folder));
    return c;
}

static void path_of(const cache *c, const char *name, char path[600]) { snprintf(path, 600, "%.290s/%.300s", c->folder, name); }

/* How many files end so; the name of the first, in order, if it is wanted. */
static size_t files(const cache *c, const char *end, char first[300])
{
    struct dirent **list;
    size_t found = 0;
    int n = scandir(c->folder, &list, NULL, alphasort);
    ck_assert_int_ge(n, 0);
    for (int i = 0; i < n; i++) {
        size_t length = strlen(list[i]->d_name), m = strlen(end);
        if (length >= m && strcmp(list[i]->d_name + length - m, end) == 0 && found++ == 0 && first)
            snprintf(first, 300, "%s", list[i]->d_name);
        free(list[i]);
    }
    free(list);
    return found;
}

static void cache_free(cache *c)
{
    struct dirent **list;
    char path[600];
    int n = scandir(c->folder, &list, NULL, NULL);
    for (int i = 0; i < n; i++) {
        path_of(c, list[i]->d_name, path);
        if (*list[i]->d_name != '.' || strlen(list[i]->d_name) > 2) remove(path);
        free(list[i]);
    }
    if (n >= 0) free(list);
    ck_assert_int_eq(rmdir(c->folder), 0);
}

/* One gate in a context with that cache, right to the bit. */
static void use(cache *c)
{
    clglu_context_params params = {.cache_dir = c->folder, .no_self_test = 1, .log = hear, .log_user = c};
    clglu_context *ctx;
    uint64_t state = 1;
    call k = call_new(GATE_FORWARD, CLGLU_ACT_GELU, CLGLU_ACT_IDENTITY, CLGLU_F32, 4, 64);
    call_fill(&k, MODERATE, &state);
    call want = call_emulated(&k);
    c->said[0] = 0;
    ck_assert_int_eq(clglu_context_open(device_selector(), &params, &ctx), CLGLU_OK);
    ck_assert_int_eq(call_on_buffers(ctx, NULL, &k), CLGLU_OK);
    expect_same(&k, &want, "a gate");
    clglu_context_close(ctx);
    call_free(&k);
    call_free(&want);
}

static struct stat entry_stat(const cache *c)
{
    char name[300], path[600];
    struct stat st;
    ck_assert_uint_eq(files(c, ".bin", name), 1);
    path_of(c, name, path);
    ck_assert_int_eq(lstat(path, &st), 0);
    return st;
}

static void entry_path(const cache *c, char path[600])
{
    char name[300];
    ck_assert_uint_eq(files(c, ".bin", name), 1);
    path_of(c, name, path);
}

START_TEST(a_program_is_kept_and_taken_again)
{
    cache c = cache_new();
    use(&c);
    ck_assert_str_eq(c.said, "");
    struct stat first = entry_stat(&c);
    ck_assert_uint_eq(first.st_mode & 07777, 0600);
    use(&c);
    ck_assert_str_eq(c.said, "");
    ck_assert_uint_eq(entry_stat(&c).st_ino, first.st_ino); /* it was not written anew, so it was loaded */
    ck_assert_uint_eq(files(&c, "", NULL), 3);              /* with . and .. */
    cache_free(&c);
}
END_TEST

/* ---------------------------------------------------------------- attacks on an entry */

static void flip(const char *path)
{
    FILE *f = fopen(path, "r+b");
    ck_assert_ptr_nonnull(f);
    fseek(f, 100, SEEK_SET);
    int byte = fgetc(f);
    fseek(f, 100, SEEK_SET);
    fputc(byte ^ 1, f);
    fclose(f);
}
static void cut(const char *path) { ck_assert_int_eq(truncate(path, 1000), 0); }
static void empty(const char *path) { ck_assert_int_eq(truncate(path, 0), 0); }
static void open_to_all(const char *path) { ck_assert_int_eq(chmod(path, 0666), 0); }
static void renamed(const char *path, char other[620])
{
    snprintf(other, 620, "%s.elsewhere", path);
    ck_assert_int_eq(rename(path, other), 0);
}
static void link_to_it(const char *path)
{
    char other[620];
    renamed(path, other);
    ck_assert_int_eq(symlink(other, path), 0);
}
static void second_link(const char *path)
{
    char other[620];
    snprintf(other, sizeof other, "%s.elsewhere", path);
    ck_assert_int_eq(link(path, other), 0);
}
static void fifo(const char *path)
{
    remove(path);
    ck_assert_int_eq(mkfifo(path, 0600), 0);
}
static void others_own_it(const char *path) { ck_assert_int_eq(chown(path, 12345, (gid_t)-1), 0); }

static const struct {
    const char *name, *reason;
    void (*make)(const char *path);
    bool root; /* root alone can make it */
} attacks[] = {{"a flipped bit", "damaged", flip, false},
               {"a cut", "not whole", cut, false},
               {"nothing in it", "not wrapped", empty, false},
               {"others may write to it", "others may write", open_to_all, false},
               {"a symbolic link", "", link_to_it, false},
               {"a second link", "several links", second_link, false},
               {"a FIFO", "no regular file", fifo, false},
               {"somebody else's", "somebody else", others_own_it, true}};

/* It is refused with a reason, removed, and made anew. */
START_TEST(an_entry_that_is_not_as_it_was_written_is_not_used)
{
    if (attacks[_i].root && geteuid() != 0) return;
    cache c = cache_new();
    char path[600];
    struct stat st;
    use(&c);
    entry_path(&c, path);
    attacks[_i].make(path);
    use(&c);
    ck_assert_msg(strstr(c.said, "built from source") && strstr(c.said, attacks[_i].reason), "%s: %s", attacks[_i].name, c.said);
    ck_assert_int_eq(lstat(path, &st), 0);
    ck_assert_msg(S_ISREG(st.st_mode) && st.st_nlink == 1 && (st.st_mode & 077) == 0 && st.st_uid == geteuid() && st.st_size > 1000,
                  "%s: it was not made anew", attacks[_i].name);
    use(&c);
    ck_assert_str_eq(c.said, "");
    cache_free(&c);
}
END_TEST

/* The key as it stands in an entry: its length is at 16, itself at 32, see binary.c. */
enum { KEY_LENGTH = 16, KEY = 32 };
static const char *const fields[] = {"library",  "file",   "options",        "source",   "platform", "platform-vendor", "platform-version", "vendor",
                                     "vendor-id", "device", "device-version", "language", "driver",   "address-bits",    "pointer-bits"};

/* The field's last letter; NULL: the key has no such field. */
static char *last_letter(char *text, const char *field)
{
    size_t n = strlen(field);
    for (char *line = text; *line; line += strcspn(line, "\n") + 1)
        if (strncmp(line, field, n) == 0 && line[n] == ' ') return line + strcspn(line, "\n") - 1;
    return NULL;
}

static void read_file(const char *path, void *to, size_t size)
{
    FILE *f = fopen(path, "rb");
    ck_assert(f && fread(to, 1, size, f) == size);
    fclose(f);
}

/* An entry for something else in the place of what is looked for: whole, and of the right name. */
START_TEST(an_entry_that_is_for_something_else_is_not_used)
{
    cache c = cache_new();
    char path[600];
    use(&c);
    entry_path(&c, path);
    size_t size = (size_t)entry_stat(&c).st_size, length = 0;
    unsigned char *content = malloc(size), *wrapped = malloc(size);
    read_file(path, content, size);
    for (int i = 0; i < 8; i++) length |= (size_t)content[KEY_LENGTH + i] << 8 * i;
    char *text = calloc(length + 1, 1);
    memcpy(text, content + KEY, length);
    char *letter = last_letter(text, fields[_i]);
    ck_assert_msg(letter != NULL, "the key has no %s", fields[_i]);
    *letter ^= 1;
    size_t bytes = size - clglu_binary_wrapped_bytes(text, 0);
    clglu_binary_wrap(text, content + KEY + length, bytes, wrapped);
    FILE *f = fopen(path, "r+b");
    ck_assert(f && fwrite(wrapped, 1, size, f) == size);
    fclose(f);
    use(&c);
    ck_assert_msg(strstr(c.said, "it is for ") && strstr(c.said, fields[_i]), "%s", c.said);
    use(&c);
    ck_assert_str_eq(c.said, ""); /* it was written anew */
    free(text);
    free(content);
    free(wrapped);
    cache_free(&c);
}
END_TEST

/* ---------------------------------------------------------------- folders */

static void expect_unused(cache *c, const char *reason)
{
    use(c);
    ck_assert_msg(strstr(c->said, reason) != NULL, "%s", c->said);
    ck_assert_uint_eq(files(c, ".bin", NULL), 0);
}

/* An entry as the library writes it: `content` is its file's. */
typedef struct own_entry {
    clglu_context *context;
    clglu_cache *cache;
    cache folder;
    char name[CLGLU_CACHE_NAME], path[600];
    unsigned char *binary, *content;
    size_t bytes, size;
} own_entry;

static const char key[] = "the program's key";

static void write_entry(const own_entry *k, size_t size)
{
    int fd = open(k->path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, k->content, size), (ssize_t)size);
    close(fd);
}

static own_entry kept_new(size_t bytes)
{
    own_entry k = {.folder = cache_new(), .binary = malloc(bytes), .bytes = bytes};
    clglu_context_params params = {.no_self_test = 1};
    uint64_t state = 9;
    struct stat st;
    ck_assert_int_eq(clglu_context_open(device_selector(), &params, &k.context), CLGLU_OK);
    k.cache = clglu_cache_open(k.context, k.folder.folder);
    ck_assert_ptr_nonnull(k.cache);
    for (size_t i = 0; i < bytes; i++) k.binary[i] = (unsigned char)random_below(&state, 256);
    clglu_cache_name("gate.cl", key, k.name);
    clglu_cache_save(k.cache, k.name, key, k.binary, bytes);
    entry_path(&k.folder, k.path);
    ck_assert_int_eq(lstat(k.path, &st), 0);
    k.size = (size_t)st.st_size;
    k.content = malloc(k.size);
    read_file(k.path, k.content, k.size);
    return k;
}

static void kept_free(own_entry *k)
{
    clglu_cache_close(k->cache);
    clglu_context_close(k->context);
    cache_free(&k->folder);
    free(k->binary);
    free(k->content);
}

/* Is it given to a driver? Then it is what was saved. */
static bool is_given(const own_entry *k)
{
    size_t bytes = 0;
    void *got = clglu_cache_load(k->cache, k->name, key, &bytes);
    if (got == NULL) return false;
    clglu_cache_loaded(k->cache, k->name, true);
    bool same = bytes == k->bytes && memcmp(got, k->binary, bytes) == 0;
    free(got);
    ck_assert_msg(same, "another binary is given than was saved");
    return true;
}

/* A long run takes an entry of the size that PoCL's have: more than a million damages. */
START_TEST(no_flipped_bit_and_no_cut_of_an_entry_reaches_a_driver)
{
    own_entry k = kept_new(test_scale() == LONG ? 137316 : 1500);
    ck_assert(is_given(&k));
    for (size_t i = 0; i < 8 * k.size; i++) {
        k.content[i / 8] ^= (unsigned char)(1u << i % 8);
        write_entry(&k, k.size);
        ck_assert_msg(!is_given(&k), "bit %zu of %zu bytes is flipped, and it is given", i, k.size);
        k.content[i / 8] ^= (unsigned char)(1u << i % 8);
    }
    for (size_t size = 0; size < k.size; size++) {
        write_entry(&k, size);
        ck_assert_msg(!is_given(&k), "%zu of %zu bytes are there, and it is given", size, k.size);
    }
    write_entry(&k, k.size);
    ck_assert(is_given(&k));
    kept_free(&k);
}
END_TEST

START_TEST(a_folder_that_others_may_write_to_is_not_used)
{
    static const mode_t open[] = {0777, 0720, 0702};
    cache c = cache_new();
    for (size_t i = 0; i < COUNT(open); i++) {
        ck_assert_int_eq(chmod(c.folder, open[i]), 0);
        expect_unused(&c, "others may write to it");
    }
    ck_assert_int_eq(chmod(c.folder, 0755), 0); /* they may look */
    use(&c);
    ck_assert_str_eq(c.said, "");
    char path[600];
    entry_path(&c, path);
    remove(path);
    if (geteuid() == 0) {
        ck_assert_int_eq(chown(c.folder, 12345, (gid_t)-1), 0);
        expect_unused(&c, "it belongs to somebody else");
        ck_assert_int_eq(chown(c.folder, 0, (gid_t)-1), 0);
    }
    cache_free(&c);
}
END_TEST

START_TEST(a_symbolic_link_on_the_way_is_not_followed)
{
    cache c = cache_new(), through = c;
    char path[600];
    path_of(&c, "real", path);
    ck_assert_int_eq(mkdir(path, 0700), 0);
    path_of(&c, "link", through.folder);
    ck_assert_int_eq(symlink(path, through.folder), 0);
    expect_unused(&through, "built from source");
    path_of(&c, "link/below", through.folder);
    use(&through);
    ck_assert_msg(strstr(through.said, "built from source") != NULL, "%s", through.said);
    ck_assert_int_eq(rmdir(path), 0);
    cache_free(&c);
}
END_TEST

START_TEST(a_folder_that_is_missing_is_made)
{
    cache c = cache_new(), below = c;
    path_of(&c, "a/b", below.folder);
    use(&below);
    ck_assert_uint_eq(files(&below, ".bin", NULL), 1);
    cache_free(&below);
    path_of(&c, "a", below.folder);
    cache_free(&below);
    cache_free(&c);
}
END_TEST

/* A folder that cannot be written to changes nothing: as root only a mount can refuse, so here a file stands in its place. */
START_TEST(what_cannot_be_a_folder_costs_nothing_but_time)
{
    cache c = cache_new(), in = c;
    path_of(&c, "file", in.folder);
    FILE *f = fopen(in.folder, "w");
    ck_assert_ptr_nonnull(f);
    fclose(f);
    use(&in);
    ck_assert_msg(strstr(in.said, "built from source") != NULL, "%s", in.said);
    /* A name that no file system has room for. */
    memset(in.folder, 'n', 400);
    in.folder[400] = 0;
    use(&in);
    ck_assert_msg(strstr(in.said, strerror(ENAMETOOLONG)) != NULL, "%s", in.said);
    cache_free(&c);
}
END_TEST

/* An entry of that size, which takes no room on the disk, written so long ago. */
static void old_entry(const cache *c, const char *name, off_t bytes, time_t seconds)
{
    char path[600];
    struct timespec times[2] = {{.tv_sec = time(NULL) - seconds}, {.tv_sec = time(NULL) - seconds}};
    path_of(c, name, path);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
    ck_assert_int_ge(fd, 0);
    ck_assert(ftruncate(fd, bytes) == 0 && futimens(fd, times) == 0 && close(fd) == 0);
}

/* There is room for 512 MiB. */
START_TEST(the_oldest_entries_give_way)
{
    cache c = cache_new();
    old_entry(&c, "third.bin", 100 << 20, 1000);
    old_entry(&c, "first.bin", 300 << 20, 3000);
    old_entry(&c, "second.bin", 200 << 20, 2000);
    old_entry(&c, "no-entry", 600 << 20, 4000);
    old_entry(&c, "tmp-old", 1, 4000);
    old_entry(&c, "tmp-new", 1, 100);
    use(&c);
    ck_assert_str_eq(c.said, "");
    ck_assert_uint_eq(files(&c, "first.bin", NULL), 0);
    ck_assert_uint_eq(files(&c, "second.bin", NULL), 1);
    ck_assert_uint_eq(files(&c, ".bin", NULL), 3);
    ck_assert_uint_eq(files(&c, "no-entry", NULL), 1);
    ck_assert_uint_eq(files(&c, "tmp-old", NULL), 0);
    ck_assert_uint_eq(files(&c, "tmp-new", NULL), 1);
    cache_free(&c);
}
END_TEST

/* ---------------------------------------------------------------- drivers that crash */

/* What a process leaves behind that ends while a driver takes an entry: a marker that nobody holds locked. */
static int leave_marker(const cache *c, bool held)
{
    char path[600];
    entry_path(c, path);
    memcpy(path + strlen(path) - strlen("bin"), "loading", sizeof "loading");
    int fd = open(path, O_RDWR | O_CREAT, 0600);
    ck_assert_int_ge(fd, 0);
    if (held) ck_assert_int_eq(flock(fd, LOCK_SH), 0);
    return fd;
}

START_TEST(an_entry_on_which_a_driver_crashed_is_not_given_again)
{
    cache c = cache_new();
    use(&c);
    close(leave_marker(&c, false));
    use(&c);
    ck_assert_msg(strstr(c.said, "a process ended") != NULL, "%s", c.said);
    ck_assert_uint_eq(files(&c, ".bin", NULL), 0);
    ck_assert_uint_eq(files(&c, ".refused", NULL), 1);
    use(&c);
    ck_assert_uint_eq(files(&c, ".bin", NULL), 0);
    cache_free(&c);
}
END_TEST

START_TEST(a_marker_of_a_process_that_lives_is_no_crash)
{
    cache c = cache_new();
    use(&c);
    struct stat first = entry_stat(&c);
    int fd = leave_marker(&c, true);
    use(&c);
    ck_assert_str_eq(c.said, "");
    ck_assert_uint_eq(entry_stat(&c).st_ino, first.st_ino);
    close(fd);
    cache_free(&c);
}
END_TEST

/* ---------------------------------------------------------------- suite */

Suite *device_cache_suite(void)
{
    Suite *s = suite_create("device_cache");
    TCase *kept = tcase_create("kept"), *refused = tcase_create("refused"), *crashes = tcase_create("crashes");
    tcase_set_timeout(kept, 0);
    tcase_set_timeout(refused, 0);
    tcase_set_timeout(crashes, 0);
    tcase_add_test(kept, a_program_is_kept_and_taken_again);
    tcase_add_test(kept, a_folder_that_is_missing_is_made);
    tcase_add_test(kept, the_oldest_entries_give_way);
    tcase_add_loop_test(refused, an_entry_that_is_not_as_it_was_written_is_not_used, 0, COUNT(attacks));
    tcase_add_loop_test(refused, an_entry_that_is_for_something_else_is_not_used, 0, COUNT(fields));
    tcase_add_test(refused, no_flipped_bit_and_no_cut_of_an_entry_reaches_a_driver);
    tcase_add_test(refused, a_folder_that_others_may_write_to_is_not_used);
    tcase_add_test(refused, a_symbolic_link_on_the_way_is_not_followed);
    tcase_add_test(refused, what_cannot_be_a_folder_costs_nothing_but_time);
    tcase_add_test(crashes, an_entry_on_which_a_driver_crashed_is_not_given_again);
    tcase_add_test(crashes, a_marker_of_a_process_that_lives_is_no_crash);
    suite_add_tcase(s, kept);
    suite_add_tcase(s, refused);
    suite_add_tcase(s, crashes);
    return s;
}
