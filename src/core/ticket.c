/* SPDX-License-Identifier: Apache-2.0 */
#include "core/ticket.h"

#include <assert.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "core/blocker.h"
#include "core/deadlock.h"
#include "core/keep.h"
#include "core/stats.h"
#include "core/write.h"
#include "leaselock/status.h"

static bool is_waiting(enum ll_ticket_state state)
{
    return state == LL_TICKET_WAIT || state == LL_TICKET_DELAYED ||
           state == LL_TICKET_NEXT;
}

void ll_ticket_go(struct ll_core *core,
                  struct ll_ticket *ticket,
                  enum ll_ticket_state state)
{
    core->tickets.waiting_n -= is_waiting(ticket->state) ? 1 : 0;
    core->tickets.waiting_n += is_waiting(state) ? 1 : 0;
    ll_stats_on_state(core, ticket, (int)state);
    ticket->state = state;
    if (ticket->surveyed) {
        ll_survey_leave(core, ticket);
    }
    ll_keep_on_state(core, ticket);
}

void ll_ticket_update(struct ll_core *core, struct ll_ticket *ticket)
{
    ll_object_reschedule(core, &ticket->object);
}

static void ticket_report_acquired(struct ll_core *core,
                                   struct ll_ticket *ticket,
                                   int status)
{
    assert(!ticket->acquire_reported);
    ticket->acquire_reported = true;
    ticket->timeout_ns = LL_NEVER;
    ll_deadlock_end(core, ticket->deadlock);
    ll_report_acquired(core, &ticket->object, &ticket->report, status);
}

void ll_ticket_report_released(struct ll_core *core,
                               struct ll_ticket *ticket,
                               int status)
{
    if (ticket->release_asked) {
        ticket->release_asked = false;
        ticket->release_ns = LL_NEVER;
        ll_report_released(core, &ticket->object, &ticket->report, status);
    }
}

static void ticket_drop_watches(struct ll_core *core, struct ll_ticket *ticket)
{
    ll_watch_drop(core, &ticket->watches[LL_WATCH_OWN]);
    ll_watch_drop(core, &ticket->watches[LL_WATCH_AHEAD]);
    ll_permits_drop(core, ticket);
    ticket->read_ns = LL_NEVER;
    ticket->watch_ns = LL_NEVER;
}

static void ticket_gone(struct ll_core *core, struct ll_ticket *ticket)
{
    /* No request can make or delete the key, or the lease gets no new keys. A
     * late delete of a key with a slot compares its token and its lease. */
    if ((ticket->lost_tries == 0 &&
         (!ticket->leave_lost || ticket->has_slot)) ||
        !ll_session_is_alive(ticket->session)) {
        ll_number_give(core, ticket->number);
    }
    ll_ticket_go(core, ticket, LL_TICKET_GONE);
    if (ticket->rejoin != NULL) { /* its session ends both */
        ticket->rejoin->rejoin = NULL;
        ticket->rejoin = NULL;
    }
    ll_writes_end(core, ticket);
    ticket->timeout_ns = LL_NEVER;
    ticket->release_ns = LL_NEVER;
    ticket->session = NULL;
    ll_link_remove(&ticket->link);
    if (!ll_link_alone(&ticket->group)) {
        ll_link_remove(&ticket->group);
        core->tickets.reaps_n--;
    }
    ll_call_none(core, &ticket->object);
    ticket_drop_watches(core, ticket);
    ll_object_report(core, &ticket->object); /* freed there */
    ll_ticket_update(core, ticket);
}

static void ticket_reap(struct ll_core *core, struct ll_ticket *ticket)
{
    ll_ticket_go(core, ticket, LL_TICKET_REAP);
    ticket->token = 0;
    ticket->marked = false;
    ll_free(ticket->value);
    ticket->value = NULL;
    ticket->has_seen = false;
    if (core->tickets.reaps_n >= LL_REAPS_MAX) {
        ll_core_log(core, LL_LOG_ATTEMPT_DROPPED, ll_log_none(),
                    "too many abandoned attempts: the oldest is not watched "
                    "for any more");
        ticket_gone(core, LL_CONTAINER(core->tickets.reaping.next,
                                       struct ll_ticket, group));
    }
    ll_link_append(&core->tickets.reaping, &ticket->group);
    core->tickets.reaps_n++;
    ll_call_none(core, &ticket->object);
    ticket_drop_watches(core, ticket);
    ll_ticket_want_watches(core, ticket);
    ll_ticket_update(core, ticket);
}

