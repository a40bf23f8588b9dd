#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Every scenario of the benchmarks works: each program that was built runs each
# of its scenarios for a second or with few tickets, against an etcd and a Redis
# of its own, and prints a result with operations and every figure that
# bench/run shows. Speed is not checked.
#
# Environment: SRC (source folder), BUILD (build folder).
set -euo pipefail

# shellcheck source-path=SCRIPTDIR source=../support/etcd.sh
source "$SRC/tests/support/etcd.sh"
# shellcheck source-path=SCRIPTDIR source=../../bench/servers.sh
source "$SRC/bench/servers.sh"

python=/usr/bin/python3 # as CMakeLists.txt looks for it
[[ -x $python ]] || python=python3

folder=$(mktemp -d "${TMPDIR:-/tmp}/leaselock-smoke-XXXXXX")
whole='' pids=()
clean_up() {
    [[ ${#pids[@]} -eq 0 ]] || kill "${pids[@]}" 2>/dev/null || true
    [[ -z $whole ]] || kill "$whole" 2>/dev/null # it cleans up after itself
    [[ -z $whole ]] || wait "$whole" 2>/dev/null || true
    servers_stop
    rm -rf "$folder"
}
trap clean_up EXIT
trap 'exit 1' INT TERM HUP

fail() {
    echo "FAILED: $*" >&2
    exit 1
}

# PEER SCENARIO FIELDS [ARG...]: FIELDS, with commas, must be in the result, and
# greater than 0 unless a "?" follows.
run() {
    local peer=$1 scenario=$2 wanted=$3 program field value out
    shift 3
    out=$folder/$peer.$scenario
    case $peer in
    leaselock) program=("$BUILD/bin/lockbench") ;;
    go) program=("$BUILD/bin/gopeer" bench) ;;
    redis) program=("$BUILD/bin/redisbench") ;;
    python) program=(env "PYTHONPATH=$BUILD/python" "$python"
        "$SRC/bench/python/pybench") ;;
    esac
    "${program[@]}" "$scenario" --json --name "smoke-$peer-$scenario" "$@" \
        >"$out" || fail "$peer $scenario: status $?"
    for field in ${wanted//,/ }; do
        value=$(sed -nE "s/.*\"${field%\?}\":([-+0-9.e]+)[,}].*/\1/p" "$out")
        [[ -n $value ]] || fail "$peer $scenario: no $field in: $(<"$out")"
        [[ $field == *\? || $value =~ [1-9] ]] ||
            fail "$peer $scenario: $field is $value"
    done
}

# The scenarios that all peers on etcd have.
run_all() {
    local peer=$1 cost='client_cpu_us,server_cpu_us?,requests'
    shift
    run "$peer" uncontended "ops,per_second,p50_us,p99_us,$cost" \
        --workers 4 --seconds 1 "$@"
    run "$peer" start ops,p50_ms --seconds 1 "$@"
    run "$peer" async "ops,per_second,p50_ms,$cost,resident_kb" \
        --tickets 50 --seconds 1 "$@"
    run "$peer" handoff "handovers,p99_ms,$cost,watch_messages" \
        --clients 3 --seconds 1 --hold-us 1000 "$@"
    run "$peer" elect "handovers,p99_ms,$cost" --clients 2 --seconds 1 "$@"
    run "$peer" queue "enqueue_per_second,drained,drain_per_second,$cost" \
        --tickets 20 --seconds 20 "$@"
    run "$peer" waiters "queued,register_s,watchers,kb_per_ticket?,$cost" \
        --tickets 20 --seconds 20 "$@"
    run "$peer" modes "ops,per_second,p99_ms,$cost,watch_events" \
        --workers 6 --permits 2 --hold-us 1000 --seconds 1 "$@"
    run "$peer" failover ops,least_s,p50_s,most_s --clients 2 --ttl 2 "$@"
}

# Runs the scenarios of one peer in a subshell with a server of its own, since
# some count the watchers of the whole server.
run_alone() {
    trap servers_stop EXIT
    trap 'exit 1' INT TERM HUP
    servers_start 1 "$(memory_folder)"
    run_all "$1" --endpoints "$SERVERS_ENDPOINTS"
}

