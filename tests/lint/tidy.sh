#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# clang-tidy reports no warning for src/; .clang-tidy lists its checks.
set -euo pipefail
cd "$SRC"

# One process for each file: clang-tidy 14 misinterprets va_start in later files
# of a list. Standard error only has the number of suppressed warnings.
find src -name '*.c' -print0 |
    xargs -0 -n 1 -P "$(nproc)" clang-tidy --quiet -p "$BUILD" 2>/dev/null || {
    echo "clang-tidy found something"
    exit 1
}
