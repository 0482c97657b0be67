/* clglu_acts.h - the one list of activations: what each is, how exact it is and where it comes from.
   SPDX-License-Identifier: MIT */

/* X(id, name, UPPER, formula, derivative, ulp_forward, ulp_backward, worst_forward, worst_backward, source)

   The list feeds the enumeration, the kernels, the reference and the tests. C, C++ and OpenCL C expand it,
   awk reads it: one row a line. Ids never change; a new activation is a new row at the end.

   In the formulas s(x) = 1/(1+exp(-x)), and Phi and phi are the distribution function and the density of the
   standard normal distribution; 1.702 is the float nearest to it, the other constants are exact.

   ulp_forward and ulp_backward bound the error of f32 results over all inputs, in units in the last place as
   the OpenCL conformance tests count them; next to its root a derivative has an absolute error below 2^-27
   instead. worst_forward and worst_backward are the inputs at which the largest error was found. */
#ifndef CLGLU_ACTS_H
#define CLGLU_ACTS_H

/* clang-format off */
#define CLGLU_ACTS(X) \
    X(0, identity, IDENTITY, "x", "1", 0.5, 0.5, "0x0p+0", "0x0p+0", "Shazeer 2020, arXiv:2002.05202") \
    X(1, relu, RELU, "max(x, 0)", "x > 0", 0.5, 0.5, "0x0p+0", "0x0p+0", "Nair and Hinton 2010, ICML") \
    X(2, relu2, RELU2, "max(x, 0)^2", "2 max(x, 0)", 0.5, 0.5, "0x0p+0", "0x0p+0", "So et al. 2021, arXiv:2109.08668") \
    X(3, sigmoid, SIGMOID, "s(x)", "s(x) s(-x)", 2.0, 2.0, "-0x1.769a7ap+2", "0x1.a26968p+2", "Dauphin et al. 2016, arXiv:1612.08083") \
    X(4, tanh, TANH, "tanh(x)", "1 - tanh(x)^2", 2.0, 2.0, "-0x1.06e2aap+3", "0x1.a26968p+1", "van den Oord et al. 2016, arXiv:1606.05328") \
    X(5, silu, SILU, "x s(alpha x)", "s(alpha x) (1 + alpha x s(-alpha x))", 2.0, 2.0, "-0x1.56601cp+3", "-0x1.a485a6p+2", "Elfwing et al. 2017, arXiv:1702.03118") \
    X(6, gelu, GELU, "x Phi(x)", "Phi(x) + x phi(x)", 1.8, 2.0, "-0x1.6e5dfp+2", "-0x1.745ef4p+2", "Hendrycks and Gimpel 2016, arXiv:1606.08415") \
    X(7, gelu_tanh, GELU_TANH, "x s(2u), u = sqrt(2/pi) (x + 0.044715 x^3)", "s(2u) (1 + 2 x u' s(-2u))", 2.0, 2.0, "-0x1.399448p+2", "-0x1.1e61e6p+3", "Hendrycks and Gimpel 2016, arXiv:1606.08415") \
    X(8, gelu_quick, GELU_QUICK, "x s(1.702 x)", "s(1.702 x) (1 + 1.702 x s(-1.702 x))", 2.0, 2.0, "-0x1.52b3c6p+1", "-0x1.ee947ep+1", "Hendrycks and Gimpel 2016, arXiv:1606.08415")
/* clang-format on */

#endif
