#!/usr/bin/env python3
"""fit_logistic.py - the constants of cl/logistic.clh and cl/sigmoid.clh.
SPDX-License-Identifier: MIT

    python3 tools/fit/fit_logistic.py       prints every constant as a C literal, with the error reached

Errors are relative, in units of 2^-24. Needs mpmath and numpy. It has an exchange of its own, in mpmath, because the
lowest coefficients are rounded first here: they matter most, and what is left is then no whole polynomial.
"""
import os
import sys
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from mpmath import mp, mpf
from remez import f32, hexf

UNIT = mpf(2) ** 24
mp.dps = 40


def peaks(errors, count):
    """The index of the largest error in each run of one sign; the smaller end goes where there are too many."""
    found, start = [], 0
    for i in range(1, len(errors) + 1):
        if i == len(errors) or (errors[i] > 0) != (errors[start] > 0):
            found.append(max(range(start, i), key=lambda k: abs(errors[k])))
            start = i
    while len(found) > count:
        found.pop(0 if abs(errors[found[0]]) < abs(errors[found[-1]]) else -1)
    return found


def level(t, f, w, powers, at):
    """The coefficients whose weighted error alternates at the points `at`."""
    size = len(powers) + 1
    matrix, right = mp.matrix(size, size), mp.matrix(size, 1)
    for row, i in enumerate(at):
        for column, power in enumerate(powers):
            matrix[row, column] = t[i] ** power
        matrix[row, size - 1] = (-1) ** row / w[i]
        right[row] = f[i]
    return list(mp.lu_solve(matrix, right))[:-1]


def minimax(f, lo, hi, powers, weight, points=400, rounds=12):
    """The polynomial in these powers that is nearest to f, by exchange on a Chebyshev grid."""
    t = [(lo + hi) / 2 - (hi - lo) / 2 * mp.cos(mp.pi * (i + mpf(1) / 2) / points) for i in range(points)]
    values, weights, size = [f(x) for x in t], [weight(x) for x in t], len(powers) + 1
    at = [int(round((points - 1) * (1 - float(mp.cos(mp.pi * i / (size - 1)))) / 2)) for i in range(size)]
    for _ in range(rounds):
        found = level(t, values, weights, powers, at)
        errors = [(sum(c * x ** p for c, p in zip(found, powers)) - v) * u for x, v, u in zip(t, values, weights)]
        new = peaks(errors, size)
        if len(new) < size or new == at:
            break
        at = new
    return found


def rounded(f, lo, hi, degree, weight):
    """Floats only: one coefficient after the other is rounded, from the lowest on, and the rest fitted again."""
    done = []
    for k in range(degree + 1):
        rest = minimax(lambda x: f(x) - sum(c * x ** i for i, c in enumerate(done)), lo, hi,
                       list(range(k, degree + 1)), weight)
        done.append(mpf(f32(rest[0])))
    grid = [lo + (hi - lo) * mpf(i) / 1500 for i in range(1501)]
    return done, max(abs(sum(c * x ** i for i, c in enumerate(done)) - f(x)) * weight(x) for x in grid)


def expm1(factor, lo, hi):
    """The u of e^(factor t) - 1 = factor t + t^2 u(t), degree 4; the error is measured against e^(factor t)."""
    def u(t):
        return ((mp.exp(factor * t) - 1 - t) / t - (factor - 1)) / t if abs(t) > 1e-15 else factor ** 2 / 2

    def weight(t):
        return (t * t if abs(t) > 1e-3 else mpf("1e-6")) / mp.exp(factor * t)

    return rounded(u, lo, hi, 4, weight)


def show(name, *values, error=None):
    line = "%-26s %s" % (name, "  ".join(hexf(f32(v)) for v in values))
    print(line if error is None else line + "\n%-26s %.4f" % ("    error", float(error * UNIT)))


def split(value, fraction_bits):
    """value as a multiple of 2^-fraction_bits and the rest."""
    high = mpf(int(value * 2 ** fraction_bits + mpf("0.5"))) / 2 ** fraction_bits
    return high, value - high


def logistic():
    show("LN2_HIGH, _LOW, _RECIP", *split(mp.log(2), 16), 1 / mp.log(2))
    half = mp.log(2) / 2 * mpf("1.0005")
    u, error = expm1(mpf(1), -half, half)
    show("logistic_expm1", *reversed(u), error=error)


def recip():
    """The best quadratic r for 1/d on [1, 2] leaves 1 - d r = T3(3 - 2 d) / T3(3), with T3(3) = 99."""
    show("logistic_recip", mpf(32) / 99, -mpf(144) / 99, mpf(210) / 99)
    show("    Newton", 2 + mpf(1) / (2 * 99 ** 2))


def gelu_tanh():
    scale, c0, c1 = 2 * mp.sqrt(2 / mp.pi), mpf(200000) / 2 ** 17, mpf(8943) / 2 ** 17
    factor, bias = scale / c0, mpf("0.06")
    period = mp.log(2) / factor
    show("GELU_C0, _C1", c0, c1)
    show("GELU_L_HIGH, _LOW, _RECIP", *split(period, 16), 1 / period)
    show("GELU_BIAS", bias)
    for name, value in (("GELU_D0, _LOW", scale), ("GELU_D1, _LOW", 3 * scale * mpf("0.044715"))):
        show(name, value, value - mpf(f32(value)))
    # n is chosen before the term of x^2 - s, at most a C1 / 16, is known: t goes beyond half a period by that
    u, error = expm1(factor, bias - period / 2 - mpf("0.03"), bias + period / 2 + mpf("0.04"))
    show("gelu_tanh_expm1", *reversed(u), factor - 1, error=error)


if __name__ == "__main__":
    logistic()
    recip()
    gelu_tanh()
