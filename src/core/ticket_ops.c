/* SPDX-License-Identifier: Apache-2.0 */
#include "base/alloc.h"
#include "core/blocker.h"
#include "core/keep.h"
#include "core/stats.h"
#include "core/ticket.h"
#include "core/try_ask.h"
#include "core/write.h"
#include "leaselock/status.h"

/**
 * The table of a ticket's operations, and those that no other file has: time,
 * reports, release.
 */

int ll_ticket_release(struct ll_core *core,
                      struct ll_object *object,
                      int64_t timeout_ns)
{
    struct ll_ticket *ticket = ll_ticket_of(object);

    if (ll_ticket_waits(ticket)) {
        ll_ticket_ask_release(core, ticket, timeout_ns);
        ll_ticket_fail(core, ticket, LEASELOCK_E_CANCELED, "");
        if (ll_delay_keeps_key(core, ticket)) {
            ll_ticket_report_released(core, ticket, 0);
        }
        ll_ticket_update(core, ticket);
        return 0;
    }
    if (ll_keep_is_idle(ticket)) {
        return LEASELOCK_E_HANDLE;
    }
    switch (ticket->state) {
    case LL_TICKET_HELD:
        ll_ticket_ask_release(core, ticket, timeout_ns);
        if (ll_keep_release(core, ticket)) {
            return 0;
        }
        ticket->leave_lost |= ll_writes_may_have_released(ticket);
        ll_ticket_leave(core, ticket);
        return 0;
    case LL_TICKET_LOST:
        ticket->release_asked = true;
        ll_ticket_end(core, ticket, LEASELOCK_E_LOST);
        return 0;
    case LL_TICKET_ENQUEUE:
    case LL_TICKET_WAIT:
    case LL_TICKET_DELAYED:
    case LL_TICKET_NEXT:
    case LL_TICKET_LEAVE:
    case LL_TICKET_REAP:
    case LL_TICKET_GONE:
        break;
    }
    return LEASELOCK_E_STATE;
}

static void ticket_time_out(struct ll_core *core, struct ll_ticket *ticket)
{
    bool opening = ll_session_is_opening(ticket->session);
    /* etcd has not answered, and there was time enough to detect that. */
    bool unreached = ticket->state == LL_TICKET_ENQUEUE &&
                     !ticket->answered_once &&
                     (ticket->try_only || ticket->object.failures > 0 ||
                      ticket->lost_tries > 0 || opening);
    bool lined_unreached = ll_keep_is_unreached(ticket);

    if (unreached && ticket->object.failures == 0 && ticket->lost_tries == 0 &&
        !opening) {
        ll_note_failure(core, core->endpoints.current, LL_GRPC_DEADLINE,
                        "no answer in time");
    }
    ll_ticket_fail(core, ticket,
                   unreached || lined_unreached ? LEASELOCK_E_UNAVAILABLE
                                                : LEASELOCK_E_TIMEOUT,
                   "");
}

static void ticket_on_session_open(struct ll_core *core,
                                   struct ll_object *object)
{
    if (ll_ticket_of(object)->state == LL_TICKET_ENQUEUE && object->seq == 0) {
        ll_call_at(core, object, core->now_ns);
        ll_object_reschedule(core, object);
    }
}

static void ticket_on_session_active(struct ll_core *core,
                                     struct ll_object *object)
{
    ll_keep_on_active(core, ll_ticket_of(object));
}

void ll_ticket_on_time(struct ll_core *core, struct ll_object *object)
{
    struct ll_ticket *ticket = ll_ticket_of(object);

    if (core->now_ns >= ticket->release_ns) {
        /* The delete is still retried in the background. */
        ll_ticket_report_released(core, ticket, LEASELOCK_E_OUTCOME_UNKNOWN);
    }
    if (core->now_ns >= ticket->timeout_ns && ll_ticket_waits(ticket)) {
        ticket_time_out(core, ticket);
    }
    if (core->now_ns >= ll_delay_end_ns(ticket)) {
        ll_delay_over(core, ticket);
    }
    if (core->now_ns >= ticket->watch_ns) {
        ll_ticket_want_watches(core, ticket);
    }
    if (core->now_ns >= ll_ticket_ask_ns(ticket)) {
        ll_ticket_ask_holder(core, ticket);
    }
    if (core->now_ns >= ticket->read_ns) {
        ll_try_on_time(core, ticket);
        ticket->read_ns = LL_NEVER;
        ticket->object.failures = 0;
        ll_call_at(core, &ticket->object, core->now_ns);
    }
}

int64_t ll_ticket_deadline_ns(const struct ll_core *core,
                              struct ll_object *object)
{
    struct ll_ticket *ticket = ll_ticket_of(object);

    (void)core;
    return ll_min(ll_min(ll_min(ticket->timeout_ns, ticket->release_ns),
                         ll_min(ticket->watch_ns, ticket->read_ns)),
                  ll_min(ll_ticket_ask_ns(ticket), ll_delay_end_ns(ticket)));
}

bool ll_ticket_is_over(const struct ll_ticket *ticket)
{
    return ticket->state == LL_TICKET_GONE &&
           ticket->watches[LL_WATCH_OWN].state == LL_WATCH_OFF &&
           ticket->watches[LL_WATCH_AHEAD].state == LL_WATCH_OFF &&
           ll_permits_are_off(ticket);
}

bool ll_ticket_next(struct ll_core *core,
                    struct ll_object *object,
                    struct ll_effect *ret_effect)
{
    struct ll_ticket *ticket = ll_ticket_of(object);
    struct ll_report *report = &ticket->report;
    const char *text =
        report->acquired_due
            ? ll_ticket_failure_text(core, ticket, report->acquire_status)
            : "";

    if (ll_report_next(core, object, report, text, ret_effect)) {
        if (ret_effect->kind == LL_EFFECT_ACQUIRED) {
            ll_stats_acquired(core, report,
                              (enum leaselock_stats_mode)ticket->mode,
                              ticket->try_only);
            ret_effect->acquired.blocker = ll_ticket_blocker(ticket);
        }
        return true;
    }
    if (ll_yield_next(ticket, ret_effect)) {
        return true;
    }
    ll_link_remove(&object->pending);
    if (ll_ticket_is_over(ticket)) {
        core->tickets.n--;
        ll_object_leave(core, object);
        ll_ticket_free(object);
    }
    return false;
}

void ll_ticket_free(struct ll_object *object)
{
    struct ll_ticket *ticket = ll_ticket_of(object);

    ll_permits_free(ticket);
    ll_keep_free(ticket);
    ll_free(ticket->delay);
    ll_yield_free(ticket->yield);
    ll_free(ticket->ahead_key);
    ll_free(ticket->value);
    ll_free(ticket);
}

static const struct ll_lease_ops ticket_lease_ops = LL_LEASE_OPS(
    ticket_on_session_open, ll_ticket_on_session_end, ticket_on_session_active);

const struct ll_object_ops ll_ticket_ops = LL_OBJECT_OPS(ll_ticket_free,
                                                         ll_ticket_on_time,
                                                         ll_ticket_deadline_ns,
                                                         ll_ticket_build,
                                                         ll_ticket_on_answer,
                                                         ll_ticket_next,
                                                         NULL,
                                                         ll_ticket_release,
                                                         NULL,
                                                         &ticket_lease_ops,
                                                         &ll_ticket_batch_ops,
                                                         &ll_ticket_watch_ops);
