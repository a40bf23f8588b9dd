#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# One election of three kinds of candidates: leaselock's tool, etcdctl and Go's
# concurrency package. Goal: they lead in the order of their campaigns, each
# kind observes every leader of the others, and a lock of the same name is in
# the same queue. Method: each is started when the key of the one before it is
# in etcd's queue; each leads until it gets a signal.
#
# Environment: SRC (source folder), TOOL (the tool), GOPEER (the Go peer; if it
# is empty, the election has none).
set -u

SRC=${SRC:-$(cd "$(dirname "$0")/../.." && pwd)}
TOOL=${TOOL:-${BUILD:-build}/bin/leaselock}
GOPEER=${GOPEER:-}
WAIT_S=30

# shellcheck source=../support/etcd.sh
. "$SRC/tests/support/etcd.sh"

folder=$(mktemp -d "${TMPDIR:-/tmp}/leaselock-election-XXXXXX") || exit 1
name=
observers=()
declare -A pid_of

clean_up() {
    stop_pids "${pid_of[@]}" "${observers[@]}"
    etcd_stop
    rm -rf "$folder"
}
trap clean_up EXIT
trap 'exit 1' INT TERM HUP

fail() {
    echo "FAILED: $*" >&2
    if [[ -n $ETCD_PID ]]; then
        echo "the queue:" >&2
        etcd_ctl get --prefix "$name/" >&2
    fi
    tail -n 20 "$folder"/*.err "$folder"/*.seen >&2
    exit 1
}

# start WHO: starts a candidate of the kind that WHO begins with; WHO is its
# value. "lock" acquires the lock of the same name.
start() {
    local who=$1 environment=(ETCDCTL_API=3
        ETCDCTL_ENDPOINTS="$ETCD_ENDPOINT")
    case $who in
    ours*) set -- "$TOOL" elect -e "$ETCD_ENDPOINT" "$name" "$who" ;;
    lock*) set -- "$TOOL" lock -e "$ETCD_ENDPOINT" "$name" ;;
    etcdctl*) set -- etcdctl elect "$name" "$who" ;;
    go*) set -- "$GOPEER" elect "$ETCD_ENDPOINT" "$name" "$who" ;;
    esac
    env "${environment[@]}" "$@" >"$folder/$who.out" 2>"$folder/$who.err" \
        </dev/null &
    pid_of[$who]=$!
}

# observe KIND: observes the election with a client of this kind.
observe() {
    local environment=(ETCDCTL_API=3 ETCDCTL_ENDPOINTS="$ETCD_ENDPOINT")
    case $1 in
    ours) set -- "$1" "$TOOL" observe -e "$ETCD_ENDPOINT" "$name" ;;
    etcdctl) set -- "$1" etcdctl elect --listen "$name" ;;
    go) set -- "$1" "$GOPEER" observe "$ETCD_ENDPOINT" "$name" ;;
    esac
    env "${environment[@]}" "${@:2}" >"$folder/$1.seen" 2>"$folder/$1.err" \
        </dev/null &
    observers+=($!)
}

queue_length_is() {
    [[ $(etcd_ctl get --prefix "$name/" --keys-only | grep -c .) -eq $1 ]]
}

# leads WHO: it has reported its leadership.
leads() {
    [[ -s $folder/$1.out ]]
}

# sees KIND VALUE: the last value that such an observer reported; ours prints
# the token first, etcdctl the key on a line of its own.
sees() {
    local line
    line=$(tail -n 1 "$folder/$1.seen")
    [[ $1 == ours ]] && line=${line#* }
    [[ $line == "$2" ]]
}

is_gone() {
    ! kill -0 "$1" 2>/dev/null
}

# ask KIND: the leader's value as printed by such a client.
ask() {
    case $1 in
    ours) "$TOOL" leader -e "$ETCD_ENDPOINT" "$name" ;;
    go) "$GOPEER" leader "$ETCD_ENDPOINT" "$name" ;;
    esac
}

# run_election WHO...: they lead in this order.
run_election() {
    local kinds=(ours etcdctl) who kind value length=0 next_at=1
    [[ -n $GOPEER ]] && kinds+=(go)
    name=election/$1
    rm -f "$folder"/*.seen "$folder"/*.out
    observers=()
    pid_of=()
    for who in "$@"; do
        start "$who"
        length=$((length + 1))
        wait_until "$WAIT_S" queue_length_is "$length" ||
            fail "$who does not queue as number $length"
    done
    wait_until "$WAIT_S" leads "$1" || fail "$1 does not lead"
    for kind in "${kinds[@]}"; do
        observe "$kind"
    done
    for who in "$@"; do
        wait_until "$WAIT_S" leads "$who" || fail "$who does not lead"
        value=$(etcd_ctl get --prefix "$name/" --sort-by=CREATE --order=ASCEND --limit=1 \
            --print-value-only)
        [[ $who == lock* || $value == "$who" ]] || fail "$who says $value"
        for kind in "${kinds[@]}"; do
            wait_until "$WAIT_S" sees "$kind" "$value" ||
                fail "$kind does not see that $who leads"
            [[ $kind == etcdctl || $(ask "$kind") == "$value" ]] ||
                fail "$kind does not tell that $who leads"
        done
        if [[ $who == go* ]]; then
            kill -USR1 "${pid_of[$who]}"
            for kind in "${kinds[@]}"; do
                wait_until "$WAIT_S" sees "$kind" "$who+" ||
                    fail "$kind does not see what $who proclaims"
            done
        fi
        next_at=$((next_at + 1))
        [[ $next_at -gt $# ]] || ! leads "${!next_at}" ||
            fail "${!next_at} leads beside $who"
        kill -TERM "${pid_of[$who]}"
        wait_until "$WAIT_S" is_gone "${pid_of[$who]}" ||
            fail "$who does not end"
        wait "${pid_of[$who]}" || fail "$who ends with $?"
    done
    queue_length_is 0 || fail "somebody stays in the queue"
    wait_until "$WAIT_S" sees ours - || fail "ours does not see that none leads"
    stop_pids "${observers[@]}"
    echo "ok: $*"
}

[[ -x $TOOL ]] || fail "no tool at $TOOL"
etcd_start || exit 1
if [[ -n $GOPEER ]]; then
    run_election ours-1 etcdctl-1 go-1 ours-2 lock-1 go-2 etcdctl-2 ours-3
    run_election etcdctl-1 ours-1 go-1 lock-1 etcdctl-2 ours-2 go-2
    run_election go-1 ours-1 etcdctl-1 ours-2 go-2 lock-1 etcdctl-2
else
    echo "no gopeer: without Go's clients"
    run_election ours-1 etcdctl-1 ours-2 lock-1 etcdctl-2 ours-3
    run_election etcdctl-1 ours-1 lock-1 etcdctl-2 ours-2
fi
