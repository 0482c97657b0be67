/* device_queues.c - queues, wait lists and events follow OpenCL's conventions. SPDX-License-Identifier: MIT */

#include "device.h"

#include <time.h>

enum { ROWS = 7, COLS = 133 };

static call some_call(operator_id op)
{
    uint64_t state = 81;
    call c = call_new(op, CLGLU_ACT_GELU, CLGLU_ACT_IDENTITY, CLGLU_F32, ROWS, COLS);
    call_fill(&c, MODERATE, &state);
    if (op == GATE_BACKWARD) call_want_dbias(&c);
    return c;
}

/* Reads the results back through the context's own queue, after what was enqueued has ended. */
static void expect_result(const call *c, const buffers *b, const char *what)
{
    call got = call_copy(c), want = call_emulated(c);
    buffers_read(context(), &got, b);
    expect_same(&got, &want, what);
    call_free(&got);
    call_free(&want);
}

static cl_int state_of(cl_event event)
{
    cl_int state = -1;
    ck_assert_int_eq(clGetEventInfo(event, CL_EVENT_COMMAND_EXECUTION_STATUS, sizeof state, &state, NULL), CL_SUCCESS);
    return state;
}

START_TEST(a_returned_event_completes_when_the_results_are_there)
{
    call c = some_call((operator_id)_i);
    buffers b = buffers_new(context(), &c);
    cl_event event = NULL;
    ck_assert_int_eq(buffers_enqueue(context(), NULL, &c, &b, 0, NULL, &event), CLGLU_OK);
    ck_assert_ptr_nonnull(event);
    ck_assert_int_eq(clWaitForEvents(1, &event), CL_SUCCESS);
    ck_assert_int_eq(state_of(event), CL_COMPLETE);
    expect_result(&c, &b, "after its event");
    clReleaseEvent(event);
    buffers_free(&b);
    call_free(&c);
}
END_TEST

/* Nothing blocks, and nothing runs before the events of the wait list have completed. */
START_TEST(a_wait_list_holds_the_call_back)
{
    call c = some_call((operator_id)_i);
    buffers b = buffers_new(context(), &c);
    cl_int error;
    cl_event gates[2], event = NULL;
    cl_command_queue q = queue_new(context(), 0);
    for (int i = 0; i < 2; i++) {
        gates[i] = clCreateUserEvent(clglu_context_cl_context(context()), &error);
        ck_assert_int_eq(error, CL_SUCCESS);
    }
    ck_assert_int_eq(buffers_enqueue(context(), q, &c, &b, 2, gates, &event), CLGLU_OK);
    call now = call_copy(&c);
    buffers_read(context(), &now, &b);
    expect_same(&now, &c, "held back");
    ck_assert_int_ne(state_of(event), CL_COMPLETE);
    clSetUserEventStatus(gates[0], CL_COMPLETE);
    ck_assert_int_ne(state_of(event), CL_COMPLETE);
    clSetUserEventStatus(gates[1], CL_COMPLETE);
    ck_assert_int_eq(clWaitForEvents(1, &event), CL_SUCCESS);
    expect_result(&c, &b, "released");
    for (int i = 0; i < 2; i++) clReleaseEvent(gates[i]);
    clReleaseEvent(event);
    clReleaseCommandQueue(q);
    call_free(&now);
    buffers_free(&b);
    call_free(&c);
}
END_TEST

START_TEST(no_rows_still_give_an_event_that_completes)
{
    call c = some_call((operator_id)_i);
    c.d.rows = 0;
    buffers b = buffers_new(context(), &c);
    cl_event event = NULL;
    ck_assert_int_eq(buffers_enqueue(context(), NULL, &c, &b, 0, NULL, &event), CLGLU_OK);
    ck_assert_ptr_nonnull(event);
    ck_assert_int_eq(clWaitForEvents(1, &event), CL_SUCCESS);
    clReleaseEvent(event);
    buffers_free(&b);
    call_free(&c);
}
END_TEST

static bool queue_can(cl_command_queue_properties property)
{
    cl_command_queue_properties can = 0;
    clGetDeviceInfo(clglu_context_device(context()), CL_DEVICE_QUEUE_PROPERTIES, sizeof can, &can, NULL);
    return can & property;
}

/* The caller's own queue; out of order where the device can. Calls follow one another by their events, and the parts
   of one call by themselves. */
