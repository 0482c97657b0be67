/* tune_run.c - the choices of a block's kernels: their results compared, their times taken in turns.
   SPDX-License-Identifier: MIT */

#include "rounds.h"
#include "tune.h"

#include <stdlib.h>
#include <string.h>

/* A choice must beat the first one, and CLBlast the best one, by so much, on the whole and at best: less is
 * noise. */
static int is_faster(const struct bench_time *time, const struct bench_time *than)
{
    return time->median < 0.98 * than->median && time->low < 0.98 * than->low;
}

const char *tune_form_name(clglu_ffn_form form)
{
    static const char *const names[] = {"auto", "general", "tile", "local", "split"};
    return (size_t)form < sizeof names / sizeof *names ? names[form] : "?";
}

int tune_open(struct tune_block *t, clglu_context *context, const struct block_shape *shape,
              clglu_dtype dtype, size_t most_rows, int clblast)
{
    *t = (struct tune_block){.ffn = NULL};
    double bytes = block_bytes(shape, 0, dtype) + (clblast ? block_bytes(shape, 0, CLGLU_F32) : 0);
    int code = block_open(&t->block, context, shape, dtype, most_rows, bytes);
    if (code == CLI_GO_ON) code = block_pack(&t->block, CLGLU_ROUTE_FUSED, 0, &t->ffn);
    if (code == CLI_GO_ON && clblast) code = block_pack(&t->block, CLGLU_ROUTE_CLBLAST, 0, &t->clblast);
    if (code != CLI_GO_ON) return code;
    t->want = malloc(most_rows * shape->d_out * sizeof *t->want);
    t->got = malloc(most_rows * shape->d_out * sizeof *t->got);
    return t->want && t->got ? CLI_GO_ON : (cli_say("out of memory for %s", shape->name), CLI_OPENCL);
}

void tune_close(struct tune_block *t)
{
    free(t->want);
    free(t->got);
    clglu_ffn_destroy(t->clblast);
    clglu_ffn_destroy(t->ffn);
    block_close(&t->block);
    *t = (struct tune_block){.ffn = NULL};
}

/* ---------------------------------------------------------------- the same bits */

/* A NaN that no arithmetic gives: what is not written is seen. */
static const cl_uint unwritten = 0xffc1a5a5u;

static int results_of(struct tune_block *t, size_t rows, const clglu_ffn_choice *choice, float *y)
{
    cl_command_queue queue = clglu_context_queue(t->block.context);
    size_t n = rows * t->block.shape.d_out;
    cl_int code =
        clEnqueueFillBuffer(queue, t->block.y, &unwritten, sizeof unwritten, 0, n * sizeof *y, 0, NULL, NULL);
    int exit = code == CL_SUCCESS ? block_forward(&t->block, t->ffn, rows, choice, 1) : CLI_GO_ON;
    if (exit != CLI_GO_ON) return exit;
    if (code == CL_SUCCESS)
        code = clEnqueueReadBuffer(queue, t->block.y, CL_TRUE, 0, n * sizeof *y, y, 0, NULL, NULL);
    if (code == CL_SUCCESS) return CLI_GO_ON;
    cli_say("results of %s: OpenCL error %d", t->block.shape.name, (int)code);
    return CLI_OPENCL;
}

static int differs(const struct tune_block *t, const struct tune_result *r, size_t i)
{
    size_t n = r->rows * r->shape->d_out, at = 0, count = 0;
    for (size_t k = n; k-- > 0;) {
        cl_uint got, want;
        memcpy(&got, &t->got[k], sizeof got);
        memcpy(&want, &t->want[k], sizeof want);
        if (got == want && got != unwritten) continue;
        count++;
        at = k;
    }
    if (count == 0) return CLI_GO_ON;
    cli_say(
        "%s, %s, %zu rows: %zu of %zu results of form %s (row_tile %u, tiles %u) have other bits than "
        "those of form %s (row_tile %u, tiles %u), or were not written; the first is at row %zu, column %zu",
        r->shape->name, clglu_dtype_name(r->dtype), r->rows, count, n, tune_form_name(r->choice[i].form),
        r->choice[i].row_tile, r->choice[i].tiles, tune_form_name(r->choice[0].form), r->choice[0].row_tile,
        r->choice[0].tiles, at / r->shape->d_out, at % r->shape->d_out);
    return CLI_CHECK_FAILED;
}

