/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "core/acquire_check.h"
#include "core/deadlock.h"
#include "core/keep.h"
#include "core/slot.h"
#include "core/ticket.h"
#include "core/ticket_open.h"
#include "core/write.h"
#include "leaselock/status.h"

/**
 * How a ticket begins: with a key that is to be made, or with one that another
 * process made.
 */

/** The watch_own_ms of a ticket, from an acquire's watch_own_ns. */
static uint32_t guard_ms_of(int64_t asked_ns)
{
    int64_t delay_ns = asked_ns == 0 ? LL_WATCH_OWN_NS : ll_max(asked_ns, 0);

    return (uint32_t)ll_min((delay_ns + LL_NS_PER_MS - 1) / LL_NS_PER_MS,
                            UINT32_MAX);
}

int ll_ticket_find_session(struct ll_core *core,
                           uint64_t id,
                           bool early,
                           struct ll_session **ret_session)
{
    struct ll_object *object = ll_object_find(core, id, &ll_session_ops);
    struct ll_session *session;

    if (object == NULL) {
        return LEASELOCK_E_HANDLE;
    }
    session = ll_session_of(object);
    switch (session->state) {
    case LL_SESSION_OPENING:
        if (session->gone || !early) {
            return LEASELOCK_E_STATE;
        }
        break;
    case LL_SESSION_LOST:
        return LEASELOCK_E_LOST;
    case LL_SESSION_CLOSING:
        return LEASELOCK_E_CLOSED;
    case LL_SESSION_ACTIVE:
    case LL_SESSION_SUSPECT:
        break;
    }
    if (core->tickets.n >= LL_TICKETS_MAX) {
        return LEASELOCK_E_LIMIT;
    }
    *ret_session = session;
    return 0;
}

int64_t ll_ticket_begin_ns(const struct ll_core *core,
                           const struct ll_session *session,
                           int64_t delay_ns)
{
    return ll_session_is_opening(session) ? LL_NEVER
                                          : ll_after(core->now_ns, delay_ns);
}

int64_t ll_try_time_ns(const struct ll_core *core)
{
    return core->config.request_timeout_ns *
           ll_min(core->endpoints.n, LL_TRY_ENDPOINTS);
}

/** Sends the first request. */
static void ticket_begin(struct ll_core *core,
                         struct ll_ticket *ticket,
                         int64_t timeout_ns,
                         int64_t delay_ns)
{
    if (timeout_ns == 0) {
        ticket->try_only = true;
        ticket->timeout_ns = ll_after(core->now_ns, ll_try_time_ns(core));
    } else if (timeout_ns > 0) {
        ticket->timeout_ns = ll_after(core->now_ns, timeout_ns);
    }
    ll_call_at(core, &ticket->object,
               ll_ticket_begin_ns(core, ticket->session, delay_ns));
    ll_object_reschedule(core, &ticket->object);
}

/** Takes the number of a new key.
 *  @param has_slot  whether the key is to have a slot; and whether it has one */
static uint64_t take_number(struct ll_core *core,
                            struct ll_session *session,
                            struct ll_bytes name,
                            bool *has_slot,
                            uint16_t *ret_place)
{
    uint32_t hash = (uint32_t)ll_queue_hash(core, name);
    uint64_t number =
        *has_slot ? ll_number_take_slot(core, hash, ret_place) : 0;

    *has_slot = number > 0;
    return number > 0 ? number : ll_number_take(core, session, hash, ret_place);
}

/** What a new ticket with a key of its own is to have. */
struct ticket_plan {
    struct ll_session *session;
    struct ll_bytes name;
    struct ll_bytes value; /* of the key; of size 0: none yet */
    struct ll_bytes who;   /* in the key, or of size 0 */
    struct ll_mode mode;
    uint32_t delay_ms;
    size_t spare;  /* bytes for a longer key */
    bool has_slot; /* its key has one, if there is one */
    const struct ll_object_ops *ops;
    uint64_t id;
};

/** Makes a ticket with a key of its own; it is in no queue yet. */
static int ticket_make(struct ll_core *core,
                       const struct ticket_plan *plan,
                       struct ll_ticket **ret_ticket)
{
    bool has_slot = plan->has_slot;
    uint16_t place = LL_NUMBER_NO_PLACE;
    uint64_t number =
        take_number(core, plan->session, plan->name, &has_slot, &place);
    char key[LL_KEY_MAX + 1];
    size_t key_size =
        has_slot ? ll_key_make_slot(core->config.namespace, plan->name,
                                    ll_slot_first(core), number, plan->mode,
                                    plan->delay_ms, plan->who, key)
                 : ll_key_make(core->config.namespace, plan->name,
                               plan->session->lease, number, plan->mode,
                               plan->delay_ms, plan->who, key);
    struct ll_ticket *ticket = ll_ticket_new(
        (struct ll_bytes){key, key_size},
        plan->spare + (has_slot ? LL_KEY_MOVE_MAX : 0), plan->value);
    int status = LEASELOCK_E_NOMEM;

