/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The counters of a client as OpenMetrics text: one table of metrics, and a
 * function that writes each kind.
 */
#include <inttypes.h>
#include <limits.h>

#include "base/metrics_text.h"
#include "leaselock/stats.h"

#define WORD(name, word) word,

static const char *const modes[] = {LEASELOCK_STATS_MODE_MAP(WORD)};
static const char *const results[] = {LEASELOCK_STATS_RESULT_MAP(WORD)};
static const char *const releases[] = {LEASELOCK_STATS_RELEASE_MAP(WORD)};
static const char *const losses[] = {LEASELOCK_STATS_LOSS_MAP(WORD)};
static const char *const requests[] = {LEASELOCK_STATS_REQUEST_MAP(WORD)};
static const char *const answers[] = {LEASELOCK_STATS_ANSWER_MAP(WORD)};
static const char *const batches[] = {LEASELOCK_STATS_BATCH_MAP(WORD)};
static const char *const streams[] = {LEASELOCK_STATS_STREAM_MAP(WORD)};
static const char *const changes[] = {LEASELOCK_STATS_CHANGE_MAP(WORD)};
#define EVENT(name, word, level, fields) word,
static const char *const events[] = {LEASELOCK_LOG_EVENT_MAP(EVENT)};
static const char *const reads[] = {LEASELOCK_STATS_READ_MAP(WORD)};

/** The words of a label; name NULL: there is no such label. */
struct label {
    const char *name;
    const char *const *words;
    size_t n;
};

struct metric {
    enum ll_metric_kind kind;
    /** Of a counter without "_total", of a histogram with its unit. */
    const char *name;
    const char *help;
    size_t offset; /* of its first number in struct leaselock_stats */
    size_t size;   /* of all its numbers */
    struct label labels[2];
};

#define AT(member)                                                             \
    offsetof(struct leaselock_stats, member),                                  \
        sizeof(((struct leaselock_stats *)NULL)->member)
#define LABEL(name, words)                                                     \
    {                                                                          \
        name, words, sizeof(words) / sizeof((words)[0])                        \
    }
#define NONE                                                                   \
    {                                                                          \
        {NULL, NULL, 0},                                                       \
        {                                                                      \
            NULL, NULL, 0                                                      \
        }                                                                      \
    }
#define ONE(name, words)                                                       \
    {                                                                          \
        LABEL(name, words),                                                    \
        {                                                                      \
            NULL, NULL, 0                                                      \
        }                                                                      \
    }
#define TWO(name, words, name_2, words_2)                                      \
    {                                                                          \
        LABEL(name, words), LABEL(name_2, words_2)                             \
    }

static const struct metric metrics[] = {
    {LL_METRIC_GAUGE, "leaselock_sessions", "Sessions whose lease lives.",
     AT(sessions), NONE},
    {LL_METRIC_GAUGE, "leaselock_tickets_waiting",
     "Tickets that wait in a queue.", AT(waiting), NONE},
    {LL_METRIC_GAUGE, "leaselock_requests_in_flight",
     "Requests to etcd that are not answered yet.", AT(in_flight), NONE},
    {LL_METRIC_COUNTER, "leaselock_acquires",
     "Acquires that have ended, by mode and result.", AT(acquires),
     TWO("mode", modes, "result", results)},
    {LL_METRIC_COUNTER, "leaselock_acquires_kept",
     "Acquires that were granted without a request, of a lock that the session "
     "had kept.",
     AT(kept), NONE},
    {LL_METRIC_COUNTER, "leaselock_releases",
     "Holds that were given back, by result.", AT(releases),
     ONE("result", releases)},
    {LL_METRIC_COUNTER, "leaselock_losses", "Holds that were lost, by reason.",
     AT(losses), ONE("reason", losses)},
    {LL_METRIC_COUNTER, "leaselock_renewals_sent",
     "Renewals of leases that were sent.", AT(renewals_sent), NONE},
    {LL_METRIC_COUNTER, "leaselock_renewals_answered",
     "Renewals of leases that were answered.", AT(renewals_answered), NONE},
    {LL_METRIC_COUNTER, "leaselock_renewals_late",
     "Renewals of leases that were not answered in time.", AT(renewals_late),
     NONE},
    {LL_METRIC_COUNTER, "leaselock_requests",
     "Requests to etcd, by kind and what the answer shows.", AT(requests),
     TWO("kind", requests, "answer", answers)},
    {LL_METRIC_COUNTER, "leaselock_batches",
     "Requests that were sent for several tickets or writes together.",
     AT(batches), ONE("kind", batches)},
    {LL_METRIC_COUNTER, "leaselock_batch_parts",
     "Tickets and writes that shared a request with others.", AT(batch_parts),
     ONE("kind", batches)},
    {LL_METRIC_COUNTER, "leaselock_reconnects",
     "Streams that failed, or were given up as silent.", AT(reconnects),
     ONE("stream", streams)},
    {LL_METRIC_COUNTER, "leaselock_endpoint_changes",
     "Changes of the endpoint in use, by reason.", AT(endpoint_changes),
     ONE("reason", changes)},
    {LL_METRIC_COUNTER, "leaselock_watches", "Watches that etcd was asked for.",
     AT(watches), NONE},
    {LL_METRIC_COUNTER, "leaselock_ticket_reads",
     "Reads of tickets' keys, by reason.", AT(reads), ONE("reason", reads)},
    {LL_METRIC_COUNTER, "leaselock_events", "Events of the log, logged or not.",
     AT(events), ONE("event", events)},
    {LL_METRIC_HISTOGRAM, "leaselock_acquire_wait_seconds",
     "From the call of an acquire to its grant.", AT(acquire_wait), NONE},
    {LL_METRIC_HISTOGRAM, "leaselock_hand_over_seconds",
     "From the report that the predecessor is gone to the grant.",
     AT(hand_over), NONE},
    {LL_METRIC_HISTOGRAM, "leaselock_renewal_seconds",
     "From the sending of a renewal to its answer.", AT(renewal), NONE},
    {LL_METRIC_HISTOGRAM, "leaselock_renewal_margin_seconds",
     "What was left until the deadline when a renewal was answered.",
     AT(renewal_margin), NONE},
};

