#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# leaselock and npm's etcd3 in one election, and side by side as locks. Goal:
# candidates of both lead in the order of their campaigns, each kind observes
# every leader of the other, leaselock marks the other's keys as foreign, and
# the lock() of etcd3 does not exclude leaselock's holder. Method: candidates
# start one after the other, and each leads until it gets a signal.
#
# The packages are those of npm/package-lock.json, kept in build/npm. Without
# node or npm, or if npm cannot fetch them, the test is skipped.
#
# Environment: SRC (source folder), TOOL (the tool).
set -u

SRC=${SRC:-$(cd "$(dirname "$0")/../.." && pwd)}
TOOL=${TOOL:-${BUILD:-build}/bin/leaselock}
WAIT_S=30
SKIPPED=77

# shellcheck source=../support/etcd.sh
. "$SRC/tests/support/etcd.sh"

skip() {
    echo "skipped: $*"
    exit "$SKIPPED"
}

folder=$(mktemp -d "${TMPDIR:-/tmp}/leaselock-etcd3-XXXXXX") || exit 1
declare -A pid_of=()
observers=()

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
        echo "the keys:" >&2
        etcd_ctl get --prefix "" >&2
    fi
    tail -n 20 "$folder"/*.err "$folder"/*.seen >&2
    exit 1
}

# Fetches the packages of the lock file, once for all runs.
install_peer() {
    local files=(package.json package-lock.json .npmrc)
    peer=$SRC/build/npm
    command -v node >/dev/null || skip "there is no node"
    if ! (cd "$SRC/tests/interop/npm" && cat "${files[@]}") |
        cmp -s - "$peer/installed"; then
        command -v npm >/dev/null || skip "there is no npm"
        rm -rf "$peer"
        mkdir -p "$peer"
        (cd "$SRC/tests/interop/npm" && cp "${files[@]}" "$peer")
        (cd "$peer" && timeout 90 npm ci --ignore-scripts --no-audit \
            --no-fund --fetch-retries=1) >"$folder/npm.log" 2>&1 ||
            skip "npm cannot fetch etcd3: $(grep -m 1 -iE 'error|code' \
                "$folder/npm.log" || echo 'no answer in time')"
        (cd "$peer" && cat "${files[@]}" >installed)
    fi
    cp "$SRC/tests/interop/npm/peer.js" "$peer/peer.js"
}

# start WHO: starts a candidate of the kind that WHO begins with; WHO is its
# value.
start() {
    local who=$1
    case $who in
    ours*) set -- "$TOOL" elect -e "$ETCD_ENDPOINT" "election/$name" "$who" ;;
    etcd3*) set -- node "$peer/peer.js" elect "$ETCD_ENDPOINT" "$name" "$who" ;;
    esac
    "$@" >"$folder/$who.out" 2>"$folder/$who.err" </dev/null &
    pid_of[$who]=$!
}

queue_length_is() {
    [[ $(etcd_ctl get --prefix "election/$name/" --keys-only | grep -c .) -eq $1 ]]
}

says() {
    [[ -s $folder/$1.out ]]
}

# sees KIND VALUE: the last value that such an observer reported; ours prints
# the token first.
sees() {
    local line
    line=$(tail -n 1 "$folder/$1.seen")
    [[ $1 == ours && $line != - ]] && line=${line#* }
    [[ $line == "$2" ]]
}

is_gone() {
    ! kill -0 "$1" 2>/dev/null
}

end() {
    kill -TERM "${pid_of[$1]}"
    wait_until "$WAIT_S" is_gone "${pid_of[$1]}" || fail "$1 does not end"
    wait "${pid_of[$1]}" || fail "$1 ends with $?"
    unset "pid_of[$1]"
}

foreign_keys() {
    "$TOOL" queue -e "$ETCD_ENDPOINT" --json "election/$name" |
        jq '[.. | objects | select(.foreign == true)] | length'
}

# run_election NAME WHO...: they lead in this order.
run_election() {
    local who kind length=0 foreign=0 next_at=1
    name=$1
    shift
    for who in "$@"; do
        start "$who"
        length=$((length + 1))
        [[ $who != etcd3* ]] || foreign=$((foreign + 1))
        wait_until "$WAIT_S" queue_length_is "$length" ||
            fail "$who does not queue as number $length"
    done
    "$TOOL" observe -e "$ETCD_ENDPOINT" "election/$name" \
        >"$folder/ours.seen" 2>"$folder/ours.err" </dev/null &
    observers=($!)
    node "$peer/peer.js" observe "$ETCD_ENDPOINT" "$name" \
        >"$folder/etcd3.seen" 2>"$folder/etcd3.err" </dev/null &
    observers+=($!)
    for who in "$@"; do
        wait_until "$WAIT_S" says "$who" || fail "$who does not lead"
        for kind in ours etcd3; do
            wait_until "$WAIT_S" sees "$kind" "$who" ||
                fail "$kind does not see that $who leads"
        done
        [[ $("$TOOL" leader -e "$ETCD_ENDPOINT" "election/$name") == "$who" ]] ||
            fail "ours does not tell that $who leads"
        [[ $(node "$peer/peer.js" leader "$ETCD_ENDPOINT" "$name") == "$who" ]] ||
            fail "etcd3 does not tell that $who leads"
        [[ $(foreign_keys) -eq $foreign ]] ||
            fail "'leaselock queue' marks $(foreign_keys) keys, not $foreign"
        next_at=$((next_at + 1))
        [[ $next_at -gt $# ]] || ! says "${!next_at}" ||
            fail "${!next_at} leads beside $who"
        end "$who"
        [[ $who != etcd3* ]] || foreign=$((foreign - 1))
    done
    for kind in ours etcd3; do
        wait_until "$WAIT_S" sees "$kind" - ||
            fail "$kind does not see that none leads"
    done
    stop_pids "${observers[@]}"
    rm -f "$folder"/*
    echo "ok: $*"
}

# Both hold: etcd3's lock is one key of the name itself, without a queue.
show_locks_apart() {
    node "$peer/peer.js" lock "$ETCD_ENDPOINT" apart >"$folder/lock.out" \
        2>"$folder/lock.err" </dev/null &
    pid_of[lock]=$!
    wait_until "$WAIT_S" says lock || fail "etcd3 does not get its lock"
    "$TOOL" lock -n -e "$ETCD_ENDPOINT" apart -- true ||
        fail "etcd3's lock now excludes leaselock's: the manual says otherwise"
    end lock
    echo "ok: locks apart"
}

[[ -x $TOOL ]] || fail "no tool at $TOOL"
install_peer
etcd_start || exit 1
run_election first etcd3-1 ours-1 etcd3-2 ours-2
run_election second ours-1 etcd3-1 ours-2
show_locks_apart
