"""fit_gelu.py - the constants of cl/gelu.clh.
SPDX-License-Identifier: MIT

    python3 fit_gelu.py              prints every constant as a hex float, with the error that its fit reached
    python3 fit_gelu.py --centres    lists centres where both leading coefficients are nearly floats
    python3 fit_gelu.py --guess      searches the two constants of the first reciprocal (numpy, some seconds)

Errors are in units of 2^-24 of the function that is fitted. F(a) = exp(a*a/2) Phi(-a) is Mills' ratio / sqrt(2 pi).
"""
import sys
import numpy as np
from mpmath import mp, mpf, erfc, exp, findroot, pi, sqrt
from remez import Fit, f32, hexf

END = mpf("14.6")                         # beyond it gelu and its derivative round to 0
CENTRE = mpf(float.fromhex("0x1.95ap-2"))  # from --centres
WIDEST = END / (END + 2)
SQRT_2PI = sqrt(2 * pi)


def F(a):
    return exp(a * a / 2) * erfc(a / sqrt(mpf(2))) / 2


ROOT = findroot(lambda a: F(a) - a / SQRT_2PI, 0.7518)


def a_of(w):
    return 2 * w / (1 - w)


def ratio(w):
    """P: 1 at 0 and 0.23 at the end."""
    return (1 + a_of(w) / 2) * F(a_of(w))


def slope(w):
    """R: what is left of the derivative without its root and its exponential. Its own root is bridged."""
    a = a_of(w)
    if abs(a - ROOT) < mpf("1e-8"):
        a = ROOT + mpf("1e-8")
    return (F(a) - a / SQRT_2PI) / (a - ROOT)


def subnormal(w):
    """1 where the result is a normal number, falling as its relative precision does."""
    a = a_of(w)
    value = a * erfc(a / sqrt(mpf(2))) / 2
    return min(mpf(1), value * mpf(2) ** 126) if a > 1 else mpf(1)


def show(name, coefficients, error):
    print("%s: error %.3f" % (name, error * 2 ** 24))
    for power, c in enumerate(coefficients):
        print("    t^%-2d %s" % (power, hexf(c)))


def about_centre(name, f, degree, weight):
    """f(centre) and, as f(w) = f(centre) + t Q(t), the polynomial Q in t = w - centre."""
    first = f(CENTRE)
    fit = Fit(lambda t: (f(t + CENTRE) - first) / t, -CENTRE, WIDEST - CENTRE, degree - 1,
              lambda t: abs(t) * weight(t + CENTRE) / abs(f(t + CENTRE)))
    coefficients, error = fit.rounded()
    show(name, [f32(first)] + coefficients, error + float(abs(f32(first) / first - 1)))


def exponential():
    def rest(z):
        return (exp(z) - 1 - z) / (z * z) if abs(z) > mpf("1e-12") else mpf("0.5")
    coefficients, error = Fit(rest, mpf("-0.3475"), mpf("0.3475"), 4, lambda z: max(z * z, mpf("1e-6")) / exp(z)).rounded()
    show("exp(z) = 1 + z + z^2 U(z)", coefficients, error)


def centres():
    for i in range(3000, 4000):
        w = mpf(i) / 8192
        off = [float(abs(f32(f(w)) / f(w) - 1)) * 2 ** 24 for f in (ratio, slope)]
        if max(off) < 0.1:
            print("%-12s P off by %.3f, R by %.3f" % (hexf(f32(w)), *off))


def guess():
    """With r = magic - bits(d), u = r (c - d r) shall be 2 / d."""
    d = np.linspace(2, 4, 2001).astype(np.float32)
    d = np.concatenate([d, 2 * d, 4 * d])
    def worst(magic, c):
        y = d.astype(float) * (np.uint32(magic) - d.view(np.uint32)).view(np.float32)
        return np.max(np.abs(y * (c - y) / 2 - 1))
    error, magic, c = min((worst(m, c), m, c) for m in range(0x7f300000, 0x7f400000, 0x1000)
                          for c in np.arange(2.80, 2.86, 0.005))
    print("magic 0x%x, c %.3f: error 1/%d" % (magic, c, 1 / error))


if __name__ == "__main__":
    if "--centres" in sys.argv:
        centres()
    elif "--guess" in sys.argv:
        guess()
    else:
        print("root %s + %s" % (hexf(f32(ROOT)), hexf(f32(ROOT - mpf(f32(ROOT))))))
        # gelu of tiny numbers is ratio(0) x / 2 and has no other error: more weight there.
        about_centre("P", ratio, 11, lambda w: subnormal(w) * (3 if a_of(w) < 0.1 else 1))
        about_centre("R", slope, 10, subnormal)
        exponential()
