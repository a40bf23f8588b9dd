#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The binary interface of the shared library is the one that tests/abi keeps, and
# its file names no machine.
set -euo pipefail
status=0

if grep -nE "='/|[.][.]/" "$SRC/tests/abi/leaselock.abi"; then
    echo "tests/abi/leaselock.abi contains a path"
    status=1
fi
"$SRC/scripts/abi" "$BUILD" || status=$?
exit "$status"
