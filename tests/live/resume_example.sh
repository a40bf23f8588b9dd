#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The example that resumes: a leader that is killed, and one that exits without
# resigning, keep leading with the same token when they are restarted, though
# another candidate waits; one that resigns does not.
set -euo pipefail

# shellcheck source=../support/etcd.sh
source "$SRC/tests/support/etcd.sh"

pids=()
trap 'stop_pids "${pids[@]}"; etcd_stop; rm -rf "$folder"' EXIT
folder=$(mktemp -d)
etcd_start

# service OUTPUT: starts the service; pid is its process.
service() {
    "$BUILD/examples/resume" "$ETCD_ENDPOINT" resume "$folder/place" \
        >"$folder/$1" &
    pid=$!
    pids+=("$pid")
    wait_until 30 test -s "$folder/$1" || { echo "$1: no line" && exit 1; }
}

two_wait() {
    [[ $(etcd_ctl get --prefix resume/ --keys-only | grep -c .) -eq 2 ]]
}

service first
"$TOOL" elect -e "$ETCD_ENDPOINT" resume other >"$folder/other" &
pids+=($!)
wait_until 30 two_wait
kill -KILL "$pid"
wait "$pid" || true
service second
kill -USR1 "$pid"
wait "$pid"
service third
[[ ! -s $folder/other ]] || { echo "the other one led meanwhile" && exit 1; }
kill -TERM "$pid"
wait "$pid"
wait_until 30 test -s "$folder/other"
cat "$folder"/{first,second,third}
token=$(sed 's/.* //' "$folder/first")
[[ $(cat "$folder/first") == "leads, token $token" ]]
[[ $(cat "$folder/second") == "leads on, token $token" ]]
[[ $(cat "$folder/third") == "leads on, token $token" ]]
[[ ! -e $folder/place ]]
