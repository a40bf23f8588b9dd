#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The C++ header, with each compiler that is here and each standard that it needs:
# tests/cpp, and the example.
set -euo pipefail
# shellcheck source=../support/etcd.sh
. "$SRC/tests/support/etcd.sh"

folder=$(mktemp -d)
trap 'etcd_stop; rm -rf "$folder"' EXIT
etcd_start

warnings=(-Wall -Wextra -Wpedantic -Wshadow -Werror)
export LD_LIBRARY_PATH=$BUILD/lib

# usage: run COMPILER STANDARD SOURCE [FLAG...]
run() {
    "$1" "-std=c++$2" -O1 "${warnings[@]}" "${@:4}" -I"$SRC/include" \
        -o "$folder/program" "$3" -L"$BUILD/lib" -lleaselock -pthread
    echo "$1, C++$2: $("$folder/program" "$ETCD_ENDPOINT")"
}

compilers=()
for compiler in g++ clang++; do
    if command -v "$compiler" >/dev/null; then
        compilers+=("$compiler")
    fi
done
[[ ${#compilers[@]} -gt 0 ]]
for compiler in "${compilers[@]}"; do
    run "$compiler" 17 "$SRC/tests/cpp/objects.cc"
    run "$compiler" 17 "$SRC/tests/cpp/no_exceptions.cc" -fno-exceptions
    run "$compiler" 20 "$SRC/examples/cpp/jobs.cpp"
done
run g++ 20 "$SRC/tests/cpp/coroutines.cc"
