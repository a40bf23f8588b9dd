#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# From 3.5.28 and 3.6.9 on etcd renews a lease only for a user who may write all
# of its keys, and one refusal ends the keep-alive stream.
#
# What a reader of the API expects: whoever was granted a lease may renew it,
# and an answer on the keep-alive stream concerns one lease.
# What happens: older releases renew a lease for everybody. Newer ones refuse
# the renewal once the user has lost the permission for a key on the lease, with
# a status that ends the stream and does not name the lease. Renewals behind it
# on the same stream get no answer, also those of leases that may be renewed.
# What follows: a client with several leases has to find out which one was
# refused (etcd answers a stream in its order), and to renew that one apart.
#
# Needs curl.
# shellcheck source-path=SCRIPTDIR source=lib.sh
source "$(dirname "$0")/lib.sh"

fetch trixie etcd-server=3.5.16-4 etcd-client=3.5.16-4
fetch forky etcd-server=3.5.30-2 etcd-client=3.5.30-2

# try SUITE: prints what etcd answers two renewals on one stream, of which the
# user has lost a permission for the first; sets $renewed and $refused.
try() {
    local bin=$work/$1/usr/bin port peer url
    port=$(free_port)
    peer=$(free_port)
    url=http://127.0.0.1:$port
    export ETCDCTL_API=3 ETCDCTL_ENDPOINTS=$url
    serve "$work/$1.log" "$bin/etcd" --data-dir "$work/$1.data" \
        --listen-client-urls "$url" --advertise-client-urls "$url" \
        --listen-peer-urls "http://127.0.0.1:$peer"
    await 20 "$bin/etcdctl" endpoint health
    export ETCDCTL_COMMAND_TIMEOUT=60s # a busy machine hashes passwords slowly
    "$bin/etcd" --version | sed -n 1p
    {
        "$bin/etcdctl" role add ann
        "$bin/etcdctl" role grant-permission --prefix ann readwrite ann/
        "$bin/etcdctl" role grant-permission --prefix ann readwrite brief/
        "$bin/etcdctl" user add root:root
        "$bin/etcdctl" user grant-role root root
        "$bin/etcdctl" user add ann:ann
        "$bin/etcdctl" user grant-role ann ann
        "$bin/etcdctl" auth enable
    } >/dev/null
    local taken kept token
    taken=$("$bin/etcdctl" --user=ann:ann lease grant 60 | awk '{ print $2 }')
    kept=$("$bin/etcdctl" --user=ann:ann lease grant 60 | awk '{ print $2 }')
    "$bin/etcdctl" --user=ann:ann put --lease="$taken" brief/lock 1 >/dev/null
    "$bin/etcdctl" --user=ann:ann put --lease="$kept" ann/lock 1 >/dev/null
    "$bin/etcdctl" --user=root:root role revoke-permission --prefix ann brief/ \
        >/dev/null
    token=$(curl -s "$url/v3/auth/authenticate" \
        -d '{"name": "ann", "password": "ann"}' |
        sed 's/.*"token":"\([^"]*\)".*/\1/')
    answers=$(printf '{"ID": %d}\n{"ID": %d}\n' "0x$taken" "0x$kept" |
        curl -s -m 10 -H "Authorization: $token" --data-binary @- \
            "$url/v3/lease/keepalive")
    echo "$answers"
    renewed=$(grep -c '"TTL":"60"' <<<"$answers" || true)
    refused=$(grep -c 'permission denied' <<<"$answers" || true)
}

try trixie
same "renewed, refused with 3.5.16" "$renewed, $refused" "2, 0"
try forky
same "renewed, refused with 3.5.30" "$renewed, $refused" "0, 1"
