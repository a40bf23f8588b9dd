/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The exporter's page: a table of the metrics of a lock, and those of the
 * exporter and its client.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/metrics_text.h"
#include "cli/exporter.h"
#include "leaselock/stats.h"

/** A number of units of 10 to the power of -digits. */
struct number {
    uint64_t units;
    int digits;
};

#define DIGITS_MS 3

typedef int read_fn(const struct leaselock_watched_lock *lock,
                    const struct ll_exporter_facts *facts,
                    struct number *ret_number);

static int read_queue_length(const struct leaselock_watched_lock *lock,
                             const struct ll_exporter_facts *facts,
                             struct number *ret_number)
{
    (void)facts;
    ret_number->units = lock->places_n;
    return 1;
}

static int read_holders(const struct leaselock_watched_lock *lock,
                        const struct ll_exporter_facts *facts,
                        struct number *ret_number)
{
    (void)facts;
    ret_number->units = lock->holders_n;
    return 1;
}

static int set_ms(int64_t ms, struct number *ret_number)
{
    ret_number->units = ms > 0 ? (uint64_t)ms : 0;
    ret_number->digits = DIGITS_MS;
    return ms >= 0;
}

static int read_held(const struct leaselock_watched_lock *lock,
                     const struct ll_exporter_facts *facts,
                     struct number *ret_number)
{
    (void)facts;
    return set_ms(lock->held_ms, ret_number);
}

/** The time since a request, by the wall clock; 0 if it is in the future. Any
 *  client can write any number into its key: one below 1 is no time. */
static int set_since(int64_t since_unix_s, struct number *ret_number)
{
    int64_t age_s;

    if (since_unix_s <= 0) {
        return 0;
    }
    age_s = (int64_t)time(NULL) - since_unix_s;
    ret_number->units = age_s > 0 ? (uint64_t)age_s : 0;
    return 1;
}

static int read_holder_age(const struct leaselock_watched_lock *lock,
                           const struct ll_exporter_facts *facts,
                           struct number *ret_number)
{
    (void)facts;
    return lock->token != 0 && set_since(lock->holder_since_unix_s, ret_number);
}

static int read_waiter_age(const struct leaselock_watched_lock *lock,
                           const struct ll_exporter_facts *facts,
                           struct number *ret_number)
{
    (void)facts;
    if (lock->waiting_ms < 0) {
        return 0;
    }
    return lock->waiter_since_unix_s > 0
               ? set_since(lock->waiter_since_unix_s, ret_number)
               : set_ms(lock->waiting_ms, ret_number);
}

/** What is known of the lease of the oldest holder. An answer that is older than
 *  the whole time to live says nothing: one renewal at least has come since, or
 *  the lease has expired. */
static const struct leaselock_lease_info *
lease_of(const struct leaselock_watched_lock *lock,
         const struct ll_exporter_facts *facts,
         int64_t *ret_age_ms)
{
    const struct leaselock_lease_info *lease = NULL;

    if (lock->lease != 0) {
        lease = ll_exporter_lease_find(facts->leases, lock->lease, ret_age_ms);
    }
    return lease != NULL && *ret_age_ms < lease->granted_s * 1000 ? lease
                                                                  : NULL;
}

static int read_lease_left(const struct leaselock_watched_lock *lock,
                           const struct ll_exporter_facts *facts,
                           struct number *ret_number)
{
    int64_t age_ms = 0;
    const struct leaselock_lease_info *lease = lease_of(lock, facts, &age_ms);

    if (lease == NULL) {
        return 0;
    }
    (void)set_ms(lease->ttl_s * 1000 - age_ms, ret_number);
    return 1;
}

static int read_lease_ttl(const struct leaselock_watched_lock *lock,
                          const struct ll_exporter_facts *facts,
                          struct number *ret_number)
{
    int64_t age_ms = 0;
    const struct leaselock_lease_info *lease = lease_of(lock, facts, &age_ms);

    if (lease == NULL) {
        return 0;
    }
    ret_number->units = (uint64_t)lease->granted_s;
    return 1;
}

static int read_changes(const struct leaselock_watched_lock *lock,
                        const struct ll_exporter_facts *facts,
                        struct number *ret_number)
{
    (void)facts;
    ret_number->units = lock->holder_changes;
    return 1;
}

