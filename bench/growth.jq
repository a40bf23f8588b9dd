# SPDX-License-Identifier: Apache-2.0
# The table of docs/growth.md, from summary.jq's output: a line for each size.
def shown: if . == null then ""
    elif . >= 100 then round | tostring
    elif . >= 10 then . * 10 | round / 10 | tostring
    else . * 1000 | round / 1000 | tostring end;
def spread: if . == null then "" else "\(.least | shown) to \(.most | shown)" end;

(.about | "etcd \(.etcd) on \(.data); \(.system); \(.cores) cores; "
    + "\(.rounds) rounds of \(.seconds) s; "
    + "load \(.load_before) before, \(.load_after) after"),
"",
"| what grows | n | p50, µs | least to most | p99, µs | client, µs | etcd, µs |",
"|---|--:|--:|--:|--:|--:|--:|",
([.figures[] | select(.scenario == "growth")]
    | group_by(.what) | sort_by(.[0].what
        | capture("^growth, (?<axis>.*): (?<n>[0-9]+)$")
        | [(.axis | {"locks held": 1, "queue, its own client": 2,
            "queue, another client": 3, "names": 4, "revisions": 5}[.] // 6),
            (.n | tonumber)])[]
    | (.[0].what | capture("^growth, (?<axis>.*): (?<n>[0-9]+)$")) as $point
    | (map({(.field): .leaselock}) | add) as $of
    | "| \($point.axis) | \($point.n) | \($of.p50_us.median | shown) "
        + "| \($of.p50_us | spread) | \($of.p99_us.median | shown) "
        + "| \($of.client_cpu_us.median | shown) "
        + "| \($of.server_cpu_us.median | shown) |"),
"",
"![p50 of an acquire and release against each of these](growth.svg)"
