/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>

#include "base/clock.h"
#include "core/delay.h"
#include "core/keep.h"
#include "core/pace.h"
#include "core/slot.h"
#include "core/ticket.h"
#include "core/try_ask.h"
#include "leaselock/status.h"

/**
 * What a ticket does with its watches and the reads that back them.
 */

bool ll_ticket_is_watched(const struct ll_ticket *ticket)
{
    const struct ll_watch *own = &ticket->watches[LL_WATCH_OWN];
    const struct ll_watch *ahead = &ticket->watches[LL_WATCH_AHEAD];

    if (ticket->state != LL_TICKET_WAIT) {
        return own->state == LL_WATCH_ON;
    }
    return (ll_ticket_is_behind_permits(ticket)
                ? ll_permits_are_watched(ticket)
                : ahead->state == LL_WATCH_ON) &&
           (own->state == LL_WATCH_ON || own->state == LL_WATCH_OFF);
}

struct ll_bytes ll_ticket_watched_key(const struct ll_ticket *ticket,
                                      unsigned slot)
{
    if (slot == LL_WATCH_OWN) {
        return ll_ticket_key(ticket);
    }
    if (slot != LL_WATCH_AHEAD) {
        return ll_permits_key(ticket, slot);
    }
    return (struct ll_bytes){ticket->ahead_key, ticket->ahead_key_size};
}

/** How many hand-overs are left until the ticket is held, within bounds; n
 *  permits are handed over at a time. */
static int64_t steps_ahead(const struct ll_ticket *ticket)
{
    int64_t steps = ll_ticket_is_behind_permits(ticket)
                        ? ticket->ahead / ticket->permits_max
                    : ticket->one_left ? 1
                                       : ticket->ahead;

    return ll_min(ll_max(steps, 1), LL_SETTLE_STEPS_MAX);
}

/** How long a hand-over takes, as far as it is known or follows from what is: a
 *  release is a write, as those that were answered. 0: nothing is known. */
static int64_t hand_over_ns(const struct ll_core *core,
                            const struct ll_ticket *ticket)
{
    int64_t known_ns = ll_pace_of(core, ticket->object.queue_hash);

    return known_ns > 0        ? known_ns
           : core->batches.far ? core->batches.shortest_ns
                               : 0;
}

/** How long after the creation of the watches the gap before them is read. */
static int64_t gap_read_delay_ns(const struct ll_core *core,
                                 const struct ll_ticket *ticket)
{
    int64_t steps = steps_ahead(ticket);
    int64_t step_ns = hand_over_ns(core, ticket);

    if (ll_permits_settle_once(ticket)) {
        return LL_SETTLE_NS;
    }
    if (step_ns > 0 && steps > 1) {
        return ll_min(step_ns, 2 * LL_SETTLE_GAP_MAX_NS / (2 * steps + 1)) *
               (2 * steps + 1) / 2;
    }
    return ll_min(LL_SETTLE_FIRST_NS * (steps - 1), LL_SETTLE_FIRST_MAX_NS);
}

/** Between the first two of the reads that follow until it is settled. */
static uint16_t settle_step_ms(const struct ll_core *core,
                               const struct ll_ticket *ticket)
{
    int64_t step_ns = ll_max(ll_min(hand_over_ns(core, ticket), LL_SETTLE_NS),
                             LL_SETTLE_FIRST_NS);

    return (uint16_t)(step_ns / LL_NS_PER_MS * (2 * steps_ahead(ticket) - 1));
}

void ll_ticket_on_watched(struct ll_core *core, struct ll_ticket *ticket)
{
    switch (ticket->state) {
    case LL_TICKET_WAIT:
    case LL_TICKET_DELAYED:
    case LL_TICKET_HELD:
    case LL_TICKET_REAP:
        if (ll_ticket_is_watched(ticket)) {
            ticket->settle_ns = core->now_ns + LL_SETTLE_NS;
            ticket->settle_step_ms = settle_step_ms(core, ticket);
            ticket->linearize = false;
            ticket->read_ns = LL_NEVER;
            ticket->object.failures = 0;
            ll_call_at(core, &ticket->object,
                       core->now_ns + gap_read_delay_ns(core, ticket));
            ll_ticket_update(core, ticket);
        }
        break;
    case LL_TICKET_NEXT: /* the read in flight comes first */
        ticket->settle_ns = core->now_ns + LL_SETTLE_NS;
        break;
    case LL_TICKET_ENQUEUE:
    case LL_TICKET_LOST:
    case LL_TICKET_LEAVE:
    case LL_TICKET_GONE:
        break;
    }
}

