#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# One queue of three kinds of clients: leaselock's tool, etcdctl and Go's
# concurrency package wait for the same lock. Goal: they get it in the order in
# which they queued and never two at a time, whichever of them holds it first.
# Method: each is started when the key of the one before it is in etcd's queue,
# and each writes a line to one file when it holds the lock and when it releases
# it.
#
# Environment: SRC (source folder), TOOL (the tool), GOPEER (the Go peer; if it
# is empty, the queue has none).
set -u

SRC=${SRC:-$(cd "$(dirname "$0")/../.." && pwd)}
TOOL=${TOOL:-${BUILD:-build}/bin/leaselock}
GOPEER=${GOPEER:-}
WAIT_S=30
HOLD_MS=50

# shellcheck source=../support/etcd.sh
. "$SRC/tests/support/etcd.sh"

folder=$(mktemp -d "${TMPDIR:-/tmp}/leaselock-mixed-XXXXXX") || exit 1
pids=()

clean_up() {
    stop_pids "${pids[@]}"
    etcd_stop
    rm -rf "$folder"
}
trap clean_up EXIT
trap 'exit 1' INT TERM HUP

fail() {
    echo "FAILED: $*" >&2
    if [[ -s ${journal:-} ]]; then
        echo "who had the lock:" >&2
        cat "$journal" >&2
    fi
    if [[ -n $ETCD_PID ]]; then
        echo "the queue:" >&2
        etcd_ctl get --prefix "${name:-}/" --keys-only >&2
    fi
    cat "$folder"/*.err >&2
    exit 1
}

# The command under the lock: writes that WHO holds it, holds it for a moment or
# as long as the file HOLD exists, and writes that it releases it.
cat >"$folder/under_lock.sh" <<'EOF'
if [[ $WHO == etcdctl* ]]; then
    token=$(etcdctl get "$ETCD_LOCK_KEY" -w fields |
        sed -n 's/^"CreateRevision" : //p')
else
    token=$LEASELOCK_TOKEN
fi
echo "$WHO $$ $token enter" >>"$JOURNAL"
tries=0
while [[ -n $HOLD && -e $HOLD ]] && ((tries++ < 3000)); do
    sleep 0.02
done
sleep "$HOLD_S"
echo "$WHO $$ $token exit" >>"$JOURNAL"
EOF

# start WHO [HOLD]: starts a client of the kind that WHO begins with; pids gets
# its process, which is the client itself.
declare -A who_of_pid
start() {
    local who=$1 hold=${2:-} hold_ms=$HOLD_MS
    local common=(WHO="$who" HOLD="$hold" HOLD_S="0.0$HOLD_MS"
        JOURNAL="$journal" ETCDCTL_API=3 ETCDCTL_ENDPOINTS="$ETCD_ENDPOINT")
    case $who in
    ours*)
        env "${common[@]}" "$TOOL" lock --endpoints "$ETCD_ENDPOINT" --ttl 10 \
            "$name" -- bash "$folder/under_lock.sh" \
            >/dev/null 2>"$folder/$who.err" </dev/null &
        ;;
    etcdctl*)
        env "${common[@]}" etcdctl lock --ttl 10 "$name" -- \
            bash "$folder/under_lock.sh" \
            >/dev/null 2>"$folder/$who.err" </dev/null &
        ;;
    go*)
        # It holds until SIGTERM, while others watch a file.
        [[ -n $hold ]] && hold_ms=60000
        "$GOPEER" lock "$ETCD_ENDPOINT" "$name" 1 "$hold_ms" "$journal" \
            >/dev/null 2>"$folder/$who.err" </dev/null &
        ;;
    esac
    pids+=($!)
    who_of_pid[$!]=$who
}

queue_length_is() {
    [[ $(etcd_ctl get --prefix "$name/" --keys-only | grep -c .) -eq $1 ]]
}

is_entered() {
    [[ $(wc -l <"$journal") -ge 1 ]]
}

is_gone() {
    ! kill -0 "$1" 2>/dev/null
}

# check_journal WHO...: they held the lock in this order, one at a time, with
# increasing tokens.
check_journal() {
    local who pid token what told last_token=0 at=0 inside=
    local expected=("$@")
    while read -r who pid token what; do
        told=$who
        [[ $who == go ]] && told=${who_of_pid[$pid]:-unknown}
        case $what in
        enter)
            [[ -z $inside ]] || fail "$told came in while $inside had the lock"
            [[ $told == "${expected[at]:-nobody}" ]] ||
                fail "number $at was $told, not ${expected[at]:-nobody}"
            [[ $token =~ ^[0-9]+$ && $token -gt $last_token ]] ||
                fail "token $token of $told after $last_token"
            last_token=$token
            inside=$told
            at=$((at + 1))
            ;;
        exit)
            [[ $inside == "$told" ]] || fail "$told left, $inside was inside"
            inside=
            ;;
        *)
            fail "a broken line: $who $pid $token $what"
            ;;
        esac
    done <"$journal"
    [[ -z $inside && $at -eq ${#expected[@]} ]] ||
        fail "$at of ${#expected[@]} had the lock, inside: ${inside:-nobody}"
}

# run_queue HOLDER WAITER...: the first holds the lock until the others queue.
run_queue() {
    local holder=$1 hold=$folder/hold length=1 who pid
    name=mixed/$holder
    journal=$folder/journal-$holder
    pids=()
    who_of_pid=()
    : >"$journal"
    : >"$hold"
    start "$holder" "$hold"
    wait_until "$WAIT_S" is_entered || fail "$holder does not get a free lock"
    for who in "${@:2}"; do
        length=$((length + 1))
        start "$who"
        wait_until "$WAIT_S" queue_length_is "$length" ||
            fail "$who does not queue as number $length"
    done
    [[ $(wc -l <"$journal") -eq 1 ]] || fail "somebody passed $holder"
    rm "$hold"
    [[ $holder == go* ]] && kill -TERM "${pids[0]}"
    for pid in "${pids[@]}"; do
        wait_until "$WAIT_S" is_gone "$pid" ||
            fail "${who_of_pid[$pid]} does not end"
        wait "$pid" || fail "${who_of_pid[$pid]} ends with $?"
    done
    check_journal "$@"
    queue_length_is 0 || fail "somebody stays in the queue"
    echo "ok: $*"
}

[[ -x $TOOL ]] || fail "no tool at $TOOL"
etcd_start || exit 1
if [[ -n $GOPEER ]]; then
    run_queue ours-1 etcdctl-1 go-1 ours-2 go-2 etcdctl-2 ours-3
    run_queue etcdctl-1 ours-1 go-1 etcdctl-2 ours-2 ours-3 go-2
    run_queue go-1 ours-1 etcdctl-1 ours-2 go-2 ours-3 etcdctl-2
else
    echo "no gopeer: without Go's clients"
    run_queue ours-1 etcdctl-1 ours-2 etcdctl-2 ours-3
    run_queue etcdctl-1 ours-1 etcdctl-2 ours-2 ours-3
fi
