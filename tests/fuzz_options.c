/* fuzz_options.c - any descriptors given to the operators on a device that says anything of itself: what reaches the compiler is of one
   strict form, no host memory but the operands' is touched, and nothing is left behind, whichever OpenCL call fails.
   SPDX-License-Identifier: MIT */

#include "fuzz_cl.h"

#include "clglu.h"

/* ---------------------------------------------------------------- numbers from the input */

static const uint8_t *at, *end;

static unsigned byte(void) { return at < end ? *at++ : 0; }

/* Mostly small; sometimes near to what overflows. */
static size_t number(void)
{
    static const size_t odd[] = {0, 1, 63, 64, 65, 128, 129, 513, 1000, 4096, SIZE_MAX, SIZE_MAX / 2 + 1, SIZE_MAX / 4, (size_t)1 << 32, 1 << 22, (1 << 22) + 1};
    unsigned b = byte();
    return b < 240 ? b % 48 : odd[b - 240];
}

static float real(void)
{
    static const float odd[] = {0, 0, 0, 1, 1.702f, 7, -1, 1e-45f, 3e38f};
    uint32_t bits;
    unsigned b = byte();
    if (b < 250) return odd[b % 9];
    bits = (uint32_t)byte() << 24 | (uint32_t)byte() << 16 | 0x1234;
    float f;
    memcpy(&f, &bits, sizeof f);
    return f;
}

/* Of an enumeration with so many values: one of them, or now and then another. */
static int one_of(int count)
{
    unsigned b = byte();
    return b < 248 ? (int)(b % (unsigned)count) : (int)(b - 252);
}

static clglu_view view(void)
{
    unsigned b = byte();
    if (b < 160) return (clglu_view){0, 0, 0};
    size_t offset = number(), ld = number(), inc = number();
    return (clglu_view){b & 1 ? offset : 0, b & 2 ? ld : 0, b & 4 ? inc : 0};
}

/* ---------------------------------------------------------------- operands */

/* Arrays end at the end of what was allocated, so that a byte beyond is seen. */
enum { ARRAYS = 10, ROOM = 4096 };
static struct {
    uint8_t *array[ARRAYS], *begin[ARRAYS];
    cl_mem buffer[ARRAYS];
} operands;

static void make_operands(clglu_context *context)
{
    cl_int code;
    unsigned before = fake.fail_at;
    fake.fail_at = 0;
    for (int i = 0; i < ARRAYS; i++) {
        size_t room = ROOM - 4 * (byte() % 64), skew = byte() % 8 == 0 ? 4 : 0;
        operands.array[i] = calloc(1, room + skew);
        operands.begin[i] = operands.array[i] + skew;
        cl_mem_flags flags = byte() % 16 == 0 ? CL_MEM_READ_ONLY : CL_MEM_READ_WRITE;
        bool host = byte() % 4 == 0;
        operands.buffer[i] = clCreateBuffer(clglu_context_cl_context(context), flags | (host ? CL_MEM_USE_HOST_PTR : 0), room,
                                            host ? operands.begin[i] : NULL, &code);
        must(operands.buffer[i] != NULL);
    }
    fake.fail_at = before;
}

static void free_operands(void)
{
    for (int i = 0; i < ARRAYS; i++) {
        clReleaseMemObject(operands.buffer[i]);
        free(operands.array[i]);
    }
}

/* Operand i, now and then none or another one. */
static int pick(int i)
{
    unsigned b = byte();
    return b < 200 ? i : b < 224 ? -1 : (int)(b % ARRAYS);
}

static cl_mem buffer(int i)
{
    int k = pick(i);
    return k < 0 ? NULL : operands.buffer[k];
}

static void *array(int i, size_t needed)
{
    int k = pick(i);
    return k < 0 || needed > ROOM - 256 ? NULL : operands.begin[k];
}

static clglu_bias bias(int i, bool host)
{
    unsigned b = byte();
    if (b < 128) return (clglu_bias){.buffer = NULL};
    return (clglu_bias){host ? NULL : operands.buffer[i], host ? operands.begin[i] : NULL, b & 1 ? number() : 0, b & 2 ? number() : 0};
}

/* ---------------------------------------------------------------- calls */

