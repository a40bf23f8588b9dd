# SPDX-License-Identifier: Apache-2.0
# The table of docs/estimating.md, from summary.jq's output: a line for each
# setting, what was predicted and what was measured.
def shown: if . == null then ""
    elif . >= 100 then round | tostring
    elif . >= 10 then . * 10 | round / 10 | tostring
    else . * 100 | round / 100 | tostring end;
def percent: if . == null then "" else (. * 100 | round) + 0 | tostring end;
def off($predicted; $measured):
    if $predicted == null or $measured == null then null
    else $predicted / $measured - 1 end;
def signed: percent | if . == "" or startswith("-") then . else "+" + . end;

[.figures[] | select(.scenario == "waiting")] as $figures
| ([$figures | group_by(.what)[] | {(.[0].what): (map(
    {(.field): .leaselock.median}) | add)}] | add) as $settings
| ([$figures[].what] | reduce .[] as $what ([];
    if index([$what]) then . else . + [$what] end)) as $order
| ($order | map($settings[.] + {what: .} | . + {
    mean_off: off(.predicted_mean_ms; .mean_ms),
    p99_off: off(.predicted_p99_ms; .p99_ms)})) as $lines
| (.about | "etcd \(.etcd) on \(.data); \(.system); \(.cores) cores; "
    + "rounds: \(.rounds), of \($lines[0].seconds | round) s for each setting; "
    + "load \(.load_before) before, \(.load_after) after"),
"",
"| setting | in use, % | grants | hand-over, ms | late, ms "
    + "| mean, ms: predicted | measured | off, % "
    + "| p99, ms: predicted | measured | off, % | chance, % |",
"|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|",
($lines[]
    | "| \(.what | sub("^waiting, "; "")) | \(.utilisation | percent) "
        + "| \(.ops) | \(.handover_ms | shown) | \(.late_p99_ms | shown) "
        + "| \(.predicted_mean_ms | shown) | \(.mean_ms | shown) "
        + "| \(.mean_off | signed) "
        + "| \(.predicted_p99_ms | shown) | \(.p99_ms | shown) "
        + "| \(.p99_off | signed) | \(.chance | percent) |"),
"",
($lines | map(select(.utilisation < 0.9)) | if length == 0 then empty
    else "Below 90 % in use, \(length) settings: the mean is off by at most "
        + "\(map(.mean_off | fabs) | max | percent) %, p99 by at most "
        + "\(map(.p99_off | fabs) | max | percent) %." end),
"",
"![Predicted and measured waits](estimating.svg)"
