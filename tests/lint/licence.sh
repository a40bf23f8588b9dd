#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Each source file names its licence.
set -euo pipefail
cd "$SRC"

missing=$(find . \( -name .git -o -name build -o -name node_modules \
    -o -path ./tests/fuzz/corpus \) -prune -o -type f \
    \( -name '*.[ch]' -o -name '*.sh' -o -name '*.py' -o -name '*.go' \
    -o -name '*.js' -o -name '*.proto' -o -name '*.pml' -o -name '*.cmake' \
    -o -name CMakeLists.txt -o -perm -u+x \) \
    -exec grep -L 'SPDX-License-Identifier: Apache-2.0' {} +) || true
if [[ -n $missing ]]; then
    printf 'these name no licence (SPDX-License-Identifier):\n%s\n' "$missing"
    exit 1
fi
