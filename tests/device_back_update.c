/* device_back_update.c - clglu_ffn_update: the block is then as one made anew; calls before it see the old
   weights, those after it the new ones. SPDX-License-Identifier: MIT */

#include "device_back.h"

#include <string.h>

/* More rows than a row block; the numbers come from the seed. */
static back_shape some_shape(uint64_t seed)
{
    return (back_shape){.ffn = {.parts = GATED | BIASED,
                                .rows = sized(150, 4),
                                .d_model = 20,
                                .d_ff = 37,
                                .d_out = 9,
                                .act = CLGLU_ACT_GELU,
                                .seed = seed},
                        .row_block = 128};
}

static back_case some_case(uint64_t seed)
{
    back_shape s = some_shape(seed);
    return back_new(&s);
}

/* The weights of a case, from host arrays or from buffers that are given up at once. */
static clglu_status update(clglu_ffn *ffn, const back_case *c, ffn_source source, cl_command_queue q,
                           cl_uint nwait, const cl_event *wait, cl_event *event)
{
    clglu_ffn_desc d = source == FROM_DEVICE ? ffn_desc_on_device(context(), &c->ffn) : c->ffn.desc;
    clglu_status s = clglu_ffn_update(ffn, &d, q, nwait, wait, event);
    if (source == FROM_DEVICE) ffn_desc_release(&d);
    return s;
}

static void expect_ok(clglu_status s)
{
    ck_assert_msg(s == CLGLU_OK, "%s: %s", clglu_status_name(s), clglu_context_error(context()));
}

/* Forward and backward have the bits of a block with the case's weights. */
static void expect_weights(clglu_ffn *ffn, const back_case *c, const char *what)
{
    ffn_case y = ffn_made(context(), ffn, &c->ffn, ON_BUFFERS), want_y = ffn_emulated(&c->ffn);
    expect_ffn_same(&y, &want_y, what);
    ffn_free(&y);
    ffn_free(&want_y);
    if (!c->ffn.desc.training) return;
    back_case got = back_made(context(), ffn, c, ON_BUFFERS), want = back_emulated(c);
    expect_back_same(&got, &want, what);
    back_free(&got);
    back_free(&want);
}

/* ---------------------------------------------------------------- what the block is afterwards */

/* Both lie differently, too. */
static void from_one_to_the_other(unsigned parts, clglu_dtype t, ffn_source source, bool training)
{
    back_shape one = some_shape(380), other = some_shape(381);
    one.ffn.parts = other.ffn.parts = parts;
    one.ffn.dtype = other.ffn.dtype = t;
    if (!(parts & HAS_WA)) one.ffn.d_ff = other.ffn.d_ff = one.ffn.d_model;
    if (!(parts & HAS_WD)) one.ffn.d_out = other.ffn.d_out = 0;
    other.ffn.layout = CLGLU_INTERLEAVED;
    other.ffn.order = CLGLU_IN_OUT;
    other.ffn.offset = other.ffn.gap = 1;
    back_case old = back_new(&one), new = back_new(&other);
    old.ffn.desc.training = new.ffn.desc.training = training;
    clglu_ffn *ffn = ffn_create(context(), &old.ffn, FROM_HOST);
    size_t bytes = clglu_ffn_bytes(ffn);
    expect_weights(ffn, &old, "before the update");
    expect_ok(update(ffn, &new, source, NULL, 0, NULL, NULL));
    expect_weights(ffn, &new, "after the update");
    ck_assert_uint_eq(clglu_ffn_bytes(ffn), bytes);
    clglu_ffn_destroy(ffn);
    back_free(&new);
    back_free(&old);
}

START_TEST(an_updated_block_is_one_with_the_new_weights)
{
    static const unsigned parts[] = {GATED | BIASED, GATED, HAS_WA | HAS_WB | HAS_BB,
                                     HAS_WA | HAS_WD | HAS_BA, HAS_WB | HAS_WD | HAS_BD};
    ffn_source source = (ffn_source)digit(&_i, SOURCES);
    clglu_dtype t = (clglu_dtype)digit(&_i, DTYPES);
    from_one_to_the_other(parts[_i], t, source, true);
}
END_TEST