static void put_histogram(struct ll_metrics_text *text,
                          const char *name,
                          const struct leaselock_histogram *histogram)
{
    static const uint64_t bounds_us[] = {LEASELOCK_HISTOGRAM_BOUNDS_US};
    uint64_t count = 0;

    for (size_t i = 0; i < LEASELOCK_HISTOGRAM_BUCKETS; i++) {
        count += histogram->buckets[i];
        ll_metrics_put(text, "%s_bucket{le=\"", name);
        if (i < LEASELOCK_HISTOGRAM_BUCKETS - 1) {
            ll_metrics_put_decimal(text, bounds_us[i], 6);
        } else {
            ll_metrics_put(text, "+Inf");
        }
        ll_metrics_put(text, "\"} %" PRIu64 "\n", count);
    }
    ll_metrics_put(text, "%s_count %" PRIu64 "\n%s_sum ", name, count, name);
    ll_metrics_put_decimal(text, histogram->sum_ns, 9);
    ll_metrics_put(text, "\n");
}

static void put_numbers(struct ll_metrics_text *text,
                        const struct metric *metric,
                        const uint64_t *numbers)
{
    const char *end = metric->kind == LL_METRIC_COUNTER ? "_total" : "";
    const struct label *first = &metric->labels[0];
    const struct label *second = &metric->labels[1];

    if (first->name == NULL) {
        ll_metrics_put(text, "%s%s %" PRIu64 "\n", metric->name, end,
                       numbers[0]);
        return;
    }
    for (size_t i = 0; i < first->n; i++) {
        const uint64_t *row =
            numbers + (second->n > 0 ? i * LEASELOCK_STATS_WORDS_MAX : i);

        for (size_t j = 0; j < (second->n > 0 ? second->n : 1); j++) {
            ll_metrics_put(text, "%s%s{%s=\"%s\"", metric->name, end,
                           first->name, first->words[i]);
            if (second->name != NULL) {
                ll_metrics_put(text, ",%s=\"%s\"", second->name,
                               second->words[j]);
            }
            ll_metrics_put(text, "} %" PRIu64 "\n", row[j]);
        }
    }
}

static void put_metric(struct ll_metrics_text *text,
                       const struct metric *metric,
                       const void *numbers)
{
    ll_metrics_put_head(text, metric->kind, metric->name, metric->help);
    if (metric->kind == LL_METRIC_HISTOGRAM) {
        put_histogram(text, metric->name, numbers);
    } else {
        put_numbers(text, metric, numbers);
    }
}

int leaselock_stats_openmetrics(const struct leaselock_stats *stats,
                                char *ret_text,
                                size_t size)
{
    struct ll_metrics_text text = {ret_text, size, 0};

    if (stats == NULL || stats->struct_size < sizeof(size_t) ||
        (ret_text == NULL && size > 0)) {
        return LEASELOCK_E_ARGUMENT;
    }
    for (size_t i = 0; i < sizeof(metrics) / sizeof(metrics[0]); i++) {
        /* Of an older program, the struct may end before. */
        if (metrics[i].offset + metrics[i].size <= stats->struct_size) {
            put_metric(&text, &metrics[i],
                       (const char *)stats + metrics[i].offset);
        }
    }
    ll_metrics_put(&text, "# EOF\n");
    return (int)text.length;
}
