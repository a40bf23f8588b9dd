#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# mandoc reports no warning for the manual pages.
set -euo pipefail
cd "$SRC"

shopt -s nullglob
pages=(docs/man/*.[0-9])
[[ ${#pages[@]} -gt 0 ]] || { echo "no page in docs/man" && exit 1; }
mandoc -T lint -W warning "${pages[@]}"
