/* device.h - what the tests on a device share: the context, arrays that know their size, and calls that can be made
   by three routes. SPDX-License-Identifier: MIT */

/* A `call` is one call of an operator with its descriptor and its arrays in host memory. It can be made on buffers,
   by a host twin or by the emulation; since all three work on copies of the same arrays, whole arrays are compared
   afterwards, with the gaps between the elements. */
#ifndef TEST_DEVICE_H
#define TEST_DEVICE_H

#include "clglu.h"

#include <check.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* ---------------------------------------------------------------- the run */

/* CLGLU_TEST_SCALE is small (a simulator), long, or neither. */
typedef enum { SMALL, NORMAL, LONG } run_scale;
run_scale test_scale(void);

/* `normal`, or `small` in a small run. */
size_t sized(size_t normal, size_t small);

/* Loop tests run over the lists: their index is taken apart into its digits, the last first. */
enum { DTYPES = 3 };
int digit(int *i, int base);
size_t variant_count(void);

/* CLGLU_DEVICE, or "best". */
const char *device_selector(void);

/* CLGLU_TEST_NO_SELF_TEST: an interpreter takes half a minute for each self-test. */
int without_self_test(void);

/* The context that most tests share, with the kernels of the folder CLGLU_TEST_KERNELS, if set; opened on first use. Without a device the test fails. */
clglu_context *context(void);
void close_context(void);

/* ---------------------------------------------------------------- numbers */

uint32_t random_bits(uint64_t *state);
size_t random_below(uint64_t *state, size_t n);
bool one_in(uint64_t *state, size_t n);

float float_of_bits(uint32_t u);
uint32_t bits_of_float(float x);

/* Elements of an array of that dtype: as a number, and as they are stored. */
float element(clglu_dtype dtype, const void *array, size_t i);
void set_element(clglu_dtype dtype, void *array, size_t i, float x);
uint32_t element_bits(clglu_dtype dtype, const void *array, size_t i);
void set_element_bits(clglu_dtype dtype, void *array, size_t i, uint32_t bits);
void copy_element(clglu_dtype dtype, void *to, size_t i, const void *from, size_t j);

float number_of_bits(clglu_dtype dtype, uint32_t bits);
uint32_t bits_of_number(clglu_dtype dtype, float x); /* to nearest even */

/* One bit pattern, or two NaNs, or what a device that flushes subnormal numbers may make of one. */
bool same_bits(clglu_dtype dtype, uint32_t got, uint32_t want);

/* How many values `grid` has: all of them for f16 and bf16; for f32 every exponent, subnormal and special values. */
size_t grid_count(clglu_dtype dtype);
uint32_t grid_bits(clglu_dtype dtype, size_t i);

/* MODERATE: -8 to 8. WILD: any bit pattern among them, too. */
typedef enum { MODERATE, WILD } nature;
uint32_t random_number(clglu_dtype dtype, nature n, uint64_t *state);

/* ---------------------------------------------------------------- arrays */

/* New arrays hold the canary, a number in every dtype, in each byte. */
enum { CANARY = 0xa5 };
void *array_new(size_t bytes);
size_t array_bytes(const void *array);
void array_free(void *array);

/* ---------------------------------------------------------------- calls */

typedef enum { ACT_FORWARD, ACT_BACKWARD, GATE_FORWARD, GATE_BACKWARD, OPERATORS } operator_id;

/* The activation alone takes a for x and da for dx, bias_a for its bias and dbias_a for its gradient. */
typedef enum { A, B, Y, DY, DA, DB, DBIAS_A, DBIAS_B, BIAS_A, BIAS_B, OPERANDS } operand;

typedef struct call {
    operator_id op;
    clglu_gate_desc d;
    void *at[OPERANDS]; /* arrays; two operands may share one; NULL: not given, not wanted */
} call;

const char *operand_name(operand o);
bool takes(operator_id op, operand o); /* the operator has such an operand */
bool is_output(operator_id op, operand o);
bool has_view(operand o);
const char *operator_name(operator_id op);
clglu_dtype dtype_of(const call *c, operand o); /* bias gradients are f32 */

/* The operand's view with its defaults filled in. */
clglu_view *view_field(call *c, operand o);
clglu_view view_of(const call *c, operand o);
size_t place_of(const call *c, operand o, size_t row, size_t col);
/* The elements from the array's start to the view's last element. */
size_t extent_of(const call *c, operand o);

/* A dense call with every operand but the biases and their gradients. */
call call_new(operator_id op, clglu_act act, clglu_act gate, clglu_dtype dtype, size_t rows, size_t cols);
void call_fill(call *c, nature n, uint64_t *state); /* random inputs */
void call_free(call *c);
/* The operand that first uses this one's array: it stands for the array where each is met once. */
operand first_with(const call *c, operand o);
/* Copies of all arrays, shared where they are shared. */
call call_copy(const call *c);

/* Moves an operand's elements into another array and view (array NULL: a new one that fits). */
void call_move(call *c, operand o, void *array, clglu_view v);
/* The operand becomes another one's array and view: in place. */
void call_alias(call *c, operand o, operand target);
/* Biases for a and, if there is one, b; gradients of the biases. */
void call_add_bias(call *c, nature n, uint64_t *state);
void call_want_dbias(call *c);
/* Leaves an operand out. */
void call_drop(call *c, operand o);
/* Sets act, gate and parameters to a variant's. */
void call_variant(call *c, const char *name);

/* Its descriptor for the host routes. */
clglu_gate_desc gate_desc_of(const call *c);
clglu_act_desc act_desc_of(const call *c);

