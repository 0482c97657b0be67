#!/usr/bin/env python3
"""make.py - golden values of the activations and their derivatives, from 50 digits and the formulas as they stand.
SPDX-License-Identifier: MIT

make.py                writes golden.tsv beside this script
make.py --check        computes it again and compares it with the file there; exit status 1 if they differ
make.py --constants    prints the constants of src/reference.c

A row: activation, f (value) or d (derivative), alpha, x, result; the numbers as hexadecimal floats. alpha and x are
values of a float; the result is the double nearest to the real number. Needs mpmath.
"""
import os
import struct
import sys

from mpmath import mp, mpf

mp.dps = 90  # 50 digits remain when a derivative loses 40 next to its root or in a tail

QUICK = mpf(struct.unpack("f", struct.pack("f", 1.702))[0])
ROOT_2_PI = mp.sqrt(2 / mp.pi)
CUBIC = mpf(44715) / 1000000


def s(z):
    return 1 / (1 + mp.exp(-z)) if z > 0 else mp.exp(z) / (1 + mp.exp(z))


def phi(x):
    return mp.exp(-x * x / 2) / mp.sqrt(2 * mp.pi)


def cdf(x):
    """The normal distribution function. Past 60 the tail is far below the smallest double: any tiny number does."""
    if abs(x) > 60:
        return mp.exp(-1800) if x < 0 else mpf(1)
    return mp.erfc(-x / mp.sqrt(2)) / 2


def positive(x):
    return x if x > 0 else mpf(0)


def swish_slope(x, alpha):
    return s(alpha * x) * (1 + alpha * x * s(-alpha * x))


def twice_u(x):
    return 2 * ROOT_2_PI * (x + CUBIC * x**3)


def gelu_tanh_slope(x):
    z, x_dz = twice_u(x), 2 * ROOT_2_PI * (x + 3 * CUBIC * x**3)
    return s(z) * (1 + x_dz * s(-z))


# name: (act, act'), both of (x, alpha)
ACTS = {
    "identity": (lambda x, _: x, lambda x, _: mpf(1)),
    "relu": (lambda x, _: positive(x), lambda x, _: mpf(x > 0)),
    "relu2": (lambda x, _: positive(x) ** 2, lambda x, _: 2 * positive(x)),
    "sigmoid": (lambda x, _: s(x), lambda x, _: s(x) * s(-x)),
    "tanh": (lambda x, _: mp.tanh(x), lambda x, _: 4 * s(2 * x) * s(-2 * x)),
    "silu": (lambda x, a: x * s(a * x), swish_slope),
    "gelu": (lambda x, _: x * cdf(x), lambda x, _: cdf(x) + x * phi(x)),
    "gelu_tanh": (lambda x, _: x * s(twice_u(x)), lambda x, _: gelu_tanh_slope(x)),
    "gelu_quick": (lambda x, _: x * s(QUICK * x), lambda x, _: swish_slope(x, QUICK)),
}
EXACT = ("identity", "relu", "relu2")
KEEPS_ZERO = ("identity", "tanh", "silu", "gelu", "gelu_tanh", "gelu_quick")
ALPHAS = {"silu": (mpf(1), QUICK)}
GUESSES = {"silu": -1.28, "gelu": -0.75, "gelu_tanh": -0.75, "gelu_quick": -0.75}  # of the roots of the derivatives


def to_double(r):
    """The double nearest to r, ties to even, subnormal ones included: Python's int / int rounds once."""
    sign, man, exp, _ = r._mpf_
    if man == 0 or exp + man.bit_length() < -1080:
        size = 0.0
    else:
        size = float(man << exp) if exp >= 0 else man / (1 << -exp)
    return -size if sign else size


def to_float(x):
    return struct.unpack("f", struct.pack("f", float(x)))[0]


def hexa(d):
    """C99 hexadecimal, without the trailing zeros that float.hex() leaves."""
    head, power = float(d).hex().split("p")
    if "." in head:
        head = head.rstrip("0").rstrip(".")
    return head + "p" + power


def neighbours(x, n):
    """x rounded to a float, and the n floats on either side of it."""
    bits = struct.unpack("I", struct.pack("f", float(x)))[0]
    return [struct.unpack("f", struct.pack("I", b))[0] for b in range(bits - n, bits + n + 1)]


def mantissas(seed, n):
    """n values in [1, 2) of 23 bits, the first of them 1: multiples of the golden ratio, the same on every machine."""
    return [1.0] + [1 + ((seed * 64 + k) * 0x9E3779B1 % 2**32 >> 9) / 2**23 for k in range(1, n)]


