#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The example of the dining philosophers: if each acquires both forks at once,
# all of them eat, five and fifty; one after the other there is a deadlock,
# which the example detects and ends, or one of the waits does.
set -euo pipefail
# shellcheck source=../support/etcd.sh
. "$SRC/tests/support/etcd.sh"
trap etcd_stop EXIT
etcd_start

dine() {
    timeout 60 "$BUILD/examples/philosophers" "$ETCD_ENDPOINT" "$@"
}

[[ $(dine all 5 40) == "everybody has eaten" ]]
[[ $(dine all 50 4) == "everybody has eaten" ]]

said=$(dine one 5)
echo "$said"
[[ $(grep -c ' has forks/., waits for forks/.$' <<<"$said") == 5 ]]
grep -q '^philosopher . puts its fork down$' <<<"$said"
[[ $(tail -n 1 <<<"$said") == "everybody has eaten" ]]

# All acquire the second fork at the same time, so ending one wait ends the
# deadlock.
said=$(dine find 5)
echo "$said"
[[ $(grep -c '^philosopher . puts its fork down$' <<<"$said") == 1 ]]
[[ $(tail -n 1 <<<"$said") == "everybody has eaten" ]]

left=$(etcd_ctl get --prefix forks/ --keys-only)
[[ -z $left ]]
