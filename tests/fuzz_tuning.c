/* fuzz_tuning.c - any bytes as a tuning file, read and written anew: NAME 0 DRIVER 0 and the file's text, for a device of that name.
   SPDX-License-Identifier: MIT */

#include "fuzz.h"

#include "../src/error.h"
#include "../src/tune.h"
#include "../tools/tune_file.c"

enum { ASKED = 5 };
static const size_t rows_asked[ASKED] = {1, 2, 64, 1000, 999999999999999};

/* What a file says of the blocks that the inputs begin with, and of others near to them. */
struct answers {
    int known[3][ASKED];
    bool clblast[3][ASKED];
    clglu_ffn_choice choice[3][ASKED];
};

static void ask(const clglu_tuning *t, struct answers *a)
{
    static const size_t d_model[3] = {2048, 48, 1}, d_ff[3] = {16384, 40, 4194304};
    memset(a, 0, sizeof *a);
    for (int b = 0; b < 3; b++)
        for (int r = 0; r < ASKED; r++) {
            clglu_ffn_choice *c = &a->choice[b][r];
            a->known[b][r] = clglu_tuning_find(t, d_model[b], d_ff[b], (clglu_dtype)b, rows_asked[r], c, &a->clblast[b][r]);
            must(c->form <= CLGLU_FORM_SPLIT && c->row_tile <= 256 && c->tiles <= 256);
            must(a->known[b][r] || (c->form == CLGLU_FORM_AUTO && !a->clblast[b][r]));
        }
}

static clglu_status parse(const char *text, size_t size, const char *name, const char *driver, struct answers *a, clglu_tuning_fault *fault)
{
    clglu_tuning *t = NULL;
    memset(fault->what, 'x', sizeof fault->what);
    *fault->what = 0;
    clglu_status status = clglu_tuning_parse(text, size, name, driver, &t, fault);
    must((status == CLGLU_OK) == (t != NULL));
    if (status == CLGLU_OK) ask(t, a);
    clglu_tuning_free(t);
    return status;
}

/* A name that is too long for a line can have no section. */
static int fits(const char *name, const char *driver)
{
    return 4 * (strlen(name) + strlen(driver)) + 40 < DEVICE_LINE / 2;
}

static struct tune_result measured(const struct block_shape *shape, const struct answers *a)
{
    struct tune_result r = {.shape = shape, .dtype = CLGLU_F32, .rows = 64, .count = 1};
    r.choice[0] = (clglu_ffn_choice){CLGLU_FORM_TILE, 4, 2};
    r.use_clblast = a->known[1][2];
    return r;
}

/* The same answers but for what was measured: rows 64 of the first block, and what lies so near that it is answered by it. */
static void judge_own(const struct answers *old, const struct answers *new, const struct tune_result *r)
{
    const clglu_ffn_choice *c = &new->choice[0][2];
    must(new->known[0][2] && c->form == CLGLU_FORM_TILE && c->row_tile == 4 && c->tiles == 2);
    must(new->clblast[0][2] == r->use_clblast);
    for (int b = 1; b < 3; b++) {
        must(memcmp(old->known[b], new->known[b], sizeof old->known[b]) == 0);
        must(memcmp(old->choice[b], new->choice[b], sizeof old->choice[b]) == 0);
        must(memcmp(old->clblast[b], new->clblast[b], sizeof old->clblast[b]) == 0);
    }
}

/* The command's own rewriting of a file that was understood is understood; nothing but the measured block has changed, for no device. */
static void rewrite(const char *text, const char *name, const char *driver, const struct answers *old)
{
    static struct block_shape shape = {.d_model = 2048, .d_ff = 16384};
    clglu_device_facts facts = {.name = name, .driver_version = driver};
    clglu_tuning_fault fault;
    struct tune_result r = measured(&shape, old);
    struct answers new, other_old, other_new;
    char *again = new_text(text, &facts, &r, 1);
    must(again && parse(again, strlen(again), name, driver, &new, &fault) == CLGLU_OK);
    judge_own(old, &new, &r);
    must(parse(text, strlen(text), "other", "1.0", &other_old, &fault) == CLGLU_OK);
    must(parse(again, strlen(again), "other", "1.0", &other_new, &fault) == CLGLU_OK);
    must((strcmp(name, "other") == 0 && strcmp(driver, "1.0") == 0) || memcmp(&other_old, &other_new, sizeof other_old) == 0);
    char *third = new_text(again, &facts, &r, 1); /* once more: it stays as it is */
    must(third && strcmp(again, third) == 0);
    free(again);
    free(third);
}

/* As a context reads it: from a file, with a reason in words. */
static void read_it(const uint8_t *data, size_t size, const char *name, const char *driver, clglu_status wanted)
{
    clglu_context c = {.device.facts = {.name = name, .driver_version = driver}};
    clglu_tuning *t = NULL;
    pthread_mutex_init(&c.error_lock, NULL);
    must(clglu_tuning_read(&c, fuzz_file(data, size), &t) == wanted);
    const char *words = clglu_context_error(&c);
    must((*words != 0) == (wanted != CLGLU_OK) && fuzz_harmless(words, strlen(words), 0));
    clglu_tuning_free(t);
    clglu_error_free(&c);
    pthread_mutex_destroy(&c.error_lock);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct answers answers;
    clglu_tuning_fault fault = {.line = 0};
    char *name = fuzz_text(&data, &size), *driver = fuzz_text(&data, &size);
    clglu_status status = parse((const char *)data, size, name, driver, &answers, &fault);
    must(status == CLGLU_OK || (status == CLGLU_FILE_FAILED && fault.line >= 1 && *fault.what));
    read_it(data, size, name, driver, status);
    if (status == CLGLU_OK && fits(name, driver)) {
        char *text = fuzz_text(&data, &size); /* no zero byte is in what was understood */
        must(size == 0);
        rewrite(text, name, driver, &answers);
        free(text);
    }
    free(name);
    free(driver);
    return 0;
}
