#!/bin/sh
# golden.sh - the golden values are what mpmath computes today.
# SPDX-License-Identifier: MIT
set -eu
python3 -m venv build/venv-golden
build/venv-golden/bin/pip install -q mpmath || { echo "skipped: mpmath cannot be fetched"; exit 77; }
build/venv-golden/bin/python tests/golden/make.py --check
