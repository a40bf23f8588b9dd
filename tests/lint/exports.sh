#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The public headers declare, the shared library exports, leaselock.map lists
# and the manual describes the same functions, and each of them is called in a
# test or an example.
set -euo pipefail
export LC_ALL=C
cd "$SRC"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
status=0

# Prints lines that only one of two sorted lists has, and records a failure.
same() {
    local only
    only=$(comm "-$3" "$work/$1" "$work/$2")
    if [[ -n $only ]]; then
        printf '%s:\n%s\n' "$4" "$only"
        status=1
    fi
}

# gcc lists each declared function and its place.
printf "#include \"leaselock/%s.h\"\n" leaselock admin config stats |
    gcc -x c -fsyntax-only -aux-info "$work/aux" -Iinclude -
sed -n 's/.* extern [^(]*\b\(leaselock_[a-z0-9_]*\) (.*/\1/p' "$work/aux" |
    sort -u >"$work/declared"
nm -D --defined-only "$BUILD/lib/libleaselock.so" |
    awk '$2 != "A" { sub(/@.*/, "", $3); print $3 }' | sort -u >"$work/exported"
grep -o '\bleaselock_[a-z0-9_]*' src/leaselock.map | sort -u >"$work/mapped"

same declared exported 23 'declared in a header, not exported'
same declared exported 13 'exported, not declared in a header'
same declared mapped 23 'declared in a header, not in src/leaselock.map'
same declared mapped 13 'in src/leaselock.map, not declared in a header'

# The manual may name types and pages too, but all names must exist.
words() {
    grep -ohE '\bleaselock_[a-z0-9_]+' "$@" 2>/dev/null | sort -u
}
words docs/man/*.3 >"$work/manual" || true
{
    words include/leaselock/*.h
    for page in docs/man/*; do basename "${page%.*}"; done
} | sort -u >"$work/known"
same declared manual 23 'declared in a header, not in docs/man/*.3'
same manual known 23 'in docs/man/*.3, not in a header'

find tests examples \( -name '*.c' -o -name '*.sh' \) -print0 |
    xargs -0 cat >"$work/code"
words "$work/code" >"$work/used" || true
same declared used 23 'in no test and no example'

[[ -s $work/declared ]] || { echo "no declaration found" && status=1; }
exit "$status"
