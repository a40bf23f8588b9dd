#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# README has at most 180 lines. Its first program, the ```c block below "## In
# C", has at most 25 and compiles as shown against an installed tree.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../../scripts/lib.sh
source "$SRC/scripts/lib.sh"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

lines=$(wc -l <"$SRC/README.md")
[[ $lines -le 180 ]] || { echo "README.md: $lines lines, not 180" && exit 1; }

readme_program >"$work/example.c"
lines=$(wc -l <"$work/example.c")
[[ $lines -gt 0 ]] || { echo 'README.md: no C below "## In C"' && exit 1; }
[[ $lines -le 25 ]] || { echo "README.md: $lines lines of C, not 25" && exit 1; }

cmake --install "$BUILD" --prefix "$work/tree" >/dev/null
PKG_CONFIG_PATH=$(dirname "$(find "$work/tree" -name leaselock.pc)")
export PKG_CONFIG_PATH
read -ra flags < <(pkg-config --cflags --libs leaselock)
gcc -Wall -Wextra -Werror -o "$work/example" "$work/example.c" "${flags[@]}"
