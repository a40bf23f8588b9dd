#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Each link of a Markdown page to a file of the tree has an existing target, and
# the list of the decisions has each of them.
set -euo pipefail
cd "$SRC"
status=0

while IFS=: read -r page link; do
    target=${link##*](}
    target=${target%%[#)]*}
    [[ -z $target || $target =~ ^[a-z]+: ]] && continue
    [[ -e $(dirname "$page")/$target ]] || {
        echo "$page: no file at the end of $link"
        status=1
    }
done < <(grep -oE --with-filename --exclude-dir=build --exclude-dir=.git -r --include='*.md' '\[[^]]*\]\([^)]*\)' .)

diff <(sed -nE '/^## /q; s/^\| ([0-9]+) \| (.*[^ ]) *\|$/\1. \2/p' docs/decisions.md) \
    <(sed -nE 's/^## ([0-9]+\. .*)/\1/p' docs/decisions.md) || {
    echo "docs/decisions.md: its list and its headings differ"
    status=1
}

exit "$status"
