#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The files and functions that docs/reading.md names exist in src.
set -euo pipefail
cd "$SRC"
status=0

while read -r file; do
    [[ -e $file ]] || { echo "docs/reading.md: no file $file" && status=1; }
done < <(grep -oE '`(src|tests)/[a-z0-9_/.]+`' docs/reading.md | tr -d '`' | sort -u)

while read -r function; do
    grep -rqE "\b$function\(" --include='*.c' src ||
        { echo "docs/reading.md: no function $function" && status=1; }
done < <(grep -oE '`[a-z0-9_]+\(\)`' docs/reading.md | tr -d '`()' | sort -u)

exit "$status"
