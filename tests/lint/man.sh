#!/usr/bin/env bash
# mandoc has nothing to warn of in the manual pages.
set -euo pipefail
cd "$SRC"

shopt -s nullglob
pages=(docs/man/*.[0-9])
[[ ${#pages[@]} -gt 0 ]] || { echo "no page in docs/man" && exit 1; }
mandoc -T lint -W warning "${pages[@]}"
