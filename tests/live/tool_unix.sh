#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Goal: an endpoint unix://HOST:PORT means the same as for etcd and etcdctl, a
# socket named "HOST:PORT" in the working directory; unix:///PATH, unix:PATH
# and, with TLS, unixs: work as well. Method: an etcd that listens on such
# sockets only, a lock and a list over each form, and etcdctl beside it.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../support/etcd.sh
source "$SRC/tests/support/etcd.sh"

etcd=${LEASELOCK_TEST_ETCD:-etcd}
# A socket's path has 107 bytes.
folder=$(mktemp -d /tmp/leaselock-unix.XXXXXX)
trap 'stop_pids ${pid:-}; rm -rf "$folder"' EXIT
cd "$folder"

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes \
    -keyout key.pem -out cert.pem -days 1 -subj /CN=test \
    -addext subjectAltName=DNS:localhost 2>openssl.log

# $1: "unix" or "unixs"
start() {
    "$etcd" --data-dir "data-$1" --listen-peer-urls unix://localhost:2 \
        --initial-advertise-peer-urls unix://localhost:2 \
        --initial-cluster default=unix://localhost:2 \
        --listen-client-urls "$1://localhost:7771" \
        --advertise-client-urls "$1://localhost:7771" \
        --cert-file cert.pem --key-file key.pem >"log-$1" 2>&1 &
    pid=$!
}

# Waits until it serves, and acquires a lock. $1: the endpoint
try() {
    wait_until 30 "$TOOL" ping -e "$1" "${@:2}" >/dev/null 2>&1 || {
        "$TOOL" ping -e "$1" "${@:2}" || true
        tail -n 5 log-*
        echo "FAILED: no answer over $1"
        exit 1
    }
    # shellcheck disable=SC2016  # CMD's own variable
    "$TOOL" lock -e "$1" "${@:2}" unix-test -- \
        sh -c 'test "$LEASELOCK_TOKEN" -gt 0'
}

start unix
try unix://localhost:7771
try unix:localhost:7771
try "unix://$folder/localhost:7771"
try "unix:$folder/localhost:7771"
ETCDCTL_ENDPOINTS=unix://localhost:7771 "$TOOL" lock unix-test -- true
ETCDCTL_API=3 ETCDCTL_ENDPOINTS=unix://localhost:7771 etcdctl get --prefix x
# The error names a missing socket.
if "$TOOL" lock -e unix://localhost:7772 -T 0.5 unix-test -- true 2>message; then
    echo "FAILED: a lock without etcd"
    exit 1
fi
grep -q "endpoint unix://localhost:7772" message
stop_pids "$pid"
rm -f localhost:*

start unixs
try unixs://localhost:7771 --cacert cert.pem
try "unixs://$folder/localhost:7771" --cacert cert.pem
ln -s localhost:7771 elsewhere
if "$TOOL" lock -e unixs:elsewhere --cacert cert.pem -T 1 unix-test -- true \
    2>message; then
    echo "FAILED: the certificate is for localhost alone"
    exit 1
fi
grep -q elsewhere message
"$TOOL" lock -e unixs:elsewhere --cacert cert.pem --server-name localhost \
    unix-test -- true