# bench/run itself, with one scenario, meanwhile.
if [[ -x $BUILD/bin/gopeer ]] && command -v jq >/dev/null; then
    "$SRC/bench/run" --only async --rounds 1 --seconds 1 --json - "$BUILD" \
        >"$folder/whole" 2>"$folder/whole.err" &
    whole=$!
fi
# Three members a distance apart: no write takes less.
servers_apart 3 "$(memory_folder)" 20 "$BUILD/bin/delaybench"
run leaselock uncontended ops,p50_us --workers 1 --seconds 1 \
    --endpoints "$SERVERS_LEADER"
p50=$(sed -nE 's/.*"p50_us":([0-9]+).*/\1/p' "$folder/leaselock.uncontended")
[[ $p50 -ge 40000 ]] || fail "two writes took $p50 us, 20 ms apart"
servers_stop
peers=(leaselock)
[[ ! -x $BUILD/bin/gopeer ]] || peers+=(go)
for peer in "${peers[@]}"; do
    (run_alone "$peer") &
    pids+=($!)
done
servers_start 1 "$(memory_folder)"
at=(--endpoints "$SERVERS_ENDPOINTS")
if [[ -d $BUILD/python/leaselock ]]; then
    for scenario in uncontended kept async; do
        run python "$scenario" ops,per_second,client_cpu_us,resident_kb \
            --workers 2 --tickets 50 --seconds 1 "${at[@]}" &
        pids+=($!)
    done
fi
for pid in "${pids[@]}"; do
    wait "$pid" || exit 1
done
pids=()
run leaselock try ops,p50_us,requests --workers 2 --seconds 1 \
    --name smoke-try "${at[@]}"
run leaselock modes ops,holding_most,p50_ms --workers 4 --shared \
    --seconds 1 --name smoke-readers "${at[@]}"
run leaselock handoff "handovers,p99_ms,requests,watch_messages,client_cpu_us" \
    --clients 3 --rejoin --seconds 1 --name smoke-rejoin "${at[@]}"
run leaselock kept "ops,per_second,p50_us,client_cpu_us,requests?" \
    --workers 2 --seconds 1 --name smoke-kept "${at[@]}"
run leaselock kept-remote "ops,p50_us,p99_us,told_p50_us,to_told,missed?" \
    --seconds 1 --name smoke-remote "${at[@]}"
run leaselock queue drained --tickets 20 --permits 2 --seconds 20 \
    --name smoke-permits "${at[@]}"
run leaselock waiters queued,names,register_s --tickets 20 --names 2 \
    --seconds 20 --name smoke-names "${at[@]}"
run leaselock growth "ops,p50_us,p99_us,held" --held 5 --seconds 1 \
    --name smoke-held "${at[@]}"
cp "$folder/leaselock.growth" "$folder/held"
run leaselock growth "ops,p50_us,p99_us,queue" --queue 5 --clients 2 \
    --seconds 1 --name smoke-in-and-out "${at[@]}"
run leaselock waiting "ops,utilisation,handover_ms,late_p99_ms?,mean_ms,p99_ms" \
    --load 50 --hold-us 2000 --seconds 1 --name smoke-waiting "${at[@]}"
cp "$folder/leaselock.waiting" "$folder/open"
run leaselock waiting "ops,utilisation,think_ms,mean_ms,p99_ms,chance" \
    --clients 3 --exponential --hold-us 2000 --seconds 1 \
    --name smoke-closed "${at[@]}"
run leaselock failover ops,guardian,most_s --clients 2 --ttl 5 \
    --guardian "$BUILD/libexec/leaselock-guardian" "${at[@]}"
if [[ -x $BUILD/bin/gopeer ]]; then
    run go putdelete ops,per_second,requests --seconds 1 "${at[@]}"
    run go writes ops,per_second --seconds 1 "${at[@]}"
    run go fill keys,revisions,fill_s --keys 250 --revisions 130 \
        --name smoke-fill "${at[@]}"
fi
"$SRC/bench/startup" --rounds 2 "$BUILD" >"$folder/startup" ||
    fail "bench/startup"