static void ticket_on_created(struct ll_core *core, struct ll_watch *watch)
{
    struct ll_ticket *ticket = ll_ticket_of(watch->owner);

    if (watch->slot == LL_WATCH_AHEAD && ll_delay_is_ahead_of(ticket, watch)) {
        ll_watch_drop(core, watch); /* and it is wanted again */
        return;
    }
    if (ticket->state == LL_TICKET_HELD) {
        ll_permits_hold(core, ticket);
    }
    ll_ticket_on_watched(core, ticket);
}

/** The watch of the own key is ON, and its first deletions may come late. */
static void settle_held(struct ll_core *core, struct ll_ticket *ticket)
{
    if (ticket->watch_own_ms > 0) {
        ticket->read_ns = ticket->settle_ns; /* one read, when it is certain */
        return;
    }
    ticket->settle_step_ms = (uint16_t)(LL_SETTLE_FIRST_NS / LL_NS_PER_MS);
    ticket->read_ns =
        ll_min(ticket->settle_ns, core->now_ns + LL_SETTLE_FIRST_NS);
}

void ll_ticket_watch_held(struct ll_core *core, struct ll_ticket *ticket)
{
    struct ll_watch *own = &ticket->watches[LL_WATCH_OWN];

    if (own->state == LL_WATCH_OFF && ll_keep_guards(ticket)) {
        ticket->watch_ns = LL_NEVER;
    } else if (own->state == LL_WATCH_OFF) {
        ll_ticket_watch_own_at(
            core, ticket,
            ticket->yield != NULL ? 0 : ticket->watch_own_ms * LL_NS_PER_MS);
    } else if (own->state == LL_WATCH_ON && own->settled) {
        ticket->read_ns = ll_ticket_recheck_ns(core);
    } else if (own->state == LL_WATCH_ON) {
        settle_held(core, ticket);
    }
}

/** Events of one stream come in the order of their revisions as long as both
 *  watches are synced; those of one revision in any order, as when a lease is
 *  revoked that both keys live on. A proxy forwards each watch's events by
 *  itself, in no common order. */
bool ll_ticket_own_stands(const struct ll_core *core,
                          const struct ll_ticket *ticket,
                          int64_t lease)
{
    const struct ll_watch *own = &ticket->watches[LL_WATCH_OWN];

    return !core->watches.numbered && own->state == LL_WATCH_ON &&
           own->settled && lease != ticket->session->lease;
}

static void ticket_on_event(struct ll_core *core,
                            struct ll_ticket *ticket,
                            const struct ll_watch *watch,
                            const struct ll_watch_event *event)
{
    int64_t revision = event->kv.mod_revision;

    if (ticket->state == LL_TICKET_REAP) {
        if (!event->deleted && ticket->token == 0 &&
            ll_slot_owns(ticket, &event->kv)) {
            ticket->token = event->kv.create_revision;
            ll_call_at(core, &ticket->object, core->now_ns);
            ll_ticket_update(core, ticket);
        }
        return;
    }
    if (ticket->state == LL_TICKET_ENQUEUE) {
        ll_try_on_event(core, ticket, event);
        return;
    }
    /* A key's name may be used again, by Go's clients for example: a deletion
     * that is older than the expected key is another key's. */
    if (!event->deleted) {
        if (watch->slot == LL_WATCH_OWN) {
            ll_yield_see(core, ticket, &event->kv);
        }
        return;
    }
    if (watch->slot == LL_WATCH_OWN && revision > ticket->token) {
        ll_ticket_lose_key(core, ticket);
    } else if (watch->slot == LL_WATCH_AHEAD &&
               ticket->state == LL_TICKET_WAIT &&
               revision > ticket->ahead_token) {
        if (!ll_delay_is_release(ticket, event)) {
            ticket->gone_revision = revision;
            ll_ticket_delay(core, ticket);
            return;
        }
        ll_pace_note(core, ticket->object.queue_hash, ticket->ahead,
                     core->now_ns - (ticket->settle_ns - LL_SETTLE_NS));
        ll_ticket_advance(
            core, ticket, revision,
            ll_ticket_own_stands(core, ticket, ticket->ahead_lease));
    }
}