    if (ticket != NULL) {
        ticket->slot_number = has_slot ? (uint16_t)number : 0;
        ticket->has_slot = has_slot;
        ll_ticket_name(core, ticket, plan->name.size);
        status =
            ll_ticket_add(core, plan->session, ticket, plan->ops, plan->id);
    }
    if (status != 0) {
        ll_number_give(core, place);
        return status;
    }
    ticket->number = place;
    ticket->mode = plan->mode.kind;
    ticket->permits_max = plan->mode.permits & LL_PERMITS_MASK;
    *ret_ticket = ticket;
    return 0;
}

int ll_ticket_make_member(struct ll_core *core,
                          struct ll_session *session,
                          struct ll_bytes name,
                          struct ll_mode mode,
                          uint64_t id,
                          const struct ll_object_ops *ops,
                          int64_t watch_own_ns,
                          struct ll_ticket **ret_member)
{
    struct ticket_plan plan = {.session = session,
                               .name = name,
                               .value = {"", 0},
                               .who = {"", 0},
                               .mode = mode,
                               .has_slot = session->has_slots,
                               .ops = ops,
                               .id = id};
    int status;

    if (core->tickets.n >= LL_TICKETS_MAX) {
        return LEASELOCK_E_LIMIT;
    }
    status = ticket_make(core, &plan, ret_member);
    if (status == 0) {
        ll_keep_disturb(core, session, name, ll_queue_hash(core, name));
        (*ret_member)->watch_own_ms = guard_ms_of(watch_own_ns);
    }
    return status;
}

void ll_ticket_discard(struct ll_core *core, struct ll_ticket *member)
{
    ll_number_give(core, member->number);
    ll_link_remove(&member->link);
    core->tickets.n--;
    ll_object_leave(core, &member->object);
    ll_ticket_free(&member->object);
}

/** The ticket is marked as the one that leaves the deadlock. */
static void on_deadlock(struct ll_core *core, struct ll_ticket *ticket)
{
    ll_ticket_fail(core, ticket, LEASELOCK_E_DEADLOCK, "");
}

/** Makes the ticket of an acquire. */
static int ticket_make_asked(struct ll_core *core,
                             struct ll_session *session,
                             const struct ll_event *event,
                             struct ll_ticket **ret_ticket)
{
    bool keeps = event->acquire.keep_ns > 0;
    struct ticket_plan plan = {.session = session,
                               .name = event->acquire.name,
                               .value = event->acquire.value,
                               .who = event->acquire.who,
                               .mode = event->acquire.mode,
                               .delay_ms = event->acquire.lock_delay_ms,
                               .spare = keeps ? LL_KEEP_SPARE : 0,
                               .has_slot = session->has_slots && !keeps &&
                                           !event->acquire.has_lease,
                               .ops = &ll_ticket_ops,
                               .id = event->id};

    return ticket_make(core, &plan, ret_ticket);
}

int ll_ticket_acquire(struct ll_core *core, const struct ll_event *event)
{
    struct ll_session *session = NULL;
    struct ll_ticket *ticket = NULL;
    uint64_t hash = ll_queue_hash(core, event->acquire.name);
    int status =
        ll_name_check(event->acquire.name) != NULL
            ? LEASELOCK_E_NAME
            : ll_ticket_find_session(core, event->acquire.session,
                                     event->acquire.early &&
                                         event->acquire.timeout_ns != 0,
                                     &session);

    if (status == 0) {
        status = ll_acquire_check(event);
    }
    if (status == 0 && event->acquire.keep_ns > 0) {
        ticket = ll_keep_find_idle(core, session, event, hash);
        if (ticket != NULL) {
            return ll_ticket_take_idle(
                core, ticket, event, guard_ms_of(event->acquire.watch_own_ns));
        }
    }
    if (status == 0) {
        status = ticket_make_asked(core, session, event, &ticket);
    }
    if (status == 0 && event->acquire.yields &&
        !ll_yield_make(ticket, event->acquire.find_deadlock)) {
        ll_ticket_discard(core, ticket);
        status = LEASELOCK_E_NOMEM;
    }
    if (status == 0 && event->acquire.find_deadlock) {
        struct ll_deadlock_owner owner = {
            .slot = &ticket->deadlock, .ticket = ticket, .found = on_deadlock};

        status = ll_deadlock_begin(core, event->id + 1, &owner);
        if (status != 0) {
            ll_ticket_discard(core, ticket);
        }
    }
    if (status == 0 &&
        !ll_delay_foreign(ticket, event->acquire.foreign_delay_ms)) {
        ll_deadlock_end(core, ticket->deadlock);
        ll_ticket_discard(core, ticket);
        status = LEASELOCK_E_NOMEM;
    }
    if (status == 0 && !ll_ticket_keep(core, ticket, event, hash)) {
        ll_deadlock_end(core, ticket->deadlock);
        ll_ticket_discard(core, ticket);
        status = LEASELOCK_E_NOMEM;
    }
    if (status == 0) {
        ticket->finds_deadlock = event->acquire.find_deadlock;
        ticket->watch_own_ms = guard_ms_of(event->acquire.watch_own_ns);
        ticket_begin(core, ticket, event->acquire.timeout_ns,
                     event->acquire.delay_ns);
        if (ll_keep_is_lined(ticket)) {
            ll_call_none(core, &ticket->object);
            ll_ticket_update(core, ticket);
        }
    }
    return status;
}

