#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A watch from the revision to which etcd has compacted is accepted, and may
# leave out the deletion that was made at that revision.
#
# What a reader of the API expects: compacting to revision R removes what is
# older than R. A watch from R is either refused as compacted or reports every
# change from R on, and with prev_kv each with the key's value before.
# What happens, with a key that was put at 2, deleted at 3, and a compaction to 3:
#  - 3.4.23 accepts the watch from 3 and never reports the deletion, since the
#    compaction has removed it; a put at the compacted revision is kept;
#  - 3.5.30 keeps and reports it, but without the value before, and without any
#    sign that there was one;
#  - both refuse a watch from 2.
# What follows: a client that resumes a watch from the last revision that it saw
# must begin one revision later, or read; and a missing prev_kv proves nothing.
# shellcheck source-path=SCRIPTDIR source=lib.sh
source "$(dirname "$0")/lib.sh"

fetch bookworm etcd-server=3.4.23-4+b4 etcd-client=3.4.23-4+b4
fetch forky etcd-server=3.5.30-2 etcd-client=3.5.30-2
export ETCDCTL_API=3

ctl() {
    "$bin/etcdctl" --endpoints "127.0.0.1:$port" "$@"
}

# watch REV: what a watch of both keys from a revision reports until a last put.
watch() {
    : >"$work/events"
    serve "$work/events" "$bin/etcdctl" --endpoints "127.0.0.1:$port" \
        watch --prefix --rev "$1" --prev-kv -w json k
    await 20 reported "$1"
    kill "$pid" 2>/dev/null || true
    jq -r '.Events[]? | "\(if .type == 1 then "DELETE" else "PUT" end) \(.kv.mod_revision) \(if .prev_kv then "with" else "without" end) prev_kv"' \
        "$work/events" 2>/dev/null | tr '\n' ';'
    grep -o 'required revision has been compacted' "$work/events" || true
}

# The end of a watch: the last put, or a refusal.
reported() {
    if [[ $1 -lt 3 ]]; then
        grep -q compacted "$work/events"
    else
        grep -q '"mod_revision":4' "$work/events"
    fi
}

deleted=('' 'DELETE 3 without prev_kv;')
i=0
for suite in bookworm forky; do
    serve_etcd "$suite"
    ctl put k1 before >/dev/null
    ctl del k1 >/dev/null
    ctl compact --physical 3 >/dev/null
    ctl put k2 last >/dev/null
    same "a watch from 3" "$(watch 3)" "${deleted[i]}PUT 4 without prev_kv;"
    same "a watch from 2" "$(watch 2)" "required revision has been compacted"
    i=$((i + 1))
done
echo "Accepted, and not complete: as it was seen."