/* `seconds` are of runs that may have built their kernels. */
static int compare_results(struct tune_block *t, struct tune_result *r, double *seconds)
{
    int code = CLI_GO_ON;
    for (size_t i = 0; i < r->count && code == CLI_GO_ON; i++) {
        double start = progress_now();
        code = results_of(t, r->rows, &r->choice[i], i ? t->got : t->want);
        seconds[i] = progress_now() - start;
        if (i == 0) memcpy(t->got, t->want, r->rows * r->shape->d_out * sizeof *t->got);
        if (code == CLI_GO_ON) code = differs(t, r, i);
    }
    return code;
}

/* ---------------------------------------------------------------- times */

static int enumerate(struct tune_block *t, struct tune_result *r)
{
    clglu_status status = CLGLU_OK;
    for (r->count = 0; r->count < TUNE_CHOICES; r->count++) {
        status = clglu_ffn_choice_at(t->ffn, r->rows, r->count, &r->choice[r->count]);
        if (status != CLGLU_OK) break;
    }
    if (r->count && (status == CLGLU_OK || status == CLGLU_NOT_FOUND)) return CLI_GO_ON;
    return cli_failed(t->block.context, status, r->shape->name);
}

struct turn {
    struct tune_block *block;
    const struct tune_result *result;
    size_t timed[TUNE_CHOICES + 1]; /* the choices' numbers; behind the last: CLBlast */
};

static int run_choice(void *user, size_t i, int runs)
{
    struct turn *t = user;
    size_t n = t->timed[i];
    if (n == t->result->count)
        return block_forward(&t->block->block, t->block->clblast, t->result->rows, NULL, runs);
    return block_forward(&t->block->block, t->block->ffn, t->result->rows, &t->result->choice[n], runs);
}

/* Those that are not hopeless: a run of the others takes minutes on some devices. The first is always timed.
 */
static size_t choose_timed(struct tune_result *r, const double *seconds, size_t *timed)
{
    size_t n = 0;
    double least = seconds[0];
    for (size_t i = 1; i < r->count; i++)
        if (seconds[i] < least) least = seconds[i];
    for (size_t i = 0; i < r->count; i++) {
        r->time[i] = bench_time_once(seconds[i]);
        if (i == 0 || seconds[i] < 5 + 5 * least) timed[n++] = i;
    }
    return n;
}

/* Among those that were just timed; the first of them is the first choice. */
static void choose_best(const struct turn *t, size_t count, struct tune_result *r)
{
    r->best = 0;
    for (size_t i = 1; i < count; i++)
        if (t->timed[i] < r->count && r->time[t->timed[i]].median < r->time[r->best].median)
            r->best = t->timed[i];
    if (!is_faster(&r->time[r->best], &r->time[0])) r->best = 0;
    r->use_clblast = r->clblast.median > 0 && is_faster(&r->clblast, &r->time[r->best]);
}

static int time_choices(struct turn *t, size_t count, int repeats, struct tune_result *r)
{
    struct bench_time time[TUNE_CHOICES + 1];
    struct rounds rounds = {.count = count, .repeats = repeats, .hopeless = 3, .run = run_choice, .user = t};
    int code = rounds_measure(&rounds, time);
    for (size_t i = 0; i < count && code == CLI_GO_ON; i++)
        *(t->timed[i] == r->count ? &r->clblast : &r->time[t->timed[i]]) = time[i];
    choose_best(t, count, r);
    return code;
}

/* The fastest of many may have been lucky: it must be so again, alone with the first choice and CLBlast. */
static int confirm(struct turn *t, int repeats, struct tune_result *r)
{
    size_t n = 1;
    if (r->best) t->timed[n++] = r->best;
    if (r->use_clblast) t->timed[n++] = r->count;
    return n == 1 ? CLI_GO_ON : time_choices(t, n, repeats, r);
}

int tune_measure(struct tune_block *t, size_t rows, int repeats, struct tune_result *r)
{
    struct turn turn = {.block = t, .result = r};
    double seconds[TUNE_CHOICES] = {0};
    *r = (struct tune_result){.shape = &t->block.shape, .dtype = t->block.dtype, .rows = rows};
    int code = enumerate(t, r);
    if (code == CLI_GO_ON) code = compare_results(t, r, seconds);
    if (code != CLI_GO_ON) return code;
    size_t count = choose_timed(r, seconds, turn.timed);
    if (t->clblast) turn.timed[count++] = r->count;
    code = time_choices(&turn, count, repeats, r);
    return code == CLI_GO_ON ? confirm(&turn, repeats, r) : code;
}