def every_exponent(dense):
    """Both signs of a few numbers of each exponent of a float, subnormals included; more of them from 2^-12 to 2^6."""
    xs = []
    for e in range(-149, 128):
        n = dense if -12 <= e <= 6 else 2
        sizes = [to_float(m * 2.0**e) for m in mantissas(e + 200, n)]
        xs += sizes + [-v for v in sizes]
    return xs


def edges(f, alpha):
    """Floats around the places left of zero where f falls below what a float and a double can hold."""
    xs = []
    for level in (-126, -149, -150, -1022, -1074):
        low, high = mpf(-4000), mpf(-2)
        if abs(f(low, alpha)) > mpf(2) ** level or abs(f(high, alpha)) < mpf(2) ** level:
            continue
        for _ in range(60):
            middle = (low + high) / 2
            low, high = (low, middle) if abs(f(middle, alpha)) > mpf(2) ** level else (middle, high)
        xs += neighbours(low, 2)
    return xs


def near_root(name, alpha):
    """Floats around the root of the derivative, at all distances."""
    if name not in GUESSES:
        return []
    scale = alpha if name == "silu" else mpf(1)
    root = mp.findroot(lambda x: ACTS[name][1](x, alpha), mpf(GUESSES[name]) / scale)
    steps = [mpf(2) ** -k * 3 / 2 for k in range(3, 22)]
    return neighbours(root, 4) + [to_float(root + t) for t in steps] + [to_float(root - t) for t in steps]


def inputs(name, direction, alpha):
    if name in EXACT:
        return sorted(set(every_exponent(2)))
    xs = every_exponent(10) + [to_float(k * mpf(30) / 173 + mpf(1) / 7) for k in range(-87, 86)]
    xs += edges(ACTS[name][direction == "d"], alpha) + near_root(name, alpha)
    return sorted(set(xs))


def zeros(name, direction, alpha):
    for x in (-0.0, 0.0):
        y = to_double(ACTS[name][direction == "d"](mpf(0), alpha))
        yield x, x if direction == "f" and name in KEEPS_ZERO else y


def rows():
    for name, functions in ACTS.items():
        for direction, f in zip("fd", functions):
            for alpha in ALPHAS.get(name, (mpf(1),)):
                values = [(x, to_double(f(mpf(x), alpha))) for x in inputs(name, direction, alpha)]
                for x, y in list(zeros(name, direction, alpha)) + values:
                    yield "\t".join((name, direction, hexa(alpha), hexa(x), hexa(y)))


def two_doubles(r):
    high = to_double(r)
    return "%s, %s" % (hexa(high), hexa(to_double(r - mpf(high))))


def constants():
    print("sqrt(1/2):          ", two_doubles(mp.sqrt(mpf(1) / 2)))
    print("1 / sqrt(2 pi):     ", hexa(to_double(1 / mp.sqrt(2 * mp.pi))))
    print("4 / pi:             ", hexa(to_double(4 / mp.pi)))
    print("2 sqrt(2/pi):       ", two_doubles(2 * ROOT_2_PI))
    print("the same * 0.044715:", two_doubles(2 * ROOT_2_PI * CUBIC))
    z = mp.findroot(lambda z: swish_slope(z, mpf(1)), GUESSES["silu"])
    print("silu root:          ", two_doubles(z), "exp(z):", hexa(to_double(mp.exp(z))))
    x = mp.findroot(gelu_tanh_slope, GUESSES["gelu_tanh"])
    print("gelu_tanh root:     ", two_doubles(x), "exp(2u):", hexa(to_double(mp.exp(twice_u(x)))))
    x = mp.findroot(lambda x: ACTS["gelu"][1](x, None), GUESSES["gelu"])
    print("gelu root:          ", two_doubles(x))
    # The derivatives of gelu'(x) are phi(x) p(x), where p starts with 2 - x^2 and goes on with p' - x p.
    p, factorial = [mpf(2), mpf(0), mpf(-1)], mpf(1)
    for n in range(1, 15):
        factorial *= n
        print("gelu' Taylor %2d:    " % n, hexa(to_double(phi(x) * mp.polyval(p[::-1], x) / factorial)))
        slope = [k * c for k, c in enumerate(p)][1:] + [mpf(0), mpf(0)]
        p = [a - b for a, b in zip(slope, [mpf(0)] + p)]


def main():
    if sys.argv[1:] == ["--constants"]:
        return constants()
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "golden.tsv")
    text = "".join(row + "\n" for row in rows())
    if sys.argv[1:] == ["--check"]:
        with open(path, encoding="ascii") as file:
            if file.read() != text:
                sys.exit("golden.tsv is not what make.py computes")
        print("golden.tsv: %d rows, as computed" % text.count("\n"))
    elif sys.argv[1:]:
        sys.exit(__doc__)
    else:
        with open(path, "w", encoding="ascii") as file:
            file.write(text)


if __name__ == "__main__":
    main()
