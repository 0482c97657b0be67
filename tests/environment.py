"""environment.py - the virtual environment of the Python tests: build/venv, with what requirements.txt lists.
SPDX-License-Identifier: MIT
"""

import os
import pathlib
import re
import subprocess
import sys

TESTS = pathlib.Path(__file__).resolve().parent
VENV = TESTS.parent / "build" / "venv"
WANTED = TESTS / "requirements.txt"


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
        sys.exit(f"environment: no virtual environment (on Debian: python3-venv): {made.stdout}{made.stderr}")
    pip = [python, "-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check", "--no-deps"]
    got = subprocess.run([*pip, "--only-binary", ":all:", "--retries", "2", "-r", WANTED], capture_output=True, text=True)
    if got.returncode != 0:
        unreachable = "ConnectionError|ConnectTimeout|ReadTimeout|ProxyError|Temporary failure|unreachable|refused"
        if re.search(unreachable, got.stdout + got.stderr):
            skip("no network, so the packages of tests/requirements.txt cannot be fetched")
        sys.exit(f"environment: pip failed:\n{got.stdout}{got.stderr}")
    stamp.write_bytes(WANTED.read_bytes())
    return python


def enter(script):
    """Goes on in that environment, if this is not it."""
    if os.environ.get("CLGLU_VENV") == "1":
        return
    os.environ["CLGLU_VENV"] = "1"
    interpreter = prepare()
    sys.stdout.flush()
    os.execv(interpreter, [interpreter, script, *sys.argv[1:]])
