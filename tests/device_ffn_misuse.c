/* device_ffn_misuse.c - a call of a block that is refused gives its status, says why, writes nothing,
   enqueues nothing, makes no event. SPDX-License-Identifier: MIT */

#include "device_ffn.h"
#include "device_refusal.h"

#include <string.h>

/* One call on buffers with everything that can be wrong about it. */
typedef struct attempt {
    ffn_case c;
    clglu_ffn *ffn;
    ffn_buffers b;
    bool no_call;
    cl_mem workspace;
    cl_command_queue queue;
    cl_uint nwait;
    const cl_event *wait;
    clglu_context *stranger;
    owned own;
} attempt;

enum { ROWS = 4, D_MODEL = 6, D_FF = 7, D_OUT = 5 };

static const cl_event no_event = NULL;

/* Misuse, status, a word of the error text, what is done to a good call. */
/* clang-format off */
#define MISUSES(X)                                                                                                    \
    X(a_call_of_null, NULL_POINTER, "call", t->no_call = true)                                                        \
    X(no_x, NULL_POINTER, "x", t->b.of[FX] = NULL)                                                                    \
    X(no_y, NULL_POINTER, "y", t->b.of[FY] = NULL)                                                                    \
    X(x_dtype_below_the_list, INVALID_VALUE, "x_dtype", t->c.call.x_dtype = (clglu_dtype)-1)                          \
    X(x_dtype_above_the_list, INVALID_VALUE, "x_dtype", t->c.call.x_dtype = (clglu_dtype)3)                           \
    X(y_dtype_above_the_list, INVALID_VALUE, "y_dtype", t->c.call.y_dtype = (clglu_dtype)3)                           \
    X(ab_dtype_above_the_list, INVALID_VALUE, "ab_dtype", t->c.call.ab_dtype = (clglu_dtype)3)                        \
    X(form_below_the_list, INVALID_VALUE, "choice", t->c.call.choice.form = (clglu_ffn_form)-1)                       \
    X(form_above_the_list, INVALID_VALUE, "choice", t->c.call.choice.form = (clglu_ffn_form)5)                        \
    X(row_tile_above_all, INVALID_VALUE, "choice", t->c.call.choice.row_tile = 257)                                   \
    X(tiles_above_all, INVALID_VALUE, "choice", t->c.call.choice.tiles = 257)                                         \
    X(a_queue_of_another_context, INVALID_VALUE, "queue", t->queue = clglu_context_queue(t->stranger))                \
    X(wait_list_without_events, INVALID_VALUE, "wait", t->nwait = 1)                                                  \
    X(wait_list_without_a_count, INVALID_VALUE, "wait", t->wait = &no_event)                                          \
    X(wait_list_with_null, INVALID_VALUE, "wait", (t->nwait = 1, t->wait = &no_event))                                \
    X(x_of_another_context, INVALID_VALUE, "x", t->b.of[FX] = strange(t))                                             \
    X(y_of_another_context, INVALID_VALUE, "y", t->b.of[FY] = strange(t))                                             \
    X(a_of_another_context, INVALID_VALUE, "a", t->b.of[FA] = strange(t))                                             \
    X(workspace_of_another_context, INVALID_VALUE, "workspace", t->workspace = strange(t))                            \
    X(x_write_only, INVALID_VALUE, "x", t->b.of[FX] = made_with(t, CL_MEM_WRITE_ONLY))                                \
    X(y_read_only, INVALID_VALUE, "y", t->b.of[FY] = made_with(t, CL_MEM_READ_ONLY))                                  \
    X(a_read_only, INVALID_VALUE, "a", t->b.of[FA] = made_with(t, CL_MEM_READ_ONLY))                                  \
    X(b_read_only, INVALID_VALUE, "b", t->b.of[FB] = made_with(t, CL_MEM_READ_ONLY))                                  \
    X(workspace_read_only, INVALID_VALUE, "workspace", t->workspace = made_with(t, CL_MEM_READ_ONLY))                 \
    X(rows_at_the_edge, INVALID_SIZE, "x", t->c.call.rows = SIZE_MAX)                                                 \
    X(row_block_at_the_edge, INVALID_SIZE, "row_block", t->c.call.row_block = SIZE_MAX)                               \
    X(ld_of_x_overflows, INVALID_SIZE, "x", t->c.call.x.ld = SIZE_MAX / 2)                                            \
    X(inc_of_x_overflows, INVALID_SIZE, "x", t->c.call.x.inc = SIZE_MAX / 2)                                          \
    X(offset_of_x_overflows, INVALID_SIZE, "x", t->c.call.x.offset = SIZE_MAX)                                        \
    X(bytes_of_y_overflow, INVALID_SIZE, "y", t->c.call.y.offset = SIZE_MAX / 4)                                      \
    X(offset_of_a_overflows, INVALID_SIZE, "a", t->c.call.a.offset = SIZE_MAX)                                        \
    X(ld_of_b_overflows, INVALID_SIZE, "b", t->c.call.b.ld = SIZE_MAX / 2)                                            \
    X(rows_of_y_on_one_another, INVALID_VIEW, "y", t->c.call.y.ld = 1)                                                \
    X(rows_of_y_that_overlap, INVALID_VIEW, "y", t->c.call.y.ld = D_OUT - 1)                                          \
    X(columns_of_a_on_the_next_row, INVALID_VIEW, "a", (t->c.call.a.inc = 2, t->c.call.a.ld = 2))                     \
    X(rows_of_b_on_one_another, INVALID_VIEW, "b", t->c.call.b.ld = 1)                                                \
    X(a_row_too_many, BUFFER_TOO_SMALL, "x", t->c.call.rows = ROWS + 1)                                               \
    X(rows_without_end, BUFFER_TOO_SMALL, "x", t->c.call.rows = (size_t)1 << 40)                                      \
    X(x_at_offset_one, BUFFER_TOO_SMALL, "x", t->c.call.x.offset = 1)                                                 \
    X(x_too_short_by_a_byte, BUFFER_TOO_SMALL, "x", t->b.of[FX] = with_bytes(t, ROWS * D_MODEL * 4 - 1))              \
    X(y_too_short_by_a_byte, BUFFER_TOO_SMALL, "y", t->b.of[FY] = with_bytes(t, ROWS * D_OUT * 4 - 1))                \
    X(a_too_short_by_a_byte, BUFFER_TOO_SMALL, "a", t->b.of[FA] = with_bytes(t, ROWS * D_FF * 4 - 1))                 \
    X(b_too_short_by_a_byte, BUFFER_TOO_SMALL, "b", t->b.of[FB] = with_bytes(t, ROWS * D_FF * 4 - 1))                 \
    X(y_with_a_long_ld, BUFFER_TOO_SMALL, "y", t->c.call.y.ld = 1000)                                                 \
    X(workspace_too_short_by_a_byte, BUFFER_TOO_SMALL, "workspace", t->workspace = with_bytes(t, least_workspace(t) - 1)) \
    X(y_is_x, OVERLAP, "y", (share(t, FX, 0), share(t, FY, 0)))                                                       \
    X(y_begins_at_the_last_element_of_x, OVERLAP, "y", (share(t, FX, 0), share(t, FY, ROWS * D_MODEL - 1)))           \
    X(y_ends_in_x, OVERLAP, "y", (share(t, FX, ROWS * D_OUT - 1), share(t, FY, 0)))                                   \
    X(a_is_x, OVERLAP, "a", (share(t, FX, 0), share(t, FA, 0)))                                                       \
    X(b_is_x, OVERLAP, "b", (share(t, FX, 0), share(t, FB, 0)))                                                       \
    X(a_is_y, OVERLAP, "a", (share(t, FY, 0), share(t, FA, 0)))                                                       \
    X(b_is_y, OVERLAP, "b", (share(t, FY, 3), share(t, FB, 0)))                                                       \
    X(a_is_b, OVERLAP, "b", (share(t, FA, 0), share(t, FB, 0)))                                                       \
    X(a_and_b_overlap_by_an_element, OVERLAP, "b", (share(t, FA, 0), share(t, FB, ROWS * D_FF - 1)))                  \
    X(panels_of_a_and_b_that_overlap, OVERLAP, "b", packed(t, D_FF - 1, 2 * D_FF, 1))                                 \
    X(a_and_b_interleaved_by_two, OVERLAP, "b", packed(t, 2, 2 * D_FF, 2))                                            \
    X(y_between_the_elements_of_x, OVERLAP, "y", (share(t, FX, 0), share(t, FY, 1), t->c.call.x.inc = t->c.call.y.inc = 2))    \
    X(y_in_a_part_of_the_buffer_of_x, OVERLAP, "y", (share(t, FX, 0), t->b.of[FY] = part(t, t->b.of[FX])))            \
    X(workspace_is_x, OVERLAP, "workspace", t->workspace = t->b.of[FX] = large(t))                                    \
    X(workspace_is_y, OVERLAP, "workspace", t->workspace = t->b.of[FY] = large(t))                                    \
    X(workspace_is_b, OVERLAP, "workspace", t->workspace = t->b.of[FB] = large(t))
