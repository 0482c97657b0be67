"""fit_gelu16.py - the constants of cl/gelu16.clh.
SPDX-License-Identifier: MIT

    python3 fit_gelu16.py            prints every constant as a hex float, with the error that its fit reached
    python3 fit_gelu16.py --guess    searches the two constants of the first reciprocal (numpy, some seconds)

Errors are in units of 2^-24 of the function that is fitted.
"""
import sys
import numpy as np
from mpmath import mp, mpf, erfc, exp, findroot, log, pi, sqrt
from remez import Fit, f32, hexf

END = mpf("14.6")                            # beyond it gelu and its derivative round to 0
LN2 = mpf(float.fromhex("0x1.62e4p-1"))      # ln 2 in 16 bits
EXCESS = log(mpf(2)) / LN2 - 1               # 2^n exp(z) = exp(-a*a/2) where z = (1 + EXCESS) (-a*a/2 - n LN2)
                                             # and what F gains is exp(EXCESS a*a/2)
N, M = 4, 4                                  # degrees of A and D


def tail(a):
    return erfc(a / sqrt(mpf(2))) / 2


def F(a):
    return exp((1 + EXCESS) * a * a / 2) * tail(a)


def density(a):
    return exp(EXCESS * a * a / 2) / sqrt(2 * pi)


ROOT = findroot(lambda a: F(a) - a * density(a), 0.7518)


def normal(value):
    """1 where the result is a normal number, falling as its relative precision does."""
    return min(mpf(1), value * mpf(2) ** 126)


def grid(points):
    """Numbers a from 0 to END, even in the angle of w = a / (a + 2)."""
    widest = END / (END + 2)
    w = [widest / 2 * (1 - mp.cos(mp.pi * i / points)) for i in range(points + 1)]
    return [2 * x / (1 - x) for x in w]


class Quotient(Fit):
    """f = A / D with A = 1 + c_0 a + ... and D = 2 + c_N a + ...: linear in the coefficients once it is multiplied by
    D; the weight holds the D of the round before."""

    def __init__(self, points=1200):
        a = grid(points)
        self.t = np.array([float(x) for x in a])
        self.f = np.array([float(F(x)) for x in a])
        self.weight = np.array([float(normal(x * tail(x)) if x > 1 else 1) for x in a])
        self.degree = N + M - 1
        self.powers = [j + 1 for j in range(N)] + [j + 1 for j in range(M)]
        self.bottom = 2 * (1 + 0.37 * self.t) ** 4

    def column(self, j):
        column = (self.t / 4) ** self.powers[j]
        return column if j < N else -self.f * column

    def minimax(self, fixed={}, rounds=12):
        free = [j for j in range(N + M) if j not in fixed]
        rest = 2 * self.f - 1 - sum((c * 4 ** self.powers[j] * self.column(j) for j, c in fixed.items()),
                                    np.zeros_like(self.t))
        if not free:
            return [fixed[j] for j in range(N + M)], self.error([fixed[j] for j in range(N + M)])
        columns = np.array([self.column(j) for j in free]).T
        best = None
        at = self._start(len(free) + 1)
        for _ in range(rounds):
            self.w = self.weight / (self.f * self.bottom)
            for _ in range(10):
                solution = self._level(columns, rest, at)
                new = self._extrema(self.w * (columns @ solution - rest), len(at))
                if new is None or np.array_equal(new, at):
                    break
                at = new
            found = dict(fixed)
            found.update({j: c / 4.0 ** self.powers[j] for j, c in zip(free, solution)})
            coefficients = [found[j] for j in range(N + M)]
            bottom = self.denominator(coefficients)
            if np.min(bottom) <= 0:
                break
            self.bottom = bottom
            error = self.error(coefficients)
            if best is None or error < best[1]:
                best = coefficients, error
        return best

    def denominator(self, c):
        return 2 + sum(c[j] * self.t ** self.powers[j] for j in range(N, N + M))

    def _errors(self, c):
        top = 1 + sum(c[j] * self.t ** self.powers[j] for j in range(N))
        return self.weight * (top / (self.denominator(c) * self.f) - 1)


def show(name, coefficients, error, first=0):
    print("%s: error %.3f" % (name, error * 2 ** 24))
    for power, c in enumerate(coefficients):
        print("    ^%-2d %s" % (power + first, hexf(c)))


def root_line():
    """Floats c near 1 and r with r / c = ROOT: the quotient nearest to it among some thousands."""
    best = min((abs(mpf(f32(c * ROOT)) / c / ROOT - 1), c) for c in
               (mpf(1) + mpf(i) / 2 ** 23 for i in range(4000)))
    c = best[1]
    print("k = %s a - %s: root off by %.2g" % (hexf(f32(c)), hexf(f32(c * ROOT)), best[0] * ROOT))
    return c, mpf(f32(c * ROOT))


def slope(bottom, degree):
    """B where derivative(-a) = (c a - r) B / D E."""
    c, r = root_line()
    a = grid(1200)
    fit = Fit(lambda t: t, 0, END, degree, points=2)
    fit.t = np.array([float(x) for x in a])
    value = [F(x) - x * density(x) for x in a]
    def d(x):
        return 2 + sum(mpf(b) * x ** (j + 1) for j, b in enumerate(bottom))
    fit.f = np.array([float(v * d(x) / (c * x - r)) for v, x in zip(value, a)])
    def weight(x):
        return normal(abs(x * density(x)) * exp(-(1 + EXCESS) * x * x / 2)) if x > 1 else 1
    fit.w = np.array([float(weight(x)) for x in a]) / np.abs(fit.f)
    show("B, degree %d" % degree, *fit.rounded())


def exponential():
    """Of z2 = 2 z / (1 + EXCESS)."""
    half = (1 + EXCESS) / 2
    widest = mpf("0.6935")
    fit = Fit(lambda z: exp(half * z), -widest, widest, 5, lambda z: exp(-half * z))
    show("exp", *fit.rounded())


def guess():
    """With r = magic - bits(d), u = r (c - d r) shall be 1 / d."""
    d = np.linspace(2, 4, 2001).astype(np.float32)
    d = np.concatenate([d, 2 * d])
    def worst(magic, c):
        y = d.astype(float) * (np.uint32(magic) - d.view(np.uint32)).view(np.float32)
        return np.max(np.abs(y * (c - y) - 1))
    error, magic, c = min((worst(m, c), m, c) for m in range(0x7ee00000, 0x7f000000, 0x1000)
                          for c in np.arange(1.96, 2.04, 0.0025))
    print("magic 0x%x, c %.4f: error 1/%d" % (magic, c, 1 / error))


if __name__ == "__main__":
    if "--guess" in sys.argv:
        guess()
    else:
        quotient = Quotient()
        print("A / D at its optimum: error %.3f" % (quotient.minimax()[1] * 2 ** 24))
        coefficients, error = quotient.rounded()
        show("A", coefficients[:N], error, 1)
        show("D", coefficients[N:], error, 1)
        for degree in (3, 4, 5) if "--degrees" in sys.argv else (4,):
            slope(coefficients[N:], degree)
        exponential()
