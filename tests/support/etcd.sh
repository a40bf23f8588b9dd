# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2120
# A temporary etcd for shell scripts: the tests of tests/interop and others.
# Source it from bash, and call:
#
#   etcd_start [ARG...]   starts an etcd on free ports of 127.0.0.1 and waits
#                         until it serves; sets ETCD_PID, ETCD_ENDPOINT and
#                         ETCD_FOLDER (its data and log). ARGs go to etcd.
#                         $LEASELOCK_TEST_ETCD names the program; default
#                         etcd. Its folder goes first in PATH, so that an
#                         etcdctl beside it is of the same version
#   etcd_stop             kills it and removes its folder; call it in the EXIT
#                         trap
#   etcd_ctl ARG...       etcdctl against it
#   wait_until SECONDS COMMAND...
#                         repeats COMMAND until it succeeds; 1 after SECONDS
#   stop_pids PID...      kills these children, and waits for their end
#
# Nothing here sets a trap or a shell option.

if [[ ${LEASELOCK_TEST_ETCD:-} == */* ]]; then
    PATH=${LEASELOCK_TEST_ETCD%/*}:$PATH
fi

ETCD_PID=
ETCD_ENDPOINT=
ETCD_FOLDER=

wait_until() {
    local deadline=$((SECONDS + $1 + 1))
    shift
    until "$@"; do
        if ((SECONDS >= deadline)); then
            return 1
        fi
        sleep 0.02
    done
}

stop_pids() {
    local pid running
    # The number of a child that was waited for may be reused.
    running=" $(jobs -rp | tr '\n' ' ')"
    for pid in "$@"; do
        if [[ $running == *" $pid "* ]]; then
            kill -KILL "$pid" 2>/dev/null || true
        fi
    done
    for pid in "$@"; do
        wait "$pid" 2>/dev/null || true # a killed child's status is not 0
    done
    return 0
}

# etcdctl fails if both the environment and the command line name an endpoint,
# so only the environment does.
etcd_ctl() {
    ETCDCTL_API=3 ETCDCTL_ENDPOINTS=$ETCD_ENDPOINT etcdctl "$@"
}

# A port without a listener, below the range from which Linux takes the
# ports of outgoing connections.
_etcd_free_port() {
    local port
    while :; do
        port=$((10000 + (RANDOM * 32768 + RANDOM) % 22000))
        if ! (: <"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
            echo "$port"
            return
        fi
    done
}

# etcd waits for the disk at each write: use memory if it has room for the
# two files of 64 MB that etcd preallocates.
_etcd_parent_folder() {
    local free_kb
    free_kb=$(df --output=avail -k /dev/shm 2>/dev/null | tail -n 1)
    if [[ -w /dev/shm ]] && ((${free_kb:-0} > 512 * 1024)); then
        echo /dev/shm
    else
        echo "${TMPDIR:-/tmp}"
    fi
}

# Whether it serves, and is ours: if the port was taken, another etcd answers.
_etcd_is_ready() {
    if ! kill -0 "$ETCD_PID" 2>/dev/null; then
        return 0
    fi
    ETCDCTL_DIAL_TIMEOUT=1s etcd_ctl member list 2>/dev/null |
        grep -qF "$ETCD_NAME"
}

_etcd_try_start() {
    local client peer
    client=$(_etcd_free_port)
    peer=$(_etcd_free_port)
    ETCD_ENDPOINT=127.0.0.1:$client
    ETCD_NAME=throwaway-$$-$client
    # etcd gets SIGKILL when the shell ends, even by a signal.
    setpriv --pdeathsig KILL "${LEASELOCK_TEST_ETCD:-etcd}" \
        --name="$ETCD_NAME" \
        --data-dir="$ETCD_FOLDER/data" \
        --listen-client-urls="http://$ETCD_ENDPOINT" \
        --advertise-client-urls="http://$ETCD_ENDPOINT" \
        --listen-peer-urls="http://127.0.0.1:$peer" \
        --initial-advertise-peer-urls="http://127.0.0.1:$peer" \
        --initial-cluster="$ETCD_NAME=http://127.0.0.1:$peer" \
        --heartbeat-interval=50 --election-timeout=500 \
        "$@" >"$ETCD_FOLDER/log" 2>&1 </dev/null &
    ETCD_PID=$!
    wait_until 30 _etcd_is_ready && kill -0 "$ETCD_PID" 2>/dev/null
}

etcd_start() {
    local try
    ETCD_FOLDER=$(mktemp -d "$(_etcd_parent_folder)/leaselock-etcd-XXXXXX") ||
        return 1
    for try in 1 2 3 4 5; do
        if _etcd_try_start "$@"; then
            return 0
        fi
        stop_pids "$ETCD_PID"
        ETCD_PID=
        if ! grep -q 'address already in use' "$ETCD_FOLDER/log"; then
            break
        fi
        rm -rf "$ETCD_FOLDER/data"
    done
    echo "etcd did not start (try $try); the end of its log:" >&2
    tail -n 20 "$ETCD_FOLDER/log" >&2
    etcd_stop
    return 1
}

etcd_stop() {
    if [[ -n $ETCD_PID ]]; then
        stop_pids "$ETCD_PID"
        ETCD_PID=
    fi
    if [[ -n $ETCD_FOLDER ]]; then
        rm -rf "$ETCD_FOLDER"
        ETCD_FOLDER=
    fi
}
