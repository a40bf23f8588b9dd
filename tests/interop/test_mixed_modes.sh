#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Shared tickets and permits of leaselock's tool in one queue with etcdctl and
# Go's concurrency package, whose places are exclusive. Goal: the others wait for
# every reader and every permit, readers and permits wait for the others, and
# those that are granted together are consecutive in the queue. Method: each
# client is started when the key of the one before it is in the queue, holds
# until it is told to release, and writes a line to a journal when it holds the
# lock and before it releases it. At the end the rule of grants is applied to
# every line of the journal.
#
# Environment: as of test_mixed_queue.sh.
set -u

SRC=${SRC:-$(cd "$(dirname "$0")/../.." && pwd)}
TOOL=${TOOL:-${BUILD:-build}/bin/leaselock}
GOPEER=${GOPEER:-}
WAIT_S=30

# shellcheck source=../support/etcd.sh
. "$SRC/tests/support/etcd.sh"

folder=$(mktemp -d "${TMPDIR:-/tmp}/leaselock-modes-XXXXXX") || exit 1
declare -A pid_of=() who_of=()

clean_up() {
    stop_pids "${pid_of[@]}"
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
        "$TOOL" queue -e "$ETCD_ENDPOINT" "${name:-none}" >&2
    fi
    cat "$folder"/*.err >&2
    exit 1
}

# The command under the lock, as long as the file HOLD exists.
cat >"$folder/under_lock.sh" <<'END'
echo "$WHO enter" >>"$JOURNAL"
tries=0
while [[ -e $HOLD ]] && ((tries++ < 3000)); do
    sleep 0.02
done
echo "$WHO exit" >>"$JOURNAL"
END

queue_length_is() {
    [[ $(etcd_ctl get --prefix "$name/" --keys-only | grep -c .) -eq $1 ]]
}

# start WHO: starts a client of the kind that WHO begins with, and waits for its
# key.
start() {
    local who=$1 options=()
    local common=(WHO="$who" HOLD="$folder/hold-$who" JOURNAL="$journal"
        ETCDCTL_API=3 ETCDCTL_ENDPOINTS="$ETCD_ENDPOINT")
    : >"$folder/hold-$who"
    case $who in
    read* | permit* | write*)
        [[ $who == read* ]] && options=(--shared)
        [[ $who == permit* ]] && options=(--permits 2)
        env "${common[@]}" "$TOOL" lock --endpoints "$ETCD_ENDPOINT" --ttl 10 \
            "${options[@]}" "$name" -- bash "$folder/under_lock.sh" \
            >/dev/null 2>"$folder/$who.err" </dev/null &
        ;;
    etcdctl*)
        env "${common[@]}" etcdctl lock --ttl 10 "$name" -- \
            bash "$folder/under_lock.sh" \
            >/dev/null 2>"$folder/$who.err" </dev/null &
        ;;
    go*)
        "$GOPEER" lock "$ETCD_ENDPOINT" "$name" 1 60000 "$journal" \
            >/dev/null 2>"$folder/$who.err" </dev/null &
        ;;
    esac
    pid_of[$who]=$!
    who_of[$!]=$who
    order+=("$who")
    length=$((length + 1))
    wait_until "$WAIT_S" queue_length_is "$length" || fail "$who does not queue"
}

# gopeer's lines are "go PID TOKEN WHAT".
is_in() {
    if [[ $1 == go* ]]; then
        grep -q "^go ${pid_of[$1]} .* enter$" "$journal"
    else
        grep -qx "$1 enter" "$journal"
    fi
}

# holds WHO...: each of them gets the lock.
holds() {
    local who
    for who in "$@"; do
        wait_until "$WAIT_S" is_in "$who" || fail "$who does not get the lock"
    done
}

# waits WHO...: none of them has the lock yet, as far as they have said so by now;
# check_journal sees what they say later.
waits() {
    local who
    for who in "$@"; do
        ! is_in "$who" || fail "$who has the lock already"
    done
}

is_gone() {
    ! kill -0 "${pid_of[$1]}" 2>/dev/null
}

# release WHO...: each ends its hold, with success.
release() {
    local who
    for who in "$@"; do
        rm -f "$folder/hold-$who"
        [[ $who == go* ]] && kill -TERM "${pid_of[$who]}"
        wait_until "$WAIT_S" is_gone "$who" || fail "$who does not end"
        wait "${pid_of[$who]}" || fail "$who ends with $?"
        unset "pid_of[$who]"
        length=$((length - 1))
    done
}

# begin NAME: another queue.
begin() {
    name=modes/$1
    journal=$folder/journal-$1
    length=0
    order=()
    who_of=()
    : >"$journal"
}

is_exclusive() {
    [[ $1 != read* && $1 != permit* ]]
}

# check_enter WHO: of those before it in the queue, nobody who has not left by
# now blocks it. Uses has_left.
check_enter() {
    local who=$1 before permits=0
    for before in "${order[@]}"; do
        [[ $before != "$who" ]] || return 0
        [[ -z ${has_left[$before]:-} ]] || continue
        if is_exclusive "$who" || is_exclusive "$before"; then
            fail "$who came in before $before had left"
        fi
        if [[ $who == permit* && $before == permit* ]]; then
            permits=$((permits + 1))
            [[ $permits -lt 2 ]] || fail "$who came in beside two permits"
        fi
    done
    fail "$who has never queued"
}

# Everybody had the lock once, and nobody too early.
check_journal() {
    local who pid what count=0
    local -A has_left=() is_inside=()
    while read -r who pid what; do
        if [[ $who == go ]]; then
            who=${who_of[$pid]:-unknown}
            what=${what##* }
        else
            what=$pid
        fi
        if [[ $what == enter && -z ${is_inside[$who]:-} ]]; then
            check_enter "$who"
            is_inside[$who]=1
            count=$((count + 1))
        elif [[ $what == exit && -n ${is_inside[$who]:-} &&
            -z ${has_left[$who]:-} ]]; then
            has_left[$who]=1
        else
            fail "a line that cannot be: $who $what"
        fi
    done <"$journal"
    [[ $count -eq ${#order[@]} && $count -eq ${#has_left[@]} ]] ||
        fail "$count of ${#order[@]} had the lock, ${#has_left[@]} left"
}

finish() {
    wait_until "$WAIT_S" queue_length_is 0 || fail "somebody stays in the queue"
    check_journal
    echo "ok: $name"
}

# shared_by KIND: KIND's places wait for readers, and readers for them.
shared_by() {
    local kind=$1
    begin "shared-$kind"
    start read-1
    start read-2
    holds read-1 read-2
    start "$kind-1"
    start read-3
    start read-4
    start write-1
    start read-5
    start "$kind-2"
    release read-1
    waits "$kind-1" read-3 read-4
    release read-2
    holds "$kind-1"
    waits read-3 read-4 write-1
    release "$kind-1"
    holds read-3 read-4
    waits write-1 read-5 "$kind-2"
    release read-4 read-3
    holds write-1
    waits read-5 "$kind-2"
    release write-1
    holds read-5
    waits "$kind-2"
    release read-5
    holds "$kind-2"
    start read-6
    waits read-6
    release "$kind-2"
    holds read-6
    release read-6
    finish
}

# permits_by KIND: the same for two permits, of which the third waits.
permits_by() {
    local kind=$1
    begin "permits-$kind"
    start "$kind-1"
    holds "$kind-1"
    start permit-1
    start permit-2
    start permit-3
    start "$kind-2"
    start permit-4
    waits permit-1 permit-2
    release "$kind-1"
    holds permit-1 permit-2
    waits permit-3 "$kind-2"
    release permit-2
    holds permit-3
    waits "$kind-2" permit-4
    release permit-1
    waits "$kind-2"
    release permit-3
    holds "$kind-2"
    waits permit-4
    release "$kind-2"
    holds permit-4
    release permit-4
    finish
}

[[ -x $TOOL ]] || fail "no tool at $TOOL"
etcd_start || exit 1
shared_by etcdctl
permits_by etcdctl
if [[ -n $GOPEER ]]; then
    shared_by go
    permits_by go
else
    echo "no gopeer: without Go's clients"
fi
