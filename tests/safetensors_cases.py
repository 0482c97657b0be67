#!/usr/bin/env python3
"""safetensors_cases.py - .safetensors files, good and bad, for tests/command_ffn.sh, and the blocks' results judged.
SPDX-License-Identifier: MIT

    safetensors_cases.py write FOLDER              all files; the bad ones in FOLDER/bad
    safetensors_cases.py judge FILE Y X FORMULA [NAME=TENSOR ...]
                                                   Y is the block of X with FILE's tensors: a, b and, if there is a wd, y.
                                                   FORMULA is of a and b, in npy_cases' words; NAME: wa wb wd ba bb bd,
                                                   NAME~TENSOR: a matrix [in, out]
    safetensors_cases.py meddle WAY FILE FOLDER COMMAND ...
                                                   COMMAND, which reads x from /dev/stdin, says that FILE was meddled with
                                                   (WAY: shrink, vanish or touch) once a file is in FOLDER, has exit status 4
                                                   and leaves FOLDER empty

The sums here are math.fsum's, of products in double.
"""

import json
import math
import os
import pathlib
import struct
import subprocess
import sys

from npy_cases import MANTISSA, WORDS, dictionary, header, load, numbers, pack, wait_for

D_MODEL, D_FF, D_OUT, ROWS = 24, 40, 16, 7
DESCR = {"F32": "<f4", "F16": "<f2", "BF16": "<u2"}

# ---------------------------------------------------------------- writing


def table(entries, metadata=None):
    """The header's text for entries {name: (dtype, shape, bytes)}, laid one behind the other."""
    at, out = 0, {} if metadata is None else {"__metadata__": metadata}
    for name, (dtype, shape, data) in entries.items():
        out[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [at, at + len(data)]}
        at += len(data)
    return json.dumps(out, separators=(",", ":"))


def whole(text, data=b"", length=None):
    text = text if isinstance(text, bytes) else text.encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def save(path, entries, metadata=None, pad=0):
    data = b"".join(data for _, _, data in entries.values())
    path.write_bytes(whole(table(entries, metadata) + " " * pad, data))


def matrix(outs, ins, seed, scale=0.25):
    """Rows of numbers; moderate, so that sums are too."""
    values = [scale * v if abs(v) < 8 else scale for v in numbers(outs * ins, seed)]
    return [values[i : i + ins] for i in range(0, outs * ins, ins)]


def transposed(m):
    return [list(column) for column in zip(*m)]


def flat(m):
    return [v for row in m for v in row] if m and isinstance(m[0], list) else m


def merge(layout, first, second):
    if layout == "interleaved":
        return [r for pair in zip(first, second) for r in pair]
    return first + second if layout == "act-first" else second + first


def entry(dtype, m):
    shape = (len(m), len(m[0])) if isinstance(m[0], list) else (len(m),)
    return dtype, shape, pack(DESCR[dtype], flat(m))


def block(dtype, seed=10):
    """One block in every form: matrices and vectors by name."""
    wa, wb, wd = matrix(D_FF, D_MODEL, seed), matrix(D_FF, D_MODEL, seed + 1), matrix(D_OUT, D_FF, seed + 2)
    ba, bb, bd = matrix(1, D_FF, seed + 3)[0], matrix(1, D_FF, seed + 4)[0], matrix(1, D_OUT, seed + 5)[0]
    out = {"wa": wa, "wb": wb, "wd": wd, "ba": ba, "bb": bb, "bd": bd, "square": matrix(D_MODEL, D_MODEL, seed + 6)}
    for name in ("wa", "wb", "wd"):
        out[f"{name}.t"] = transposed(out[name])
    for layout in ("act-first", "act-second", "interleaved"):
        out[layout] = merge(layout, wa, wb)
        out[f"{layout}.t"] = transposed(out[layout])
        out[f"{layout}.bias"] = merge(layout, ba, bb)
    return {name: entry(dtype, m) for name, m in out.items()}


def experts(one, other):
    """Two blocks' tensors stacked: [2, ...]."""
    return {f"{n}.e": (d, (2, *s), one[n][2] + data) for n, (d, s, data) in other.items()}


def named(dtype, names, seed=30, ins=D_MODEL, ff=D_FF, bias=True):
    """A block under a model's names: (a, b or None, d), without .weight; b None: a is packed, or the block is plain."""
    a, b, d, wide = names
    out = {f"{a}.weight": matrix(ff * wide, ins, seed), f"{d}.weight": matrix(ins, ff, seed + 2)}
    if b:
        out[f"{b}.weight"] = matrix(ff, ins, seed + 1)
    if bias:
        out[f"{a}.bias"], out[f"{d}.bias"] = matrix(1, ff * wide, seed + 3)[0], matrix(1, ins, seed + 4)[0]
    return {name: entry(dtype, m) for name, m in out.items()}


