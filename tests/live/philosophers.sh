#!/usr/bin/env bash
# The example of the dining philosophers: with both forks at once everybody eats
# in peace, five of them and fifty; with one after the other there is a
# deadlock, which it finds and ends, or one of the waits does.
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

# All reach for the second fork at once, so one is enough to end the deadlock.
said=$(dine find 5)
echo "$said"
[[ $(grep -c '^philosopher . puts its fork down$' <<<"$said") == 1 ]]
[[ $(tail -n 1 <<<"$said") == "everybody has eaten" ]]

[[ -z $(etcd_ctl get --prefix forks/ --keys-only) ]]
