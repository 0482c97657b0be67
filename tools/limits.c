/* limits.c - kernels that do nothing but move the data: what a device can reach at best.
   SPDX-License-Identifier: MIT */

#include "limits.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* TYPE 0 f32, 1 f16, 2 bf16; W the vector width; FLAVOUR as in limits.h. The short types are widened,
   multiplied in f32 and rounded to nearest even, without a thought for NaN: a limit may be simpler than the
   operator. */
static const char source[] =
    "#define CAT_(a, b) a##b\n"
    "#define CAT(a, b) CAT_(a, b)\n"
    "#if W == 1\n"
    "#define V(t) t\n"
    "#define LOAD(i, p) ((p)[i])\n"
    "#define STORE(x, i, p) ((p)[i] = (x))\n"
    "#define HLOAD(i, p) vload_half(i, p)\n"
    "#define HSTORE(x, i, p) vstore_half_rte(x, i, p)\n"
    "#else\n"
    "#define V(t) CAT(t, W)\n"
    "#define LOAD(i, p) CAT(vload, W)(i, p)\n"
    "#define STORE(x, i, p) CAT(vstore, W)(x, i, p)\n"
    "#define HLOAD(i, p) CAT(vload_half, W)(i, p)\n"
    "#define HSTORE(x, i, p) CAT(CAT(vstore_half, W), _rte)(x, i, p)\n"
    "#endif\n"
    "typedef V(float) F;\n"
    "typedef V(uint) U;\n"
    "#define AS(t, x) CAT(as_, V(t))(x)\n"
    "#define TO(t, x) CAT(convert_, V(t))(x)\n"
    "#if TYPE == 0\n"
    "typedef float S;\n"
    "#define GET(i, p) LOAD(i, p)\n"
    "#define PUT(x, i, p) STORE(x, i, p)\n"
    "#elif TYPE == 1 && FLAVOUR == 0\n"
    "typedef half S;\n"
    "#define GET(i, p) HLOAD(i, p)\n"
    "#define PUT(x, i, p) HSTORE(x, i, p)\n"
    "#elif TYPE == 1 && FLAVOUR == 2\n"
    "#pragma OPENCL EXTENSION cl_khr_fp16 : enable\n"
    "typedef half S;\n"
    "#define GET(i, p) LOAD(i, p)\n"
    "#define PUT(x, i, p) STORE(x, i, p)\n"
    "#else\n"
    "typedef ushort S;\n"
    "#if TYPE == 1\n"
    "static F widen(V(ushort) h)\n"
    "{\n"
    "    U u = TO(uint, h);\n"
    "    return AS(float, ((u & 0x7fffu) << 13) + (112u << 23) | (u & 0x8000u) << 16);\n"
    "}\n"
    "static V(ushort) narrow(F x)\n"
    "{\n"
    "    U u = AS(uint, x), m = (u & 0x7fffffffu) - (112u << 23);\n"
    "    return TO(ushort, (m + 0xfffu + (m >> 13 & 1u)) >> 13 | (u >> 16 & 0x8000u));\n"
    "}\n"
    "#else\n"
    "static F widen(V(ushort) h) { return AS(float, TO(uint, h) << 16); }\n"
    "static V(ushort) narrow(F x)\n"
    "{\n"
    "    U u = AS(uint, x);\n"
    "    return TO(ushort, (u + 0x7fffu + (u >> 16 & 1u)) >> 16);\n"
    "}\n"
    "#endif\n"
    "#define GET(i, p) widen(LOAD(i, p))\n"
    "#define PUT(x, i, p) STORE(narrow(x), i, p)\n"
    "#endif\n"
    "#if KIND == 0\n"
    "#if TYPE == 0\n"
    "typedef uint R;\n"
    "#else\n"
    "typedef ushort R;\n"
    "#endif\n"
    "__kernel void limit(__global const R *a, __global R *y)\n"
    "{\n"
    "    size_t i = get_global_id(0);\n"
    "    STORE(LOAD(i, a), i, y);\n"
    "}\n"
    "#elif KIND == 1\n"
    "__kernel void limit(__global const S *a, __global const S *b, __global S *y)\n"
    "{\n"
    "    size_t i = get_global_id(0);\n"
    "    PUT(GET(i, a) * GET(i, b), i, y);\n"
    "}\n"
    "#elif KIND == 2\n"
    "__kernel void limit(__global const S *dy, __global const S *a, __global const S *b, __global S *da,\n"
    "                    __global S *db)\n"
    "{\n"
    "    size_t i = get_global_id(0);\n"
    "    PUT(GET(i, dy) * GET(i, b), i, da);\n"
    "    PUT(GET(i, dy) * GET(i, a), i, db);\n"
    "}\n"
    "#elif KIND == 3\n"
    "#if FLAVOUR == 1\n"
    "#pragma OPENCL FP_CONTRACT ON\n"
    "#define STEP(x) x = x * s + c\n"
    "#else\n"
    "#define STEP(x) x = fma(x, s, c)\n"
    "#endif\n"
    "__kernel void limit(__global const float *in, __global float *out)\n"
    "{\n"
    "    F s = 0.1f * LOAD(get_local_id(0), in), c = LOAD(get_global_id(0), in);\n" /* nothing is uniform */
    "    F p = c, q = c + 1.0f, r = c + 2.0f, t = c + 3.0f, u = c + 4.0f, v = c + 5.0f, w = c + 6.0f, x = c "
    "+ 7.0f;\n"
    "    for (int i = 0; i < STEPS; i++) {\n"
    "        STEP(p); STEP(q); STEP(r); STEP(t); STEP(u); STEP(v); STEP(w); STEP(x);\n"
    "    }\n"
    "    p = ((p + q) + (r + t)) + ((u + v) + (w + x));\n"
    "    STORE(p, get_global_id(0), out);\n"
    "}\n"
    "#else\n"
    "#if W == 1\n"
    "#define FOUND(x) ((x) == 1u)\n"
    "#else\n"
    "#define FOUND(x) any((x) == 1u)\n"
    "#endif\n"
    "__kernel void limit(__global const uint *in, __global uint *out)\n"
    "{\n"
    "    size_t first = get_group_id(0) * (CHUNK / W);\n"
    "    U sum = (U)0u;\n"
    "    for (size_t i = get_local_id(0); i < CHUNK / W; i += get_local_size(0)) sum += LOAD(first + i, "
    "in);\n"
    "    if (FOUND(sum)) out[get_local_id(0)] = 1u;\n" /* hardly ever, but no compiler knows */
    "}\n"
    "#endif\n";

