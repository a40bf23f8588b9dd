#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A watch that starts now (start_revision 0) may be up to 100 ms late on etcd
# before 3.4.38, 3.5.22 and 3.6.2.
#
# What a reader of the API expects: a watch without a start revision follows the
# newest state, so the next write is sent at once.
# What happens: older releases read their revision, then take the store's lock.
# A write that commits in between makes the watch one of the past, and the loop
# that serves those runs every 100 ms: the first message then brings the changes
# of many revisions at once. The created answer has the revision that was read
# before. Newer releases place such a watch among the current ones whatever is
# written meanwhile, and read the created answer's revision after that.
# What follows: on older releases a client that needs promptness has to check
# whether its watch is late; on newer ones the created answer is enough. A first
# event may be no newer than the created answer of the newer ones.
#
# Needs curl and jq. It counts messages, not milliseconds.
# shellcheck source-path=SCRIPTDIR source=lib.sh
source "$(dirname "$0")/lib.sh"

watches=400
seconds=50 # etcdctl writes for 60
least=60

fetch trixie etcd-server=3.5.16-4 etcd-client=3.5.16-4
fetch forky etcd-server=3.5.30-2 etcd-client=3.5.30-2

# Appends to a file the created answer and the first message of a watch on all
# keys. "AA==" is the key \0, in base64, and as an end it means "from here on".
watch_once() {
    curl -sN --max-time 5 "http://127.0.0.1:$port/v3/watch" -d \
        '{"create_request": {"key": "AA==", "range_end": "AA=="}}' |
        head -n 2 >>"$1" || true # curl's pipe is closed before its end
}

# Prints of such a file how many watches there are, how many of them have
# several revisions in their first message, and of how many the first event is
# no newer than the created answer.
count() {
    jq -nr 'reduce (inputs.result | select(.)) as $it (
        {made: 0, late: 0, overtaken: 0, created: null};
        if $it.created then
            .created = ($it.header.revision | tonumber)
        else
            ([$it.events[].kv.mod_revision | tonumber] | unique) as $seen |
            .made += 1 |
            if ($seen | length) > 1 then .late += 1 else . end |
            if $seen[0] <= .created then .overtaken += 1 else . end
        end) | "\(.made) \(.late) \(.overtaken)"' "$1"
}

# measure SUITE: creates watches beside etcdctl's own load generator; sets
# $late and $overtaken.
measure() {
    local bin=$work/$1/usr/bin end made i
    port=$(free_port)
    serve "$work/$1.log" "$bin/etcd" --data-dir "$work/data-$1" \
        --unsafe-no-fsync \
        --listen-client-urls "http://127.0.0.1:$port" \
        --advertise-client-urls "http://127.0.0.1:$port" \
        --listen-peer-urls "http://127.0.0.1:$(free_port)"
    await 20 "$bin/etcdctl" --endpoints "127.0.0.1:$port" endpoint health
    "$bin/etcd" --version | sed -n 1p
    serve "$work/load" "$bin/etcdctl" --endpoints "127.0.0.1:$port" \
        check perf --load=m
    end=$((SECONDS + seconds))
    for ((i = 0; i < watches && SECONDS < end; i++)); do
        watch_once "$work/$1.seen"
    done
    kill "$pid" # the load; etcd ends with this script
    read -r made late overtaken < <(count "$work/$1.seen")
    echo "$made watches, $late with several revisions in their first message," \
        "$overtaken whose first event is no newer than the created answer"
    if [[ $made -lt $least ]]; then
        echo "too few watches for a judgement: is this machine busy?" >&2
        exit 2
    fi
}

measure trixie
same "3.5.16: some watch from now is late" "$((late > 0))" 1
same "3.5.16: an event is no newer than the created answer" "$overtaken" 0
measure forky
same "3.5.30: watches from now that are late" "$late" 0
echo "Late before 3.5.22, never since: as it was seen."
