/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "core/object.h"
#include "world.h"

/**
 * Invariants of the counters: they agree with the reports that the callers got,
 * and with each other. A hold is given back or lost once at most.
 */

static uint64_t sum(const uint64_t *counters, size_t n)
{
    uint64_t all = 0;

    for (size_t i = 0; i < n; i++) {
        all += counters[i];
    }
    return all;
}

static uint64_t sum_of(const struct leaselock_histogram *histogram)
{
    return sum(histogram->buckets, LEASELOCK_HISTOGRAM_BUCKETS);
}

void sim_counters_start(struct sim_client *client)
{
    memset(&client->counted, 0, sizeof(client->counted));
}

void sim_counters_note(struct sim_client *client,
                       const struct ll_effect *effect)
{
    const struct sim_ticket *ticket = sim_ticket_find(client, effect->id);

    switch ((int)effect->kind) {
    case LL_EFFECT_ACQUIRED:
        client->counted.acquires++;
        client->counted.grants += effect->detail.status == 0 ? 1 : 0;
        break;
    case LL_EFFECT_LOST:
        client->counted.losses++;
        break;
    case LL_EFFECT_RELEASED:
        client->counted.releases +=
            ticket != NULL && ticket->is_granted && !ticket->lost_reported ? 1
                                                                           : 0;
        break;
    default:
        break;
    }
}

/** Holds that ended with a report. */
static uint64_t reported_releases(const struct leaselock_stats *stats)
{
    return sum(stats->releases, LEASELOCK_STATS_RELEASES) -
           stats->releases[LEASELOCK_STATS_RELEASE_REJOINED] -
           stats->releases[LEASELOCK_STATS_RELEASE_WRITTEN];
}

void sim_check_counters(struct sim_client *client)
{
    const struct leaselock_stats *stats = &client->core->stats;
    uint64_t releases = sum(stats->releases, LEASELOCK_STATS_RELEASES);
    uint64_t losses = sum(stats->losses, LEASELOCK_STATS_LOSSES);
    uint64_t batches = sum(stats->batches, LEASELOCK_STATS_BATCHES);
    uint64_t parts = sum(stats->batch_parts, LEASELOCK_STATS_BATCHES);
    uint64_t acquires = 0;
    uint64_t grants = 0;

    for (unsigned mode = 0; mode < LEASELOCK_STATS_MODES; mode++) {
        acquires += sum(stats->acquires[mode], LEASELOCK_STATS_RESULTS);
        grants += stats->acquires[mode][LEASELOCK_STATS_RESULT_GRANTED];
    }
    if (acquires != client->counted.acquires ||
        grants != client->counted.grants || losses != client->counted.losses ||
        reported_releases(stats) != client->counted.releases) {
        sim_break(
            client->world, "counted as reported",
            "client %u counts %llu acquires, %llu grants, %llu losses and "
            "%llu releases, and reported %llu, %llu, %llu and %llu",
            client->peer.number, (unsigned long long)acquires,
            (unsigned long long)grants, (unsigned long long)losses,
            (unsigned long long)reported_releases(stats),
            (unsigned long long)client->counted.acquires,
            (unsigned long long)client->counted.grants,
            (unsigned long long)client->counted.losses,
            (unsigned long long)client->counted.releases);
    }
    if (grants < releases + losses || grants < stats->kept ||
        grants != sum_of(&stats->acquire_wait) ||
        sum_of(&stats->hand_over) > grants ||
        stats->renewals_answered > stats->renewals_sent ||
        stats->renewals_late > stats->renewals_sent ||
        stats->renewals_answered != sum_of(&stats->renewal) ||
        parts < 2 * batches) {
        sim_break(client->world, "counters agree",
                  "client %u counts %llu grants, %llu releases, %llu losses, "
                  "%llu of %llu renewals answered, %llu parts in %llu batches",
                  client->peer.number, (unsigned long long)grants,
                  (unsigned long long)releases, (unsigned long long)losses,
                  (unsigned long long)stats->renewals_answered,
                  (unsigned long long)stats->renewals_sent,
                  (unsigned long long)parts, (unsigned long long)batches);
    }
}