/* clang-format on */

static cl_mem with_bytes(attempt *t, size_t bytes) { return own_bytes(&t->own, bytes); }
static cl_mem large(attempt *t) { return with_bytes(t, 1 << 20); }
static cl_mem strange(attempt *t) { return own_strange(&t->own, t->stranger); }
static cl_mem made_with(attempt *t, cl_mem_flags flags) { return own_made_with(&t->own, flags); }
static cl_mem arena(attempt *t) { return own_arena(&t->own); }
static cl_mem part(attempt *t, cl_mem whole) { return own_part(&t->own, whole); }

static size_t least_workspace(const attempt *t)
{
    size_t bytes = 0;
    ck_assert_int_eq(clglu_ffn_workspace(t->ffn, &t->c.call, &bytes), CLGLU_OK);
    return bytes;
}

static void share(attempt *t, ffn_array f, size_t offset)
{
    t->b.of[f] = arena(t);
    ffn_view(&t->c, f)->offset = offset;
}

static void packed(attempt *t, size_t second, size_t ld, size_t inc)
{
    t->b.of[FA] = t->b.of[FB] = arena(t);
    t->c.call.a = (clglu_view){0, ld, inc};
    t->c.call.b = (clglu_view){second, ld, inc};
}

#define MISUSE_FUNCTION(name, status, word, change)                                                          \
    static void name(attempt *t) { change; }
