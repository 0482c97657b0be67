/* own_context.c - clglu between the kernels of a program that has its own context, queue and events.
   SPDX-License-Identifier: MIT */

/* cc own_context.c $(pkg-config --cflags --libs clglu OpenCL) -lm -o own_context
   own_context [PLATFORM:DEVICE]      as `clglu devices` numbers them; without: the first device

   The chain, on one queue that may run its commands in any order; events alone keep them in order:

       start --> ramp -> a --.
                              >-- clglu: y = gelu(a) * b --> row_sum -> sums --> read
       start --> ramp -> b --'

   At last the host computes the same in double and compares: exit status 1 if they differ. */
#include <clglu.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { ROWS = 1000, COLS = 300, COUNT = ROWS * COLS };
static const float A_FROM = -6, A_STEP = 12.0f / COUNT, B_FROM = 2, B_STEP = -4.0f / COUNT;

static const char *const source =
    "kernel void ramp(global float *out, float from, float step) {\n"
    "    out[get_global_id(0)] = fma((float)get_global_id(0), step, from);\n"
    "}\n"
    "kernel void row_sum(global const float *y, uint cols, global float *sums) {\n"
    "    float sum = 0;\n"
    "    for (uint c = 0; c < cols; c++) sum += y[get_global_id(0) * cols + c];\n"
    "    sums[get_global_id(0)] = sum;\n"
    "}\n";

/* An example may end where something fails; a library may not. */
static void must(cl_int code, const char *what)
{
    if (code == CL_SUCCESS) return;
    fprintf(stderr, "own_context: %s failed: %d\n", what, code);
    exit(5);
}

static void say(const char *text, void *user) { fprintf(stderr, "%s: %s\n", (const char *)user, text); }

/* Device number d of platform number p; -1 is any. */
static cl_device_id find_device(int p, int d)
{
    cl_platform_id platforms[16];
    cl_uint count = 0;
    must(clGetPlatformIDs(16, platforms, &count), "clGetPlatformIDs");
    for (int i = p < 0 ? 0 : p; i < (int)count && i < 16 && (p < 0 || i == p); i++) {
        cl_device_id devices[16];
        cl_uint found = 0;
        if (clGetDeviceIDs(platforms[i], CL_DEVICE_TYPE_ALL, 16, devices, &found)) continue; /* it has none */
        if (d < (int)found && d < 16) return devices[d < 0 ? 0 : d];
    }
    fprintf(stderr, "own_context: no such device: see `clglu devices` and `clglu doctor`\n");
    exit(3);
}

/* Enqueues ramp; the event that it gives is what waits for it. */
static cl_event ramp(cl_command_queue queue, cl_kernel kernel, cl_mem out, float from, float step, cl_event start)
{
    const size_t items = COUNT;
    cl_event done;
    must(clSetKernelArg(kernel, 0, sizeof out, &out), "clSetKernelArg");
    must(clSetKernelArg(kernel, 1, sizeof from, &from), "clSetKernelArg");
    must(clSetKernelArg(kernel, 2, sizeof step, &step), "clSetKernelArg");
    must(clEnqueueNDRangeKernel(queue, kernel, 1, NULL, &items, NULL, 1, &start, &done), "ramp");
    return done;
}

/* How many sums are further from the host's than f32 sums of so many terms may be. */
static int wrong_rows(const float *sums)
{
    int wrong = 0;
    for (int row = 0; row < ROWS; row++) {
        double want = 0, size = 0;
        for (int i = row * COLS; i < (row + 1) * COLS; i++) {
            double a = fmaf((float)i, A_STEP, A_FROM), b = fmaf((float)i, B_STEP, B_FROM);
            double y = 0.5 * a * erfc(-a / sqrt(2)) * b;
            want += y, size += fabs(y);
        }
        if (fabs(sums[row] - want) <= (COLS + 8) * 0x1p-24 * size) continue;
        if (wrong++ == 0) printf("row %d: %.9g, the host has %.9g\n", row, sums[row], want);
    }
    return wrong;
}