void ll_ticket_end(struct ll_core *core, struct ll_ticket *ticket, int status)
{
    if (ticket->rejoin != NULL && ll_session_is_alive(ticket->session)) {
        /* The key that it gives back may be left: see rejoin.h. */
        ll_ticket_go(core, ticket, LL_TICKET_LEAVE);
        ticket->object.failures = 0;
        ll_call_at(core, &ticket->object, core->now_ns);
        ll_ticket_update(core, ticket);
        return;
    }
    if (status == 0 && ticket->token == 0 && ticket->lost_tries > 0) {
        status = LEASELOCK_E_OUTCOME_UNKNOWN; /* the key may still appear */
    }
    ll_ticket_report_released(core, ticket, status);
    if (ticket->lost_tries > 0 && ll_session_is_alive(ticket->session)) {
        ticket_reap(core, ticket);
    } else {
        ticket_gone(core, ticket);
    }
}

void ll_ticket_leave(struct ll_core *core, struct ll_ticket *ticket)
{
    /* A key that is deleted before the delay is over would let others in. */
    int64_t end_ns = ll_delay_end_ns(ticket);

    assert(ticket->token > 0);
    ll_ticket_go(core, ticket, LL_TICKET_LEAVE);
    ll_writes_end(core, ticket);
    ticket->object.failures = 0;
    ticket_drop_watches(core, ticket);
    ll_call_at(core, &ticket->object,
               end_ns == LL_NEVER ? core->now_ns : end_ns);
    ll_ticket_update(core, ticket);
}

/** Leaves the queue, in whatever state the ticket is. */
static void ticket_withdraw(struct ll_core *core, struct ll_ticket *ticket)
{
    if (ticket->state == LL_TICKET_ENQUEUE) {
        if (ticket->object.in_flight) {
            return; /* the answer shows what to delete */
        }
        ll_ticket_end(core, ticket, 0);
    } else {
        ll_ticket_leave(core, ticket);
    }
}

void ll_ticket_expect(struct ll_ticket *ticket,
                      unsigned lost_tries,
                      bool is_given_up)
{
    ticket->lost_tries = (uint16_t)ll_min(lost_tries, LL_LOST_TRIES_MAX);
    if (is_given_up) {
        ticket->acquire_reported = true;
        ticket->report.acquire_status = LEASELOCK_E_CANCELED;
    }
}

void ll_ticket_ask_release(struct ll_core *core,
                           struct ll_ticket *ticket,
                           int64_t timeout_ns)
{
    ticket->release_asked = true;
    ticket->release_ns = ll_after(core->now_ns, timeout_ns);
    ll_ticket_update(core, ticket);
}

void ll_ticket_drop(struct ll_core *core,
                    struct ll_ticket *ticket,
                    unsigned lost_tries)
{
    ticket->lost_tries = (uint16_t)ll_min(lost_tries, LL_LOST_TRIES_MAX);
    switch (ticket->state) {
    case LL_TICKET_ENQUEUE:
        ticket->acquire_reported = true;
        ll_ticket_end(core, ticket, 0);
        break;
    case LL_TICKET_WAIT:
    case LL_TICKET_DELAYED:
    case LL_TICKET_NEXT:
        ticket->report.acquire_status = LEASELOCK_E_CANCELED;
        /* fall through */
    case LL_TICKET_HELD:
        ticket->acquire_reported = true;
        ll_ticket_leave(core, ticket);
        break;
    case LL_TICKET_LOST:
        ll_ticket_end(core, ticket, LEASELOCK_E_LOST);
        break;
    case LL_TICKET_LEAVE:
    case LL_TICKET_REAP:
    case LL_TICKET_GONE:
        break;
    }
}

void ll_ticket_fail(struct ll_core *core,
                    struct ll_ticket *ticket,
                    int status,
                    const char *why)
{
    ticket->report.why = why;
    ticket_report_acquired(core, ticket, status);
    ticket_withdraw(core, ticket);
}

