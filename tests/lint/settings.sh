#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# leaselock-settings(5) lists the settings as in the code's table. --write
# updates the list.
set -euo pipefail
cd "$SRC"
page=docs/man/leaselock-settings.5
begin='.\" What follows comes from src/config/settings.c by tests/lint/settings.sh.'
end='.\" Here it ends.'
work=$(mktemp)
trap 'rm -f "$work"' EXIT

sed "/^$(sed 's/[.\\/]/\\&/g' <<<"$begin")\$/q" "$page" >"$work"
"$BUILD/tests/bin/settings-page" >>"$work"
sed -n "/^$(sed 's/[.\\/]/\\&/g' <<<"$end")\$/,\$p" "$page" >>"$work"
if [[ ${1:-} == --write ]]; then
    cp "$work" "$page"
fi
diff -u "$page" "$work" || {
    echo "to put it right: SRC=. BUILD=$BUILD tests/lint/settings.sh --write"
    exit 1
}
