# SPDX-License-Identifier: Apache-2.0
# The table, in Markdown, from summary.jq's output.
def shown: if . == null then ""
    elif . >= 100 then round | tostring
    elif . >= 10 then . * 10 | round / 10 | tostring
    else . * 1000 | round / 1000 | tostring end;
def times: if . == null then "" else . * 100 | round / 100 | tostring end;
def median_shown: if . == null then "" else .median | shown end;

# The lines of the table for each scenario, and their titles.
def costs: ["client_cpu_us", "server_cpu_us", "requests", "proposals"];
def lines: {
    uncontended: (["per_second", "p50_us", "p99_us"] + costs),
    kept: (["per_second", "p50_us", "p99_us"] + costs),
    "kept-turns": (["per_second", "p50_us", "p50_ms"] + costs),
    "kept-remote": ["p50_us", "p99_us", "told_p50_us", "to_told", "missed"],
    async: (["per_second", "p50_ms", "p99_ms", "resident_kb"] + costs),
    handoff: (["handovers_per_second", "p50_ms", "p99_ms", "watch_messages"]
        + costs),
    rejoin: (["handovers_per_second", "p50_ms", "p99_ms", "watch_messages"]
        + costs),
    elect: (["handovers_per_second", "per_second", "p50_ms", "p99_ms",
        "watch_messages"] + costs),
    queue: (["queued", "enqueue_per_second", "drained", "drain_per_second",
        "kb_per_ticket", "watch_messages"] + costs),
    waiters: (["queued", "register_s", "kb_per_ticket", "watch_messages"]
        + costs),
    modes: (["per_second", "p50_ms", "p99_ms", "holding_most",
        "watch_messages", "watch_events"] + costs),
    failover: ["least_s", "p50_s", "most_s"],
    growth: (["p50_us", "p99_us"] + costs),
    waiting: ["utilisation", "handover_ms", "mean_ms", "predicted_mean_ms",
        "p99_ms", "predicted_p99_ms"],
    wan: ["per_second", "handovers_per_second", "p50_us", "p50_ms", "p50_s", "p99_us",
        "p99_ms", "requests"]
};

(.about | "etcd \(.etcd), \(.members) member(s) on \(.data); \(.system); "
    + "\(.cores) cores; \(.rounds) rounds of \(.seconds) s; "
    + "load \(.load_before) before, \(.load_after) after"),
"",
("| | | leaselock | Go | ratio | put+delete | ratio | Redis "
    + "| leaselock, least to most |"),
"|---|---|--:|--:|--:|--:|--:|--:|---|",
(.figures[]
    | select(.field as $field | lines[.scenario] // [] | index([$field]))
    # Unrelated writes are a part of the server's work as well.
    | select(((.field | test("server_cpu_us|proposals"))
        and (.what | test("writes/s"))) | not)
    # A single candidate has no handover.
    | select((.what == "election, candidates: 1"
        and (.field | test("^(handovers_per_second|p.*_ms)$"))) | not)
    | "| \(.what) | \(.field) | \(.leaselock | median_shown) "
        + "| \(.go | median_shown) | \(.ratio | times) "
        + "| \(.putdelete | median_shown) | \(.ratio_putdelete | times) "
        + "| \(.redis | median_shown) "
        + "| \(if .leaselock == null then "" else
            "\(.leaselock.least | shown) to \(.leaselock.most | shown)" end) |"),
# Each at its best, however many were in flight for it.
([.figures[] | select((.scenario | test("^(uncontended|async)$"))
        and .field == "per_second" and .leaselock != null and .go != null)]
    | if length < 2 then empty
    else max_by(.leaselock.median) as $ours | max_by(.go.median) as $go
        | "", "Most cycles a second: "
            + "leaselock \($ours.leaselock | median_shown) (\($ours.what)), "
            + "Go \($go.go | median_shown) (\($go.what)), ratio \($ours.leaselock.median / $go.go.median | times)" end),
# What a permit costs beside a lock that is held alone, for the same workers.
((.figures | map(select(.scenario == "modes" and .field == "requests"
        and .leaselock != null) | {(.what): .leaselock.median}) | add) as $cost
    | ($cost // {} | keys[] | select(startswith("8 permits"))) as $what
    | ($what | sub("8 permits"; "exclusive")) as $alone
    | select($cost[$alone] > 0)
    | "", "Requests a grant: \($cost[$what] | shown) (\($what)), "
        + "\($cost[$alone] | shown) (\($alone)), "
        + "ratio \($cost[$what] / $cost[$alone] | times)"),
# The Python package beside the library and Go, in cycles a second.
(.figures[] | select(.field == "per_second" and .python != null)
    | "", "\(.what): \(.python | median_shown) cycles a second"
        + ", C \(.leaselock | median_shown) (ratio "
        + "\(.python.median / .leaselock.median | times))"
        + ", Go \(.go | median_shown) (ratio "
        + "\(.python.median / .go.median | times))")