MISUSES(MISUSE_FUNCTION)
#undef MISUSE_FUNCTION

#define MISUSE_ROW(name, status, word, change) {#name, CLGLU_##status, word, name},
static const struct misuse {
    const char *name;
    clglu_status status;
    const char *word;
    void (*change)(attempt *);
} misuses[] = {MISUSES(MISUSE_ROW)};
#undef MISUSE_ROW

/* ---------------------------------------------------------------- attempts */

/* Buffers that end where the views do. */
static attempt good_attempt(void)
{
    ffn_shape s = {.parts = GATED | BIASED | ASK_A | ASK_B,
                   .rows = ROWS,
                   .d_model = D_MODEL,
                   .d_ff = D_FF,
                   .d_out = D_OUT,
                   .act = CLGLU_ACT_GELU,
                   .seed = 110};
    attempt t = {.c = ffn_new(&s)};
    t.ffn = ffn_create(context(), &t.c, FROM_HOST);
    for (ffn_array f = FX; f < FFN_ARRAYS; f++)
        t.b.of[f] = own(&t.own, buffer_new(context(), t.c.at[f], ROWS * ffn_cols(&t.c, f) * sizeof(float)));
    return t;
}

static void free_attempt(attempt *t)
{
    release_owned(&t->own);
    clglu_ffn_destroy(t->ffn);
    ffn_free(&t->c);
}

static clglu_status make(void *user, cl_event *event)
{
    const attempt *t = user;
    return clglu_ffn_forward(t->ffn, t->no_call ? NULL : &t->c.call, t->queue, t->b.of[FX], t->b.of[FY],
                             t->b.of[FA], t->b.of[FB], t->workspace, t->nwait, t->wait, event);
}

static void expect_refused(attempt *t, const struct misuse *m)
{
    expect_call_refused(&t->own, make, t, m->status, m->word, m->name);
}

START_TEST(a_misuse_gives_its_status_and_has_no_effect)
{
    clglu_context_params params = {.no_self_test = 1};
    attempt t = good_attempt();
    ck_assert_int_eq(clglu_context_open(device_selector(), &params, &t.stranger), CLGLU_OK);
    misuses[_i].change(&t);
    expect_refused(&t, &misuses[_i]);
    clglu_context *stranger = t.stranger;
    free_attempt(&t);
    clglu_context_close(stranger);
}
END_TEST

START_TEST(the_same_call_without_misuse_is_taken)
{
    attempt t = good_attempt();
    expect_call_taken(make, &t, "a good call");
    free_attempt(&t);
}
END_TEST

/* Views, sizes, enums: what has to do with neither buffers nor queues. */
static bool is_about_buffers(const struct misuse *m)
{
    return m->status == CLGLU_BUFFER_TOO_SMALL || m->status == CLGLU_OVERLAP ||
           m->status == CLGLU_NULL_POINTER || strstr(m->name, "queue") || strstr(m->name, "wait") ||
           strstr(m->name, "context") || strstr(m->name, "only");
}