grep -q 'ratio of pairs [0-9.]* (2 pairs' "$folder/startup" ||
    fail "bench/startup printed: $(<"$folder/startup")"
# A usage error is reported, and gives no result.
if "$BUILD/bin/lockbench" nonsense "${at[@]}" 2>"$folder/usage"; then
    fail "a scenario that there is not is measured"
fi
grep -q '^usage: lockbench' "$folder/usage" || fail "no usage"
servers_stop

if [[ -x $BUILD/bin/redisbench ]] && command -v redis-server >/dev/null; then
    redis_start "$(memory_folder)"
    at=(--endpoints "$REDIS_ENDPOINT")
    run redis uncontended ops,p99_us,client_cpu_us,requests --workers 2 \
        --seconds 1 "${at[@]}"
    run redis handoff handovers,p99_ms,requests --clients 3 --hold-us 1000 \
        --seconds 1 "${at[@]}"
    servers_stop
fi

if [[ -n $whole ]]; then
    wait "$whole" || fail "bench/run: $(<"$folder/whole.err")"
    whole=
    jq -e '.figures[] | select(.what == "async, 1000 in flight" and
        .field == "per_second") | .leaselock.median > 0 and .go.median > 0 and
        .ratio > 0' "$folder/whole" >/dev/null ||
        fail "bench/run printed: $(<"$folder/whole")"
fi

# The table and the plot, from the measurements above.
if command -v jq >/dev/null; then
    label() {
        jq -c --arg what "$2" '{what: $what} + .' "$folder"/*."$1"
    }
    {
        label uncontended 'uncontended, 4 workers'
        label async 'async, 50 in flight'
        label handoff 'hand-over, 3 clients, hold 0 ms'
    } | jq -s --argjson about '[{"members": 1}]' --arg load '' \
        -f "$SRC/bench/summary.jq" >"$folder/summary"
    jq -r -f "$SRC/bench/table.jq" "$folder/summary" >"$folder/table"
    grep -q '^| hand-over, .* | handovers_per_second | [1-9]' "$folder/table" ||
        fail "the table: $(<"$folder/table")"
    if command -v gnuplot >/dev/null; then
        "$SRC/bench/plot" "$folder/summary" "$folder/plot" || fail "the plot"
        grep -q '4 workers' "$folder/plot" || fail "the plot has no labels"
    fi
    for axis in 'locks held' 'queue, its own client' 'queue, another client' \
        names revisions members; do
        jq -c --arg what "growth, $axis: 5" '{what: $what} + .' "$folder/held"
    done | jq -s --argjson about '[{"members": 1}]' --arg load '' \
        -f "$SRC/bench/summary.jq" >"$folder/summary"
    jq -r -f "$SRC/bench/growth.jq" "$folder/summary" >"$folder/table"
    grep -q '^| members | 5 | [1-9]' "$folder/table" ||
        fail "the table of growth: $(<"$folder/table")"
    {
        jq -c '{what: "waiting, open"} + .' "$folder/open"
        jq -c '{what: "waiting, clients: 3"} + .' "$folder/leaselock.waiting"
    } | jq -c '. + {predicted_mean_ms: .mean_ms, predicted_p99_ms: 20}' |
        jq -s --argjson about '[{"members": 1}]' --arg load '' \
            -f "$SRC/bench/summary.jq" >"$folder/predicted"
    jq -r -f "$SRC/bench/waiting.jq" "$folder/predicted" >"$folder/table"
    grep -q '^| clients: 3 | [1-9].* | +*0 | 20 |' "$folder/table" ||
        fail "the table of waiting: $(<"$folder/table")"
    if command -v gnuplot >/dev/null; then
        "$SRC/bench/plot" --waiting "$folder/predicted" "$folder/plot" ||
            fail "the plot of waiting"
        grep -q 'around it' "$folder/plot" ||
            fail "the plot of waiting has no titles"
        "$SRC/bench/plot" --growth "$folder/summary" "$folder/plot" ||
            fail "the plot of growth"
        grep -q 'Members of etcd' "$folder/plot" ||
            fail "the plot of growth has no titles"
    fi
fi
