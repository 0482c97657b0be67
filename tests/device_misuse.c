/* device_misuse.c - a refused call gives its status, says why, writes nothing, enqueues nothing, makes no event.
   SPDX-License-Identifier: MIT */

#include "device.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* One call on buffers with everything that can be wrong about it. */
typedef struct attempt {
    clglu_context *context;
    call c; /* its descriptor and, for the sizes, its arrays */
    buffers b;
    bool no_desc;
    cl_command_queue queue;
    cl_uint nwait;
    const cl_event *wait;
    cl_mem other; /* somebody else's: of another cl_context */
    cl_command_queue other_queue;
} attempt;

enum { ROWS = 4, COLS = 6 };

/* Status, misuse, a word of the error text, what is done to a good call. AF, AB, GF, GB say for which operators. */
enum { AF = 1 << ACT_FORWARD, AB = 1 << ACT_BACKWARD, GF = 1 << GATE_FORWARD, GB = 1 << GATE_BACKWARD };
enum { GATES = GF | GB, BACKWARDS = AB | GB, FORWARDS = AF | GF, ALL = GATES | AF | AB };

#define MISUSES(X)                                                                                                    \
    X(a_desc_of_null, ALL, NULL_POINTER, "desc", t->no_desc = true)                                                   \
    X(no_a, GATES, NULL_POINTER, "a", leave_out(t, A))                                                                \
    X(no_x, AF | AB, NULL_POINTER, "x", leave_out(t, A))                                                              \
    X(no_b, GATES, NULL_POINTER, "b", leave_out(t, B))                                                                \
    X(no_y, FORWARDS, NULL_POINTER, "y", leave_out(t, Y))                                                             \
    X(no_dy, BACKWARDS, NULL_POINTER, "dy", leave_out(t, DY))                                                         \
    X(no_result, BACKWARDS, NULL_POINTER, "result", leave_out_results(t))                                             \
    X(act_below_the_list, ALL, INVALID_VALUE, "act", t->c.d.act = (clglu_act)-1)                                      \
    X(act_above_the_list, ALL, INVALID_VALUE, "act", t->c.d.act = CLGLU_ACT_COUNT)                                    \
    X(act_far_off, ALL, INVALID_VALUE, "act", t->c.d.act = (clglu_act)0x7fffffff)                                     \
    X(gate_below_the_list, GATES, INVALID_VALUE, "gate", t->c.d.gate = (clglu_act)-1)                                 \
    X(gate_above_the_list, GATES, INVALID_VALUE, "gate", t->c.d.gate = CLGLU_ACT_COUNT)                               \
    X(dtype_below_the_list, ALL, INVALID_VALUE, "dtype", t->c.d.dtype = (clglu_dtype)-1)                              \
    X(dtype_above_the_list, ALL, INVALID_VALUE, "dtype", t->c.d.dtype = (clglu_dtype)3)                               \
    X(rounding_below_the_list, GATES, INVALID_VALUE, "rounding", t->c.d.rounding = (clglu_rounding)-1)                \
    X(rounding_above_the_list, GATES, INVALID_VALUE, "rounding", t->c.d.rounding = (clglu_rounding)2)                 \
    X(alpha_of_gelu, ALL, INVALID_VALUE, "alpha", (t->c.d.act = CLGLU_ACT_GELU, t->c.d.alpha = 1))                    \
    X(alpha_negative, ALL, INVALID_VALUE, "alpha", t->c.d.alpha = -1)                                                 \
    X(alpha_nan, ALL, INVALID_VALUE, "alpha", t->c.d.alpha = (float)NAN)                                              \
    X(alpha_infinite, ALL, INVALID_VALUE, "alpha", t->c.d.alpha = (float)INFINITY)                                    \
    X(limit_negative, GATES, INVALID_VALUE, "limit", t->c.d.limit = -7)                                               \
    X(limit_nan, GATES, INVALID_VALUE, "limit", t->c.d.limit = (float)NAN)                                            \
    X(limit_infinite, GATES, INVALID_VALUE, "limit", t->c.d.limit = (float)INFINITY)                                  \
    X(shift_nan, GATES, INVALID_VALUE, "shift", t->c.d.shift = (float)NAN)                                            \
    X(shift_infinite, GATES, INVALID_VALUE, "shift", t->c.d.shift = -(float)INFINITY)                                 \
    X(a_queue_of_another_context, ALL, INVALID_VALUE, "queue", t->queue = t->other_queue)                             \
    X(wait_list_without_events, ALL, INVALID_VALUE, "wait", t->nwait = 1)                                             \
    X(wait_list_without_a_count, ALL, INVALID_VALUE, "wait", t->wait = &no_event)                                     \
    X(wait_list_with_null, ALL, INVALID_VALUE, "wait", (t->nwait = 1, t->wait = &no_event))                           \
    X(a_buffer_of_another_context, GATES, INVALID_VALUE, "a", (leave_out(t, A), t->b.of[A] = t->other))                                  \
    X(no_columns, ALL, INVALID_SIZE, "cols", t->c.d.cols = 0)                                                         \
    X(rows_times_cols_overflow, ALL, INVALID_SIZE, "", t->c.d.rows = t->c.d.cols = (size_t)1 << 33)                   \
    X(rows_at_the_edge, ALL, INVALID_SIZE, "", t->c.d.rows = SIZE_MAX)                                                \
    X(cols_at_the_edge, ALL, INVALID_SIZE, "", t->c.d.cols = SIZE_MAX)                                                \
    X(bytes_overflow, ALL, INVALID_SIZE, "", (t->c.d.rows = 1, t->c.d.cols = SIZE_MAX / 4 + 1))                       \
    X(ld_overflows, ALL, INVALID_SIZE, "", t->c.d.a.ld = SIZE_MAX / 2)                                                \
    X(inc_overflows, ALL, INVALID_SIZE, "", (t->c.d.a.ld = 1, t->c.d.a.inc = SIZE_MAX / 2))                           \
    X(cols_times_inc_overflows, ALL, INVALID_SIZE, "", t->c.d.a.inc = SIZE_MAX / 2)                                   \
    X(offset_overflows, ALL, INVALID_SIZE, "", t->c.d.a.offset = SIZE_MAX)                                            \
    X(offset_and_rows_overflow, ALL, INVALID_SIZE, "", t->c.d.a.offset = SIZE_MAX - ROWS * COLS + 1)                  \
    X(y_offset_overflows, FORWARDS | GB, INVALID_SIZE, "y", t->c.d.y.offset = SIZE_MAX / 4)                           \
    X(a_bias_offset_overflows, ALL, INVALID_SIZE, "bias", t->c.d.bias_a.offset = SIZE_MAX)                            \
    X(a_bias_inc_overflows, ALL, INVALID_SIZE, "bias", t->c.d.bias_a.inc = SIZE_MAX / 2)                              \
    X(rows_of_y_on_one_another, FORWARDS | GB, INVALID_VIEW, "y", t->c.d.y.ld = 1)                                    \
    X(rows_of_y_that_overlap, FORWARDS | GB, INVALID_VIEW, "y", t->c.d.y.ld = COLS - 1)                               \
    X(columns_of_da_on_the_next_row, BACKWARDS, INVALID_VIEW, "d", (t->c.d.da.inc = 2, t->c.d.da.ld = 2))             \
    X(db_names_an_element_twice, GB, INVALID_VIEW, "db", (t->c.d.db.inc = 3, t->c.d.db.ld = 6))                       \
    X(a_row_too_many, ALL, BUFFER_TOO_SMALL, "", t->c.d.rows++)                                                       \
    X(a_column_too_many, ALL, BUFFER_TOO_SMALL, "", t->c.d.cols++)                                                    \
    X(a_at_offset_one, ALL, BUFFER_TOO_SMALL, "", t->c.d.a.offset = 1)                                                \
    X(b_at_offset_one, GATES, BUFFER_TOO_SMALL, "b", t->c.d.b.offset = 1)                                             \
    X(y_at_offset_one, FORWARDS | GB, BUFFER_TOO_SMALL, "y", t->c.d.y.offset = 1)                                     \
    X(dy_at_offset_one, BACKWARDS, BUFFER_TOO_SMALL, "dy", t->c.d.dy.offset = 1)                                      \
    X(da_at_offset_one, BACKWARDS, BUFFER_TOO_SMALL, "d", t->c.d.da.offset = 1)                                       \
    X(db_at_offset_one, GB, BUFFER_TOO_SMALL, "db", t->c.d.db.offset = 1)                                             \
    X(a_bias_at_offset_one, ALL, BUFFER_TOO_SMALL, "bias", t->c.d.bias_a.offset = 1)                                  \
    X(b_bias_with_gaps, GATES, BUFFER_TOO_SMALL, "bias_b", t->c.d.bias_b.inc = 2)                                     \
    X(a_with_a_long_ld, ALL, BUFFER_TOO_SMALL, "", t->c.d.a.ld = COLS + 1)                                            \
    X(a_far_off, ALL, BUFFER_TOO_SMALL, "", t->c.d.a.offset = SIZE_MAX / 8)                                           \
    X(dbias_a_too_short, BACKWARDS, BUFFER_TOO_SMALL, "dbias", shorten(t, DBIAS_A))                                   \
    X(dbias_b_too_short, GB, BUFFER_TOO_SMALL, "dbias_b", shorten(t, DBIAS_B))                                        \
    X(a_too_short_by_one_element, GATES, BUFFER_TOO_SMALL, "a", shorten(t, A))                                        \
    X(y_too_short_by_one_element, GATES, BUFFER_TOO_SMALL, "y", shorten(t, Y))