void ll_ticket_grant(struct ll_core *core, struct ll_ticket *ticket)
{
    assert(ll_session_is_alive(ticket->session));
    assert(core->now_ns < ticket->session->deadline_ns);
    ll_log_granted(core, ticket);
    if (ticket->ahead_key != NULL && ll_ticket_is_exclusive(ticket)) {
        ll_queue_note_head(core, ticket);
    } /* else the next ticket counted one key ahead, and needs no note */
    ll_ticket_go(core, ticket, LL_TICKET_HELD);
    ticket->ahead = 0;
    ticket->read_ns = LL_NEVER;
    ll_call_none(core, &ticket->object);
    ll_watch_drop(core, &ticket->watches[LL_WATCH_AHEAD]);
    ll_permits_hold(core, ticket);
    ll_free(ticket->ahead_key);
    ticket->ahead_key = NULL;
    ll_ticket_watch_held(core, ticket);
    ticket_report_acquired(core, ticket, 0);
    ll_ticket_update(core, ticket);
    ll_keep_on_grant(core, ticket);
}

void ll_ticket_advance(struct ll_core *core,
                       struct ll_ticket *ticket,
                       int64_t revision,
                       bool own_stands)
{
    /* No other key was ahead, and none can get there any more. */
    ticket->is_first = ticket->state == LL_TICKET_WAIT &&
                       (ticket->one_left || ll_queue_knows_head(core, ticket));
    if (ticket->is_first && own_stands) {
        ll_ticket_grant(core, ticket);
        return;
    }
    ll_ticket_go(core, ticket, LL_TICKET_NEXT);
    ll_watch_drop(core, &ticket->watches[LL_WATCH_AHEAD]);
    ll_permits_drop(core, ticket);
    ticket->past_exclusive = false;
    ticket->read_ns = LL_NEVER;
    ticket->gone_revision = ll_max(revision, ticket->token);
    /* A server that numbers watches itself is etcd's grpc-proxy, which answers
     * a serializable range from memory, however old. */
    ticket->linearize = core->watches.numbered;
    ticket->object.failures = 0;
    ll_call_at(core, &ticket->object, core->now_ns);
    ll_ticket_update(core, ticket);
}

void ll_ticket_wait_for(struct ll_core *core,
                        struct ll_ticket *ticket,
                        const struct ll_kv *predecessor,
                        bool one_left,
                        int64_t ahead)
{
    ll_free(ticket->ahead_key);
    ticket->ahead_key =
        ll_alloc_copy(predecessor->key.data, predecessor->key.size);
    ticket->ahead_key_size = (uint32_t)predecessor->key.size;
    ticket->ahead_token = predecessor->create_revision;
    ticket->ahead_lease = predecessor->lease;
    ticket->one_left = one_left;
    ticket->ahead = ahead;
    ll_ticket_go(core, ticket, LL_TICKET_WAIT);
    if (ticket->ahead_key == NULL || !ll_delay_begin(ticket)) {
        ll_ticket_fail(core, ticket, LEASELOCK_E_NOMEM, "");
        return;
    }
    if (!ll_kv_is_ticket(predecessor, ll_ticket_prefix(ticket).size)) {
        ll_ticket_fail(core, ticket, LEASELOCK_E_NESTED, "");
        return;
    }
    ll_core_log(core, LL_LOG_TICKET_WAITS, ll_log_ticket(ticket),
                "%s waits for %s, %lld ahead", ticket->key, ticket->ahead_key,
                (long long)ahead);
    ticket->read_ns = ll_ticket_recheck_ns(core);
    ll_ticket_watch_wait(core, ticket);
    ll_ticket_update(core, ticket);
}

void ll_ticket_take_ahead(struct ll_core *core,
                          struct ll_ticket *ticket,
                          const struct ll_ahead *ahead,
                          int64_t count)
{
    if (ahead->newest != NULL) {
        int64_t permits = ahead->permits == NULL ? 0
                          : ahead->permits_count >= 0
                              ? ahead->permits_count
                              : (int64_t)ahead->permits->kvs_n;

        ll_ticket_wait_for(core, ticket, ahead->newest,
                           ahead->count == 1 && (ahead->permits == NULL ||
                                                 permits < ticket->permits_max),
                           count);
    } else if (ahead->permits != NULL) {
        ticket->ahead = count;
        ll_free(ticket->ahead_key);
        ticket->ahead_key = NULL;
        ticket->ahead_key_size = 0; /* its watch is not wanted again */
        ll_permits_see(core, ticket, ahead->permits, ahead->permits_count,
                       ahead->revision);
    } else {
        ll_ticket_grant(core, ticket);
    }
}

