#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Each link of a Markdown page to a file of the tree has an existing target.
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

exit "$status"
