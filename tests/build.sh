#!/bin/sh
# build.sh - a second make does nothing.
# SPDX-License-Identifier: MIT
set -eu
make --no-print-directory all >/dev/null
again=$(make --no-print-directory all)
case "$again" in
*"Nothing to be done"* | "") echo "a second make does nothing" ;;
*) printf 'a second make does this:\n%s\n' "$again"; exit 1 ;;
esac
