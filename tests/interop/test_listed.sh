#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Goal: while another program's client holds a lock or leads and one of ours
# waits, ls, queue and leader show the other's key as the holder, the first two
# mark it as foreign, and ours is behind it. Method: a Go mutex, a Go election,
# etcdctl lock and etcdctl elect hold in turn, below a namespace; the output is
# compared with the oldest key in etcd.
#
# Environment: SRC (source folder), TOOL (the tool), GOPEER (the Go peer; if it
# is empty, only etcdctl holds).
set -u

SRC=${SRC:-$(cd "$(dirname "$0")/../.." && pwd)}
TOOL=${TOOL:-${BUILD:-build}/bin/leaselock}
GOPEER=${GOPEER:-}
WAIT_S=30

# shellcheck source=../support/etcd.sh
. "$SRC/tests/support/etcd.sh"

folder=$(mktemp -d "${TMPDIR:-/tmp}/leaselock-listed-XXXXXX") || exit 1
pids=()
name=
space=
options=() # of the tool, for this namespace

clean_up() {
    stop_pids "${pids[@]}"
    etcd_stop
    rm -rf "$folder"
}
trap clean_up EXIT
trap 'exit 1' INT TERM HUP

fail() {
    echo "FAILED: $*" >&2
    etcd_ctl get --prefix "${space}jobs/" >&2
    tail -n 20 "$folder"/* >&2
    exit 1
}

# run NAME COMMAND...: starts a client; its output is in $folder/NAME.
run() {
    local out=$folder/$1
    shift
    env ETCDCTL_API=3 ETCDCTL_ENDPOINTS="$ETCD_ENDPOINT" "$@" \
        >"$out" 2>&1 </dev/null &
    pids+=($!)
}

# ours ARG...: the tool, in the namespace.
ours() {
    "$TOOL" "$1" -e "$ETCD_ENDPOINT" "${options[@]}" "${@:2}"
}

queue_length_is() {
    [[ $(etcd_ctl get --prefix "$space$name/" --keys-only | grep -c .) -eq $1 ]]
}

# oldest WHAT: the oldest key in etcd.
oldest() {
    etcd_ctl get --prefix "$space$name/" --sort-by=CREATE --order=ASCEND \
        --limit=1 "$1"
}

# field FILE PATH: a field of the JSON that a command printed.
field() {
    jq -er "if $2 == null then error(\"none\") else $2 | tostring end" "$1"
}

# expect FILE PATH WANTED
expect() {
    local seen
    seen=$(field "$folder/$1" "$2") || fail "$1 has no $2"
    [[ $seen == "$3" ]] || fail "$1: $2 is \"$seen\", not \"$3\""
}

# check HOLDER VALUE: HOLDER holds the lock and proclaims VALUE; ours waits.
check() {
    local key note
    key=$(oldest --keys-only | head -n 1)
    note="foreign ($key)"
    ours ls --json "$name" >"$folder/ls" || fail "ls of $1"
    expect ls '.locks[0].name' "$name"
    expect ls '.locks[0].places' 2
    expect ls '.locks[0].holder.key' "$key"
    expect ls '.locks[0].holder.foreign' true
    ours queue --json "$name" >"$folder/queue" || fail "queue of $1"
    expect queue '.entries[0].key' "$key"
    expect queue '.entries[0].foreign' true
    expect queue '.entries[0].ticket' true
    expect queue '.entries[1].foreign' false
    expect queue .total 2
    ours leader --json "$name" >"$folder/leader" || fail "leader of $1"
    expect leader .key "$key"
    expect leader .value "$2"
    expect leader .token "$(field "$folder/queue" '.entries[0].token')"
    ours ls "$name" >"$folder/ls" || fail "ls of $1"
    [[ $(sed -n 2p "$folder/ls") == *"$note"* ]] || fail "ls does not mark $1"
    ours queue "$name" >"$folder/queue" || fail "queue of $1"
    [[ $(sed -n 2p "$folder/queue") == *"$note"* &&
        $(sed -n 3p "$folder/queue") != *foreign* ]] ||
        fail "queue does not mark $1"
    [[ $(ours leader "$name") == "$2" ]] || fail "leader of $1"
}

# try HOLDER VALUE COMMAND...: COMMAND acquires the lock, then one of ours
# waits.
try() {
    pids=()
    name=jobs/$1
    run holder "${@:3}"
    wait_until "$WAIT_S" queue_length_is 1 || fail "$1 does not get the lock"
    run waiter "$TOOL" elect -e "$ETCD_ENDPOINT" "${options[@]}" "$name" us
    wait_until "$WAIT_S" queue_length_is 2 || fail "ours does not queue"
    check "$1" "$2"
    stop_pids "${pids[@]}"
    echo "ok: $1${space:+ below $space}"
}

command -v jq >/dev/null || {
    echo "no jq, which reads the JSON: skipped"
    exit 77
}
[[ -x $TOOL ]] || fail "no tool at $TOOL"
etcd_start || exit 1
for space in "" team/; do
    options=()
    [[ -z $space ]] || options=(--namespace "$space")
    try etcdctl-lock "" etcdctl lock "${space}jobs/etcdctl-lock"
    try etcdctl-elect boss etcdctl elect "${space}jobs/etcdctl-elect" boss
    if [[ -n $GOPEER ]]; then
        try go-mutex "" "$GOPEER" lock "$ETCD_ENDPOINT" \
            "${space}jobs/go-mutex" 1 60000
        try go-election boss "$GOPEER" elect "$ETCD_ENDPOINT" \
            "${space}jobs/go-election" boss
    fi
done
[[ -n $GOPEER ]] || echo "no gopeer: without Go's clients"
