#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The Debian packages of what is committed are built, lintian finds no fault in
# them, and on a fresh Debian 12, in a folder, they are installed, and the README's
# program is compiled, linked and run with them.
#
# Environment: SRC (source folder).
set -euo pipefail

skip() {
    echo "skipped: $*"
    exit 77
}

[[ $(id -u) -eq 0 ]] || skip "a fresh Debian needs root's rights"
git -C "$SRC" rev-parse --verify -q HEAD >/dev/null || skip "no git checkout"
for what in dpkg-buildpackage dh lintian mmdebstrap; do
    command -v "$what" >/dev/null || skip "no $what"
done
unset LEASELOCK_CONFIG LEASELOCK_GUARDIAN_PATH TOOL BUILD
# Without the packages of debugging symbols, which take long to compress.
export DEB_BUILD_OPTIONS=noautodbgsym
exec "$SRC/scripts/package" --try