static void ticket_on_changed(struct ll_core *core,
                              struct ll_watch *watch,
                              const struct ll_event *event)
{
    int64_t id = watch->id;

    if (watch->slot >= LL_PERMIT_SLOT_KEY) {
        ll_permits_on_changed(core, ll_ticket_of(watch->owner), watch,
                              event->watch.events, event->watch.events_n);
        return;
    }
    for (size_t i = 0; i < event->watch.events_n; i++) {
        if (watch->id != id || watch->state != LL_WATCH_ON) {
            return; /* the first event ended the need for it */
        }
        ticket_on_event(core, ll_ticket_of(watch->owner), watch,
                        &event->watch.events[i]);
    }
}

/** Whether a waiting ticket has something to watch in a slot. */
static bool ticket_has_key(const struct ll_ticket *ticket, unsigned slot)
{
    return slot == LL_WATCH_OWN ||
           (slot == LL_WATCH_AHEAD ? ticket->ahead_key != NULL
                                   : ll_permits_key(ticket, slot).size > 0);
}

static void ticket_on_off(struct ll_core *core, struct ll_watch *watch)
{
    struct ll_ticket *ticket = ll_ticket_of(watch->owner);

    if (ticket->state == LL_TICKET_REAP && watch->slot == LL_WATCH_OWN) {
        ll_watch_want(core, watch);
    } else if (ticket->state == LL_TICKET_WAIT &&
               ticket_has_key(ticket, watch->slot)) {
        ll_watch_want(core, watch);
    } else if (ticket->state == LL_TICKET_GONE) {
        ll_object_report(core, &ticket->object); /* freed there */
    }
}

void ll_ticket_on_unwatched(struct ll_core *core,
                            struct ll_ticket *ticket,
                            unsigned slot,
                            enum ll_outcome outcome)
{
    bool refused = outcome == LL_OUTCOME_REFUSED;

    switch (ticket->state) {
    case LL_TICKET_WAIT:
    case LL_TICKET_DELAYED:
    case LL_TICKET_NEXT:
        if (refused) {
            ll_ticket_fail(core, ticket, LEASELOCK_E_REFUSED, "");
            break;
        }
        /* fall through */
    case LL_TICKET_HELD:
    case LL_TICKET_REAP:
        /* The slow re-check alone does what the watch would do at once: for
         * good without the permission, else until it is requested again. */
        if (!refused) {
            ticket->watch_ns = core->now_ns + LL_WATCH_REFUSED_PAUSE_NS;
            if (slot == LL_WATCH_AHEAD) {
                ll_delay_on_refused(ticket);
            }
        }
        ticket->read_ns = ll_min(ticket->read_ns, ll_ticket_recheck_ns(core));
        if (ticket->state == LL_TICKET_WAIT && slot == LL_WATCH_OWN &&
            (ll_ticket_is_behind_permits(ticket) ||
             !ticket->watches[LL_WATCH_AHEAD].settled)) {
            /* The gap read of the other watch has waited for this one. */
            ll_ticket_on_watched(core, ticket);
        }
        ll_ticket_update(core, ticket);
        break;
    case LL_TICKET_ENQUEUE:
    case LL_TICKET_LOST:
    case LL_TICKET_LEAVE:
    case LL_TICKET_GONE:
        break;
    }
}

static void ticket_on_refused(struct ll_core *core,
                              struct ll_watch *watch,
                              enum ll_outcome outcome)
{
    struct ll_ticket *ticket = ll_ticket_of(watch->owner);

    ll_ticket_on_unwatched(core, ticket, watch->slot, outcome);
    if (ticket->state == LL_TICKET_GONE) {
        ticket_on_off(core, watch);
    }
}

static void watch_ahead(struct ll_core *core, struct ll_ticket *ticket)
{
    if (ll_ticket_is_behind_permits(ticket)) {
        ll_permits_want(core, ticket);
    } else if (ticket->watches[LL_WATCH_AHEAD].state == LL_WATCH_OFF) {
        ll_watch_want(core, &ticket->watches[LL_WATCH_AHEAD]);
    }
}

