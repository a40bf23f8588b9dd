/* SPDX-License-Identifier: Apache-2.0 */
#include "core/keep.h"

#include <assert.h>
#include <string.h>

#include "base/alloc.h"
#include "core/keep_private.h"
#include "core/ticket.h"

/**
 * What happens to the key of a keep; keep_join.c has its new tickets, and
 * keep_watch.c finds out whether somebody else waits.
 */

/** An idle entry is taken, or leaves. */
static void end_idle(struct ll_core *core, struct ll_keep *keep)
{
    keep->entry->keeping->is_idle = false;
    keep->until_ns = LL_NEVER;
    ll_link_remove(&keep->idle);
    core->keeps.idle_n--;
}

/** Takes a ticket out of its keep. */
static void keeping_end(struct ll_ticket *ticket)
{
    struct ll_keeping *keeping = ticket->keeping;

    ticket->keeping = NULL;
    ll_link_remove(&keeping->link);
    ll_free(keeping);
}

void ll_keep_take(struct ll_core *core,
                  struct ll_ticket *entry,
                  struct ll_ticket *ticket)
{
    struct ll_keep *keep = entry->keeping->keep;
    uint32_t hold = entry->keeping->hold + 1;

    assert(keep->entry == entry && entry->state == LL_TICKET_HELD);
    if (entry->keeping->is_idle) {
        end_idle(core, keep);
    }
    if (ticket->keeping == NULL) {
        ticket->keeping = entry->keeping;
        ticket->keeping->ticket = ticket;
        entry->keeping = NULL;
    } else {
        keeping_end(entry);
        ll_link_remove(&ticket->keeping->link);
        ll_link_append(&keep->carriers, &ticket->keeping->link);
        ticket->keeping->is_lined = false;
    }
    ticket->keeping->hold = hold;
    core->stats.kept++;
    keep->entry = ticket;
    keep->ops->take(core, entry, ticket);
}

/** Enqueues a lined ticket. */
static void keeping_start(struct ll_core *core, struct ll_ticket *ticket)
{
    struct ll_keeping *keeping = ticket->keeping;
    struct ll_keep *keep = keeping->keep;

    keeping->is_lined = false;
    ll_link_remove(&keeping->link);
    ll_link_append(&keep->carriers, &keeping->link);
    keep->ops->start(core, ticket);
}

static void start_all(struct ll_core *core, struct ll_keep *keep)
{
    while (!ll_link_alone(&keep->lined)) {
        keeping_start(core, ll_keep_ticket_at(keep->lined.next));
    }
}

/** The first `n` lined tickets stay; the others enqueue, in their order. */
static void start_after(struct ll_core *core, struct ll_keep *keep, uint32_t n)
{
    struct ll_link *last = &keep->lined;

    while (n > 0 && last->next != &keep->lined) {
        last = last->next;
        n--;
    }
    while (last->next != &keep->lined) {
        keeping_start(core, ll_keep_ticket_at(last->next));
    }
}

/** Does what follows from a change of its tickets. */
static void keep_update(struct ll_core *core, struct ll_keep *keep)
{
    bool has_lined = !ll_link_alone(&keep->lined);

    if (has_lined &&
        !ll_session_is_alive(ll_keep_ticket_at(keep->lined.next)->session)) {
        return; /* its tickets end */
    }
    if (has_lined && ll_link_alone(&keep->carriers)) {
        keeping_start(core, ll_keep_ticket_at(keep->lined.next));
    }
    if (ll_link_alone(&keep->carriers) && ll_link_alone(&keep->lined)) {
        ll_keep_unwatch(core, keep);
    }
    ll_object_reschedule(core, &keep->object);
    ll_object_report(core, &keep->object); /* freed there, if it is over */
}

void ll_keep_stop(struct ll_core *core, struct ll_keep *keep, const char *why)
{
    struct ll_ticket *entry = keep->entry;

    ll_core_log(core, LL_LOG_KEEP_ENDED,
                (struct ll_log_fields){.lock = ll_keep_name(keep)},
                "%.*s is kept no longer: %s", (int)keep->prefix_size,
                keep->bytes, why);
    ll_keep_unwatch(core, keep);
    start_all(core, keep);
    if (entry != NULL && entry->keeping->is_idle) {
        end_idle(core, keep);
        keep->ops->leave(core, entry);
    } else if (entry != NULL) {
        keep->ops->guard(core, entry);
    }
    keep_update(core, keep);
}