static const cl_event no_event = NULL;

static void leave_out(attempt *t, operand o)
{
    clReleaseMemObject(t->b.of[o]);
    t->b.of[o] = NULL;
}

static void leave_out_results(attempt *t)
{
    for (operand o = 0; o < OPERANDS; o++)
        if (t->b.of[o] && is_output(t->c.op, o)) leave_out(t, o);
}

static void shorten(attempt *t, operand o)
{
    clReleaseMemObject(t->b.of[o]);
    t->b.of[o] = buffer_new(t->context, t->c.at[o], array_bytes(t->c.at[o]) - clglu_dtype_size(dtype_of(&t->c, o)));
}

#define MISUSE_FUNCTION(name, ops, status, word, change) \
    static void name(attempt *t) { change; }
MISUSES(MISUSE_FUNCTION)
#undef MISUSE_FUNCTION

#define MISUSE_ROW(name, ops, status, word, change) {#name, ops, CLGLU_##status, word, name},
static const struct misuse {
    const char *name;
    unsigned operators;
    clglu_status status;
    const char *word;
    void (*change)(attempt *);
} misuses[] = {MISUSES(MISUSE_ROW)};
#undef MISUSE_ROW

/* ---------------------------------------------------------------- attempts */

/* Silu, since alpha is its alone; f32, whose sizes the edges above are made for. */
static attempt good_attempt(operator_id op)
{
    attempt t = {.context = context()};
    uint64_t state = 61;
    t.c = call_new(op, CLGLU_ACT_SILU, CLGLU_ACT_IDENTITY, CLGLU_F32, ROWS, COLS);
    call_fill(&t.c, MODERATE, &state);
    call_add_bias(&t.c, MODERATE, &state);
    call_want_dbias(&t.c);
    t.b = buffers_new(t.context, &t.c);
    return t;
}

