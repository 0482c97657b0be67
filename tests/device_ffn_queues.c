/* device_ffn_queues.c - blocks on queues, with wait lists, events, threads; and how long a block and its
   sources live. SPDX-License-Identifier: MIT */

#include "device_ffn.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* More rows than a row block, so that one call is many commands that share a workspace. */
static ffn_case some_case(uint64_t seed)
{
    ffn_shape s = {.parts = GATED | BIASED,
                   .rows = sized(150, 3),
                   .d_model = 40,
                   .d_ff = sized(70, 34),
                   .act = CLGLU_ACT_GELU,
                   .seed = seed};
    ffn_case c = ffn_new(&s);
    c.call.row_block = 128;
    return c;
}

/* The results as they are, read through the context's own queue. */
static void expect_result(const ffn_case *c, const ffn_buffers *b, const ffn_case *want, const char *what)
{
    ffn_case got = ffn_copy(c);
    ffn_buffers_read(context(), &got, b);
    expect_ffn_same(&got, want, what);
    ffn_free(&got);
}

static cl_int state_of(cl_event event)
{
    cl_int state = -1;
    ck_assert_int_eq(clGetEventInfo(event, CL_EVENT_COMMAND_EXECUTION_STATUS, sizeof state, &state, NULL),
                     CL_SUCCESS);
    return state;
}

static bool queue_can(cl_command_queue_properties property)
{
    cl_command_queue_properties can = 0;
    clGetDeviceInfo(clglu_context_device(context()), CL_DEVICE_QUEUE_PROPERTIES, sizeof can, &can, NULL);
    return can & property;
}

static cl_command_queue out_of_order_queue(void)
{
    cl_command_queue_properties p = CL_QUEUE_OUT_OF_ORDER_EXEC_MODE_ENABLE;
    return queue_new(context(), queue_can(p) ? p : 0);
}

static void expect_enqueued(clglu_status s)
{
    ck_assert_msg(s == CLGLU_OK, "%s: %s", clglu_status_name(s), clglu_context_error(context()));
}

/* ---------------------------------------------------------------- events */

START_TEST(a_returned_event_completes_when_the_results_are_there)
{
    ffn_case c = some_case(120), want = ffn_emulated(&c);
    clglu_ffn *ffn = ffn_create(context(), &c, FROM_HOST);
    ffn_buffers b = ffn_buffers_new(context(), &c);
    cl_command_queue q = _i ? queue_new(context(), 0) : NULL;
    cl_event event = NULL;
    expect_enqueued(ffn_enqueue(ffn, &c, q, &b, NULL, 0, NULL, &event));
    ck_assert_ptr_nonnull(event);
    ck_assert_int_eq(clWaitForEvents(1, &event), CL_SUCCESS);
    ck_assert_int_eq(state_of(event), CL_COMPLETE);
    expect_result(&c, &b, &want, "after its event");
    clReleaseEvent(event);
    if (q) clReleaseCommandQueue(q);
    ffn_buffers_free(&b);
    clglu_ffn_destroy(ffn);
    ffn_free(&want);
    ffn_free(&c);
}
END_TEST

static cl_event user_event(void)
{
    cl_int error;
    cl_event event = clCreateUserEvent(clglu_context_cl_context(context()), &error);
    ck_assert_int_eq(error, CL_SUCCESS);
    return event;
}

/* Nothing blocks, and nothing runs before the events of the wait list have completed. */
START_TEST(a_wait_list_holds_the_call_back)
{
    ffn_case c = some_case(121), want = ffn_emulated(&c);
    clglu_ffn *ffn = ffn_create(context(), &c, FROM_HOST);
    ffn_buffers b = ffn_buffers_new(context(), &c);
    cl_event gates[2] = {user_event(), user_event()}, event = NULL;
    cl_command_queue q = _i ? out_of_order_queue() : queue_new(context(), 0);
    expect_enqueued(ffn_enqueue(ffn, &c, q, &b, NULL, 2, gates, &event));
    expect_result(&c, &b, &c, "held back");
    ck_assert_int_ne(state_of(event), CL_COMPLETE);
    clSetUserEventStatus(gates[0], CL_COMPLETE);
    ck_assert_int_ne(state_of(event), CL_COMPLETE);
    clSetUserEventStatus(gates[1], CL_COMPLETE);
    ck_assert_int_eq(clWaitForEvents(1, &event), CL_SUCCESS);
    expect_result(&c, &b, &want, "released");
    for (int i = 0; i < 2; i++) clReleaseEvent(gates[i]);
    clReleaseEvent(event);
    clReleaseCommandQueue(q);
    ffn_buffers_free(&b);
    clglu_ffn_destroy(ffn);
    ffn_free(&want);
    ffn_free(&c);
}
END_TEST

