#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The example of permits: of twelve processes three work at a time, never more;
# one that names another number is refused.
set -euo pipefail
# shellcheck source=../support/etcd.sh
. "$SRC/tests/support/etcd.sh"

pids=()
folder=$(mktemp -d)
trap 'stop_pids "${pids[@]}"; etcd_stop; rm -rf "$folder"' EXIT
etcd_start

for _ in {1..12}; do
    "$BUILD/examples/throttle" "$ETCD_ENDPOINT" throttle 3 3 20 \
        >>"$folder/journal" &
    pids+=($!)
done
# A permit that is held for as long as that takes.
"$TOOL" lock -e "$ETCD_ENDPOINT" -p 3 other >"$folder/other" &
other=$!
pids+=("$other")
wait_until 30 test -s "$folder/other"
said=$("$BUILD/examples/throttle" "$ETCD_ENDPOINT" other 4 1 1 2>&1) &&
    { echo "four permits beside three" && exit 1; }
kill "$other"
grep -q 'has 3 permits.*and not 4' <<<"$said"
for pid in "${pids[@]}"; do
    wait "$pid"
done
pids=()
awk '$1 == "begins" { if (++n > most) most = n; jobs++ }
     $1 == "ends" { n-- }
     END { print jobs " jobs, at most " most " at a time"
           exit !(jobs == 36 && most == 3 && n == 0) }' "$folder/journal"
left=$(etcd_ctl get --prefix throttle/ --keys-only)
[[ -z $left ]]
