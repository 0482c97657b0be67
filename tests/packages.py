#!/usr/bin/env python3
"""packages.py - the packages of requirements.txt, installed by pip into build/venv: once, and again when the list changes.
SPDX-License-Identifier: MIT

A Python test calls enter(), a shell script takes the interpreter that this prints.
Exit status 77 if the packages are not there and there is no network to fetch them.
"""

import os
import pathlib
import re
import subprocess
import sys

TESTS = pathlib.Path(__file__).resolve().parent
VENV = TESTS.parent / "build" / "venv"
WANTED = TESTS / "requirements.txt"


def prepare():
    """Makes build/venv if it is not there or was made from other requirements; returns its interpreter."""
    python, stamp = VENV / "bin" / "python3", VENV / "requirements.txt"
    if stamp.exists() and stamp.read_bytes() == WANTED.read_bytes() and python.exists():
        return python
    made = subprocess.run([sys.executable, "-m", "venv", "--clear", VENV], capture_output=True, text=True)
    if made.returncode != 0:
        sys.exit(f"tests: no virtual environment (on Debian: python3-venv): {made.stdout}{made.stderr}")
    pip = [python, "-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check", "--no-deps"]
    got = subprocess.run([*pip, "--only-binary", ":all:", "--retries", "2", "-r", WANTED], capture_output=True, text=True)
    if got.returncode != 0:
        unreachable = "ConnectionError|ConnectTimeout|ReadTimeout|ProxyError|Temporary failure|unreachable|refused"
        if re.search(unreachable, got.stdout + got.stderr):
            print("skipped: no network, so the packages of tests/requirements.txt cannot be fetched", file=sys.stderr)
            sys.exit(77)
        sys.exit(f"tests: pip failed:\n{got.stdout}{got.stderr}")
    stamp.write_bytes(WANTED.read_bytes())
    return python


def enter():
    """The calling script goes on under the interpreter of build/venv."""
    if pathlib.Path(sys.prefix).resolve() != VENV.resolve():
        interpreter = prepare()
        sys.stdout.flush()
        os.execv(interpreter, [interpreter, *sys.argv])


if __name__ == "__main__":
    print(prepare())
