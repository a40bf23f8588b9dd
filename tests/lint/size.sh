#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# No file of src/ has more than 450 lines.
set -euo pipefail
cd "$SRC"
readonly lines_max=450

long=$(find src -name '*.[ch]' -exec wc -l {} \; |
    awk -v most="$lines_max" '$1 > most { print $2 ": " $1 " lines" }')
if [[ -n $long ]]; then
    printf 'these have more than %d lines:\n%s\n' "$lines_max" "$long"
    exit 1
fi
