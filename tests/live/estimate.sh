#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Goal: `leaselock estimate` prints what it computes, as text and as JSON, refuses
# input that makes no sense, and measures when it is asked to. Method: values
# that are known; each wrong command line; an etcd for --measure.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../support/etcd.sh
source "$SRC/tests/support/etcd.sh"

folder=$(mktemp -d)
trap 'etcd_stop; rm -rf "$folder"' EXIT

fail() {
    echo "FAILED: $*"
    exit 1
}

# usage: expect STATUS ARG...: the output is in $folder/out and $folder/err
expect() {
    local status=0
    "$TOOL" estimate "${@:2}" >"$folder/out" 2>"$folder/err" || status=$?
    [[ $status -eq $1 ]] ||
        fail "status $status, not $1: ${*:2}: $(<"$folder/err")"
}

# usage: refused PART ARG...: a usage error whose message has PART
refused() {
    expect 2 "${@:2}"
    grep -qF -- "$1" "$folder/err" || fail "no \"$1\" in: $(<"$folder/err")"
    [[ ! -s $folder/out ]] || fail "output besides the error: ${*:2}"
}

# usage: json FILTER ARG...: the estimate as JSON fulfils it
json() {
    expect 0 --json "${@:2}"
    jq -e "$1" "$folder/out" >/dev/null || fail "not $1: $(<"$folder/out")"
}

near='def near($a; $b): ($a / $b - 1 | fabs) < 0.01;'

# M/M/1: utilisation 0.5, a mean wait of one service, P(W > t) = 0.5 e^(-t/2).
json "$near"' .model == "open" and .stable and near(.utilisation; 0.5) and
    near(.wait.mean.s; 0.002) and near(.wait.p90.s; 0.0064378) and
    near(.wait.p99.s; 0.0156481) and .wait.p50.s < 0.00001 and
    near(.within; 0.8160603) and .within_s == 0.004 and .textbook == null and
    .input.clients == null and .input.rate_per_s == 250 and
    .input.measured == false and .wait.p99.error_s == 0' \
    --rate 250/s --hold 2ms --handover 0 --within 4ms
# The same wait with the hand-over in it: M/D/1, and with the time of an acquire.
json "$near"' near(.wait.mean.s; 0.0015) and near(.waiters; 0.25) and
    near(.holders; 0.25)' \
    --rate 15000/min --hold 1ms --hold-cv 0 --handover 1000us --acquire 500us
json '.input.hold_cv == 0.5' --rate 1 --hold 10ms --hold-sd 5ms
# Closed, two clients and no hand-over: M/M/1//2 with equal means: 1 - 1/5.
json "$near"' .model == "closed" and near(.utilisation; 0.8) and
    near(.wait.mean.s; 0.5) and .wait.p99.error_s > 0 and
    near(.textbook_time; .within_s * .grants_per_s / 2) and
    near(.textbook; (1 - (-2 * .textbook_time | exp)) / 2)' \
    --clients 2 --think 1 --hold 1 --handover 0
json '.wait.p99.s > 0 and .input.permits == 3' \
    --clients 10 --think 1 --hold 500ms --permits 3
json '.utilisation > 0.999999 and (.wait.p99.s | isnormal)' \
    --clients 100000 --think 1 --hold 1m30s
# A crash: a TTL of 30 s, two crashes a day of holders that hold half the time.
json "$near"' near(.outage.least_s; 20) and near(.outage.mean_s; 25.25) and
    near(.outage.most_s; 30.5) and .input.crashes_per_day == 48 and
    near(.outage.s_per_day; 48 * (0.5 * 25.25 + 0.5 * 24.25))' \
    --rate 0.5 --hold 1 --handover 0 --acquire 0 --ttl 30 --crashes 2/h

expect 0 --rate 250 --hold 2ms --handover 0 --clients 5 --within 4ms
for text in 'open: 250 acquires a second' 'utilisation  50.0 %' \
    'mean wait    2.00 ms' 'p99          15.6 ms' 'within       4.00 ms with the probability 0.816' \
    'textbook' 'Poisson' 'in the order of arrival' 'blocks the lock for' \
    'a day'; do
    grep -qF "$text" "$folder/out" || fail "no \"$text\" in: $(<"$folder/out")"
done
expect 0 --clients 4 --think 10ms --hold 5ms
grep -qF 'closed: clients: 4' "$folder/out" || fail "$(<"$folder/out")"
grep -qF ' +- ' "$folder/out" || fail "no error: $(<"$folder/out")"

# The same input gives the same output.
expect 0 --json --clients 4 --think 10ms --hold 5ms
cp "$folder/out" "$folder/first"
expect 0 --json --clients 4 --think 10ms --hold 5ms
cmp -s "$folder/out" "$folder/first" || fail "two estimates differ"

# More than there is time.
expect 1 --rate 300 --hold 4ms
grep -qF 'grows without end' "$folder/out" || fail "$(<"$folder/out")"
expect 1 --rate 300 --hold 4ms --json
jq -e '.stable == false and .utilisation > 1 and .wait.mean == null and
    .outage == null' "$folder/out" >/dev/null || fail "$(<"$folder/out")"

refused 'give either --rate' --hold 1s
refused 'give either --rate' --hold 1s --rate 1 --think 1s --clients 2
refused '--think needs --clients' --hold 1s --think 1s
refused '--hold is missing' --rate 1
refused 'not from 1 to 100000' --clients 0 --think 1 --hold 1
refused 'not from 1 to 100000' --clients 100001 --think 1 --hold 1
refused 'say the same' --rate 1 --hold 1ms --hold-cv 1 --hold-sd 1ms
refused 'has no --hold-sd' --rate 1 --hold 0 --hold-sd 1ms
refused 'more than 20' --rate 1 --hold 1ms --hold-sd 1s
refused 'nobody waits' --rate 1 --hold 0 --handover 0
refused 'unexpected argument "jobs"' --rate 1 --hold 1ms jobs
for wrong in 0 -1 nan 1e3 1/week '' /s; do
    refused '--rate is' --rate "$wrong" --hold 1ms
done
for wrong in -1 inf 1x 1s2q '' ms 0x10 9999999999999; do
    refused '--hold is' --rate 1 --hold "$wrong"
done
refused '--hold-cv is' --rate 1 --hold 1 --hold-cv -1
refused '--crashes is' --rate 1 --hold 1 --crashes often
refused 'takes no value' --rate 1 --hold 1 --measure=1
refused 'needs a value' --rate 1 --hold

# No etcd is needed, but to measure.
expect 69 --rate 1 --hold 1ms --measure -e 127.0.0.1:1 -T 1s
etcd_start
expect 0 --rate 1 --hold 1ms --measure -e "$ETCD_ENDPOINT" --json
jq -e '.input.measured and .input.handover_s > 0 and .input.acquire_s > 0 and
    .input.handover_s < 1' "$folder/out" >/dev/null || fail "$(<"$folder/out")"
expect 0 --rate 1 --hold 1ms --measure --handover 7ms -e "$ETCD_ENDPOINT" --json
jq -e '.input.handover_s == 0.007' "$folder/out" >/dev/null ||
    fail "the hand-over that was given does not count: $(<"$folder/out")"
[[ $("$TOOL" ls -e "$ETCD_ENDPOINT" 2>&1) == *'no lock is held'* ]] ||
    fail "the measurement left a lock"