static void add_foreigners(attempt *t, clglu_context *stranger)
{
    t->other = buffer_new(stranger, t->c.at[A], array_bytes(t->c.at[A]));
    t->other_queue = clglu_context_queue(stranger);
}

static clglu_status make(attempt *t, cl_event *event)
{
    if (!t->no_desc) return buffers_enqueue(t->context, t->queue, &t->c, &t->b, t->nwait, t->wait, event);
    const cl_mem *m = t->b.of;
    switch (t->c.op) {
    case ACT_FORWARD: return clglu_act_forward(t->context, NULL, NULL, m[A], m[Y], 0, NULL, event);
    case ACT_BACKWARD: return clglu_act_backward(t->context, NULL, NULL, m[DY], m[A], m[DA], NULL, 0, NULL, event);
    case GATE_FORWARD: return clglu_gate_forward(t->context, NULL, NULL, m[A], m[B], m[Y], 0, NULL, event);
    default:
        return clglu_gate_backward(t->context, NULL, NULL, m[DY], m[A], m[B], m[DA], m[DB], NULL, NULL, NULL, 0, NULL,
                                   event);
    }
}

static void expect_unwritten(const attempt *t, const char *what)
{
    ck_assert_int_eq(clFinish(clglu_context_queue(t->context)), CL_SUCCESS);
    for (operand o = 0; o < OPERANDS; o++) {
        size_t bytes = 0;
        if (!t->b.of[o] || t->b.of[o] == t->other) continue;
        clGetMemObjectInfo(t->b.of[o], CL_MEM_SIZE, sizeof bytes, &bytes, NULL);
        void *now = array_new(bytes);
        buffer_read(t->context, t->b.of[o], now, bytes);
        ck_assert_msg(memcmp(now, t->c.at[o], bytes) == 0, "%s: the buffer of %s is written", what, operand_name(o));
        array_free(now);
    }
}

