#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# From 3.5.28 and 3.6.9 on etcd's grpc-proxy exits 5 s after its start if it
# cannot reach what --advertise-client-url gives.
#
# What a reader of the manual expects: --advertise-client-url is for the member
# list that clients synchronize with; a proxy that clients are told of
# otherwise, with --listen-addr on a port of its own, does not need it.
# What happens: from 3.5 on the proxy is also a client of this address, for its
# own health check. The default is 127.0.0.1:23790, whatever --listen-addr is.
# Since etcd's changes 21354 and 21356 (a deadlock at the start) it waits for
# this connection, after it has begun to serve: it answers requests for 5 s,
# prints "context deadline exceeded" and exits with 1. Older releases go on.
# What follows: set --advertise-client-url to an address at which the proxy can
# reach itself. A test that is over within 5 s does not see the difference.
# shellcheck source-path=SCRIPTDIR source=lib.sh
source "$(dirname "$0")/lib.sh"

fetch bookworm etcd-server=3.4.23-4+b4 etcd-client=3.4.23-4+b4
fetch trixie etcd-server=3.5.16-4 etcd-client=3.5.16-4
fetch forky etcd-server=3.5.30-2 etcd-client=3.5.30-2
export ETCDCTL_API=3
wait_s=15 # three times the 5 s that the proxy waits for itself

# start_etcd SUITE: sets $bin and $port.
start_etcd() {
    local peer
    bin=$work/$1/usr/bin
    port=$(free_port)
    peer=http://127.0.0.1:$(free_port)
    "$bin/etcd" --version | sed -n 1p
    serve "$work/$1.log" "$bin/etcd" --data-dir "$work/$1.data" \
        --listen-client-urls "http://127.0.0.1:$port" \
        --advertise-client-urls "http://127.0.0.1:$port" \
        --listen-peer-urls "$peer" --initial-advertise-peer-urls "$peer" \
        --initial-cluster "default=$peer"
    await 30 "$bin/etcdctl" --endpoints "127.0.0.1:$port" endpoint health
}

# watch_proxy LISTEN ADVERTISE: prints whether a proxy serves at first, and
# whether it still runs after $wait_s.
watch_proxy() {
    local log=$work/proxy.log end said
    serve "$log" "$bin/etcd" grpc-proxy start --endpoints "127.0.0.1:$port" \
        --listen-addr "$1" --advertise-client-url "$2"
    await 30 "$bin/etcdctl" --endpoints "$1" put k v
    end=$((SECONDS + wait_s))
    while kill -0 "$pid" 2>/dev/null && [[ $SECONDS -lt $end ]]; do
        sleep 0.2
    done
    if ! kill -0 "$pid" 2>/dev/null; then
        said=$(tail -n 1 "$log")
        seen="serves, then exits: $said"
    elif "$bin/etcdctl" --endpoints "$1" get k >/dev/null; then
        seen="serves, and goes on"
    else
        seen="serves, then stands still"
    fi
}

nobody=127.0.0.1:$(free_port) # as the default is, where nobody listens
for suite in bookworm trixie forky; do
    start_etcd "$suite"
    wanted="serves, and goes on"
    [[ $suite != forky ]] ||
        wanted="serves, then exits: context deadline exceeded"
    watch_proxy "127.0.0.1:$(free_port)" "$nobody"
    same "a proxy that advertises an address without a listener" \
        "$seen" "$wanted"
done
own=127.0.0.1:$(free_port)
watch_proxy "$own" "$own"
same "a proxy of the last that advertises its own address" \
    "$seen" "serves, and goes on"
echo "The proxy must reach itself: as it was seen."
