#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The files and functions that docs/reading.md names exist in src, and the
# functions of a stop are defined in one of its files.
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

# A definition has its name at the start of a line or behind its type.
while IFS='|' read -r _ stop files functions _; do
    mapfile -t paths < <(grep -oE '(src|tests)/[a-z0-9_/.]+' <<<"$files")
    while read -r function; do
        grep -qE "^([a-z].*[ *])?$function\(" "${paths[@]}" ||
            { echo "docs/reading.md: stop$stop: no $function in$files" &&
                status=1; }
    done < <(grep -oE '[a-z0-9_]+\(\)' <<<"$functions" | tr -d '()')
done < <(grep -E '^\| [0-9]+a? \|' docs/reading.md)

exit "$status"