void ll_keep_await(struct ll_core *core, struct ll_keep *keep, const char *why)
{
    if (keep->passes_max == 0 || keep->entry == NULL ||
        keep->entry->keeping->is_idle || !ll_keep_has_one_carrier(keep) ||
        ll_link_alone(&keep->lined)) {
        ll_keep_stop(core, keep, why);
        return;
    }
    ll_core_log(core, LL_LOG_KEEP_PASSES,
                (struct ll_log_fields){.lock = ll_keep_name(keep)},
                "%.*s is handed over here %u times at most: %s",
                (int)keep->prefix_size, keep->bytes, (unsigned)keep->passes_max,
                why);
    ll_keep_unwatch(core, keep);
    keep->ops->guard(core, keep->entry);
    keep->state = LL_KEEP_PASSING;
    start_after(core, keep, keep->passes_max);
    keep_update(core, keep);
}

void ll_keep_drop_idle(struct ll_core *core, struct ll_keep *keep)
{
    struct ll_ticket *entry = keep->entry;

    end_idle(core, keep);
    keep->ops->leave(core, entry);
}

void ll_keep_on_active(struct ll_core *core, struct ll_ticket *ticket)
{
    struct ll_keep *keep;

    if (!ll_keep_is_idle(ticket)) {
        return;
    }
    keep = ticket->keeping->keep;
    if (!ll_link_alone(&keep->lined) &&
        ll_keep_may_grant(core, ticket->session) &&
        ll_keep_is_last(core, keep, ticket->token)) {
        ll_keep_take(core, ticket, ll_keep_ticket_at(keep->lined.next));
    }
}

bool ll_keep_is_lined(const struct ll_ticket *ticket)
{
    return ticket->keeping != NULL && ticket->keeping->is_lined;
}

bool ll_keep_is_idle(const struct ll_ticket *ticket)
{
    return ticket->keeping != NULL && ticket->keeping->is_idle;
}

bool ll_keep_guards(const struct ll_ticket *ticket)
{
    return ticket->keeping != NULL && ticket->keeping->keep->entry == ticket &&
           ticket->keeping->keep->state == LL_KEEP_ALONE;
}

bool ll_keep_is_unreached(const struct ll_ticket *ticket)
{
    const struct ll_ticket *carrier;

    if (!ll_keep_is_lined(ticket) ||
        ll_link_alone(&ticket->keeping->keep->carriers)) {
        return false;
    }
    carrier = ll_keep_ticket_at(ticket->keeping->keep->carriers.next);
    return carrier->state == LL_TICKET_ENQUEUE && !carrier->answered_once &&
           (carrier->object.failures > 0 || carrier->lost_tries > 0);
}

uint32_t ll_keep_hold(const struct ll_ticket *ticket)
{
    return ticket->keeping != NULL ? ticket->keeping->hold : 1;
}

/** The entry leaves, or is lost. */
static void keep_end_passing(struct ll_core *core,
                             struct ll_keep *keep,
                             const struct ll_session *session)
{
    if (keep->state != LL_KEEP_PASSING) {
        return;
    }
    keep->state = LL_KEEP_PLAIN;
    if (ll_session_is_alive(session)) { /* else they end */
        start_all(core, keep);
    }
}

void ll_keep_on_state(struct ll_core *core, struct ll_ticket *ticket)
{
    struct ll_keep *keep;

    if (ticket->keeping == NULL) {
        return;
    }
    keep = ticket->keeping->keep;
    switch (ticket->state) {
    case LL_TICKET_ENQUEUE:
    case LL_TICKET_HELD: /* see ll_keep_on_grant */
        break;
    case LL_TICKET_WAIT:
    case LL_TICKET_DELAYED:
    case LL_TICKET_NEXT:
        if (keep->state == LL_KEEP_PLAIN) {
            start_all(core, keep); /* others may come before them otherwise */
        }
        break;
    case LL_TICKET_LOST:
    case LL_TICKET_LEAVE:
    case LL_TICKET_REAP:
    case LL_TICKET_GONE:
        if (keep->entry == ticket) {
            if (ticket->keeping->is_idle) {
                end_idle(core, keep);
            }
            keep->entry = NULL;
            keep_end_passing(core, keep, ticket->session);
        }
        if (!ll_session_is_alive(ticket->session)) {
            keep->pause_ns = 0; /* nothing follows */
        }
        keeping_end(ticket);
        keep_update(core, keep);
        break;
    }
}

