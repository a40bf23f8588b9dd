/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "core/blocker.h"
#include "core/slot.h"
#include "core/ticket.h"
#include "leaselock/status.h"

/**
 * What the reads of a ticket's keys do: its own key, the predecessor's, the
 * queue.
 */

void ll_ticket_on_misfit(struct ll_core *core, struct ll_ticket *ticket)
{
    ll_keep_failure(core, core->endpoints.current, -1,
                    "the answer does not fit the request");
    if (!ticket->acquire_reported) {
        ll_ticket_fail(core, ticket, LEASELOCK_E_SERVER, "");
    }
}

/** Whether a key exists that was created at a revision. */
static bool range_has(const struct ll_range_answer *range, int64_t created)
{
    return range->kvs_n > 0 && range->kvs[0].create_revision == created;
}

/** Whether the own key exists. */
static bool range_has_own(const struct ll_ticket *ticket,
                          const struct ll_range_answer *range)
{
    return range_has(range, ticket->token) &&
           ll_slot_owns(ticket, &range->kvs[0]);
}

/** Settles a watch that the same member created at the revision of the read, so
 *  that no write came in between; a prompt one, by any read that is not older;
 *  or any watch, after the settling time. */
static bool watch_settle(struct ll_core *core,
                         struct ll_watch *watch,
                         const struct ll_answer *answer,
                         bool time_is_over)
{
    if (time_is_over ||
        (watch->prompt && watch->created_revision <= answer->revision) ||
        (watch->created_revision == answer->revision &&
         core->watches.member_id == answer->member_id)) {
        watch->settled = true;
    }
    if (!watch->settled) {
        ll_watch_server_miss(core);
    }
    return watch->settled;
}

static bool permits_settle(struct ll_core *core,
                           struct ll_ticket *ticket,
                           const struct ll_answer *answer,
                           bool time_is_over)
{
    bool settled = true;
    struct ll_watch *watch;

    watch = ll_permits_line_watch(ticket);
    if (watch != NULL) {
        return watch->state != LL_WATCH_ON ||
               watch_settle(core, watch, answer, time_is_over);
    }
    for (unsigned slot = LL_PERMIT_SLOT_KEY;
         (watch = ll_permits_watch(ticket, slot)) != NULL; slot++) {
        settled = (watch->state != LL_WATCH_ON ||
                   watch_settle(core, watch, answer, time_is_over)) &&
                  settled;
    }
    return settled;
}

/** Sets when the keys are read again. */
static void ticket_plan_read(struct ll_core *core,
                             struct ll_ticket *ticket,
                             const struct ll_answer *answer)
{
    struct ll_watch *watches = ticket->watches;
    bool time_is_over = core->now_ns >= ticket->settle_ns;
    bool settled = true;

    if (ll_ticket_is_watched(ticket)) {
        settled =
            watches[LL_WATCH_OWN].state != LL_WATCH_ON ||
            watch_settle(core, &watches[LL_WATCH_OWN], answer, time_is_over);
        if (ll_ticket_is_behind_permits(ticket)) {
            settled =
                permits_settle(core, ticket, answer, time_is_over) && settled;
        } else if (ticket->state == LL_TICKET_WAIT) {
            settled = watch_settle(core, &watches[LL_WATCH_AHEAD], answer,
                                   time_is_over) &&
                      settled;
        }
    }
    if (ll_permits_read_soon(ticket)) {
        ticket->read_ns = core->now_ns + LL_SETTLE_FIRST_NS;
    } else if (settled) {
        ticket->read_ns = ll_ticket_recheck_ns(core);
    } else if (core->batches.reads_contended) {
        /* A read before that would find a deletion sooner, but would delay the
         * reads of the other contending tickets. */
        ticket->read_ns = ll_max(ticket->settle_ns, core->now_ns + 1);
    } else {
        ticket->read_ns = core->now_ns + ticket->settle_step_ms * LL_NS_PER_MS;
        ticket->settle_step_ms = (uint16_t)(2 * ticket->settle_step_ms);
    }
}

/** The revision that a read must not be older than, for a watch. */
static int64_t watch_revision(const struct ll_watch *watch)
{
    return watch->state == LL_WATCH_ON ? watch->created_revision : 0;
}

/** The least revision at which a read counts: that of the own key, and those at
 *  which the watches begin. */
