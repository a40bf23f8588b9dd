#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# etcd's grpc-proxy ignores the watch id that a client asks for.
#
# What a reader of the API expects: "If watch_id is provided and non-zero, it
# will be assigned to this watcher" (rpc.proto), so a client may find its
# watches by ids of its own, as etcd itself allows.
# What happens: the proxy numbers the watches of each stream itself, from 0
# upward in the order of the requests, and says nothing of the id asked for. It
# makes each watch with another of its own, so the answers come in any order,
# and a creation that is refused (-1) takes no number.
# What follows: a client must take the id from the answer; and it cannot tell
# which creation is answered, or refused, while more than one is under way.
# Needs curl with HTTP/2, which speaks gRPC here.
# shellcheck source-path=SCRIPTDIR source=lib.sh
source "$(dirname "$0")/lib.sh"

fetch bookworm etcd-server=3.4.23-4+b4 etcd-client=3.4.23-4+b4
bin=$work/bookworm/usr/bin
export ETCDCTL_API=3

# watch PORT: creates two watches of the key "k" on one stream, with the ids 77
# and 78, and prints the ids of the answers, the smaller one first.
watch() {
    local answers size body
    answers=$(
        {
            # A frame: a byte 0, four of length, WatchRequest{create_request:
            # {key: "k", watch_id: 77}}.
            printf '\0\0\0\0\7\12\5\12\1k\70\115'
            sleep 1
            printf '\0\0\0\0\7\12\5\12\1k\70\116'
            sleep 1
        } | curl -sN --http2-prior-knowledge -m 10 -X POST -T - \
            -H 'content-type: application/grpc' -H 'te: trailers' \
            "http://127.0.0.1:$1/etcdserverpb.Watch/Watch" |
            od -An -tx1 -v | tr -d ' \n'
    )
    while [[ -n $answers ]]; do
        size=$((2 * 16#${answers:2:8}))
        body=${answers:10:size}
        answers=${answers:$((10 + size))}
        body=${body:$((4 + 2 * 16#${body:2:2}))} # without the header
        case $body in
        10??1801) echo $((16#${body:2:2})) ;;
        1801) echo 0 ;;
        *) echo "no created: $body" ;;
        esac
    done | sort -n | paste -sd ' '
}

"$bin/etcd" --version | sed -n 1p
port=$(free_port)
serve "$work/etcd.log" "$bin/etcd" --data-dir "$work/data" \
    --listen-client-urls "http://127.0.0.1:$port" \
    --advertise-client-urls "http://127.0.0.1:$port" \
    --listen-peer-urls "http://127.0.0.1:$(free_port)"
await 20 "$bin/etcdctl" --endpoints "127.0.0.1:$port" endpoint health
proxy=$(free_port)
serve "$work/proxy.log" "$bin/etcd" grpc-proxy start \
    --endpoints "127.0.0.1:$port" --listen-addr "127.0.0.1:$proxy"
await 20 "$bin/etcdctl" --endpoints "127.0.0.1:$proxy" get k
same "etcd, asked for the ids 77 and 78, creates" "$(watch "$port")" "77 78"
same "its grpc-proxy, asked for the same, creates" "$(watch "$proxy")" "0 1"
echo "The ids are the proxy's: as it was seen."
