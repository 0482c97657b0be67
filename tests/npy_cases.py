#!/usr/bin/env python3
"""npy_cases.py - what tests/command.sh cannot do in sh: .npy files, good and bad, results judged, JSON, signals, terminals.
SPDX-License-Identifier: MIT

    npy_cases.py write FOLDER                        the input files of all cases; the bad ones in FOLDER/bad
    npy_cases.py judge NAME=FILE ... -- OUT BOUND FORMULA [OUT BOUND FORMULA ...]
                                                     OUT is FORMULA of the inputs within BOUND units in the last place;
                                                     BOUND~FORMULA: or within 2^-27 of that formula
    npy_cases.py repeats LONG SHORT COUNT            LONG's data are SHORT's, COUNT times
    npy_cases.py bits FILE HEX ...                   FILE's data are those words
    npy_cases.py json FILE CONDITION ...             conditions in Python on d, the document
    npy_cases.py interrupt SIGNAL FOLDER COMMAND ... COMMAND, which reads /dev/stdin, dies by SIGNAL once a file is in FOLDER,
                                                     and leaves FOLDER empty
    npy_cases.py terminal INPUT COMMAND ...          COMMAND on a terminal; the end of INPUT comes late. Prints what appeared there
    npy_cases.py late PIDFILE COMMAND ...            COMMAND gets SIGTERM once PIDFILE names a process, which must end with it

The mathematics here knows nothing of the library's: math.erfc, exp and tanh in double.
"""

import json
import math
import os
import pathlib
import pty
import select
import signal
import struct
import subprocess
import sys
import time

# ---------------------------------------------------------------- .npy files

CODES = {"<f4": "f", "<f2": "e", "<u2": "H", "|V2": "H"}


def header(text, version=(1, 0), length=None):
    """A header around the dictionary's text, padded as numpy pads it; `length` is what it claims to have."""
    wide = version[0] >= 2
    size = 12 if wide else 10
    text += " " * (-(size + len(text) + 1) % 64) + "\n"
    count = struct.pack("<I" if wide else "<H", len(text) if length is None else length)
    return b"\x93NUMPY" + bytes(version) + count + text.encode("latin-1")


def dictionary(descr, shape, order="False"):
    shape = f"({', '.join(str(n) for n in shape)}{',' if len(shape) == 1 else ''})"
    return f"{{'descr': '{descr}', 'fortran_order': {order}, 'shape': {shape}, }}"


def bf16(x):
    """The bits of the bf16 number nearest to x, ties to even (x is finite)."""
    bits = struct.unpack("<I", struct.pack("<f", x))[0]
    return (bits + 0x7FFF + (bits >> 16 & 1)) >> 16


def pack(descr, values):
    if CODES[descr] == "H":
        values = [bf16(x) for x in values]
    return struct.pack(f"<{len(values)}{CODES[descr]}", *values)


def load(path):
    """A good file's descr, shape, and its values as floats."""
    raw = pathlib.Path(path).read_bytes()
    at = 12 if raw[6] >= 2 else 10
    size = at + int.from_bytes(raw[8:at], "little")
    entry = eval(raw[at:size], {"__builtins__": {}})
    descr, data = entry["descr"], raw[size:]
    if size % 64 or entry["fortran_order"] or len(data) != math.prod(entry["shape"]) * struct.calcsize(CODES[descr]):
        sys.exit(f"{path}: not as numpy writes it: {raw[:size]!r}, {len(data)} bytes of data")
    values = struct.unpack(f"<{len(data) // struct.calcsize(CODES[descr])}{CODES[descr]}", data)
    if CODES[descr] == "H":
        values = struct.unpack(f"<{len(values)}f", struct.pack(f"<{len(values)}I", *(v << 16 for v in values)))
    return descr, entry["shape"], list(values)


