/* device_back_queues.c - backwards on queues, with wait lists, events and threads; how long blocks and
   buffers live. SPDX-License-Identifier: MIT */

#include "device_back.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* More rows than a row block, so that one call is many commands that share a workspace. */
static back_case some_case(uint64_t seed)
{
    back_shape s = {.ffn = {.parts = GATED | BIASED,
                            .rows = sized(150, 3),
                            .d_model = 20,
                            .d_ff = sized(50, 34),
                            .d_out = 9,
                            .act = CLGLU_ACT_GELU,
                            .seed = seed},
                    .row_block = 128};
    return back_new(&s);
}

/* The results as they are, read through the context's own queue. */
static void expect_result(const back_case *c, const back_buffers *b, const back_case *want, const char *what)
{
    back_case got = back_copy(c);
    back_buffers_read(context(), &got, b);
    expect_back_same(&got, want, what);
    back_free(&got);
}

static cl_int state_of(cl_event event)
{
    cl_int state = -1;
    ck_assert_int_eq(clGetEventInfo(event, CL_EVENT_COMMAND_EXECUTION_STATUS, sizeof state, &state, NULL),
                     CL_SUCCESS);
    return state;
}

static cl_event user_event(void)
{
    cl_int error;
    cl_event event = clCreateUserEvent(clglu_context_cl_context(context()), &error);
    ck_assert_int_eq(error, CL_SUCCESS);
    return event;
}

static cl_command_queue out_of_order_queue(void)
{
    cl_command_queue_properties can = 0, p = CL_QUEUE_OUT_OF_ORDER_EXEC_MODE_ENABLE;
    clGetDeviceInfo(clglu_context_device(context()), CL_DEVICE_QUEUE_PROPERTIES, sizeof can, &can, NULL);
    return queue_new(context(), can & p);
}

static void expect_enqueued(clglu_status s)
{
    ck_assert_msg(s == CLGLU_OK, "%s: %s", clglu_status_name(s), clglu_context_error(context()));
}

static void wait_for(cl_event event) { ck_assert_int_eq(clWaitForEvents(1, &event), CL_SUCCESS); }

/* ---------------------------------------------------------------- events */

START_TEST(a_returned_event_completes_when_the_gradients_are_there)
{
    back_case c = some_case(410), want = back_emulated(&c);
    clglu_ffn *ffn = ffn_create(context(), &c.ffn, FROM_HOST);
    back_buffers b = back_buffers_new(context(), &c);
    cl_command_queue q = _i ? queue_new(context(), 0) : NULL;
    cl_event event = NULL;
    expect_enqueued(back_enqueue(ffn, &c, q, &b, NULL, 0, NULL, &event));
    ck_assert_ptr_nonnull(event);
    wait_for(event);
    ck_assert_int_eq(state_of(event), CL_COMPLETE);
    expect_result(&c, &b, &want, "after its event");
    clReleaseEvent(event);
    if (q) clReleaseCommandQueue(q);
    back_buffers_free(&b);
    clglu_ffn_destroy(ffn);
    back_free(&want);
    back_free(&c);
}
END_TEST

/* Nothing blocks, and nothing runs before the events of the wait list have completed. */
START_TEST(a_wait_list_holds_the_call_back)
{
    back_case c = some_case(411), want = back_emulated(&c);
    clglu_ffn *ffn = ffn_create(context(), &c.ffn, FROM_HOST);
    back_buffers b = back_buffers_new(context(), &c);
    cl_event gates[2] = {user_event(), user_event()}, event = NULL;
    cl_command_queue q = _i ? out_of_order_queue() : queue_new(context(), 0);
    expect_enqueued(back_enqueue(ffn, &c, q, &b, NULL, 2, gates, &event));
    expect_result(&c, &b, &c, "held back");
    clSetUserEventStatus(gates[0], CL_COMPLETE);
    ck_assert_int_ne(state_of(event), CL_COMPLETE);
    expect_result(&c, &b, &c, "half released");
    clSetUserEventStatus(gates[1], CL_COMPLETE);
    wait_for(event);
    expect_result(&c, &b, &want, "released");
    for (int i = 0; i < 2; i++) clReleaseEvent(gates[i]);
    clReleaseEvent(event);
    clReleaseCommandQueue(q);
    back_buffers_free(&b);
    clglu_ffn_destroy(ffn);
    back_free(&want);
    back_free(&c);
}
END_TEST

