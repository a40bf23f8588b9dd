#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Every C file is formatted by clang-format.
set -euo pipefail
cd "$SRC"

find include src bindings tests bench examples -name '*.[ch]' -print0 |
    xargs -0 -n 40 -P "$(nproc)" clang-format --dry-run -Werror || {
    echo "to put it right: clang-format -i FILE"
    exit 1
}