int main(int argc, char **argv)
{
    int p = -1, d = -1;
    if (argc > 2 || (argc == 2 && sscanf(argv[1], "%d:%d", &p, &d) != 2)) {
        fprintf(stderr, "usage: own_context [PLATFORM:DEVICE]\n");
        return 2;
    }
    /* What a program has before it knows of clglu. */
    cl_int code;
    cl_device_id device = find_device(p, d);
    cl_context cl = clCreateContext(NULL, 1, &device, NULL, NULL, &code);
    must(code, "clCreateContext");
    cl_command_queue_properties can = 0; /* in any order, where the device has that */
    must(clGetDeviceInfo(device, CL_DEVICE_QUEUE_PROPERTIES, sizeof can, &can, NULL), "clGetDeviceInfo");
    can &= CL_QUEUE_OUT_OF_ORDER_EXEC_MODE_ENABLE;
    cl_command_queue queue = clCreateCommandQueue(cl, device, can, &code);
    must(code, "clCreateCommandQueue");
    cl_program program = clCreateProgramWithSource(cl, 1, (const char **)&source, NULL, &code);
    must(code, "clCreateProgramWithSource");
    must(clBuildProgram(program, 1, &device, "", NULL, NULL), "clBuildProgram");
    cl_kernel ramps = clCreateKernel(program, "ramp", &code), row_sum = clCreateKernel(program, "row_sum", &code);
    must(code, "clCreateKernel");
    cl_mem buffer[4]; /* a, b, y, sums */
    for (int i = 0; i < 4; i++) {
        buffer[i] = clCreateBuffer(cl, CL_MEM_READ_WRITE, (i < 3 ? COUNT : ROWS) * sizeof(float), NULL, &code);
        must(code, "clCreateBuffer");
    }

    /* clglu in the same cl_context: once a program. */
    clglu_context_params params = {.log = say, .log_user = "clglu"};
    clglu_context *context;
    if (clglu_context_wrap(cl, device, &params, &context)) return 5;

    /* The chain. Each command names what it waits for; all wait for `start`, and only the read at the end blocks. */
    cl_event inputs[2], gated, summed, start = clCreateUserEvent(cl, &code);
    must(code, "clCreateUserEvent");
    inputs[0] = ramp(queue, ramps, buffer[0], A_FROM, A_STEP, start);
    inputs[1] = ramp(queue, ramps, buffer[1], B_FROM, B_STEP, start);
    clglu_gate_desc desc = {.rows = ROWS, .cols = COLS, .act = CLGLU_ACT_GELU, .gate = CLGLU_ACT_IDENTITY};
    if (clglu_gate_forward(context, &desc, queue, buffer[0], buffer[1], buffer[2], 2, inputs, &gated)) return 5;

    const size_t rows = ROWS;
    const cl_uint cols = COLS;
    float sums[ROWS];
    must(clSetKernelArg(row_sum, 0, sizeof buffer[2], &buffer[2]), "clSetKernelArg");
    must(clSetKernelArg(row_sum, 1, sizeof cols, &cols), "clSetKernelArg");
    must(clSetKernelArg(row_sum, 2, sizeof buffer[3], &buffer[3]), "clSetKernelArg");
    must(clEnqueueNDRangeKernel(queue, row_sum, 1, NULL, &rows, NULL, 1, &gated, &summed), "row_sum");
    must(clSetUserEventStatus(start, CL_COMPLETE), "clSetUserEventStatus");
    must(clEnqueueReadBuffer(queue, buffer[3], CL_TRUE, 0, sizeof sums, sums, 1, &summed, NULL), "clEnqueueReadBuffer");

    int wrong = wrong_rows(sums);
    printf("%d rows of %d summed, commands %s order: %d wrong\n", ROWS, COLS, can ? "in any" : "in", wrong);

    clglu_context_close(context);
    cl_event events[] = {inputs[0], inputs[1], gated, summed, start};
    for (int i = 0; i < 5; i++) clReleaseEvent(events[i]);
    for (int i = 0; i < 4; i++) clReleaseMemObject(buffer[i]);
    clReleaseKernel(ramps), clReleaseKernel(row_sum), clReleaseProgram(program);
    clReleaseCommandQueue(queue), clReleaseContext(cl);
    return wrong ? 1 : 0;
}
