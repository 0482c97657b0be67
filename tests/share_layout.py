#!/usr/bin/env python3
"""share_layout.py - the structures, numbers and arguments of tools/examples/share.py are those of clglu.h, as a C compiler has them.
SPDX-License-Identifier: MIT"""

import ctypes
import os
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tools" / "examples"))
sys.dont_write_bytecode = True
import share

STRUCTURES = {"clglu_view": share.View, "clglu_bias": share.Bias, "clglu_gate_desc": share.GateDesc}
NUMBERS = {"CLGLU_ACT_IDENTITY": share.ACT_IDENTITY, "CLGLU_ACT_GELU": share.ACT_GELU, "CLGLU_F32": share.F32}


def layout(structures, numbers):
    """What C is asked, and what ctypes says: expression to number."""
    found = dict(numbers)
    for name, structure in structures.items():
        found[f"sizeof({name})"] = ctypes.sizeof(structure)
        for field, kind in structure._fields_:
            found[f"offsetof({name}, {field})"] = getattr(structure, field).offset
            found[f"sizeof((({name} *)0)->{field})"] = ctypes.sizeof(kind)
    return found


def call(name, result, arguments):
    """A call in C with arguments of ctypes' kinds: it compiles only if the header has as many, pointers where these are."""
    kinds = {ctypes.c_int: "(clglu_status)0", ctypes.c_uint32: "(cl_uint)0"}
    text = f"{name}({', '.join(kinds.get(a, '(void *)0') for a in arguments)})"
    kinds = {None: "{};", ctypes.c_int: "clglu_status got = {}; (void)got;", ctypes.c_char_p: "const char *got = {}; (void)got;"}
    return "    if (argc > 9) { " + kinds[result].format(text) + " }\n"


wanted = layout(STRUCTURES, NUMBERS)
program = "#include <clglu.h>\n#include <stdio.h>\nint main(int argc, char **argv)\n{\n    (void)argv;\n"
program += "".join(f'    printf("%zu\\n", (size_t)({expression}));\n' for expression in wanted)
program += "".join(call(name, *kinds) for name, kinds in share.FUNCTIONS.items()) + "}\n"
with tempfile.TemporaryDirectory() as folder:
    source, run = pathlib.Path(folder) / "layout.c", pathlib.Path(folder) / "layout"
    source.write_text(program)
    compiler = [os.environ.get("CC", "cc"), "-std=c11", "-Wall", "-Wextra", "-Werror", f"-I{ROOT}/include"]
    subprocess.run([*compiler, source, f"-L{ROOT}/build", "-lclglu", "-lOpenCL", "-o", run], check=True)
    environment = {**os.environ, "LD_LIBRARY_PATH": f"{ROOT}/build:" + os.environ.get("LD_LIBRARY_PATH", "")}
    numbers = subprocess.run([run], check=True, capture_output=True, text=True, env=environment).stdout.split()
different = [f"{e}: share.py has {w}, C {n}" for (e, w), n in zip(wanted.items(), map(int, numbers), strict=True) if w != n]
print("\n".join(different) or f"{len(wanted)} sizes, places and numbers agree")
sys.exit(1 if different else 0)