/* One call is held back; another one, on another queue and with its own workspace, is not. */
START_TEST(a_call_with_a_workspace_of_its_own_does_not_wait_for_another)
{
    back_case c = some_case(412), want = back_emulated(&c);
    clglu_ffn *ffn = ffn_create(context(), &c.ffn, FROM_HOST);
    back_buffers held = back_buffers_new(context(), &c), free_one = back_buffers_new(context(), &c);
    cl_event gate = user_event(), event = NULL;
    cl_command_queue q = queue_new(context(), 0);
    size_t bytes;
    ck_assert_int_eq(clglu_ffn_backward_workspace(ffn, &c.call, &bytes), CLGLU_OK);
    cl_mem workspace = buffer_new(context(), NULL, bytes);
    expect_enqueued(back_enqueue(ffn, &c, q, &held, NULL, 1, &gate, &event));
    expect_enqueued(back_enqueue(ffn, &c, NULL, &free_one, workspace, 0, NULL, NULL));
    expect_result(&c, &free_one, &want, "beside a call that is held back");
    expect_result(&c, &held, &c, "held back");
    clSetUserEventStatus(gate, CL_COMPLETE);
    wait_for(event);
    expect_result(&c, &held, &want, "released");
    clReleaseEvent(event);
    clReleaseEvent(gate);
    clReleaseCommandQueue(q);
    clReleaseMemObject(workspace);
    back_buffers_free(&held);
    back_buffers_free(&free_one);
    clglu_ffn_destroy(ffn);
    back_free(&want);
    back_free(&c);
}
END_TEST

/* The forward stores a and b where the backward reads them; only its event holds the two together. */
START_TEST(a_backward_follows_its_forward_by_an_event)
{
    back_shape s = {.ffn = {.parts = GATED | BIASED | ASK_A | ASK_B,
                            .rows = sized(150, 3),
                            .d_model = 20,
                            .d_ff = 50,
                            .d_out = 9,
                            .act = CLGLU_ACT_GELU,
                            .seed = 413}};
    back_case c = back_new(&s), want = back_emulated(&c), got = back_copy(&c);
    clglu_ffn *ffn = ffn_create(context(), &c.ffn, FROM_HOST);
    ffn_buffers y = ffn_buffers_new(context(), &c.ffn);
    back_buffers b = back_buffers_new(context(), &c);
    cl_command_queue q = out_of_order_queue();
    cl_event gate = user_event(), forward = NULL, event = NULL;
    for (back_array g = GA; g <= GB; g++) {
        clReleaseMemObject(b.of[g]);
        b.of[g] = y.of[g == GA ? FA : FB];
        clRetainMemObject(b.of[g]);
    }
    expect_enqueued(ffn_enqueue(ffn, &c.ffn, q, &y, NULL, 1, &gate, &forward));
    expect_enqueued(back_enqueue(ffn, &c, q, &b, NULL, 1, &forward, &event));
    clSetUserEventStatus(gate, CL_COMPLETE);
    wait_for(event);
    back_buffers_read(context(), &got, &b);
    for (back_array g = GDX; g < BACK_ARRAYS; g++) expect_back_operand(&got, &want, g, "after the forward");
    cl_event events[] = {gate, forward, event};
    for (size_t i = 0; i < COUNT(events); i++) clReleaseEvent(events[i]);
    clReleaseCommandQueue(q);
    ffn_buffers_free(&y);
    back_buffers_free(&b);
    clglu_ffn_destroy(ffn);
    back_case *all[] = {&got, &want, &c};
    for (size_t i = 0; i < COUNT(all); i++) back_free(all[i]);
}
END_TEST

/* ---------------------------------------------------------------- many calls under way */

