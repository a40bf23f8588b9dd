#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# etcd's grpc-proxy answers serializable reads from memory, for ever.
#
# What a reader of the API expects: a serializable range may be stale, by as
# much as a member lags behind; asked again a little later it has caught up.
# What happens: the proxy keeps the answers to ranges and gives them out again
# to the same serializable request, with the revision of that time, until a
# write through the *same proxy* touches one of the keys, or 2048 other answers
# have come. A write that goes past it changes nothing: the answer may be
# hours old. A linearizable range goes to etcd, and refreshes what is kept; so
# does any Txn, also one of serializable ranges alone.
# What follows: whoever compares the revision of a serializable answer with one
# that it needs must ask with a linearizable range next, not the same again.
# shellcheck source-path=SCRIPTDIR source=lib.sh
source "$(dirname "$0")/lib.sh"

fetch bookworm etcd-server=3.4.23-4+b4 etcd-client=3.4.23-4+b4
bin=$work/bookworm/usr/bin
export ETCDCTL_API=3

direct() {
    "$bin/etcdctl" --endpoints "127.0.0.1:$port" "$@"
}

behind() {
    "$bin/etcdctl" --endpoints "127.0.0.1:$proxy" "$@"
}

# Prints "value at revision N" of an answer in JSON.
short() {
    local json
    json=$(cat)
    printf '%s at revision %s\n' \
        "$(sed -E 's/.*"value":"([^"]*)".*/\1/' <<<"$json" | base64 -d)" \
        "$(sed -E 's/.*"header":\{[^}]*"revision":([0-9]+).*/\1/' <<<"$json")"
}

"$bin/etcd" --version | sed -n 1p
port=$(free_port)
serve "$work/etcd.log" "$bin/etcd" --data-dir "$work/data" \
    --listen-client-urls "http://127.0.0.1:$port" \
    --advertise-client-urls "http://127.0.0.1:$port" \
    --listen-peer-urls "http://127.0.0.1:$(free_port)"
await 20 direct endpoint health
proxy=$(free_port)
serve "$work/proxy.log" "$bin/etcd" grpc-proxy start \
    --endpoints "127.0.0.1:$port" --listen-addr "127.0.0.1:$proxy"
await 20 behind get other
direct put k one >/dev/null
same "behind the proxy, serializable" \
    "$(behind get k --consistency=s -w json | short)" "one at revision 2"
direct put k two >/dev/null
direct put k three >/dev/null
sleep 3
same "after two writes at etcd and 3 s, serializable" \
    "$(behind get k --consistency=s -w json | short)" "one at revision 2"
same "linearizable" "$(behind get k -w json | short)" "three at revision 4"
same "serializable, from what that one left" \
    "$(behind get k --consistency=s -w json | short)" "three at revision 4"
echo "A stale answer that stays stale: as it was seen."