void ll_ticket_delay(struct ll_core *core, struct ll_ticket *ticket)
{
    struct ll_delay *delay = ticket->delay;
    struct ll_bytes key = {ticket->ahead_key, ticket->ahead_key_size};

    ll_core_log(
        core, LL_LOG_TICKET_DELAYED,
        ll_log_duration(ll_log_ticket(ticket), delay->ms * LL_NS_PER_MS),
        "%s is gone without a release: %s waits for %u ms more",
        ticket->ahead_key, ticket->key, (unsigned)delay->ms);
    delay->until_ns = core->now_ns + delay->ms * LL_NS_PER_MS;
    delay->asks = ll_delay_is_foreign_key(key, ticket->ahead_lease);
    ll_ticket_go(core, ticket, LL_TICKET_DELAYED);
    ll_watch_drop(core, &ticket->watches[LL_WATCH_AHEAD]);
    ticket->read_ns = LL_NEVER;
    ll_call_none(core, &ticket->object);
    if (delay->asks) {
        ticket->object.failures = 0;
        ll_call_at(core, &ticket->object, core->now_ns);
    } else {
        ticket->read_ns = ll_ticket_recheck_ns(core);
    }
    ll_ticket_watch_own_at(core, ticket, 0);
    ll_ticket_update(core, ticket);
}

/** A held ticket is lost. */
static void ticket_lose(struct ll_core *core,
                        struct ll_ticket *ticket,
                        enum leaselock_stats_loss loss)
{
    if (ll_keep_is_idle(ticket)) {
        ticket_gone(core, ticket); /* it has no user who is told */
        return;
    }
    ll_log_lost(core, ticket, ll_loss_text(core, loss));
    ll_ticket_go(core, ticket, LL_TICKET_LOST);
    ll_writes_end(core, ticket);
    ll_call_none(core, &ticket->object);
    ticket_drop_watches(core, ticket);
    ll_report_lost(core, &ticket->object, &ticket->report, loss);
    ll_ticket_update(core, ticket);
}

void ll_ticket_lose_key(struct ll_core *core, struct ll_ticket *ticket)
{
    switch (ticket->state) {
    case LL_TICKET_WAIT:
    case LL_TICKET_DELAYED:
    case LL_TICKET_NEXT:
        /* The lease may be revoked, which deletes its keys: renews it. */
        ll_session_beat_soon(core, ticket->session);
        ticket->report.why = ll_loss_text(core, LEASELOCK_STATS_LOSS_KEY);
        ticket_report_acquired(core, ticket, LEASELOCK_E_LOST);
        ll_ticket_end(core, ticket, 0);
        break;
    case LL_TICKET_HELD:
        if (ll_writes_may_have_released(ticket)) {
            ticket->key_gone = true;
            ll_watch_drop(core, &ticket->watches[LL_WATCH_OWN]);
            ll_permits_drop(core, ticket);
            ticket->read_ns = LL_NEVER;
            ticket->watch_ns = LL_NEVER;
        } else {
            ll_session_beat_soon(core, ticket->session);
            ticket_lose(core, ticket, LEASELOCK_STATS_LOSS_KEY);
        }
        break;
    case LL_TICKET_ENQUEUE:
    case LL_TICKET_LOST:
    case LL_TICKET_LEAVE:
    case LL_TICKET_REAP:
    case LL_TICKET_GONE:
        break;
    }
}

void ll_ticket_on_session_end(struct ll_core *core,
                              struct ll_object *object,
                              int status,
                              const char *why)
{
    struct ll_ticket *ticket = ll_ticket_of(object);

    ticket->report.silenced =
        status == LEASELOCK_E_LOST && ticket->session->silenced;
    if (ll_ticket_waits(ticket)) {
        ticket->report.why = why;
        ticket_report_acquired(core, ticket, status);
    }
    if (ticket->release_asked && status == LEASELOCK_E_CLOSED) {
        /* If the revoke was answered, the key is certainly gone. */
        status = ticket->session->close_status == 0
                     ? 0
                     : LEASELOCK_E_OUTCOME_UNKNOWN;
    }
    ll_ticket_report_released(core, ticket, status);
    if (ticket->state == LL_TICKET_HELD && status == LEASELOCK_E_LOST) {
        ticket_lose(core, ticket, ticket->session->loss);
    } else if (ticket->state != LL_TICKET_LOST || status != LEASELOCK_E_LOST) {
        ticket_gone(core, ticket);
    }
}