static clglu_context *context;

/* A failure has words, and they are harmless. */
static void judge(clglu_status status)
{
    const char *words = clglu_context_error(context);
    must(status >= CLGLU_OK && *clglu_status_name(status));
    must(status == CLGLU_OK || *words);
    must(fuzz_harmless(words, strlen(words), 0));
}

static clglu_gate_desc gate_desc(bool host)
{
    clglu_gate_desc d = {.rows = number(), .cols = number()};
    d.a = view(), d.b = view(), d.y = view(), d.dy = view(), d.da = view(), d.db = view();
    d.act = (clglu_act)one_of(CLGLU_ACT_COUNT);
    d.gate = (clglu_act)one_of(CLGLU_ACT_COUNT);
    d.dtype = (clglu_dtype)one_of(3);
    d.rounding = (clglu_rounding)one_of(2);
    d.alpha = real(), d.limit = real(), d.shift = real();
    d.bias_a = bias(6, host);
    d.bias_b = bias(7, host);
    return d;
}

static void call_gate(void)
{
    clglu_gate_desc d = gate_desc(false);
    cl_event event = NULL, *wanted = byte() & 1 ? &event : NULL;
    if (byte() & 1)
        judge(clglu_gate_forward(context, &d, NULL, buffer(0), buffer(1), buffer(2), 0, NULL, wanted));
    else
        judge(clglu_gate_backward(context, &d, NULL, buffer(0), buffer(1), buffer(2), buffer(3), buffer(4), buffer(5), buffer(8), buffer(9), 0,
                                  NULL, wanted));
    if (event) clReleaseEvent(event);
}

static void call_act(void)
{
    clglu_gate_desc g = gate_desc(false);
    clglu_act_desc d = {g.rows, g.cols, g.a, g.y, g.dy, g.da, g.act, g.dtype, g.alpha, g.bias_a};
    if (byte() & 1)
        judge(clglu_act_forward(context, &d, NULL, buffer(0), buffer(1), 0, NULL, NULL));
    else
        judge(clglu_act_backward(context, &d, NULL, buffer(0), buffer(1), buffer(2), buffer(3), 0, NULL, NULL));
}

/* How many bytes an operand takes, or more than there are: the caller of a host twin must have them. */
static size_t extent(const clglu_gate_desc *d, clglu_view v, size_t size)
{
    const size_t large = (size_t)1 << 40; /* each factor below it: 128 bits hold the sum */
    size_t inc = v.inc ? v.inc : 1;
    if (v.offset > large || v.ld > large || inc > large || d->rows > large || d->cols > large) return SIZE_MAX;
    fuzz_wide ld = v.ld ? v.ld : (fuzz_wide)d->cols * inc, n = v.offset + d->rows * ld + (fuzz_wide)d->cols * inc;
    return n * size > SIZE_MAX ? SIZE_MAX : (size_t)(n * size);
}

static void call_host(void)
{
    clglu_gate_desc d = gate_desc(true);
    size_t most = 0, of[8] = {extent(&d, d.a, 4), extent(&d, d.b, 4), extent(&d, d.y, 4), extent(&d, d.dy, 4), extent(&d, d.da, 4), extent(&d, d.db, 4)};
    of[6] = extent(&d, (clglu_view){d.bias_a.offset, 0, d.bias_a.inc}, 4);
    of[7] = extent(&d, (clglu_view){d.bias_b.offset, 0, d.bias_b.inc}, 4);
    for (int i = 0; i < 8; i++) most = of[i] > most ? of[i] : most;
    if (most > ROOM - 256) return;
    clglu_act_desc act = {d.rows, d.cols, d.a, d.y, d.dy, d.da, d.act, d.dtype, d.alpha, d.bias_a};
    unsigned which = byte() % 4;
    if (which == 0) judge(clglu_gate_forward_host(context, &d, array(0, most), array(1, most), array(2, most)));
    if (which == 1)
        judge(clglu_gate_backward_host(context, &d, array(0, most), array(1, most), array(2, most), array(3, most), array(4, most),
                                       array(5, most), array(8, most), array(9, most)));
    if (which == 2) judge(clglu_act_forward_host(context, &act, array(0, most), array(1, most)));
    if (which == 3) judge(clglu_act_backward_host(context, &act, array(0, most), array(1, most), array(2, most), array(3, most)));
}