void ll_ticket_want_watches(struct ll_core *core, struct ll_ticket *ticket)
{
    bool waits =
        ticket->state == LL_TICKET_WAIT || ticket->state == LL_TICKET_NEXT;

    ticket->watch_ns = LL_NEVER;
    if (!waits ||
        (!ll_permits_watch_own(ticket) &&
         core->tickets.waiting_n < core->config.contention_threshold)) {
        ll_ticket_watch_own_at(core, ticket, 0);
    }
    if (ticket->state == LL_TICKET_WAIT) {
        watch_ahead(core, ticket);
    }
}

void ll_ticket_watch_wait(struct ll_core *core, struct ll_ticket *ticket)
{
    if (!ll_permits_watch_own(ticket) &&
        core->tickets.waiting_n < core->config.contention_threshold) {
        ll_ticket_watch_own_at(core, ticket,
                               ticket->one_left ? 0 : LL_WATCH_OWN_NS);
    }
    watch_ahead(core, ticket);
}

void ll_ticket_watch_own_at(struct ll_core *core,
                            struct ll_ticket *ticket,
                            int64_t delay_ns)
{
    struct ll_watch *own = &ticket->watches[LL_WATCH_OWN];

    if (own->state == LL_WATCH_OFF && delay_ns > 0) {
        ticket->watch_ns = ll_min(ticket->watch_ns, core->now_ns + delay_ns);
    } else if (own->state == LL_WATCH_OFF) {
        ll_watch_want(core, own);
    }
}

void ll_ticket_on_watch_down(struct ll_core *core, struct ll_ticket *ticket)
{
    switch (ticket->state) {
    case LL_TICKET_WAIT:
    case LL_TICKET_DELAYED:
    case LL_TICKET_HELD:
        /* When the watch exists again, a read closes the gap; until then the
         * slow re-check continues. */
        ll_call_none(core, &ticket->object);
        ticket->read_ns = ll_min(ticket->read_ns, ll_ticket_recheck_ns(core));
        ll_ticket_update(core, ticket);
        break;
    case LL_TICKET_REAP:
        if (ticket->token == 0) {
            ll_call_none(core, &ticket->object);
            ticket->read_ns =
                ll_min(ticket->read_ns, ll_ticket_recheck_ns(core));
            ll_ticket_update(core, ticket);
        }
        break;
    case LL_TICKET_NEXT:
    case LL_TICKET_ENQUEUE:
    case LL_TICKET_LOST:
    case LL_TICKET_LEAVE:
    case LL_TICKET_GONE:
        break;
    }
}

static void ticket_on_down(struct ll_core *core, struct ll_watch *watch)
{
    ll_ticket_on_watch_down(core, ll_ticket_of(watch->owner));
}

static struct ll_watch *ticket_find(struct ll_object *owner, unsigned slot)
{
    struct ll_ticket *ticket = ll_ticket_of(owner);

    return slot < LL_WATCH_SLOTS ? &ticket->watches[slot]
                                 : ll_permits_watch(ticket, slot);
}

static void ticket_create(struct ll_core *core,
                          struct ll_watch *watch,
                          struct ll_part *part,
                          struct ll_effect *effect)
{
    const struct ll_ticket *ticket = ll_ticket_of(watch->owner);

    (void)core;
    (void)part;
    effect->watch.key = ll_ticket_watched_key(ticket, watch->slot);
    if (watch->slot == LL_WATCH_AHEAD && ll_delay_is(ticket)) {
        effect->watch.start_revision = ticket->delay->since;
        effect->watch.prev_values = true;
    }
    effect->watch.puts = ticket->state == LL_TICKET_REAP ||
                         (ticket->yield != NULL && watch->slot == LL_WATCH_OWN);
    effect->watch.deletions = ticket->state != LL_TICKET_REAP;
}

const struct ll_watch_ops ll_ticket_watch_ops = LL_WATCH_OPS(ticket_find,
                                                             ticket_create,
                                                             ticket_on_created,
                                                             ticket_on_changed,
                                                             ticket_on_refused,
                                                             ticket_on_down,
                                                             ticket_on_off);
