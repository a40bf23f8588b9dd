#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The count of a range ignores the filters of revisions, and so does "more".
#
# What a reader of the API expects: with min_create_revision or
# max_mod_revision a range returns the keys that pass the filter, and `count`,
# the number of keys in the range, is the number of those; with a limit, `more`
# tells whether any of them are left.
# What happens: `count` is that of all keys between key and range_end, whatever
# their revisions. With a filter, etcd reads all of them and applies the limit
# afterwards; count_only with a filter counts all keys as well. `more` is set
# only if the limit cuts off a key that passes.
# What follows: how many keys are older than a revision cannot be asked. A queue
# that counts who is ahead has to read the keys, or to count before its own key
# is made.
# Needs curl, for etcd's JSON gateway: etcdctl has none of these filters.
# shellcheck source-path=SCRIPTDIR source=lib.sh
source "$(dirname "$0")/lib.sh"

fetch bookworm etcd-server=3.4.23-4+b4 etcd-client=3.4.23-4+b4
fetch forky etcd-server=3.5.30-2 etcd-client=3.5.30-2
export ETCDCTL_API=3

b64() {
    printf %s "$1" | base64
}

# range JSON: "kvs count more" of the keys q/...
range() {
    curl -sS --max-time 10 "http://127.0.0.1:$port/v3/kv/range" \
        -d "{\"key\": \"$(b64 q/)\", \"range_end\": \"$(b64 q0)\"$1}" |
        jq -r '"\(.kvs // [] | length) \(.count // "0") \(.more // false)"'
}

for suite in bookworm forky; do
    serve_etcd "$suite"
    for i in 1 2 3 4 5; do # revisions 2 to 6
        "$bin/etcdctl" --endpoints "127.0.0.1:$port" put "q/$i" '' >/dev/null
    done
    same "all keys: how many, count, more" "$(range '')" "5 5 false"
    same "created up to revision 3" \
        "$(range ', "max_create_revision": 3')" "2 5 false"
    same "the same, the count alone" \
        "$(range ', "max_create_revision": 3, "count_only": true')" "0 5 false"
    same "the same, limit 1" \
        "$(range ', "max_create_revision": 3, "limit": 1')" "1 5 true"
    same "created up to revision 2, limit 1" \
        "$(range ', "max_create_revision": 2, "limit": 1')" "1 5 false"
done
echo "The count knows no filter: as it was seen."