def numbers(count, seed):
    """Half of them between -8 and 8, half over many exponents; every one is finite in all three types."""
    state, out = seed, []
    for i in range(count):
        state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
        u = (state >> 11) / 2**53
        out.append(16 * u - 8 if i % 2 else (-1) ** (i // 2) * (1 + u) * 2.0 ** (state % 17 - 14))
    return out


def write_good(folder):
    rows, cols = 20, 30
    x, b, dy = (numbers(rows * cols, seed) for seed in (1, 2, 3))
    p, q = numbers(cols, 4), numbers(cols, 5)

    def save(name, descr, shape, values, version=(1, 0), times=1):
        data = values if isinstance(values, bytes) else pack(descr, values)
        with open(folder / f"{name}.npy", "wb") as f:
            f.write(header(dictionary(descr, shape), version))
            for _ in range(times):
                f.write(data)

    for kind, descr in (("f32", "<f4"), ("f16", "<f2"), ("bf16", "<u2"), ("v2", "|V2")):
        for name, values in (("a", x), ("b", b), ("dy", dy)):
            save(f"{name}-{kind}", descr, (rows, cols), values)
        save(f"x-{kind}", descr, (rows * cols,), x)
        save(f"p-{kind}", descr, (cols,), p)
        save(f"q-{kind}", descr, (cols,), q)
    for version in (2, 3):
        save(f"version-{version}", "<f4", (rows * cols,), x, (version, 0))
    save("three-d", "<f4", (4, 5, cols), x)
    save("x-1000", "<f4", (1000,), numbers(1000, 6))
    save("other-shape", "<f4", (cols, rows), x)
    save("none", "<f4", (0,), [])
    save("no-rows", "<f4", (0, cols), [])
    save("no-cols", "<f4", (3, 0), [])
    save("special", "<f4", (8,), struct.pack("<8I", 0xFF800000, 0x7F800000, 0x80000000, 0, 0x7F7FFFFF, 0xFF7FFFFF, 1, 0x7FC00000))
    save("long", "<f4", (rows * cols * 15000,), pack("<f4", x) * 100, times=150)

    def merge(layout, first, second, n):
        lines = [(first[i : i + n], second[i : i + n]) for i in range(0, len(first), n)]
        if layout == "interleaved":
            return [v for f, s in lines for pair in zip(f, s) for v in pair]
        return [v for f, s in lines for v in (f + s if layout == "act-first" else s + f)]

    for layout in ("act-first", "act-second", "interleaved"):
        save(f"packed-{layout}", "<f4", (rows, 2 * cols), merge(layout, x, b, cols))
        save(f"packed-bias-{layout}", "<f4", (2 * cols,), merge(layout, p, q, cols))
        save(f"packed-bf16-{layout}", "<u2", (rows, 2 * cols), merge(layout, x, b, cols))
    whole = pack("<f4", merge("interleaved", x, b, cols))
    save("packed-3d", "<f4", (2, rows // 2, 2 * cols), merge("act-first", x, b, cols))
    save("packed-odd", "<f4", (2 * rows, cols // 2), x)
    save("packed-long", "<f4", (rows * 10000, 2 * cols), whole * 100, times=100)


def write_bad(folder):
    data = pack("<f4", numbers(6, 9))
    good = header(dictionary("<f4", (6,))) + data
    plain = "{'descr': '<f4', 'fortran_order': False, 'shape': %s, }"
    files = {
        "empty": b"",
        "cut-magic": good[:4],
        "cut-prefix": good[:9],
        "cut-header": good[:40],
        "cut-data": good[:-1],
        "no-data": good[: -len(data)],
        "trailing": good + b"\0",
        "magic": b"\x93NUMPX" + good[6:],
        "text": b"x,y\n1,2\n" * 40,
        "version-0": good[:6] + b"\0\0" + good[8:],
        "version-4": header(dictionary("<f4", (6,)), (4, 0)) + data,
        "version-1-1": good[:7] + b"\1" + good[8:],
        "long-header": header(dictionary("<f4", (6,)), (1, 0), 65000) + data,
        "huge-header": header(dictionary("<f4", (6,)), (2, 0), 0xFFFFFFF0) + data,
        "huge-shape": header(dictionary("<f4", (2**62,))) + data,
        "product": header(dictionary("<f4", (2**32, 2**32, 2**32))) + data,
        "wraps": header(dictionary("<f4", (2**33, 2**31, 0x1000, 6))) + data,
        "digits": header(dictionary("<f4", (10**40,))) + data,
        "large": header(dictionary("<f4", (10**12,))) + data,
        "negative": header(dictionary("<f4", (-6,))) + data,
        "minus-two": header(dictionary("<f4", (-2, -3))) + data,
        "scalar": header(plain % "()") + data[:4],
        "bare": header(plain % "(6)") + data,
        "list": header(plain % "[6]") + data,
        "float": header(plain % "(6.0,)") + data,
        "dims": header(dictionary("<f4", (1,) * 65)) + data[:4],
        "object": header(dictionary("|O", (6,))) + data,
        "big-endian": header(dictionary(">f4", (6,))) + data,
        "double": header(dictionary("<f8", (3,))) + data,
        "integer": header(dictionary("<i4", (6,))) + data,
        "record": header("{'descr': [('x', '<f4')], 'fortran_order': False, 'shape': (6,), }") + data,
        "fortran": header(dictionary("<f4", (2, 3), "True")) + data,
        "order": header(dictionary("<f4", (2, 3), "0")) + data,
        "twice": header("{'descr': '<f4', 'shape': (6,), 'fortran_order': False, 'shape': (6,), }") + data,
        "extra": header("{'descr': '<f4', 'fortran_order': False, 'shape': (6,), 'x': 1, }") + data,
        "missing": header("{'descr': '<f4', 'shape': (6,), }") + data,
        "code": header("__import__('os').abort()") + data,
        "unclosed": header("{'descr': '<f4', 'fortran_order': False, 'shape': (6,)") + data,
        "endless": header("{'descr': '<f4") + data,
        "after": header(dictionary("<f4", (6,)) + " 1") + data,
        "zeros": header("\0" * 100) + data,
        "escapes": header("{'\x1b[31m': 1, }") + data,
    }
    for name, content in files.items():
        (folder / f"{name}.npy").write_bytes(content)


def command_write(folder):
    folder = pathlib.Path(folder)
    (folder / "bad" / "folder.npy").mkdir(parents=True)
    write_good(folder)
    write_bad(folder / "bad")


# ---------------------------------------------------------------- results judged


def sigmoid(x):
    return 1 / (1 + math.exp(-x)) if x >= 0 else math.exp(x) / (1 + math.exp(x))


def phi(x):
    return math.exp(-x * x / 2) / math.sqrt(2 * math.pi)


def f32(x):
    return struct.unpack("<f", struct.pack("<f", x))[0]


def f16(x):
    return struct.unpack("<e", struct.pack("<e", x))[0]


QUICK = f32(1.702)
ROOT = 2 * math.sqrt(2 / math.pi)


def silu(x, alpha=1.0):
    return x * sigmoid(alpha * x)


def silu_d(x, alpha=1.0):
    return sigmoid(alpha * x) * (1 + alpha * x * sigmoid(-alpha * x))


def gelu_tanh_d(x):
    u = ROOT * (x + 0.044715 * x**3)
    return sigmoid(u) * (1 + x * ROOT * (1 + 3 * 0.044715 * x * x) * sigmoid(-u))


WORDS = {
    "f32": f32,
    "f16": f16,
    "quick": QUICK,
    "below": lambda x, limit: min(x, limit),
    "within": lambda x, limit: max(-limit, min(x, limit)),
    "identity": lambda x: x,
    "identity_d": lambda x: 1.0,
    "relu": lambda x: max(x, 0.0),
    "relu_d": lambda x: float(x > 0),
    "relu2": lambda x: max(x, 0.0) ** 2,
    "relu2_d": lambda x: 2 * max(x, 0.0),
    "sigmoid": sigmoid,
    "sigmoid_d": lambda x: sigmoid(x) * sigmoid(-x),
    "tanh": math.tanh,
    "tanh_d": lambda x: 4 * sigmoid(2 * x) * sigmoid(-2 * x),
    "silu": silu,
    "silu_d": silu_d,
    "gelu": lambda x: x * math.erfc(-x / math.sqrt(2)) / 2,
    "gelu_d": lambda x: math.erfc(-x / math.sqrt(2)) / 2 + x * phi(x),
    "gelu_tanh": lambda x: x * sigmoid(ROOT * (x + 0.044715 * x**3)),
    "gelu_tanh_d": gelu_tanh_d,
    "gelu_quick": lambda x: silu(x, QUICK),
    "gelu_quick_d": lambda x: silu_d(x, QUICK),
}

MANTISSA = {"<f4": (23, -126), "<f2": (10, -14), "<u2": (7, -126), "|V2": (7, -126)}


def ulp(got, want, descr):
    digits, lowest = MANTISSA[descr]
    if math.isnan(got):
        return math.inf
    exponent = max(math.frexp(want)[1] - 1, lowest) if want else lowest
    return abs(got - want) / math.ldexp(1.0, exponent - digits)


def judge(inputs, out, bound, formula):
    descr, shape, got = load(out)
    first = next(iter(inputs.values()))
    if (descr, shape) != first[:2]:
        sys.exit(f"{out}: is {descr} {shape}, wanted {first[0]} {first[1]}")
    bound, _, slack = bound.partition("~")
    wanted, slack = compile(formula, formula, "eval"), compile(slack or "0", slack, "eval")
    worst = (-1.0, None)
    for i in range(len(got)):
        names = {name: values[i % len(values)] for name, (_, _, values) in inputs.items()}
        want = eval(wanted, WORDS, names)
        error = ulp(got[i], want, descr)
        if abs(got[i] - want) > 2.0**-27 * abs(eval(slack, WORDS, names)) and error > worst[0]:
            worst = (error, f"{names} got {got[i].hex()} want {want.hex()}", names)
    if worst[0] > float(bound):
        at = ", ".join(f"{name} = {value.hex()}" for name, value in worst[2].items())
        sys.exit(f"{out}: {formula}: {worst[0]:.3f} ULP, bound {bound}, at {at}:{worst[1].partition('}')[2]}")


def command_judge(*arguments):
    split = arguments.index("--")
    inputs = {name: load(path) for name, _, path in (a.partition("=") for a in arguments[:split])}
    rest = arguments[split + 1 :]
    for i in range(0, len(rest), 3):
        judge(inputs, *rest[i : i + 3])


def command_repeats(long, short, count):
    def data(path):
        raw = pathlib.Path(path).read_bytes()
        return raw[10 + int.from_bytes(raw[8:10], "little") :]

    if data(long) != data(short) * int(count):
        sys.exit(f"{long} is not {count} times {short}")


def command_bits(path, *words):
    raw = pathlib.Path(path).read_bytes()[-4 * len(words) :]
    got = [f"{w:08x}" for w in struct.unpack(f"<{len(words)}I", raw)]
    wrong = [f"element {i}: got {g}, want {w}" for i, (g, w) in enumerate(zip(got, words)) if g != w and w != "nan"]
    wrong += [f"element {i}: got {g}, want a NaN" for i, (g, w) in enumerate(zip(got, words)) if w == "nan" and int(g, 16) & 0x7FFFFFFF <= 0x7F800000]
    if wrong:
        sys.exit("\n".join(wrong))


def command_json(path, *conditions):
    with open(path, encoding="utf-8") as f:
        document = json.load(f)
    for condition in conditions:
        if not eval(condition, {"d": document, "json": json}):
            sys.exit(f"{path}: not so: {condition}\n{json.dumps(document)[:600]}")


# ---------------------------------------------------------------- processes


def wait_for(what, seconds=20.0):
    end = time.monotonic() + seconds
    while not what():
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True


def default_signals():
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


def command_interrupt(name, folder, *command):
    number = signal.Signals[name]
    run = subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=default_signals)
    run.stdin.write(header(dictionary("<f4", (1000,))) + bytes(400))
    run.stdin.flush()
    begun = wait_for(lambda: os.listdir(folder) or run.poll() is not None) and run.poll() is None
    run.send_signal(number)
    status = run.wait(20)
    if not begun or status != -number or os.listdir(folder):
        sys.exit(f"begun: {begun}, status {status}, left: {os.listdir(folder)}, said {run.stderr.read()!r}")


def command_terminal(path, *command):
    master, slave = pty.openpty()
    run = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=slave, stderr=slave)
    os.close(slave)
    raw, seen, begun = pathlib.Path(path).read_bytes(), b"", None
    size = len(raw)
    os.set_blocking(run.stdin.fileno(), False)
    while True:
        if begun is None and size - len(raw) > 1 << 20:
            begun = time.monotonic()
        writable = [run.stdin] if len(raw) > 1000 or raw and time.monotonic() > begun + 1.5 else []
        readable, writable, _ = select.select([master], writable, [], 0.1)
        try:
            piece = os.read(master, 4096) if readable else b""
        except OSError:
            break
        seen += piece
        if readable and not piece:
            break
        if writable:
            raw = raw[os.write(run.stdin.fileno(), raw[: max(1, len(raw) - 1000)] if len(raw) > 1000 else raw) :]
            if not raw:
                run.stdin.close()
    sys.stdout.buffer.write(seen)
    sys.exit(run.wait(20))


def command_stopped(word, number, *command):
    """The command on a terminal is sent that signal once it has printed `word`; prints all that it printed."""
    master, slave = pty.openpty()
    run = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=slave, stderr=slave, preexec_fn=default_signals)
    os.close(slave)
    seen, sent = b"", False
    while True:
        try:
            piece = os.read(master, 4096)
        except OSError:
            break
        if not piece:
            break
        seen += piece
        if not sent and word.encode() in seen:
            run.send_signal(signal.Signals[number])
            sent = True
    sys.stdout.buffer.write(seen)
    status = run.wait(20)
    if not sent or status != -signal.Signals[number]:
        sys.exit(f"sent: {sent}, status {status}")


def alive(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def command_late(pidfile, *command):
    pidfile = pathlib.Path(pidfile)
    run = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, preexec_fn=default_signals)
    begun = wait_for(lambda: pidfile.exists() and pidfile.stat().st_size > 0)
    pid = int(pidfile.read_text().split()[-1]) if begun else 0
    run.send_signal(signal.SIGTERM)
    status = run.wait(20)
    gone = begun and wait_for(lambda: not alive(pid), 5)
    if pid and not gone:
        os.kill(pid, signal.SIGKILL)
    if not gone or status != -signal.SIGTERM:
        sys.exit(f"begun: {begun}, status {status}, child gone: {gone}")


if __name__ == "__main__":
    globals()["command_" + sys.argv[1]](*sys.argv[2:])
