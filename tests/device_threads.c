/* device_threads.c - sixteen threads on one context: right results, errors of their own. SPDX-License-Identifier: MIT */

#include "device.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

enum { THREADS = 16 };

/* An assertion must not fail off the main thread: what went wrong is written down. */
typedef struct worker {
    pthread_t thread;
    size_t number, calls;
    cl_command_queue queue; /* NULL: the context's own */
    pthread_barrier_t *barrier;
    char trouble[2000];
} worker;

static void run_all(worker *w, void *(*work)(void *))
{
    pthread_barrier_t barrier;
    pthread_barrier_init(&barrier, NULL, THREADS);
    for (size_t i = 0; i < THREADS; i++) {
        w[i].number = i;
        w[i].barrier = &barrier;
        ck_assert_int_eq(pthread_create(&w[i].thread, NULL, work, &w[i]), 0);
    }
    for (size_t i = 0; i < THREADS; i++) pthread_join(w[i].thread, NULL);
    pthread_barrier_destroy(&barrier);
    for (size_t i = 0; i < THREADS; i++) ck_assert_msg(!*w[i].trouble, "thread %zu: %s", i, w[i].trouble);
}

/* A simulator runs a command in the thread that asks, and only one at a time: there the threads take turns. */
static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;
static void take_turn(void)
{
    if (test_scale() == SMALL) pthread_mutex_lock(&turn);
}
static void give_turn(void)
{
    if (test_scale() == SMALL) pthread_mutex_unlock(&turn);
}

/* Every third call is a host twin's. */
static void one_call(worker *w, const call *c, size_t i)
{
    call got = call_copy(c), want = call_copy(c);
    clglu_status e = call_emulate(&want);
    take_turn();
    clglu_status s = i % 3 == 2 ? call_on_host(context(), &got) : call_on_buffers(context(), w->queue, &got);
    give_turn();
    if (s != CLGLU_OK || e != CLGLU_OK)
        snprintf(w->trouble, sizeof w->trouble, "%s, emulation %s: %s", clglu_status_name(s), clglu_status_name(e),
                 clglu_context_error(context()));
    else if (call_differences(&got, &want, w->trouble, sizeof w->trouble))
        call_describe(c, w->trouble + strlen(w->trouble), sizeof w->trouble - strlen(w->trouble));
    call_free(&got);
    call_free(&want);
}

static void *mixed_calls(void *user)
{
    worker *w = user;
    uint64_t state = w->number % 4 * 1000003; /* some threads ask for the same programs at the same time */
    pthread_barrier_wait(w->barrier);
    for (size_t i = 0; i < w->calls && !*w->trouble; i++) {
        call c = call_random(&state, sized(8000, 400), i % 2 ? WILD : MODERATE);
        one_call(w, &c, i);
        call_free(&c);
    }
    return NULL;
}

START_TEST(sixteen_threads_get_the_bits_of_the_emulation)
{
    static worker w[THREADS];
    memset(w, 0, sizeof w);
    context();
    for (size_t i = 0; i < THREADS; i++) {
        w[i].calls = sized(9, 2);
        w[i].queue = i % 2 ? queue_new(context(), 0) : NULL;
    }
    run_all(w, mixed_calls);
    for (size_t i = 0; i < THREADS; i++)
        if (w[i].queue) clReleaseCommandQueue(w[i].queue);
}
END_TEST

/* Threads fail in ways of their own, all at once; each then reads its own words, and they stay. */
static void *own_failure(void *user)
{
    worker *w = user;
    clglu_gate_desc d = {.rows = 1, .cols = 1, .act = CLGLU_ACT_GELU};
    const char *word = "desc";
    float x = 1, y = 0;
    clglu_status s;
    if (*clglu_context_error(context())) snprintf(w->trouble, sizeof w->trouble, "an error before any failure");
    pthread_barrier_wait(w->barrier);
    if (w->number % 4 == 0) d.limit = -1, word = "limit";
    if (w->number % 4 == 1) d.alpha = -1, word = "alpha";
    if (w->number % 4 == 2) d.gate = CLGLU_ACT_COUNT, word = "gate";
    s = clglu_gate_forward_host(context(), w->number % 4 == 3 ? NULL : &d, &x, &x, &y);
    pthread_barrier_wait(w->barrier);
    const char *text = clglu_context_error(context());
    if (s == CLGLU_OK || !strstr(text, word))
        snprintf(w->trouble, sizeof w->trouble, "%s: the text \"%s\" does not speak of %s", clglu_status_name(s), text, word);
    pthread_barrier_wait(w->barrier);
    return NULL;
}

START_TEST(errors_are_those_of_the_calling_thread)
{
    static worker w[THREADS];
    memset(w, 0, sizeof w);
    clglu_context *ctx = context();
    clglu_gate_desc d = {.rows = 1, .cols = 0};
    float x = 1;
    ck_assert_int_eq(clglu_gate_forward_host(ctx, &d, &x, &x, &x), CLGLU_INVALID_SIZE);
    char mine[500];
    snprintf(mine, sizeof mine, "%s", clglu_context_error(ctx));
    run_all(w, own_failure);
    ck_assert_str_eq(clglu_context_error(ctx), mine);
}
END_TEST

Suite *device_threads_suite(void)
{
    Suite *s = suite_create("device_threads");
    TCase *t = tcase_create("threads");
    tcase_add_test(t, sixteen_threads_get_the_bits_of_the_emulation);
    tcase_add_test(t, errors_are_those_of_the_calling_thread);
    suite_add_tcase(s, t);
    return s;
}