/** The metrics with the label "lock". */
static const struct {
    enum ll_metric_kind kind;
    const char *name;
    const char *help;
    read_fn *read; /* returns 0: the lock has none */
} lock_metrics[] = {
    {LL_METRIC_GAUGE, "leaselock_lock_queue_length",
     "Keys in the queue of the lock, those of its holders among them.",
     read_queue_length},
    {LL_METRIC_GAUGE, "leaselock_lock_holders",
     "Tickets that hold the lock, as the keys of its queue show.",
     read_holders},
    {LL_METRIC_GAUGE, "leaselock_lock_held_seconds",
     "How long the oldest holder has held the lock, since the exporter saw it "
     "get it; if it held it before the exporter read the keys, since then.",
     read_held},
    {LL_METRIC_GAUGE, "leaselock_lock_holder_age_seconds",
     "Time since the oldest holder requested the lock, by the time in its key, "
     "which is of its own clock.",
     read_holder_age},
    {LL_METRIC_GAUGE, "leaselock_lock_oldest_waiter_age_seconds",
     "Time since the oldest waiter requested the lock, by the time in its key, "
     "which is of its own clock; without one, since the exporter saw its key.",
     read_waiter_age},
    {LL_METRIC_GAUGE, "leaselock_lock_lease_left_seconds",
     "The least time that the lease of the oldest holder has left: what etcd "
     "answered last, less the time since.",
     read_lease_left},
    {LL_METRIC_GAUGE, "leaselock_lock_lease_ttl_seconds",
     "What each renewal gives the lease of the oldest holder.", read_lease_ttl},
    {LL_METRIC_COUNTER, "leaselock_lock_holder_changes",
     "Times that another ticket became the oldest holder, as the exporter saw "
     "it.",
     read_changes},
};

#define LOCK_METRICS_N (sizeof(lock_metrics) / sizeof(lock_metrics[0]))

static void put_number(struct ll_metrics_text *text, struct number number)
{
    if (number.digits > 0) {
        ll_metrics_put_decimal(text, number.units, number.digits);
    } else {
        ll_metrics_put(text, "%" PRIu64, number.units);
    }
}

static void put_lock_metrics(struct ll_metrics_text *text,
                             const struct ll_exporter_facts *facts)
{
    for (size_t i = 0; i < LOCK_METRICS_N; i++) {
        ll_metrics_put_head(text, lock_metrics[i].kind, lock_metrics[i].name,
                            lock_metrics[i].help);
        for (size_t j = 0; j < facts->info->locks_n; j++) {
            const struct leaselock_watched_lock *lock = &facts->info->locks[j];
            struct number number = {0, 0};

            if (!lock_metrics[i].read(lock, facts, &number)) {
                continue;
            }
            ll_metrics_put(text, "%s%s{", lock_metrics[i].name,
                           lock_metrics[i].kind == LL_METRIC_COUNTER ? "_total"
                                                                     : "");
            ll_metrics_put_label(text, "lock", lock->name);
            ll_metrics_put(text, "} ");
            put_number(text, number);
            ll_metrics_put(text, "\n");
        }
    }
}

/** What kind of ticket the oldest one of a lock is, or was. */
static const char *mode_of(const struct leaselock_watched_lock *lock)
{
    if (lock->candidate) {
        return "candidate";
    }
    return lock->mode == LEASELOCK_SHARED   ? "shared"
           : lock->mode == LEASELOCK_PERMIT ? "permit"
                                            : "exclusive";
}

static void put_modes(struct ll_metrics_text *text,
                      const struct ll_exporter_facts *facts)
{
    ll_metrics_put_head(text, LL_METRIC_GAUGE, "leaselock_lock_mode",
                        "1 for what the oldest ticket of the lock is, or was "
                        "last: exclusive, shared, permit or candidate.");
    for (size_t i = 0; i < facts->info->locks_n; i++) {
        ll_metrics_put(text, "leaselock_lock_mode{");
        ll_metrics_put_label(text, "lock", facts->info->locks[i].name);
        ll_metrics_put(text, ",mode=\"%s\"} 1\n",
                       mode_of(&facts->info->locks[i]));
    }
}

static void put_one(struct ll_metrics_text *text,
                    enum ll_metric_kind kind,
                    const char *name,
                    const char *help,
                    struct number number)
{
    ll_metrics_put_head(text, kind, name, help);
    ll_metrics_put(text, "%s%s ", name,
                   kind == LL_METRIC_COUNTER ? "_total" : "");
    put_number(text, number);
    ll_metrics_put(text, "\n");
}

static void put_lease_reads(struct ll_metrics_text *text,
                            const struct ll_exporter_leases *leases)
{
    ll_metrics_put_head(text, LL_METRIC_COUNTER,
                        "leaselock_exporter_lease_reads",
                        "Requests for the time that a lease has left, by "
                        "result.");
    ll_metrics_put(text,
                   "leaselock_exporter_lease_reads_total{result=\"ok\"} "
                   "%" PRIu64 "\n"
                   "leaselock_exporter_lease_reads_total{result=\"failed\"} "
                   "%" PRIu64 "\n",
                   leases->answered, leases->failed);
}

