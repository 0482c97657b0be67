/* host_backward.h - what the host's tests of the block's backward share: calls with their arrays, and a naive backward.
   SPDX-License-Identifier: MIT */

/* A back_case says what there is beside the block; back_new makes dy, a and b and fills the gradients with old numbers;
   naive_backward computes every gradient with one product after the other, and puts it where it belongs in a copy of them. */
#ifndef TEST_HOST_BACKWARD_H
#define TEST_HOST_BACKWARD_H

#include "host_ffn.h"

typedef enum { DX, DWA, DWB, DWD, DBA, DBB, DBD, GRADIENTS } gradient_name;

/* Dense; with gaps; column after column. */
typedef enum { DENSE, GAPS, TURNED, PLACES } place;

typedef struct back_case {
    block_case c;
    clglu_dtype dy_dtype, dx_dtype, weights_dtype;
    clglu_order order; /* of the weights' gradients */
    clglu_layout layout;
    place place;     /* of dy, a, b and dx */
    bool stored;     /* a and b are given */
    bool accumulate;
    float scale;
    bool wanted[GRADIENTS];
} back_case;

typedef struct gradient {
    bool wanted;
    size_t rows, cols;
    clglu_view view; /* nothing in it is 0 by default */
    clglu_dtype dtype;
    void *array; /* two may share one */
} gradient;

typedef struct back {
    back_case k;
    block b;
    clglu_ffn_backward_call call;
    clglu_ffn_gradients_host arrays;
    uint32_t overflow;
    gradient gradient[GRADIENTS];
    float *dy;         /* the numbers, dense */
    float *a, *gate;   /* act's and gate's inputs as the backward has them, dense */
    void *inputs[3];   /* dy, a and b as the call has them */
    void *tensor[GRADIENTS];
    size_t elements[GRADIENTS]; /* of the tensors */
} back;

back_case random_back_case(uint64_t *state);
void describe_back(const back_case *k, char *text, size_t size);

/* Whatever the block has is wanted. */
void want_all(back_case *k);
/* SwiGLU with every bias, 40 to 50 to 30, all gradients wanted. */
back_case swiglu_case(size_t rows);

back back_new(const back_case *k, uint64_t *state);
void back_free(back *s);

/* Two halves may lie in one packed tensor: the number of the first then. */
gradient_name tensor_of(const back *s, gradient_name name);
void *tensor_copy(const back *s, gradient_name name);

/* Where an element is in its tensor, and the number there. */
size_t gradient_at(const gradient *g, size_t row, size_t col);
float gradient_number(const back *s, gradient_name name, size_t row, size_t col);

/* What lies between dy and the gradients, dense [rows, d_ff]; g is dy scaled, [rows, columns of y]. */
typedef struct back_values {
    float *g, *dh, *da, *db, *h;
} back_values;

back_values back_values_new(const back *s);
void back_values_free(back_values *v);

/* The gradients asked for as the reference has them; the others are NULL. */
void truth_new(const back *s, double *truth[GRADIENTS]);
void truth_free(double *truth[GRADIENTS]);

/* Every gradient asked for, rounded, into copies of the tensors as they were; true if one is infinite or NaN. */
bool naive_backward(const back *s, void *tensors[GRADIENTS]);

extern const char *const gradient_names[GRADIENTS];

#endif
