"""remez.py - minimax polynomials whose coefficients are f32 numbers.
SPDX-License-Identifier: MIT

    from remez import Fit, hexf
    fit = Fit(f, lo, hi, degree, weight)        f and weight take and give mpmath numbers
    coefficients, error = fit.minimax()         the real optimum
    coefficients, error = fit.rounded()         every coefficient a float; error is measured on the grid

The error is max |weight(t) * (p(t) - f(t))|. f is sampled once with mpmath on a Chebyshev grid; the exchange
itself runs in double, which is enough for polynomials that are to be evaluated in f32. Needs mpmath and numpy.
"""
import itertools
import numpy as np
from mpmath import mp, mpf

mp.dps = 40


def f32(x):
    """The float nearest to x, as a double."""
    return float(np.float32(float(x)))


def hexf(x):
    """x, a float, as a C literal: 0x1.8p+1f."""
    mantissa, exponent = float(x).hex().split("p")
    mantissa = mantissa.rstrip("0").rstrip(".") if "." in mantissa else mantissa
    return "%sp%sf" % (mantissa, exponent)


class Fit:
    def __init__(self, f, lo, hi, degree, weight=lambda t: mpf(1), points=1200):
        lo, hi = mpf(lo), mpf(hi)
        grid = [(lo + hi) / 2 - (hi - lo) / 2 * mp.cos(mp.pi * i / points) for i in range(points + 1)]
        self.t = np.array([float(t) for t in grid])
        self.f = np.array([float(f(mpf(t))) for t in self.t])
        self.w = np.array([float(weight(mpf(t))) for t in self.t])
        self.degree = degree
        self.scale = max(abs(float(lo)), abs(float(hi)))

    def error(self, coefficients):
        return np.max(np.abs(self._errors(coefficients)))

    def minimax(self, fixed={}, rounds=30):
        """The optimum with the coefficients {power: value} in `fixed` held."""
        free = [j for j in range(self.degree + 1) if j not in fixed]
        rest = self.f - sum((c * self.t ** j for j, c in fixed.items()), np.zeros_like(self.t))
        columns = np.array([(self.t / self.scale) ** j for j in free]).T
        at = self._start(len(free) + 1)
        for _ in range(rounds):
            solution = self._level(columns, rest, at)
            errors = self.w * (columns @ solution - rest)
            new = self._extrema(errors, len(at))
            if new is None or np.array_equal(new, at):
                break
            at = new
        found = dict(fixed)
        found.update({j: c / self.scale ** j for j, c in zip(free, solution)})
        coefficients = [found[j] for j in range(self.degree + 1)]
        return coefficients, self.error(coefficients)

    def rounded(self, held={}, search=True):
        """Rounds one coefficient after the other, the highest power first so that what is left to fit is always a
        whole polynomial, and fits the others again; then tries neighbouring floats as long as that helps."""
        fixed = dict(held)
        for j in reversed(range(self.degree + 1)):
            if j not in fixed:
                fixed[j] = f32(self.minimax(fixed)[0][j])
        coefficients = [fixed[j] for j in range(self.degree + 1)]
        return self._polish(coefficients, held) if search else (coefficients, self.error(coefficients))

    def _errors(self, coefficients):
        value = np.zeros_like(self.t)
        for c in reversed(coefficients):
            value = value * self.t + c
        return self.w * (value - self.f)

    def _start(self, count):
        last = len(self.t) - 1
        return np.array([round(last * i / (count - 1)) for i in range(count)])

    def _level(self, columns, rest, at):
        """Solves for the coefficients whose error alternates at the points `at`."""
        signs = np.array([(-1) ** i for i in range(len(at))])
        matrix = np.hstack([columns[at], (signs / self.w[at])[:, None]])
        return np.linalg.solve(matrix, rest[at])[:-1]

    def _extrema(self, errors, count):
        """One extremum for each run of equal sign; the smaller end is dropped where there are too many."""
        runs = np.flatnonzero(np.diff(np.sign(errors))) + 1
        edges = [0, *runs, len(errors)]
        peaks = [a + int(np.argmax(np.abs(errors[a:b]))) for a, b in zip(edges, edges[1:])]
        if len(peaks) < count:
            return None
        while len(peaks) > count:
            peaks.pop(0 if abs(errors[peaks[0]]) < abs(errors[peaks[-1]]) else -1)
        return np.array(peaks)

    def _polish(self, coefficients, held):
        best, error = list(coefficients), self.error(coefficients)
        free = [j for j in range(self.degree + 1) if j not in held]
        moves = [m for n in (1, 2) for m in itertools.combinations(free, n)]
        improved = True
        while improved:
            improved = False
            for move, ways in ((m, w) for m in moves for w in itertools.product((-1, 1), repeat=len(m))):
                trial = list(best)
                for j, way in zip(move, ways):
                    trial[j] = float(np.nextafter(np.float32(trial[j]), np.float32(way * np.inf)))
                if self.error(trial) < 0.999 * error:
                    best, error, improved = trial, self.error(trial), True
        return best, error