START_TEST(host_twin_and_emulation_refuse_the_same)
{
    if (is_about_buffers(&misuses[_i])) return;
    attempt t = good_attempt();
    ffn_case before = ffn_copy(&t.c);
    misuses[_i].change(&t);
    clglu_status twin = ffn_run(context(), t.ffn, &t.c, ON_HOST), emulation = ffn_emulate(&t.c);
    ck_assert_msg(twin == misuses[_i].status && emulation == misuses[_i].status, "%s: twin %s, emulation %s",
                  misuses[_i].name, clglu_status_name(twin), clglu_status_name(emulation));
    for (ffn_array f = FX; f < FFN_ARRAYS; f++)
        ck_assert_mem_eq(t.c.at[f], before.at[f], array_bytes(before.at[f]));
    ffn_free(&before);
    free_attempt(&t);
}
END_TEST

START_TEST(host_arrays_that_overlap_or_lack_are_refused)
{
    attempt t = good_attempt();
    float *x = t.c.at[FX], *y = t.c.at[FY], *a = t.c.at[FA], *b = t.c.at[FB];
    const clglu_ffn_call *k = &t.c.call;
    ffn_case before = ffn_copy(&t.c);
    const struct {
        const clglu_ffn_call *k;
        float *x, *y, *a, *b;
        clglu_status status;
    } calls[] = {{k, x, x, NULL, NULL, CLGLU_OVERLAP},   {k, x, x + D_MODEL, NULL, NULL, CLGLU_OVERLAP},
                 {k, x, y, y, NULL, CLGLU_OVERLAP},      {k, x, y, a, a + 1, CLGLU_OVERLAP},
                 {k, x, y, NULL, x, CLGLU_OVERLAP},      {NULL, x, y, a, b, CLGLU_NULL_POINTER},
                 {k, NULL, y, a, b, CLGLU_NULL_POINTER}, {k, x, NULL, a, b, CLGLU_NULL_POINTER}};
    for (size_t i = 0; i < COUNT(calls); i++) {
        clglu_status s =
            clglu_ffn_forward_host(t.ffn, calls[i].k, calls[i].x, calls[i].y, calls[i].a, calls[i].b);
        clglu_status e =
            clglu_emulate_ffn_forward(&t.c.desc, calls[i].k, calls[i].x, calls[i].y, calls[i].a, calls[i].b);
        ck_assert_msg(s == calls[i].status && e == calls[i].status, "call %zu: twin %s, emulation %s", i,
                      clglu_status_name(s), clglu_status_name(e));
    }
    expect_ffn_same(&t.c, &before, "refused on the host");
    ffn_free(&before);
    free_attempt(&t);
}
END_TEST

START_TEST(a_block_of_null_is_refused)
{
    attempt t = good_attempt();
    clglu_ffn *ffn = t.ffn;
    cl_event untouched = (cl_event)(uintptr_t)0x1234, event = untouched;
    t.ffn = NULL;
    ck_assert_int_eq(make(&t, &event), CLGLU_NULL_POINTER);
    ck_assert_ptr_eq(event, untouched);
    ck_assert_int_eq(clglu_ffn_forward_host(NULL, &t.c.call, t.c.at[FX], t.c.at[FY], NULL, NULL),
                     CLGLU_NULL_POINTER);
    t.ffn = ffn;
    free_attempt(&t);
}
END_TEST

/* a needs wa, b needs wb. */
START_TEST(what_the_block_lacks_cannot_be_asked_for)
{
    unsigned parts = _i ? HAS_WA | HAS_WD : HAS_WB | HAS_WD;
    ffn_shape s = {.parts = parts, .rows = 2, .d_model = 8, .d_ff = 8, .act = CLGLU_ACT_GELU, .seed = 111};
    ffn_case c = ffn_new(&s);
    clglu_ffn *ffn = ffn_create(context(), &c, FROM_HOST);
    ffn_lay_call(&c, _i ? ASK_B : ASK_A, 2, DENSE, 111);
    ffn_case before = ffn_copy(&c);
    for (ffn_route route = ON_BUFFERS; route < ROUTES; route++) {
        ck_assert_int_eq(ffn_run(context(), ffn, &c, route), CLGLU_INVALID_VALUE);
        ck_assert_ptr_nonnull(strstr(clglu_context_error(context()), _i ? "wb" : "wa"));
    }
    ck_assert_int_eq(ffn_emulate(&c), CLGLU_INVALID_VALUE);
    expect_ffn_same(&c, &before, "what the block lacks");
    clglu_ffn_destroy(ffn);
    ffn_free(&before);
    ffn_free(&c);
}
END_TEST