static int64_t ticket_least_revision(const struct ll_ticket *ticket)
{
    int64_t least =
        ll_max(ticket->token, watch_revision(&ticket->watches[LL_WATCH_OWN]));

    if (ll_ticket_is_behind_permits(ticket)) {
        return ll_max(least, ll_max(ticket->gone_revision,
                                    ll_permits_least_revision(ticket)));
    }
    if (ticket->state == LL_TICKET_WAIT) {
        least = ll_max(least, watch_revision(&ticket->watches[LL_WATCH_AHEAD]));
    }
    return least;
}

/** The answer is too old to count: reads through the quorum or, if that was too
 *  old, through the log. */
static void ticket_ask_quorum(struct ll_core *core, struct ll_ticket *ticket)
{
    ticket->by_log = ticket->linearize;
    ticket->linearize = true;
    ll_call_at(core, &ticket->object, core->now_ns);
}

/** A watch of the own key that began at a revision which the store has not
 *  reached again is of no use, on whichever member: it is created again. */
static void
watch_renew(struct ll_core *core, struct ll_ticket *ticket, int64_t revision)
{
    struct ll_watch *watch = &ticket->watches[LL_WATCH_OWN];

    if (watch->state == LL_WATCH_ON && watch->created_revision > revision) {
        ll_watch_drop(core, watch);
        ticket->watch_ns = core->now_ns + LL_WATCH_REFUSED_PAUSE_NS;
    }
}

/** The own key, read through the log. */
void ll_ticket_on_logged(struct ll_core *core,
                         struct ll_ticket *ticket,
                         const struct ll_answer *answer)
{
    const struct ll_range_answer *own = ll_answer_range(answer, 0);
    bool is_old =
        answer->revision <
        ll_max(ticket_least_revision(ticket),
               ticket->state == LL_TICKET_NEXT ? ticket->gone_revision : 0);

    ticket->linearize = false;
    ticket->by_log = false;
    if (is_old) {
        ll_core_log(core, LL_LOG_STORE_WENT_BACK, ll_log_none(),
                    "the store went back to revision %lld: a snapshot was "
                    "restored, or the data directory emptied",
                    (long long)answer->revision);
        ll_queue_notes_drop(core);
        ll_permits_went_back(core, ticket, answer->revision);
    }
    if (answer->txn.succeeded || own == NULL || !range_has_own(ticket, own)) {
        ll_ticket_lose_key(core, ticket);
        return;
    }
    watch_renew(core, ticket, answer->revision);
    if (is_old) {
        ll_yield_restart(core, ticket, &own->kvs[0]);
    }
    if (ticket->state == LL_TICKET_HELD) {
        ticket_plan_read(core, ticket, answer);
    } else if (is_old) {
        ticket->ahead = -1;
        ticket->one_left = false;
        if (ticket->state == LL_TICKET_DELAYED) { /* until the time is over */
            ticket->gone_revision = answer->revision;
            ticket_plan_read(core, ticket, answer);
        } else {
            ll_ticket_advance(core, ticket, answer->revision, false);
        }
    } else {
        ll_call_at(core, &ticket->object, core->now_ns);
    }
}

void ll_ticket_on_read(struct ll_core *core,
                       struct ll_ticket *ticket,
                       const struct ll_answer *answer)
{
    const struct ll_range_answer *own = ll_answer_range(answer, 0);
    const struct ll_range_answer *ahead = ll_answer_range(answer, 1);
    bool waits = ticket->state == LL_TICKET_WAIT;

    if (own == NULL || (waits && ahead == NULL)) {
        ll_ticket_on_misfit(core, ticket);
        return;
    }
    if (answer->revision < ticket_least_revision(ticket) &&
        (ticket->state != LL_TICKET_REAP || !ticket->linearize)) {
        /* A member that lags behind that of the watches: uses the quorum. */
        ticket_ask_quorum(core, ticket);
        return;
    }
    ticket->linearize = false;
    if (waits && ticket->asks) {
        const struct ll_range_answer *holder =
            ll_ticket_reads_holder(ticket) ? ll_answer_range(answer, 2) : ahead;

        ticket->asks = false;
        if (holder != NULL && holder->kvs_n > 0) {
            ll_ticket_see_holder(ticket, &holder->kvs[0]);
        }
    }
    if (ticket->state == LL_TICKET_REAP) {
        if (own->kvs_n > 0 && ll_slot_owns(ticket, &own->kvs[0])) {
            ticket->token = own->kvs[0].create_revision;
            ll_call_at(core, &ticket->object, core->now_ns);
            return;
        }
    } else if (!range_has_own(ticket, own)) {
        ll_ticket_lose_key(core, ticket);
        return;
    } else {
        ll_yield_see(core, ticket, &own->kvs[0]);
    }
    if (waits && ll_ticket_is_behind_permits(ticket)) {
        ll_permits_see(core, ticket, ahead, -1, answer->revision);
        if (ticket->state != LL_TICKET_WAIT || !ll_ticket_is_watched(ticket)) {
            return;
        }
    } else if (waits && ll_delay_is(ticket)) {
        if (!range_has(ahead, ticket->ahead_token)) {
            ll_delay_on_missing(core, ticket, answer->revision);
            return;
        }
        ll_delay_on_seen(ticket, answer->revision);
    } else if (waits && !range_has(ahead, ticket->ahead_token)) {
        /* The own key existed when the predecessor's did not. */
        ll_ticket_advance(core, ticket, answer->revision, true);
        return;
    }
    ticket_plan_read(core, ticket, answer);
}