/* ---------------------------------------------------------------- blocks */

static clglu_weights weights(int i)
{
    unsigned b = byte();
    return (clglu_weights){b % 8 == 0 ? NULL : operands.buffer[i], NULL, view()};
}

static clglu_ffn_desc block_desc(void)
{
    clglu_ffn_desc d = {.d_model = number(), .d_ff = number(), .d_out = number()};
    d.wa = weights(0), d.wb = weights(1), d.wd = weights(2);
    d.ba = bias(3, false), d.bb = bias(4, false), d.bd = bias(5, false);
    d.dtype = (clglu_dtype)one_of(3);
    d.act = (clglu_act)one_of(CLGLU_ACT_COUNT);
    d.gate = (clglu_act)one_of(CLGLU_ACT_COUNT);
    d.alpha = real(), d.limit = real(), d.shift = real();
    d.route = byte() < 230 ? CLGLU_ROUTE_AUTO : (clglu_route)one_of(3);
    d.training = byte() & 1;
    return d;
}

/* A matrix from host memory, if it is small enough to be there. */
static void use_host(clglu_weights *w, int i, size_t in, size_t out)
{
    if (in > 64 || out > 64 || in * out * sizeof(float) > ROOM - 256) return;
    *w = (clglu_weights){.host = operands.begin[i]};
}

static clglu_ffn_choice choice(void)
{
    unsigned b = byte();
    if (b < 100) return (clglu_ffn_choice){CLGLU_FORM_AUTO, 0, 0};
    return (clglu_ffn_choice){(clglu_ffn_form)one_of(5), (unsigned)number(), b & 1 ? (unsigned)number() : 0};
}

/* The same on arrays, dense ones: their sizes are known to fit. */
static void call_block_host(clglu_ffn *ffn, const clglu_ffn_desc *d)
{
    size_t rows = byte() % 16, most = d->d_model > d->d_ff ? d->d_model : d->d_ff;
    uint32_t overflow;
    if (d->d_out > most) most = d->d_out;
    if (most > 62 || d->d_model * most * sizeof(float) > ROOM - 256 || d->d_ff * most * sizeof(float) > ROOM - 256) return;
    clglu_ffn_call c = {.rows = rows, .x_dtype = (clglu_dtype)one_of(3), .y_dtype = (clglu_dtype)one_of(3), .ab_dtype = (clglu_dtype)one_of(3)};
    clglu_ffn_backward_call back = {.rows = rows, .accumulate = byte() & 1};
    size_t one = rows * most * sizeof(float);
    judge(clglu_ffn_forward_host(ffn, &c, array(0, one), array(1, one), byte() & 1 ? array(2, one) : NULL, byte() & 1 ? array(3, one) : NULL));
    clglu_ffn_gradients_host g = {.dy = array(0, one), .x = array(1, one), .dx = array(2, one)};
    g.dwa = array(3, one), g.dwb = array(4, one), g.dwd = array(5, one);
    if (byte() & 1) g.dba = array(6, one), g.dbb = array(7, one), g.dbd = array(8, one);
    if (byte() & 1) g.overflow = &overflow;
    judge(clglu_ffn_backward_host(ffn, &back, &g));
}

static void call_forward(clglu_ffn *ffn)
{
    clglu_ffn_call c = {.rows = number()};
    size_t bytes;
    c.x = view(), c.y = view(), c.a = view(), c.b = view();
    c.x_dtype = (clglu_dtype)one_of(3), c.y_dtype = (clglu_dtype)one_of(3), c.ab_dtype = (clglu_dtype)one_of(3);
    c.row_block = byte() < 200 ? 0 : number();
    c.choice = choice();
    judge(clglu_ffn_workspace(ffn, &c, &bytes));
    judge(clglu_ffn_forward(ffn, &c, NULL, buffer(6), buffer(7), byte() & 1 ? buffer(8) : NULL, byte() & 1 ? buffer(9) : NULL,
                            byte() < 240 ? NULL : buffer(3), 0, NULL, NULL));
    for (size_t i = 0; i < 64 && clglu_ffn_choice_at(ffn, c.rows, i, &c.choice) == CLGLU_OK; i++)
        must(c.choice.form >= CLGLU_FORM_GENERAL && c.choice.form <= CLGLU_FORM_SPLIT && c.choice.row_tile <= 128);
}