def models():
    def layers(a, b, d, wide=1, count=3, bias=False):
        out = {}
        for n in range(count):
            stems = (a.replace("#", str(n)), b and b.replace("#", str(n)), d.replace("#", str(n)), wide)
            out |= named("F32", stems, 30 + 10 * n, bias=bias)
        return out

    t5 = "coder.block.#.layer.{}.DenseReluDense."
    en, de = "en" + t5.format(1), "de" + t5.format(2)
    mlp = "layers.#.mlp."
    files = {
        "t5": layers(en + "wi_0", en + "wi_1", en + "wo") | layers(de + "wi_0", de + "wi_1", de + "wo", count=2),
        "gemma": layers("model." + mlp + "gate_proj", "model." + mlp + "up_proj", "model." + mlp + "down_proj", count=12),
        "gemma3": layers(*(f"language_model.model.{mlp}{n}_proj" for n in ("gate", "up", "down"))),
        "llama": layers("layers.#.feed_forward.w1", "layers.#.feed_forward.w3", "layers.#.feed_forward.w2"),
        "modernbert": layers("model." + mlp + "Wi", None, "model." + mlp + "Wo", 2),
        "modernbert-bare": layers(mlp + "Wi", None, mlp + "Wo", 2),
        "bert": layers("encoder.layer.#.intermediate.dense", None, "encoder.layer.#.output.dense", bias=True),
        "bert-wrapped": layers("bert.encoder.layer.#.intermediate.dense", None, "bert.encoder.layer.#.output.dense", bias=True),
        "fracast": named("F32", ("core.block.ffn.up", None, "core.block.ffn.down", 2), 90),
    }
    unet = {}
    for n, (where, ins) in enumerate((("down_blocks.0.attentions.0", D_MODEL), ("down_blocks.1.attentions.0", 2 * D_MODEL),
                                      ("down_blocks.10.attentions.0", D_MODEL), ("down_blocks.2.attentions.0", D_MODEL))):
        stem = f"{where}.transformer_blocks.0.ff.net."
        unet |= named("F32", (stem + "0.proj", None, stem + "2", 2), 50 + 10 * n, ins=ins)
    files["sd"] = unet
    one, other = block("F32", 10), block("F32", 70)
    stacked = experts(one, other)
    oss = "model.layers.0.mlp.experts."
    files["gpt-oss"] = {oss + "gate_up_proj": stacked["interleaved.t.e"], oss + "gate_up_proj_bias": stacked["interleaved.bias.e"],
                        oss + "down_proj": stacked["wd.t.e"], oss + "down_proj_bias": stacked["bd.e"]}
    files["gpt-oss-blocks"] = {oss + "gate_up_proj_blocks": ("U8", (2, 4, 16), bytes(128))}
    return files


