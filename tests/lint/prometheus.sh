#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The exporter's page is read by the parser of OpenMetrics' authors and, where
# promtool is installed, passes its checks, and the alerts pass their tests. The
# alerts and the dashboard use only metrics that the exporter or the writer of a
# client's counters has, and docs/metrics.md lists all of the exporter's.
set -euo pipefail
export LC_ALL=C
cd "$SRC"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
status=0

"$BUILD/tests/bin/unit.exporter_page" print >"$work/page"
/usr/bin/python3 - "$work/page" <<'EOF_PYTHON'
import sys
from prometheus_client.openmetrics.parser import text_string_to_metric_families

with open(sys.argv[1]) as text:
    families = list(text_string_to_metric_families(text.read()))
assert len(families) > 30 and all(f.samples and f.documentation for f in families)
EOF_PYTHON

# Every name of a series, and every name that a file uses.
sed -n 's/^\([a-z_0-9]*\)[{ ].*/\1/p' "$work/page" | sort -u >"$work/emitted"
for file in docs/prometheus/alerts.yml docs/prometheus/alerts_test.yml \
    docs/prometheus/dashboard.json; do
    grep -v '^ *#' "$file" | grep -oE '\bleaselock_[a-z0-9_]+' | sort -u \
        >"$work/used"
    unknown=$(comm -23 "$work/used" "$work/emitted")
    if [[ -n $unknown ]]; then
        printf '%s uses metrics that there are not:\n%s\n' "$file" "$unknown"
        status=1
    fi
done
grep -qE . "$work/used" || { echo 'no metric found' && exit 1; }
jq -e '.panels | length > 0' docs/prometheus/dashboard.json >/dev/null || {
    echo 'docs/prometheus/dashboard.json has no panels'
    status=1
}

grep -E '^leaselock_(lock|exporter)_' "$work/emitted" >"$work/own"
sed -n '/^| `leaselock_/p' docs/metrics.md | cut -d'|' -f2 |
    grep -oE '\bleaselock_(lock|exporter)_[a-z0-9_]+' | sort -u >"$work/listed"
diff -u "$work/own" "$work/listed" || {
    echo "docs/metrics.md and the exporter's page differ"
    status=1
}

if command -v promtool >/dev/null; then
    "$BUILD/tests/bin/unit.exporter_page" print-plain | promtool check metrics
    promtool check rules docs/prometheus/alerts.yml
    promtool test rules docs/prometheus/alerts_test.yml
fi
exit "$status"