START_TEST(calls_in_an_out_of_order_queue_follow_their_events)
{
    cl_command_queue_properties p =
        queue_can(CL_QUEUE_OUT_OF_ORDER_EXEC_MODE_ENABLE) ? CL_QUEUE_OUT_OF_ORDER_EXEC_MODE_ENABLE : 0;
    cl_command_queue q = queue_new(context(), p);
    call c = some_call((operator_id)_i);
    buffers b = buffers_new(context(), &c);
    cl_event last = NULL;
    for (int i = 0; i < 10; i++) {
        cl_event next = NULL;
        ck_assert_int_eq(buffers_enqueue(context(), q, &c, &b, last ? 1 : 0, last ? &last : NULL, &next), CLGLU_OK);
        if (last) clReleaseEvent(last);
        last = next;
    }
    ck_assert_int_eq(clWaitForEvents(1, &last), CL_SUCCESS);
    expect_result(&c, &b, "out of order");
    clReleaseEvent(last);
    clReleaseCommandQueue(q);
    buffers_free(&b);
    call_free(&c);
}
END_TEST

START_TEST(a_call_without_an_event_is_done_when_its_queue_is)
{
    call c = some_call((operator_id)_i);
    buffers b = buffers_new(context(), &c);
    cl_command_queue q = queue_new(context(), queue_can(CL_QUEUE_PROFILING_ENABLE) ? CL_QUEUE_PROFILING_ENABLE : 0);
    ck_assert_int_eq(buffers_enqueue(context(), q, &c, &b, 0, NULL, NULL), CLGLU_OK);
    ck_assert_int_eq(clFinish(q), CL_SUCCESS);
    expect_result(&c, &b, "the caller's queue");
    clReleaseCommandQueue(q);
    buffers_free(&b);
    call_free(&c);
}
END_TEST

static cl_uint references(cl_mem m)
{
    cl_uint n = 0;
    ck_assert_int_eq(clGetMemObjectInfo(m, CL_MEM_REFERENCE_COUNT, sizeof n, &n, NULL), CL_SUCCESS);
    return n;
}

static cl_uint queue_references(cl_command_queue q)
{
    cl_uint n = 0;
    ck_assert_int_eq(clGetCommandQueueInfo(q, CL_QUEUE_REFERENCE_COUNT, sizeof n, &n, NULL), CL_SUCCESS);
    return n;
}

static cl_uint all_references(cl_command_queue q, const buffers *b)
{
    cl_uint sum = queue_references(q);
    for (operand o = 0; o < OPERANDS; o++)
        if (b->of[o]) sum += references(b->of[o]);
    return sum;
}

/* The references after so many calls. A driver's own go a little after clFinish; it may keep the last command. */
static cl_uint references_after(const call *c, int calls)
{
    static const struct timespec moment = {0, 1000000};
    cl_command_queue q = queue_new(context(), 0);
    buffers b = buffers_new(context(), c);
    cl_uint before = all_references(q, &b);
    for (int i = 0; i < calls; i++) ck_assert_int_eq(buffers_enqueue(context(), q, c, &b, 0, NULL, NULL), CLGLU_OK);
    ck_assert_int_eq(clFinish(q), CL_SUCCESS);
    for (int i = 0; i < 100 && all_references(q, &b) != before; i++) nanosleep(&moment, NULL);
    cl_uint after = all_references(q, &b) - before;
    clReleaseCommandQueue(q);
    buffers_free(&b);
    return after;
}

START_TEST(calls_keep_no_reference_to_buffers_and_queues)
{
    call c = some_call((operator_id)_i);
    ck_assert_uint_eq(references_after(&c, 30), references_after(&c, 1));
    call_free(&c);
}
END_TEST

Suite *device_queues_suite(void)
{
    Suite *s = suite_create("device_queues");
    TCase *t = tcase_create("queues");
    tcase_add_loop_test(t, a_returned_event_completes_when_the_results_are_there, 0, OPERATORS);
    tcase_add_loop_test(t, a_wait_list_holds_the_call_back, 0, OPERATORS);
    tcase_add_loop_test(t, no_rows_still_give_an_event_that_completes, 0, OPERATORS);
    tcase_add_loop_test(t, calls_in_an_out_of_order_queue_follow_their_events, 0, OPERATORS);
    tcase_add_loop_test(t, a_call_without_an_event_is_done_when_its_queue_is, 0, OPERATORS);
    tcase_add_loop_test(t, calls_keep_no_reference_to_buffers_and_queues, 0, OPERATORS);
    suite_add_tcase(s, t);
    return s;
}