/* ---------------------------------------------------------------- what is allowed */

static cl_mem next_part(attempt *t, cl_mem pool, size_t *at, size_t bytes)
{
    enum { ALIGNMENT = 4096 }; /* more than any device asks for */
    cl_int error;
    cl_buffer_region region = {*at, bytes};
    cl_mem m = clCreateSubBuffer(pool, 0, CL_BUFFER_CREATE_TYPE_REGION, &region, &error);
    ck_assert_int_eq(error, CL_SUCCESS);
    *at += (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    return own(&t->own, m);
}

/* A program's pool of device memory. */
START_TEST(operands_and_workspace_may_be_parts_of_one_buffer)
{
    attempt t = good_attempt();
    size_t at = 0;
    cl_mem pool = large(&t);
    for (ffn_array f = FX; f < FFN_ARRAYS; f++)
        t.b.of[f] = next_part(&t, pool, &at, ROWS * ffn_cols(&t.c, f) * sizeof(float));
    t.workspace = next_part(&t, pool, &at, least_workspace(&t));
    ck_assert_int_eq(clEnqueueWriteBuffer(clglu_context_queue(context()), t.b.of[FX], CL_TRUE, 0,
                                          ROWS * D_MODEL * sizeof(float), t.c.at[FX], 0, NULL, NULL),
                     CL_SUCCESS);
    clglu_status s = make(&t, NULL);
    ck_assert_msg(s == CLGLU_OK, "%s: %s", clglu_status_name(s), clglu_context_error(context()));
    ffn_case got = ffn_copy(&t.c), want = ffn_emulated(&t.c);
    for (ffn_array f = FX; f < FFN_ARRAYS; f++)
        buffer_read(context(), t.b.of[f], got.at[f], ROWS * ffn_cols(&t.c, f) * sizeof(float));
    expect_ffn_same(&got, &want, "parts of one buffer");
    ffn_free(&got);
    ffn_free(&want);
    free_attempt(&t);
}
END_TEST

/* x in windows that overlap; x, y, a and b in one buffer beside each other; a and b packed into one tensor.
 */
START_TEST(operands_may_lie_beside_each_other_in_one_buffer)
{
    attempt t = good_attempt();
    size_t at = 0;
    for (ffn_array f = FX; f < FFN_ARRAYS; f++) {
        share(&t, f, at);
        at += ROWS * ffn_cols(&t.c, f);
    }
    ck_assert_int_eq(make(&t, NULL), CLGLU_OK);
    packed(&t, 1, 2 * D_FF, 2);
    share(&t, FX, 500);
    share(&t, FY, 600);
    ck_assert_int_eq(make(&t, NULL), CLGLU_OK);
    packed(&t, D_FF, 2 * D_FF, 1);
    ck_assert_int_eq(make(&t, NULL), CLGLU_OK);
    t.c.call.x.ld = 1;
    ck_assert_int_eq(make(&t, NULL), CLGLU_OK);
    ck_assert_int_eq(clFinish(clglu_context_queue(context())), CL_SUCCESS);
    free_attempt(&t);
}
END_TEST

Suite *device_ffn_misuse_suite(void)
{
    Suite *s = suite_create("device_ffn_misuse");
    TCase *refused = tcase_create("refused"), *taken = tcase_create("taken");
    tcase_add_test(refused, the_same_call_without_misuse_is_taken);
    tcase_add_loop_test(refused, a_misuse_gives_its_status_and_has_no_effect, 0, (int)COUNT(misuses));
    tcase_add_loop_test(refused, host_twin_and_emulation_refuse_the_same, 0, (int)COUNT(misuses));
    tcase_add_test(refused, host_arrays_that_overlap_or_lack_are_refused);
    tcase_add_test(refused, a_block_of_null_is_refused);
    tcase_add_loop_test(refused, what_the_block_lacks_cannot_be_asked_for, 0, 2);
    tcase_add_test(taken, operands_and_workspace_may_be_parts_of_one_buffer);
    tcase_add_test(taken, operands_may_lie_beside_each_other_in_one_buffer);
    suite_add_tcase(s, refused);
    suite_add_tcase(s, taken);
    return s;
}