START_TEST(a_block_without_training_is_updated_too)
{
    from_one_to_the_other(GATED | BIASED, CLGLU_F16, (ffn_source)_i, false);
}
END_TEST

/* A trainer's loop, which waits for nothing. */
START_TEST(of_many_updates_the_last_one_holds)
{
    enum { MANY = 6 };
    back_case c[MANY];
    for (size_t i = 0; i < MANY; i++) c[i] = some_case(382 + i);
    clglu_ffn *ffn = ffn_create(context(), &c[0].ffn, FROM_DEVICE);
    for (size_t i = 1; i < MANY; i++)
        expect_ok(update(ffn, &c[i], (ffn_source)(i % SOURCES), NULL, 0, NULL, NULL));
    expect_weights(ffn, &c[MANY - 1], "the last update");
    clglu_ffn_destroy(ffn);
    for (size_t i = 0; i < MANY; i++) back_free(&c[i]);
}
END_TEST

/* "host arrays are read before it returns" */
START_TEST(host_arrays_may_change_when_it_has_returned)
{
    back_case old = some_case(388), new = some_case(389), again = some_case(389);
    clglu_ffn *ffn = ffn_create(context(), &old.ffn, FROM_HOST);
    cl_command_queue q = _i ? queue_new(context(), 0) : NULL;
    cl_event event = NULL;
    expect_ok(update(ffn, &new, FROM_HOST, q, 0, NULL, &event));
    for (ffn_matrix m = WA; m <= WD; m++) {
        void *w = (void *)(uintptr_t)ffn_weights(&new.ffn.desc, m)->host;
        memset(w, 0, array_bytes(w));
    }
    ck_assert_int_eq(clWaitForEvents(1, &event), CL_SUCCESS);
    expect_weights(ffn, &again, "the arrays are zeros now");
    clReleaseEvent(event);
    if (q) clReleaseCommandQueue(q);
    clglu_ffn_destroy(ffn);
    back_case *all[] = {&again, &new, &old};
    for (size_t i = 0; i < COUNT(all); i++) back_free(all[i]);
}
END_TEST

/* ---------------------------------------------------------------- order */

static cl_event user_event(void)
{
    cl_int error;
    cl_event event = clCreateUserEvent(clglu_context_cl_context(context()), &error);
    ck_assert_int_eq(error, CL_SUCCESS);
    return event;
}

static cl_int state_of(cl_event event)
{
    cl_int state = -1;
    ck_assert_int_eq(clGetEventInfo(event, CL_EVENT_COMMAND_EXECUTION_STATUS, sizeof state, &state, NULL),
                     CL_SUCCESS);
    return state;
}

/* A forward and a backward of one case, under way. */
typedef struct pair {
    const back_case *c;
    ffn_buffers y;
    back_buffers g;
} pair;

/* The forward waits for `wait`, the backward for the forward; *event is the backward's. */
static pair pair_enqueued(clglu_ffn *ffn, const back_case *c, cl_command_queue q, const cl_event *wait,
                          cl_event *event)
{
    pair p = {c, ffn_buffers_new(context(), &c->ffn), back_buffers_new(context(), c)};
    cl_event forward = NULL;
    expect_ok(ffn_enqueue(ffn, &c->ffn, q, &p.y, NULL, wait ? 1 : 0, wait, &forward));
    expect_ok(back_enqueue(ffn, c, q, &p.g, NULL, 1, &forward, event));
    clReleaseEvent(forward);
    return p;
}

static void expect_pair(pair *p, const char *what)
{
    ffn_case y = ffn_copy(&p->c->ffn), want_y = ffn_emulated(&p->c->ffn);
    back_case g = back_copy(p->c), want = back_emulated(p->c);
    ffn_buffers_read(context(), &y, &p->y);
    expect_ffn_same(&y, &want_y, what);
    back_buffers_read(context(), &g, &p->g);
    expect_back_same(&g, &want, what);
    ffn_buffers_free(&p->y);
    back_buffers_free(&p->g);
    ffn_free(&y);
    ffn_free(&want_y);
    back_free(&g);
    back_free(&want);
}

