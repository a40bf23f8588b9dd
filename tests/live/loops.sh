#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The examples with event loops: each takes its turn in one queue, gives the lock
# back at SIGTERM, notices a loss, and says what is wrong without an etcd.
set -euo pipefail
# shellcheck source=../support/etcd.sh
. "$SRC/tests/support/etcd.sh"

mapfile -t loops < <(find "$BUILD/examples/loops" -type f -executable | sort)
if [[ ${#loops[@]} -eq 0 ]]; then
    echo "skipped: no example with an event loop is built"
    exit 77
fi

pids=()
folder=$(mktemp -d)
trap 'stop_pids "${pids[@]}"; etcd_stop; rm -rf "$folder"' EXIT
etcd_start

# How many keys the queue has.
has_keys() {
    [[ $(etcd_ctl get --prefix jobs/ --keys-only | grep -c .) -eq $1 ]]
}

# usage: start NAME PROGRAM
start() {
    "$2" "$ETCD_ENDPOINT" jobs >"$folder/$1.out" 2>"$folder/$1.errors" &
    pids+=($!)
}

for i in "${!loops[@]}"; do
    start "$i" "${loops[i]}"
    wait_until 30 has_keys $((i + 1))
done
for i in "${!loops[@]}"; do
    wait_until 30 grep -q '^held, token [0-9]*$' "$folder/$i.out"
    kill "${pids[i]}"
    wait "${pids[i]}"
    grep -qx released "$folder/$i.out"
    [[ ! -s $folder/$i.errors ]]
    echo "${loops[i]##*/}: $(head -n 1 "$folder/$i.out")"
done
has_keys 0

pids=()
for i in "${!loops[@]}"; do
    start lost "${loops[i]}"
    wait_until 30 grep -q held "$folder/lost.out"
    etcd_ctl del --prefix jobs/ >"$folder/deleted"
    status=0
    wait "${pids[i]}" || status=$?
    [[ $status -ne 0 ]]
    grep -q '^lost: ' "$folder/lost.errors"
    if "${loops[i]}" 'not an endpoint' >"$folder/none" 2>"$folder/errors"; then
        echo "${loops[i]} works without an endpoint"
        exit 1
    fi
    [[ -s $folder/errors && ! -s $folder/none ]]
done
