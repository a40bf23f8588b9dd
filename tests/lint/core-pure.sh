#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# core is a pure state machine: its objects call only themselves, base's memory
# and tables, and functions of C that use memory only; its sources include
# nothing with threads, sockets or gRPC.
set -euo pipefail
export LC_ALL=C
cd "$SRC"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
status=0

compiled=$BUILD/src/CMakeFiles/leaselock_objects.dir
core=("$compiled"/core/*.o)
[[ -e ${core[0]} ]] || { echo "no objects of core in $BUILD" && exit 1; }

allowed='mem(cpy|set|cmp|move|chr)|str(n?len|n?cmp|n?cpy|r?chr|str)|v?snprintf'
allowed+='|qsort|leaselock_status_(name|text|is_retriable)'
runtime='__assert_fail|__stack_chk_fail|__[a-z]+_chk|_GLOBAL_OFFSET_TABLE_'
runtime+='|__(asan|ubsan|tsan)_.*'

nm --defined-only "${core[@]}" "$compiled"/base/{alloc,table}.c.o |
    awk 'NF == 3 { print $3 }' | sort -u >"$work/own"
nm -u "${core[@]}" | awk '$1 == "U" { print $2 }' |
    grep -vE "^($allowed|$runtime)$" | sort -u >"$work/called" || true
foreign=$(comm -13 "$work/own" "$work/called")
if [[ -n $foreign ]]; then
    printf 'core calls what it must not:\n%s\n' "$foreign"
    status=1
fi

# base/clock.h for its units; the clock itself shows above.
headers='"(core|leaselock)/|"base/(alloc|clock|list|probe|table)\.h"'
headers+='|<(assert|inttypes|limits|std(arg|bool|def|int|io)|string)\.h>'
foreign=$(grep -nE '^ *# *include' src/core/*.[ch] |
    grep -vE "include ($headers)") || true
if [[ -n $foreign ]]; then
    printf 'core includes what it must not:\n%s\n' "$foreign"
    status=1
fi
exit "$status"