/* On one in-order queue, nothing waited for in between; from buffers it is all held back. */
START_TEST(calls_before_it_see_the_old_weights_and_those_after_it_the_new)
{
    ffn_source source = (ffn_source)_i;
    back_case old = some_case(390), new = some_case(391);
    clglu_ffn *ffn = ffn_create(context(), &old.ffn, FROM_HOST);
    cl_command_queue q = queue_new(context(), 0);
    cl_event gate = user_event(), before = NULL, after = NULL;
    if (source == FROM_HOST) clSetUserEventStatus(gate, CL_COMPLETE);
    pair first = pair_enqueued(ffn, &old, q, &gate, &before);
    expect_ok(update(ffn, &new, source, q, 0, NULL, NULL));
    pair second = pair_enqueued(ffn, &new, q, NULL, &after);
    if (source == FROM_DEVICE) {
        ck_assert_int_ne(state_of(before), CL_COMPLETE);
        clSetUserEventStatus(gate, CL_COMPLETE);
    }
    ck_assert_int_eq(clWaitForEvents(1, &after), CL_SUCCESS);
    expect_pair(&first, "before the update");
    expect_pair(&second, "after the update");
    cl_event events[] = {gate, before, after};
    for (size_t i = 0; i < COUNT(events); i++) clReleaseEvent(events[i]);
    clReleaseCommandQueue(q);
    clglu_ffn_destroy(ffn);
    back_free(&new);
    back_free(&old);
}
END_TEST

/* Nothing blocks, and nothing runs before the events of the wait list have completed. */
START_TEST(an_update_from_buffers_does_not_block_and_obeys_its_wait_list)
{
    back_case old = some_case(392), new = some_case(393);
    clglu_ffn *ffn = ffn_create(context(), &old.ffn, FROM_HOST);
    cl_command_queue q = queue_new(context(), 0);
    cl_event gates[2] = {user_event(), user_event()}, event = NULL;
    expect_ok(update(ffn, &new, FROM_DEVICE, q, 2, gates, &event));
    ck_assert_ptr_nonnull(event);
    clSetUserEventStatus(gates[0], CL_COMPLETE);
    ck_assert_int_ne(state_of(event), CL_COMPLETE);
    expect_weights(ffn, &old, "on another queue, while the update is held back");
    clSetUserEventStatus(gates[1], CL_COMPLETE);
    ck_assert_int_eq(clWaitForEvents(1, &event), CL_SUCCESS);
    ck_assert_int_eq(state_of(event), CL_COMPLETE);
    expect_weights(ffn, &new, "after its event");
    for (int i = 0; i < 2; i++) clReleaseEvent(gates[i]);
    clReleaseEvent(event);
    clReleaseCommandQueue(q);
    clglu_ffn_destroy(ffn);
    back_free(&new);
    back_free(&old);
}
END_TEST

static cl_command_queue out_of_order_queue(void)
{
    cl_command_queue_properties can = 0, p = CL_QUEUE_OUT_OF_ORDER_EXEC_MODE_ENABLE;
    clGetDeviceInfo(clglu_context_device(context()), CL_DEVICE_QUEUE_PROPERTIES, sizeof can, &can, NULL);
    return queue_new(context(), can & p);
}

/* A training run: forward, backward, update, again and again, held together by events alone. */
START_TEST(in_an_out_of_order_queue_events_hold_a_training_run_together)
{
    enum { STEPS = 4 };
    back_case c[STEPS];
    pair pairs[STEPS];
    cl_event event = NULL;
    for (size_t i = 0; i < STEPS; i++) c[i] = some_case(394 + i);
    clglu_ffn *ffn = ffn_create(context(), &c[0].ffn, FROM_HOST);
    cl_command_queue q = out_of_order_queue();
    for (size_t i = 0; i < STEPS; i++) {
        cl_event updated = NULL, done = NULL;
        if (i > 0) expect_ok(update(ffn, &c[i], (ffn_source)_i, q, 1, &event, &updated));
        pairs[i] = pair_enqueued(ffn, &c[i], q, updated ? &updated : NULL, &done);
        if (updated) clReleaseEvent(updated);
        if (event) clReleaseEvent(event);
        event = done;
    }
    ck_assert_int_eq(clWaitForEvents(1, &event), CL_SUCCESS);
    clReleaseEvent(event);
    for (size_t i = 0; i < STEPS; i++) expect_pair(&pairs[i], "a step");
    clReleaseCommandQueue(q);
    clglu_ffn_destroy(ffn);
    for (size_t i = 0; i < STEPS; i++) back_free(&c[i]);
}
END_TEST