/* Small batches that are added up, nothing waited for in between; in order, or by events. */
START_TEST(many_calls_under_way_add_to_the_same_gradients)
{
    enum { MANY = 8 };
    back_case c = some_case(414), want = back_emulated(&c);
    clglu_ffn *ffn = ffn_create(context(), &c.ffn, FROM_HOST);
    back_buffers b = back_buffers_new(context(), &c);
    cl_command_queue q = _i ? out_of_order_queue() : queue_new(context(), 0);
    cl_event event = NULL;
    expect_enqueued(back_enqueue(ffn, &c, q, &b, NULL, 0, NULL, &event));
    c.call.accumulate = want.call.accumulate = 1;
    for (int i = 1; i < MANY; i++) {
        cl_event next = NULL;
        expect_enqueued(back_enqueue(ffn, &c, q, &b, NULL, _i ? 1 : 0, _i ? &event : NULL, &next));
        clReleaseEvent(event);
        event = next;
        ck_assert_int_eq(back_emulate(&want), CLGLU_OK);
    }
    wait_for(event);
    expect_result(&c, &b, &want, "many calls");
    clReleaseEvent(event);
    clReleaseCommandQueue(q);
    back_buffers_free(&b);
    clglu_ffn_destroy(ffn);
    back_free(&want);
    back_free(&c);
}
END_TEST

enum { THREADS = 4 };

/* An assertion must not fail off the main thread: what went wrong is written down. */
typedef struct worker {
    pthread_t thread;
    size_t number;
    clglu_ffn *ffn;
    const back_case *c, *want;
    const ffn_case *want_y;
    cl_command_queue queue;
    char trouble[1500];
} worker;

static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;

/* Without a queue of its own the thread uses the context's. */
static clglu_status forward_and_backward(worker *w, ffn_case *y, back_case *got)
{
    ffn_buffers fb = ffn_buffers_new(context(), y);
    back_buffers bb = back_buffers_new(context(), got);
    cl_event event = NULL;
    clglu_status s = ffn_enqueue(w->ffn, y, w->queue, &fb, NULL, 0, NULL, NULL);
    if (!s) s = back_enqueue(w->ffn, got, w->queue, &bb, NULL, 0, NULL, &event);
    if (event) {
        clWaitForEvents(1, &event);
        clReleaseEvent(event);
        ffn_buffers_read(context(), y, &fb);
        back_buffers_read(context(), got, &bb);
    }
    ffn_buffers_free(&fb);
    back_buffers_free(&bb);
    return s;
}

/* A simulator runs one command at a time, in the thread that asks. */
static clglu_status run_in_turn(worker *w, ffn_case *y, back_case *got, size_t i)
{
    if (test_scale() == SMALL) pthread_mutex_lock(&turn);
    clglu_status s = CLGLU_OK;
    if (i % 3 == 2) {
        s = ffn_run(context(), w->ffn, y, ON_HOST);
        if (!s) s = back_run(context(), w->ffn, got, ON_HOST);
    } else {
        s = forward_and_backward(w, y, got);
    }
    if (test_scale() == SMALL) pthread_mutex_unlock(&turn);
    return s;
}

static void *calls_of_a_thread(void *user)
{
    worker *w = user;
    for (size_t i = 0; i < sized(9, 3) && !*w->trouble; i++) {
        ffn_case y = ffn_copy(&w->c->ffn);
        back_case got = back_copy(w->c);
        got.call.row_block = y.call.row_block = 128 * (1 + (w->number + i) % 3);
        clglu_status s = run_in_turn(w, &y, &got, i);
        if (s != CLGLU_OK)
            snprintf(w->trouble, sizeof w->trouble, "%s: %s", clglu_status_name(s),
                     clglu_context_error(context()));
        else if (ffn_same(&y, w->want_y, w->trouble, sizeof w->trouble))
            back_same(&got, w->want, w->trouble, sizeof w->trouble);
        ffn_free(&y);
        back_free(&got);
    }
    return NULL;
}

START_TEST(four_threads_get_the_bits_of_the_emulation_from_one_block)
{
    static worker w[THREADS];
    back_case c = some_case(415), want = back_emulated(&c);
    ffn_case want_y = ffn_emulated(&c.ffn);
    clglu_ffn *ffn = ffn_create(context(), &c.ffn, FROM_HOST);
    memset(w, 0, sizeof w);
    for (size_t i = 0; i < THREADS; i++) {
        w[i] = (worker){.number = i,
                        .ffn = ffn,
                        .c = &c,
                        .want = &want,
                        .want_y = &want_y,
                        .queue = i % 2 ? queue_new(context(), 0) : NULL};
        ck_assert_int_eq(pthread_create(&w[i].thread, NULL, calls_of_a_thread, &w[i]), 0);
    }
    for (size_t i = 0; i < THREADS; i++) pthread_join(w[i].thread, NULL);
    for (size_t i = 0; i < THREADS; i++) {
        if (w[i].queue) clReleaseCommandQueue(w[i].queue);
        ck_assert_msg(!*w[i].trouble, "thread %zu: %s", i, w[i].trouble);
    }
    clglu_ffn_destroy(ffn);
    ffn_free(&want_y);
    back_free(&want);
    back_free(&c);
}
END_TEST

