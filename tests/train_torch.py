#!/usr/bin/env python3
"""train_torch.py - two steps of clglu train beside the same two steps in PyTorch, in double.
SPDX-License-Identifier: MIT

The same initial parameters and batches, written by `clglu train --dump`: losses, gradients and the parameters after AdamW's
two steps are compared. The model is written here anew, from train's manual, and its gradients are autograd's.

PyTorch is Debian's python3-torch, or whichever an interpreter here can import: the one in PyPI brings gigabytes of CUDA.
Exit status 1 if a comparison fails, 77 if there is no PyTorch.
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile

TESTS = pathlib.Path(__file__).resolve().parent
CLGLU = os.environ.get("CLGLU", TESTS.parent / "build" / "clglu")


def find_torch():
    """Goes on in an interpreter that has torch, if this one has not."""
    for python in (sys.executable, "/usr/bin/python3"):
        has = [python, "-c", "import torch, numpy"]
        if pathlib.Path(python).exists() and subprocess.run(has, capture_output=True).returncode == 0:
            os.environ["CLGLU_TRAIN_TORCH"] = "1"
            os.execv(python, [python, __file__, *sys.argv[1:]])
    print("skipped: no PyTorch is installed (on Debian: apt-get install python3-torch)")
    sys.exit(77)


if os.environ.get("CLGLU_TRAIN_TORCH") != "1":
    find_torch()

import numpy as np
import torch
from torch.nn import functional

torch.set_default_dtype(torch.float64)
torch.set_num_threads(1)

HIDDEN = {
    "relu": lambda x, wa: functional.relu(x @ wa),
    "gelu": lambda x, wa: functional.gelu(x @ wa),
    "geglu": lambda x, wa, wb: functional.gelu(x @ wa) * (x @ wb),
    "swiglu": lambda x, wa, wb: functional.silu(x @ wa) * (x @ wb),
    "geglu_sigmoid": lambda x, wa, wb: functional.gelu(x @ wa) * torch.sigmoid(x @ wb),
}
STEPS, SEED, BLOCKS = 2, 1, 3
BETAS, EPS, DECAY = (0.9, 0.99), 1e-8, 0.01


class Dump:
    """What clglu train wrote of one variant."""

    def __init__(self, folder, name):
        self.folder, self.name = folder, name

    def tensors(self, when):
        start = f"{self.name}-{SEED}-{when}-"
        names = ["embedding", *(f"block{i}-{w}" for i in range(1, BLOCKS + 1) for w in ("wa", "wb", "wd")), "head"]
        paths = {name: self.folder / f"{start}{name}.npy" for name in names}
        return {name: np.load(path).astype(np.float64) for name, path in paths.items() if path.exists()}

    def batch(self, step):
        return torch.from_numpy(np.load(self.folder / f"batch-{SEED}-{step}.npy").astype(np.int64))


def norm(x):
    return x / torch.sqrt((x * x).mean(-1, keepdim=True) + 1e-6)


def loss_of(parameters, hidden, batch):
    context, target = batch[:, :-1], batch[:, -1]
    x = parameters["embedding"][context].reshape(len(batch), -1)
    for i in range(1, BLOCKS + 1):
        block = [parameters[f"block{i}-{w}"] for w in ("wa", "wb", "wd") if f"block{i}-{w}" in parameters]
        x = x + hidden(norm(x), *block[:-1]) @ block[-1]
    return functional.cross_entropy(norm(x) @ parameters["head"], target)


def rate(step, peak):
    """Up over a twentieth of the steps, then down to a tenth."""
    up = max(STEPS // 20, 1)
    return peak * step / up if step <= up else peak * (0.1 + 0.9 * (STEPS - step) / (STEPS - up))


def train(dump, hidden, peak):
    """The losses of the steps, the first step's gradients, and the parameters at the end."""
    parameters = {name: torch.tensor(value, requires_grad=True) for name, value in dump.tensors("start").items()}
    optimiser = torch.optim.AdamW(parameters.values(), lr=peak, betas=BETAS, eps=EPS, weight_decay=DECAY)
    losses, gradients = [], {}
    for step in range(1, STEPS + 1):
        optimiser.param_groups[0]["lr"] = rate(step, peak)
        optimiser.zero_grad()
        loss = loss_of(parameters, hidden, dump.batch(step - 1))
        loss.backward()
        losses.append(loss.item())
        gradients = gradients or {name: p.grad.numpy().copy() for name, p in parameters.items()}
        optimiser.step()
    return losses, gradients, {name: p.detach().numpy() for name, p in parameters.items()}


counts = {True: 0, False: 0}


def judge(sentence, good, detail):
    counts[bool(good)] += 1
    print(f"{'ok' if good else 'not ok'} {sum(counts.values())} - {sentence} ({detail})")


def relative(got, want, scale=None):
    return float(np.linalg.norm(got - want) / np.linalg.norm(want if scale is None else scale))


def compare(folder, variant, peak):
    name, dump = variant["name"], Dump(folder, variant["name"])
    start, first, end = dump.tensors("start"), dump.tensors("gradient"), dump.tensors("end")
    losses, gradients, parameters = train(dump, HIDDEN[name], peak)
    curve = variant["runs"][0]["curve"]
    worst = max(abs(point["train_loss"] - want) for point, want in zip(curve[1:], losses))
    judge(f"{name}: both steps have PyTorch's loss", len(curve) == STEPS + 1 and worst < 1e-5, f"apart by {worst:.1e}")
    judge(f"{name}: it has PyTorch's parameters", start.keys() == gradients.keys() == first.keys() == end.keys(), len(start))
    worst = max(relative(first[n], gradients[n]) for n in gradients)
    judge(f"{name}: every tensor's gradient is PyTorch's", worst < 5e-6, f"relative {worst:.1e}")
    # Adam's first step is nearly the gradient's sign: where that is no more than rounding, it may go either way.
    worst = max(relative(end[n], parameters[n], parameters[n] - start[n]) for n in parameters)
    judge(f"{name}: two steps lead where PyTorch's AdamW leads", worst < 2e-3, f"apart by {worst:.1e} of the way")
    way = min(np.abs(parameters[n] - start[n]).max() for n in parameters)
    judge(f"{name}: ... and that is some way off", way > 0.5 * peak, f"{way:.1e}")


def main():
    with tempfile.TemporaryDirectory() as folder:
        command = [CLGLU, "train", "--variant", ",".join(HIDDEN), "--steps", str(STEPS), "--seed", str(SEED), "--json"]
        command += ["--data", TESTS.parent / "include" / "clglu.h", "--dump", folder]
        document = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
        for variant in document["variants"]:
            compare(pathlib.Path(folder), variant, document["model"]["learning_rate"])
    print(f"PyTorch {torch.__version__}")
    print(f"{counts[True]} passed, {counts[False]} failed")
    sys.exit(1 if counts[False] or not counts[True] else 0)


main()
