# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# The measured servers, for bench/run and the test of the benchmarks. Source it
# from bash after tests/support/etcd.sh, whose helpers it uses.
#
#   servers_start MEMBERS PARENT  starts etcd with that many members, as its
#                         defaults have it, their data below PARENT; waits until
#                         each serves; sets SERVERS_ENDPOINTS, with commas
#   servers_apart MEMBERS PARENT MS DELAYBENCH
#                         the same, the members MS milliseconds of round trip
#                         apart; sets SERVERS_LEADER and SERVERS_FOLLOWER, an
#                         endpoint each
#   servers_seen_from ENDPOINT MS DELAYBENCH
#                         after it: what a client beside that member has to list
#                         to name them all, the others as far away as they are
#                         from that member; sets SERVERS_LISTED, it last
#   redis_start PARENT    starts Redis with nothing kept on disk; sets
#                         REDIS_ENDPOINT
#   servers_stop          ends what was started and removes its data
#   memory_folder         a folder in memory where there is room, else $TMPDIR

SERVERS_ENDPOINTS=
SERVERS_LEADER=
SERVERS_FOLLOWER=
SERVERS_LISTED=
REDIS_ENDPOINT=
_servers_pids=()
_servers_folder=

memory_folder() {
    _etcd_parent_folder
}

servers_stop() {
    stop_pids "${_servers_pids[@]}"
    _servers_pids=()
    [[ -z $_servers_folder ]] || rm -rf "$_servers_folder"
    _servers_folder=
}

_servers_alive() {
    local pid
    for pid in "${_servers_pids[@]}"; do
        kill -0 "$pid" 2>/dev/null || return 1
    done
}

# Succeeds as well if one of them has ended: then waiting is useless.
_servers_settled() {
    _servers_alive || return 0
    ETCDCTL_API=3 ETCDCTL_ENDPOINTS=$SERVERS_ENDPOINTS etcdctl \
        --dial-timeout=2s endpoint health >/dev/null 2>&1
}

# usage: _servers_delay DELAYBENCH MS PORT:TARGET...
_servers_delay() {
    setpriv --pdeathsig KILL "$1" $(($2 * 500)) "${@:3}" \
        >>"$_servers_folder/delay" 2>&1 </dev/null &
    _servers_pids+=($!)
}

# usage: _servers_try MEMBERS [MS DELAYBENCH]
_servers_try() {
    local members=$1 ms=${2:-0} i cluster='' clients=() peers=() urls=() pairs=()
    SERVERS_ENDPOINTS=
    for ((i = 0; i < members; i++)); do
        clients+=("$(_etcd_free_port)")
        peers+=("$(_etcd_free_port)")
        urls+=("${peers[i]}")
        if [[ $ms -gt 0 ]]; then
            urls[i]=$(_etcd_free_port)
            pairs+=("${urls[i]}:${peers[i]}")
        fi
        cluster+=${cluster:+,}m$i=http://127.0.0.1:${urls[i]}
        SERVERS_ENDPOINTS+=${SERVERS_ENDPOINTS:+,}127.0.0.1:${clients[i]}
    done
    if [[ $ms -gt 0 ]]; then
        # Members talk over two connections, one for each that dials: a message
        # and its answer are each delayed once.
        _servers_delay "$3" "$ms" "${pairs[@]}"
    fi
    for ((i = 0; i < members; i++)); do
        # etcd gets SIGKILL when the shell ends, even by a signal.
        setpriv --pdeathsig KILL "${LEASELOCK_TEST_ETCD:-etcd}" \
            --name="m$i" --data-dir="$_servers_folder/m$i" \
            --listen-client-urls="http://127.0.0.1:${clients[i]}" \
            --advertise-client-urls="http://127.0.0.1:${clients[i]}" \
            --listen-peer-urls="http://127.0.0.1:${peers[i]}" \
            --initial-advertise-peer-urls="http://127.0.0.1:${urls[i]}" \
            --initial-cluster="$cluster" \
            --initial-cluster-token="bench-$$-${peers[0]}" \
            >"$_servers_folder/log$i" 2>&1 </dev/null &
        _servers_pids+=($!)
    done
    wait_until 30 _servers_settled && _servers_alive
}

servers_start() {
    _servers_begin "$2" "$1"
}

# usage: _servers_begin PARENT MEMBERS [MS DELAYBENCH]
_servers_begin() {
    local try
    _servers_folder=$(mktemp -d "$1/leaselock-bench-etcd-XXXXXX") || return 1
    for try in 1 2 3 4 5; do
        if _servers_try "${@:2}"; then
            return 0
        fi
        stop_pids "${_servers_pids[@]}"
        _servers_pids=()
        grep -q 'address already in use' "$_servers_folder"/log* || break
        rm -rf "$_servers_folder"/m*
    done
    echo "etcd did not start (try $try); the end of its log:" >&2
    tail -n 10 "$_servers_folder"/log* >&2
    servers_stop
    return 1
}

servers_apart() {
    local endpoint leader
    _servers_begin "$2" "$1" "$3" "$4" || return 1
    SERVERS_LEADER='' SERVERS_FOLLOWER=''
    for endpoint in ${SERVERS_ENDPOINTS//,/ }; do
        leader=$(ETCDCTL_API=3 etcdctl --endpoints="$endpoint" -w json \
            endpoint status | jq '.[0].Status | .leader == .header.member_id')
        if [[ $leader == true ]]; then
            SERVERS_LEADER=$endpoint
        else
            SERVERS_FOLLOWER=$endpoint
        fi
    done
    [[ -n $SERVERS_LEADER && -n $SERVERS_FOLLOWER ]]
}

servers_seen_from() {
    local endpoint port pairs=()
    SERVERS_LISTED=''
    for endpoint in ${SERVERS_ENDPOINTS//,/ }; do
        [[ $endpoint != "$1" ]] || continue
        port=$(_etcd_free_port)
        pairs+=("$port:${endpoint##*:}")
        SERVERS_LISTED+=127.0.0.1:$port,
    done
    SERVERS_LISTED+=$1
    _servers_delay "$3" "$2" "${pairs[@]}"
    ETCDCTL_API=3 wait_until 30 etcdctl --endpoints="$SERVERS_LISTED" \
        endpoint health >/dev/null 2>&1
}

_redis_settled() {
    _servers_alive || return 0
    [[ $(redis-cli -p "$1" ping 2>/dev/null) == PONG ]]
}

redis_start() {
    local port
    _servers_folder=$(mktemp -d "$1/leaselock-bench-redis-XXXXXX") || return 1
    port=$(_etcd_free_port)
    # shellcheck disable=SC2034  # bench/run uses it
    REDIS_ENDPOINT=127.0.0.1:$port
    setpriv --pdeathsig KILL redis-server --bind 127.0.0.1 --port "$port" \
        --save '' --appendonly no --daemonize no --dir "$_servers_folder" \
        >"$_servers_folder/log" 2>&1 </dev/null &
    _servers_pids+=($!)
    if wait_until 30 _redis_settled "$port" && _servers_alive; then
        return 0
    fi
    echo "Redis did not start; its log:" >&2
    cat "$_servers_folder/log" >&2
    servers_stop
    return 1
}
