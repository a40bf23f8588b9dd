# SPDX-License-Identifier: Apache-2.0
# From single results, a line each, to medians: input is the array of results,
# $about the machine, $load the load at the end. A ratio above 1 is in
# leaselock's favour.
def median: sort | if length % 2 == 1 then .[(length - 1) / 2]
    else (.[length / 2 - 1] + .[length / 2]) / 2 end;
def figure: if length == 0 then null
    else {median: median, least: min, most: max, n: length} end;
def unique_in_order:
    reduce .[] as $x ([]; if index([$x]) then . else . + [$x] end);
def more_is_better: test("per_second$|^queued$|^drained$");
# Of leaselock to a peer.
def ratio($peer; $field):
    if .leaselock == null or .[$peer] == null then null
    else (.leaselock.median as $a | .[$peer].median as $b
        | if $field | more_is_better then [$a, $b] else [$b, $a] end
        | if .[1] > 0 then .[0] / .[1] else null end) end;

. as $all
| {
    about: ($about[0] + {load_after: $load}),
    figures: [
        ($all | map(.what) | unique_in_order)[] as $what
        | ($all | map(select(.what == $what))) as $here
        | ($here[0] | keys_unsorted | map(select(
            . as $field | $here[0][$field] | type == "number")))[] as $field
        | [$here[] | select(has($field))]
        | group_by(.peer)
        | map({key: .[0].peer, value: (map(.[$field]) | figure)})
        | from_entries
        | . + {ratio: ratio("go"; $field),
            ratio_putdelete: ratio("putdelete"; $field)}
        | {what: $what, scenario: $here[0].scenario, field: $field} + .
    ],
    results: $all
}
