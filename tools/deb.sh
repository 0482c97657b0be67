#!/bin/sh
# deb.sh - Debian packages of the library, its development files and the command, in the folder $DEB. Called by make deb.
# SPDX-License-Identifier: MIT
set -eu
version=$(awk '/define CLGLU_VERSION_/ { v = v dot $3; dot = "." } END { print v }' include/clglu.h)
packaged=$(dpkg-parsechangelog -l tools/debian/changelog -S Version)
[ "$packaged" = "$version" ] || {
    echo "deb: tools/debian/changelog is at $packaged, include/clglu.h at $version: add an entry" >&2
    exit 1
}

# The sources without what was built here, and debian/ where the tools want it.
tree=${DEB:?}/clglu-$version
rm -rf "$DEB"
mkdir -p "$tree"
tar -c --exclude=__pycache__ --exclude=tools/debian LICENSE Makefile README.md cl include src tests tools | tar -x -C "$tree"
cp -R tools/debian "$tree/debian"

# The tests belong to make check.
export DEB_BUILD_OPTIONS="nocheck ${DEB_BUILD_OPTIONS:-}" DEB_BUILD_PROFILES="nocheck ${DEB_BUILD_PROFILES:-}"
(cd "$tree" && dpkg-buildpackage --no-sign) >"$DEB/log" 2>&1 || {
    tail -n 20 "$DEB/log" >&2
    echo "deb: dpkg-buildpackage failed; all that it said is in $DEB/log" >&2
    exit 1
}
ls "$DEB"/*.deb