/* ---------------------------------------------------------------- refusals */

/* A good update with everything that can be wrong about it. */
typedef struct attempt {
    clglu_ffn_desc d; /* on the device */
    bool no_desc;
    cl_command_queue queue;
    cl_uint nwait;
    const cl_event *wait;
    clglu_context *stranger;
    cl_mem owned; /* one that was made */
} attempt;

static const cl_event no_event = NULL;

/* clang-format off */
#define MISUSES(X)                                                                                                    \
    X(a_desc_of_null, NULL_POINTER, t->no_desc = true)                                                                \
    X(no_matrix_at_all, NULL_POINTER, (none(&t->d.wa), none(&t->d.wb)))                                               \
    X(a_larger_d_model, INVALID_VALUE, t->d.d_model++)                                                                \
    X(a_smaller_d_ff, INVALID_VALUE, t->d.d_ff--)                                                                     \
    X(a_smaller_d_out, INVALID_VALUE, t->d.d_out--)                                                                   \
    X(another_dtype, INVALID_VALUE, t->d.dtype = CLGLU_F16)                                                           \
    X(an_unknown_dtype, INVALID_VALUE, t->d.dtype = (clglu_dtype)3)                                                   \
    X(no_wd, INVALID_VALUE, (none(&t->d.wd), no_bias(&t->d.bd)))                                                      \
    X(no_wb, INVALID_VALUE, (none(&t->d.wb), no_bias(&t->d.bb)))                                                      \
    X(no_ba, INVALID_VALUE, no_bias(&t->d.ba))                                                                        \
    X(no_bd, INVALID_VALUE, no_bias(&t->d.bd))                                                                        \
    X(wa_write_only, INVALID_VALUE, t->d.wa.buffer = t->owned = made(context(), CL_MEM_WRITE_ONLY, 1 << 16))          \
    X(wd_of_another_context, INVALID_VALUE, t->d.wd.buffer = t->owned = made(t->stranger, CL_MEM_READ_WRITE, 1 << 16)) \
    X(bb_of_another_context, INVALID_VALUE, t->d.bb.buffer = t->owned = made(t->stranger, CL_MEM_READ_WRITE, 1 << 16)) \
    X(wb_too_short, BUFFER_TOO_SMALL, t->d.wb.buffer = t->owned = made(context(), CL_MEM_READ_WRITE, 20 * 37 * 4 - 1)) \
    X(ba_too_short, BUFFER_TOO_SMALL, t->d.ba.buffer = t->owned = made(context(), CL_MEM_READ_WRITE, 37 * 4 - 1))     \
    X(a_view_that_overflows, INVALID_SIZE, t->d.wd.view.offset = SIZE_MAX)                                            \
    X(a_queue_of_another_context, INVALID_VALUE, t->queue = clglu_context_queue(t->stranger))                         \
    X(wait_list_without_events, INVALID_VALUE, t->nwait = 1)                                                          \
    X(wait_list_without_a_count, INVALID_VALUE, t->wait = &no_event)                                                  \
    X(wait_list_with_null, INVALID_VALUE, (t->nwait = 1, t->wait = &no_event))
/* clang-format on */

/* The case's own buffer goes with its descriptor. */
static void none(clglu_weights *w)
{
    w->buffer = NULL;
    w->host = NULL;
}

static void no_bias(clglu_bias *b)
{
    b->buffer = NULL;
    b->host = NULL;
}

static cl_mem made(clglu_context *ctx, cl_mem_flags flags, size_t bytes)
{
    cl_int error;
    cl_mem m = clCreateBuffer(clglu_context_cl_context(ctx), flags, bytes, NULL, &error);
    ck_assert_int_eq(error, CL_SUCCESS);
    return m;
}

#define MISUSE_FUNCTION(name, status, change)                                                                \
    static void name(attempt *t) { change; }
MISUSES(MISUSE_FUNCTION)
#undef MISUSE_FUNCTION