/* The three routes. queue NULL: the context's own. */
clglu_status call_emulate(const call *c);
clglu_status call_on_buffers(clglu_context *context, cl_command_queue queue, call *c);
clglu_status call_on_host(clglu_context *context, const call *c);

/* The route on buffers in steps: buffers with the arrays' contents, shared where arrays are shared. */
typedef struct buffers {
    cl_mem of[OPERANDS];
} buffers;
buffers buffers_new(clglu_context *context, const call *c);
clglu_status buffers_enqueue(clglu_context *context, cl_command_queue queue, const call *c, const buffers *b,
                             cl_uint nwait, const cl_event *wait, cl_event *event);
void buffers_read(clglu_context *context, call *c, const buffers *b); /* all of them, into the arrays */
void buffers_free(buffers *b);

/* Makes a copy of the call on the device of context(), expects OK, and gives the copy. */
call call_made(const call *c);
call call_emulated(const call *c);

/* How many elements of their outputs' arrays differ, with a text on the worst. */
size_t call_differences(const call *got, const call *want, char *text, size_t size);
/* Elements outside all outputs' views that have changed. */
size_t call_strays(const call *before, const call *after, char *text, size_t size);

/* The same as assertions. */
void expect_same(const call *got, const call *want, const char *what);
void expect_no_stray(const call *before, const call *after, const char *what);
/* On the shared context: buffers and emulation agree, and nothing else is written. */
void expect_right(const call *c, const char *what);
/* The operand's elements are the same in two calls, wherever they lie. */
void expect_same_elements(const call *got, const call *want, operand o, const char *what);
void expect_same_results(const call *got, const call *want, const char *what);

/* A random call: any operator, shape, layout, aliasing that is allowed. At most about `limit` elements. */
call call_random(uint64_t *state, size_t limit, nature n);

/* ---------------------------------------------------------------- judging by the reference */

/* The published list. */
const char *act_name(clglu_act act);
double act_bound(clglu_act act);
double derivative_bound(clglu_act act);

/* Is x within an eighth of itself of a root of act', whose value there is `here`, so that 2^-27 absolute is allowed? */
static inline bool near_root(clglu_act act, double alpha, double x, double here)
{
    /* cppcheck-suppress incorrectLogicOperator ; cppcheck cannot read 0x1p-4 */
    if (!(here < 0x1p-4 && here > -0x1p-4)) return false;
    double below = clglu_reference_act_derivative(act, alpha, x * 0.875);
    return below * clglu_reference_act_derivative(act, alpha, x * 1.125) < 0;
}

/* The result that exceeds its bound by most. Starts as VERDICT. */
typedef struct verdict {
    size_t count;
    double excess, ulp, bound, want, got, a, b, dy;
} verdict;
#define VERDICT ((verdict){0, -1e300, 0, 0, 0, 0, 0, 0, 0})

/* One result, right if it is within bound ULP of a number at most `slack` away from want. */
void judge(verdict *v, clglu_dtype dtype, double want, double got, double bound, double slack, double a, double b,
           double dy);
void expect_within(const verdict *v, const char *what);

/* All elements of a call's y, or of da and db. Clamped elements' gradients are left out. */
void judge_forward(const call *in, const call *out, verdict *y);
void judge_backward(const call *in, const call *out, verdict *da, verdict *db);

/* A line on the call, for messages. */
void call_describe(const call *c, char *text, size_t size);

/* ---------------------------------------------------------------- OpenCL */

/* Objects beside those of context(), for tests that need their own; they fail the test on an error. */
cl_mem buffer_new(clglu_context *context, const void *data, size_t bytes);
void buffer_read(clglu_context *context, cl_mem buffer, void *data, size_t bytes);
cl_command_queue queue_new(clglu_context *context, cl_command_queue_properties properties);

/* ---------------------------------------------------------------- folders */

/* A temporary folder of changed kernels and the context that uses it. */
typedef struct folder {
    char name[300], files[4][40];
    size_t count;
    clglu_context *context;
} folder;
folder folder_new(void);
void folder_write(folder *f, const char *file, const char *text);
/* A copy of cl/FILE in which the first `old` is replaced. */
void folder_change(folder *f, const char *file, const char *old, const char *new);
clglu_context *folder_open(folder *f);
void folder_free(folder *f); /* closes the context, removes files and folder */

/* ---------------------------------------------------------------- suites */

#define DEVICE_SUITES(X)                                                                                              \
    X(device_bits) X(device_layouts) X(device_accuracy) X(device_special) X(device_views) X(device_backward)          \
    X(device_misuse) X(device_overlap) X(device_context) X(device_kernels) X(device_queues) X(device_threads)         \
    X(device_host_twins) X(device_check) X(device_tune) X(device_ffn_bits) X(device_ffn_batch) X(device_ffn_special)  \
    X(device_ffn_create) X(device_ffn_sources) X(device_ffn_misuse) X(device_ffn_workspace) X(device_ffn_queues)      \
    X(device_ffn_check) X(device_ffn_tuning) X(device_back_bits) X(device_back_batch) X(device_back_sums)             \
    X(device_back_special) X(device_back_flag) X(device_back_misuse) X(device_back_workspace) X(device_back_update)   \
    X(device_back_queues) X(device_cache) X(device_forms) X(device_parts)
#define DECLARE_SUITE(name) Suite *name##_suite(void);
DEVICE_SUITES(DECLARE_SUITE)
#undef DECLARE_SUITE

#endif