enum { WIDTHS = 4, FLAVOURS = 3 };
static const unsigned widths[WIDTHS] = {1, 4, 8, 16};

struct limits {
    cl_context context;
    cl_device_id device;
    int fp16;
    size_t max_group;
    cl_kernel kernel[LIMIT_KINDS][3][WIDTHS][FLAVOURS];
};

struct limits *limits_open(cl_context context, cl_device_id device, const clglu_device_facts *facts)
{
    struct limits *l = calloc(1, sizeof *l);
    if (!l) return NULL;
    l->context = context;
    l->device = device;
    l->fp16 = facts->fp16;
    l->max_group = facts->max_work_group;
    return l;
}

void limits_close(struct limits *l)
{
    if (!l) return;
    cl_kernel *all = &l->kernel[0][0][0][0];
    for (size_t i = 0; i < sizeof l->kernel / sizeof *all; i++)
        if (all[i]) clReleaseKernel(all[i]);
    free(l);
}

static cl_int build(struct limits *l, const char *options, cl_kernel *kernel)
{
    const char *text = source;
    cl_int code;
    cl_program program = clCreateProgramWithSource(l->context, 1, &text, NULL, &code);
    if (code != CL_SUCCESS) return code;
    code = clBuildProgram(program, 1, &l->device, options, NULL, NULL);
    if (code == CL_SUCCESS) *kernel = clCreateKernel(program, "limit", &code);
    clReleaseProgram(program);
    return code;
}

