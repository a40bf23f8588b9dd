#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A Prometheus scrapes the exporter: its values are those of `queue --json`,
# after changes, too, and the alert of an exporter without etcd becomes pending
# when etcd is stopped.
set -euo pipefail
# shellcheck source=../support/etcd.sh
source "$SRC/tests/support/etcd.sh"

for program in prometheus promtool; do
    if ! command -v "$program" >/dev/null; then
        echo "skipped: there is no $program"
        exit 0
    fi
done

readonly wait_s=20
pids=()
folder=$(mktemp -d)
trap 'stop_pids "${pids[@]}"; etcd_stop; rm -rf "$folder"' EXIT
etcd_start

"$TOOL" exporter -e "$ETCD_ENDPOINT" --listen 127.0.0.1:0 --prefix prom/ \
    >"$folder/url" 2>"$folder/exporter.log" &
pids+=($!)
wait_until "$wait_s" test -s "$folder/url"
url=$(<"$folder/url")
target=${url#http://}

cat >"$folder/prometheus.yml" <<EOF_YAML
global: {scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}
rule_files: ["$SRC/docs/prometheus/alerts.yml"]
scrape_configs:
  - job_name: leaselock
    static_configs: [{targets: ["${target%/metrics}"]}]
EOF_YAML
promtool check config "$folder/prometheus.yml" >/dev/null
port=$(_etcd_free_port)
prometheus --config.file="$folder/prometheus.yml" \
    --storage.tsdb.path="$folder/data" \
    --web.listen-address="127.0.0.1:$port" >"$folder/prometheus.log" 2>&1 &
pids+=($!)

# query EXPRESSION: the value of its first series, or nothing.
query() {
    promtool query instant -o json "http://127.0.0.1:$port" "$1" 2>/dev/null |
        jq -r '.[0].value[1] // empty'
}
# is EXPRESSION VALUE
is() {
    [[ $(query "$1") == "$2" ]]
}
# expect EXPRESSION VALUE: waits until it has that value.
expect() {
    wait_until "$wait_s" is "$1" "$2" || {
        echo "$1 is '$(query "$1")', not $2"
        exit 1
    }
}
# queue FILTER: of queue --json.
queue() {
    "$TOOL" queue -e "$ETCD_ENDPOINT" --json prom/a | jq -r "$1"
}
# compare: Prometheus' values of the lock are those of its queue.
compare() {
    local since
    expect 'leaselock_lock_queue_length{lock="prom/a"}' "$(queue .total)"
    expect 'leaselock_lock_holders{lock="prom/a"}' \
        "$(queue '[.entries[] | select(.holds)] | length')"
    # The times of the requests, from ages of whole seconds.
    since=$(query 'time() - leaselock_lock_holder_age_seconds{lock="prom/a"}')
    awk -v a="$since" -v b="$(queue '.entries[0].since_unix_s')" \
        'BEGIN { exit !(a - b < 2.5 && b - a < 2.5) }' || {
        echo "the holder's request was at $since"
        exit 1
    }
    since=$(query \
        'time() - leaselock_lock_oldest_waiter_age_seconds{lock="prom/a"}')
    awk -v a="$since" -v b="$(queue '.entries[1].since_unix_s')" \
        'BEGIN { exit !(a - b < 2.5 && b - a < 2.5) }' || {
        echo "the oldest waiter's request was at $since"
        exit 1
    }
}

for ((i = 0; i < 3; i++)); do
    "$TOOL" lock -e "$ETCD_ENDPOINT" prom/a >"$folder/lock.$i" &
    lockers[i]=$!
    pids+=($!)
    ((i > 0)) || wait_until "$wait_s" test -s "$folder/lock.0"
done
expect leaselock_exporter_up 1
expect 'leaselock_lock_queue_length{lock="prom/a"}' 3
compare
left=$(query 'leaselock_lock_lease_left_seconds{lock="prom/a"}')
awk -v left="$left" 'BEGIN { exit !(left > 0 && left <= 10) }' || {
    echo "the lease has '$left' seconds left"
    exit 1
}
# The first holder is one, too: the exporter saw it come.
expect 'leaselock_lock_holder_changes_total{lock="prom/a"}' 1
kill "${lockers[0]}"
expect 'leaselock_lock_holder_changes_total{lock="prom/a"}' 2
expect 'leaselock_lock_queue_length{lock="prom/a"}' 2
compare
# Prometheus asks for OpenMetrics, which has units.
promtool query series --match=leaselock_lock_mode "http://127.0.0.1:$port" |
    grep -q 'mode="exclusive"'
/usr/bin/python3 - "$url" <<'EOF_PYTHON' | promtool check metrics
import sys
import urllib.request

sys.stdout.write(urllib.request.urlopen(sys.argv[1], timeout=5).read().decode())
EOF_PYTHON

etcd_stop
expect leaselock_exporter_up 0
expect 'ALERTS{alertname="LeaselockExporterWithoutEtcd"}' 1
expect 'up{job="leaselock"}' 1
