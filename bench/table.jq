# The table, in Markdown, from summary.jq's output.
def shown: if . == null then ""
    elif . >= 100 then round | tostring
    elif . >= 10 then . * 10 | round / 10 | tostring
    else . * 1000 | round / 1000 | tostring end;
def median_shown: if . == null then "" else .median | shown end;

# What is worth a line, for each scenario, and how it is called.
def lines: {
    uncontended: ["per_second", "p50_us", "p99_us", "client_cpu_us",
        "server_cpu_us", "requests"],
    async: ["per_second", "p50_ms", "p99_ms", "client_cpu_us", "server_cpu_us",
        "requests", "resident_kb"],
    handoff: ["handovers_per_second", "p50_ms", "p99_ms", "client_cpu_us",
        "server_cpu_us", "requests", "watch_messages"],
    elect: ["handovers_per_second", "per_second", "p50_ms", "p99_ms",
        "client_cpu_us", "server_cpu_us", "requests", "watch_messages"],
    queue: ["enqueue_per_second", "drain_per_second", "kb_per_ticket",
        "client_cpu_us", "server_cpu_us", "requests", "watch_messages"],
    waiters: ["register_s", "kb_per_ticket", "client_cpu_us", "server_cpu_us",
        "requests", "watch_messages"],
    failover: ["least_s", "p50_s", "most_s"]
};

(.about | "etcd \(.etcd), \(.members) member(s) on \(.data); \(.system); "
    + "\(.cores) cores; \(.rounds) rounds of \(.seconds) s; "
    + "load \(.load_before) before, \(.load_after) after"),
"",
"| | | leaselock | Go | ratio | put+delete | Redis | leaselock, least to most |",
"|---|---|--:|--:|--:|--:|--:|---|",
(.figures as $figures
    | $figures
    | map(select(. as $f | lines[$f.scenario] // [] | index([$f.field]))) as $shown
    | $shown[]
    # Unrelated writes are the server's work as well.
    | select(.field != "server_cpu_us" or (.what | test("writes/s") | not))
    # One candidate hands over to nobody.
    | select((.what == "election, candidates: 1"
        and (.field | test("^(handovers_per_second|p.*_ms)$"))) | not)
    | "| \(.what) | \(.field) | \(.leaselock | median_shown) "
        + "| \(.go | median_shown) "
        + "| \(if .ratio == null then "" else .ratio * 100 | round / 100 | tostring end) "
        + "| \(.putdelete | median_shown) | \(.redis | median_shown) "
        + "| \(if .leaselock == null then "" else
            "\(.leaselock.least | shown) to \(.leaselock.most | shown)" end) |")