static int width_index(unsigned width)
{
    int i = 0;
    while (i < WIDTHS - 1 && widths[i] != width) i++;
    return i;
}

/* Words that a work-group of LIMIT_READ reads. */
static unsigned chunk_of(const struct limit_form *form) { return form->flavour ? LIMIT_READ_UNIT : 4096; }

/* One work-item alone reads in order, as suits CPUs; many read side by side. */
static int read_forms(const struct limits *l, struct limit_form *forms)
{
    int n = 0;
    for (int w = 0; w < WIDTHS; w++)
        for (int f = 0; f < 2; f++) {
            forms[n++] = (struct limit_form){widths[w], f, 1};
            if (l->max_group >= 256) forms[n++] = (struct limit_form){widths[w], f, 256};
        }
    return n;
}

int limits_forms(const struct limits *l, enum limit_kind kind, clglu_dtype dtype, struct limit_form *forms)
{
    int n = 0, flavours = 1;
    if (kind == LIMIT_READ) return read_forms(l, forms);
    if (kind == LIMIT_FMA)
        flavours = 2;
    else if (dtype == CLGLU_F16 && kind != LIMIT_COPY)
        flavours = l->fp16 ? 3 : 2;
    for (int w = 0; w < WIDTHS; w++)
        for (int f = 0; f < flavours; f++) {
            forms[n++] = (struct limit_form){widths[w], f, l->max_group < 256 ? 0 : 256};
            if (flavours == 1 && l->max_group >= 256) forms[n++] = (struct limit_form){widths[w], f, 0};
        }
    return n;
}

cl_int limits_enqueue(struct limits *l, cl_command_queue queue, enum limit_kind kind, clglu_dtype dtype,
                      const struct limit_form *form, uint64_t elements, const cl_mem *buffers)
{
    static const cl_uint arguments[LIMIT_KINDS] = {2, 3, 5, 2, 2};
    cl_kernel *kernel = &l->kernel[kind][dtype][width_index(form->width)][form->flavour];
    char options[112];
    snprintf(options, sizeof options, "-DKIND=%d -DTYPE=%d -DW=%u -DFLAVOUR=%d -DSTEPS=%d -DCHUNK=%u", kind,
             dtype, form->width, form->flavour, LIMIT_FMA_STEPS, chunk_of(form));
    cl_int code = *kernel ? CL_SUCCESS : build(l, options, kernel);
    for (cl_uint i = 0; i < arguments[kind] && code == CL_SUCCESS; i++)
        code = clSetKernelArg(*kernel, i, sizeof *buffers, &buffers[i]);
    if (code != CL_SUCCESS) return code;
    size_t global = (size_t)(kind == LIMIT_FMA ? elements : elements / form->width), local = form->local;
    if (kind == LIMIT_READ) global = (size_t)(elements / chunk_of(form)) * local;
    return clEnqueueNDRangeKernel(queue, *kernel, 1, NULL, &global, local ? &local : NULL, 0, NULL, NULL);
}

void limits_name(enum limit_kind kind, clglu_dtype dtype, const struct limit_form *form, char *out,
                 size_t size)
{
    static const char *const half[] = {", vload_half", ", integer f16", ", half"};
    const char *how = kind == LIMIT_FMA    ? (form->flavour ? ", x*s+c" : ", fma()")
                      : kind == LIMIT_READ ? (form->flavour ? ", 256 KiB" : ", 16 KiB")
                                           : "";
    if (dtype == CLGLU_F16 && (kind == LIMIT_MULTIPLY || kind == LIMIT_BACKWARD)) how = half[form->flavour];
    if (form->local)
        snprintf(out, size, "x%u, local %zu%s", form->width, form->local, how);
    else
        snprintf(out, size, "x%u%s", form->width, how);
}
