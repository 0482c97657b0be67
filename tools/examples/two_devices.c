/* two_devices.c - one job on two devices at once: rows split by measured speed, the bits those of one device.
   SPDX-License-Identifier: MIT */

/* cc two_devices.c $(pkg-config --cflags --libs clglu OpenCL) -pthread -o two_devices
   two_devices [SELECTOR SELECTOR]      as `clglu --device` takes them; without: the first two devices that
   are usable

   A row's bits depend on no other row and on no device, so any split gives the same result. Where there is
   only one device, two contexts on it stand for two devices. Exit status 1 if a bit differs. */
#include <clglu.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { ROWS = 1021, TRIAL = 64, D_MODEL = 192, D_FF = 512 };

static float x[ROWS][2 * D_FF], wa[D_FF][D_MODEL], wb[D_FF][D_MODEL], wd[D_MODEL][D_FF];
static float alone[ROWS * D_FF], together[ROWS * D_FF];

typedef struct part {
    clglu_context *context;
    clglu_ffn *ffn;
    clglu_status (*job)(const struct part *part);
    float *y;
    size_t first, rows;
    double seconds;
    clglu_status status;
} part;

/* y = gelu(a) * b, a and b packed in each row of x. */
static clglu_status gate(const part *p)
{
    clglu_gate_desc desc = {.rows = p->rows, .cols = D_FF, .act = CLGLU_ACT_GELU};
    desc.a = (clglu_view){p->first * 2 * D_FF, 2 * D_FF, 1};
    desc.b = (clglu_view){p->first * 2 * D_FF + D_FF, 2 * D_FF, 1};
    desc.y.offset = p->first * D_FF;
    return clglu_gate_forward_host(p->context, &desc, x, x, p->y);
}

/* A feed-forward block on the first D_MODEL numbers of each row of x. */
static clglu_status block(const part *p)
{
    clglu_ffn_call call = {.rows = p->rows, .x = {p->first * 2 * D_FF, 2 * D_FF, 1}, .y.offset = p->first * D_MODEL};
    return clglu_ffn_forward_host(p->ffn, &call, x, p->y, NULL, NULL);
}

static void *work(void *argument)
{
    part *p = argument;
    struct timespec start, end;
    clock_gettime(CLOCK_MONOTONIC, &start);
    p->status = p->job(p);
    clock_gettime(CLOCK_MONOTONIC, &end);
    p->seconds = (double)(end.tv_sec - start.tv_sec) + 1e-9 * (double)(end.tv_nsec - start.tv_nsec);
    return NULL;
}

/* Both parts at the same time, this thread works for the second; each is told what to do before. */
static void run(part *parts)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, work, &parts[0])) exit(5);
    work(&parts[1]);
    pthread_join(thread, NULL);
    if (parts[0].status || parts[1].status) exit(5); /* `say` has said why */
}

/* One device alone, then both: 1 if a bit differs. */
static int compare(const char *name, part *parts, clglu_status (*job)(const part *), size_t cols)
{
    const size_t bytes = ROWS * cols * sizeof(float);
    memset(alone, 0xff, bytes);
    memset(together, 0, bytes);
    part one = parts[0];
    one.first = 0, one.rows = ROWS, one.y = alone;
    if (job(&one)) exit(5);

    /* The trial: as many rows on both at once, the best of some rounds; the first one compiles and warms up. */
    parts[0].job = parts[1].job = job, parts[0].y = parts[1].y = together;
    parts[0].rows = parts[1].rows = parts[1].first = TRIAL;
    double least[2] = {1e9, 1e9};
    for (int k = 0; k < 5; k++) {
        run(parts);
        for (int i = 0; i < 2; i++) least[i] = k && parts[i].seconds < least[i] ? parts[i].seconds : least[i];
    }
    double share = least[1] / (least[0] + least[1]);
    parts[0].rows = 1 + (size_t)(share * (ROWS - 2)), parts[0].first = 0;
    parts[1].rows = ROWS - parts[0].rows, parts[1].first = parts[0].rows;
    memset(together, 0, bytes);
    run(parts);

    int differ = memcmp(alone, together, bytes) != 0;
    printf("%s: %zu + %zu rows in %.1f and %.1f ms: %s\n", name, parts[0].rows, parts[1].rows,
           1e3 * parts[0].seconds, 1e3 * parts[1].seconds, differ ? "OTHER BITS" : "the same bits");
    return differ;
}

static void say(const char *text, void *user) { fprintf(stderr, "%s: %s\n", (const char *)user, text); }

/* Keeps the first two usable devices, as selectors, "platform:device". */
static void choose(const clglu_device_facts *facts, void *user)
{
    char(*found)[64] = user, *to = *found[0] ? found[1] : found[0];
    if (facts->usable && !*to) snprintf(to, sizeof *found, "%u:%u", facts->platform, facts->device);
}

static void fill(float *to, size_t count, float scale)
{
    for (size_t i = 0; i < count; i++) to[i] = scale * (2 * (float)rand() / (float)RAND_MAX - 1);
}

static int end(const char *why, int status)
{
    fprintf(stderr, "%s\n", why);
    return status;
}

int main(int argc, char **argv)
{
    char found[2][64] = {"", ""};
    if (argc != 1 && argc != 3) return end("usage: two_devices [SELECTOR SELECTOR]", 2);
    if (argc == 1 && (clglu_devices(choose, found) || !*found[0])) return end("no device: see `clglu doctor`", 3);
    if (argc == 1 && !*found[1]) strcpy(found[1], found[0]);

    fill(x[0], sizeof x / sizeof(float), 4), fill(wa[0], sizeof wa / sizeof(float), 0.1f);
    fill(wb[0], sizeof wb / sizeof(float), 0.1f), fill(wd[0], sizeof wd / sizeof(float), 0.1f);
    clglu_ffn_desc desc = {.d_model = D_MODEL, .d_ff = D_FF, .act = CLGLU_ACT_SILU};
    desc.wa.host = wa, desc.wb.host = wb, desc.wd.host = wd;
    if (clglu_ffn_set_layout(&desc, CLGLU_OUT_IN, CLGLU_SEPARATE)) return 5;

    part parts[2] = {{0}, {0}};
    for (int i = 0; i < 2; i++) {
        const char *selector = argc == 3 ? argv[1 + i] : found[i];
        clglu_context_params params = {.log = say, .log_user = (void *)selector};
        if (clglu_context_open(selector, &params, &parts[i].context)) return 3;
        if (clglu_ffn_create(parts[i].context, &desc, &parts[i].ffn)) return 5;
        const clglu_device_facts *facts = clglu_context_facts(parts[i].context);
        printf("%d: %s, %s\n", i + 1, facts->name, facts->platform_name);
    }
    if (clglu_context_device(parts[0].context) == clglu_context_device(parts[1].context))
        puts("(one device: two contexts on it stand for two)");

    int differ = compare("gate", parts, gate, D_FF);
    differ |= compare("feed-forward block", parts, block, D_MODEL);
    for (int i = 0; i < 2; i++) clglu_ffn_destroy(parts[i].ffn), clglu_context_close(parts[i].context);
    return differ;
}