def minilm():
    """Layer 3 of a model of the right sizes, in bf16; its numbers repeat."""
    def tensor(*shape):
        values = pack("<u2", [v / 64 for row in matrix(1, 1009, len(shape)) for v in row])
        size = 2 * math.prod(shape)
        return "BF16", shape, (values * (size // len(values) + 1))[:size]

    stem = "encoder.layer.3."
    return {stem + "intermediate.dense.weight": tensor(1536, 384), stem + "intermediate.dense.bias": tensor(1536),
            stem + "output.dense.weight": tensor(384, 1536), stem + "output.dense.bias": tensor(384)}


def save_npy(path, descr, shape, values):
    path.write_bytes(header(dictionary(descr, shape)) + pack(descr, values))


def write_good(folder):
    x = [v / 8 for v in numbers(ROWS * D_MODEL, 7)]
    save_npy(folder / "x.npy", "<f4", (ROWS, D_MODEL), x)
    save_npy(folder / "x-f16.npy", "<f2", (ROWS, D_MODEL), x)
    save_npy(folder / "x-bf16.npy", "<u2", (ROWS, D_MODEL), x)
    save_npy(folder / "x-3d.npy", "<f4", (1, ROWS, D_MODEL), x)
    save_npy(folder / "x-row.npy", "<f4", (D_MODEL,), x[:D_MODEL])
    save_npy(folder / "x-none.npy", "<f4", (0, D_MODEL), [])
    save_npy(folder / "x-no-cols.npy", "<f4", (3, 0), [])
    save_npy(folder / "x-narrow.npy", "<f4", (ROWS, 8), x[: ROWS * 8])
    save_npy(folder / "x-384.npy", "<f4", (2, 384), numbers(768, 8))
    save_npy(folder / "x-384-long.npy", "<f4", (500, 384), numbers(768, 8) * 250)
    save_npy(folder / "x-long.npy", "<f4", (3000, D_MODEL), (x * (3000 // ROWS + 1))[: 3000 * D_MODEL])
    for dtype in DESCR:
        save(folder / f"{dtype.lower()}.safetensors", block(dtype))
    one = block("F32")
    odd = {"odd": ("I8", (3,), b"abc"), "scalar": ("F64", (), bytes(8)), "empty": ("F32", (0, 5), b""), "half": ("F4", (2,), b"x")}
    save(folder / "odd.safetensors", odd | one, {"format": "pt", "e": "\u00e9\n"}, pad=5)
    reverse = json.loads(table(one))
    (folder / "unsorted.safetensors").write_bytes(
        whole(json.dumps(dict(reversed(reverse.items())), indent=1), b"".join(data for _, _, data in one.values())))
    save(folder / "mixed.safetensors", block("BF16") | {"f32.bias": one["ba"], "bytes": ("U8", (D_FF, D_MODEL), bytes(D_FF * D_MODEL))})
    save(folder / "experts.safetensors", experts(one, block("F32", 70)))
    save(folder / "other.safetensors", block("F32", 70))
    save(folder / "wide.safetensors", {"wa": ("F32", (8, 1000), bytes(32000))})
    save(folder / "minilm.safetensors", minilm())
    save(folder / "none.safetensors", {})
    (folder / "spaces.safetensors").write_bytes(whole(b"{" + b" " * 5000000 + b"}"))
    for name, entries in models().items():
        save(folder / f"{name}.safetensors", entries)


# ---------------------------------------------------------------- bad files


def one_tensor(**changes):
    """The text of a header with one good tensor of six f32 numbers, but for the changes, given as JSON; None: left out."""
    fields = {"dtype": '"F32"', "shape": "[2,3]", "data_offsets": "[0,24]"} | changes
    return '{"w":{%s}}' % ",".join(f'"{k}":{v}' for k, v in fields.items() if v is not None)


def two(first, second, size=8):
    return '{"a":{"dtype":"U8","shape":[%d],"data_offsets":%s},"b":{"dtype":"U8","shape":[%d],"data_offsets":%s}}' % (
        size, first, size, second)


def bad_files():
    data = bytes(24)
    good = whole(one_tensor(), data)
    yield "empty", b""
    yield "seven", good[:7]
    yield "eight", good[:8]
    yield "cut-header", good[:30]
    yield "cut-data", good[:-1]
    yield "no-data", good[:-24]
    yield "trailing", good + b"\0"
    yield "no-tensors-but-data", whole("{}", data)
    for name, length in (("length-0", 0), ("length-7", 7), ("length-past", 4000), ("length-2-63", 2**63), ("length-max", 2**64 - 1),
                         ("length-minus-7", 2**64 - 7)):
        yield name, whole(one_tensor(), data, length)
    yield "text", b"import torch\n" * 40
    yield "not-json", whole("{w: 1}", data)
    yield "array", whole("[" + one_tensor() + "]", data)
    yield "string", whole('"w"', data)
    yield "number", whole("1", data)
    yield "space-first", whole(" " + one_tensor(), data)
    yield "bom", whole(b"\xef\xbb\xbf" + one_tensor().encode(), data)
    yield "unclosed", whole(one_tensor()[:-1], data)
    yield "endless-string", whole('{"w', data)
    yield "escaped-end", whole('{"w\\', data)
    yield "twice-closed", whole(one_tensor() + "}", data)
    yield "after", whole(one_tensor() + "{}", data)
    yield "padded-with-zeros", whole(one_tensor().encode() + bytes(4), data)
    yield "comma", whole(one_tensor()[:-1] + ",}", data)
    yield "name-twice", whole('{"w":1,' + one_tensor()[1:], data)
    yield "key-twice", whole(one_tensor().replace('"shape"', '"dtype":"F32","shape"'), data)
    yield "deep", whole('{"w":' + "[" * 100000 + "]" * 100000 + "}", data)
    yield "deep-objects", whole('{"w":' * 100000 + "1" + "}" * 100000, data)
    yield "zeros", bytes(4096)
    yield "spaces", whole(b" " * 20000000)
    for name, value in (("exponent", "[2e0,3]"), ("fraction", "[2.0,3]"), ("negative", "[-2,3]"), ("minus-zero", "[-0,3]"),
                        ("too-large", "[18446744073709551616,3]"), ("two-63", "[9223372036854775808,3]"),
                        ("strings", '["2",3]'), ("true", "[true,3]"), ("null", "[null,3]"), ("nested", "[[2,3]]"),
                        ("leading-zero", "[02,3]"), ("infinity", "[Infinity,3]"), ("not-array", "6"), ("object", '{"0":6}'),
                        ("product", "[4294967296,4294967296,4294967296]"), ("wraps", "[4611686018427387910]"),
                        ("product-of-none", "[0,4294967296,4294967296]"), ("small", "[2,2]"), ("large", "[2,4]"),
                        ("dims", "[%s]" % ",".join("1" * 17)), ("many-dims", "[%s]" % ",".join("1" * 100000))):
        yield f"shape-{name}", whole(one_tensor(shape=value), data)
    for name, value in (("backwards", "[24,0]"), ("negative", "[-24,0]"), ("exponent", "[0,24e0]"), ("fraction", "[0,24.0]"),
                        ("strings", '["0","24"]'), ("one", "[24]"), ("three", "[0,24,24]"), ("number", "24"),
                        ("past", "[0,28]"), ("far", "[9223372036854775783,9223372036854775807]"), ("two-64", "[0,18446744073709551616]"),
                        ("hole-first", "[4,24]")):
        shape = "[7]" if name == "past" else "[5]" if name == "hole-first" else "[2,3]"
        yield f"offsets-{name}", whole(one_tensor(data_offsets=value, shape=shape), data)
    for name, value in (("unknown", '"F33"'), ("lower", '"f32"'), ("number", "32"), ("size", '"F16"'), ("bits", '"F4"'),
                        ("empty", '""'), ("escape", '"\\u001b[31m"')):
        yield f"dtype-{name}", whole(one_tensor(dtype=value, shape="[3]" if name == "bits" else "[2,3]"), data)
    for key in ("dtype", "shape", "data_offsets"):
        yield f"no-{key}", whole(one_tensor(**{key: None}), data)
    yield "extra-key", whole(one_tensor(stride="[3,1]"), data)
    yield "entry-array", whole('{"w":["F32",[2,3],[0,24]]}', data)
    yield "entry-number", whole('{"w":1}', data)
    yield "overlap", whole(two("[0,8]", "[7,15]"), bytes(15))
    yield "same-data", whole(two("[0,8]", "[0,8]"), bytes(8))
    yield "hole", whole(two("[0,8]", "[9,17]"), bytes(17))
    yield "metadata-numbers", whole('{"__metadata__":{"n":1},' + one_tensor()[1:], data)
    yield "metadata-array", whole('{"__metadata__":["x"],' + one_tensor()[1:], data)
    yield "metadata-deep", whole('{"__metadata__":{"n":{"m":"x"}},' + one_tensor()[1:], data)
    yield "name-nul", whole(one_tensor().replace('"w"', '"w\\u0000"'), data)
    yield "name-raw-nul", whole(one_tensor().encode().replace(b'"w"', b'"w\0"'), data)
    yield "name-utf8", whole(one_tensor().encode().replace(b'"w"', b'"\xff\xfe"'), data)
    yield "name-overlong", whole(one_tensor().encode().replace(b'"w"', b'"\xc0\xaf"'), data)
    yield "name-surrogate", whole(one_tensor().replace('"w"', '"\\ud800"'), data)
    yield "name-newline", whole(one_tensor(dtype='"X"').replace('"w"', '"w\\nclglu: all is well"'), data)
    yield "name-escape", whole(one_tensor(dtype='"X"').replace('"w"', '"\\u001b[31mred\\u202e"'), data)
    yield "name-long", whole(one_tensor(dtype='"X"').replace('"w"', '"%s"' % ("w" * 1000000)), data)
    many = ",".join('"t%d":{"dtype":"U8","shape":[1],"data_offsets":[%d,%d]}' % (i, i, i + 1) for i in range(1000000))
    yield "million", whole("{" + many + "}", bytes(1000000))
    yield "million-names", whole("{" + ",".join(f'"t{i}":1' for i in range(150000)) + "}")


def write_bad(folder):
    for name, content in bad_files():
        (folder / f"{name}.safetensors").write_bytes(content)
    (folder / "folder.safetensors").mkdir()
    os.mkfifo(folder / "pipe.safetensors")
    with open(folder / "over-100-mb.safetensors", "wb") as f:
        f.write(struct.pack("<Q", 100000001) + b"{")
        f.truncate(100000100)


def command_write(folder):
    folder = pathlib.Path(folder)
    (folder / "bad").mkdir(parents=True)
    write_good(folder)
    write_bad(folder / "bad")


# ---------------------------------------------------------------- results judged


def read_tensor(path, name):
    raw = pathlib.Path(path).read_bytes()
    size = int.from_bytes(raw[:8], "little")
    e = json.loads(raw[8 : 8 + size])[name]
    data = raw[8 + size + e["data_offsets"][0] : 8 + size + e["data_offsets"][1]]
    if e["dtype"] == "BF16":
        data = b"".join(b"\0\0" + data[i : i + 2] for i in range(0, len(data), 2))
    values = struct.unpack("<%d%s" % (math.prod(e["shape"]), "e" if e["dtype"] == "F16" else "f"), data)
    cols = e["shape"][-1]
    return list(values) if len(e["shape"]) == 1 else [list(values[i : i + cols]) for i in range(0, len(values), cols)]


def project(m, bias, row):
    """Outputs of m ([out, in]) for a row, and how far sums in f32 may be from them: a rounding for each term."""
    if m is None:
        return row, [0.0] * len(row)
    terms = [[w * v for w, v in zip(weights, row)] + [bias[i] if bias else 0.0] for i, weights in enumerate(m)]
    return [math.fsum(t) for t in terms], [(len(t) + 1) * 2.0**-24 * math.fsum(map(abs, t)) for t in terms]


def command_judge(path, y, x, formula, *parts):
    t = {"wa": None, "wb": None, "wd": None, "ba": None, "bb": None, "bd": None}
    for part in parts:
        name, _, tensor = part.partition("~" if "~" in part else "=")
        t[name] = read_tensor(path, tensor)
        t[name] = transposed(t[name]) if "~" in part else t[name]
    descr, shape, got = load(y)
    _, x_shape, values = load(x)
    ins, outs = x_shape[-1], shape[-1]
    wanted = compile(formula, formula, "eval")
    last = t["wd"] or t["wa"] or t["wb"]
    if shape != (*x_shape[:-1], len(last)):
        sys.exit(f"{y}: is {shape}, x is {x_shape}")
    digits, lowest = MANTISSA[descr]
    for r in range(math.prod(x_shape[:-1])):
        row = values[r * ins : (r + 1) * ins]
        a, ea = project(t["wa"], t["ba"], row)
        b, eb = project(t["wb"], t["bb"], row) if t["wb"] else ([0.0] * len(a), [0.0] * len(a))
        want = [eval(wanted, WORDS, {"a": p, "b": q}) for p, q in zip(a, b)]
        # Slopes are below 1.2, |act(a)| is at most |a| + 1, |gate(b)| at most |b| + 1 and a shift of 1.
        slack = [1.2 * e * (abs(q) + 2) + (abs(p) + 1) * f + 2.0**-20 * abs(h) for p, e, q, f, h in zip(a, ea, b, eb, want)]
        if t["wd"]:
            want, own = project(t["wd"], t["bd"], want)
            slack = [s + math.fsum(abs(w) * e for w, e in zip(weights, slack)) for s, weights in zip(own, t["wd"])]
        for c, (g, w, s) in enumerate(zip(got[r * outs : (r + 1) * outs], want, slack)):
            unit = math.ldexp(1.0, max(math.frexp(w)[1] - 1 if w else lowest, lowest) - digits)
            if not abs(g - w) <= s + 0.51 * unit:
                sys.exit(f"{y}: row {r}, col {c}: got {g!r}, want {w!r}, {s} may be between")


# ---------------------------------------------------------------- files that change under the command


def command_meddle(way, path, folder, *command):
    run = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    run.stdin.write(header(dictionary("<f4", (ROWS, D_MODEL))))
    run.stdin.flush()
    begun = wait_for(lambda: os.listdir(folder) or run.poll() is not None) and run.poll() is None
    if way == "touch":
        os.utime(path, (1, 1))
    else:
        os.truncate(path, 4096 if way == "shrink" else 0)
    out, said = run.communicate(pack("<f4", numbers(ROWS * D_MODEL, 7)), 60)
    if not begun or run.returncode != 4 or b"while it was read" not in said or out or os.listdir(folder):
        sys.exit(f"begun: {begun}, status {run.returncode}, left: {os.listdir(folder)}, said {out!r} {said!r}")


if __name__ == "__main__":
    globals()["command_" + sys.argv[1]](*sys.argv[2:])
