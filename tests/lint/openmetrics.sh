#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The counters' text is read by the parser of OpenMetrics' authors, and, where
# promtool is installed, passes its checks in the older format of Prometheus.
set -euo pipefail
work=$(mktemp)
trap 'rm -f "$work"' EXIT

"$BUILD/tests/bin/unit.stats" print >"$work"
# Debian's interpreter, which has Debian's modules.
/usr/bin/python3 - "$work" <<'EOF_PYTHON'
import sys
from prometheus_client.openmetrics.parser import text_string_to_metric_families

with open(sys.argv[1]) as text:
    families = list(text_string_to_metric_families(text.read()))
assert len(families) > 10 and all(f.samples and f.documentation for f in families)
EOF_PYTHON

if command -v promtool >/dev/null; then
    # In that format a counter's family has the suffix, too.
    awk '$2 == "TYPE" { suffix = $4 == "counter" ? "_total" : "" }
        $2 == "TYPE" || $2 == "HELP" { sub($3, $3 suffix) }
        $1 != "#" || $2 == "TYPE" || $2 == "HELP"' "$work" |
        promtool check metrics
fi