/** The length of the name in a key: what is between the namespace and the last
 *  '/', if the session's lease or a slot, and a number follow; 0: the key is
 *  not of this library. */
static size_t key_name_size(struct ll_bytes namespace,
                            struct ll_bytes key,
                            const struct ll_session *session,
                            struct ll_key_place *ret_place)
{
    struct ll_bytes name;

    if (key.size > LL_KEY_MAX ||
        !ll_key_parse(key, session->lease, ret_place) ||
        !ret_place->has_number || ret_place->prefix.size <= namespace.size ||
        (namespace.size > 0 &&
         memcmp(key.data, namespace.data, namespace.size) != 0)) {
        return 0;
    }
    name = (struct ll_bytes){key.data + namespace.size,
                             ret_place->prefix.size - 1 - namespace.size};
    return ll_name_check(name) == NULL ? name.size : 0;
}

/** Whether a session has a ticket with a key: both would hold the lock. */
static bool has_ticket(struct ll_session *session, struct ll_bytes key)
{
    struct ll_link *at;

    for (at = session->tickets.next; at != &session->tickets; at = at->next) {
        if (ll_bytes_equal(
                ll_ticket_key(LL_CONTAINER(at, struct ll_ticket, link)), key)) {
            return true;
        }
    }
    return false;
}

int ll_ticket_resume(struct ll_core *core, const struct ll_event *event)
{
    struct ll_session *session = NULL;
    struct ll_ticket *ticket;
    struct ll_key_place place;
    struct ll_bytes name;
    size_t name_size;
    int status =
        ll_ticket_find_session(core, event->resume.session, false, &session);

    if (status != 0) {
        return status;
    }
    name_size = key_name_size(core->config.namespace, event->resume.key,
                              session, &place);
    if (name_size == 0) {
        return LEASELOCK_E_NAME;
    }
    if (has_ticket(session, event->resume.key)) {
        return LEASELOCK_E_STATE;
    }
    ticket =
        ll_ticket_new(event->resume.key, place.has_slot ? LL_KEY_MOVE_MAX : 0,
                      (struct ll_bytes){"", 0});
    if (ticket == NULL) {
        return LEASELOCK_E_NOMEM;
    }
    if (event->resume.yields && !ll_yield_make(ticket, false)) {
        ll_ticket_free(&ticket->object);
        return LEASELOCK_E_NOMEM;
    }
    ticket->has_slot = place.has_slot;
    ll_ticket_name(core, ticket, name_size);
    ticket->mode = place.mode.kind;
    ticket->permits_max = place.mode.permits & LL_PERMITS_MASK;
    ticket->resumes = true;
    ticket->resume_token = event->resume.token;
    ticket->watch_own_ms = guard_ms_of(event->resume.watch_own_ns);
    status = ll_ticket_add(core, session, ticket, &ll_ticket_ops, event->id);
    if (status == 0) {
        name =
            (struct ll_bytes){ticket->key + ticket->namespace_size, name_size};
        ll_keep_disturb(core, session, name, ll_queue_hash(core, name));
        ticket_begin(
            core, ticket,
            event->resume.timeout_ns == 0 ? 1 : event->resume.timeout_ns, 0);
    }
    return status;
}

int ll_ticket_write(struct ll_core *core, const struct ll_event *event)
{
    struct ll_object *object =
        ll_object_find(core, event->write.ticket, &ll_ticket_ops);

    /* Not for a member of a multi-lock: it may be held while others wait. */
    return object != NULL && !ll_keep_is_idle(ll_ticket_of(object))
               ? ll_write_ask(core, ll_ticket_of(object), event)
               : LEASELOCK_E_HANDLE;
}
