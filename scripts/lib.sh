# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Helpers of the scripts in this folder; each of them sources this file.

# shellcheck disable=SC2034  # the scripts use it
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

# Prints a heading for the user.
say() {
    printf '== %s\n' "$*"
}

# Ends the script with a sentence on standard error.
fail() {
    printf '%s: %s\n' "${0##*/}" "$*" >&2
    exit 1
}

# Runs a command quietly; prints its output only if it fails.
quietly() {
    local log status=0
    log=$(mktemp)
    "$@" >"$log" 2>&1 || status=$?
    [[ $status -eq 0 ]] || cat "$log" >&2
    rm -f "$log"
    return "$status"
}

# Prints the README's first program: the ```c block below "## In C".
readme_program() {
    awk '/^## / { here = ($0 == "## In C") }
         here && /^```/ { if (inside) exit; inside = ($0 == "```c"); next }
         inside' "$root/README.md"
}
