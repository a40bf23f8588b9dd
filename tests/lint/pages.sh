#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Each public function has a manual page of its name, which shows its declaration
# and describes it: the text names it, or, for an asynchronous twin, speaks of
# twins.
set -euo pipefail
export LC_ALL=C
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
status=0

cmake --install "$BUILD" --prefix "$work/tree" >/dev/null
cd "$work/tree/share/man"
mapfile -t functions < <(grep -o '\bleaselock_[a-z0-9_]*' "$SRC/src/leaselock.map")
[[ ${#functions[@]} -gt 0 ]] || { echo "no function found" && exit 1; }

wrong() {
    echo "$1(3): $2"
    status=1
}
for function in "${functions[@]}"; do
    page=man3/$function.3
    [[ -e $page ]] || { wrong "$function" 'no such page' && continue; }
    source=$page
    if read -r word target <"$page" && [[ $word == .so ]]; then
        source=$target
    fi
    sed -n '1,/^\.Sh SYNOPSIS/p' "$source" |
        grep "^\.Nm $function\b" >/dev/null ||
        wrong "$function" "$source does not have it in NAME"
    sed -n '/^\.Sh SYNOPSIS/,/^\.Sh DESCRIPTION/p' "$source" |
        grep -E "^\.F[no] $function\b" >/dev/null ||
        wrong "$function" "$source does not declare it"
    sed '1,/^\.Sh DESCRIPTION/d' "$source" >"$work/text"
    grep -qE "\bFn $function\b" "$work/text" ||
        { [[ $function == *_async ]] && grep -qw 'twins\?' "$work/text"; } ||
        wrong "$function" "$source does not describe it"
done
# mandoc follows the references, and fails if one leads nowhere.
pages=("${functions[@]/#/man3/}")
mandoc -T ascii "${pages[@]/%/.3}" | col -b >"$work/shown" ||
    { echo "mandoc does not show a page" && status=1; }
[[ $(grep -c '^NAME$' "$work/shown") -eq ${#functions[@]} ]] ||
    { echo "mandoc does not show a page for each function" && status=1; }
exit "$status"