static void put_exporter(struct ll_metrics_text *text,
                         const struct ll_exporter_facts *facts)
{
    const struct leaselock_locks_watch_info *info = facts->info;
    int64_t contact_ms =
        info->contact_ms >= 0 ? info->contact_ms : facts->age_ms;
    struct number number = {
        info->state == LEASELOCK_LOCKS_WATCH_CURRENT ? 1 : 0, 0};

    put_one(text, LL_METRIC_GAUGE, "leaselock_exporter_up",
            "1 while the exporter follows the changes of the locks and etcd "
            "answers, with a leader; else 0.",
            number);
    (void)set_ms(contact_ms, &number);
    put_one(text, LL_METRIC_GAUGE,
            "leaselock_exporter_last_contact_age_seconds",
            "Time since etcd answered or reported a change; before the first "
            "time, since the start of the exporter.",
            number);
    put_one(text, LL_METRIC_GAUGE, "leaselock_exporter_locks",
            "Locks that the exporter has seen, free ones of the last ten "
            "minutes among them.",
            (struct number){info->total, 0});
    put_one(text, LL_METRIC_GAUGE, "leaselock_exporter_locks_left_out",
            "Locks of these that have no series, by the option --series-max.",
            (struct number){info->total - info->locks_n, 0});
    put_one(text, LL_METRIC_GAUGE, "leaselock_exporter_keys",
            "Keys below the prefix, those of no queue among them.",
            (struct number){info->keys_n, 0});
    put_one(text, LL_METRIC_COUNTER, "leaselock_exporter_loads",
            "Times that the exporter read all keys.",
            (struct number){info->loads, 0});
    put_one(text, LL_METRIC_COUNTER, "leaselock_exporter_changes",
            "Changes of keys that etcd reported.",
            (struct number){info->changes, 0});
    put_one(text, LL_METRIC_COUNTER, "leaselock_exporter_scrapes",
            "Pages of metrics that the exporter has served.",
            (struct number){facts->scrapes, 0});
    put_lease_reads(text, facts->leases);
    ll_metrics_put_head(text, LL_METRIC_GAUGE, "leaselock_exporter_build_info",
                        "1, with the version of the exporter.");
    ll_metrics_put(text, "leaselock_exporter_build_info{version=\"%s\"} 1\n",
                   LEASELOCK_VERSION);
}

static void put_page(struct ll_metrics_text *text,
                     const struct ll_exporter_facts *facts)
{
    int length;

    put_exporter(text, facts);
    put_lock_metrics(text, facts);
    put_modes(text, facts);
    /* Of the exporter's own client; it ends with the line "# EOF". */
    length = leaselock_stats_openmetrics(facts->stats, text->at, text->room);
    if (length > 0) {
        text->length += (size_t)length;
    }
}

/** Writes a text twice: to measure it, and into memory of that size. */
static char *page_new(const struct ll_exporter_facts *facts, size_t *ret_size)
{
    struct ll_metrics_text text = {NULL, 0, 0};
    char *page;

    put_page(&text, facts);
    /* Ages and what is left grow by a digit at times. */
    text.room = text.length + text.length / 8 + 1;
    text.length = 0;
    page = malloc(text.room);
    if (page == NULL) {
        return NULL;
    }
    text.at = page;
    put_page(&text, facts);
    *ret_size = strlen(page);
    return page;
}

char *ll_exporter_page(const struct ll_exporter_facts *facts,
                       enum ll_exporter_format format,
                       size_t *ret_size)
{
    struct ll_metrics_text text = {NULL, 0, 0};
    char *page = page_new(facts, ret_size);
    char *plain;

    if (page == NULL || format == LL_EXPORTER_OPENMETRICS) {
        return page;
    }
    ll_metrics_to_plain(page, &text);
    plain = malloc(text.length + 1);
    if (plain != NULL) {
        *ret_size = text.length;
        text = (struct ll_metrics_text){plain, text.length + 1, 0};
        ll_metrics_to_plain(page, &text);
    }
    free(page);
    return plain;
}

/** The weight that an Accept header gives to a type, in thousandths; -1: it
 *  does not name it. */
static int weight_of(const char *accept, const char *type)
{
    const char *at = accept != NULL ? strstr(accept, type) : NULL;
    const char *end;
    const char *q;

    if (at == NULL) {
        return -1;
    }
    end = at + strcspn(at, ",");
    q = strstr(at, "q=");
    return q != NULL && q < end ? (int)(strtod(q + 2, NULL) * 1000) : 1000;
}

enum ll_exporter_format ll_exporter_format_of(const char *accept)
{
    int openmetrics = weight_of(accept, "application/openmetrics-text");
    int plain = weight_of(accept, "text/plain");

    return openmetrics > 0 && openmetrics >= plain ? LL_EXPORTER_OPENMETRICS
                                                   : LL_EXPORTER_PLAIN;
}
