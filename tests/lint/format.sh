#!/usr/bin/env bash
# Every C file is as clang-format would leave it.
set -euo pipefail
cd "$SRC"
status=0

while IFS= read -r -d '' file; do
    clang-format "$file" |
        diff -u --label "$file" --label "$file, formatted" "$file" - || status=1
done < <(find include src tests bench examples -name '*.[ch]' -print0)

[[ $status -eq 0 ]] || echo "to put it right: clang-format -i FILE"
exit "$status"
