#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Goal: many runs of the tool leave few names of keys in etcd's history,
# as each range over a lock visits all that were ever below it. Method: `lock`,
# `lock --no-wait` and `elect`, several at a time, some of them killed; etcd's
# history from the first revision on has every name.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../support/etcd.sh
source "$SRC/tests/support/etcd.sh"

readonly at_once=8

folder=$(mktemp -d)
trap 'stop_pids ${pids[@]+"${pids[@]}"}; etcd_stop; rm -rf "$folder"' EXIT
pids=()
etcd_start
export TOOL ETCD_ENDPOINT

# All names that were put below a lock, each once. $1: the lock
names() {
    local last="$1/zz-last"
    etcd_ctl put "$last" x >/dev/null
    ETCDCTL_API=3 ETCDCTL_ENDPOINTS=$ETCD_ENDPOINT \
        etcdctl watch --rev 1 --prefix "$1/" >"$folder/history" &
    pids+=($!)
    wait_until 30 grep -q "^$last\$" "$folder/history"
    stop_pids "${pids[-1]}"
    grep -a -A 1 '^PUT$' "$folder/history" | grep -a "^$1/" |
        grep -v "^$last\$" | sort -u
    etcd_ctl del "$last" >/dev/null
}

# $1: the lock, $2: how many runs there were, $3: the most names that they may
# leave: 16 of first tries, and few of those that found one taken
check_names() {
    names "$1" >"$folder/names"
    echo "$1: $2 runs, $(wc -l <"$folder/names") names"
    if (($(wc -l <"$folder/names") > $3)); then
        head -n 100 "$folder/names"
        exit 1
    fi
    [[ -z $(etcd_ctl get --prefix "$1/" --keys-only) ]]
}

# shellcheck disable=SC2016  # CMD's own variables
seq 160 | xargs -P "$at_once" -I{} "$TOOL" lock -e "$ETCD_ENDPOINT" jobs \
    sh -c 'echo "$LEASELOCK_TOKEN $LEASELOCK_LOCK_KEY"' >"$folder/tokens"
[[ $(sort -u "$folder/tokens" | wc -l) == 160 ]]
check_names jobs 160 80

# A run that finds the lock held ends with 1.
# shellcheck disable=SC2016  # the child's own variables
seq 60 | xargs -P "$at_once" -I{} sh -c \
    '"$TOOL" lock -e "$ETCD_ENDPOINT" -n tries true || [ $? -eq 1 ]'
check_names tries 60 24

# Candidates.
seq 60 | xargs -P "$at_once" -I{} "$TOOL" elect -e "$ETCD_ENDPOINT" \
    leader "value {}" true
check_names leader 60 45

# Every fourth run is killed while it holds or waits; the others go on.
for i in {1..16}; do
    if ((i % 4 == 0)); then
        "$TOOL" lock -e "$ETCD_ENDPOINT" --ttl 1 killed >"$folder/held" &
        pids+=($!)
        wait_until 30 test -s "$folder/held"
        kill -KILL "${pids[-1]}"
        wait "${pids[-1]}" 2>/dev/null || true
        : >"$folder/held"
    fi
    "$TOOL" lock -e "$ETCD_ENDPOINT" --ttl 1 killed true
done
check_names killed 20 19
