#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The example that fences a SQLite database: the write of a worker that was
# stopped past its lease is refused, and the database has only the other one's.
set -euo pipefail

# shellcheck source=../support/etcd.sh
source "$SRC/tests/support/etcd.sh"

if [[ ! -x $BUILD/examples/fence_sqlite ]]; then
    echo "skipped: built without SQLite"
    exit 0
fi
trap 'etcd_stop; rm -rf "$folder"' EXIT
folder=$(mktemp -d)
etcd_start
timeout 60 "$BUILD/examples/fence_sqlite" "$ETCD_ENDPOINT" "$folder/store.db" |
    tee "$folder/output"
grep -q 'goes on, and writes: refused' "$folder/output"
# The file is searched directly: SQLite stores texts as they are.
grep -q 'written in time' "$folder/store.db"
if grep -q 'written late' "$folder/store.db"; then
    echo "the late entry is in the database"
    exit 1
fi
