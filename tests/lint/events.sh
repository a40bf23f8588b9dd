#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# docs/logging.md lists the events of leaselock/log.h, in their order, with their
# levels and fields; the tracepoints of the library are those of docs/tracing.md,
# each of them an event, and have the arguments that it lists.
set -euo pipefail
export LC_ALL=C
cd "$SRC"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
status=0

compare() {
    diff -u "$work/$1" "$work/$2" || {
        echo "$3"
        status=1
    }
}

gcc -E -P -Iinclude -x c - <<'EOF_C' | grep '^EVENT' |
#include "leaselock/log.h"
#define LINE(name, word, level, fields) EVENT word level fields
#define SEPARATE(name, word, level, fields) LINE(name, word, level, fields) ;
LEASELOCK_LOG_EVENT_MAP(SEPARATE)
EOF_C
    tr ';' '\n' | sed -n 's/^ *EVENT "\([a-z_]*\)" \([A-Z]*\) "\(.*\)" *$/\1 \L\2 \3/p' \
    >"$work/code"
sed -n 's/^| `\([a-z_]*\)` | \([a-z]*\) | \([a-z ]*\)| .*/\1 \2 \3/p' \
    docs/logging.md | sed 's/ *$//' >"$work/page"
sed -i 's/ *$//' "$work/code"
[[ -s $work/code ]] || { echo 'no event found' && exit 1; }
compare code page 'docs/logging.md and leaselock/log.h differ'

# Without the header there are none.
if gcc -E -x c - <<<'#include <sys/sdt.h>' >"$work/header" 2>&1; then
    # A probe can be in more than one place of the code.
    readelf -n "$BUILD/lib/libleaselock.so" |
        awk '/Provider: / { ours = $2 == "leaselock" }
            /Name: / { name = $2 }
            /Arguments: / && ours { print name, NF - 1 }' |
        sort -u >"$work/notes"
    awk -F'|' '/^\| `[a-z_]*` / {
        gsub(/[` ]/, "", $2); gsub(/\([^)]*\)/, "", $3)
        n = gsub(/[;]/, "", $3) + 1 + gsub(/, its size/, "", $3)
        print $2, n }' docs/tracing.md | sort -u >"$work/listed"
    [[ -s $work/notes ]] || { echo 'no probe found' && exit 1; }
    compare notes listed 'docs/tracing.md and the probes of the library differ'
    cut -d' ' -f1 "$work/notes" | sort >"$work/probes"
    cut -d' ' -f1 "$work/code" | sort >"$work/events"
    unknown=$(comm -23 "$work/probes" "$work/events")
    [[ -z $unknown ]] || { echo "no event: $unknown" && status=1; }
fi
exit "$status"