/* One call is held back on a queue of its own; another one, on the context's queue, with a workspace of its
   own, does not wait for it. */
START_TEST(a_call_with_a_workspace_of_its_own_does_not_wait_for_another)
{
    ffn_case c = some_case(122), want = ffn_emulated(&c);
    clglu_ffn *ffn = ffn_create(context(), &c, FROM_HOST);
    ffn_buffers held = ffn_buffers_new(context(), &c), free_one = ffn_buffers_new(context(), &c);
    cl_event gate = user_event();
    cl_command_queue q = queue_new(context(), 0);
    size_t bytes;
    ck_assert_int_eq(clglu_ffn_workspace(ffn, &c.call, &bytes), CLGLU_OK);
    cl_mem workspace = buffer_new(context(), NULL, bytes);
    expect_enqueued(ffn_enqueue(ffn, &c, q, &held, NULL, 1, &gate, NULL));
    expect_enqueued(ffn_enqueue(ffn, &c, NULL, &free_one, workspace, 0, NULL, NULL));
    expect_result(&c, &free_one, &want, "beside a call that is held back");
    expect_result(&c, &held, &c, "held back");
    clSetUserEventStatus(gate, CL_COMPLETE);
    ck_assert_int_eq(clFinish(q), CL_SUCCESS);
    expect_result(&c, &held, &want, "released");
    clReleaseEvent(gate);
    clReleaseCommandQueue(q);
    clReleaseMemObject(workspace);
    ffn_buffers_free(&held);
    ffn_buffers_free(&free_one);
    clglu_ffn_destroy(ffn);
    ffn_free(&want);
    ffn_free(&c);
}
END_TEST

/* Both use the context's own workspace: the second may have to wait, but it is taken, and both are right. */
START_TEST(calls_that_share_the_contexts_workspace_are_right_while_one_is_held_back)
{
    ffn_case c = some_case(123), want = ffn_emulated(&c);
    clglu_ffn *ffn = ffn_create(context(), &c, FROM_HOST);
    ffn_buffers one = ffn_buffers_new(context(), &c), two = ffn_buffers_new(context(), &c);
    cl_event gate = user_event();
    cl_command_queue p = queue_new(context(), 0), q = queue_new(context(), 0);
    cl_event done[2] = {NULL, NULL};
    expect_enqueued(ffn_enqueue(ffn, &c, p, &one, NULL, 1, &gate, &done[0]));
    expect_enqueued(ffn_enqueue(ffn, &c, q, &two, NULL, 0, NULL, &done[1]));
    clFlush(q);
    clSetUserEventStatus(gate, CL_COMPLETE);
    ck_assert_int_eq(clWaitForEvents(2, done),
                     CL_SUCCESS); /* rusticl's clFinish does not wait for what clFlush has sent */
    expect_result(&c, &one, &want, "the first");
    expect_result(&c, &two, &want, "the second");
    for (int i = 0; i < 2; i++) clReleaseEvent(done[i]);
    clReleaseEvent(gate);
    clReleaseCommandQueue(p);
    clReleaseCommandQueue(q);
    ffn_buffers_free(&one);
    ffn_buffers_free(&two);
    clglu_ffn_destroy(ffn);
    ffn_free(&want);
    ffn_free(&c);
}
END_TEST

/* y of a call is x of the next one: a chain through an out-of-order queue, held together by its events. */
START_TEST(calls_in_an_out_of_order_queue_follow_their_events)
{
    enum { CALLS = 6 };
    ffn_case c = some_case(124), last = ffn_copy(&c);
    clglu_ffn *ffn = ffn_create(context(), &c, FROM_HOST);
    ffn_buffers b = ffn_buffers_new(context(), &c);
    cl_command_queue q = out_of_order_queue();
    cl_event event = NULL;
    for (int i = 0; i < CALLS; i++) {
        cl_event next = NULL;
        ffn_buffers turned = {{b.of[i % 2 ? FY : FX], b.of[i % 2 ? FX : FY], NULL, NULL}};
        expect_enqueued(ffn_enqueue(ffn, &c, q, &turned, NULL, event ? 1 : 0, event ? &event : NULL, &next));
        if (event) clReleaseEvent(event);
        event = next;
        if (i % 2)
            ck_assert_int_eq(
                clglu_emulate_ffn_forward(&c.desc, &c.call, last.at[FY], last.at[FX], NULL, NULL), CLGLU_OK);
        else
            ck_assert_int_eq(ffn_emulate(&last), CLGLU_OK);
    }
    ck_assert_int_eq(clWaitForEvents(1, &event), CL_SUCCESS);
    expect_result(&c, &b, &last, "a chain");
    clReleaseEvent(event);
    clReleaseCommandQueue(q);
    ffn_buffers_free(&b);
    clglu_ffn_destroy(ffn);
    ffn_free(&last);
    ffn_free(&c);
}
END_TEST