static cl_uint references(cl_command_queue q)
{
    cl_uint n = 0;
    ck_assert_int_eq(clGetCommandQueueInfo(q, CL_QUEUE_REFERENCE_COUNT, sizeof n, &n, NULL), CL_SUCCESS);
    return n;
}

static void free_attempt(attempt *t)
{
    for (operand o = 0; o < OPERANDS; o++)
        if (t->b.of[o] == t->other) t->b.of[o] = NULL;
    if (t->other) clReleaseMemObject(t->other);
    buffers_free(&t->b);
    call_free(&t->c);
}

static void expect_refused(attempt *t, clglu_status want, const char *word, const char *what)
{
    char line[200];
    cl_event untouched = (cl_event)(uintptr_t)0x1234, event = untouched;
    cl_uint before = references(clglu_context_queue(t->context));
    clglu_status s = make(t, &event);
    snprintf(line, sizeof line, "%s of %s", what, operator_name(t->c.op));
    ck_assert_msg(s == want, "%s: %s (%s), wanted %s", line, clglu_status_name(s), clglu_context_error(t->context),
                  clglu_status_name(want));
    ck_assert_msg(event == untouched, "%s: the event is touched", line);
    ck_assert_msg(strstr(clglu_context_error(t->context), word) && *clglu_context_error(t->context),
                  "%s: the text \"%s\" does not speak of %s", line, clglu_context_error(t->context), word);
    ck_assert_msg(references(clglu_context_queue(t->context)) <= before, "%s: something is enqueued", line);
    expect_unwritten(t, line);
}

START_TEST(a_misuse_gives_its_status_and_has_no_effect)
{
    const struct misuse *m = &misuses[_i];
    clglu_context *stranger;
    clglu_context_params params = {.no_self_test = 1};
    ck_assert_int_eq(clglu_context_open(device_selector(), &params, &stranger), CLGLU_OK);
    for (operator_id op = 0; op < OPERATORS; op++) {
        if (!(m->operators >> op & 1)) continue;
        attempt t = good_attempt(op);
        add_foreigners(&t, stranger);
        m->change(&t);
        expect_refused(&t, m->status, m->word, m->name);
        free_attempt(&t);
    }
    clglu_context_close(stranger);
}
END_TEST

START_TEST(the_same_call_without_misuse_is_taken)
{
    attempt t = good_attempt((operator_id)_i);
    cl_event event = NULL;
    ck_assert_int_eq(make(&t, &event), CLGLU_OK);
    ck_assert_ptr_nonnull(event);
    ck_assert_int_eq(clWaitForEvents(1, &event), CL_SUCCESS);
    clReleaseEvent(event);
    free_attempt(&t);
}
END_TEST

