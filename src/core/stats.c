/* SPDX-License-Identifier: Apache-2.0 */
#include "core/stats.h"

#include <assert.h>

#include "base/clock.h"
#include "core/object.h"
#include "core/ticket.h"
#include "leaselock/status.h"

#define BOUNDS_N (LEASELOCK_HISTOGRAM_BUCKETS - 1)

static const int64_t bounds_us[] = {LEASELOCK_HISTOGRAM_BOUNDS_US};

_Static_assert(sizeof(bounds_us) / sizeof(bounds_us[0]) == BOUNDS_N,
               "the last bucket has no bound");
_Static_assert((int)LEASELOCK_STATS_MODE_SHARED == (int)LL_MODE_SHARED &&
                   (int)LEASELOCK_STATS_MODE_PERMIT == (int)LL_MODE_PERMIT,
               "a ticket's mode is an index");
_Static_assert((int)LEASELOCK_STATS_REQUESTS == (int)LL_REQUEST_MEMBER_LIST + 1,
               "a request's kind is an index");
_Static_assert((int)LEASELOCK_STATS_ANSWERS == (int)LL_OUTCOME_ERROR + 1 &&
                   (int)LEASELOCK_STATS_ANSWER_UNKNOWN == (int)LL_OUTCOME_LOST,
               "an outcome is an index");

void ll_histogram_add(struct leaselock_histogram *histogram, int64_t ns)
{
    unsigned first = 0;
    unsigned n = BOUNDS_N;

    ns = ll_max(ns, 0);
    while (n > 0) { /* the first bound that is not below it */
        unsigned half = n / 2;

        if (bounds_us[first + half] * LL_NS_PER_US < ns) {
            first += half + 1;
            n -= half + 1;
        } else {
            n = half;
        }
    }
    histogram->buckets[first]++;
    histogram->sum_ns += (uint64_t)ns;
}

static enum leaselock_stats_result result_of(int status, bool try_only)
{
    switch (status) {
    case 0:
        return LEASELOCK_STATS_RESULT_GRANTED;
    case LEASELOCK_E_TIMEOUT:
        return try_only ? LEASELOCK_STATS_RESULT_BUSY
                        : LEASELOCK_STATS_RESULT_TIMEOUT;
    case LEASELOCK_E_CANCELED:
        return LEASELOCK_STATS_RESULT_CANCELED;
    case LEASELOCK_E_CLOSED:
        return LEASELOCK_STATS_RESULT_CLOSED;
    case LEASELOCK_E_LOST:
        return LEASELOCK_STATS_RESULT_LOST;
    case LEASELOCK_E_DEADLOCK:
        return LEASELOCK_STATS_RESULT_DEADLOCK;
    case LEASELOCK_E_UNAVAILABLE:
        return LEASELOCK_STATS_RESULT_UNAVAILABLE;
    case LEASELOCK_E_REFUSED:
        return LEASELOCK_STATS_RESULT_REFUSED;
    default:
        return LEASELOCK_STATS_RESULT_FAILED;
    }
}

void ll_stats_acquired(struct ll_core *core,
                       const struct ll_report *report,
                       enum leaselock_stats_mode mode,
                       bool try_only)
{
    enum leaselock_stats_result result =
        result_of(report->acquire_status, try_only);

    core->stats.acquires[mode][result]++;
    if (result == LEASELOCK_STATS_RESULT_GRANTED) {
        ll_histogram_add(&core->stats.acquire_wait,
                         core->now_ns - report->begun_ns);
    }
}

void ll_stats_lost(struct ll_core *core, struct ll_report *report)
{
    report->was_lost = true;
    core->stats.losses[report->loss]++;
}

void ll_stats_released(struct ll_core *core, const struct ll_report *report)
{
    uint64_t *releases = core->stats.releases;

    if (report->acquire_status != 0 || report->was_lost) {
        return; /* it was not granted, or its end is counted */
    }
    switch (report->release_status) {
    case 0:
        releases[LEASELOCK_STATS_RELEASE_RELEASED]++;
        break;
    case LEASELOCK_E_LOST:
        releases[LEASELOCK_STATS_RELEASE_LOST]++;
        break;
    case LEASELOCK_E_OUTCOME_UNKNOWN:
        releases[LEASELOCK_STATS_RELEASE_UNKNOWN]++;
        break;
    default:
        releases[LEASELOCK_STATS_RELEASE_FAILED]++;
        break;
    }
}

void ll_stats_on_state(struct ll_core *core,
                       struct ll_ticket *ticket,
                       int state)
{
    bool waits = ticket->state == LL_TICKET_WAIT;

    if (state == (int)LL_TICKET_NEXT && ticket->state != LL_TICKET_NEXT) {
        ticket->gone_ns = waits ? core->now_ns : 0;
    }
    if (state != (int)LL_TICKET_HELD || ticket->multi != NULL) {
        return;
    }
    if (waits) {
        ll_histogram_add(&core->stats.hand_over, 0);
    } else if (ticket->state == LL_TICKET_NEXT && ticket->gone_ns != 0) {
        ll_histogram_add(&core->stats.hand_over,
                         core->now_ns - ticket->gone_ns);
    }
}

/** Whether a ticket has a watch that may miss events. */
static bool has_gap(const struct ll_core *core, const struct ll_ticket *ticket)
{
    const struct ll_watch *own = &ticket->watches[LL_WATCH_OWN];
    const struct ll_watch *ahead = &ticket->watches[LL_WATCH_AHEAD];

    return (own->state == LL_WATCH_ON && !own->settled) ||
           (ticket->state == LL_TICKET_WAIT && ahead->state == LL_WATCH_ON &&
            !ahead->settled) ||
           (ticket->past_exclusive && core->now_ns <= ticket->settle_ns);
}

void ll_stats_read(struct ll_core *core, const struct ll_ticket *ticket)
{
    enum leaselock_stats_read why =
        ticket->state == LL_TICKET_NEXT ? LEASELOCK_STATS_READ_NEXT
        : has_gap(core, ticket)         ? LEASELOCK_STATS_READ_GAP
                                        : LEASELOCK_STATS_READ_RECHECK;

    core->stats.reads[why]++;
}

void ll_stats_answered(struct ll_core *core, const struct ll_answer *answer)
{
    core->stats.requests[answer->kind][answer->outcome]++;
}

const char *ll_loss_text(const struct ll_core *core,
                         enum leaselock_stats_loss loss)
{
    switch (loss) {
    case LEASELOCK_STATS_LOSS_KEY:
        return "the ticket's key was deleted by others";
    case LEASELOCK_STATS_LOSS_DEADLINE:
        return "no renewal of the lease was answered before its deadline";
    case LEASELOCK_STATS_LOSS_REFUSED:
        return "etcd refuses to renew the lease";
    case LEASELOCK_STATS_LOSS_LEASE:
        return "etcd does not know the lease any more";
    case LEASELOCK_STATS_LOSS_CLUSTER:
    case LEASELOCK_STATS_LOSSES:
        break;
    }
    assert(loss == LEASELOCK_STATS_LOSS_CLUSTER);
    return core->cluster.text;
}

void ll_core_stats(const struct ll_core *core,
                   struct leaselock_stats *ret_stats)
{
    *ret_stats = core->stats;
    ret_stats->sessions = core->sessions.alive_n;
    ret_stats->waiting = core->tickets.waiting_n;
    ret_stats->in_flight = core->calls.in_flight;
}