/** The keys ahead, from the read that build_next made. False: the answer does
 *  not fit. *ret_own: the own key was there. */
static bool next_find(const struct ll_ticket *ticket,
                      const struct ll_answer *answer,
                      bool *ret_own,
                      struct ll_ahead *ret_ahead)
{
    const struct ll_range_answer *range;

    *ret_ahead = (struct ll_ahead){.revision = answer->revision};
    if (answer->kind == LL_REQUEST_RANGE) {
        range = &answer->range;
        *ret_own = range_has_own(ticket, range) &&
                   ll_bytes_equal(range->kvs[0].key, ll_ticket_key(ticket));
        if (range->kvs_n > 1) {
            ret_ahead->newest = &range->kvs[1];
            ret_ahead->count = (int64_t)range->kvs_n - 1;
        }
        return ticket->is_first || ll_ticket_is_exclusive(ticket);
    }
    range = ll_answer_range(answer, 0);
    *ret_own = range != NULL && range_has_own(ticket, range);
    if (range == NULL || ticket->is_first || ll_ticket_is_exclusive(ticket)) {
        return false;
    }
    if (ll_ticket_is_behind_permits(ticket)) {
        ret_ahead->permits = ll_answer_range(answer, 1);
        ret_ahead->permits_count = -1;
        return ret_ahead->permits != NULL;
    }
    if (!ll_place_ahead(ticket, answer, 1, ret_ahead)) {
        return false;
    }
    ret_ahead->count = ret_ahead->read; /* etcd counts keys behind, too */
    ret_ahead->permits_count = -1;
    return true;
}

/** How many keys are ahead, from what has been read of them and what was known
 *  before one of them went. */
static int64_t next_count(const struct ll_ticket *ticket,
                          const struct ll_ahead *next)
{
    int64_t read = next->count +
                   (next->permits != NULL ? (int64_t)next->permits->kvs_n : 0);

    if (next->permits == NULL && next->count == 1) {
        return 1;
    }
    return ticket->ahead == -1 ? -1 : ll_max(read, ticket->ahead - 1);
}

/** The answer to the read of a survey's leader. */
static void next_on_survey(struct ll_core *core,
                           struct ll_ticket *ticket,
                           const struct ll_answer *answer)
{
    if (answer->revision >= ticket->gone_revision) {
        ll_survey_on_read(core, ticket, answer);
        return;
    }
    if (ticket->linearize) {
        ll_survey_leave(core, ticket); /* the log shows the own key alone */
    }
    ticket_ask_quorum(core, ticket);
}

void ll_ticket_on_next_read(struct ll_core *core,
                            struct ll_ticket *ticket,
                            const struct ll_answer *answer)
{
    struct ll_ahead next;
    int64_t least =
        ll_ticket_is_behind_permits(ticket) ? ticket_least_revision(ticket) : 0;
    bool own;

    if (ticket->surveyed) {
        next_on_survey(core, ticket, answer);
    } else if (!next_find(ticket, answer, &own, &next)) {
        ll_ticket_on_misfit(core, ticket);
    } else if (answer->revision < ll_max(ticket->gone_revision, least)) {
        ticket_ask_quorum(core, ticket);
    } else if (!own) {
        ll_ticket_lose_key(core, ticket);
    } else if (ticket->is_first) {
        ll_ticket_grant(core, ticket);
    } else {
        ll_ticket_take_ahead(core, ticket, &next, next_count(ticket, &next));
        if (ticket->state == LL_TICKET_WAIT &&
            ll_ticket_is_behind_permits(ticket) &&
            ll_ticket_is_watched(ticket)) {
            ticket_plan_read(core, ticket, answer);
        }
    }
}
