#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The example that fences writes to etcd: the write of the worker that lost the
# lock is not applied, and the counter has the other one's value.
set -euo pipefail

# shellcheck source=../support/etcd.sh
source "$SRC/tests/support/etcd.sh"

trap 'etcd_stop; rm -rf "$folder"' EXIT
folder=$(mktemp -d)
etcd_start
timeout 60 "$BUILD/examples/fence_etcd" "$ETCD_ENDPOINT" | tee "$folder/output"
grep -q 'the second worker writes 1$' "$folder/output"
grep -q 'the first worker writes 1: refused' "$folder/output"
