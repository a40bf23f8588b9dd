#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Every command of the operations guide runs, on clusters of one and of three
# members, and prints what the guide shows. The metrics and events that it names
# exist.
set -euo pipefail
page=$SRC/docs/operations.md

metrics=$("$BUILD/tests/bin/unit.stats" print)
while read -r name; do
    grep -q "^$name" <<<"$metrics" ||
        { echo "operations.md: no metric $name" && exit 1; }
done < <(grep -oE '\bleaselock_[a-z_]+_(total|seconds)\b' "$page" | sort -u)
while read -r word; do
    grep -qE "^leaselock_losses_total\{reason=\"$word\"" <<<"$metrics" ||
        { echo "operations.md: no loss for the reason $word" && exit 1; }
done < <(grep -oP '\breason="\K(?!failed)[a-z]+' "$page" | sort -u)
while read -r word; do
    grep -q "\"$word\"" "$SRC/include/leaselock/log.h" ||
        { echo "operations.md: no event $word" && exit 1; }
done < <(grep -oP '\bevent `\K[a-z_]+' "$page" | sort -u)

exec /usr/bin/python3 -B "$SRC/tests/docs/page.py" "$page"
