#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# bpftrace accepts each of its commands in the page on tracing, and finds the
# probes in the library, where it is installed. Nothing is traced: -d ends when
# the program is compiled.
set -euo pipefail
page=$SRC/docs/tracing.md
LIB=$(realpath "$BUILD/lib/libleaselock.so")
export LIB # for the page's commands

if ! command -v bpftrace >/dev/null || [[ $(id -u) -ne 0 ]]; then
    echo "skipped: bpftrace is not installed, or this is not root"
    exit 0
fi

# Each command, with a line of its own at the end.
commands=$(awk '/^    bpftrace / { on = 1 } on && !/^    / { on = 0; print "--" }
    on { print substr($0, 5) }' "$page")
command='' commands_n=0
while IFS= read -r line; do
    if [[ $line != -- ]]; then
        command+=$line$'\n'
        continue
    fi
    if ! said=$(eval "${command/bpftrace -e/bpftrace -d -e}" 2>&1) ||
        [[ $command == *' -l '* && $said != *leaselock:ticket_granted* ]]; then
        printf 'FAILED: %s\n%s\n' "$command" "$said"
        exit 1
    fi
    command='' commands_n=$((commands_n + 1))
done <<<"$commands"
echo "$commands_n commands"
[[ $commands_n -eq $(grep -c '^    bpftrace ' "$page") ]]
