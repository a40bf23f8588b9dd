#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Requests to let go are for leaselock's holders; other clients do not notice
# them. Goal: a holder of each kind is asked while clients of each kind wait, and
# all go on as if nothing had happened: nobody passes the holder, Go's IsOwner
# and Unlock succeed, the next ones get the lock in their order, and observers of
# an election get the leader's value once more, if anything. Method: the journal
# of test_mixed_queue.sh, with requests in between.
#
# Environment: SRC (source folder), TOOL (the tool), GOPEER (the Go peer; if it
# is empty, the test is skipped).
set -u

SRC=${SRC:-$(cd "$(dirname "$0")/../.." && pwd)}
TOOL=${TOOL:-${BUILD:-build}/bin/leaselock}
GOPEER=${GOPEER:-}
WAIT_S=30

# shellcheck source=../support/etcd.sh
. "$SRC/tests/support/etcd.sh"

folder=$(mktemp -d "${TMPDIR:-/tmp}/leaselock-yield-XXXXXX") || exit 1
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
    head -n 50 "$folder"/*.err "$folder"/*.out "${journal:-/dev/null}" >&2
    exit 1
}

# start WHO HOLD: a client of the kind that WHO begins with takes the lock, holds
# it as long as the file HOLD exists, and writes when it does.
start() {
    local who=$1 hold=$2
    # shellcheck disable=SC2016
    local work='echo "$WHO enter" >>"$JOURNAL"
        while [[ -e $HOLD ]]; do sleep 0.02; done
        echo "$WHO exit" >>"$JOURNAL"'
    local common=(WHO="$who" HOLD="$hold" JOURNAL="$journal" ETCDCTL_API=3
        ETCDCTL_ENDPOINTS="$ETCD_ENDPOINT"
        LEASELOCK_ENDPOINTS="$ETCD_ENDPOINT")
    case $who in
    ours*)
        env "${common[@]}" "$TOOL" lock --on-yield ignore "$name" -- \
            bash -c "$work" >/dev/null 2>"$folder/$who.err" </dev/null &
        ;;
    etcdctl*)
        env "${common[@]}" etcdctl lock --ttl 10 "$name" -- bash -c "$work" \
            >/dev/null 2>"$folder/$who.err" </dev/null &
        ;;
    go*)
        "$GOPEER" lock "$ETCD_ENDPOINT" "$name" 1 60000 "$journal" \
            >/dev/null 2>"$folder/$who.err" </dev/null &
        ;;
    esac
    pids+=($!)
}

queue_length_is() {
    [[ $(etcd_ctl get --prefix "$name/" --keys-only | grep -c .) -eq $1 ]]
}

journal_has() {
    [[ $(wc -l <"$journal") -ge $1 ]]
}

file_has() {
    [[ $(grep -cF -- "$2" "$1") -ge $3 ]]
}

is_gone() {
    ! kill -0 "$1" 2>/dev/null
}

# The oldest key's name, create revision and lease.
oldest() {
    etcd_ctl get --prefix "$name/" --sort-by=CREATE --limit=1 -w fields |
        grep -E '^"(Key|CreateRevision|Lease)"'
}

ask() {
    "$TOOL" yield --endpoints "$ETCD_ENDPOINT" --reason "a test" "$1" \
        >"$folder/asked.out" 2>"$folder/asked.err" ||
        fail "yield $1 ends with $?"
    [[ $(<"$folder/asked.out") == "asked 1 holder" ]] ||
        fail "yield printed \"$(<"$folder/asked.out")\""
}

# run_queue HOLDER WAITER...
run_queue() {
    local who number=0 before
    name=yield/$1
    journal=$folder/journal-$1
    pids=()
    : >"$journal"
    for who in "$@"; do
        : >"$folder/hold-$who"
        start "$who" "$folder/hold-$who"
        number=$((number + 1))
        wait_until "$WAIT_S" queue_length_is "$number" ||
            fail "$who does not queue as number $number"
    done
    number=0
    for who in "$@"; do
        wait_until "$WAIT_S" journal_has $((2 * number + 1)) ||
            fail "$who does not get the lock"
        before=$(oldest)
        [[ $before == *'"Lease"'* ]] || fail "no key of $who"
        ask "$name"
        ask "$name"
        [[ $(oldest) == "$before" ]] || fail "the key of $who is another one"
        [[ $(wc -l <"$journal") -eq $((2 * number + 1)) ]] ||
            fail "somebody has passed $who"
        rm "$folder/hold-$who"
        [[ $who == go* ]] && kill -TERM "${pids[number]}"
        wait_until "$WAIT_S" is_gone "${pids[number]}" || fail "$who does not end"
        wait "${pids[number]}" || fail "$who ends with $?"
        number=$((number + 1))
    done
    # gopeer names its process, the others themselves.
    [[ $(sed 's/^go .* /go /; s/-[0-9]* / /' "$journal") == "$(
        for who in "$@"; do
            printf '%s enter\n%s exit\n' "${who%-*}" "${who%-*}"
        done
    )" ]] || fail "another order"
    echo "ok: $*"
}

# run_election LEADER: observers of both kinds, a candidate that waits.
run_election() {
    local leader=$1 times
    name=yield/election-$leader
    pids=()
    rm -f "$folder"/observe-*.out
    if [[ $leader == go ]]; then
        "$GOPEER" elect "$ETCD_ENDPOINT" "$name" first \
            >"$folder/leader.out" 2>"$folder/leader.err" &
    else
        "$TOOL" elect --endpoints "$ETCD_ENDPOINT" --on-yield ignore "$name" \
            first >"$folder/leader.out" 2>"$folder/leader.err" &
    fi
    pids+=($!)
    wait_until "$WAIT_S" file_has "$folder/leader.out" yield/ 1 ||
        fail "$leader does not lead"
    "$GOPEER" observe "$ETCD_ENDPOINT" "$name" >"$folder/observe-go.out" \
        2>"$folder/observe-go.err" &
    pids+=($!)
    "$TOOL" observe --endpoints "$ETCD_ENDPOINT" "$name" \
        >"$folder/observe-ours.out" 2>"$folder/observe-ours.err" &
    pids+=($!)
    "$GOPEER" elect "$ETCD_ENDPOINT" "$name" second \
        >"$folder/second.out" 2>"$folder/second.err" &
    pids+=($!)
    for times in 1 2 3; do
        wait_until "$WAIT_S" file_has "$folder/observe-go.out" first "$times" ||
            fail "Go's observer does not see the leader, $times"
        wait_until "$WAIT_S" file_has "$folder/observe-ours.out" first 1 ||
            fail "the observer does not see the leader"
        [[ $times -eq 3 ]] || ask "$name"
    done
    [[ $("$GOPEER" leader "$ETCD_ENDPOINT" "$name") == first ]] ||
        fail "another leader"
    [[ ! -s $folder/second.out ]] || fail "the second leads beside the first"
    if [[ $leader == go ]]; then
        kill -USR1 "${pids[0]}"
        wait_until "$WAIT_S" file_has "$folder/observe-ours.out" first+ 1 ||
            fail "the leader cannot proclaim any more"
    fi
    kill -TERM "${pids[0]}"
    wait_until "$WAIT_S" is_gone "${pids[0]}" || fail "$leader does not end"
    wait "${pids[0]}" || fail "$leader ends with $?"
    wait_until "$WAIT_S" file_has "$folder/second.out" elected 1 ||
        fail "the second does not lead"
    wait_until "$WAIT_S" file_has "$folder/observe-ours.out" second 1 ||
        fail "the observer does not see the second"
    stop_pids "${pids[@]:1}"
    echo "ok: election of $leader"
}

[[ -x $TOOL ]] || fail "no tool at $TOOL"
if [[ -z $GOPEER ]]; then
    echo "no gopeer"
    exit 77
fi
etcd_start || exit 1
run_queue go-1 ours-1 etcdctl-1 go-2
run_queue etcdctl-1 go-1 ours-1 etcdctl-2
run_queue ours-1 etcdctl-1 go-1 ours-2
run_election go
run_election ours
