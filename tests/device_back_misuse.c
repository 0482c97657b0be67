/* device_back_misuse.c - a backward that is refused gives its status, says why, writes nothing, enqueues
   nothing, makes no event. SPDX-License-Identifier: MIT */

#include "device_back.h"
#include "device_refusal.h"

#include <math.h>
#include <string.h>

/* One call on buffers with everything that can be wrong about it. */
typedef struct attempt {
    back_case c;
    clglu_ffn *ffn;
    back_buffers b;
    bool no_call, no_buffers;
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
    X(buffers_of_null, NULL_POINTER, "buffers", t->no_buffers = true)                                                 \
    X(no_dy, NULL_POINTER, "dy", lack(t, ASKS(GDY)))                                                                  \
    X(a_without_b, NULL_POINTER, "b", lack(t, ASKS(GB)))                                                              \
    X(b_without_a, NULL_POINTER, "a", lack(t, ASKS(GA)))                                                              \
    X(no_x_for_dwa, NULL_POINTER, "x", lack(t, ASKS(GX) | ASKS(GDWB)))                                                \
    X(no_x_for_dwb, NULL_POINTER, "x", lack(t, ASKS(GX) | ASKS(GDWA)))                                                \
    X(no_x_to_compute_a_and_b_again, NULL_POINTER, "x", lack(t, ASKS(GX) | ASKS(GA) | ASKS(GB) | ASKS(GDWA) | ASKS(GDWB))) \
    X(no_gradient, NULL_POINTER, "gradient", lack(t, ASK_GRADIENTS))                                                  \
    X(accumulate_of_two, INVALID_VALUE, "accumulate", t->c.call.accumulate = 2)                                       \
    X(accumulate_of_minus_one, INVALID_VALUE, "accumulate", t->c.call.accumulate = -1)                                \
    X(scale_of_infinity, INVALID_VALUE, "scale", t->c.call.scale = (float)INFINITY)                                   \
    X(scale_of_minus_infinity, INVALID_VALUE, "scale", t->c.call.scale = -(float)INFINITY)                            \
    X(scale_of_nan, INVALID_VALUE, "scale", t->c.call.scale = (float)NAN)                                             \
    X(weights_dtype_of_another_kind, INVALID_VALUE, "weights_dtype", t->c.call.weights_dtype = CLGLU_F16)             \
    X(weights_dtype_above_the_list, INVALID_VALUE, "weights_dtype", t->c.call.weights_dtype = (clglu_dtype)3)         \
    X(dy_dtype_below_the_list, INVALID_VALUE, "dy", t->c.call.dy_dtype = (clglu_dtype)-1)                             \
    X(dy_dtype_above_the_list, INVALID_VALUE, "dy", t->c.call.dy_dtype = (clglu_dtype)3)                              \
    X(x_dtype_above_the_list, INVALID_VALUE, "x", t->c.call.x_dtype = (clglu_dtype)3)                                 \
    X(ab_dtype_above_the_list, INVALID_VALUE, "a", t->c.call.ab_dtype = (clglu_dtype)3)                               \
    X(dx_dtype_above_the_list, INVALID_VALUE, "dx", t->c.call.dx_dtype = (clglu_dtype)3)                              \
    X(form_below_the_list, INVALID_VALUE, "choice", t->c.call.choice.form = (clglu_ffn_form)-1)                       \
    X(form_above_the_list, INVALID_VALUE, "choice", t->c.call.choice.form = (clglu_ffn_form)5)                        \
    X(row_tile_above_all, INVALID_VALUE, "choice", t->c.call.choice.row_tile = 257)                                   \
    X(tiles_above_all, INVALID_VALUE, "choice", t->c.call.choice.tiles = 257)                                         \
    X(a_queue_of_another_context, INVALID_VALUE, "queue", t->queue = clglu_context_queue(t->stranger))                \
    X(wait_list_without_events, INVALID_VALUE, "wait", t->nwait = 1)                                                  \
    X(wait_list_without_a_count, INVALID_VALUE, "wait", t->wait = &no_event)                                          \
    X(wait_list_with_null, INVALID_VALUE, "wait", (t->nwait = 1, t->wait = &no_event))                                \
    X(workspace_of_another_context, INVALID_VALUE, "workspace", t->workspace = strange(t))                            \
    X(workspace_read_only, INVALID_VALUE, "workspace", t->workspace = made_with(t, CL_MEM_READ_ONLY))                 \
    X(workspace_write_only, INVALID_VALUE, "workspace", t->workspace = made_with(t, CL_MEM_WRITE_ONLY))               \
    X(rows_at_the_edge, INVALID_SIZE, "dy", t->c.call.rows = SIZE_MAX)                                                \
    X(row_block_at_the_edge, INVALID_SIZE, "row_block", t->c.call.row_block = SIZE_MAX)                               \
    X(ld_of_dy_overflows, INVALID_SIZE, "dy", t->c.call.dy.ld = SIZE_MAX / 2)                                         \
    X(inc_of_dx_overflows, INVALID_SIZE, "dx", t->c.call.dx.inc = SIZE_MAX / 2)                                       \
    X(ld_of_dwd_overflows, INVALID_SIZE, "dwd", t->c.call.dwd.ld = SIZE_MAX / 2)                                      \
    X(inc_of_dba_overflows, INVALID_SIZE, "dba", t->c.call.dba.inc = SIZE_MAX / 2)                                    \
    X(bytes_of_dwa_overflow, INVALID_SIZE, "dwa", t->c.call.dwa.offset = SIZE_MAX / 4)                                \
    X(rows_of_dx_on_one_another, INVALID_VIEW, "dx", t->c.call.dx.ld = 1)                                             \
    X(rows_of_dx_that_overlap, INVALID_VIEW, "dx", t->c.call.dx.ld = D_MODEL - 1)                                     \
    X(columns_of_dwa_on_the_next_row, INVALID_VIEW, "dwa", (t->c.call.dwa.inc = 2, t->c.call.dwa.ld = 2))             \
    X(rows_of_dwb_on_one_another, INVALID_VIEW, "dwb", (t->c.call.dwb.inc = 1, t->c.call.dwb.ld = 1))                 \
    X(rows_of_dwd_that_overlap, INVALID_VIEW, "dwd", (t->c.call.dwd.inc = 1, t->c.call.dwd.ld = D_OUT - 1))           \
    X(a_row_too_many, BUFFER_TOO_SMALL, "dy", t->c.call.rows = ROWS + 1)                                              \
    X(rows_without_end, BUFFER_TOO_SMALL, "dy", t->c.call.rows = (size_t)1 << 40)                                     \
    X(x_at_offset_one, BUFFER_TOO_SMALL, "x", t->c.call.x.offset = 1)                                                 \
    X(dx_with_a_long_ld, BUFFER_TOO_SMALL, "dx", t->c.call.dx.ld = 1000)                                              \
    X(dbd_with_a_long_inc, BUFFER_TOO_SMALL, "dbd", t->c.call.dbd.inc = 2)                                            \
    X(workspace_too_short_by_a_byte, BUFFER_TOO_SMALL, "workspace", t->workspace = with_bytes(t, least_workspace(t) - 1)) \
    X(dx_is_dy, OVERLAP, "dx", (share(t, GDY, 0), share(t, GDX, 0)))                                                  \
    X(dx_is_x, OVERLAP, "dx", (share(t, GX, 0), share(t, GDX, 0)))                                                    \
    X(dx_begins_at_the_last_element_of_x, OVERLAP, "dx", (share(t, GX, 0), share(t, GDX, ROWS * D_MODEL - 1)))        \
    X(dx_ends_in_a, OVERLAP, "dx", (share(t, GA, ROWS * D_MODEL - 1), share(t, GDX, 0)))                              \
    X(dwa_is_x, OVERLAP, "dwa", (share(t, GX, 3), share(t, GDWA, 0)))                                                 \
    X(dwd_is_b, OVERLAP, "dwd", (share(t, GB, 0), share(t, GDWD, 5)))                                                 \
    X(dwd_is_dx, OVERLAP, "dwd", (share(t, GDX, 0), share(t, GDWD, 5)))                                               \
    X(dwb_is_dwa, OVERLAP, "dwb", (share(t, GDWA, 0), share(t, GDWB, 0)))                                             \
    X(dwa_and_dwb_overlap_by_an_element, OVERLAP, "dwb", (share(t, GDWA, 0), share(t, GDWB, D_MODEL * D_FF - 1)))     \
    X(panels_of_dwa_and_dwb_that_overlap, OVERLAP, "dwb", packed(t, D_FF - 1, 2 * D_FF, 1))                           \
    X(dwa_and_dwb_interleaved_by_two, OVERLAP, "dwb", packed(t, 2, 2 * D_FF, 2))                                      \
    X(dbb_is_dba, OVERLAP, "dbb", (share(t, GDBA, 0), share(t, GDBB, 0)))                                             \
    X(dbb_begins_in_dba, OVERLAP, "dbb", (share(t, GDBA, 0), share(t, GDBB, D_FF - 1)))                               \
    X(dbd_is_in_dwd, OVERLAP, "dbd", (share(t, GDWD, 0), share(t, GDBD, 9)))                                          \
    X(overflow_is_dba, OVERLAP, "overflow", (share(t, GDBA, 0), t->b.of[GFLAG] = arena(t)))                           \
    X(overflow_is_a_weight_gradient, OVERLAP, "overflow", (share(t, GDWD, 0), t->b.of[GFLAG] = arena(t)))             \
    X(overflow_is_dy, OVERLAP, "overflow", (share(t, GDY, 0), t->b.of[GFLAG] = arena(t)))                             \
    X(dx_between_the_elements_of_dy, OVERLAP, "dx", (share(t, GDY, 0), share(t, GDX, 1), t->c.call.dy.inc = t->c.call.dx.inc = 2)) \
    X(dwd_in_a_part_of_the_buffer_of_x, OVERLAP, "dwd", (share(t, GX, 0), t->b.of[GDWD] = part(t, t->b.of[GX])))
/* clang-format on */

static cl_mem with_bytes(attempt *t, size_t bytes) { return own_bytes(&t->own, bytes); }
static cl_mem strange(attempt *t) { return own_strange(&t->own, t->stranger); }
static cl_mem made_with(attempt *t, cl_mem_flags flags) { return own_made_with(&t->own, flags); }
static cl_mem arena(attempt *t) { return own_arena(&t->own); }
static cl_mem part(attempt *t, cl_mem whole) { return own_part(&t->own, whole); }

static size_t least_workspace(const attempt *t)
{
    size_t bytes = 0;
    ck_assert_int_eq(clglu_ffn_backward_workspace(t->ffn, &t->c.call, &bytes), CLGLU_OK);
    return bytes;
}

/* Neither the buffers nor the host arrays are there. */
static void lack(attempt *t, unsigned set)
{
    for (back_array g = GDY; g < BACK_ARRAYS; g++) {
        if (!(set & ASKS(g))) continue;
        t->b.of[g] = NULL;
        back_drop(&t->c, g);
    }
}

static void share(attempt *t, back_array g, size_t offset)
{
    t->b.of[g] = arena(t);
    back_view(&t->c, g)->offset = offset;
}

static void packed(attempt *t, size_t second, size_t ld, size_t inc)
{
    t->b.of[GDWA] = t->b.of[GDWB] = arena(t);
    t->c.call.dwa = (clglu_view){0, ld, inc};
    t->c.call.dwb = (clglu_view){second, ld, inc};
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

static size_t bytes_of(const back_case *c, back_array g)
{
    return back_rows(c, g) * back_cols(c, g) * clglu_dtype_size(back_dtype(c, g));
}

/* Every operand that there is, in buffers that end where the views do. */
static attempt good_attempt(void)
{
    back_shape s = {.ffn = {.parts = GATED | BIASED | ASK_A | ASK_B,
                            .rows = ROWS,
                            .d_model = D_MODEL,
                            .d_ff = D_FF,
                            .d_out = D_OUT,
                            .act = CLGLU_ACT_GELU,
                            .seed = 360}};
    attempt t = {.c = back_new(&s)};
    clglu_context_params params = {.no_self_test = 1};
    t.ffn = ffn_create(context(), &t.c.ffn, FROM_HOST);
    for (back_array g = GDY; g < BACK_ARRAYS; g++)
        t.b.of[g] = own(&t.own, buffer_new(context(), t.c.at[g], bytes_of(&t.c, g)));
    ck_assert_int_eq(clglu_context_open(device_selector(), &params, &t.stranger), CLGLU_OK);
    return t;
}

static void free_attempt(attempt *t)
{
    release_owned(&t->own);
    clglu_ffn_destroy(t->ffn);
    back_free(&t->c);
    clglu_context_close(t->stranger);
}

static clglu_status make(void *user, cl_event *event)
{
    attempt *t = user;
    if (t->no_buffers)
        return clglu_ffn_backward(t->ffn, &t->c.call, t->queue, NULL, t->nwait, t->wait, event);
    if (!t->no_call)
        return back_enqueue(t->ffn, &t->c, t->queue, &t->b, t->workspace, t->nwait, t->wait, event);
    clglu_ffn_gradients g = {.dy = t->b.of[GDY], .x = t->b.of[GX], .dx = t->b.of[GDX]};
    return clglu_ffn_backward(t->ffn, NULL, t->queue, &g, t->nwait, t->wait, event);
}

static void expect_refused(attempt *t, clglu_status status, const char *word, const char *what)
{
    expect_call_refused(&t->own, make, t, status, word, what);
}

static void expect_taken(attempt *t, const char *what) { expect_call_taken(make, t, what); }

START_TEST(a_misuse_gives_its_status_and_has_no_effect)
{
    attempt t = good_attempt();
    misuses[_i].change(&t);
    expect_refused(&t, misuses[_i].status, misuses[_i].word, misuses[_i].name);
    free_attempt(&t);
}
END_TEST

START_TEST(the_same_call_without_misuse_is_taken)
{
    attempt t = good_attempt();
    expect_taken(&t, "a good call");
    free_attempt(&t);
}
END_TEST

/* What has to do with neither buffers nor queues. */
static bool is_about_buffers(const struct misuse *m)
{
    return m->status == CLGLU_BUFFER_TOO_SMALL || m->status == CLGLU_OVERLAP || strstr(m->name, "buffers") ||
           strstr(m->name, "queue") || strstr(m->name, "wait") || strstr(m->name, "workspace");
}

START_TEST(host_twin_and_emulation_refuse_the_same)
{
    const struct misuse *m = &misuses[_i];
    if (is_about_buffers(m)) return;
    attempt t = good_attempt();
    m->change(&t);
    back_case before = back_copy(&t.c);
    clglu_ffn_gradients_host arrays = back_host(&t.c);
    const clglu_ffn_backward_call *k = t.no_call ? NULL : &t.c.call;
    clglu_status twin = clglu_ffn_backward_host(t.ffn, k, &arrays);
    const char *text = clglu_context_error(context());
    ck_assert_msg(strstr(text, m->word) != NULL, "%s: the twin's text \"%s\" does not speak of it", m->name,
                  text);
    clglu_status emulation = clglu_emulate_ffn_backward(&t.c.ffn.desc, k, &arrays);
    ck_assert_msg(twin == m->status && emulation == m->status, "%s: twin %s, emulation %s", m->name,
                  clglu_status_name(twin), clglu_status_name(emulation));
    for (back_array g = GDY; g < BACK_ARRAYS; g++)
        if (before.at[g]) ck_assert_mem_eq(t.c.at[g], before.at[g], array_bytes(before.at[g]));
    back_free(&before);
    free_attempt(&t);
}
END_TEST

/* ---------------------------------------------------------------- the same of every operand */

START_TEST(an_operand_of_another_context_is_refused)
{
    back_array g = (back_array)_i;
    attempt t = good_attempt();
    t.b.of[g] = strange(&t);
    expect_refused(&t, CLGLU_INVALID_VALUE, back_name(g), "of another context");
    free_attempt(&t);
}
END_TEST

START_TEST(an_operand_too_short_by_a_byte_is_refused)
{
    back_array g = (back_array)_i;
    attempt t = good_attempt();
    t.b.of[g] = with_bytes(&t, bytes_of(&t.c, g) - 1);
    expect_refused(&t, CLGLU_BUFFER_TOO_SMALL, back_name(g), "too short");
    free_attempt(&t);
}
END_TEST

START_TEST(an_offset_that_overflows_is_refused)
{
    back_array g = (back_array)_i;
    attempt t = good_attempt();
    back_view(&t.c, g)->offset = SIZE_MAX;
    expect_refused(&t, CLGLU_INVALID_SIZE, back_name(g), "an offset that overflows");
    free_attempt(&t);
}
END_TEST

START_TEST(a_workspace_that_is_an_operand_is_refused)
{
    attempt t = good_attempt();
    t.workspace = t.b.of[_i] = with_bytes(&t, 1 << 20);
    expect_refused(&t, CLGLU_OVERLAP, "workspace", back_name((back_array)_i));
    free_attempt(&t);
}
END_TEST

/* Inputs are read, outputs written. A gradient is read where sums go on from it, over accumulations or row blocks, and where the flag
   is asked for. */
START_TEST(an_operand_that_may_not_be_used_so_is_refused)
{
    back_array g = (back_array)digit(&_i, BACK_ARRAYS);
    bool read_only = digit(&_i, 2), input = g < GDX;
    attempt t = good_attempt();
    t.c.call.accumulate = _i;
    t.b.of[g] = made_with(&t, read_only ? CL_MEM_READ_ONLY : CL_MEM_WRITE_ONLY);
    if (read_only ? !input : g != GFLAG) expect_refused(&t, CLGLU_INVALID_VALUE, back_name(g), "flags");
    if (read_only && input) expect_taken(&t, "an input that is only read");
    if (!read_only && g == GFLAG) expect_taken(&t, "a flag that is only written");
    free_attempt(&t);
}
END_TEST

START_TEST(a_gradient_that_is_not_read_may_be_write_only)
{
    back_array g = (back_array)(GDX + digit(&_i, GFLAG - GDX));
    bool added = _i && g != GDX;
    attempt t = good_attempt();
    lack(&t, ASKS(GFLAG));
    t.c.call.accumulate = _i;
    t.b.of[g] = made_with(&t, CL_MEM_WRITE_ONLY);
    if (added) expect_refused(&t, CLGLU_INVALID_VALUE, back_name(g), "added to");
    else expect_taken(&t, "a gradient that is only written");
    free_attempt(&t);
}
END_TEST

START_TEST(a_block_of_null_is_refused)
{
    attempt t = good_attempt();
    clglu_ffn *ffn = t.ffn;
    clglu_ffn_gradients_host arrays = back_host(&t.c);
    cl_event untouched = (cl_event)(uintptr_t)0x1234, event = untouched;
    size_t bytes = 77;
    t.ffn = NULL;
    ck_assert_int_eq(make(&t, &event), CLGLU_NULL_POINTER);
    ck_assert_ptr_eq(event, untouched);
    ck_assert_int_eq(clglu_ffn_backward_host(NULL, &t.c.call, &arrays), CLGLU_NULL_POINTER);
    ck_assert_int_eq(clglu_ffn_backward_host(ffn, &t.c.call, NULL), CLGLU_NULL_POINTER);
    ck_assert_int_eq(clglu_ffn_backward_workspace(NULL, &t.c.call, &bytes), CLGLU_NULL_POINTER);
    ck_assert_uint_eq(bytes, 77);
    t.ffn = ffn;
    free_attempt(&t);
}
END_TEST

Suite *device_back_misuse_suite(void)
{
    Suite *s = suite_create("device_back_misuse");
    TCase *refused = tcase_create("refused"), *operands = tcase_create("operands");
    tcase_add_test(refused, the_same_call_without_misuse_is_taken);
    tcase_add_loop_test(refused, a_misuse_gives_its_status_and_has_no_effect, 0, (int)COUNT(misuses));
    tcase_add_loop_test(refused, host_twin_and_emulation_refuse_the_same, 0, (int)COUNT(misuses));
    tcase_add_loop_test(operands, an_operand_of_another_context_is_refused, 0, BACK_ARRAYS);
    tcase_add_loop_test(operands, an_operand_too_short_by_a_byte_is_refused, 0, BACK_ARRAYS);
    tcase_add_loop_test(operands, an_offset_that_overflows_is_refused, 0, GFLAG);
    tcase_add_loop_test(operands, a_workspace_that_is_an_operand_is_refused, 0, BACK_ARRAYS);
    tcase_add_loop_test(operands, an_operand_that_may_not_be_used_so_is_refused, 0, BACK_ARRAYS * 2 * 2);
    tcase_add_loop_test(operands, a_gradient_that_is_not_read_may_be_write_only, 0, (GFLAG - GDX) * 2);
    tcase_add_test(refused, a_block_of_null_is_refused);
    suite_add_tcase(s, refused);
    suite_add_tcase(s, operands);
    return s;
}