static void call_backward(clglu_ffn *ffn)
{
    clglu_ffn_backward_call c = {.rows = number()};
    c.dy = view(), c.x = view(), c.a = view(), c.b = view(), c.dx = view();
    c.dy_dtype = (clglu_dtype)one_of(3), c.x_dtype = (clglu_dtype)one_of(3), c.ab_dtype = (clglu_dtype)one_of(3), c.dx_dtype = (clglu_dtype)one_of(3);
    c.weights_dtype = (clglu_dtype)one_of(3);
    c.dwa = view(), c.dwb = view(), c.dwd = view();
    c.accumulate = byte() & 1;
    c.scale = real();
    c.row_block = byte() < 200 ? 0 : number();
    c.choice = choice();
    clglu_ffn_gradients g = {.dy = buffer(0), .x = buffer(1)};
    if (byte() & 1) g.a = buffer(8), g.b = buffer(9);
    g.dx = buffer(2), g.dwa = buffer(3), g.dwb = buffer(4), g.dwd = buffer(5);
    if (byte() & 1) g.dba = buffer(6), g.dbb = buffer(7);
    if (byte() & 1) g.overflow = buffer(7);
    judge(clglu_ffn_backward(ffn, &c, NULL, &g, 0, NULL, NULL));
}

static void call_block(void)
{
    clglu_ffn_desc d = block_desc();
    clglu_ffn *ffn = NULL;
    if (byte() % 4 == 0) use_host(&d.wa, 0, d.d_model, d.d_ff);
    if (byte() % 4 == 0) use_host(&d.wd, 2, d.d_ff, d.d_out ? d.d_out : d.d_model);
    clglu_status status = clglu_ffn_create(context, &d, &ffn);
    judge(status);
    must((status == CLGLU_OK) == (ffn != NULL));
    if (!ffn) return;
    call_forward(ffn);
    if (byte() & 1) call_backward(ffn);
    if (byte() & 1) call_block_host(ffn, &d);
    if (byte() & 1) judge(clglu_ffn_update(ffn, &d, NULL, 0, NULL, NULL));
    clglu_ffn_destroy(ffn);
}

/* ---------------------------------------------------------------- a context */

static void hear(const char *text, void *user)
{
    (void)user;
    must(fuzz_harmless(text, strlen(text), 0));
}

static void be_a_device(void)
{
    static const cl_uint widths[] = {0, 1, 2, 3, 4, 8, 16, 17, 64, UINT32_MAX};
    static const size_t groups[] = {0, 1, 7, 64, 256, 1024, SIZE_MAX};
    memset(&fake, 0, sizeof fake);
    fake.type = byte() & 1 ? CL_DEVICE_TYPE_CPU : CL_DEVICE_TYPE_GPU;
    fake.vector_width = widths[byte() % 10];
    fake.compute_units = byte();
    fake.local_bytes = byte() & 1 ? 65536 : byte() * 256;
    fake.max_alloc = byte() & 1 ? 32 << 20 : byte() * 64;
    fake.group = groups[byte() % 7];
    fake.kernel_group = groups[byte() % 7];
    fake.unified = byte() & 1;
    fake.fail_at = byte() & 1 ? byte() : 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    at = data;
    end = data + size;
    be_a_device();
    clglu_context_params params = {.log = hear, .no_self_test = 1, .list_only = byte() % 8 == 0, .device_budget = number() * 64};
    clglu_status status = clglu_context_open("best", &params, &context);
    must((status == CLGLU_OK) == (context != NULL));
    if (context) {
        make_operands(context);
        for (int i = 0; i < 4 && at < end; i++) {
            unsigned b = byte() % 4;
            if (b == 0) call_gate();
            if (b == 1) call_act();
            if (b == 2) call_host();
            if (b == 3) call_block();
        }
        free_operands();
        clglu_context_close(context);
    }
    must(fake.live == 0);
    return 0;
}
