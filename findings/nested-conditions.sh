#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A nested Txn reads what its outer Txn has written, but its conditions do not.
#
# What a reader of the API expects: the operations of a Txn are applied in their
# order. A nested Txn that follows a deletion sees that the key is gone, as a
# range in its place does.
# What happens: etcd evaluates the conditions of a Txn and of all Txns nested in
# it before it applies the first operation. So after a deletion, in one Txn,
#  - a range finds no key;
#  - the condition "the key does not exist" is false, and the else branch runs;
#  - a range in that else branch does not find the key that made it run.
# What follows: operations that are put together as nested Txns are not the same
# as one after the other. Whoever batches must keep those apart whose conditions
# depend on each other's writes.
# Needs curl, for etcd's JSON gateway: etcdctl has no nested Txns.
# shellcheck source-path=SCRIPTDIR source=lib.sh
source "$(dirname "$0")/lib.sh"

fetch bookworm etcd-server=3.4.23-4+b4 etcd-client=3.4.23-4+b4
fetch forky etcd-server=3.5.30-2 etcd-client=3.5.30-2
export ETCDCTL_API=3

b64() {
    printf %s "$1" | base64
}

# call METHOD JSON
call() {
    curl -sS --max-time 10 "http://127.0.0.1:$port/v3/kv/$1" -d "$2"
}

key=$(b64 key)
nested='{"request_txn": {
  "compare": [{"key": "'$key'", "target": "CREATE", "result": "EQUAL", "create_revision": 0}],
  "success": [{"request_put": {"key": "'$(b64 made)'", "value": ""}}],
  "failure": [{"request_range": {"key": "'$key'"}}]}}'
for suite in bookworm forky; do
    serve_etcd "$suite"
    call put "{\"key\": \"$key\", \"value\": \"\"}" >/dev/null
    answer=$(call txn '{"success": [
        {"request_delete_range": {"key": "'"$key"'"}},
        {"request_range": {"key": "'"$key"'"}},
        '"$nested"']}')
    same "the outer Txn deletes" \
        "$(jq -r '.responses[0].response_delete_range.deleted' <<<"$answer")" 1
    same "a range behind it finds" \
        "$(jq -r '.responses[1].response_range.count // "0"' <<<"$answer")" 0
    same "a nested condition, the key does not exist, is" \
        "$(jq -r '.responses[2].response_txn.succeeded // false' <<<"$answer")" \
        false
    same "a range in the branch that this runs finds" \
        "$(jq -r '.responses[2].response_txn.responses[0].response_range.count // "0"' \
            <<<"$answer")" 0
done
echo "A condition of the past, a read of the present: as it was seen."