/* ---------------------------------------------------------------- many calls under way */

enum { MANY = 24 };

/* Different x through different blocks, nothing waited for in between, on one queue or on two in turn. */
START_TEST(many_calls_under_way_share_the_contexts_workspace)
{
    size_t many = sized(MANY, 4);
    ffn_case c[MANY];
    ffn_buffers b[MANY];
    clglu_ffn *ffn[2];
    cl_command_queue q[2] = {_i == 2 ? out_of_order_queue() : queue_new(context(), 0),
                             queue_new(context(), 0)};
    for (size_t i = 0; i < many; i++) {
        c[i] = some_case(130 + i % 2);
        ffn_lay_call(&c[i], 0, sized(150, 3), DENSE, 200 + i);
        b[i] = ffn_buffers_new(context(), &c[i]);
        if (i < 2) ffn[i] = ffn_create(context(), &c[i], FROM_HOST);
    }
    for (size_t i = 0; i < many; i++)
        expect_enqueued(
            ffn_enqueue(ffn[i % 2], &c[i], q[_i == 1 ? i / 2 % 2 : 0], &b[i], NULL, 0, NULL, NULL));
    for (int i = 0; i < 2; i++) ck_assert_int_eq(clFinish(q[i]), CL_SUCCESS);
    for (size_t i = 0; i < many; i++) {
        ffn_case want = ffn_emulated(&c[i]);
        expect_result(&c[i], &b[i], &want, "one of many calls");
        ffn_buffers_free(&b[i]);
        ffn_free(&want);
        ffn_free(&c[i]);
    }
    for (int i = 0; i < 2; i++) clReleaseCommandQueue(q[i]);
    for (int i = 0; i < 2; i++) clglu_ffn_destroy(ffn[i]);
}
END_TEST

enum { THREADS = 4 };

/* An assertion must not fail off the main thread: what went wrong is written down. */
typedef struct worker {
    pthread_t thread;
    size_t number;
    clglu_ffn *ffn;
    const ffn_case *c, *want;
    cl_command_queue queue;
    char trouble[1500];
} worker;

static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;

/* A simulator runs one command at a time, in the thread that asks. */
static clglu_status run_in_turn(worker *w, ffn_case *got, size_t i)
{
    if (test_scale() == SMALL) pthread_mutex_lock(&turn);
    ffn_buffers b = ffn_buffers_new(context(), got);
    clglu_status s = i % 3 == 2 ? ffn_run(context(), w->ffn, got, ON_HOST)
                                : ffn_enqueue(w->ffn, got, w->queue, &b, NULL, 0, NULL, NULL);
    if (i % 3 != 2 && clFinish(w->queue ? w->queue : clglu_context_queue(context())) == CL_SUCCESS)
        ffn_buffers_read(context(), got, &b);
    ffn_buffers_free(&b);
    if (test_scale() == SMALL) pthread_mutex_unlock(&turn);
    return s;
}

static void *calls_of_a_thread(void *user)
{
    worker *w = user;
    for (size_t i = 0; i < sized(9, 3) && !*w->trouble; i++) {
        ffn_case got = ffn_copy(w->c);
        got.call.row_block = 128 * (1 + (w->number + i) % 3);
        clglu_status s = run_in_turn(w, &got, i);
        if (s != CLGLU_OK)
            snprintf(w->trouble, sizeof w->trouble, "%s: %s", clglu_status_name(s),
                     clglu_context_error(context()));
        else
            ffn_same(&got, w->want, w->trouble, sizeof w->trouble);
        ffn_free(&got);
    }
    return NULL;
}

START_TEST(four_threads_get_the_bits_of_the_emulation_from_one_block)
{
    static worker w[THREADS];
    ffn_case c = some_case(140), want = ffn_emulated(&c);
    clglu_ffn *ffn = ffn_create(context(), &c, FROM_HOST);
    memset(w, 0, sizeof w);
    for (size_t i = 0; i < THREADS; i++) {
        w[i] = (worker){
            .number = i, .ffn = ffn, .c = &c, .want = &want, .queue = i % 2 ? queue_new(context(), 0) : NULL};
        ck_assert_int_eq(pthread_create(&w[i].thread, NULL, calls_of_a_thread, &w[i]), 0);
    }
    for (size_t i = 0; i < THREADS; i++) pthread_join(w[i].thread, NULL);
    for (size_t i = 0; i < THREADS; i++) {
        if (w[i].queue) clReleaseCommandQueue(w[i].queue);
        ck_assert_msg(!*w[i].trouble, "thread %zu: %s", i, w[i].trouble);
    }
    clglu_ffn_destroy(ffn);
    ffn_free(&want);
    ffn_free(&c);
}
END_TEST

