#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The example of readers and a rare writer: several processes read a cache, never
# a part of it, and refresh it when it is old, one of them at a time.
set -euo pipefail
# shellcheck source=../support/etcd.sh
. "$SRC/tests/support/etcd.sh"

pids=()
folder=$(mktemp -d)
trap 'stop_pids "${pids[@]}"; etcd_stop; rm -rf "$folder"' EXIT
etcd_start

start_ms=$(date +%s%3N)
for i in 1 2 3 4; do
    "$BUILD/examples/cache_refresh" "$ETCD_ENDPOINT" cache "$folder/cache" 40 \
        150 >"$folder/$i.out" 2>>"$folder/errors" &
    pids+=($!)
done
for pid in "${pids[@]}"; do
    wait "$pid"
done
pids=()
took_ms=$(($(date +%s%3N) - start_ms))
cat "$folder"/*.out
[[ ! -s $folder/errors ]] || { cat "$folder/errors" && exit 1; }
refreshed=$(awk '{ n += $2 } END { print n }' "$folder"/*.out)
# Each edition lasts for 40 ms; the first one is new.
echo "refreshed $refreshed times in $took_ms ms"
((refreshed >= 1 && refreshed <= took_ms / 40 + 1))
[[ $(head -n 1 "$folder/cache" | cut -d ' ' -f 1) == \
    $(tail -n 1 "$folder/cache") ]]
left=$(etcd_ctl get --prefix cache/ --keys-only)
[[ -z $left ]]
