#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The cluster id that etcd puts into every answer does not tell one store from
# another.
#
# What a reader of the API expects: header.cluster_id names one cluster, so a
# client that compares it notices when it talks to another store.
# What happens: both ids are computed from the advertised peer URLs and
# --initial-cluster-token alone. So
#  - two etcds that were each started with the defaults (peer URL
#    http://localhost:2380, token etcd-cluster), on any two machines, have one
#    cluster id and one member id;
#  - after its data directory was emptied, a server comes back with the same
#    two ids and with revision 1;
#  - a snapshot that is restored with the same URLs and token has the same two
#    ids, and a revision of the past.
# What follows: a client needs a second sign, the revision that goes back; and
# clusters want a token of their own.
# shellcheck source-path=SCRIPTDIR source=lib.sh
source "$(dirname "$0")/lib.sh"

fetch bookworm etcd-server=3.4.23-4+b4 etcd-client=3.4.23-4+b4
bin=$work/bookworm/usr/bin
export ETCDCTL_API=3
peer=http://localhost:2380 # advertised alone, as the defaults do

# start FOLDER: an etcd whose ids come from the defaults.
start() {
    port=$(free_port)
    serve "$work/$1.log" "$bin/etcd" --data-dir "$work/$1" \
        --listen-client-urls "http://127.0.0.1:$port" \
        --advertise-client-urls "http://127.0.0.1:$port" \
        --listen-peer-urls "http://127.0.0.1:$(free_port)" \
        --initial-advertise-peer-urls "$peer" \
        --initial-cluster "default=$peer"
    await 20 ctl endpoint health
}

stop() {
    kill "$pid"
    wait "$pid" || true
}

ctl() {
    "$bin/etcdctl" --endpoints "127.0.0.1:$port" "$@"
}

# Prints "cluster id, member id, revision".
ids() {
    ctl endpoint status -w json |
        sed -E 's/.*"cluster_id":([0-9]+),"member_id":([0-9]+),"revision":([0-9]+).*/\1 \2 \3/'
}

"$bin/etcd" --version | sed -n 1p
defaults='14841639068965178418 10276657743932975437'
start one
ctl put a 1 >/dev/null
ctl snapshot save "$work/snapshot" >/dev/null 2>&1
ctl put a 2 >/dev/null
same "one etcd, two writes" "$(ids)" "$defaults 3"
stop
start other
same "another one, empty" "$(ids)" "$defaults 1"
stop
rm -r "$work/one"
start one
same "the first one, its data directory emptied" "$(ids)" "$defaults 1"
stop
rm -r "$work/one"
ctl snapshot restore "$work/snapshot" --data-dir "$work/one" --name default \
    --initial-cluster "default=$peer" --initial-advertise-peer-urls "$peer" \
    >/dev/null 2>&1
start one
same "its snapshot of one write, restored" "$(ids)" "$defaults 2"
echo "Two stores, one id: as it was seen."