/* ---------------------------------------------------------------- lives */

START_TEST(a_block_may_be_destroyed_while_its_call_is_under_way)
{
    ffn_case c = some_case(150), want = ffn_emulated(&c);
    ffn_buffers b = ffn_buffers_new(context(), &c);
    cl_command_queue q = queue_new(context(), 0);
    cl_event gate = user_event();
    clglu_ffn *ffn = ffn_create(context(), &c, _i ? FROM_DEVICE : FROM_HOST);
    expect_enqueued(ffn_enqueue(ffn, &c, q, &b, NULL, 1, &gate, NULL));
    clglu_ffn_destroy(ffn);
    clSetUserEventStatus(gate, CL_COMPLETE);
    ck_assert_int_eq(clFinish(q), CL_SUCCESS);
    expect_result(&c, &b, &want, "destroyed");
    clReleaseEvent(gate);
    clReleaseCommandQueue(q);
    ffn_buffers_free(&b);
    ffn_free(&want);
    ffn_free(&c);
}
END_TEST

static cl_uint references_of(const ffn_buffers *b, cl_command_queue q, cl_mem workspace)
{
    cl_uint sum = 0, n = 0;
    const cl_mem all[] = {b->of[FX], b->of[FY], workspace};
    for (size_t i = 0; i < COUNT(all); i++) {
        ck_assert_int_eq(clGetMemObjectInfo(all[i], CL_MEM_REFERENCE_COUNT, sizeof n, &n, NULL), CL_SUCCESS);
        sum += n;
    }
    ck_assert_int_eq(clGetCommandQueueInfo(q, CL_QUEUE_REFERENCE_COUNT, sizeof n, &n, NULL), CL_SUCCESS);
    return sum + n;
}

/* A driver's own references go a little after clFinish; it may keep the last command. */
static cl_uint references_after(clglu_ffn *ffn, const ffn_case *c, int calls)
{
    static const struct timespec moment = {0, 1000000};
    cl_command_queue q = queue_new(context(), 0);
    ffn_buffers b = ffn_buffers_new(context(), c);
    size_t bytes;
    ck_assert_int_eq(clglu_ffn_workspace(ffn, &c->call, &bytes), CLGLU_OK);
    cl_mem workspace = buffer_new(context(), NULL, bytes);
    cl_uint before = references_of(&b, q, workspace);
    for (int i = 0; i < calls; i++) expect_enqueued(ffn_enqueue(ffn, c, q, &b, workspace, 0, NULL, NULL));
    ck_assert_int_eq(clFinish(q), CL_SUCCESS);
    for (int i = 0; i < 100 && references_of(&b, q, workspace) != before; i++) nanosleep(&moment, NULL);
    cl_uint after = references_of(&b, q, workspace) - before;
    clReleaseCommandQueue(q);
    clReleaseMemObject(workspace);
    ffn_buffers_free(&b);
    return after;
}

START_TEST(calls_keep_no_reference_to_buffers_and_queues)
{
    ffn_case c = some_case(153);
    clglu_ffn *ffn = ffn_create(context(), &c, FROM_HOST);
    ck_assert_uint_eq(references_after(ffn, &c, 20), references_after(ffn, &c, 1));
    clglu_ffn_destroy(ffn);
    ffn_free(&c);
}
END_TEST

Suite *device_ffn_queues_suite(void)
{
    Suite *s = suite_create("device_ffn_queues");
    TCase *events = tcase_create("events"), *many = tcase_create("many"), *lives = tcase_create("lives");
    tcase_add_loop_test(events, a_returned_event_completes_when_the_results_are_there, 0, 2);
    tcase_add_loop_test(events, a_wait_list_holds_the_call_back, 0, 2);
    tcase_add_test(events, a_call_with_a_workspace_of_its_own_does_not_wait_for_another);
    tcase_add_test(events, calls_that_share_the_contexts_workspace_are_right_while_one_is_held_back);
    tcase_add_test(events, calls_in_an_out_of_order_queue_follow_their_events);
    tcase_add_loop_test(many, many_calls_under_way_share_the_contexts_workspace, 0, 3);
    tcase_add_test(many, four_threads_get_the_bits_of_the_emulation_from_one_block);
    tcase_add_loop_test(lives, a_block_may_be_destroyed_while_its_call_is_under_way, 0, 2);
    tcase_add_test(lives, calls_keep_no_reference_to_buffers_and_queues);
    suite_add_tcase(s, events);
    suite_add_tcase(s, many);
    suite_add_tcase(s, lives);
    return s;
}
