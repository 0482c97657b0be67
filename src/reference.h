/* reference.h - the judge: activations and derivatives in double, by other identities than the kernels.
   SPDX-License-Identifier: MIT */

#ifndef CLGLU_REFERENCE_H
#define CLGLU_REFERENCE_H

/* act(x) and act'(x) for an id of include/clglu_acts.h; another id gives NaN. alpha multiplies the argument
   of the sigmoid in silu and is not looked at elsewhere.

   inputs     x and alpha are values of a float (hence of an f16 or a bf16), of any size; a product of two of
              them is exact in double precision, and the accuracy rests on that
   accuracy   relative error below 2^-44, next to the root of a derivative too; absolute error below 2^-1060
              where a double is about to underflow
   special    NaN gives NaN. The limits at -inf and +inf are exact, and so is the sign of zero of act(x):
              x s(x) and its like keep the sign of a zero and end in -0 at -inf; relu and relu2 give +0.
   threads    no state */
double clglu_ref_act(int act, double alpha, double x);
double clglu_ref_derivative(int act, double alpha, double x);

#endif
