#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Goal: a project can add this one with add_subdirectory(), without a network, and
# gets no test, benchmark or example, and no need of what these need. Method:
# configure such a project, look through all files that it would build, and
# compile its own. The library itself is only planned, as it takes long.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

cat >program.c <<'END'
#include <leaselock/leaselock.h>

int main(void)
{
    return leaselock_version() == 0;
}
END
cat >CMakeLists.txt <<END
cmake_minimum_required(VERSION 3.25)
project(outer LANGUAGES C)
add_subdirectory("$SRC" leaselock EXCLUDE_FROM_ALL)
add_executable(program program.c)
target_link_libraries(program PRIVATE leaselock::leaselock)
# This name is the outer project's.
add_custom_target(uninstall)
END

# Nothing listens there.
{
    http_proxy=http://127.0.0.1:1 https_proxy=http://127.0.0.1:1 \
        cmake -S . -B out -G Ninja
} >log 2>&1 || { cat log && exit 1; }

found=$(ninja -C out -t targets all |
    grep -E '(bench|tests|examples|cmocka)/|_(bench|test|example)' |
    grep -vE 'edit_cache|rebuild_cache|list_install|/(test|install)[:/]') || true
if [[ -n $found ]]; then
    printf 'these would be built:\n%s\n' "$found" && exit 1
fi
if grep -E '^(CMOCKA|HIREDIS|SQLITE|LIBUV|GLIB)_[A-Z_]*:' out/CMakeCache.txt; then
    echo "what only tests, benchmarks and examples need was looked for" && exit 1
fi
for switch in TESTS BENCH EXAMPLES; do
    grep -q "^LEASELOCK_$switch:BOOL=OFF" out/CMakeCache.txt ||
        { echo "LEASELOCK_$switch is not OFF" && exit 1; }
done
(cd out && ctest -N) >log 2>&1 || { cat log && exit 1; }
grep -q '^Total Tests: 0$' log || { cat log && exit 1; }

ninja -C out CMakeFiles/program.dir/program.c.o >log || { cat log && exit 1; }
ninja -C out -t commands program >log
grep -q 'libleaselock.so' log || { echo "no library is linked" && exit 1; }
