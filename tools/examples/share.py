#!/usr/bin/env python3
"""share.py - clglu on the buffers of a Python program that uses pyopencl: nothing is copied, nothing is compiled.
SPDX-License-Identifier: MIT

    pip install pyopencl scipy
    python3 share.py [LIBRARY]          libclglu.so.0.1, or the path of it

y = gelu(a) * b of a packed array [rows, 2 d] that pyopencl made, checked against scipy in double: exit status 1 if wrong.

Three things make it work:
  - pyopencl's package brings an OpenCL loader of its own. clglu is loaded first and for all (RTLD_GLOBAL), with the system's
    loader, and then pyopencl finds the system's too. Two loaders could see other drivers and could not share handles safely.
  - A handle of pyopencl's is a number (int_ptr): it is what C calls a cl_context, cl_mem or cl_event.
  - The structures below are those of clglu.h, field by field, in its order. Zero is the default of each field.
"""

import ctypes
import sys
from ctypes import POINTER, Structure, byref, c_char_p, c_float, c_int, c_size_t, c_uint32, c_void_p

# ---------------------------------------------------------------- what clglu.h says

ACT_IDENTITY, ACT_GELU = 0, 6
F32 = 0


class View(Structure):
    _fields_ = [("offset", c_size_t), ("ld", c_size_t), ("inc", c_size_t)]


class Bias(Structure):
    _fields_ = [("buffer", c_void_p), ("host", c_void_p), ("offset", c_size_t), ("inc", c_size_t)]


class GateDesc(Structure):
    _fields_ = [
        *[(name, c_size_t) for name in ("rows", "cols")],
        *[(name, View) for name in ("a", "b", "y", "dy", "da", "db")],
        *[(name, c_int) for name in ("act", "gate", "dtype", "rounding")],
        *[(name, c_float) for name in ("alpha", "limit", "shift")],
        *[(name, Bias) for name in ("bias_a", "bias_b")],
    ]


# name: result, arguments
FUNCTIONS = {
    "clglu_version": (c_char_p, []),
    "clglu_status_name": (c_char_p, [c_int]),
    "clglu_context_wrap": (c_int, [c_void_p, c_void_p, c_void_p, POINTER(c_void_p)]),
    "clglu_context_error": (c_char_p, [c_void_p]),
    "clglu_context_close": (None, [c_void_p]),
    "clglu_gate_forward": (
        c_int,
        # context, desc, queue, a, b, y, nwait, wait, event
        [c_void_p, POINTER(GateDesc), *[c_void_p] * 4, c_uint32, POINTER(c_void_p), POINTER(c_void_p)],
    ),
}


def load(path):
    """The library, with the system's OpenCL loader, for all that is loaded later."""
    library = ctypes.CDLL(path, mode=ctypes.RTLD_GLOBAL)
    for name, (result, arguments) in FUNCTIONS.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library


class Context:
    """clglu in a pyopencl context."""

    def __init__(self, library, context, device):
        self.library, self.handle = library, c_void_p()
        self.must(library.clglu_context_wrap(context.int_ptr, device.int_ptr, None, byref(self.handle)))

    def must(self, status):
        if status:
            name, why = self.library.clglu_status_name(status), self.library.clglu_context_error(self.handle) or b""
            raise RuntimeError(f"{name.decode()}: {why.decode()}")

    def gate_forward(self, queue, desc, a, b, y, wait=()):
        """a, b and y are pyopencl's buffers. Does not block: the event whose number it returns says when y is there."""
        events, event = (c_void_p * len(wait))(*[w.int_ptr for w in wait]), c_void_p()
        status = self.library.clglu_gate_forward(
            self.handle, byref(desc), queue.int_ptr, a.int_ptr, b.int_ptr, y.int_ptr,
            len(wait), events if wait else None, byref(event),
        )  # fmt: skip
        self.must(status)
        return event.value

    def close(self):
        self.library.clglu_context_close(self.handle)


# ---------------------------------------------------------------- the program


def main(path):
    library = load(path)

    import numpy as np
    import pyopencl as cl
    import pyopencl.array
    from scipy.special import ndtr

    # A program's own context, queue and arrays, all pyopencl's.
    context = cl.create_some_context(interactive=False)  # PYOPENCL_CTX chooses
    device, queue = context.devices[0], cl.CommandQueue(context)
    rows, d = 513, 300
    packed = np.random.default_rng(1).normal(0, 3, (rows, 2 * d)).astype(np.float32)
    x = cl.array.to_device(queue, packed)
    y = cl.array.empty(queue, (rows, d), np.float32)

    # Views, in elements: a is the first half of each row and b the second, as they lie.
    desc = GateDesc(rows=rows, cols=d, act=ACT_GELU, gate=ACT_IDENTITY, dtype=F32)
    desc.a, desc.b = View(0, 2 * d, 1), View(d, 2 * d, 1)

    # clglu between two commands of the program: it waits for the first, and the second waits for it.
    twice = cl.Program(context, "kernel void twice(global float *y) { y[get_global_id(0)] *= 2; }").build().twice
    clglu = Context(library, context, device)
    given = cl.enqueue_marker(queue)
    done = cl.Event.from_int_ptr(clglu.gate_forward(queue, desc, x.data, x.data, y.data, wait=[given]), retain=False)
    twice(queue, (rows * d,), None, y.data, wait_for=[done]).wait()

    got = y.get().astype(np.float64) / 2
    a, b = np.split(packed.astype(np.float64), 2, axis=1)
    want = a * ndtr(a) * b
    error = float(np.max(np.abs(got - want) / np.spacing(np.abs(want).astype(np.float32))))
    print(f"clglu {library.clglu_version().decode()} on {device.name}: {rows} rows of {d}, worst {error:.2f} ULP")
    clglu.close()
    return 0 if error <= 2 * 1.8 + 1 else 1  # the bound of clglu_gate_forward for gelu


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else "libclglu.so.0.1"))