void ll_keep_on_grant(struct ll_core *core, struct ll_ticket *ticket)
{
    struct ll_keep *keep;

    if (ticket->keeping == NULL) {
        return;
    }
    keep = ticket->keeping->keep;
    if (keep->entry != ticket) { /* its key is a new one */
        keep->entry = ticket;
        keep->version = 0;
        ticket->keeping->hold = 1;
    }
    if (keep->state == LL_KEEP_PLAIN && core->now_ns >= keep->pause_ns &&
        !core->watches.numbered) {
        ll_keep_watch(core, keep);
    }
    if (keep->state == LL_KEEP_PLAIN) {
        start_all(core, keep);
    }
}

/** Whether the key of a held ticket may stay when that is released, as far as
 *  its own requests are concerned. */
static bool is_settled(const struct ll_core *core,
                       const struct ll_ticket *ticket)
{
    return ticket->keeping->keep->entry == ticket &&
           ll_keep_may_grant(core, ticket->session) &&
           ticket->lost_tries == 0 && !ticket->leave_lost &&
           !ticket->version_open && !ticket->key_gone && ticket->writes_n == 0;
}

/** Whether it may be handed over although another session waits. */
static bool may_pass(const struct ll_core *core, const struct ll_ticket *ticket)
{
    const struct ll_keep *keep = ticket->keeping->keep;

    return keep->state == LL_KEEP_PASSING && !ll_link_alone(&keep->lined) &&
           is_settled(core, ticket);
}

/** Whether it may stay until somebody asks for it. */
static bool may_keep(const struct ll_core *core, const struct ll_ticket *ticket)
{
    const struct ll_keep *keep = ticket->keeping->keep;

    return ll_keep_has_one_carrier(keep) &&
           ll_keep_is_last(core, keep, ticket->token) &&
           is_settled(core, ticket);
}

/** The entry that was released first leaves if there are too many. */
static void bound_idle(struct ll_core *core)
{
    if (core->keeps.idle_n > LL_KEEP_IDLE_MAX) {
        ll_keep_drop_idle(
            core, LL_CONTAINER(core->keeps.idle.next, struct ll_keep, idle));
    }
}

bool ll_keep_release(struct ll_core *core, struct ll_ticket *ticket)
{
    struct ll_keep *keep;

    if (ticket->keeping == NULL) {
        return false;
    }
    keep = ticket->keeping->keep;
    if (may_pass(core, ticket)) {
        ll_keep_take(core, ticket, ll_keep_ticket_at(keep->lined.next));
        return true;
    }
    if (!may_keep(core, ticket)) {
        return false;
    }
    if (keep->settle_by_ns == LL_NEVER) {
        keep->settle_by_ns = core->now_ns + LL_KEEP_SETTLE_NS;
    }
    if (!ll_link_alone(&keep->lined)) {
        ll_keep_take(core, ticket, ll_keep_ticket_at(keep->lined.next));
        return true;
    }
    ticket->keeping->is_idle = true;
    if (keep->state == LL_KEEP_ALONE || keep->kept_since_ns == 0) {
        keep->kept_since_ns = core->now_ns;
    }
    keep->until_ns = ll_after(keep->kept_since_ns, keep->keep_ns);
    ll_link_append(&core->keeps.idle, &keep->idle);
    core->keeps.idle_n++;
    keep->ops->idle(core, ticket);
    ll_object_reschedule(core, &keep->object);
    bound_idle(core);
    return true;
}

void ll_keep_free(struct ll_ticket *ticket)
{
    ll_free(ticket->keeping);
    ticket->keeping = NULL;
}