/* ---------------------------------------------------------------- lives */

START_TEST(a_block_may_be_destroyed_while_its_backward_is_under_way)
{
    back_case c = some_case(416), want = back_emulated(&c);
    back_buffers b = back_buffers_new(context(), &c);
    cl_command_queue q = queue_new(context(), 0);
    cl_event gate = user_event(), event = NULL;
    clglu_ffn *ffn = ffn_create(context(), &c.ffn, FROM_HOST);
    expect_enqueued(back_enqueue(ffn, &c, q, &b, NULL, 1, &gate, &event));
    clglu_ffn_destroy(ffn);
    clSetUserEventStatus(gate, CL_COMPLETE);
    wait_for(event);
    expect_result(&c, &b, &want, "destroyed");
    clReleaseEvent(event);
    clReleaseEvent(gate);
    clReleaseCommandQueue(q);
    back_buffers_free(&b);
    back_free(&want);
    back_free(&c);
}
END_TEST

static cl_uint references_of(const back_buffers *b, cl_command_queue q)
{
    cl_uint sum = 0, n = 0;
    ck_assert_int_eq(clGetCommandQueueInfo(q, CL_QUEUE_REFERENCE_COUNT, sizeof sum, &sum, NULL), CL_SUCCESS);
    for (back_array g = GDY; g < BACK_ARRAYS; g++) {
        if (!b->of[g]) continue;
        ck_assert_int_eq(clGetMemObjectInfo(b->of[g], CL_MEM_REFERENCE_COUNT, sizeof n, &n, NULL),
                         CL_SUCCESS);
        sum += n;
    }
    return sum;
}

/* A driver's own references go a little after the last command; it may keep that one. */
static cl_uint references_after(clglu_ffn *ffn, const back_case *c, int calls)
{
    static const struct timespec moment = {0, 1000000};
    cl_command_queue q = queue_new(context(), 0);
    back_buffers b = back_buffers_new(context(), c);
    cl_uint before = references_of(&b, q);
    for (int i = 0; i < calls; i++) expect_enqueued(back_enqueue(ffn, c, q, &b, NULL, 0, NULL, NULL));
    ck_assert_int_eq(clFinish(q), CL_SUCCESS);
    for (int i = 0; i < 100 && references_of(&b, q) != before; i++) nanosleep(&moment, NULL);
    cl_uint after = references_of(&b, q) - before;
    clReleaseCommandQueue(q);
    back_buffers_free(&b);
    return after;
}

START_TEST(calls_keep_no_reference_to_buffers_and_queues)
{
    back_case c = some_case(417);
    clglu_ffn *ffn = ffn_create(context(), &c.ffn, FROM_HOST);
    ck_assert_uint_eq(references_after(ffn, &c, 10), references_after(ffn, &c, 1));
    clglu_ffn_destroy(ffn);
    back_free(&c);
}
END_TEST

Suite *device_back_queues_suite(void)
{
    Suite *s = suite_create("device_back_queues");
    TCase *events = tcase_create("events"), *many = tcase_create("many"), *lives = tcase_create("lives");
    tcase_add_loop_test(events, a_returned_event_completes_when_the_gradients_are_there, 0, 2);
    tcase_add_loop_test(events, a_wait_list_holds_the_call_back, 0, 2);
    tcase_add_test(events, a_call_with_a_workspace_of_its_own_does_not_wait_for_another);
    tcase_add_test(events, a_backward_follows_its_forward_by_an_event);
    tcase_add_loop_test(many, many_calls_under_way_add_to_the_same_gradients, 0, 2);
    tcase_add_test(many, four_threads_get_the_bits_of_the_emulation_from_one_block);
    tcase_add_test(lives, a_block_may_be_destroyed_while_its_backward_is_under_way);
    tcase_add_test(lives, calls_keep_no_reference_to_buffers_and_queues);
    suite_add_tcase(s, events);
    suite_add_tcase(s, many);
    suite_add_tcase(s, lives);
    return s;
}