START_TEST(a_context_of_null_is_refused)
{
    attempt t = good_attempt((operator_id)_i);
    clglu_context *ctx = t.context;
    cl_event untouched = (cl_event)(uintptr_t)0x1234, event = untouched;
    t.context = NULL;
    ck_assert_int_eq(make(&t, &event), CLGLU_NULL_POINTER);
    ck_assert_ptr_eq(event, untouched);
    ck_assert_int_eq(call_on_host(NULL, &t.c), CLGLU_NULL_POINTER);
    t.context = ctx;
    free_attempt(&t);
}
END_TEST

/* The host twins and the emulation refuse what the calls on buffers refuse, as far as it does not speak of buffers. */
START_TEST(host_twins_and_emulation_refuse_the_same)
{
    const struct misuse *m = &misuses[_i];
    if (m->status == CLGLU_BUFFER_TOO_SMALL || strstr(m->name, "queue") || strstr(m->name, "wait") ||
        strstr(m->name, "buffer") || strstr(m->name, "null"))
        return;
    for (operator_id op = 0; op < OPERATORS; op++) {
        if (!(m->operators >> op & 1)) continue;
        attempt t = good_attempt(op);
        m->change(&t);
        call c = call_copy(&t.c), before = call_copy(&t.c);
        for (operand o = 0; o < OPERANDS; o++)
            if (c.at[o] && !t.b.of[o]) {
                call_drop(&c, o);
                call_drop(&before, o);
            }
        clglu_status twin = call_on_host(t.context, &c), emulation = call_emulate(&c);
        ck_assert_msg(twin == m->status, "%s of %s: the twin gives %s", m->name, operator_name(op), clglu_status_name(twin));
        ck_assert_msg(emulation == m->status, "%s of %s: the emulation gives %s", m->name, operator_name(op),
                      clglu_status_name(emulation));
        for (operand o = 0; o < OPERANDS; o++)
            if (c.at[o]) ck_assert_mem_eq(c.at[o], before.at[o], array_bytes(c.at[o]));
        call_free(&before);
        call_free(&c);
        free_attempt(&t);
    }
}
END_TEST

/* Each kind of call has its own kind of bias: buffers with buffers, host arrays with host arrays. */
START_TEST(a_bias_of_the_other_kind_is_refused)
{
    uint64_t state = 9;
    call c = call_new(GATE_FORWARD, CLGLU_ACT_GELU, CLGLU_ACT_IDENTITY, CLGLU_F32, 3, 5);
    call_fill(&c, MODERATE, &state);
    buffers b = buffers_new(context(), &c);
    clglu_gate_desc on_buffers = gate_desc_of(&c), on_host = on_buffers;
    float bias[5] = {0};
    on_buffers.bias_a.host = bias;
    ck_assert_int_eq(clglu_gate_forward(context(), &on_buffers, NULL, b.of[A], b.of[B], b.of[Y], 0, NULL, NULL), CLGLU_INVALID_VALUE);
    ck_assert_ptr_nonnull(strstr(clglu_context_error(context()), "bias"));
    on_host.bias_b.buffer = b.of[A];
    ck_assert_int_eq(clglu_gate_forward_host(context(), &on_host, c.at[A], c.at[B], c.at[Y]), CLGLU_INVALID_VALUE);
    ck_assert_ptr_nonnull(strstr(clglu_context_error(context()), "bias"));
    buffers_free(&b);
    call_free(&c);
}
END_TEST

Suite *device_misuse_suite(void)
{
    Suite *s = suite_create("device_misuse");
    TCase *t = tcase_create("misuse");
    tcase_add_test(t, a_bias_of_the_other_kind_is_refused);
    tcase_add_loop_test(t, the_same_call_without_misuse_is_taken, 0, OPERATORS);
    tcase_add_loop_test(t, a_misuse_gives_its_status_and_has_no_effect, 0, (int)COUNT(misuses));
    tcase_add_loop_test(t, a_context_of_null_is_refused, 0, OPERATORS);
    tcase_add_loop_test(t, host_twins_and_emulation_refuse_the_same, 0, (int)COUNT(misuses));
    suite_add_tcase(s, t);
    return s;
}