#define MISUSE_ROW(name, status, change) {#name, CLGLU_##status, name},
static const struct misuse {
    const char *name;
    clglu_status status;
    void (*change)(attempt *);
} misuses[] = {MISUSES(MISUSE_ROW)};
#undef MISUSE_ROW

START_TEST(a_misuse_gives_its_status_and_leaves_the_weights_as_they_were)
{
    const struct misuse *m = &misuses[_i];
    clglu_context_params params = {.no_self_test = 1};
    back_case old = some_case(398), new = some_case(399);
    clglu_ffn *ffn = ffn_create(context(), &old.ffn, FROM_HOST);
    clglu_ffn_desc d = ffn_desc_on_device(context(), &new.ffn);
    attempt t = {.d = d};
    cl_event untouched = (cl_event)(uintptr_t)0x1234, event = untouched;
    ck_assert_int_eq(clglu_context_open(device_selector(), &params, &t.stranger), CLGLU_OK);
    m->change(&t);
    clglu_status s = clglu_ffn_update(ffn, t.no_desc ? NULL : &t.d, t.queue, t.nwait, t.wait, &event);
    ck_assert_msg(s == m->status, "%s: %s (%s), wanted %s", m->name, clglu_status_name(s),
                  clglu_context_error(context()), clglu_status_name(m->status));
    ck_assert_msg(*clglu_context_error(context()), "%s: no words", m->name);
    ck_assert_msg(event == untouched, "%s: the event is touched", m->name);
    expect_weights(ffn, &old, m->name);
    if (t.owned) clReleaseMemObject(t.owned);
    ffn_desc_release(&d);
    clglu_ffn_destroy(ffn);
    clglu_context_close(t.stranger);
    back_free(&new);
    back_free(&old);
}
END_TEST

START_TEST(what_the_block_lacks_is_not_taken)
{
    back_shape s = some_shape(400), more = some_shape(401);
    s.ffn.parts = _i == 0 ? GATED : HAS_WA | HAS_WD;
    more.ffn.parts = _i == 0 ? GATED | HAS_BB : HAS_WA | HAS_WB | HAS_WD;
    back_case old = back_new(&s), new = back_new(&more);
    clglu_ffn *ffn = ffn_create(context(), &old.ffn, FROM_HOST);
    for (ffn_source source = FROM_HOST; source < SOURCES; source++)
        ck_assert_int_eq(update(ffn, &new, source, NULL, 0, NULL, NULL), CLGLU_INVALID_VALUE);
    expect_weights(ffn, &old, "more than the block has");
    ck_assert_int_eq(clglu_ffn_update(NULL, &new.ffn.desc, NULL, 0, NULL, NULL), CLGLU_NULL_POINTER);
    clglu_ffn_destroy(ffn);
    back_free(&new);
    back_free(&old);
}
END_TEST

Suite *device_back_update_suite(void)
{
    Suite *s = suite_create("device_back_update");
    TCase *after = tcase_create("after"), *order = tcase_create("order"), *refused = tcase_create("refused");
    tcase_add_loop_test(after, an_updated_block_is_one_with_the_new_weights, 0, SOURCES * DTYPES * 5);
    tcase_add_loop_test(after, a_block_without_training_is_updated_too, 0, SOURCES);
    tcase_add_test(after, of_many_updates_the_last_one_holds);
    tcase_add_loop_test(after, host_arrays_may_change_when_it_has_returned, 0, 2);
    tcase_add_loop_test(order, calls_before_it_see_the_old_weights_and_those_after_it_the_new, 0, SOURCES);
    tcase_add_test(order, an_update_from_buffers_does_not_block_and_obeys_its_wait_list);
    tcase_add_loop_test(order, in_an_out_of_order_queue_events_hold_a_training_run_together, 0, SOURCES);
    tcase_add_loop_test(refused, a_misuse_gives_its_status_and_leaves_the_weights_as_they_were, 0,
                        (int)COUNT(misuses));
    tcase_add_loop_test(refused, what_the_block_lacks_is_not_taken, 0, 2);
    suite_add_tcase(s, after);
    suite_add_tcase(s, order);
    suite_add_tcase(s, refused);
    return s;
}
